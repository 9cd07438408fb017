"""A process that measures when it is told to: JSON commands on its input, one answer a line on its output.

    python -m benchmarks.worker MODULE THREADS COMPILED

"prepare" builds a task and takes its first steps, "measure" goes on for so many seconds and says how long a step took.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import time
from typing import Any

import numpy as np

from benchmarks.runners import Steps
from benchmarks.workloads import Task

FIRST = 5
"""Steps whose losses are compared."""

PR_SET_PDEATHSIG = 1

CHUNK, SECONDS = 64, 0.01
"""Steps between two looks at the clock: so many, or as many as take so long."""


class Worker:
    def __init__(self, module: str, threads: int, compiled: bool) -> None:
        self._options: dict[str, Any] = {"threads": threads, "compiled": compiled}
        self._module = module
        self._steps: Steps | None = None
        self._chunk = 1

    def prepare(self, task: dict[str, Any]) -> dict[str, Any]:
        """Build, take the first steps; the answer has their losses (or outputs)."""
        wanted = Task(**task)
        runner: Any = importlib.import_module(f"benchmarks.runners.{self._module}")
        net = wanted.network()
        x, y = wanted.data(net)
        if wanted.mode == "training":
            self._steps = runner.training(net, x, y, batch=wanted.examples, **self._options)
        else:
            self._steps = runner.inference(net, np.ascontiguousarray(x[: wanted.examples]), **self._options)
        assert self._steps is not None
        answers = self._steps(FIRST) if wanted.mode == "training" else self._steps(1)[:1].ravel()[:100]
        self._chunk, seconds = 1, 0.0
        while self._chunk < CHUNK and seconds < SECONDS:
            self._chunk *= 2
            start = time.perf_counter()
            self._steps(self._chunk)
            seconds = time.perf_counter() - start
        return {"answers": [float(a) for a in answers]}

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
