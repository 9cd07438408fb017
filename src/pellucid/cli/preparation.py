"""What stands between the rows of a file and the numbers of a network; it travels in the model's metadata."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset, Standardizer, as_array
from ..errors import ModelFileError

KEY = "preparation"
BRIGHTNESS = "brightness"
"""The mean of the images learned, from 0 to 1: a picture far from it may need to be inverted."""


@dataclass(frozen=True)
class Preparation:
    """The names and the scaling of a network's inputs and outputs.

    Tables are brought to mean 0 and deviation 1, and so are the targets of a regression; images, which are
    scaled to 0..1 as they are read, are left alone. ``classes`` is None for a regression.
    """

    features: tuple[str, ...] = ()
    target: str | None = None
    classes: tuple[str, ...] | None = None
    inputs: Standardizer | None = None
    outputs: Standardizer | None = None

    @classmethod
    def fit(
        cls, dataset: Dataset, x: NDArray[np.float32], y: NDArray[Any], *, target: str | None = None
    ) -> Preparation:
        """Measure the training part (x, y) of ``dataset``."""
        return cls(
            features=dataset.feature_names,
            target=target,
            classes=dataset.class_names,
            inputs=Standardizer.fit(x) if x.ndim == 2 else None,
            outputs=Standardizer.fit(y) if dataset.class_names is None else None,
        )

    def x(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Examples as the network takes them."""
        return as_array(x, dtype=np.float32) if self.inputs is None else self.inputs.transform(x)

    def y(self, y: NDArray[Any]) -> NDArray[Any]:
        """Targets as the loss takes them: labels (n,), or scaled values (n, 1)."""
        return y if self.outputs is None else self.outputs.transform(y)[:, None]

    def values(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """The network's outputs in the units of the target."""
        return outputs if self.outputs is None else self.outputs.inverse(outputs)

    def metadata(self) -> dict[str, Any]:
        """As JSON, to be put into ``Network.metadata``."""
        return {
            KEY: {
                "features": list(self.features),
                "target": self.target,
                "classes": None if self.classes is None else list(self.classes),
                "inputs": _scaling(self.inputs),
                "outputs": _scaling(self.outputs),
            }
        }

    @classmethod
    def read(cls, metadata: Mapping[str, Any]) -> Preparation:
        """From ``Network.metadata``; the default where a model was saved without one.

        Raises:
            ModelFileError: an entry of another form, as a damaged or foreign file may hold it.
        """
        entry = metadata.get(KEY, {})
        try:
            return cls(
                features=_names(entry.get("features", [])),
                target=None if entry.get("target") is None else str(entry["target"]),
                classes=None if entry.get("classes") is None else _names(entry["classes"]),
                inputs=_standardizer(entry.get("inputs")),
                outputs=_standardizer(entry.get("outputs")),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelFileError(
                f'the model\'s metadata "{KEY}" is damaged ({error}): train the model again.'
            ) from error


def reshaped(x: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Examples of as many numbers brought to ``shape``: 64 in a row are an image of 8 × 8."""
    return x.reshape(-1, *shape) if x.ndim > 1 and math.prod(x.shape[1:]) == math.prod(shape) else x


def _scaling(standardizer: Standardizer | None) -> dict[str, Any] | None:
    if standardizer is None:
        return None
    return {"mean": standardizer.mean.tolist(), "scale": standardizer.scale.tolist()}


def _standardizer(entry: Any) -> Standardizer | None:
    if entry is None:
        return None
    mean, scale = (as_array(entry[key], what=key, dtype=np.float64) for key in ("mean", "scale"))
    if mean.shape != scale.shape or mean.ndim > 1 or (scale <= 0).any():
        raise ValueError("the scales do not fit the means")
    return Standardizer(mean, scale)


def _names(entry: Any) -> tuple[str, ...]:
    if not isinstance(entry, list) or not all(isinstance(name, str) for name in entry):
        raise TypeError("expected a list of names")
    return tuple(entry)
