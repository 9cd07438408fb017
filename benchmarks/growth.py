"""How the time of a step grows with the batch, the length of a sequence, the width of a layer and the vocabulary."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from benchmarks.contenders import Field
from benchmarks.peak import Probe
from benchmarks.timing import Patience, Times, compare
from benchmarks.workloads import Task
from pellucid.errors import PellucidError

Quantity = Literal["batch", "length", "width", "vocabulary"]

_DOUBLED: Final = (16, 32, 64, 128, 256, 512, 1024, 2048)
SERIES: Final[tuple[tuple[str, Quantity, tuple[int, ...]], ...]] = (
    ("mlp", "batch", _DOUBLED),
    ("lenet", "batch", _DOUBLED),
    ("table32", "batch", _DOUBLED),
    ("mlp", "width", _DOUBLED),
    ("lstm", "width", (8, 32, 128, 512, 1024)),
    ("rnn", "length", (4, 8, 16, 32, 64, 128, 256, 512)),
    ("conv1d", "length", (64, 256, 1024, 4096, 8192)),
    ("transformer", "length", (4, 16, 64, 256, 512)),
    ("bilstm", "vocabulary", (256, 1024, 4096, 16384, 65536)),
    ("words", "vocabulary", (128, 512, 2048, 8192, 16384)),
)
"""Two decades of everything that can grow."""


@dataclass(frozen=True)
class Growth:
    """Seconds of a training step at each size; of all the runs, `runs`, others disturbed so many."""

    workload: str
    quantity: Quantity
    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    threads: int
    disturbed: int = 0
    runs: int = 0

    @property
    def exponent(self) -> float:
        """The slope on double logarithmic paper over the last factor of 8 or more: 1 is linear."""
        starts = [place for place, size in enumerate(self.sizes[:-1]) if 8 * size <= self.sizes[-1]]
        return self._slope(starts[-1] if starts else 0, -1)

    @property
    def steepest(self) -> float:
        """The largest slope between one size and the next."""
        return max(self._slope(place, place + 1) for place in range(len(self.sizes) - 1))

    def _slope(self, start: int, end: int) -> float:
        rise = math.log(self.seconds[end] / self.seconds[start])
        return rise / math.log(self.sizes[end] / self.sizes[start])

    def as_dict(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "quantity": self.quantity,
            "threads": self.threads,
            "sizes": list(self.sizes),
            "us": [s * 1e6 for s in self.seconds],
            "exponent": self.exponent,
            "steepest": self.steepest,
            "disturbed_runs": self.disturbed,
            "runs": self.runs,
        }


def growth(
    workload: str, quantity: Quantity, sizes: Sequence[int], field_: Field, probe: Probe, patience: Patience
) -> Growth:
    """Pellucid's step at each of the sizes, all else as usual.

    Raises:
        PellucidError: it cannot be measured at one of them.
    """
    own = Field([c for c in field_.contenders if c.own][-1:], field_.environment)
    times: list[Times] = []
    with own:
        for size in sizes:
            times.append(compare(_task(workload, quantity, size), own, probe, patience).times[0])
            if times[-1].error:
                raise PellucidError(f"{workload} with a {quantity} of {size}: {times[-1].error}")
    seconds = tuple(t.median for t in times)
    disturbed, runs = sum(t.disturbed for t in times), sum(len(t.runs) for t in times)
    return Growth(workload, quantity, tuple(sizes), seconds, own.contenders[0].threads, disturbed, runs)


def _task(workload: str, quantity: Quantity, size: int) -> Task:
    sizes: dict[str, Any] = {quantity: size}
    return Task(workload, **sizes)
