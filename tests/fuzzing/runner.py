"""Cases by their seeds in processes of their own, so that one that crashes or hangs does not end the others."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

CASES = 200
"""So many cases a process examines: code that was compiled stays in memory."""


@dataclass(frozen=True)
class Outcome:
    """What was found for a seed: `fault` is a text to print, or "" where all is well; `notes` are counted. `examined`
    is False where the process crashed or hung."""

    seed: int
    fault: str = ""
    notes: tuple[str, ...] = ()
    examined: bool = True


Examine = Callable[[int], Outcome]


@dataclass
class Worker:
    """A process that examines one seed after the other."""

    examine: Examine
    seed: int | None = None
    began: float = 0.0
    done: int = 0
    process: SpawnProcess = field(init=False)
    pipe: Connection = field(init=False)

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.examine), daemon=True)
        self.process.start()
        theirs.close()
        try:
            self.pipe.recv()
        except EOFError:
            raise RuntimeError(f"no process can be started for {self.examine.__module__}") from None

    def send(self, seed: int) -> None:
        self.seed, self.began = seed, time.monotonic()
        self.pipe.send(seed)

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _serve(pipe: Connection, examine: Examine) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one stops it
    pipe.send(None)
    while True:
        try:
            seed = pipe.recv()
        except EOFError:
            return
        pipe.send(examine(seed))


def outcomes(examine: Examine, seeds: Iterator[int], *, jobs: int, limit: float) -> Iterator[Outcome]:
    """The outcome of every seed, in the order in which they end.

    Args:
        examine: a function of a module, which the processes import.
        limit: how many seconds a case may take.
    """
    workers: list[Worker] = []
    try:
        while True:
            for worker in [w for w in workers if w.seed is None and w.done >= CASES]:
                worker.stop()
                workers.remove(worker)
            for worker in [w for w in workers if w.seed is None]:
                if (seed := next(seeds, None)) is not None:
                    worker.send(seed)
            while len(workers) < jobs and (seed := next(seeds, None)) is not None:
                workers.append(Worker(examine))
                workers[-1].send(seed)
            busy = [w for w in workers if w.seed is not None]
            if not busy:
                return
            for worker in busy:
                outcome = _outcome(worker, limit)
                if outcome is not None:
                    yield outcome
                    if not worker.process.is_alive():
                        workers.remove(worker)
            wait([w.pipe for w in workers], timeout=0.5)
    finally:
        for worker in workers:
            worker.stop()


def _outcome(worker: Worker, limit: float) -> Outcome | None:
    """What a process that is at work has to say, if anything."""
    assert worker.seed is not None
    seed = worker.seed
    try:
        if worker.pipe.poll():
            outcome: Outcome = worker.pipe.recv()
            worker.seed, worker.done = None, worker.done + 1
            return outcome
    except (EOFError, OSError):
        worker.stop()
        return Outcome(seed, f"the process ended with {worker.process.exitcode}", examined=False)
    if time.monotonic() - worker.began > limit:
        worker.stop()
        return Outcome(seed, f"nothing came within {limit:.0f} s", examined=False)
    return None


def arguments(what: str, count: int) -> argparse.Namespace:
    """The arguments of a command that examines cases."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--count", type=int, default=count, help="how many cases; 0 is as many as there is time for")
    parser.add_argument("--seed", type=int, default=0, help="the seed of the first case")
    parser.add_argument("--seconds", type=float, default=0.0, help="when to stop; 0 is never")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    return parser.parse_args()


def command(
    examine: Examine,
    options: argparse.Namespace,
    *,
    limit: float = 600.0,
    source: Callable[[int], str] = lambda seed: "",
) -> int:
    """Examine cases, print what is wrong and at last the count; the exit status, 130 where a person stopped it.

    Args:
        limit: how many seconds a case may take.
        source: what to print of a case that crashed or hung.
    """
    began, faults, done, stopped = time.monotonic(), 0, 0, False
    notes: dict[str, int] = {}
    numbers = itertools.count(options.seed)
    seeds = itertools.takewhile(
        lambda seed: (
            (not options.count or seed < options.seed + options.count)
            and (not options.seconds or time.monotonic() - began < options.seconds)
        ),
        numbers,
    )
    try:
        for outcome in outcomes(examine, seeds, jobs=options.jobs, limit=limit):
            done += 1
            for note in outcome.notes:
                notes[note] = notes.get(note, 0) + 1
            if outcome.fault:
                faults += 1
                _clear()
                text = outcome.fault if outcome.examined else f"{outcome.fault}\n\n{source(outcome.seed)}"
                print(f"seed {outcome.seed}: {text}\n", flush=True)
            _show(done, options.count, faults, time.monotonic() - began)
    except KeyboardInterrupt:
        stopped = True
    _clear()
    summary = "".join(f", {count} {note}" for note, count in sorted(notes.items()))
    print(f"{done} cases from seed {options.seed}, {faults} with faults{summary}, {time.monotonic() - began:.0f} s")
    return 130 if stopped else 1 if faults else 0


def _show(done: int, count: int, faults: int, seconds: float) -> None:
    if sys.stderr.isatty():
        of = f" of {count}" if count else ""
        sys.stderr.write(f"\r\x1b[K{done}{of} cases, {faults} with faults, {done / max(seconds, 1e-9):.1f} a second")
        sys.stderr.flush()


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
