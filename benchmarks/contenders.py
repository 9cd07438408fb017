"""Those who are measured, each in a process of its own that stands still while another is measured."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.workloads import WORKLOADS, Mode, Task
from pellucid.errors import PellucidError, nearest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Contender:
    """A library at a number of threads.

    Attributes:
        module: in `benchmarks.runners`.
        needs: the packages without which it does not take part.
        modes: what it can do, and what of it is measured.
        tables: whether it has networks for tables alone.
    """

    library: str
    module: str
    threads: int
    needs: tuple[str, ...] = ()
    compiled: bool = False
    modes: tuple[Mode, ...] = ("training", "inference")
    tables: bool = False

    @property
    def name(self) -> str:
        return f"{self.library}, {self.threads} thr"

    @property
    def own(self) -> bool:
        return self.module == "own"

    @property
    def installed(self) -> bool:
        return all(importlib.util.find_spec(name) for name in self.needs)

    def takes(self, task: Task) -> bool:
        """Whether it can do this."""
        return task.mode in self.modes and (WORKLOADS[task.workload].table or not self.tables)


@dataclass(frozen=True)
class Measurement:
    """One run, in seconds: the mean of its steps, how long it took, and its processor time."""

    step: float
    wall: float
    work: float


PEERS: Final = ("torch", "compile", "jax", "onnx", "sklearn")
"""By the names that people choose them by; "compile" is PyTorch's compiler, and is left out of quick benchmarks."""
EVERYTHING: Final[tuple[Mode, ...]] = ("training", "fit", "inference")


def contenders(peers: Iterable[str], cpus: int) -> list[Contender]:
    """Pellucid and the peers that are named, at 1 and 2 threads.

    torch.compile takes part in training alone, and on all CPUs alone: it takes up to minutes before its first step.

    Raises:
        PellucidError: no peer has this name.
    """
    chosen = list(peers)
    for name in chosen:
        if name not in PEERS:
            raise PellucidError(f'there is no peer "{name}"; choose of {", ".join(PEERS)}.{nearest(name, PEERS)}')
    counts = [1, 2] if cpus > 1 else [1]
    chosen_contenders: list[Contender] = []
    for threads in counts:
        offered = {
            "torch": Contender("PyTorch", "pytorch", threads, ("torch",), modes=EVERYTHING),
            "compile": Contender("torch.compile", "pytorch", threads, ("torch",), compiled=True, modes=("training",)),
            "jax": Contender("JAX jit", "xla", threads, ("jax",)),
            "onnx": Contender("ONNX Runtime", "onnx", threads, ("onnx", "onnxruntime"), modes=("inference",)),
            "sklearn": Contender(
                "scikit-learn", "scikit", threads, ("sklearn", "threadpoolctl"), modes=EVERYTHING, tables=True
            ),
        }
        own = Contender("Pellucid", "own", threads, modes=EVERYTHING)
        chosen_contenders += [own, *(offered[n] for n in chosen if n != "compile" or threads == counts[-1])]
    return [c for c in chosen_contenders if c.installed]


class Process:
    """A worker (see worker.py) of one contender.

    Args:
        environment: what its environment has beside that of this process.
    """

    def __init__(self, contender: Contender, environment: Mapping[str, str] | None = None) -> None:
        self.contender = contender
        count = str(contender.threads)
        named = ("PELLUCID_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        first = (environment or {}).get("PYTHONPATH")
        self.settings = {
            "TORCHINDUCTOR_COMPILE_THREADS": "1",
            **dict.fromkeys(named, count),
            **(environment or {}),
            "PYTHONPATH": os.pathsep.join(filter(None, [first, str(ROOT), os.environ.get("PYTHONPATH")])),
        }
        module = [sys.executable, "-m", "benchmarks.worker", contender.module, count, str(int(contender.compiled))]
        # A new session: Ctrl-C reaches the benchmark alone, which then ends its workers.
        self._process = subprocess.Popen(
            module,
            env={**os.environ, **self.settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        if contender.module.startswith("xla") and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, sorted(os.sched_getaffinity(0))[: contender.threads])
        self._stand(still=True)

    def prepare(self, task: Task) -> dict[str, Any]:
        """Build the task and take its first steps; what the worker says of them (see worker.py)."""
        return self._ask({"do": "prepare", "task": task.as_dict()})

    def measure(self, seconds: float) -> Measurement:
        """A run of so many seconds, or of a step if that takes longer.

        Raises:
            PellucidError: the worker cannot.
        """
        answer = self._ask({"do": "measure", "seconds": seconds})
        if "error" in answer:
            raise PellucidError(f"{self.contender.name}: {answer['error']}")
        return Measurement(**answer)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stand(still=False)
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except (BrokenPipeError, ValueError):  # it has ended, or was ended
            line = ""
        self._stand(still=True)
        return dict(json.loads(line)) if line else {"error": "its process ended"}

    def _stand(self, *, still: bool) -> None:
        """Threads of OpenMP and ONNX Runtime spin for a while after their work, on the cores of whoever comes next."""
        if hasattr(signal, "SIGSTOP") and self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)


class Field:
    """All contenders, each with its process from the first task on, in the same environment."""

    def __init__(self, contenders: Sequence[Contender], environment: Mapping[str, str] | None = None) -> None:
        self.contenders = tuple(contenders)
        self.environment = dict(environment or {})
        self._processes: dict[Contender, Process] = {}

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.end()

    def process(self, contender: Contender) -> Process:
        if contender not in self._processes or self._processes[contender].ended:
            self._processes[contender] = Process(contender, self.environment)
        return self._processes[contender]
