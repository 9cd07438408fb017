"""Networks of any length give the bits of networks that were made for each length."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

Build = Callable[[int | None, str], pl.Network]


def _classifier(length: int | None, engine: str) -> pl.Network:
    return pl.Network(
        pl.Conv1D(5, 3, padding="same", activation="relu"),
        pl.LSTM(6, return_sequences=True),
        pl.Dropout(0.3),
        pl.Bidirectional(pl.GRU(4)),
        pl.Dense(3, activation="softmax"),
        input_shape=(length, 2),
        engine=engine,
    )


def _of_every_step(length: int | None, engine: str) -> pl.Network:
    return pl.Network(
        pl.Embedding(9, 4),
        pl.LSTM(5, return_sequences=True),
        pl.Network(pl.Dense(7, activation="tanh"), input_shape=(length, 5)),
        pl.LayerNormalization(),
        pl.GRU(6, return_sequences=True),
        pl.Dense(3, activation="softmax"),
        input_shape=(length,),
        engine=engine,
    )


def _attention(length: int | None, engine: str) -> pl.Network:
    x = pl.Input((length, 4))
    y = pl.LayerNormalization()(pl.Add()(x, pl.MultiHeadAttention(2, 3)(x, x)))
    return pl.Network(inputs=x, outputs=[pl.Dense(2)(pl.GlobalAveragePool()(y)), pl.Dense(1)(y)], engine=engine)


def _examples(net: pl.Network, length: int, n: int = 11) -> tuple[Any, Any]:
    rng = np.random.default_rng(length)
    sized = net.fixed(*[tuple(length if e is None else e for e in s) for s in net.input_shapes.values()])
    ((path, shape),) = sized.input_shapes.items()
    kind = sized.forward(training=False).inputs[path].kind
    x = rng.integers(0, 9, (n, *shape)) if kind == "int" else rng.normal(size=(n, *shape)).astype(np.float32)
    outputs = sized.output_shapes
    y = {p: rng.normal(size=(n, *s)).astype(np.float32) for p, s in outputs.items()}
    if len(outputs) == 1:
        ((_, given),) = outputs.items()
        return x, rng.integers(0, given[-1], (n, *given[:-1]))
    return x, y


@pytest.mark.sample(2)
@pytest.mark.parametrize("engine", ["llvm", "reference"])
@pytest.mark.parametrize("build", [_classifier, _of_every_step, _attention])
def test_each_length_has_the_bits_of_a_network_made_for_it(build: Build, engine: str) -> None:
    open_ended = build(None, engine)
    for length in (3, 8, 3):
        x, y = _examples(open_ended, length)
        fixed = build(length, engine)
        fixed.parameters.replace(open_ended.parameters.snapshot())
        np.testing.assert_equal(open_ended.predict(x), fixed.predict(x))
        assert open_ended.evaluate(x, y) == fixed.evaluate(x, y)
        np.testing.assert_equal(open_ended.gradients(x, y), fixed.gradients(x, y))
        np.testing.assert_equal(dict(open_ended.trace(x, y)), dict(fixed.trace(x, y)))
        one, other = (net.fit(x, y, epochs=2, batch_size=4, verbose=0) for net in (open_ended, fixed))
        assert one.history == other.history
        np.testing.assert_equal(open_ended.parameters.snapshot(), fixed.parameters.snapshot())


@pytest.mark.sample(2)
@pytest.mark.parametrize("engine", ["llvm", "reference"])
@pytest.mark.parametrize("n", [1, 4, 5, 21])
def test_predictions_in_buckets_change_no_bit(n: int, engine: str) -> None:
    net = _of_every_step(None, engine)
    for length in (1, 15, 16, 17, 3):
        x, _ = _examples(net, length, n)
        answers = net.predict(x)
        assert answers.shape == (n, length, 3)
        np.testing.assert_array_equal(answers, net.fixed((length,)).predict(x))
    assert len(net._sized) == 6, "those that were asked for one by one, among them 16, and 32"


@pytest.mark.parametrize(
    ("layers", "causal"),
    [
        ([pl.LSTM(2, return_sequences=True), pl.Dense(1)], True),
        ([pl.LSTM(2)], False),
        ([pl.LSTM(2, return_sequences=True, go_backwards=True)], False),
        ([pl.Bidirectional(pl.LSTM(2, return_sequences=True))], False),
        ([pl.Conv1D(2, 3, padding="same")], False),
        ([pl.GlobalMaxPool()], False),
        ([pl.Network(pl.Conv1D(2, 3, padding="same"), input_shape=(None, 3))], False),
        ([pl.Network(pl.Dense(2), input_shape=(None, 3))], True),
    ],
)
def test_only_networks_that_look_back_are_padded(layers: list[pl.Layer], causal: bool) -> None:
    assert pl.Network(*layers, input_shape=(None, 3)).causal is causal


def test_shapes_say_what_is_open() -> None:
    net = _of_every_step(None, "reference")
    assert net.input_shapes == {"input_1": (None,)} and net.output_shapes == {"dense_1": (None, 3)}
    assert "(None,)" in repr(net)
    fixed = net.fixed((12,))
    assert fixed.output_shapes == {"dense_1": (12, 3)} and not fixed.open
    assert fixed.parameters["dense_1.kernel"] is net.parameters["dense_1.kernel"]
    assert net.sized({"input_1": np.zeros((2, 12))}) is fixed


def test_the_summary_tells_at_which_length_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    _classifier(None, "reference").summary()
    text = capsys.readouterr().out
    assert "(n, any, 6)" in text and "of length 16" in text


def test_images_of_any_size() -> None:
    net = pl.Network(
        pl.Conv2D(3, 3, activation="relu"),
        pl.MaxPool2D(2),
        pl.GlobalAveragePool(),
        pl.Dense(2),
        input_shape=(None, None, 1),
    )
    assert net.output_shapes == {"dense_1": (2,)}
    for size in ((9, 14), (5, 5)):
        assert net.predict(np.ones((3, *size, 1))).shape == (3, 2)


def test_windows_longer_than_the_first_length_that_is_tried() -> None:
    net = pl.Network(pl.Conv1D(2, 40), pl.GlobalMaxPool(), input_shape=(None, 1))
    assert net.predict(np.ones((2, 45, 1))).shape == (2, 2)
    with pytest.raises(pl.ShapeError, match="conv1d_1"):
        net.predict(np.ones((2, 39, 1)))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([pl.Flatten(), pl.Dense(3)], "dense_1: a Dense layer needs inputs of a known length: its kernel would have"),
        ([pl.PReLU()], "prelu_1: a PReLU layer needs inputs of a known length"),
        ([pl.Reshape((4, 8))], "reshape_1: .*tried with 16"),
    ],
)
def test_layers_that_need_a_length_say_so_when_the_network_is_built(layers: list[pl.Layer], message: str) -> None:
    with pytest.raises(pl.ShapeError, match=message):
        pl.Network(*layers, input_shape=(None, 3))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 5, 4), r"expected \(n, 5, 3\)"),
        ((5, 3), r"use x\[None\]"),
        ((5,), r"expected \(n, any length, 3\)"),
    ],
)
def test_examples_of_another_shape(shape: tuple[int, ...], message: str) -> None:
    net = pl.Network(pl.LSTM(2), input_shape=(None, 3))
    with pytest.raises(pl.DataError, match=message):
        net.predict(np.ones(shape))


def test_two_inputs_whose_lengths_have_to_agree() -> None:
    a, b = pl.Input((None, 2)), pl.Input((None, 2))
    net = pl.Network(inputs=[a, b], outputs=pl.Add()(a, b))
    assert net.predict([np.ones((1, 4, 2)), np.ones((1, 4, 2))]).shape == (1, 4, 2)
    with pytest.raises(pl.ShapeError, match="add_1"):
        net.predict([np.ones((1, 4, 2)), np.ones((1, 5, 2))])
    with pytest.raises(pl.ShapeError, match="2 inputs, got 1"):
        net.fixed((4, 2))
    with pytest.raises(pl.ShapeError, match="takes examples of shape"):
        net.fixed((4, 2), (4, 3))


def test_saved_copied_and_pickled(tmp_path: Path) -> None:
    net = _classifier(None, "llvm")
    x, y = _examples(net, 6)
    net.fit(x, y, verbose=0)
    net.save(tmp_path / "net.safetensors")
    for twin in (pl.load(tmp_path / "net.safetensors"), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin.input_shapes == {"input_1": (None, 2)}
        np.testing.assert_array_equal(twin.predict(x), net.predict(x))
    assert net.clone().input_shapes == net.input_shapes


def test_training_and_validation_of_two_lengths_and_a_resumed_run(tmp_path: Path) -> None:
    def trained(epochs: int, **options: Any) -> pl.Network:
        net = _classifier(None, "llvm")
        x, y = _examples(net, 6)
        net.fit(x, y, epochs=epochs, batch_size=4, validation_data=_examples(net, 9), verbose=0, **options)
        return net

    whole = trained(3)
    trained(2, callbacks=[pl.Checkpoint(tmp_path / "run")])
    np.testing.assert_equal(whole.parameters.snapshot(), trained(3, resume=tmp_path / "run").parameters.snapshot())


def test_what_looks_into_a_network() -> None:
    net = _classifier(None, "llvm")
    x, y = _examples(net, 6)
    assert len(net.flow(x, y)) and str(net.diagnose(x=x, y=y))
    assert net.explain("lstm_1.state", x=x[0], time=4, unit=1).path == "lstm_1.state"
    watch = pl.Watch()
    net.fit(x, y, verbose=0, callbacks=watch)
    assert watch.flows


def test_steps_one_by_one() -> None:
    net = _of_every_step(None, "llvm")
    x, _ = _examples(net, 5)
    step = net.stepper()
    one_by_one = np.stack([step(x[:, t]) for t in range(5)], axis=1)
    np.testing.assert_allclose(one_by_one, net.predict(x), rtol=1e-6, atol=1e-7)


def test_a_value_that_is_not_finite_is_found_at_its_length() -> None:
    net = _classifier(None, "llvm")
    x, y = _examples(net, 5)
    net.parameters["dense_1.bias"] = np.full(3, np.inf)
    with pytest.raises(pl.NonFiniteError, match="step 1"):
        net.fit(x, y, verbose=0)


def test_an_onnx_model_is_written_for_one_length(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    net = pl.Network(pl.LSTM(3), pl.Dense(1), input_shape=(None, 2))
    with pytest.raises(pl.PellucidError, match=r"net\.fixed\(\(16, 2\)\)\.to_onnx"):
        net.to_onnx(tmp_path / "net.onnx")
    net.fixed((6, 2)).to_onnx(tmp_path / "net.onnx")
    x = np.ones((2, 6, 2), np.float32)
    np.testing.assert_allclose(pl.from_onnx(tmp_path / "net.onnx").predict(x), net.predict(x), rtol=1e-5, atol=1e-6)


@pytest.mark.sample(1)
@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_batches_of_many_lengths_train_one_network(engine: str) -> None:
    """Each step is the one that a network made for its length would take."""
    batches = [_examples(_classifier(None, "reference"), length, 4) for length in (3, 5, 3, 4)]
    net, step_by_step = _classifier(None, engine), _classifier(None, engine)
    net.fit(batches, epochs=2, verbose=0)
    for x, y in 2 * batches:
        step_by_step.train_on_batch(x, y)
    np.testing.assert_equal(net.parameters.snapshot(), step_by_step.parameters.snapshot())
    assert net.evaluate(batches)["loss"] == pytest.approx(np.mean([net.evaluate(x, y)["loss"] for x, y in batches]))


@pytest.mark.sample(1)
@pytest.mark.parametrize("length", [5, 16, 21])
def test_explanations_are_those_of_the_length_that_comes(length: int) -> None:
    net, x = _classifier(None, "llvm"), np.random.default_rng(0).normal(size=(2, length, 2)).astype(np.float32)
    of_length = net.fixed((length, 2))
    questions: tuple[Callable[[pl.Network], Any], ...] = (
        lambda net: net.patch(x, {"lstm_1[j=2]": 0.5})["dense_1"],
        lambda net: net.ablate(x, "conv1d_1", unit=1)["dense_1"],
        lambda net: net.attribute(x[0], "dense_1", unit=1, method="deeplift").values,
        lambda net: net.attribute(x[0], "dense_1", unit=1, baseline=x[1]).values,
    )
    for ask in questions:
        np.testing.assert_array_equal(ask(net), ask(of_length))


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("onnx", lambda net, folder: net.to_onnx(folder / "net.onnx")),
        ("h5py", lambda net, folder: net.to_keras(folder / "net.keras")),
        ("torch", lambda net, folder: net.to_torch()),
        ("llvmlite", lambda net, folder: net.export(folder / "net.wasm")),
    ],
)
def test_what_is_written_for_one_length_asks_for_it(package: str, call: Any, tmp_path: Path) -> None:
    pytest.importorskip(package)
    with pytest.raises(pl.PellucidError, match=r"any length, .* for one: choose it, as in net\.fixed\(\(16, 2\)\)\."):
        call(_classifier(None, "llvm"), tmp_path)
    assert not list(tmp_path.iterdir())
