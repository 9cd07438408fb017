"""A trace in a file is the run again: its values, its formulas, its explanations; one value is read at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import pellucid.files
from pellucid.errors import ModelFileError, PellucidError
from pellucid.explain import Trace, trace
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.layers import LSTM, Conv2D, Dense, Embedding, Flatten
from pellucid.network import BaseNetwork

RNG = np.random.default_rng(0)


def runs() -> list[Trace]:
    pictures = BaseNetwork(
        Conv2D(2, 3, activation="relu"), Flatten(), Dense(3, activation="softmax"), input_shape=(5, 5, 1)
    )
    words = BaseNetwork(Embedding(9, 4), LSTM(3), Dense(1), input_shape=(6,), dtype="float64")
    return [
        trace(pictures, RNG.normal(size=(4, 5, 5, 1)), RNG.integers(0, 3, 4), optimizer=Adam()),
        trace(words, RNG.integers(0, 9, (4, 6)), RNG.normal(size=4)),
        trace(words, RNG.integers(0, 9, (4, 6))),
    ]


@pytest.mark.sample(1)
@pytest.mark.parametrize("run", runs(), ids=["pictures", "words", "forward"])
def test_a_file_is_the_run_again(run: Trace, tmp_path: Path) -> None:
    run.save(tmp_path / "run.trace")
    again = Trace.load(tmp_path / "run.trace")
    assert list(again) == list(run)
    assert again.batch == run.batch == 4
    for path in run:
        assert again[path].dtype == run[path].dtype
        np.testing.assert_array_equal(again[path], run[path])
        if run.program.definition(run.tensor(path)) is not None:
            index = tuple(int(RNG.integers(0, n)) for n in run[path].shape)
            first, second = run.explain(path, index=index), again.explain(path, index=index)
            assert first.text() == second.text()
            assert first.json() == second.json()


def test_values_are_read_when_they_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs()[0].save(tmp_path / "run.trace")
    again = Trace.load(tmp_path / "run.trace")
    read: list[str] = []
    kind = type(again._values._values)  # type: ignore[attr-defined]
    whole = kind.__getitem__

    def counted(self: object, name: str) -> object:
        read.append(name)
        return whole(self, name)

    monkeypatch.setattr(kind, "__getitem__", counted)
    assert again["conv2d_1"].shape == (4, 3, 3, 2)
    assert read == ["conv2d_1"]


def test_damaged_and_foreign_files(tmp_path: Path) -> None:
    path = tmp_path / "run.trace"
    with pytest.raises(ModelFileError, match="there is no file"):
        Trace.load(path)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelFileError, match="no safetensors file"):
        Trace.load(path)
    run = runs()[0]
    values = {name: run[name] for name in run.program.tensors}
    pellucid.files.write_tensors(path, "pellucid network", {}, values)
    with pytest.raises(ModelFileError, match="be a pellucid trace file, got a pellucid network file"):
        Trace.load(path)
    pellucid.files.write_tensors(path, "pellucid trace", {"program": {}, "inputs": ["input_1"]}, values)
    with pytest.raises(ModelFileError, match="has no formulas"):
        Trace.load(path)
    run.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match="truncated"):
        Trace.load(path)


def test_figures_of_values() -> None:
    pictures, words, _ = runs()
    for run, path in (
        (pictures, "conv2d_1"),
        (pictures, "conv2d_1.kernel"),
        (pictures, "dense_1.kernel"),
        (pictures, "dense_1"),
        (words, "lstm_1"),
        (words, "lstm_1.state"),
        (words, "d(lstm_1)"),
        (words, "embedding_1"),
    ):
        assert run.plot(path).axes, path
    assert pictures.plot_latent("flatten_1", [0, 1, 2, 0]).axes
    assert pictures.plot_latent("dense_1").axes
    with pytest.raises(PellucidError, match="no picture"):
        pictures.plot("loss")
    with pytest.raises(PellucidError, match="there is no example 9"):
        pictures.plot("conv2d_1", example=9)
    with pytest.raises(PellucidError, match="one an example"):
        pictures.plot_latent("dense_1", [1, 2])


def test_a_trace_is_compiled_once_for_all_learning_rates() -> None:
    net = BaseNetwork(Dense(3, activation="tanh"), Dense(2), input_shape=(4,))
    x, y = np.ones((5, 4)), np.ones((5, 2))
    first = trace(net, x, y, optimizer=SGD(0.5))
    kept = len(net._made)
    second = trace(net, x, y, optimizer=SGD(0.25))
    assert len(net._made) == kept
    change = [run["dense_1.kernel′"] - run["dense_1.kernel"] for run in (first, second)]
    np.testing.assert_allclose(change[0], 2 * change[1], rtol=1e-5)


def _sequence() -> Trace:
    net = BaseNetwork(LSTM(2, return_sequences=True), Dense(1), input_shape=(3, 2))
    return trace(net, np.ones((2, 3, 2)), np.ones((2, 3, 1)), loss="mse")


def test_what_can_be_read_is_in_the_run() -> None:
    run = _sequence()
    value = next(path for path in run if path.startswith("lstm_1"))
    letter = run.tensor(value).axes[1].name
    for path in (value, f"{value}[{letter}=0]", f"{value}[{letter}=-1]"):
        assert path in run
        assert run[path].size
    for other in (f"{value}[{letter}=99]", f"{value}[nothing=0]", "nosuch", "nosuch[t=2]", 7, None):
        assert other not in run


def test_a_value_that_is_not_there_names_those_that_are() -> None:
    run = _sequence()
    for path in ("nosuch", "zzz"):
        with pytest.raises(PellucidError) as error:
            run[path]
        assert "loss." not in str(error.value) and "It has " in str(error.value)


def test_values_of_another_form_than_the_formulas_say(tmp_path: Path) -> None:
    net = BaseNetwork(Embedding(5, 2), Flatten(), Dense(2), input_shape=3)
    trace(net, np.zeros((4, 3), np.int64)).save(tmp_path / "run")
    content, tensors = pellucid.files.read_tensors(tmp_path / "run", "pellucid trace")
    name = next(iter(content["inputs"]))
    for value in (np.zeros((4, 3)), np.zeros((4, 2), np.int64), np.zeros((), np.int64), np.zeros((5, 3), np.int64)):
        pellucid.files.write_tensors(tmp_path / "other", "pellucid trace", content, tensors | {name: value})
        with pytest.raises(ModelFileError, match="is damaged: it holds"):
            Trace.load(tmp_path / "other")
