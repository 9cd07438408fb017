"""The terms of an explanation add up to the engine's own value, for every value of a run."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import PellucidError
from pellucid.explain import Trace, explain, trace
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS, SGD, optimizer
from pellucid.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Add,
    Average,
    AveragePool1D,
    AveragePool2D,
    AveragePool3D,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GlobalAveragePool,
    GlobalMaxPool,
    GroupNormalization,
    Input,
    Layer,
    LayerNormalization,
    Masking,
    Maximum,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Minimum,
    MinPool1D,
    MinPool2D,
    MinPool3D,
    MultiHeadAttention,
    Multiply,
    Normalization,
    Permute,
    PReLU,
    RepeatVector,
    Reshape,
    SeparableConv1D,
    SeparableConv2D,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
    Subtract,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from pellucid.network import BaseNetwork


def network(*layers: Layer, shape: tuple[int, ...], seed: int = 0) -> BaseNetwork:
    net = BaseNetwork(*layers, input_shape=shape, seed=seed)
    rng = np.random.default_rng(seed)
    for path in net.parameters:  # biases begin at 0, which would hide their terms
        net.parameters[path] = net.parameters[path] + rng.normal(scale=0.1, size=net.parameters[path].shape)
    return net


def residual(seed: int) -> BaseNetwork:
    x = Input(5)
    hidden = Dense(5, activation="tanh")(x)
    net = BaseNetwork(inputs=x, outputs=Dense(3, activation="softmax")(Add()(x, hidden)), seed=seed)
    return net


def gates(seed: int) -> BaseNetwork:
    x = Input(5)
    product = Multiply()(Dense(4, activation="sigmoid")(x), Dense(4, activation="silu")(x))
    return BaseNetwork(inputs=x, outputs=Dense(3, activation="softmax")(Concatenate()(x, product)), seed=seed)


def compared(seed: int) -> BaseNetwork:
    x = Input(5)
    a, b = Dense(4, activation="tanh")(x), Dense(4, activation="sigmoid")(x)
    both = Concatenate()(Average()(a, b), Subtract()(a, b), Maximum()(a, b), Minimum()(a, b))
    return BaseNetwork(inputs=x, outputs=Dense(3, activation="softmax")(both), seed=seed)


def states(seed: int) -> BaseNetwork:
    x = Input((4, 2))
    y, *ends = LSTM(3, return_state=True, return_sequences=True)(x)
    both = Concatenate()(LSTM(3)(y, initial_state=ends), *ends)
    return BaseNetwork(inputs=x, outputs=Dense(3, activation="softmax")(both), seed=seed)


NETWORKS: dict[str, Callable[[int], BaseNetwork]] = {
    "relu": lambda seed: network(
        Dense(6, activation="relu"), Dropout(0.5), Dense(3, activation="softmax"), shape=(5,), seed=seed
    ),
    "sigmoid": lambda seed: network(
        Dense(4, activation="sigmoid", kernel_regularizer="l2"), Dense(3), shape=(5,), seed=seed
    ),
    "gelu": lambda seed: network(
        Dense(4, activation="gelu"), Dense(3, activation="log_softmax"), shape=(5,), seed=seed
    ),
    "flat": lambda seed: network(
        Flatten(), Dense(4, activation="leaky_relu"), Dense(3, activation="softmax"), shape=(3, 2, 2), seed=seed
    ),
    "steps": lambda seed: network(
        Dense(4, activation="elu"), Flatten(), Dense(3, activation="softmax"), shape=(3, 2), seed=seed
    ),
    "residual": residual,
    "convolution": lambda seed: network(
        Conv2D(3, 3, padding="same", strides=2, activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(3, activation="softmax"),
        shape=(8, 7, 2),
        seed=seed,
    ),
    "dilated": lambda seed: network(
        Conv1D(3, 2, dilation_rate=2, activation="tanh"),
        MinPool1D(2),
        GlobalMaxPool(),
        Dense(3, activation="softmax"),
        shape=(9, 2),
        seed=seed,
    ),
    "transposed": lambda seed: network(
        ConvTranspose2D(2, 3, strides=2),
        AveragePool2D(2),
        MinPool2D(2),
        GlobalAveragePool(),
        Dense(3, activation="softmax"),
        shape=(4, 4, 1),
        seed=seed,
    ),
    "volumes": lambda seed: network(
        Conv3D(2, 2, padding="same", strides=(1, 2, 1), dilation_rate=(1, 1, 2), activation="relu"),
        MaxPool3D((1, 2, 2), padding="same"),
        ConvTranspose3D(2, 2, strides=(2, 1, 2)),
        AveragePool3D((1, 1, 2)),
        SpatialDropout3D(0.2),
        GlobalAveragePool(),
        Dense(3, activation="softmax"),
        shape=(3, 4, 3, 2),
        seed=seed,
    ),
    "resized volumes": lambda seed: network(
        UpSampling3D((1, 2, 1)),
        ZeroPadding3D((1, 0, 2)),
        Cropping3D((0, 1, 1)),
        MinPool3D(2, 1),
        Flatten(),
        Dense(3, activation="softmax"),
        shape=(2, 2, 2, 2),
        seed=seed,
    ),
    "pooled": lambda seed: network(
        ConvTranspose1D(2, 2), MaxPool1D(2), AveragePool1D(2), Flatten(), Dense(3), shape=(7, 2), seed=seed
    ),
    "normalised": lambda seed: network(
        Normalization().adapt(np.random.default_rng(seed).normal(3.0, 2.0, (9, 5))),
        Dense(4),
        BatchNormalization(),
        Activation("relu"),
        LayerNormalization(),
        Dense(3, activation="softmax"),
        shape=(5,),
        seed=seed,
    ),
    "attention": lambda seed: network(
        MultiHeadAttention(2, 4), Flatten(), Dense(3, activation="softmax"), shape=(4, 6), seed=seed
    ),
    "rnn": lambda seed: network(
        RNN(3, return_sequences=True),
        RNN(2, go_backwards=True),
        Dense(3, activation="softmax"),
        shape=(4, 2),
        seed=seed,
    ),
    "lstm": lambda seed: network(Masking(), LSTM(3), Dense(3, activation="softmax"), shape=(4, 2), seed=seed),
    "truncated": lambda seed: network(LSTM(3, truncate=2), Dense(3, activation="softmax"), shape=(5, 2), seed=seed),
    "gru": lambda seed: network(GRU(3), Dense(3, activation="softmax"), shape=(4, 2), seed=seed),
    "gru of the paper": lambda seed: network(
        GRU(3, reset_after=False), Dense(3, activation="softmax"), shape=(4, 2), seed=seed
    ),
    "both ways": lambda seed: network(
        Bidirectional(LSTM(2), merge_mode="mul"), Dense(3, activation="softmax"), shape=(4, 2), seed=seed
    ),
    "words": lambda seed: network(Embedding(7, 3), GRU(2), Dense(3, activation="softmax"), shape=(4,), seed=seed),
    "gates": gates,
    "states": states,
    "separable": lambda seed: network(
        SeparableConv2D(4, 3, depth_multiplier=2, padding="same"),
        GroupNormalization(2),
        DepthwiseConv2D(2),
        PReLU(alpha_initializer="ones"),
        UpSampling2D(2),
        ZeroPadding2D(1),
        Cropping2D(2),
        SpatialDropout2D(0.2),
        GlobalAveragePool(),
        Dense(3, activation="softmax"),
        shape=(5, 4, 2),
        seed=seed,
    ),
    "separable rows": lambda seed: network(
        SeparableConv1D(4, 3, padding="same"),
        DepthwiseConv1D(2),
        UpSampling1D(2),
        ZeroPadding1D(1),
        Cropping1D(2),
        SpatialDropout1D(0.2),
        GlobalAveragePool(),
        Dense(3, activation="softmax"),
        shape=(6, 2),
        seed=seed,
    ),
    "compared": compared,
    "rearranged": lambda seed: network(
        GaussianNoise(0.1), RepeatVector(3), Permute((2, 1)), Flatten(), Dense(3), shape=(4,), seed=seed
    ),
}


@pytest.mark.sample(10)
@pytest.mark.parametrize("kind", NETWORKS)
def test_terms_close_on_every_value(kind: str) -> None:
    closes(kind, 7)


@settings(max_examples=3, deadline=None)
@given(kind=st.sampled_from(sorted(NETWORKS)), seed=st.integers(0, 1000))
def test_terms_close_whatever_the_numbers(kind: str, seed: int) -> None:
    closes(kind, seed)


def closes(kind: str, seed: int) -> None:
    net = NETWORKS[kind](seed)
    rng = np.random.default_rng(seed)
    (shape,) = net.input_shapes.values()
    x = rng.integers(0, 7, (4, *shape)) if kind == "words" else rng.normal(size=(4, *shape)).astype(np.float32)
    if kind == "lstm":
        x[0, 2:] = 0.0
    y = rng.integers(0, 3, size=4)
    check(trace(net, x, y, loss="crossentropy", optimizer=SGD(0.1, momentum=0.9)), rng)


def check(run: Trace, rng: np.random.Generator) -> None:
    """At a place of every value: the terms add up to it, folded or not, and are made of the elements that they name."""
    for path in run:
        if run.program.definition(run.tensor(path)) is None:
            continue
        index = tuple(int(rng.integers(0, n)) for n in run[path].shape)
        found = run.explain(path, index=index)
        assert found.value == run[path][index]
        assert found.sentence("en") and found.sentence("zh") and found.text(3) and found.json(2)
        scale = 1e-6 + np.abs(found.terms.contributions).sum() + abs(found.value)
        assert abs(found.total - found.value) <= 4e-6 * scale, f"{path}{index}: {found.formula}"
        for limit in (0, 1, 3, 1000):
            shown, count, rest = found.top_terms(limit)
            assert len(shown) + count == len(found.terms)
            assert sum(t.value for t in shown) + rest == pytest.approx(found.total, abs=1e-12 * max(1.0, scale))
        for term in found.terms[:3]:
            top = np.prod([f.value for f in term.factors])
            bottom = np.prod([f.value for f in term.divisors])
            assert top / bottom == pytest.approx(term.value, rel=1e-9, abs=1e-30)
            assert all(run[s.path][s.index] == s.value for s in term.sources if s.path in run)


@pytest.mark.sample(5)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_terms_close_for_every_activation(name: str) -> None:
    net = network(Dense(4, activation=name), Dense(2, activation="linear"), shape=(3,))
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(trace(net, rng.normal(size=(3, 3)), rng.normal(size=(3, 2))), rng)


@pytest.mark.sample(14)
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("activation", ["linear", "sigmoid", "softmax"])
def test_terms_close_for_every_loss(name: str, activation: str) -> None:
    reads = LOSSES[name].reads
    if activation == {"binary": "softmax", "categorical": "sigmoid"}.get(reads):
        return  # which such a loss refuses
    net = network(Dense(3, activation=activation), shape=(4,))
    rng = np.random.default_rng(2)
    check(trace(net, rng.normal(size=(5, 4)), np.eye(3)[rng.integers(0, 3, 5)], loss=name), rng)


@pytest.mark.sample(3)
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_terms_close_for_every_update(kind: str) -> None:
    net = network(Dense(3, activation="softmax"), shape=(4,))
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    check(trace(net, x, y, optimizer=optimizer(kind)), rng)
    found = explain(net, "dense_1.kernel", index=(1, 2), x=x, y=y, optimizer=optimizer(kind))
    assert found.sentence().startswith("One update: the weight ")


def test_no_kind_of_layer_is_exempt() -> None:
    used = {type(u.layer) for make in NETWORKS.values() for u in make(0).uses}
    public = {kind for kind in Layer.kinds.values() if kind.__module__.startswith("pellucid.layers")}
    assert public - used == {Reshape}, "Reshape is tested with the receptive fields"


def test_a_pooled_value_names_winner_and_loser() -> None:
    x = np.array([[1.0], [4.0], [3.0], [2.0]])
    net = BaseNetwork(MaxPool1D(2), input_shape=(4, 1))
    found = explain(net, "max_pool1d_1", index=(0, 0), x=x)
    assert (
        found.sentence() == "The largest of 2 values, 4 from input_1[0, 1, 0], wins over 1; it alone gets the gradient."
    )
    assert [c.value for c in found.contenders] == [1.0, 4.0]
    found = explain(BaseNetwork(MinPool1D(2), input_shape=(4, 1)), "min_pool1d_1", index=(1, 0), x=x)
    assert "2 values, 2 from input_1[0, 3, 0], wins over 3" in found.sentence()
    assert [t.text for t in found.terms] == ["x[0,3,0]"]


def test_a_flattened_value_is_one_element() -> None:
    net = BaseNetwork(Flatten(), input_shape=(2, 3))
    found = explain(net, "flatten_1", unit=4, x=np.arange(6.0).reshape(2, 3))
    assert [(t.text, t.value) for t in found.terms] == [("x[0,1,1]", 4.0)]
    assert found.terms.outside == 0


def test_sentences_of_gates_and_states() -> None:
    net = BaseNetwork(LSTM(2), input_shape=(3, 1))
    run = trace(net, np.ones((1, 3, 1)))
    assert run.explain("lstm_1.gate.forget", time=1, unit=0).sentence().startswith("The forget gate is open by ")
    assert "after step 1" in run.explain("lstm_1.cell[t=1]", unit=0).sentence()
    assert run["lstm_1.state[t=2]"].shape == (1, 2)
    np.testing.assert_array_equal(run["lstm_1.state[t=-1]"], run["lstm_1"])
    for wrong, said in (
        ("lstm_1.state[t=3]", "3 along its axis t"),
        ("lstm_1.state[k=0]", "has the axes n, t, j, got k"),
    ):
        with pytest.raises(PellucidError, match=said):
            run[wrong]


def test_a_worked_unit() -> None:
    """One unit by hand: z = 0.5 + 2·1 + (−3)·0.25 = 1.75; relu(1.75) = 1.75."""
    net = BaseNetwork(Dense(1, activation="relu"), input_shape=2)
    net.parameters["dense_1.kernel"] = [[2.0], [-3.0]]
    net.parameters["dense_1.bias"] = [0.5]
    found = explain(net, "dense_1.sum", unit=0, x=np.array([1.0, 0.25]))
    assert found.value == 1.75
    assert [(t.text, t.numbers, t.value) for t in found.terms] == [
        ("x[0,0]·w[0,0]", "1·2", 2.0),
        ("x[0,1]·w[1,0]", "0.25·(−3)", -0.75),
        ("b[0]", "0.5", 0.5),
    ]
    assert found.with_values == "1·2 + 0.25·(−3) + 0.5 = 1.75"
    unit = explain(net, "dense_1", unit=0, x=np.array([1.0, 0.25]))
    assert "on" in unit.sentence("en") and "激活" in unit.sentence("zh")
    off = explain(net, "dense_1", unit=0, x=np.array([-1.0, 0.25]))
    assert off.sentence() == "This unit is off: its sum −2.25 is not positive, ReLU gives 0, so no gradient passes."


def test_one_update_by_hand_is_the_engines() -> None:
    """w′ = w − lr·dw: mean squared error of one example, (y − t)², y = w·x: dw = 2·(y − t)·x = 2·(3·2 − 5)·2 = 4."""
    net = BaseNetwork(Dense(1, use_bias=False), input_shape=1)
    net.parameters["dense_1.kernel"] = [[3.0]]
    gradient = explain(net, "dense_1.kernel", index=(0, 0), x=np.array([2.0]), y=np.array([5.0]), loss="mse")
    assert gradient.value == 4.0
    update = explain(
        net, "dense_1.kernel", index=(0, 0), x=np.array([2.0]), y=np.array([5.0]), loss="mse", optimizer=SGD(0.5)
    )
    assert update.value == 3.0 - 0.5 * 4.0


def test_errors_say_what_to_do() -> None:
    net = BaseNetwork(Dense(3, activation="relu"), input_shape=2)
    x = np.ones(2)
    with pytest.raises(PellucidError, match='no value "dense_2"'):
        explain(net, "dense_2", unit=0, x=x)
    with pytest.raises(PellucidError, match="give an index for each"):
        explain(net, "dense_1", x=x)
    with pytest.raises(PellucidError, match="3 along its axis o"):
        explain(net, "dense_1", unit=3, x=x)
    with pytest.raises(PellucidError, match="given to the run, not computed"):
        explain(net, "dense_1.kernel", index=(0, 0), x=x)
    with pytest.raises(PellucidError, match="give y"):
        explain(net, "dense_1", unit=0, x=x, backward=True)
