"""ONNX models as networks: the same outputs, trained, explained, saved, written again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interchange.onnx.networks import NETWORKS, examples

import pellucid as pl
from pellucid.errors import PellucidError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")


def read(path: Path, **options: Any) -> pl.Network:
    return pl.from_onnx(path, engine="reference", **options)


def listed(outputs: Any) -> list[Any]:
    return list(outputs.values()) if isinstance(outputs, dict) else [outputs]


def written(path: Path, nodes: list[Any], shape: list[Any], constants: dict[str, Any], **options: Any) -> Path:
    """A model of one input x and one output y."""
    helper = onnx.helper
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", options.pop("type", 1), shape)],
        [helper.make_empty_tensor_value_info("y")],
        [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opset = helper.make_opsetid("", options.pop("opset", 17))
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


def node(kind: str, inputs: str, output: str, **attributes: Any) -> Any:
    return onnx.helper.make_node(kind, inputs.split(), [output], name=f"{kind}_{output}", **attributes)


@pytest.mark.sample(16)
@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_written_reads_back(name: str, tmp_path: Path) -> None:
    net = NETWORKS[name]()
    given = examples(net)
    net.to_onnx(tmp_path / "first.onnx")
    back = read(tmp_path / "first.onnx")
    assert back.input_shapes == net.input_shapes
    for own, other in zip(listed(net.predict(given)), listed(back.predict(given)), strict=True):
        np.testing.assert_allclose(other, own, rtol=0, atol=3e-6)
    back.to_onnx(tmp_path / "second.onnx")
    read(tmp_path / "second.onnx").to_onnx(tmp_path / "third.onnx")
    second, third = (onnx.load(tmp_path / f"{n}.onnx").graph for n in ("second", "third"))
    assert [n.op_type for n in second.node] == [n.op_type for n in third.node]
    weights = [{i.name: onnx.numpy_helper.to_array(i).tobytes() for i in g.initializer} for g in (second, third)]
    assert sorted(weights[0].values()) == sorted(weights[1].values())


def lenet() -> pl.Network:
    image = pl.Input((8, 8, 1))
    x = pl.Conv2D(3, 3, padding="same", use_bias=False)(image)
    x = pl.MaxPool2D(2)(pl.Activation("relu")(pl.BatchNormalization()(x)))
    x = pl.Dense(6, activation="tanh")(pl.Flatten()(x))
    return pl.Network(inputs=image, outputs=pl.Dense(3, activation="softmax")(x), engine="reference")


def test_an_imported_network_learns_as_the_first_one_does(tmp_path: Path) -> None:
    net = lenet()
    net.metadata["classes"] = ["a", "b", "c"]
    net.to_onnx(tmp_path / "net.onnx")
    back = read(tmp_path / "net.onnx")
    assert back.metadata == net.metadata
    rng = np.random.default_rng(0)
    x, y = rng.random((32, 8, 8, 1), dtype=np.float32), rng.integers(0, 3, 32)
    options: dict[str, Any] = {
        "epochs": 3,
        "batch_size": 8,
        "loss": "crossentropy",
        "optimizer": pl.SGD(0.1),
        "verbose": 0,
    }
    first, second = net.fit(x, y, **options), back.fit(x, y, **options)
    np.testing.assert_allclose(second.history["loss"], first.history["loss"], rtol=1e-3)
    mean = next(path for path in back.parameters if path.endswith(".input_mean"))
    assert np.abs(back.parameters[mean]).max() > 0  # its statistics follow the batches


def test_a_loss_is_fused_with_an_activation_that_a_transpose_follows(tmp_path: Path) -> None:
    net = pl.Network(
        pl.Conv2D(2, 3, padding=1, activation="relu"),
        pl.ConvTranspose2D(1, 2, activation="sigmoid"),
        input_shape=(5, 5, 1),
    )
    net.to_onnx(tmp_path / "net.onnx")
    net.engine, back = "reference", read(tmp_path / "net.onnx")
    rng = np.random.default_rng(0)
    x, y = rng.random((4, 5, 5, 1)), rng.random((4, 6, 6, 1))
    (own, gradients), (loss, others) = (n.gradients(x, y, loss="binary_crossentropy") for n in (net, back))
    assert loss == pytest.approx(own, rel=1e-5)
    kernels = [
        np.sort(g["conv_transpose2d_1.kernel" if k == 0 else "conv_transpose2d_1_ConvTranspose.W"].ravel())
        for k, g in enumerate((gradients, others))
    ]
    np.testing.assert_allclose(kernels[1], kernels[0], atol=1e-6)


def test_an_imported_network_is_explained_saved_and_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lenet().to_onnx(tmp_path / "net.onnx")
    back = read(tmp_path / "net.onnx")
    x = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32)
    trace = back.trace(x[:1])
    value = float(np.asarray(trace["conv2d_1_Conv"])[0, 1, 2, 3])
    assert f"{back.explain('conv2d_1_Conv', index=(1, 2, 3), x=x[0]).value:.4f}" == f"{value:.4f}"
    back.save(tmp_path / "net.safetensors")
    np.testing.assert_allclose(pl.load(tmp_path / "net.safetensors").predict(x), back.predict(x), atol=1e-6)
    back.summary()
    shown = capsys.readouterr().out
    assert "Conv " in shown and "MaxPool" in shown


def test_a_model_of_one_size_of_the_batch_takes_any(tmp_path: Path) -> None:
    """Its Reshape says the size, as models do that were traced with it."""
    nodes = [
        node("Reshape", "x shape", "r"),
        node("Transpose", "r", "t", perm=[0, 2, 1, 3]),
        node("Reshape", "t flat", "y"),
    ]
    constants = {"shape": np.array([1, 2, 3, 2]), "flat": np.array([1, -1])}
    net = read(written(tmp_path / "net.onnx", nodes, [1, 6, 2], constants))
    x = np.random.default_rng(0).random((3, 6, 2), dtype=np.float32)
    np.testing.assert_array_equal(net.predict(x), x.reshape(3, 2, 3, 2).transpose(0, 2, 1, 3).reshape(3, -1))


def test_shapes_that_are_computed_become_constants(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s zero", "n", axis=0),
        node("Unsqueeze", "n axes", "n1"),
        node("Concat", "n1 rest", "wanted", axis=0),
        node("Reshape", "x wanted", "y"),
    ]
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1, 4])}
    net = read(written(tmp_path / "net.onnx", nodes, ["batch", 6, 2], constants))
    assert list(net.output_shapes.values()) == [(3, 4)] and len(net.layers) == 1


def test_the_batch_may_stand_elsewhere(tmp_path: Path) -> None:
    """As PyTorch's recurrent layers have it, (t, n, i)."""
    rng = np.random.default_rng(0)
    constants = {"w": rng.random((1, 4, 3), dtype=np.float32), "r": rng.random((1, 4, 4), dtype=np.float32)}
    nodes = [onnx.helper.make_node("RNN", ["x", "w", "r"], ["h"], hidden_size=4), node("Squeeze", "h axes", "y")]
    path = written(tmp_path / "net.onnx", nodes, [5, "batch", 3], constants | {"axes": np.array([1])})
    net = read(path)
    x = rng.random((2, 5, 3), dtype=np.float32)
    h, states = np.zeros((2, 4), np.float32), []
    for t in range(5):
        h = np.tanh(x[:, t] @ constants["w"][0].T + h @ constants["r"][0].T)
        states.append(h)
    np.testing.assert_allclose(net.predict(x), np.stack(states, 1), atol=1e-6)


def test_the_batch_may_be_merged_with_another_axis(tmp_path: Path) -> None:
    """As PyTorch's attention has it: heads behind the batch, (n·h, t, d), and steps before it, (t·n, c)."""
    rng = np.random.default_rng(0)
    nodes = [
        node("Transpose", "x", "steps", perm=[1, 0, 2]),
        node("Reshape", "steps heads", "h"),  # (t, n·h, d)
        node("Transpose", "h", "q", perm=[1, 0, 2]),
        node("Transpose", "h", "k", perm=[1, 2, 0]),
        node("MatMul", "q k", "z"),
        node("Softmax", "z", "a", axis=-1),
        node("MatMul", "a q", "v"),
        node("Transpose", "v", "back", perm=[1, 0, 2]),
        node("Reshape", "back rows", "r"),  # (t·n, c)
        node("Gemm", "r w b", "o"),
        node("Reshape", "o whole", "e"),
        node("Transpose", "e", "y", perm=[1, 0, 2]),
    ]
    constants = {
        "heads": np.array([6, -1, 4]),
        "rows": np.array([-1, 8]),
        "whole": np.array([6, -1, 3]),
        "w": rng.random((8, 3), dtype=np.float32),
        "b": rng.random(3, dtype=np.float32),
    }
    net = read(written(tmp_path / "net.onnx", nodes, ["batch", 6, 8], constants))
    x = rng.random((5, 6, 8), dtype=np.float32)
    q = x.reshape(5, 6, 2, 4).transpose(0, 2, 1, 3)
    z = np.exp(q @ q.swapaxes(2, 3))
    v = (z / z.sum(-1, keepdims=True)) @ q
    expected = v.transpose(0, 2, 1, 3).reshape(5, 6, 8) @ constants["w"] + constants["b"]
    np.testing.assert_allclose(net.predict(x), expected, atol=1e-5)
    net.to_onnx(tmp_path / "again.onnx")
    np.testing.assert_allclose(read(tmp_path / "again.onnx").predict(x), expected, atol=1e-5)


def test_rounding_is_for_known_numbers(tmp_path: Path) -> None:
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "steps", axis=0),
        node("Mod", "steps two", "odd"),
        node("Sub", "steps odd", "even"),
        node("Unsqueeze", "even zero", "end"),
        node("Slice", "x zero end one", "y"),
    ]
    constants = {"one": np.array([1]), "zero": np.array([0]), "two": np.array(2)}
    nodes[1] = node("Gather", "s index", "steps", axis=0)
    net = read(written(tmp_path / "net.onnx", nodes, ["batch", 5, 2], constants | {"index": np.array(1)}))
    assert list(net.output_shapes.values()) == [(4, 2)]
    path = written(tmp_path / "other.onnx", [node("Floor", "x", "y")], ["batch", 5], {})
    with pytest.raises(PellucidError, match=r"Floor_y.* only where its inputs are known"):
        read(path)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "uint64", "float16", "bool"])
def test_constants_of_small_types_are_read(kind: str, tmp_path: Path) -> None:
    held = np.array([[1, 0], [0, 1], [1, 1]]).astype(kind)
    nodes = [node("Cast", "held", "w", to=1), node("MatMul", "x w", "y")]
    x = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    path = written(tmp_path / "net.onnx", nodes, ["batch", 3], {"held": held})
    np.testing.assert_array_equal(read(path).predict(x), x @ held.astype(np.float32))
    chosen = np.array([True, False, True])
    largest = np.array(np.finfo(kind).max if held.dtype.kind == "f" else held.max()).astype(kind)
    x = np.array([[1, 0, 1]]).astype(kind)
    path = written(
        tmp_path / "where.onnx",
        [node("Where", "chosen x other", "y")],
        ["batch", 3],
        {"chosen": chosen, "other": largest},
        type=onnx.helper.np_dtype_to_tensor_dtype(x.dtype),
    )
    np.testing.assert_array_equal(read(path).predict(x), np.where(chosen, x, largest))


def test_an_empty_list_of_axes_is_read(tmp_path: Path) -> None:
    nodes = [node("ReduceSumSquare", "x axes", "y", noop_with_empty_axes=1)]
    path = written(tmp_path / "net.onnx", nodes, ["batch", 3], {"axes": np.zeros(0, np.int64)}, opset=18)
    x = np.array([[1, 2, 3]], np.float32)
    net = read(path)
    net.save(tmp_path / "net.safetensors")
    for each in (net, pl.load(tmp_path / "net.safetensors")):
        np.testing.assert_array_equal(each.predict(x), x * x)


def test_first_states_of_one_size_of_the_batch_are_for_any(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.random((1, 4, 3), dtype=np.float32),
        "r": rng.random((1, 4, 4), dtype=np.float32),
        "h": np.repeat(rng.random((1, 1, 4), dtype=np.float32), 4, 1),
        "axes": np.array([0]),
    }
    nodes = [
        onnx.helper.make_node("RNN", ["x", "w", "r", "", "", "h"], ["", "last"], hidden_size=4),
        node("Squeeze", "last axes", "y"),
    ]
    net = read(written(tmp_path / "net.onnx", nodes, [2, 4, 3], constants), input_shapes={"x": (2, None, 3)})
    x = rng.random((5, 2, 3), dtype=np.float32)
    h = constants["h"][0, :1]
    for t in range(2):
        h = np.tanh(x[:, t] @ constants["w"][0].T + h @ constants["r"][0].T)
    np.testing.assert_allclose(net.predict(x), h, atol=1e-6)


def test_a_known_network_gives_what_onnx_says() -> None:
    """SqueezeNet with made-up weights, from the onnx package's tests, traced with one image."""
    from benchmarks.onnx_suite import light_models

    case = next(case for case in light_models() if "squeezenet" in case.name)
    net = read(Path(onnx.__file__).parent / "backend/test/data/light/light_squeezenet.onnx")
    x = np.concatenate([case.inputs[0], case.inputs[0]])
    np.testing.assert_allclose(net.predict(x)[1:], case.outputs[0], rtol=1e-3, atol=1e-7)


def test_sizes_that_a_model_leaves_open_are_asked_for(tmp_path: Path) -> None:
    path = written(tmp_path / "net.onnx", [node("Relu", "x", "y")], ["batch", "length", 3], {})
    with pytest.raises(PellucidError, match=r'input_shapes=\{"x": \(None, …, 3\)\}'):
        read(path)
    assert read(path, input_shapes={"x": (None, 7, 3)}).input_shapes == {"x": (7, 3)}
    with pytest.raises(PellucidError, match="expected sizes for"):
        read(path, input_shapes={"x": (None, 7, 4)})
    with pytest.raises(PellucidError, match='names "z", but the inputs are x'):
        read(path, input_shapes={"z": (None, 7, 4)})


def test_operators_that_are_not_known_are_listed_with_their_nodes(tmp_path: Path) -> None:
    nodes = [
        node("Frobnicate", "x", "a"),
        node("Relu", "a", "b"),
        node("DeformConv", "b", "y"),
        node("Frobnicate", "x", "c"),
    ]
    path = written(tmp_path / "net.onnx", nodes, ["n", 3], {})
    with pytest.raises(
        PellucidError, match=r"2 operators .*: DeformConv \(DeformConv_y\); Frobnicate \(Frobnicate_a, Frobnicate_c\)"
    ):
        read(path)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("Cast", "x", "y", {"to": 7})], "rounds to integers"),
        ([("ReduceSum", "x axis", "y", {"keepdims": 0})], "no batch"),
        ([("Reshape", "x merged", "y", {})], "the batch"),
    ],
)
def test_what_no_formula_says_is_refused_with_its_node(nodes: list[Any], message: str, tmp_path: Path) -> None:
    made = [node(kind, inputs, output, **attributes) for kind, inputs, output, attributes in nodes]
    constants = {"axis": np.array([0]), "merged": np.array([2, -1])}
    path = written(tmp_path / "net.onnx", made, ["batch", 3, 4], constants)
    with pytest.raises(PellucidError, match=f"the node .*{message}"):
        read(path)


# what a model does not hold: random numbers of training, truncation, masks of targets; and targets that an output takes
NOT_AS_BEFORE = {
    *("merged", "merged otherwise", "reshape", "prelu", "masked prelu", "lstm", "given states", "given mask"),
    *("activation step", "activation log_softmax", "volumes"),
}


@pytest.mark.sample(12)
@pytest.mark.parametrize("name", NETWORKS)
def test_what_reads_back_is_trained_as_before(name: str, tmp_path: Path) -> None:
    """The same weights, those of shared layers once, and the same losses; frozen layers stay frozen."""
    net = NETWORKS[name]()
    for layer in net.layers[:-1:2]:
        layer.trainable = False
    net.to_onnx(tmp_path / "net.onnx")
    back = read(tmp_path / "net.onnx")
    assert back.metadata == net.metadata
    own, other = (sorted(n.parameters[path].size for path in n.parameters.trainable) for n in (net, back))
    assert sum(own) == sum(other)
    if name in NOT_AS_BEFORE or not own:
        return
    rng = np.random.default_rng(2)
    targets = [rng.random((4, *shape)) for shape in net.output_shapes.values()]
    losses = []
    for each in (net, back):
        y = targets[0] if len(targets) == 1 else dict(zip(each.output_shapes, targets, strict=True))
        options: dict[str, Any] = {"epochs": 3, "loss": "mse", "optimizer": pl.SGD(0.05), "verbose": 0}
        losses.append(each.fit(examples(net, 4), y, **options).history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)


def test_outputs_of_one_node_share_its_weights(tmp_path: Path) -> None:
    """An LSTM as PyTorch writes it: all states and the last one, of which the network uses both."""
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.normal(size=(1, 16, 3)).astype(np.float32),
        "r": rng.normal(size=(1, 16, 4)).astype(np.float32),
        "b": rng.normal(size=(1, 32)).astype(np.float32),
        "axis": np.array([1]),
        "one": np.array([0]),
    }
    nodes = [
        onnx.helper.make_node("LSTM", ["x", "w", "r", "b"], ["every", "", "cell"], hidden_size=4),
        node("Squeeze", "every axis", "steps"),
        node("Transpose", "cell", "front", perm=[1, 0, 2]),
        node("Squeeze", "front axis", "last"),
        node("ReduceSum", "steps one", "sum", keepdims=0),
        node("Add", "sum last", "y"),
    ]
    path = written(tmp_path / "net.onnx", nodes, [5, "batch", 3], constants)
    net = read(path)
    # the biases of the input and of the state are one, as in Pellucid's layers
    assert sum(net.parameters[p].size for p in net.parameters.trainable) == 16 * 3 + 16 * 4 + 16
    x = rng.normal(size=(2, 5, 3)).astype(np.float32)
    expected = backend_run(path, x.transpose(1, 0, 2))
    np.testing.assert_allclose(net.predict(x), expected, atol=1e-5)
    net.save(tmp_path / "net.safetensors")
    np.testing.assert_allclose(pl.load(tmp_path / "net.safetensors").predict(x), expected, atol=1e-5)
    net.fit(x, np.zeros((2, 4)), loss="mse", verbose=0)
    net.to_onnx(tmp_path / "again.onnx")
    np.testing.assert_allclose(read(tmp_path / "again.onnx").predict(x), net.predict(x), atol=1e-5)


def backend_run(path: Path, x: Any) -> Any:
    """The one output of a model by ONNX's own reference."""
    return onnx.reference.ReferenceEvaluator(onnx.load(path)).run(None, {"x": x})[0]


def test_integers_are_never_rounded(tmp_path: Path) -> None:
    """float32 has them up to 2²⁴ only: others are an error, among the inputs and in the model."""
    large = (1 << 24) + 1
    path = written(tmp_path / "net.onnx", [node("Add", "x one", "y")], ["n", 2], {"one": np.array([1, 1])}, type=7)
    net = read(path)
    np.testing.assert_array_equal(net.predict(np.array([[3, 1 << 23]])), [[4, (1 << 23) + 1.0]])
    for given in (np.array([[3, large]]), np.array([[3, large]], float), np.array([[1 << 40, 1]])):
        with pytest.raises(PellucidError, match=r"holds [0-9]+, but the network .* has the integers up to 16777216"):
            net.predict(given)
    for constant in (np.array([1, large]), np.array(large)):
        path = written(tmp_path / "net.onnx", [node("Add", "x one", "y")], ["n", 2], {"one": constant}, type=7)
        with pytest.raises(PellucidError, match=r"Add_y.* its input 1 holds the integer 16777217, which float32 would"):
            read(path)


@pytest.mark.parametrize(("mode", "expected"), [("wrap", [2, 3, 4, 5, 2, 3]), ("reflect", [2, 3, 4, 5, 4, 3])])
def test_what_padding_cuts_off_comes_back_nowhere(mode: str, expected: list[int], tmp_path: Path) -> None:
    """As in ONNX Runtime; the definition does not say."""
    pads = np.array([0, -1, 0, 2])
    path = written(tmp_path / "net.onnx", [node("Pad", "x pads", "y", mode=mode)], ["n", 5], {"pads": pads}, opset=19)
    np.testing.assert_array_equal(read(path).predict(np.array([[1, 2, 3, 4, 5]])), [expected])
