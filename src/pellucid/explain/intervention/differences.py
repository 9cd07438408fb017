"""`compare`: why a value is another one in another network, at another step of a training, or for another input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import Factor, Term, number
from pellucid.explain.explanation import Explanation
from pellucid.explain.intervention.comparison import Comparison, Pair
from pellucid.explain.trace import Trace, as_batch, trace
from pellucid.formula import Tensor
from pellucid.formula.expressions import reads
from pellucid.network import BaseNetwork


@dataclass(frozen=True)
class TermChange:
    """The change of one term: how much of it its weights make, and how much what came in."""

    pair: Pair
    weights: float
    inputs: float

    @property
    def change(self) -> float:
        return self.weights + self.inputs


@dataclass(frozen=True, repr=False)
class Difference:
    """The change of one value from one network to another, term by term.

    Attributes:
        comparison: both arithmetics side by side.
        terms: every term's change, the largest first.
        differing: what the value is computed from and that differs, in the order in which it is computed: the path and
            the largest absolute difference of an element.
    """

    comparison: Comparison
    terms: tuple[TermChange, ...]
    differing: tuple[tuple[str, float], ...]

    @property
    def change(self) -> float:
        """The second value minus the first."""
        return self.comparison.change

    @property
    def weights(self) -> float:
        """What changes of parameters in this one statement make of the change."""
        return float(sum(t.weights for t in self.terms))

    @property
    def inputs(self) -> float:
        """What changes of the values that came in make of it."""
        return float(sum(t.inputs for t in self.terms))

    @property
    def residual(self) -> float:
        """What is missing: the engine's rounding."""
        return self.change - self.weights - self.inputs

    @property
    def first(self) -> str:
        """The path of the first value, or parameter, on the way to this one that differs; "" where none does."""
        return self.differing[0][0] if self.differing else ""

    def text(self, limit: int = 10) -> str:
        """The difference as lines of text."""
        both = self.comparison
        place = f"[{','.join(map(str, both.index))}]" if both.index else ""
        lines = [
            f"{both.path}{place} = {number(both.values[0])} → {number(both.values[1])} ({_signed(self.change)})",
            f"  weights {_signed(self.weights)}, what came in {_signed(self.inputs)}",
        ]
        rows = [("change", "weights", "came in", "term")]
        rows += [(_signed(t.change), _signed(t.weights), _signed(t.inputs), _text(t.pair)) for t in self.terms[:limit]]
        if rest := self.terms[limit:]:
            sums = [sum(parts) for parts in zip(*((t.change, t.weights, t.inputs) for t in rest), strict=True)]
            rows.append((*map(_signed, sums), f"{len(rest)} more term{'s' if len(rest) > 1 else ''}"))  # type: ignore[arg-type]
        widths = [max(len(row[k]) for row in rows) for k in range(3)]
        lines += ["  " + "  ".join([*(row[k].rjust(widths[k]) for k in range(3)), row[3]]) for row in rows]
        if self.first:
            lines.append(f"  the first that differs on the way: {self.first}, by up to {number(self.differing[0][1])}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()


def compare(
    a: BaseNetwork,
    b: BaseNetwork,
    x: Any,
    path: str,
    *,
    unit: int | None = None,
    index: int | Sequence[int] = (),
    at: int | Sequence[int] = (),
    time: int | None = None,
    other: Any = None,
) -> Difference:
    """Why a value differs between two networks of one architecture, such as one network before and after a training.

        pl.compare(before, after, x[0], "dense_3.sum", unit=7)

    The change of every term is shared out among its factors: a factor gets its change times the other factors' mean, so
    that the parts add up. `first` is where to go on: the first value on the way that differs.

    Args:
        x: an example, or a batch of which the first is taken.
        path, unit, index, at, time: which value, as in `explain`.
        other: the example that the second network is given, where that is another one; `a` and `b` may then be the
            same network.

    Raises:
        PellucidError: no such value, or formulas that differ: there is no difference of terms between them.
    """
    for net in (a, b):
        if not isinstance(net, BaseNetwork):
            raise PellucidError(f"compare takes two networks, got {type(net).__name__}: another example is other=…")
    runs = [trace(net, _first(net, given)) for net, given in ((a, x), (b, x if other is None else other))]
    name, _ = runs[0].split(path)
    runs[0].tensor(name)
    where: dict[str, Any] = {"unit": unit, "index": index, "at": at, "time": time}
    if name not in runs[1]:
        raise PellucidError(f"the second network has no value {name}: networks of one architecture can be compared")
    before, after = (run.explain(path, **where) for run in runs)
    if before.formula != after.formula or before.index != after.index or runs[0][name].shape != runs[1][name].shape:
        raise PellucidError(
            f"{name} is {before.formula} in the first network and {after.formula} in the second, of shapes "
            f"{runs[0][name].shape} and {runs[1][name].shape}: networks of one architecture can be compared"
        )
    return difference(runs[0], runs[1], before, after, a.parameters)


def difference(a: Trace, b: Trace, before: Explanation, after: Explanation, parameters: Container[str]) -> Difference:
    """The change of a value from one run to another, both of one architecture.

    Args:
        before, after: the value's arithmetic in either.
        parameters: the paths of what is learned.
    """
    both = Comparison(before.path, before.index, before, after, (before.value, after.value))
    terms = tuple(_shared(pair, parameters) for pair in both.terms())
    return Difference(both, terms, tuple(_differing(a, b, before.path)))


def _first(net: BaseNetwork, x: Any) -> Any:
    """The first example, as a batch of one."""
    x, _ = as_batch(net, x, None)
    if isinstance(x, Mapping):
        return {path: np.asarray(array)[:1] for path, array in x.items()}
    if isinstance(x, (list, tuple)):  # of one input the examples, rows or texts; of several an array for each
        return x[:1] if len(net.input_shapes) == 1 else [np.asarray(array)[:1] for array in x]
    return np.asarray(x)[:1] if np.ndim(x) else x


def _shared(pair: Pair, parameters: Container[str]) -> TermChange:
    """A term's change, shared out among weights and what came in."""
    if pair.before is None or pair.after is None or _form(pair.before) != _form(pair.after):
        return TermChange(pair, 0.0, pair.change)
    old, new = (_numbers(term) for term in (pair.before, pair.after))
    parts = _shapley(old, new)
    mine = [_is_weight(f, parameters) for f in (*pair.after.factors, *pair.after.divisors)]
    weights = float(sum(part for part, weight in zip(parts, mine, strict=True) if weight))
    return TermChange(pair, weights, pair.change - weights)


def _form(term: Term) -> tuple[int, int]:
    return len(term.factors), len(term.divisors)


def _numbers(term: Term) -> list[float]:
    """The factors of a term, those that it is divided by as their inverses."""
    return [f.value for f in term.factors] + [1 / f.value if f.value else math.nan for f in term.divisors]


def _is_weight(factor: Factor, parameters: Container[str]) -> bool:
    """Whether a factor is made of parameters alone."""
    return bool(factor.sources) and all(source.path in parameters for source in factor.sources)


def _shapley(old: Sequence[float], new: Sequence[float]) -> list[float]:
    """What each factor makes of the change of a product, on average over the orders in which they can change."""
    moving = [k for k in range(len(old)) if old[k] != new[k]]
    still = math.prod(old[k] for k in range(len(old)) if k not in moving)
    parts = [0.0] * len(old)
    count = len(moving)
    for k in moving:
        others = [m for m in moving if m != k]
        for size in range(count):
            weight = math.factorial(size) * math.factorial(count - 1 - size) / math.factorial(count)
            for moved in itertools.combinations(others, size):
                product = math.prod(new[m] if m in moved else old[m] for m in others)
                parts[k] += weight * still * product * (new[k] - old[k])
    return parts


def _differing(a: Trace, b: Trace, path: str) -> list[tuple[str, float]]:
    """What a value is computed from and that differs, in the order in which it is computed, parameters where they are
    read first."""
    behind: dict[Tensor, None] = {}
    waiting = [a.tensor(path)]
    while waiting:
        tensor = waiting.pop()
        statement = a.program.definition(tensor)
        for other in () if statement is None else dict.fromkeys(r.tensor for r in reads(statement.expression)):
            if other not in behind:
                behind[other] = None
                waiting.append(other)
    order: dict[Tensor, None] = {}
    for statement in a.program.statements:
        if statement.target in behind or statement.target is a.tensor(path):
            order |= dict.fromkeys(
                r.tensor
                for r in reads(statement.expression)
                if r.tensor in behind and a.program.definition(r.tensor) is None
            )
            order[statement.target] = None
    order.pop(a.tensor(path), None)
    found: list[tuple[str, float]] = []
    for tensor in order:
        name = a.program.names[tensor]
        if name in b and a[name].shape == b[name].shape and not np.array_equal(a[name], b[name], equal_nan=True):
            gap = np.abs(np.asarray(b[name], dtype=np.float64) - np.asarray(a[name], dtype=np.float64))
            found.append((name, float(np.nanmax(gap))))
    return found


def _text(pair: Pair) -> str:
    return " → ".join(dict.fromkeys(term.text for term in (pair.before, pair.after) if term is not None))


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"
