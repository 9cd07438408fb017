"""Masking: sequences of unequal length in one array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import combining, masks
from pellucid.functions.registry import number
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class Masking(Layer):
    """Marks the steps that are only padding: those whose numbers all are `value`, or those where a mask is 0.

    The mask travels with the values through layers that treat each step by itself. Recurrent layers hold their state
    where it is 0, and attention does not look there. The numbers of the padding become 0.

    Shapes: (n, t, i) to the same; in a graph with a mask (n, t) of 1 and 0 as a second input, `Masking()(x, mask)`.

    Args:
        value: what sequences are padded with.
    """

    stepwise = True
    masking = "use"

    value: float = 0.0

    def check(self) -> None:
        self.value = number("value", self.value, of="Masking")

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        shape, *given = shapes
        if len(shape) != 2 or (given and given != [shape[:1]]):
            given_shapes = ", ".join(map(str, shapes))
            raise ShapeError(
                gettext(
                    "Masking takes examples of shape (steps, features), and a mask of (steps,) if any, got {shapes}",
                    shapes=given_shapes,
                )
            )
        return {}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        x, *given = inputs
        mask = given[0] if given else context.record("mask", masks.present(x, value=self.value))
        if x in context.masks:
            mask = context.record("both", combining.multiply([context.masks[x], mask]))
        result = masks.masked(x, mask)
        context.masks[result] = mask
        return result
