"""Activations: their registry, values worked out by hand, and numbers at the edge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.functions.support import evaluate, with_gradients

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Tensor, define
from pellucid.functions.activations import ACTIVATIONS, Activation, activation, leaky_relu, relu, softmax

Z = np.array([[-1.0, 0.0, 2.0]])

# By hand: selu is 1.0507… times 2, and times 1.6732…·(e⁻¹ − 1); mish(2) = 2·tanh(2.126928…); hard_sigmoid(2) = 2/6 + ½
# By hand: σ(2) = 1/(1 + e⁻²) = 0.880797…; 2·Φ(2) = 2·0.977249…; softmax over e⁻¹, 1, e² with the sum 8.756935…
BY_HAND: dict[str, list[float]] = {
    "step": [0, 1, 1],
    "sigmoid": [0.2689414213699951, 0.5, 0.8807970779778823],
    "tanh": [-0.7615941559557649, 0, 0.9640275800758169],
    "relu": [0, 0, 2],
    "leaky_relu": [-0.3, 0, 2],
    "elu": [math.exp(-1) - 1, 0, 2],
    "gelu": [-0.15865525393145707, 0, 1.9544997361036416],
    "selu": [1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1), 0, 2.101401974710961],
    "mish": [-math.tanh(math.log(1 + math.exp(-1))), 0, 2 * math.tanh(math.log(1 + math.exp(2)))],
    "hard_sigmoid": [1 / 3, 1 / 2, 5 / 6],
    "silu": [-0.2689414213699951, 0, 1.7615941559557646],
    "softplus": [0.31326168751822286, math.log(2), 2.1269280110429727],
    "softmax": [0.04201006613406605, 0.11419519938459449, 0.8437947344813395],
    "log_softmax": [-3.1698460195562664, -2.1698460195562664, -0.16984601955626645],
    "linear": [-1, 0, 2],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_values_worked_out_by_hand(name: str) -> None:
    value, _ = with_gradients(activation(name), {"z": Z}, np.ones_like(Z), batched=("z",))
    np.testing.assert_allclose(value[0], BY_HAND[name], rtol=1e-9, atol=1e-12)


def test_slope_at_the_corner_is_zero() -> None:
    _, gradients = with_gradients(relu, {"z": Z}, np.full_like(Z, 3.0), batched=("z",))
    assert gradients["z"].tolist() == [[0, 0, 3]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_large_sums_stay_finite(name: str, dtype: Any) -> None:
    z = np.array([[-1e4, 1e4, 0.0, 1e4]], dtype)
    upstream = np.array([[0.3, -0.7, 1.1, 0.2]], dtype)
    value, gradients = with_gradients(activation(name), {"z": z}, upstream, batched=("z",), dtype=dtype)
    assert np.isfinite(value).all()
    assert np.isfinite(gradients["z"]).all()
    if name == "softmax":
        np.testing.assert_allclose(value, [[0, 0.5, 0, 0.5]])
        np.testing.assert_allclose(gradients["z"], [[0, -0.225, 0, 0.225]], rtol=1e-6)


def test_only_step_does_not_learn() -> None:
    assert [a.name for a in ACTIVATIONS.values() if not a.learns] == ["step"]
    assert {a.name for a in ACTIVATIONS.values() if a.probabilities} == {"sigmoid", "softmax"}


def test_names_options_and_configurations() -> None:
    assert activation("relu") is relu
    assert activation("ReLU") is relu
    assert activation("Leaky-ReLU") is leaky_relu
    assert activation("swish").name == activation("Swish").name == "silu"
    assert activation(None).name == "linear"
    assert activation(relu) is relu
    assert relu.config == "relu"
    gentle = activation("leaky_relu", slope=0.1)
    assert gentle.config == {"name": "leaky_relu", "slope": 0.1}
    assert activation(gentle.config) == gentle
    assert activation(leaky_relu, slope=0.1) == gentle
    assert activation("leaky_relu", slope=0.3).config == "leaky_relu"  # the default goes without saying
    assert gentle.learns and activation(gentle) is gentle
    assert "Leaky ReLU" in (gentle.__doc__ or "")


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("rleu", {}, 'no activation "rleu". Did you mean "relu"?'),
        ("xyzzy", {}, "Choose one of step, sigmoid"),
        ("leaky_relu", {"slop": 0.1}, "no option slop. Did you mean"),
        ("relu", {"slope": 0.1}, "relu has no option slope. It takes none."),
        ("leaky_relu", {"slope": math.nan}, "slope of leaky_relu: expected a finite number, got nan"),
        ("leaky_relu", {"slope": "steep"}, "slope of leaky_relu: expected a finite number, got 'steep'"),
        ("gelu", {"approximate": "tan"}, "approximate of gelu: expected"),
        ({"slope": 0.1}, {}, "expected its name too"),
        ("", {}, 'no activation ""'),
        (3, {}, "activation: expected a name such as"),
    ],
)
def test_what_is_wrong_is_named(spec: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(PellucidError) as caught:
        activation(spec, **options)
    assert message in str(caught.value)


def test_a_new_activation_is_a_formula_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.functions.activations.ACTIVATIONS", dict(ACTIVATIONS))

    @activation
    def softsign(z: Tensor, *, width: float = 1.0) -> Tensor:
        """z over 1 + |z|."""
        return define("a[…] = z[…]/(width + abs(z[…]))", z=z, width=width)

    value, gradients = with_gradients(activation("softsign"), {"z": Z}, np.ones_like(Z), batched=("z",))
    np.testing.assert_allclose(value, [[-1 / 2, 0, 2 / 3]])
    np.testing.assert_allclose(gradients["z"], [[1 / 4, 1, 1 / 9]])
    assert activation("softsign", width=2.0).config == {"name": "softsign", "width": 2.0}


def test_names_are_taken_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.functions.activations.ACTIVATIONS", dict(ACTIVATIONS))

    def make() -> Any:
        def flat(z: Tensor) -> Tensor:
            return define("a[…] = 0·z[…] + 1", z=z)

        return flat

    first = activation(make())
    again = activation(make())  # the same cell of a notebook, run again
    assert isinstance(first, Activation) and isinstance(again, Activation)

    def tanh(z: Tensor) -> Tensor:
        return z

    with pytest.raises(PellucidError, match="activation tanh already"):
        activation(tanh)
    with pytest.raises(PellucidError, match="not by lambda"):
        activation(lambda z: z)


def test_softmax_runs_over_the_last_axis() -> None:
    z = Tensor.input("z", n=BATCH, t=2, k=3)
    found = evaluate({"a": softmax(z)}, {"z": np.random.default_rng(0).normal(size=(4, 2, 3))})["a"]
    np.testing.assert_allclose(found.sum(axis=-1), np.ones((4, 2)))


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"softmax", "log_softmax"}))
def test_the_slope_at_a_number(name: str) -> None:
    function = pl.activation(name)
    z = np.array([[-2.5, -0.7, 0.3], [0.9, 1.7, 4.0]])
    step = 1e-6
    np.testing.assert_allclose(function.slope(z), (function(z + step) - function(z - step)) / (2 * step), atol=1e-8)
    assert np.shape(function.slope(0.5)) == ()


def test_slopes_that_are_known() -> None:
    assert pl.sigmoid.slope(0.0) == 0.25
    assert pl.tanh.slope(0.0) == 1
    assert pl.leaky_relu.slope(-3.0, slope=0.2) == pytest.approx(0.2)
    with pytest.raises(PellucidError, match="softmax has no slope at a number"):
        pl.softmax.slope([1.0, 2.0])
