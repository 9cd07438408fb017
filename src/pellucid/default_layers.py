"""The layers that learn a table, images, a text or a series where nobody asks for others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Dataset, Vocabulary
from pellucid.errors import DataError
from pellucid.layers import LSTM, Conv2D, Dense, Dropout, Embedding, Flatten, MaxPool2D, Normalization
from pellucid.layers.base import Layer
from pellucid.messages import gettext

TEST_SIZE = 0.2
"""The fraction of a data set that is kept to judge by."""


@dataclass(frozen=True)
class TextHabits:
    """What a network that reads texts is and how it learns, where nothing else is asked for.

    `overlap` is how many windows every token stands in, `updates` about how many updates an epoch has. On
    Shakespeare's plays these reach 1.65 nats a character, and by word a perplexity of 139 where the trigram model's is
    161. Words take dropout: a short text is soon learned by heart.
    """

    length: int
    units: int
    dropout: float
    overlap: int
    epochs: int
    updates: int

    def batch_size(self, tokens: int, length: int) -> int:
        """A power of two from 8 to 64: a short text is learned in small batches, or it would be seen too few times."""
        windows = tokens * self.overlap // length
        return int(2 ** np.clip(np.floor(np.log2(max(windows / self.updates, 1))), 3, 6))

    def step(self, length: int) -> int:
        """How many tokens after one window the next begins."""
        return max(1, length // self.overlap)


TEXT_HABITS = {
    "char": TextHabits(length=64, units=128, dropout=0.0, overlap=3, epochs=4, updates=650),
    "word": TextHabits(length=32, units=192, dropout=0.4, overlap=1, epochs=8, updates=200),
}
TEXT_RATE = 4e-3
"""Of Adam, at the start."""
SERIES_WINDOW, SERIES_UNITS = 20, 16
"""How many past changes of a series are seen, and by how many units of an LSTM."""
SERIES_RATE, SERIES_BATCH = 2e-3, 64
"""Of Adam; and examples in an update."""


def default_hidden(convolves: bool) -> tuple[int, ...]:
    """The units of each hidden layer."""
    return (64,) if convolves else (64, 32)


def example_layers(
    data: Dataset,
    *,
    convolves: bool,
    hidden: Sequence[int] | None = None,
    activations: Sequence[str] | None = None,
) -> list[Layer]:
    """Layers from the examples of a table or of images to its classes, or to a quantity that was scaled.

    Args:
        data: what is learned from: the columns of a table are brought to its scale.
        convolves: whether images pass through convolutions first.
        hidden: the units of each hidden layer.
        activations: one for each hidden layer; the convolutions take the first.

    Raises:
        DataError: a single class.
    """
    units = default_hidden(convolves) if hidden is None else tuple(hidden)
    activations = ["relu"] * len(units) if activations is None else activations
    classes = data.class_names
    if classes is not None and len(classes) < 2:
        raise DataError(
            gettext('{name} has one class, "{value}", expected at least two.', name=data.name, value=classes[0])
        )
    x = data.x
    return [
        *(_convolutions(x.shape[1], x.shape[2], next(iter(activations), "relu")) if convolves else []),
        *([Flatten()] if x.ndim == 4 else [Normalization().adapt(x)]),
        *(Dense(width, activation=name) for width, name in zip(units, activations[: len(units)], strict=True)),
        Dense(1) if classes is None else Dense(len(classes), activation="softmax"),
    ]


def original_units(y: NDArray[Any]) -> Layer:
    """The layer that leads from a quantity of mean 0 and deviation 1 back to that of y (n,)."""
    return Normalization(invert=True).adapt(y)


def reading_layers(
    vocabulary: Vocabulary, *, units: int | None = None, layers: int = 1, dropout: float | None = None
) -> list[Layer]:
    """Embedding, one or several layers of LSTM, softmax over the vocabulary; dropout after each but the last."""
    habits = TEXT_HABITS[vocabulary.by]
    units, dropout = units or habits.units, habits.dropout if dropout is None else dropout
    parts: list[Layer] = [Embedding(len(vocabulary), min(units, 128)), *([Dropout(dropout)] if dropout else [])]
    for _ in range(layers):
        parts += [LSTM(units, return_sequences=True), *([Dropout(dropout)] if dropout else [])]
    return [*parts, Dense(len(vocabulary), activation="softmax")]


def forecasting_layers() -> list[Layer]:
    """Layers from past changes of a series (window, 1) to the change ahead."""
    return [LSTM(SERIES_UNITS), Dense(1)]


def _convolutions(height: int, width: int, activation: str) -> list[Layer]:
    """Convolution and pooling in turn, with more filters as the image gets smaller, down to less than 8 pixels."""
    layers: list[Layer] = []
    filters = 16
    while min(height, width) >= 8 and filters <= 128:
        layers += [Conv2D(filters, 3, padding="same", activation=activation), MaxPool2D(2)]
        height, width, filters = height // 2, width // 2, filters * 2
    return layers or [Conv2D(filters, 3, padding="same", activation=activation)]
