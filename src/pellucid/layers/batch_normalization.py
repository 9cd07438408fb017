"""Batch normalization (Ioffe & Szegedy 2015)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from pellucid.formula import Tensor
from pellucid.functions.forward import normalisation
from pellucid.functions.registry import number
from pellucid.layers.base import Context, Layer, Parameter, Shape, joined


@dataclass(eq=False, repr=False)
class BatchNormalization(Layer):
    """Each channel with mean 0 and variance 1, then scaled and moved: `y = γ·(x − μ)/√(v + ε) + β`.

    In training μ and v are those of the batch (and of all places), and the running ones follow them,
    mean′ = momentum·mean + (1 − momentum)·μ; in prediction they are the running ones. The variance is that of the batch
    itself, over N (as in Keras; PyTorch keeps the one over N − 1). Steps that a mask leaves out do not count in either.

    Shapes: (n, …, c) to the same. Parameters gamma, beta, and not trained mean and variance, all (c,).

    Args:
        momentum: the weight of the old running value.
        epsilon: ε, which keeps a channel that never changes from dividing by 0.
        center, scale: whether there are β and γ.
    """

    arity = 1
    stepwise = True
    masking = "use"

    _: KW_ONLY
    momentum: float = 0.99
    epsilon: float = 1e-3
    center: bool = True
    scale: bool = True

    def check(self) -> None:
        self.momentum = number("momentum", self.momentum, of="BatchNormalization", minimum=0, below=1)
        self.epsilon = number("epsilon", self.epsilon, of="BatchNormalization", above=0)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        fixed = {
            "mean": Parameter({"c": shape[-1]}, "zeros", trainable=False),
            "variance": Parameter({"c": shape[-1]}, "ones", trainable=False),
        }
        return scale_and_offset(shape, scale=self.scale, center=self.center) | fixed

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        mean, variance = parameters["mean"], parameters["variance"]
        mask = context.masks.get(x)
        own = context.training and self.trainable
        if own:
            mean, variance = normalisation.statistics(x, over="batch", mask=mask)
            for key, new in {"mean": mean, "variance": variance}.items():
                context.record(f"batch_{key}", new)
                # a layer that is used twice follows both batches
                old = context.updates.get(joined(context.home, key), parameters[key])
                following = normalisation.running(old, new, momentum=self.momentum, mask=mask)
                context.update(key, context.place(f"{key}′", following))
        z = normalisation.standardise(x, mean, variance, epsilon=self.epsilon, over="batch", own=own, mask=mask)
        context.record("standardised", z)
        return normalisation.scale(z, parameters.get("gamma"), parameters.get("beta"))


def scale_and_offset(shape: Shape, *, scale: bool, center: bool) -> dict[str, Parameter]:
    gamma = {"gamma": Parameter({"c": shape[-1]}, "ones")} if scale else {}
    beta = {"beta": Parameter({"c": shape[-1]}, "zeros")} if center else {}
    return gamma | beta
