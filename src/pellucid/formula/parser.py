"""From the text of a formula to expressions. Every error points into the text with a caret.

Grammar, loosest first (`·` or `*`, `−` or `-`, `…` or `...`, `Σ[i,j]` or `Σ_ij`; a reduction takes the whole product
after it):

    statement  = name "[" axis "," … "]" "=" sum            axis = name | name "<" integer | "…"
    compare    = sum (("<" | "≤" | "=" | "≥" | ">") sum)*    inside [ ] and as the condition of where( )
    sum        = product (("+" | "−") product)*
    product    = "−"? sign (("·" | "/") sign)*
    sign       = "−" sign | power
    power      = atom ("^" sign | "²" | "³")*
    atom       = number | name | read | call | "(" sum ")" | "[" compare "]" | reduction product
    read       = name "[" index "," … ("|" sum)? "]"
    reduction  = ("Σ" | "max" | "min" | "argmax" | "argmin") "[" axis "," … "]"
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from pellucid.errors import FormulaError, nearest
from pellucid.formula.axes import ONE, Affine, Axis, Coefficient, Extent
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
    Tensor,
    add,
    divide,
    multiply,
    power,
)
from pellucid.formula.scalar import SCALARS, SPELLINGS

Binding = Tensor | Number | tuple[int, int]

_NAME = r"[^\W\d²³][^\W²³]*"
_TOKENS = re.compile(
    r"(?P<space>[ \t\r]+|\#[^\n]*)|(?P<newline>[\n;])|(?P<number>(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?)"
    r"|(?P<ellipsis>\.\.\.|…)"
    rf"|(?P<name>{_NAME}(['′]+[^\W²³]+)*['′]*(\.{_NAME}['′]*)*)|(?P<sign><=|>=|[≤≥<>=+\-−·*×/^²³()\[\],|√∞])"
)
_SAME = {"−": "-", "*": "·", "×": "·", "<=": "≤", ">=": "≥", "...": "…"}
_REDUCTIONS = {"Σ": "sum", "sum": "sum", "max": "max", "min": "min", "argmax": "argmax", "argmin": "argmin"}
_LETTERS = re.compile(rf"({'|'.join(_REDUCTIONS)})_((?:[^\W\d_]′*)+)$")
_LONGEST_NUMBER = 40
_CONSTANTS: dict[str, float] = {"π": math.pi, "inf": math.inf}


@dataclass(frozen=True, slots=True)
class Token:
    kind: Literal["number", "ellipsis", "name", "sign", "newline", "end"]
    text: str
    at: int


@dataclass(slots=True)
class Scope:
    """What the names of a formula mean: tensors and numbers everywhere, axes inside their statement or reduction."""

    bindings: dict[str, Binding]
    axes: dict[str, Axis] = field(default_factory=dict)
    ellipsis: tuple[Axis, ...] | None = None

    def inner(self, axes: Mapping[str, Axis], ellipsis: tuple[Axis, ...] | None) -> Scope:
        return Scope(self.bindings, {**self.axes, **axes}, self.ellipsis if ellipsis is None else ellipsis)


@dataclass(slots=True)
class Parsed:
    """One statement as written: the target and the right side, and where its reads and axes stand in the text."""

    target: Tensor
    expression: Expression
    at: int
    reads: list[tuple[Read, int]]
    axes: list[tuple[Axis, int]]


def raise_at(text: str, at: int, message: str) -> NoReturn:
    """Raise a FormulaError with a caret under the place."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    raise FormulaError(f"{message}\n    {line}\n    {' ' * (at - start)}^")


def tokenize(text: str) -> list[Token]:
    """Tokens; a line ends a statement unless a bracket is open or a sign asks for more."""
    tokens: list[Token] = []
    at = depth = 0
    while at < len(text):
        match = _TOKENS.match(text, at)
        if match is None:
            raise_at(text, at, f"a formula cannot contain {text[at]!r}")
        kind = match.lastgroup or ""
        if kind in ("number", "ellipsis", "name", "sign"):
            word = _SAME.get(match.group(), match.group()).replace("'", "′")
            depth += (word in ("(", "[")) - (word in (")", "]"))
            if tokens and tokens[-1].kind == "newline" and word in ("+", "·", "/", "=") and kind == "sign":
                tokens.pop()
            tokens.append(Token(kind, word, at))  # type: ignore[arg-type]
        elif match.group("newline") and depth <= 0 and tokens:
            more = tokens[-1].kind == "sign" and tokens[-1].text in "+-·/=,|<("
            if not more and tokens[-1].kind != "newline":
                tokens.append(Token("newline", "\n", at))
        at = match.end()
    if tokens and tokens[-1].kind == "newline":
        tokens.pop()
    tokens.append(Token("end", "the end", len(text)))
    return tokens


class Parser:
    """A recursive-descent parser of one formula of one or more statements."""

    def __init__(self, text: str, bindings: Mapping[str, Binding], extents: Mapping[str, Extent] | None = None) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.place = 0
        self.scope = Scope(dict(bindings))
        self.extents = extents or {}
        self.ellipsis = self._ellipsis()
        self.reads: list[tuple[Read, int]] = []
        self.axes: list[tuple[Axis, int]] = []

    # Tokens

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def take(self, *texts: str) -> Token | None:
        """Step over the next token if it is a sign (or the ellipsis) with one of these texts."""
        token = self.next
        if token.kind in ("sign", "ellipsis") and token.text in texts:
            self.place += 1
            return token
        return None

    def expect(self, text: str) -> Token:
        token = self.take(text)
        if token is None:
            self.fail(f'expected "{text}" here, got {self._what(self.next)}')
        return token

    def name(self, of: str) -> Token:
        token = self.next
        if token.kind != "name":
            self.fail(f"expected the name of {of} here, got {self._what(token)}")
        self.place += 1
        return token

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        raise_at(self.text, self.next.at if at is None else at, message)

    @staticmethod
    def _what(token: Token) -> str:
        return {"end": "the end of the formula", "newline": "the end of the line"}.get(token.kind, f'"{token.text}"')

    # Statements

    def statements(self) -> list[Parsed]:
        """All statements. Their left sides are read first, so that each may read the others, and its own past."""
        heads = self._heads()
        parsed = []
        for start, at, target, scope in heads:
            self.place, self.scope = start, scope
            self.reads, self.axes = [], [(a, at) for a in target.axes]
            try:
                expression = self.sum()
            except RecursionError:
                self.fail("the formula is nested too deeply here")
            if self.next.kind not in ("newline", "end"):
                self.fail(f"expected an operator or the end of the statement, got {self._what(self.next)}")
            target.kind = kind_of(expression)
            parsed.append(Parsed(target, expression, at, self.reads, self.axes))
        return parsed

    def _heads(self) -> list[tuple[int, int, Tensor, Scope]]:
        heads: list[tuple[int, int, Tensor, Scope]] = []
        bindings = self.scope.bindings
        while True:
            token = self.name("the tensor that the statement defines")
            axes, ellipsis = self.declared() if self.take("[") else ((), None)
            self.expect("=")
            if any(target.name == token.text for _, _, target, _ in heads):
                self.fail(f"{token.text} is defined twice; each tensor has one statement", token.at)
            if token.text in bindings:
                self.fail(f"{token.text} is an argument of the formula and cannot be defined by it", token.at)
            target = Tensor(token.text, tuple(axes))
            target.kind = "int" if self.next.text.startswith("arg") else "float"
            scope = Scope(bindings, {a.name: a for a in axes if a not in (ellipsis or ())}, ellipsis)
            heads.append((self.place, token.at, target, scope))
            while self.next.kind not in ("newline", "end"):
                self.place += 1
            if self.next.kind == "end":
                break
            self.place += 1
        bindings.update({target.name: target for _, _, target, _ in heads})
        return heads

    def declared(self) -> tuple[tuple[Axis, ...], tuple[Axis, ...] | None]:
        """`i, u<K, …]`: the axes that a left side or a reduction declares, and which of them are the ellipsis."""
        axes: list[Axis] = []
        ellipsis: tuple[Axis, ...] | None = None
        while True:
            if self.take("…"):
                ellipsis = tuple(a.fresh() for a in self.ellipsis)
                axes += ellipsis
            elif not (self.next.text == "]" and not axes):
                token = self.name("an axis")
                if any(a.name == token.text for a in axes):
                    self.fail(f"axis {token.text} is declared twice", token.at)
                axes.append(self.axis(token))
            if self.take("]"):
                return tuple(axes), ellipsis
            self.expect(",")

    def axis(self, token: Token) -> Axis:
        axis = Axis(token.text, self.extents.get(token.text))
        if self.take("<"):
            at = self.next.at
            bound = self.index()
            if not isinstance(bound, Affine) or bound.terms or bound.constant < 1 or bound.divisor != ONE:
                self.fail(f"axis {token.text} needs an integer of at least 1 as its extent", at)
            axis.extent = bound.constant
            axis.bound = bound.offset[0] if len(bound.offset) == 1 else Coefficient(bound.constant)
        self.axes.append((axis, token.at))
        return axis

    def _ellipsis(self) -> tuple[Axis, ...]:
        """What `…` stands for: the axes of the first bound tensor read with it that are not indexed one by one."""
        for place, token in enumerate(self.tokens[:-1]):
            tensor = self.scope.bindings.get(token.text)
            if token.kind != "name" or not isinstance(tensor, Tensor) or self.tokens[place + 1].text != "[":
                continue
            depth, indices, at_ellipsis = 0, 0, None
            for inner in self.tokens[place + 1 :]:
                depth += (inner.text in ("[", "(")) - (inner.text in ("]", ")"))
                if inner.kind == "ellipsis" and depth == 1:
                    at_ellipsis = indices
                indices += inner.text == "," and depth == 1
                if depth == 0 or (inner.text == "|" and depth == 1):
                    break
            if at_ellipsis is not None:
                count = tensor.rank - indices
                if count < 0:
                    self.fail(f"{token.text} has {tensor.rank} axes, too few for these indices", token.at)
                used = {t.text for t in self.tokens if t.kind == "name"}
                return tuple(
                    Axis(_unused(a.name, used), a.extent) for a in tensor.axes[at_ellipsis : at_ellipsis + count]
                )
        return ()

    # Expressions, loosest first

    def comparison(self) -> Expression:
        """`a < b`, also chained as in `0 ≤ t < n` and joined by `and`; or just a sum."""
        result = self.chain()
        while self.next.kind == "name" and self.next.text == "and":
            self.place += 1
            result = Operation("and", (result, self.chain()))
        return result

    def chain(self) -> Expression:
        left = self.sum()
        conditions: list[Expression] = []
        while sign := self.take("<", "≤", "=", "≥", ">"):
            right = self.sum()
            match sign.text:
                case "<":
                    conditions.append(Operation("lt", (left, right)))
                case "≤":
                    conditions.append(Operation("le", (left, right)))
                case "=":
                    conditions.append(Operation("eq", (left, right)))
                case ">":
                    conditions.append(Operation("lt", (right, left)))
                case "≥":
                    conditions.append(Operation("le", (right, left)))
            left = right
        if not conditions:
            return left
        result = conditions[0]
        for more in conditions[1:]:
            result = Operation("and", (result, more))
        return result

    def sum(self) -> Expression:
        parts = [self.product()]
        while sign := self.take("+", "-"):
            part = self.product()
            parts.append(-part if sign.text == "-" else part)
        return add(*parts)

    def product(self) -> Expression:
        minus = self.take("-")
        parts = [self.sign()]
        while sign := self.take("·", "/"):
            right = self.sign()
            parts = [*parts, right] if sign.text == "·" else [divide(multiply(*parts), right)]
        return -multiply(*parts) if minus else multiply(*parts)

    def sign(self) -> Expression:
        if self.take("-"):
            return -self.sign()
        return self.power()

    def power(self) -> Expression:
        base = self.atom()
        while sign := self.take("^", "²", "³"):
            exponent = self.sign() if sign.text == "^" else Constant({"²": 2, "³": 3}[sign.text])
            base = power(base, exponent)
        return base

    def atom(self) -> Expression:
        token = self.next
        if token.kind == "number":
            self.place += 1
            return Constant(float(token.text) if set(token.text) & set(".eE") else self.whole(token))
        if self.take("∞"):
            return Constant(math.inf)
        if self.take("("):
            inside = self.sum()
            self.expect(")")
            return inside
        if self.take("["):
            inside = self.comparison()
            self.expect("]")
            return inside
        if self.take("√"):
            return Operation("sqrt", (self.atom(),))
        if token.kind != "name":
            self.fail(f"expected a number, a name or a bracket here, got {self._what(token)}")
        self.place += 1
        following = self.next.text if self.next.kind == "sign" else ""
        letters = _LETTERS.match(token.text)
        if letters and token.text not in self.scope.bindings:
            names = re.findall(r"\w′*", letters.group(2))
            return self.reduction(letters.group(1), tuple(self._letter(n, token.at) for n in names), None)
        if following == "[" and token.text in _REDUCTIONS and token.text not in self.scope.bindings:
            self.take("[")
            return self.reduction(token.text, *self.declared())
        if following == "(":
            return self.call(token)
        return self.value(token)

    def _letter(self, name: str, at: int) -> Axis:
        axis = Axis(name, self.extents.get(name))
        self.axes.append((axis, at))
        return axis

    def reduction(self, word: str, axes: tuple[Axis, ...], ellipsis: tuple[Axis, ...] | None) -> Expression:
        outer = self.scope
        self.axes += [(a, self.next.at) for a in ellipsis or ()]
        self.scope = outer.inner({a.name: a for a in axes if a not in (ellipsis or ())}, ellipsis)
        body = self.product()
        self.scope = outer
        return reduction(_REDUCTIONS[word], axes, body)

    def call(self, token: Token) -> Expression:
        name = token.text
        self.expect("(")
        if name == "size":
            sizes: list[Expression] = []
            if self.take("…"):
                sizes += [Size(a) for a in self.scope.ellipsis or ()]
            else:
                axis = self.name("an axis")
                sizes.append(Size(self.known_axis(axis)))
            self.expect(")")
            return multiply(*sizes)
        if name not in SPELLINGS:
            known = [*SPELLINGS, *_REDUCTIONS, "size"]
            self.fail(f"there is no function {name}.{nearest(name, known)}", token.at)
        function = SPELLINGS[name]
        args: list[Expression] = []
        while True:
            if function == "uniform" and self.take("…"):
                args.append(Index(flat(self.scope.ellipsis or ())))
            else:
                args.append(self.comparison())
            if self.take(")"):
                break
            self.expect(",")
        if len(args) != SCALARS[function].arity:
            takes = _count(SCALARS[function].arity, "argument", "arguments")
            self.fail(f"{name} takes {takes}, got {len(args)}", token.at)
        return Operation(function, tuple(args))

    def value(self, token: Token) -> Expression:
        """A name in the place of a value: an axis, a tensor with its indices, a number."""
        name = token.text
        if self.is_axis(token):
            return Index(Affine.of(self.scope.axes[name]))
        if name in _CONSTANTS and name not in self.scope.bindings:
            return Constant(_CONSTANTS[name], name if name == "π" else "")
        if name not in self.scope.bindings:
            known = [*self.scope.bindings, *self.scope.axes]
            self.fail(f"{name} is neither a tensor, a number nor an axis here.{nearest(name, known)}", token.at)
        bound = self.scope.bindings[name]
        if isinstance(bound, tuple):
            return Constant(bound[0], name)
        if not isinstance(bound, Tensor):
            return Constant(bound, name)
        indices: list[Affine | Expression] = []
        outside: Expression | None = None
        if self.take("["):
            while not self.take("]"):
                if self.take("…"):
                    indices += [Affine.of(a) for a in self.scope.ellipsis or ()]
                else:
                    indices.append(self.index())
                if self.take("|"):
                    outside = self.sum()
                    self.expect("]")
                    break
                if self.next.text != "]":
                    self.expect(",")
        if len(indices) != bound.rank:
            self.fail(f"{name} has {_axes_of(bound)}, got {_count(len(indices), 'index', 'indices')}", token.at)
        read = Read(bound, tuple(indices), outside)
        self.reads.append((read, token.at))
        return read

    def is_axis(self, token: Token) -> bool:
        """Whether the name just taken, or about to be, is an axis here; with [ after it, it is a tensor of the same
        name."""
        after = self.tokens[self.place + (token is self.next)]
        indexed = after.text == "[" and isinstance(self.scope.bindings.get(token.text), Tensor)
        return token.kind == "name" and token.text in self.scope.axes and not indexed

    def whole(self, token: Token) -> int:
        if not token.text.isdigit():
            self.fail(f"an index is an integer, got {token.text}", token.at)
        if len(token.text) > _LONGEST_NUMBER:
            self.fail(f"an integer has at most {_LONGEST_NUMBER} digits", token.at)
        return int(token.text)

    def known_axis(self, token: Token) -> Axis:
        if token.text in self.extents and token.text not in self.scope.axes:
            return Axis(token.text, self.extents[token.text])  # an axis that the statement sums no longer: size(n)
        if token.text not in self.scope.axes:
            self.fail(f"there is no axis {token.text} here.{nearest(token.text, self.scope.axes)}", token.at)
        return self.scope.axes[token.text]

    # Indices

    def index(self) -> Affine | Expression:
        """An affine index, or an element of an integer tensor."""
        token = self.next
        bound = self.scope.bindings.get(token.text)
        if isinstance(bound, Tensor) and token.kind == "name" and not self.is_axis(token):
            if bound.kind != "int":
                self.fail(f"{token.text} holds real numbers and cannot be an index; only integers can")
            self.place += 1
            return self.value(token)
        total = self.index_product()
        while sign := self.take("+", "-"):
            part = self.index_product()
            if part.divisor != ONE or total.divisor != ONE:
                self.fail("an index is divided as a whole, as in (i + p)/s", sign.at)
            total = total + (-part if sign.text == "-" else part)
        return total

    def index_product(self) -> Affine:
        at = self.next.at
        result = self.index_atom()
        while sign := self.take("·", "/"):
            right = self.index_atom()
            if sign.text == "/":
                if right.terms or right.constant < 1:
                    self.fail("an index can be divided only by an integer of at least 1", at)
                if not result.terms and result.constant % right.constant:
                    self.fail(
                        f"{result.constant} cannot be divided by {right.constant}: an index is an integer",
                        at,
                    )
                by = right.constant
                result = result.over(_single(right)) if result.terms else Affine.of(result.constant // by)
            elif result.divisor != ONE or right.divisor != ONE:
                self.fail("an index is divided last, as in i·s/d", at)
            elif right.terms and result.terms:
                self.fail("an index is affine: it cannot multiply two axes", at)
            else:
                scale, other = (right, result) if result.terms else (result, right)
                result = other.scaled(_single(scale))
        return result

    def index_atom(self) -> Affine:
        token = self.next
        if self.take("-"):
            return -self.index_atom()
        if self.take("("):
            inside = self.index()
            self.expect(")")
            if not isinstance(inside, Affine):
                self.fail("an element of a tensor stands alone as an index", token.at)
            return inside
        if token.kind == "number":
            self.place += 1
            return Affine.of(self.whole(token))
        name = self.name("an axis or an integer")
        if name.text in self.scope.axes:
            return Affine.of(self.scope.axes[name.text])
        value = self.scope.bindings.get(name.text)
        if isinstance(value, tuple):
            return Affine((), (Coefficient(value[0], name.text, high=value[1]),))
        if isinstance(value, int):
            return Affine((), (Coefficient(value, name.text),))
        known = [*self.scope.axes, *(n for n, v in self.scope.bindings.items() if isinstance(v, int))]
        self.fail(f"there is no axis or integer {name.text} here.{nearest(name.text, known)}", name.at)


def reduction(word: str, axes: tuple[Axis, ...], body: Expression) -> Expression:
    """A reduction by its word; minima are maxima of the negative."""
    match word:
        case "sum" | "max" | "argmax":
            return Reduction(word, axes, body) if axes else body
        case "min":
            return -Reduction("max", axes, -body)
        case "argmin":
            return Reduction("argmax", axes, -body)
    raise FormulaError(f"there is no reduction {word}")


def flat(axes: tuple[Axis, ...]) -> Affine:
    """The place of an element when the axes are laid out one after the other, the last one fastest."""
    terms = []
    step = 1
    for axis in reversed(axes):
        terms.append((axis, Coefficient(step)))
        if axis is not axes[0]:
            if not isinstance(axis.extent, int):
                raise FormulaError(f"axis {axis.name} is the batch: it can be counted only as the first axis")
            step *= axis.extent
    return Affine(tuple(reversed(terms)))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _axes_of(tensor: Tensor) -> str:
    count = _count(tensor.rank, "axis", "axes")
    return f"{count} ({', '.join(a.name for a in tensor.axes)})" if tensor.rank else "no axes"


def _single(index: Affine) -> Coefficient:
    return index.offset[0] if len(index.offset) == 1 else Coefficient(index.constant)


def kind_of(expression: Expression) -> Kind:
    """What the expression's values are: winners, indices and elements of integer tensors are integers."""
    match expression:
        case Reduction("argmax") | Index() | Read(Tensor(kind="int")):
            return "int"
    return "float"


def _unused(name: str, used: set[str]) -> str:
    while name in used:
        name += "′"
    return name
