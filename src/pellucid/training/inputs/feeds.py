"""Checked arrays on their way into a program: examples, targets, weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import as_array, as_labels, check_examples, check_range, holds_text, is_integer
from pellucid.errors import DataError
from pellucid.layers.embedding import Embedding
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import Goal, by_path

Array = NDArray[Any]
ClassWeight = Mapping[int, float] | Literal["balanced"]
WEIGHT = "sample_weight"


@dataclass(frozen=True)
class Examples:
    """Arrays by the names of a program's inputs, one example along the first axis of each."""

    arrays: dict[str, Array]

    def __post_init__(self) -> None:
        lengths = {name: len(a) for name, a in self.arrays.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{n} for {name}" for name, n in lengths.items())
            raise DataError(f"expected as many examples for each input, got {counts}")

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def weighted(self) -> bool:
        return WEIGHT in self.arrays

    def rows(self, index: slice | NDArray[np.int64]) -> dict[str, Array]:
        """A batch; only its rows are read, so the arrays may be mapped from files larger than memory."""
        return {name: np.asarray(a[index]) for name, a in self.arrays.items()}

    def batches(self, size: int) -> Iterator[dict[str, Array]]:
        """All of them in order, so many at a time."""
        return (self.rows(slice(start, start + size)) for start in range(0, len(self), size))

    def part(self, index: slice) -> Examples:
        return Examples({name: a[index] for name, a in self.arrays.items()})


def inputs(net: BaseNetwork, x: Any, what: str = "x") -> dict[str, Array]:
    """The user's examples by the names of the network's inputs, checked: finite numbers of the right shape.

    Raises:
        DataError: not numbers, not finite, empty, or of another shape.
    """
    arrays: dict[str, Array] = {}
    for path, value in by_path(x, list(net.input_shapes), what).items():
        name = what if len(net.input_shapes) == 1 else f'{what}["{path}"]'
        entries = vocabulary(net, path)
        array = as_array(as_numbers(net, value, what=name), what=name)
        if entries is not None and array.dtype.kind != "u":
            wrong = array[(array < 0) | (array != np.floor(array))]
            if wrong.size:
                raise DataError(
                    f"{name} holds {wrong[0]:g}, but the embedding reads integers from 0 to {entries - 1}: "
                    "give each token its number"
                )
            array = as_labels(array, what=name)
        if entries is not None and array.max() >= entries:
            raise DataError(
                f"{name} holds {array.max()}, but the embedding has {entries} entries, from 0 to {entries - 1}: "
                f"give it input_dim={int(array.max()) + 1}"
            )
        if entries is None and counts(net, path):
            check_exact(array, net.dtype, what=name)
        if array.dtype.kind == "f" and array.dtype.itemsize > net.dtype.itemsize and not isinstance(array, np.memmap):
            array = as_array(array, what=name, dtype=net.dtype)
        check_examples(array, net.input_shapes[path], what=name)
        arrays[path] = array
    return arrays


def as_numbers(net: BaseNetwork, value: Any, what: str = "x") -> Any:
    """Texts as the network's `TextVectorization` makes them numbers; what is no text as it is.

    Raises:
        DataError: texts, and the network has no such object.
    """
    if not holds_text(value):
        return value
    from pellucid.data.vectorization import TextVectorization  # numbers need no vocabulary

    words = TextVectorization.of(net)
    if words is None:
        raise DataError(
            f"{what} holds texts, expected numbers: begin the network with "
            "pl.TextVectorization(output_sequence_length=…).adapt(texts), or give it numbers"
        )
    return words([value] if isinstance(value, str) else value)


def vocabulary(net: BaseNetwork, path: str) -> int | None:
    """How many entries the embedding has that reads an input; None for an input of real numbers."""
    for use in net.uses:
        if path in use.parents and isinstance(use.layer, Embedding):
            return use.layer.input_dim
        if path in use.parents and isinstance(use.layer, BaseNetwork):
            return vocabulary(use.layer, list(use.layer.input_shapes)[use.parents.index(path)])
    return None


def counts(net: BaseNetwork, path: str) -> bool:
    """Whether an input of real numbers holds integers, none of which may be rounded."""
    for use in net.uses:
        for place, parent in enumerate(use.parents):
            if parent == path and isinstance(use.layer, BaseNetwork):
                return counts(use.layer, list(use.layer.input_shapes)[place])
            if parent == path and use.layer.counts(place):
                return True
    return False


def check_exact(array: Array, dtype: np.dtype[Any], *, what: str) -> None:
    """Refuse integers beyond those that a type of real numbers has without gaps.

    Raises:
        DataError: the message has the first of them.
    """
    limit = 1 << (np.finfo(dtype).nmant + 1)
    wrong = array[np.abs(array.astype(np.float64)) > limit]
    if wrong.size:
        raise DataError(
            f"{what} holds {int(wrong[0])}, but the network computes in {dtype}, which has the integers up to {limit} "
            "only: give smaller ones, such as differences"
        )


def weights(value: Any, n: int, dtype: np.dtype[Any], what: str = "sample_weight") -> Array:
    """Example weights, shape (n,): numbers of 0 or more that the dtype can hold, not all of them 0."""
    array = as_array(value, what=what)
    check_range(array, dtype, what=what)
    if array.shape == (n, 1):
        array = array[:, 0]
    if array.shape != (n,):
        raise DataError(f"{what} has shape {array.shape}, expected ({n},): one weight an example")
    if array.min() < 0 or not array.any():
        raise DataError(
            f"{what} runs from {float(array.min()):g} to {float(array.max()):g}, expected 0 or more, and some above"
        )
    return array


def class_weights(value: ClassWeight, goals: list[Goal], arrays: Mapping[str, Array], units: int) -> Array:
    """A weight an example from a weight a class, shape (n,).

    Args:
        value: by class number, 1 for those not named; or "balanced", n / (classes · examples of the class) as in
            scikit-learn.
        units: how many units the output has; one unit means two classes.

    Raises:
        DataError: the targets are no classes, an unknown class, a weight below 0.
    """
    goal = goals[0]
    y = arrays[goal.name]
    if (
        len(goals) > 1
        or goal.loss.reads == "values"
        or (y.ndim > 1 and not (y.ndim == 2 and (units == 1 or y.shape[1] == units)))
    ):
        raise DataError("class_weight needs one output with one class per example: use sample_weight")
    classes = max(units, 2)
    labels = (
        y.astype(np.int64)
        if goal.labels
        else (y.reshape(len(y)) > 0.5).astype(np.int64)
        if units == 1
        else y.argmax(axis=1)
    )
    if value == "balanced":
        counts = np.bincount(labels, minlength=classes)
        table = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    elif isinstance(value, Mapping):
        table = np.ones(classes)
        for key, weight in value.items():
            if not is_integer(key, below=classes):
                raise DataError(f"class_weight names the class {key!r}, expected classes from 0 to {classes - 1}")
            if not isinstance(weight, (int, float, np.number)) or not math.isfinite(weight) or weight < 0:
                raise DataError(f"class_weight of class {key} is {weight!r}, expected a number of 0 or more")
            table[key] = weight
    else:
        raise DataError(f'class_weight is {value!r}, expected a dict from class to weight, or "balanced"')
    return np.asarray(table[labels])
