"""How one element of a parameter came to be what it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from pellucid.errors import DataError
from pellucid.explain.ledger.example_shares import ExampleShares, by_class, labels
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.steps_again import StepsAgain
from pellucid.lab.view.samples import Samples
from pellucid.messages import gettext


def course(moments: Sequence[Moment], path: str, index: Sequence[int], later: Sequence[Moment] = ()) -> answers.Course:
    """What the element was at these moments, in their order, and at those after the last of them; a step counts once.

    Raises:
        DataError: there is no such parameter or element.
    """
    _check(moments[-1].parameters, path, index)
    after = [moment for moment in later if moment.step > moments[-1].step]
    return {"path": path, "index": list(index), **_along(moments, path, index), "later": _along(after, path, index)}


def _along(moments: Sequence[Moment], path: str, index: Sequence[int]) -> answers.Later:
    values = {moment.step: float(moment.parameters[path][tuple(index)]) for moment in moments}
    return {"steps": np.fromiter(values, np.int32), "values": np.fromiter(values.values(), np.float64)}


def ledger(
    task: Task, samples: Samples, steps: StepsAgain, path: str, index: Sequence[int], limit: int
) -> answers.Ledger:
    """What each example added to the element in some steps, which are taken again, as `pellucid.Ledger` says it.

    Raises:
        DataError: there is no such parameter or element, or it is not trained.
        PellucidError: what an example adds is not known of this optimizer.
    """
    net = steps.training.net
    _check(net.parameters, path, index)
    if path not in net.parameters.trainable:
        raise DataError(gettext("{path} is not trained, so no example has moved it", path=path))
    place = tuple(index)
    initial, value, parts, others = ExampleShares(steps, path, place).of_all()
    by_hand = float(steps.by_hand[path][place]) if path in steps.by_hand else 0.0
    if by_hand:  # the steps alone do not lead from the first value to the last one
        initial -= float(steps.at_first[path][place])
        others = {**others, "set by hand": by_hand}
        others["rounding"] = 0.0
        others["rounding"] = value - math.fsum([initial, *parts.values(), *others.values()])
    order = sorted(parts, key=lambda k: -abs(parts[k]))
    shown, rest = order[:limit], order[limit:]
    classes = labels(steps.training)
    return {
        "path": path,
        "index": list(index),
        "first": steps.first,
        "initial": initial,
        "value": value,
        "examples": [
            {"name": f"train:{k}", "label": samples.shown(samples[f"train:{k}"])["label"], "amount": parts[k]}
            for k in shown
        ],
        "rest": {"count": len(rest), "sum": math.fsum(parts[k] for k in rest)},
        "classes": None
        if classes is None
        else [
            {"label": task.classes[k] if task.classes else str(k), "amount": amount}
            for k, amount in by_class(parts, classes).items()
        ],
        "others": [cast(answers.OtherShare, {"name": n, "amount": by}) for n, by in others.items() if by],
    }


def _check(parameters: Mapping[str, Any], path: str, index: Sequence[int]) -> None:
    shape = parameters[path].shape if path in parameters else None
    if shape is None or len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise DataError(gettext("there is no parameter {path} with an element {index}", path=path, index=list(index)))
