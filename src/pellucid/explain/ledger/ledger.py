"""`Ledger`: a callback that keeps what is needed to take a training's steps again, and to add up what they did."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.batches import shuffled
from pellucid.errors import PellucidError, nearest
from pellucid.explain.ledger.account import Account, Entry
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.functions.learning.schedules import rate_at
from pellucid.network import BaseNetwork
from pellucid.training.callbacks.base import Callback
from pellucid.training.programs import Clip, training_step
from pellucid.training.running.state import Training

Array = NDArray[Any]
BY = ("epoch", "step")
N = TypeVar("N", bound=BaseNetwork)


_LAST: weakref.WeakKeyDictionary[BaseNetwork, weakref.ref[Ledger]] = weakref.WeakKeyDictionary()
"""The ledger of each network's last training that had one."""


class Ledger(Callback):
    """Says why a weight is what it is: its initial value and what every step or epoch added, exactly.

        ledger = pl.Ledger(["dense_1.kernel"])
        net.fit(x, y, epochs=2, callbacks=[ledger])
        print(ledger.explain("dense_1.kernel", index=(21, 5)))

    While the network is trained it keeps the first state, the learning rate of every epoch, and the parameters after
    each. Steps are taken again when somebody asks for them, which takes as long as they took; they repeat to the bit,
    and what they give is compared after every epoch. The data has to be there still, as it was.

    Args:
        paths: the parameters to be explained; all of them by default.
        memory: how many bytes of parameters it may keep; epochs beyond that are taken again too.
    """

    losses_only: ClassVar[bool] = True

    def __init__(self, paths: Sequence[str] | str | None = None, *, memory: int = 1 << 28) -> None:
        self.memory = check_integer(memory, "memory")
        self.paths = None if paths is None else [paths] if isinstance(paths, str) else list(paths)
        self._first: dict[str, Array] = {}
        self._start = (0, 0)
        self._rates: dict[int, float] = {}
        self._ends: dict[int, dict[str, Array]] = {}
        self._steps: dict[str, Array] = {}
        self._kept = 0
        self._last = -1
        self._taken: Training | None = None

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
        self._first = {name: np.array(a) for name, a in {**state.parameters, **state.slots}.items()}
        self._start = state.epoch, state.step
        self._rates, self._ends, self._steps, self._kept, self._last = {}, {}, {}, 0, -1
        self._taken = training
        _LAST[training.net] = weakref.ref(self)

    def on_epoch_begin(self, epoch: int) -> None:
        self._rates[epoch] = self.training.learning_rate

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        state = self.training.state
        ends = {path: np.array(state.parameters[path]) for path in self._watched(self.training)}
        if self._kept > self.memory:  # the last one stays in any case
            self._ends.pop(self._last, None)
        else:
            self._kept += sum(array.nbytes for array in ends.values())
        self._ends[epoch], self._last = ends, epoch

    def explain(self, path: str, index: int | Sequence[int], *, by: str = "epoch") -> Account:
        """One element of a parameter as its initial value and what every epoch or step added.

        Args:
            path: a parameter that the ledger keeps.
            index: the element.
            by: "epoch" or "step".

        Raises:
            PellucidError: nothing was trained yet, no such parameter or element, or the steps gave something else than
                when they were taken first: the data, or the network, was changed since.
        """
        if by not in BY:
            raise PellucidError(f"by is {by!r}, expected one of {', '.join(BY)}")
        if self._taken is None or not self._ends:
            raise PellucidError("the ledger is empty: give it to fit, callbacks=[ledger], and ask after an epoch")
        watched = self._watched(self._taken)
        if path not in watched:
            raise PellucidError(f'the ledger keeps no "{path}".{nearest(path, watched)}')
        place = (int(index),) if isinstance(index, (int, np.integer)) else tuple(int(i) for i in index)
        shape = self._first[path].shape
        if len(place) != len(shape) or any(not -n <= i < n for i, n in zip(place, shape, strict=False)):
            raise PellucidError(f"{path} has the shape {shape}, so it has no element {place}")
        epochs = range(self._start[0], self._last + 1)
        if by == "epoch" and all(epoch in self._ends for epoch in epochs):
            arrays = [self._first[path], *(self._ends[epoch][path] for epoch in epochs)]
            values = np.array([float(array[place]) for array in arrays])
        else:
            values = self._history(path, place)
            values = values[:: self._taken.steps_per_epoch] if by == "epoch" else values
        first = 1 + (self._start[0] if by == "epoch" else self._start[1])
        entries = [Entry(first + k, float(amount), float(values[k + 1])) for k, amount in enumerate(np.diff(values))]
        return Account(path, place, by, float(values[0]), float(values[-1]), tuple(entries))

    def _history(self, path: str, place: tuple[int, ...]) -> NDArray[np.float64]:
        """The element before the first step and after each. All elements are kept where memory allows it, so that the
        steps are taken again once.
        """
        if path in self._steps:
            return _element(self._steps[path], place)
        assert self._taken is not None
        count = self._taken.steps_per_epoch * (self._last + 1 - self._start[0])
        whole = self._first[path].nbytes * (count + 1) <= self.memory
        at: Any = ... if whole else place
        values = np.stack([np.array(array[path][at]) for array in self._replayed()])
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
        if self._taken is None or not self._ends:
            raise PellucidError("the ledger is empty: give it to fit, callbacks=[ledger], and ask after an epoch")
        count = int(self._taken.plan["examples"])
        rows = np.atleast_1d(np.asarray(examples))
        if rows.dtype.kind not in "iu" or rows.ndim != 1 or not rows.size or rows.min() < 0 or rows.max() >= count:
            raise PellucidError(f"examples is {examples!r}, expected integers from 0 to {count - 1}")
        left = np.setdiff1d(np.arange(count), rows)
        if not left.size:
            raise PellucidError("without all examples there is nothing to train on")
        last: Mapping[str, Array] = {}
        for state in self._replayed(left):
            last = state
        return {path: np.array(last.get(path, self._first[path])) for path in self._taken.net.parameters}

    def _replayed(self, left: Array | None = None) -> Iterator[Mapping[str, Array]]:
        """The parameters and slots before the first step and after each, taken again; to be read at once.

        Args:
            left: the examples that are trained on, where that is not all of them.
        """
        training = self._taken
        assert training is not None and training.examples is not None
        net, plan, examples = training.net, training.plan, training.examples
        rule, clip = optimizer_of(plan["optimizer"]), Clip(*plan["clipping"])
        run = training_step(net, training.goals, rule, clip=clip, weighted=plan["weighted"])
        session = run.session(self._first)
        step = self._start[1]
        yield session.state
        for epoch in range(self._start[0], self._last + 1):
            count = len(examples)
            order = shuffled(count, net.seed, epoch) if plan["shuffle"] else np.arange(count)
            rate = self._rates[epoch]
            for begin in range(0, count, plan["batch_size"]):
                if training.schedule is not None:
                    rate = rate_at(training.schedule, step, "step")
                chosen = order[begin : begin + plan["batch_size"]]
                chosen = chosen if left is None else chosen[np.isin(chosen, left)]
                if not len(chosen):
                    continue
                batch = examples.rows(chosen)
                rows = np.arange(len(next(iter(batch.values()))))[None]
                step += 1
                each = {"learning_rate": np.array([rate]), "step": np.array([step]), "seed": np.array([net.seed])}
                session.run(batch, rows=rows, each=each)
                yield session.state
            for path, array in self._ends.get(epoch, {}).items() if left is None else ():
                if not np.array_equal(array, session.state[path], equal_nan=True):
                    raise PellucidError(
                        f"the steps of epoch {epoch + 1} gave another {path} than when they were taken first: the "
                        "data, the network's seed or its frozen layers were changed since, or a callback changed them"
                    )

    def _watched(self, training: Training) -> Sequence[str]:
        return training.net.parameters.trainable if self.paths is None else self.paths


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
