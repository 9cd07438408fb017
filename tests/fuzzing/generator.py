"""Random networks: a case from its seed.

`OPTIONS` has an entry for every layer and every option of it; a test says which are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import numpy as np
from tests.fuzzing.cases import Call, Case, Feed, Goal, Shape, Use
from tests.fuzzing.comparison import LIMITS

from pellucid.errors import PellucidError
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.initial import INITIALS
from pellucid.functions.recurrence import SCALARS
from pellucid.layers.base import Layer
from pellucid.network import _output_shape  # the rule by which a network finds its shapes
from pellucid.training.evaluation import prepared

UNITS = (1, 2, 3, 4, 5, 8, 11, 15, 16, 17, 20, 31, 32, 33, 40)
LARGE_UNITS = (64, 100, 130, 257, 520)
BATCHES = (1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 40)
MOST = 40_000
"""Numbers in one value of one example: more takes too long."""


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
        if len(shape) == 3 and d.chance(0.3):
            return (d.pick(choices), d.pick(choices))
        return d.pick(choices)

    return drawn


def padding(d: Draw, shape: Shape) -> Any:
    flat, two = d.pick([1, 2, (1, 0), (0, 2)]), len(shape) == 3
    pairs: list[Any] = ["same", "same", d.between(1, 2)]
    pairs += [((1, 0), (0, 2)), (1, 0)] if two else [flat]
    return d.pick(pairs)


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
POOL = {"pool_size": per_axis(1, 2, 3, 4), "strides": per_axis(1, 2, 3), "padding": padding}
RECURRENT = {
    "units": units,
    "activation": gate,
    "return_sequences": lambda d, shape: True,
    "go_backwards": flag,
    "truncate": lambda d, shape: d.between(1, 4),
    **KERNEL,
    "recurrent_initializer": kernel,
    "recurrent_regularizer": regularizer,
}
NORMALIZATION: dict[str, Callable[[Draw, Shape], Any]] = {
    "epsilon": lambda d, shape: d.pick([1e-5, 1e-2]),
    "center": flag,
    "scale": flag,
}
OPTIONS: dict[str, Mapping[str, Callable[[Draw, Shape], Any]]] = {
    "Activation": {"activation": activation},
    "Add": {},
    "AveragePool1D": POOL,
    "AveragePool2D": POOL,
    "BatchNormalization": {**NORMALIZATION, "momentum": lambda d, shape: d.pick([0.0, 0.5, 0.9])},
    "Bidirectional": {
        "layer": lambda d, shape: inner_recurrent(d, shape),
        "merge": lambda d, shape: d.pick(["sum", "multiply", "average"]),
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
        "heads": lambda d, shape: d.between(1, 3),
        "key_size": lambda d, shape: d.pick([1, 2, 5, 8, 16, 17]),
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
FLAT = (
    "Normalization",
    "Dense",
    "Dense",
    "Dense",
    "Activation",
    "BatchNormalization",
    "LayerNormalization",
    "Dropout",
    "Reshape",
)
SEQUENCE = (
    *(
        "RNN",
        "LSTM",
        "LSTM",
        "GRU",
        "GRU",
        "Bidirectional",
        "Bidirectional",
        "MultiHeadAttention",
        "MultiHeadAttention",
    ),
    *("Dense", "Conv1D", "Conv1D", "ConvTranspose1D", "MaxPool1D", "MinPool1D", "AveragePool1D", "BatchNormalization"),
    *(
        "LayerNormalization",
        "Normalization",
        "Dropout",
        "Activation",
        "Masking",
        "Reshape",
        "GlobalAveragePool",
        "GlobalMaxPool",
    ),
)
IMAGE = (
    *("Conv2D",) * 8,
    *("ConvTranspose2D",) * 3,
    *("MaxPool2D", "MaxPool2D", "MinPool2D", "AveragePool2D", "BatchNormalization", "BatchNormalization"),
    *("LayerNormalization", "Normalization", "Dropout", "Activation", "Reshape", "GlobalAveragePool", "GlobalMaxPool"),
)
BY_RANK = {1: FLAT, 2: SEQUENCE, 3: IMAGE}
OWN_BY_RANK = {1: ("Pairs",), 2: ("Fading", "Winner")}


def call_of(d: Draw, kind: str, shape: Shape, **given: Any) -> Call:
    """A layer of this kind for values of this shape: what has no default, and some of the other options."""
    chosen: dict[str, Any] = {}
    known = {f.name: f for f in fields(Layer.kinds[kind]) if f.init and f.name not in ("name", "trainable")}
    share = d.pick([0.0, 0.2, 0.6])
    for name, field in known.items():
        needed = (field.default is MISSING and field.default_factory is MISSING) or name == "adapted"
        if name in given:
            chosen[name] = given[name]
        elif name in OPTIONS[kind] and (needed or d.chance(share)):
            chosen[name] = OPTIONS[kind][name](d, shape)
    if kind.startswith("Conv") and d.chance(0.5):
        chosen.setdefault("padding", "same")
    if "groups" in chosen:
        chosen["filters"] = chosen["groups"] * d.between(1, max(1, 8 // chosen["groups"]))
    if kind in RECURRENTS and "return_sequences" not in given and d.chance(0.5):
        chosen["return_sequences"] = True
    if (kind.startswith("Conv") or kind == "Dense") and "activation" not in given and d.chance(0.4):
        chosen["activation"] = activation(d, shape)
    if d.chance(0.04):
        chosen["trainable"] = False
    return Call(kind, chosen, columns=int(chosen.pop("adapted", 0)))


def inner_recurrent(d: Draw, shape: Shape) -> Call:
    return call_of(d, d.pick(RECURRENTS), shape, go_backwards=False)


class Builder:
    """A graph while it grows: its values by number, with the shape of each."""

    def __init__(self, d: Draw) -> None:
        self.d = d
        self.feeds: list[Feed] = []
        self.shapes: list[Shape] = []
        self.layers: list[Call] = []
        self.made: list[Layer] = []
        self.uses: list[Use] = []
        self.whole: set[int] = set()
        """The values that are integers."""

    def feed(self, feed: Feed) -> int:
        assert not self.uses
        self.feeds.append(feed)
        self.shapes.append(feed.shape)
        if "ids" in feed.kind:
            self.whole.add(len(self.shapes) - 1)
        return len(self.shapes) - 1

    def use(self, call: Call | int, *takes: int) -> int | None:
        """The value that a layer gives for these; None where it does not fit."""
        try:
            layer = self.made[call] if isinstance(call, int) else call.make()
            shape = _output_shape(layer, "layer", tuple(self.shapes[v] for v in takes))
            if isinstance(call, int) and not self._same(call, takes):
                return None
        except PellucidError:
            return None
        if math.prod(shape) > MOST or not shape:
            return None
        if not isinstance(call, int):
            self.layers.append(call)
            self.made.append(layer)
        self.uses.append(Use(call if isinstance(call, int) else len(self.layers) - 1, takes))
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def _same(self, layer: int, takes: Sequence[int]) -> bool:
        """Whether the layer would have the same parameters in this use as in its first."""
        first = next(use for use in self.uses if use.layer == layer)
        one, other = (self.made[layer].declare(*(self.shapes[v] for v in values)) for values in (first.takes, takes))
        return {k: p.shape for k, p in one.items()} == {k: p.shape for k, p in other.items()}

    def alike(self, value: int, *, last: bool) -> list[int]:
        """The other values of the same shape, or of one that differs in its last axis."""
        shape = self.shapes[value]
        found = [v for v, s in enumerate(self.shapes) if v != value and v not in self.whole and len(s) == len(shape)]
        return [v for v in found if (self.shapes[v] == shape if last else self.shapes[v][:-1] == shape[:-1])]

    def grow(self, value: int) -> int:
        """One more layer on this value, if one is found that fits."""
        for _ in range(10):
            new = self._layer(value)
            if new is not None:
                return new
        return value

    def _layer(self, value: int) -> int | None:
        d, shape = self.d, self.shapes[value]
        if d.chance(0.2):
            joined = self._join(value)
            if joined is not None:
                return joined
        if self.layers and d.chance(0.12):
            again = d.between(0, len(self.layers) - 1)
            return None if self.layers[again].name == "Embedding" else self.use(again, value)
        if d.chance(0.05):
            return self.use(network_of(d, shape), value)
        if d.chance(0.06):
            return self.use(Call(d.pick(["Whitened", "Against", *OWN_BY_RANK.get(len(shape), ())])), value)
        kinds = BY_RANK.get(len(shape), ("Activation", "Flatten", "Reshape"))
        kind = d.pick(kinds)
        if kind in RECURRENTS and d.chance(0.2):
            states = [v for v, s in enumerate(self.shapes) if len(s) == 1 and v not in self.whole and s[0] <= 64]
            if states:
                chosen = d.pick(states)
                call = call_of(d, kind, shape, units=self.shapes[chosen][0])
                return self.use(call, value, *[chosen] * (2 if kind == "LSTM" else 1))
        if kind == "MultiHeadAttention" and d.chance(0.4):
            memories = [v for v, s in enumerate(self.shapes) if len(s) == 2 and v != value and v not in self.whole]
            if memories:
                return self.use(call_of(d, kind, shape), value, d.pick(memories))
        new = self.use(call_of(d, kind, shape), value)
        if new is not None and self.shapes[new] == shape and d.chance(0.2):
            return self.use(Call(d.pick(["Add", "Add", "Multiply"])), value, new)
        return new

    def _join(self, value: int) -> int | None:
        d = self.d
        kind = d.pick(["Add", "Multiply", "Concatenate"])
        others = self.alike(value, last=kind != "Concatenate")
        if kind == "Concatenate":
            others.append(value)
        if not others:
            return None
        more = [d.pick(others) for _ in range(d.pick([1, 1, 2]))]
        return self.use(Call(kind), value, *more)


def network_of(d: Draw, shape: Shape) -> Call:
    """A small network as a layer."""
    inside = Builder(d)
    value = inside.feed(Feed(shape))
    for _ in range(d.between(1, 2)):
        kind = d.pick(BY_RANK.get(len(inside.shapes[value]), ("Activation",)))
        if kind not in ("MultiHeadAttention",):
            found = inside.use(call_of(d, kind, inside.shapes[value]), value)
            value = value if found is None else found
    return Call(
        "Network", {"input_shape": shape}, tuple(inside.layers) or (Call("Activation", {"activation": "tanh"}),)
    )


def start(d: Draw, graph: Builder) -> list[int]:
    """The inputs, and what stands right behind them."""
    large, begins = d.large, []
    kinds = [d.pick(["flat", "sequence", "padded", "masked", "ids", "image"], [3, 4, 2, 1, 2, 4])]
    if d.chance(0.2):
        kinds.append(d.pick(["flat", "sequence", kinds[0], "image"]))
    feeds: list[list[int]] = []
    steps = d.between(20, 50) if large else d.between(1, 10)
    width = d.pick((1, 2, 3, 5, 8, 16, 17, 33)) if not large else d.pick((16, 17, 32, 40))
    paddings = [d.pick([0.0, 0.0, -1.0, 2.0]) for _ in kinds]
    entries = d.between(2, 40)
    for kind, pad in zip(kinds, paddings, strict=True):
        match kind:
            case "flat":
                feeds.append([graph.feed(Feed((d.units(),)))])
            case "image":
                sides = (d.between(10, 20), d.between(10, 20)) if large else (d.between(2, 11), d.between(2, 11))
                feeds.append([graph.feed(Feed((*sides, d.pick((1, 2, 3, 4, 8)))))])
            case "ids":
                feeds.append([graph.feed(Feed((steps,), d.pick(["ids", "padded ids"]), entries))])
            case "masked":
                feeds.append([graph.feed(Feed((steps, width))), graph.feed(Feed((steps,), "mask"))])
            case _:
                feeds.append([graph.feed(Feed((steps, width), "padded" if kind == "padded" else "real", padding=pad))])
    for kind, pad, values in zip(kinds, paddings, feeds, strict=True):
        shape = graph.shapes[values[0]]
        call = None
        if kind == "ids":
            masked = {"mask_zero": True} if graph.feeds[values[0]].kind == "padded ids" and d.chance(0.8) else {}
            call = call_of(d, "Embedding", shape, input_dim=entries, **masked)
        elif kind == "masked":
            call = call_of(d, "Masking", shape)
        elif kind == "padded":
            call = Call("Masking", {"value": pad} if pad else {})
        found = values[0] if call is None else graph.use(call, *values)
        assert found is not None
        begins.append(found)
    return begins


LAST = (
    ("linear", 5),
    ("softmax", 4),
    ("sigmoid", 3),
    ("log_softmax", 1),
    ("tanh", 1),
    ("relu", 1),
    ("softplus", 1),
)
TARGETS = {"linear": "normal", "log_softmax": "negative"}
"""Which numbers an activation can give, where those are not fractions."""


LOSSES = {
    "values": ("mean_squared_error", "mean_absolute_error", "huber"),
    "binary": ("binary_crossentropy",),
    "categorical": ("categorical_crossentropy",),
    "either": ("crossentropy",),
}
"""The losses by what they read."""


def finish(d: Draw, graph: Builder, value: int) -> Goal:
    """An output that ends here, and what it is trained to."""
    shape = graph.shapes[value]
    if len(shape) > 2 or (len(shape) == 2 and d.chance(0.6)):
        ends = ["Flatten", "GlobalAveragePool", "GlobalMaxPool"] if len(shape) in (2, 3) else ["Flatten"]
        ends += ["none"] if len(shape) in (2, 3) else []
        end = d.pick(ends)
        if end != "none":
            value = _must(graph.use(Call(end), value))
        elif len(shape) > 2:
            return Goal(value, "fraction", {"name": "huber", "delta": 0.7})
    if d.chance(0.1):
        return Goal(value, "fraction", d.pick(["mean_squared_error", "mean_absolute_error"]))
    last = d.pick([name for name, _ in LAST], [weight for _, weight in LAST])
    size = int(d.pick((1, 2, 3, 5, 10, 17))) if not d.large else int(d.pick((1, 10, 130)))
    if last in ("softmax", "log_softmax"):
        size = max(size, 2)
    end_call = call_of(d, "Dense", graph.shapes[value], units=size, activation=last)
    return goal(d, _must(graph.use(end_call, value)), last, size)


def goal(d: Draw, value: int, last: str, size: int) -> Goal:
    """A loss that reads what an activation gives, with targets for it."""
    binary = last == "sigmoid" or (last == "linear" and d.chance(0.15))
    categorical = size > 1 and (last in ("softmax", "log_softmax") or (last == "linear" and d.chance(0.2)))
    if categorical and d.chance(0.8):
        target = d.pick(["classes", "classes", "one-hot", "probabilities"])
        fitting = [None] if last != "linear" else []
        return Goal(value, target, d.pick([*LOSSES["categorical"], *LOSSES["either"], *fitting]))
    if binary and d.chance(0.8):
        default: list[Any] = [None, *LOSSES["either"]] if last == "sigmoid" else []
        return Goal(value, d.pick(["binary", "soft"]), d.pick([*LOSSES["binary"], *default]))
    loss = d.pick(LOSSES["values"])
    if loss == "huber" and d.chance(0.5):
        loss = {"name": loss, "delta": d.pick([0.3, 2.0])}
    return Goal(value, TARGETS.get(last, "fraction"), loss)


def _must(value: int | None) -> int:
    assert value is not None
    return value


OPTIMIZERS = {
    "SGD": {"learning_rate": (0.01, 0.1), "momentum": (0.0, 0.5, 0.9), "nesterov": (False, True)},
    "RMSprop": {"learning_rate": (0.001, 0.01), "rho": (0.0, 0.5, 0.9), "epsilon": (1e-7, 1e-3)},
    "Adam": {
        "learning_rate": (0.001, 0.05),
        "beta_1": (0.0, 0.5, 0.9),
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


CHECKS = {
    "predictions": 0.5,
    "evaluation": 0.3,
    "gradients": 0.25,
    "trace": 0.25,
    "again": 0.35,
    "saved": 0.2,
    "not finite": 0.3,
}
"""What is looked at beside the training, and how often."""


def drawn(seed: int) -> Case:
    """The case of this seed."""
    for attempt in range(50):
        case = attempted(seed, attempt)
        try:
            x, y, options = case.data()
            net = case.network("reference")
            prepared(net, x, y, options["loss"], None)
        except PellucidError:  # a mask that a layer does not take, for instance: it shows in the whole network only
            continue
        if net.parameters.trainable or not any(spec.trainable for spec in net.specs.values()):
            return case
    raise AssertionError(f"no network was found for the seed {seed}")


def attempted(seed: int, attempt: int = 0) -> Case:
    """A case that may be none."""
    d = Draw(seed, attempt)
    d.large = d.chance(0.15)
    graph = Builder(d)
    begins = start(d, graph)
    ends: list[int] = []
    for value in begins:
        for _ in range(d.between(1, 2 if d.large else 3)):
            value = graph.grow(value)
        ends.append(value)
    if len(ends) > 1:  # two inputs meet in one value where they can, else in two outputs
        flat = [v if len(graph.shapes[v]) == 1 else _must(graph.use(Call("Flatten"), v)) for v in ends]
        ends = [_must(graph.use(Call("Concatenate"), *flat))]
    (value,) = ends
    for _ in range(d.between(0, 2)):
        value = graph.grow(value)
    goals = [finish(d, graph, value)]
    if d.chance(0.12):
        other = d.between(len(graph.feeds), len(graph.shapes) - 1)
        if other not in graph.whole:
            second = finish(d, graph, other)
            goals += [second] if second.value != goals[0].value else []
    batch = int(d.pick(BATCHES))
    examples = batch * d.pick([1, 1, 2, 3]) + d.pick([0, 0, 1, d.between(0, batch - 1)])
    options: dict[str, Any] = {}
    if d.chance(0.2):
        options["clip_norm"] = d.pick([0.01, 1.0, 100.0])
    if d.chance(0.15):
        options["clip_value"] = d.pick([0.001, 0.1, 10.0])
    if d.chance(0.3):
        options["shuffle"] = False
    if d.chance(0.1) and examples > 1:
        options["validation_split"] = 0.25
    one_class = len(goals) == 1 and goals[0].target in ("classes", "one-hot")
    if one_class and len(graph.shapes[goals[0].value]) == 1 and d.chance(0.3):
        options["class_weight"] = d.pick(["balanced", {0: 2.0, 1: 0.5}])
    return Case(
        seed=seed,
        inputs=tuple(graph.feeds),
        layers=tuple(graph.layers),
        uses=tuple(graph.uses),
        goals=tuple(goals),
        optimizer=optimizer(d),
        examples=examples,
        batch=batch,
        epochs=d.pick([1, 1, 2]),
        dtype=d.pick(["float32", "float64"], [3, 1]),
        stirred=d.pick([0.0, 0.1, 0.3], [1, 2, 1]),
        options=options,
        weighted=d.chance(0.2),
        schedule=schedule(d) if d.chance(0.2) else None,
        threads=d.pick([2, 3, 8]),
        limits={k: d.pick(v) for k, v in LIMITS.items() if d.chance(0.6)} if d.chance(0.4) else {},
        checks=("training", *(name for name, share in CHECKS.items() if d.chance(share))),
    ).pruned()
