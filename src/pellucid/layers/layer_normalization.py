"""Layer normalization (Ba, Kiros & Hinton 2016)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from pellucid.formula import Tensor
from pellucid.functions.forward import normalisation
from pellucid.functions.registry import number
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.layers.batch_normalization import scale_and_offset


@dataclass(eq=False, repr=False)
class LayerNormalization(Layer):
    """Each vector along the last axis with mean 0 and variance 1, then scaled and moved: `y = γ·(x − μ)/√(v + ε) + β`.

    Shapes: (n, …, c) to the same. Parameters gamma and beta, both (c,).

    Args: epsilon, center and scale as for `BatchNormalization`.
    """

    arity = 1
    stepwise = True
    masking = "pass"

    _: KW_ONLY
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    def check(self) -> None:
        self.epsilon = number("epsilon", self.epsilon, of="LayerNormalization", above=0)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        return scale_and_offset(shape, scale=self.scale, center=self.center)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        mean, variance = normalisation.statistics(x, over="example")
        context.record("mean", mean)
        context.record("variance", variance)
        z = context.record(
            "standardised", normalisation.standardise(x, mean, variance, epsilon=self.epsilon, over="example")
        )
        return normalisation.scale(z, parameters.get("gamma"), parameters.get("beta"))
