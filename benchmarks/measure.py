"""Times of training steps, Pellucid's and others', alternating in one run, against what the machine can do in the
same run."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from threading import Thread

import numpy as np
from benchmarks.peers import Steps
from benchmarks.workloads import Workload

from pellucid.engines.llvm.math import LANES, declarations
from pellucid.engines.llvm.module import ATTRIBUTES
from pellucid.engines.llvm.native import Library, host, object_code
from pellucid.engines.llvm.runtime import Executable
from pellucid.functions.updates import Adam
from pellucid.training import steps as programs
from pellucid.training import targets


@dataclass
class Times:
    """Seconds a step of one contender, a number for each round."""

    name: str
    rounds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return median(self.rounds)


class Probe:
    """How fast the machine multiplies and adds at best: independent chains of fused products, nothing else."""

    CHAINS, ROUNDS = 16, 40_000

    def __init__(self) -> None:
        v = f"<{LANES} x float>"
        names = range(self.CHAINS)
        body = [f"  %a{k} = phi {v} [ zeroinitializer, %entry ], [ %b{k}, %loop ]" for k in names]
        call = f"call {v} @llvm.fma.v{LANES}f32"
        body += [f"  %b{k} = {call}({v} %a{k}, {v} splat (float 0.5), {v} splat (float 1.0))" for k in names]
        total = ["  %s0 = fadd " + v + " %b0, %b1"]
        total += [f"  %s{k} = fadd {v} %s{k - 1}, %b{k + 1}" for k in range(1, self.CHAINS - 1)]
        lines = ["define void @peak(i64 %n, ptr %to) #0 {", "entry:", "  br label %loop", "loop:"]
        lines += ["  %i = phi i64 [ 0, %entry ], [ %j, %loop ]", *body, "  %j = add i64 %i, 1"]
        lines += ["  %more = icmp slt i64 %j, %n", "  br i1 %more, label %loop, label %end", "end:", *total]
        lines += [f"  store {v} %s{self.CHAINS - 2}, ptr %to, align 4", "  ret void", "}", ""]
        text = declarations("float") + "\n".join(lines) + ATTRIBUTES
        self._library = Library(object_code(text, host()), host())
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p)(self._library.address("peak"))

    def __call__(self, threads: int) -> float:
        """Floating-point operations a second, the best of three trials."""
        room = np.zeros((threads, LANES), np.float32)
        best = 0.0
        for _ in range(3):
            others = [Thread(target=self._run, args=(self.ROUNDS, room[k].ctypes.data)) for k in range(1, threads)]
            start = time.perf_counter()
            for thread in others:
                thread.start()
            self._run(self.ROUNDS, room[0].ctypes.data)
            for thread in others:
                thread.join()
            work = threads * self.ROUNDS * self.CHAINS * LANES * 2
            best = max(best, work / (time.perf_counter() - start))
        return best


def pellucid_steps(w: Workload, *, threads: int) -> Steps:
    """Training steps as `fit` does them: rows chosen by index, many steps in one call."""
    net = w.make()
    x, y = w.data()
    goals, labels = targets.goals(net, y, "crossentropy")
    program = programs.training_program(net, goals, Adam())
    slots = {name: np.zeros([a.size for a in t.axes]) for name, t in program.inputs.items() if ":" in name}
    session = Executable(program, np.dtype(np.float32), threads=threads).session({**net.parameters, **slots})
    data = {next(iter(net.input_shapes)): x, **labels}
    batches = len(x) // w.batch

    def steps(count: int) -> None:
        rows = np.stack([np.arange(w.batch) + k % batches * w.batch for k in range(count)])
        each = {"learning_rate": np.full(count, 1e-3), "step": np.arange(1, count + 1)}
        session.run(data, rows=rows, each=each)

    return steps


def alternate(contenders: Mapping[str, Steps], *, rounds: int, seconds: float) -> list[Times]:
    """Everybody's turn, round after round; a turn is so many steps that it lasts about `seconds`."""
    found = [Times(name) for name in contenders]
    counts: dict[str, int] = {}
    for name, steps in contenders.items():
        steps(2)
        start = time.perf_counter()
        steps(2)
        counts[name] = max(1, round(seconds / ((time.perf_counter() - start) / 2)))
    for _ in range(rounds):
        for times in found:
            count = counts[times.name]
            start = time.perf_counter()
            contenders[times.name](count)
            times.rounds.append((time.perf_counter() - start) / count)
    return found


def ratio(times: list[Times]) -> float:
    """The fastest peer's time over Pellucid's, the median over the rounds."""
    ours, *peers = times
    rounds = zip(*(t.rounds for t in (ours, *peers)), strict=True)
    return median(min(rest) / own for own, *rest in rounds) if peers else float("nan")
