"""How long every network of the suite takes to compile: its first step in a new process."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.start import run

AIM: Final = 3.0
"""Seconds that no network's first step should take."""

_CODE: Final = """
import time
from benchmarks.runners import Job, own
from benchmarks.workloads import Task
job = Job.of(Task({workload!r}, {mode!r}, {batch}))
start = time.perf_counter()
own.{mode}(job{first})(1)
seconds = time.perf_counter() - start
"""


@dataclass(frozen=True)
class FirstStep:
    """Seconds from a network to the end of its first step of `fit`, and of its first prediction of one example.

    `fit` and `prediction` are with an empty code cache, `warm` is `fit` with a cache that has the code.
    """

    workload: str
    fit: float
    warm: float
    prediction: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def first_step(workload: str, environment: Mapping[str, str]) -> FirstStep:
    """Measure it, in three processes.

    Raises:
        PellucidError: a process ended before its step was done.
    """
    fit = _CODE.format(workload=workload, mode="fit", batch=0, first=".first()")
    prediction = _CODE.format(workload=workload, mode="inference", batch=1, first="")
    with tempfile.TemporaryDirectory() as folder:
        seconds = [run(code, environment, cache=Path(folder), own_clock=True)[0] for code in (fit, fit, prediction)]
    return FirstStep(workload, *seconds)
