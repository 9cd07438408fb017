"""The loop of epochs and steps, and what it does when a step goes wrong."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pellucid.batches import shuffled
from pellucid.engines import Executable, Session
from pellucid.engines.processes import PART
from pellucid.errors import NonFiniteError, PellucidError
from pellucid.formula import Program
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.messages import gettext
from pellucid.training.callbacks.base import Callback
from pellucid.training.callbacks.checkpointing import Checkpoint
from pellucid.training.evaluation import Chosen, Measures, evaluated
from pellucid.training.inputs.feeds import WEIGHT, Examples
from pellucid.training.inputs.streams import Stream
from pellucid.training.inputs.targets import Goal
from pellucid.training.running import failures
from pellucid.training.running.history import History
from pellucid.training.running.interruption import interruption
from pellucid.training.running.progress import Silent
from pellucid.training.running.state import Held, State, Training

Array = NDArray[Any]
VALIDATION_BATCH = 256
MOMENT = 0.05
"""About how long one call of the engine may last, in seconds."""
TOGETHER = 16
"""How many steps one call takes of a run of several processes, whose clocks differ."""
MAX_EXAMPLES = 4096
"""How many examples one call takes at most: they are gathered in memory."""


@dataclass(frozen=True)
class Stretch:
    """What one `advance` did: the loss of each step, and the values of the epoch by name where it ended one."""

    losses: Array
    epoch: dict[str, float] | None = None


@dataclass
class Loop:
    """A training with its data: `run` it to its last epoch, or `advance` it piece by piece.

    Attributes:
        run_step: the program of one step, compiled.
        program: writes that program again, for a step of such arrays, to find where a value stopped being finite; None
            lets such values pass.
        progress: where progress is shown.
        rule: the optimizer.
        engine: which one evaluates, the network's own by default.
    """

    training: Training
    examples: Examples
    validation: Examples | Stream | None
    goals: Sequence[Goal]
    measures: Chosen
    run_step: Executable
    program: Callable[[Mapping[str, Array]], Program] | None
    batch_size: int
    shuffle: bool
    progress: Silent
    rule: Optimizer
    validation_steps: int | None = None
    engine: str | None = None
    _session: Session | None = None
    _max_steps: int = 1
    _running: Measures = field(init=False)
    _order: Array | None = None
    _epoch: int = -1
    _kept: dict[str, Array] | None = None
    """A copy of the parameters and slots as they are now, where somebody asked for one since the last step."""
    _undo: dict[str, Array] = field(default_factory=dict)
    """The parameters and slots before the last steps: memory that is written again before every call."""

    def __post_init__(self) -> None:
        self._running = Measures(self.training.net, self.goals, self.measures)
        self._frozen = self.training.net.parameters.frozen

    def run(self) -> History:
        """Train to the last epoch, or to what stops it before."""
        training = self.training
        for callback in training.callbacks:
            callback.training = training
        carried = training.net.carried
        with carried.used(), interruption() as ctrl_c, self.progress:
            carried.arrays = training.state.carried
            try:
                self._call("on_train_begin")
                while training.state.epoch < training.epochs and not training.state.stopped and not ctrl_c.pressed:
                    self.advance()
            except KeyboardInterrupt:
                ctrl_c.pressed = True
            finally:
                self.publish()
            if ctrl_c.pressed:
                self._interrupted()
            self._call("on_train_end")
            training.history.stopped = training.history.stopped or training.state.stopped
            if training.history.stopped:
                self.progress.notify(training.history.stopped)
        return training.history

    def advance(self, max_steps: int | None = None) -> Stretch:
        """Steps in one call of the engine, then the epoch's end if they reach it: validation, metrics, callbacks.

        As many as fit into a moment and into the epoch, so that Ctrl-C and progress stay prompt, and no more than
        `max_steps`. None is taken where one of them would give a value that is not finite: then they come one by one.

        Raises:
            NonFiniteError: the next step gives such a value; the state is the one before it.
        """
        state = self.training.state
        self._begin()
        losses = self._steps(max_steps) if state.batch < self.training.steps_per_epoch else np.empty(0)
        logs = self._end() if state.batch == self.training.steps_per_epoch else None
        return Stretch(losses, logs)

    def snapshot(self) -> State:
        """The state between two steps, to come back to: what follows leaves it as it is."""
        state, kept = self.training.state, self._copied()
        return replace(
            state,
            parameters={path: kept[path] for path in state.parameters},
            slots={name: kept[name] for name in state.slots},
            metrics=[list(parts) for parts in state.metrics],
            best_parameters=dict(state.best_parameters),
            carried=self.training.net.carried.arrays,
        )

    def restore(self, state: State) -> None:
        """Go on from a state, such as a snapshot; it stays as it is."""
        self.training.state = replace(state, metrics=[list(parts) for parts in state.metrics])
        self.training.net.carried.arrays = state.carried
        self._kept = None

    def publish(self) -> None:
        """The state's parameters into the network, all at once."""
        self.training.net.parameters.replace(self.training.state.parameters)

    def upcoming(self) -> dict[str, Array]:
        """All that the program of the next step reads, by name: its batch, the parameters and slots before it, the
        learning rate, the step and the seed.
        """
        self._begin()
        batch = self._batch(1)
        batch |= self.training.net.carried.feed(len(batch[self.goals[0].name]))
        return {**self._copied(), **batch, **{name: value[0] for name, value in self._each(1).items()}}

    def upcoming_rows(self) -> Array:
        """The places of the next step's examples among those that are trained on, in the order of its batch."""
        self._begin()
        assert self._order is not None
        start = self.training.state.batch * self.batch_size
        return self._order[start : start + self.batch_size]

    def _begin(self) -> None:
        """Before steps: the epoch's order and metrics, which another state may have brought along."""
        training, state = self.training, self.training.state
        self._running.parts = state.metrics
        if self._epoch == state.epoch:
            return
        if training.net.parameters.frozen != self._frozen:
            raise PellucidError(
                "layers were frozen or set free while they are trained, which the steps do not see: end this fit, and "
                "begin another one after the change"
            )
        self._epoch = state.epoch
        self._order = self._ordered()
        if state.batch == 0:
            self._call("on_epoch_begin", state.epoch)
        self.progress.epoch_begins(state.epoch, state.batch)

    def _ordered(self) -> Array | None:
        """The order of the examples in this epoch."""
        count, net = len(self.examples), self.training.net
        return shuffled(count, net.seed, self.training.state.epoch) if self.shuffle else np.arange(count)

    def _end(self) -> dict[str, float]:
        """The end of an epoch; gives its values by name."""
        training, state = self.training, self.training.state
        epoch = state.epoch
        logs = {"loss": state.mean_loss, **self._running.results()}
        self.publish()
        if self.validation is not None:
            carried = training.net.carried
            size = self.batch_size if carried.sizes else VALIDATION_BATCH
            with carried.apart():
                measured = evaluated(
                    training.net,
                    self.validation,
                    self.goals,
                    self.measures,
                    size,
                    self.validation_steps,
                    engine=self.engine,
                )
            logs |= {f"val_{name}": value for name, value in measured.items()}
        state.keep_if_best(logs.get("val_loss", logs["loss"]))
        self._call("on_epoch_end", epoch, logs)
        self._take_up()
        training.history.append(epoch, logs)
        self.progress.epoch_ends(epoch, logs)
        state.next_epoch()
        state.carried = training.net.carried.arrays
        for checkpoint in self._checkpoints:
            checkpoint.after_epoch()
        return logs

    def _steps(self, max_steps: int | None) -> Array:
        """As many updates as `advance` allows; gives their losses."""
        state = self.training.state
        count = self._at_once(max_steps)
        session = self._prepared()
        asked = [*(goal.name for goal in self.goals), *([WEIGHT] if self.examples.weighted else [])]
        batch, each = self._batch(count, session, asked), self._each(count)
        examples = len(batch[self.goals[0].name])
        batch |= self.training.net.carried.feed(examples)
        watched = self.program is not None or self._single_steps
        before = self._before(session) if watched else {}
        began = time.perf_counter()
        self._kept = None
        outputs = session.run(batch, rows=np.arange(examples).reshape(count, -1), each=each)
        self._pace(count, time.perf_counter() - began)
        whole = batch | {name: _rows(outputs.pop(name)) for name in asked if name in outputs}
        bad = _not_finite({"loss": outputs["loss"], **session.state}) if self.program is not None else None
        if bad is not None and self.program is not None:
            session.assign(before)
            if count > 1:  # take these steps again one by one, to find the first that goes wrong
                self._max_steps = 1
                return np.empty(0)
            inputs = {**batch, **before, **{name: value[0] for name, value in each.items()}}
            self._raise_nonfinite(self.program(inputs), bad, inputs)
        self.training.net.carried.take({name: array[0] for name, array in outputs.items()})
        self.training.before = {path: before[path] for path in state.parameters if path in before}
        for step in range(count):
            size = len(whole[self.goals[0].name]) // count
            rows = slice(step * size, (step + 1) * size)
            self._account({n: a[rows] for n, a in whole.items()}, {n: a[step] for n, a in outputs.items()})
        self.training.follow_schedule()
        if self._single_steps:
            self.publish()
        for step, loss in enumerate(outputs["loss"], state.step - count + 1):
            for callback in self._listeners:
                callback.on_batch_end(step, {"loss": float(loss)})
        if self._single_steps:
            self._take_up()
        state.carried = self.training.net.carried.arrays
        for checkpoint in self._checkpoints:
            checkpoint.after_step()
        running = self._running
        self.progress.step(state.batch, lambda: {"loss": state.mean_loss, **running.results(quick=True)})
        return outputs["loss"].astype(np.float64)

    def _batch(self, count: int, session: Session | None = None, back: Sequence[str] = ()) -> dict[str, Array]:
        """The examples of so many steps from here on; of a session that shares them with other processes, its part."""
        assert self._order is not None
        start = self.training.state.batch * self.batch_size
        rows = self._order[start : start + count * self.batch_size].reshape(count, -1)
        if session is not None:
            rows = rows[:, session.share(rows.shape[1], back)]
        return self.examples.rows(rows.ravel())

    def _each(self, count: int) -> dict[str, Array]:
        """What so many steps from here on read besides, an element a step."""
        state = self.training.state
        return {
            "learning_rate": self.training.rates(count),
            "step": np.arange(count) + state.step + 1,
            "seed": np.full(count, self.training.net.seed),
        }

    def _account(self, batch: dict[str, Array], outputs: dict[str, Array]) -> None:
        """Add a step to the epoch's sums; step by step, so that they do not depend on how many came in one call."""
        state = self.training.state
        count = self._running.count(batch, outputs)
        if state.step == 0:
            self.training.history.params["first_loss"] = float(outputs["loss"])
        self._running.add(batch, outputs)
        state.loss += float(outputs["loss"]) * count
        state.examples += count
        state.metrics = self._running.parts
        state.step += 1
        state.batch += 1

    def _at_once(self, max_steps: int | None) -> int:
        """How many steps the next call takes: one where a callback reads the training after it, none past a
        checkpoint."""
        state = self.training.state
        full = len(self.examples) // self.batch_size - state.batch
        carrying = bool(self.training.net.carried.sizes)  # each step begins where the one before ended
        limits = [1 if self._single_steps or carrying else self._max_steps, MAX_EXAMPLES // self.batch_size, full]
        limits += [c.every_steps - state.step % c.every_steps for c in self._checkpoints if c.every_steps is not None]
        return max(1, min(limits if max_steps is None else [*limits, max_steps]))

    def _pace(self, count: int, seconds: float) -> None:
        """Let a call last about as long as a blink; all processes of a run take the same steps in it."""
        if PART.processes > 1:
            self._max_steps = TOGETHER
        elif count == self._max_steps and seconds < MOMENT / 2:
            self._max_steps *= 2
        elif seconds > 2 * MOMENT and self._max_steps > 1:
            self._max_steps //= 2

    def _prepared(self) -> Session:
        """The engine's session, which holds the parameters and slots; the state looks at them there. Arrays that a
        callback, a resumed run or another moment gave the state are copied in first.
        """
        state = self.training.state
        if self._session is None:
            self._session = self.run_step.session({**state.parameters, **state.slots})
        for arrays in (state.parameters, state.slots):
            if not isinstance(arrays, Held):
                self._session.assign({name: arrays[name] for name in arrays.keys() & self._session.state.keys()})
                self._kept = None
        state.parameters = Held.of(self._session, state.parameters)
        state.slots = Held.of(self._session, state.slots)
        return self._session

    def _before(self, session: Session) -> dict[str, Array]:
        """What the next steps will change, to take them back: the copy that there is, or memory used again."""
        if self._kept is not None:
            return {name: self._kept[name] for name in session.state}
        for name, array in session.state.items():
            if name in self._undo:
                np.copyto(self._undo[name], array)
            else:
                self._undo[name] = array.copy()
        return self._undo

    def _copied(self) -> dict[str, Array]:
        """Parameters and slots, by name, as copies that later steps leave as they are."""
        if self._kept is None:
            state = self.training.state
            self._kept = {name: array.copy() for name, array in {**state.parameters, **state.slots}.items()}
        return self._kept

    def _raise_nonfinite(self, program: Program, bad: str, inputs: dict[str, Array]) -> NoReturn:
        """Find where the first value of this step that is not finite came up, and raise."""
        state = self.training.state
        origin = failures.non_finite(self.training.net, program, {**inputs, **self.run_step.trace(inputs)})
        message = gettext(
            "{what} stopped being finite in step {step} (epoch {epoch}, step {batch} of {batches}): {origin}; "
            "the network keeps the weights from before that step",
            what=bad,
            step=state.step + 1,
            epoch=state.epoch + 1,
            batch=state.batch + 1,
            batches=self.training.steps_per_epoch or "?",
            origin=origin.message,
        )
        raise NonFiniteError(message, origin)

    def _interrupted(self) -> None:
        training, state = self.training, self.training.state
        training.history.interrupted = True
        kept = "the weights are the last ones"
        if state.best_parameters:
            training.restore(state.best_parameters)
            kept = f"the weights are the best so far, with a loss of {state.best:.4g}"
        training.history.stopped = f"interrupted in epoch {state.epoch + 1}: {kept}"

    @property
    def _checkpoints(self) -> list[Checkpoint]:
        return [c for c in self.training.callbacks if isinstance(c, Checkpoint)]

    @property
    def _listeners(self) -> list[Callback]:
        return [c for c in self.training.callbacks if c.listening]

    @property
    def _single_steps(self) -> bool:
        return not all(c.losses_only for c in self._listeners)

    def _call(self, hook: str, *values: Any) -> None:
        for callback in self.training.callbacks:
            getattr(callback, hook)(*values)

    def _take_up(self) -> None:
        """The network's parameters into the state: a callback may have changed them."""
        if self.training.callbacks:
            self.training.state.parameters = self.training.net.parameters.snapshot()


def _rows(array: Array) -> Array:
    """Values of some steps, (steps, examples, …), as those of all their examples."""
    return array.reshape(-1, *array.shape[2:])


def _not_finite(arrays: Mapping[str, Array]) -> str | None:
    """The first array with a number that is not finite: it shows in the sum, which is quicker than a look at each."""
    with np.errstate(over="ignore", invalid="ignore"):
        unclear = [name for name, array in arrays.items() if not math.isfinite(np.add.reduce(array, axis=None))]
    return next((name for name in unclear if not np.isfinite(arrays[name]).all()), None)
