"""NetworkClassifier: classes, or several labels at once."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets, type_of_target

from pellucid.estimators import scaling, settings
from pellucid.estimators.architecture import Ends
from pellucid.estimators.base import NetworkEstimator
from pellucid.estimators.hooks import with_callbacks
from pellucid.estimators.tables import Table

Array = NDArray[Any]


class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A neural network that tells classes, or several labels at once.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        The number of units of each hidden layer.
    activation : str, dict, function or a list of them, default="silu"
        The activation of the hidden layers, or of each of them; any of Pellucid's, and MLPClassifier's "logistic" and
        "identity".
    dropout : float or list of float, default=0.0
        The probability with which a hidden unit is left out of a step, or that of each hidden layer.
    network : list of layers or function, default=None
        Hidden layers of your own. A function is called with those of `n_features`, `n_outputs` and `seed` that it
        names, and gives a list of layers, or a whole `pl.Network` with its output layer.
    loss : str or dict, default="log_loss"
        What is minimised, by name, such as "log_loss" or "squared_error" (Brier's score).
    standardize : bool, default=True
        Whether the network begins with a layer that brings each column to mean 0 and standard deviation 1.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, as in scikit-learn.
    solver : {"adamw", "adam", "sgd", "rmsprop", "lbfgs"} or optimizer, default="adamw"
        How the loss is minimised. An optimizer, as `pl.Adam(1e-3)`, has a learning rate of its own. "lbfgs" suits small
        data.
    alpha : float, default=1.0
        The strength of the weight decay. With "adamw", weights shrink by the learning rate times alpha in every step;
        with the others, alpha/2 times the sum of the squared weights is added to the sum of the samples' losses.
    batch_size : int or "auto", default="auto"
        How many samples a step takes. "auto" is between 32 and 128, a power of 2 near a sixth of the samples.
    learning_rate : {"constant", "cosine", "adaptive"} or function, default="cosine"
        "cosine" falls from `learning_rate_init` to 0 over `max_iter` epochs; "adaptive" is a fifth of itself where the
        loss no longer falls; a function gives a factor of `learning_rate_init` for the part of the fit, from 0 to 1,
        that is over.
    learning_rate_init : float, default=0.01
        The learning rate at the beginning.
    clip_norm : float, default=None
        The longest that the gradient of a step may be; longer ones are shortened.
    max_iter : int, default=60
        The number of epochs, or of iterations of L-BFGS.
    max_fun : int, default=15000
        How often L-BFGS may compute the loss.
    tol : float, default=1e-4
        By how much an epoch has to be better to count; for L-BFGS, the largest element of the gradient at its end.
    n_iter_no_change : int, default=20
        How many epochs in a row may be no better, with early stopping or a learning rate that does not end by itself.
    early_stopping : bool or "auto", default="auto"
        Whether to stop where the validation becomes no better, and to take the weights of the best epoch. "auto" does
        so where a validation set is given, or from 10,000 samples on.
    validation_fraction : float, default=0.1
        The fraction of the samples that early stopping holds out, unless a validation set is given.
    scoring : str, callable or None, default=None
        The score that early stopping watches; None is the loss.
    shuffle : bool, default=True
        Whether every epoch has its own order.
    random_state : int, RandomState instance or None, default=None
        Draws the initial weights, orders, dropout and the samples held out. An int gives the same bits in every fit.
    warm_start : bool, default=False
        Whether `fit` continues from the last one: its weights, the optimizer's state and the statistics of the columns.
    callbacks : callback or list of callbacks, default=None
        Pellucid's callbacks, such as `pl.ReduceLROnPlateau`. Those of scikit-learn are set by `set_callbacks`.
    dtype : {"auto", "float32", "float64"}, default="auto"
        In which numbers it computes: "auto" is float64 for L-BFGS, for at most 200 samples, and for columns that
        float32 would round away; else float32.
    engine : str, default="auto"
        "reference" (NumPy), "llvm" (native code, compiled once for each shape), or "auto", native code for much work.
    verbose : bool or int, default=False
        1 shows a bar for each epoch, 2 a line.

    Attributes
    ----------
    network_ : pl.Network
        The trained network, from a row of the table to probabilities; `explain`, `save`, `lab` and all else is there.
    classes_ : ndarray of shape (n_classes,)
    n_features_in_, feature_names_in_ : int, ndarray
    n_iter_, t_ : int
        Epochs of the last fit; samples seen in all fits.
    loss_curve_, validation_loss_curve_, validation_scores_ : list of float
        An element an epoch; the last two are empty without a validation set, or without `scoring`.
    loss_, best_loss_, best_validation_score_ : float
    history_ : pl.History
        All values of the last fit, by name.
    n_layers_, n_outputs_, out_activation_ : int, int, str

    See Also
    --------
    NetworkRegressor, AutoencoderTransformer

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from pellucid.estimators import NetworkClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> NetworkClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **settings.CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (64, 64),
        activation: Any = "silu",
        *,
        dropout: Any = 0.0,
        network: Any = None,
        loss: Any = "log_loss",
        standardize: bool = True,
        class_weight: Any = None,
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
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes of any kind, or a column of 0 and 1 for each label.
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

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch on these samples, from where the last call ended.

        The columns are standardised by the samples of the first call; the learning rate stays.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
        classes : array-like of shape (n_classes,), default=None
            All classes that will come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self
        """
        _check_partial_fit_first_call(self, classes)
        return self._fit_part(X, y, sample_weight, self.classes_)

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, shape (n_samples, n_classes), or of each label."""
        outputs = self._outputs(X)
        if self._multilabel:
            return outputs
        if outputs.shape[1] == 1:
            return np.hstack([1 - outputs, outputs])
        sums: Array = outputs.sum(axis=1, keepdims=True)
        return outputs / sums

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`, −∞ where it is 0."""
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def predict(self, X: Any) -> Array:
        """The likeliest class of each sample, shape (n_samples,), or 0 and 1 for each label."""
        found = self.predict_proba(X)
        if self._multilabel:
            return (found > 0.5).astype(int)
        return np.asarray(self.classes_[found.argmax(axis=1)])

    def _targets(self, X: Array, y: Any, *, first: bool, classes: Any = None) -> tuple[Array, Any]:
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError(
                "Multiclass-multioutput targets are not supported, expected a column of 0 and 1 for each label."
            )
        multilabel = kind == "multilabel-indicator"
        y = np.asarray(y.toarray() if issparse(y) else y) if multilabel else column_or_1d(y, warn=True)
        if first:
            self._multilabel = multilabel
            self.classes_ = np.unique(classes) if classes is not None else _classes(y)
            if len(self.classes_) < 2 and not multilabel:
                raise ValueError(f"The number of classes has to be greater than one; got {len(self.classes_)} class")
            self.n_outputs_ = 1 if len(self.classes_) == 2 and not multilabel else len(self.classes_)
        new = np.setdiff1d(_classes(y), self.classes_)
        if multilabel != self._multilabel or len(new):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {_classes(y)}."
            )
        if multilabel:
            return y.astype(np.float64), y
        numbers = np.searchsorted(self.classes_, y)
        kept = settings.is_of_classes(self.loss) or self.n_outputs_ == 1
        return numbers if kept else np.eye(self.n_outputs_)[numbers], y

    def _ends(self, table: Table) -> Ends:
        return Ends(
            samples=table.total,
            features=table.x.shape[1],
            outputs=self.n_outputs_,
            activation="sigmoid" if self._multilabel or self.n_outputs_ == 1 else "softmax",
            inputs=scaling.statistics(table.x, table.weight) if self.standardize else None,
        )

    def _class_weights(self, y: Any) -> Array | None:
        return None if self.class_weight is None else np.asarray(compute_sample_weight(self.class_weight, y))

    def _strata(self, table: Table) -> Array | None:
        return None if self._multilabel else np.asarray(table.y)

    def _network_loss(self) -> Any:
        return None if self.loss == "log_loss" else self.loss

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _classes(y: Array) -> Array:
    """The classes that occur; of labels, the numbers of their columns."""
    return np.arange(y.shape[1]) if y.ndim > 1 else np.unique(y)
