"""Formulas as text, in the language that the parser reads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pellucid.formula.axes import ONE, Affine, Axis, Coefficient
from pellucid.formula.expressions import (
    UNIT,
    Constant,
    Expression,
    Index,
    Number,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
    coefficient,
    reads,
)

Names = Mapping[Tensor, str]
SUM, PRODUCT, POWER, ATOM = range(4)
_READABLE = re.compile(r"[^\W\d²³][^\W²³]*(\.[^\W\d²³][^\W²³]*)*")


def unicode(statement: Statement, names: Names | None = None) -> str:
    """`dw[i,o] = Σ_n x[n,i]·dy[n,o]`: the statement as text, with its author's letters or with the names given.

    An axis whose extent the formula declares itself prints with it (`max[u<K]`).
    """
    return Printer(letters(statement) if names is None else names).statement(statement)


def letters(statement: Statement) -> dict[Tensor, str]:
    """A letter for every tensor of the statement; where two have the same one, their names, or the letter with a
    prime."""
    tensors = dict.fromkeys([statement.target, *(r.tensor for r in reads(statement.expression))])
    letter_of = {t: statement.letters.get(t, t.letter) for t in tensors}
    given = list(letter_of.values())
    names = [t.name for t in tensors]
    used: set[str] = set()
    for tensor, letter in letter_of.items():
        telling = names.count(tensor.name) == 1 and _READABLE.fullmatch(tensor.name)
        name = tensor.name if given.count(letter) > 1 and telling else letter
        while name in used:
            name += "′"
        used.add(name)
        letter_of[tensor] = name
    return letter_of


def number_text(value: Number) -> str:
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value)).replace("-", "−")
    return repr(float(value)).replace("-", "−").replace("e−", "e-")


def affine_text(affine: Affine) -> str:
    """`(k + p − u·d)/s`."""
    return Printer({}).affine(affine)


def read_text(read: Read, names: Names | None = None) -> str:
    return Printer(names or {}).expression(read)


class Printer:
    """Prints statements and expressions as text; the notations that inherit from it change only their signs.

    No two things of one statement print with the same name: an axis gets a prime, a number is written out instead.
    """

    minus = "−"
    signs: Mapping[str, str] = {"lt": "<", "le": "≤", "eq": "=", "and": "and"}

    def __init__(self, names: Names) -> None:
        self.names = names
        self.axes: dict[Axis, str] = {}
        self.scalars = {name for tensor, name in names.items() if not tensor.axes}
        self.values: dict[str, Number | None] = dict.fromkeys(names.values())

    def statement(self, statement: Statement) -> str:
        name = self.name(self.names.get(statement.target, statement.target.name))
        axes = [self.declare(a) for a in statement.axes]
        return f"{self.indexed(name, axes)} = {self.expression(statement.expression)}"

    # Signs: what another notation writes in another way

    def name(self, name: str) -> str:
        return name

    def number(self, value: Number) -> str:
        return number_text(value)

    def bracket(self, text: str) -> str:
        return f"({text})"

    def iverson(self, text: str) -> str:
        return f"[{text}]"

    def indexed(self, name: str, indices: Sequence[str], outside: str = "") -> str:
        if not indices:
            return name
        separator = "," if all(len(i) < 3 or "[" in i or "<" in i for i in indices) else ", "
        return f"{name}[{separator.join(indices)}{outside and ' | '}{outside}]"

    def reduced(self, word: str, axes: Sequence[str], bounds: Sequence[str], body: str) -> str:
        short = not any(bounds) and all(len(a.rstrip("′")) == 1 and a[0].isalpha() for a in axes)
        declared = ",".join(f"{a}<{bound}" if bound else a for a, bound in zip(axes, bounds, strict=True))
        word = {"sum": "Σ"}.get(word, word)
        return f"{word}_{''.join(axes)} {body}" if short else f"{word}[{declared}] {body}"

    def product(self, factors: Sequence[str]) -> str:
        return "·".join(factors)

    def quotient(self, over: Expression, under: Expression) -> tuple[str, int]:
        return f"{self._factor(over, first=True)}/{self.expression(under, POWER)}", PRODUCT

    def power(self, base: Expression, exponent: Expression) -> str:
        short = "²" if exponent == Constant(2) else "³" if exponent == Constant(3) else ""
        return self.expression(base, ATOM) + (short or f"^{self.expression(exponent, ATOM)}")

    def where(self, condition: str, yes: str, no: str) -> tuple[str, int]:
        return f"where({condition}, {yes}, {no})", ATOM

    def call(self, function: str, args: Sequence[Expression]) -> str:
        return f"{function}({', '.join(map(self.expression, args))})"

    # Axes and indices

    def declare(self, axis: Axis) -> str:
        name = self.bind(axis)
        return name if axis.bound is None else f"{name}<{self.bound(axis)}"

    def bound(self, axis: Axis) -> str:
        return "" if axis.bound is None else self._coefficient(axis.bound)[1]

    def bind(self, axis: Axis) -> str:
        name = axis.name
        while name in self.scalars or name in self.axes.values():
            name += "′"
        self.axes[axis] = name
        return self.name(name)

    def _axis(self, axis: Axis) -> str:
        return self.name(self.axes.get(axis, axis.name))

    def affine(self, affine: Affine) -> str:
        parts: list[tuple[bool, str]] = []
        for axis, c in affine.terms:
            name = self._axis(axis)
            minus, text = self._coefficient(c)
            named = not text[0].isdigit()
            parts.append((minus, name if text == "1" else self.product([name, text] if named else [text, name])))
        parts += [self._coefficient(c) for c in affine.offset]
        if not parts:
            return "0"
        parts.sort(key=lambda part: part[0])  # what is added before what is taken away: k + p − u·d, 1 − u
        text = self._signed(parts)
        if affine.divisor == ONE:
            return text
        _, by = self._coefficient(affine.divisor)
        by = f"({by})" if "·" in affine.divisor.name else by
        return f"({text})/{by}" if len(parts) > 1 or parts[0][0] else f"{text}/{by}"

    def _coefficient(self, c: Coefficient) -> tuple[bool, str]:
        """Whether a minus stands before the coefficient, and the rest."""
        if c.name and self._means(c.name, -c.value if c.minus else c.value):
            return c.minus, self.product([self.name(part) for part in c.name.split("·")])
        return c.value < 0, self.number(abs(c.value))

    def _means(self, name: str, value: Number) -> bool:
        """Whether the name can stand for the number here, and for nothing else."""
        free = not any(part in self.axes.values() for part in name.split("·"))
        return free and self.values.setdefault(name, value) == value

    def _signed(self, parts: Sequence[tuple[bool, str]]) -> str:
        first, *more = parts
        text = (self.minus if first[0] else "") + first[1]
        return text + "".join(f" {self.minus if minus else '+'} {part}" for minus, part in more)

    # Expressions

    def expression(self, e: Expression, level: int = SUM) -> str:
        text, binds = self._text(e)
        return self.bracket(text) if binds < level else text

    def _text(self, e: Expression) -> tuple[str, int]:
        match e:
            case Constant(value, name) if name and self._means(name, value):
                return self.name(name), ATOM
            case Constant(value):
                return self.number(value), ATOM if value >= 0 else PRODUCT
            case Index(affine):
                single = len(affine.terms) + len(affine.offset) == 1
                return self.affine(affine), ATOM if affine.bare else PRODUCT if single else SUM
            case Size(axis):
                return self.call("size", (Index(Affine.of(axis)),)), ATOM
            case Read(tensor, indices, outside):
                places = [self.affine(i) if isinstance(i, Affine) else self.expression(i) for i in indices]
                name = self.name(self.names.get(tensor, tensor.name))
                return self.indexed(name, places, "" if outside is None else self.expression(outside)), ATOM
            case Reduction(name, axes, body):
                return self._reduction(name, axes, body), PRODUCT
            case Operation(name, args):
                return self._operation(name, args)
        raise TypeError(e)

    def _reduction(self, word: str, axes: Sequence[Axis], body: Expression) -> str:
        if word == "argmax" and coefficient(body)[0] == -1:
            word, body = "argmin", -body
        saved = dict(self.axes)
        names = [self.bind(a) for a in axes]
        text = self.reduced(word, names, [self.bound(a) for a in axes], self.expression(body, PRODUCT))
        self.axes = saved
        return text

    def _operation(self, name: str, args: tuple[Expression, ...]) -> tuple[str, int]:
        match name, args:
            case "add", _:
                texts = [self.expression(a, PRODUCT) for a in args]
                return self._signed([(t.startswith(self.minus), t.removeprefix(self.minus)) for t in texts]), SUM
            case "mul", (Constant(-1, ""), Reduction("max", axes, body)) if coefficient(body)[0] == -1:
                return self._reduction("min", axes, -body), PRODUCT
            case "mul", (Constant(value, ""), Operation("div", (over, under)), *rest) if (
                over == UNIT and abs(value) != 1
            ):
                first = Operation("div", (Constant(abs(value)), under))
                return (self.minus if value < 0 else "") + self._product((first, *rest)), PRODUCT
            case "mul", (Constant(value, ""), *rest) if value < 0:
                number = () if value == -1 else (Constant(-value),)
                return self.minus + self._product((*number, *rest)), PRODUCT
            case "mul", _:
                return self._product(args), PRODUCT
            case "div", (over, under):
                return self.quotient(over, under)
            case "pow", (base, exponent):
                return self.power(base, exponent), POWER
            case (("lt" | "le" | "eq" | "and"), _):
                return self.iverson(self.condition(Operation(name, args))), ATOM
            case "where", (condition, yes, no):
                return self.where(self.condition(condition), self.expression(yes), self.expression(no))
        return self.call(name, args), ATOM

    def condition(self, e: Expression) -> str:
        """A comparison, or several, without their bracket."""
        match e:
            case Operation("and", (left, right)):
                joined = isinstance(right, Operation) and right.name == "and"
                last = self.expression(right) if joined else self.condition(right)
                return f"{self.condition(left)} {self.signs['and']} {last}"
            case Operation("lt" | "le" | "eq" as name, (left, right)):
                return f"{self.expression(left)} {self.signs[name]} {self.expression(right)}"
        return self.expression(e)

    def _product(self, args: tuple[Expression, ...]) -> str:
        """A product; a Σ swallows what follows it, so only the last factor may be one without brackets."""
        first = int(isinstance(args[0], Constant) and not args[0].name)
        last = len(args) - 1
        return self.product([self._factor(a, first=i <= first, last=i == last) for i, a in enumerate(args)])

    def _factor(self, e: Expression, *, first: bool = False, last: bool = False) -> str:
        """A factor; a quotient needs no brackets where nothing but a number stands before it."""
        match e:
            case Operation("mul", args):
                text = self._product(args)
                return text if last or not isinstance(args[-1], Reduction) else self.bracket(text)
            case Reduction():
                return self.expression(e, PRODUCT if last else ATOM)
            case Operation("div") if first:
                return self.expression(e, PRODUCT)
        return self.expression(e, POWER)
