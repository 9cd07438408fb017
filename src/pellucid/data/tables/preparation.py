"""How the columns of a table became the inputs of a network: what a later table needs to be read like the first."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, ModelFileError
from ..dataset import Dataset
from .derived import Derived, read_derived

KEY = "preparation"
_ENTRIES = {"features", "target", "classes", "means", "unseen", "left_out", "derived"}


@dataclass(frozen=True)
class Preparation:
    """How a table becomes the inputs of a network: features, target and classes, and the means that fill gaps.

        preparation = Preparation.fit("titanic.csv", "Survived")       # or of a data frame
        x, y = preparation.transform("titanic.csv"), preparation.targets("titanic.csv")
        net = pl.Network(pl.Normalization().adapt(x), pl.Dense(2, activation="softmax"), input_shape=x.shape[1:])
        net.metadata.update(preparation.metadata())                    # saved with the network
        Preparation.of(pl.load("titanic.safetensors")).transform("new.csv")

    It travels in a network's metadata, so that the command line reads tables in the same way; the scaling is a layer of
    the network, `Normalization`.

    Attributes:
        features: the features in the order of the inputs; "column=text" is a category of a column.
        target: the column that was learned.
        classes: its classes, in the order of the outputs; None for a quantity.
        means: what replaces a missing value, for each feature; None where a missing value is an error.
        unseen: what becomes of a category that is not among the features: "error", or "ignore", zeros in all of them.
        left_out: the columns that were left out because they only tell the rows apart.
        derived: the columns of dates and of texts, by name, each with what its features, "column:part", are made by.
    """

    features: tuple[str, ...] = ()
    target: str | None = None
    classes: tuple[str, ...] | None = None
    means: tuple[float, ...] | None = None
    unseen: str = "error"
    left_out: tuple[str, ...] = ()
    derived: Mapping[str, Derived] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        table: Any,
        target: str | None = None,
        *,
        task: str | None = None,
        fill: str | None = "mean",
        drop: Sequence[str] = (),
        identifiers: str = "drop",
        keep: Sequence[str] = (),
        text_columns: Sequence[str] = (),
        words: int | None = None,
        unseen: str = "error",
        **reading: Any,
    ) -> Preparation:
        """Learn from a table how to read others: a file's name (see `read_csv`), a data frame, or a dict of columns.

        Args:
            fill: "mean", or None, which makes a missing value an error.
            reading: of a file, also its ``delimiter``, ``encoding``, ``decimal``, ``missing`` and ``date_format``.
                The others are those of `read_csv`.

        Raises:
            DataError: a table that cannot be read so; the message names the line or row, and the column.
        """
        given: dict[str, Any] = {"task": task, "fill": fill, "drop": drop, "identifiers": identifiers, "keep": keep}
        given |= {"unseen": unseen, "text_columns": text_columns, "words": words}
        return cls.of(_dataset(table, target, given, reading))

    def transform(self, table: Any, **reading: Any) -> NDArray[np.float32]:
        """The inputs of a network, x (n, features), of a table as `fit` takes it; other columns are ignored.

        Raises:
            DataError: a column that is missing, a missing value where nothing fills it, a category that was unseen.
        """
        return _dataset(table, None, {"like": self}, reading).x

    def targets(self, table: Any, **reading: Any) -> NDArray[Any]:
        """The targets of a table: class numbers (n,) int64, or quantities (n, 1) float32.

        Raises:
            DataError: no target was learned, the table lacks its column, or a value is missing or no known class.
        """
        if self.target is None:
            raise DataError("this preparation has no target: fit it with the column to learn, target=….")
        y = _dataset(table, self.target, {"like": self}, reading).y
        return y if self.classes is not None else y[:, None]

    @classmethod
    def of(cls, source: Any) -> Preparation:
        """That of a data set, of a network or of its metadata; the default where there is none.

        Raises:
            ModelFileError: metadata of another form, as a damaged or foreign file may hold it.
        """
        if isinstance(source, Preparation):
            return source
        if isinstance(source, Dataset):
            return cls(
                source.feature_names,
                source.target_name,
                source.class_names,
                source.feature_means,
                source.unseen,
                tuple(source.left_out),
                source.derived,
            )
        metadata = source if isinstance(source, Mapping) else getattr(source, "metadata", None)
        if not isinstance(metadata, Mapping):
            raise DataError(f"expected a network, its metadata or a data set, got {type(source).__name__}.")
        entry = metadata.get(KEY, {})
        try:
            if odd := sorted(set(entry) - _ENTRIES):
                raise ValueError(f'it holds "{odd[0]}", which this version does not know')
            target, classes = entry.get("target"), entry.get("classes")
            preparation = cls(
                features=_names(entry.get("features", [])),
                target=None if target is None else _names([target])[0],
                classes=None if classes is None else _names(classes),
                means=None if entry.get("means") is None else _numbers(entry["means"]),
                unseen=entry.get("unseen", "error"),
                left_out=_names(entry.get("left_out", [])),
                derived=read_derived(entry.get("derived", {})),
            )
            if preparation.means is not None and len(preparation.means) != len(preparation.features):
                raise ValueError("the means do not fit the features")
            if preparation.unseen not in ("error", "ignore"):
                raise ValueError('"unseen" is neither error nor ignore')
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelFileError(
                f'the model\'s metadata "{KEY}" is damaged ({error}): train the model again.'
            ) from error
        return preparation

    def metadata(self) -> dict[str, Any]:
        """As JSON, to be put into ``Network.metadata``."""
        return {
            KEY: {
                "features": list(self.features),
                "target": self.target,
                "classes": None if self.classes is None else list(self.classes),
                "means": None if self.means is None else list(self.means),
                "unseen": self.unseen,
                "left_out": list(self.left_out),
                "derived": {name: part.config() for name, part in self.derived.items()},
            }
        }


def _dataset(table: Any, target: str | None, given: Mapping[str, Any], reading: Mapping[str, Any]) -> Dataset:
    from .csvfile import dataset, read_csv  # they take a preparation
    from .loading import table_of

    if isinstance(table, str | os.PathLike):
        return read_csv(table, target, **given, **reading)
    return dataset(table_of(table, **reading), Path("the table"), target, **given)


def _names(entry: Any) -> tuple[str, ...]:
    if not isinstance(entry, list) or not all(isinstance(name, str) for name in entry):
        raise TypeError("expected a list of names")
    return tuple(entry)


def _numbers(entry: Any) -> tuple[float, ...]:
    if not isinstance(entry, list) or not all(isinstance(n, (int, float)) and math.isfinite(n) for n in entry):
        raise TypeError("expected a list of numbers")
    return tuple(map(float, entry))
