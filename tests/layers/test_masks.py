"""Every layer says what it makes of a mask, and padding changes nothing where it takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.layers.support import check_gradients

import pellucid as pl
from pellucid.engines import compile_program
from pellucid.formula import Program, Tensor
from pellucid.layers.base import Context

Array = NDArray[Any]
Make = Callable[[], pl.Layer]
SAYS = {"pass", "use", "refuse"}
HOMES = "pellucid.layers.", "pellucid.network", "pellucid.model"
KINDS = {name: kind for name, kind in pl.Layer.kinds.items() if f"{kind.__module__}.".startswith(HOMES)}
STEPS = 6
MERGING = pl.Add | pl.Average | pl.Concatenate | pl.Maximum | pl.Minimum | pl.Multiply | pl.Subtract

TAKES: dict[str, list[Make]] = {
    "Activation": [lambda: pl.Activation("tanh")],
    "Add": [pl.Add],
    "Average": [pl.Average],
    "AveragePool1D": [pl.AveragePool1D, lambda: pl.AveragePool1D(3, strides=1)],
    "BatchNormalization": [pl.BatchNormalization],
    "Bidirectional": [
        lambda: pl.Bidirectional(pl.GRU(2)),
        lambda: pl.Bidirectional(pl.LSTM(2, return_sequences=True)),
    ],
    "Concatenate": [pl.Concatenate],
    "Conv1D": [
        lambda: pl.Conv1D(2, 3, padding="same"),
        lambda: pl.Conv1D(2, 2, padding="same", dilation_rate=2),
        lambda: pl.Conv1D(2, 3, activation="tanh"),
        lambda: pl.Conv1D(2, 2, strides=2),
        lambda: pl.Conv1D(2, 2, dilation_rate=2),
    ],
    "Dense": [lambda: pl.Dense(2, activation="softmax")],
    "Dropout": [lambda: pl.Dropout(0.5)],
    "GRU": [lambda: pl.GRU(2), lambda: pl.GRU(2, return_sequences=True, go_backwards=True)],
    "GaussianNoise": [lambda: pl.GaussianNoise(0.5)],
    "GlobalAveragePool": [pl.GlobalAveragePool],
    "GlobalMaxPool": [pl.GlobalMaxPool],
    "LSTM": [lambda: pl.LSTM(2), lambda: pl.LSTM(2, go_backwards=True)],
    "LayerNormalization": [pl.LayerNormalization],
    "Masking": [lambda: pl.Masking(-9.0)],
    "Maximum": [pl.Maximum],
    "MaxPool1D": [lambda: pl.MaxPool1D(2), lambda: pl.MaxPool1D(2, strides=1)],
    "Minimum": [pl.Minimum],
    "MinPool1D": [lambda: pl.MinPool1D(2)],
    "MultiHeadAttention": [lambda: pl.MultiHeadAttention(2, 2), lambda: pl.MultiHeadAttention(1, 2, causal=True)],
    "Multiply": [pl.Multiply],
    "Network": [
        lambda: pl.Network(pl.Dense(2), pl.Conv1D(2, 3, padding="same"), pl.GlobalMaxPool(), input_shape=(STEPS, 3)),
    ],
    "Normalization": [lambda: pl.Normalization().adapt(np.random.default_rng(1).normal(3, 2, (9, 3)))],
    "PReLU": [lambda: pl.PReLU(shared_axes=1, alpha_initializer="ones")],
    "RNN": [lambda: pl.RNN(2), lambda: pl.RNN(2, return_sequences=True)],
    "SpatialDropout1D": [lambda: pl.SpatialDropout1D(0.5)],
    "Subtract": [pl.Subtract],
}
REFUSES: dict[str, Make] = {
    "AveragePool1D": lambda: pl.AveragePool1D(2, padding="same"),
    "Conv1D": lambda: pl.Conv1D(2, 3, strides=2, padding="same"),
    "Conv1D in numbers": lambda: pl.Conv1D(2, 3, padding=1),
    "ConvTranspose1D": lambda: pl.ConvTranspose1D(2, 3),
    "Cropping1D": lambda: pl.Cropping1D(1),
    "DepthwiseConv1D": lambda: pl.DepthwiseConv1D(2),
    "Flatten": pl.Flatten,
    "GroupNormalization": lambda: pl.GroupNormalization(1),
    "MaxPool1D": lambda: pl.MaxPool1D(2, padding="same"),
    "MinPool1D": lambda: pl.MinPool1D(2, padding="same"),
    "Network": lambda: pl.Network(pl.Dense(2), pl.Flatten(), input_shape=(STEPS, 3)),
    "Permute": lambda: pl.Permute((2, 1)),
    "Reshape": lambda: pl.Reshape((3, -1)),
    "SeparableConv1D": lambda: pl.SeparableConv1D(2, 2),
    "UpSampling1D": lambda: pl.UpSampling1D(2),
    "ZeroPadding1D": lambda: pl.ZeroPadding1D(1),
}
NO_STEPS = {
    "InputLayer", "Embedding", "Conv2D", "ConvTranspose2D", "MaxPool2D", "MinPool2D", "AveragePool2D", "RepeatVector",
    "Cropping2D", "DepthwiseConv2D", "SeparableConv2D", "SpatialDropout2D", "UpSampling2D", "ZeroPadding2D",
    "AveragePool3D", "Conv3D", "ConvTranspose3D", "Cropping3D", "MaxPool3D", "MinPool3D", "SpatialDropout3D",
    "UpSampling3D", "ZeroPadding3D", "FinalState",
}  # fmt: skip
"""Where masks begin, what takes images or volumes only, and what is of a recurrent layer that has read the mask."""


def network(layer: pl.Layer, steps: int = STEPS, *, mask: bool = True) -> pl.Network:
    """Two steps that make numbers other than 0 of the padding, then the layer."""
    x, m = pl.Input((steps, 3), name="x"), pl.Input((steps,), name="m")
    start = pl.Masking()(x, m) if mask else x
    made = pl.Dense(3, activation="tanh", bias_initializer="ones", name="before")(start)
    both = [made, pl.Activation("elu")(made)] if isinstance(layer, MERGING) else [made]
    last = layer(*both)
    inputs = [x, m] if mask else [x]
    return pl.Network(inputs=inputs, outputs=last, seed=3, dtype="float64", engine="reference")


def test_every_layer_says_what_it_makes_of_a_mask() -> None:
    assert {name for name, kind in KINDS.items() if kind.masking not in SAYS} == set()
    known = {*TAKES, *(name.split(" ")[0] for name in REFUSES), *NO_STEPS}
    assert {name for name in KINDS if not name.endswith("Network")} - known - {"Neuron"} == set()


@pytest.mark.sample(60)
@pytest.mark.parametrize(
    ("kind", "place"), [(kind, place) for kind, makes in TAKES.items() for place in range(len(makes))]
)
@pytest.mark.parametrize("length", [STEPS, 5, 4])
def test_padding_changes_nothing(kind: str, place: int, length: int) -> None:
    if kind == "Network" and length < STEPS:
        pytest.skip("its own number of steps is fixed")
    random = np.random.default_rng(0)
    x = random.normal(size=(2, STEPS, 3))
    m = np.stack([np.arange(STEPS) < length, np.ones(STEPS, bool)]).astype(np.float64)
    padded, bare = network(TAKES[kind][place]()), network(TAKES[kind][place](), length, mask=False)
    for path in bare.parameters:
        bare.parameters[path] = padded.parameters[path]
    found, expected = padded.predict([x, m])[0], bare.predict(x[:1, :length])[0]
    if found.ndim == 2:  # a sequence: what is left of it has to be as long, and the mask has to say so
        (mask,) = padded.forward(training=False).masks.values()
        program = compile_program(Program({"mask": mask}), engine="reference", dtype=np.dtype(np.float64))
        found = found[program({"x": x, "m": m, **padded.parameters})["mask"][0] > 0]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", REFUSES)
def test_what_would_lose_a_mask_refuses_it(kind: str) -> None:
    network(REFUSES[kind](), mask=False)
    with pytest.raises(pl.PellucidError, match="leave"):
        network(REFUSES[kind]())


def test_an_own_layer_that_says_nothing_is_refused() -> None:
    class Silent(pl.Layer):
        def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
            return pl.define("y[n,t,i] = 2·x[n,t,i]", x=inputs[0])

    network(Silent(), mask=False)
    with pytest.raises(pl.PellucidError, match=r"silent_1: .* Silent does not say what it makes of one; .* masking ="):
        network(Silent())
    Silent.masking = "refuse"
    with pytest.raises(pl.PellucidError, match="a Silent layer cannot leave out the steps"):
        network(Silent())
    del pl.Layer.kinds["Silent"]


@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_global_pools_look_at_real_steps_alone(engine: str) -> None:
    x = np.array([[2.0, 4, 0, 0], [-3, -1, -2, 0], [0, 0, 0, 0]])[..., None]
    for layer, expected in ((pl.GlobalAveragePool(), [3, -2, 0]), (pl.GlobalMaxPool(), [4, -1, 0])):
        net = pl.Network(pl.Masking(), layer, input_shape=(4, 1), engine=engine)
        np.testing.assert_array_equal(net.predict(x)[:, 0], expected)


@pytest.mark.parametrize("layer", [pl.GlobalAveragePool, pl.GlobalMaxPool, pl.BatchNormalization])
def test_gradients_with_a_mask_agree_with_central_differences(layer: Make) -> None:
    random = np.random.default_rng(1)
    m = (np.arange(STEPS) < np.array([[STEPS], [2], [0], [4]])).astype(np.float64)
    check_gradients(network(layer()), random.normal(size=(4, STEPS, 3)), m, max_places=12)


@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_the_statistics_of_a_batch_are_those_of_real_steps(engine: str) -> None:
    random = np.random.default_rng(4)
    there = np.arange(5) < random.integers(1, 6, size=(40, 1))
    x = (3 + random.normal(size=(40, 5, 2))) * there[..., None]
    net = pl.Network(
        pl.Masking(),
        pl.BatchNormalization(momentum=0.0),
        pl.GlobalAveragePool(),
        input_shape=(5, 2),
        engine=engine,
        dtype="float64",
    )
    net.fit(x, np.zeros((40, 2)), batch_size=40, verbose=0)
    np.testing.assert_allclose(net.parameters["batch_normalization_1.mean"], x[there].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(net.parameters["batch_normalization_1.variance"], x[there].var(axis=0), rtol=1e-12)
    before = dict(net.parameters)
    net.fit(np.zeros((3, 5, 2)), np.zeros((3, 2)), verbose=0)  # no real step: nothing to follow
    for key in ("mean", "variance"):
        path = f"batch_normalization_1.{key}"
        np.testing.assert_array_equal(net.parameters[path], before[path])


def test_two_masks_leave_the_steps_of_both() -> None:
    x, m = pl.Input((4, 1), name="x"), pl.Input((4,), name="m")
    net = pl.Network(inputs=[x, m], outputs=pl.GlobalAveragePool()(pl.Masking()(pl.Masking()(x), m)))
    found = net.predict([np.array([[1.0, 2, 3, 0]])[..., None], np.array([[1, 0, 1, 1]])])
    assert found[0, 0] == 2
