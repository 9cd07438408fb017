"""What an output is trained towards: its loss, and targets that the output can give."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import as_array, as_labels, check_range
from pellucid.errors import DataError, nearest
from pellucid.formula import BATCH, Tensor
from pellucid.functions.learning.losses import Loss, loss
from pellucid.layers.base import Last
from pellucid.messages import Message, gettext
from pellucid.network import BaseNetwork, Forward

Array = NDArray[Any]
LossWeights = Sequence[float] | Mapping[str, float] | None
"""How much the loss of each output counts: in their order, or by path."""
LossLike = str | Mapping[str, object] | Loss | Callable[..., Tensor] | None

RANGES: dict[str, tuple[float, float]] = {
    "step": (0, 1),
    "sigmoid": (0, 1),
    "softmax": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, math.inf),
    "softplus": (0, math.inf),
    "log_softmax": (-math.inf, 0),
}
"""What an activation can give, for those that cannot give everything."""


@dataclass(frozen=True)
class Goal:
    """One output's path and loss, whether its targets are class numbers (one axis less than the output), and by what
    its loss is multiplied where those of several outputs are added up.
    """

    path: str
    loss: Loss
    labels: bool
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The name of the targets among a program's inputs."""
        return f"{self.path}.target"

    @property
    def key(self) -> tuple[str, str, bool] | tuple[str, str, bool, float]:
        """What distinguishes it from other goals."""
        key = self.path, json.dumps(self.loss.config, sort_keys=True), self.labels
        return key if self.weight == 1 else (*key, self.weight)

    def examples(self, forward: Forward, *, fused: bool = True) -> Tensor:
        """The loss of each example, l[n], where it can be (and `fused`) from the sums before softmax or sigmoid.

        Steps that a mask leaves out do not count: it is the mean over the others.
        """
        output, last = forward.outputs[self.path], forward.last[self.path]
        axes = output.axes[:-1] if self.labels else output.axes
        kind: Any = "int" if self.labels else "float"
        target = Tensor.input(
            self.name, {a.name: BATCH if a.extent is BATCH else a.size for a in axes}, kind=kind, letter="y"
        )
        logits = last.sum if fused and last.activation in ("softmax", "sigmoid") else None
        mask = forward.masks.get(self.path)
        return self.loss.of(output, target, activation=last.activation, logits=logits, mask=mask)


def goals(
    net: BaseNetwork, y: Any, losses: LossLike | Mapping[str, LossLike], what: str = "y", *, again: bool = False
) -> tuple[list[Goal], dict[str, Array]]:
    """The goal of every output, and the targets by their names among a program's inputs.

    Args:
        y: an array; for several outputs a mapping by path, or a sequence in their order.
        losses: one loss for all outputs, or a mapping by path; None chooses cross-entropy after softmax or sigmoid,
            the mean squared error after anything else.
        again: whether these losses were found to fit their outputs before.

    Raises:
        DataError: a target that its output cannot give; the message names the fix.
    """
    paths = list(net.output_shapes)
    chosen = _losses(net, losses)
    forward = net.reading()
    listed: list[Goal] = []
    arrays: dict[str, Array] = {}
    for path, values in by_path(y, paths, what).items():
        name = what if len(paths) == 1 else f'{what}["{path}"]'
        goal, array = _goal(path, net.output_shapes[path], forward, chosen[path], values, name, again)
        check_range(array, net.dtype, what=name)
        listed.append(goal)
        arrays[goal.name] = array
    return listed, arrays


def targetless_goals(net: BaseNetwork, losses: LossLike | Mapping[str, LossLike]) -> list[Goal]:
    """The goal of every output where no targets are there yet: class numbers after a cross-entropy over several
    classes, else an array of the output's shape. For `losses` see `goals`.

    Raises:
        DataError: an output that its loss cannot read, or a loss for an output that there is not.
    """
    listed = []
    forward = net.reading()
    for path, like in _losses(net, losses).items():
        last = forward.last[path]
        goal = Goal(path, loss(_default(last) if like is None else like), labels=False)
        goal.examples(forward)
        listed.append(Goal(path, goal.loss, labels=not _by_unit(goal.loss, net.output_shapes[path][-1], last)))
    return listed


def _losses(net: BaseNetwork, losses: LossLike | Mapping[str, LossLike]) -> dict[str, LossLike]:
    """The loss of every output."""
    paths = list(net.output_shapes)
    by_output = isinstance(losses, Mapping) and "name" not in losses
    return _by_path(losses, paths, "loss") if by_output else dict.fromkeys(paths, losses)  # type: ignore[arg-type]


def _by_unit(chosen: Loss, units: int, last: Last) -> bool:
    """Whether a loss has a target for each unit, and cannot take the number of one among them."""
    return chosen.reads == "values" or _decides(chosen, units, last)


def _decides(chosen: Loss, units: int, last: Last) -> bool:
    """Whether each unit says yes or no."""
    return chosen.reads == "binary" or (chosen.reads == "either" and (units == 1 or last.activation == "sigmoid"))


def weighted(listed: Sequence[Goal], given: LossWeights) -> list[Goal]:
    """The goals, each with the weight of its loss; 1 where a mapping has none.

    Raises:
        DataError: another number of weights than outputs, an unknown output, or a weight that is no finite number of 0
            or more.
    """
    if given is None:
        return list(listed)
    paths = [goal.path for goal in listed]
    weights: Any = dict.fromkeys(paths, 1.0) | dict(given) if isinstance(given, Mapping) else list(given)
    if not isinstance(weights, Mapping) and len(weights) != len(paths):
        raise DataError(f"loss_weights has {len(weights)} numbers, expected {len(paths)}, for {', '.join(paths)}")
    chosen = _by_path(
        dict(zip(paths, weights, strict=True)) if isinstance(weights, list) else weights, paths, "loss_weights"
    )
    for path, weight in chosen.items():
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.number)) or not 0 <= weight < math.inf:
            raise DataError(f"loss_weights has {weight!r} for {path}, expected a finite number of 0 or more")
        chosen[path] = float(weight)
    return [replace(goal, weight=chosen[goal.path]) for goal in listed]


def by_path(value: Any, paths: Sequence[str], what: str) -> dict[str, Any]:
    """The user's arrays by path: one alone, a mapping, or a sequence in the order of the paths."""
    if isinstance(value, Mapping):
        return _by_path(value, paths, what)
    if len(paths) == 1:
        return {paths[0]: value}
    if not isinstance(value, (list, tuple)) or len(value) != len(paths):
        form = f"{len(value)} parts" if isinstance(value, (list, tuple)) else type(value).__name__
        raise DataError(f"{what} is {form}, expected {len(paths)} arrays: give a dict with the keys {', '.join(paths)}")
    return dict(zip(paths, value, strict=True))


def _by_path(value: Mapping[str, Any], paths: Sequence[str], what: str) -> dict[str, Any]:
    for key in value:
        if key not in paths:
            raise DataError(f'{what} has the key "{key}", expected {", ".join(paths)}.{nearest(str(key), paths)}')
    missing = [p for p in paths if p not in value]
    if missing:
        raise DataError(f"{what} lacks {', '.join(missing)}: give one for each of {', '.join(paths)}")
    return {p: value[p] for p in paths}


def _goal(
    path: str, shape: tuple[int, ...], forward: Forward, like: LossLike, y: Any, what: str, again: bool
) -> tuple[Goal, Array]:
    last = forward.last[path]
    chosen = loss(_default(last) if like is None else like)
    goal = Goal(path, chosen, labels=False)
    if not again:
        goal.examples(forward)  # an output that this loss cannot read shows before a look at the targets
    if chosen.reads == "values":
        return goal, _values(as_array(y, what=what), shape, path, last, what)
    units = shape[-1]
    if _decides(chosen, units, last):
        return goal, _yes_or_no(y, shape, path, last, what)
    array = _numbers(y, what)
    if array.shape[1:] == shape:
        return goal, _probabilities(array, what)
    labels = as_labels(array, units, what=what)
    if labels.shape[1:] == (*shape[:-1], 1):
        labels = labels[..., 0]
    if labels.shape[1:] != shape[:-1]:
        rows = "".join(f", {s}" for s in shape[:-1])
        numbers, one_hot = f"(n{rows or ','})", f"(n{rows}, {units})"
        raise DataError(
            gettext(
                "{what} has shape {shape}, expected class numbers of shape {labels} or one-hot rows of shape {rows}",
                what=what,
                shape=labels.shape,
                labels=numbers,
                rows=one_hot,
            )
        )
    return Goal(path, chosen, labels=True), labels


def _default(last: Last) -> str:
    return "crossentropy" if last.activation in ("softmax", "sigmoid", "log_softmax") else "mean_squared_error"


def _shaped(y: Array, shape: tuple[int, ...], path: str, what: str, fix: Message) -> Array:
    if y.shape[1:] == shape:
        return y
    if (*y.shape[1:], 1) == shape:
        return y[..., None]
    expected = f"(n, {', '.join(map(str, shape))})"
    raise DataError(
        gettext(
            "{what} has shape {shape}, but {path} gives {expected}: {fix}",
            what=what,
            shape=y.shape,
            path=path,
            expected=expected,
            fix=fix,
        )
    )


def _values(y: Array, shape: tuple[int, ...], path: str, last: Last, what: str) -> Array:
    units = shape[-1]
    classes = y.shape[1:] == shape[:-1] and units > 1 and not (y % 1).any()
    fix = (
        gettext(
            'for class numbers use loss="crossentropy", or one-hot rows np.eye({units})[{what}]', units=units, what=what
        )
        if classes
        else gettext(
            "end the network in Dense({units}), or give targets of that shape", units=y.shape[-1] if y.ndim > 1 else 1
        )
    )
    y = _shaped(y, shape, path, what, fix)
    if last.activation == "softmax" and units == 1:
        raise DataError(
            gettext(
                '{path} is softmax over one unit, which always gives 1: use activation="sigmoid" or a unit for each '
                "class",
                path=path,
            )
        )
    _within(y, path, last, what)
    return y


def _within(y: Array, path: str, last: Last, what: str) -> None:
    low, high = RANGES.get(last.activation, (-math.inf, math.inf))
    smallest, largest = float(y.min()), float(y.max())
    if smallest < low or largest > high:
        bad = smallest if smallest < low else largest
        if high - low < math.inf:
            span = gettext("from {low:g} to {high:g}", low=low, high=high)
        else:
            span = gettext("of 0 or more") if low == 0 else gettext("of 0 or less")
        raise DataError(
            gettext(
                "{what} holds {bad:g}, but {path} ends in {activation}, which gives values {span}: "
                'use activation="linear" there, or scale the targets',
                what=what,
                bad=bad,
                path=path,
                activation=last.activation,
                span=span,
            )
        )
    if last.activation == "step" and ((y != 0) & (y != 1)).any():
        bad = float(y[(y != 0) & (y != 1)].flat[0])
        raise DataError(
            gettext(
                "{what} holds {bad:g}, but {path} ends in step, which gives 0 or 1: "
                "use such targets, or another activation",
                what=what,
                bad=bad,
                path=path,
            )
        )


def _yes_or_no(y: Any, shape: tuple[int, ...], path: str, last: Last, what: str) -> Array:
    units = shape[-1]
    array = _numbers(y, what)
    if units == 1:
        fix = gettext("give one 0 or 1 an example")
    else:
        fix = gettext(
            "give each unit a 0 or 1 of its own, "
            'or for classes that exclude each other end in Dense({units}, activation="softmax")',
            units=units,
        )
    array = _shaped(array, shape, path, what, fix)
    smallest, largest = float(array.min()), float(array.max())
    if smallest < 0 or largest > 1:
        bad = smallest if smallest < 0 else largest
        classes = int(largest) + 1
        if {smallest, largest} == {-1.0, 1.0}:
            fix = gettext("turn -1 and 1 into 0 and 1 with {what} > 0", what=what)
        elif units == 1 and smallest >= 0 and not (array % 1).any():
            fix = gettext(
                'for {classes} classes end the network in Dense({classes}, activation="softmax")', classes=classes
            )
        else:
            fix = gettext('for real numbers use loss="mse" and a linear last layer')
        raise DataError(
            gettext(
                "{what} holds {bad:g}, but {path} decides between 0 and 1: {fix}",
                what=what,
                bad=bad,
                path=path,
                fix=fix,
            )
        )
    return array


def _numbers(y: Any, what: str) -> Array:
    """As an array; of text, the error of labels is clearer than that of numbers."""
    if isinstance(y, (list, tuple, np.ndarray)) and np.asarray(y).dtype.kind in "UST":
        return as_labels(y, what=what)
    return as_array(y, what=what)


def _probabilities(y: Array, what: str) -> Array:
    if y.min() < 0:
        raise DataError(
            gettext(
                "{what} holds {bad:g}, expected one-hot rows or probabilities: class numbers have one axis less",
                what=what,
                bad=float(y.min()),
            )
        )
    sums = y.sum(axis=-1, dtype=np.float64)
    off = np.abs(sums - 1) > 1e-3
    if off.any():
        row = int(np.argmax(off.reshape(len(y), -1).any(axis=1)))
        raise DataError(
            gettext(
                "{what} does not add up to 1 in row {row}, expected one-hot rows or probabilities; "
                'for several labels at once end the network in activation="sigmoid"',
                what=what,
                row=row,
            )
        )
    return y
