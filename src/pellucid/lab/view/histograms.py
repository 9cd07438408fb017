"""How the numbers of a layer are distributed: at the step shown, and at the steps that are kept of the way there."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.explain import Trace, trace_examples
from pellucid.lab.protocol import answers, requests
from pellucid.lab.time.moments import Moment, put
from pellucid.lab.view.samples import Samples
from pellucid.messages import gettext
from pellucid.network import BaseNetwork

Array = NDArray[Any]

BATCH = 64
"""So many examples to learn from, from all over the set, give values and gradients."""
BINS = 32
COLUMNS = 40
"""So many steps are measured at most."""
KEPT = 2000
"""Columns that are remembered."""
PLAYING, RESTING = 0.03, 3.0
"""So many seconds go into the steps gone by, for one answer."""
Key = tuple[int, int, int, str, int | None]


class Histograms:
    """Measures at whatever moment. It puts `net`, its own, into that moment."""

    def __init__(self, net: BaseNetwork, samples: Samples) -> None:
        self._net, self._samples = net, samples
        self._lock = threading.Lock()
        self._known: OrderedDict[Key, answers.Histogram] = OrderedDict()

    def __call__(
        self, run: int, moment: Moment, kept: Sequence[Moment], asked: requests.HistogramsParams, *, playing: bool
    ) -> answers.Histograms:
        """The step shown, and of the steps that are kept those for which there is time; the others come later.

        Raises:
            PellucidError: there is no such value, or no such unit.
        """
        with self._lock:
            chosen = [one for one in _spread(kept, COLUMNS) if one.step < moment.step]
            until = time.monotonic() + (PLAYING if playing else RESTING)
            columns = [self._column(run, moment, asked)]
            missing = 0
            for one in _farthest_first(chosen):
                known = self._known.get((run, one.branch, one.step, asked.path, asked.unit))
                if known is None and time.monotonic() >= until:
                    missing += 1
                    continue
                columns.append(self._column(run, one, asked))
            columns.sort(key=lambda column: column["step"])
            return {
                "path": asked.path,
                "unit": asked.unit,
                "examples": 0 if asked.path in self._net.parameters else len(self._batch()[0]),
                "columns": columns,
                "missing": missing,
            }

    def _column(self, run: int, moment: Moment, asked: requests.HistogramsParams) -> answers.Histogram:
        key = (run, moment.branch, moment.step, asked.path, asked.unit)
        if key not in self._known:
            self._known[key] = histogram(self._values(moment, asked.path, asked.unit), moment.step)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]

    def _values(self, moment: Moment, path: str, unit: int | None) -> Array:
        value = np.asarray(moment.parameters[path] if path in self._net.parameters else self._trace(moment)[path])
        if unit is None:
            return value
        if value.ndim == 0 or unit >= value.shape[-1]:
            raise DataError(
                gettext(
                    "{path} has the shape {shape}, so there is nothing at {index}",
                    path=path,
                    shape=tuple(value.shape),
                    index=[unit],
                )
            )
        return value[..., unit]

    def _trace(self, moment: Moment) -> Trace:
        put(self._net, moment.parameters)
        return trace_examples(self._net, self._samples.arrays(*self._batch()), [self._samples.goal])

    def _batch(self) -> tuple[Array, Array]:
        return self._samples.spread("train", self._samples.affordable(BATCH))[1]


def histogram(values: Array, step: int) -> answers.Histogram:
    """Over the finite numbers: how many lie in each of equal parts between the smallest and the largest."""
    numbers = values.astype(np.float64).reshape(-1)
    finite = numbers[np.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    counts = np.histogram(finite, BINS, (low, high))[0] if high > low else np.array([finite.size])
    return {
        "step": step,
        "low": low,
        "high": high,
        "mean": float(finite.mean()) if finite.size else 0.0,
        "std": float(finite.std()) if finite.size else 0.0,
        "counts": counts.astype(np.int32),
        "lost": int(numbers.size - finite.size),
    }


def _spread(moments: Sequence[Moment], count: int) -> list[Moment]:
    """At most so many, evenly from the first to the last."""
    if not moments:
        return []
    return [
        moments[place] for place in np.unique(np.linspace(0, len(moments) - 1, min(count, len(moments))).astype(int))
    ]


def _farthest_first(moments: Sequence[Moment]) -> list[Moment]:
    """The ends, then the middle, then the middles of the halves: whenever it ends, the gaps are even."""
    order = sorted(range(len(moments)), key=lambda k: (-(k & -k) if k else -(1 << 30), k))
    return [moments[k] for k in order]
