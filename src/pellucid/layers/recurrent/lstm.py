"""Long short-term memory (Hochreiter & Schmidhuber 1997)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from pellucid.formula import Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward import recurrence
from pellucid.layers.base import Parameter, Shape
from pellucid.layers.recurrent.base import _Recurrent


@dataclass(eq=False, repr=False)
class LSTM(_Recurrent):
    """Long short-term memory: gates decide what its cells take in, keep and show.

    `trace` gives the gates by path: lstm_1.gate.input, .forget, .cell (what is proposed) and .output, then
    lstm_1.cell and lstm_1.state, each (n, t, units). In `kernel` (i,g,j), `recurrent_kernel` (q,g,j) and `bias` (g,j)
    they stand along g in this order. In a graph both states before the first step may be given: `LSTM(8)(x, h0, c0)`.

    Args, and those of `RNN`:
        activation: of what is proposed and of the cells: tanh, sigmoid, relu, softplus or linear.
        gate_activation: of the gates input, forget and output.
        unit_forget_bias: the forget gates begin with a bias of 1, so that a new layer remembers.
    """

    states = ("state", "cell")
    gates = 4
    recorded: ClassVar[Mapping[str, str]] = {
        "sum": "z",
        "gate.input": "i",
        "gate.forget": "f",
        "gate.cell": "g",
        "gate.output": "o",
        "cell": "c",
        "state": "h",
    }

    _: KW_ONLY
    gate_activation: ActivationLike = "sigmoid"
    unit_forget_bias: bool = True

    def check(self) -> None:
        super().check()
        self.gate_activation = activation(self.gate_activation)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        parameters = super().declare(*shapes)
        if self.use_bias and self.unit_forget_bias and self.bias_initializer == "zeros":
            parameters["bias"] = replace(parameters["bias"], initial="forget_ones")
        return parameters

    def recur(
        self, x: Tensor, mask: Tensor | None, parameters: Mapping[str, Tensor], before: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        return recurrence.lstm(
            x,
            **parameters,
            hidden=before.get("state"),
            cell=before.get("cell"),
            mask=mask,
            activation=self.activation,
            gate_activation=self.gate_activation,
            reverse=self.go_backwards,
            truncate=self.truncate,
        )
