"""FinalState: what a recurrent layer ends with, as a value of the graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError
from pellucid.formula import Tensor
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import option_of


@dataclass(eq=False, repr=False)
class FinalState(Layer):
    """A state of a recurrent layer after its last step, (n, units): what `LSTM(8, return_state=True)(x)` gives beside
    the layer's output.

    Args:
        state: which one, "state" or "cell"; of a Bidirectional layer "forward.state", "backward.cell", ….
        units: how many numbers it has.
    """

    arity = 1
    masking = "use"
    stepwise = True

    state: str
    units: int

    def check(self) -> None:
        self.units = check_integer(self.units, option_of("units", "FinalState"), minimum=1)

    @property
    def causal(self) -> bool:
        return False

    def gives(self, *shapes: Shape) -> Shape:
        return (self.units,)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        return {}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        states = context.final.get(x, {})
        if self.state not in states or states[self.state].axes[-1].size != self.units:
            raise PellucidError(
                f"FinalState('{self.state}', {self.units}) takes what a recurrent layer with return_state=True and "
                "such a state gives: write y, *states = LSTM(8, return_state=True)(x)"
            )
        return states[self.state]
