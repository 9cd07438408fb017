"""Those who are measured, each in a process of its own that stands still while another is measured."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.workloads import Mode, Task
from pellucid.errors import PellucidError, nearest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Contender:
    """A library at a number of threads.

    Attributes:
        module: in `benchmarks.runners`.
        needs: the packages without which it does not take part.
    """

    library: str
    module: str
    threads: int
    needs: tuple[str, ...] = ()
    compiled: bool = False
    modes: tuple[Mode, ...] = ("training", "inference")

    @property
    def name(self) -> str:
        return f"{self.library}, {self.threads} thr"

    @property
    def own(self) -> bool:
        return self.module == "own"

    @property
    def installed(self) -> bool:
        return all(importlib.util.find_spec(name) for name in self.needs)


@dataclass(frozen=True)
class Measurement:
    """One run, in seconds: the mean of its steps, how long it took, and its processor time."""

    step: float
    wall: float
    work: float


PEERS: Final = ("torch", "compile", "jax", "onnx")


def contenders(peers: Iterable[str], cpus: int) -> list[Contender]:
    """Pellucid and the peers that are named, at 1 and 2 threads; JAX and ONNX Runtime at 2 and 1.

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
            "torch": Contender("PyTorch", "pytorch", threads, ("torch",)),
            "compile": Contender("torch.compile", "pytorch", threads, ("torch",), compiled=True),
            "jax": Contender("JAX jit", "xla", threads, ("jax",)),
            "onnx": Contender("ONNX Runtime", "onnx", threads, ("onnx", "onnxruntime"), modes=("inference",)),
        }
        chosen_contenders += [Contender("Pellucid", "own", threads), *(offered[name] for name in chosen)]
    return [c for c in chosen_contenders if c.installed]


class Process:
    """A worker (see worker.py) of one contender."""

    def __init__(self, contender: Contender) -> None:
        self.contender = contender
        count = str(contender.threads)
        named = ("PELLUCID_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        settings = {"PYTHONPATH": path, "TORCHINDUCTOR_COMPILE_THREADS": "1", **dict.fromkeys(named, count)}
        module = [sys.executable, "-m", "benchmarks.worker", contender.module, count, str(int(contender.compiled))]
        # A new session: Ctrl-C reaches the benchmark alone, which then ends its workers.
        self._process = subprocess.Popen(
            module,
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        if contender.module == "xla" and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, sorted(os.sched_getaffinity(0))[: contender.threads])
        self._stand(still=True)

    def prepare(self, task: Task) -> dict[str, Any]:
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
    """All contenders, each with its process from the first task on."""

    def __init__(self, contenders: Sequence[Contender]) -> None:
        self.contenders = tuple(contenders)
        self._processes: dict[Contender, Process] = {}

    def __enter__(self) -> Field:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.end()

    def process(self, contender: Contender) -> Process:
        if contender not in self._processes or self._processes[contender].ended:
            self._processes[contender] = Process(contender)
        return self._processes[contender]
