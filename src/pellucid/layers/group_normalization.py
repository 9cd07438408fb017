"""Group normalization (Wu & He 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from pellucid.arrays import is_integer
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import normalisation
from pellucid.functions.registry import number
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.layers.batch_normalization import scale_and_offset
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class GroupNormalization(Layer):
    """Each group of channels with mean 0 and variance 1 over all places of an example: `y = γ·(x − μ)/√(v + ε) + β`.

    It does not look at the other examples of a batch, so small batches do not disturb it.

    Shapes: (n, …, c) to the same. Parameters gamma and beta, both (c,).

    Args:
        groups: how many, a number that divides the channels; −1 gives each channel a group of its own (instance
            normalization).
        epsilon, center, scale: as for `BatchNormalization`.

    Source: Wu & He, Group normalization, ECCV 2018.
    """

    arity = 1
    masking = "refuse"

    groups: int = 32
    _: KW_ONLY
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    def check(self) -> None:
        if not is_integer(self.groups, minimum=-1) or self.groups == 0:
            raise PellucidError(
                gettext(
                    "groups of GroupNormalization is {groups!r}, expected an integer from 1, or −1 for a group a "
                    "channel",
                    groups=self.groups,
                )
            )
        self.groups = int(self.groups)
        self.epsilon = number("epsilon", self.epsilon, of="GroupNormalization", above=0)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        if self.groups > 0 and shape[-1] % self.groups:
            raise ShapeError(
                gettext(
                    "{groups} groups do not divide the {count} channels; take a number of groups that does, or "
                    "groups=−1 for a group a channel",
                    groups=self.groups,
                    count=shape[-1],
                )
            )
        return scale_and_offset(shape, scale=self.scale, center=self.center)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        groups = self.groups if self.groups > 0 else x.axes[-1].size
        split = context.record("groups", normalisation.in_groups(x, groups))
        mean, variance = normalisation.statistics(split, over="group")
        context.record("mean", mean)
        context.record("variance", variance)
        z = normalisation.standardise(split, mean, variance, epsilon=self.epsilon, over="group")
        context.record("standardised", z)
        return normalisation.scale(normalisation.together(z), parameters.get("gamma"), parameters.get("beta"))
