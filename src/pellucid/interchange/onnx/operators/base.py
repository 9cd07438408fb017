"""What an operator takes and gives, and how its formula is put together.

An operator is a function of a `Node` to the values that it makes. A value has the axes that ONNX gives it; its tensor
has the batch in front, wherever ONNX has it. Numbers of every type are real numbers in formulas: truth is 1 and 0, and
integers are exact up to 2⁵³ in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor, define_all
from pellucid.formula.axes import Extent
from pellucid.formula.parser import Binding

Array = NDArray[Any]
MAX_ELEMENTS = 1 << 28
"""The maximum number of elements of a value, as in a network of one's own."""
MAX_STATIC = 1 << 16
"""The maximum number of numbers that shape arithmetic may read."""
FLOAT, INT, BOOL = np.dtype(np.float32), np.dtype(np.int64), np.dtype(bool)


class UnsupportedError(PellucidError):
    """An operator with an attribute, a type or an input that is not supported."""


@dataclass(frozen=True)
class Merged:
    """The extent of an axis of ONNX's that holds the batch and another axis, of this extent.

    The other one runs faster than the batch, or where `outer` is set, slower.
    """

    other: int
    outer: bool = False


Size = Extent | Merged


@dataclass(frozen=True, eq=False)
class Value:
    """A value in a graph.

    Attributes:
        tensor: the formula, its batch in front.
        dtype: ONNX's type.
        batch: which of ONNX's axes the batch is; None where there is none.
        merged: what ONNX has merged with the batch; the tensor has it as its second axis.
        array: the numbers, where they are known before anything runs.
        literal: whether formulas may write the number itself.
    """

    tensor: Tensor
    dtype: np.dtype[Any] = FLOAT
    batch: int | None = None
    array: Array | None = None
    literal: bool = False
    merged: Merged | None = None

    @property
    def shape(self) -> tuple[Any, ...]:
        """The extents in ONNX's order; BATCH for the batch, or what it is merged with."""
        extents: list[Size] = list(self.tensor.shape)
        if self.batch is not None:
            first = extents.pop(0)
            if self.merged is not None:
                extents.pop(0)
            extents.insert(self.batch, first if self.merged is None else self.merged)
        return tuple(extents)

    @property
    def rank(self) -> int:
        return self.tensor.rank - (self.merged is not None)

    @property
    def integer(self) -> bool:
        return self.dtype.kind in "iub"


def constant(array: Any, *, literal: bool = True, name: str = "c") -> Value:
    """A value that is known."""
    known = np.asarray(array)
    axes = {f"i{k}": size for k, size in enumerate(known.shape)}
    return Value(Tensor.input(name, axes), known.dtype, None, known, literal and known.size == 1)


@dataclass(frozen=True)
class Node:
    """One use of an operator.

    Attributes:
        inputs: its values in order; None for an optional one that is left out.
        outputs: how many outputs are wanted, the last of them at this place.
        opset: the version of the operator set.
        rounds: whether what comes of the formula is then made of its type, integers being cut off towards 0.
        batch: the size of the batch that the model was made for, where it says one.
    """

    operator: str
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    opset: int = 17
    rounds: bool = False
    batch: int | None = None

    def attr(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def has(self, place: int) -> bool:
        return place < len(self.inputs) and self.inputs[place] is not None

    def input(self, place: int) -> Value:
        """An input that has to be there.

        Raises:
            PellucidError: it is not.
        """
        value = self.inputs[place] if place < len(self.inputs) else None
        if value is None:
            raise PellucidError(f"{self.operator} lacks its input {place}")
        return value

    def optional(self, place: int) -> Value | None:
        return self.inputs[place] if place < len(self.inputs) else None

    def known(self, place: int) -> Array:
        """The numbers of an input that has to be known before anything runs.

        Raises:
            UnsupportedError: they are computed from the network's inputs.
        """
        array = self.input(place).array
        if array is None:
            raise UnsupportedError(f"{self.operator} takes its input {place} from the data, expected a constant")
        if array.size > MAX_STATIC and self.operator not in ("Cast", "Identity"):
            raise UnsupportedError(f"{self.operator} takes {array.size:,} numbers as input {place}, expected few")
        return array

    def integers(self, place: int, attribute: str = "") -> list[int] | None:
        """Integers from an input or, in older opsets, from an attribute; None where neither is there."""
        if self.has(place):
            return [int(v) for v in self.known(place).reshape(-1)]
        given = self.attr(attribute) if attribute else None
        return None if given is None else [int(v) for v in (given if isinstance(given, list | tuple) else [given])]


Rule = Callable[[Node], Any]
OPERATORS: dict[str, Rule] = {}
"""Every operator by its name; its function gives a Value, or a list of them."""


def operator(*names: str) -> Callable[[Rule], Rule]:
    """Register the function of these operators."""

    def register(function: Rule) -> Rule:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def number(value: float) -> str:
    """A number as formulas write it."""
    if math.isinf(value):
        return "inf" if value > 0 else "(−inf)"
    text = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
    return f"(−{text[1:]})" if text.startswith("-") else text


class Text:
    """The text of a formula while it is put together.

    An axis that ONNX has merged with the batch is two axes here, "n,i", wherever it is read or written.
    """

    def __init__(self) -> None:
        self.extents: dict[str, Any] = {}
        self.bindings: dict[str, Binding] = {}
        self.lines: list[str] = []
        self._names: dict[int, str] = {}
        self._letters = iter([*"ijklmpqrstuvoefgh", *(f"a{k}" for k in range(100))])

    def axis(self, extent: Size) -> str:
        """A new axis."""
        if isinstance(extent, Merged):
            pair = f"n,{next(self._letters)}"
            self.extents[pair] = extent
            return pair
        if isinstance(extent, int) and extent < 1:
            raise UnsupportedError("an axis is empty, expected at least one element along each")
        letter = "n" if extent is BATCH and "n" not in self.extents else next(self._letters)
        self.extents[letter] = extent
        return letter

    def axes(self, shape: Sequence[Size]) -> list[str]:
        return [self.axis(extent) for extent in shape]

    def read(self, value: Value, indices: Sequence[str], name: str = "x", *, outside: str | None = None) -> str:
        """An element of a value, by indices in ONNX's order."""
        if value.literal and value.array is not None and not np.isnan(value.array.reshape(-1)[0]):
            return number(float(value.array.reshape(-1)[0]))
        known = self._names.get(id(value.tensor))
        if known is None:
            known, count = name, 1
            while known in self.bindings or known in self.extents:
                count += 1
                known = f"{name}{count}"
            self.bindings[known] = value.tensor
            self._names[id(value.tensor)] = known
        places = list(indices)
        if value.batch is not None:
            places.insert(0, places.pop(value.batch))
        return f"{known}[{','.join(places)}{'' if outside is None else f' | {outside}'}]"

    def name_of(self, value: Value) -> str:
        """What the formula calls a value that it reads; "" where it writes its number."""
        return self._names.get(id(value.tensor), "")

    def bounded(self, *letters: str) -> list[str]:
        """Axes with their extents, as declarations have them."""
        return [a if self.extents[a] is BATCH else f"{a}<{self.extents[a]}" for a in letters]

    def broadcast(self, value: Value, letters: Sequence[str], name: str = "x") -> str:
        """An element of a value whose axes are the last of these, an axis of 1 standing for all."""
        own = letters[len(letters) - value.rank :]
        pairs = zip(own, value.shape, strict=True)
        return self.read(value, ["0" if e == 1 and self.extents[a] != 1 else a for a, e in pairs], name)

    def line(self, name: str, letters: Sequence[str], body: str) -> None:
        """A statement whose tensor later ones read, with its axes in the order of `letters`, the batch in front."""
        self.lines.append(f"{self.head(name, letters)} = {body}")

    def head(self, name: str, letters: Sequence[str]) -> str:
        """A tensor of these lines, at these axes."""
        front = [a for a in letters if not isinstance(self.extents[a], int)]
        return f"{name}[{','.join([*front, *(a for a in letters if a not in front)])}]"

    def result(
        self,
        letters: Sequence[str],
        body: str,
        dtype: np.dtype[Any],
        *,
        derivative: Mapping[str, str] | None = None,
    ) -> Value:
        """The value y that the formula gives, its last statement being of `body`; `derivative` as for `define`."""
        self.line("y", letters, body)
        return self.values({"y": (letters, dtype)}, derivative)[0]

    def values(
        self,
        wanted: Mapping[str, tuple[Sequence[str], np.dtype[Any]]],
        derivative: Mapping[str, str] | None = None,
    ) -> list[Value]:
        """Values of the lines so far, by their names."""
        check_size([self.extents[a] for a in max((letters for letters, _ in wanted.values()), key=len)])
        made = define_all("\n".join(self.lines), extents=self._given(), derivative=derivative, **self.bindings)
        return [self._value(made[name], letters, dtype) for name, (letters, dtype) in wanted.items()]

    def _given(self) -> dict[str, Any]:
        """The extent of each letter."""
        each: dict[str, Any] = {}
        for letters, extent in self.extents.items():
            if isinstance(extent, Merged):
                each |= zip(letters.split(","), (BATCH, extent.other), strict=True)
            else:
                each[letters] = extent
        return each

    def _value(self, tensor: Tensor, letters: Sequence[str], dtype: np.dtype[Any]) -> Value:
        places = [k for k, a in enumerate(letters) if not isinstance(self.extents[a], int)]
        if len(places) > 1:
            raise UnsupportedError("two axes of a value are the batch, expected one")
        extent = self.extents[letters[places[0]]] if places else None
        merged = extent if isinstance(extent, Merged) else None
        return Value(tensor, dtype, places[0] if places else None, merged=merged)


def check_size(shape: Sequence[Size]) -> None:
    """Refuse a value before memory is taken for it."""
    count = math.prod(e.other if isinstance(e, Merged) else e for e in shape if isinstance(e, int | Merged))
    if count > MAX_ELEMENTS:
        raise ShapeError(f"a value of shape {tuple(shape)} has {count:,} elements, expected at most {MAX_ELEMENTS:,}")


def broadcast_shapes(*shapes: Sequence[Any]) -> tuple[Any, ...]:
    """The shape of values that stretch their axes of 1 to each other's.

    Raises:
        ShapeError: they do not fit.
    """
    rank = max(map(len, shapes))
    result: list[Any] = []
    for place in range(rank):
        extents = [s[place - rank + len(s)] for s in shapes if place - rank + len(s) >= 0]
        known = {e for e in extents if e != 1}
        if len(known) > 1:
            raise ShapeError(f"shapes {' and '.join(str(tuple(s)) for s in shapes)} do not fit each other")
        result.append(known.pop() if known else 1)
    return tuple(result)


def elementwise(values: Sequence[Value], body: Callable[..., str], dtype: np.dtype[Any] | None = None) -> Value:
    """A function of every element of some values."""
    text = Text()
    letters = text.axes(broadcast_shapes(*(v.shape for v in values)))
    names = ["x"] if len(values) == 1 else ["x", "z", "w"]
    reads = [text.broadcast(v, letters, names[min(k, 2)]) for k, v in enumerate(values)]
    return text.result(letters, body(*reads), values[0].dtype if dtype is None else dtype)


def axis_of(axis: int, rank: int) -> int:
    """An axis, counted from the end where it is negative.

    Raises:
        ShapeError: there is none.
    """
    if not -rank <= axis < rank:
        raise ShapeError(f"axis {axis} does not exist in a value of {rank} axes")
    return axis % rank


def axes_of(axes: Sequence[int], rank: int) -> list[int]:
    return [axis_of(a, rank) for a in axes]


def size_of(extent: Size) -> int:
    """An extent that has to be a number."""
    if not isinstance(extent, int):
        raise UnsupportedError(
            "the size of the batch is needed here, which only the run knows (where another axis is it, input_shapes "
            "can say so)"
        )
    return extent
