"""The reading of formulas as their derivative: reverse mode, one rule.

A read `T[e…]` inside `S[a…] = f` gives

    dT[k…] = Σ_a… dS[a…] · ∂f/∂T[e…] · Π [k = e]

and each equation k = e, affine, is solved for one of the summed axes, which then needs no sum. An axis of S is
eliminated before an axis of a reduction, so a convolution keeps the window of its kernel. What cannot be solved (an
element of an integer tensor, the mixed radix of a flattening) stays as its bracket [k = e].

Everything about T that the loss can see stands in the one statement of dT, its own past and future included: the
gradient of a recurrence is a recurrence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from pellucid.errors import FormulaError, ShapeError
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import (
    UNIT,
    ZERO,
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
    add,
    as_index,
    canonical,
    coefficient,
    divide,
    free_axes,
    multiply,
    reads,
    rename,
    substitute,
    terms,
    transform,
    value_of,
    walk,
)
from pellucid.formula.parser import flat
from pellucid.formula.scalar import SCALARS

T = TypeVar("T", bound=Hashable)
_UNDEFINED_AT_ZERO = {"div", "log", "pow", "exp", "sqrt", "log1p", "expm1"}


class Rules(Protocol):
    """What stands in the place of the derivative where a reading of the formulas shares a value out in another way.

    For every operation its multipliers: the value (or its change) is to be Σ multiplier·argument (or its change). Sums
    pass on what arrives at them.
    """

    def multipliers(self, e: Operation) -> Sequence[tuple[int, Expression]]:
        """For every argument that gets something, its place and its multiplier."""

    def passes(self, condition: Expression) -> bool:
        """Whether a condition is the same for everything that is compared: then the branch that is taken gets all."""

    def of_maximum(self, e: Reduction, free: tuple[Axis, ...], letters: Mapping[Tensor, str]) -> Expression:
        """The multiplier of the elements among which a maximum is chosen, over the axes of the maximum."""


@dataclass(frozen=True)
class Chain:
    """The chain rule on the way from a statement's target down to one read: adjoint and factors, in textbook order."""

    factors: tuple[Expression, ...]
    divisors: tuple[Expression, ...] = ()
    conditions: tuple[Expression, ...] = ()
    sums: tuple[Axis, ...] = ()

    def product(self) -> Expression:
        return divide(multiply(*self.factors), multiply(*self.divisors)) if self.divisors else multiply(*self.factors)


@dataclass
class Reverse:
    """One run of the reverse mode: the adjoint tensors, and what has been found to flow into each."""

    statements: list[Statement]
    active: set[Tensor]
    adjoints: dict[Tensor, Tensor] = field(default_factory=dict)
    contributions: dict[Tensor, list[Expression]] = field(default_factory=dict)
    letters: dict[Tensor, dict[Tensor, str]] = field(default_factory=dict)
    winners: dict[tuple[Tensor, object], Tensor] = field(default_factory=dict)
    rules: Rules | None = None

    def arguments(self, statement: Statement) -> list[Tensor]:
        """The tensors through which something may pass backwards from a statement, in the order of the text. A
        derivative that was stated by hand is one alone: other rules read the statement."""
        stated = statement.target.stated if self.rules is None else {}
        return list(stated or dict.fromkeys(r.tensor for r in reads(statement.expression)))


def derivative(
    output: Tensor, wrt: Iterable[Tensor], *, upstream: Tensor | None = None, rules: Rules | None = None
) -> dict[Tensor, Tensor]:
    """The gradients of `output` by each tensor of `wrt`, as new tensors with statements of their own.

    Args:
        output: a tensor of rank 0, or of any rank with `upstream`, ∂loss/∂output, of the same shape.
        wrt: tensors that the output may depend on; where it does not, the gradient is zero.
        rules: multipliers to take instead of slopes.

    Raises:
        FormulaError: the output has a rank and no upstream is given, or a tensor of integers is asked for.
        ShapeError: upstream has another shape than the output.
    """
    wanted = list(wrt)
    if output.rank and upstream is None:
        raise FormulaError(f"{output.name} has {output.rank} axes; give upstream, the gradient that arrives at it")
    if upstream is not None and upstream.shape != output.shape:
        raise ShapeError(f"{output.name} has the shape {output.shape}, got an upstream gradient of {upstream.shape}")
    if any(t.kind == "int" for t in wanted):
        raise FormulaError("a tensor of integers has no gradient")
    statements = reachable([output])
    run = Reverse(statements, set(wanted), rules=rules)
    _activate(run)
    for tensor in _on_the_way(run, output):
        axes = tuple(a.fresh() for a in tensor.axes)
        run.adjoints[tensor] = Tensor(f"d({tensor.name})", axes, letter=f"d{tensor.letter}")
        run.contributions[tensor] = []
        run.letters[tensor] = {}
    if output in run.adjoints:
        seed = run.adjoints[output]
        run.contributions[output].append(
            UNIT if upstream is None else upstream[tuple(seed.axes)] if seed.axes else Read(upstream, ())
        )
    done: set[Tensor] = set()
    for statement in reversed(statements):
        if statement.target in run.adjoints and statement.target not in done:
            _reverse(run, statement)
    _finish(run)
    return {t: run.adjoints.get(t) or _zeros(t) for t in wanted}


def reachable(outputs: Iterable[Tensor]) -> list[Statement]:
    """The statements that the outputs need, each after what it reads, as far as recurrences allow."""
    tensors = postorder(
        outputs, lambda t: [] if t.definition is None else [r.tensor for r in reads(t.definition.expression)]
    )
    return [s for t in tensors if (s := t.definition) is not None]


def postorder(roots: Iterable[T], needs: Callable[[T], Sequence[T]]) -> list[T]:
    """All that the roots need, and these, each once and after what it needs, as far as there are no cycles.

    Depth first: names and bits follow this order, which graphlib, that sorts level by level, does not give.
    """
    order: list[T] = []
    seen: set[T] = set()
    for root in roots:
        stack = [(root, False)]
        while stack:
            node, finished = stack.pop()
            if finished:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack += [(n, False) for n in reversed(needs(node)) if n not in seen]
    return order


def _activate(run: Reverse) -> None:
    """Count all that depends on what is wanted to it."""
    size = -1
    while size != len(run.active):
        size = len(run.active)
        for s in run.statements:
            new = s.target.kind == "float" and s.target not in run.active
            if new and not run.active.isdisjoint(run.arguments(s)):
                run.active.add(s.target)


def _on_the_way(run: Reverse, output: Tensor) -> list[Tensor]:
    definitions = {s.target: s for s in run.statements}
    tensors: dict[Tensor, None] = {}
    stack = [output]
    while stack:
        tensor = stack.pop()
        if tensor in run.active and tensor not in tensors and tensor.kind == "float":
            tensors[tensor] = None
            if tensor in definitions:
                stack += reversed(run.arguments(definitions[tensor]))
    return list(tensors)


def _reverse(run: Reverse, statement: Statement) -> None:
    target = statement.target
    adjoint = run.adjoints[target]
    if target.stated and run.rules is None:
        for argument, rule in target.stated.items():
            if argument in run.adjoints:
                gradient = rule(adjoint)
                axes = run.adjoints[argument].axes
                if gradient.definition is None:
                    raise FormulaError(f"the derivative stated for {argument.name} defines nothing")
                if gradient.shape != argument.shape:
                    raise ShapeError(
                        f"the derivative stated for {argument.name} has the shape {gradient.shape},"
                        f" expected {argument.shape}"
                    )
                expression = rename(gradient.definition.expression, dict(zip(gradient.axes, axes, strict=True)))
                run.contributions[argument].append(expression)
                run.letters[argument] |= gradient.definition.letters
        return
    here = Read(adjoint, tuple(Affine.of(a) for a in statement.axes))
    value = Read(target, tuple(Affine.of(a) for a in statement.axes))
    _descend(run, statement, statement.expression, Chain((here,), sums=statement.axes), value)


def _descend(run: Reverse, statement: Statement, e: Expression, chain: Chain, value: Expression | None = None) -> None:
    """Walk down the expression; `value` is a cheaper name for e's value, where there is one."""
    if not any(r.tensor in run.adjoints for r in reads(e)):
        return
    match e:
        case Read():
            _arrive(run, statement, e, chain)
        case Reduction("sum", axes, body):
            new = {a: a.fresh() for a in axes}
            _descend(run, statement, rename(body, new), replace(chain, sums=(*chain.sums, *new.values())))
        case Reduction("max", axes, body) if run.rules is not None:
            new = {a: a.fresh() for a in axes}
            free = free_in(statement.axes, e)
            part = rename(run.rules.of_maximum(e, free, statement.letters), new)
            inner = replace(chain, factors=(*chain.factors, part), sums=(*chain.sums, *new.values()))
            _descend(run, statement, rename(body, new), inner)
        case Reduction("max", axes, body):
            new = {a: a.fresh() for a in axes}
            winner = Operation("eq", (_winner(run, statement, e), Index(flat(tuple(new.values())))))
            inner = replace(chain, factors=(*chain.factors, winner), sums=(*chain.sums, *new.values()))
            _descend(run, statement, rename(body, new), inner)
        case Operation("add", args):
            for term in args:
                _descend(run, statement, term, chain)
        case Operation("where", (condition, _, _)) if run.rules is not None and not run.rules.passes(condition):
            _share(run, statement, e, chain)
        case Operation(name, _) if run.rules is not None and name != "where":
            _share(run, statement, e, chain)
        case Operation("mul", args):
            for place, factor in enumerate(args):
                inner = replace(chain, factors=(*args[:place], *chain.factors, *args[place + 1 :]))
                _descend(run, statement, factor, inner)
        case Operation("div", (over, under)):
            _descend(run, statement, over, replace(chain, divisors=(*chain.divisors, under)))
            times = replace(
                chain, factors=(Constant(-1), *chain.factors, value or e), divisors=(*chain.divisors, under)
            )
            _descend(run, statement, under, times)
        case Operation("where", (condition, yes, no)):
            _descend(run, statement, yes, replace(chain, conditions=(*chain.conditions, condition)))
            _descend(run, statement, no, replace(chain, conditions=(*chain.conditions, _not(condition))))
        case Operation(name, args):
            for place, (arg, rule) in enumerate(zip(args, SCALARS[name].derivatives, strict=True)):
                if rule is not None and any(r.tensor in run.adjoints for r in reads(args[place])):
                    slope = rule(args, value or e)
                    if isinstance(slope, Operation) and slope.name == "div":
                        number, over = coefficient(slope.args[0])
                        inner = replace(
                            chain,
                            factors=(*chain.factors, multiply(Constant(number), over)),
                            divisors=(*chain.divisors, slope.args[1]),
                        )
                    else:
                        inner = replace(chain, factors=(*chain.factors, slope))
                    _descend(run, statement, arg, inner)


def _share(run: Reverse, statement: Statement, e: Operation, chain: Chain) -> None:
    """Walk down to the arguments of an operation by the rules' multipliers."""
    assert run.rules is not None
    for place, part in run.rules.multipliers(e):
        _descend(run, statement, e.args[place], replace(chain, factors=(*chain.factors, part)))


def _not(condition: Expression) -> Expression:
    match condition:
        case Operation("lt", (a, b)):
            return Operation("le", (b, a))
        case Operation("le", (a, b)):
            return Operation("lt", (b, a))
    return Operation("eq", (condition, ZERO))


def free_in(axes: Sequence[Axis], e: Expression) -> tuple[Axis, ...]:
    """The axes on which an expression depends, those of the given ones first."""
    free = free_axes(e)
    first = tuple(a for a in axes if a in free)
    return (*first, *sorted(free - set(first), key=lambda a: a.name))


def _winner(run: Reverse, statement: Statement, e: Reduction) -> Expression:
    """The argmax that belongs to a maximum, as a tensor of its own: the backward pass reads it, not the maximum's
    operands."""
    free = free_in(statement.axes, e)
    key = statement.target, canonical(e, free)
    if key not in run.winners:
        mine = {a: a.fresh() for a in free}
        tensor = Tensor(f"{statement.target.name}.argmax", tuple(mine.values()), kind="int", letter="m")
        inner = {a: a.fresh() for a in e.axes}
        body = rename(rename(e.body, inner), mine)
        tensor.define(Reduction("argmax", tuple(inner.values()), body), statement.letters)
        run.winners[key] = tensor
    # Two maxima with one key differ at most in their axes: each reads the winners along its own.
    return Read(run.winners[key], tuple(Affine.of(a) for a in free))


def _arrive(run: Reverse, statement: Statement, read: Read, chain: Chain) -> None:
    """The chain has reached a read: what it contributes to the tensor read, and to the value outside it."""
    if read.tensor in run.adjoints:
        adjoint = run.adjoints[read.tensor]
        run.contributions[read.tensor].append(_solve(chain, read.indices, adjoint.axes, statement.axes))
        letters = run.letters[read.tensor]
        letters |= statement.letters
        mine = statement.letters.get(statement.target, statement.target.letter)
        letters[run.adjoints[statement.target]] = f"d{mine}"
        letters[adjoint] = f"d{statement.letters.get(read.tensor, read.tensor.letter)}"
    if read.outside is not None and any(r.tensor in run.adjoints for r in reads(read.outside)):
        for condition in _leaves(read):
            _descend(run, statement, read.outside, replace(chain, conditions=(*chain.conditions, condition)))


def _leaves(read: Read) -> list[Expression]:
    """Conditions, exclusive of each other, under which the read is outside its tensor."""
    conditions: list[Expression] = []
    leaving = 0
    for index, axis in zip(read.indices, read.tensor.axes, strict=True):
        if not isinstance(index, Affine) or index.within(axis.extent):
            continue
        leaving += 1
        bounds = index.bounds()
        if index.divisor.value != 1 or bounds is None:
            raise FormulaError(f"no gradient can pass to the value outside {read.tensor.name}: its index is divided")
        if bounds[0] < 0:
            conditions.append(Operation("lt", (Index(index), ZERO)))
        if bounds[1] >= axis.size:
            conditions.append(Operation("lt", (Constant(axis.size - 1), Index(index))))
    if leaving > 1:
        raise FormulaError(f"no gradient can pass to the value outside {read.tensor.name}: two of its axes leave it")
    return conditions


def _solve(
    chain: Chain, indices: tuple[Affine | Expression, ...], mine: tuple[Axis, ...], outer: tuple[Axis, ...]
) -> Expression:
    """Σ over the chain's axes of its product · Π [k = e], with as many equations solved as can be."""
    sums = sorted(chain.sums, key=lambda a: a in outer)  # those of reductions first: Σ_uvf
    pending = list(zip(mine, indices, strict=True))
    kept: list[Expression] = []
    for place, (axis, index) in enumerate(pending):
        if not isinstance(index, Affine):
            kept.append(Operation("eq", (Index(Affine.of(axis)), index)))
            continue
        chosen = None
        if not mixed_radix(index, axis, outer):
            ranked = sorted((a for a in index.axes if a in sums and index.coefficient(a)), key=lambda a: a not in outer)
            chosen = next((a for a in ranked if _may_eliminate(chain, kept, a, index, axis)), None)
        if chosen is None:
            kept.append(Operation("eq", (Index(Affine.of(axis)), value_of(index))))
            continue
        values = {chosen: _inverse(index, chosen, axis)}
        sums.remove(chosen)
        chain = _moved(chain, values)
        kept = [substitute(e, values) for e in kept]
        for later in range(place + 1, len(pending)):
            k, e = pending[later]
            pending[later] = k, e.substitute(values) if isinstance(e, Affine) else substitute(e, values)
    chain, sums = _pin(chain, sums)
    return _sum_up(chain, [*kept], sums)


def _moved(chain: Chain, values: Mapping[Axis, Affine]) -> Chain:
    return Chain(
        tuple(substitute(f, values) for f in chain.factors),
        tuple(substitute(d, values) for d in chain.divisors),
        tuple(substitute(c, values) for c in chain.conditions),
    )


def _inverse(index: Affine, axis: Axis, value: Axis) -> Affine:
    """The axis from `value = index`: k = i·s + u·d − p gives i = (k + p − u·d)/s."""
    if index.bare is axis:
        return Affine.of(value)
    by = next(c for a, c in index.terms if a is axis)
    rest = Affine(tuple((a, c) for a, c in index.terms if a is not axis), index.offset)
    start = Affine.of(value).scaled(index.divisor)
    # Offsets before windows, k + p − u·d: the order in which people write it.
    moved = Affine(start.terms, tuple(-c for c in rest.offset)) + Affine(tuple((a, -c) for a, c in rest.terms))
    return moved.over(by)


def mixed_radix(index: Affine, axis: Axis, outer: Sequence[Axis]) -> bool:
    """Whether the index counts several axes of a statement like digits, each place of the tensor once: a reshape.

    An axis of extent 1 counts nothing, so its coefficient does not matter (the one channel of a grey image).
    """
    digits = sorted(((c.value, a) for a, c in index.terms if a.extent != 1), key=lambda d: d[0])
    if len(index.terms) < 2 or index.constant or index.divisor.value != 1 or not all(a in outer for a in index.axes):
        return False
    step = 1
    for value, digit in digits:
        if value != step or not isinstance(digit.extent, int):
            return False
        step *= digit.extent
    return step == axis.extent


def _may_eliminate(chain: Chain, kept: Sequence[Expression], axis: Axis, index: Affine, value: Axis) -> bool:
    """Whether the sum over the axis may be replaced by its solution.

    Where the solution can lie outside the axis, a factor has to be 0 there (the adjoint is, read outside its tensor),
    and no factor may turn that into a NaN.
    """
    plain = index.plain
    if plain is axis and axis.extent == value.extent:
        return True
    guarded = any(
        isinstance(f, Read)
        and (f.outside is None or f.outside == ZERO)
        and any(
            isinstance(i, Affine) and i.bare is axis and place.extent == axis.extent
            for i, place in zip(f.indices, f.tensor.axes, strict=True)
        )
        for f in chain.factors
    )
    if not guarded:
        return False
    others = [*chain.factors, *chain.divisors, *kept]
    risky = any(_undefined_at_zero(e) and axis in free_axes(e) for o in others for e in walk(o))
    return not risky and not any(axis in free_axes(d) for d in chain.divisors)


def _undefined_at_zero(e: Expression) -> bool:
    match e:
        case Operation("pow", (_, Constant(exponent))):
            return exponent < 0
        case Operation("div", (_, Constant(under))):
            return under == 0
    return isinstance(e, Operation) and e.name in _UNDEFINED_AT_ZERO


def _pin(chain: Chain, sums: list[Axis]) -> tuple[Chain, list[Axis]]:
    """Sums whose axis a factor or a condition ties to one value: Σ_q [q = e]·f(q) is f(e), Σ_t over [t − 1 < 0] is t =
    0."""
    for place, factor in enumerate(chain.factors):
        match factor:
            case Operation("eq", (left, right)):
                for one, other in ((as_index(left), as_index(right)), (as_index(right), as_index(left))):
                    if one is None or other is None:
                        continue
                    axis = one.bare
                    if axis in sums and axis is not None and axis not in other.axes and other.within(axis.extent):
                        rest = replace(chain, factors=chain.factors[:place] + chain.factors[place + 1 :])
                        return _pin(_moved(rest, {axis: other}), [a for a in sums if a is not axis])
    for condition in chain.conditions:
        only = _only_value(condition)
        if only is not None and only[0] in sums:
            axis, number = only
            rest = replace(chain, conditions=tuple(c for c in chain.conditions if c is not condition))
            return _pin(_moved(rest, {axis: Affine.of(number)}), [a for a in sums if a is not axis])
    return chain, sums


def _only_value(condition: Expression) -> tuple[Axis, int] | None:
    """The one value of its one axis for which a comparison with a number holds, if it is the axis's first or last."""
    match condition:
        case Operation("lt", (Index(index), Constant(bound)) | (Constant(bound), Index(index))) if (
            len(index.terms) == 1
        ):
            axis = index.axes[0]
            if not isinstance(axis.extent, int):
                return None
            below = isinstance(condition.args[0], Index)
            holds = [v for v in _ends(axis) if (_value(index, v) < bound if below else bound < _value(index, v))]
        case _:
            return None
    if len(holds) == 1 and holds[0] in (0, axis.size - 1):
        return axis, holds[0]
    return None


def _holds(condition: Expression) -> bool:
    """Whether a comparison of indices is true for all values of their axes."""
    match condition:
        case Operation("lt" | "le" as name, (left, right)):
            low, high = as_index(left), as_index(right)
            reach = (high - low).bounds() if low is not None and high is not None else None
            return reach is not None and reach[0] >= (1 if name == "lt" else 0)
    return False


def _ends(axis: Axis) -> list[int]:
    """The two first and two last values of an axis: a linear condition that holds for one of them only holds nowhere
    else."""
    return sorted({v for v in (0, 1, axis.size - 2, axis.size - 1) if 0 <= v < axis.size})


def _value(index: Affine, at: int) -> int:
    return index.terms[0][1].value * at + index.constant


def _sum_up(chain: Chain, kept: list[Expression], sums: Sequence[Axis]) -> Expression:
    body = replace(chain, factors=(*chain.factors, *kept)).product()
    conditions = [c for c in chain.conditions if not _holds(c)]
    if conditions:
        condition = conditions[0]
        for more in conditions[1:]:
            condition = Operation("and", (condition, more))
        body = Operation("where", (condition, body, ZERO))
    used = free_axes(body)
    inside = tuple(a for a in sums if a in used)
    times = [Size(a) if not isinstance(a.extent, int) else Constant(a.extent) for a in sums if a not in used]
    number, body = coefficient(body)
    if inside and body != UNIT:
        body = Reduction("sum", inside, body)
    return multiply(Constant(number), *times, body)


def _finish(run: Reverse) -> None:
    """Write each adjoint's statement; an adjoint that only copies another is that other."""
    expressions: dict[Tensor, Expression] = {}
    for tensor, contributions in run.contributions.items():
        expressions[tensor] = _merged(contributions, run.adjoints[tensor].axes)
    copies: dict[Tensor, Tensor] = {}
    for tensor, expression in expressions.items():
        adjoint = run.adjoints[tensor]
        match expression:
            case Read(other, indices, None) if other.shape == adjoint.shape and all(
                isinstance(i, Affine) and i.bare is a for i, a in zip(indices, adjoint.axes, strict=True)
            ):
                copies[adjoint] = other
    final = {t: _follow(copies, run.adjoints[t]) for t in run.adjoints}
    constants: dict[Tensor, Expression] = {
        run.adjoints[t]: e for t, e in expressions.items() if isinstance(e, Constant) and not run.adjoints[t].axes
    }

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read):
            if e.tensor in constants:
                return constants[e.tensor]
            if e.tensor in copies:
                return transform(Read(_follow(copies, e.tensor), e.indices, e.outside), change)
        return None

    for tensor, expression in expressions.items():
        adjoint = run.adjoints[tensor]
        if adjoint in copies:
            continue
        letters = {_follow(copies, t): letter for t, letter in run.letters[tensor].items()}
        letters.setdefault(adjoint, f"d{tensor.letter}")
        adjoint.define(transform(expression, change), letters)
    run.adjoints = final
    # What a stated derivative defines on its way read the adjoint that has now been replaced.
    for s in reachable(final.values()):
        if any(r.tensor in copies or r.tensor in constants for r in reads(s.expression)):
            named = {_follow(copies, t): letter for t, letter in s.letters.items()}
            s.target.define(transform(s.expression, change), named)


def _follow(copies: Mapping[Tensor, Tensor], tensor: Tensor) -> Tensor:
    while tensor in copies:
        tensor = copies[tensor]
    return tensor


def _merged(contributions: Sequence[Expression], axes: tuple[Axis, ...]) -> Expression:
    """The sum of contributions; terms that differ only in the names of their inner axes are one term."""
    known: dict[object, Expression] = {}
    total: list[Expression] = []
    for term in (t for e in contributions for t in terms(e)):
        number, rest = coefficient(term)
        same = known.setdefault(canonical(rest, axes), rest)
        total.append(multiply(Constant(number), same))
    return add(*total)


def _zeros(tensor: Tensor) -> Tensor:
    result = Tensor(f"d({tensor.name})", tuple(a.fresh() for a in tensor.axes), letter=f"d{tensor.letter}")
    result.define(ZERO)
    return result
