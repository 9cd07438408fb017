"""States that a layer gives beside its output, and with which another begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

KINDS: dict[str, Any] = {"rnn": pl.RNN, "lstm": pl.LSTM, "gru": pl.GRU}
X = np.random.default_rng(0).normal(size=(4, 7, 3)).astype(np.float32)


def given_on(kind: str, *, return_sequences: bool = False, engine: str = "llvm") -> pl.Network:
    source, target = pl.Input((7, 3)), pl.Input((5, 3))
    y, *states = KINDS[kind](6, return_state=True, return_sequences=return_sequences)(source)
    z = KINDS[kind](6)(target, initial_state=states)
    return pl.Network(inputs=[source, target], outputs=[y, z, *states], engine=engine)


@pytest.mark.parametrize("engine", ["llvm", "reference"])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_in_two_parts(kind: str, return_sequences: bool, engine: str) -> None:
    """A layer that begins where the one before ended, with its parameters, ends where the whole sequence does."""
    net = given_on(kind, return_sequences=return_sequences, engine=engine)
    for path in [p for p in net.parameters if p.startswith(f"{kind}_1.")]:
        net.parameters[path.replace("_1.", "_2.")] = net.parameters[path]
    more = X[:, ::-1][:, :5]
    y, z, *states = net.predict([X, more]).values()
    whole = pl.Network(KINDS[kind](6), input_shape=(12, 3), engine=engine)
    whole.parameters.replace({p: net.parameters[p] for p in whole.parameters})
    np.testing.assert_allclose(z, whole.predict(np.concatenate([X, more], axis=1)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(states[0], y[:, -1] if return_sequences else y)
    assert len(states) == (2 if kind == "lstm" else 1)


def test_padding_is_left_out_of_the_last_states() -> None:
    source = pl.Input((7, 3))
    y, *states = pl.LSTM(5, return_state=True)(pl.Masking()(source))
    net = pl.Network(inputs=source, outputs=[y, *states])
    short = pl.Network(inputs=(s := pl.Input((4, 3))), outputs=list(pl.LSTM(5, return_state=True)(s)))
    short.parameters.replace(net.parameters.snapshot())
    padded = X.copy()
    padded[:, 4:] = 0
    for mine, expected in zip(net.predict(padded).values(), short.predict(X[:, :4]).values(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)


def test_both_ways() -> None:
    source = pl.Input((7, 3))
    y, *states = pl.Bidirectional(pl.LSTM(4, return_state=True))(source)
    again = pl.Bidirectional(pl.LSTM(4))(source, initial_state=states)
    net = pl.Network(inputs=source, outputs=[y, again, *states])
    y, _, h, _, back, _ = net.predict(X).values()
    np.testing.assert_array_equal(y, np.concatenate([h, back], axis=1))


def test_saved_and_explained(tmp_path: Path) -> None:
    net = given_on("lstm")
    net.save(tmp_path / "net.safetensors")
    x = [X, X[:, :5]]
    np.testing.assert_equal(pl.load(tmp_path / "net.safetensors").predict(x), net.predict(x))
    run = net.trace(x)
    np.testing.assert_array_equal(run["final_state_2"], run["lstm_1.cell[t=6]"])
    assert "lstm_1.cell" in str(run.explain("final_state_2", unit=3).terms[0].sources[0])


def test_an_onnx_model_has_them_too(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    net = given_on("gru", return_sequences=True)
    net.to_onnx(tmp_path / "net.onnx")
    x = [X, X[:, :5]]
    answers = pl.from_onnx(tmp_path / "net.onnx").predict(dict(zip(net.input_shapes, x, strict=True)))
    for mine, expected in zip(answers.values(), net.predict(x).values(), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)


def test_what_does_not_go_together() -> None:
    x = pl.Input((4, 2))
    with pytest.raises(pl.PellucidError, match="a sequential network has no place for"):
        pl.Network(pl.LSTM(3, return_state=True), input_shape=(4, 2))
    with pytest.raises(pl.PellucidError, match=r"final_state_1: .* write y, \*states = LSTM"):
        pl.Network(inputs=x, outputs=pl.FinalState("state", 2)(x))
    with pytest.raises(pl.PellucidError, match="final_state_1"):
        pl.Network(inputs=x, outputs=pl.FinalState("cell", 2)(pl.GRU(2, return_state=True)(x)[0]))
    _, h, _ = pl.LSTM(3, return_state=True)(x)
    with pytest.raises(pl.ShapeError, match="takes first states of shape"):
        pl.Network(inputs=x, outputs=pl.LSTM(3)(x, initial_state=[h]))
