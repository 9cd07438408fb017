"""How the columns of a table became the inputs of a network: what a later table needs to be read like the first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModelFileError
from .dataset import Dataset

KEY = "preparation"


@dataclass(frozen=True)
class Preparation:
    """The names of a table's features, target and classes, and the means that fill what is missing.

    It travels in a network's metadata; the scaling is a layer of the network, `Normalization`.

    Attributes:
        features: the features in the order of the inputs; "column=text" is a category of a column.
        target: the column that was learned.
        classes: its classes, in the order of the outputs; None for a quantity.
        means: what replaces a missing value, for each feature; None where a missing value is an error.
    """

    features: tuple[str, ...] = ()
    target: str | None = None
    classes: tuple[str, ...] | None = None
    means: tuple[float, ...] | None = None

    @classmethod
    def of(cls, source: Preparation | Dataset | Mapping[str, Any]) -> Preparation:
        """That of a data set or of a network's metadata; the default where there is none.

        Raises:
            ModelFileError: metadata of another form, as a damaged or foreign file may hold it.
        """
        if isinstance(source, Preparation):
            return source
        if isinstance(source, Dataset):
            return cls(source.feature_names, source.target_name, source.class_names, source.feature_means)
        entry = source.get(KEY, {})
        try:
            if odd := sorted(set(entry) - {"features", "target", "classes", "means"}):
                raise ValueError(f'it holds "{odd[0]}", which this version does not know')
            target, classes = entry.get("target"), entry.get("classes")
            preparation = cls(
                features=_names(entry.get("features", [])),
                target=None if target is None else _names([target])[0],
                classes=None if classes is None else _names(classes),
                means=None if entry.get("means") is None else _numbers(entry["means"]),
            )
            if preparation.means is not None and len(preparation.means) != len(preparation.features):
                raise ValueError("the means do not fit the features")
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
            }
        }


def _names(entry: Any) -> tuple[str, ...]:
    if not isinstance(entry, list) or not all(isinstance(name, str) for name in entry):
        raise TypeError("expected a list of names")
    return tuple(entry)


def _numbers(entry: Any) -> tuple[float, ...]:
    if not isinstance(entry, list) or not all(isinstance(n, (int, float)) and math.isfinite(n) for n in entry):
        raise TypeError("expected a list of numbers")
    return tuple(map(float, entry))
