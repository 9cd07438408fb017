"""Batches that come one after the other: generators, data loaders, whatever can be iterated over."""

from __future__ import annotations

import contextvars
import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pellucid.arrays import check_integer, check_range
from pellucid.errors import DataError
from pellucid.network import BaseNetwork
from pellucid.training.inputs.batch_parts import parts_of
from pellucid.training.inputs.feeds import WEIGHT, Array, ClassWeight, Examples, class_weights, inputs, weights
from pellucid.training.inputs.targets import Goal, LossLike, LossWeights, goals, weighted

_ARRAYS = ("__array__", "__dlpack__", "__arrow_c_stream__", "detach")
AHEAD = 2
"""How many batches are read ahead, while the steps before them are computed."""


def gives_batches(x: Any) -> bool:
    """Whether x is batches to predict: a generator, a loader, or a function that makes one, and no list of numbers."""
    if isinstance(x, list | tuple) or (hasattr(x, "__getitem__") and not hasattr(x, "column_names")):
        return False
    return is_stream(x)


def is_stream(x: Any) -> bool:
    """Whether x is batches to iterate over, or a function that gives them, and no array, mapping or nested list."""
    if any(hasattr(x, name) for name in _ARRAYS) or isinstance(x, Mapping | str | bytes):
        return False
    if isinstance(x, list | tuple):
        return bool(x) and all(isinstance(part, tuple | Mapping) for part in x)
    return hasattr(x, "__iter__") or hasattr(x, "__next__") or hasattr(x, "__getitem__") or callable(x)


class Stream:
    """Batches (x, y) or (x, y, sample_weight) from anything that can be iterated over, once an epoch.

    The first batch is looked at when the stream is made: it says what the targets are.

    Args:
        source: batches; or a function without arguments that gives them, called every time that they begin anew.
        what: what messages call them.

    Raises:
        DataError: no batch, or a first batch that the network cannot take.
    """

    def __init__(
        self,
        net: BaseNetwork,
        source: Any,
        loss: LossLike | Mapping[str, LossLike],
        *,
        loss_weights: LossWeights = None,
        class_weight: ClassWeight | None = None,
        ahead: int = AHEAD,
        what: str = "x",
    ) -> None:
        self._net, self._source, self._loss, self._class_weight = net, source, loss, class_weight
        self._loss_weights = loss_weights
        self._what, self._ahead = what, check_integer(ahead, "prefetch")
        if class_weight == "balanced":
            raise DataError('class_weight="balanced" counts all examples, which batches do not show: give {class: …}')
        self._tell(0)
        opened = self._iterator()
        self.one_shot = opened is source
        self._weighted: bool | None = None
        self._goals: list[Goal] | None = None
        try:
            first = next(opened)
        except StopIteration:
            raise DataError(f"{what} gave no batch, expected at least one (x, y){self._used_up()}") from None
        self.first = self._checked(first, 1)
        self._pending: Iterator[Any] | None = itertools.chain([first], opened)

    @property
    def goals(self) -> list[Goal]:
        assert self._goals is not None
        return self._goals

    @property
    def weighted(self) -> bool:
        return bool(self._weighted)

    @property
    def length(self) -> int:
        """How many batches there are; 0 where that is not known before they end."""
        try:
            return len(self._source)
        except TypeError:  # it has no length, or, as some data loaders, none that is known
            return 0

    def begin(self, epoch: int) -> None:
        """Say which epoch comes next, from 0."""
        if epoch or self._pending is None:
            self._pending = None
            self._tell(epoch)

    def _tell(self, epoch: int) -> None:
        """The number of the epoch, to whom it matters: the samplers of torch and `pellucid.data.Batches` ask for it."""
        for part in (self._source, getattr(self._source, "sampler", None)):
            if part is not None and hasattr(part, "set_epoch"):
                part.set_epoch(epoch)

    def batches(self, size: int = 0, *, skip: int = 0) -> Iterator[dict[str, Array]]:
        """The batches from their beginning, checked, as arrays by the names of a program's inputs.

        Args:
            size: without a meaning here: batches come as large as they are.
            skip: how many to leave out.
        """
        opened, self._pending = self._pending or self._iterator(), None
        checked = (self._checked(batch, n) for n, batch in enumerate(opened, 1) if n > skip)
        return _read_ahead(checked, self._ahead) if self._ahead else checked

    def _iterator(self) -> Iterator[Any]:
        return begun(self._source, self._what)

    def _used_up(self) -> str:
        return ": a generator gives its batches once, make a new one" if self.one_shot else ""

    def _checked(self, batch: Any, number: int) -> dict[str, Array]:
        try:
            return self._arrays(batch)
        except DataError as error:
            more = ""
            if "np.moveaxis" in str(error):  # a loader's own batches
                x, *_ = parts_of(self._net, batch)
                moved = "x.permute(0, 2, 3, 1)" if hasattr(x, "detach") else "np.moveaxis(x, 1, -1)"
                more = f" As batches: fit(lambda: (({moved}, y) for x, y in loader), …)."
            elif "x[..., None]" in str(error):
                more = " As batches: pellucid.data.Batches(…, transform=lambda x, y: (x[..., None], y))."
            raise DataError(f"batch {number} of {self._what}: {error}{more}") from error

    def _arrays(self, batch: Any) -> dict[str, Array]:
        x, y, weight = parts_of(self._net, batch)
        arrays = inputs(self._net, x)
        chosen, values = goals(self._net.sized(arrays), y, self._loss, again=self._goals is not None)
        chosen = weighted(chosen, self._loss_weights)
        if self._goals is None:
            self._goals, self._weighted = chosen, weight is not None or self._class_weight is not None
        elif [g.key for g in chosen] != [g.key for g in self._goals]:
            raise DataError(
                "its targets have another form than those of the first batch: class numbers or rows, in all"
            )
        elif (weight is not None) != self.weighted and self._class_weight is None:
            raise DataError("some batches have sample weights and others have not: give them with all or with none")
        whole = Examples(arrays | values)
        if weight is not None:
            whole.arrays[WEIGHT] = weights(weight, len(whole), self._net.dtype)
        if self._class_weight is not None:
            units = next(iter(self._net.output_shapes.values()))[-1]
            table = class_weights(self._class_weight, chosen, whole.arrays, units) * whole.arrays.get(WEIGHT, 1.0)
            check_range(table, self._net.dtype, what="class_weight")
            whole.arrays[WEIGHT] = table
        return whole.arrays

    def check_epochs(self, epochs: int, *, other: str = "") -> None:
        """Raise where the batches have to come more often than they can; `other` is another way out."""
        if self.one_shot and epochs > 1:
            kind = type(self._source).__name__
            raise DataError(
                f"{self._what} is a {kind}, which gives its batches once, and {epochs} epochs take "
                "them as often: give a list, a DataLoader, or a function that makes the generator, which begin anew"
                + other
            )


def begun(source: Any, what: str) -> Iterator[Any]:
    """The batches of a source from their beginning.

    Raises:
        DataError: nothing that gives batches.
    """
    if callable(source) and not hasattr(source, "__iter__") and not hasattr(source, "__getitem__"):
        source = source()
    try:
        return iter(source)
    except TypeError:
        kind = type(source).__name__
        raise DataError(f"{what} is {kind}, expected arrays, or something that gives batches (x, y)") from None


_END = object()


def _read_ahead(batches: Iterable[Any], count: int) -> Iterator[Any]:
    """The same batches in the same order, up to so many of them read by a thread before they are asked for."""
    ready: queue.Queue[Any] = queue.Queue(maxsize=count)
    left = threading.Event()

    def put(entry: Any) -> bool:
        while not left.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for batch in batches:
                if not put((batch, None)):
                    return
            put((_END, None))
        except BaseException as error:  # raised where the batch was asked for
            put((_END, error))

    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: context.run(read), name="pellucid-batches", daemon=True)
    thread.start()
    try:
        while True:
            batch, error = ready.get()
            if error is not None:
                raise error
            if batch is _END:
                return
            yield batch
    finally:
        left.set()
        thread.join(timeout=5)


def chained(begin: Callable[[], Iterator[Any]], *, again: bool) -> Iterator[Any]:
    """The batches, and where they may come `again`, the same anew whenever they end."""
    while True:
        given = False
        for batch in begin():
            given = True
            yield batch
        if not again or not given:
            return
