"""Layers that take several inputs: Add, Multiply, Concatenate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import combining
from pellucid.layers.base import Context, Layer


def _shapes(inputs: tuple[Tensor, ...]) -> list[tuple[object, ...]]:
    return [t.shape[1:] for t in inputs]


def _check(kind: str, inputs: tuple[Tensor, ...], *, last: bool) -> None:
    shapes = _shapes(inputs)
    if len(shapes) < 2:
        raise ShapeError(f"{kind} takes two inputs or more, got {len(shapes)}")
    if len({s if last else s[:-1] for s in shapes}) > 1 or len({len(s) for s in shapes}) > 1:
        which = "of one shape" if last else "that differ in their last axis only"
        raise ShapeError(f"{kind} takes inputs {which}, got {', '.join(map(str, shapes))}")


@dataclass(eq=False, repr=False)
class Add(Layer):
    """The sum of its inputs, element by element: the join of a residual connection."""

    stepwise = True
    masking = "pass"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        _check("Add", inputs, last=True)
        return combining.add(inputs)


@dataclass(eq=False, repr=False)
class Multiply(Layer):
    """The product of its inputs, element by element: a gate."""

    stepwise = True
    masking = "pass"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        _check("Multiply", inputs, last=True)
        return combining.multiply(inputs)


@dataclass(eq=False, repr=False)
class Concatenate(Layer):
    """Its inputs one behind the other along the last axis (channels, features)."""

    stepwise = True
    masking = "pass"

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        _check("Concatenate", inputs, last=False)
        return combining.concatenate(inputs)
