"""Attention against a transcription in NumPy, JAX's own, and central differences; and masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.functions.support import Array, Arrays, assert_reads_back, central_differences, evaluate

from pellucid.engines import compile_program
from pellucid.formula import BATCH, Program, Tensor, derivative
from pellucid.formula.derivative import reachable
from pellucid.functions.forward import attention, masks

AXES = {"query": "nthd", "key": "nshd", "value": "nshe", "mask": "ns"}
Sizes = dict[str, int]


def draw(sizes: Sizes, *, masked: bool = False, seed: int = 0) -> Arrays:
    rng = np.random.default_rng(seed)
    found = {name: rng.normal(size=[sizes[a] for a in axes]) for name, axes in AXES.items() if name != "mask"}
    if masked:
        found["mask"] = rng.integers(0, 2, (sizes["n"], sizes["s"])).astype(float)
        found["mask"][:, 0] = 1
    return found


def inputs(arrays: Arrays) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, array in arrays.items():
        extents: dict[str, Any] = dict(zip(AXES[name], array.shape, strict=True))
        found[name] = Tensor.input(name, extents | {"n": BATCH})
    return found


def run(arrays: Arrays, upstream: Array, *, causal: bool) -> tuple[Array, Arrays]:
    """The result, and the gradients of queries, keys and values."""
    given = inputs(arrays)
    y = attention.scaled_dot_product(**given, causal=causal)["y"]
    arriving = Tensor("upstream", tuple(a.fresh() for a in y.axes))
    wanted = {name: t for name, t in given.items() if name != "mask"}
    gradients = derivative(y, wanted.values(), upstream=arriving)
    found = evaluate({"y": y, **{f"d{n}": gradients[t] for n, t in wanted.items()}}, {**arrays, "upstream": upstream})
    return found["y"], {name: found[f"d{name}"] for name in wanted}


def transcription(a: Arrays, *, causal: bool) -> Array:
    """One head of one example after the other."""
    q, k, v = a["query"], a["key"], a["value"]
    result = np.zeros((*q.shape[:3], v.shape[3]))
    for n in range(q.shape[0]):
        for h in range(q.shape[2]):
            scores = q[n, :, h] @ k[n, :, h].T / np.sqrt(q.shape[3])
            if causal:
                scores[np.triu_indices(scores.shape[0], 1, scores.shape[1])] = -np.inf
            if "mask" in a:
                scores[:, a["mask"][n] == 0] = -np.inf
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            result[n, :, h] = weights / weights.sum(axis=1, keepdims=True) @ v[n, :, h]
    return result


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_against_a_transcription_and_central_differences(causal: bool, masked: bool) -> None:
    arrays = draw({"n": 2, "t": 3, "s": 4, "h": 2, "d": 3, "e": 2}, masked=masked)
    upstream = np.random.default_rng(1).normal(size=(2, 3, 2, 2))
    y, gradients = run(arrays, upstream, causal=causal)
    np.testing.assert_allclose(y, transcription(arrays, causal=causal), rtol=1e-12, atol=1e-14)
    result = attention.scaled_dot_product(**inputs(arrays), causal=causal)["y"]
    again = compile_program(Program({"y": result}), engine="reference", dtype=np.float64)

    def weighted(moved: Arrays) -> float:
        return float(np.sum(again(moved)["y"] * upstream))

    for name, gradient in gradients.items():
        expected = central_differences(weighted, arrays, name)
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8, err_msg=name)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(data=st.data())
def test_jax_gives_the_same(data: st.DataObject) -> None:
    jax = pytest.importorskip("jax")
    sizes = {axis: data.draw(st.integers(1, 7), axis) for axis in "ntshd"}
    causal, masked = data.draw(st.booleans(), "causal"), data.draw(st.booleans(), "masked")
    arrays = draw(sizes | {"e": sizes["d"]}, masked=masked, seed=data.draw(st.integers(0, 99), "seed"))
    upstream = np.random.default_rng(1).normal(size=arrays["query"].shape)
    y, gradients = run(arrays, upstream, causal=causal)
    allowed = np.ones((sizes["n"], 1, sizes["t"], sizes["s"]), bool)
    if causal:
        allowed &= np.tri(sizes["t"], sizes["s"], dtype=bool)
    if masked:
        allowed &= arrays["mask"][:, None, None] > 0

    def both(q: Any, k: Any, v: Any, dy: Any) -> Any:
        def dot_product(*parts: Any) -> Any:
            return jax.nn.dot_product_attention(*parts, mask=allowed)

        value, back = jax.vjp(dot_product, q, k, v)
        return value, back(dy)

    with jax.enable_x64(True):
        expected, back = jax.jit(both)(arrays["query"], arrays["key"], arrays["value"], upstream)
        # JAX computes the softmax of its attention in float32
        np.testing.assert_allclose(y, np.asarray(expected), rtol=1e-5, atol=1e-6)
        for name, array in zip(("query", "key", "value"), back, strict=True):
            np.testing.assert_allclose(gradients[name], np.asarray(array), rtol=1e-4, atol=1e-5)


def test_the_future_does_not_change_the_past() -> None:
    sizes = {"n": 1, "t": 5, "s": 5, "h": 2, "d": 3, "e": 3}
    arrays, other = draw(sizes), draw(sizes, seed=5)
    for name in ("key", "value", "query"):
        other[name][:, :3] = arrays[name][:, :3]
    upstream = np.ones((1, 5, 2, 3))
    before, after = (run(a, upstream, causal=True)[0] for a in (arrays, other))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert np.all(np.abs(before[:, 3:] - after[:, 3:]).max(axis=(2, 3)) > 0.01)


def test_weights_are_shares_and_a_sequence_without_any_step_gives_no_nan() -> None:
    arrays = draw({"n": 2, "t": 2, "s": 3, "h": 1, "d": 2, "e": 2})
    arrays["mask"] = np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    found = evaluate(attention.scaled_dot_product(**inputs(arrays)), arrays)
    np.testing.assert_allclose(found["a"].sum(axis=-1), 1)
    assert not found["a"][0, :, :, 1].any()
    _, gradients = run(arrays, np.ones((2, 2, 1, 2)), causal=False)
    assert all(np.isfinite(g).all() for g in (found["y"], *gradients.values()))


def test_projections_and_their_way_back() -> None:
    rng = np.random.default_rng(2)
    shapes: dict[str, dict[str, Any]] = {
        "x": {"n": 3, "t": 2, "i": 4},
        "w": {"i": 4, "h": 2, "d": 3},
        "b": {"h": 2, "d": 3},
        "v": {"h": 2, "d": 3, "o": 5},
        "c": {"o": 5},
    }
    arrays = {name: rng.normal(size=tuple(axes.values())) for name, axes in shapes.items()}
    t = {name: Tensor.input(name, axes | ({"n": BATCH} if "n" in axes else {})) for name, axes in shapes.items()}
    heads = attention.projection(t["x"], t["w"], t["b"])
    plain = attention.projection(t["x"], t["w"])
    outputs = {"y": attention.joined(heads, t["v"], t["c"]), "z": attention.joined(plain, t["v"])}
    found = evaluate(outputs, arrays)
    expected = np.einsum("nti,ihd->nthd", arrays["x"], arrays["w"])
    np.testing.assert_allclose(found["z"], np.einsum("nthd,hdo->nto", expected, arrays["v"]))
    with_bias = np.einsum("nthd,hdo->nto", expected + arrays["b"], arrays["v"]) + arrays["c"]
    np.testing.assert_allclose(found["y"], with_bias)


def test_masks() -> None:
    x = np.array([[[1.0, 0.0], [0.0, 0.0], [-1.0, -1.0]]])
    ids = np.array([[3, 0, 1]])
    tensor = Tensor.input("x", n=BATCH, t=3, i=2)
    outputs = {
        "zero": masks.present(tensor, value=0.0),
        "minus": masks.present(tensor, value=-1.0),
        "ids": masks.nonzero(Tensor.input("ids", {"n": BATCH, "t": 3}, kind="int")),
    }
    outputs["masked"] = masks.masked(tensor, outputs["minus"])
    found = evaluate(outputs, {"x": x, "ids": ids})
    assert {name: found[name].tolist() for name in ("zero", "minus", "ids")} == {
        "zero": [[1, 0, 1]],
        "minus": [[1, 1, 0]],
        "ids": [[1, 0, 1]],
    }
    assert found["masked"].tolist() == [[[1, 0], [0, 0], [0, 0]]]


def test_notation_reads_back() -> None:
    given = inputs(draw({"n": 1, "t": 2, "s": 3, "h": 2, "d": 2, "e": 2}, masked=True))
    y = attention.scaled_dot_product(**given, causal=True)["y"]
    arriving = Tensor("dy", tuple(a.fresh() for a in y.axes))
    for statement in reachable([y, *derivative(y, list(given.values())[:3], upstream=arriving).values()]):
        assert_reads_back(statement)
