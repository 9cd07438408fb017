"""Sequences written by an encoder–decoder: token after token, each fed back, greedily or along several beams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.errors import DataError, nearest
from pellucid.habits import spelled
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict
from pellucid.training.inputs.feeds import inputs

Ids = NDArray[np.int64]
TOLERANCE = 1e-4
"""By how much what a decoder gives for a step may change by rounding while later steps are filled in."""


@spelled
def decode(
    net: BaseNetwork,
    x: Any,
    *,
    start: int,
    end: int | None = None,
    max_length: int | None = None,
    num_beams: int = 1,
    length_penalty: float = 0.0,
    written: str | None = None,
    batch_size: int = 256,
    engine: str | None = None,
) -> list[Ids]:
    """What an encoder–decoder writes for each example: an array of token ids each, (tokens,), without start and end.

    The network is one that was trained by teacher forcing: one of its inputs is what is written so far, ids (n, t) that
    begin with `start`, and its output (n, t, tokens) ends in softmax, step t the probabilities of the token that comes
    next. Here each token that is chosen is fed back.

        net.fit({"question": q, "written": y[:, :-1]}, y[:, 1:])
        net.decode({"question": q}, start=0, end=1, max_length=20)

    Args:
        x: all inputs but what is written: a dict by path, or an array if it is one. Where the decoder has other inputs
            with a step for each token, they have max_length steps.
        start, end: the ids that the sequences begin and end with; without an end, all get max_length tokens.
        max_length: the maximum number of tokens, the end among them; the length that the network takes, where that is
            fixed.
        num_beams: 1 takes the likeliest token at each step (greedy); more keep so many of the likeliest beginnings, and
            give the likeliest sequence of those that are left in the end.
        length_penalty: α, beams are compared by (Σ log p)/lengthᵅ; above 0 prefers longer sequences.
        written: the path of the input with what is written; the last input by default.
        batch_size: how many sequences are computed at once.
        engine: which engine computes, the network's own by default.

    Source: Sutskever, Vinyals & Le, Sequence to sequence learning with neural networks, NIPS 2014, section 3.2.

    Raises:
        DataError: examples that the network cannot take, or a network that is no such decoder: with several outputs,
            another activation, or steps that look at later ones.
    """
    path, length, tokens = _decoder(net, written, max_length)
    steps = length if max_length is None else max_length
    start = check_integer(start, "start", minimum=0)
    if end is not None and check_integer(end, "end", minimum=0) >= tokens:
        raise DataError(f"end is {end}, expected one of the tokens that the network gives, 0 to {tokens - 1}")
    beams = check_integer(num_beams, "num_beams", minimum=1)
    if isinstance(length_penalty, bool) or not math.isfinite(length_penalty):
        raise DataError(f"length_penalty is {length_penalty!r}, expected a finite number")
    given: dict[str, Any] = dict(x) if isinstance(x, Mapping) else {p: x for p in net.input_shapes if p != path}
    if not isinstance(x, Mapping) and len(given) != 1:
        raise DataError(f"x is one array, expected a dict with the keys {', '.join(given)}")
    if path in given:
        raise DataError(f'x has the key "{path}", which is what is written here: leave it out')
    n = len(np.asarray(next(iter(given.values())))) if given else 0
    arrays = inputs(net, {**given, path: np.full((n, length), start)})
    search = _Search(n, beams, arrays[path].shape[1], steps, start, end)
    while (rows := search.unfinished()).any():
        batch = {p: np.repeat(a, search.beams, axis=0)[rows] for p, a in arrays.items()}
        batch[path] = search.read[rows]
        probabilities = predict(net, batch, batch_size=batch_size, engine=engine)
        search.take(rows, probabilities)
    return search.best(float(length_penalty))


class _Search:
    """Beams of n sequences, one row for each: what was read, and the log probability of what was written."""

    def __init__(self, n: int, beams: int, length: int, steps: int, start: int, end: int | None) -> None:
        self.n, self.beams, self.steps, self.end = n, beams, steps, end
        self.step = 0
        self.read: Ids = np.full((n * beams, length), start, np.int64)
        self._written: Ids = np.zeros((n * beams, steps), np.int64)
        self._lengths = np.zeros(n * beams, np.int64)
        self._ended = np.zeros(n * beams, bool)
        # at first all beams are the same: only the first of them counts
        self._logs = np.where(np.arange(n * beams) % beams == 0, 0.0, -np.inf)
        self._before: NDArray[Any] | None = None

    def unfinished(self) -> NDArray[np.bool_]:
        """The rows that get another token; dead beams get none."""
        return ~self._ended & np.isfinite(self._logs) & (self.step < self.steps)

    def take(self, rows: NDArray[np.bool_], probabilities: NDArray[Any]) -> None:
        """The next token of every row, from the probabilities (rows, length, tokens) of those that are unfinished."""
        self._check_causal(rows, probabilities)
        tokens = probabilities.shape[-1]
        with np.errstate(divide="ignore"):
            logs = np.log(probabilities[:, self.step].astype(np.float64))
        scores = np.full((len(rows), tokens), -np.inf)
        scores[rows] = self._logs[rows, None] + logs
        scores[self._ended, 0] = self._logs[self._ended]  # a sequence that has ended stays as it is
        scores = scores.reshape(self.n, self.beams * tokens)
        chosen = np.argsort(-scores, axis=1, kind="stable")[:, : self.beams]
        self._logs = np.take_along_axis(scores, chosen, axis=1).reshape(-1)
        source = (chosen // tokens + np.arange(self.n)[:, None] * self.beams).reshape(-1)
        token = (chosen % tokens).reshape(-1)
        self.read, self._written = self.read[source], self._written[source]
        self._lengths, self._ended = self._lengths[source], self._ended[source]
        going = ~self._ended
        if self._before is not None:
            self._before = self._before[source]
        self._written[going, self.step] = token[going]
        self._lengths[going] += 1
        if self.end is not None:
            self._ended |= going & (token == self.end)
        self.step += 1
        if self.step < self.steps:
            self.read[going, self.step] = token[going]

    def best(self, penalty: float) -> list[Ids]:
        """The likeliest sequence of each example."""
        scores = self._logs / np.maximum(self._lengths, 1) ** penalty
        first = scores.reshape(self.n, self.beams).argmax(axis=1) + np.arange(self.n) * self.beams
        return [self._written[row, : self._lengths[row] - self._ended[row]] for row in first]

    def _check_causal(self, rows: NDArray[np.bool_], probabilities: NDArray[Any]) -> None:
        """Refuse a network whose step 0, kept from the first call, changes with the tokens that are filled in later."""
        if self._before is None:
            self._before = np.zeros((len(rows), probabilities.shape[-1]))
            self._before[rows] = probabilities[:, 0]
            if self.beams > 1:  # rows that were not computed are copies of the first beam
                first = self._before.reshape(self.n, self.beams, -1)
                first[:] = first[:, :1]
        elif np.abs(self._before[rows] - probabilities[:, 0]).max(initial=0) > TOLERANCE:
            raise DataError(
                "what the network gives for the first token changes with the tokens that are written later, which are "
                "not known while it writes: its decoder has to look back alone (recurrent layers that read forwards, "
                "MultiHeadAttention(…, causal=True))"
            )


def _decoder(net: BaseNetwork, written: str | None, max_length: int | None) -> tuple[str, int, int]:
    """The path of the input with what is written, the length to write, and how many tokens there are."""
    net.check_stateless("decode begins every sequence anew, and this network carries states from batch to batch")
    paths = list(net.input_shapes)
    path = paths[-1] if written is None else written
    if path not in paths:
        raise DataError(f'the network has no input "{path}", only {", ".join(paths)}.{nearest(path, paths)}')
    shape, ends = net.input_shapes[path], list(net.output_shapes.items())
    if len(paths) < 2 or len(shape) != 1 or len(ends) != 1 or len(ends[0][1]) != 2:
        raise DataError(
            f"decode takes a network of two inputs or more, one of them ids (n, t) of what is written, and of one "
            f"output (n, t, tokens), got inputs {net.input_shapes} and outputs {net.output_shapes}; one that goes on "
            "with a text by itself is fed by net.stepper()"
        )
    if (last := net.reading().last[ends[0][0]].activation) != "softmax":
        raise DataError(f"decode takes the probabilities of softmax, but {ends[0][0]} ends in {last}")
    if max_length is None and shape[0] is None:
        raise DataError("max_length is missing: the network writes sequences of any length, so say when to stop")
    length = check_integer(shape[0] if max_length is None else max_length, "max_length", minimum=1)
    if shape[0] is not None and length != shape[0]:
        if length > shape[0]:
            raise DataError(f"max_length is {length}, but {path} takes {shape[0]} steps: expected at most so many")
        length = shape[0]
    return path, length, int(ends[0][1][-1])
