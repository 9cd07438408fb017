"""AutoencoderTransformer: a table in few numbers, and back."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from pellucid.estimators import scaling, settings
from pellucid.estimators.architecture import Ends, Networks, build_autoencoder
from pellucid.estimators.base import FLOATS, NetworkEstimator
from pellucid.estimators.hooks import with_callbacks
from pellucid.estimators.tables import Table
from pellucid.model import Network

Array = NDArray[Any]


class AutoencoderTransformer(NetworkEstimator):
    """A network that brings each row through a few numbers, its code, and back: PCA without the straight lines.

    Parameters
    ----------
    n_components : int, default=2
        The size of the code.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        The hidden layers before the code; after it they come in the opposite order.
    code_activation : str, dict or function, default="linear"
        The activation of the code.
    dropout : float, default=0.0
        The probability with which an input is 0 in a step: a denoising autoencoder.
    loss : str or dict, default="squared_error"
        What is minimised, by name, as in NetworkRegressor; columns in units of their standard deviation.
    alpha : float, default=0.0
        As in NetworkClassifier.
    standardize, activation, solver, batch_size, learning_rate, learning_rate_init, clip_norm, max_iter, max_fun, tol, \
n_iter_no_change, early_stopping, validation_fraction, scoring, shuffle, random_state, warm_start, callbacks, dtype, \
engine, verbose
        As in NetworkClassifier.

    Attributes
    ----------
    network_ : pl.Network
        The trained network, from a row to its reconstruction in its own units.
    encoder_, decoder_ : pl.Network
        Its two halves, from a row to its code and from a code to a row.

    The other attributes are NetworkClassifier's, without `classes_`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from pellucid.estimators import AutoencoderTransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> AutoencoderTransformer(2, random_state=0).fit_transform(X).shape
    (150, 2)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **{name: limits for name, limits in settings.CONSTRAINTS.items() if name != "network"},
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "code_activation": settings.CONSTRAINTS["activation"][:3],
    }

    fitted_networks = (*NetworkEstimator.fitted_networks, "encoder_", "decoder_")

    def __init__(
        self,
        n_components: int = 2,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "silu",
        *,
        code_activation: Any = "linear",
        dropout: float = 0.0,
        loss: Any = "squared_error",
        standardize: bool = True,
        solver: Any = "adamw",
        alpha: float = 0.0,
        batch_size: Any = "auto",
        learning_rate: Any = "cosine",
        learning_rate_init: float = 0.01,
        clip_norm: float | None = None,
        max_iter: int = 100,
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
        self, X: Any, y: Any = None, sample_weight: Any = None, *, X_val: Any = None, sample_weight_val: Any = None
    ) -> Self:
        """Train on a table.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), default=None
            How often each sample counts.
        X_val, sample_weight_val : array-like, default=None
            A validation set of your own.

        Returns
        -------
        self
        """
        return self._fit(X, None, sample_weight, (X_val, None, sample_weight_val))

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on these samples, from where the last call ended; see `NetworkRegressor.partial_fit`."""
        return self._fit_part(X, None, sample_weight)

    def transform(self, X: Any) -> Array:
        """The codes of the rows, shape (n_samples, n_components)."""
        return self._outputs(X, "hidden")

    def inverse_transform(self, X: Any) -> Array:
        """The rows that codes stand for, shape (n_samples, n_features).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
        """
        check_is_fitted(self, "_networks")
        X = check_array(X, dtype=FLOATS)
        if X.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {X.shape[1]} columns, but the code of this autoencoder has {self._n_features_out}."
            )
        return np.asarray(self.decoder_.predict(X)).astype(X.dtype, copy=False)

    def score_samples(self, X: Any) -> Array:
        """Minus the mean squared error of each row's reconstruction, in units of the columns' deviations: low for what
        the autoencoder has not seen.
        """
        reconstructed = self._outputs(X)
        errors = self._scaled(reconstructed) - self._scaled(
            np.asarray(validate_data(self, X, dtype=FLOATS, reset=False))
        )
        return np.asarray(-np.square(errors).mean(axis=1))

    def score(self, X: Any, y: Any = None) -> float:
        """The fraction of the variance (of the columns, scaled) that the reconstructions keep; at most 1."""
        table = self._scaled(np.asarray(validate_data(self, X, dtype=FLOATS, reset=False)))
        variance = np.square(table - table.mean(axis=0)).mean()
        return float(1 + self.score_samples(X).mean() / variance) if variance else 0.0

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Array, Any]:
        return validate_data(self, X, dtype=FLOATS, reset=first), None

    def _targets(self, X: Array, y: Any, *, first: bool, classes: Any = None) -> tuple[Array, Any]:
        return X.astype(np.float64), None

    def _ends(self, table: Table) -> Ends:
        found = scaling.statistics(table.x, table.weight) if self.standardize else None
        features = table.x.shape[1]
        return Ends(
            samples=table.total,
            features=features,
            outputs=features,
            activation="linear",
            inputs=found,
            targets=found,
        )

    def _build(self, ends: Ends, dtype: str) -> Networks:
        networks, self.decoder_ = build_autoencoder(self, ends, seed=self._seed, dtype=dtype)
        self.encoder_: Network = networks.hidden
        self.n_outputs_ = ends.outputs
        return networks

    def _network_loss(self) -> Any:
        return self.loss
