"""Networks in files: there and back, and every file that is not one."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from pellucid.errors import DataError, ModelFileError
from pellucid.files import read_tensors, write_tensors
from pellucid.formula import Tensor, define
from pellucid.functions.activations import ACTIVATIONS, activation
from pellucid.interchange.safetensors import KIND
from pellucid.layers import RNN, Add, Bidirectional, Concatenate, Dense, Dropout, Embedding, Flatten, Input
from pellucid.layers.base import Context, Layer
from pellucid.model import Network, load


def _small(**options: Any) -> Network:
    return Network(Dense(3, activation="relu"), Dense(2, activation="softmax"), input_shape=4, seed=5, **options)


def _graph() -> Network:
    a, b = Input((2, 3), name="a"), Input(3)
    shared = Dense(4, activation=activation("leaky_relu", slope=0.1), kernel_regularizer="l2")
    left, right = shared(Flatten()(a)), Dense(4, use_bias=False)(b)
    joined = Add()(left, right)
    again = Dense(2, activation="sigmoid", name="yes")(Concatenate()(joined, left))
    return Network(inputs=[a, b], outputs=[again, Dense(1)(Dropout(0.3)(joined))])


@pytest.mark.parametrize(
    "make", [_small, _graph, lambda: _small(dtype="float64"), lambda: Network(_small(), Dense(1), input_shape=4)]
)
def test_there_and_back(make: Any, tmp_path: Path) -> None:
    net = make()
    net.metadata["classes"] = ["a", "é"]
    net.save(tmp_path / "net.safetensors")
    found = load(tmp_path / "net.safetensors")
    assert type(found) is Network
    assert found.config() == net.config()
    assert found.metadata == net.metadata
    assert found.dtype == net.dtype
    rng = np.random.default_rng(0)
    x = {name: rng.normal(size=(5, *shape)) for name, shape in net.input_shapes.items()}
    before, after = net.predict(x), found.predict(x)
    for one, two in zip(np.atleast_1d(before), np.atleast_1d(after), strict=True):
        np.testing.assert_equal(one, two)
    y = {path: np.zeros((5, *shape)) for path, shape in net.output_shapes.items()}
    found.fit(x, y, loss="mse", verbose=0)  # it goes on learning


def test_weights_that_are_not_finite_are_kept(tmp_path: Path) -> None:
    net = _small()
    net.parameters["dense_1.bias"] = [np.nan, np.inf, 0]
    net.save(tmp_path / "net")
    assert np.isnan(load(tmp_path / "net").parameters["dense_1.bias"][0])


def _saved(tmp_path: Path) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    path = tmp_path / "net"
    _small().save(path)
    return path, *read_tensors(path, KIND)


def test_truncated(tmp_path: Path) -> None:
    path, _, _ = _saved(tmp_path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError) as error:
            load(path)
        assert "truncated" in str(error.value)
        assert "\n" not in str(error.value)


def test_any_byte_changed_is_an_error_or_harmless(tmp_path: Path) -> None:
    path, _, tensors = _saved(tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in [*range(0, 40), *rng.integers(40, len(whole), 150)]:
        changed = bytearray(whole)
        changed[at] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(changed)
        try:
            net = load(path)
        except ModelFileError:
            continue
        for name, value in net.parameters.items():  # a low bit of one weight may pass the probe
            np.testing.assert_allclose(value, tensors[name], atol=1e-2)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "truncated or no safetensors file"),
        (b"PK\x03\x04 a zip of pickles", "truncated or no safetensors file"),
        (struct.pack("<Q", 2**60) + b"{}", "truncated or no safetensors file"),
        (struct.pack("<Q", 2) + b"{}", "got one that Pellucid did not write"),
    ],
)
def test_foreign_bytes(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "net").write_bytes(data)
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / "net")


def test_foreign_safetensors(tmp_path: Path) -> None:
    save_file({"w": np.zeros(3)}, tmp_path / "net")
    with pytest.raises(ModelFileError, match="to be a pellucid network file, got one that Pellucid did not write"):
        load(tmp_path / "net")
    save_file({"w": np.zeros(3)}, tmp_path / "net", {"format": KIND, "version": "99", "content": "{}"})
    with pytest.raises(ModelFileError, match="version 99 of its format, expected 1"):
        load(tmp_path / "net")
    for content, message in (
        ("[1]", "is a list"),
        ("{", "no JSON"),
        ("[" * 10**6, "no JSON|damaged"),
        ("{}", "no description"),
    ):
        save_file({"w": np.zeros(3)}, tmp_path / "net", {"format": KIND, "version": "1", "content": content})
        with pytest.raises(ModelFileError, match=message):
            load(tmp_path / "net")
    save_file({"w": np.zeros(3, np.float16)}, tmp_path / "net", {"format": KIND, "version": "1", "content": "{}"})
    with pytest.raises(ModelFileError, match="holds w as F16"):
        load(tmp_path / "net")


def _set(place: list[Any], value: Any) -> Any:
    def change(config: Any) -> None:
        inner = config
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(["layers", 1, "class"], "Dens"), 'there is no layer called "Dens".*Did you mean "Dense"'),
        (_set(["layers", 1, "class"], "__import__('os').system"), "there is no layer"),
        (_set(["layers", 1, "class"], "Neuron"), "cannot be built"),
        (
            _set(["layers", 1, "options", "units"], 10**12),
            "cannot be built: dense_1 would hold 1,000,000,000,000 numbers .*, expected at most 268,435,456",
        ),
        (
            _set(["layers", 1, "options", "units"], 10**6),
            r"dense_1.kernel with shape \(4, 3\), but its description says \(4, 1000000\)",
        ),
        (_set(["layers", 1, "options", "units"], 10**30), "cannot be built"),
        (_set(["layers", 1, "options", "units"], -1), "cannot be built"),
        (_set(["layers", 1, "options", "units"], "3"), "cannot be built"),
        (_set(["layers", 1, "options", "units"], [[[]]]), "cannot be built"),
        (_set(["layers", 1, "options", "activation"], "os.system"), "cannot be built: there is no activation"),
        (_set(["layers", 1, "options", "activation"], {"name": "relu", "slope": 1}), "cannot be built"),
        (_set(["layers", 1, "options", "surprise"], 1), "cannot be built"),
        (_set(["layers", 0, "options", "shape"], [10**15]), "cannot be built: input_1 would hold"),
        (_set(["layers"], []), "cannot be built"),
        (_set(["layers"], 7), "cannot be built"),
        (_set(["uses", 1, "inputs"], ["nothing"]), "cannot be built"),
        (_set(["uses", 1, "layer"], 99), "cannot be built"),
        (_set(["outputs"], ["dense_9"]), "cannot be built"),
        (_set(["dtype"], "object"), "cannot be built"),
        (_set(["seed"], "x"), "cannot be built"),
    ],
)
def test_hostile_descriptions(change: Any, message: str, tmp_path: Path) -> None:
    path, content, tensors = _saved(tmp_path)
    change(content["network"])
    write_tensors(path, KIND, content, tensors)
    with pytest.raises(ModelFileError, match=message) as error:
        load(path)
    assert str(path) in str(error.value)


def test_networks_nested_without_end(tmp_path: Path) -> None:
    path, content, tensors = _saved(tmp_path)
    config = content["network"]
    start = '{"layers": [{"class": "Network", "options": '
    rest = json.dumps({k: v for k, v in config.items() if k != "layers"}).removeprefix("{")
    for depth in (200, 5000):
        text = start * depth + json.dumps(config) + ("}], " + rest) * depth
        damaged = json.dumps({"network": 0, "metadata": {}}).replace("0", text, 1)
        save_file(tensors, path, {"format": KIND, "version": "1", "content": damaged})
        with pytest.raises(ModelFileError):
            load(path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("dense_1.kernel", None, 'lacks the tensor "dense_1.kernel"'),
        ("dense_3.kernel", np.zeros(2), 'holds the tensor "dense_3.kernel", against its own description'),
        ("dense_1.kernel", np.zeros((3, 4), np.float32), r"with shape \(3, 4\), but its description says \(4, 3\)"),
        ("dense_1.kernel", np.ones((4, 3), np.float32), "gives another dense_2 for its probe than when it was saved"),
        ("probe input input_1", np.zeros((2, 5)), "holds a probe of shape"),
        ("probe input input_1", np.full((2, 4), np.nan), "holds a probe that the network cannot take"),
        ("probe output dense_2", np.zeros((2, 3)), "gives another dense_2"),
    ],
)
def test_tensors_that_do_not_fit(name: str, value: Any, message: str, tmp_path: Path) -> None:
    path, content, tensors = _saved(tmp_path)
    if value is None:
        del tensors[name]
    else:
        tensors[name] = value
    write_tensors(path, KIND, content, tensors)
    with pytest.raises(ModelFileError, match=message):
        load(path)


def _described(layers: list[tuple[str, dict[str, Any]]], shape: list[int], taken: list[int]) -> dict[str, Any]:
    """A chain of uses; use k takes the value before it so many times."""
    entries = [{"class": "InputLayer", "options": {"shape": shape}}]
    entries += [{"class": kind, "options": options} for kind, options in layers]
    uses = [{"layer": 0, "path": "u0", "inputs": []}]
    for k, count in enumerate(taken, 1):
        uses.append({"layer": min(k, len(layers)), "path": f"u{k}", "inputs": [f"u{k - 1}"] * count})
    names = {"inputs": ["u0"], "outputs": [f"u{len(taken)}"], "name": None}
    return {"layers": entries, "uses": uses, "seed": 0, "dtype": "float32", **names}


def _doubled(depth: int) -> dict[str, Any]:
    """Networks in networks, each with two uses of the one inside."""
    inner = _described([("Activation", {"activation": "relu"})], [1], [1, 1])
    for _ in range(depth):
        inner = _described([("Network", inner)], [1], [1, 1])
    return inner


STRANGE = {
    "values too large": _described(
        [("ConvTranspose2D", {"filters": 1, "kernel_size": 1, "strides": 16000})], [2, 2, 1], [1]
    ),
    "values inside a layer too large": _described(
        [("MultiHeadAttention", {"num_heads": 1, "key_dim": 1})], [10**5, 1], [1]
    ),
    "doubled values": _described([("Concatenate", {})] * 40, [1], [2] * 40),
    "40,000 uses": _described([("Activation", {"activation": "relu"})], [1], [1] * 40_000),
    "uses of uses": _doubled(30),
    "many inputs": _described([("Add", {})], [1], [20_000]),
    "layers that are not used": _described([("Activation", {"activation": "relu"})] * 1000, [1], [1]),
}
SLOW = {
    "large windows": _described(
        [("MaxPool2D", {"pool_size": 999, "strides": 1, "padding": "same"})], [3000, 3000, 1], [1]
    ),
    "large values": _described([("Concatenate", {})] * 26, [1], [2] * 26),
    "many steps": _described([("RNN", {"units": 1})], [2**27, 1], [1]),
}


def _write_description(path: Path, config: dict[str, Any]) -> None:
    tensors = {"rnn_1.kernel": (1, 1), "rnn_1.recurrent_kernel": (1, 1), "rnn_1.bias": (1,)}
    kept = tensors if config["layers"][1]["class"] == "RNN" else {}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in kept.items()}
    write_tensors(path, KIND, {"network": config, "metadata": {}}, arrays)


@pytest.mark.parametrize("kind", STRANGE)
def test_small_files_that_ask_for_much_are_refused_before_they_are_built(kind: str, tmp_path: Path) -> None:
    _write_description(tmp_path / "net", STRANGE[kind])
    with pytest.raises(ModelFileError, match=r"expected at most|layers that are not used"):
        load(tmp_path / "net")


@pytest.mark.parametrize("kind", SLOW)
def test_loading_does_not_run_what_takes_long(kind: str, tmp_path: Path) -> None:
    _write_description(tmp_path / "net", SLOW[kind])
    net = load(tmp_path / "net")
    net.save(tmp_path / "again")
    assert not any("probe" in name for name in read_tensors(tmp_path / "again", KIND)[1])


def test_saved_twice_is_the_same_file(tmp_path: Path) -> None:
    net = _graph()
    net.metadata |= {"b": 1, "a": [2]}
    net.save(tmp_path / "one")
    net.save(tmp_path / "two")
    load(tmp_path / "two").save(tmp_path / "three")
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_own_layers_and_activations_have_to_be_defined(tmp_path: Path) -> None:
    @dataclass(eq=False, repr=False)
    class Halved(Layer):
        def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
            (x,) = inputs
            return define("y[…] = x[…]/2", x=x)

    def squared(z: Tensor) -> Tensor:
        return define("a[…] = z[…]²", z=z)

    try:
        activation(squared)
        Network(Dense(2, activation="squared"), input_shape=1).save(tmp_path / "activation")
        Network(Bidirectional(RNN(2, activation="squared")), input_shape=(3, 1)).save(tmp_path / "inside")
        Network(Network(Halved(), input_shape=1), input_shape=1).save(tmp_path / "layer")
        load(tmp_path / "layer")
    finally:
        del Layer.kinds["Halved"], ACTIVATIONS["squared"]
    for file, what in (("activation", "activation"), ("inside", "activation"), ("layer", "layer called")):
        with pytest.raises(ModelFileError) as error:
            load(tmp_path / file)
        name = "Halved" if file == "layer" else "squared"
        assert f'there is no {what} "{name}"' in str(error.value)
        assert str(error.value).endswith("If it is one of your own, define it first, then load the file")


def test_nothing_half_written(tmp_path: Path) -> None:
    net = _small()
    net.metadata["function"] = print
    with pytest.raises(ModelFileError, match="not plain JSON"):
        net.save(tmp_path / "net")
    assert not list(tmp_path.iterdir())


def test_integers_in(tmp_path: Path) -> None:
    net = Network(Embedding(7, 3), Flatten(), Dense(2), input_shape=4)
    net.save(tmp_path / "net")
    ids = np.array([[0, 6, 3, 1]])
    np.testing.assert_array_equal(load(tmp_path / "net").predict(ids), net.predict(ids))
    for bad, message in (
        (ids + 1, "holds 7, but the embedding has 7 entries, from 0 to 6"),
        (ids / 4, "integers"),
    ):
        with pytest.raises(DataError, match=message):
            net.predict(bad)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.network.MAX_USES", 5)
    Network(*[Dense(1) for _ in range(4)], input_shape=1).save(tmp_path / "four")
    with pytest.raises(ModelFileError, match=r"cannot be written, .*: it uses layers 6 times, expected at most 5"):
        Network(*[Dense(1) for _ in range(5)], input_shape=1).save(tmp_path / "five")
    assert [p.name for p in tmp_path.iterdir()] == ["four"]
