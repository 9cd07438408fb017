"""An activation as a layer of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.formula import Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.layers.base import Context, Layer


@dataclass(eq=False, repr=False)
class Activation(Layer):
    """A function of every element, or softmax over the last axis; shapes stay as they are."""

    arity = 1
    stepwise = True
    masking = "pass"

    activation: ActivationLike

    def check(self) -> None:
        self.activation = activation(self.activation)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        return context.activate(self.activation, x)
