"""PReLU (He et al. 2015): a leaky ReLU that learns its slope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from pellucid.arrays import is_integer
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import rectifying
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class PReLU(Layer):
    """Each value where it is positive, else times a slope that is learnt: `y = where(0 < x, x, α·x)`.

    Shapes: (n, …) to the same. Parameter alpha, of the shape of an example, with 1 for the axes that share their slope.

    Args:
        shared_axes: the axes along which all values have one slope, counted from 1: (1, 2) gives each channel of an
            image one.
        alpha_initializer: how α begins.
        alpha_regularizer: a penalty on α.

    A mask goes on. Source: He et al., Delving deep into rectifiers, ICCV 2015, section 2.1.
    """

    arity = 1
    masking = "use"

    _: KW_ONLY
    shared_axes: Shape | int = ()
    alpha_initializer: str = "zeros"
    alpha_regularizer: PenaltyLike = None

    def check(self) -> None:
        axes: Any = self.shared_axes
        given = (axes,) if is_integer(axes) else axes or ()
        if not isinstance(given, (tuple, list)) or not all(is_integer(axis, minimum=1) for axis in given):
            raise PellucidError(
                gettext(
                    "shared_axes of PReLU are axes counted from 1 without the batch, as in (1, 2), got {axes!r}",
                    axes=self.shared_axes,
                )
            )
        self.shared_axes = tuple(map(int, given))
        self.alpha_regularizer = penalty(self.alpha_regularizer)

    @property
    def shared(self) -> Shape:
        """The axes along which all values have one slope."""
        return (self.shared_axes,) if isinstance(self.shared_axes, int) else self.shared_axes

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        if any(axis > len(shape) for axis in self.shared):
            raise ShapeError(
                gettext(
                    "shared_axes={axes} of PReLU: expected axes from 1 to {count} of examples of shape {shape}",
                    axes=self.shared_axes,
                    count=len(shape),
                    shape=shape,
                )
            )
        sizes = {f"k{k}": 1 if k in self.shared else size for k, size in enumerate(shape, 1)}
        alpha = Parameter(sizes, self.alpha_initializer, penalty=penalty(self.alpha_regularizer))
        return {"alpha": alpha}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        result = rectifying.prelu(x, parameters["alpha"], shared=self.shared)
        if x in context.masks:
            context.masks[result] = context.masks[x]
        return result
