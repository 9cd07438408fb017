"""Sums of products in which an axis slides over another factor, as `conv_general_dilated`.

The three kinds are one: y[i] = Σ x[i·s + u − p]·k[u], its derivatives by x, where the index is (h + p − u)/s, and by k,
where i and u have changed their roles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from jax import lax

from pellucid.engines.xla.contractions import added
from pellucid.engines.xla.labelled import Axes, Value
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import ZERO, Expression, Read, free_axes, multiply, reads, transform

if TYPE_CHECKING:
    from pellucid.engines.xla.lowering import Context

_LARGEST = 3
"""The most axes that slide at once: images have two."""


@dataclass(frozen=True, slots=True)
class Slide:
    """(stride·out + dilation·tap + offset)/divisor, an index into the axis `place`.

    Attributes:
        place: stands for what is indexed.
        out: an axis of the result.
        tap: an axis that is summed.
    """

    place: Axis
    out: Axis
    tap: Axis
    stride: int
    dilation: int
    offset: int
    divisor: int


def convolved(c: Context, axes: Axes, parts: Sequence[Expression]) -> Value | None:
    """The sum, if it is a convolution of one part, or of several with the same indices, with the others."""
    slides = _slides(c, axes, parts)
    if not slides or len(slides) > _LARGEST:
        return None
    sliding = [p for p in parts if any(_key(i) in slides for r in reads(p) for i in r.indices)]
    others = [p for p in parts if p not in sliding]
    outs, taps = ({s.out for s in slides.values()}, {s.tap for s in slides.values()})
    if len(outs) < len(slides) or len(taps) < len(slides) or outs & taps or not others:
        return None

    def still(e: Expression) -> Expression | None:
        if isinstance(e, Read) and any(_key(i) in slides for i in e.indices):
            indices = tuple(Affine.of(slides[_key(i)].place) if _key(i) in slides else i for i in e.indices)
            return transform(Read(e.tensor, indices, e.outside), still)
        return None

    image, kernel = transform(multiply(*sliding), still), multiply(*others)
    if free_axes(image) & (outs | taps) or free_axes(kernel) & outs or not taps <= free_axes(kernel):
        return None
    return _convolution(c, axes, c.number(c.build(image)), c.number(c.build(kernel)), list(slides.values()))


def _key(index: object) -> object:
    if not isinstance(index, Affine) or len(index.terms) < 2:
        return None
    return frozenset((a, k.value) for a, k in index.terms), index.constant, index.divisor.value


def _slides(c: Context, axes: Axes, parts: Sequence[Expression]) -> dict[object, Slide]:
    """The sliding indices, by their keys; none if there is another one that has more than an axis."""
    slides: dict[object, Slide] = {}
    extents: dict[object, int] = {}
    for read in (r for p in parts for r in reads(p)):
        for index, axis in zip(read.indices, read.tensor.axes, strict=True):
            if _key(index) is None:
                continue
            assert isinstance(index, Affine)
            taps = [(a, k.value) for a, k in index.terms if a in axes]
            outs = [(a, k.value) for a, k in index.terms if a not in axes]
            if len(taps) != 1 or len(outs) != 1 or outs[0][0] in c.pinned or read.outside not in (None, ZERO):
                return {}
            if read.tensor in c.before and axis is read.tensor.axes[c.before[read.tensor].place]:
                return {}
            if extents.setdefault(_key(index), c.extent(axis)) != c.extent(axis):
                return {}
            if _key(index) not in slides:
                slides[_key(index)] = Slide(
                    axis.fresh(), outs[0][0], taps[0][0], outs[0][1], taps[0][1], index.constant, index.divisor.value
                )
    return slides


def _convolution(c: Context, axes: Axes, image: Value, kernel: Value, slides: list[Slide]) -> Value | None:
    places = [s.place for s in slides]
    taps = [s.tap for s in slides]
    if image.soft or kernel.soft or not set(places) <= set(image.axes) or not set(taps) <= set(kernel.axes):
        return None
    summed = set(axes)
    image = added(c, image, {a for a in image.axes if a in summed and a not in kernel.axes})
    kernel = added(c, kernel, {a for a in kernel.axes if a in summed and a not in image.axes and a not in taps})
    both = [a for a in image.axes if a in kernel.axes]
    groups, channels = [a for a in both if a not in summed], [a for a in both if a in summed]
    batch = [a for a in image.axes if a not in both and a not in places]
    filters = [a for a in kernel.axes if a not in both and a not in taps]

    def sizes(group: Sequence[Axis]) -> list[int]:
        return [c.extent(a) for a in group]

    x = image.ordered((*batch, *places, *groups, *channels))
    k = kernel.ordered((*taps, *channels, *groups, *filters))
    x = x.reshape(c.count(batch), *(image.extent(p) for p in places), -1)
    k = k.reshape(*sizes(taps), c.count(channels), -1)
    strides, padding, dilations, turned = [], [], [], []
    for d, s in enumerate(slides):
        offset = s.offset
        if s.dilation < 0:  # the taps from the other end
            k = lax.rev(k, (d,))
            offset += s.dilation * (c.extent(s.tap) - 1)
        if s.stride < 0:  # the result from the other end
            turned.append(s.out)
            offset += s.stride * (c.extent(s.out) - 1)
        extent = (image.extent(s.place) - 1) * s.divisor + 1
        reach = abs(s.stride) * (c.extent(s.out) - 1) + abs(s.dilation) * (c.extent(s.tap) - 1)
        strides.append(abs(s.stride))
        dilations.append(abs(s.dilation))
        padding.append((-offset, reach + offset + 1 - extent))
    letters = "".join("DHW"[-len(slides) :])
    result = lax.conv_general_dilated(
        _rounded(c, x),
        _rounded(c, k),
        window_strides=strides,
        padding=padding,
        lhs_dilation=[s.divisor for s in slides],
        rhs_dilation=dilations,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=c.count(groups),
        precision=lax.Precision.HIGHEST if c.factors == c.dtype else lax.Precision.DEFAULT,
        preferred_element_type=jnp.dtype(c.dtype),
    )
    outs = [s.out for s in slides]
    order: list[Axis] = [*batch, *outs, *groups, *filters]
    array: Any = result.reshape(*sizes(batch), *sizes(outs), *sizes(groups), *sizes(filters))
    if turned:
        array = lax.rev(array, tuple(order.index(a) for a in turned))
    return Value(tuple(order), array)


def _rounded(c: Context, factor: Any) -> Any:
    """A factor of a convolution, rounded to `c.factors` and of the dtype of the sum. A GPU's convolutions sum in the
    dtype of their factors, so these stay in float32, whose shorter form on a device (`Precision.DEFAULT`: TF32 on a
    GPU, bfloat16 on a TPU) holds every bit that is left of them.
    """
    if c.factors == c.dtype:
        return factor.astype(c.dtype)
    kept = jnp.finfo(c.factors)
    return lax.reduce_precision(factor.astype(c.dtype), kept.nexp, kept.nmant)
