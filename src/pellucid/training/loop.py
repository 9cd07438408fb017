"""The loop of epochs and steps, and what it does when a step goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.batches import shuffled
from pellucid.engines import Executable
from pellucid.errors import NonFiniteError
from pellucid.formula import Program
from pellucid.training import diagnosis
from pellucid.training.callbacks import Checkpoint
from pellucid.training.evaluation import Measures, evaluated
from pellucid.training.examples import Examples
from pellucid.training.history import History
from pellucid.training.interruption import Interruption, interruption
from pellucid.training.metrics import Measure
from pellucid.training.progress import Silent
from pellucid.training.state import Training, publish
from pellucid.training.targets import Goal

Array = NDArray[Any]
VALIDATION_BATCH = 256


@dataclass
class Loop:
    """A training with its data.

    Attributes:
        run_step: the program of one step, compiled.
        program: writes that program again, to find where a value stopped being finite; None lets such values pass.
        told: where progress is shown.
    """

    training: Training
    examples: Examples
    validation: Examples | None
    goals: Sequence[Goal]
    measures: Sequence[Measure]
    run_step: Executable
    program: Callable[[], Program] | None
    batch_size: int
    shuffle: bool
    told: Silent

    def run(self) -> History:
        """Train to the last epoch, or to what stops it before."""
        training = self.training
        for callback in training.callbacks:
            callback.training = training
        with interruption() as ctrl_c, self.told:
            try:
                self._call("on_train_begin")
                while training.state.epoch < training.epochs and not training.state.stopped and not ctrl_c.came:
                    self._epoch(ctrl_c)
            except KeyboardInterrupt:
                ctrl_c.came = True
            finally:
                self._publish()
            if ctrl_c.came:
                self._interrupted()
            self._call("on_train_end")
            training.history.stopped = training.history.stopped or training.state.stopped
            if training.history.stopped:
                self.told.says(training.history.stopped)
        return training.history

    def _epoch(self, ctrl_c: Interruption) -> None:
        """What is left of an epoch: steps, validation, callbacks."""
        training, state = self.training, self.training.state
        epoch = state.epoch
        measures = Measures(training.net, self.goals, self.measures)
        if state.metrics:
            measures.parts = state.metrics
        order = (
            shuffled(len(self.examples), training.net.seed, epoch) if self.shuffle else np.arange(len(self.examples))
        )
        if state.batch == 0:
            self._call("on_epoch_begin", epoch)
        self.told.epoch_begins(epoch, state.batch)
        while state.batch < training.steps_per_epoch:
            if ctrl_c.came:
                return
            start = state.batch * self.batch_size
            self._step(self.examples.rows(order[start : start + self.batch_size]), measures)
            self.told.step(state.batch, lambda: {"loss": state.loss / state.examples, **measures.results(quick=True)})
        logs = {"loss": state.loss / state.examples, **measures.results()}
        self._publish()
        if self.validation is not None:
            found = evaluated(training.net, self.validation, self.goals, self.measures, VALIDATION_BATCH)
            logs |= {f"val_{name}": value for name, value in found.items()}
        state.keep_if_best(logs.get("val_loss", logs["loss"]))
        self._call("on_epoch_end", epoch, logs)
        self._take_up()
        training.history.append(epoch, logs)
        self.told.epoch_ends(epoch, logs)
        state.next_epoch()
        for checkpoint in self._checkpoints:
            checkpoint.after_epoch()

    def _step(self, batch: dict[str, Array], measures: Measures) -> None:
        """One update. The program changes none of its inputs: until its results are taken, the state is as before."""
        state = self.training.state
        inputs = {
            **batch,
            **state.parameters,
            **state.slots,
            "learning_rate": np.array(state.learning_rate),
            "step": np.array(state.step + 1),
            "seed": np.array(self.training.net.seed),
        }
        outputs = self.run_step(inputs)
        if self.program is not None:
            self._check_finite(self.program, inputs, outputs)
        count = len(batch[self.goals[0].name])
        loss = float(outputs["loss"])
        measures.add(batch, outputs)
        self.training.before = state.parameters
        state.parameters = {path: outputs.get(path, value) for path, value in state.parameters.items()}
        state.slots = {name: outputs[name] for name in state.slots}
        state.loss += loss * count
        state.examples += count
        state.metrics = measures.parts
        state.step += 1
        state.batch += 1
        if self._listening:
            self._publish()
            self._call("on_batch_end", state.step, {"loss": loss})
            self._take_up()
        for checkpoint in self._checkpoints:
            checkpoint.after_step()

    def _check_finite(
        self, program: Callable[[], Program], inputs: dict[str, Array], outputs: dict[str, Array]
    ) -> None:
        state = self.training.state
        watched = (n for n in ("loss", *state.parameters) if n in outputs)
        bad = next((n for n in watched if not np.isfinite(outputs[n]).all()), None)
        if bad is None:
            return
        within = f"step {state.batch + 1} of {self.training.steps_per_epoch}"
        place = f"step {state.step + 1} (epoch {state.epoch + 1}, {within})"
        origin = diagnosis.non_finite(self.training.net, program(), {**inputs, **self.run_step.trace(inputs)})
        raise NonFiniteError(
            f"{bad} stopped being finite in {place}: {origin}; the network keeps the weights from before that step",
            origin,
        )

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
    def _listening(self) -> bool:
        return any(c.listening for c in self.training.callbacks)

    def _call(self, hook: str, *values: Any) -> None:
        for callback in self.training.callbacks:
            getattr(callback, hook)(*values)

    def _publish(self) -> None:
        """The state's parameters into the network."""
        publish(self.training.net, self.training.state.parameters.items())

    def _take_up(self) -> None:
        """The network's parameters into the state: a callback may have changed them."""
        self.training.state.parameters = dict(self.training.net.parameters)
