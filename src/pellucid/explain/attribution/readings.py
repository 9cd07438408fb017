"""The formulas of an attribution: a network from its sources on, its twin at a baseline, multipliers, the missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pellucid.errors import PellucidError
from pellucid.explain.attribution.rules import Changes, Shares, Slopes, is_shift
from pellucid.explain.paths import hint
from pellucid.explain.trace import formulas
from pellucid.formula import Affine, Axis, Expression, Tensor, derivative
from pellucid.formula.derivative import free_in, reachable
from pellucid.formula.expressions import (
    ZERO,
    Operation,
    Read,
    Reduction,
    add,
    multiply,
    reads,
    rename,
    walk,
)
from pellucid.formula.intervention import intervene, setting
from pellucid.network import BaseNetwork

Kind = Literal["slopes", "changes", "shares"]
Following = Changes | Shares | Slopes
BASELINE = ":baseline"
MULTIPLIER = ":multiplier"
MISSING = ":missing"


@dataclass(frozen=True)
class Formulas:
    """A network from its sources to one of its values.

    Attributes:
        sources: what is attributed to, by path: inputs of real numbers, and what a lookup gives for integers. All of
            them are inputs here.
        values: all values by path.
        output: the value that is explained.
    """

    sources: dict[str, Tensor]
    values: dict[str, Tensor]
    output: Tensor


def formulas_to(net: BaseNetwork, path: str) -> Formulas:
    """The formulas that lead to the value of a path.

    Raises:
        PellucidError: no such value, or one of integers or of the inputs alone.
    """
    everything = dict(formulas(net))
    tensors = dict(everything)
    for statement in reachable(everything.values()):
        tensors.setdefault(statement.target.name, statement.target)
    if path not in tensors:
        raise PellucidError(f'there is no value "{path}" to explain.{hint(path, everything)}')
    inputs = {
        r.tensor.name: r.tensor
        for s in reachable(everything.values())
        for r in reads(s.expression)
        if r.tensor.name in net.input_shapes
    }
    looked_up = {
        name: tensor
        for name, tensor in tensors.items()
        if tensor.kind == "float" and tensor.definition is not None and _looks_up(tensor.definition.expression)
    }
    settings = {name: setting(t, t.name, whole=True, as_input=True) for name, t in looked_up.items()}
    values = intervene(tensors, list(settings.values()))
    sources = {name: t for name, t in inputs.items() if t.kind == "float"}
    sources |= {name: how.given for name, how in settings.items()}
    if not sources or values[path].kind == "int" or values[path] in sources.values():
        raise PellucidError(f"{path} is not computed from real numbers, so there is nothing to attribute it to")
    return Formulas(sources, values, values[path])


def _looks_up(e: Expression) -> bool:
    """Whether a statement reads a tensor at a place that a number of the input names."""
    return any(
        isinstance(i, Read) and i.tensor.definition is None
        for r in reads(e)
        for i in r.indices
        if not isinstance(i, Affine)
    )


def multiplied(f: Formulas, kind: Kind) -> dict[str, Tensor]:
    """All values, by their paths and `:multiplier` how much of the output each accounts for a unit, by `:baseline` the
    values at the baseline, by `:missing` what a statement does not pass on.

    Inputs of the formulas besides those of the network: `upstream`, of the output's shape, 1 at the element that is
    explained; and for changes the sources at the baseline, `input_1:baseline`.
    """
    upstream = upstream_of(f)
    named = {t: name for name, t in reversed(f.values.items())}
    every = {s.target: named.get(s.target, s.target.name) for s in reachable(f.values.values())}
    active = _depending(f)
    twins: dict[Tensor, Tensor] = {}
    rules: Following
    if kind == "shares":
        rules = Shares(active)
    else:
        twins = twin(f, list(every))
        rules = Changes(twins) if kind == "changes" else Slopes(active)
    wrt = [t for t in dict.fromkeys([*f.sources.values(), *every]) if t in active and t.kind == "float"]
    found = derivative(f.output, wrt, upstream=upstream, rules=rules)
    outputs: dict[str, Tensor] = {}
    names = {**{t: n for n, t in f.sources.items()}, **every}
    for tensor in wrt:
        name = names[tensor]
        multiplier = found[tensor]
        if multiplier.definition is not None and multiplier.definition.expression == ZERO:
            continue
        outputs[name] = tensor
        outputs[name + MULTIPLIER] = multiplier
        if tensor in twins:
            outputs[name + BASELINE] = twins[tensor]
        if tensor.definition is not None:
            outputs[name + MISSING] = _missing(tensor, multiplier, rules, twins)
    for other, tensor in f.values.items():  # a layer without an activation is its own sum
        for suffix in ("", MULTIPLIER, BASELINE):
            if names.get(tensor, "") + suffix in outputs:
                outputs.setdefault(other + suffix, outputs[names[tensor] + suffix])
    return outputs


def upstream_of(f: Formulas) -> Tensor:
    """The input that is 1 at the element that is explained."""
    return Tensor("upstream", tuple(a.fresh() for a in f.output.axes))


def gradients(f: Formulas) -> dict[str, Tensor]:
    """The gradient of the element by every source, by path."""
    holds_back = any(
        isinstance(e, Operation) and e.name == "stop" and not is_shift(e)
        for s in reachable([f.output])
        for e in walk(s.expression)
    )
    # what only learning does not pass, the value does
    rules = Slopes(_depending(f)) if holds_back else None
    found = derivative(f.output, f.sources.values(), upstream=upstream_of(f), rules=rules)
    return {path: found[tensor] for path, tensor in f.sources.items()}


def twin(f: Formulas, targets: Sequence[Tensor]) -> dict[Tensor, Tensor]:
    """The same formulas at a baseline: for every tensor that depends on a source, its twin."""
    settings = [setting(t, f"{name}{BASELINE}", whole=True, as_input=True) for name, t in f.sources.items()]
    every = [*f.sources.values(), *targets]
    changed = intervene({str(k): t for k, t in enumerate(every)}, settings, fixed=is_shift)
    twins = {t: changed[str(k)] for k, t in enumerate(every) if changed[str(k)] is not t}
    for tensor, other in twins.items():
        if not other.name.endswith(BASELINE):
            other.name = f"{tensor.name}{BASELINE}"
    return twins


def _depending(f: Formulas) -> set[Tensor]:
    active = set(f.sources.values())
    size = -1
    statements = reachable(f.values.values())
    while size != len(active):
        size = len(active)
        active |= {
            s.target
            for s in statements
            if s.target.kind == "float" and any(r.tensor in active for r in reads(s.expression))
        }
    return active


def _missing(tensor: Tensor, multiplier: Tensor, rules: Following, twins: Mapping[Tensor, Tensor]) -> Tensor:
    """Σ multiplier·(what the statement's value, or its change, is beyond what is passed on to its arguments)."""
    statement = tensor.definition
    assert statement is not None
    axes = {a: a.fresh() for a in statement.axes}
    at = tuple(Affine.of(a) for a in statement.axes)
    own: Expression = Read(tensor, at)
    if not isinstance(rules, Shares):
        own = own - Read(twins[tensor], at) if tensor in twins else ZERO
    rest = Read(multiplier, at) * (own - passed_on(statement.expression, rules, twins, statement.axes))
    result = Tensor(f"{tensor.name}{MISSING}", ())
    body = rename(rest, axes)
    result.define(Reduction("sum", tuple(axes.values()), body) if axes and body != ZERO else body)
    return result


def passed_on(e: Expression, rules: Following, twins: Mapping[Tensor, Tensor], axes: tuple[Axis, ...]) -> Expression:
    """What an expression passes on to what it reads, in all: Σ multiplier·(value, or change, of what is read)."""
    if not rules.moves(e):
        return ZERO
    match e:
        case Read(tensor, indices, outside):
            beyond = None if outside is None else passed_on(outside, rules, twins, axes)
            if isinstance(rules, Shares):
                return Read(tensor, indices, beyond)
            if tensor not in twins:
                return ZERO
            return Read(tensor, indices, beyond) - Read(twins[tensor], indices, None if outside is None else ZERO)
        case Reduction("sum", bound, body):
            inner = passed_on(body, rules, twins, (*axes, *bound))
            return inner if inner == ZERO else Reduction("sum", bound, inner)
        case Reduction("max", bound, body):
            part = rules.of_maximum(e, free_in(axes, e), {})
            inner = passed_on(body, rules, twins, (*axes, *bound))
            return inner if inner == ZERO else Reduction("sum", bound, _chosen(part, inner))
        case Operation("add", args):
            return add(*(passed_on(a, rules, twins, axes) for a in args))
        case Operation("where", (condition, yes, no)) if rules.passes(condition):
            sides = passed_on(yes, rules, twins, axes), passed_on(no, rules, twins, axes)
            return Operation("where", (condition, *sides))
        case Operation(_, args):
            return add(*(multiply(m, passed_on(args[p], rules, twins, axes)) for p, m in rules.multipliers(e)))
    return ZERO


def _chosen(part: Expression, inner: Expression) -> Expression:
    """Their product, where the part is not 0: outside of an image a maximum reads −∞."""
    return Operation("where", (Operation("eq", (part, ZERO)), ZERO, multiply(part, inner)))
