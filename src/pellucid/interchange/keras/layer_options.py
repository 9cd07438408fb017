"""The options of a Keras layer as ours: names, sizes, activations, initial values, penalties."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pellucid.errors import ModelFileError, PellucidError
from pellucid.functions.activations import ACTIVATIONS, ActivationLike
from pellucid.functions.initialization.initial_values import INITIALS
from pellucid.functions.learning.penalties import Penalty

_OF_TRAINING = (
    "kernel_constraint",
    "recurrent_constraint",
    "bias_constraint",
    "bias_regularizer",
    "activity_regularizer",
    "depthwise_constraint",
    "pointwise_constraint",
    "embeddings_constraint",
    "gamma_regularizer",
    "beta_regularizer",
    "gamma_constraint",
    "beta_constraint",
    "alpha_constraint",
)
_ACTIVATIONS = {"swish": "silu", "leaky_re_lu": "leaky_relu", "re_lu": "relu"}


class UnsupportedError(PellucidError):
    """A model has what Pellucid cannot express."""


@dataclass
class Options:
    """The options of a layer in a file, each looked at before it is used."""

    name: str
    kind: str
    values: Mapping[str, Any]
    input_shape: tuple[int | None, ...] | None = None
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for option in _OF_TRAINING:
            if self.values.get(option) is not None:
                self.differs(option)
        if self.kind != "Dropout" and self.values.get("dropout"):
            self.differs("dropout")

    def differs(self, option: str) -> None:
        """Warn that training differs from Keras's."""
        warnings.warn(
            f'the layer "{self.name}" ({self.kind}) has {option}, which Pellucid does not have: '
            "outputs are the same, training is not",
            UserWarning,
            stacklevel=2,
        )

    def get(self, option: str, default: Any = None) -> Any:
        return self.values.get(option, default)

    def fixed(self, option: str, *expected: Any) -> None:
        """Refuse a value of an option other than those that Pellucid has."""
        value = self.values.get(option, expected[0])
        if value not in expected:
            raise self.wrong(option, " or ".join(map(repr, dict.fromkeys(expected))))

    def wrong(self, option: str, expected: str) -> PellucidError:
        got = repr(self.values.get(option))[:60]
        return UnsupportedError(
            f'the layer "{self.name}" ({self.kind}) has {option}={got}, which Pellucid does not have: '
            f"expected {expected}"
        )

    def required(self, option: str) -> Any:
        if option not in self.values:
            raise ModelFileError(f'the layer "{self.name}" ({self.kind}) has no {option}')
        return self.values[option]

    def last_axis(self, option: str = "axis") -> None:
        """Refuse another axis than the last one."""
        value = self.values.get(option, -1)
        axes = value if isinstance(value, list) else [value]
        last = len(self.input_shape) - 1 if self.input_shape else -1
        if len(axes) != 1 or axes[0] not in (-1, last):
            raise self.wrong(option, "-1, the last axis")

    def activation(self, option: str = "activation") -> ActivationLike:
        return activation_of(self, self.values.get(option), option)

    def initial(self, option: str) -> dict[str, Any]:
        """The initial values, as an argument; ours by default where Keras's are unknown, since they are replaced."""
        value = self.values.get(option)
        kind = value.get("class_name") if isinstance(value, Mapping) else value
        name = snake(str(kind))
        return {option: name} if name in INITIALS else {}

    def penalty(self, option: str) -> Penalty | None:
        """A penalty of a kernel."""
        value = self.values.get(option)
        if value is None:
            return None
        config = value.get("config") if isinstance(value, Mapping) else None
        kind = value.get("class_name") if isinstance(value, Mapping) else value
        if isinstance(config, Mapping) and kind in ("L1", "L2", "L1L2"):
            return Penalty(**{k: v for k, v in config.items() if k in ("l1", "l2")})
        raise self.wrong(option, "L1, L2 or L1L2")

    def kernel(self) -> dict[str, Any]:
        """What layers with one kernel and a bias share."""
        return {
            "use_bias": self.get("use_bias", True),
            **self.initial("kernel_initializer"),
            **self.initial("bias_initializer"),
            "kernel_regularizer": self.penalty("kernel_regularizer"),
        }

    def sizes(self, option: str) -> Any:
        value = self.required(option)
        return tuple(value) if isinstance(value, list) else value

    def window(self) -> dict[str, Any]:
        """What windows share; causal padding is one of zeros before the first step."""
        self.fixed("data_format", "channels_last", None)
        return {"strides": self.sizes("strides"), "padding": self.get("padding", "valid")}


def activation_of(options: Options, value: Any, option: str) -> ActivationLike:
    """An activation by name, or a layer such as LeakyReLU that stands for one."""
    config: Mapping[str, Any] = {}
    if isinstance(value, Mapping):
        kind = value.get("class_name")
        inner = value.get("config")
        if kind == "function" or value.get("registered_name") == inner:
            value = inner
        else:
            value = kind
            config = inner if isinstance(inner, Mapping) else {}
    if value is None:
        return "linear"
    name = snake(str(value))
    name = _ACTIVATIONS.get(name, name)
    if name == "leaky_relu":
        return {"name": name, "slope": config.get("negative_slope", 0.2 if not config else 0.3)}
    if name == "elu":
        return {"name": name, "alpha": config.get("alpha", 1.0)}
    if name == "relu" and (
        config.get("max_value") is not None or config.get("negative_slope") or config.get("threshold")
    ):
        raise options.wrong(option, "ReLU without max_value, negative_slope and threshold")
    if name == "gelu":
        return {"name": name, "approximate": "tanh"} if config.get("approximate") else name
    if name not in ACTIVATIONS:
        raise options.wrong(option, f"one of {', '.join(ACTIVATIONS)}")
    return name


def snake(name: str) -> str:
    """Keras's name of a class, as it names layers: Conv2D is conv2d, GlorotUniform glorot_uniform."""
    text = re.sub(r"\W+", "", name)
    text = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", text).lower()
