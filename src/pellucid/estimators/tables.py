"""The rows of a fit: features, targets, weights, and the part of them that is held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Rows: the features, what the network learns, the user's targets, and weights where there are any.

    `sample_weight` are the user's, `weight` those times the weights of the classes, and `total`, of balanced rows, how
    many they stand for.
    """

    x: Array
    targets: Array
    y: Any
    weight: Array | None = None
    sample_weight: Array | None = None
    total: float = 0.0

    def __len__(self) -> int:
        return len(self.x)

    def rows(self, index: Array) -> Table:
        y, weight, given = (None if a is None else a[index] for a in (self.y, self.weight, self.sample_weight))
        return Table(self.x[index], self.targets[index], y, weight, given)

    def balanced(self) -> Table:
        """Without rows that weigh nothing, and with a mean weight of 1, as if each row came as often as it weighs."""
        if self.weight is None:
            return replace(self, total=len(self))
        table = self.rows(np.flatnonzero(self.weight)) if (self.weight == 0).any() else self
        assert table.weight is not None
        return replace(table, weight=table.weight / table.weight.mean(), total=float(table.weight.sum()))

    def examples(self, scaled: Callable[[Array], Array]) -> tuple[Any, ...]:
        """What `Network.fit` takes, with the targets in the units in which they are learned."""
        found = self.x, scaled(self.targets)
        return found if self.weight is None else (*found, self.weight)

    def split(self, fraction: float, *, strata: Array | None, seed: int) -> tuple[Table, Table]:
        """The rows to train on, and those held out.

        Raises:
            ValueError: there are too few of them.
        """
        train, held = train_test_split(np.arange(len(self)), test_size=fraction, random_state=seed, stratify=strata)
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return self.rows(train), self.rows(held)
