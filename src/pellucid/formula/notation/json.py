"""Formulas as JSON, for files and for the browser, and back.

    {"format": "pellucid.formula", "version": 1,
     "axes":       [{"name": "n", "extent": "batch"}, {"name": "u", "extent": 3, "bound": coefficient}],
     "tensors":    [{"name": "dense_1.sum", "letter": "z", "kind": "float", "axes": [0, 1]}],
     "statements": [{"target": 0, "expression": …, "letters": [[0, "z"]]}],
     "outputs":    {"loss": 3},           of a Program only, like its stages, which number its statements
     "stages":     [4, {"statements": [5, 6], "axes": [[0, 1]], "extent": 9, "reverse": false}]}

    expression  = {"constant": 0.5 | "inf" | "-inf", "name"?: "slope"} | {"index": index} | {"size": axis}
                | {"read": tensor, "indices": [index | expression], "outside"?: expression}
                | {"operation": "exp", "args": [expression]}
                | {"reduction": "sum" | "max" | "argmax", "axes": [axis], "body": expression}
    index       = {"terms": [[axis, coefficient]], "offset": [coefficient], "divisor": coefficient}
    coefficient = integer | {"value": 2, "name": "s", "minus"?: true, "high"?: 3}

Axes and tensors are numbers in their lists. A derivative stated by hand is code, so it stays behind: what it gave is
among the statements.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set
from typing import Any, Literal, NoReturn, TypeVar, get_args

from pellucid.errors import FormulaError, nearest
from pellucid.formula.axes import BATCH, Affine, Axis, Coefficient, Extent
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Index,
    Kind,
    Number,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
)
from pellucid.formula.parser import kind_of
from pellucid.formula.program import Loop, Program, arranged
from pellucid.formula.scalar import SCALARS

FORMAT, VERSION = "pellucid.formula", 1
_LARGEST = 2**53  # integers that every reader of JSON keeps
_DEEPEST = 100
_ReductionName = Literal["sum", "max", "argmax"]

T = TypeVar("T")


def to_json(what: Program | Iterable[Statement]) -> dict[str, Any]:
    """A program, or some statements, as what `json.dumps` takes; the layout stands at the top of this file."""
    writer = _Writer()
    if not isinstance(what, Program):
        return writer.document(tuple(what))
    writer.names = what.names
    for tensor in what.names:
        writer.tensor(tensor)
    document = writer.document(what.statements)
    places = {s.target: number for number, s in enumerate(what.statements)}
    document["outputs"] = {name: writer.tensor(t) for name, t in what.outputs.items()}
    document["stages"] = [writer.stage(stage, places) for stage in what.stages]
    return document


def from_json(data: object) -> Program | tuple[Statement, ...]:
    """The program, if the data has outputs, or else the statements; tensors get their statement as definition.

    Nothing in the data is ever run, and nothing in it is trusted: every number, name, axis and index is checked.

    Raises:
        FormulaError: the data is not what `to_json` writes; the message names the place.
    """
    return _Reader(data).document()


class _Writer:
    """Numbers axes and tensors in the order in which they come."""

    def __init__(self) -> None:
        self.names: dict[Tensor, str] = {}
        self.axes: dict[Axis, int] = {}
        self.tensors: dict[Tensor, int] = {}

    def document(self, statements: Sequence[Statement]) -> dict[str, Any]:
        written = [self.statement(s) for s in statements]
        tensors = [self.declared(t) for t in self.tensors]
        axes = [self.declared_axis(a) for a in self.axes]
        return {"format": FORMAT, "version": VERSION, "axes": axes, "tensors": tensors, "statements": written}

    def stage(self, stage: Statement | Loop, places: dict[Tensor, int]) -> Any:
        if isinstance(stage, Statement):
            return places[stage.target]
        return {
            "statements": [places[s.target] for s in stage.statements],
            "axes": [[self.tensor(t), self.axis(a)] for t, a in stage.axes.items()],
            "extent": stage.extent,
            "reverse": stage.reverse,
        }

    def tensor(self, tensor: Tensor) -> int:
        if tensor not in self.tensors:
            self.tensors[tensor] = len(self.tensors)
            for axis in tensor.axes:
                self.axis(axis)
        return self.tensors[tensor]

    def axis(self, axis: Axis) -> int:
        return self.axes.setdefault(axis, len(self.axes))

    def declared(self, tensor: Tensor) -> dict[str, Any]:
        axes = [self.axis(a) for a in tensor.axes]
        return {
            "name": self.names.get(tensor, tensor.name),
            "letter": tensor.letter,
            "kind": tensor.kind,
            "axes": axes,
        }

    def declared_axis(self, axis: Axis) -> dict[str, Any]:
        if axis.extent is None:
            raise FormulaError(f"axis {axis.name} has no extent yet")
        data = {"name": axis.name, "extent": "batch" if axis.extent is BATCH else axis.extent}
        return data if axis.bound is None else {**data, "bound": self.coefficient(axis.bound)}

    def statement(self, statement: Statement) -> dict[str, Any]:
        target = self.tensor(statement.target)
        expression = self.expression(statement.expression)
        letters = [[self.tensors[t], letter] for t, letter in statement.letters.items() if t in self.tensors]
        return {"target": target, "expression": expression, "letters": sorted(letters)}

    def expression(self, e: Expression) -> dict[str, Any]:
        match e:
            case Constant(value, name):
                return {"constant": _jsonable(value), **({"name": name} if name else {})}
            case Index(affine):
                return {"index": self.affine(affine)}
            case Size(axis):
                return {"size": self.axis(axis)}
            case Read(tensor, indices, outside):
                number = self.tensor(tensor)
                places = [self.affine(i) if isinstance(i, Affine) else self.expression(i) for i in indices]
                data = {"read": number, "indices": places}
                return data if outside is None else {**data, "outside": self.expression(outside)}
            case Operation(name, args):
                return {"operation": name, "args": [self.expression(a) for a in args]}
            case Reduction(name, axes, body):
                return {
                    "reduction": name,
                    "axes": [self.axis(a) for a in axes],
                    "body": self.expression(body),
                }
        raise TypeError(e)

    def affine(self, index: Affine) -> dict[str, Any]:
        return {
            "terms": [[self.axis(a), self.coefficient(c)] for a, c in index.terms],
            "offset": [self.coefficient(c) for c in index.offset],
            "divisor": self.coefficient(index.divisor),
        }

    def coefficient(self, c: Coefficient) -> int | dict[str, Any]:
        if c == Coefficient(c.value):
            return c.value
        minus = {"minus": True} if c.minus else {}
        high = {} if c.high is None else {"high": c.high}
        return {"value": c.value, "name": c.name, **minus, **high}


def _jsonable(value: Number) -> Number | str:
    if math.isnan(value):
        raise FormulaError("a formula with the constant NaN cannot be written")
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return int(value) if isinstance(value, int) else float(value)


class _Reader:
    """Reads what a writer wrote, and believes nothing; `at` is the place of which an error speaks."""

    def __init__(self, data: object) -> None:
        self.data = data
        self.at = "the formulas"
        self.axes: list[Axis] = []
        self.tensors: list[Tensor] = []

    def document(self) -> Program | tuple[Statement, ...]:
        data = self.record(self.data, {"format", "version", "axes", "tensors", "statements"}, {"outputs", "stages"})
        if data["format"] != FORMAT or data["version"] != VERSION or data["version"] is True:
            self.fail(f"expected the format {FORMAT}, version {VERSION}")
        for number, item in enumerate(self.sequence(data["axes"])):
            self.at = f"axis {number} of the formulas"
            self.axes.append(self.declared_axis(item))
        for number, item in enumerate(self.sequence(data["tensors"])):
            self.at = f"tensor {number} of the formulas"
            self.tensors.append(self.declared(item))
        statements: list[Statement] = []
        for number, item in enumerate(self.sequence(data["statements"])):
            self.at = f"statement {number} of the formulas"
            statements.append(self.statement(item))
        arranged(statements)  # refuses statements that need each other at the same step
        self.at = "the outputs of the formulas"
        if "outputs" not in data:
            return tuple(statements)
        if not isinstance(data["outputs"], dict):
            self.fail("expected an object")
        return Program({self.text(name): self.one(self.tensors, t, "tensor") for name, t in data["outputs"].items()})

    # Plain values

    def fail(self, message: str) -> NoReturn:
        raise FormulaError(f"{self.at} cannot be read: {message}")

    def record(self, value: object, needed: set[str], allowed: Set[str] = frozenset()) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(f"expected an object with {', '.join(sorted(needed))}, got {_named(value)}")
        if missing := sorted(needed - set(value)):
            self.fail(f"{', '.join(missing)} is missing")
        if foreign := [repr(k)[:40] for k in value if not isinstance(k, str) or k not in needed | allowed]:
            self.fail(f"{', '.join(foreign[:3])} has no meaning there")
        return value

    def sequence(self, value: object) -> Sequence[Any]:
        if not isinstance(value, (list, tuple)):
            self.fail(f"expected a list, got {_named(value)}")
        return value

    def pair(self, value: object) -> Sequence[Any]:
        if len(self.sequence(value)) != 2:
            self.fail("expected a pair")
        return self.sequence(value)

    def text(self, value: object) -> str:
        if not isinstance(value, str) or not value:
            self.fail(f"expected a name, got {_named(value)}")
        return value

    def whole(self, value: object, low: int = -_LARGEST) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= _LARGEST:
            self.fail(f"expected an integer from {low} to {_LARGEST}, got {_named(value)}")
        return value

    def one(self, things: Sequence[T], number: object, what: str) -> T:
        place = self.whole(number, 0)
        if place >= len(things):
            self.fail(f"there is no {what} {place}, only {len(things)} of them")
        return things[place]

    # Axes, tensors, statements

    def declared_axis(self, value: object) -> Axis:
        data = self.record(value, {"name", "extent"}, {"bound"})
        extent: Extent = BATCH if data["extent"] == "batch" else self.whole(data["extent"], 0)
        bound = self.coefficient(data["bound"]) if "bound" in data else None
        return Axis(self.text(data["name"]), extent, bound=bound)

    def declared(self, value: object) -> Tensor:
        data = self.record(value, {"name", "letter", "kind", "axes"})
        kind: Kind
        for kind in get_args(Kind):
            if data["kind"] == kind:
                return Tensor(
                    self.text(data["name"]),
                    self.some_axes(data["axes"]),
                    kind=kind,
                    letter=self.text(data["letter"]),
                )
        self.fail(f"expected the kind float or int, got {_named(data['kind'])}")

    def some_axes(self, value: object) -> tuple[Axis, ...]:
        axes = tuple(self.one(self.axes, number, "axis") for number in self.sequence(value))
        if len(set(axes)) != len(axes):
            self.fail("one axis comes twice")
        return axes

    def statement(self, value: object) -> Statement:
        data = self.record(value, {"target", "expression", "letters"})
        target = self.one(self.tensors, data["target"], "tensor")
        if target.definition is not None:
            self.fail(f"{target.name} is defined twice")
        expression = self.expression(data["expression"], frozenset(target.axes))
        if target.kind == "int" and kind_of(expression) != "int":
            self.fail(f"{target.name} is said to hold integers, but its expression gives real ones")
        pairs = [self.pair(p) for p in self.sequence(data["letters"])]
        letters = {self.one(self.tensors, number, "tensor"): self.text(letter) for number, letter in pairs}
        return target.define(expression, letters)

    def expression(self, value: object, scope: frozenset[Axis], depth: int = 0) -> Expression:
        if depth > _DEEPEST:
            self.fail(f"its expression is nested more than {_DEEPEST} deep")
        kinds = ("constant", "index", "size", "read", "operation", "reduction")
        kind = next((k for k in kinds if isinstance(value, dict) and k in value), "")
        if kind == "constant":
            data = self.record(value, {"constant"}, {"name"})
            return Constant(self.number(data["constant"]), self.text(data["name"]) if "name" in data else "")
        if kind == "index":
            return Index(self.affine(self.record(value, {"index"})["index"], scope))
        if kind == "size":
            return Size(self.one(self.axes, self.record(value, {"size"})["size"], "axis"))
        if kind == "read":
            return self.read(self.record(value, {"read", "indices"}, {"outside"}), scope, depth)
        if kind == "operation":
            data = self.record(value, {"operation", "args"})
            name = self.text(data["operation"])
            args = tuple(self.expression(a, scope, depth + 1) for a in self.sequence(data["args"]))
            if name not in ("add", "mul") and name not in SCALARS:
                self.fail(f"there is no operation {name[:40]}.{nearest(name[:40], SCALARS)}")
            if len(args) < 2 if name in ("add", "mul") else len(args) != SCALARS[name].arity:
                self.fail(f"the operation {name} does not take {len(args)} arguments")
            return Operation(name, args)
        if kind == "reduction":
            data = self.record(value, {"reduction", "axes", "body"})
            axes = self.some_axes(data["axes"])
            name_: _ReductionName
            for name_ in get_args(_ReductionName):
                if data["reduction"] == name_ and axes:
                    return Reduction(name_, axes, self.expression(data["body"], scope | set(axes), depth + 1))
            self.fail(
                f"expected sum, max or argmax over axes, got {_named(data['reduction'])} over {len(axes)} of them"
            )
        self.fail(f"expected an expression ({', '.join(kinds)}), got {_named(value)}")

    def read(self, data: dict[str, Any], scope: frozenset[Axis], depth: int) -> Read:
        tensor = self.one(self.tensors, data["read"], "tensor")
        outside = self.expression(data["outside"], scope, depth + 1) if "outside" in data else None
        items = self.sequence(data["indices"])
        if len(items) != tensor.rank:
            self.fail(f"{tensor.name} has {tensor.rank} axes, got {len(items)} indices")
        indices: list[Affine | Expression] = []
        for item, axis in zip(items, tensor.axes, strict=True):
            if isinstance(item, dict) and "terms" in item:
                index = self.affine(item, scope)
                if outside is None and not index.within(axis.extent):
                    self.fail(f"an index may leave {tensor.name} along {axis.name}, and nothing says what lies outside")
                indices.append(index)
            else:
                element = self.expression(item, scope, depth + 1)
                if not isinstance(element, Read) or element.tensor.kind != "int":
                    self.fail(f"an index into {tensor.name} is not an element of a tensor of integers")
                indices.append(element)
        return Read(tensor, tuple(indices), outside)

    def number(self, value: object) -> Number:
        if value in ("inf", "-inf"):
            return math.inf if value == "inf" else -math.inf
        if isinstance(value, int):
            return self.whole(value)
        if not isinstance(value, float) or not math.isfinite(value):
            self.fail(f'expected a finite number, "inf" or "-inf", got {_named(value)}')
        return value

    def affine(self, value: object, scope: frozenset[Axis]) -> Affine:
        data = self.record(value, {"terms", "offset", "divisor"})
        pairs = [self.pair(p) for p in self.sequence(data["terms"])]
        terms = tuple((self.one(self.axes, number, "axis"), self.coefficient(c)) for number, c in pairs)
        for axis, _ in terms:
            if axis not in scope:
                self.fail(f"axis {axis.name} is used where nothing declares it")
        self.some_axes([number for number, _ in pairs])
        divisor = self.coefficient(data["divisor"])
        if divisor.value < 1:
            self.fail("an index can be divided only by an integer of at least 1")
        return Affine(terms, tuple(self.coefficient(c) for c in self.sequence(data["offset"])), divisor)

    def coefficient(self, value: object) -> Coefficient:
        if not isinstance(value, dict):
            return Coefficient(self.whole(value))
        data = self.record(value, {"value", "name"}, {"minus", "high"})
        if not isinstance(data["name"], str) or not isinstance(data.get("minus", False), bool):
            self.fail("a coefficient's name is a text, and its minus true or false")
        high = self.whole(data["high"]) if "high" in data else None
        return Coefficient(self.whole(data["value"]), data["name"], data.get("minus", False), high)


def _named(value: object) -> str:
    """A value in short: it may be huge, or contain itself."""
    if isinstance(value, str):
        return repr(value[:40])
    if value is None or isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < 10**30):
        return repr(value)
    return "a huge number" if isinstance(value, int) else f"a {type(value).__name__}"
