"""Formulas as text, in the language that the parser reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import (
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
_SUM, _PRODUCT, _POWER, _ATOM = range(4)
_COMPARE = {"lt": " < ", "le": " ≤ ", "eq": " = "}


def unicode(statement: Statement, names: Names | None = None) -> str:
    """`dw[i,o] = Σ_n x[n,i]·dy[n,o]`: the statement as text, with its author's letters or with the names given.

    An axis whose extent the formula declares itself prints with it (`max[u<K]`).
    """
    used = letters(statement) if names is None else names
    printer = Printer(used)
    target = statement.target
    axes = ",".join(printer.declare(a) for a in statement.axes)
    left = f"{used.get(target, target.name)}[{axes}]" if statement.axes else used.get(target, target.name)
    return f"{left} = {printer.expression(statement.expression)}"


def letters(statement: Statement) -> dict[Tensor, str]:
    """A letter for every tensor of the statement; where two tensors have the same letter, their names."""
    tensors = dict.fromkeys([statement.target, *(r.tensor for r in reads(statement.expression))])
    found = {t: statement.letters.get(t, t.letter) for t in tensors}
    common = {l for l in found.values() if sum(1 for other in found.values() if other == l) > 1}
    return {t: t.name if l in common else l for t, l in found.items()}


def number_text(value: Number) -> str:
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return repr(value).replace("-", "−") if isinstance(value, int) else repr(value).replace("-", "−").replace("e−", "e-")


def affine_text(affine: Affine, axis_names: Mapping[Axis, str] | None = None) -> str:
    """`(k + p − u·d)/s`."""
    names = axis_names or {}
    parts: list[tuple[bool, str]] = []
    for axis, c in affine.terms:
        name = names.get(axis, axis.name)
        one = not c.name and abs(c.value) == 1
        parts.append((c.negative, name if one else f"{name}·{c.name}" if c.name else f"{c.text}·{name}"))
    parts += [(c.negative, c.text) for c in affine.offset]
    if not parts:
        return "0"
    parts.sort(key=lambda part: part[0])  # what is added before what is taken away: k + p − u·d, 1 − u
    text = ("−" if parts[0][0] else "") + parts[0][1]
    text += "".join((" − " if minus else " + ") + part for minus, part in parts[1:])
    if affine.divisor.value == 1 and not affine.divisor.name:
        return text
    return f"({text})/{affine.divisor.text}" if len(parts) > 1 or parts[0][0] else f"{text}/{affine.divisor.text}"


def read_text(read: Read, names: Names | None = None) -> str:
    return Printer(names or {}).expression(read)


class Printer:
    """Prints expressions; two axes of one statement never print with the same name."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.axes: dict[Axis, str] = {}

    def declare(self, axis: Axis) -> str:
        bound = self.bind(axis)
        return f"{bound}<{axis.bound.text}" if axis.bound is not None else bound

    def bind(self, axis: Axis) -> str:
        name = axis.name
        while name in self.axes.values():
            name += "′"
        self.axes[axis] = name
        return name

    def affine(self, affine: Affine) -> str:
        return affine_text(affine, self.axes)

    def expression(self, e: Expression, level: int = _SUM) -> str:
        text, binds = self._text(e)
        return f"({text})" if binds < level else text

    def _text(self, e: Expression) -> tuple[str, int]:
        match e:
            case Constant(value, name):
                return (name, _ATOM) if name else (number_text(value), _ATOM if value >= 0 else _PRODUCT)
            case Index(affine):
                bare = affine.bare
                return (self.affine(affine), _ATOM if bare else _SUM)
            case Size(axis):
                return f"size({self.axes.get(axis, axis.name)})", _ATOM
            case Read():
                return self._read(e), _ATOM
            case Reduction():
                return self._reduction(e), _PRODUCT
            case Operation():
                return self._operation(e)
        raise TypeError(e)

    def _read(self, e: Read) -> str:
        name = self.names.get(e.tensor, e.tensor.name)
        if not e.indices:
            return name
        indices = [self.affine(i) if isinstance(i, Affine) else self.expression(i) for i in e.indices]
        separator = "," if all(len(i) < 3 or "[" in i for i in indices) else ", "
        outside = "" if e.outside is None else f" | {self.expression(e.outside)}"
        return f"{name}[{separator.join(indices)}{outside}]"

    def _reduction(self, e: Reduction, word: str | None = None, body: Expression | None = None) -> str:
        saved = dict(self.axes)
        names = [self.bind(a) for a in e.axes]
        short = all(len(n.rstrip("′")) == 1 and a.bound is None for n, a in zip(names, e.axes, strict=True))
        word = word or {"sum": "Σ"}.get(e.name, e.name)
        declared = ",".join(n if a.bound is None else f"{n}<{a.bound.text}" for n, a in zip(names, e.axes, strict=True))
        head = f"{word}_{''.join(names)}" if short else f"{word}[{declared}]"
        text = f"{head} {self.expression(body or e.body, _PRODUCT)}"
        self.axes = saved
        return text

    def _operation(self, e: Operation) -> tuple[str, int]:
        match e.name, e.args:
            case "add", args:
                return self._sum(args), _SUM
            case "mul", (Constant(-1, ""), Reduction("max", _, body) as inner) if coefficient(body)[0] == -1:
                return self._reduction(inner, "min", -body), _PRODUCT
            case "mul", (Constant(value, ""), *rest) if value == -1:
                return "−" + self._product(tuple(rest)), _PRODUCT
            case "mul", args:
                return self._product(args), _PRODUCT
            case "div", (over, under):
                return f"{self._factor(over, last=False)}/{self.expression(under, _POWER)}", _PRODUCT
            case "pow", (base, exponent):
                if exponent in (Constant(2), Constant(3)):
                    return self.expression(base, _ATOM) + ("²" if exponent == Constant(2) else "³"), _POWER
                return f"{self.expression(base, _ATOM)}^{self.expression(exponent, _ATOM)}", _POWER
            case ("lt" | "le" | "eq"), _:
                return f"[{self.comparison(e)}]", _ATOM
            case "and", args:
                return f"[{' and '.join(map(self.comparison, args))}]", _ATOM
            case "where", (condition, *branches):
                return f"where({', '.join([self.comparison(condition), *map(self.expression, branches)])})", _ATOM
            case name, args:
                return f"{name}({', '.join(map(self.expression, args))})", _ATOM
        raise TypeError(e)

    def comparison(self, e: Expression) -> str:
        if isinstance(e, Operation) and e.name in _COMPARE:
            return _COMPARE[e.name].join(map(self.expression, e.args))
        return self.expression(e)

    def _sum(self, args: Sequence[Expression]) -> str:
        text = ""
        for place, term in enumerate(args):
            printed = self.expression(term, _PRODUCT)
            minus = printed.startswith("−")
            text += printed if place == 0 else (" − " + printed[1:] if minus else " + " + printed)
        return text

    def _product(self, args: tuple[Expression, ...]) -> str:
        return "·".join(self._factor(a, last=a is args[-1]) for a in args)

    def _factor(self, e: Expression, *, last: bool) -> str:
        """A factor; a Σ swallows what follows it, so only the last one goes without brackets."""
        if isinstance(e, Reduction):
            return self.expression(e, _PRODUCT if last else _ATOM)
        if isinstance(e, Operation) and e.name == "mul":
            return self._product(e.args)
        return self.expression(e, _PRODUCT if isinstance(e, Operation) and e.name == "div" else _POWER)
