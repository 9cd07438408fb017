"""From what explanations, traces and networks hold to the plain data that `plots/` draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import Values
from pellucid.formula import Affine, Axis, Expression, Program, Tensor, derivative
from pellucid.formula.expressions import Read, Reduction, reads, transform, walk
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pellucid.explain.explanation import Explanation
    from pellucid.explain.trace import Trace

Array = NDArray[Any]
SHOWN = 10
POINTS = 241
GATES = ("gate.", "cell", "state")


def explanation_figure(explanation: Explanation) -> Figure:
    """One value: its terms, the curve on which it lies, the part of an image that it sees; each where there is one."""
    from pellucid.plots import activation_curve, image_grids, style, terms

    shown, count, rest = explanation.top_terms(SHOWN)
    labels, values = [t.text for t in shown], [t.value for t in shown]
    if count:
        labels, values = [*labels, f"{count} more"], [*values, rest]
    quantity: style.Quantity = "gradient" if explanation.path.startswith("d(") else "value"
    place = ",".join(map(str, explanation.index))
    name = f"{explanation.path}[{place}]" if explanation.index else explanation.path
    line = curve_of(explanation.point.expression(), explanation.point.values)
    local = (
        path
        for path, mask in explanation.field.items()
        if mask.ndim == 4 and mask.any() and not mask[mask.any(axis=(1, 2, 3))].all()
    )
    picture = next((_picture(explanation, path) for path in local), None)
    bars = line is None or len(values) > 1  # a value of one term lies on its curve, and a bar would say no more
    widths = [1.4] * bars + [1.0] * (line is not None) + [1.0] * (picture is not None)
    height = max(3.4, 0.28 * len(values) + 1.6)
    figure, panels = style.panels(1, len(widths), size=(4.8, height), width_ratios=widths)
    labels = [label if len(label) < 46 else f"{label[:44]}…" for label in labels]
    waiting = iter(panels)
    if bars:
        terms.draw_terms(next(waiting), labels, values, explanation.value, title=name, quantity=quantity)
    if line is not None:
        activation_curve.draw_curve(next(waiting), *line[:3], at=line[3], name="", title="" if bars else name)
    if picture is not None:
        image_grids.draw_field(next(waiting), *picture, title="what it can depend on")
    return style.finished(figure, f"{explanation.formula}. {explanation.sentence()}")


def _picture(explanation: Explanation, path: str) -> tuple[Array, Array]:
    mask = explanation.field[path]
    example = int(np.argmax(mask.any(axis=(1, 2, 3))))
    values = next(v for t, v in explanation.point.values.items() if explanation.point.names[t] == path)
    image = values[example]
    return image if image.shape[-1] in (1, 3) else image.mean(axis=-1, keepdims=True), mask[example].any(axis=-1)


Curve = tuple[list[float], list[float], list[float], tuple[float, float, float]]


def curve_of(e: Expression, values: Values) -> Curve | None:
    """Where an expression is a curved function of one number: its graph, its slope, and the point at which it is."""
    elements = list(dict.fromkeys(reads(e)))
    if len(elements) != 1 or isinstance(e, Read) or any(isinstance(inner, Reduction) for inner in walk(e)):
        return None
    (element,) = elements
    if element.outside is not None or not all(isinstance(i, Affine) for i in element.indices):
        return None
    at = float(values[element.tensor][tuple(i.constant for i in element.indices if isinstance(i, Affine))])
    if not np.isfinite(at) or element.tensor.kind != "float":
        return None
    reach = max(4.0, 1.3 * abs(at))
    x = np.append(np.linspace(-reach, reach, POINTS), at)
    y, slope = _graph(e, element, x)
    if not np.isfinite(y).all() or np.ptp(slope[:-1]) < 1e-9:
        return None
    return x[:-1].tolist(), y[:-1].tolist(), slope[:-1].tolist(), (at, float(y[-1]), float(slope[-1]))


def _graph(e: Expression, element: Read, x: Array) -> tuple[Array, Array]:
    """An expression and its derivative, with the numbers x in the place of what it reads."""
    axis = Axis("k", len(x))
    z = Tensor("z", (axis.fresh(),))
    y = Tensor("y", (axis,))

    def change(inner: Expression) -> Expression | None:
        return Read(z, (Affine.of(axis),)) if inner == element else None

    y.define(transform(e, change))
    upstream = Tensor("dy", (axis.fresh(),))
    program = Program({"y": y, "slope": derivative(y, [z], upstream=upstream)[z]})
    run = compile_program(program, engine="reference", dtype=np.float64)
    with np.errstate(all="ignore"):
        results = run({"z": x, "dy": np.ones(len(x))})
    return results["y"], results["slope"]


def value_figure(run: Trace, path: str, example: int) -> Figure:
    """A value of a run in the form that suits its axes."""
    from pellucid.plots import image_grids, sequences, terms

    gates = {
        p.removeprefix(f"{path}."): p
        for p in run
        if p.startswith(f"{path}.") and p.removeprefix(f"{path}.").startswith(GATES)
    }
    gates = {name: p for name, p in gates.items() if run[p].ndim == 3}
    if gates:
        parts = {name: run[p][example] for name, p in gates.items()}
        caption = (
            f"{path} over time, example {example}: gates from closed (0) to open (1), cells and states of both signs."
        )
        return sequences.sequence_figure(parts, title=path, caption=caption)
    quantity: Any = "gradient" if path.startswith("d(") else "value"
    tensor, array = run.tensor(path), run[path]
    batched = bool(tensor.axes) and not isinstance(tensor.axes[0].extent, int)
    if batched and not -len(array) <= example < len(array):
        raise PellucidError(f"the run has {len(array)} examples, so there is no example {example}")
    one = array[example] if batched else array
    if one.ndim == 4 + (not batched):  # a volume, or the kernels of one: its slices side by side
        one = np.concatenate(list(one), axis=1)
    if not batched and one.ndim == 4:
        return image_grids.kernels_figure(one, title=path, quantity=quantity)
    if batched and one.ndim == 3:
        return image_grids.maps_figure(one, title=path, quantity=quantity)
    if one.ndim == 2:
        if batched:
            caption = f"{path}, example {example}: a column a step, a row a unit."
            return sequences.sequence_figure({path: one}, caption=caption, quantity=quantity)
        first, second = (a.name for a in tensor.axes)
        return image_grids.grid_figure(
            one.T[None],
            names=[f"{second} down, {first} across"],
            title=path,
            caption=f"{path}, {one.shape[0]} × {one.shape[1]}.",
            quantity=quantity,
        )
    if one.ndim == 1:
        order = np.argsort(-np.abs(one), kind="stable")[:24]
        labels = [str(k) for k in sorted(order)]
        values = [float(one[k]) for k in sorted(order)]
        kept = f" The {len(order)} largest of {len(one)}." if len(order) < len(one) else ""
        caption = f"{path}{f', example {example}' * batched}: its elements and their sum.{kept}"
        return terms.terms_figure(labels, values, float(one.sum()), title=path, caption=caption, quantity=quantity)
    raise PellucidError(
        f"{path} has the shape {array.shape}, for which there is no picture; choose a part of it, as in {path}[t=0]"
    )


def latent_figure(run: Trace, path: str, labels: Any) -> Figure:
    """The examples of a run in the plane of a value's first two principal directions."""
    from pellucid.plots import planes

    array = run[path]
    points = np.asarray(array.reshape(len(array), -1), dtype=np.float64)
    if labels is not None and np.shape(labels) != (len(points),):
        raise PellucidError(
            f"labels has the shape {np.shape(labels)}, expected ({len(points)},): one an example of the run"
        )
    known = None if labels is None else np.asarray(labels)
    if points.shape[1] == 2:
        return planes.latent_figure(
            points, known, title=path, caption=f"{path} of {len(points)} examples.", axes=("unit 0", "unit 1")
        )
    centred = points - points.mean(axis=0)
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    part = float((sizes[:2] ** 2).sum() / max(float((sizes**2).sum()), 1e-300))
    plane = np.zeros((len(points), 2))
    plane[:, : len(directions[:2])] = centred @ directions[:2].T
    caption = (
        f"{path} of {len(points)} examples, in the two directions in which it varies most: {part:.0%} of the variance."
    )
    return planes.latent_figure(plane, known, title=path, caption=caption)


def plot_boundary(net: BaseNetwork, x: Any, y: Any, *, resolution: int = 160) -> Figure:
    """Which class a network of two inputs gives where, and the examples (n, 2) with their classes (n,): a figure.

    Raises:
        PellucidError: the network takes something else than two numbers.
    """
    from pellucid.plots.planes import boundary_figure

    if list(net.input_shapes.values()) != [(2,)] or len(net.output_shapes) != 1:
        raise PellucidError(
            f"a decision boundary needs a network from 2 numbers to one output, but this one takes {net.input_shapes}"
        )
    points, labels = np.asarray(x, dtype=np.float64), np.asarray(y)
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * (high - low) + 1e-6
    across, up = (np.linspace(low[k] - margin[k], high[k] + margin[k], resolution) for k in (0, 1))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    outputs = np.asarray(predict(net, grid.astype(net.dtype)))
    classes, confidence = _decided(net, outputs)
    shape = (resolution, resolution)
    return boundary_figure((across, up), classes.reshape(shape), confidence.reshape(shape), points, _labels(labels))


def plot_confusion(net: BaseNetwork, x: Any, y: Any, *, names: list[str] | None = None) -> Figure:
    """How often examples of each class were taken for each other one, as a matplotlib figure.

    Raises:
        PellucidError: names that are not one a class.
    """
    from pellucid.plots.planes import confusion_figure

    taken, _ = _decided(net, np.asarray(predict(net, x)))
    true = _labels(np.asarray(y))
    count = max(int(true.max()), int(taken.max())) + 1
    units = next(iter(net.output_shapes.values()))[-1]
    count = max(count, units if units > 1 else 2)
    if names is not None and len(names) != count:
        raise PellucidError(f"expected {count} names, one for each class, got {len(names)}")
    counts = np.zeros((count, count), dtype=np.int64)
    np.add.at(counts, (true, taken), 1)
    return confusion_figure(counts, names or [str(k) for k in range(count)])


def _decided(net: BaseNetwork, outputs: Array) -> tuple[Array, Array]:
    """The class that each output tells, and how far it is from undecided, from 0 to 1."""
    (last,) = net.forward(training=False).last.values()
    if outputs.shape[-1] == 1:
        yes = (
            outputs[..., 0]
            if last.activation in ("sigmoid", "step")
            else 1 / (1 + np.exp(-np.clip(outputs[..., 0], -60, 60)))
        )
        return (yes > 0.5).astype(np.int64), np.abs(2 * yes - 1)
    scores = outputs
    if last.activation != "softmax":
        scores = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        scores = scores / scores.sum(axis=-1, keepdims=True)
    best = np.sort(scores, axis=-1)
    return outputs.argmax(axis=-1), best[..., -1] - best[..., -2]


def _labels(y: Array) -> Array:
    """Class numbers, from class numbers or one-hot rows."""
    labels = y.argmax(axis=-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y))
    return labels.astype(np.int64)
