"""The plain recurrent layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pellucid.formula import Tensor
from pellucid.functions.activations import activation
from pellucid.functions.forward import recurrence
from pellucid.layers.recurrent.base import _Recurrent


@dataclass(eq=False, repr=False)
class RNN(_Recurrent):
    """The plain recurrent layer, `h[t] = f(b + x[t]·W + h[t−1]·U)`, with any activation f.

    Shapes: (n, t, i) to (n, units), the state after the last step, or with `return_sequences` (n, t, units), the
    state after every step. In a graph the state before the first step may be given, (n, units): `RNN(8)(x, h0)` or
    `RNN(8)(x, initial_state=h0)`.

    Where a mask marks a step as padding (see `Masking`), the state stays as it was, so the last state is that of
    the last step that is there. With an input_shape of (None, features) the number of steps may be another in every
    call.

    Args:
        units: how many numbers the state has.
        activation: f, by name.
        return_sequences: whether all states are given, or the last one alone.
        return_state: whether calling it in a graph gives its states after the last step too,
            `y, *states = LSTM(8, return_state=True)(x)`: another layer may begin with them, `LSTM(8)(z, *states)`.
        go_backwards: whether it reads from the last step to the first; each state stands at its own step still.
        stateful: whether row i of a batch begins with the state in which row i of the batch before ended (with 0 after
            `net.reset_states()`); then batches have one size, and `fit` takes shuffle=False.
        truncate: the gradient passes back over so many steps at most (truncated backpropagation); the states do not
            change.
        recurrent_dropout: in training, each number of the state is 0 with this probability on its way into U, and
            divided by 1 − recurrent_dropout otherwise: the same numbers at all steps of a sequence, and for all gates.
        use_bias: whether there are biases.
        kernel_initializer, recurrent_initializer, bias_initializer: how W, U and b begin, by name.
        kernel_regularizer, recurrent_regularizer: penalties on W and U that are added to the loss.
    """

    recorded: ClassVar[Mapping[str, str]] = {"sum": "z", "state": "h"}

    def recur(
        self, x: Tensor, mask: Tensor | None, parameters: Mapping[str, Tensor], before: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        return recurrence.rnn(
            x,
            **parameters,
            hidden=before.get("state"),
            mask=mask,
            activate=activation(self.activation),
            reverse=self.go_backwards,
            truncate=self.truncate,
        )
