"""Networks as ONNX models: ONNX's own checks, and ONNX Runtime's outputs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.workloads import WORKLOADS, Task
from tests.interchange.onnx.networks import NETWORKS, examples

import pellucid as pl
from pellucid.errors import ModelFileError, PellucidError
from pellucid.network import BaseNetwork

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


def outputs_of(path: Path, given: dict[str, Any]) -> dict[str, Any]:
    """What ONNX Runtime makes of a model that ONNX finds in order."""
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def check(net: pl.Network, given: dict[str, Any], path: Path, tolerance: float) -> None:
    net.engine = "reference"
    net.to_onnx(path)
    own = net.predict(given)
    expected = own if isinstance(own, dict) else {next(iter(net.output_shapes)): own}
    outputs = outputs_of(path, given)
    assert list(outputs) == list(net.output_shapes)
    for name, array in expected.items():
        assert outputs[name].dtype == net.dtype
        np.testing.assert_allclose(outputs[name], array, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.sample(16)
@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_gives_the_network_s_outputs(name: str, tmp_path: Path) -> None:
    net = NETWORKS[name]()
    rng = np.random.default_rng(0)
    for path, array in net.parameters.items():
        if path.rsplit(".", 1)[-1] not in ("deviation",):
            net.parameters[path] = array + np.abs(0.3 * rng.normal(size=array.shape))
    check(net, examples(net), tmp_path / "net.onnx", 2e-5)  # versions of ONNX Runtime differ by so much


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_network_of_the_benchmark_can_be_exported(name: str, tmp_path: Path) -> None:
    task = Task(name, "inference", batch=3, length=48 if name == "conv1d" else 7, width=16, vocabulary=30)
    net = task.network()
    x, _ = task.data(net)
    check(net, {next(iter(net.input_shapes)): x[:3]}, tmp_path / "net.onnx", 1e-5)


def test_the_model_says_what_it_is(tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(2), input_shape=3, name="small")
    net.metadata["classes"] = ["yes", "no"]
    net.to_onnx(tmp_path / "net.onnx")
    model = onnx.load(tmp_path / "net.onnx")
    assert model.producer_name == "pellucid" and model.graph.name == "small"
    assert {p.key: json.loads(p.value) for p in model.metadata_props} == {
        "classes": ["yes", "no"],
        "pellucid.trained": ["dense_1.kernel", "dense_1.bias"],
    }
    assert [i.name for i in model.graph.initializer] == ["dense_1.kernel", "dense_1.bias"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_a_layer_of_one_s_own_is_named(tmp_path: Path) -> None:
    class Twice(pl.Layer):
        masking = "pass"

        def formula(self, *inputs: Any, parameters: Any, context: Any) -> Any:
            return pl.define("y[…] = 2·x[…]", x=inputs[0])

    try:
        net = pl.Network(Twice(name="double"), input_shape=3)
        with pytest.raises(PellucidError, match="double is a Twice layer, which ONNX export has no operators for"):
            net.to_onnx(tmp_path / "net.onnx")
    finally:
        del pl.Layer.kinds["Twice"]
    assert not list(tmp_path.iterdir())


def test_activations_of_one_s_own_become_operators(tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(3, activation=squashed), input_shape=3, dtype=np.float64)
    given = {path: array.astype(float) for path, array in examples(net).items()}
    check(net, given, tmp_path / "net.onnx", 1e-12)


def squashed(z: pl.Tensor) -> pl.Tensor:
    return pl.define(
        "b[…] = max(z[…]/(1 + abs(z[…])), log1p(exp(−z[…]²)))\na[…] = where(0 < z[…], b[…], b[…]·z[…])", z=z
    )


def test_options_of_float64_are_not_those_of_float32(tmp_path: Path) -> None:
    """ONNX has its attributes in float32: 0.3 is another number there."""
    net = pl.Network(
        pl.Dense(6, activation="leaky_relu"),
        pl.BatchNormalization(),
        pl.Dense(6, activation={"name": "elu", "alpha": 0.7}),
        pl.LayerNormalization(epsilon=1e-2),
        pl.GroupNormalization(2),
        input_shape=5,
        dtype="float64",
    )
    net.parameters["batch_normalization_1.variance"] = np.full(6, 1e-3)
    given = {path: 1e-2 * array.astype(float) for path, array in examples(net).items()}
    check(net, given, tmp_path / "net.onnx", 1e-12)
    net = pl.Network(pl.RNN(3, activation="leaky_relu", name="memory"), input_shape=(4, 2), dtype="float64")
    with pytest.raises(PellucidError, match=r"memory has the activation leaky_relu with 0\.3, .* float32 only"):
        net.to_onnx(tmp_path / "net.onnx")


def test_what_an_operator_does_not_know_is_named(tmp_path: Path) -> None:
    net = pl.Network(pl.RNN(3, activation="gelu", name="memory"), input_shape=(4, 2))
    with pytest.raises(PellucidError, match="memory has the activation gelu"):
        net.to_onnx(tmp_path / "net.onnx")


def test_without_the_package_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(PellucidError, match=r"pip install pellucid\[onnx\]"):
        pl.Network(pl.Dense(2), input_shape=3).to_onnx(tmp_path / "net.onnx")
    (tmp_path / "net.onnx").write_bytes(b"x")
    with pytest.raises(PellucidError, match=r"pip install pellucid\[onnx\]"):
        pl.from_onnx(tmp_path / "net.onnx")


def test_metadata_that_is_no_json_is_refused(tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(2), input_shape=3)
    net.metadata["x"] = object()
    with pytest.raises(ModelFileError, match="cannot be written as JSON"):
        net.to_onnx(tmp_path / "net.onnx")


def test_every_kind_of_layer_is_among_the_networks() -> None:
    kinds: set[type[pl.Layer]] = set()

    def collect(net: Any) -> None:
        for layer in net.layers:
            kinds.add(type(layer))
            if isinstance(layer, BaseNetwork):
                collect(layer)

    for make in NETWORKS.values():
        collect(make())
    own = {kind for kind in pl.Layer.kinds.values() if kind.__module__.startswith("pellucid.layers.")}
    assert not {kind.__name__ for kind in own - kinds} - {"InputLayer"}
