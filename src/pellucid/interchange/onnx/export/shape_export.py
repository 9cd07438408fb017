"""The same numbers under other indices: flattened, reshaped, permuted, repeated, padded, cropped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.functions.forward.sliding_window import paddings_of, sizes_of
from pellucid.interchange.onnx.export.nodes import RULES, Place, Value, Writer
from pellucid.layers.flatten import Flatten
from pellucid.layers.permute import Permute
from pellucid.layers.repeat_vector import RepeatVector
from pellucid.layers.reshape import Reshape
from pellucid.layers.windowed.resizing import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)


@RULES.of(Flatten)
def _flatten(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    return Value(place.use.shape, made.add("Flatten", made.last(x), axis=1))


@RULES.of(Reshape)
def _reshape(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    # −1 for the batch: any of its sizes
    return Value(place.use.shape, made.reshape(made.last(x), -1, *place.use.shape))


@RULES.of(Permute)
def _permute(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    return Value(place.use.shape, made.transpose(made.last(x), 0, *place.layer.dims))


@RULES.of(RepeatVector)
def _repeat_vector(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    row = made.add("Unsqueeze", x.last, made.integers("axes", 1))
    return Value(place.use.shape, made.add("Expand", row, made.integers("shape", 1, place.layer.n, 1)))


@RULES.of(UpSampling1D, UpSampling2D, UpSampling3D)
def _upsampling(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    """Nearest neighbours, the place i of the output being the place i/size, cut off, of the input."""
    (x,) = inputs
    layer = place.layer
    scales = made.constant("scales", [1.0, 1.0, *sizes_of(layer.size, layer.rank, "size")], dtype=np.float32)
    options = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return Value(place.use.shape, first=made.add("Resize", made.first(x), "", scales, **options))


@RULES.of(ZeroPadding1D, ZeroPadding2D, ZeroPadding3D)
def _zero_padding(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    low, high = _ends(place.layer.padding, place.layer.rank)
    if x.first:
        pads = made.integers("pads", 0, 0, *low, 0, 0, *high)
        return Value(place.use.shape, first=made.add("Pad", x.first, pads))
    pads = made.integers("pads", 0, *low, 0, 0, *high, 0)
    return Value(place.use.shape, made.add("Pad", x.last, pads))


@RULES.of(Cropping1D, Cropping2D, Cropping3D)
def _cropping(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    (x,) = inputs
    low, high = _ends(place.layer.cropping, place.layer.rank)
    ends = [extent - h for extent, h in zip(x.shape[:-1], high, strict=True)]
    before = 2 if x.first else 1
    axes = made.integers("axes", *range(before, before + len(low)))
    taken = [made.integers("starts", *low), made.integers("ends", *ends), axes]
    result = made.add("Slice", x.first or x.last, *taken)
    return Value(place.use.shape, first=result) if x.first else Value(place.use.shape, result)


def _ends(given: object, rank: int) -> tuple[list[int], list[int]]:
    """What stands at the low ends of the axes, and at the high ones."""
    pairs = paddings_of(given, rank, "padding")
    assert not isinstance(pairs, str)  # the layer has checked it
    return [int(low) for low, _ in pairs], [int(high) for _, high in pairs]
