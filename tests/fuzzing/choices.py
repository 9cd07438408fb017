"""What is drawn for each layer, option and optimiser.

`OPTIONS` has an entry for every layer and every option of it; a test says which are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
from tests.fuzzing.cases import Call, Shape

from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.forward.recurrence import SCALARS
from pellucid.functions.initialization.initial_values import INITIALS
from pellucid.layers.base import Layer

UNITS = (1, 2, 3, 4, 5, 8, 11, 15, 16, 17, 20, 31, 32, 33, 40)
LARGE_UNITS = (64, 100, 130, 257, 520)


class Draw:
    """Random choices."""

    def __init__(self, seed: int, attempt: int = 0) -> None:
        self.rng = np.random.default_rng([seed, attempt])
        self.large = False

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, choices: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
        p = None if weights is None else np.array(weights) / sum(weights)
        return choices[int(self.rng.choice(len(choices), p=p))]

    def between(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def units(self) -> int:
        return int(self.pick(LARGE_UNITS if self.large and self.chance(0.4) else UNITS))


def activation(d: Draw, shape: Shape) -> Any:
    name = d.pick([n for n in BUILT_IN if n != "step" or d.chance(0.1)])
    match name:
        case "leaky_relu" if d.chance(0.5):
            return {"name": name, "slope": d.pick([0.0, 0.1, 1.5])}
        case "elu" if d.chance(0.5):
            return {"name": name, "alpha": d.pick([0.5, 2.0])}
        case "gelu" if d.chance(0.5):
            return {"name": name, "approximate": "tanh"}
    return name


BUILT_IN = tuple(n for n, a in ACTIVATIONS.items() if a.function.__module__.startswith("pellucid."))


def gate(d: Draw, shape: Shape) -> str:
    return str(d.pick(list(SCALARS)))


def kernel(d: Draw, shape: Shape) -> Any:
    name = d.pick([n for n in INITIALS if n not in ("zeros", "ones", "forget_ones") or d.chance(0.05)])
    return {"name": "normal", "deviation": 0.3} if name == "normal" and d.chance(0.5) else name


def bias(d: Draw, shape: Shape) -> Any:
    return d.pick(["ones", "uniform", {"name": "normal", "deviation": 0.5}])


def regularizer(d: Draw, shape: Shape) -> Any:
    return d.pick([Call("L1"), Call("L2"), Call("L1L2"), Call("L2", {"strength": 0.3}), "l2"])


def flag(d: Draw, shape: Shape) -> bool:
    return d.chance(0.5)


def units(d: Draw, shape: Shape) -> int:
    return d.units()


def per_axis(*choices: int) -> Callable[[Draw, Shape], Any]:
    """A number for all axes, or one for each."""

    def drawn(d: Draw, shape: Shape) -> Any:
        if len(shape) > 2 and d.chance(0.3):
            return tuple(d.pick(choices) for _ in shape[1:])
        return d.pick(choices)

    return drawn


def padding(d: Draw, shape: Shape) -> Any:
    pairs: list[Any] = ["same", "same", d.between(1, 2)]
    pairs += PAIRS[len(shape) - 1] if len(shape) > 2 else [d.pick([1, 2, (1, 0), (0, 2)])]
    return d.pick(pairs)


PAIRS: dict[int, list[Any]] = {
    1: [(1, 0), (0, 2), (0, 0)],
    2: [((1, 0), (0, 2)), (1, 0)],
    3: [((1, 0), (0, 2), (0, 0)), (0, 1, 2)],
}
"""Padding by axis, for one, two and three of them."""


def ends(d: Draw, shape: Shape) -> Any:
    """How many places at both ends of each axis."""
    return d.pick([1, 2, *PAIRS[len(shape) - 1]])


def groups(d: Draw, shape: Shape) -> int:
    return int(d.pick([g for g in range(1, shape[-1] + 1) if shape[-1] % g == 0]))


def new_shape(d: Draw, shape: Shape) -> Any:
    total = math.prod(shape)
    divisors = [k for k in range(1, total + 1) if total % k == 0]
    first = d.pick(divisors)
    second = d.pick([k for k in divisors if (total // first) % k == 0])
    forms = [(total,), (-1,), (first, total // first), (first, -1), (first, second, total // first // second)]
    return d.pick(forms, [1, 1, 3, 2, 3])


KERNEL: dict[str, Callable[[Draw, Shape], Any]] = {
    "use_bias": flag,
    "kernel_initializer": kernel,
    "bias_initializer": bias,
    "kernel_regularizer": regularizer,
}
CONVOLUTION = {
    "filters": lambda d, shape: int(d.pick((1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 24, 32, 33))),
    "kernel_size": per_axis(1, 2, 3, 3, 4, 5),
    "strides": per_axis(1, 2, 3),
    "padding": padding,
    "activation": activation,
    "dilation_rate": per_axis(1, 2, 3),
    **KERNEL,
}
VOLUMES = {
    **CONVOLUTION,
    "filters": lambda d, shape: int(d.pick((1, 2, 3, 5, 8, 16, 17))),
    "kernel_size": per_axis(1, 2, 2, 3),
    "strides": per_axis(1, 1, 2, 3),
    "dilation_rate": per_axis(1, 1, 2),
}
DEPTHWISE = {
    **{name: drawn for name, drawn in CONVOLUTION.items() if name != "filters"},
    "depth_multiplier": lambda d, shape: d.between(1, 3),
}
POOL = {"pool_size": per_axis(1, 2, 3, 4), "strides": per_axis(1, 2, 3), "padding": padding}
RECURRENT = {
    "units": units,
    "activation": gate,
    "return_sequences": lambda d, shape: True,
    "go_backwards": flag,
    "truncate": lambda d, shape: d.between(1, 4),
    "recurrent_dropout": lambda d, shape: d.pick([0.0, 0.3]),
    **KERNEL,
    "recurrent_initializer": kernel,
    "recurrent_regularizer": regularizer,
    "return_state": flag,
    "stateful": lambda d, shape: False,
}
NORMALIZATION: dict[str, Callable[[Draw, Shape], Any]] = {
    "epsilon": lambda d, shape: d.pick([1e-5, 1e-2]),
    "center": flag,
    "scale": flag,
}
# states that are carried need examples in order, in batches of one size: tests/layers/recurrent holds them to account
OPTIONS: dict[str, Mapping[str, Callable[[Draw, Shape], Any]]] = {
    "SeparableConv2D": {**CONVOLUTION, "depth_multiplier": lambda d, shape: d.between(1, 3)},
    "DepthwiseConv2D": DEPTHWISE,
    "Cropping2D": {"cropping": ends},
    "Cropping3D": {"cropping": ends},
    "ZeroPadding3D": {"padding": ends},
    "UpSampling3D": {"size": per_axis(1, 2)},
    "SpatialDropout3D": {"rate": lambda d, shape: d.pick([0.0, 0.2, 0.5])},
    "Conv3D": {**VOLUMES, "groups": groups},
    "ConvTranspose3D": VOLUMES,
    "AveragePool3D": POOL,
    "MaxPool3D": POOL,
    "MinPool3D": POOL,
    "ZeroPadding2D": {"padding": ends},
    "UpSampling2D": {"size": per_axis(1, 2, 2, 3), "interpolation": lambda d, shape: "nearest"},
    "SpatialDropout2D": {"rate": lambda d, shape: d.pick([0.0, 0.2, 0.5])},
    "SeparableConv1D": {**CONVOLUTION, "depth_multiplier": lambda d, shape: d.between(1, 3)},
    "DepthwiseConv1D": DEPTHWISE,
    "Cropping1D": {"cropping": ends},
    "ZeroPadding1D": {"padding": ends},
    "UpSampling1D": {"size": per_axis(1, 2, 2, 3)},
    "SpatialDropout1D": {"rate": lambda d, shape: d.pick([0.0, 0.2, 0.5])},
    "GaussianNoise": {"stddev": lambda d, shape: d.pick([0.0, 0.1, 1.0])},
    "GroupNormalization": {**NORMALIZATION, "groups": groups},
    "PReLU": {
        "shared_axes": lambda d, shape: tuple(k for k in range(1, len(shape)) if d.chance(0.7)),
        "alpha_initializer": bias,
        "alpha_regularizer": regularizer,
    },
    "RepeatVector": {"n": lambda d, shape: d.between(1, 6)},
    "Permute": {"dims": lambda d, shape: tuple(int(k) + 1 for k in d.rng.permutation(len(shape)))},
    "Subtract": {},
    "Minimum": {},
    "Maximum": {},
    "Average": {},
    "Activation": {"activation": activation},
    "Add": {},
    "AveragePool1D": POOL,
    "AveragePool2D": POOL,
    "BatchNormalization": {**NORMALIZATION, "momentum": lambda d, shape: d.pick([0.0, 0.5, 0.9])},
    "Bidirectional": {
        "layer": lambda d, shape: inner_recurrent(d, shape),
        "merge_mode": lambda d, shape: d.pick(["sum", "mul", "ave"]),
    },
    "Concatenate": {},
    "Conv1D": {**CONVOLUTION, "groups": groups},
    "Conv2D": {**CONVOLUTION, "groups": groups},
    "ConvTranspose1D": CONVOLUTION,
    "ConvTranspose2D": CONVOLUTION,
    "Dense": {"units": units, "activation": activation, **KERNEL},
    "Dropout": {"rate": lambda d, shape: d.pick([0.0, 0.1, 0.5, 0.9])},
    "Embedding": {
        "input_dim": units,  # replaced by the number of entries of the input
        "output_dim": units,
        "embeddings_initializer": kernel,
        "embeddings_regularizer": regularizer,
        "mask_zero": flag,
    },
    "FinalState": {"state": lambda d, shape: "state", "units": units},
    "Flatten": {},
    "GlobalAveragePool": {},
    "GlobalMaxPool": {},
    "GRU": {**RECURRENT, "gate_activation": gate, "bias_initializer": bias, "reset_after": flag},
    "LayerNormalization": NORMALIZATION,
    "LSTM": {**RECURRENT, "gate_activation": gate, "unit_forget_bias": flag},
    "Masking": {"value": lambda d, shape: d.pick([-1.0, 0.5])},
    "MaxPool1D": POOL,
    "MaxPool2D": POOL,
    "MinPool1D": POOL,
    "MinPool2D": POOL,
    "MultiHeadAttention": {
        "num_heads": lambda d, shape: d.between(1, 3),
        "key_dim": lambda d, shape: d.pick([1, 2, 5, 8, 16, 17]),
        "causal": flag,
        "use_bias": flag,
        "kernel_initializer": kernel,
        "bias_initializer": bias,
    },
    "Multiply": {},
    "Normalization": {"invert": flag, "adapted": lambda d, shape: shape[-1]},
    "Reshape": {"shape": new_shape},
    "RNN": {**RECURRENT, "activation": activation},
}
RECURRENTS = ("RNN", "LSTM", "GRU")
FLAT = tuple(
    [
        "RepeatVector",
        "PReLU",
        "GroupNormalization",
        "GaussianNoise",
        "Normalization",
        "Dense",
        "Dense",
        "Dense",
        "Activation",
        "BatchNormalization",
        "LayerNormalization",
        "Dropout",
        "Reshape",
    ]
)
SEQUENCE = tuple(
    [
        "Permute",
        "PReLU",
        "GroupNormalization",
        "GaussianNoise",
        "SpatialDropout1D",
        "UpSampling1D",
        "ZeroPadding1D",
        "Cropping1D",
        "DepthwiseConv1D",
        "SeparableConv1D",
        "RNN",
        "LSTM",
        "LSTM",
        "GRU",
        "GRU",
        "Bidirectional",
        "Bidirectional",
        "MultiHeadAttention",
        "MultiHeadAttention",
        "Dense",
        "Conv1D",
        "Conv1D",
        "ConvTranspose1D",
        "MaxPool1D",
        "MinPool1D",
        "AveragePool1D",
        "BatchNormalization",
        "LayerNormalization",
        "Normalization",
        "Dropout",
        "Activation",
        "Masking",
        "Reshape",
        "GlobalAveragePool",
        "GlobalMaxPool",
    ]
)
IMAGE = tuple(
    [
        "Permute",
        "PReLU",
        "GroupNormalization",
        "SpatialDropout2D",
        "UpSampling2D",
        "ZeroPadding2D",
        "Cropping2D",
        "DepthwiseConv2D",
        "SeparableConv2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "Conv2D",
        "ConvTranspose2D",
        "ConvTranspose2D",
        "ConvTranspose2D",
        "MaxPool2D",
        "MaxPool2D",
        "MinPool2D",
        "AveragePool2D",
        "BatchNormalization",
        "BatchNormalization",
        "LayerNormalization",
        "Normalization",
        "Dropout",
        "Activation",
        "Reshape",
        "GlobalAveragePool",
        "GlobalMaxPool",
    ]
)
VOLUME = tuple(
    [
        "PReLU",
        "SpatialDropout3D",
        "UpSampling3D",
        "ZeroPadding3D",
        "Cropping3D",
        *["Conv3D"] * 6,
        *["ConvTranspose3D"] * 2,
        "MaxPool3D",
        "MaxPool3D",
        *["MinPool3D"] * 2,
        "AveragePool3D",
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization",
        "Permute",
        "Reshape",
        "GlobalAveragePool",
        "GlobalMaxPool",
    ]
)
BY_RANK = {1: FLAT, 2: SEQUENCE, 3: IMAGE, 4: VOLUME}
OWN_BY_RANK = {1: ("Pairs",), 2: ("Fading", "Winner")}


def call_of(d: Draw, kind: str, shape: Shape, **given: Any) -> Call:
    """A layer of this kind for values of this shape: what has no default, and some of the other options."""
    chosen: dict[str, Any] = {}
    known = {f.name: f for f in fields(Layer.kinds[kind]) if f.init and f.name not in ("name", "trainable")}
    share = d.pick([0.0, 0.2, 0.6])
    for name, field in known.items():
        needed = (field.default is MISSING and field.default_factory is MISSING) or name == "adapted"
        needed |= kind == "GroupNormalization" and name == "groups"
        if name in given:
            chosen[name] = given[name]
        elif name in OPTIONS[kind] and (needed or d.chance(share)):
            chosen[name] = OPTIONS[kind][name](d, shape)
    convolution = "filters" in OPTIONS[kind] or kind.startswith("Depthwise")
    if convolution and d.chance(0.5):
        chosen.setdefault("padding", "same")
    if "groups" in chosen and convolution:
        chosen["filters"] = chosen["groups"] * d.between(1, max(1, 8 // chosen["groups"]))
    if kind in RECURRENTS and "return_sequences" not in given and d.chance(0.5):
        chosen["return_sequences"] = True
    if (convolution or kind == "Dense") and "activation" not in given and d.chance(0.4):
        chosen["activation"] = activation(d, shape)
    if d.chance(0.04):
        chosen["trainable"] = False
    return Call(kind, chosen, columns=int(chosen.pop("adapted", 0)))


def inner_recurrent(d: Draw, shape: Shape) -> Call:
    return call_of(d, d.pick(RECURRENTS), shape, go_backwards=False, return_state=False)


OPTIMIZERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "Adagrad": {
        "learning_rate": (0.01, 0.1),
        "initial_accumulator_value": (0.0, 0.1),
        "epsilon": (1e-7, 1e-3),
    },
    "Lion": {"learning_rate": (0.001, 0.01), "beta_1": (0.5, 0.9), "beta_2": (0.5, 0.99)},
    "SGD": {"learning_rate": (0.01, 0.1), "momentum": (0.0, 0.5, 0.9), "nesterov": (False, True)},
    "RMSprop": {"learning_rate": (0.001, 0.01), "rho": (0.0, 0.5, 0.9), "epsilon": (1e-7, 1e-3)},
    "Adam": {
        "learning_rate": (0.001, 0.05),
        "beta_1": (0.0, 0.5, 0.9),
        "beta_2": (0.5, 0.999),
        "epsilon": (1e-7, 1e-3),
    },
    "Nadam": {
        "learning_rate": (0.001, 0.05),
        "beta_1": (0.5, 0.9),
        "beta_2": (0.5, 0.999),
        "epsilon": (1e-7, 1e-3),
    },
    "AdamW": {
        "learning_rate": (0.001, 0.05),
        "beta_1": (0.0, 0.5, 0.9),
        "beta_2": (0.5, 0.999),
        "epsilon": (1e-7, 1e-3),
        "weight_decay": (0.0, 0.1),
    },
}
SCHEDULES = (
    Call("StepDecay", {"initial": 0.05, "every": 2}),
    Call("ExponentialDecay", {"initial": 0.05, "every": 3, "factor": 0.5}),
    Call("CosineDecay", {"initial": 0.05, "length": 4, "final": 0.001}),
    Call("WarmUp", {"length": 2, "then": Call("CosineDecay", {"initial": 0.05, "length": 4})}),
)


def optimizer(d: Draw) -> Call:
    name = d.pick(list(OPTIMIZERS))
    options = {k: d.pick(v) for k, v in OPTIMIZERS[name].items() if d.chance(0.5)}
    if not options.get("momentum"):
        options.pop("nesterov", None)
    return Call(name, options)


def schedule(d: Draw) -> Call:
    return Call("LearningRateSchedule", {"per": d.pick(["epoch", "step"])}, (d.pick(SCHEDULES),))
