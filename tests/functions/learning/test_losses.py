"""Losses: the registry, values worked out by hand, stability, and what they refuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.functions.support import evaluate, with_gradients

import pellucid as pl
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Tensor, define
from pellucid.functions.activations import activation
from pellucid.functions.learning import losses
from pellucid.functions.learning.losses import EPSILON, LOSSES, loss, total


def test_values_worked_out_by_hand() -> None:
    p, y = np.array([[1.0, 4.0], [0.5, -2.0]]), np.array([[0.0, 1.0], [0.0, -2.0]])
    expected: dict[str, list[float]] = {
        "mse": [(1 + 9) / 2, 0.25 / 2],
        "mae": [(1 + 3) / 2, 0.5 / 2],
        "huber": [(0.5 + (3 - 0.5)) / 2, (0.125 + 0) / 2],
        "log_cosh": [(math.log(math.cosh(1)) + math.log(math.cosh(3))) / 2, math.log(math.cosh(0.5)) / 2],
        "quantile": [(1 + 3) / 4, 0.5 / 4],
    }
    a, b = _input("a", 2), _input("b", 2)
    found = evaluate({name: loss(name)(a, b) for name in expected}, {"a": p, "b": y})
    for name, each in expected.items():
        np.testing.assert_allclose(found[name], each)


def test_crossentropy_of_even_logits_is_the_logarithm_of_the_classes() -> None:
    arrays = {"p": np.zeros((2, 3)), "y": np.array([0, 2])}
    value, gradients = with_gradients(
        lambda p, y: loss("crossentropy")(p, y, logits=True), arrays, np.ones(2), batched=("p", "y")
    )
    np.testing.assert_allclose(value, np.full(2, math.log(3)))
    # softmax − one-hot: 1/3 everywhere, less 1 at the label
    np.testing.assert_allclose(gradients["p"], [[-2 / 3, 1 / 3, 1 / 3], [1 / 3, 1 / 3, -2 / 3]])


def test_huge_logits_of_classes() -> None:
    z = np.array([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0]], np.float32)
    arrays = {"p": z, "y": np.array([0, 1])}
    value, gradients = with_gradients(
        lambda p, y: loss("crossentropy")(p, y, logits=True),
        arrays,
        np.array([1.0, 0.5]),
        batched=("p", "y"),
        dtype=np.float32,
    )
    np.testing.assert_allclose(value, np.array([0, 2e4]))
    np.testing.assert_allclose(gradients["p"], np.array([[0, 0, 0], [0.5, -0.5, 0]]))


def test_huge_logits_of_one_unit() -> None:
    arrays = {"p": np.array([[1e4], [1e4], [-1e4], [20.0]], np.float32), "y": np.array([1, 0, 1, 1])}
    value, gradients = with_gradients(
        lambda p, y: loss("crossentropy")(p, y, logits=True),
        arrays,
        np.ones(4),
        batched=("p", "y"),
        dtype=np.float32,
    )
    # −log σ(20) = log(1 + e⁻²⁰) = 2.06e-9: a difference of two numbers near 20 would lose it in float32
    np.testing.assert_allclose(value, [0, 1e4, 1e4, math.log1p(math.exp(-20))], rtol=1e-5)
    np.testing.assert_allclose(gradients["p"], [[0], [1], [-1], [0]], atol=1e-8)


@pytest.mark.parametrize(("name", "target"), [("softmax", np.array([1])), ("sigmoid", np.array([[0.0, 1.0, 0.0]]))])
def test_probabilities_of_zero_are_clipped(name: str, target: Any) -> None:
    last = activation(name)
    arrays = {"p": np.array([[200.0, -200.0, -200.0]], np.float32), "y": target}
    kind = LOSSES["categorical_crossentropy" if name == "softmax" else "binary_crossentropy"]
    value, gradients = with_gradients(
        lambda p, y: kind(last(p), y), arrays, np.ones(1), batched=("p", "y"), dtype=np.float32
    )
    wrong = 1 if name == "softmax" else 2 / 3  # of three labels, two are wrong
    np.testing.assert_allclose(value, [-math.log(EPSILON) * wrong], rtol=1e-5)
    assert np.isfinite(gradients["p"]).all()


@pytest.mark.parametrize("last", ["softmax", "sigmoid", "linear", "log_softmax"])
def test_the_stable_form_is_the_same_function(last: str) -> None:
    """`of` chooses logits where it can; from probabilities the numbers are the same."""
    rng = np.random.default_rng(4)
    arrays = {"z": rng.normal(size=(3, 4)), "y": rng.uniform(size=(3, 4))}
    arrays["y"] /= arrays["y"].sum(axis=-1, keepdims=True)
    z, y = (Tensor.input(name, n=BATCH, k=4) for name in ("z", "y"))
    output = activation(last)(z)
    entry = loss("crossentropy")
    fused = entry.of(output, y, activation=last, logits=z if last in ("softmax", "sigmoid") else None)
    name = "sigmoid" if last == "sigmoid" else "softmax"
    plain = LOSSES["binary_crossentropy" if last == "sigmoid" else "categorical_crossentropy"]
    probabilities = plain(activation(name)(z), y)
    found = evaluate({"fused": fused, "plain": probabilities}, arrays)
    np.testing.assert_allclose(found["fused"], found["plain"], rtol=1e-10)


@pytest.mark.parametrize("name", LOSSES)
def test_names_aliases_and_configurations(name: str) -> None:
    entry = LOSSES[name]
    assert all(loss(alias) is entry for alias in (name, name.upper(), name.replace("_", "-"), *entry.aliases))
    assert loss(entry.config) is entry
    assert loss(entry) is entry


def test_huge_errors_of_log_cosh() -> None:
    arrays = {"p": np.array([[1e4], [-1e4]], np.float32), "y": np.zeros((2, 1), np.float32)}
    value, gradients = with_gradients(
        lambda p, y: loss("log_cosh")(p, y), arrays, np.ones(2), batched=("p", "y"), dtype=np.float32
    )
    np.testing.assert_allclose(value, np.full(2, 1e4 - math.log(2)), rtol=1e-6)
    np.testing.assert_allclose(gradients["p"], np.array([[1], [-1]]))


def test_the_pinball_loss_is_least_at_the_quantile() -> None:
    y = np.random.default_rng(0).normal(size=(101, 1))
    places = np.sort(y, axis=0)
    entry = loss("quantile", quantile=0.9)
    a, b = _input("a", 1), _input("b", 1)
    means = [evaluate({"l": entry(a, b)}, {"a": np.full_like(y, p), "b": y})["l"].mean() for p in places[:, 0]]
    assert int(np.argmin(means)) == 90
    with pytest.raises(PellucidError, match="quantile"):
        loss("quantile", quantile=1.0)


def test_a_poisson_mean_of_zero_is_led_away_from_there() -> None:
    arrays = {"p": np.array([[0.0], [0.0]]), "y": np.array([[2.0], [0.0]])}
    value, gradients = with_gradients(lambda p, y: loss("poisson")(p, y), arrays, np.ones(2), batched=("p", "y"))
    np.testing.assert_allclose(value, np.array([-2 * math.log(EPSILON), 0]))
    np.testing.assert_allclose(gradients["p"], np.array([[1 - 2 / EPSILON], [1]]))


def test_options_are_kept() -> None:
    wide = loss("huber", delta=2.0)
    assert wide.config == {"name": "huber", "delta": 2.0}
    assert loss(wide.config) == wide
    value, _ = with_gradients(
        lambda p, y: wide(p, y), {"p": np.array([[3.0]]), "y": np.array([[0.0]])}, np.ones(1), batched=("p", "y")
    )
    assert value.tolist() == [2.0 * (3 - 1)]


def _input(name: str, *extents: int, kind: Any = "float") -> Tensor:
    return Tensor.input(name, {"n": BATCH, **dict(zip("abc", extents, strict=False))}, kind=kind)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: loss("crossentrpy"), 'no loss "crossentrpy". Did you mean "crossentropy"?'),
        (lambda: loss("huber", delta=0), "delta of huber: expected a finite number more than 0, got 0"),
        (lambda: loss("mse", delta=1.0), "mean_squared_error has no option delta"),
        (lambda: loss(3), "loss: expected a name such as"),  # type: ignore[arg-type]
        (
            lambda: loss("mse")(_input("p", 3), _input("y", 2)),
            "the target has shape (n, 2), but the prediction has (n, 3)",
        ),
        (lambda: loss("crossentropy")(_input("p", 3), _input("y", 2)), "expected class numbers"),
        (lambda: loss("crossentropy")(_input("p", 3), _input("y")), "class numbers: expected integers or one-hot rows"),
        (lambda: loss("crossentropy")(_input("p", 4, 3), _input("y", 5, kind="int")), "(n, 5), but the prediction"),
        (
            lambda: loss("crossentropy").of(_input("p", 3), _input("y", 3), activation="relu"),
            "the last layer's activation is relu; expected softmax or sigmoid",
        ),
        (
            lambda: loss("categorical_crossentropy").of(_input("p", 3), _input("y", 3), activation="sigmoid"),
            "expected softmax",
        ),
        (
            lambda: loss("crossentropy").of(_input("p", 1), _input("y"), activation="softmax"),
            "softmax over one unit is always 1",
        ),
    ],
)
def test_what_is_wrong_is_named(act: Any, message: str) -> None:
    with pytest.raises(PellucidError) as caught:
        act()
    assert message in str(caught.value)


def test_disagreeing_shapes_are_shape_errors() -> None:
    with pytest.raises(ShapeError):
        loss("mae")(_input("p", 3, 2), _input("y", 3))


def test_weights_do_not_change_what_the_sum_is_divided_by() -> None:
    each, weights = _input("l"), _input("w")
    found = evaluate(
        {"plain": total(each), "weighted": total(each, weights)},
        {"l": np.array([1.0, 2.0, 6.0]), "w": np.array([2.0, 2.0, 0.0])},
    )
    assert found["plain"] == pytest.approx(3)
    assert found["weighted"] == pytest.approx((2 + 4) / 3)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(losses, "LOSSES", dict(losses.LOSSES))
    monkeypatch.setattr(losses, "_NAMES", dict(losses._NAMES))


def training(own: Any, **options: Any) -> pl.Network:
    rng = np.random.default_rng(0)
    net = pl.Network(pl.Dense(2), input_shape=3, dtype="float64", engine=options.pop("engine", "llvm"))
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
    net.fit(x, y, epochs=2, batch_size=4, optimizer=pl.SGD(0.1), verbose=0, loss=own, **options)
    return net


@pytest.mark.parametrize("engine", ["reference", "llvm"])
@pytest.mark.parametrize("text", ["l[…] = (p[…] − y[…])²", "l[n] = Σ[o] (p[n,o] − y[n,o])²/size(o)"])
def test_a_loss_of_ones_own_trains_as_the_same_of_the_library(registry: None, text: str, engine: str) -> None:
    @pl.loss
    def squares(y: Tensor, p: Tensor) -> Tensor:
        """The squared error."""
        return define(text, y=y, p=p)

    for own in (squares, "squares"):
        found, expected = training(own, engine=engine), training("mse", engine=engine)
        for path in expected.parameters:
            np.testing.assert_allclose(found.parameters[path], expected.parameters[path], rtol=1e-12)


def test_it_takes_the_targets_first_and_options_by_name(registry: None) -> None:
    @pl.loss
    def lopsided(y: Tensor, p: Tensor, *, power: float = 2.0) -> Tensor:
        return define("l[…] = max(0, y[…] − p[…])^power", y=y, p=p, power=power)

    net = pl.Network(pl.Dense(1, use_bias=False, kernel_initializer="ones"), input_shape=1)
    x = np.array([[1.0], [2.0]])
    assert net.evaluate(x, x + 3, loss=lopsided)["loss"] == 9
    assert net.evaluate(x, x - 3, loss="lopsided")["loss"] == 0
    assert net.evaluate(x, x + 3, loss=pl.loss("lopsided", power=1.0))["loss"] == 3
    assert net.evaluate(x, x + 3, loss={"name": "lopsided", "power": 1.0})["loss"] == 3
    with pytest.raises(PellucidError, match="the loss lopsided has no option powr"):
        pl.loss("lopsided", powr=1.0)
    with pytest.raises(PellucidError, match="there is a loss huber already"):

        @pl.loss
        def huber(y: Tensor, p: Tensor) -> Tensor:
            return define("l[…] = (p[…] − y[…])^4", y=y, p=p)


def test_it_leaves_out_the_steps_of_a_mask(registry: None) -> None:
    @pl.loss
    def distance(y: Tensor, p: Tensor) -> Tensor:
        return define("l[…] = abs(p[…] − y[…])", y=y, p=p)

    @pl.loss
    def whole(y: Tensor, p: Tensor) -> Tensor:
        return define("l[n] = Σ[…] abs(p[n,…] − y[n,…])", y=y, p=p)

    net = pl.Network(pl.Masking(), pl.Dense(1), input_shape=(4, 2))
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    x[0, 2:] = 0
    y = np.ones((3, 4, 1))
    found, expected = (net.evaluate(x, y, loss=loss)["loss"] for loss in (distance, "mae"))
    assert found == pytest.approx(expected)
    with pytest.raises(PellucidError, match=r"the loss whole gives one number an example: .* l\[n,t\]"):
        net.evaluate(x, y, loss=whole)


def test_what_is_no_loss_is_named(registry: None) -> None:
    def numbers(y: Any, p: Any) -> Any:
        return np.mean((np.asarray(y) - p) ** 2)

    with pytest.raises(PellucidError, match="got numbers, which has no formula: return one, define"):
        training(numbers)
    with pytest.raises(PellucidError, match="not by lambda"):
        training(lambda y, p: define("l[…] = (p[…] − y[…])^4", y=y, p=p))

    @pl.loss
    def total(y: Tensor, p: Tensor) -> Tensor:
        return define("l[] = Σ[…] (p[…] − y[…])²", y=y, p=p)

    with pytest.raises(PellucidError, match=r"the loss total: expected a tensor of examples, .* got one of shape \(\)"):
        training(total)
    with pytest.raises(PellucidError, match='expected a name such as "crossentropy", or a function'):
        pl.loss(3)  # type: ignore[arg-type]


def test_smoothed_labels_and_options_reach_the_form_for_logits() -> None:
    x = np.random.default_rng(0).normal(size=(6, 3))
    for last, units, y in (("softmax", 4, np.arange(6) % 4), ("sigmoid", 1, np.arange(6) % 2)):
        net = pl.Network(pl.Dense(units, activation=last), input_shape=3, dtype="float64")
        rows = np.eye(4)[y] * 0.8 + 0.05 if units == 4 else y * 0.8 + 0.1
        found = net.evaluate(x, y, loss=pl.loss("crossentropy", label_smoothing=0.2))["loss"]
        assert found == pytest.approx(net.evaluate(x, rows, loss="crossentropy")["loss"])


def test_hinge_takes_signs_and_classes() -> None:
    net = pl.Network(pl.Dense(1), input_shape=3)
    x = np.random.default_rng(0).normal(size=(6, 3))
    y = np.arange(6) % 2
    found = [net.evaluate(x, targets, loss="hinge")["loss"] for targets in (y, 2 * y - 1)]
    assert found[0] == found[1] == pytest.approx(np.maximum(1 - (2 * y - 1) * net.predict(x)[:, 0], 0).mean(), rel=1e-6)
