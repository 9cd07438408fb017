"""Windows that move over places, channels in front: convolution, its transpose, pools; and resizing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import ShapeError
from pellucid.interchange.onnx.operators.base import (
    INT,
    Node,
    Text,
    Value,
    check_size,
    number,
    operator,
    size_of,
)
from pellucid.interchange.onnx.operators.shape_operators import reshaped


@dataclass(frozen=True)
class Window:
    """A window over places: by axis the places, its taps, stride, dilation, paddings, and how many steps it takes."""

    places: list[int]
    taps: list[int]
    strides: list[int]
    dilations: list[int]
    low: list[int]
    high: list[int]
    steps: list[int]

    @staticmethod
    def of(node: Node, places: Sequence[Any], taps: Sequence[int]) -> Window:
        """The window of a node's attributes."""
        rank = len(places)
        inside = [size_of(e) for e in places]
        strides = [int(v) for v in node.attr("strides", [1] * rank)]
        dilations = [int(v) for v in node.attr("dilations", [1] * rank)]
        pads = [int(v) for v in node.attr("pads", [0] * 2 * rank)]
        if (
            not len(strides) == len(dilations) == len(taps) == rank
            or len(pads) != 2 * rank
            or min([*strides, *dilations, *taps]) < 1
        ):
            raise ShapeError(f"{node.operator} over {rank} axes has a window of other axes, or one that does not move")
        spans = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
        low, high = pads[:rank], pads[rank:]
        automatic = str(node.attr("auto_pad", "NOTSET"))
        if automatic.startswith("SAME"):
            total = [max((-(-e // s) - 1) * s + span - e, 0) for e, span, s in zip(inside, spans, strides, strict=True)]
            less, more = [t // 2 for t in total], [t - t // 2 for t in total]
            low, high = (less, more) if automatic == "SAME_UPPER" else (more, less)
        elif automatic == "VALID":
            low = high = [0] * rank
        steps = []
        for e, span, s, before, after in zip(inside, spans, strides, low, high, strict=True):
            room = e + before + after - span
            if room < 0:
                raise ShapeError(f"{node.operator} has a window of {span} over {e + before + after} places")
            count = room // s + 1
            if node.attr("ceil_mode") and room % s and count * s < e + before:
                count += 1  # a window that begins inside
            steps.append(count)
        return Window(inside, list(taps), strides, dilations, low, high, steps)

    @property
    def beyond(self) -> bool:
        """Whether some tap stands outside."""
        ends = zip(self.steps, self.strides, self.taps, self.dilations, self.low, self.places, strict=True)
        return any(self.low) or any((n - 1) * s + (k - 1) * d - low >= e for n, s, k, d, low, e in ends)

    def at(self, steps: Sequence[str], taps: Sequence[str]) -> list[str]:
        """The places of taps."""
        each = zip(steps, taps, self.strides, self.dilations, self.low, strict=True)
        return [_sum(_times(i, s), _times(u, d), -low) for i, u, s, d, low in each]


def _times(letter: str, by: int) -> str:
    return letter if by == 1 else f"{letter}·{by}"


def _sum(first: str, second: str, offset: int) -> str:
    end = f" + {offset}" if offset > 0 else f" − {-offset}" if offset < 0 else ""
    return f"{first} + {second}{end}"


@operator("Conv")
def _conv(node: Node) -> Value:
    """y[n,f,i,j] = b[f] + Σ[c,u,v] x[n,c, i·s + u·d − p, j·s + v·d − p | 0]·w[f,c,u,v]"""
    x, w, b = node.input(0), node.input(1), node.optional(2)
    groups = int(node.attr("group", 1))
    channels, filters = size_of(x.shape[1]), size_of(w.shape[0])
    if x.rank != w.rank or x.rank < 3 or groups < 1 or channels != size_of(w.shape[1]) * groups or filters % groups:
        raise ShapeError(f"Conv with a kernel of shape {w.shape} and {groups} groups does not fit the shape {x.shape}")
    window = Window.of(node, x.shape[2:], [size_of(e) for e in w.shape[2:]])
    if groups > 1:
        x = reshaped(x, [x.shape[0], groups, channels // groups, *x.shape[2:]])
        w = reshaped(w, [groups, filters // groups, *w.shape[1:]])
        b = None if b is None else reshaped(b, [groups, filters // groups])
    text = Text()
    n, f = text.axis(x.shape[0]), text.axis(filters // groups)
    g = [text.axis(groups)] if groups > 1 else []
    steps, c, taps = text.axes(window.steps), text.axis(channels // groups), text.axes(window.taps)
    read = text.read(x, [n, *g, c, *window.at(steps, taps)], outside="0" if window.beyond else None)
    body = f"Σ[{','.join([c, *taps])}] {read}·{text.read(w, [*g, f, c, *taps], 'w')}"
    if b is not None:
        body = f"{text.read(b, [*g, f], 'b')} + {body}"
    check_size([filters, *window.steps])
    result = text.result([n, *g, f, *steps], body, x.dtype)
    return reshaped(result, [x.shape[0], filters, *window.steps]) if groups > 1 else result


@operator("ConvTranspose")
def _transposed(node: Node) -> Value:
    """y[n,f,h,w] = b[f] + Σ[c,u,v] x[n,c, (h + p − u·d)/s, (w + p − v·d)/s | 0]·w[c,f,u,v]"""
    x, w, b = node.input(0), node.input(1), node.optional(2)
    groups, rank = int(node.attr("group", 1)), x.rank - 2
    channels = size_of(x.shape[1])
    if x.rank != w.rank or rank < 1 or groups < 1 or channels != size_of(w.shape[0]) or channels % groups:
        raise ShapeError(f"ConvTranspose with a kernel of shape {w.shape} does not fit the shape {x.shape}")
    inside, taps_ = [size_of(e) for e in x.shape[2:]], [size_of(e) for e in w.shape[2:]]
    strides = [int(v) for v in node.attr("strides", [1] * rank)]
    dilations = [int(v) for v in node.attr("dilations", [1] * rank)]
    more = [int(v) for v in node.attr("output_padding", [0] * rank)]
    pads = [int(v) for v in node.attr("pads", [0] * 2 * rank)]
    automatic = str(node.attr("auto_pad", "NOTSET"))
    wanted = node.attr("output_shape")
    full = [(e - 1) * s + (k - 1) * d + 1 for e, s, k, d in zip(inside, strides, taps_, dilations, strict=True)]
    if wanted is not None or automatic.startswith("SAME"):
        sizes = (
            [int(v) for v in wanted][-rank:]
            if wanted is not None
            else [e * s for e, s in zip(inside, strides, strict=True)]
        )
        total = [max(f + m - size, 0) for f, m, size in zip(full, more, sizes, strict=True)]
        half = [t // 2 for t in total]
        low = half if automatic != "SAME_LOWER" else [t - h for t, h in zip(total, half, strict=True)]
    else:
        low = [0] * rank if automatic == "VALID" else pads[:rank]
        high = [0] * rank if automatic == "VALID" else pads[rank:]
        sizes = [f + m - a - z for f, m, a, z in zip(full, more, low, high, strict=True)]
    if min(sizes) < 1:
        raise ShapeError(f"ConvTranspose leaves nothing of the shape {x.shape}")
    each = size_of(w.shape[1])
    if groups > 1:
        x = reshaped(x, [x.shape[0], groups, channels // groups, *inside])
        w = reshaped(w, [groups, channels // groups, each, *taps_])
        b = None if b is None else reshaped(b, [groups, each])
    text = Text()
    n, f = text.axis(x.shape[0]), text.axis(each)
    g = [text.axis(groups)] if groups > 1 else []
    places, c, taps = text.axes(sizes), text.axis(channels // groups), text.axes(taps_)
    at = []
    for h, u, s, d, p in zip(places, taps, strides, dilations, low, strict=True):
        index = f"{h}{f' + {p}' if p > 0 else f' − {-p}' if p else ''} − {_times(u, d)}"
        at.append(f"({index})/{s}" if s > 1 else index)
    read = text.read(x, [n, *g, c, *at], outside="0")
    body = f"Σ[{','.join([c, *taps])}] {read}·{text.read(w, [*g, c, f, *taps], 'w')}"
    if b is not None:
        body = f"{text.read(b, [*g, f], 'b')} + {body}"
    check_size([groups * each, *sizes])
    # stated, since solved for the axes of x they are plain convolutions of dy
    steps = [f"i{k}" for k in range(rank)]
    window = Window(sizes, taps_, strides, dilations, low, [0] * rank, inside)
    outer = text.bounded(n, *g)
    dy = f"dy[{','.join([n, *g, f, *window.at(steps, taps)])} | 0]"
    own_x, own_w = text.name_of(x), text.name_of(w)
    rules: dict[str, str] = {}
    if own_x:
        head = ",".join([*outer, *text.bounded(c), *(f"{i}<{e}" for i, e in zip(steps, inside, strict=True))])
        kernel = text.read(w, [*g, c, f, *taps], "w")
        rules[own_x] = f"dx[{head}] = Σ[{','.join(text.bounded(f, *taps))}] {dy}·{kernel}"
    if own_w:
        head = ",".join(text.bounded(*g, c, f, *taps))
        over = ",".join([*text.bounded(n), *(f"{i}<{e}" for i, e in zip(steps, inside, strict=True))])
        rules[own_w] = f"dw[{head}] = Σ[{over}] {text.read(x, [n, *g, c, *steps])}·{dy}"
    if b is not None and (own_b := text.name_of(b)):
        rules[own_b] = (
            f"db[{','.join(text.bounded(*g, f))}] = Σ[{','.join([n, *places])}] dy[{','.join([n, *g, f, *places])}]"
        )
    result = text.result([n, *g, f, *places], body, x.dtype, derivative=rules)
    return reshaped(result, [x.shape[0], groups * each, *sizes]) if groups > 1 else result


def _taps(node: Node, x: Value) -> list[int]:
    taps = [int(v) for v in node.attr("kernel_shape", [])]
    if x.rank < 3 or len(taps) != x.rank - 2:
        raise ShapeError(f"{node.operator} with a window {taps} over a value of shape {x.shape}")
    return taps


@operator("MaxPool")
def _max_pool(node: Node) -> list[Value]:
    x = node.input(0)
    window = Window.of(node, x.shape[2:], _taps(node, x))
    text = Text()
    n, c = text.axes(x.shape[:2])
    steps, taps = text.axes(window.steps), text.axes(window.taps)
    letters = [n, c, *steps]
    at = window.at(steps, taps)
    least = "−inf" if x.dtype.kind == "f" else number(float(np.iinfo(x.dtype).min))
    read = text.read(x, [n, c, *at], outside=least if window.beyond else None)
    bound = ",".join(taps)
    text.line("y", letters, f"max[{bound}] {read}")
    if node.outputs < 2:
        return text.values({"y": (letters, x.dtype)})
    places = window.places
    order = list(range(len(places)))
    if node.attr("storage_order"):
        order.reverse()
    flat, stride = "", 1
    for k in reversed(order):
        flat += f" + {stride}·({at[k]})"
        stride *= places[k]
    flat += f" + {stride}·{c} + {stride * size_of(x.shape[1])}·{n}"
    y = text.head("y", letters)
    # of equal numbers, the one of the smallest index
    text.line("k", letters, f"−(max[{bound}] where({read} = {y}, −({flat[3:]}), −inf))")
    return text.values({"y": (letters, x.dtype), "k": (letters, INT)})


@operator("AveragePool", "LpPool")
def _mean_pool(node: Node) -> Value:
    """A mean of the places inside, or of all that the window sees with count_include_pad."""
    x = node.input(0)
    window = Window.of(node, x.shape[2:], _taps(node, x))
    text = Text()
    n, c = text.axes(x.shape[:2])
    steps, taps = text.axes(window.steps), text.axes(window.taps)
    letters, bound, at = [n, c, *steps], ",".join(taps), window.at(steps, taps)
    read = text.read(x, [n, c, *at], outside="0" if window.beyond else None)
    if node.operator == "LpPool":
        p = int(node.attr("p", 2))
        powers = f"Σ[{bound}] abs({read})^{p}"
        return text.result(letters, f"({powers})^{number(1 / p)}" if p != 2 else f"√({powers})", x.dtype)
    if not window.beyond:
        return text.result(letters, f"(Σ[{bound}] {read})/{math.prod(window.taps)}", x.dtype)
    padded = bool(node.attr("count_include_pad"))
    for k, (i, u) in enumerate(zip(steps, taps, strict=True)):
        low = -window.low[k] if padded else 0
        end = window.places[k] + (window.high[k] if padded else 0)
        text.line(f"c{k}", [i], f"Σ[{u}] [{number(low)} ≤ {at[k]} < {end}]")
    count = "·".join(text.head(f"c{k}", [i]) for k, i in enumerate(steps))
    return text.result(letters, f"(Σ[{bound}] {read})/({count})", x.dtype)


@operator("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def _global_pool(node: Node) -> Value:
    x = node.input(0)
    if x.rank < 3:
        raise ShapeError(f"{node.operator} takes images or sequences, got the shape {x.shape}")
    text = Text()
    letters = text.axes(x.shape)
    ones = text.axes([1] * (x.rank - 2))
    read, bound = text.read(x, letters), ",".join(letters[2:])
    p = int(node.attr("p", 2))
    body = {
        "GlobalAveragePool": f"(Σ[{bound}] {read})/{math.prod(size_of(e) for e in x.shape[2:])}",
        "GlobalMaxPool": f"max[{bound}] {read}",
        "GlobalLpPool": f"(Σ[{bound}] abs({read})^{p})^{number(1 / p)}",
    }[node.operator]
    return text.result([*letters[:2], *ones], body, x.dtype)


@operator("LRN")
def _lrn(node: Node) -> Value:
    x, size = node.input(0), int(node.attr("size"))
    text = Text()
    letters = text.axes(x.shape)
    u = text.axis(size)
    c = letters[1]
    near = text.read(x, [f"{c} + {u} − {(size - 1) // 2}" if k == 1 else a for k, a in enumerate(letters)], outside="0")
    alpha, beta, bias = (float(node.attr(k, d)) for k, d in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    text.line("s", letters, f"Σ[{u}] {near}²")
    body = f"{text.read(x, letters)}/({number(bias)} + {number(alpha / size)}·{text.head('s', letters)})^{number(beta)}"
    return text.result(letters, body, x.dtype)
