"""What is looked at in a case: native code against the reference engine, and against itself.

Every step of a training begins with equal bits on both engines, so differences do not grow from step to step. A
difference is held against the change that the step makes, and where it is too large, against how much the reference
engine's own numbers change when its inputs do by a few roundings: a ReLU at 0, two numbers that share a maximum, or an
update that divides rounding by rounding change much, and are no fault.
"""

from __future__ import annotations

import os
import tempfile
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.fuzzing.cases import Case

import pellucid as pl
from pellucid.batches import shuffled
from pellucid.engines import Executable, compile_program
from pellucid.engines.llvm.run import executable as runtime
from pellucid.engines.llvm.run import worker_pool
from pellucid.formula import Program
from pellucid.formula.expressions import Index, Read, walk
from pellucid.training.evaluation import prepared
from pellucid.training.fit import prepare
from pellucid.training.inputs.feeds import inputs
from pellucid.training.programs import evaluation_step, gradient_step, prediction_step
from pellucid.training.running.loop import Loop

Array = NDArray[Any]
Arrays = Mapping[str, Array]

CLOSE = {"float32": 5e-4, "float64": 1e-9}
"""The largest difference, relative to the largest change (or number, where nothing changes) of a tensor."""
ROUNDING = {"float32": 5e-7, "float64": 2e-15}
"""What a number's own rounding may add, relative to the largest number of a tensor, and to the largest of all gradients
where it is one: many gradients are 0 but for rounding (a bias before a normalisation)."""
ZERO = {"float32": 2e-8, "float64": 4e-17}
"""What a gradient may be that is 0 but for rounding, a sixth of that of 1: of losses of about 1, with nothing else to
compare it with."""
NOISE = 1e-6
"""What of a tensor's largest gradient is no more than rounding."""
SLACK = 5
"""So many times what the reference engine's numbers change by themselves may be between it and native code."""
MOST_STEPS = 4
SQUARES = "clip.s"
"""How the sums of the squares of gradients are called in a trace."""


class Fault(Exception):
    """Native code is wrong: the check that says so, what differs, and which other exception came, if one did."""

    def __init__(self, check: str, text: str, kind: str = "") -> None:
        super().__init__(f"{check}: {text}")
        self.check, self.kind = check, kind

    def like(self, other: Fault) -> bool:
        """Whether it may be the same."""
        return (self.check, self.kind) == (other.check, other.kind)


@dataclass
class Report:
    """What was seen in a case beside faults: values that rounding makes uncertain, a training that diverged."""

    uncertain: list[str] = field(default_factory=list)
    diverged: bool = False


class Oracle:
    """A program by the reference engine, in float64 and in the case's dtype, at given inputs."""

    def __init__(self, program: Program, given: Arrays, dtype: str, *, trace: bool = False) -> None:
        runs = [compile_program(program, engine="reference", dtype=kind) for kind in ("float64", dtype)]
        self._exact, self._rounded = (run.trace if trace else run for run in runs)
        self._given, self._dtype = given, dtype
        self._statements = program.statements

    @cached_property
    def leaves_out(self) -> bool:
        """Whether the program reads what does not exist, the state before the first step, the border of an image, or
        what is cut off: native code leaves a product with that out, the reference engine multiplies by 0, and what is
        no number stays none."""
        parts = [e for s in self._statements for e in walk(s.expression)]
        return any(isinstance(e, Index) or (isinstance(e, Read) and e.outside is not None) for e in parts)

    @cached_property
    def values(self) -> dict[str, Array]:
        return _roots(self._exact(self._given))

    @cached_property
    def rounded(self) -> dict[str, Array]:
        return _roots(self._rounded(self._given))

    @cached_property
    def others(self) -> list[dict[str, Array]]:
        """The same with inputs that are a few roundings away."""
        eps = 4 * float(np.finfo(self._dtype).eps)
        found = [self.rounded]
        for seed in range(4):
            rng = np.random.default_rng(seed)
            moved = {name: _moved(array, eps, rng) for name, array in self._given.items()}
            found += [_roots(self._exact(moved)), _roots(self._rounded(moved))]
        return found

    def spread(self, name: str) -> float:
        """How far a tensor's elements lie apart in these."""
        with np.errstate(all="ignore"):
            return max(float(np.abs(other[name] - self.values[name]).max(initial=0.0)) for other in self.others)


def _moved(array: Array, eps: float, rng: np.random.Generator) -> Array:
    if np.asarray(array).dtype.kind != "f" or np.ndim(array) == 0:
        return array
    return array.astype(np.float64) * (1 + eps * rng.uniform(-1, 1, array.shape))


def agree(
    check: str,
    found: Arrays,
    oracle: Oracle,
    report: Report,
    dtype: str,
    before: Arrays | None = None,
    learned: Collection[str] = (),
) -> bool:
    """Hold numbers against the oracle's; False where they stop being finite on both sides.

    Args:
        before: the numbers that a step changes, by name.
        learned: the names of gradients, or of what they change.
    """
    finite = True
    largest: dict[str, float] = {}
    for name, b in oracle.values.items():
        if _group(name, learned) and name in found and b.dtype.kind == "f":
            size = float(np.abs(_change(name, b, before)).max(initial=0.0))
            largest[_group(name, learned)] = max(
                largest.get(_group(name, learned), 0.0), size if np.isfinite(size) else 0.0
            )
    for name, b in oracle.values.items():
        if name not in found:
            continue
        a = np.asarray(found[name])
        if a.shape != b.shape:
            raise Fault(check, f"{name} has the shape {a.shape}, the reference engine's has {b.shape}")
        if b.dtype.kind != "f":
            if not np.array_equal(a, b) and not any((o[name] != b).any() for o in oracle.others):
                raise Fault(check, f"{name} differs in {int((a != b).sum())} of {b.size} integers")
            continue
        a64, b64 = a.astype(np.float64), b.astype(np.float64)
        there = np.isfinite(a64) & np.isfinite(b64)
        if not there.all():
            finite = False
            fewer = oracle.leaves_out and np.isfinite(a64[np.isfinite(b64)]).all()
            if not fewer and not _not_finite_alike(a64, b64) and _not_finite_alike(oracle.rounded[name], b64):
                bad, expected = int((~np.isfinite(a64)).sum()), int((~np.isfinite(b64)).sum())
                raise Fault(
                    check,
                    f"{name} has {bad} numbers of {b.size} that are not finite, the reference engine's {expected}",
                )
            a64, b64 = np.where(there, a64, 0.0), np.where(there, b64, 0.0)
        noise = _noise(name, oracle.values, dtype)
        if noise is not None and noise.any():
            report.uncertain.append(f"{check} {name}")
            a64 = np.where(noise, b64, a64)
        change = float(np.abs(_change(name, b64, before)).max(initial=0.0))
        own = float(np.abs(b64).max(initial=0.0))
        allowed = CLOSE[dtype] * change + ROUNDING[dtype] * max(own, largest.get(_group(name, learned), 0.0))
        allowed += ZERO[dtype] if _group(name, learned) else 0.0
        differences = np.abs(a64 - b64)
        error = float(differences.max(initial=0.0))
        if error <= allowed:
            continue
        spread = oracle.spread(name)
        if error <= allowed + SLACK * spread or not np.isfinite(spread):
            report.uncertain.append(f"{check} {name}")
            continue
        at = tuple(int(k) for k in np.unravel_index(int(differences.argmax()), b.shape))
        raise Fault(
            check,
            f"{name}{list(at)} is {a64[at]:.9g}, the reference engine's is {b64[at]:.9g}; the difference is "
            f"{error:.3g}, {allowed:.3g} is allowed, and {spread:.3g} is rounding",
        )
    return finite


def _noise(name: str, values: Arrays, dtype: str) -> Array | None:
    """Where a parameter's gradient is nothing but rounding, beside its own largest or that of all, and its optimiser
    divides by the gradient's size, or takes its sign: what it takes for a step there is of any sign."""
    for slot in ("second_moment", "mean_square", "moment"):
        kept = values.get(f"{name}:{slot}")
        if kept is not None:
            size = np.abs(kept)
            every = max(float(np.abs(a).max(initial=0.0)) for other, a in values.items() if other.endswith(f":{slot}"))
            return size <= max(NOISE * float(np.abs(size).max(initial=0.0)), ROUNDING[dtype] * every)
    return None


def _not_finite_alike(a: Array, b: Array) -> bool:
    """Whether the same elements are NaN and infinite."""
    return np.array_equal(np.isnan(a), np.isnan(b)) and np.array_equal(a[np.isinf(a)], b[np.isinf(b)])


def _change(name: str, after: Array, before: Arrays | None) -> Array:
    """What a step makes of a parameter; anything else as it is."""
    return after - before[name] if before is not None and name in before and ":" not in name else after


def _group(name: str, learned: Collection[str]) -> str:
    """The gradients that a value is one of: what an optimiser remembers, what a trace calls d(…)."""
    if name in learned:
        return "learned"
    if ":" in name:
        return ":" + name.partition(":")[2]
    return next((group for group in ("d(", "clip.") if name.startswith(group)), "")


def _roots(values: Arrays) -> dict[str, Array]:
    """Mean squares and sums of squares as their roots, which are as large as the gradients."""
    squares = "second_moment", "mean_square"
    return {
        name: np.sqrt(a) if name.removesuffix("′").endswith(squares) or name.startswith(SQUARES) else a
        for name, a in values.items()
    }


def same_bits(check: str, one: Arrays, other: Arrays, what: str) -> None:
    for name, array in one.items():
        if np.asarray(array).tobytes() != np.asarray(other[name]).tobytes():
            a, b = np.asarray(array), np.asarray(other[name])
            raise Fault(check, f"{name} has other bits {what}: {int((a != b).sum())} of {a.size} elements differ")


class Subject:
    """A case and its network on the engine that is examined, the native one or XLA."""

    def __init__(self, case: Case, engine: str = "llvm", most_steps: int = MOST_STEPS) -> None:
        self.case, self.most_steps = case, most_steps
        self.x, self.y, self.options = case.data()
        self.native = case.network(engine)
        self.report = Report()

    def loop(self, net: pl.Network, *, schedule: bool = False, threads: int | None = None, **options: Any) -> Loop:
        """A training that has not begun."""
        case = self.case
        callbacks = [case.schedule.make()] if schedule and case.schedule is not None else []
        begun = prepare(net, self.x, self.y, **{**self.options, **options}, callbacks=callbacks, on_nonfinite="ignore")
        begun.run_step.threads = threads  # type: ignore[attr-defined]
        return begun

    def agree(self, check: str, found: Arrays, oracle: Oracle, before: Arrays | None = None) -> bool:
        learned = self.native.parameters.trainable if check in ("training", "gradients") else ()
        return agree(check, _roots(found), oracle, self.report, self.case.dtype, before, learned)

    def oracle(self, run: Executable, given: Arrays, *, trace: bool = False) -> Oracle:
        return Oracle(run.program, given, self.case.dtype, trace=trace)


def training(s: Subject) -> None:
    """Steps of a training, each from equal bits."""
    loop = s.loop(s.native)
    for _, given, found in steps(s, loop):
        oracle = s.oracle(loop.run_step, given)
        if not s.agree("training", found, oracle, before=given):
            s.report.diverged = True
            return
    loop.publish()


def steps(s: Subject, loop: Loop) -> Iterator[tuple[int, dict[str, Array], dict[str, Array]]]:
    """The inputs of each step, and what the native engine makes of them."""
    examples, size, seed = len(loop.examples), loop.batch_size, s.native.seed
    for number in range(min(s.most_steps, loop.training.steps_per_epoch * loop.training.epochs)):
        before = loop.snapshot()
        order = shuffled(examples, seed, before.epoch) if loop.shuffle else np.arange(examples)
        given: dict[str, Array] = {
            **loop.examples.rows(order[before.batch * size : (before.batch + 1) * size]),
            **before.parameters,
            **before.slots,
            "learning_rate": np.array(before.learning_rate),
            "step": np.array(before.step + 1),
            "seed": np.array(seed),
        }
        loss = loop.advance(1).losses[0]
        after = loop.training.state
        yield number, given, {"loss": np.array(loss), **after.parameters, **after.slots}


def trace(s: Subject) -> None:
    """Every value of a step."""
    loop = s.loop(s.native)
    _, given, _ = next(steps(s, loop))
    s.agree("trace", loop.run_step.trace(given), s.oracle(loop.run_step, given, trace=True))


def predictions(s: Subject) -> None:
    """Predictions for all examples, in batches of several sizes; a few examples run in other code."""
    given = {**inputs(s.native, s.x), **s.native.parameters}
    oracle = s.oracle(prediction_step(s.native), given)
    n = s.case.examples
    whole: dict[str, Array] | None = None
    for size in sorted({1, 2, 3, 4, 5, 17, n}):
        rows = min(n, 2 * size)
        found = outputs_of(s.native, s.native.predict(_first(s.x, rows), batch_size=size))
        if not np.all([np.isfinite(b).all() for b in oracle.values.values()]):
            s.report.diverged = True
            return
        part = _Part(oracle, rows)
        s.agree("predictions", found, part)
        if size > runtime.SMALL_BATCH and rows >= size:
            lanes = {name: a[:size] for name, a in found.items()}
            if whole is not None:
                same = {name: a[: len(whole[name])] for name, a in lanes.items()}
                same_bits("predictions", whole, same, f"in a batch of {size}")
            whole = lanes


def not_finite(s: Subject) -> None:
    """Predictions with one weight that is no number, or infinite: what depends on it shows that.

    Not one of a layer that reads what does not exist, the state before the first step or the border of an image: native
    code leaves a product with that out, the reference engine multiplies by 0.
    """
    rng = np.random.default_rng(s.case.seed)
    beyond = "conv", "rnn", "lstm", "gru", "bidirectional"
    paths = [path for path in s.native.parameters if not any(word in path for word in beyond)]
    if not paths:
        return
    path = paths[int(rng.integers(len(paths)))]
    kept = s.native.parameters[path]
    for bad in (np.nan, np.inf):
        changed = kept.copy()
        changed.flat[int(rng.integers(kept.size))] = bad
        s.native.parameters[path] = changed
        run = prediction_step(s.native)
        given = {**inputs(s.native, s.x), **s.native.parameters}
        oracle = s.oracle(run, given)
        for rows in {min(2, s.case.examples), s.case.examples}:
            found = outputs_of(s.native, s.native.predict(_first(s.x, rows), batch_size=rows))
            s.agree("not finite", found, _Part(oracle, rows))
    s.native.parameters[path] = kept


class _Part(Oracle):
    """The first rows of what an oracle says."""

    def __init__(self, oracle: Oracle, rows: int) -> None:
        self._oracle, self._rows = oracle, rows
        self._statements = oracle._statements

    def _first(self, array: Array) -> Array:
        """One row stands for all where it depends on no input (x − x)."""
        return np.repeat(array, self._rows, axis=0) if len(array) == 1 else array[: self._rows]

    @cached_property
    def values(self) -> dict[str, Array]:
        return {name: self._first(a) for name, a in self._oracle.values.items()}

    @cached_property
    def rounded(self) -> dict[str, Array]:
        return {name: self._first(a) for name, a in self._oracle.rounded.items()}

    @cached_property
    def others(self) -> list[dict[str, Array]]:
        return [{name: self._first(a) for name, a in other.items()} for other in self._oracle.others]


def part_of(oracle: Oracle, rows: int) -> Oracle:
    """The first rows of what an oracle says, or its one row for all of them."""
    return _Part(oracle, rows)


def outputs_of(net: pl.Network, outputs: Any) -> dict[str, Array]:
    """What `predict` gives, by path."""
    return outputs if isinstance(outputs, dict) else {next(iter(net.output_shapes)): outputs}


def _first(x: Any, rows: int) -> Any:
    return [part[:rows] for part in x] if isinstance(x, list) else x[:rows]


def evaluation(s: Subject) -> None:
    """The loss of all examples, which is evaluated in batches."""
    loss, weight = s.options["loss"], s.options.get("sample_weight")
    examples, goals = prepared(s.native, s.x, s.y, loss, weight)
    given = {**examples.rows(slice(None)), **s.native.parameters}
    oracle = s.oracle(evaluation_step(s.native, goals, weighted=examples.weighted), given)
    found = s.native.evaluate(s.x, s.y, loss=loss, sample_weight=weight, batch_size=7)
    s.agree("evaluation", {"loss": np.array(found["loss"])}, oracle)


def gradients(s: Subject, readings: Sequence[bool] = (True, False)) -> None:
    """The gradients as a person asks for them, read as in training and as in prediction."""
    loss, weight = s.options["loss"], s.options.get("sample_weight")
    examples, goals = prepared(s.native, s.x, s.y, loss, weight)
    for reading in readings:
        value, found = s.native.gradients(s.x, s.y, loss=loss, sample_weight=weight, training=reading, step=3)
        given = {
            **examples.rows(slice(None)),
            **s.native.parameters,
            "seed": np.array(s.native.seed),
            "step": np.array(3),
        }
        run = gradient_step(s.native, goals, training=reading, weighted=examples.weighted)
        s.agree("gradients", {"loss": np.array(value), **found}, s.oracle(run, given))


def again(s: Subject) -> None:
    """The same training twice in one process, and on several threads: the same bits."""
    runs: list[dict[str, Array]] = []
    for count in (1, 1, s.case.threads):
        net = s.case.network("llvm")
        garbage = [np.full(2**k, np.nan) for k in range(5, 18)]
        del garbage
        loop = s.loop(net, schedule=True, threads=count)
        history = loop.run()
        prediction_step(net).threads = count  # type: ignore[attr-defined]
        few, all_ = (outputs_of(net, net.predict(_first(s.x, n))) for n in (2, s.case.examples))
        state = loop.training.state
        runs.append(
            {
                **state.parameters,
                **state.slots,
                "history": np.array(history.history["loss"]),
                **{f"{name} of two": a for name, a in few.items()},
                **{f"{name} of all": a for name, a in all_.items()},
            }
        )
    loop = s.loop(s.case.network("llvm"), schedule=True)
    for callback in loop.training.callbacks:
        callback.training = loop.training
        callback.on_train_begin()
    while loop.training.state.epoch < loop.training.epochs:
        loop.advance(1)
    single = {**loop.training.state.parameters, **loop.training.state.slots}
    same_bits("again", single, runs[0], "in steps that came one by one")
    same_bits("again", runs[0], runs[1], "in a second run")
    same_bits("again", runs[0], runs[2], f"on {s.case.threads} threads")


def saved(s: Subject) -> None:
    """Saved, loaded and trained on, against trained on without."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        s.native.save(path)
        other = pl.load(path)
    same_bits("saved", dict(s.native.parameters), dict(other.parameters), "after loading")
    nets = s.native, other
    one, loaded = (outputs_of(net, net.predict(s.x)) for net in nets)
    same_bits("saved", one, loaded, "in the loaded network's predictions")
    for net in nets:
        s.loop(net, schedule=True).run()
    same_bits("saved", dict(s.native.parameters), dict(other.parameters), "after training on")


CHECKS: dict[str, Callable[[Subject], None]] = {
    "training": training,
    "trace": trace,
    "predictions": predictions,
    "not finite": not_finite,
    "evaluation": evaluation,
    "gradients": gradients,
    "again": again,
    "saved": saved,
}


def examined(case: Case) -> Report:
    """All checks of a case.

    Raises:
        Fault: native code is wrong.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings(), shared_calls(), limited(case.limits), cached():
        warnings.simplefilter("error")  # native code that cannot be had is a fault too
        subject = Subject(case)
        for name in case.checks:
            try:
                CHECKS[name](subject)
            except Fault:
                raise
            except Exception as error:
                text = "".join(traceback.format_exception(error, chain=False))
                raise Fault(name, text, type(error).__name__) from None
            if subject.report.diverged:
                break
    return subject.report


@contextmanager
def shared_calls() -> Iterator[None]:
    """Let threads share calls that are too short for it."""
    kept = worker_pool.BRIEF, worker_pool.SLOW
    worker_pool.BRIEF, worker_pool.SLOW = 0.0, inf  # type: ignore[assignment]
    try:
        yield
    finally:
        worker_pool.BRIEF, worker_pool.SLOW = kept


LIMITS: dict[str, tuple[int, ...]] = {
    "emit.module.VOLUME": (3_000, 20_000),
    "emit.nest.CACHED": (256, 4096),
    "emit.nest.LONG": (1, 10),
    "plan.panels.L1_BYTES": (64, 1024),
    "plan.panels.OFTEN": (1, 3),
    "plan.small_batch.HANDOFF": (1, 1000),
    "plan.small_batch.BARRIER": (1, 500),
    "plan.split_reductions.CACHED": (256, 4096),
    "plan.split_reductions.NEAR": (64, 1024),
    "plan.split_reductions.OFTEN": (2, 64),
    "plan.split_reductions.PIECE": (512, 8192),
}
"""Numbers of the native engine from which on it does things in another way, and smaller ones."""


@contextmanager
def limited(limits: Mapping[str, int]) -> Iterator[None]:
    """Other limits for a while."""
    places = [(import_module(f"pellucid.engines.llvm.{m}"), n) for m, _, n in (k.rpartition(".") for k in limits)]
    kept = [getattr(module, name) for module, name in places]
    try:
        for (module, name), value in zip(places, limits.values(), strict=True):
            setattr(module, name, value)
        yield
    finally:
        for (module, name), value in zip(places, kept, strict=True):
            setattr(module, name, value)


@contextmanager
def cached() -> Iterator[None]:
    """A cache of code that lasts as long as a case, which compiles the same several times."""
    kept = os.environ.get("PELLUCID_CACHE")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PELLUCID_CACHE"] = folder
        try:
            yield
        finally:
            if kept is None:
                del os.environ["PELLUCID_CACHE"]
            else:
                os.environ["PELLUCID_CACHE"] = kept
