"""Convolution in one, two and three dimensions, and its transpose.

As everywhere in the field, convolution here is cross-correlation: the kernel is not turned round.
`sliding_window.py` defines stride, padding and dilation.
"""

from __future__ import annotations

from typing import Any

from pellucid.errors import ShapeError
from pellucid.formula import Tensor, define
from pellucid.functions.forward.shaping import extents
from pellucid.functions.forward.sliding_window import LETTERS, Padding, Sizes, Window, paddings_of, same, sizes_of
from pellucid.messages import gettext


def convolve(
    x: Tensor,
    k: Tensor,
    b: Tensor | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Tensor:
    """A kernel that moves over an image, along a sequence or through a volume.

    Notation: n batch, h w image, i j places of the output, c channel, f filter, u v kernel; s stride, d dilation,
    p padding. Of a sequence, t step, u tap of the kernel; of a volume, d h w its places, i j l those of the output,
    u v r kernel, δ dilation.
    Equation: y[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·k[u,v,c,f]
    Shapes: x (n, h, w, c), k (u, v, c/groups, f), b (f,) → (n, i, j, f); x (n, t, c), k (u, c/groups, f) → (n, t′, f);
    x (n, d, h, w, c), k (u, v, r, c/groups, f) → (n, i, j, l, f).
    Source: LeCun et al., Gradient-based learning applied to document recognition, Proceedings of the IEEE 86 (1998);
    of sequences: Waibel et al., Phoneme recognition using time-delay neural networks, IEEE Transactions on ASSP 37
    (1989); of volumes: Ji et al., 3D convolutional neural networks for human action recognition, IEEE Transactions on
    PAMI 35 (2013); dilation: Yu & Koltun, Multi-scale context aggregation by dilated convolutions, ICLR 2016; groups:
    Krizhevsky, Sutskever & Hinton, ImageNet classification with deep convolutional neural networks, NIPS 2012.

    With groups, each group of filters sees its own group of channels; as many groups as channels is a depthwise
    convolution.

    Raises:
        ShapeError: the kernel is larger than the padded image, or channels and groups do not fit.
    """
    window = _window(x, k, stride, padding, dilation)
    letters = LETTERS[len(window.size)]
    at, within = ",".join(letters.steps), ",".join(letters.taps)
    places = window.places(letters.steps, letters.taps)
    outside = " | 0" if window.padded else ""
    check_groups(x.axes[-1].size, k.axes[-2].size * groups, k.axes[-1].size, groups)
    arguments: dict[str, Any] = (
        {"x": x, "k": k, **window.numbers} if b is None else {"x": x, "k": k, "b": b, **window.numbers}
    )
    if groups == 1:
        bias = "" if b is None else "b[f] + "
        text = f"y[n,{at},f] = {bias}Σ[{within},c] x[n, {places}, c{outside}]·k[{within},c,f]"
        return define(text, **arguments)
    # The groups become an axis of their own: channels and filters are split by mixed radix, c′ = g·C + c, f′ = g·F + f,
    # and the sums joined again. So the formula in the middle, and its gradients, are those of every convolution.
    image = ",".join(letters.places)
    C, F = k.axes[-2].size, k.axes[-1].size // groups
    channel, filter_ = ("g·C + c" if C > 1 else "g"), ("g·F + f" if F > 1 else "g")
    bias = "" if b is None else "B[g,f] + "
    lines = [
        f"X[n,{image},g,c] = x[n,{image}, {channel}]",
        f"K[{within},c,g,f] = k[{within},c, {filter_}]",
        *([] if b is None else [f"B[g,f] = b[{filter_}]"]),
        f"z[n,{at},g,f] = {bias}Σ[{within},c] X[n, {places}, g, c{outside}]·K[{within},c,g,f]",
        f"y[n,{at},q] = Σ[g,f] [q = g·F + f]·z[n,{at},g,f]" if F > 1 else f"y[n,{at},q] = Σ[f] z[n,{at},q,f]",
    ]
    grouped = {"g": groups, "c": C, "f": F, "q": groups * F}
    return define("\n".join(lines), extents=grouped, C=C, F=F, **arguments)


def _window(x: Tensor, k: Tensor, stride: Sizes, padding: Padding, dilation: Sizes) -> Window:
    check_axes(x, k, "a convolution")
    size = tuple(a.size for a in k.axes[:-2])
    return Window.over(extents(x)[:-1], size, stride=stride, padding=padding, dilation=dilation, what="kernel")


def check_axes(x: Tensor, k: Tensor, what: str) -> None:
    """Refuse what is no sequence, image or volume, and a kernel of other axes."""
    if x.rank - 2 not in LETTERS or k.rank != x.rank:
        raise ShapeError(
            f"{what} takes a sequence, an image or a volume of 3, 4 or 5 axes, and a kernel of as many, "
            f"got {x!r} and {k!r}"
        )


def depthwise(
    x: Tensor,
    k: Tensor,
    b: Tensor | None = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
) -> Tensor:
    """A convolution of each channel by itself, with M kernels for each.

    Notation: as for `convolve`, with m the kernel of a channel.
    Equation: y[n,i,j,M·c + m] = b[M·c + m] + Σ[u,v] x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·k[u,v,c,m]
    Shapes: x (n, h, w, c), k (u, v, c, m), b (c·m,) → (n, i, j, c·m), and so for a sequence (n, t, c).
    Source: Sifre, Rigid-motion scattering for image classification, PhD thesis (2014), section 6.2; Chollet, Xception,
    CVPR 2017.

    Raises:
        ShapeError: the kernel is larger than the padded image, or is for other channels.
    """
    window = _window(x, k, stride, padding, dilation)
    check_groups(x.axes[-1].size, k.axes[-2].size, k.axes[-2].size, 1)
    steps, taps = (letters := LETTERS[len(window.size)]).steps, letters.taps
    at, within = ",".join(steps), ",".join(taps)
    places, outside = window.places(steps, taps), " | 0" if window.padded else ""
    channels, several = (axis.size for axis in k.axes[-2:])
    arguments: dict[str, Any] = {"x": x, "k": k, **window.numbers} | ({} if b is None else {"b": b})
    if several == 1:
        bias = "" if b is None else "b[c] + "
        return define(f"y[n,{at},c] = {bias}Σ[{within}] x[n, {places}, c{outside}]·k[{within},c,0]", **arguments)
    lines = [
        *([] if b is None else ["B[c,m] = b[M·c + m]"]),
        f"z[n,{at},c,m] = {'' if b is None else 'B[c,m] + '}Σ[{within}] x[n, {places}, c{outside}]·k[{within},c,m]",
        f"y[n,{at},q] = Σ[c,m] [q = M·c + m]·z[n,{at},c,m]",
    ]
    sizes = {"c": channels, "m": several, "q": channels * several}
    return define("\n".join(lines), extents=sizes, M=several, **arguments)


def check_groups(channels: int, expected: int, filters: int, groups: int) -> None:
    """Refuse groups that divide neither channels nor filters, and a kernel for other channels."""
    if channels % groups or filters % groups:
        if channels % groups:
            text = gettext(
                "{groups} groups do not divide the {count} channels; take a number of groups that divides channels and "
                "filters"
            )
        else:
            text = gettext(
                "{groups} groups do not divide the {count} filters; take a number of groups that divides channels and "
                "filters"
            )
        raise ShapeError(text.filled(groups=groups, count=channels if channels % groups else filters))
    if channels != expected:
        raise ShapeError(
            f"the kernel takes {expected} channels, got {channels}; its last axis but one is channels/groups"
        )


def conv_transpose(
    x: Tensor, k: Tensor, b: Tensor | None = None, *, stride: Sizes = 1, padding: Padding = 0, dilation: Sizes = 1
) -> Tensor:
    """The transpose of `convolve`: what that does to a gradient. It makes an image, a sequence or a volume larger.

    Every place of x adds its kernel to the places s apart: `Σ [h = i·s + u·d − p]·…`, solved for i; where the
    division leaves a remainder, x has nothing to add.

    Notation: as for `convolve`, with h w the places of the output.
    Equation: y[n,h,w,f] = b[f] + Σ[u,v,c] x[n, (h + p − u·d)/s, (w + p − v·d)/s, c | 0]·k[u,v,f,c]
    Shapes: x (n, i, j, c), k (u, v, f, c), b (f,) → (n, h, w, f), where h is i·s for "same",
    (i − 1)·s + max(span of the kernel, s) for "valid" (Keras's convention), and (i − 1)·s + span − low − high with a
    padding in numbers. So for a sequence, x (n, i, c), k (u, f, c) → (n, t, f), and for a volume.
    Source: Zeiler et al., Deconvolutional networks, CVPR 2010; Dumoulin & Visin, A guide to convolution arithmetic for
    deep learning (2016), chapter 4.

    The derivatives are stated, since solved for the axes of x they are plain convolutions of dy.

    Raises:
        ShapeError: channels do not fit, or the padding leaves nothing.
    """
    check_axes(x, k, "a transposed convolution")
    rank = x.rank - 2
    size = tuple(a.size for a in k.axes[:rank])
    inside = extents(x)[:-1]
    window, outside = transposed(inside, size, stride=stride, padding=padding, dilation=dilation)
    image, steps, taps = LETTERS[rank].places, "ijl"[:rank], LETTERS[rank].taps
    at, within = ",".join(image), ",".join(taps)
    bounds = dict(zip(image, outside, strict=True))
    steps_bound = ",".join(f"{a}<{e}" for a, e in zip(steps, inside, strict=True))
    taps_bound = ",".join(f"{a}<{e}" for a, e in zip(taps, size, strict=True))
    dy = f"dy[n, {window.places(steps, taps)}, f{' | 0' if window.padded else ''}]"
    rules = {
        "x": f"dx[n,{steps_bound},c] = Σ[{within},f] {dy}·k[{within},f,c]",
        "k": f"dk[{taps_bound},f,c] = Σ[n,{','.join(steps)}] x[n,{','.join(steps)},c]·{dy}",
    }
    arguments: dict[str, Any] = {"x": x, "k": k, **window.numbers}
    if b is not None:
        arguments["b"] = b
        rules["b"] = f"db[f] = Σ[n,{at}] dy[n,{at},f]"
    bias = "" if b is None else "b[f] + "
    places = window.inverse(image, taps)
    text = f"y[n,{at},f] = {bias}Σ[{within},c] x[n, {places}, c | 0]·k[{within},f,c]"
    return define(text, extents=bounds, derivative=rules, **arguments)


def transposed(
    extents: tuple[int, ...], size: Sizes, *, stride: Sizes, padding: Padding, dilation: Sizes
) -> tuple[Window, tuple[int, ...]]:
    """The window of a transposed convolution over places of these extents, and the extents of its output."""
    rank = len(extents)
    sizes, strides = sizes_of(size, rank, "the size"), sizes_of(stride, rank, "the stride")
    dilations = sizes_of(dilation, rank, "the dilation")
    spans = [(k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True)]
    axes = list(zip(extents, spans, strides, strict=True))
    known = paddings_of(padding, rank, "the padding")
    if isinstance(known, tuple):
        pads = known
        result = tuple((e - 1) * s + span - sum(p) for (e, span, s), p in zip(axes, pads, strict=True))
    elif known == "same":  # the padding of the convolution that takes e·s places to e
        pads, result = tuple(same(e * s, span, s) for e, span, s in axes), tuple(e * s for e, _, s in axes)
    else:
        pads, result = ((0, 0),) * rank, tuple((e - 1) * s + max(span, s) for e, span, s in axes)
    if min(result) < 1:
        full = tuple((e - 1) * s + span for e, span, s in axes)
        raise ShapeError(f"the padding {pads} leaves nothing of the output {full}; take a smaller one")
    return Window(sizes, strides, pads, dilations), result
