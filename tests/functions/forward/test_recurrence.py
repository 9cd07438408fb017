"""RNN, LSTM and GRU against a plain loop, JAX's scan, central differences, and what PyTorch gave."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.functions.recurrences import GATES, Configuration, jax_scan, numpy_loop
from tests.functions.support import Array, Arrays, assert_reads_back, central_differences, evaluate

from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.formula import Loop, Program, Statement, Tensor, derivative
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import reads
from pellucid.functions.activations import activation
from pellucid.functions.forward import recurrence

GOLDENS = np.load(Path(__file__).parents[2] / "goldens" / "torch_recurrence.npz")
every_kind = pytest.mark.parametrize("kind", GATES)


def program(of: Configuration, arrays: Arrays) -> Program:
    """The states "h", and the gradient of every input but the mask under its name."""
    given, found = of.formulas(arrays)
    upstream = Tensor("upstream", tuple(a.fresh() for a in found["h"].axes))
    wanted = {name: t for name, t in given.items() if name != "mask"}
    gradients = derivative(found["h"], wanted.values(), upstream=upstream)
    return Program({"h": found["h"], **{f"d {name}": gradients[t] for name, t in wanted.items()}})


def run(of: Configuration, arrays: Arrays, upstream: Array) -> tuple[Array, Arrays]:
    found = compile_program(program(of, arrays), engine="reference", dtype=np.float64)({**arrays, "upstream": upstream})
    return found.pop("h"), {name.removeprefix("d "): array for name, array in found.items()}


def upstream_for(of: Configuration) -> Array:
    return np.random.default_rng(of.seed + 1).normal(size=(of.n, of.t, of.q))


def close(found: Arrays, expected: Arrays) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-9, atol=1e-11, err_msg=name)


def test_rnn_by_hand() -> None:
    # one unit, W = 2, U = 0.5, b = −1, h0 = 4, linear: h₀ = −1 + 2·1 + 0.5·4 = 3, h₁ = −1 + 2·0 + 0.5·3 = 0.5
    # loss = h₁: dh₁ = 1, dh₀ = 0.5; dU = 1·h₀ + 0.5·h0 = 3 + 2 = 5; dW = 1·0 + 0.5·1 = 0.5; dh0 = 0.5·0.5 = 0.25
    one = Configuration("rnn", n=1, t=2, i=1, q=1)
    arrays = {
        "x": np.array([[[1.0], [0.0]]]),
        "kernel": np.array([[2.0]]),
        "recurrent_kernel": np.array([[0.5]]),
        "bias": np.array([-1.0]),
        "hidden": np.array([[4.0]]),
    }
    given, _ = one.formulas(arrays)
    h = recurrence.last(recurrence.rnn(**given, activate=activation("linear"))["h"])
    upstream = Tensor("upstream", tuple(a.fresh() for a in h.axes))
    names = ("recurrent_kernel", "kernel", "hidden")
    gradients = derivative(h, [given[n] for n in names], upstream=upstream)
    found = evaluate(
        {"h": h, **{n: gradients[given[n]] for n in names}} | {}, {**arrays, "upstream": np.array([[1.0]])}
    )
    assert [float(found[n].squeeze()) for n in ("h", *names)] == [0.5, 5.0, 0.5, 0.25]


@every_kind
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_plain_loop_gives_the_same(kind: str, masked: bool, reverse: bool) -> None:
    of = Configuration(kind, n=4, t=6, i=3, q=5, masked=masked, reverse=reverse)
    arrays = of.arrays()
    _, found = of.formulas(arrays)
    result = evaluate({"h": found["h"], "last": recurrence.last(found["h"], reverse=reverse)}, arrays)
    expected = numpy_loop(of, arrays)
    np.testing.assert_allclose(result["h"], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(result["last"], expected[:, 0 if reverse else -1], rtol=1e-12, atol=1e-12)


@every_kind
@pytest.mark.parametrize(
    "change", [{}, {"masked": True, "n": 1, "reverse": True}, {"t": 1}], ids=["all", "mask", "step"]
)
def test_gradients_agree_with_central_differences(kind: str, change: dict[str, Any]) -> None:
    of = replace(Configuration(kind, n=2, t=4, i=2, q=3), **change)
    arrays, upstream = of.arrays(), upstream_for(of)
    _, gradients = run(of, arrays, upstream)
    states = compile_program(Program({"h": of.formulas(arrays)[1]["h"]}), engine="reference", dtype=np.float64)

    def weighted(moved: Arrays) -> float:
        return float(np.sum(states(moved)["h"] * upstream))

    for name, gradient in gradients.items():
        expected = central_differences(weighted, arrays, name)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.sample(2)
@every_kind
@settings(max_examples=4, deadline=None, derandomize=True)
@given(data=st.data())
def test_jax_gives_the_same(kind: str, data: st.DataObject) -> None:
    pytest.importorskip("jax")
    sizes: dict[str, Any] = {name: data.draw(st.integers(1, 7), name) for name in "ntiq"}
    flags = {name: data.draw(st.booleans(), name) for name in ("bias", "initial", "masked", "reverse")}
    truncate = data.draw(st.none() | st.integers(1, 8), "truncate")
    of = Configuration(kind, **sizes, **flags, truncate=truncate, seed=data.draw(st.integers(0, 99), "seed"))
    arrays, upstream = of.arrays(), upstream_for(of)
    states, gradients = run(of, arrays, upstream)
    expected, expected_gradients = jax_scan(of, arrays, upstream)
    np.testing.assert_allclose(states, expected, rtol=1e-10, atol=1e-12)
    close(gradients, expected_gradients)


def golden(name: str) -> Arrays:
    return {key.split("/")[1]: GOLDENS[key] for key in GOLDENS.files if key.startswith(f"{name}/")}


def converted(kind: str, torch: Arrays, prefix: str = "", suffix: str = "_l0") -> Arrays:
    """PyTorch's parameters as ours; those with the prefix d_ are their gradients, which are laid out as they are."""
    w, u, b, d = (torch[f"{prefix}{name}{suffix}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    gates = GATES[kind]
    # PyTorch's GRU has its gates in the order r, z, n, ours z, r, n; its biases of x and of h are one where they only
    # add up
    order = [1, 0, 2] if kind == "gru" else list(range(gates))
    kernel, recurrent = (m.reshape(gates, -1, m.shape[-1])[order].transpose(2, 0, 1) for m in (w, u))
    b, d = (v.reshape(gates, -1)[order] for v in (b, d))
    found = {"kernel": kernel, "recurrent_kernel": recurrent}
    found |= {"bias": b, "recurrent_bias": d} if kind == "gru" else {"bias": b if prefix else b + d}
    return {k: v.squeeze(-2) for k, v in found.items()} if kind == "rnn" else found


@pytest.mark.parametrize("name", ["rnn", "rnn_relu", "lstm", "gru"])
def test_torch_gives_the_same(name: str) -> None:
    torch, kind = golden(name), name.removesuffix("_relu")
    states = {"h0": "hidden", "c0": "cell"}
    arrays = {"x": torch["x"], **converted(kind, torch)}
    arrays |= {ours: torch[theirs][0] for theirs, ours in states.items() if theirs in torch}
    of = Configuration(kind)
    given, found = of.formulas(arrays)
    if name == "rnn_relu":
        found = recurrence.rnn(**given, activate=activation("relu"))
    upstream = Tensor("upstream", tuple(a.fresh() for a in found["h"].axes))
    gradients = derivative(found["h"], given.values(), upstream=upstream)
    outputs = {"y": found["h"], **{n: gradients[t] for n, t in given.items()}}
    result = evaluate(outputs, {**arrays, "upstream": torch["dy"]})
    expected = {"y": torch["y"], "x": torch["d_x"], **converted(kind, torch, "d_")}
    expected |= {ours: torch[f"d_{theirs}"][0] for theirs, ours in states.items() if theirs in torch}
    close(result, expected)


@every_kind
@pytest.mark.parametrize("reverse", [False, True])
def test_a_masked_sequence_is_a_shorter_one(kind: str, reverse: bool) -> None:
    of = Configuration(kind, n=3, t=6, masked=True, reverse=reverse)
    arrays, upstream = of.arrays(), upstream_for(of)
    lengths = [6, 4, 1]
    arrays["mask"] = (np.arange(6) < np.array(lengths)[:, None]).astype(float)
    arrays["x"][arrays["mask"] == 0] = 99.0  # what stands in the padding does not matter
    upstream[arrays["mask"] == 0] = 0
    states, gradients = run(of, arrays, upstream)
    total: Arrays = {}
    for row, length in enumerate(lengths):
        short = replace(of, n=1, t=length, masked=False)
        batched = ("hidden", "cell")
        mine = {k: v[row : row + 1] if k in batched else v for k, v in arrays.items() if k not in ("x", "mask")}
        mine["x"] = arrays["x"][row : row + 1, :length]
        expected, part = run(short, mine, upstream[row : row + 1, :length])
        np.testing.assert_allclose(states[row : row + 1, :length], expected, rtol=1e-12)
        np.testing.assert_allclose(gradients["x"][row, :length], part["x"][0], rtol=1e-9, atol=1e-12)
        assert not gradients["x"][row, length:].any()
        for name in ("kernel", "recurrent_kernel", "bias"):
            total[name] = total.get(name, 0) + part[name]
    close({name: gradients[name] for name in total}, total)


@every_kind
def test_truncation_changes_the_gradient_alone(kind: str) -> None:
    of = Configuration(kind, t=7)
    arrays, upstream = of.arrays(), upstream_for(of)
    upstream[:, :6] = 0  # the loss looks at the last state, whose segment begins at step 6
    whole, full = run(of, arrays, upstream)
    cut, short = run(replace(of, truncate=3), arrays, upstream)
    np.testing.assert_array_equal(cut, whole)
    assert full["x"][:, :6].any() and full["hidden"].any()
    assert not short["x"][:, :6].any() and not short["hidden"].any()
    np.testing.assert_allclose(short["x"][:, 6], full["x"][:, 6])
    _, long = run(replace(of, truncate=7), arrays, upstream)
    close(long, full)


@every_kind
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("truncate", [None, 2])
@pytest.mark.parametrize("reverse", [False, True])
def test_only_what_has_to_is_inside_the_loops(kind: str, masked: bool, truncate: int | None, reverse: bool) -> None:
    """x·W is computed before the forward loop, and dW, dU and db after the backward one, for all steps at once."""
    of = Configuration(kind, masked=masked, truncate=truncate, reverse=reverse)
    written = program(of, of.arrays())
    loops = [place for place, stage in enumerate(written.stages) if isinstance(stage, Loop)]
    forwards, backwards = (written.stages[place] for place in loops)
    assert isinstance(forwards, Loop) and isinstance(backwards, Loop)
    assert (forwards.reverse, backwards.reverse) == (reverse, not reverse)

    def place(tensor: Tensor) -> int:
        inside = [s.statements if isinstance(s, Loop) else (s,) for s in written.stages]
        return next(p for p, stage in enumerate(inside) if any(s.target is tensor for s in stage))

    def inputs(statements: tuple[Statement, ...]) -> set[str]:
        return {r.tensor.name for s in statements for r in reads(s.expression) if not r.tensor.definition}

    assert not inputs(forwards.statements) & {"x", "kernel", "bias"}
    assert not inputs(backwards.statements) & {"x", "kernel", "bias"}
    before = [s for s in written.stages[: loops[0]] if isinstance(s, Statement)]
    assert {"x", "kernel", "bias"} <= inputs(tuple(before))
    for name in ("x", "kernel", "recurrent_kernel", "bias"):
        assert place(written.outputs[f"d {name}"]) > loops[1], name


@pytest.mark.parametrize("name", ["relu", "softplus", "linear", "sigmoid"])
def test_other_activations_of_gated_layers(name: str) -> None:
    of = Configuration("lstm", bias=False)
    arrays = of.arrays()
    given, _ = of.formulas(arrays)
    f = {"relu": lambda z: np.maximum(z, 0), "softplus": lambda z: np.logaddexp(z, 0), "linear": lambda z: z}
    f["sigmoid"] = lambda z: 1 / (1 + np.exp(-z))
    found = evaluate(recurrence.lstm(**given, activation=name), arrays)
    np.testing.assert_allclose(found["g"], f[name](found["z"][:, :, 2]))
    np.testing.assert_allclose(found["h"], found["o"] * f[name](found["c"]))


def test_any_activation_of_a_plain_layer() -> None:
    of = Configuration("rnn", masked=True, truncate=2)
    arrays = of.arrays()
    given, _ = of.formulas(arrays)
    found = evaluate(recurrence.rnn(**given, activate=activation("softmax"), truncate=2), arrays)
    assert math.isclose(found["h"][arrays["mask"] > 0].sum(), arrays["mask"].sum())
    with pytest.raises(PellucidError, match="an RNN takes any"):
        recurrence.gru(given["x"], kernel=given["kernel"], recurrent_kernel=given["kernel"], activation="softmax")


@every_kind
def test_notation_reads_back(kind: str) -> None:
    changes: list[dict[str, Any]] = [{}, {"masked": True, "truncate": 2, "reverse": True}]
    for change in changes:
        of = replace(Configuration(kind), **change)
        for statement in reachable(program(of, of.arrays()).outputs.values()):
            if all(r.tensor is not statement.target for r in reads(statement.expression)):
                assert_reads_back(statement)
