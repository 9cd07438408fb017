"""Resizing: the nearest place, or the two nearest by their distance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pellucid.interchange.onnx.operators.base import (
    MAX_STATIC,
    Node,
    Text,
    UnsupportedError,
    Value,
    axes_of,
    number,
    operator,
    size_of,
)
from pellucid.interchange.onnx.operators.parts import picked


@operator("Resize", "Upsample")
def _resize(node: Node) -> Value:
    """Axis after axis: the nearest place, or the two nearest by their distance."""
    x = node.input(0)
    mode = str(node.attr("mode", "nearest"))
    axes = axes_of(node.attr("axes") or range(x.rank), x.rank)
    if node.operator == "Upsample":
        scales, sizes, region = _floats(node, 1) or list(node.attr("scales", [])), None, None
    elif node.opset < 11:
        scales, sizes, region = _floats(node, 1), None, None
    else:
        region, scales = _floats(node, 1), _floats(node, 2)
        sizes = node.integers(3)
    if mode not in ("nearest", "linear") or node.attr("antialias"):
        raise UnsupportedError(f"{node.operator} has the mode {mode}{' with antialias' * bool(node.attr('antialias'))}")
    extents = [x.shape[k] for k in axes]
    if sizes:
        known = [size_of(e) if e != s else e for e, s in zip(extents, sizes, strict=True)]
        scales = [s / e if isinstance(e, int) else 1.0 for s, e in zip(sizes, known, strict=True)]
        policy = node.attr("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            one = min(scales) if policy == "not_larger" else max(scales)
            scales = [one] * len(scales)
            sizes = [math.floor(one * size_of(e) + 0.5) for e in extents]
    elif scales:
        sizes = [math.floor(size_of(e) * s) if s != 1 else e for e, s in zip(extents, scales, strict=True)]
    else:
        raise UnsupportedError("Resize has neither scales nor sizes")
    result = x
    for place, axis in enumerate(axes):
        transform = str(
            node.attr(
                "coordinate_transformation_mode",
                "half_pixel" if node.opset >= 11 and node.operator == "Resize" else "asymmetric",
            )
        )
        if sizes[place] == x.shape[axis] and scales[place] == 1 and transform != "tf_crop_and_resize":
            continue
        whole = size_of(x.shape[axis])
        if size_of(sizes[place]) > MAX_STATIC:
            raise UnsupportedError(
                f"{node.operator} makes an axis of {sizes[place]:,}, expected at most {MAX_STATIC:,}"
            )
        span = (0.0, 1.0)
        if region and transform == "tf_crop_and_resize":
            span = (region[place], region[place + len(axes)])
        at = _coordinates(transform, whole, sizes[place], scales[place], span)
        inside = (at >= 0) & (at <= whole - 1) if transform == "tf_crop_and_resize" else np.ones(len(at), bool)
        if mode == "nearest":
            if not inside.all():
                raise UnsupportedError("Resize extrapolates")
            result = picked(
                result,
                axis,
                np.clip(
                    _nearest(at, str(node.attr("nearest_mode", "round_prefer_floor" if node.opset >= 11 else "floor"))),
                    0,
                    whole - 1,
                ),
            )
        else:
            result = _linear(result, axis, at, inside, float(node.attr("extrapolation_value", 0.0)))
    return result


def _floats(node: Node, place: int) -> list[float]:
    return [float(v) for v in node.known(place).reshape(-1)] if node.has(place) else []


def _coordinates(transform: str, old: int, new: int, scale: float, span: tuple[float, float]) -> Any:
    """Where each new place stands among the old ones."""
    i = np.arange(new, dtype=float)
    match transform:
        case "half_pixel":
            return (i + 0.5) / scale - 0.5
        case "half_pixel_symmetric":
            adjusted = new / (old * scale)
            return old / 2 * (1 - adjusted) + (i + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (i + 0.5) / scale - 0.5 if new > 1 else 0 * i
        case "align_corners":
            return i * (old - 1) / (old * scale - 1) if new > 1 else 0 * i
        case "asymmetric":
            return i / scale
        case "tf_crop_and_resize":
            start, end = span
            if new > 1:
                return start * (old - 1) + i * (end - start) * (old - 1) / (new - 1)
            return 0.5 * (start + end) * (old - 1) + 0 * i
        case "tf_half_pixel_for_nn":
            return (i + 0.5) / scale
    raise UnsupportedError(f"Resize has the coordinate_transformation_mode {transform}")


def _nearest(at: Any, mode: str) -> Any:
    match mode:
        case "round_prefer_floor":
            return np.ceil(at - 0.5).astype(int)
        case "round_prefer_ceil":
            return np.floor(at + 0.5).astype(int)
        case "floor":
            return np.floor(at).astype(int)
        case "ceil":
            return np.ceil(at).astype(int)
    raise UnsupportedError(f"Resize has the nearest_mode {mode}")


def _linear(x: Value, axis: int, at: Any, inside: Any, outside: float) -> Value:
    """y[…,h,…] = Σ[i] max(0, 1 − |s[h] − i|)·x[…,i,…], where s[h] = a·h + b is where h stands among the old places."""
    whole, count = size_of(x.shape[axis]), len(at)
    step = (at[-1] - at[0]) / (count - 1) if count > 1 else 0.0
    text = Text()
    letters = text.axes([count if k == axis else e for k, e in enumerate(x.shape)])
    h, i = letters[axis], text.axis(whole)
    stands = f"max(0, min({whole - 1}, {number(step)}·{h} + {number(float(at[0]))}))"
    text.line("a", [h, i], f"max(0, 1 − abs({stands} − {i}))")
    read = text.read(x, [i if k == axis else a for k, a in enumerate(letters)])
    body = f"Σ[{i}] {text.head('a', [h, i])}·{read}"
    if not inside.all():
        place = f"{number(step)}·{h} + {number(float(at[0]))}"
        body = f"where(0 ≤ {place} ≤ {whole - 1}, {body}, {number(outside)})"
    return text.result(letters, body, x.dtype)
