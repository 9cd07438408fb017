"""The terms of an explanation add up to the engine's own value, for every value of a run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.errors import PellucidError
from pellucid.explain import explain, trace
from pellucid.functions.updates import SGD
from pellucid.layers import Add, Dense, Dropout, Flatten, Input, Layer
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


NETWORKS = {
    "relu": lambda seed: network(Dense(6, activation="relu"), Dropout(0.5), Dense(3, activation="softmax"), shape=(5,), seed=seed),
    "sigmoid": lambda seed: network(Dense(4, activation="sigmoid", kernel_regularizer="l2"), Dense(3), shape=(5,), seed=seed),
    "gelu": lambda seed: network(Dense(4, activation="gelu"), Dense(3, activation="log_softmax"), shape=(5,), seed=seed),
    "flat": lambda seed: network(Flatten(), Dense(4, activation="leaky_relu"), Dense(3, activation="softmax"), shape=(3, 2, 2), seed=seed),
    "steps": lambda seed: network(Dense(4, activation="elu"), Flatten(), Dense(3, activation="softmax"), shape=(3, 2), seed=seed),
    "residual": residual,
}


@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(sorted(NETWORKS)), seed=st.integers(0, 50))
def test_terms_close_on_every_value(kind: str, seed: int) -> None:
    net = NETWORKS[kind](seed)
    rng = np.random.default_rng(seed)
    (shape,) = net.input_shapes.values()
    x = rng.normal(size=(4, *shape)).astype(np.float32)
    y = rng.integers(0, 3, size=4)
    run = trace(net, x, y, loss="crossentropy", optimizer=SGD(0.1, momentum=0.9))
    for path in run:
        if run.program.definition(run.tensor(path)) is None:
            continue
        index = tuple(int(rng.integers(0, n)) for n in run[path].shape)
        found = run.explain(path, index=index)
        assert found.value == run[path][index]
        scale = 1e-6 + np.abs(found.terms.contributions).sum() + abs(found.value)
        assert abs(found.total - found.value) <= 4e-6 * scale, f"{path}{index}: {found.formula}"
        for limit in (0, 1, 3, 1000):
            shown, count, rest = found.folded(limit)
            assert len(shown) + count == len(found.terms)
            assert sum(t.value for t in shown) + rest == pytest.approx(found.total, abs=1e-12 * max(1.0, scale))
        for term in found.terms[:3]:
            top = np.prod([f.value for f in term.factors])
            bottom = np.prod([f.value for f in term.divisors])
            assert top / bottom == pytest.approx(term.value, rel=1e-9, abs=1e-30)
            assert all(run[s.path][s.index] == s.value for s in term.sources if s.path in run)


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
    assert found.substituted == "1·2 + 0.25·(−3) + 0.5 = 1.75"
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
    update = explain(net, "dense_1.kernel", index=(0, 0), x=np.array([2.0]), y=np.array([5.0]), loss="mse", optimizer=SGD(0.5))
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
