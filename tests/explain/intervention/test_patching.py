"""A patch: nothing changes where the value was there already, and everything after it does where it was not."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.explain.test_arithmetic import NETWORKS

import pellucid as pl
from pellucid.errors import DataError, PellucidError
from pellucid.explain import Trace, patch, trace
from pellucid.explain.arithmetic import evaluate
from pellucid.formula import Program
from pellucid.formula.program import Loop
from pellucid.network import BaseNetwork

Array = np.ndarray[Any, Any]


def examples(kind: str, net: BaseNetwork, n: int, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    (shape,) = net.input_shapes.values()
    x = rng.integers(0, 7, (n, *shape)) if kind == "words" else rng.normal(size=(n, *shape)).astype(np.float32)
    return x, rng.integers(0, 3, size=n)


def settable(run: Trace) -> list[str]:
    """The values that a network computes; what a loop has computed ahead of it is a part of one."""
    return [p for p in run if not p.endswith(".ahead") and ".target" not in p]


def same(run: Any, known: Trace) -> list[str]:
    return [p for p in known if p in run and not np.array_equal(run[p], known[p], equal_nan=True)]


def identity(kind: str, seed: int, engine: str, n: int, draw: Any) -> None:
    net = NETWORKS[kind](seed)
    net.engine = engine
    x, y = examples(kind, net, n, seed)
    targets = draw(st.sampled_from([None, y]), label="targets")
    known = trace(net, x, targets, loss=None if targets is None else "crossentropy")
    path = draw(st.sampled_from(settable(known)), label="path")
    value: Any = draw(st.sampled_from([known[path], known, lambda old: old]), label="value")
    if value is known[path] and known[path].ndim:
        axis = known.tensor(path).axes[-1].name
        place = draw(st.integers(-1, known[path].shape[-1]), label="place")
        if 0 <= place < known[path].shape[-1]:
            name = f"{path}[{axis}={place}]"
            value, path = known[name], name
    run = patch(net, x, {path: value}, targets, loss=None if targets is None else "crossentropy")
    assert same(run, known) == [], path
    assert not run.changed(), path


@settings(max_examples=6, deadline=None)
@given(kind=st.sampled_from(sorted(NETWORKS)), seed=st.integers(0, 9), n=st.sampled_from([1, 6]), data=st.data())
def test_a_value_set_to_what_it_is_changes_no_bit(kind: str, seed: int, n: int, data: Any) -> None:
    identity(kind, seed, "reference", n, data.draw)


@settings(max_examples=3, deadline=None)
@given(kind=st.sampled_from(sorted(NETWORKS)), n=st.sampled_from([1, 6, 20]), data=st.data())
def test_a_value_set_to_what_it_is_changes_no_bit_in_native_code(kind: str, n: int, data: Any) -> None:
    identity(kind, 3, "llvm", n, data.draw)


def by_hand(known: Trace, path: str, value: Array) -> dict[str, Array]:
    """All values of a run with one of them set: each statement by itself, in float64."""
    program: Program = known.program
    values = {program.inputs[name]: known[name] for name in program.inputs}
    for stage in program.stages:
        assert not isinstance(stage, Loop)
        (array,) = evaluate([(stage.axes, stage.expression)], values, known.batch)
        array = array.astype(np.int64) if stage.target.kind == "int" else array
        values[stage.target] = value if stage.target is known.tensor(path) else array
    return {name: values[tensor] for name, tensor in program.tensors.items()}


@settings(max_examples=5, deadline=None)
@given(
    kind=st.sampled_from(
        sorted(
            k
            for k in NETWORKS
            if k not in ("rnn", "lstm", "truncated", "gru", "gru of the paper", "both ways", "words", "states")
        )
    ),
    seed=st.integers(0, 99),
    data=st.data(),
)
def test_a_patch_is_the_network_with_that_value_computed_by_hand(kind: str, seed: int, data: Any) -> None:
    net = NETWORKS[kind](seed)
    net.engine = "reference"
    x, y = examples(kind, net, 3, seed)
    known = trace(net, x, y, loss="crossentropy")
    computed = [p for p in settable(known) if known.program.definition(known.tensor(p)) is not None]
    path = data.draw(
        st.sampled_from([p for p in computed if known[p].dtype.kind == "f" and p not in net.output_shapes])
    )
    value = np.random.default_rng(seed).uniform(0.1, 0.9, known[path].shape)
    run = patch(net, x, {path: value}, y, loss="crossentropy")
    for name, array in by_hand(known, path, value).items():
        # What is a copy of the value, under another name, is upstream of it: it stays as it was computed.
        copied = name != path and known.tensor(name) is known.tensor(path)
        if known[name].dtype.kind == "f" and not copied:
            np.testing.assert_allclose(run[name], array, rtol=2e-3, atol=2e-4, err_msg=f"{name} after {path}")


@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_a_gate_held_open_at_one_step_reaches_the_steps_after_it(engine: str) -> None:
    net = pl.Network(pl.LSTM(3), pl.Dense(2), input_shape=(8, 2), engine=engine, dtype="float64", seed=4)
    x = np.random.default_rng(0).normal(size=(2, 8, 2))
    run = net.patch(x, {"lstm_1.gate.forget[t=5]": 1.0})
    w, u, b = (np.asarray(net.parameters[f"lstm_1.{k}"]) for k in ("kernel", "recurrent_kernel", "bias"))

    def σ(z: Array) -> Array:
        return np.asarray(1 / (1 + np.exp(-z)))

    h, c = np.zeros((2, 3)), np.zeros((2, 3))
    for t in range(8):
        z = (x[:, t] @ w.reshape(2, -1) + h @ u.reshape(3, -1)).reshape(2, 4, 3) + b.reshape(4, 3)
        i, f, g, o = σ(z[:, 0]), σ(z[:, 1]), np.tanh(z[:, 2]), σ(z[:, 3])
        if t == 5:
            f = np.ones_like(f)
        c = f * c + i * g
        h = o * np.tanh(c)
        np.testing.assert_allclose(run["lstm_1.state"][:, t], h, rtol=1e-12)
    np.testing.assert_array_equal(run["lstm_1.state"][:, :5], run.before["lstm_1.state"][:, :5])
    assert np.abs(run.difference("dense_1")).min() > 0


def test_several_values_functions_runs_of_others_parameters_and_inputs() -> None:
    net = pl.Network(pl.Dense(4, activation="tanh"), pl.Dense(4, activation="relu"), pl.Dense(2), input_shape=3, seed=2)
    x, other = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(np.float32)
    known = net.trace(other)
    run = net.patch(x, {"dense_1": known})
    np.testing.assert_array_equal(run["dense_3"], known["dense_3"])
    np.testing.assert_array_equal(net.patch(x, {"input_1": other})["dense_3"], known["dense_3"])
    # a function is given the value as it is with the patches before it
    seen: list[Array] = []

    def double(old: Array) -> Array:
        seen.append(old)
        return 2 * old

    run = net.patch(x, {"dense_2": double, "dense_1": known})
    np.testing.assert_array_equal(seen[0], known["dense_2"])
    np.testing.assert_allclose(run["dense_3"], net.patch(x, {"dense_2": 2 * known["dense_2"]})["dense_3"], rtol=1e-6)
    # elements of one value, and a parameter
    run = net.patch(x, {"dense_1[unit=1]": 0.5, "dense_1[o=3]": lambda old: -old, "dense_3.bias[o=0]": 7.0})
    np.testing.assert_array_equal(run["dense_1"][:, 1], np.full(5, 0.5, np.float32))
    np.testing.assert_array_equal(run["dense_1"][:, 3], -run.before["dense_1"][:, 3])
    np.testing.assert_array_equal(run["dense_1"][:, 0], run.before["dense_1"][:, 0])
    assert run["dense_3.bias"][0] == 7
    assert net.parameters["dense_3.bias"][0] == 0
    assert "dense_3.bias" in [c.path for c in run.changed()]
    assert len(run.changed()) == 5  # dense_1, dense_2 and its sum, dense_3


def test_an_edge_of_a_graph_is_set_for_one_reader_alone() -> None:
    x = pl.Input(3)
    a = pl.Dense(4, activation="tanh", name="a")(x)
    b = pl.Dense(4, name="b")(a)
    net = pl.Network(inputs=x, outputs=pl.Add(name="sum")(a, b), seed=1)
    rows = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    known = net.trace(rows)
    run = net.patch(rows, {"a → b": 0.0})
    np.testing.assert_allclose(run["b"], np.broadcast_to(net.parameters["b.bias"], (2, 4)), atol=1e-7)
    np.testing.assert_array_equal(run["a"], known["a"])
    np.testing.assert_allclose(run["sum"], known["a"] + run["b"], rtol=1e-6)
    assert not net.patch(rows, {"a -> b": known}).changed()
    with pytest.raises(PellucidError, match="sum does not read input_1"):
        net.patch(rows, {"input_1 → sum": 0.0})


def test_gradients_are_set_too() -> None:
    net = pl.Network(pl.Dense(4, activation="tanh"), pl.Dense(2, activation="softmax"), input_shape=3, seed=2)
    x, y = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32), np.array([0, 1, 1, 0, 1])
    run = net.patch(x, {"d(dense_1)": 0.0}, y)
    assert not run["d(dense_1.kernel)"].any()
    assert run["loss"] == run.before["loss"]
    # the loss reads the sums before the softmax, unless what it gives is set
    other = net.patch(x, {"dense_2": np.full((5, 2), 0.5)}, y)
    assert other["loss"] == pytest.approx(np.log(2), rel=1e-6)


def test_both_arithmetics_stand_side_by_side() -> None:
    net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(2), input_shape=2, seed=5)
    x = np.array([[1.0, -2.0]], dtype=np.float32)
    run = net.patch(x, {"dense_1[unit=1]": 4.0})
    both = run.compare("dense_2", unit=0)
    weight = float(net.parameters["dense_2.kernel"][1, 0])
    (moved,) = both.moved
    assert moved.after is not None and moved.after.text == "x[0,1]·w[1,0]"
    assert moved.change == pytest.approx(weight * (4 - float(run.before["dense_1"][0, 1])), rel=1e-6)
    assert both.change == pytest.approx(moved.change, rel=1e-5)
    assert sum(pair.change for pair in both.terms()) == pytest.approx(both.change, abs=1e-6)
    text = both.text()
    assert text.count("*") == 1 and " → " in text.splitlines()[0]
    assert "set by hand" in run.compare("dense_1", unit=1).text()
    untouched = run.compare("dense_1", unit=0)
    assert untouched.change == 0 and not untouched.moved
    assert "1 of 3" in repr(run) and "nothing changed" in repr(net.patch(x, {"dense_1": run.before}))


def test_a_run_can_be_pickled_and_its_formulas_saved(tmp_path: Any) -> None:
    net = pl.Network(pl.GRU(3), pl.Dense(2), input_shape=(4, 2), seed=5)
    run = net.patch(np.ones((1, 4, 2)), {"gru_1.gate.update[t=1]": 1.0})
    again = pickle.loads(pickle.dumps(run))
    assert repr(again) == repr(run)
    assert again.compare("dense_1", unit=1).text() == run.compare("dense_1", unit=1).text()
    run.after.save(tmp_path / "run.safetensors")
    assert "s[" in Trace.load(tmp_path / "run.safetensors").explain("gru_1.gate.update[t=1]", unit=0).formula


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"dens_1": 0.0}, 'no value "dens_1" to set.*dense_1'),
        ({"dense_1[k=1]": 0.0}, "has the axes n, o, got k"),
        ({"dense_1[o=9]": 0.0}, "has 3 along its axis o, so there is no 9"),
        ({"dense_1[n=5]": 0.0}, "names an example that is not there: x has 2"),
        ({"dense_1": np.zeros(7)}, "takes a number or an array of shape .2, 3., got shape .7"),
        ({"dense_1": "much"}, "takes a number or an array"),
    ],
)
def test_what_does_not_fit_is_said(values: dict[str, Any], said: str) -> None:
    net = pl.Network(pl.Dense(3), pl.Dense(2), input_shape=2)
    with pytest.raises((PellucidError, DataError), match=said):
        net.patch(np.ones((2, 2)), values)


def test_a_layer_that_does_nothing_when_the_network_predicts_is_set_as_its_input() -> None:
    net = pl.Network(pl.Dropout(0.5), pl.Dense(2), input_shape=3, engine="reference")
    x = np.ones((2, 3), np.float32)
    run = net.patch(x, {"dropout_1[i=1]": 5.0})
    np.testing.assert_array_equal(run["dense_1"], net.predict(np.array([[1, 5, 1]] * 2)))


def test_numbers_at_elements_along_several_axes_are_set_in_their_order() -> None:
    net = pl.Network(pl.Conv2D(2, 3), pl.Flatten(), pl.Dense(2), input_shape=(5, 5, 1), engine="reference")
    x = np.random.default_rng(0).normal(size=(3, 5, 5, 1))
    values: dict[str, float] = {"conv2d_1[unit=1]": 0.5, "conv2d_1[i=2]": 2.0, "conv2d_1[n=1,j=0]": -1.0}
    run, expected = net.patch(x, values), np.array(net.trace(x)["conv2d_1"])
    expected[..., 1], expected[:, 2], expected[1, :, 0] = 0.5, 2.0, -1.0
    np.testing.assert_array_equal(run["conv2d_1"], expected)
    np.testing.assert_array_equal(net.patch(x, {"conv2d_1": expected})["dense_1"], run["dense_1"])


@pytest.mark.parametrize("kind", ["residual", "gates"])
def test_every_edge_set_to_what_it_is_changes_no_bit(kind: str) -> None:
    net = NETWORKS[kind](3)
    net.engine = "reference"
    x, y = examples(kind, net, 2, 0)
    known = trace(net, x, y, loss="crossentropy")
    edges = [(parent, use.path) for use in net.uses for parent in use.parents if parent != use.path]
    assert len(edges) > 3
    for source, reader in edges:
        run = patch(net, x, {f"{source} → {reader}": known}, y, loss="crossentropy")
        assert same(run, known) == [], (source, reader)


@pytest.mark.parametrize(
    "value",
    [0.5, np.nan, [[1, 2.5, 3, 4]], lambda old: old + 0.25],
    ids=["a fraction", "nan", "a row", "a function"],
)
def test_a_fraction_of_a_word_is_refused(value: Any) -> None:
    net = pl.Network(pl.Embedding(5, 3), pl.LSTM(2), input_shape=(4,), engine="reference")
    with pytest.raises(DataError, match=r"takes integers, got (0\.5|nan|2\.5|1\.25|2\.25)"):
        net.patch([[1, 2, 3, 4]], {"input_1": value})
    assert net.patch([[1, 2, 3, 4]], {"input_1": 4.0})["input_1"].tolist() == [[4, 4, 4, 4]]


@pytest.mark.parametrize("value", [None, "a", 3 + 4j, [None, 1, 2], lambda old: None, lambda old: old.astype(complex)])
def test_what_is_no_number_is_refused(value: Any) -> None:
    net = pl.Network(pl.Dense(3), input_shape=2, engine="reference")
    with pytest.raises(DataError, match="dense_1 takes a number or an array"):
        net.patch(np.zeros((2, 2)), {"dense_1": value})
    with pytest.raises(DataError, match=r"takes numbers that fit into float32, got 1e\+40"):
        net.patch(np.zeros((2, 2)), {"dense_1": 1e40})


@pytest.mark.parametrize("path", ["input_1", "dense_1", "dense_1.sum"])
def test_a_run_whose_inputs_are_set_is_compared(path: str) -> None:
    """Nothing of it reads the input any more, and its arithmetic stands there still."""
    net = pl.Network(pl.Dense(3, activation="tanh"), pl.Dense(2), input_shape=3, engine="reference")
    x = np.random.default_rng(0).normal(size=(2, 3))
    run = net.patch(x, {path: np.ones((2, 3))})
    both = run.compare("dense_2", unit=1, example=1)
    assert both.after is not None and both.after.total == pytest.approx(run["dense_2"][1, 1], abs=1e-6)


def _network() -> pl.Network:
    return pl.Network(pl.Dense(3), pl.Dense(2), input_shape=4, engine="reference")


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ({"index": "a"}, "index is 'a'"),
        ({"index": (1.7,)}, "index is"),
        ({"index": None}, "index is None"),
        ({"at": [0.5]}, "at is"),
        ({"unit": 1.5}, "unit is 1.5"),
        ({"time": "a"}, "time is 'a'"),
        ({"unit": 1, "example": 0.5}, "example is 0.5"),
    ],
)
def test_an_index_that_is_no_integer_is_refused(where: dict[str, Any], says: str) -> None:
    """Not cut to one: that would be another element."""
    net, x = _network(), np.ones((1, 4))
    calls: list[Any] = [lambda: net.explain("dense_2", x=x, **where)]
    if "example" not in where:
        calls += [lambda: pl.compare(net, net, x, "dense_2", **where), lambda: net.attribute(x, "dense_2", **where)]
    if set(where) <= {"unit", "time"}:
        calls += [lambda: net.ablate(x, "dense_1", **where)]
    for call in calls:
        with pytest.raises(PellucidError, match=f"{says}.*expected an integer"):
            call()
    assert net.explain("dense_2", x=x, index=np.array([1])).index == (0, 1)  # type: ignore[arg-type]


def test_what_is_no_path_and_no_network_is_refused() -> None:
    net, x = _network(), np.ones((1, 4))
    with pytest.raises(PellucidError, match="3 is no path"):
        net.patch(x, {3: 0.0})  # type: ignore[dict-item]
    with pytest.raises(PellucidError, match="3 is no path"):
        net.sweep(3, [1.0], x=x)  # type: ignore[arg-type]
    with pytest.raises(PellucidError, match="takes two networks, got ndarray"):
        pl.compare(net, x, x, "dense_2", unit=0)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="x holds text"):
        pl.compare(net, net, "abc", "dense_2", unit=0)
    rows = [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]
    listed = pl.compare(net, net, rows, "dense_2", unit=0, other=[rows[1]])
    assert listed.change == pl.compare(net, net, np.array(rows), "dense_2", unit=0, other=np.zeros(4)).change != 0
    with pytest.raises(PellucidError, match="paths is 3"):
        pl.Ledger(3)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="tolerance is 'a'"):
        net.attribute(x, "dense_2", unit=0, tolerance="a")  # type: ignore[arg-type]
