"""Small real data sets that come with scikit-learn: no download, no file."""

from __future__ import annotations

import importlib

import numpy as np

from ..errors import DataError, nearest
from .dataset import Dataset

EMBEDDED = ("digits", "iris", "wine", "breast_cancer", "diabetes")


def load(name: str, *, images: bool = True) -> Dataset:
    """One of the embedded sets: digits, iris, wine, breast_cancer (classes), diabetes (regression).

    - digits: x (1797, 8, 8, 1), grey images scaled from 0..16 to 0..1; ``images=False`` gives the same
      values as a table (1797, 64). ``images`` changes nothing for the others.
    - the tables: x (n, features), unscaled, in the units of their source; see ``Standardizer``.

    Raises:
        DataError: an unknown name; the message suggests the nearest.
    """
    if name not in EMBEDDED:
        choices, hint = ", ".join(EMBEDDED), nearest(str(name), EMBEDDED)
        raise DataError(f'there is no data set "{name}", expected one of {choices}.{hint}')
    source = importlib.import_module("sklearn.datasets")  # imported late: it takes a second
    bunch = source.load_diabetes(scaled=False) if name == "diabetes" else getattr(source, f"load_{name}")()
    x = bunch.data.astype(np.float32)
    if name == "digits":
        x = (x / 16).reshape(-1, 8, 8, 1) if images else x / 16
    regression = name == "diabetes"
    return Dataset(
        name=name,
        x=x,
        y=bunch.target.astype(np.float32 if regression else np.int64),
        feature_names=tuple(map(str, bunch.feature_names)) if x.ndim == 2 else (),
        class_names=None if regression else tuple(map(str, bunch.target_names)),
        description=_title(bunch.DESCR),
    )


def _title(text: str) -> str:
    """The first heading of scikit-learn's long description."""
    return next(line.strip() for line in text.splitlines() if line.strip() and not line.startswith(".."))
