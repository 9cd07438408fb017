"""The network: paths, sharing, graphs, parameters, architecture as data, its table."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from tests.layers.support import Array, check_gradients, fed, network, output, run
from tests.layers.windowed.test_conv import lenet

from pellucid.engines import compile_program
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import Program, Tensor, derivative
from pellucid.functions.learning.penalties import L1, L2
from pellucid.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Layer,
)
from pellucid.model import Network
from pellucid.network import BaseNetwork
from pellucid.summary import summarise


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def paths(net: BaseNetwork) -> list[str]:
    return [u.path for u in net.uses]


# Paths


def test_a_layer_is_named_by_its_kind_and_its_place_among_its_kind() -> None:
    net = network(Conv2D(2, 3), Conv2D(2, 3), Flatten(), Dense(4), Dense(3), shape=(8, 8, 1))
    assert paths(net) == ["input_1", "conv2d_1", "conv2d_2", "flatten_1", "dense_1", "dense_2"]
    assert list(net.parameters) == [
        f"{p}.{key}" for p in ("conv2d_1", "conv2d_2", "dense_1", "dense_2") for key in ("kernel", "bias")
    ]
    assert set(net.forward(training=False).values) == {
        *paths(net)[1:],
        *(f"{p}.sum" for p in ("conv2d_1", "conv2d_2", "dense_1", "dense_2")),
    }


def test_a_name_replaces_the_path_and_does_not_count() -> None:
    net = network(Dense(4, name="hidden"), Dense(3), Dense(2, name="dense_2"), Dense(1), shape=(5,))
    assert paths(net)[1:] == ["hidden", "dense_1", "dense_2", "dense_3"]
    with pytest.raises(PellucidError, match='two layers are called "a"'):
        network(Dense(4, name="a"), Dense(3, name="a"), shape=(5,))


def test_values_and_statements_carry_their_paths() -> None:
    forward = network(Dense(4, activation="softmax"), shape=(5,)).forward(training=False)
    for path, tensor in forward.values.items():
        assert tensor.name == path
    assert Program(forward.outputs).tensors.keys() >= {"input_1", "dense_1.kernel", "dense_1.sum", "dense_1"}
    assert forward.last["dense_1"].activation == "softmax"
    assert forward.last["dense_1"].sum is forward.values["dense_1.sum"]


# Sharing


def test_a_layer_called_twice_shares_its_parameters() -> None:
    a, b = Input(3), Input(3)
    layer = Dense(2)
    net = BaseNetwork(inputs=[a, b], outputs=Add()(layer(a), layer(b)), dtype=np.float64)
    assert paths(net) == ["input_1", "input_2", "dense_1", "dense_1~2", "add_1"]
    assert list(net.parameters) == ["dense_1.kernel", "dense_1.bias"]
    x, y = normal(4, 3), normal(4, 3, seed=1)
    expected = (x + y) @ net.parameters["dense_1.kernel"] + 2 * net.parameters["dense_1.bias"]
    np.testing.assert_allclose(output(net, x, y), expected, rtol=1e-12)
    check_gradients(net, x, y)


def autoencoder() -> tuple[BaseNetwork, BaseNetwork, BaseNetwork]:
    encoder = network(Dense(4, activation="tanh"), Dense(2), shape=(6,), name="encoder")
    decoder = network(Dense(4, activation="tanh"), Dense(6), shape=(2,), name="decoder")
    return encoder, decoder, network(encoder, decoder, shape=(6,))


def test_a_network_is_a_layer_and_shares_its_parameters() -> None:
    encoder, decoder, whole = autoencoder()
    assert list(whole.parameters)[:2] == ["encoder.dense_1.kernel", "encoder.dense_1.bias"]
    x = normal(5, 6)
    np.testing.assert_allclose(output(whole, x), output(decoder, output(encoder, x)), rtol=1e-12)
    whole.parameters["encoder.dense_2.bias"] = [7.0, 8.0]
    np.testing.assert_array_equal(encoder.parameters["dense_2.bias"], [7.0, 8.0])
    encoder.parameters["dense_2.bias"] = [1.0, 2.0]
    np.testing.assert_array_equal(whole.parameters["encoder.dense_2.bias"], [1.0, 2.0])
    np.testing.assert_allclose(output(whole, x), output(decoder, output(encoder, x)), rtol=1e-12)
    assert "encoder.dense_1.sum" in whole.forward(training=False).values
    check_gradients(whole, x)


def test_running_statistics_inside_a_network_have_their_path() -> None:
    inner = network(BatchNormalization(), shape=(3,))
    whole = network(inner, Dense(2), shape=(3,))
    assert list(whole.forward(training=True).updates) == [
        f"network_1.batch_normalization_1.{k}" for k in ("mean", "variance")
    ]


def test_a_layer_cannot_stand_inside_a_network_and_beside_it() -> None:
    layer = Dense(3, activation="tanh")
    inner = network(layer, shape=(3,))
    with pytest.raises(PellucidError, match=r"network_1.dense_1.kernel and dense_1.kernel belong to the same layer"):
        network(layer, inner, Dense(2), shape=(3,))
    # the same network twice is one layer that is used twice
    x = normal(4, 3)
    twice = network(inner, inner, shape=(3,))
    assert list(twice.parameters) == ["network_1.dense_1.kernel", "network_1.dense_1.bias"]
    np.testing.assert_allclose(output(twice, x), output(inner, output(inner, x)), rtol=1e-12)
    check_gradients(twice, x)


def test_a_layer_keeps_to_the_shape_it_has() -> None:
    layer = Dense(2)
    network(layer, shape=(3,))
    with pytest.raises(ShapeError, match=r"dense_1.kernel has the shape \(3, 2\) where its layer is used already"):
        network(layer, shape=(4,))
    a, b = Input(3), Input(4)
    shared = Dense(2)
    with pytest.raises(ShapeError, match="dense_1"):
        BaseNetwork(inputs=[a, b], outputs=Add()(shared(a), shared(b)))


# Graphs


def test_residual_sums_several_inputs_and_outputs() -> None:
    image, extra = Input((4, 4, 1), name="image"), Input(2, name="extra")
    x = Conv2D(3, 3, padding="same", activation="relu")(image)
    x = Add()(x, Conv2D(3, 3, padding="same")(x))
    joined = Concatenate()(Flatten()(x), extra)
    net = BaseNetwork(
        inputs=[image, extra], outputs=[Dense(2, name="class_")(joined), Dense(1, name="age")(joined)], dtype=np.float64
    )
    assert net.input_shapes == {"image": (4, 4, 1), "extra": (2,)}
    assert net.output_shapes == {"class_": (2,), "age": (1,)}
    found = run(net, normal(3, 4, 4, 1), normal(3, 2))
    assert found["class_"].shape == (3, 2)
    assert found["age"].shape == (3, 1)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: BaseNetwork(input_shape=(3,)), "at least one layer"),
        (lambda: BaseNetwork(Dense(2)), "a network needs input_shape"),
        (lambda: BaseNetwork(Dense, input_shape=(3,)), r"write pl.Dense\(10\), with the brackets"),  # type: ignore[arg-type]
        (lambda: BaseNetwork(Dense(2), input_shape=(0,)), "integers from 1"),
        (lambda: BaseNetwork(inputs=Input(3)), "given by inputs and outputs alone"),
        (lambda: BaseNetwork(Dense(2), inputs=Input(3), outputs=Input(3)), "given by inputs and outputs alone"),
        (lambda: BaseNetwork(inputs=Input(3), outputs=Dense(2)(Input(3))), "not among the network's inputs"),
        (lambda: BaseNetwork(inputs=Dense(2), outputs=Input(3)), "are nodes"),  # type: ignore[arg-type]
        (lambda: BaseNetwork(Dense(2), input_shape=(3,), seed=-1), "seed is -1, expected an integer"),
        (lambda: BaseNetwork(Dense(2), input_shape=(3,), dtype=np.int32), "dtype has to be float32 or float64"),
        (lambda: BaseNetwork(Dense(2), input_shape=(3,), engine="numpi"), "engine"),
        (lambda: BaseNetwork(Add(), Dense(2), input_shape=(3,)), "add_1: Add takes two inputs or more"),
        (lambda: BaseNetwork(Dense(2), Conv2D(2, 3), input_shape=(3,)), "conv2d_1: Conv2D takes"),
    ],
)
def test_what_makes_no_network(build: Any, words: str) -> None:
    with pytest.raises(PellucidError, match=words):
        build()


def test_a_layer_with_too_many_inputs() -> None:
    a, b = Input(3), Input(3)
    with pytest.raises(PellucidError, match=r"dense_1: .* 2 inputs|dense_1: .*takes"):
        BaseNetwork(inputs=[a, b], outputs=Dense(2)(a, b))
    with pytest.raises(PellucidError, match="flatten_1: a Flatten layer takes one input, got 2"):
        BaseNetwork(inputs=[a, b], outputs=Flatten()(a, b))


def test_a_network_in_a_network_takes_its_own_shape() -> None:
    inner = network(Dense(2), shape=(3,))
    with pytest.raises(ShapeError, match=r"network_1: the network takes examples of shape \(3,\), got \(4,\)"):
        network(inner, shape=(4,))


# Parameters


def test_parameters_are_read_and_assigned_by_path() -> None:
    net = network(Dense(2), shape=(3,))
    net.parameters["dense_1.bias"] = [1, 2]
    assert net.parameters["dense_1.bias"].dtype == np.float64
    np.testing.assert_array_equal(net.parameters["dense_1.bias"], [1.0, 2.0])
    given = np.ones((3, 2))
    net.parameters["dense_1.kernel"] = given
    given[:] = 5
    np.testing.assert_array_equal(net.parameters["dense_1.kernel"], np.ones((3, 2)))
    assert len(net.parameters) == 2
    assert "dense_1.kernel (3, 2)" in repr(net.parameters)


def test_wrong_assignments_are_said() -> None:
    net = network(Dense(2), shape=(3,))
    with pytest.raises(PellucidError, match=r'there is no parameter "dense_1.kernal". Did you mean "dense_1.kernel"'):
        net.parameters["dense_1.kernal"]
    with pytest.raises(PellucidError, match="there is no parameter"):
        net.parameters["dense_9.kernel"] = np.ones((3, 2))
    with pytest.raises(ShapeError, match=r"dense_1.kernel has the shape \(3, 2\), got \(2, 3\)"):
        net.parameters["dense_1.kernel"] = np.ones((2, 3))
    with pytest.raises(PellucidError, match="takes numbers of shape"):
        net.parameters["dense_1.bias"] = ["one", "two"]
    with pytest.raises(PellucidError, match="cannot be deleted"):
        del net.parameters["dense_1.bias"]


def test_the_seed_says_how_parameters_begin() -> None:
    one, two, other = (network(Dense(4), Dense(4), shape=(4,), seed=seed) for seed in (1, 1, 2))
    for path in one.parameters:
        np.testing.assert_array_equal(one.parameters[path], two.parameters[path])
    assert (one.parameters["dense_1.kernel"] != other.parameters["dense_1.kernel"]).any()
    assert (one.parameters["dense_1.kernel"] != one.parameters["dense_2.kernel"]).any()


def test_float32_is_the_usual() -> None:
    net = BaseNetwork(Dense(2), input_shape=(3,))
    assert net.parameters["dense_1.kernel"].dtype == np.float32
    assert output(net, normal(2, 3)).dtype == np.float32


def test_regularizers_add_up_in_the_penalty() -> None:
    layers = Dense(2, kernel_regularizer=L2(0.5)), Dense(2, kernel_regularizer=L1(0.1)), Dense(1)
    net = network(*layers, shape=(3,))
    forward = net.forward(training=True)
    assert forward.penalty is not None
    found = compile_program(Program({"penalty": forward.penalty}), engine="reference", dtype=np.float64)(
        dict(net.parameters)
    )
    one, two = net.parameters["dense_1.kernel"], net.parameters["dense_2.kernel"]
    np.testing.assert_allclose(found["penalty"], 0.5 * (one**2).sum() + 0.1 * np.abs(two).sum(), rtol=1e-12)
    assert network(Dense(2), shape=(3,)).forward(training=True).penalty is None


# Architecture as data


def graph() -> BaseNetwork:
    encoder, decoder, _ = autoencoder()
    a, b = Input(6, name="left"), Input(6)
    layer = Dense(6, "leaky_relu", kernel_regularizer=L2(0.1))
    both = Add()(layer(a), layer(b))
    outputs = [decoder(encoder(both)), Dropout(0.2)(Activation("softmax")(both))]
    return BaseNetwork(inputs=[a, b], outputs=outputs, seed=7, dtype=np.float64, name="all")


@pytest.mark.parametrize("make", [graph, lenet, lambda: network(BatchNormalization(), Dense(3), shape=(2, 4))])
def test_config_makes_the_same_network_again(make: Any) -> None:
    net: BaseNetwork = make()
    text = json.dumps(net.config())
    again = BaseNetwork.restored(json.loads(text))
    assert json.dumps(again.config()) == text
    assert paths(again) == paths(net)
    assert list(again.parameters) == list(net.parameters)
    for path, array in net.parameters.items():
        again.parameters[path] = array
    examples = [normal(3, *shape) for shape in net.input_shapes.values()]
    for path, array in run(net, *examples).items():
        np.testing.assert_array_equal(run(again, *examples)[path], array)


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.pop("layers"),
        lambda c: c["uses"][1].update(layer=99),
        lambda c: c["uses"][1].update(inputs=["nowhere"]),
        lambda c: c["layers"][1].update({"class": "Dens"}),
        lambda c: c["layers"][1]["options"].update(unitz=3),
        lambda c: c.update(layers=5),
        lambda c: c["layers"].append(None) or c["uses"][1].update(layer=-1),
    ],
)
def test_a_damaged_description_is_said(damage: Any) -> None:
    config = json.loads(json.dumps(network(Dense(2), shape=(3,)).config()))
    damage(config)
    with pytest.raises(PellucidError):
        BaseNetwork.restored(config)


# Its table


def test_the_table_of_lenet() -> None:
    summary = summarise(lenet())
    # kernels: 5·5·1·6 + 6, 5·5·6·16 + 16, 400·120 + 120, 120·84 + 84, 84·10 + 10
    assert [r.parameters for r in summary.rows if r.parameters] == [156, 2416, 48120, 10164, 850]
    assert summary.parameters == summary.trainable == 61706
    # 28·28·6 sums of 25, 10·10·16 sums of 150, and the matrices
    assert [r.multiply_adds for r in summary.rows if r.multiply_adds] == [117600, 240000, 48000, 10080, 840]
    text = str(summary)
    assert "conv2d_2      Conv2D" in text
    assert "(n, 10, 10, 16)" in text
    assert text.endswith("61,706 parameters; 416,520 multiply-adds an example")


def test_parameters_that_are_not_trained_are_counted_apart() -> None:
    summary = summarise(network(BatchNormalization(), shape=(5,)))
    assert (summary.trainable, summary.fixed) == (10, 10)
    assert "20 parameters, 10 of them not trained" in str(summary)


def test_grouped_convolutions_do_less() -> None:
    def work(groups: int) -> int:
        return summarise(network(Conv2D(4, 3, groups=groups), shape=(6, 6, 4))).multiply_adds

    assert work(1) == 4 * 4 * 4 * 3 * 3 * 4
    assert work(2) == work(1) // 2
    assert work(4) == work(1) // 4


# A layer of one's own


def test_a_users_layer_is_a_layer_like_any_other() -> None:
    from collections.abc import Mapping

    from pellucid.formula import define
    from pellucid.layers.base import Context, Parameter, Shape

    class Bilinear(Layer):
        def declare(self, *shapes: Shape) -> dict[str, Parameter]:
            (size,) = shapes[0]
            return {"kernel": Parameter({"i": size, "j": size, "o": 2}, "glorot_uniform", size, 2)}

        def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
            return define("y[n,o] = Σ[i,j] x[n,i]·w[i,j,o]·x[n,j]", x=inputs[0], w=parameters["kernel"])

    try:
        net = network(Dense(3), Bilinear(), shape=(4,))
        assert paths(net)[-1] == "bilinear_1"
        check_gradients(net, normal(3, 4))
        forward = net.forward(training=False)
        (y,) = forward.outputs.values()
        upstream = Tensor("upstream", tuple(a.fresh() for a in y.axes))
        dw = derivative(y, [forward.parameters["bilinear_1.kernel"]], upstream=upstream)
        assert set(Program({"dw": next(iter(dw.values()))}).inputs) <= {*fed(net, normal(1, 4)), "upstream"}
        with pytest.raises(PellucidError, match=r"bilinear_1: .*unpack"):
            network(Bilinear(), shape=(4, 2))
    finally:
        Layer.kinds.pop("Bilinear")


@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_values_that_no_memory_holds(engine: str) -> None:
    with pytest.raises(ShapeError, match=r"dense_1 would hold 1,000,000,000 numbers .*expected at most 268,435,456"):
        Network(Dense(10**9), input_shape=1, engine=engine)
    with pytest.raises(ShapeError, match=r"dense_1.kernel would hold 4,000,000,000 numbers .*at most 2,147,483,648"):
        Network(Dense(2 * 10**8), input_shape=20, engine=engine)
    with pytest.raises(ShapeError, match="input_1 would hold"):
        Network(Flatten(), input_shape=(10**5, 10**5), engine=engine)


SHORT = """
import resource, sys
import numpy as np
import pellucid as pl
net = pl.Network(pl.Dense(20_000), pl.Dense(1), input_shape=1, engine=sys.argv[1])
net.trace(np.zeros((1, 1)))
size = int(next(line for line in open("/proc/self/status") if line.startswith("VmSize")).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_AS, (size + (200 << 20),) * 2)
try:
    net.trace(np.zeros((10_000, 1)))
except pl.PellucidError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_a_shortage_of_memory(engine: str) -> None:
    output = subprocess.run([sys.executable, "-c", SHORT, engine], capture_output=True, text=True, check=True).stdout
    assert "memory" in output and "a smaller batch" in output


def test_a_network_says_what_it_is_made_of() -> None:
    chain = Network(Dense(3, activation="relu"), Dense(2, name="last"), input_shape=4)
    assert repr(chain) == "Network(Dense(units=3, activation='relu'), Dense(name='last', units=2), input_shape=(4,))"
    long = repr(Network(*[Dense(2) for _ in range(30)], input_shape=4))
    assert "… 21 more …" in long and len(long) < 300
    x = Input((2, 3), name="x")
    graph = Network(inputs=x, outputs=[Dense(1, name="y")(Flatten()(x)), Flatten(name="z")(x)])
    assert repr(graph) == "Network(inputs={'x': (2, 3)}, outputs={'y': (1,), 'z': (6,)}, 3 layers, 7 parameters)"
    assert repr(chain) in repr(Network(chain, Dense(1), input_shape=4))
