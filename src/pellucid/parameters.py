"""A network's parameters by path."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any, Protocol

import numpy as np

from pellucid.errors import PellucidError, ShapeError, nearest
from pellucid.layers.base import Layer, Parameter


class Network(Protocol):
    """What a network says of its parameters: what each is, and which layer keeps it under which name."""

    specs: dict[str, Parameter]
    dtype: np.dtype[Any]

    def owner(self, key: str) -> tuple[Layer, str]: ...


class Parameters(MutableMapping[str, np.ndarray]):
    """All parameters of a network by path. Assigning copies the values in, after a look at path and shape."""

    def __init__(self, network: Network) -> None:
        self._network = network

    @property
    def trainable(self) -> tuple[str, ...]:
        """The paths of those that an optimiser changes."""
        return tuple(path for path, spec in self._network.specs.items() if spec.trainable)

    def __getitem__(self, path: str) -> np.ndarray:
        layer, key = self._network.owner(self._known(path))
        return layer.arrays[key]

    def __setitem__(self, path: str, value: object) -> None:
        layer, key = self._network.owner(self._known(path))
        shape = self._network.specs[path].shape
        try:
            array = np.array(value, dtype=self._network.dtype)
        except (TypeError, ValueError):
            raise PellucidError(f"{path} takes numbers of shape {shape}, but {type(value).__name__} came") from None
        if array.shape != shape:
            raise ShapeError(f"{path} has the shape {shape}, but {array.shape} came")
        layer.arrays[key] = array

    def __delitem__(self, path: str) -> None:
        raise PellucidError(f"{path} belongs to its layer and cannot be deleted")

    def __contains__(self, path: object) -> bool:
        return path in self._network.specs

    def __iter__(self) -> Iterator[str]:
        return iter(self._network.specs)

    def __len__(self) -> int:
        return len(self._network.specs)

    def _known(self, path: str) -> str:
        if path not in self._network.specs:
            raise PellucidError(f'there is no parameter "{path}".{nearest(path, self._network.specs)}')
        return path

    def __repr__(self) -> str:
        return "\n".join(f"{path} {self[path].shape}" for path in self) or "no parameters"
