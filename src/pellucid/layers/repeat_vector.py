"""RepeatVector: one row at every step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pellucid.arrays import check_integer
from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import shaping
from pellucid.layers.base import Context, Layer
from pellucid.messages import gettext, option_of


@dataclass(eq=False, repr=False)
class RepeatVector(Layer):
    """A row of features at every one of `n` steps: (n, i) to (n, t, i). A decoder can begin with what an encoder ends
    with.

    Args:
        n: how many steps.
    """

    arity = 1
    masking = "refuse"

    n: int

    def check(self) -> None:
        self.n = check_integer(self.n, option_of("n", "RepeatVector"), minimum=1)

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        if x.rank != 2:
            raise ShapeError(
                gettext(
                    "RepeatVector takes examples of shape (features,), got {shape}",
                    shape=tuple(a.size for a in x.axes[1:]),
                )
            )
        return shaping.repeat(x, self.n)
