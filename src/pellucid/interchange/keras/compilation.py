"""What Keras's `compile` was told, as arguments of `fit`, and the other way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pellucid.errors import PellucidError
from pellucid.functions.learning.losses import loss as loss_of
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.interchange.keras.layer_options import snake
from pellucid.training.metrics import metric as metric_of

_SETTINGS = {
    "sgd": ("learning_rate", "momentum", "nesterov"),
    "rmsprop": ("learning_rate", "rho", "epsilon"),
    "adam": ("learning_rate", "beta_1", "beta_2", "epsilon"),
    "adamw": ("learning_rate", "beta_1", "beta_2", "epsilon", "weight_decay"),
    "adagrad": ("learning_rate", "initial_accumulator_value", "epsilon"),
    "lion": ("learning_rate", "beta_1", "beta_2"),
}
_METRICS = {"acc": "accuracy", "sparse_categorical_accuracy": "accuracy", "categorical_accuracy": "accuracy"}
_METRICS |= {"binary_accuracy": "accuracy", "mean_absolute_error": "mae", "mean_squared_error": "mse"}


def read_compilation(config: Any) -> dict[str, Any]:
    """`{"fit": {"optimizer": …, "loss": …, "metrics": …}}` of what is known of it; nothing where there is none.

    What Pellucid does not have is left out, since the network can be used without it.
    """
    if not isinstance(config, Mapping):
        return {}
    found = {"optimizer": _optimizer(config.get("optimizer")), "loss": _loss(config.get("loss"))}
    metrics = [m for m in map(_metric, _listed(config.get("metrics"))) if m]
    found["metrics"] = list(dict.fromkeys(metrics)) or None
    known = {key: value for key, value in found.items() if value is not None}
    return {"fit": known} if known else {}


def _named(given: Any) -> tuple[str, Mapping[str, Any]]:
    """The name and the options of a loss, a metric or an optimizer."""
    if isinstance(given, str):
        return snake(given), {}
    if isinstance(given, Mapping):
        inner = given.get("config")
        return snake(str(inner if isinstance(inner, str) else given.get("class_name"))), (
            inner if isinstance(inner, Mapping) else {}
        )
    return "", {}


def _optimizer(given: Any) -> dict[str, Any] | None:
    name, config = _named(given)
    name = {"adam_w": "adamw", "rms_prop": "rmsprop", "rmsprop": "rmsprop"}.get(name, name)
    settings = {k: config[k] for k in _SETTINGS.get(name, ()) if isinstance(config.get(k), int | float)}
    try:
        return {"name": name, **settings} if optimizer_of(name, **settings) and name in _SETTINGS else None
    except (PellucidError, TypeError, ValueError):
        return None


def _loss(given: Any) -> Any:
    name, config = _named(given)
    options = {}
    if config.get("from_logits"):  # here the network ends in its softmax
        return None
    if isinstance(config.get("label_smoothing"), int | float) and config["label_smoothing"]:
        options["label_smoothing"] = config["label_smoothing"]
    if name == "huber" and isinstance(config.get("delta"), int | float):
        options["delta"] = config["delta"]
    try:
        loss_of(name, **options)
    except (PellucidError, TypeError, ValueError):
        return None
    return {"name": name, **options} if options else name


def _metric(given: Any) -> str | None:
    name, _ = _named(given)
    name = _METRICS.get(name, name)
    try:
        metric_of(name)
    except PellucidError:
        return None
    return name


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) and len(given) < 100 else []
