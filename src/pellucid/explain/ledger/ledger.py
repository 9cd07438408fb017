"""`Ledger`: a callback that keeps what is needed to take a training's steps again, and to add up what they did."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError, nearest
from pellucid.explain.columns import column_names
from pellucid.explain.ledger.account import Account, Entry
from pellucid.explain.ledger.example_shares import ExampleShares, by_class, labels
from pellucid.explain.ledger.kept_states import KeptStates
from pellucid.explain.ledger.retaken_steps import RetakenSteps
from pellucid.explain.paths import integers
from pellucid.explain.trace import Trace
from pellucid.network import BaseNetwork
from pellucid.training.callbacks.base import Callback

Array = NDArray[Any]
BY = ("epoch", "step", "example", "class")
N = TypeVar("N", bound=BaseNetwork)


_LAST: weakref.WeakKeyDictionary[BaseNetwork, weakref.ref[Ledger]] = weakref.WeakKeyDictionary()
"""The ledger of each network's last training that had one."""


class Ledger(Callback):
    """Says why a weight is what it is: its initial value and what every step, epoch, example or class added, exactly.

        ledger = pl.Ledger(["dense_1.kernel"])
        net.fit(x, y, epochs=2, callbacks=[ledger])
        print(ledger.explain("dense_1.kernel", index=(21, 5)))

    While the network is trained it keeps the learning rate of every epoch, the parameters after each, and states to
    begin from. Steps are taken again when somebody asks for them, which takes as long as they took; they repeat to the
    bit, and what they give is compared after every epoch. The data has to be there still, as it was.

    Args:
        paths: the parameters to be explained; all of them by default.
        memory: how many bytes it may keep of each: parameters after epochs, states to begin from, and parameters after
            steps. What is beyond that is computed again. The first and the last stay in any case.
    """

    losses_only: ClassVar[bool] = True

    def __init__(self, paths: Sequence[str] | str | None = None, *, memory: int = 1 << 28) -> None:
        self.memory = check_integer(memory, "memory")
        given = [paths] if isinstance(paths, str) else paths
        if given is not None and not (isinstance(given, Iterable) and all(isinstance(path, str) for path in given)):
            raise PellucidError(f'paths is {paths!r}, expected paths of parameters, such as "dense_1.kernel"')
        self.paths = None if given is None else list(given)
        self._steps: dict[str, Array] = {}
        self._room = 0
        self._taken: RetakenSteps | None = None

    def on_train_begin(self) -> None:
        training, state = self.training, self.training.state
        if training.plan["examples"] is None:
            raise PellucidError("a ledger takes steps again, and batches that come once cannot be: give arrays to fit")
        if state.batch:
            raise PellucidError("a ledger begins with an epoch, but this training is resumed in the middle of one")
        training.net.check_stateless("a ledger takes steps again, and what stateful layers carried then is not kept")
        known = training.net.parameters.trainable
        for path in self.paths or ():
            if path not in known:
                raise PellucidError(f'"{path}" is no parameter that is trained.{nearest(path, known)}')
        self._taken = RetakenSteps(training, KeptStates(self.memory, state.step, {**state.parameters, **state.slots}))
        self._steps, self._room = {}, self.memory
        _LAST[training.net] = weakref.ref(self)

    def on_epoch_begin(self, epoch: int) -> None:
        assert self._taken is not None
        self._taken.rates[epoch] = self.training.learning_rate

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        taken, state = self._taken, self.training.state
        assert taken is not None
        ends = {path: np.array(state.parameters[path]) for path in self._watched(taken)}
        if self._room < 0:  # the last one stays in any case
            taken.ends.pop(taken.last, None)
        else:
            self._room -= sum(array.nbytes for array in ends.values())
        taken.ends[epoch], taken.last = ends, epoch
        taken.kept.keep(state.step, {**state.parameters, **state.slots})

    def explain(self, path: str, index: int | Sequence[int], *, by: str = "epoch", step: int | None = None) -> Account:
        """One element of a parameter as its initial value and what moved it since.

        By example: the gradient of a step is a sum over its batch. Each example gets its own terms of that sum, times
        what the optimizer made of the gradient until the end, with what it divides by (Adam's √v̂) as it was. What no
        example added is in the account's `others`: penalties, weight decay, rounding. An example's part is what it
        pulled; what the training had been without it is `Network.without`.

        Args:
            path: a parameter that the ledger keeps.
            index: the element.
            by: "epoch", "step", "example" or "class".
            step: only this step, from 1, by example or class.

        Raises:
            PellucidError: nothing was trained yet, no such parameter, element or step, or the steps gave something else
                than when they were taken first: the data, or the network, was changed since.
        """
        if by not in BY:
            raise PellucidError(f"by is {by!r}, expected one of {', '.join(BY)}")
        taken = self._trained()
        watched = self._watched(taken)
        if path not in watched:
            raise PellucidError(f'the ledger keeps no "{path}".{nearest(path, watched)}')
        place = integers(index, "index")
        shape = taken.training.net.parameters[path].shape
        if len(place) != len(shape) or any(not -n <= i < n for i, n in zip(place, shape, strict=False)):
            raise PellucidError(f"{path} has the shape {shape}, so it has no element {place}")
        place = tuple(i % n for i, n in zip(place, shape, strict=True))
        if by in ("example", "class"):
            return self._by_example(taken, path, place, by, None if step is None else self._step(taken, step))
        if step is not None:
            raise PellucidError(f'step={step} is for by="example" and by="class": a step by itself is ledger.trace')
        epochs = range(taken.begin[0], taken.last + 1)
        if by == "epoch" and all(epoch in taken.ends for epoch in epochs):
            arrays = [taken.kept.nearest(taken.begin[1])[1][path], *(taken.ends[epoch][path] for epoch in epochs)]
            values = np.array([float(array[place]) for array in arrays])
        else:
            values = self._history(taken, path, place)
            values = values[:: taken.training.steps_per_epoch] if by == "epoch" else values
        first = 1 + (taken.begin[0] if by == "epoch" else taken.begin[1])
        entries = [Entry(first + k, float(amount), float(values[k + 1])) for k, amount in enumerate(np.diff(values))]
        return Account(path, place, by, float(values[0]), float(values[-1]), tuple(entries))

    def trace(self, step: int) -> Trace:
        """One step with every value that it computed: `d(dense_1.kernel)` is a gradient, `dense_1.kernel′` what the
        weight became; each can be explained term by term.

            ledger.trace(12).explain("d(dense_1.kernel)", index=(21, 5))

        Args:
            step: from 1, over all epochs.

        Raises:
            PellucidError: no such step.
        """
        taken = self._trained()
        net = taken.training.net
        before = self._step(taken, step) - 1
        for retaken, _ in taken.take(f"to step {step}", start=before, stop=step):
            if retaken is not None and retaken.number == step:
                feeds = {name: np.array(array) for name, array in retaken.feeds.items()}
                run = taken.run
                return Trace(run.program, run.trace(feeds), list(net.input_shapes), column_names(net))
        raise AssertionError("the step is one of them")

    def examples_of(self, step: int) -> Array:
        """The examples of a step's batch, in its order: their places among those that were trained on.

        Raises:
            PellucidError: no such step.
        """
        taken = self._trained()
        return taken.rows(self._step(taken, step))

    def _step(self, taken: RetakenSteps, step: int) -> int:
        first, last = taken.begin[1] + 1, taken.begin[1] + taken.count
        if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or not first <= step <= last:
            raise PellucidError(f"step is {step!r}, expected one of the steps that were taken, {first} to {last}")
        return int(step)

    def _by_example(self, taken: RetakenSteps, path: str, place: tuple[int, ...], by: str, step: int | None) -> Account:
        shares = ExampleShares(taken, path, place)
        initial, value, parts, others = shares.of_all() if step is None else shares.of_step(step)
        classes = labels(taken.training)
        if by == "example":
            of = {k: None if classes is None else int(classes[k]) for k in parts}
            entries = [Entry(k, parts[k], label=of[k]) for k in sorted(parts)]
        else:
            if classes is None:
                raise PellucidError('by="class" takes one class for each example, which these targets are not')
            entries = [Entry(k, amount) for k, amount in by_class(parts, classes).items()]
        return Account(path, place, by, initial, value, tuple(entries), others)

    def _history(self, taken: RetakenSteps, path: str, place: tuple[int, ...]) -> NDArray[np.float64]:
        """The element before the first step and after each. All elements are kept where memory allows it, so that the
        steps are taken again once.
        """
        if path in self._steps:
            return _element(self._steps[path], place)
        whole = taken.training.net.parameters[path].nbytes * (taken.count + 1) <= self.memory
        at: Any = ... if whole else place
        values = np.stack([np.array(state[path][at]) for _, state in taken.take(f"the steps of {path}")])
        if whole:
            self._steps[path] = values
        return _element(values, place) if whole else values.astype(np.float64)

    def without(self, examples: int | Sequence[int] | Array) -> dict[str, Array]:
        """The parameters after the same training without some examples: the same steps, their batches without these. A
        batch of which nothing is left is no step.

        Args:
            examples: their places among those that were trained on, from 0.

        Raises:
            PellucidError: nothing was trained yet, or there are no such examples.
        """
        taken = self._trained()
        count = int(taken.training.plan["examples"])
        rows = np.atleast_1d(np.asarray(examples))
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or not rows.size or rows.min() < 0 or rows.max() >= count:
            raise PellucidError(f"examples is {examples!r}, expected integers from 0 to {count - 1}")
        left = np.setdiff1d(np.arange(count), rows)
        if not left.size:
            raise PellucidError("without all examples there is nothing to train on")
        who = f"example {rows[0]}" if len(rows) == 1 else f"{len(rows):,} examples"
        last: Mapping[str, Array] = {}
        for _, state in taken.take(f"training without {who}", start=taken.first_with(rows) - 1, left=left):
            last = state
        fixed = taken.kept.nearest(taken.begin[1])[1]
        return {path: np.array(last.get(path, fixed[path])) for path in taken.training.net.parameters}

    def _trained(self) -> RetakenSteps:
        if self._taken is None or not self._taken.ends:
            raise PellucidError("the ledger is empty: give it to fit, callbacks=[ledger], and ask after an epoch")
        return self._taken

    def _watched(self, taken: RetakenSteps) -> Sequence[str]:
        return taken.training.net.parameters.trainable if self.paths is None else self.paths


def without(net: N, examples: int | Sequence[int] | Array) -> N:
    """The network as its last training with a `Ledger` would have left it without some examples: a copy, whose training
    is that one without these, to the bit.

        ledger = pl.Ledger()
        net.fit(x, y, epochs=2, callbacks=[ledger])
        other = net.without([17])
        print(other.predict(x_test[:1]) - net.predict(x_test[:1]))

    Args:
        examples: their places among those that were trained on, from 0.

    Raises:
        PellucidError: it was not trained with a ledger, the ledger is gone, or there are no such examples.
    """
    kept = _LAST.get(net)
    ledger = kept() if kept is not None else None
    if ledger is None:
        raise PellucidError(
            "the network keeps no training: give fit a ledger, ledger = pl.Ledger(); net.fit(…, callbacks=[ledger])"
        )
    parameters = ledger.without(examples)
    twin = copy.deepcopy(net)
    twin.parameters.replace(parameters)
    return twin


def _element(values: Array, place: tuple[int, ...]) -> NDArray[np.float64]:
    """One element of each of many arrays."""
    index: Any = (slice(None), *place)
    return np.asarray(values[index], dtype=np.float64)
