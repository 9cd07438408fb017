"""A network's parameters by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NoReturn, Protocol

import numpy as np

from pellucid.errors import PellucidError, ShapeError, nearest
from pellucid.layers.base import Layer, Parameter
from pellucid.once import SequenceLock, held_at_fork

_swap = SequenceLock()
"""Held for the moment in which arrays are put in place, all of a network's at once."""
held_at_fork(_swap)


class Network(Protocol):
    """What a network declares of its parameters: what each is, and which layer keeps it under which name."""

    specs: dict[str, Parameter]
    dtype: np.dtype[Any]

    def owner(self, key: str) -> tuple[Layer, str]: ...


class Parameters(MutableMapping[str, np.ndarray]):
    """All parameters of a network by path. Assigning copies the values in, after a look at path and shape.

    Training never writes into an array that stands here: it puts others in place, those of all layers at once. What
    `snapshot` gives is therefore the network as it was after one step, whatever other threads do.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def __call__(self) -> NoReturn:
        raise PellucidError('parameters are a mapping by path, without (): net.parameters["dense_1.kernel"]')

    @property
    def trainable(self) -> tuple[str, ...]:
        """The paths of those that an optimiser changes."""
        return tuple(p for p, spec in self._network.specs.items() if spec.trainable and self._layer(p).trainable)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The paths of those whose layers are not trainable."""
        return tuple(path for path in self._network.specs if not self._layer(path).trainable)

    def _layer(self, path: str) -> Layer:
        return self._network.owner(path)[0]

    def snapshot(self) -> dict[str, np.ndarray]:
        """All arrays by path, as they are at one moment; the arrays themselves, not copies."""
        return _swap.read(lambda: {path: self[path] for path in self})

    def replace(self, values: Mapping[str, object]) -> None:
        """Copy values in, by path; readers see all of them or none.

        Raises:
            PellucidError: a path or a shape that the network does not have; nothing has been changed then.
        """
        arrays = [(*self._network.owner(self._known(path)), self._array(path, v)) for path, v in values.items()]
        with _swap:
            for layer, key, array in arrays:
                layer.arrays[key] = array

    def __getitem__(self, path: str) -> np.ndarray:
        layer, key = self._network.owner(self._known(path))
        return layer.arrays[key]

    def __setitem__(self, path: str, value: object) -> None:
        self.replace({path: value})

    def _array(self, path: str, value: object) -> np.ndarray:
        """A copy of a value, checked."""
        shape = self._network.specs[path].shape
        try:
            array = np.array(value, dtype=self._network.dtype)
        except (TypeError, ValueError):
            raise PellucidError(f"{path} takes numbers of shape {shape}, got {type(value).__name__}") from None
        if array.shape != shape:
            raise ShapeError(f"{path} has the shape {shape}, got {array.shape}")
        return array

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
