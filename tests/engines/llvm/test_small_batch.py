"""Predictions for a few examples: other code, the same numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.engines.llvm.support import agree, draw, native

from pellucid.engines.llvm.run import worker_pool
from pellucid.engines.llvm.run.executable import Executable
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Program, Tensor, define
from pellucid.functions.activations import softmax
from pellucid.functions.forward.attention import scaled_dot_product
from pellucid.functions.forward.combining import concatenate
from pellucid.functions.forward.recurrence import lstm
from pellucid.functions.forward.shaping import flatten

real = Tensor.input


def image(filters: int, classes: int) -> Program:
    x, k, b = real("x", n=BATCH, h=8, w=9, c=2), real("k", u=3, v=3, c=2, f=filters), real("b", f=filters)
    z = define("z[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i + u - 1, j·2 + v - 1, c | 0]·k[u,v,c,f]", x=x, k=k, b=b)
    m = define("m[n,i,j,f] = max[u<2, v<2] z[n, 2·i + u, 2·j + v, f | -inf]", z=define("a[…] = relu(z[…])", z=z))
    flat = flatten(m)
    y = softmax(define("y[n,o] = Σ[q] f[n,q]·w[q,o]", f=flat, w=real("w", q=flat.axes[-1].size, o=classes)))
    return Program({"y": y, "flat": flat, "x again": x, "best": define("b[n] = argmax[k] y[n,k]", y=y)})


@pytest.mark.parametrize("n", [1, 2, 4])
@pytest.mark.parametrize(("filters", "classes"), [(1, 3), (6, 10), (16, 33), (40, 16)])
def test_images(n: int, filters: int, classes: int) -> None:
    program = image(filters, classes)
    agree(program, draw(program, n))


@pytest.mark.parametrize("units", [1, 5, 32])
def test_text(units: int) -> None:
    ids, table = Tensor.input("ids", n=BATCH, t=5, kind="int"), real("table", v=7, i=6)
    x = define("x[n,t,i] = E[ids[n,t],i]", E=table, ids=ids)
    w, u = real("w", i=6, g=4, j=units), real("u", q=units, g=4, j=units)
    found = lstm(x, kernel=w, recurrent_kernel=u)
    program = Program({"h": found["h"], "last": define("l[n,j] = h[n,4,j]", h=found["h"])})
    agree(program, draw(program, 2, ids=np.arange(10).reshape(2, 5) % 7))


def test_attention_and_concatenation() -> None:
    q, k, v = (real(name, n=BATCH, t=4, h=2, d=3) for name in "qkv")
    y = scaled_dot_product(q, k, v, causal=True)["y"]
    program = Program({"y": concatenate([y, q, v])})
    agree(program, draw(program, 3))


def test_many_and_few_agree() -> None:
    program = image(6, 10)
    inputs = draw(program, 5)
    run = native(program)
    whole = run(inputs)
    for k in range(5):
        one = run({**inputs, "x": inputs["x"][k : k + 1]})
        np.testing.assert_allclose(one["y"][0], whole["y"][k], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("make", [lambda: image(6, 10), lambda: large_dense(1), lambda: large_dense(3)])
def test_prepared(n: int, make: Callable[[], Program]) -> None:
    program = make()
    inputs = draw(program, n)
    run = native(program)
    prepared = run.prepare({name: a for name, a in inputs.items() if name != "x"}, examples=n)
    for scale in (1.0, 2.0):
        expected = run({**inputs, "x": inputs["x"] * scale})
        found = prepared({"x": inputs["x"] * scale})
        assert all(np.array_equal(found[name], array) for name, array in expected.items())
    with pytest.raises(ShapeError, match=r"x has the shape"):
        prepared({"x": inputs["x"][:, 1:]})


def test_a_prepared_program_looks_at_indices() -> None:
    table, ids = real("table", v=3, i=2), Tensor.input("ids", n=BATCH, kind="int")
    program = Program({"x": define("x[n,i] = E[ids[n],i]", E=table, ids=ids)})
    run = native(program).prepare({"table": np.zeros((3, 2))}, examples=1)
    with pytest.raises(PellucidError, match="ids holds 3, but table has 3 along v: 0 to 2 exist"):
        run({"ids": np.array([3])})


@pytest.mark.parametrize("units", [16, 40, 128])
def test_prepared_recurrences_pack_once(units: int) -> None:
    ids, table = Tensor.input("ids", n=BATCH, t=6, kind="int"), real("table", v=7, i=6)
    x = define("x[n,t,i] = E[ids[n,t],i]", E=table, ids=ids)
    w, u = real("w", i=6, g=4, j=units), real("u", q=units, g=4, j=units)
    program = Program({"h": lstm(x, kernel=w, recurrent_kernel=u)["h"]})
    inputs = draw(program, 1, ids=np.arange(6).reshape(1, 6))
    agree(program, inputs)
    run = native(program)
    fixed = {name: a for name, a in inputs.items() if name != "ids"}
    first, second = (run.prepare({**fixed, "u": fixed["u"] * scale}, examples=1) for scale in (1.0, 2.0))
    for shift in (0, 1, 0):
        ids_now = (inputs["ids"] + shift) % 7
        for prepared, scale in ((first, 1.0), (second, 2.0)):
            expected = run({**fixed, "u": fixed["u"] * scale, "ids": ids_now})["h"]
            assert np.array_equal(prepared({"ids": ids_now})["h"], expected)


def text_of_some_length() -> Program:
    x = real("x", n=BATCH, t=7, i=40)
    w, u = real("w", i=40, g=4, j=256), real("u", q=256, g=4, j=256)
    h = lstm(x, kernel=w, recurrent_kernel=u)["h"]
    return Program({"h": h, "y": softmax(define("y[n,t,o] = Σ[j] h[n,t,j]·v[j,o]", h=h, v=real("v", j=256, o=9)))})


def large_image() -> Program:
    x, k, b = real("x", n=BATCH, h=21, w=19, c=8), real("k", u=3, v=3, c=8, f=48), real("b", f=48)
    z = define("z[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i + u - 1, j + v - 1, c | 0]·k[u,v,c,f]", x=x, k=k, b=b)
    flat = flatten(define("m[n,i,j,f] = max[u<2, v<2] z[n, 2·i + u, 2·j + v, f | -inf]", z=z))
    y = define("y[n,o] = Σ[q] f[n,q]·w[q,o]", f=flat, w=real("w", q=flat.axes[-1].size, o=128))
    return Program({"z": z, "y": softmax(y)})


def large_dense(places: int) -> Program:
    """Kernels that no L2 cache holds, once for every place, and softmax over more classes than there are lanes."""
    x, v, w = real("x", n=BATCH, t=places, i=300), real("v", i=300, j=1100), real("w", j=1100, o=203)
    h = define("h[n,t,j] = tanh(Σ[i] x[n,t,i]·v[i,j] + b[j])", x=x, v=v, b=real("b", j=1100))
    return Program({"h": h, "y": softmax(define("y[n,t,o] = Σ[j] h[n,t,j]·w[j,o]", h=h, w=w))})


PROGRAMS = {
    "text": text_of_some_length(),
    "image": large_image(),
    "dense": large_dense(1),
    "dense at places": large_dense(11),
}


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_threads_share_an_example(program: Program, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "BRIEF", 0.0)  # wait for workers that sleep
    inputs = draw(program, n)
    agree(program, inputs)
    fixed = {name: a for name, a in inputs.items() if name != "x"}
    expected = Executable(program, np.dtype(np.float32), threads=1)(inputs)
    for threads in (2, 3):
        run = Executable(program, np.dtype(np.float32), threads=threads)
        prepared = run.prepare(fixed, examples=n)
        assert run.code_for(n).code.metadata.pieces > 1
        for _ in range(20):
            found = prepared({"x": inputs["x"]})
            assert all(np.array_equal(found[name], array) for name, array in expected.items())


@pytest.mark.parametrize("classes", [64, 100, 203])
def test_the_largest_of_many_classes(classes: int) -> None:
    x = real("x", n=BATCH, k=classes)
    program = Program({"y": softmax(x)})
    generator = np.random.default_rng(classes)
    for place in (0, 15, 63, classes - 1, *generator.integers(0, classes, 4)):
        inputs = draw(program, 2)
        inputs["x"][0, place] = 80.0
        inputs["x"][1, place] = np.inf if place % 2 else -0.0
        agree(program, inputs)
        inputs["x"][0, place] = np.nan
        found = native(program)(inputs)["y"]
        assert np.isnan(found[0]).all()
    inputs["x"][:] = -np.inf
    assert np.isnan(native(program)(inputs)["y"]).all()


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"x": "words"}, "x holds real numbers"),
        ({"x": 1j}, "x holds real numbers"),
        ({"y": 1.0}, "expected x, got y"),
        ({}, "expected x, got nothing"),
    ],
)
def test_prepared_programs_look_at_what_they_are_given(n: int, value: dict[str, object], said: str) -> None:
    program = image(6, 10)
    inputs = draw(program, n)
    prepared = native(program).prepare({name: a for name, a in inputs.items() if name != "x"}, examples=n)
    with pytest.raises(ShapeError, match=said):
        prepared({name: np.full(inputs["x"].shape, v) for name, v in value.items()})


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("channels", [16, 32, 40])
def test_sums_of_neighbours(n: int, channels: int) -> None:
    """One value for each place, of channels that lie side by side: a convolution, one with strides that is transposed,
    a mean, a length."""
    x, k = real("x", n=BATCH, h=9, c=channels), real("k", u=3, c=channels)
    y = define("y[n,h] = Σ[u,c] x[n, h + u − 1, c | 0]·k[u,c]", x=x, k=k)
    z = define("z[n,h<18] = Σ[u<3,c] x[n, (h + 1 − u)/2, c | 0]·k[u,c]", x=x, k=k)
    mean = define("m[n,h] = 0.5·Σ[c] x[n,h,c]", x=x)
    length = define("l[n,h] = sqrt(Σ[c] x[n,h,c]²)", x=x)
    program = Program({"y": y, "z": z, "m": mean, "l": length})
    agree(program, draw(program, n))
