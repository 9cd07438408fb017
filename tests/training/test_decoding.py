"""Sequences that an encoder–decoder writes: the likeliest, found by trying all; and networks that can write none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import DataError

TOKENS, STEPS, START, END = 4, 4, 4, 0


def chain(steps: int | None = STEPS, *, seed: int = 0) -> pl.Network:
    """Its next token depends on the one before and on what x has for the step: small enough to try all sequences."""
    x, y = pl.Input((steps, TOKENS), name="x"), pl.Input((steps,), name="written")
    told = pl.Embedding(TOKENS + 1, TOKENS, embeddings_initializer="he_normal", name="table")(y)
    return pl.Network(inputs=[x, y], outputs=pl.Activation("softmax")(pl.Add()(told, x)), seed=seed)


def likeliest(net: pl.Network, x: np.ndarray, alpha: float = 0.0) -> tuple[list[int], float]:
    """Of all sequences that end at their first END or are STEPS long, by the table itself."""
    table = net.parameters["table.embeddings"].astype(np.float64)
    best, best_score = [], -np.inf
    for length in range(1, STEPS + 1):
        for tokens in itertools.product(range(TOKENS), repeat=length):
            if END in tokens[:-1] or (length < STEPS and tokens[-1] != END):
                continue
            score = 0.0
            for step, (before, token) in enumerate(zip((START, *tokens), tokens, strict=False)):
                logits = table[before] + x[step]
                score += logits[token] - np.log(np.exp(logits).sum())
            if score / length**alpha > best_score:
                best, best_score = list(tokens), score / length**alpha
    return [token for token in best if token != END], best_score


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("steps", [STEPS, None])
def test_enough_beams_find_the_likeliest_sequence(steps: int | None, alpha: float) -> None:
    net = chain(steps)
    x = np.random.default_rng(1).normal(size=(6, STEPS, TOKENS))
    written = net.decode(
        x, start=START, end=END, max_length=STEPS, num_beams=TOKENS**STEPS, length_penalty=alpha, batch_size=500
    )
    assert [list(ids) for ids in written] == [likeliest(net, row, alpha)[0] for row in x]
    assert {len(ids) for ids in written} != {STEPS}  # some end


def test_one_beam_takes_the_likeliest_token_at_each_step() -> None:
    net = chain()
    x = np.random.default_rng(2).normal(size=(5, STEPS, TOKENS))
    table = net.parameters["table.embeddings"]
    for row, ids in zip(x, net.decode(x, start=START), strict=True):
        before = START
        for step, token in enumerate(ids):
            assert token == np.argmax(table[before] + row[step])
            before = token
        assert len(ids) == STEPS  # no end was given


def test_fewer_steps_than_the_network_takes() -> None:
    x = np.random.default_rng(2).normal(size=(5, STEPS, TOKENS))
    net = chain()
    assert [list(i[:2]) for i in net.decode(x, start=START)] == [
        list(i) for i in net.decode(x, start=START, max_length=2)
    ]


def test_last_states_of_an_encoder_go_into_a_decoder() -> None:
    """A recurrent one learns to write two numbers in the other order, and writes what it was taught."""
    x, y = pl.Input((2, 3), name="x"), pl.Input((None,), name="written")
    _, h, c = pl.LSTM(16, return_state=True)(x)
    out = pl.LSTM(16, return_sequences=True)(pl.Embedding(4, 8)(y), initial_state=[h, c])
    net = pl.Network(inputs=[x, y], outputs=pl.Dense(4, activation="softmax")(out), seed=0)
    pairs = np.array(list(itertools.product(range(3), repeat=2)))
    target = np.column_stack([pairs[:, ::-1], np.full(9, 3)])  # 3 ends, and begins
    examples = {"x": np.eye(3)[pairs], "written": np.column_stack([np.full(9, 3), target[:, :-1]])}
    net.fit(examples, target, epochs=150, batch_size=9, optimizer=pl.Adam(0.02), verbose=0)
    for beams in (1, 3):
        written = net.decode(examples["x"], start=3, end=3, max_length=5, num_beams=beams)
        assert [list(ids) for ids in written] == [list(row) for row in pairs[:, ::-1]]


def test_a_decoder_that_looks_ahead_is_refused() -> None:
    x, y = pl.Input((STEPS, 3), name="x"), pl.Input((STEPS,), name="written")
    told = pl.Embedding(5, 3, embeddings_initializer="he_normal")(y)
    both = pl.Concatenate()(pl.Bidirectional(pl.GRU(3, return_sequences=True))(told), x)
    net = pl.Network(inputs=[x, y], outputs=pl.Dense(5, activation="softmax")(both), seed=0)
    with pytest.raises(DataError, match="look back alone"):
        net.decode(np.zeros((2, STEPS, 3)), start=4)


def test_what_no_decoder_is_gets_an_answer() -> None:
    x = np.zeros((1, STEPS, TOKENS))
    net = chain(None)
    with pytest.raises(DataError, match="max_length is missing"):
        net.decode(x, start=START)
    with pytest.raises(DataError, match="end is 4, expected one of the tokens that the network gives, 0 to 3"):
        net.decode(x, start=START, end=4, max_length=STEPS)
    with pytest.raises(DataError, match='x has the key "written"'):
        net.decode({"x": x, "written": np.zeros((1, STEPS))}, start=START, max_length=STEPS)
    with pytest.raises(DataError, match='no input "writen"'):
        net.decode(x, start=START, max_length=STEPS, written="writen")
    with pytest.raises(DataError, match="max_length is 9, but written takes 4 steps"):
        chain().decode(x, start=START, max_length=9)
    text = pl.Network(pl.Embedding(4, 3), pl.LSTM(3, return_sequences=True), pl.Dense(4), input_shape=(STEPS,))
    with pytest.raises(DataError, match=r"fed by net\.stepper"):
        text.decode(np.zeros((1, STEPS)), start=0)
