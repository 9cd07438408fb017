"""A data set and its division; the scaling of columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import as_array, check_integer, mean_and_deviation
from ..batches import permutation
from ..errors import DataError, argument
from ..messages import gettext
from .tables.table import leave_out

Pair = tuple[NDArray[np.float32], NDArray[Any]]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Examples with their targets.

    Shapes: x (n, features) or (n, h, w, c), float32; y (n,), int64 labels where ``class_names`` is given and
    float32 otherwise. Where there is no target, y is x: what an autoencoder learns.
    ``feature_names`` name the columns of a table and are empty for images; ``feature_means`` are what a missing value
    was replaced by, where it was, and ``filled`` (n, features) marks where, if these are means of x itself;
    ``target_name`` is the column of y. ``left_out`` are the columns that were left out because they only tell the rows
    apart, each with the reason; ``unseen`` what becomes of a category that is not among the features; ``derived`` the
    columns of dates and texts (see `Preparation`).
    """

    name: str
    x: NDArray[np.float32]
    y: NDArray[Any]
    feature_names: tuple[str, ...] = ()
    class_names: tuple[str, ...] | None = None
    description: str = ""
    feature_means: tuple[float, ...] | None = None
    target_name: str | None = None
    filled: NDArray[np.bool_] | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    unseen: str = "error"
    derived: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        target = f"{len(self.class_names)} classes" if self.class_names is not None else f"y {self.y.shape}"
        return f"Dataset({self.name!r}, x {self.x.shape}, {target})"

    def flat(self) -> Dataset:
        """The same examples as a table: x (n, h·w·c)."""
        return replace(self, x=self.x.reshape(len(self.x), -1))

    def split(self, *, test_size: float = 0.2, seed: int = 0, stratify: bool | None = None) -> tuple[Pair, Pair]:
        """(x_train, y_train), (x_test, y_test): the arrays that `divide` gives."""
        train, test = self.divide(test_size=test_size, seed=seed, stratify=stratify)
        return (train.x, train.y), (test.x, test.y)

    def divide(self, *, test_size: float = 0.2, seed: int = 0, stratify: bool | None = None) -> tuple[Dataset, Dataset]:
        """Train and test part, both shuffled; the same seed gives the same division.

        Missing values that means replaced are replaced by those of the train part, in both parts.

        Args:
            test_size: the fraction of the examples that goes to the test part, between 0 and 1.
            stratify: keep the proportions of the classes in both parts; by default where there are classes.
                A class never goes to the test part whole.

        Raises:
            DataError: no examples left for a part, ``stratify=True`` without classes, or no value of a column left in
                the train part.
        """
        n = len(self)
        if not 0 < test_size < 1:
            raise DataError(f"test_size is {test_size!r}, expected a fraction between 0 and 1.")
        if n < 2:
            raise DataError(
                gettext("{name} has {count} example, expected at least 2 to split.", name=self.name, count=n)
            )
        if stratify and self.class_names is None:
            raise DataError(f"{self.name} has no classes to stratify by: leave stratify out.")
        order = permutation(n, np.random.Philox(check_integer(seed, "seed")))
        count = min(max(round(test_size * n), 1), n - 1)
        in_test = np.zeros(n, dtype=bool)
        if stratify or (stratify is None and self.class_names is not None):
            labels = self.y[order]
            for label, quota in _quotas(labels, count).items():
                in_test[order[labels == label][:quota]] = True
            if not in_test.any():
                how = argument("stratify", False)
                if how:
                    raise DataError(f"{self.name} has one example of each class: split with {how}.")
                raise DataError(
                    gettext("{name} has one example of each class: give more examples of them.", name=self.name)
                )
        else:
            in_test[order[:count]] = True
        train_rows, test_rows = order[~in_test[order]], order[in_test[order]]
        data = self._filled_by(train_rows)
        return data._part(train_rows), data._part(test_rows)

    def _part(self, rows: NDArray[np.intp]) -> Dataset:
        filled = None if self.filled is None else self.filled[rows]
        return replace(self, x=self.x[rows], y=self.y[rows], filled=filled)

    def _filled_by(self, rows: NDArray[np.intp]) -> Dataset:
        if self.filled is None:
            return self
        if (gone := self.filled[rows].all(axis=0)).any():
            name = self.feature_names[int(gone.argmax())]
            raise DataError(f'{self.name}: no row to train on has a value of "{name}": {leave_out(name)}.')
        x, means = fill_by_means(self.x, self.filled, rows)
        return replace(self, x=x, y=x if self.y is self.x else self.y, feature_means=means)


def fill_by_means(
    x: NDArray[np.float32], missing: NDArray[np.bool_], rows: NDArray[np.intp] | slice = np.s_[:]
) -> tuple[NDArray[np.float32], tuple[float, ...]]:
    """x (n, features) with the mean of what is there among these rows in the place of what is missing; the means."""
    columns = zip(x[rows].T, missing[rows].T, strict=True)
    means = np.array([column[~gaps].mean(dtype=np.float64) for column, gaps in columns], dtype=np.float32)
    return np.where(missing, means, x), tuple(means.tolist())


def _quotas(labels: NDArray[Any], count: int) -> dict[int, int]:
    """How many of each class go to the test part: the exact proportions, rounded by largest remainder."""
    values, sizes = np.unique(labels, return_counts=True)
    exact = sizes * count / len(labels)
    quotas = np.minimum(np.floor(exact), sizes - 1)
    for _ in range(min(count, int((sizes - 1).sum())) - int(quotas.sum())):
        quotas[np.argmax(np.where(quotas < sizes - 1, exact - quotas, -np.inf))] += 1
    return {int(value): int(quota) for value, quota in zip(values, quotas, strict=True)}


@dataclass(frozen=True, eq=False)
class Standardizer:
    """Columns brought to mean 0 and standard deviation 1; constant columns only lose their mean.

    z[…,i] = (x[…,i] − mean[i]) / scale[i], where mean and scale come from the training data alone:
    statistics of the test data would leak into the result.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, x: ArrayLike) -> Standardizer:
        """Measure training data: (n, features), (n, t, features), or one column (n,)."""
        array = as_array(x)
        if array.ndim == 0:
            raise DataError(f"x is the number {array}, expected an array of examples.")
        return cls(*mean_and_deviation(array))

    def transform(self, x: ArrayLike) -> NDArray[np.float32]:
        """Scale data of as many columns, to float32."""
        return ((self._columns(x) - self.mean) / self.scale).astype(np.float32)

    def inverse(self, z: ArrayLike) -> NDArray[np.float32]:
        """Undo ``transform``, to float32."""
        return (self._columns(z, "z") * self.scale + self.mean).astype(np.float32)

    def _columns(self, x: ArrayLike, what: str = "x") -> NDArray[np.float64]:
        array = as_array(x, what=what, dtype=np.float64)
        if self.mean.ndim and array.shape[-1:] != self.mean.shape:
            raise DataError(f"{what} has shape {array.shape}, expected {len(self.mean)} columns as fitted.")
        return array
