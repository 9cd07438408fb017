"""Data for the measurements: train, validation and test part by the seed, columns scaled by the train part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid import data
from pellucid.data import Dataset, Standardizer

Array = NDArray[Any]
FRACTION = 0.25
"""What goes to the test part, and of the rest to the validation part."""


@dataclass(frozen=True)
class Task:
    """A classification: examples x (n, …) float32 and labels y (n,) of three parts."""

    name: str
    train: tuple[Array, Array]
    validation: tuple[Array, Array]
    test: tuple[Array, Array]
    classes: int

    @property
    def features(self) -> int:
        return int(self.train[0].shape[1])

    def first(self, n: int) -> Task:
        """The same with the first n examples to learn from."""
        return Task(self.name, (self.train[0][:n], self.train[1][:n]), self.validation, self.test, self.classes)


def toy(name: str, seed: int, *, n: int = 400, **options: Any) -> Task:
    """A toy of `pellucid.data`: n points to learn from, and as many new ones for each of the other parts."""
    parts = [data.TOYS[name](n, seed=3 * seed + k, **options) for k in range(3)]
    return _task(parts[0], [(part.x, part.y) for part in parts])


def embedded(name: str, seed: int, *, images: bool = False) -> Task:
    """An embedded set of `pellucid.data`; images keep their shape and their values from 0 to 1."""
    whole = data.load(name, images=images)
    rest, test = whole.divide(test_size=FRACTION, seed=seed)
    train, validation = rest.divide(test_size=FRACTION, seed=seed)
    return _task(whole, [(part.x, part.y) for part in (train, validation, test)], scaled=not images)


def _task(source: Dataset, parts: list[tuple[Array, Array]], *, scaled: bool = True) -> Task:
    if scaled:
        scale = Standardizer.fit(parts[0][0])
        parts = [(np.asarray(scale.transform(x), dtype=np.float32), y) for x, y in parts]
    return Task(source.name, parts[0], parts[1], parts[2], len(source.class_names or ()))
