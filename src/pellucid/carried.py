"""What a network's stateful layers carry from one batch to the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, PellucidError
from pellucid.once import Lock

Array = NDArray[Any]


class Carried:
    """The states after the last batch by path, "lstm_1.state" (n, units); none before the first, where they are 0.

    Attributes:
        sizes: how many units each state has, by path; empty where no layer is stateful.
        arrays: the states; replaced as a whole, never written into.
    """

    def __init__(self, sizes: Mapping[str, int], dtype: np.dtype[Any]) -> None:
        self.sizes, self._dtype = dict(sizes), dtype
        self.arrays: dict[str, Array] = {}
        self._lock = Lock()

    def feed(self, n: int) -> dict[str, Array]:
        """The inputs of a program for a batch of n examples.

        Raises:
            DataError: the states are those of another number of examples.
        """
        arrays = self.arrays
        if arrays and (carried := len(next(iter(arrays.values())))) != n:
            raise DataError(
                f"the batch has {n} examples, but the states that are carried are those of {carried}: row i of a batch "
                "continues row i of the batch before; give batches of one size, or call net.reset_states()"
            )
        zeros = {path: np.zeros((n, size), self._dtype) for path, size in self.sizes.items() if path not in arrays}
        return {f"{path}.before": (arrays or zeros)[path] for path in self.sizes}

    def take(self, outputs: dict[str, Array]) -> None:
        """Carry on what a program gave, which is taken out of its outputs."""
        if self.sizes:
            self.arrays = {path: outputs.pop(f"{path}.after") for path in self.sizes}

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let no other thread use the states meanwhile.

        Raises:
            PellucidError: another thread uses them.
        """
        if not self.sizes:
            yield
            return
        if not self._lock.acquire(blocking=False):
            raise PellucidError(
                "another thread uses the states that this network carries; wait for it, or give each thread a copy: "
                "copy.deepcopy(net)"
            )
        try:
            yield
        finally:
            self._lock.release()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """States that begin with 0, and those from before again afterwards."""
        kept, self.arrays = self.arrays, {}
        try:
            yield
        finally:
            self.arrays = kept

    def reset(self) -> None:
        """Begin with 0 again."""
        with self.used():
            self.arrays = {}

    def check_rows(self, n: int, batch_size: int) -> None:
        """Refuse examples that do not divide into batches of one size.

        Raises:
            DataError: with a size that would.
        """
        if self.sizes and n > batch_size and n % batch_size:
            raise DataError(
                f"{n} examples do not divide into batches of {batch_size}, and stateful layers carry the state of row "
                f"i from batch to batch: leave out the last {n % batch_size}, or give another batch_size"
            )
