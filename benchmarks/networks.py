"""The networks that are measured, each a function of the sizes that may grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import pellucid as pl

LETTERS: Final = 65
"""The characters of a text by Shakespeare."""


@dataclass(frozen=True)
class Sizes:
    """What grows: the steps of a sequence, the units of the first hidden layer (or of every recurrent one), and the
    entries of the vocabulary. A network without such a thing does not look at it."""

    length: int = 1
    width: int = 1
    vocabulary: int = LETTERS


def _sequential(*layers: pl.Layer, shape: tuple[int, ...], dtype: Any = np.float32) -> pl.Network:
    return pl.Network(*layers, input_shape=shape, seed=0, engine="llvm", dtype=dtype)


def _mlp(sizes: Sizes, dtype: Any = np.float32) -> pl.Network:
    return _sequential(
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(64, activation="relu"),
        pl.Dense(10, activation="softmax"),
        shape=(784,),
        dtype=dtype,
    )


def mlp(sizes: Sizes) -> pl.Network:
    return _mlp(sizes)


def mlp64(sizes: Sizes) -> pl.Network:
    return _mlp(sizes, np.float64)


def table(sizes: Sizes) -> pl.Network:
    return _sequential(pl.Dense(sizes.width, activation="relu"), pl.Dense(2, activation="softmax"), shape=(30,))


def wide(sizes: Sizes) -> pl.Network:
    return _sequential(
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(10, activation="softmax"),
        shape=(1024,),
    )


def lenet(sizes: Sizes) -> pl.Network:
    return _sequential(
        pl.Conv2D(6, kernel_size=5, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, kernel_size=5, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(84, activation="relu"),
        pl.Dense(10, activation="softmax"),
        shape=(28, 28, 1),
    )


def cnn(sizes: Sizes) -> pl.Network:
    return _sequential(
        pl.Conv2D(32, kernel_size=3, activation="relu"),
        pl.Conv2D(64, kernel_size=3, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(10, activation="softmax"),
        shape=(28, 28, 1),
    )


def vgg(sizes: Sizes) -> pl.Network:
    filters = [pl.Conv2D(f, kernel_size=3, padding="same", activation="relu") for f in (32, 32, 64, 64)]
    return _sequential(
        *filters[:2],
        pl.MaxPool2D(2),
        *filters[2:],
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(sizes.width, activation="relu"),
        pl.Dense(10, activation="softmax"),
        shape=(32, 32, 3),
    )


def resnet(sizes: Sizes) -> pl.Network:
    """Three blocks of two convolutions each, as He et al. (2016) have them for images of 32×32."""
    x = image = pl.Input((32, 32, 3))
    x = normalised(x, 16, relu=True)
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        inner = normalised(normalised(x, filters, stride=stride, relu=True), filters)
        shortcut = x if stride == 1 else normalised(x, filters, size=1, stride=stride)
        x = pl.Activation("relu")(pl.Add()(inner, shortcut))
    scores = pl.Dense(10, activation="softmax")(pl.GlobalAveragePool()(x))
    return pl.Network(inputs=image, outputs=scores, seed=0, engine="llvm")


def normalised(x: Any, filters: int, *, size: int = 3, stride: int = 1, relu: bool = False) -> Any:
    """A convolution without a bias, which batch normalisation would take away again, and its normalisation."""
    x = pl.Conv2D(filters, kernel_size=size, strides=stride, padding=size // 2, use_bias=False)(x)
    x = pl.BatchNormalization()(x)
    return pl.Activation("relu")(x) if relu else x


def conv1d(sizes: Sizes) -> pl.Network:
    """Six sensors, as for activities from an accelerometer."""
    return _sequential(
        pl.Conv1D(32, kernel_size=8, strides=2, activation="relu"),
        pl.Conv1D(64, kernel_size=5, strides=2, activation="relu"),
        pl.Conv1D(64, kernel_size=3, strides=2, activation="relu"),
        pl.GlobalAveragePool(),
        pl.Dense(6, activation="softmax"),
        shape=(sizes.length, 6),
    )


def _text(sizes: Sizes, *recurrent: pl.Layer, features: int = 128) -> pl.Network:
    return _sequential(
        pl.Embedding(sizes.vocabulary, features),
        *recurrent,
        pl.Dense(sizes.vocabulary, activation="softmax"),
        shape=(sizes.length,),
    )


def rnn(sizes: Sizes) -> pl.Network:
    return _text(sizes, pl.RNN(sizes.width, return_sequences=True))


def lstm(sizes: Sizes) -> pl.Network:
    return _text(sizes, pl.LSTM(sizes.width, return_sequences=True))


def lstm2(sizes: Sizes) -> pl.Network:
    return _text(sizes, *(pl.LSTM(sizes.width, return_sequences=True) for _ in range(2)))


def words(sizes: Sizes) -> pl.Network:
    both = (pl.LSTM(sizes.width, return_sequences=True) for _ in range(2))
    return _text(sizes, *both, features=200)


def bilstm(sizes: Sizes) -> pl.Network:
    return _sequential(
        pl.Embedding(sizes.vocabulary, 100),
        pl.Bidirectional(pl.LSTM(sizes.width)),
        pl.Dense(2, activation="softmax"),
        shape=(sizes.length,),
    )


def gru(sizes: Sizes) -> pl.Network:
    return _sequential(pl.GRU(sizes.width), pl.Dense(1), shape=(sizes.length, 8))


def transformer(sizes: Sizes) -> pl.Network:
    """Two blocks with the normalisation in front of each part (Xiong et al. 2020); steps know their order by what they
    may look at alone."""
    width, heads = sizes.width, 4
    text = pl.Input((sizes.length,))
    x = pl.Embedding(sizes.vocabulary, width)(text)
    for _ in range(2):
        attended = pl.MultiHeadAttention(heads, width // heads, causal=True)(pl.LayerNormalization()(x))
        x = pl.Add()(x, attended)
        hidden = pl.Dense(4 * width, activation="relu")(pl.LayerNormalization()(x))
        x = pl.Add()(x, pl.Dense(width)(hidden))
    letters = pl.Dense(sizes.vocabulary, activation="softmax")(pl.LayerNormalization()(x))
    return pl.Network(inputs=text, outputs=letters, seed=0, engine="llvm")


def autoencoder(sizes: Sizes) -> pl.Network:
    """Images to 7×7 places and back; its targets are its images."""
    return _sequential(
        pl.Conv2D(16, kernel_size=3, strides=2, padding=1, activation="relu"),
        pl.Conv2D(32, kernel_size=3, strides=2, padding=1, activation="relu"),
        pl.ConvTranspose2D(16, kernel_size=4, strides=2, padding=1, activation="relu"),
        pl.ConvTranspose2D(1, kernel_size=4, strides=2, padding=1, activation="sigmoid"),
        shape=(28, 28, 1),
    )
