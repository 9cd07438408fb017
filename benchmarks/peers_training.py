"""Training beside Keras's, from the same weights and on the same batches:

    python -m benchmarks.peers_training

For each layer, loss, optimizer and kind of training: the largest difference of the outputs from Keras's, over the
largest output; of the losses, over the first loss; and of the gradients by every parameter, or where steps are taken,
of the weights after them, over the largest of that array. A bound that is not kept is said, and the exit status is 1.
Needs keras and jax.
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

Array = NDArray[Any]
OUTPUTS, LOSSES, GRADIENTS = 1e-5, 1e-5, 1e-4
"""The bounds; float32 holds seven digits, and a gradient is a sum of many terms."""
ROWS, STEPS, UNITS = 6, 5, 4
VECTOR, SEQUENCE, IMAGE, VOLUME = (4,), (7, 4), (6, 6, 4), (4, 5, 6, 2)
KERAS = {
    "RNN": "SimpleRNN",
    "MaxPool1D": "MaxPooling1D",
    "MaxPool2D": "MaxPooling2D",
    "AveragePool1D": "AveragePooling1D",
    "AveragePool2D": "AveragePooling2D",
    "ConvTranspose1D": "Conv1DTranspose",
    "ConvTranspose2D": "Conv2DTranspose",
    "MaxPool3D": "MaxPooling3D",
    "AveragePool3D": "AveragePooling3D",
    "ConvTranspose3D": "Conv3DTranspose",
}
"""Keras's names of layers, where they differ."""
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[int, ...]]] = [
    ("Dense", (3,), {"activation": "tanh"}, VECTOR),
    *(("Dense", (3,), {"activation": name}, VECTOR) for name in ("relu", "selu", "mish", "hard_sigmoid", "swish")),
    *(("Dense", (3,), {"activation": name}, VECTOR) for name in ("sigmoid", "softplus", "softmax", "elu", "gelu")),
    ("PReLU", (), {}, VECTOR),
    ("Conv1D", (3, 3), {"padding": "same"}, SEQUENCE),
    ("Conv1D", (3, 2), {"dilation_rate": 2}, SEQUENCE),
    ("Conv2D", (3, 3), {"strides": 2, "padding": "same"}, IMAGE),
    ("Conv2D", (4, 3), {"groups": 2}, IMAGE),
    ("ConvTranspose1D", (3, 3), {"strides": 2}, SEQUENCE),
    ("ConvTranspose2D", (3, 3), {"strides": 2, "padding": "same"}, IMAGE),
    ("DepthwiseConv1D", (3,), {"depth_multiplier": 2}, SEQUENCE),
    ("DepthwiseConv2D", (3,), {"padding": "same"}, IMAGE),
    ("SeparableConv1D", (3, 3), {"padding": "same"}, SEQUENCE),
    ("SeparableConv2D", (3, 3), {}, IMAGE),
    ("MaxPool1D", (2,), {}, SEQUENCE),
    ("MaxPool2D", (2,), {"padding": "same"}, IMAGE),
    ("AveragePool1D", (2,), {"padding": "same"}, SEQUENCE),
    ("AveragePool2D", (3,), {"strides": 1}, IMAGE),
    ("UpSampling1D", (2,), {}, SEQUENCE),
    ("UpSampling2D", (2,), {}, IMAGE),
    ("ZeroPadding1D", ((1, 2),), {}, SEQUENCE),
    ("ZeroPadding2D", (1,), {}, IMAGE),
    ("Cropping1D", ((0, 2),), {}, SEQUENCE),
    ("Cropping2D", (1,), {}, IMAGE),
    ("Conv3D", (3, 3), {"strides": 2, "padding": "same"}, VOLUME),
    ("Conv3D", (4, (2, 1, 3)), {"groups": 2, "dilation_rate": (1, 1, 2)}, VOLUME),
    ("ConvTranspose3D", (3, 3), {"strides": (1, 2, 2), "padding": "same"}, VOLUME),
    ("MaxPool3D", (2,), {"padding": "same"}, VOLUME),
    ("AveragePool3D", (2,), {"strides": 1}, VOLUME),
    ("UpSampling3D", (2,), {}, VOLUME),
    ("ZeroPadding3D", (1,), {}, VOLUME),
    ("Cropping3D", (1,), {}, VOLUME),
    ("Permute", ((2, 1),), {}, SEQUENCE),
    ("RepeatVector", (3,), {}, VECTOR),
    ("Flatten", (), {}, IMAGE),
    ("Reshape", ((4, 7),), {}, SEQUENCE),
    ("LayerNormalization", (), {"epsilon": 1e-3}, SEQUENCE),
    ("GroupNormalization", (2,), {}, IMAGE),
    ("BatchNormalization", (), {}, IMAGE),
    *((kind, (UNITS,), {"return_sequences": True}, SEQUENCE) for kind in ("RNN", "LSTM", "GRU")),
    *((kind, (UNITS,), {"go_backwards": True}, SEQUENCE) for kind in ("RNN", "LSTM", "GRU")),
    ("GRU", (UNITS,), {"reset_after": False}, SEQUENCE),
    *((kind, (UNITS,), {"recurrent_dropout": 0.4}, SEQUENCE) for kind in ("RNN", "LSTM", "GRU")),
    ("Dropout", (0.4,), {}, VECTOR),
    ("SpatialDropout1D", (0.4,), {}, SEQUENCE),
    ("SpatialDropout2D", (0.4,), {}, IMAGE),
    ("SpatialDropout3D", (0.4,), {}, VOLUME),
    ("GaussianNoise", (0.4,), {}, VECTOR),
]
SMALL = 1e-12
"""An ε that changes no number: Keras adds its own before the root of RMSprop, and before Adam's correction of the bias,
where Pellucid does after them, as the papers and PyTorch do.
"""
MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
LOSSES_OF: list[tuple[Any, str, dict[str, Any], str, str]] = [
    ("mse", "MeanSquaredError", {}, "linear", "values"),
    ("mae", "MeanAbsoluteError", {}, "linear", "values"),
    ({"name": "huber", "delta": 0.5}, "Huber", {"delta": 0.5}, "linear", "values"),
    ("log_cosh", "LogCosh", {}, "linear", "values"),
    ("poisson", "Poisson", {}, "softplus", "counts"),
    ("hinge", "Hinge", {}, "linear", "signs"),
    ("squared_hinge", "SquaredHinge", {}, "tanh", "signs"),
    ("kl_divergence", "KLDivergence", {}, "softmax", "probabilities"),
    ("binary_crossentropy", "BinaryCrossentropy", {}, "sigmoid", "bits"),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}, "sigmoid", "bits"),
    ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {}, "softmax", "one_hot"),
    ("categorical_crossentropy", "CategoricalCrossentropy", {}, "softmax", "one_hot"),
    (
        {"name": "categorical_crossentropy", "label_smoothing": 0.1},
        "CategoricalCrossentropy",
        {"label_smoothing": 0.1},
        "softmax",
        "one_hot",
    ),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {}, "softmax", "classes"),
]
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"learning_rate": 0.01, "epsilon": SMALL}),
    ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.1, "epsilon": SMALL}),
    ("Nadam", {"learning_rate": 0.01, "epsilon": SMALL}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Lion", {"learning_rate": 0.003}),
    ("RMSprop", {"learning_rate": 0.01, "epsilon": SMALL}),
]


@dataclass
class Row:
    """What was measured: the largest differences, relative; NaN where there is nothing to compare."""

    what: str
    outputs: float
    losses: float
    gradients: float

    @property
    def kept(self) -> bool:
        pairs = ((self.outputs, OUTPUTS), (self.losses, LOSSES), (self.gradients, GRADIENTS))
        return not any(value > bound for value, bound in pairs)


def pair(build: Callable[[Any, Callable[[str], Any]], tuple[Any, Any]]) -> tuple[pl.Network, Any]:
    """The same graph of both libraries, with the same random weights.

    Args:
        build: makes inputs and outputs, given `Input` and what makes a layer's class of its name here.
    """
    import keras

    inputs, outputs = build(pl.Input, lambda kind: getattr(pl, kind))
    net = pl.Network(inputs=inputs, outputs=outputs)
    inputs, outputs = build(keras.Input, lambda kind: getattr(keras.layers, KERAS.get(kind, kind)))
    model = keras.Model(inputs, outputs)
    random = np.random.default_rng(0)
    for path, array in net.parameters.items():
        positive = path.endswith("variance")
        net.parameters[path] = random.uniform(0.5, 1.5, array.shape) if positive else random.normal(0, 0.5, array.shape)
    for variable, array in zip(weights_of(model), as_keras(net.parameters), strict=True):
        variable.assign(array)
    return net, model


def weights_of(model: Any) -> list[Any]:
    """The weights in the order of the layers, those that are not trained at their place; not the seeds of dropout."""
    return [w for layer in model.layers for w in layer.weights if "seed" not in w.path]


def as_keras(arrays: Mapping[str, Array]) -> list[Array]:
    """Arrays by path as Keras lays them out: the gates of a recurrent layer stand in one axis there."""
    theirs: list[Array] = []
    for path, given in arrays.items():
        array = np.asarray(given)
        if path.endswith("recurrent_bias"):
            theirs[-1] = np.stack([theirs[-1], array.reshape(-1)])
        elif path.split("_")[0] in ("rnn", "lstm", "gru"):
            theirs.append(array.reshape(-1) if path.endswith("bias") else array.reshape(len(array), -1))
        else:
            theirs.append(array)
    return theirs


def apart(ours: Any, theirs: Any, *, least: float = 1e-6) -> float:
    """The largest difference over the largest number of theirs, or over `least` where that is larger."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), least))


def gradients_apart(ours: Sequence[Array], theirs: Sequence[Array]) -> float:
    """The largest difference; of a gradient that is 0 but for rounding (attention's by the keys' bias), over a
    thousandth of the largest one.
    """
    least = max((float(np.abs(g).max()) for g in theirs), default=0.0) / 1000
    return max((apart(a, b, least=least) for a, b in zip(ours, theirs, strict=True)), default=float("nan"))


def keras_gradients(model: Any, x: Any, loss: Callable[[Any], Any]) -> tuple[Any, float, list[Array]]:
    """Outputs, loss and gradients by the trainable weights, as prediction reads the network."""
    import jax

    trainable = [v.value for v in model.trainable_variables]
    other = [v.value for v in model.non_trainable_variables]

    def total(values: Any) -> Any:
        outputs, _ = model.stateless_call(values, other, x, training=False)
        return loss(outputs), outputs

    (value, outputs), gradients = jax.value_and_grad(total, has_aux=True)(trainable)
    return outputs, float(value), [np.asarray(g) for g in gradients]


def compared(what: str, net: pl.Network, model: Any, x: Any, y: Any, ours: Any = "mse", theirs: Any = None) -> Row:
    """Outputs, loss and gradients of both for one batch."""
    import keras

    function = theirs or keras.losses.MeanSquaredError()
    outputs, value, gradients = keras_gradients(model, x, lambda p: function(y, p))
    loss, mine = net.gradients(x, y, loss=ours)
    mine = {path: mine[path] for path in net.parameters if path in mine}
    difference = gradients_apart(as_keras(mine), gradients)
    return Row(what, apart(net.predict(x), outputs), apart(loss, value), difference)


def targets(kind: str, shape: Sequence[int], random: np.random.Generator) -> Array:
    classes = random.integers(shape[-1], size=shape[:-1])
    raw = random.uniform(0.1, 1.0, shape)
    kinds: dict[str, Array] = {
        "values": random.normal(size=shape),
        "counts": random.poisson(2.0, shape).astype(float),
        "signs": random.choice([-1.0, 1.0], shape),
        "bits": random.integers(0, 2, shape).astype(float),
        "probabilities": raw / raw.sum(axis=-1, keepdims=True),
        "one_hot": np.eye(shape[-1])[classes],
        "classes": classes,
    }
    chosen = kinds[kind]
    return chosen if kind == "classes" else chosen.astype(np.float32)


def first(layer: Callable[[str], Any], shape: tuple[int, ...]) -> Any:
    """A layer with weights, whose gradient comes through what stands behind it."""
    return layer("Dense")(UNITS) if len(shape) < 3 else layer(f"Conv{len(shape) - 1}D")(UNITS, 1)


def layers() -> list[Row]:
    """Each layer behind one with weights."""
    rows = []
    random = np.random.default_rng(1)
    for kind, given, options, shape in LAYERS:

        def build(source: Any, layer: Any, call: Any = (kind, given, options, shape)) -> tuple[Any, Any]:
            kind, given, options, shape = call
            x = source(shape)
            return x, layer(kind)(*given, **options)(first(layer, shape)(x))

        net, model = pair(build)
        x = random.normal(size=(ROWS, *shape)).astype(np.float32)
        y = random.uniform(0.1, 0.9, net.predict(x).shape).astype(np.float32)  # what every activation can give
        shown = ", ".join([*map(repr, given), *(f"{k}={v!r}" for k, v in options.items())])
        rows.append(compared(f"{kind}({shown})", net, model, x, y))
    for kind in MERGING:

        def merge(source: Any, layer: Any, kind: str = kind) -> tuple[Any, Any]:
            a, b = source(VECTOR), source(VECTOR)
            return [a, b], layer(kind)()([layer("Dense")(4)(a), layer("Dense")(4)(b)])

        net, model = pair(merge)
        both = [random.normal(size=(ROWS, *VECTOR)).astype(np.float32) for _ in range(2)]
        target = random.normal(size=net.predict(both).shape).astype(np.float32)
        rows.append(compared(kind, net, model, both, target))
    return [*rows, *ids_and_pools(random), attention(random)]


def ids_and_pools(random: np.random.Generator) -> list[Row]:
    """What takes ids, and what gives one vector for all steps or places."""
    import keras

    rows = []
    x = random.integers(0, 9, (ROWS, STEPS))
    y = random.normal(size=(ROWS, UNITS)).astype(np.float32)

    def words(source: Any, layer: Any) -> tuple[Any, Any]:
        given = source((STEPS,)) if source is pl.Input else source((STEPS,), dtype="int32")
        return given, layer("LSTM")(UNITS)(layer("Embedding")(9, 3, mask_zero=True)(given))

    rows.append(compared("Embedding(9, 3, mask_zero=True), LSTM(4)", *pair(words), x, y))
    for name, shape in itertools.product(("GlobalAveragePool", "GlobalMaxPool"), (IMAGE, VOLUME)):

        def pools(source: Any, layer: Any, name: str = name, shape: tuple[int, ...] = shape) -> tuple[Any, Any]:
            given = source(shape)
            theirs = getattr(keras.layers, name.replace("Pool", f"Pooling{len(shape) - 1}D"))
            return given, (layer(name) if source is pl.Input else theirs)()(first(layer, shape)(given))

        places = random.normal(size=(ROWS, *shape)).astype(np.float32)
        rows.append(compared(f"{name} of {'an image' if shape is IMAGE else 'a volume'}", *pair(pools), places, y))
    return rows


def attention(random: np.random.Generator) -> Row:
    def build(source: Any, layer: Any) -> tuple[Any, Any]:
        a, b = source(SEQUENCE), source((STEPS, 3))
        return [a, b], layer("MultiHeadAttention")(2, 3)(a, b)

    shapes = (SEQUENCE, (STEPS, 3), SEQUENCE)
    a, b, y = (random.normal(size=(ROWS, *shape)).astype(np.float32) for shape in shapes)
    return compared("MultiHeadAttention(2, 3)", *pair(build), [a, b], y)


def dense_pair(activation: str = "linear", units: int = 3) -> tuple[pl.Network, Any]:
    def build(source: Any, layer: Any) -> tuple[Any, Any]:
        x = source(VECTOR)
        return x, layer("Dense")(units, activation=activation)(layer("Dense")(5, activation="tanh")(x))

    return pair(build)


def losses() -> list[Row]:
    import keras

    rows = []
    random = np.random.default_rng(2)
    x = random.normal(size=(ROWS, *VECTOR)).astype(np.float32)
    for ours, theirs, options, activation, kind in LOSSES_OF:
        net, model = dense_pair(activation)
        y = targets(kind, (ROWS, 3), random)
        name = ours if isinstance(ours, str) else pl_loss_name(ours)
        rows.append(compared(f"loss {name}", net, model, x, y, ours, getattr(keras.losses, theirs)(**options)))
    return rows


def pl_loss_name(spec: Mapping[str, Any]) -> str:
    return str(spec["name"]) + "".join(f", {k}={v}" for k, v in spec.items() if k != "name")


def steps(what: str, net: pl.Network, model: Any, x: Any, y: Any, ours: Any, theirs: Any, **options: Any) -> Row:
    """Five steps on the same batch: their losses, and all weights after them."""
    loss, weights = options.get("loss", "mse"), options.get("loss_weights")
    model.compile(optimizer=theirs, loss=[loss] * len(weights) if weights else loss, loss_weights=weights)
    expected, found = [], []
    for _ in range(5):
        model.reset_metrics()
        value = model.train_on_batch(x, y)
        expected.append(float(value[0] if isinstance(value, list) else value))
        result = net.train_on_batch(x, y, optimizer=ours, loss=loss, loss_weights=weights)
        found.append(float(result["loss"] if isinstance(result, Mapping) else result))
    after = [apart(a, np.asarray(w)) for a, w in zip(as_keras(net.parameters), weights_of(model), strict=True)]
    predicted, known = net.predict(x), model.predict(x, verbose=0)
    if isinstance(predicted, Mapping):
        outputs = max(apart(a, b) for a, b in zip(predicted.values(), known, strict=True))
    else:
        outputs = apart(predicted, known)
    return Row(what, outputs, apart(found, expected), max(after))


def trainings() -> list[Row]:
    """Optimizers, frozen layers, and two outputs with weights of their losses."""
    import keras

    rows = []
    random = np.random.default_rng(3)
    x = random.normal(size=(ROWS, *VECTOR)).astype(np.float32)
    y = random.normal(size=(ROWS, 3)).astype(np.float32)
    for kind, options in OPTIMIZERS:
        ours, theirs = getattr(pl, kind)(**options), getattr(keras.optimizers, kind)(**options)
        shown = ", ".join(f"{k}={v}" for k, v in options.items())
        rows.append(steps(f"five steps of {kind}({shown})", *dense_pair(), x, y, ours, theirs))
    net, model = dense_pair()
    net.layers[0].trainable = model.layers[1].trainable = False
    rows.append(steps("five steps, first layer frozen", net, model, x, y, pl.Adam(0.01), keras.optimizers.Adam(0.01)))

    def fork(source: Any, layer: Any) -> tuple[Any, Any]:
        given = source(VECTOR)
        hidden = layer("Dense")(5, activation="tanh")(given)
        return given, [layer("Dense")(3)(hidden), layer("Dense")(2)(hidden)]

    both = [y, random.normal(size=(ROWS, 2)).astype(np.float32)]
    sgd = pl.SGD(0.1), keras.optimizers.SGD(0.1)
    rows.append(steps("five steps, loss_weights=[0.3, 2]", *pair(fork), x, both, *sgd, loss_weights=[0.3, 2.0]))
    return rows


def states() -> list[Row]:
    """States that are carried from batch to batch, and such as are given from one layer to another."""
    rows = []
    random = np.random.default_rng(4)
    x = random.normal(size=(3 * ROWS, STEPS, 3)).astype(np.float32)
    y = random.normal(size=(ROWS, STEPS, 2)).astype(np.float32)
    for kind in ("RNN", "LSTM", "GRU"):

        def carried(source: Any, layer: Any, kind: str = kind) -> tuple[Any, Any]:
            given = source((STEPS, 3)) if source is pl.Input else source(batch_shape=(ROWS, STEPS, 3))
            return given, layer("Dense")(2)(layer(kind)(UNITS, return_sequences=True, stateful=True)(given))

        net, model = pair(carried)
        for part in (x[:ROWS], x[ROWS : 2 * ROWS]):  # the third batch is compared, with the states of the second
            net.predict(part)
            model(part)
        ours = net.gradients(x[2 * ROWS :], y)
        outputs, value, gradients = keras_gradients(model, x[2 * ROWS :], lambda p: ((p - y) ** 2).mean())
        mine = {path: ours[1][path] for path in net.parameters}
        difference = gradients_apart(as_keras(mine), gradients)
        predicted = net.predict(x[2 * ROWS :])
        rows.append(Row(f"{kind}, stateful", apart(predicted, outputs), apart(ours[0], value), difference))

        def handed(source: Any, layer: Any, kind: str = kind) -> tuple[Any, Any]:
            a, b = source((STEPS, 3)), source((STEPS, 3))
            _, *ends = layer(kind)(UNITS, return_state=True)(a)
            first = ends if kind == "LSTM" or source is pl.Input else ends[0]
            return [a, b], layer("Dense")(2)(layer(kind)(UNITS, return_sequences=True)(b, initial_state=first))

        name = f"{kind}, return_state to initial_state"
        rows.append(compared(name, *pair(handed), [x[:ROWS], x[ROWS : 2 * ROWS]], y))
    return rows


PARTS: dict[str, Callable[[], list[Row]]] = {
    "layers": layers,
    "losses": losses,
    "trainings": trainings,
    "states": states,
}


@click.command(help=__doc__)
@click.option("--part", type=click.Choice(list(PARTS)), multiple=True, help="Which part; all by default.")
def main(part: tuple[str, ...]) -> None:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    print(f"{'':58}{'outputs':>10}{'loss':>10}{'gradients':>11}")
    failed = False
    for name in part or PARTS:
        for row in PARTS[name]():
            failed |= not row.kept
            numbers = f"{row.outputs:10.1e}{row.losses:10.1e}{row.gradients:11.1e}"
            print(f"{row.what:58}{numbers}{'' if row.kept else '  above the bound'}", flush=True)
    print(f"bounds: outputs {OUTPUTS:g}, losses {LOSSES:g}, gradients and weights {GRADIENTS:g}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
