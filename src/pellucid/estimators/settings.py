"""What the parameters of an estimator mean: their ranges, and the optimizer, engine and numbers that they ask for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from pellucid.functions.activations import Activation, activation
from pellucid.functions.learning import optimizers
from pellucid.functions.learning.losses import Loss, loss
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.schedules import CosineDecay, Schedule
from pellucid.training import Callback

CONSTRAINTS: dict[str, Any] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [str, Mapping, callable, list, tuple],
    "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple],
    "network": [callable, list, tuple, None],
    "loss": [str, Mapping, Loss],
    "standardize": ["boolean"],
    "solver": [StrOptions({*optimizers.OPTIMIZERS, "lbfgs"}), Optimizer],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "cosine", "adaptive"}), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "scoring": [str, callable, None],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "warm_start": ["boolean"],
    "callbacks": [Callback, list, tuple, None],
    "dtype": [StrOptions({"auto", "float32", "float64"})],
    "engine": [str],
    "verbose": ["verbose"],
}
"""The ranges of the parameters that all estimators have, in scikit-learn's form."""

MLP_ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid"}
"""What MLPClassifier calls an activation, and its name here."""
AUTO_STOPPING = 10_000
"""From how many samples on early_stopping="auto" holds some of them out (HistGradientBoosting's number)."""
DOUBLE_SAMPLES = 200
"""Up to how many samples dtype="auto" is float64: there the time does not tell, and sums agree to the last digits."""
NUMPY, NATIVE = "reference", "llvm"
NATIVE_WORK = 2e9
"""From how many multiply-adds on native code is worth its compilation (measured on AMD Zen 4: about a second each)."""


def is_of_classes(name: Any) -> bool:
    """Whether a loss reads class numbers; the others read a column for each class."""
    return name == "log_loss" or loss(name).reads != "values"


def is_stochastic(solver: str | Optimizer) -> bool:
    return solver != "lbfgs"


def optimizer_of(estimator: Any) -> Optimizer:
    """The optimizer of a stochastic solver, with its first learning rate."""
    solver = estimator.solver
    if isinstance(solver, Optimizer):
        return solver
    rate = float(estimator.learning_rate_init)
    match solver:
        case "adamw":
            return optimizers.AdamW(learning_rate=rate, weight_decay=float(estimator.alpha))
        case "sgd":
            return optimizers.SGD(learning_rate=rate, momentum=0.9, nesterov=True)
    return optimizers.optimizer(solver, learning_rate=rate)


def schedule_of(estimator: Any, rule: Optimizer, steps: int) -> Schedule | None:
    """The learning rate as a function of the steps of a fit that takes so many; None where it stays."""
    if isinstance(estimator.solver, Optimizer):
        return rule.schedule
    rate = float(estimator.learning_rate_init)
    if callable(estimator.learning_rate):
        factor = estimator.learning_rate
        return lambda step: rate * factor(step / steps)
    return CosineDecay(rate, max(steps, 1)) if estimator.learning_rate == "cosine" else None


def penalty_of(estimator: Any, samples: float) -> dict[str, float] | None:
    """The penalty on kernels, beside the mean loss of so many samples; AdamW shrinks them instead."""
    if not estimator.alpha or estimator.solver == "adamw" or isinstance(estimator.solver, Optimizer):
        return None
    return {"l2": float(estimator.alpha) / 2 / samples}


def batch_size_of(batch_size: int | Literal["auto"], samples: int) -> int:
    if batch_size != "auto":
        return min(int(batch_size), samples)
    return min(samples, int(np.clip(2 ** round(math.log2(samples / 6)), 32, 128)))


def dtype_of(estimator: Any, x: NDArray[Any]) -> str:
    """float64 for L-BFGS, for little data, and for columns whose changes float32 would round away."""
    if estimator.dtype != "auto":
        return str(estimator.dtype)
    if not is_stochastic(estimator.solver) or len(x) <= DOUBLE_SAMPLES:
        return "float64"
    spread = np.ptp(x, axis=0)
    offset = np.abs(x[0]) > 1e4 * np.where(spread > 0, spread, np.inf)
    return "float64" if offset.any() else "float32"


def engine_of(estimator: Any, samples: float, parameters: int) -> str:
    """NumPy for little work, where compiling would take longer than the training; else native code.

    It follows from shapes alone, so that two fits of the same data have the same bits.
    """
    if estimator.engine != "auto":
        return str(estimator.engine)
    return NATIVE if samples * parameters * estimator.max_iter > NATIVE_WORK else NUMPY


def each_layer(value: Any, count: int, what: str) -> list[Any]:
    """A value for each hidden layer, from one for all or a sequence.

    Raises:
        ValueError: a sequence of another length.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [value] * count
    if len(value) != count:
        raise ValueError(f"{what} has {len(value)} values, expected one for each of the {count} hidden layers.")
    return list(value)


def activation_of(name: Any) -> Activation[...]:
    return activation(MLP_ACTIVATIONS.get(name, name) if isinstance(name, str) else name)


def sizes_of(hidden_layer_sizes: Any) -> list[int]:
    """The widths of the hidden layers.

    Raises:
        ValueError: a width that is no integer of at least 1.
    """
    sizes = list(hidden_layer_sizes) if np.ndim(hidden_layer_sizes) else [hidden_layer_sizes]
    if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]
