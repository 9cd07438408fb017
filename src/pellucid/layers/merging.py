"""Layers that take several inputs: sums, differences, products, means, extremes, concatenation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import combining
from pellucid.layers.base import Context, Layer
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class _Merging(Layer):
    stepwise = True
    masking = "pass"
    combine: ClassVar[Callable[..., Tensor]]

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        kind, shapes = type(self), [t.shape[1:] for t in inputs]
        if len(shapes) < 2:
            raise ShapeError(
                gettext("{kind} takes two inputs or more, got {count}", kind=kind.__name__, count=len(shapes))
            )
        last = kind.combine is not combining.concatenate  # whether the last axis has to agree too
        if len({s if last else s[:-1] for s in shapes}) > 1 or len({len(s) for s in shapes}) > 1:
            if last:
                text = gettext("{kind} takes inputs of one shape, got {shapes}")
            else:
                text = gettext("{kind} takes inputs that differ in their last axis only, got {shapes}")
            raise ShapeError(text.filled(kind=kind.__name__, shapes=", ".join(map(str, shapes))))
        return kind.combine(inputs)


@dataclass(eq=False, repr=False)
class Add(_Merging):
    """The sum of its inputs, element by element: the join of a residual connection."""

    combine = staticmethod(combining.add)


@dataclass(eq=False, repr=False)
class Multiply(_Merging):
    """The product of its inputs, element by element: a gate."""

    combine = staticmethod(combining.multiply)


@dataclass(eq=False, repr=False)
class Average(_Merging):
    """The mean of its inputs, element by element."""

    combine = staticmethod(combining.average)


@dataclass(eq=False, repr=False)
class Subtract(_Merging):
    """Its first input less its second, element by element."""

    arity = 2
    combine = staticmethod(combining.subtract)


@dataclass(eq=False, repr=False)
class Maximum(_Merging):
    """The largest of its inputs, element by element; where several are equal, no gradient passes."""

    combine = staticmethod(combining.maximum)


@dataclass(eq=False, repr=False)
class Minimum(_Merging):
    """The smallest of its inputs, element by element; where several are equal, no gradient passes."""

    combine = staticmethod(combining.minimum)


@dataclass(eq=False, repr=False)
class Concatenate(_Merging):
    """Its inputs one behind the other along the last axis (channels, features)."""

    combine = staticmethod(combining.concatenate)
