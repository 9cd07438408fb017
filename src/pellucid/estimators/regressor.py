"""NetworkRegressor: one number, or several."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data

from pellucid.estimators import scaling, settings
from pellucid.estimators.architecture import Ends
from pellucid.estimators.base import FLOATS, NetworkEstimator
from pellucid.estimators.hooks import with_callbacks
from pellucid.estimators.tables import Table
from pellucid.functions.learning.losses import loss

Array = NDArray[Any]


class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A neural network that gives a number, or several.

    Parameters
    ----------
    loss : str or dict, default="squared_error"
        What is minimised, by name: "squared_error", "absolute_error", "huber", "log_cosh", "quantile", or "poisson" for
        counts. An option in a dict: {"name": "huber", "delta": 0.5}. All but "poisson" read errors in units of the
        target's standard deviation, unless `standardize` is False.
    quantile : float, default=0.5
        The quantile that loss="quantile" looks for.
    standardize : bool, default=True
        Whether each column is brought to mean 0 and standard deviation 1 by the network's first layer, and the targets
        back from there by its last.
    hidden_layer_sizes, activation, dropout, network, solver, alpha, batch_size, learning_rate, learning_rate_init, \
clip_norm, max_iter, max_fun, tol, n_iter_no_change, early_stopping, validation_fraction, scoring, shuffle, \
random_state, warm_start, callbacks, dtype, engine, verbose
        As in NetworkClassifier.

    Attributes
    ----------
    network_ : pl.Network
        The trained network, from a row of the table to the targets in their own units.

    The other attributes are NetworkClassifier's, without `classes_`.

    See Also
    --------
    NetworkClassifier, AutoencoderTransformer

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from pellucid.estimators import NetworkRegressor
    >>> X, y = make_friedman1(500, random_state=0)
    >>> NetworkRegressor(random_state=0).fit(X, y).score(X, y) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **settings.CONSTRAINTS,
        "quantile": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (64, 64),
        activation: Any = "silu",
        *,
        dropout: Any = 0.0,
        network: Any = None,
        loss: Any = "squared_error",
        quantile: float = 0.5,
        standardize: bool = True,
        solver: Any = "adamw",
        alpha: float = 1.0,
        batch_size: Any = "auto",
        learning_rate: Any = "cosine",
        learning_rate_init: float = 0.01,
        clip_norm: float | None = None,
        max_iter: int = 60,
        max_fun: int = 15000,
        tol: float = 1e-4,
        n_iter_no_change: int = 20,
        early_stopping: Any = "auto",
        validation_fraction: float = 0.1,
        scoring: Any = None,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        callbacks: Any = None,
        dtype: str = "auto",
        engine: str = "auto",
        verbose: Any = False,
    ) -> None:
        self._store(locals())

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Train on a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts.
        X_val, y_val, sample_weight_val : array-like, default=None
            A validation set of your own.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            Parameters or data that do not fit. Its child `pl.NonFiniteError`: a value of the network stopped being
            finite; the message says which and why.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train for one epoch on these samples, from where the last call ended.

        Columns and targets are standardised by the samples of the first call; the learning rate stays.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self
        """
        return self._fit_part(X, y, sample_weight)

    def predict(self, X: Any) -> Array:
        """The targets of each sample, shape (n_samples,) or (n_samples, n_outputs)."""
        found = self._outputs(X)
        return found[:, 0] if self._flat else found

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Array, Any]:
        found: tuple[Array, Any] = validate_data(
            self, X, y, multi_output=True, y_numeric=True, dtype=FLOATS, reset=first
        )
        return found

    def _targets(self, X: Array, y: Any, *, first: bool, classes: Any = None) -> tuple[Array, Any]:
        rows = y.reshape(len(y), -1).astype(np.float64)
        if first:
            self._flat = y.ndim == 1
            self.n_outputs_ = rows.shape[1]
        elif rows.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {rows.shape[1]} columns, expected {self.n_outputs_} as in the fit before.")
        if self._poisson and not (rows.min() >= 0 and rows.sum() > 0):
            raise ValueError(f"Some value(s) of y are out of the valid range of the loss {self.loss!r}.")
        return rows, y

    @property
    def _poisson(self) -> bool:
        return bool(loss(self.loss).name == "poisson")

    def _ends(self, table: Table) -> Ends:
        inputs = targets = None
        if self.standardize:
            inputs = scaling.statistics(table.x, table.weight)
            mean, deviation = scaling.statistics(table.targets, table.weight)
            # counts stay 0 or more: in units of their mean
            targets = (np.zeros_like(mean), np.where(mean > 0, mean, 1.0)) if self._poisson else (mean, deviation)
        return Ends(
            samples=table.total,
            features=table.x.shape[1],
            outputs=self.n_outputs_,
            activation="softplus" if self._poisson else "linear",
            inputs=inputs,
            targets=targets,
        )

    def _network_loss(self) -> Any:
        found = loss(self.loss)
        return found.with_options(quantile=self.quantile) if found.name == "quantile" and not found.options else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
