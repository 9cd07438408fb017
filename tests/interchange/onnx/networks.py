"""Networks of every kind of layer, each with examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.functions import activations

STEPS = 6


def _plain(*layers: pl.Layer, shape: tuple[int, ...] = (STEPS, 3)) -> pl.Network:
    return pl.Network(*layers, input_shape=shape, engine="reference")


def _masked(*layers: pl.Layer) -> pl.Network:
    return _plain(pl.Masking(), *layers)


def _words(*layers: pl.Layer) -> pl.Network:
    return _plain(pl.Embedding(5, 3, mask_zero=True), *layers, shape=(STEPS,))


def _image(*layers: pl.Layer) -> pl.Network:
    return _plain(*layers, shape=(7, 6, 4))


def _volume(*layers: pl.Layer) -> pl.Network:
    return _plain(*layers, shape=(3, 5, 4, 2))


def _given_states() -> pl.Network:
    x, h, c = pl.Input((STEPS, 3)), pl.Input(4), pl.Input(4)
    there = pl.Masking()(x)
    states = pl.LSTM(4, return_sequences=True)(there, h, c)
    back = pl.LSTM(4, return_sequences=True, go_backwards=True)(states, h, c)
    both = pl.Bidirectional(pl.GRU(4))(back, h, c)
    return pl.Network(inputs=[x, h, c], outputs=[both, back])


def _given_mask() -> pl.Network:
    x, mask = pl.Input((STEPS, 3)), pl.Input(STEPS)
    there = pl.Masking()(x, mask)
    return pl.Network(inputs=[x, mask], outputs=pl.MultiHeadAttention(2, 3, causal=True)(there))


def _merged() -> pl.Network:
    image = pl.Input((6, 5, 2))
    x = pl.Conv2D(4, 3, padding="same", activation="relu")(image)
    y = pl.BatchNormalization(scale=False)(x)
    z = pl.Multiply()(pl.Add()(x, y), pl.Activation("silu")(x))
    row = pl.Flatten()(pl.Concatenate()(z, image))
    return pl.Network(inputs=image, outputs=[pl.Dense(3, activation="log_softmax")(row), z, pl.Dropout(0.5)(row)])


def _merged_otherwise() -> pl.Network:
    x, y = pl.Input((STEPS, 3)), pl.Input((STEPS, 3))
    there, noisy = pl.Masking()(x), pl.GaussianNoise(0.1)(y)
    mean, less = pl.Average()(there, noisy, x), pl.Subtract()(noisy, there)
    return pl.Network(inputs=[x, y], outputs=[pl.Maximum()(mean, less, y), pl.LSTM(2)(pl.Minimum()(mean, less))])


def _final_states() -> pl.Network:
    x = pl.Input((STEPS, 3))
    every, state, cell = pl.LSTM(4, return_sequences=True, return_state=True)(pl.Masking()(x))
    last, forward, backward = pl.Bidirectional(pl.GRU(4, return_state=True))(every)
    decoded = pl.LSTM(4)(pl.RepeatVector(3)(last), initial_state=[state, cell])
    return pl.Network(inputs=x, outputs=[decoded, pl.Add()(forward, backward, cell)])


def _shared() -> pl.Network:
    x, y = pl.Input(4), pl.Input(4)
    inner = pl.Network(pl.Dense(3, activation="tanh"), pl.LayerNormalization(center=False), input_shape=4)
    return pl.Network(inputs=[x, y], outputs=pl.Concatenate()(inner(x), inner(y)))


def _scaled() -> pl.Network:
    data = np.random.default_rng(3).normal(2, 3, (20, 4))
    return _plain(pl.Normalization().adapt(data), pl.Dense(4), pl.Normalization(invert=True).adapt(data), shape=(4,))


NETWORKS: dict[str, Callable[[], pl.Network]] = {
    "dense": lambda: _plain(pl.Dense(5, activation="relu"), pl.Dense(2, use_bias=False), shape=(4,)),
    "dense of steps": lambda: _plain(pl.Dense(5, activation="softmax")),
    "scaled": _scaled,
    "shared": _shared,
    "merged": _merged,
    "reshape": lambda: _plain(pl.Reshape((3, -1)), pl.Dropout(0.3), pl.Flatten(), shape=(6, 2)),
    "conv1d": lambda: _plain(pl.Conv1D(4, 3, strides=2, padding=(2, 1)), pl.AveragePool1D(2), pl.Activation("elu")),
    "conv2d": lambda: _image(
        pl.Conv2D(6, (3, 2), dilation_rate=(1, 2), groups=2, padding=((1, 0), (2, 1)), activation="softmax"),
        pl.MaxPool2D(2, strides=1, padding="same"),
        pl.MinPool2D((1, 2)),
        pl.AveragePool2D(3, strides=1, padding=1),
        pl.GlobalMaxPool(),
    ),
    "transposed": lambda: _image(
        pl.ConvTranspose2D(3, 2, strides=3, padding="same"),
        pl.ConvTranspose2D(2, 2, strides=(3, 1), activation="leaky_relu"),
        pl.GlobalAveragePool(),
    ),
    "volumes": lambda: _volume(
        pl.Conv3D(4, (3, 2, 1), dilation_rate=(1, 2, 1), groups=2, padding=((1, 0), (2, 1), (0, 0))),
        pl.SpatialDropout3D(0.3),
        pl.MaxPool3D((1, 2, 2), strides=1, padding="same"),
        pl.ConvTranspose3D(3, 2, strides=(2, 1, 3), padding="same", activation="softmax"),
        pl.MinPool3D((2, 1, 1)),
        pl.UpSampling3D((1, 2, 1)),
        pl.ZeroPadding3D(((0, 1), (0, 0), (2, 0))),
        pl.Cropping3D(((1, 1), (0, 0), (0, 1))),
        pl.BatchNormalization(),
        pl.PReLU(shared_axes=(1, 2, 3)),
        pl.AveragePool3D(2, strides=1, padding=1),
        pl.GlobalMaxPool(),
    ),
    "volumes as rows": lambda: _volume(pl.Conv3D(2, 2, activation="relu"), pl.Flatten(), pl.Dense(3)),
    "transposed 1d": lambda: _plain(pl.ConvTranspose1D(2, 4, strides=2, padding=1), pl.BatchNormalization()),
    "masked conv": lambda: _masked(pl.Conv1D(4, 3, padding="same"), pl.Conv1D(3, 2), pl.GlobalMaxPool()),
    "masked pool": lambda: _masked(
        pl.MaxPool1D(2, strides=1), pl.MinPool1D(2, strides=1), pl.AveragePool1D(2, strides=1), pl.GlobalAveragePool()
    ),
    "rnn": lambda: _plain(pl.RNN(4, activation="leaky_relu", return_sequences=True), pl.RNN(3, go_backwards=True)),
    "lstm": lambda: _plain(pl.LSTM(4, return_sequences=True, truncate=2), pl.LSTM(3, use_bias=False)),
    "gru": lambda: _plain(pl.GRU(4, reset_after=False, return_sequences=True), pl.GRU(3, activation="linear")),
    "masked rnn": lambda: _masked(pl.RNN(4, return_sequences=True), pl.RNN(3)),
    "masked lstm": lambda: _words(
        pl.LSTM(4, return_sequences=True), pl.LSTM(4, return_sequences=True, go_backwards=True), pl.LSTM(2)
    ),
    "masked both ways": lambda: _words(
        pl.Bidirectional(pl.GRU(4, return_sequences=True)), pl.Bidirectional(pl.LSTM(3), merge_mode="mul")
    ),
    "both ways": lambda: _plain(
        pl.Bidirectional(pl.RNN(4, return_sequences=True), merge_mode="sum"),
        pl.Bidirectional(pl.GRU(3, return_sequences=True), merge_mode="ave"),
    ),
    "given states": _given_states,
    "given mask": _given_mask,
    "merged otherwise": _merged_otherwise,
    "final states": _final_states,
    "depthwise": lambda: _image(
        pl.DepthwiseConv2D((3, 2), strides=2, padding="same", depth_multiplier=2, activation="softmax"),
        pl.SeparableConv2D(5, 2, dilation_rate=(1, 2), depth_multiplier=3, activation="relu"),
    ),
    "depthwise steps": lambda: _plain(
        pl.SeparableConv1D(4, 3, padding=(2, 1), use_bias=False), pl.DepthwiseConv1D(2, use_bias=False)
    ),
    "groups": lambda: _image(pl.Conv2D(4, 3), pl.GroupNormalization(2), pl.GroupNormalization(-1, scale=False)),
    "groups of features": lambda: _plain(pl.GroupNormalization(2, center=False), shape=(6,)),
    "prelu": lambda: _image(pl.PReLU(), pl.Conv2D(3, 2), pl.PReLU(shared_axes=(1, 2)), pl.SpatialDropout2D(0.5)),
    "masked prelu": lambda: _masked(pl.PReLU(shared_axes=1), pl.SpatialDropout1D(0.5), pl.LSTM(3)),
    "permute": lambda: _image(pl.Conv2D(3, 2), pl.Permute((3, 1, 2)), pl.Permute((2, 1, 3))),
    "repeated": lambda: _plain(pl.LSTM(3), pl.RepeatVector(4), pl.GRU(2, return_sequences=True)),
    "resized": lambda: _image(
        pl.ZeroPadding2D(((1, 0), (2, 3))),
        pl.Conv2D(3, 2),
        pl.UpSampling2D((2, 3)),
        pl.ZeroPadding2D(1),
        pl.Cropping2D(((1, 2), (0, 4))),
    ),
    "resized steps": lambda: _plain(
        pl.Cropping1D((1, 0)), pl.UpSampling1D(3), pl.ZeroPadding1D((0, 2)), pl.Conv1D(2, 2), pl.Cropping1D(1)
    ),
    "attention": lambda: _words(pl.MultiHeadAttention(2, 4, use_bias=False), pl.GlobalAveragePool()),
} | {
    f"activation {name}": lambda name=name: _plain(pl.Dense(5, activation=name), shape=(4,))
    for name in activations.ACTIVATIONS
}


def examples(net: pl.Network, count: int = 5) -> dict[str, NDArray[Any]]:
    """Random inputs, with steps of padding here and there."""
    rng = np.random.default_rng(1)
    given: dict[str, NDArray[Any]] = {}
    for path, tensor in net.reading().inputs.items():
        shape = (count, *net.input_shapes[path])
        if tensor.kind == "int":
            given[path] = rng.integers(0, 5, shape)
        else:
            given[path] = rng.normal(size=shape).astype(np.float32)
        if shape == (count, STEPS, 3):
            given[path] *= (rng.random((count, STEPS, 1)) < 0.6) | (np.arange(count) == 0)[:, None, None]
        if shape == (count, STEPS) and tensor.kind != "int":
            given[path] = (rng.random(shape) < 0.6).astype(np.float32)
    return given
