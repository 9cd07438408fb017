"""The gradient of a step, shared out among the examples of its batch: the terms of its own sum, told apart by example.

The gradient of a parameter is a sum over the batch, `dw[i,o] = Σ_n x[n,i]·dy[n,o]`. Without the sum over n it is what
each example adds. What reads no example, such as a penalty's gradient, is the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Executable, compile_program
from pellucid.formula import BATCH, Affine, Axis, Expression, Program, Tensor, derivative
from pellucid.formula.expressions import (
    ZERO,
    Operation,
    Read,
    Reduction,
    add,
    divide,
    multiply,
    reads,
    rename,
    substitute,
    transform,
)
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import Goal
from pellucid.training.programs import Clip, objective

Array = NDArray[Any]
CLIPPED, GRADIENT = "clipped gradient", "gradient"


@dataclass(frozen=True)
class GradientShares:
    """The gradient of one element of a parameter, shared out among the examples of any batch.

    Attributes:
        operands: computes what the gradient's sum reads, on the network's engine.
        sum: adds it up in float64, example by example.
        place: the element.
        target: the name of what has an element for each example.
    """

    operands: Executable
    sum: Executable
    place: tuple[int, ...]
    target: str

    def __call__(self, feeds: Mapping[str, Array]) -> tuple[Array, float, float]:
        """What each example of a batch adds to the gradient, shape (n,); what none of them adds; and the factor by
        which clipping shortens the gradient, 1 without it.

        Args:
            feeds: what the step reads, by name.
        """
        values = self.operands(feeds)
        shares = self.sum({**feeds, **values})
        factor = 1.0
        if CLIPPED in values and (whole := float(values[GRADIENT][self.place])):
            factor = float(values[CLIPPED][self.place]) / whole
        count = len(feeds[self.target])
        parts = np.broadcast_to(np.asarray(shares["parts"], dtype=np.float64), (count,))
        return parts, float(shares["rest"]), factor


def gradient_shares(
    net: BaseNetwork, goals: Sequence[Goal], path: str, place: tuple[int, ...], *, clip: Clip, weighted: bool
) -> GradientShares:
    """How the gradient of one element is shared out; the program that computes its operands is kept by the network."""
    target = objective(net, goals, training=True, weighted=weighted)
    parameters = {p: target.forward.parameters[p] for p in net.parameters.trainable}
    clipping = clip != Clip()
    adjoints = derivative(target.loss, parameters.values() if clipping else [parameters[path]])
    gradient = adjoints[parameters[path]]
    assert gradient.definition is not None
    at = {axis: Affine.of(i) for axis, i in zip(gradient.axes, place, strict=True)}
    example = Axis("n", BATCH)
    parts, rest = _told_apart(substitute(gradient.definition.expression, at), example, frozenset())
    known: dict[Tensor, Tensor] = {}
    outputs = {"parts": _over(parts, (example,), known), "rest": _over(rest, (), known)}
    total = compile_program(Program(outputs), engine="reference", dtype=np.float64)

    def operands(_: BaseNetwork) -> Program:
        wanted = {copy.name: tensor for tensor, copy in known.items() if tensor.definition is not None}
        if clipping:
            wanted[GRADIENT] = gradient
            wanted[CLIPPED] = clip({p: adjoints[w] for p, w in parameters.items()}, net.dtype)[path]
        return Program(wanted or {GRADIENT: gradient})

    # which tensors are read does not depend on the element, but for the paths of a branch
    key = "gradient operands", path, tuple(g.key for g in goals), clip, weighted, tuple(t.name for t in known)
    return GradientShares(net.executable(key, operands), total, place, goals[0].name)


def _told_apart(e: Expression, example: Axis, seen: frozenset[Tensor]) -> tuple[Expression, Expression]:
    """An expression as a sum over the axis `example` of the first, and the second."""
    match e:
        case Operation("add", args):
            pairs = [_told_apart(a, example, seen) for a in args]
            return add(*(p for p, _ in pairs)), add(*(r for _, r in pairs))
        case Reduction("sum", axes, body):
            new = {a: a.fresh() for a in axes}
            batch = next((a for a in axes if a.extent is BATCH), None)
            if batch is not None:
                new[batch] = example
            body, inner = rename(body, new), tuple(new[a] for a in axes if a is not batch)
            if batch is not None:
                return _sum(inner, body), ZERO
            part, rest = _told_apart(body, example, seen)
            return _sum(inner, part), _sum(inner, rest)
        case Operation("mul", args):
            return _in_one(args, example, seen, lambda new: multiply(*new)) or (ZERO, e)
        case Operation("div", (over, under)):
            return _in_one((over,), example, seen, lambda new: divide(new[0], under)) or (ZERO, e)
        case Read(tensor, indices, None) if tensor.definition is not None and tensor not in seen:
            if any(a.extent is BATCH for a in tensor.axes) or not all(isinstance(i, Affine) for i in indices):
                return ZERO, e
            at = {a: i for a, i in zip(tensor.axes, indices, strict=True) if isinstance(i, Affine)}
            part, rest = _told_apart(substitute(tensor.definition.expression, at), example, seen | {tensor})
            return (ZERO, e) if part == ZERO else (part, rest)
    return ZERO, e


def _in_one(
    args: Sequence[Expression],
    example: Axis,
    seen: frozenset[Tensor],
    again: Callable[[Sequence[Expression]], Expression],
) -> tuple[Expression, Expression] | None:
    """An operation that is linear in one of its arguments, which can be told apart; None where that is not one."""
    pairs = [_told_apart(a, example, seen) for a in args]
    places = [k for k, (part, _) in enumerate(pairs) if part != ZERO]
    if len(places) != 1:
        return None
    (k,) = places
    part, rest = (again([*args[:k], side, *args[k + 1 :]]) for side in pairs[k])
    return part, rest


def _sum(axes: tuple[Axis, ...], body: Expression) -> Expression:
    return ZERO if body == ZERO else Reduction("sum", axes, body) if axes else body


def _over(e: Expression, axes: tuple[Axis, ...], known: dict[Tensor, Tensor]) -> Tensor:
    """A tensor of the expression, which reads inputs in the place of what was computed."""
    for read in reads(e):
        tensor = read.tensor
        if tensor not in known:
            name = tensor.name if tensor.definition is None else f"operand {len(known)}"
            known[tensor] = Tensor(name, tuple(a.fresh() for a in tensor.axes), kind=tensor.kind)

    def change(inner: Expression) -> Expression | None:
        if not isinstance(inner, Read):
            return None
        indices = tuple(i if isinstance(i, Affine) else transform(i, change) for i in inner.indices)
        return Read(known[inner.tensor], indices, None if inner.outside is None else transform(inner.outside, change))

    target = Tensor("shares", axes)
    target.define(transform(e, change))
    return target
