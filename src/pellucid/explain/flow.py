"""The flow of a step: how large the values are on the way forward and the gradients on the way back, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Executable
from pellucid.errors import PellucidError, nearest
from pellucid.explain.temporal import TemporalGradient, reaches
from pellucid.formula import Program, Tensor, derivative
from pellucid.formula.expressions import ZERO, Operation, Read
from pellucid.functions.learning.optimizers import Optimizer, optimizer
from pellucid.markup import html_table
from pellucid.network import BaseNetwork, class_name
from pellucid.training.evaluation import prepared
from pellucid.training.inputs.feeds import Examples
from pellucid.training.inputs.targets import Goal, LossLike
from pellucid.training.programs import Clip, objective, training_step

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from pellucid.explain.trace import Trace

Array = NDArray[Any]
FLAT = 0.05
"""A unit is saturated where its curve's slope is below this fraction of the steepest."""
STEEPEST = {"σ": 0.25, "tanh": 1.0}


@dataclass(frozen=True)
class LayerFlow:
    """The sizes at one layer, over a batch. What a layer does not have is NaN.

    Attributes:
        path, kind: the layer's path and class.
        function: the function that gave its output, as formulas write it: "relu", "σ", or "".
        activation, activation_norm: the root mean square of the layer's output, and the root of the sum of its squares.
        gradient, gradient_norm: the same of the gradient of the loss by that output (fused with the loss: by the
            sum before it).
        dead: the fraction of the units of a ReLU that are 0 on every example, at every place.
        saturated: the fraction of the values of a σ or tanh at which the slope is below 5 % of the steepest.
        weight, weight_gradient: the norm of all trainable parameters of the layer, and of the gradient by them.
        ratio: the norm of the last update of the kernels over the norm of the kernels; about 0.001 is usual. Kernels
            that are all 0 have none.
    """

    path: str
    kind: str
    function: str
    activation: float
    activation_norm: float
    gradient: float
    gradient_norm: float
    dead: float
    saturated: float
    weight: float
    weight_gradient: float
    ratio: float


COLUMNS = ("activation", "gradient", "dead", "saturated", "weight", "weight_gradient", "ratio")


@dataclass(frozen=True)
class Flow:
    """The flow through all layers in one step.

    Attributes:
        step: after how many steps of a training; 0 before the first.
        loss: of the batch, with the penalties.
        layers: in the order in which they run, the inputs first.
        reach: for every recurrent layer, how far back the gradient reaches.
    """

    step: int
    loss: float
    layers: tuple[LayerFlow, ...]
    reach: tuple[TemporalGradient, ...] = ()

    def __getitem__(self, path: str) -> LayerFlow:
        for layer in self.layers:
            if layer.path == path:
                return layer
        raise PellucidError(f'there is no layer "{path}" in this flow.{nearest(path, [r.path for r in self.layers])}')

    def __iter__(self) -> Iterator[LayerFlow]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row a layer."""
        import pandas

        return pandas.DataFrame([vars(layer) for layer in self.layers]).set_index("path")

    def plot(self) -> Figure:
        """Values and gradients by layer, on a logarithmic axis, as a matplotlib figure."""
        from pellucid.plots.gradient_flow import flow_figure

        return flow_figure([vars(layer) for layer in self.layers], step=self.step)

    def rows(self) -> list[tuple[str, ...]]:
        """What `print` shows, by cells: the path, then the columns of `COLUMNS`."""
        return [
            (layer.path, *(_cell(getattr(layer, c), percent=c in ("dead", "saturated")) for c in COLUMNS))
            for layer in self.layers
        ]

    def _repr_html_(self) -> str:
        below = "; ".join([f"step {self.step}, loss {self.loss:.4g}", *map(str, self.reach)])
        return html_table(("layer", *COLUMNS), self.rows(), below=below)

    def __repr__(self) -> str:
        rows = [("layer", *COLUMNS), *self.rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
            for row in rows
        ]
        return "\n".join(
            [f"step {self.step}, loss {self.loss:.4g}", *(line.rstrip() for line in lines), *map(str, self.reach)]
        )


def flow(
    net: BaseNetwork,
    x: Any,
    y: Any,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: str | Mapping[str, object] | Optimizer = "adam",
    training: bool = True,
) -> Flow:
    """The flow of a batch through a network, as it would be in the first step of a training.

    Args:
        x, y, loss: as in `fit`.
        optimizer: whose first update is compared with the weights.
        training: whether the network is read as in training, with dropout and with the batch's own statistics.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    examples, goals = prepared(net, x, y, loss, None)
    net = net.sized(examples.arrays)
    probe = Probe(net, goals, training=training)
    parameters = net.parameters.snapshot()
    return probe(examples.rows(slice(None)), parameters, first_update(probe, examples, optimizer, parameters))


class Probe:
    """The program that measures a flow, compiled once."""

    def __init__(
        self, net: BaseNetwork, goals: Sequence[Goal], *, weighted: bool = False, training: bool = True
    ) -> None:
        self.net, self.goals = net, list(goals)
        self._aim = objective(net, goals, training=training, weighted=weighted)
        self._functions: dict[str, str] = {}
        self.spans, reached = reaches(self._aim, goals)
        gradients = self._gradients()
        outputs = {**self._curves(), **gradients, **reached, "loss": self._aim.loss}
        outputs |= {path: self._aim.forward.values[path] for path in self._paths}
        outputs |= self._aim.forward.inputs
        key = "flow", tuple(g.key for g in goals), weighted, training
        self._run: Executable = net.executable(key, lambda _: Program(outputs))

    def __call__(
        self,
        batch: Mapping[str, Array],
        parameters: Mapping[str, Array],
        updates: Mapping[str, Array],
        *,
        step: int = 0,
    ) -> Flow:
        """The flow of a batch; `updates` are what a step added to the parameters."""
        random = {"seed": np.array(self.net.seed), "step": np.array(max(1, step))}
        values = self._run({**batch, **parameters, **random})
        with np.errstate(all="ignore"):  # what is not finite is shown, not warned of
            layers = [
                layer_flow(self.net, path, values, self._functions.get(path, ""), parameters, updates)
                for path in [*self._aim.forward.inputs, *self._paths]
            ]
            reach = [TemporalGradient.of(span, values[span.name]) for span in self.spans]
            return Flow(step, float(values["loss"]), tuple(layers), tuple(reach))

    @property
    def _paths(self) -> list[str]:
        return [
            u.path
            for u in self.net.uses
            if u.path in self._aim.forward.values and u.path not in self._aim.forward.inputs
        ]

    def _curves(self) -> dict[str, Tensor]:
        """What the layers' curves gave, by name."""
        tensors: dict[str, Tensor] = {}
        for path, value in curves(self._aim.forward.values, self._paths).items():
            tensor = tensors[f"curve({path})"] = self._aim.forward.values[value]
            self._functions[path] = curve(tensor)
        return tensors

    def _gradients(self) -> dict[str, Tensor]:
        forward = self._aim.forward
        wanted = {p: forward.values[p] for p in self._paths} | {
            p: t for p, t in forward.inputs.items() if t.kind == "float"
        }
        # A loss fused with its activation does not read the output: there the gradient of the sum is shown.
        sums = {p: last.sum for p, last in forward.last.items() if last.sum is not forward.outputs[p]}
        weights = {p: forward.parameters[p] for p in self.net.parameters.trainable}
        gradients = derivative(self._aim.loss, dict.fromkeys([*wanted.values(), *sums.values(), *weights.values()]))
        shown: dict[str, Tensor] = {}
        for path, tensor in wanted.items():
            choices = [gradients[t] for t in (tensor, sums.get(path)) if t is not None]
            passing = [g for g in choices if g.definition is None or g.definition.expression != ZERO]
            shown[f"d({path})"] = passing[0] if passing else choices[0]
        return shown | {f"d({path})": gradients[t] for path, t in weights.items()}


def layer_flow(
    net: BaseNetwork,
    path: str,
    values: Mapping[str, Array],
    function: str,
    parameters: Mapping[str, Array],
    updates: Mapping[str, Array],
) -> LayerFlow:
    """The sizes at one layer, from the layer's output, `d(…)` of it and of its parameters, and `curve(…)`, by name."""
    use = next(u for u in net.uses if u.path == path)
    value, gradient = values[path], values.get(f"d({path})", np.full(1, math.nan))
    mine = [p for p in net.parameters.trainable if p.startswith(f"{use.home}.")]
    kernels = [p for p in mine if parameters[p].ndim > 1] or mine
    size = _norm([parameters[p] for p in kernels])
    moved = _norm([updates[p] for p in kernels]) / size if updates and size else math.nan
    return LayerFlow(
        path,
        class_name(use.layer).removesuffix("Layer"),
        function,
        _rms(value),
        _norm([value]),
        _rms(gradient),
        _norm([gradient]),
        dead(values[f"curve({path})"]) if function == "relu" else math.nan,
        saturated(values[f"curve({path})"], function) if function in STEEPEST else math.nan,
        _norm([parameters[p] for p in mine]) if mine else math.nan,
        _norm([values[f"d({p})"] for p in mine if f"d({p})" in values]) if mine else math.nan,
        moved,
    )


def flow_of(net: BaseNetwork, run: Trace) -> Flow:
    """The flow of a run that was traced."""
    net = net.sized({path: run[path] for path in net.input_shapes})
    forward = net.forward(training=False)
    curved = curves(forward.values, [use.path for use in net.uses])
    layers = []
    with np.errstate(all="ignore"):
        for use in net.uses:
            path = use.path
            state, name = curved.get(path, path), curve(forward.values[curved[path]]) if path in curved else ""
            last = next((p for p in (f"d({path})", f"d({path}.sum)") if p in run), "")
            known = {path: run[path], f"curve({path})": run[state]} | ({f"d({path})": run[last]} if last else {})
            known |= {p: run[p] for p in (f"d({q})" for q in net.parameters.trainable) if p in run}
            layers.append(layer_flow(net, path, known, name, net.parameters, {}))
    return Flow(0, float(run["loss"]) if "loss" in run else math.nan, tuple(layers))


def first_update(
    probe: Probe,
    examples: Examples,
    rule: str | Mapping[str, object] | Optimizer,
    parameters: Mapping[str, Array],
) -> dict[str, Array]:
    """What the first step of an optimizer would add to these parameters."""
    net = probe.net
    chosen = optimizer(rule)
    run = training_step(net, probe.goals, chosen, clip=Clip(), weighted=examples.weighted)
    zeros = {f"{p}:{slot}": np.zeros_like(parameters[p]) for p in net.parameters.trainable for slot in chosen.slots}
    numbers = {"learning_rate": np.array(chosen.initial_rate), "step": np.array(1), "seed": np.array(net.seed)}
    new = run({**examples.rows(slice(None)), **parameters, **zeros, **numbers, **net.carried.feed(len(examples))})
    return {p: new[p] - parameters[p] for p in net.parameters.trainable}


def curve(tensor: Tensor | None) -> str:
    """The function whose value a tensor is: relu, σ or tanh of one number; else ""."""
    expression = tensor.definition.expression if tensor is not None and tensor.definition else None
    if (
        isinstance(expression, Operation)
        and expression.name in ("relu", *STEEPEST)
        and isinstance(expression.args[0], Read)
    ):
        return expression.name
    return ""


def curves(values: Mapping[str, Tensor], paths: Sequence[str]) -> dict[str, str]:
    """For every layer that ends in ReLU, σ or tanh, the path of what this gave: its output, or all its states.

    A layer that only passes on the value of another (dropout in prediction) has no curve of its own.
    """
    by_layer: dict[str, str] = {}
    for path in paths:
        for value in (f"{path}.state", path):
            tensor = values.get(value)
            if curve(tensor) and all(values[other] is not tensor for other in by_layer.values()):
                by_layer[path] = value
                break
    return by_layer


def dead(value: Array) -> float:
    """The fraction of the units, along the last axis, that are 0 everywhere else."""
    return float((value.reshape(-1, value.shape[-1]) <= 0).all(axis=0).mean())


def saturated(value: Array, function: str) -> float:
    """The fraction of the values at which the slope of the curve is below `FLAT` of the steepest."""
    y = value.astype(np.float64)
    slope = y * (1 - y) if function == "σ" else 1 - y * y
    return float((slope < FLAT * STEEPEST[function]).mean())


def _rms(array: Array) -> float:
    return float(np.sqrt(np.mean(np.square(array.astype(np.float64)))))


def _norm(arrays: Sequence[Array]) -> float:
    return math.sqrt(sum(float(np.sum(np.square(a.astype(np.float64)))) for a in arrays))


def _cell(value: float, *, percent: bool) -> str:
    return "" if math.isnan(value) else f"{value:.0%}" if percent else f"{value:.2e}"
