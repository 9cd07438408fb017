"""RNN, LSTM and GRU: layers that carry a state from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor
from pellucid.functions import recurrence
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.penalties import PenaltyLike, penalty
from pellucid.layers.base import Context, Layer, Parameter, Shape, joined, whole


@dataclass(eq=False, repr=False)
class _Recurrent(Layer):
    """What RNN, LSTM and GRU share; `RNN` tells the options."""

    stepwise = True
    masking = "use"
    states: ClassVar[tuple[str, ...]] = ("state",)
    gates: ClassVar[int] = 1
    recorded: ClassVar[Mapping[str, str]] = {}

    units: int
    activation: ActivationLike = "tanh"
    _: KW_ONLY
    return_sequences: bool = False
    go_backwards: bool = False
    truncate: int | None = None
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    recurrent_initializer: str = "orthogonal"
    bias_initializer: str = "zeros"
    kernel_regularizer: PenaltyLike = None
    recurrent_regularizer: PenaltyLike = None

    def check(self) -> None:
        kind = type(self).__name__
        self.units = whole(self.units, f"units of {kind}")
        self.activation = activation(self.activation)
        if self.truncate is not None:
            self.truncate = whole(self.truncate, f"truncate of {kind}")
        self.kernel_regularizer = penalty(self.kernel_regularizer)
        self.recurrent_regularizer = penalty(self.recurrent_regularizer)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        kind, (shape, *given) = type(self).__name__, shapes
        if len(shape) != 2:
            raise ShapeError(f"a {kind} layer takes examples of shape (steps, features), but {shape} came")
        if given and given != [(self.units,)] * len(self.states):
            expected = " and ".join([f"({self.units},)"] * len(self.states))
            raise ShapeError(
                f"a {kind} layer of {self.units} units takes first states of shape {expected}, but {given} came"
            )
        inputs, outputs = shape[-1], self.gates * self.units
        axes = {"g": self.gates, "j": self.units} if self.gates > 1 else {"j": self.units}
        w = penalty(self.kernel_regularizer)
        u = penalty(self.recurrent_regularizer)
        found = {
            "kernel": Parameter({"i": inputs, **axes}, self.kernel_initializer, inputs, outputs, penalty=w),
            "recurrent_kernel": Parameter(
                {"q": self.units, **axes}, self.recurrent_initializer, self.units, outputs, penalty=u
            ),
        }
        if self.use_bias:
            found["bias"] = Parameter(axes, self.bias_initializer, inputs, outputs)
        return found

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        x, *given = inputs
        before = self._before(x, given, context)
        found = self.recur(x, context.masks.get(x), parameters, before)
        for letter, tensor in found.items():
            tensor.named(joined(context.path, letter))
        for name, letter in self.recorded.items():
            context.record(name, found[letter])
        if context.stepping and x in context.stepping.sequences:
            for name, letter in zip(self.states, "hc", strict=False):
                after = recurrence.last(found[letter]).named(joined(context.path, f"{name}.after"))
                context.stepping.states[joined(context.path, name)] = before[name], after
        return found["h"] if self.return_sequences else recurrence.last(found["h"], reverse=self.go_backwards)

    def _before(self, x: Tensor, given: list[Tensor], context: Context) -> dict[str, Tensor]:
        """The states before the first step: none (they are 0), those of the graph, or those of the step before."""
        if context.stepping is None or x not in context.stepping.sequences:
            return dict(zip(self.states, given, strict=bool(given)))
        if given or self.go_backwards:
            why = "takes its first state from the graph" if given else "reads from the last step to the first"
            raise PellucidError(f"this {type(self).__name__} layer {why}, so the network cannot be fed step by step")
        return {
            name: Tensor.input(joined(context.path, f"{name}.before"), n=BATCH, q=self.units) for name in self.states
        }

    def recur(
        self, x: Tensor, mask: Tensor | None, parameters: Mapping[str, Tensor], before: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The formulas of the recurrence, by their letters."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class RNN(_Recurrent):
    """The plain recurrent layer, `h[t] = f(b + x[t]·W + h[t−1]·U)`, with any activation f.

    Shapes: (n, t, i) to (n, units), the state after the last step, or with `return_sequences` (n, t, units), the
    state after every step. In a graph the state before the first step may be given, (n, units): `RNN(8)(x, h0)`.

    Where a mask says that a step is not there (see `Masking`), the state stays as it was, so the last state is that of
    the last step that is there. The number of steps is fixed when the network is made, by its input_shape.

    Args:
        units: how many numbers the state has.
        activation: f, by name.
        return_sequences: whether all states are given, or the last one alone.
        go_backwards: whether it reads from the last step to the first; each state stands at its own step still.
        truncate: the gradient passes back over so many steps at most (truncated backpropagation); the states do not
            change.
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


@dataclass(eq=False, repr=False)
class LSTM(_Recurrent):
    """Long short-term memory: gates say what its cells take in, keep and show.

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
        found = super().declare(*shapes)
        if self.use_bias and self.unit_forget_bias and self.bias_initializer == "zeros":
            found["bias"] = replace(found["bias"], initial="forget_ones")
        return found

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


@dataclass(eq=False, repr=False)
class GRU(_Recurrent):
    """The gated recurrent unit: an update gate mixes state and candidate, a reset gate says what the candidate sees.

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
        found = super().declare(*shapes)
        if self.use_bias and self.reset_after:
            found["recurrent_bias"] = found["bias"]
        return found

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
