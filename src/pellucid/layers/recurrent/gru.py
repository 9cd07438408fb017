"""The gated recurrent unit (Cho et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pellucid.formula import Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward import recurrence
from pellucid.layers.base import Parameter, Shape
from pellucid.layers.recurrent.base import _Recurrent


@dataclass(eq=False, repr=False)
class GRU(_Recurrent):
    """The gated recurrent unit: an update gate mixes state and candidate, a reset gate decides what the candidate sees.

    `trace` gives the gates by path: gru_1.gate.update, .reset and .candidate, then gru_1.state, each (n, t, units).
    They stand in this order along g in `kernel` (i,g,j), `recurrent_kernel` (q,g,j), `bias` and, with `reset_after`,
    `recurrent_bias` (g,j).

    Args, and those of `RNN`:
        activation: of the candidate: tanh, sigmoid, relu, softplus or linear.
        gate_activation: of the gates update and reset.
        reset_after: whether the reset gate multiplies after the product with U (Keras, PyTorch) or before it (Cho et
            al. 2014).
    """

    gates = 3
    recorded: ClassVar[Mapping[str, str]] = {"gate.update": "z", "gate.reset": "r", "gate.candidate": "c", "state": "h"}

    _: KW_ONLY
    gate_activation: ActivationLike = "sigmoid"
    reset_after: bool = True

    def check(self) -> None:
        super().check()
        self.gate_activation = activation(self.gate_activation)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        parameters = super().declare(*shapes)
        if self.use_bias and self.reset_after:
            parameters["recurrent_bias"] = parameters["bias"]
        return parameters

    def recur(
        self, x: Tensor, mask: Tensor | None, parameters: Mapping[str, Tensor], before: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        return recurrence.gru(
            x,
            **parameters,
            hidden=before.get("state"),
            mask=mask,
            activation=self.activation,
            gate_activation=self.gate_activation,
            reset_after=self.reset_after,
            reverse=self.go_backwards,
            truncate=self.truncate,
        )
