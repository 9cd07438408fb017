"""What people write who know other libraries is answered with the spelling here, wherever arguments are taken."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.formula import Tensor
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS
from pellucid.functions.registry import options_of
from pellucid.habits import ELSEWHERE, HOOKS, NAMES, SPELLINGS
from pellucid.layers.base import Context

PUBLIC = [getattr(pl, name) for name in pl.__all__]  # imported, so that every kind of layer is known
CLASSES: list[Callable[..., Any]] = [
    *(kind for kind in pl.Layer.kinds.values() if kind.__module__.startswith("pellucid.")),
    *OPTIMIZERS.values(),
    *(kind for kind in PUBLIC if isinstance(kind, type) and issubclass(kind, pl.Callback)),
    *(pl.StepDecay, pl.ExponentialDecay, pl.CosineDecay, pl.WarmUp),
]
FUNCTIONS: list[Callable[..., Any]] = [
    *(pl.Network.fit, pl.Network.evaluate, pl.Network.predict, pl.Network.gradients, pl.Network.find_learning_rate),
    *(pl.L1, pl.L2, pl.L1L2),
]
OPTIONS = [*(entry.function for entry in LOSSES.values()), *(entry.function for entry in ACTIVATIONS.values())]
KNOWN = {name for called in (*CLASSES, *FUNCTIONS) for name in inspect.signature(called).parameters} | {
    name for function in OPTIONS for name in options_of(function)
}


def network() -> pl.Network:
    return pl.Network(pl.Dense(1), input_shape=3)


@pytest.mark.parametrize("called", [*CLASSES, *FUNCTIONS])
def test_an_unknown_argument_is_told_of_with_the_nearest(called: Callable[..., Any]) -> None:
    first = (network(),) if called in FUNCTIONS[:5] else ()
    with pytest.raises(pl.PellucidError, match=f"^{called.__name__} has no argument nonsense"):
        called(*first, nonsense=1)
    word = next(reversed(inspect.signature(called).parameters), "self")
    if word not in ("self", "training"):
        with pytest.raises(pl.PellucidError, match=f"has no argument {word}x.*{word}"):
            called(*first, **{f"{word}x": 1})


@pytest.mark.parametrize("word", SPELLINGS)
def test_every_spelling_exists_here(word: str) -> None:
    assert word == word.lower()
    assert KNOWN & {*SPELLINGS[word], word}


def test_the_table_answers_where_it_is_meant() -> None:
    calls_by_message: dict[str, Callable[[], object]] = {
        "Conv2D has no argument stride. Write strides=….": lambda: pl.Conv2D(3, 3, stride=2),  # type: ignore[call-arg]
        "Adam has no argument lr. Write learning_rate=….": lambda: pl.Adam(lr=0.1),  # type: ignore[call-arg]
        "Adam has no argument betas. Write beta_1=…, beta_2=….": lambda: pl.Adam(betas=(0, 1)),  # type: ignore[call-arg]
        "Dense has no argument out_features. Write units=….": lambda: pl.Dense(out_features=1),  # type: ignore[call-arg]
        "Dropout has no argument p. Write rate=….": lambda: pl.Dropout(p=0.5),  # type: ignore[call-arg]
        "EarlyStopping has no argument tol. Write min_delta=….": lambda: pl.EarlyStopping(tol=1),  # type: ignore[call-arg]
        "CosineDecay has no argument T_max. Write length=….": lambda: pl.CosineDecay(1.0, T_max=5),  # type: ignore[call-arg]
        "fit has no argument max_epochs. Write epochs=….": lambda: network().fit([[1]], [1], max_epochs=3),  # type: ignore[call-arg]
        "fit has no argument lr. Give the optimizer its rate, optimizer=Adam(learning_rate=…).": lambda: network().fit(
            [[1]], [1], lr=3
        ),  # type: ignore[call-arg]
        "the optimizer adam has no option eps. Write epsilon=….": lambda: network().fit(
            [[1, 2, 3]], [1], optimizer={"name": "adam", "eps": 1}
        ),
        "Dense needs units: Dense(units=…)": lambda: pl.Dense(),  # type: ignore[call-arg]
    }
    for message, call in calls_by_message.items():
        with pytest.raises(pl.PellucidError) as error:
            call()
        assert str(error.value) == message
    with pytest.raises(pl.PellucidError, match="takes units, activation by position, got 3 arguments; give name, tr"):
        pl.Dense(1, "relu", False)  # type: ignore


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_of_another_library_is_answered_with_the_one_here(name: str) -> None:
    assert NAMES[name] in pl.__all__
    with pytest.raises(AttributeError, match=f"'{name}'. It is called {NAMES[name]} here"):
        getattr(pl, name)


def test_a_mistyped_public_name() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'Dens'. Did you mean \"Dense\""):
        _ = pl.Dens  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"no attribute '__nothing__'$"):
        getattr(pl, "__nothing__")  # noqa: B009


def test_habits_that_simply_work() -> None:
    a, b = pl.Input(2), pl.Input(2)
    net = pl.Network(inputs=[a, b], outputs=pl.Dense(1)(pl.Concatenate()([a, b])))
    assert net.predict([np.ones((1, 2)), np.ones((1, 2))]).shape == (1, 1)
    listed = pl.Network([pl.Dense(2), pl.Dense(1)], input_shape=3)  # type: ignore[arg-type]
    assert len(listed.layers) == 2
    history = listed.fit(np.ones((4, 3)), np.ones(4), epochs=2, callbacks=pl.EarlyStopping("loss"), verbose=0)
    assert len(history.epoch) == 2
    with pytest.raises(pl.PellucidError, match="got Node; write inputs=…, outputs=…"):
        pl.Network(a, pl.Dense(1)(a))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("layers", "shape", "fix"),
    [
        ([pl.Conv2D(4, 3)], (3, 16, 16), r"got \(3, 16, 16\).*input_shape=\(16, 16, 3\).*pl.Permute\(\(2, 3, 1\)\)"),
        ([pl.Conv2D(4, 3, padding="same")], (1, 28, 28), r"1 × 28 places of 28 channels"),
        ([pl.Activation("relu"), pl.AveragePool2D((1, 2))], (3, 32, 48), r"average_pool2d_1 \(AveragePool2D\)"),
        ([pl.Conv3D(4, 3)], (3, 8, 16, 16), r"input_shape=\(8, 16, 16, 3\).*Permute\(\(2, 3, 4, 1\)\)"),
    ],
)
def test_channels_that_seem_to_stand_first_are_told_of(
    layers: list[pl.Layer], shape: tuple[int, ...], fix: str, tmp_path: Path
) -> None:
    with pytest.warns(UserWarning, match=fix):
        net = pl.Network(*layers, input_shape=shape)
    net.save(tmp_path / "net.safetensors")
    pl.load(tmp_path / "net.safetensors")  # once is enough


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (pl.Conv2D(4, 3), (16, 16, 3)),
        (pl.Conv2D(4, 3), (3, 4, 16)),  # sides too small for an image
        (pl.Conv2D(4, (1, 3)), (3, 16, 16)),  # the kernel looks along rows
        (pl.Conv2D(4, 3, padding="same"), (1, 100, 64)),
        (pl.Conv2D(4, 3), (8, 16, 16)),
        (pl.Dense(2), (3, 16)),
        (pl.Conv3D(4, 3), (16, 16, 16, 1)),
    ],
)
def test_other_shapes_are_taken_without_a_word(layer: pl.Layer, shape: tuple[int, ...]) -> None:
    pl.Network(layer, input_shape=shape)


def test_callbacks_that_are_none() -> None:
    for given, words in (
        (pl.EarlyStopping, r"the class EarlyStopping; write EarlyStopping\(…\)"),
        ([pl.EarlyStopping], r"the class EarlyStopping; write EarlyStopping\(…\)"),
        ([print], "holds builtin_function_or_method, expected callbacks such as"),
        (lambda epoch: None, "holds function, expected callbacks such as"),
    ):
        with pytest.raises(pl.PellucidError, match=words):
            network().fit(np.ones((4, 3)), np.ones(4), callbacks=given, verbose=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_of_another_library_is_refused(hook: str) -> None:
    assert hasattr(pl.Callback, HOOKS[hook])
    with pytest.raises(pl.PellucidError, match=rf"Mine\.{hook} would never be called: .* Write {HOOKS[hook]}\."):
        type("Mine", (pl.Callback,), {hook: lambda self: None})


def test_a_mistyped_hook_is_refused() -> None:
    with pytest.raises(pl.PellucidError, match='Did you mean "on_epoch_end"'):
        type("Mine", (pl.Callback,), {"on_epoch_ends": lambda self, epoch, logs: None})

    class Keras(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seen = epoch
            with pytest.raises(AttributeError, match=r"no attribute model; it is self\.training\.net"):
                _ = self.model  # type: ignore[attr-defined]
            with pytest.raises(pl.PellucidError, match=r"stop_training that could be set: call self\.training\.stop"):
                self.training.net.stop_training = True

        def on_train_begin(self, logs: Any = None) -> None:
            pass

    mine = Keras()
    network().fit(np.ones((4, 3)), np.ones(4), callbacks=[mine], verbose=0)
    assert mine.seen == 0


def test_what_means_nothing_cannot_be_set() -> None:
    net = network()
    (layer,) = net.layers
    stopping = pl.EarlyStopping("loss")
    for owner, name, words in (
        (layer, "trainabel", 'Dense has no attribute trainabel that could be set.* Did you mean "trainable"'),
        (layer, "requires_grad", "set trainable"),
        (layer, "kernel", r'net\.parameters\["dense_1\.kernel"\]'),
        (layer, "units", "units of Dense is fixed when it is made: make another Dense"),
        (layer, "name", "name of Dense is fixed"),
        (net, "history", "Network has no attribute history that could be set"),
        (net, "optimizer", "give it to fit"),
        (stopping, "patince", 'Did you mean "patience"'),
    ):
        with pytest.raises(pl.PellucidError, match=words):
            setattr(owner, name, 1)
    stopping.patience = 9
    for name, words in (("compile", "give optimizer, loss and metrics to fit"), ("eval", "know by themselves")):
        with pytest.raises(AttributeError, match=words):
            getattr(net, name)
    again = pickle.loads(pickle.dumps(net))
    with pytest.raises(pl.PellucidError, match="no attribute histori"):
        again.histori = 1


@pytest.mark.parametrize("decorate", [dataclass, dataclass(eq=False), dataclass(eq=False, repr=False)])
def test_a_layer_of_ones_own_may_be_any_dataclass(decorate: Callable[[type[Any]], type[Any]]) -> None:
    try:

        @decorate
        class Scaled(pl.Layer):
            factor: float = 2.0

            def check(self) -> None:
                self.made = 1  # what it works out for itself

            def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
                return pl.define("y[n,i] = k·x[n,i]", x=inputs[0], k=self.factor)

        made: Callable[..., Any] = Scaled
        one, other = made(3.0), made(3.0)
        assert one != other
        assert len({one, other}) == 2
        net = pl.Network(one, other, input_shape=2)
        np.testing.assert_array_equal(net.predict([[1.0, 2]]), [[9, 18]])
        again: Any = pl.Network.restored(net.config())
        assert again.predict([[1.0, 2]]).tolist() == [[9, 18]]
        with pytest.raises(pl.PellucidError, match=r'Scaled has no argument factr\. Did you mean "factor"'):
            made(factr=1.0)
        with pytest.raises(pl.PellucidError, match="factor of Scaled is fixed"):
            one.factor = 4.0
        one._cache = 3
    finally:
        del pl.Layer.kinds["Scaled"]


def test_signatures_are_those_of_the_class() -> None:
    assert list(inspect.signature(pl.Dropout).parameters) == ["rate", "name", "trainable"]
    assert list(inspect.signature(pl.Network).parameters)[:2] == ["layers", "input_shape"]
    assert list(inspect.signature(pl.Network.fit).parameters)[:3] == ["net", "x", "y"]


def test_functions_of_numbers_are_no_activations() -> None:
    class ReLU:
        def __call__(self, x: Any) -> Any:
            return np.maximum(x, 0)

    functions: list[tuple[Any, str]] = [
        (np.tanh, 'got tanh, which has no formula: write activation="tanh"'),
        (ReLU(), 'write activation="relu"'),
        (abs, "return a formula"),
        (lambda z: 3, "return a formula"),
    ]
    for given, words in functions:
        with pytest.raises(pl.PellucidError, match=words):
            pl.Dense(2, activation=given)
    assert "abs" not in ACTIVATIONS


def test_an_own_activation_is_called_like_those_of_the_library() -> None:
    try:

        @pl.activation
        def doubled(z: pl.Tensor, *, by: float = 2.0) -> pl.Tensor:
            return pl.define("a[…] = k·z[…]", z=z, k=by)

        assert doubled([1.0, -2.0]).tolist() == [2, -4]
        assert doubled(by=3.0)([1.0]).tolist() == [3]
        assert doubled([1.0], by=5.0).tolist() == [5]
        assert pl.activation("doubled")(4.0) == 8
        assert pl.leaky_relu(slope=0.5)([-2.0]).tolist() == [-1]
        x = pl.Input(2)
        net = pl.Network(inputs=x, outputs=doubled(by=3.0)(pl.Dense(2, activation=doubled)(x)))
        assert [layer.options()["activation"] for layer in net.layers] == ["doubled", {"name": "doubled", "by": 3.0}]

        @pl.activation(learns=False)
        def never(z: pl.Tensor) -> pl.Tensor:
            return pl.define("a[…] = 0·z[…]", z=z)

        assert never(3.0) == 0
    finally:
        for name in ("doubled", "never"):
            ACTIVATIONS.pop(name, None)


P: Any = pl  # called as no type allows
X, Y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2
WRITTEN: dict[str, tuple[Callable[[], object], str]] = {
    "pl.Network(Dense)": (lambda: P.Network(pl.Dense, input_shape=3), r"the class Dense; write pl.Dense\(10\), with"),
    "Network without a shape": (lambda: P.Network(pl.Dense(1)), "needs input_shape, the shape of one example"),
    "Dense(input_shape=…)": (lambda: P.Dense(1, input_shape=3), "no argument input_shape. Give it to the network"),
    "Dense(in_features=…)": (lambda: P.Dense(1, in_features=3), "It is read off the layer before"),
    "Dense(bias=…)": (lambda: P.Dense(1, bias=False), "Write use_bias="),
    "Dense(activation=np.tanh)": (lambda: P.Dense(1, activation=np.tanh), 'write activation="tanh"'),
    "Conv2D(stride=…)": (lambda: P.Conv2D(3, 3, stride=2), "Write strides="),
    "Conv2D(out_channels=…)": (lambda: P.Conv2D(out_channels=3, kernel_size=3), "Write filters="),
    "Conv2D(dilation=…)": (lambda: P.Conv2D(3, 3, dilation=2), "Write dilation_rate="),
    "Conv2D(data_format=…)": (
        lambda: P.Conv2D(3, 3, data_format="channels_first"),
        "Channels are always the last axis",
    ),
    "Dense on an image": (lambda: network_of(pl.Dense(1), (4, 4, 1)), r"insert Flatten\(\) before it"),
    "channels first": (lambda: network_of(pl.Flatten(), (8, 7, 3)).predict(np.zeros((2, 3, 8, 7))), "np.moveaxis"),
    "channels first (torch's images)": (
        lambda: network_of(pl.Conv2D(3, 3), (16, 16, 3)).predict(np.zeros((2, 3, 16, 16))),
        r"expected \(n, 16, 16, 3\): move the channels to the last axis with np.moveaxis\(x, 1, -1\)",
    ),
    "input_shape=(1, 28, 28)": (
        lambda: network_of(pl.Conv2D(6, 5), (1, 28, 28)),
        r"larger than the image \(1, 28\).*PyTorch, give input_shape=\(28, 28, 1\) and np.moveaxis\(x, 1, -1\), or",
    ),
    "input_shape=(3, 32, 32), pooled": (
        lambda: pl.Network(pl.Conv2D(6, 3), pl.MaxPool2D(2), input_shape=(3, 32, 32)),
        r"max_pool2d_1: .*conv2d_1 \(Conv2D\) takes .*, got \(3, 32, 32\).*begin .* with pl.Permute\(\(2, 3, 1\)",
    ),
    "one example": (lambda: network().predict(X[0]), r"use x\[None\]"),
    "net(x)": (lambda: P.Network(pl.Dense(1), input_shape=3)(X), "call predict"),
    "Dropout(p=…)": (lambda: P.Dropout(p=0.5), "Write rate="),
    "Dropout(50)": (lambda: P.Dropout(50), "at least 0 and below 1, got 50"),
    "LSTM(hidden_size=…)": (lambda: P.LSTM(hidden_size=3), "Write units="),
    "LSTM(bidirectional=…)": (lambda: P.LSTM(3, bidirectional=True), r"Write Bidirectional\(LSTM\(…\)\)"),
    "LSTM(num_layers=…)": (lambda: P.LSTM(3, num_layers=2), "Put several layers one after the other"),
    "Concatenate(axis=…)": (lambda: P.Concatenate(axis=1), "It is always the last axis"),
    "UpSampling2D(scale_factor=…)": (lambda: P.UpSampling2D(scale_factor=2), "Write size="),
    "GroupNormalization(num_groups=…)": (lambda: P.GroupNormalization(num_groups=2), "Write groups="),
    "GaussianNoise(std=…)": (lambda: P.GaussianNoise(std=0.1), "Write stddev="),
    "SeparableConv2D(depthwise_initializer=…)": (
        lambda: P.SeparableConv2D(3, 3, depthwise_initializer="ones"),
        "Write kernel_initializer=",
    ),
    "PReLU(num_parameters=…)": (lambda: P.PReLU(num_parameters=3), "It is read off the layer before"),
    "Adam(lr=…)": (lambda: P.Adam(lr=0.1), "Write learning_rate="),
    "Adam(net.parameters)": (lambda: fit(optimizer=P.Adam(network().parameters)), "learning_rate of Adam: expected"),
    "Adam(amsgrad=…)": (lambda: P.Adam(amsgrad=True), "There is no such variant"),
    "SGD(weight_decay=…)": (lambda: P.SGD(weight_decay=0.1), "Take AdamW, or a kernel_regularizer"),
    "optimizer=Adam": (lambda: fit(optimizer=pl.Adam), r"the class Adam; write Adam\(\)"),
    "optimizer='adamm'": (lambda: fit(optimizer="adamm"), 'Did you mean "adam'),
    "loss='CrossEntropyLoss'": (lambda: fit(loss="CrossEntropyLoss"), 'Did you mean "cross'),
    "loss=function of numbers": (lambda: fit(loss=lambda y, p: ((y - p) ** 2).mean()), "which has no formula"),
    "fit(lr=…)": (lambda: fit(lr=0.1), "Give the optimizer its rate"),
    "fit(n_epochs=…)": (lambda: fit(n_epochs=2), "Write epochs="),
    "fit(loss_weights=…)": (lambda: fit(loss_weights=[1, 2]), "loss_weights has 2 numbers, expected 1"),
    "fit(label_smoothing=…)": (lambda: fit(label_smoothing=0.1), r'pl.loss\("crossentropy", label_smoothing=0.1\)'),
    "fit(steps_per_epoch=…)": (lambda: fit(steps_per_epoch=2), "steps_per_epoch is for batches"),
    "fit(epochs=2.0)": (lambda: fit(epochs=2.0), "epochs is 2.0, expected an integer"),
    "fit(metrics={'cls': …})": (lambda: fit(metrics={"cls": ["accuracy"]}), 'the key "cls", expected dense_1'),
    "fit(validation_data=x)": (lambda: fit(validation_data=X), r"expected \(x, y\) or \(x, y, sample_weight\)"),
    "fit(callbacks=EarlyStopping)": (lambda: fit(callbacks=pl.EarlyStopping), r"write EarlyStopping\(…\)"),
    "labels from 1": (lambda: classes().fit(X, Y + 1, verbose=0), "count from 0 with y - 1"),
    "labels as text": (lambda: classes().fit(X, np.array(["a", "b"] * 4), verbose=0), "return_inverse=True"),
    "class numbers with mse": (lambda: classes().fit(X, Y, loss="mse", verbose=0), 'use loss="crossentropy"'),
}
"""What people write, and words of the answer."""


def network_of(layer: pl.Layer, shape: tuple[int, ...]) -> pl.Network:
    return pl.Network(layer, input_shape=shape)


def classes() -> pl.Network:
    return pl.Network(pl.Dense(2, activation="softmax"), input_shape=3)


def fit(**options: Any) -> None:
    network().fit(X, Y, verbose=0, **options)


@pytest.mark.parametrize("written", WRITTEN)
def test_what_people_write_is_answered_with_the_right_spelling(written: str) -> None:
    call, words = WRITTEN[written]
    with pytest.raises(pl.PellucidError, match=words):
        call()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_public_name_without_a_like_is_answered_with_what_to_do(name: str) -> None:
    assert not hasattr(pl, name)
    with pytest.raises(AttributeError) as error:
        getattr(pl, name)
    assert str(error.value).endswith(f"'{name}': {ELSEWHERE[name]}.")


WORKS: dict[str, Callable[[], object]] = {
    "Network([…])": lambda: P.Network([pl.Dense(2), pl.Dense(1)], input_shape=3),
    "Add()([a, b])": lambda: pl.Add()([pl.Input(3), pl.Input(3)]),
    "activation='ReLU'": lambda: pl.Dense(2, activation="ReLU"),
    "activation='swish'": lambda: pl.Dense(2, activation="swish"),
    "activation=pl.relu": lambda: pl.Dense(2, activation=pl.relu),
    "activation=pl.relu()": lambda: pl.Dense(2, activation=pl.relu()),
    "activation=None": lambda: pl.Dense(2, activation=None),
    "Input(shape=…)": lambda: pl.Input(shape=(3,)),
    "Adam(CosineDecay(…))": lambda: fit(optimizer=pl.Adam(pl.CosineDecay(1e-3, 50))),
    "callbacks=EarlyStopping()": lambda: fit(callbacks=pl.EarlyStopping("loss")),
    "metrics='mae'": lambda: fit(metrics="mae"),
    "lists of rows": lambda: network().fit(list(X), list(Y), verbose=0),
    "loss='sparse_categorical_crossentropy'": lambda: classes().fit(
        X, Y, loss="sparse_categorical_crossentropy", verbose=0
    ),
}


@pytest.mark.parametrize("written", WORKS)
def test_what_people_write_works(written: str) -> None:
    WORKS[written]()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (lambda: network().parameters(), r'without \(\): net.parameters\["dense_1.kernel"\]'),
        (lambda: network().save("net.keras"), r"net.to_keras\(path\) writes Keras's"),
        (lambda: network().save("net.h5"), r"which ends in .keras"),
        (lambda: network().save("net.onnx"), r"net.to_onnx\(path\)"),
        (lambda: network().save("net.pt"), r"net.to_torch\(\)"),
    ],
)
def test_methods_and_files_of_other_libraries(written: Callable[[], object], said: str) -> None:
    with pytest.raises(pl.PellucidError, match=said):
        written()
