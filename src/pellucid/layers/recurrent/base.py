"""What RNN, LSTM and GRU share: a state that is carried from step to step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward import recurrence
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.layers.base import Context, Layer, Parameter, Shape, joined


@dataclass(eq=False, repr=False)
class _Recurrent(Layer):
    """What RNN, LSTM and GRU share; `RNN` documents the options."""

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
        self.units = check_integer(self.units, f"units of {kind}", minimum=1)
        self.activation = activation(self.activation)
        if self.truncate is not None:
            self.truncate = check_integer(self.truncate, f"truncate of {kind}", minimum=1)
        self.kernel_regularizer = penalty(self.kernel_regularizer)
        self.recurrent_regularizer = penalty(self.recurrent_regularizer)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        kind, (shape, *given) = type(self).__name__, shapes
        if len(shape) != 2:
            raise ShapeError(f"a {kind} layer takes examples of shape (steps, features), got {shape}")
        if given and given != [(self.units,)] * len(self.states):
            expected = " and ".join([f"({self.units},)"] * len(self.states))
            raise ShapeError(
                f"a {kind} layer of {self.units} units takes first states of shape {expected}, got {given}"
            )
        inputs, outputs = shape[-1], self.gates * self.units
        axes = {"g": self.gates, "j": self.units} if self.gates > 1 else {"j": self.units}
        w = penalty(self.kernel_regularizer)
        u = penalty(self.recurrent_regularizer)
        parameters = {
            "kernel": Parameter({"i": inputs, **axes}, self.kernel_initializer, inputs, outputs, penalty=w),
            "recurrent_kernel": Parameter(
                {"q": self.units, **axes}, self.recurrent_initializer, self.units, outputs, penalty=u
            ),
        }
        if self.use_bias:
            parameters["bias"] = Parameter(axes, self.bias_initializer, inputs, outputs)
        return parameters

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        x, *given = inputs
        before = self._before(x, given, context)
        tensors = self.recur(x, context.masks.get(x), parameters, before)
        for letter, tensor in tensors.items():
            context.place(letter, tensor)
        for name, letter in self.recorded.items():
            context.record(name, tensors[letter])
        if context.stepping and x in context.stepping.sequences:
            for name, letter in zip(self.states, "hc", strict=False):
                after = context.place(f"{name}.after", recurrence.last(tensors[letter]))
                context.stepping.states[joined(context.path, name)] = before[name], after
        return tensors["h"] if self.return_sequences else recurrence.last(tensors["h"], reverse=self.go_backwards)

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
