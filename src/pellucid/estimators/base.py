"""What the estimators share: checked data, fits in one go and in parts, and the last hidden layer as a transformer."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.metrics import check_scoring
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from pellucid.estimators import settings
from pellucid.estimators.architecture import Ends, Networks, build
from pellucid.estimators.gradient_descent import Progress, descend
from pellucid.estimators.hooks import CallbackSupportMixin, FitHooks
from pellucid.estimators.lbfgs import minimise
from pellucid.estimators.tables import Table
from pellucid.model import Network
from pellucid.training import Callback, History

Array = NDArray[Any]
FLOATS = (np.float64, np.float32)


class NetworkEstimator(ClassNamePrefixFeaturesOutMixin, TransformerMixin, CallbackSupportMixin, BaseEstimator):
    """The base of the estimators; see `NetworkClassifier`."""

    _parameter_constraints: ClassVar[dict[str, Any]] = settings.CONSTRAINTS
    fitted_networks: ClassVar[tuple[str, ...]] = ("_networks", "network_")
    """The attributes that a moment of a fit is made of."""
    _networks: Networks
    solver: Any
    max_iter: int
    max_fun: int
    tol: float
    early_stopping: bool | str
    validation_fraction: float
    scoring: Any
    random_state: Any
    warm_start: bool

    def _store(self, given: dict[str, Any]) -> None:
        """The arguments of a constructor as attributes of their names, as scikit-learn has it."""
        for name, value in given.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    # What each kind says of itself

    def _targets(self, X: Array, y: Any, *, first: bool, classes: Any = None) -> tuple[Array, Any]:
        """What the network learns of y, and y itself as an array; the first call notes classes and outputs."""
        raise NotImplementedError

    def _ends(self, table: Table) -> Ends:
        """What stands around the hidden layers, for these rows to train on."""
        raise NotImplementedError

    def _network_loss(self) -> Any:
        """The loss, for `Network.fit`."""
        raise NotImplementedError

    def _strata(self, table: Table) -> Array | None:
        """What the rows held out have in the proportions of all."""
        return None

    def _class_weights(self, y: Any) -> Array | None:
        """A weight for each sample, from its class."""
        return None

    def _checked(self, X: Any, y: Any, *, first: bool) -> tuple[Array, Any]:
        found: tuple[Array, Any] = validate_data(self, X, y, multi_output=True, dtype=FLOATS, reset=first)
        return found

    # The two ways to fit

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any]) -> Self:
        self._validate_params()
        first = not (self.warm_start and hasattr(self, "_networks"))
        table = self._table(X, y, sample_weight, first=first)
        if first:
            self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        table, held = self._held_out(table, validation)
        table = table.balanced()
        if first:
            self._begin(table)
        with FitHooks(self, X, y, sample_weight, int(self.max_iter)) as hooks:
            solve = self._descend if settings.is_stochastic(self.solver) else self._minimise
            with threadpool_limits(1, "blas"):  # sums in NumPy and SciPy depend on how many threads share them
                solve(table, held, hooks)
        if not self.warm_start:
            self._progress.slots = {}  # as large as the network, and not needed
        return self

    def _fit_part(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        self._validate_params()
        if not settings.is_stochastic(self.solver):
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        if self.early_stopping is True:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "_networks")
        table = self._table(X, y, sample_weight, first=first, classes=classes).balanced()
        if first:
            self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            self._begin(table)
        with threadpool_limits(1, "blas"):
            history = descend(self, table.examples(self._scaled), None, progress=self._progress, epochs=1)
        self._note(history, len(table))
        return self

    def _table(self, X: Any, y: Any, sample_weight: Any, *, first: bool, classes: Any = None) -> Table:
        X, y = self._checked(X, y, first=first)
        targets, y = self._targets(X, y, first=first, classes=classes)
        given = weight = None
        if sample_weight is not None:
            given = weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        of_classes = self._class_weights(y)
        if of_classes is not None:
            weight = of_classes if given is None else of_classes * given
        if weight is not None and not weight.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return Table(X, targets, y, weight, given)

    def _held_out(self, table: Table, own: tuple[Any, Any, Any]) -> tuple[Table, Table | None]:
        """The rows to train on, and those to validate on: the user's own, or a part of the table."""
        X, y, weight = own
        if X is not None:
            if y is None and table.y is not None:
                raise ValueError("X_val came without y_val.")
            if not settings.is_stochastic(self.solver):
                raise ValueError("X_val needs a stochastic solver, such as solver='adamw'; got solver='lbfgs'.")
            return table, self._table(X, y, weight, first=False)
        if y is not None:
            raise ValueError("y_val came without X_val.")
        auto = self.early_stopping == "auto" and len(table) > settings.AUTO_STOPPING
        if not settings.is_stochastic(self.solver) or not (auto or self.early_stopping is True):
            return table, None
        return table.split(self.validation_fraction, strata=self._strata(table), seed=self._seed)

    def _begin(self, table: Table) -> None:
        """New networks, with the statistics of these rows."""
        ends = self._ends(table)
        self._target_scale = ends.targets
        dtype = settings.dtype_of(self, table.x)
        self._networks = self._build(ends, dtype)
        self.network_: Network = self._networks.used
        self._progress = Progress()
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] = []
        self.validation_scores_: list[float] = []
        self.t_ = 0
        self.out_activation_ = ends.activation
        self.n_layers_ = 1 + sum(1 for spec in self.network_.specs if spec.endswith(".kernel"))
        self._n_features_out = self._networks.hidden.output_shapes.popitem()[1][-1]

    def _build(self, ends: Ends, dtype: str) -> Networks:
        return build(self, ends, seed=self._seed, dtype=dtype)

    def _scaled(self, targets: Array) -> Array:
        """Targets in the units in which the network learns them."""
        return targets if self._target_scale is None else (targets - self._target_scale[0]) / self._target_scale[1]

    def _descend(self, table: Table, held: Table | None, hooks: FitHooks) -> None:
        history = descend(
            self,
            table.examples(self._scaled),
            None if held is None else held.balanced().examples(self._scaled),
            progress=self._progress,
            epochs=int(self.max_iter),
            hooks=hooks,
            score=None if held is None or self.scoring is None else self._score(held),
            stopping=held is not None and self.early_stopping is not False,
        )
        self._note(history, len(table))

    def _score(self, rows: Table) -> Callable[[], float]:
        """The score of these rows, by the network as it is in that moment."""
        scorer = check_scoring(self, self.scoring)
        now = copy.copy(self)
        now.__dict__.pop("feature_names_in_", None)  # the rows are an array by now
        extra = {} if rows.sample_weight is None else {"sample_weight": rows.sample_weight}
        return lambda: float(scorer(now, rows.x, rows.y, **extra))

    def _minimise(self, table: Table, held: Table | None, hooks: FitHooks) -> None:
        x, y, weight = (*table.examples(self._scaled), None)[:3]
        losses = minimise(
            self._networks.trained,
            x,
            y,
            weight,
            loss=self._network_loss(),
            max_iter=int(self.max_iter),
            max_fun=int(self.max_fun),
            tol=float(self.tol),
            hooks=hooks,
        )
        self._note(History({"loss": losses}, list(range(len(losses)))), len(table))

    def _note(self, history: History, samples: int) -> None:
        """What scikit-learn's users look for after a fit."""
        self.history_ = history
        self.n_iter_ = len(history.epoch)
        self.t_ += self.n_iter_ * samples
        curves = history.history
        self.loss_curve_ += curves.get("loss", [])
        self.validation_loss_curve_ += curves.get("val_loss", [])
        self.validation_scores_ += curves.get("validation_score", [])
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = min(self.loss_curve_)
        self.best_validation_score_ = max(self.validation_scores_, default=None)

    # What it gives, and who listens

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Listen to the fits: scikit-learn's callbacks (from 1.9 on), and Pellucid's, which become the parameter.

        Parameters
        ----------
        *callbacks : callback instances
            They take the place of those before.

        Returns
        -------
        self
        """
        self.callbacks = [callback for callback in callbacks if isinstance(callback, Callback)] or None
        super().set_callbacks(*(callback for callback in callbacks if not isinstance(callback, Callback)))
        return self

    def _outputs(self, X: Any, net: str = "used") -> Array:
        check_is_fitted(self, "_networks")
        X = validate_data(self, X, dtype=FLOATS, reset=False)
        found: Array = getattr(self._networks, net).predict(X)
        return found.astype(X.dtype, copy=False)

    def transform(self, X: Any) -> Array:
        """The activations of the last hidden layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_hidden)
        """
        return self._outputs(X, "hidden")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
