"""Forecasts that a network has to beat, and the judgement whether it does.

Both baselines forecast changes: x (n, window, columns) are past changes, y (n, columns) is the change to come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import as_array, check_integer
from ..errors import DataError

Floats = NDArray[np.float64]


class Persistence:
    """Tomorrow is as today: ŷ = 0. Of a random walk no forecast has a smaller squared error."""

    def fit(self, x: ArrayLike, y: ArrayLike) -> Persistence:
        self.columns = as_array(y, what="y").shape[-1]
        return self

    def predict(self, x: ArrayLike) -> Floats:
        return np.zeros((len(as_array(x)), self.columns))


class Autoregression:
    """A linear autoregression by least squares: ŷ[n,o] = b[o] + Σ[t,i] x[n,t,i]·w[t,i,o].

    Where there are fewer examples than coefficients, the smallest coefficients that fit are taken.
    """

    def fit(self, x: ArrayLike, y: ArrayLike) -> Autoregression:
        design, target = self._design(x), as_array(y, what="y", dtype=np.float64)
        if len(design) != len(target):
            raise DataError(f"expected as many windows as targets, got {len(design)} and {len(target)}.")
        self.coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
        return self

    def predict(self, x: ArrayLike) -> Floats:
        return np.asarray(self._design(x) @ self.coefficients)

    @staticmethod
    def _design(x: ArrayLike) -> Floats:
        array = as_array(x, dtype=np.float64)
        rows = array.reshape(len(array), -1)
        return np.concatenate([np.ones((len(rows), 1)), rows], axis=1)


@dataclass(frozen=True)
class Comparison:
    """Whether the errors of one forecast are smaller than those of another on the same days.

    ``difference`` is the mean of |first| − |second|, negative where the first is better; ``error`` its standard error.
    """

    difference: float
    error: float

    @property
    def verdict(self) -> int:
        """-1: the first is better; 1: the second is; 0: the difference may be chance (within two standard errors)."""
        return 0 if abs(self.difference) <= 2 * self.error else int(math.copysign(1, self.difference))


def compare(first: ArrayLike, second: ArrayLike, *, horizon: int = 1) -> Comparison:
    """Compare the errors (n,) of two forecasts of the same values, in order of time.

    Forecasts more than one step ahead overlap, so their errors are correlated up to lag ``horizon`` − 1. The standard
    error counts that in, with weights 1 − lag/horizon, which keep it from becoming negative.

    Source: F. X. Diebold and R. S. Mariano, "Comparing predictive accuracy", 1995; W. K. Newey and K. D. West, 1987.
    """
    one, two = (np.abs(as_array(e, what="errors", dtype=np.float64)) for e in (first, second))
    horizon = check_integer(horizon, "horizon", minimum=1)
    if one.ndim != 1 or one.shape != two.shape or len(one) < 2:
        raise DataError(f"expected errors of two equal shapes (n,) with n from 2, got {one.shape} and {two.shape}.")
    d = one - two
    centred = d - d.mean()
    n = len(d)
    variance = float(centred @ centred) / n
    for lag in range(1, min(horizon, n)):
        variance += 2 * (1 - lag / horizon) * float(centred[lag:] @ centred[:-lag]) / n
    return Comparison(float(d.mean()), math.sqrt(max(variance, 0.0) / (n - 1)))


def verdict(errors: Mapping[str, ArrayLike], name: str, *, horizon: int = 1) -> str:
    """One sentence on whether the forecast ``name`` beats the others, by its errors (n,).

    Args:
        errors: forecast − truth by the name of the forecast, on the same days in order of time.
    """
    sizes = {key: float(np.abs(np.asarray(e)).mean()) for key, e in errors.items()}
    words = {-1: "beats", 0: "cannot be told apart from", 1: "is beaten by"}
    groups: dict[int, list[str]] = {}
    for other in errors:
        if other != name:
            groups.setdefault(compare(errors[name], errors[other], horizon=horizon).verdict, []).append(other)
    parts = [f"{words[sign]} {' and '.join(groups[sign])}" for sign in (-1, 0, 1) if sign in groups]
    best = min(sizes, key=lambda key: sizes[key])
    lead = f"; the smallest mean error is that of {best}" if best != name or -1 not in groups else ""
    return f"Verdict: {name} {' and '.join(parts)}{lead}."
