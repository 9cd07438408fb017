"""A process that measures when it is told to: JSON commands on its input, one answer a line on its output.

    python -m benchmarks.worker MODULE THREADS COMPILED

"prepare" builds a task and takes its first steps, "measure" continues for so many seconds and says how long a step
took.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import time
import warnings
from typing import Any

import numpy as np

from benchmarks.runners import Job, Steps
from benchmarks.workloads import Task

FIRST, NUMBERS = 5, 100
"""Steps whose losses are compared, and how many numbers of an output are."""

PR_SET_PDEATHSIG = 1

CHUNK, SECONDS = 64, {"training": 0.05, "inference": 0.01, "fit": 0.1}
"""Steps between two looks at the clock: so many, or as many as take so long. Of `fit` it is the epochs of one call: a
user's call has many where they are short."""


class Worker:
    def __init__(self, module: str, threads: int, compiled: bool) -> None:
        self._options: dict[str, Any] = {"threads": threads, "compiled": compiled}
        self._module = module
        self._steps: Steps | None = None
        self._chunk = 1

    def prepare(self, task: dict[str, Any]) -> dict[str, Any]:
        """Build, take the first steps: their losses (or outputs), the seconds until the first was done, and warnings.

        An epoch has another order in every library: there, the first steps are epochs of the first batch alone.
        """
        wanted = Task(**task)
        runner: Any = importlib.import_module(f"benchmarks.runners.{self._module}")
        job = Job.of(wanted, **self._options)
        compared = getattr(runner, "COMPARED", FIRST)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            start = time.perf_counter()
            self._steps = getattr(runner, wanted.mode)(job.first() if wanted.mode == "fit" else job)
            answers = self._steps(FIRST if wanted.mode == "fit" else 1).ravel()
            seconds = time.perf_counter() - start
            if wanted.mode == "inference":
                compared = NUMBERS
            elif wanted.mode == "training":
                answers = np.concatenate([answers, self._steps(FIRST - 1)])
            else:
                self._steps = runner.fit(job)
            self._settle(SECONDS[wanted.mode])
        notes = [str(w.message) for w in caught if self._module == "own" and w.category is RuntimeWarning]
        return {
            "answers": [float(a) for a in answers[:compared]],
            "first": seconds,
            "notes": list(dict.fromkeys(notes)),
        }

    def _settle(self, enough: float) -> None:
        """Find how many steps a call takes that takes so many seconds."""
        assert self._steps is not None
        self._chunk, seconds = 1, 0.0
        while self._chunk < CHUNK and seconds < enough:
            self._chunk *= 2
            start = time.perf_counter()
            self._steps(self._chunk)
            seconds = time.perf_counter() - start

    def measure(self, seconds: float) -> dict[str, Any]:
        """So many seconds of steps: the seconds of one, and of all of them by the clock and of processor time."""
        assert self._steps is not None
        start, work, done, passed = time.perf_counter(), time.process_time(), 0, 0.0
        while passed < seconds:
            self._steps(self._chunk)
            done += self._chunk
            passed = time.perf_counter() - start
        return {"step": passed / done, "wall": passed, "work": time.process_time() - work}


def main() -> None:
    module, threads, compiled = sys.argv[1:]
    if sys.platform == "linux":  # one that stands still would not see that its parent is gone: die with it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # what libraries print has no business in the answers
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(module, int(threads), compiled == "1")
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
