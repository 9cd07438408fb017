"""An embedding before a product with a kernel: the product of the table itself, looked up.

`y[n,t,i] = E[ids[n,t],i]` and `z[n,t,j] = Σ_i y[n,t,i]·W[i,j]` say that z is a row of `P[v,j] = Σ_i
E[v,i]·W[i,j]`: where there are fewer words than places, P is less work, and every sum has the same terms in the
same order. Backwards, S[v,j] adds up dz over the places of a word, and then `dW[i,j] = Σ_v E[v,i]·S[v,j]` and
`dE[v,i] = Σ_j S[v,j]·W[i,j]`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from pellucid.engines.llvm.plan.work import LANES, Plan, plain_axes
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Statement,
    Tensor,
    add,
    factors,
    multiply,
    reads,
    terms,
)
from pellucid.formula.program import Loop, Program, Stage


@dataclass
class Folding:
    """The lookups of a program (target: the read), its statements, and the tensors that folding has added."""

    lookups: dict[Tensor, Read]
    definitions: dict[Tensor, Statement]
    sums: dict[tuple[Tensor, Tensor], Tensor] = field(default_factory=dict)
    result: list[Stage] = field(default_factory=list)


def fold_embeddings(plan: Plan) -> Plan:
    """The program's stages, with products of tables where they pay."""
    return replace(plan, stages=fold(plan.program))


def fold(program: Program) -> tuple[Stage, ...]:
    """The program's stages, with products of tables where they pay."""
    statements = [s for s in program.stages if isinstance(s, Statement)]
    lookups = {s.target: s.expression for s in statements if _is_lookup(s) and isinstance(s.expression, Read)}
    if not lookups:
        return program.stages
    f = Folding(lookups, {s.target: s for s in statements})
    for stage in program.stages:
        f.result.append(stage if isinstance(stage, Loop) else _folded(f, stage))
    return tuple(_used(f.result, program.outputs.values()))


def _is_lookup(statement: Statement) -> bool:
    e, axes = statement.expression, statement.axes
    if not (
        isinstance(e, Read) and e.outside is None and e.tensor.rank == 2 and len(axes) > 1 and axes[0].extent is BATCH
    ):
        return False
    ids, last = e.indices
    if not (isinstance(ids, Read) and ids.tensor.kind == "int" and isinstance(last, Affine) and last.plain is axes[-1]):
        return False
    places = prod(a.size for a in axes[1:-1]) * LANES
    return _bare(ids, axes[:-1]) and e.tensor.axes[0].size <= places


def _bare(read: Read, axes: Iterable[Axis]) -> bool:
    """Whether the read's indices are these axes, in order."""
    return plain_axes(read) == list(axes)


def _plain(read: Read) -> list[Axis] | None:
    axes = plain_axes(read)
    return [a for a in axes if a is not None] if all(a is not None for a in axes) else None


def _folded(f: Folding, s: Statement) -> Statement:
    if s.axes and s.axes[0].extent is BATCH:
        changed = [_product(f, s, term) for term in terms(s.expression)]
        return (
            s
            if all(a is b for a, b in zip(changed, terms(s.expression), strict=True))
            else Statement(s.target, add(*changed))
        )
    e = s.expression
    folded = (
        (_gradient_of_kernel(f, e) or _gradient_of_table(f, e))
        if isinstance(e, Reduction) and e.name == "sum"
        else None
    )
    return s if folded is None else Statement(s.target, folded)


def _pair(e: Expression) -> tuple[Read, Read] | None:
    two = factors(e)
    return two if len(two) == 2 and isinstance(two[0], Read) and isinstance(two[1], Read) else None  # type: ignore[return-value]


def _product(f: Folding, s: Statement, term: Expression) -> Expression:
    """`Σ_i y[n,t,i]·W[i,…]` as `P[ids[n,t],…]`."""
    if not (isinstance(term, Reduction) and term.name == "sum" and len(term.axes) == 1 and _pair(term.body)):
        return term
    for y, w in (_pair(term.body), (_pair(term.body) or ())[::-1]):  # type: ignore[misc]
        look, mine, theirs = f.lookups.get(y.tensor), _plain(y), _plain(w)
        if look is None or mine is None or theirs is None or y.outside or w.outside or w.tensor.axes[0].extent is BATCH:
            continue
        i = term.axes[0]
        if mine[-1] is not i or i in mine[:-1] or theirs[0] is not i or set(theirs[1:]) & set(mine) or not theirs[1:]:
            continue
        v, inner = look.tensor.axes[0].fresh("v"), i.fresh()
        rest = [a.fresh() for a in theirs[1:]]
        table = Tensor(f"{s.target.name}.table", (v, *rest))
        body = multiply(_at(look.tensor, v, inner), _at(w.tensor, inner, *rest))
        f.result.append(Statement(table, Reduction("sum", (inner,), body)))
        ids = look.indices[0]
        assert isinstance(ids, Read)
        moved = Read(ids.tensor, tuple(Affine.of(a) for a in mine[:-1]))
        return Read(table, (moved, *(Affine.of(a) for a in theirs[1:])))
    return term


def _at(tensor: Tensor, *axes: Axis) -> Read:
    return Read(tensor, tuple(Affine.of(a) for a in axes))


def _sum_by_word(f: Folding, lookup: Tensor, values: Tensor) -> Tensor:
    """S[v,…] = Σ over the places of word v of values[n,t,…]."""
    if (lookup, values) not in f.sums:
        look = f.lookups[lookup]
        ids = look.indices[0]
        assert isinstance(ids, Read)
        v = look.tensor.axes[0].fresh("v")
        own = [a.fresh() for a in values.axes]
        places, rest = own[: ids.tensor.rank], own[ids.tensor.rank :]
        target = Tensor(f"{values.name}.words", (v, *(a.fresh() for a in rest)))
        outer = dict(zip(rest, target.axes[1:], strict=True))
        here = Read(values, tuple(Affine.of(outer.get(a, a)) for a in own))
        bracket = Operation("eq", (Index(Affine.of(v)), _at(ids.tensor, *places)))
        f.result.append(Statement(target, Reduction("sum", tuple(places), multiply(here, bracket))))
        f.sums[lookup, values] = target
    return f.sums[lookup, values]


def _gradient_of_kernel(f: Folding, e: Reduction) -> Expression | None:
    """`Σ_nt y[n,t,i]·dz[n,t,…]` as `Σ_v E[v,i]·S[v,…]`."""
    pair = _pair(e.body)
    for y, dz in (pair, pair[::-1]) if pair else ():
        mine, theirs = _plain(y), _plain(dz)
        if y.tensor not in f.lookups or mine is None or theirs is None or y.outside or dz.outside:
            continue
        places = mine[:-1]
        if places != theirs[: len(places)] or set(places) != set(e.axes) or not theirs[len(places) :]:
            continue
        total = _sum_by_word(f, y.tensor, dz.tensor)
        v = total.axes[0].fresh("v")
        table = f.lookups[y.tensor].tensor
        return Reduction("sum", (v,), multiply(_at(table, v, mine[-1]), _at(total, v, *theirs[len(places) :])))
    return None


def _gradient_of_table(f: Folding, e: Reduction) -> Expression | None:
    """`Σ_nt dy[n,t,d]·[v = ids[n,t]]`, dy being a product with a kernel, as `Σ_j S[v,j]·W[d,j]`."""
    brackets = [b for b in factors(e.body) if isinstance(b, Operation) and b.name == "eq"]
    others = [r for r in factors(e.body) if isinstance(r, Read)]
    if len(brackets) != 1 or len(others) != 1 or len(factors(e.body)) != 2:
        return None
    ids = next((a for a in brackets[0].args if isinstance(a, Read)), None)
    word = next((a.affine.plain for a in brackets[0].args if isinstance(a, Index)), None)
    mine = _plain(others[0])
    made = f.definitions.get(others[0].tensor)
    if ids is None or word is None or mine is None or made is None or not isinstance(made.expression, Reduction):
        return None
    lookup = next(
        (y for y, look in f.lookups.items() if isinstance(i := look.indices[0], Read) and i.tensor is ids.tensor), None
    )
    inner = made.expression
    pair = _pair(inner.body)
    if (
        lookup is None
        or pair is None
        or inner.name != "sum"
        or not _bare(ids, mine[:-1])
        or set(mine[:-1]) != set(e.axes)
    ):
        return None
    places = list(made.axes[:-1])
    for dz, w in (pair, pair[::-1]):
        theirs, kernel = _plain(dz), _plain(w)
        if theirs is None or kernel is None or dz.outside or w.outside or w.tensor.axes[0].extent is BATCH:
            continue
        if (
            theirs[: len(places)] != places
            or set(theirs[len(places) :]) != set(inner.axes)
            or made.axes[-1] not in kernel
        ):
            continue
        total = _sum_by_word(f, lookup, dz.tensor)
        fresh = {a: a.fresh() for a in inner.axes}
        values = _at(total, word, *(fresh[a] for a in theirs[len(places) :]))
        weights = _at(w.tensor, *(mine[-1] if a is made.axes[-1] else fresh[a] for a in kernel))
        return Reduction("sum", tuple(fresh.values()), multiply(values, weights))
    return None


def _used(stages: list[Stage], outputs: Iterable[Tensor]) -> list[Stage]:
    """Without the statements that nothing reads any more."""
    needed = set(outputs)
    kept: list[Stage] = []
    for stage in reversed(stages):
        own = stage.statements if isinstance(stage, Loop) else (stage,)
        if any(s.target in needed for s in own):
            kept.append(stage)
            needed |= {r.tensor for s in own for r in reads(s.expression)}
    return kept[::-1]
