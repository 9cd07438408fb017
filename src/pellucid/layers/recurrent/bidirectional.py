"""Bidirectional (Schuster & Paliwal 1997)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pellucid.errors import PellucidError, ShapeError, nearest
from pellucid.formula import Tensor
from pellucid.functions.forward import combining
from pellucid.layers.base import Context, Layer, Node, Parameter, Shape
from pellucid.layers.recurrent.base import _Recurrent, with_states
from pellucid.messages import gettext

T = TypeVar("T")

MERGE_MODES: dict[str, Callable[[Sequence[Tensor]], Tensor]] = {
    "concat": combining.concatenate,
    "sum": combining.add,
    "mul": combining.multiply,
    "ave": combining.average,
}


@dataclass(eq=False, repr=False)
class Bidirectional(Layer):
    """A recurrent layer and its like that reads the other way, their states merged at every step.

    Shapes: as of the layer; "concat" gives twice its units. The parameters of both stand under `forward` and
    `backward`: bidirectional_1.forward.kernel. First states are those of the forward layer, then those of the
    backward one.

    Args:
        layer: RNN, LSTM or GRU; the backward layer has the same options.
        merge_mode: "concat", "sum", "mul" or "ave".

    Source: Schuster & Paliwal, Bidirectional recurrent neural networks, IEEE Transactions on Signal Processing 45
    (1997).
    """

    masking = "use"

    layer: _Recurrent
    merge_mode: str = "concat"

    def check(self) -> None:
        if not isinstance(self.layer, _Recurrent) or self.layer.go_backwards:
            raise PellucidError(f"Bidirectional takes an RNN, LSTM or GRU that reads forwards, got {self.layer!r}")
        if self.layer.stateful:
            raise PellucidError(
                "Bidirectional takes no stateful layer: what reads backwards does not go on from the batch before"
            )
        if self.merge_mode not in MERGE_MODES:
            hint = nearest(self.merge_mode, MERGE_MODES)
            raise PellucidError(
                f"merge_mode of Bidirectional is one of {', '.join(MERGE_MODES)}, got {self.merge_mode!r}.{hint}"
            )
        mirrored = self.layer.options() | {"go_backwards": True, "name": None}
        self.backward = Layer.of(type(self.layer).__name__, mirrored)

    @property
    def parts(self) -> tuple[Layer, ...]:
        return tuple(vars(self)[key] for key in ("layer", "backward") if key in vars(self))

    @property
    def _both(self) -> dict[str, Layer]:
        return {"forward": self.layer, "backward": self.backward}

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        both = zip(self._both.items(), self._split(shapes), strict=True)
        return {f"{way}.{key}": p for (way, layer), taken in both for key, p in layer.declare(*taken).items()}

    def owner(self, key: str) -> tuple[Layer, str]:
        way, _, inner = key.partition(".")
        return self._both[way].owner(inner)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        results: list[Tensor] = []
        ends: dict[str, Tensor] = {}
        for (way, layer), taken in zip(self._both.items(), self._split(inputs), strict=True):
            mine = {k.removeprefix(f"{way}."): t for k, t in parameters.items() if k.startswith(f"{way}.")}
            result = layer.formula(*taken, parameters=mine, context=context.at(way, way))
            results.append(context.record(way, result))
            ends |= {f"{way}.{name}": end for name, end in context.final.get(result, {}).items()}
        merged = MERGE_MODES[self.merge_mode](results)
        if self.layer.return_sequences and inputs[0] in context.masks:
            context.masks[merged] = context.masks[inputs[0]]
        if ends:
            context.final[merged] = ends
        return merged

    def __call__(self, *nodes: Node | Sequence[Node], initial_state: Node | Sequence[Node] = ()) -> Any:
        """Its use in a graph; see `RNN`. States are those of the forward layer, then those of the backward one."""
        states = {f"{way}.{k}": n for way in self._both for k, n in self.layer.carriers().items()}
        node = super().__call__(*nodes, initial_state)
        return with_states(node, states if self.layer.return_state else {})

    @property
    def return_state(self) -> bool:
        """Whether its states after the last step are given too."""
        return self.layer.return_state

    def _split(self, inputs: Sequence[T]) -> tuple[list[T], list[T]]:
        """What each of the two takes: the sequence, and its own half of the first states."""
        x, *states = inputs
        half, odd = divmod(len(states), 2)
        if odd:
            raise ShapeError(
                gettext("Bidirectional takes first states for both directions, got {count}", count=len(states))
            )
        return [x, *states[:half]], [x, *states[half:]]

    def options(self) -> dict[str, Any]:
        inner = {"class": type(self.layer).__name__, "options": self.layer.options()}
        return {"layer": inner, "merge_mode": self.merge_mode, "name": self.name}

    @classmethod
    def restored(cls, options: Mapping[str, Any]) -> Self:
        inner = options.get("layer")
        if not isinstance(inner, Mapping) or not isinstance(inner.get("options"), Mapping):
            raise PellucidError("Bidirectional cannot be made again: its description has no layer")
        return super().restored({**options, "layer": Layer.of(str(inner.get("class")), inner["options"])})
