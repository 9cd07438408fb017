"""Networks that read texts: what `train` and `generate` share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data.ngram import Trigram
from ..data.text import Ids, Vocabulary, split_tail, text_windows, tokenize
from ..errors import DataError, ModelFileError

KEY = "vocabulary"
DROPOUT = {"char": 0.0, "word": 0.4}  # the words of a short text are soon learned by heart
LEARNING_RATE = 3e-3  # of Adam
BATCH = 16
NOTE = {
    "char": "every character is a token",
    "word": "words and marks of punctuation are tokens, in lower case; a word seen once is <unknown>",
}
UNITS = {"char": "characters", "word": "words"}


@dataclass(frozen=True)
class Reader:
    """A network from ids (n, length) to the probabilities of the token after each, (n, length, tokens)."""

    net: pl.Network
    vocabulary: Vocabulary

    @classmethod
    def build(
        cls,
        vocabulary: Vocabulary,
        *,
        length: int,
        units: int,
        layers: int = 1,
        dropout: float | None = None,
        seed: int = 0,
    ) -> Reader:
        """Embedding, one or several layers of LSTM, softmax over the vocabulary; dropout after each but the last."""
        dropout = DROPOUT[vocabulary.by] if dropout is None else dropout
        drop = [pl.Dropout(dropout)] if dropout else []
        parts: list[pl.Layer] = [pl.Embedding(len(vocabulary), min(units, 128)), *drop]
        for _ in range(layers):
            parts += [pl.LSTM(units, return_sequences=True), *([pl.Dropout(dropout)] if dropout else [])]
        parts.append(pl.Dense(len(vocabulary), activation="softmax"))
        net = pl.Network(*parts, input_shape=(length,), seed=seed)
        net.metadata[KEY] = vocabulary.config()
        return cls(net, vocabulary)

    @classmethod
    def read(cls, net: pl.Network, file: str) -> Reader:
        """The reader of a saved network.

        Raises:
            ModelFileError: the network did not learn from a text.
        """
        if KEY not in net.metadata:
            raise ModelFileError(f"{file} did not learn from a text, expected a model of  pellucid train TEXT.txt")
        vocabulary = Vocabulary.restored(net.metadata[KEY])
        (taken,), (given,) = net.input_shapes.values(), net.output_shapes.values()
        if len(taken) != 1 or given != (*taken, len(vocabulary)):
            raise ModelFileError(f"{file} is damaged: its network and its vocabulary do not fit each other")
        return cls(net, vocabulary)

    @property
    def length(self) -> int:
        """How many tokens it reads at a time."""
        (shape,) = self.net.input_shapes.values()
        return shape[0]

    def nats(self, ids: Ids, *, before: Ids) -> float:
        """The mean of −ln p over a text, in nats a token; `before` is what stands before it.

        Windows overlap, so that each token is judged after at least half a window. The last tokens, which fill no
        window, are left out.
        """
        half = self.length // 2
        x, y = text_windows(np.concatenate([before[-half - 1 :], ids]), self.length, step=self.length - half)
        sums = []
        for start in range(0, len(x), 64):
            rows = slice(start, start + 64)
            p = np.take_along_axis(self.net.predict(x[rows]), y[rows, :, None], axis=2)[:, half:, 0]
            sums.append(-np.log(np.maximum(p, 1e-30)).sum(dtype=np.float64))
        return float(sum(sums)) / (len(x) * (self.length - half))

    def next(self, ids: Ids) -> NDArray[np.float64]:
        """The probabilities of the token after these, (tokens,); the last `length` of them are read."""
        seen = ids[-self.length :]
        window = np.zeros((1, self.length), dtype=np.int64)
        window[0, : len(seen)] = seen  # what stands after them changes nothing: the network reads from left to right
        return np.asarray(self.net.predict(window)[0, len(seen) - 1], dtype=np.float64)

    def continued(
        self, ids: Ids, count: int, *, temperature: float = 1.0, seed: int = 0
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Token after token, each with the probabilities (after temperature) that it was drawn from; never `<unknown>`.

        A temperature below 1 prefers the likely, 0 always takes the likeliest. The number drawn at a step depends on
        the seed and the step alone.
        """
        for step in range(count):
            p = warmed(self.next(ids), temperature)
            if temperature == 0:
                chosen = int(p.argmax())
            else:
                random = np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64))).random()
                chosen = min(int(np.searchsorted(np.cumsum(p), random, side="right")), int(np.flatnonzero(p)[-1]))
            ids = np.append(ids, chosen)
            yield chosen, p


def warmed(p: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """p^(1/temperature), without `<unknown>`, brought to the sum 1; at temperature 0 all of it on the likeliest."""
    logs = np.log(np.maximum(p, 1e-30))
    logs[0] = -np.inf
    logs -= logs.max()
    raised = np.exp(logs / temperature) if temperature > 0 else (logs == 0).astype(np.float64)
    return np.asarray(raised / raised.sum())


def prepared(
    text: str, *, by: str, lower: bool | None, size: int | None, length: int, name: str
) -> tuple[Vocabulary, Ids, Ids]:
    """The vocabulary of the first nine tenths of a text, those as ids, and the last tenth as ids.

    Raises:
        DataError: a text too short for a window in each part.
    """
    tokens = tokenize(text, by=by, lower=lower)
    if len(tokens) // 10 <= length:
        raise DataError(
            f"{name} holds {len(tokens)} {UNITS[by]}, expected at least {10 * (length + 1)} for windows of length"
            f" {length}, of which the last tenth is for testing: give a longer text or a smaller --length."
        )
    learned, tested = split_tail(tokens)
    vocabulary = Vocabulary.fit(learned, by=by, lower=lower, size=size)
    return vocabulary, vocabulary.encode(learned), vocabulary.encode(tested)


def train(reader: Reader, ids: Ids, *, validation: float = 0.05, **options: Any) -> pl.History:
    """Fit to the text's windows, each of which begins without memory; the last share of them is for validation."""
    x, y = text_windows(ids, reader.length)
    return reader.net.fit(x, y, loss="crossentropy", validation_split=validation, **options)


def report(reader: Reader, learned: Ids, tested: Ids) -> None:
    """Nats a token and perplexity on the last tenth, beside those of the trigram model that counted the same text."""
    by = reader.vocabulary.by
    trigram = Trigram(learned, len(reader.vocabulary)).nats(np.concatenate([learned[-2:], tested]))
    unknown = float((tested == 0).mean())
    click.echo(f"on the last tenth, {len(tested)} {UNITS[by]}, of which {unknown:.1%} are <unknown>:")
    for name, nats in (("network", reader.nats(tested, before=learned)), ("interpolated trigram", trigram)):
        click.echo(f"  {name:21} {nats:.3f} nats a {UNITS[by][:-1]}, perplexity {np.exp(nats):.1f}")
