"""One update of gradient descent, by hand and by the engine."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..explain.arithmetic import number


@dataclass(frozen=True)
class Update:
    """What a step of gradient descent makes of one number: before, its gradient, and after, by the engine."""

    name: str
    before: float
    gradient: float
    rate: float
    after: float

    def text(self) -> str:
        """The arithmetic in a line."""
        sign = "−" if self.gradient >= 0 else "+"
        step = f"{number(self.rate)}·{number(abs(self.gradient))}"
        return f"{self.name}: {number(self.before)} {sign} {step} = {number(self.after)}"

    def json(self) -> dict[str, Any]:
        """The same by name."""
        return vars(self)


class Step:
    """A step of plain gradient descent on one example, taken by the engine on a copy of the network."""

    def __init__(self, net: pl.Network, x: NDArray[Any], y: NDArray[Any], *, rate: float, loss: str | None = None):
        options: dict[str, Any] = {} if loss is None else {"loss": loss}
        self.rate = rate
        self.loss, self.gradients = net.gradients(x, y, **options)
        self.before = {path: np.array(values) for path, values in net.parameters.items()}
        twin = copy.deepcopy(net)
        twin.fit(x, y, epochs=1, batch_size=len(x), optimizer=pl.SGD(rate), verbose=0, **options)
        self.after = {path: np.array(values) for path, values in twin.parameters.items()}
        self.new_loss = float(twin.gradients(x, y, **options)[0])

    def of(self, path: str, index: tuple[int, ...]) -> Update:
        """The update of one number."""
        numbers = (float(a[path][index]) for a in (self.before, self.gradients, self.after))
        before, gradient, after = numbers
        name = f"{path}[{','.join(map(str, index))}]"
        if not np.isclose(before - self.rate * gradient, after, rtol=1e-4, atol=1e-6):
            raise ArithmeticError(f"{name} becomes {after} in the engine, {before - self.rate * gradient} by hand")
        return Update(name, before, gradient, self.rate, after)

    def show(self) -> None:
        """Say what became of the loss."""
        click.echo(f"the loss of this example: {number(float(self.loss))} before, {number(self.new_loss)} after")
