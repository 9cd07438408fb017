"""The change of a value from one network to another, shared out among weights and what came in."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError


def trained() -> tuple[pl.Network, pl.Network, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 5)).astype(np.float32)
    net = pl.Network(
        pl.Dense(6, activation="tanh"), pl.Dense(3, activation="softmax"), input_shape=5, seed=1, engine="reference"
    )
    before = copy.deepcopy(net)
    net.fit(x, rng.integers(0, 3, 64), epochs=1, optimizer=pl.SGD(0.5), verbose=0)
    return before, net, x


def test_weights_and_what_came_in_add_up_to_the_change() -> None:
    before, after, x = trained()
    found = pl.compare(before, after, x[3], "dense_2.sum", unit=1)
    assert found.change == pytest.approx(
        float((after.trace(x[3:4])["dense_2.sum"] - before.trace(x[3:4])["dense_2.sum"])[0, 1])
    )
    assert abs(found.residual) < 1e-6
    assert found.weights and found.inputs
    w, v = (np.asarray(net.parameters["dense_2.kernel"], np.float64)[:, 1] for net in (before, after))
    h, k = (np.asarray(net.trace(x[3:4])["dense_1"], np.float64)[0] for net in (before, after))
    bias = float(after.parameters["dense_2.bias"][1] - before.parameters["dense_2.bias"][1])
    assert found.weights == pytest.approx(((v - w) * (h + k) / 2).sum() + bias, abs=1e-9)
    assert found.inputs == pytest.approx(((w + v) / 2 * (k - h)).sum(), abs=1e-9)
    assert found.first == "dense_1.bias" or found.first == "dense_1.kernel"
    text = found.text(2)
    assert "weights" in text and "5 more terms" in text and found.first in text


def test_one_weight_is_followed_and_two_inputs_are_compared() -> None:
    net = trained()[0]
    other = copy.deepcopy(net)
    kernel = np.array(other.parameters["dense_2.kernel"])
    kernel[4, 1] += 1
    other.parameters["dense_2.kernel"] = kernel
    x = np.ones(5, np.float32)
    found = pl.compare(net, other, x, "dense_2.sum", unit=1)
    assert found.inputs == 0 and [p for p, _ in found.differing] == ["dense_2.kernel"]
    assert [t.pair.after.text for t in found.terms if t.change and t.pair.after] == ["x[0,4]·w[4,1]"]
    assert not pl.compare(net, other, x, "dense_2.sum", unit=0).weights
    moved = pl.compare(net, net, x, "dense_1.sum", unit=0, other=2 * x)
    assert moved.weights == 0 and moved.first == "input_1"
    same = pl.compare(net, net, x, "dense_1.sum", unit=0)
    assert same.first == "" and same.change == 0


def test_networks_of_other_architectures_are_refused() -> None:
    net = trained()[0]
    wider = pl.Network(pl.Dense(7), pl.Dense(3), input_shape=5, engine="reference")
    with pytest.raises(PellucidError, match="networks of one architecture"):
        pl.compare(net, wider, np.ones(5), "dense_1", unit=0)
    with pytest.raises(PellucidError, match='no value "dens_1"'):
        pl.compare(net, net, np.ones(5), "dens_1", unit=0)
