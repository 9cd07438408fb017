"""What RNN, LSTM and GRU share: a state that is carried from step to step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward import noise, recurrence
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.functions.registry import number
from pellucid.layers.base import Context, Layer, Node, Parameter, Shape, joined
from pellucid.layers.dropout import stream
from pellucid.layers.recurrent.final_state import FinalState
from pellucid.messages import gettext, option_of


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
    return_state: bool = False
    stateful: bool = False
    truncate: int | None = None
    recurrent_dropout: float = 0.0
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    recurrent_initializer: str = "orthogonal"
    bias_initializer: str = "zeros"
    kernel_regularizer: PenaltyLike = None
    recurrent_regularizer: PenaltyLike = None

    def check(self) -> None:
        kind = type(self).__name__
        self.units = check_integer(self.units, option_of("units", kind), minimum=1)
        self.activation = activation(self.activation)
        if self.truncate is not None:
            self.truncate = check_integer(self.truncate, option_of("truncate", kind), minimum=1)
        self.recurrent_dropout = number("recurrent_dropout", self.recurrent_dropout, of=kind, minimum=0, below=1)
        self.kernel_regularizer = penalty(self.kernel_regularizer)
        self.recurrent_regularizer = penalty(self.recurrent_regularizer)

    @property
    def causal(self) -> bool:
        return self.return_sequences and not self.go_backwards

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        kind, (shape, *given) = type(self).__name__, shapes
        if len(shape) != 2:
            raise ShapeError(
                gettext("a {kind} layer takes examples of shape (steps, features), got {shape}", kind=kind, shape=shape)
            )
        if given and self.stateful:
            raise ShapeError(
                gettext(
                    "a stateful {kind} layer begins with its state after the batch before, so it takes no first state "
                    "from the graph: leave stateful=True out, or the state",
                    kind=kind,
                )
            )
        if given and given != [(self.units,)] * len(self.states):
            expected = " and ".join([f"({self.units},)"] * len(self.states))
            raise ShapeError(
                gettext(
                    "a {kind} layer of {units} units takes first states of shape {expected}, got {given}",
                    kind=kind,
                    units=self.units,
                    expected=expected,
                    given=given,
                )
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
        tensors_in = {**parameters, **self._dropout(context)}
        tensors = self.recur(x, context.masks.get(x), tensors_in, before)
        for letter, tensor in tensors.items():
            context.place(letter, tensor)
        for name, letter in self.recorded.items():
            context.record(name, tensors[letter])
        states = self._carried(x, context)
        if states is not None:
            for name, letter in zip(self.states, "hc", strict=False):
                end = recurrence.last(tensors[letter], reverse=self.go_backwards)
                states[joined(context.path, name)] = before[name], context.place(f"{name}.after", end)
        result = tensors["h"] if self.return_sequences else recurrence.last(tensors["h"], reverse=self.go_backwards)
        if self.return_state:
            ends = {
                n: recurrence.last(tensors[e], reverse=self.go_backwards)
                for n, e in zip(self.states, "hc", strict=False)
            }
            context.final[result] = ends if self.return_sequences else ends | {"state": result}
            for name, end in context.final[result].items():
                if end is not result:
                    context.place(f"{name}.final", end)
        return result

    def __call__(self, *nodes: Node | Sequence[Node], initial_state: Node | Sequence[Node] = ()) -> Any:
        """Its use in a graph: a node, or with `return_state` its output and its states after the last step.

        Args:
            nodes: the sequence, and the states before the first step if they are not 0.
            initial_state: these states, by name: `LSTM(8)(x, initial_state=[h, c])`.
        """
        return with_states(super().__call__(*nodes, initial_state), self.carriers() if self.return_state else {})

    def carriers(self) -> dict[str, int]:
        """Its states, and how many units each has."""
        return dict.fromkeys(self.states, self.units)

    def carries(self) -> dict[str, int]:
        return self.carriers() if self.stateful else {}

    def _dropout(self, context: Context) -> dict[str, Tensor]:
        """What the state is multiplied by on its way into the recurrent kernel; nothing but in training."""
        if not context.training or self.recurrent_dropout == 0:
            return {}
        path = joined(context.path, "recurrent_dropout")
        keep = noise.recurrent_dropout(
            self.units, rate=self.recurrent_dropout, seed=context.seed, step=context.step, stream=stream(path)
        )
        return {"dropout": context.place("recurrent_dropout", keep)}

    def _before(self, x: Tensor, given: list[Tensor], context: Context) -> dict[str, Tensor]:
        """The states before the first step: none (they are 0), those of the graph, or those that are carried."""
        if self._carried(x, context) is None:
            return dict(zip(self.states, given, strict=bool(given)))
        if context.stepping and (given or self.go_backwards):
            why = "takes its first state from the graph" if given else "reads from the last step to the first"
            raise PellucidError(f"this {type(self).__name__} layer {why}, so the network cannot be fed step by step")
        return {
            name: Tensor.input(joined(context.path, f"{name}.before"), n=BATCH, q=self.units) for name in self.states
        }

    def _carried(self, x: Tensor, context: Context) -> dict[str, tuple[Tensor, Tensor]] | None:
        """Where its states go that are carried along; None where none are."""
        if context.stepping is not None:
            return context.stepping.states if x in context.stepping.sequences else None
        return context.carried if self.stateful else None

    def recur(
        self, x: Tensor, mask: Tensor | None, parameters: Mapping[str, Tensor], before: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The formulas of the recurrence, by their letters."""
        raise NotImplementedError


def with_states(node: Node, states: Mapping[str, int]) -> Any:
    """A use of a recurrent layer, and a node for each of its states after the last step."""
    return (node, *(FinalState(name, units)(node) for name, units in states.items())) if states else node
