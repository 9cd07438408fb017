"""Normalisation over batches, examples, groups and vectors."""

from __future__ import annotations

import math

from pellucid.errors import ShapeError
from pellucid.interchange.onnx.operators.base import (
    Node,
    Text,
    UnsupportedError,
    Value,
    axes_of,
    axis_of,
    number,
    operator,
    size_of,
)
from pellucid.interchange.onnx.operators.shape_operators import reshaped


@operator("BatchNormalization")
def _batch(node: Node) -> list[Value]:
    x, (gamma, beta, mean, variance) = node.input(0), (node.input(k) for k in range(1, 5))
    epsilon = number(float(node.attr("epsilon", 1e-5)))
    text = Text()
    letters = text.axes(x.shape)
    c = letters[1 if x.rank > 1 else 0]
    read, g, b = text.read(x, letters), text.read(gamma, [c], "g"), text.read(beta, [c], "b")
    if not node.attr("training_mode"):
        m, v = text.read(mean, [c], "m"), text.read(variance, [c], "v")
        return [text.result(letters, f"{g}·({read} − {m})/√({v} + {epsilon}) + {b}", x.dtype)]
    momentum = float(node.attr("momentum", 0.9))
    over = [a for a in letters if a != c]
    count = math.prod(size_of(text.extents[a]) for a in over)
    bound = ",".join(over)
    text.line("μ", [c], f"(Σ[{bound}] {read})/{count}")
    text.line("σ2", [c], f"(Σ[{bound}] ({read} − μ[{c}])²)/{count}")
    text.line("y", letters, f"{g}·({read} − μ[{c}])/√(σ2[{c}] + {epsilon}) + {b}")
    old, rest = number(momentum), number(1 - momentum)
    text.line("m2", [c], f"{old}·{text.read(mean, [c], 'm')} + {rest}·μ[{c}]")
    text.line("v2", [c], f"{old}·{text.read(variance, [c], 'v')} + {rest}·σ2[{c}]")
    return text.values({"y": (letters, x.dtype), "m2": ([c], mean.dtype), "v2": ([c], variance.dtype)})


@operator("LayerNormalization", "RMSNormalization")
def _layer(node: Node) -> list[Value]:
    """Each example along its last axes: of mean 0 and variance 1, or of mean square 1."""
    x, gamma, beta = node.input(0), node.input(1), node.optional(2)
    axis = axis_of(int(node.attr("axis", -1)), x.rank)
    epsilon = number(float(node.attr("epsilon", 1e-5)))
    text = Text()
    letters = text.axes(x.shape)
    inner = [text.axis(e) for e in x.shape[axis:]]
    kept = letters[:axis]
    count = math.prod(size_of(e) for e in x.shape[axis:])
    read = text.read(x, letters)
    other = text.read(x, [*kept, *inner])
    bound = ",".join(inner)
    centred = node.operator == "LayerNormalization"
    mean = " − " + text.head("m", kept) if centred else ""
    if centred:
        text.line("m", kept, f"(Σ[{bound}] {other})/{count}")
    text.line("d", kept, f"1/√((Σ[{bound}] ({other}{mean})²)/{count} + {epsilon})")
    scale = text.broadcast(gamma, letters, "g")
    offset = "" if beta is None else f" + {text.broadcast(beta, letters, 'b')}"
    text.line("y", letters, f"({read}{mean})·{text.head('d', kept)}·{scale}{offset}")
    ones = [*kept, *(text.axis(1) for _ in inner)]
    wanted = {"y": (letters, x.dtype)}
    if centred and node.outputs > 1:
        text.line("m2", ones, text.head("m", kept))
        text.line("d2", ones, text.head("d", kept))
        wanted |= {"m2": (ones, x.dtype), "d2": (ones, x.dtype)}
    return text.values(wanted)


@operator("InstanceNormalization", "GroupNormalization")
def _group(node: Node) -> Value:
    """Groups of channels of each example with mean 0 and variance 1."""
    x, gamma, beta = node.input(0), node.input(1), node.input(2)
    channels = size_of(x.shape[1])
    groups = channels if node.operator == "InstanceNormalization" else int(node.attr("num_groups"))
    if groups < 1 or channels % groups:
        raise ShapeError(f"{node.operator} divides {channels} channels into {groups} groups")
    epsilon = number(float(node.attr("epsilon", 1e-5)))
    grouped = reshaped(x, [x.shape[0], groups, channels // groups, *x.shape[2:]])
    text = Text()
    letters = text.axes(grouped.shape)
    inner = [text.axis(e) for e in grouped.shape[2:]]
    kept, bound = letters[:2], ",".join(inner)
    count = math.prod(size_of(e) for e in grouped.shape[2:])
    other = text.read(grouped, [*kept, *inner])
    text.line("m", kept, f"(Σ[{bound}] {other})/{count}")
    m = text.head("m", kept)
    text.line("d", kept, f"√((Σ[{bound}] ({other} − {m})²)/{count} + {epsilon})")
    read = text.read(grouped, letters)
    own = gamma.shape == (channels,)
    spread = [reshaped(v, [groups, channels // groups]) if own else v for v in (gamma, beta)]
    at = letters[1:3] if own else letters[1:2]
    scale, offset = (text.read(v, at, name) for v, name in zip(spread, "gb", strict=True))
    result = text.result(letters, f"{scale}·({read} − {m})/{text.head('d', kept)} + {offset}", x.dtype)
    return reshaped(result, x.shape)


@operator("LpNormalization")
def _lp(node: Node) -> Value:
    x = node.input(0)
    axis, p = axis_of(int(node.attr("axis", -1)), x.rank), int(node.attr("p", 2))
    if p not in (1, 2):
        raise UnsupportedError(f"LpNormalization has p={p}, expected 1 or 2")
    text = Text()
    letters = text.axes(x.shape)
    u = text.axis(x.shape[axis])
    other = text.read(x, [u if k == axis else a for k, a in enumerate(letters)])
    kept = [a for k, a in enumerate(letters) if k != axis]
    text.line("s", kept, f"√(Σ[{u}] {other}²)" if p == 2 else f"Σ[{u}] abs({other})")
    size = text.head("s", kept)
    return text.result(letters, f"where({size} = 0, 0, {text.read(x, letters)}/{size})", x.dtype)


@operator("MeanVarianceNormalization")
def _mean_variance(node: Node) -> Value:
    x = node.input(0)
    over = axes_of([int(k) for k in node.attr("axes", [0, 2, 3])], x.rank)
    text = Text()
    letters = text.axes(x.shape)
    inner = {k: text.axis(size_of(x.shape[k])) for k in over}
    kept = [a for k, a in enumerate(letters) if k not in over]
    other = text.read(x, [inner.get(k, a) for k, a in enumerate(letters)])
    count, bound = math.prod(size_of(x.shape[k]) for k in over), ",".join(inner.values())
    text.line("m", kept, f"(Σ[{bound}] {other})/{count}")
    m = text.head("m", kept)
    text.line("d", kept, f"√((Σ[{bound}] ({other} − {m})²)/{count})")
    return text.result(letters, f"({text.read(x, letters)} − {m})/({text.head('d', kept)} + 1e-9)", x.dtype)
