"""How far back in time a gradient reaches: ∂loss_t/∂h_{t−k} against k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.formula import Program, Tensor, define, derivative
from pellucid.formula.derivative import reachable
from pellucid.formula.program import Loop
from pellucid.training.inputs.targets import Goal
from pellucid.training.programs import Objective

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Span:
    """One recurrent layer's states: their path, the name of the gradient with respect to them, and their direction."""

    path: str
    name: str
    reverse: bool


@dataclass(frozen=True)
class TemporalGradient:
    """The size of the gradient of one step's loss with respect to the states of a recurrent layer before it.

    `norms[k]` is the root mean square over the examples of the norm of ∂loss_t/∂h_{t−k}, t being the last step that
    the layer reads.
    """

    path: str
    norms: tuple[float, ...]

    @classmethod
    def of(cls, span: Span, gradient: NDArray[Any]) -> TemporalGradient:
        """From the gradient with respect to all states, (n,t,j)."""
        squares = np.square(gradient.astype(np.float64)).sum(axis=2).mean(axis=0)
        # The loss is a mean over the batch: times n, the gradient is that of an example's own loss.
        norms = np.sqrt(squares) * len(gradient)
        return cls(span.path, tuple(float(v) for v in (norms if span.reverse else norms[::-1])))

    def to_pandas(self) -> pandas.Series:
        """The norms by the number of steps back."""
        import pandas

        return pandas.Series(self.norms, index=pandas.RangeIndex(len(self.norms), name="steps back"), name=self.path)

    def plot(self) -> Figure:
        """The norms against the number of steps back, as a matplotlib figure."""
        from pellucid.plots.gradient_flow import reach_figure

        return reach_figure({self.path: self.norms})

    def __repr__(self) -> str:
        end = len(self.norms) - 1
        return (
            f"{self.path}: ∂loss/∂h is {self.norms[0]:.2e} at the last step, {self.norms[end]:.2e} {end} steps before"
        )


def reaches(aim: Objective, goals: Sequence[Goal]) -> tuple[list[Span], dict[str, Tensor]]:
    """The gradients of one step's loss with respect to the states of every recurrent layer, by name.

    Where an output has a value for every step, its loss is that of its last step alone (its first, for states that run
    backwards): the gradient of the whole loss by the sums of that step, carried back from there.
    """
    states = {p: t for p, t in aim.forward.values.items() if p.endswith(".state") and t.rank == 3}
    if not states:
        return [], {}
    directions = _directions(states)
    spans = [Span(path, f"∂loss/∂{path}", directions[path]) for path in states if path in directions]
    tensors: dict[str, Tensor] = {}
    for reverse in (False, True):
        mine = {s.name: states[s.path] for s in spans if s.reverse is reverse}
        if mine:
            gradients = _step_gradients(aim, goals, list(mine.values()), first=reverse)
            tensors |= {name: gradients[t] for name, t in mine.items()}
    return spans, tensors


def _directions(states: dict[str, Tensor]) -> dict[str, bool]:
    """Which way each state's recurrence runs."""
    loops = [stage for stage in Program(states).stages if isinstance(stage, Loop)]
    ways = {target: loop.reverse for loop in loops for target in loop.axes}
    return {path: ways[t] for path, t in states.items() if t in ways}


def _step_gradients(
    aim: Objective, goals: Sequence[Goal], states: list[Tensor], *, first: bool
) -> dict[Tensor, Tensor]:
    forward = aim.forward
    ends = [forward.last[g.path].sum for g in goals]
    ends = [e if _reads(aim, e) else forward.outputs[g.path] for e, g in zip(ends, goals, strict=True)]
    if not all(e.rank == 3 and e.axes[1].name == "t" for e in ends):
        return dict(derivative(aim.data, states))
    total: Tensor | None = None
    by_end = derivative(aim.data, ends)
    for end in ends:
        step = 0 if first else end.axes[1].size - 1
        # Σ z·stop(dz) at one step has the derivative dz there, and nothing elsewhere.
        part = define("s[] = Σ[n,o] z[n,e,o]·stop(d[n,e,o])", z=end, d=by_end[end], e=step)
        total = part if total is None else define("s[] = a + b", a=total, b=part)
    assert total is not None
    return dict(derivative(total, states))


def _reads(aim: Objective, tensor: Tensor) -> bool:
    """Whether the loss depends on a tensor."""
    return any(s.target is tensor for s in reachable([aim.data]))
