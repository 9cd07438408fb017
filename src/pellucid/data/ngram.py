"""A trigram model with interpolated estimates: what a language model of counts reaches on the same text.

    p(w | u, v) = λ₃·c(u,v,w)/c(u,v) + λ₂·c(v,w)/c(v) + λ₁·c(w)/n + λ₀/V

A context never seen passes its fraction on to the shorter one. The weights λ depend on how often the context (u, v) was
seen, in classes 0, 1, 2–3, 4–7, …; they are found by expectation maximisation on text that was not counted.

Source: F. Jelinek and R. L. Mercer, "Interpolated estimation of Markov source parameters from sparse data", 1980.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import as_labels, check_integer
from ..errors import DataError
from .text import split_tail

Ids = NDArray[np.int64]
_CLASSES = 8  # of contexts, by how often they were seen: the last is 64 times or more
_ROUNDS = 50


class Trigram:
    """The model of module ``ngram``, fitted to a sequence of token numbers.

    Args:
        ids: (tokens,) integers from 0 to ``size`` - 1, at least 30.
        size: the number of different tokens, V.
        held_out: the last fraction of ``ids``, on which the weights are found; the counts are then taken on all of it.
    """

    def __init__(self, ids: ArrayLike, size: int, *, held_out: float = 0.1) -> None:
        self.size = check_integer(size, "size", minimum=1, below=1 << 20)  # three of them fit into 63 bits
        array = as_labels(ids, self.size, what="ids")
        if array.ndim != 1 or len(array) < 30:
            raise DataError(f"a trigram model needs at least 30 tokens in a row, got the shape {array.shape}.")
        counted, rest = split_tail(array, held_out)
        self._count(counted)
        self.weights = self._tuned(np.concatenate([counted[-2:], rest]))
        self._count(array)

    def log_probabilities(self, ids: ArrayLike) -> NDArray[np.float64]:
        """ln p of each token from the third on, given the two before it: (tokens - 2,)."""
        array = as_labels(ids, self.size, what="ids")
        if array.ndim != 1 or len(array) < 3:
            raise DataError(f"a trigram model judges sequences of at least 3 tokens, got the shape {array.shape}.")
        parts, kinds = self._parts(array)
        return np.asarray(np.log((self.weights[kinds] * parts).sum(axis=1)))

    def nats(self, ids: ArrayLike) -> float:
        """The mean of −ln p over the sequence, in nats a token; its exponential is the perplexity."""
        return float(-self.log_probabilities(ids).mean())

    def _count(self, ids: Ids) -> None:
        size = self.size
        self._one = np.bincount(ids, minlength=size) / len(ids)
        pairs = ids[:-1] * size + ids[1:]
        self._singles = np.bincount(ids[:-1], minlength=size)  # as contexts: the last token has no successor
        self._pairs = np.unique(pairs, return_counts=True)
        self._contexts = np.unique(pairs[:-1], return_counts=True)
        self._triples = np.unique(pairs[:-1] * size + ids[2:], return_counts=True)

    def _parts(self, ids: Ids) -> tuple[NDArray[np.float64], Ids]:
        """The four estimates of each token from the third on (tokens - 2, 4), and the class of its context."""
        u, v, w = ids[:-2], ids[1:-1], ids[2:]
        one = self._one[w]
        single = self._singles[v]
        two = np.where(single > 0, _found(self._pairs, v * self.size + w) / np.maximum(single, 1), one)
        context = _found(self._contexts, u * self.size + v)
        three = _found(self._triples, (u * self.size + v) * self.size + w) / np.maximum(context, 1)
        three = np.where(context > 0, three, two)
        uniform = np.full(len(w), 1 / self.size)
        kinds = np.minimum(np.frexp(context)[1], _CLASSES - 1)  # frexp's exponent: 0, 1, 2, 2, 3, 3, 3, 3, 4, …
        return np.stack([three, two, one, uniform], axis=1), kinds.astype(np.int64)

    def _tuned(self, ids: Ids) -> NDArray[np.float64]:
        """The weights (classes, 4) that make the held-out text most likely; each row sums to 1."""
        parts, kinds = self._parts(ids)
        weights = np.full((_CLASSES, 4), 0.25)
        for _ in range(_ROUNDS):
            fractions = weights[kinds] * parts
            fractions /= fractions.sum(axis=1, keepdims=True)
            # one imagined token in each estimate keeps every weight, and so every probability, above 0
            sums = np.stack([np.bincount(kinds, fractions[:, k], _CLASSES) for k in range(4)], axis=1) + 0.25
            weights = sums / sums.sum(axis=1, keepdims=True)
        return weights


def _found(table: tuple[NDArray[Any], NDArray[Any]], keys: Ids) -> NDArray[np.int64]:
    """The counts of the keys, 0 where the table does not hold them."""
    known, counts = table
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, counts[place], 0)
