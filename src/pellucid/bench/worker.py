"""A process that measures when it is told to: JSON commands on its input, one answer a line on its output.

    python -m pellucid.bench.worker MODULE THREADS COMPILED

"prepare" builds a task and takes its first steps, "measure" takes so many more and says how long they took.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np

from pellucid.bench.runners import Steps
from pellucid.bench.workloads import Task

FIRST = 5
"""Steps whose losses are compared."""


class Worker:
    def __init__(self, module: str, threads: int, compiled: bool) -> None:
        self._options: dict[str, Any] = {"threads": threads, "compiled": compiled}
        self._module = module
        self._steps: Steps | None = None

    def prepare(self, task: dict[str, Any]) -> dict[str, Any]:
        """Build, take the first steps; the answer has their losses (or outputs) and the time of a step thereafter."""
        wanted = Task(**task)
        runner: Any = importlib.import_module(f"pellucid.bench.runners.{self._module}")
        net = wanted.network()
        x, y = wanted.data(net)
        if wanted.mode == "training":
            self._steps = runner.training(net, x, y, batch=wanted.examples, **self._options)
        else:
            self._steps = runner.inference(net, np.ascontiguousarray(x[: wanted.examples]), **self._options)
        assert self._steps is not None
        answers = self._steps(FIRST) if wanted.mode == "training" else self._steps(1)[:1].ravel()[:100]
        self.measure(1)
        return {"answers": [float(a) for a in answers], "seconds": self.measure(2)["seconds"]}

    def measure(self, steps: int) -> dict[str, Any]:
        """The seconds of one of so many steps."""
        assert self._steps is not None
        start = time.perf_counter()
        self._steps(steps)
        return {"seconds": (time.perf_counter() - start) / steps}


def main() -> None:
    module, threads, compiled = sys.argv[1:]
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
