"""Methods that only change the input: occlusion, and Shapley values, exact for few features and sampled for many."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.explain.attribution.question import Floats, Question
from pellucid.explain.attribution.result import Attribution

EXACT = 12
"""Up to so many features, all their coalitions are tried: 4,096."""
BATCH = 256

Labels = dict[str, NDArray[np.int64]]


def labelled(q: Question, features: Any) -> tuple[Labels, int]:
    """The number of the feature to which every element of a source belongs, and how many features there are.

    Args:
        features: integers of the shape of the example, elements with the same one are one feature; None makes a
            feature of every column of a row, pixel of an image, step of a sequence and word.

    Raises:
        DataError: of another shape, or several inputs.
    """
    labels: Labels = {}
    count = 0
    if features is not None:
        if len(q.end) > 1:
            raise DataError("features can be given for a network of one input, got one with several")
        ((path, array),) = q.end.items()
        given = np.asarray(features)
        shape = array.shape[1:]
        if given.dtype.kind not in "iu" or given.shape not in (shape, shape[:-1]):
            raise DataError(
                f"features has the shape {given.shape} of {given.dtype}, expected integers of shape {shape}"
            )
        _, numbers = np.unique(given, return_inverse=True)
        numbers = numbers.reshape(given.shape)
        whole = numbers if given.shape == shape else np.broadcast_to(numbers[..., None], shape)
        return {path: whole}, int(numbers.max()) + 1
    for path, array in q.end.items():
        shape = array.shape[1:]
        kept = shape if len(shape) == 1 else shape[:-1]
        size = math.prod(kept)
        numbers = count + np.arange(size).reshape(kept)
        labels[path] = numbers if len(shape) == 1 else np.broadcast_to(numbers[..., None], shape)
        count += size
    return labels, count


def occluded(q: Question, features: Any) -> Attribution:
    """The attribution by occlusion: what the output loses when one feature is as at the baseline."""
    labels, count = labelled(q, features)
    present = ~np.eye(count, dtype=bool)
    (output,), (begin,) = q.outputs(q.end), q.outputs(q.begin)
    parts = output - _values(q, labels, present)
    return _result(q, "occlusion", labels, parts, float(output), float(begin))


def shapley(q: Question, features: Any, *, samples: int, seed: int) -> Attribution:
    """The attribution by Shapley values: of every feature what it adds, on average over all orders in which features
    can come. For more than twelve, over orders that are drawn, each with its reverse.
    """
    labels, count = labelled(q, features)
    (output,), (begin,) = q.outputs(q.end), q.outputs(q.begin)
    if count <= EXACT:
        parts = _exact(q, labels, count)
    else:
        parts = np.zeros(count)
        random = np.random.default_rng(seed)
        drawn = [random.permutation(count) for _ in range(-(-samples // 2))]
        orders = [order for one in drawn for order in (one, one[::-1])]
        for order in orders:
            present = np.zeros((count - 1, count), dtype=bool)
            for row in range(count - 1):
                present[row:, order[row]] = True
            heights = np.concatenate([[begin], _values(q, labels, present), [output]])
            parts[order] += np.diff(heights) / len(orders)
    return _result(q, "shapley", labels, parts, float(output), float(begin))


def _exact(q: Question, labels: Labels, count: int) -> Floats:
    coalitions = np.array(list(itertools.product([False, True], repeat=count)))
    heights = _values(q, labels, coalitions)
    sizes = coalitions.sum(axis=1)
    number = 1 << np.arange(count)[::-1]
    parts = np.zeros(count)
    for feature in range(count):
        without = ~coalitions[:, feature]
        rows = np.flatnonzero(without)
        weight = np.array(
            [math.factorial(s) * math.factorial(count - 1 - s) / math.factorial(count) for s in sizes[rows]]
        )
        parts[feature] = float((weight * (heights[rows + number[feature]] - heights[rows])).sum())
    return parts


def _values(q: Question, labels: Labels, present: NDArray[np.bool_]) -> Floats:
    """The output for each row of features that are there, the others as at the baseline."""

    def parts() -> Iterator[Floats]:
        for k in range(0, len(present), BATCH):
            rows = present[k : k + BATCH]
            yield q.outputs({p: np.where(rows[:, labels[p]], q.end[p], q.begin[p]) for p in q.end})

    return np.concatenate(list(parts()))


def _result(q: Question, method: str, labels: Labels, parts: Floats, output: float, begin: float) -> Attribution:
    sizes = np.bincount(np.concatenate([a.ravel() for a in labels.values()]), minlength=len(parts))
    scores = {path: (parts / sizes)[numbers] for path, numbers in labels.items()}
    inputs = {path: a[0] for path, a in q.end.items()}
    return Attribution(q.path, q.place, method, output, begin, scores, output - begin, inputs=inputs, names=q.names)
