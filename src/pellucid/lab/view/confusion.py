"""How often each class is taken for which."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.view.samples import Samples, labels_of, numbers
from pellucid.messages import gettext
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict

Array = NDArray[Any]

JUDGED, NAMES = 5000, 8


def confusion(task: Task, net: BaseNetwork, samples: Samples, name: answers.Set) -> answers.Confusion:
    """How often each class was taken for which, and a few examples of each case."""
    if task.classes is None:
        raise PellucidError(gettext("this network does not distinguish classes, so there is no confusion matrix"))
    places, (x, y) = samples.spread(name, samples.affordable(JUDGED))
    predicted, truth = chosen(net, predict(net, x)), labels_of(y)
    count = len(task.classes)
    table = np.zeros((count, count), np.int32)
    np.add.at(table, (truth, predicted), 1)
    examples: dict[str, list[str]] = {}
    for place, row, column in zip(places.tolist(), truth.tolist(), predicted.tolist(), strict=True):
        cell = examples.setdefault(f"{row},{column}", [])
        if len(cell) < NAMES:
            cell.append(f"{name}:{place}")
    return {"set": name, "classes": list(task.classes), "counts": numbers(table), "examples": examples}


def chosen(net: BaseNetwork, outputs: Array) -> Array:
    """The class that each output says: the largest unit, or whether a single one says yes."""
    if outputs.shape[1] > 1:
        return np.asarray(outputs.argmax(axis=1))
    logit = net.reading().last[next(iter(net.output_shapes))].activation == "linear"
    return (outputs[:, 0] > (0.0 if logit else 0.5)).astype(np.int64)
