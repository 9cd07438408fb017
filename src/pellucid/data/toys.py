"""Two-dimensional toys: points in the plane whose classes a network has to distinguish.

Each function gives a ``Dataset`` with x (n, 2) float32 and y (n,) int64, the examples in random order.
``noise`` is the standard deviation of the Gaussian noise added to both coordinates, in units of the plane.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays import check_integer
from ..batches import permutation
from ..errors import DataError
from .dataset import Dataset

_Floats = NDArray[np.float64]
_Labels = NDArray[np.int64]


def spirals(n: int = 300, *, classes: int = 2, noise: float = 0.02, seed: int = 0, turns: float = 1.0) -> Dataset:
    """Arms that wind round the origin: radius t, angle 2π(turns·t + class/classes), t from 0.05 to 1."""
    random, y = _start(n, classes, seed)
    t = random.uniform(0.05, 1.0, n)  # from 0 on, the arms would touch
    points = t[:, None] * _circle(2 * np.pi * (turns * t + y / classes))
    return _finish("spirals", points, y, classes, noise, random)


def moons(n: int = 300, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles of radius 1 that interlock: (cos t, sin t) and (1 - cos t, 1/2 - sin t)."""
    random, y = _start(n, 2, seed)
    upper = _circle(random.uniform(0.0, np.pi, n))
    return _finish("moons", np.where(y[:, None] == 0, upper, [1.0, 0.5] - upper), y, 2, noise, random)


def circles(n: int = 300, *, classes: int = 2, noise: float = 0.05, seed: int = 0) -> Dataset:
    """Rings round the origin, of radius (class + 1) / classes."""
    random, y = _start(n, classes, seed)
    points = ((y + 1) / classes)[:, None] * _circle(random.uniform(0.0, 2 * np.pi, n))
    return _finish("circles", points, y, classes, noise, random)


def blobs(n: int = 300, *, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Gaussians round centres that stand evenly on the unit circle."""
    random, y = _start(n, classes, seed)
    return _finish("blobs", _circle(2 * np.pi * y / classes), y, classes, noise, random)


def xor(n: int = 300, *, noise: float = 0.0, seed: int = 0) -> Dataset:
    """The square from -1 to 1; class 1 where exactly one coordinate is positive."""
    return _squares("xor", n, 2, 2, noise, seed)


def checkerboard(n: int = 300, *, classes: int = 2, cells: int = 4, noise: float = 0.0, seed: int = 0) -> Dataset:
    """The square from -1 to 1 cut into cells × cells; the class is (column + row) mod classes."""
    check_integer(cells, "cells", minimum=2, below=1000)
    return _squares("checkerboard", n, classes, cells, noise, seed)


TOYS: dict[str, Callable[..., Dataset]] = {
    "spirals": spirals,
    "moons": moons,
    "circles": circles,
    "blobs": blobs,
    "xor": xor,
    "checkerboard": checkerboard,
}


def _squares(name: str, n: int, classes: int, cells: int, noise: float, seed: int) -> Dataset:
    random, _ = _start(n, classes, seed)
    points = random.uniform(-1.0, 1.0, (n, 2))
    y = ((points + 1) / 2 * cells).astype(np.int64).sum(axis=1) % classes
    return _finish(name, points, y, classes, noise, random)


def _start(n: int, classes: int, seed: int) -> tuple[np.random.Generator, _Labels]:
    """The random numbers of one toy, and labels of equally large classes in random order."""
    check_integer(n, "n", minimum=1, below=1 << 31)
    check_integer(classes, "classes", minimum=2, below=1000)
    bits = np.random.Philox(check_integer(seed, "seed"))
    return np.random.Generator(bits), permutation(n, bits) % classes


def _finish(name: str, points: _Floats, y: _Labels, classes: int, noise: float, random: np.random.Generator) -> Dataset:
    if not 0 <= noise < np.inf:
        raise DataError(f"noise is {noise!r}, expected a finite standard deviation from 0.")
    x = (points + noise * random.standard_normal(points.shape)).astype(np.float32)
    return Dataset(
        name=name,
        x=x,
        y=y,
        feature_names=("x1", "x2"),
        class_names=tuple(map(str, range(classes))),
        description=f"{len(x)} points of the toy {name}, {classes} classes, noise {noise:g}",
    )


def _circle(angle: _Floats) -> _Floats:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
