"""The examples that a person looks at: those of the task by name, and those of the person's own."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.lab.gallery import Prices
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task, Words
from pellucid.lab.text_reader import TextReader
from pellucid.messages import gettext
from pellucid.network import BaseNetwork
from pellucid.summary import summarise
from pellucid.training.inputs.feeds import inputs
from pellucid.training.inputs.targets import goals

Array = NDArray[Any]

MAX_OWN = 64
MULTIPLY_ADDS = 2_000_000_000
"""Of one look at many examples: about a fifth of a second."""
MAX_NUMBERS = 1 << 20
"""Of one answer with examples."""


@dataclass(frozen=True)
class Sample:
    """One example: x, its target, or None where there is none, and what was made of what a person gave."""

    name: str
    x: Array
    y: Array | None
    note: Words | None = None


class Samples:
    """The examples of a task, each by its name: "train:3", "test:17", "own:1"."""

    def __init__(self, task: Task, net: BaseNetwork) -> None:
        self._task, self._net = task, net
        (self.input,) = net.input_shapes
        (self.goal,), _ = goals(net, task.y[:1], task.loss)
        self._reader = TextReader.of(task.rows) if task.sample == "text" else None
        self._own: OrderedDict[str, Sample] = OrderedDict()
        self._given = 0
        self._mirrors = task.x.shape == task.y.shape and bool(np.array_equal(task.x[:16], task.y[:16]))

    def sets(self) -> dict[answers.Set, tuple[Array, Array]]:
        """The examples by set."""
        sets: dict[answers.Set, tuple[Array, Array]] = {"train": (self._task.x, self._task.y)}
        if self._task.test is not None:
            sets["test"] = self._task.test
        return sets

    def of(self, name: str) -> tuple[Array, Array]:
        """The examples of a set.

        Raises:
            DataError: there is no such set.
        """
        sets = {str(key): pair for key, pair in self.sets().items()}
        if name not in sets:
            raise DataError(
                gettext(
                    'there are no examples called "{name}" here, expected {names}', name=name, names=", ".join(sets)
                )
            )
        return sets[name]

    def __getitem__(self, name: str) -> Sample:
        kind, _, number = name.partition(":")
        if kind == "own":
            if name not in self._own:
                raise DataError(gettext('the example "{name}" is not there any more: give it again', name=name))
            return self._own[name]
        x, y = self.of(kind)
        if not number.isdecimal() or int(number) >= len(x):
            raise DataError(
                gettext(
                    'there is no example "{name}", expected {kind}:0 to {kind}:{last}',
                    name=name,
                    kind=kind,
                    last=len(x) - 1,
                )
            )
        return Sample(name, x[int(number)], y[int(number)])

    def arrays(self, x: Array, y: Array | None) -> dict[str, Array]:
        """Examples by the names of a program's inputs."""
        return {self.input: x} if y is None else {self.input: x, self.goal.name: y}

    def listed(self, name: str, start: int, count: int) -> list[answers.Example]:
        """Some examples of a set, as the page takes them; fewer where they are large."""
        x, _ = self.of(name)
        count = max(1, min(count, MAX_NUMBERS // max(1, math.prod(x.shape[1:]))))
        return [self.shown(self[f"{name}:{k}"]) for k in range(max(0, start), min(start + count, len(x)))]

    def spread(self, name: str, count: int, also: Sequence[int] = ()) -> tuple[Array, tuple[Array, Array]]:
        """At most so many examples, evenly from all over a set, and some others: their places, and themselves."""
        x, y = self.of(name)
        places = np.linspace(0, len(x) - 1, min(count, len(x))).astype(np.int64)
        places = np.unique([*places, *(place for place in also if place < len(x))]).astype(np.int64)
        return places, (x[places], y[places])

    def affordable(self, max_count: int) -> int:
        """How many examples the network may be asked about at once, so that nobody waits."""
        return max(1, min(max_count, MULTIPLY_ADDS // max(1, self._cost)))

    @cached_property
    def _cost(self) -> int:
        return summarise(self._net).multiply_adds

    # As the page takes them

    def shown(self, sample: Sample) -> answers.Example:
        y: Any = None
        if sample.y is not None:
            y = sample.y.item() if sample.y.size == 1 else numbers(sample.y)
        return {
            "name": sample.name,
            "x": numbers(sample.x),
            "y": y,
            "label": self._label(sample),
            "symbols": self._symbols(sample.x),
            "text": None if self._reader is None else self._reader.decode(sample.x),
            "note": sample.note,
            "prices": self._prices(sample),
        }

    def _prices(self, sample: Sample) -> list[float] | None:
        """The prices whose changes an example of a series has."""
        rows = self._task.rows
        kind, _, number = sample.name.partition(":")
        if kind == "own" or not isinstance(rows, Prices):
            return None
        today = int(rows.origins[int(number) + (rows.learned if kind == "test" else 0)])
        return [float(price) for price in rows.values[today - len(sample.x) : today + 1]]

    def _symbols(self, ids: Array) -> list[str] | None:
        if self._task.sample != "text":
            return None
        known = self._reader
        return [known.symbol(i) if known is not None else str(i) for i in ids.reshape(-1).tolist()]

    def _label(self, sample: Sample) -> str | None:
        task, y = self._task, sample.y
        kind, _, number = sample.name.partition(":")
        if y is not None and task.classes is not None:
            return task.classes[label_of(y)]
        if y is not None and task.sample == "text" and self.goal.labels and y.ndim == 1:
            known = self._reader if "text" in task.views else None
            return known.decode(y) if known is not None else " ".join(map(str, y.tolist()))
        if kind == "test" and isinstance(task.rows, np.ndarray):
            return str(task.rows[int(number)])
        if kind != "own" and isinstance(task.rows, Prices):
            place = int(number) + (task.rows.learned if kind == "test" else 0)
            return task.rows.dates[int(task.rows.origins[place]) + 1]
        return None

    # A person's own

    def own(self, x: Any = None, text: str | None = None, y: Any = None) -> Sample:
        """Keep an example of the person's own; of those kept the oldest gives way.

        Raises:
            DataError: it is not what the network takes.
        """
        if (x is None) == (text is None):
            raise DataError(gettext("an example is numbers or a text: give one of the two"))
        note = None
        if text is not None:
            array, target, note = self._read(text, y)
        else:
            array = self._numbers(x)
            target = self._target(y, array)
        self._given += 1
        sample = self._own[f"own:{self._given}"] = Sample(f"own:{self._given}", array, target, note)
        while len(self._own) > MAX_OWN:
            self._own.popitem(last=False)
        return sample

    def _numbers(self, x: Any) -> Array:
        shape = self._net.input_shapes[self.input]
        try:
            array = np.asarray(x, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError(
                gettext("expected an example of {shape} numbers, got {kind}", shape=shape, kind=type(x).__name__)
            ) from None
        if array.size != math.prod(shape):
            raise DataError(
                gettext(
                    "expected an example of {size} numbers, {shape}, got {count}",
                    size=math.prod(shape),
                    shape=shape,
                    count=array.size,
                )
            )
        return np.asarray(inputs(self._net, {self.input: array.reshape(1, *shape)})[self.input][0])

    def _target(self, y: Any, x: Array) -> Array | None:
        """The target of an example, checked like those of the task."""
        if y is None:
            return x.astype(self._task.y.dtype) if self._mirrors else None
        example = self._task.y[0]
        array = np.asarray(y, dtype=np.float64)
        units = self._net.output_shapes[self.goal.path][-1]
        if array.size == 1 and example.shape == (units,) and units > 1 and self._task.classes is not None:
            array = np.eye(units)[_class(array, units)]  # the task's targets are one-hot rows
        if array.size != example.size:
            raise DataError(
                gettext("expected a target of {size} numbers, got {count}", size=example.size, count=array.size)
            )
        if example.dtype.kind in "iu":
            array = np.asarray(_class(array, units) if example.ndim == 0 else array)
        _, values = goals(self._net, array.reshape(1, *example.shape).astype(example.dtype), self._task.loss)
        target: Array = values[self.goal.name][0]
        return np.asarray(target, example.dtype)

    def _read(self, text: str, y: Any) -> tuple[Array, Array | None, Words | None]:
        """A text as the network reads it, with fillers where it is short.

        Where the network says what comes next at every step, the text is its own target: its last token is not read
        but to be predicted. The words say what is not read as it was written.
        """
        reader = self._reader
        if reader is None:
            raise DataError(gettext("expected numbers, got a text: this network does not read texts"))
        ids = reader.encode(text)
        if not len(ids):
            raise DataError(gettext("the text is empty: write something for the network to read"))
        length = self._net.input_shapes[self.input][0]
        predicts_next = self.goal.labels and self._task.y.shape[1:] == (length,) and "text" in self._task.views
        wanted = length + predicts_next
        taken = ids[:wanted] if reader.from_start else ids[-wanted:]
        note = read_as(
            reader,
            length,
            given=len(ids),
            blanks=max(0, wanted - len(ids)),
            unknown=int((taken == reader.unknown).sum()),
            expected=reader.symbol(int(ids[-1])) if predicts_next else None,
        )
        ids = reader.fitted(ids, wanted)
        return (ids[:-1], ids[1:], note) if predicts_next else (ids, self._target(y, ids), note)


def read_as(
    reader: TextReader, length: int, *, given: int, blanks: int, unknown: int, expected: str | None
) -> Words | None:
    """What becomes of a text of so many tokens in a network that reads `length`; None where it is read as it is."""
    wanted = length + (expected is not None)
    parts = []
    if given > wanted and reader.from_start:
        parts.append(gettext("Of {given} tokens the first {wanted} are taken.", given=given, wanted=wanted))
    elif given > wanted:
        parts.append(gettext("Of {given} symbols the last {wanted} are taken.", given=given, wanted=wanted))
    if reader.from_start:
        pass  # padding is what the network learned from
    elif blanks and reader.split == "char":
        parts.append(
            gettext(
                "The network reads {length} at a time: {blanks} line breaks were put before.",
                length=length,
                blanks=blanks,
            )
        )
    elif blanks:
        parts.append(
            gettext(
                "The network reads {length} at a time: {blanks} unknown words were put before.",
                length=length,
                blanks=blanks,
            )
        )
    if unknown:
        parts.append(gettext("Not in its vocabulary: {unknown}.", unknown=unknown))
    if expected is not None:
        shown = {" ": "␣", "\n": "⏎"}.get(expected, expected)
        parts.append(
            gettext("The last one, “{symbol}”, is not read: it is what should come after the others.", symbol=shown)
        )
    return {"en": " ".join(map(str, parts)), "zh": "".join(part.text("zh") for part in parts)} if parts else None


def numbers(array: Array) -> answers.Numbers:
    """An array as the protocol has it: its shape, and its elements in a row."""
    kind = np.int32 if array.dtype.kind in "iub" else np.float32
    return {"shape": list(array.shape), "data": np.ascontiguousarray(array, dtype=kind).reshape(-1)}


def label_of(y: Array) -> int:
    """The class of a target: its number, a one-hot row's largest, or whether a probability is above a half."""
    if y.size > 1:
        return int(y.reshape(-1).argmax())
    return int(y.item() if y.dtype.kind in "iu" else y.item() > 0.5)


def labels_of(y: Array) -> Array:
    """The class of each target, (n,) int32."""
    return np.array([label_of(row) for row in y], np.int32)


def _class(value: Array, units: int) -> int:
    number, count = float(value.reshape(-1)[0]), max(units, 2)
    if number != int(number) or not 0 <= number < count:
        raise DataError(gettext("expected a class from 0 to {last}, got {number:g}", last=count - 1, number=number))
    return int(number)
