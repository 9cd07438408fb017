"""Arrays in HDF5 files, read with care and written, through h5py, which is imported when somebody needs it."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ModelFileError, PellucidError

Array = NDArray[Any]
MAX_DEPTH = 64
MAX_RATIO = 1100
"""The maximum of what a byte of a file stands for: deflate can do no more."""


def h5py_package() -> ModuleType:
    """The package h5py.

    Raises:
        PellucidError: it is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise PellucidError(
            "Keras models need the package h5py, which is not installed: pip install pellucid[keras]"
        ) from None
    module: ModuleType = h5py
    return module


class Weights:
    """The arrays of an HDF5 file in memory. No link is followed, and nothing outside the file is read."""

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        try:
            self._file = h5py_package().File(io.BytesIO(content), "r")
        except PellucidError:
            raise
        except Exception as error:  # h5py has OSError, RuntimeError and others for damaged files
            raise self._damaged(error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        except Exception as problem:
            raise self._damaged(problem) from None

    def _damaged(self, error: Exception) -> ModelFileError:
        words = " ".join(str(error).split())[:200]
        return ModelFileError(f'the weights of "{self._name}" are no HDF5 file, or damaged: {words}')

    def read(self, path: str, elements: int) -> Array | None:
        """The array at a path; None where there is none.

        Args:
            elements: how many numbers are expected there; another number is an error before anything is read.

        Raises:
            ModelFileError: it is no array of so many numbers, or is linked to elsewhere.
        """
        try:
            return self._read(path, elements)
        except ModelFileError:
            raise
        except Exception as error:
            raise self._damaged(error) from None

    def _read(self, path: str, elements: int) -> Array | None:
        h5py = h5py_package()
        place: Any = self._file
        parts = path.split("/")
        if len(parts) > MAX_DEPTH:
            raise ModelFileError(f'"{self._name}" has layers inside each other more than {MAX_DEPTH // 2} deep')
        for part in parts:
            if not isinstance(place, h5py.Group) or part not in place:
                link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
                if not isinstance(link, h5py.ExternalLink | h5py.SoftLink):
                    return None
            link = place.get(part, getlink=True)
            if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
                raise ModelFileError(
                    f'{path} in the weights of "{self._name}" is a link to another place, which is not followed'
                )
            place = place[part]
        if not isinstance(place, h5py.Dataset) or place.dtype.kind not in "fiu" or place.shape is None:
            raise ModelFileError(f'{path} in the weights of "{self._name}" is no array of numbers')
        if place.external or place.is_virtual:
            raise ModelFileError(
                f'the numbers of {path} in the weights of "{self._name}" lie in another file, where nothing is read'
            )
        size = math.prod(place.shape)
        if size != elements:
            raise ModelFileError(
                f'{path} in the weights of "{self._name}" has the shape {place.shape}, '
                f"expected {elements:,} numbers for what the model says of this layer"
            )
        if int(place.id.get_storage_size()) * MAX_RATIO < size * place.dtype.itemsize:
            raise ModelFileError(f'{path} in the weights of "{self._name}" is declared, but its numbers are missing')
        return np.asarray(place[()], np.float64 if place.dtype.itemsize > 4 else np.float32)


def written(groups: Mapping[str, Mapping[str, Array]]) -> bytes:
    """An HDF5 file of arrays by group and name; empty groups are there too."""
    target = io.BytesIO()
    with h5py_package().File(target, "w") as file:
        for path, arrays in groups.items():
            group = file.require_group(path)
            for name, array in arrays.items():
                group.create_dataset(name, data=array)
    return target.getvalue()
