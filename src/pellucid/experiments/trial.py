"""What a measurement is given: how thorough to be, its seeds, and where to leave the weights it ends with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import as_array
from pellucid.data import Series
from pellucid.network import BaseNetwork

T = TypeVar("T")
Report = Callable[[int, int, str], None]
"""Told how many parts are done, of how many, and which part begins."""


class Trial:
    """One run of an experiment.

    Args:
        quick: a short version, with fewer seeds and examples, which shows that the experiment works.
        series: a time series of the user's own, for the claims that look at one.
        report: who is told how far the measurement is.

    Attributes:
        seeds_used: the seeds that the measurement took, in order.
    """

    def __init__(self, *, quick: bool = False, series: Series | None = None, report: Report | None = None) -> None:
        self.quick, self.series = quick, series
        self.seeds_used: list[int] = []
        self._report = report or (lambda done, total, part: None)
        self._done = self._total = 0
        self._hash = hashlib.sha256()
        self._kept = 0

    def seeds(self, full: int, quick: int = 3) -> list[int]:
        """The seeds to repeat the measurement with: 0, 1, 2, …"""
        chosen = list(range(quick if self.quick else full))
        self.seeds_used += [seed for seed in chosen if seed not in self.seeds_used]
        return chosen

    def each(self, cases: Iterable[T], name: Callable[[T], str] = str) -> Iterator[T]:
        """The cases one after the other, each a part of the progress that is shown."""
        listed = list(cases)
        self._total += len(listed)
        for case in listed:
            self._report(self._done, self._total, name(case))
            yield case
            self._done += 1
        self._report(self._done, self._total, "")

    def keep(self, name: str, what: BaseNetwork | NDArray[Any]) -> None:
        """Count the weights of a trained network, or an array that an engine computed, into the digest.

        Not what scikit-learn computed, and no time: these differ from machine to machine.
        """
        arrays = what.parameters.snapshot() if isinstance(what, BaseNetwork) else {"": as_array(what)}
        for path, array in arrays.items():
            ordered = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
            self._hash.update(f"{name}/{path} {array.dtype.name} {array.shape}\n".encode())
            self._hash.update(ordered.tobytes())
        self._kept += 1

    @property
    def digest(self) -> str | None:
        """SHA-256 over all that was kept, in order; None if nothing was."""
        return self._hash.hexdigest() if self._kept else None
