"""Keras files: written by hand and read without Keras; written, read again, and read by Keras where that is there."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.interchange.onnx.networks import NETWORKS, examples

import pellucid as pl

h5py = pytest.importorskip("h5py")
Array = NDArray[Any]
WEIGHTS = "model.weights.h5"


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}, "registered_name": None}


def value(name: str, node: int = 0) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, node, 0]}}


def sequential(*layers: dict[str, Any], shape: tuple[int | None, ...] = (None, 4)) -> dict[str, Any]:
    first = layer("InputLayer", "given", batch_shape=list(shape))
    return {"class_name": "Sequential", "config": {"name": "model", "layers": [first, *layers]}}


def functional(
    layers: list[dict[str, Any]],
    calls: Mapping[str, list[Any]],
    outputs: Any,
    shape: tuple[int | None, ...] = (None, 4),
) -> dict[str, Any]:
    entries = [layer("InputLayer", "given", batch_shape=list(shape)), *layers]
    for entry in entries:
        name = entry["name"] = entry["config"]["name"]
        entry["inbound_nodes"] = [{"args": args, "kwargs": {}} for args in calls.get(name, [])]
    inner = {"name": "model", "layers": entries, "input_layers": ["given", 0, 0], "output_layers": outputs}
    return {"class_name": "Functional", "config": inner}


def written(path: Path, config: Any, arrays: Mapping[str, Array]) -> Path:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", json.dumps(config))
        archive.writestr(WEIGHTS, stream.getvalue())
    return path


def numbers(*shape: int) -> Array:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def test_a_sequential_model(tmp_path: Path) -> None:
    config = sequential(
        layer("Dense", "hidden", units=3, activation="relu", use_bias=True),
        layer("Dropout", "dropout", rate=0.5),
        layer("Dense", "answer", units=2, activation="softmax", trainable=False),
    )
    config["compile_config"] = {
        "optimizer": {"class_name": "Adam", "config": {"learning_rate": 0.01, "epsilon": 1e-7, "use_ema": False}},
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["acc"],
    }
    arrays = {
        "layers/dense/vars/0": numbers(4, 3),
        "layers/dense/vars/1": numbers(3),
        "layers/dense_1/vars/0": numbers(3, 2),
        "layers/dense_1/vars/1": numbers(2),
    }
    net = pl.from_keras(written(tmp_path / "model.keras", config, arrays))
    x = numbers(5, 4)
    hidden = np.maximum(x @ arrays["layers/dense/vars/0"] + arrays["layers/dense/vars/1"], 0)
    logits = hidden @ arrays["layers/dense_1/vars/0"] + arrays["layers/dense_1/vars/1"]
    e = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(net.predict(x), e / e.sum(1, keepdims=True), atol=1e-6)
    assert [use.home for use in net.uses] == ["given", "hidden", "dropout", "answer"]
    assert net.parameters.trainable == ("hidden.kernel", "hidden.bias")
    assert net.metadata["fit"]["optimizer"] == {"name": "adam", "learning_rate": 0.01, "epsilon": 1e-7}
    net.fit(x, np.arange(5) % 2, verbose=0, **net.metadata["fit"])


def test_a_graph_with_a_shared_layer(tmp_path: Path) -> None:
    config = functional(
        [layer("Dense", "twice", units=4, activation="tanh"), layer("Add", "sum")],
        {"twice": [[value("given")], [value("twice")]], "sum": [[[value("twice"), value("twice", 1)]]]},
        [["sum", 0, 0]],
    )
    w, b = numbers(4, 4), numbers(4)
    arrays = {"layers/dense/vars/0": w, "layers/dense/vars/1": b}
    net = pl.from_keras(written(tmp_path / "model.keras", config, arrays))
    x = numbers(3, 4)
    once = np.tanh(x @ w + b)
    np.testing.assert_allclose(net.predict(x), once + np.tanh(once @ w + b), atol=1e-6)
    assert list(net.parameters) == ["twice.kernel", "twice.bias"]


def test_a_bidirectional_layer_gives_zeros_for_padding(tmp_path: Path) -> None:
    cell = layer("LSTM", "forward_lstm", units=2, return_sequences=True)
    config = sequential(
        layer("Embedding", "embedding", input_dim=5, output_dim=3, mask_zero=True),
        layer("Bidirectional", "both", layer=cell, merge_mode="concat"),
        shape=(None, 4),
    )
    ways = {
        f"layers/bidirectional/{way}_layer/cell/vars/{k}": numbers(*shape)
        for way in ("forward", "backward")
        for k, shape in enumerate(((3, 8), (2, 8), (8,)))
    }
    arrays = {"layers/embedding/vars/0": numbers(5, 3), **ways}
    net = pl.from_keras(written(tmp_path / "model.keras", config, arrays))
    outputs = net.predict(np.array([[1, 2, 0, 0], [1, 2, 3, 4]]))
    assert not outputs[0, 2:].any() and outputs[0, :2].all() and outputs[1].all()
    again = tmp_path / "again.keras"
    net.to_keras(again)
    np.testing.assert_array_equal(pl.from_keras(again).predict(np.array([[1, 2, 0, 0]])), outputs[:1])


def test_open_axes_need_a_size(tmp_path: Path) -> None:
    config = sequential(layer("SimpleRNN", "rnn", units=2, activation="tanh"), shape=(None, None, 3))
    shapes = enumerate(((3, 2), (2, 2), (2,)))
    arrays = {f"layers/simple_rnn/cell/vars/{k}": numbers(*shape) for k, shape in shapes}
    path = written(tmp_path / "model.keras", config, arrays)
    with pytest.raises(pl.PellucidError, match=r'input_shapes=\{"given": \(None, …, 3\)\}'):
        pl.from_keras(path)
    assert pl.from_keras(path, input_shapes={"given": (None, 6, 3)}).predict(numbers(2, 6, 3)).shape == (2, 2)
    with pytest.raises(pl.PellucidError, match='names "other", but the inputs are given'):
        pl.from_keras(path, input_shapes={"given": (None, 6, 3), "other": (None, 1)})


def test_layers_that_know_no_masks_in_keras(tmp_path: Path) -> None:
    """Keras goes on without the mask there."""
    words = layer("Embedding", "words", input_dim=5, output_dim=3, mask_zero=True)
    arrays = {"layers/embedding/vars/0": numbers(5, 3)}
    config = sequential(words, layer("Flatten", "flat"), shape=(None, 2))
    net = pl.from_keras(written(tmp_path / "m.keras", config, arrays))
    expected = arrays["layers/embedding/vars/0"][[0, 1]].reshape(1, 6)
    np.testing.assert_array_equal(net.predict(np.array([[0, 1]])), expected)
    conv = layer("Conv1D", "conv", filters=2, kernel_size=[1], strides=[1], dilation_rate=[1])
    rnn = layer("SimpleRNN", "rnn", units=2, return_sequences=True)
    config = sequential(words, rnn, conv, shape=(None, 2))
    with pytest.raises(pl.PellucidError, match=r'"conv" \(Conv1D\) takes steps with a mask'):
        pl.from_keras(written(tmp_path / "m.keras", config, arrays))


def test_unknown_layers_are_all_listed(tmp_path: Path) -> None:
    config = functional(
        [layer("Own", "mine"), layer("Lambda", "code"), layer("Add", "sum")],
        {"mine": [[value("given")]], "code": [[value("mine")]], "sum": [[[value("code"), value("given")]]]},
        ["sum", 0, 0],
    )
    with pytest.raises(pl.PellucidError, match=r'"mine" \(Own\), "code" \(Lambda\); a Lambda holds Python code'):
        pl.from_keras(written(tmp_path / "model.keras", config, {}))


def test_what_training_lacks_is_said(tmp_path: Path) -> None:
    config = sequential(layer("Dense", "dense", units=1, kernel_constraint={"class_name": "NonNeg"}))
    path = written(
        tmp_path / "m.keras", config, {"layers/dense/vars/0": numbers(4, 1), "layers/dense/vars/1": numbers(1)}
    )
    with pytest.warns(UserWarning, match="has kernel_constraint, which Pellucid does not have"):
        pl.from_keras(path)


def test_what_is_no_model_in_memory() -> None:
    with pytest.raises(pl.PellucidError, match=r"takes the path of a \.keras file or a Keras model, got int"):
        pl.from_keras(3)


MORE: dict[str, Callable[[], pl.Network]] = {
    "images": lambda: pl.Network(
        pl.Conv2D(4, 3, padding=1, strides=2, activation="gelu"),
        pl.BatchNormalization(),
        pl.SpatialDropout2D(0.3),
        pl.MaxPool2D(2),
        pl.DepthwiseConv2D(3, depth_multiplier=2, padding="same"),
        pl.PReLU(shared_axes=(1, 2)),
        pl.ConvTranspose2D(3, 4, strides=2, padding=1, activation="leaky_relu"),
        pl.GroupNormalization(3),
        pl.UpSampling2D(2),
        pl.ZeroPadding2D(1),
        pl.Cropping2D(1),
        pl.GlobalMaxPool(),
        pl.Dense(3, activation=pl.elu.with_options(alpha=0.5), kernel_regularizer=pl.L2(0.1)),
        input_shape=(12, 12, 2),
        engine="reference",
    ),
    "volumes of every kind": lambda: pl.Network(
        pl.Conv3D(4, 3, padding=1, strides=(1, 2, 1), activation="gelu"),
        pl.SpatialDropout3D(0.3),
        pl.MaxPool3D(2, padding="same"),
        pl.ConvTranspose3D(3, (2, 4, 2), strides=2, padding=((0, 0), (1, 1), (0, 0))),
        pl.AveragePool3D((1, 2, 2)),
        pl.UpSampling3D((2, 1, 1)),
        pl.ZeroPadding3D((1, 0, 2)),
        pl.Cropping3D(((0, 1), (0, 0), (1, 0))),
        pl.GlobalAveragePool(),
        pl.Dense(3),
        input_shape=(4, 6, 6, 2),
        engine="reference",
    ),
    "sequences": lambda: pl.Network(
        pl.Conv1D(4, 3, padding=(2, 0)),
        pl.LayerNormalization(),
        pl.SeparableConv1D(3, 2),
        pl.UpSampling1D(2),
        pl.ZeroPadding1D(2),
        pl.Cropping1D(1),
        pl.GRU(4, reset_after=False),
        pl.RepeatVector(3),
        pl.LSTM(4, return_sequences=True),
        pl.RNN(3),
        pl.Reshape((1, 3)),
        pl.Permute((2, 1)),
        pl.Flatten(),
        input_shape=(9, 2),
        engine="reference",
    ),
}
UNWRITABLE = {
    "conv2d": "pool",
    "volumes": "pool",
    "masked lstm": "go_backwards",
    "given states": "go_backwards",
    "given mask": "mask of its own",
    "masked conv": "of steps with a mask",
    "masked pool": "of steps with a mask",
    "activation step": "the activation step",
    "final states": "FinalState of steps with a mask",
}


def round_trip(net: pl.Network, path: Path) -> tuple[pl.Network, dict[str, Array]]:
    given = examples(net)
    for k, key in enumerate(net.parameters):
        shape = net.parameters[key].shape
        net.parameters[key] = np.abs(np.random.default_rng(k).normal(size=shape)) * 0.4 + 0.1
    net.to_keras(path)
    return pl.from_keras(path, engine="reference"), given


ALL = NETWORKS | MORE


@pytest.mark.sample(16)
@pytest.mark.parametrize("name", ALL)
def test_there_and_back(name: str, tmp_path: Path) -> None:
    net, path = ALL[name](), tmp_path / "model.keras"
    try:
        back, given = round_trip(net, path)
    except pl.PellucidError as error:
        assert UNWRITABLE.get(name), str(error)
        assert "the network has layers that Keras does not have" in str(error)
        return
    expected, outputs = net.predict(given), back.predict(given)
    for ours, theirs in zip(_all(expected), _all(outputs), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=3e-5, atol=1e-6)
    again = path.with_name("again.keras")
    back.to_keras(again)
    with zipfile.ZipFile(path) as one, zipfile.ZipFile(again) as two:
        assert _named(one.read("config.json")) == _named(two.read("config.json"))


def _all(outputs: Any) -> list[Array]:
    return list(outputs.values()) if isinstance(outputs, dict) else [outputs]


def _named(content: bytes) -> Any:
    config = json.loads(content)
    return [entry["class_name"] for entry in config["config"]["layers"]]


@pytest.mark.sample(16)
@pytest.mark.skipif(not importlib.util.find_spec("keras"), reason="Keras is not installed")
@pytest.mark.parametrize("name", ALL)
def test_keras_gives_the_same(name: str, tmp_path: Path) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    net, path = ALL[name](), tmp_path / "model.keras"
    try:
        _, given = round_trip(net, path)
    except pl.PellucidError:
        pytest.skip("Keras has no such layers")
    model = keras.models.load_model(path)
    outputs = model.predict(list(given.values()), verbose=0)
    for ours, theirs in zip(_all(net.predict(given)), outputs if isinstance(outputs, list) else [outputs], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=3e-5, atol=2e-5)
