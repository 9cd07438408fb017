"""Ten and more broken set-ups, whose cause has to come first, and ten healthy ones, on which the diagnosis stays
silent.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pellucid.data import load
from pellucid.errors import NonFiniteError, PellucidError
from pellucid.explain import Diagnosis, Trace, Watch, diagnose, flow, trace
from pellucid.explain.guessing import loss_of_guessing
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.layers import (
    GRU,
    LSTM,
    RNN,
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    MaxPool2D,
)
from pellucid.network import BaseNetwork
from pellucid.training import EarlyStopping, History, evaluate, fit
from pellucid.training.inputs.targets import goals

Case = Callable[[], Diagnosis]


def blobs(n: int = 200, classes: int = 3, noise: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % classes
    return (2 * np.eye(classes, 4)[y] + noise * rng.normal(size=(n, 4))).astype(np.float32), y


def waves(n: int = 120, steps: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Whether a noisy wave rises or falls."""
    rng = np.random.default_rng(1)
    y = np.arange(n) % 2
    slope = np.where(y, 1, -1)[:, None] * np.linspace(-1, 1, steps)
    return (slope + 0.3 * rng.normal(size=(n, steps)))[..., None].astype(np.float32), y


def network(*layers: Layer, **options: Any) -> BaseNetwork:
    """On the reference engine, which needs no time to compile: the rules read numbers, whoever computed them."""
    return BaseNetwork(*layers, engine="reference", **options)


def classifier(*hidden: Layer, classes: int = 3, shape: Any = 4, seed: int = 0) -> BaseNetwork:
    return network(*hidden, Dense(classes, activation="softmax"), input_shape=shape, seed=seed)


def trained(
    net: BaseNetwork, x: Any, y: Any, *, loss: Any = None, epochs: int = 6, rate: float = 1e-2, **options: Any
) -> Diagnosis:
    """What the diagnosis says after a training that was watched."""
    watch = Watch()
    options.setdefault("optimizer", Adam(rate))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = fit(
                net, x, y, loss=loss, epochs=epochs, callbacks=[watch, *options.pop("more", [])], verbose=0, **options
            )
    except NonFiniteError as error:
        return diagnose(net, watch, error, x=x, y=y, loss=loss)
    return diagnose(net, history, watch, x=x, y=y, loss=loss)


def nan_by_rate() -> Diagnosis:
    x = np.random.default_rng(0).normal(size=(64, 3))
    return trained(network(Dense(8), Dense(1), input_shape=3), x, x.sum(axis=1), optimizer=SGD(50.0), epochs=20)


def nan_by_log() -> Diagnosis:
    from pellucid.formula import Tensor, define
    from pellucid.functions.activations import Activation as Function

    def logarithm(z: Tensor) -> Tensor:
        return define("a[…] = log(z[…])", z=z)

    x, y = blobs()
    return trained(classifier(Dense(4, activation=Function("logarithm", logarithm))), x, y)


def labels_from_one() -> Diagnosis:
    x, y = blobs()
    return diagnose(classifier(Dense(8, activation="relu")), x=x, y=y + 1, loss="crossentropy")


def labels_of_pixels() -> Diagnosis:
    x, y = blobs(classes=2)
    return diagnose(network(Dense(1, activation="sigmoid"), input_shape=4), x=x, y=255 * y, loss="crossentropy")


def relu_before_crossentropy() -> Diagnosis:
    x, y = blobs()
    return diagnose(network(Dense(3, activation="relu"), input_shape=4), x=x, y=y, loss="crossentropy")


def squared_error_of_softmax() -> Diagnosis:
    x, y = blobs()
    return trained(classifier(Dense(8, activation="tanh")), x, np.eye(3)[y], loss="mse")


def sigmoid_for_a_quantity() -> Diagnosis:
    x, _ = blobs()
    return diagnose(network(Dense(1, activation="sigmoid"), input_shape=4), x=x, y=3.7 * x[:, :1], loss="mse")


def steps_do_not_learn() -> Diagnosis:
    return trained(classifier(Dense(8, activation="step")), *blobs())


def pictures_not_divided() -> Diagnosis:
    digits = load("digits", images=False)
    return trained(
        classifier(Dense(32, activation="sigmoid"), classes=10, shape=64),
        255 * digits.x[:300],
        digits.y[:300],
        epochs=4,
    )


def table_not_scaled() -> Diagnosis:
    wine = load("wine")
    return trained(classifier(Dense(16, activation="relu"), shape=13), wine.x, wine.y)


def targets_not_scaled() -> Diagnosis:
    x, _ = blobs()
    return trained(network(Dense(8, activation="tanh"), Dense(1), input_shape=4), x, 20000 + 5000 * x[:, 0], loss="mse")


def dead_by_bias() -> Diagnosis:
    net = classifier(Dense(16, activation="relu"), Dense(16, activation="relu"))
    net.parameters["dense_1.bias"] = np.full(16, -20.0)
    return trained(net, *blobs())


def saturated_by_weights() -> Diagnosis:
    net = classifier(Dense(16, activation="tanh"), Dense(16, activation="tanh"))
    for path in ("dense_1.kernel", "dense_2.kernel"):
        net.parameters[path] = 30 * net.parameters[path]
    return trained(net, *blobs())


def deep_sigmoid() -> Diagnosis:
    return trained(classifier(*(Dense(12, activation="sigmoid") for _ in range(9))), *blobs(), rate=1e-3)


def long_memory() -> Diagnosis:
    x, y = waves(steps=40)
    return trained(classifier(RNN(6, activation="sigmoid"), classes=2, shape=(40, 1)), x, y, epochs=3)


def deep_wide_start() -> Diagnosis:
    net = classifier(*(Dense(12, activation="relu") for _ in range(6)))
    for path in net.parameters:
        if path.endswith("kernel") and not path.startswith("dense_7"):
            net.parameters[path] = 8 * net.parameters[path]
    return trained(net, *blobs(), optimizer=SGD(1e-12), epochs=2)


def rate_too_high() -> Diagnosis:
    return trained(classifier(Dense(16, activation="tanh")), *blobs(), rate=3.0)


def rate_too_high_by_history() -> Diagnosis:
    net = classifier(Dense(16, activation="relu"))
    history = fit(net, *blobs(), epochs=10, optimizer=SGD(5.0), verbose=0)
    return diagnose(net, history)


def dying_by_rate() -> Diagnosis:
    return trained(classifier(Dense(16, activation="relu"), Dense(16, activation="relu")), *blobs(), rate=2.0)


def rate_too_low() -> Diagnosis:
    return trained(classifier(Dense(16, activation="relu")), *blobs(), optimizer=SGD(1e-5), epochs=8)


def over_fitted() -> Diagnosis:
    x, y = blobs(60, noise=3.0)
    net = classifier(Dense(64, activation="relu"), Dense(64, activation="relu"))
    return trained(net, x[:30], y[:30], epochs=60, validation_data=(x[30:], y[30:]))


BROKEN: dict[Case, str] = {
    nan_by_rate: "nan",
    nan_by_log: "nan",
    labels_from_one: "labels",
    labels_of_pixels: "labels",
    relu_before_crossentropy: "last layer",
    squared_error_of_softmax: "last layer",
    sigmoid_for_a_quantity: "last layer",
    steps_do_not_learn: "flat",
    pictures_not_divided: "scaling",
    table_not_scaled: "scaling",
    targets_not_scaled: "scaling",
    dead_by_bias: "dead",
    saturated_by_weights: "saturated",
    deep_sigmoid: "vanishing",
    long_memory: "vanishing",
    deep_wide_start: "exploding",
    rate_too_high: "rate too high",
    rate_too_high_by_history: "rate too high",
    dying_by_rate: "rate too high",
    rate_too_low: "rate too low",
    over_fitted: "over-fitting",
}


def dense_relu() -> Diagnosis:
    x, y = blobs()
    return trained(classifier(Dense(16, activation="relu")), x, y, validation_data=blobs(90))


def dense_deep_tanh() -> Diagnosis:
    return trained(classifier(*(Dense(16, activation="tanh") for _ in range(4))), *blobs())


def digits_with_dropout() -> Diagnosis:
    (x, y), test = load("digits", images=False).split(test_size=0.2, seed=0)
    layers = Dense(64, activation="relu"), Dropout(0.2), Dense(32, activation="relu")
    return trained(classifier(*layers, classes=10, shape=64), x, y, rate=1e-3, epochs=5, validation_data=test)


def convolutions() -> Diagnosis:
    digits = load("digits")
    layers = Conv2D(6, 3, padding="same", activation="relu"), MaxPool2D(2), Flatten(), Dense(24, activation="relu")
    return trained(
        classifier(*layers, classes=10, shape=(8, 8, 1)), digits.x[:400], digits.y[:400], rate=3e-3, epochs=4
    )


def normalised() -> Diagnosis:
    layers = [part for _ in range(4) for part in (Dense(16), BatchNormalization(), Activation("relu"))]
    return trained(classifier(*layers), *blobs())


def regression() -> Diagnosis:
    x, _ = blobs()
    return trained(
        network(Dense(16, activation="tanh"), Dense(1), input_shape=4),
        x,
        np.sin(x[:, 0]) + x[:, 1],
        loss="mse",
        epochs=10,
    )


def one_unit() -> Diagnosis:
    return trained(
        network(Dense(1, activation="sigmoid"), input_shape=4), *blobs(classes=2), optimizer=SGD(0.5), epochs=20
    )


def autoencoder() -> Diagnosis:
    digits = load("digits", images=False)
    x = digits.x[:400]
    net = network(Dense(16, activation="relu"), Dense(64, activation="sigmoid"), input_shape=64)
    return trained(net, x, x, loss="mse")


def lstm() -> Diagnosis:
    return trained(classifier(LSTM(8), classes=2, shape=(8, 1)), *waves())


def gru_of_words() -> Diagnosis:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, (160, 6))
    return trained(classifier(Embedding(20, 6), GRU(8), classes=2, shape=(6,)), x, (x == 3).any(axis=1).astype(int))


def residual() -> Diagnosis:
    node = start = Input(4)
    for _ in range(5):
        node = Add()(Dense(4, activation="relu")(node), node)
    net = network(inputs=start, outputs=Dense(3, activation="softmax")(node))
    return trained(net, *blobs())


def stopped_in_time() -> Diagnosis:
    x, y = blobs(60, noise=3.0)
    net = classifier(Dense(32, activation="relu"))
    return trained(net, x[:30], y[:30], epochs=60, validation_data=(x[30:], y[30:]), more=[EarlyStopping(patience=4)])


HEALTHY: list[Case] = [
    dense_relu,
    dense_deep_tanh,
    digits_with_dropout,
    convolutions,
    normalised,
    regression,
    one_unit,
    autoencoder,
    lstm,
    gru_of_words,
    residual,
    stopped_in_time,
]


@pytest.mark.parametrize("case", BROKEN, ids=lambda c: c.__name__)
def test_the_right_cause_comes_first(case: Case) -> None:
    found = case()
    assert found.kinds[:1] == (BROKEN[case],), found.text()
    for language in ("en", "zh"):
        assert "{" not in found.text(language)
    assert found.json()[0]["kind"] == BROKEN[case]
    assert found[0].what() in found._repr_html_().replace("&quot;", '"').replace("&#x27;", "'").replace("&gt;", ">")


@pytest.mark.parametrize("case", HEALTHY, ids=lambda c: c.__name__)
def test_the_healthy_are_left_alone(case: Case) -> None:
    found = case()
    assert not found, found.text()
    assert found.text() == "Nothing wrong was found."
    assert found.text("zh") == "没有发现问题。"


def test_a_nan_comes_with_its_operands() -> None:
    found = nan_by_log()[0]
    assert found.where == "dense_1"
    assert "log(" in found.evidence()
    assert found.facts["value"] in ("nan", "-inf")


def test_a_nan_in_a_trace_is_followed_to_its_origin() -> None:
    x, y = blobs()
    net = classifier(Dense(4, activation="relu"))
    net.parameters["dense_2.bias"] = [0.0, np.nan, 0.0]
    found = diagnose(net, trace(net, x, y))
    assert found.kinds[0] == "nan"
    assert found[0].where == "dense_2.bias"
    assert diagnose(net, x=x, y=y)[0].where == "dense_2.bias"
    history = History({"loss": [1.0, float("nan")]}, [0, 1])
    assert str(diagnose(net, history)[0].facts["place"]) == "the loss of epoch 2"


def test_a_trace_and_a_flow_show_dead_units() -> None:
    x, y = blobs()
    net = classifier(Dense(16, activation="relu"))
    net.parameters["dense_1.bias"] = np.full(16, -20.0)
    run: Trace = trace(net, x, y)
    assert diagnose(net, run).kinds == diagnose(net, flow(net, x, y)).kinds == ("dead",)


def test_other_evidence_is_refused() -> None:
    net = classifier()
    with pytest.raises(PellucidError, match="as evidence, got int"):
        diagnose(net, 3)  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match='got "fr"'):
        diagnose(net).text("fr")


def test_who_makes_no_more_mistakes_does_not_over_fit() -> None:
    """The loss of the examples that it is wrong about, or sure of, rises; it is not wrong about more of them."""
    net = classifier(Dense(4, activation="relu"))
    epochs = list(range(8))
    train = [1.0, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05]
    held = [1.0, 0.6, 0.5, 0.52, 0.6, 0.7, 0.8, 0.9]
    falls = History(
        {"loss": train, "val_loss": held, "val_accuracy": [0.5, 0.8, 0.9, 0.9, 0.88, 0.86, 0.85, 0.84]}, epochs
    )
    right = History({"loss": train, "val_loss": held, "val_accuracy": [0.5, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]}, epochs)
    unknown = History({"loss": train, "val_loss": held}, epochs)
    assert "over-fitting" in [f.kind for f in diagnose(net, falls)]
    assert "over-fitting" in [f.kind for f in diagnose(net, unknown)]
    assert "over-fitting" not in [f.kind for f in diagnose(net, right)]


def after(net: BaseNetwork, x: Any, y: Any, rate: Any = 1e-3, epochs: int = 30, **options: Any) -> Diagnosis:
    """What the diagnosis says of a history and the data alone, after the training."""
    options.setdefault("optimizer", Adam(rate))
    try:
        history = fit(net, x, y, epochs=epochs, verbose=0, **options)
    except NonFiniteError as error:
        return diagnose(net, error, x=x, y=y)
    return diagnose(net, history, x=x, y=y)


def tables() -> dict[str, tuple[np.ndarray, np.ndarray, int]]:
    """Data as one would scale them, and their classes."""
    digits = load("digits", images=False)
    found = {"digits": (digits.x[:600], digits.y[:600], 10)}
    for name in ("iris", "wine"):
        data = load(name)
        found[name] = ((data.x - data.x.mean(axis=0)) / data.x.std(axis=0), data.y, 3)
    return found


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["digits", "iris", "wine"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_history_and_the_data_accuse_no_healthy_run(name: str, seed: int) -> None:
    x, y, classes = tables()[name]

    def made(*hidden: Layer) -> BaseNetwork:
        return classifier(*hidden, classes=classes, shape=x.shape[1], seed=seed)

    for activation in ("relu", "tanh", "sigmoid"):
        assert after(made(Dense(32, activation=activation)), x, y).kinds == ()
    assert after(made(Dense(32, activation="relu"), Dropout(0.3)), x, y, rate=1e-2).kinds == ()
    assert after(made(Dense(32, activation="relu")), x[:120], y[:120], batch_size=3, epochs=12).kinds == ()
    assert after(made(Dense(16, activation="relu")), x, y, epochs=3).kinds == ()
    assert after(made(Dense(16, activation="relu")), x, y, class_weight={0: 5.0}).kinds == ()


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", ["digits", "iris", "wine"])
@pytest.mark.parametrize("rate", [5.0, 50.0])
def test_a_history_and_the_data_show_a_rate_that_is_too_high(name: str, rate: float) -> None:
    x, y, classes = tables()[name]
    for activation in ("relu", "tanh"):
        net = classifier(Dense(32, activation=activation), classes=classes, shape=x.shape[1])
        assert "rate too high" in after(net, x, y, rate=rate).kinds
    net = classifier(Dense(32, activation="relu"), classes=classes, shape=x.shape[1])
    assert {"rate too high", "nan", "guessing", "dead"} & {*after(net, x, y, optimizer=SGD(rate)).kinds}


def test_a_network_that_only_guesses_is_found_out() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(300, 5)), random.integers(3, size=300)
    found = after(classifier(classes=3, shape=5), x, y, rate=0.03, epochs=40)
    assert found.kinds == ("guessing",)
    assert "one and the same answer to all examples has 1.1" in found.text()
    for loss, targets in (("mse", random.normal(size=300)), ("mae", random.normal(size=300))):
        net = network(Dense(1), input_shape=5)
        history = fit(net, 1e-3 * x, targets, loss=loss, epochs=40, optimizer=SGD(0.1), verbose=0)
        assert "guessing" in diagnose(net, history, y=targets, loss=loss).kinds


def test_the_loss_before_the_training_is_that_of_the_first_batch() -> None:
    x, y = blobs()
    net = classifier(Dense(8, activation="tanh"))
    before = flow(net, x, y, training=False).loss
    history = fit(net, x, y, epochs=3, batch_size=len(x), optimizer=Adam(1e-2), verbose=0)
    assert history.params["first_loss"] == pytest.approx(before, rel=1e-5)
    assert fit(net, x, y, verbose=0).params["first_loss"] < before


def test_the_loss_of_guessing() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 2))
    y = random.integers(3, size=50)
    fractions = np.bincount(y) / 50
    entropy = -np.sum(fractions * np.log(fractions))
    values = random.normal(size=(50, 2))
    cases: list[tuple[BaseNetwork, Any, Any, float]] = [
        (classifier(classes=3, shape=2), y, None, entropy),
        (classifier(classes=3, shape=2), np.eye(3)[y], None, entropy),
        (network(Dense(2), input_shape=2), values, None, values.var(axis=0).mean()),
        (network(Dense(2), input_shape=2), values, "mae", np.abs(values - np.median(values, axis=0)).mean()),
        (network(Dense(2), input_shape=2), values, "huber", np.nan),
        (network(Dense(1, activation="sigmoid"), input_shape=2), y == 0, None, _binary(fractions[0])),
        (
            network(Dense(2, activation="sigmoid"), input_shape=2),
            np.stack([y == 0, y > 0], axis=1),
            "binary_crossentropy",
            _binary(fractions[0]),
        ),
    ]
    for net, targets, loss, expected in cases:
        goal, arrays = goals(net, targets, loss)
        found = loss_of_guessing(net, goal, arrays)
        assert found is None if np.isnan(expected) else found == pytest.approx(expected)
        # no constant answer has less
        for path in net.parameters:
            net.parameters[path] = np.zeros(net.specs[path].shape)
        if found is not None:
            assert evaluate(net, x, targets, loss=loss)["loss"] >= found - 1e-6


def _binary(fraction: float) -> float:
    return float(-fraction * np.log(fraction) - (1 - fraction) * np.log(1 - fraction))
