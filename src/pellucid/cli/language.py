"""Networks that read texts: what `train` and `generate` share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.training.stepper import continued

from ..data.ngram import Trigram
from ..data.text import Ids, Vocabulary, split_tail, text_windows, tokenize, unspaced
from ..default_layers import TEXT_HABITS, reading_layers
from ..errors import DataError, ModelFileError

KEY = "vocabulary"
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
        """See `reading_layers`."""
        parts = reading_layers(vocabulary, units=units, layers=layers, dropout=dropout)
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
        net = net.closed()
        (taken,), (given,) = net.input_shapes.values(), net.output_shapes.values()
        if len(taken) != 1 or len(vocabulary) < 2 or given != (*taken, len(vocabulary)):
            raise ModelFileError(f"{file} is damaged: its network and its vocabulary do not fit each other")
        return cls(net, vocabulary)

    @property
    def length(self) -> int:
        """How many tokens it reads at a time."""
        (shape,) = self.net.input_shapes.values()
        return int(shape[0])

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

    def continued(
        self, ids: Ids, count: int, *, temperature: float = 1.0, seed: int = 0
    ) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Token after token, each with the probabilities (after temperature) that it was drawn from; never `<unknown>`.

        See `pellucid.training.stepper.continued`.
        """
        return continued(self.net.stepper(), ids, count, temperature=temperature, seed=seed)


def prepared(
    text: str, *, by: str, lower: bool | None, size: int | None, length: int, name: str
) -> tuple[Vocabulary, Ids, Ids]:
    """The vocabulary of the first nine tenths of a text, those as ids, and the last tenth as ids.

    Raises:
        DataError: a text too short for a window in each part.
    """
    tokens = tokenize(text, by=by, lower=lower)
    if by == "word" and unspaced(text) > 0.3:
        click.echo(f"{name} has no spaces between its words: every character is read as a word, as --by char does.")
    if len(tokens) // 10 <= length:
        raise DataError(
            f"{name} holds {len(tokens)} {UNITS[by]}, expected at least {10 * (length + 1)} for windows of length"
            f" {length}, of which the last tenth is for testing: give a longer text or a smaller --length."
        )
    learned, tested = split_tail(tokens)
    vocabulary = Vocabulary.fit(learned, by=by, lower=lower, max_size=size)
    if len(vocabulary) < 3:  # <unknown> and one other
        raise DataError(_too_plain(name, by))
    return vocabulary, vocabulary.encode(learned), vocabulary.encode(tested)


def _too_plain(name: str, by: str) -> str:
    if by == "char":
        return f"{name} holds one character alone, expected several to choose from: give another text."
    return (
        f"{name} holds fewer than two words that occur twice, and a word seen once is <unknown>: give a longer text, "
        "or read it --by char."
    )


def windows_apart(ids: Ids, length: int, *, overlap: int, validation: float) -> tuple[tuple[Ids, Ids], tuple[Ids, Ids]]:
    """Windows to learn from, in which every token stands `overlap` times, and windows of stretches apart from them."""
    held_out = round(validation * len(ids))
    size = max(length + 1, min(32 * length, held_out))
    count = max(1, held_out // size)
    begins = ((np.arange(count) + 0.5) * len(ids) / count - size / 2).astype(np.int64)
    held = np.zeros(len(ids) + 1, dtype=np.int64)
    for begin in begins:
        held[begin + 1 : begin + size + 1] = 1
    held = held.cumsum()
    x, y = text_windows(ids, length, step=max(1, length // overlap))
    starts = np.arange(len(x)) * max(1, length // overlap)
    apart = held[starts + length + 1] == held[starts]
    if not apart.any():
        raise DataError(
            f"a fraction of {validation:g} of the text for validation leaves nothing to learn from: give less."
        )
    parts = [text_windows(ids[begin : begin + size], length) for begin in begins]
    return (x[apart], y[apart]), (np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts]))


def train(
    reader: Reader,
    ids: Ids,
    *,
    epochs: int,
    optimizer: pl.Optimizer,
    validation: float = 0.05,
    callbacks: Sequence[pl.Callback] = (),
    **options: Any,
) -> pl.History:
    """Fit to the text's windows, each of which begins without memory; from epoch to epoch the learning rate falls.

    A fraction of the text is for validation, in stretches from all over it: were it the end, the network would miss
    what the last tenth, on which it is tested, speaks of.
    """
    overlap = TEXT_HABITS[reader.vocabulary.by].overlap
    held: tuple[Ids, Ids] | None = None
    if validation:
        learned, held = windows_apart(ids, reader.length, overlap=overlap, validation=validation)
    else:
        learned = text_windows(ids, reader.length, step=max(1, reader.length // overlap))
    decay = pl.LearningRateSchedule(pl.CosineDecay(optimizer.initial_rate, epochs))
    return reader.net.fit(
        *learned,
        epochs=epochs,
        optimizer=optimizer,
        loss="crossentropy",
        validation_data=held,
        callbacks=[decay, *callbacks],
        **options,
    )


def report(reader: Reader, learned: Ids, tested: Ids) -> dict[str, float]:
    """Nats a token and perplexity on the last tenth, beside those of the trigram model that counted the same text."""
    by = reader.vocabulary.by
    trigram = Trigram(learned, len(reader.vocabulary)).nats(np.concatenate([learned[-2:], tested]))
    unknown = float((tested == 0).mean())
    click.echo(f"on the last tenth, {len(tested)} {UNITS[by]}, of which {unknown:.1%} are <unknown>:")
    own = reader.nats(tested, before=learned)
    for name, nats in (("network", own), ("interpolated trigram", trigram)):
        click.echo(f"  {name:21} {nats:.3f} nats a {UNITS[by][:-1]}, perplexity {np.exp(nats):.1f}")
    return {"nats": own, "perplexity": float(np.exp(own)), "trigram_perplexity": float(np.exp(trigram))}
