"""Light work on large values goes through a sequence a step at a time: the same bits, in another order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.engines.llvm.support import agree, draw, native, with_gradients

from pellucid.engines.llvm.plan import stepwise
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.work import Recurrence
from pellucid.formula import BATCH, Program, Tensor, define
from pellucid.functions.activations import softmax
from pellucid.functions.forward.attention import scaled_dot_product
from pellucid.functions.forward.shaping import flatten

real = Tensor.input


def words(classes: int = 37) -> Program:
    """Softmax over many classes at every step, what its answer costs, and the gradients."""
    x, w = real("x", n=BATCH, t=7, i=5), real("w", i=5, k=classes)
    y = softmax(define("y[n,t,k] = Σ[i] x[n,t,i]·w[i,k]", x=x, w=w))
    return with_gradients(define("l[n] = −Σ[t] log(y[n,t,0])", y=y), [x, w])


def steps_that_read_others() -> Program:
    """What reads the step before, all steps, or a step from the end stays outside; what follows it, too."""
    x = real("x", n=BATCH, t=6, k=9)
    a = define("a[n,t,k] = tanh(x[n,t,k])", x=x)
    b = define("b[n,t] = Σ[k] a[n,t,k]", a=a)
    c = define("c[n,t,k] = a[n,t,k]·b[n,t]", a=a, b=b)
    d = define("d[n,t,k] = c[n,t,k] + c[n,5 − t,k]", c=c)
    e = define("e[n,t] = max[k] d[n,t,k]", d=d)
    f = define("f[n,t,k] = a[n,t,k] − e[n,t]", a=a, e=e)
    before = define("g[n,t,k] = a[n,t − 1,k | 0] + b[n,t]", a=a, b=b)
    return Program({"f": f, "c": c, "g": before, "flat": flatten(c)})


def costs(classes: int = 37) -> Program:
    """What a sum over the steps adds up is made with each of them, if no term is a product."""
    x, chosen = real("x", n=BATCH, t=7, k=classes), Tensor.input("chosen", n=BATCH, t=7, kind="int")
    s = define("s[n,t,k] = x[n,t,k] − max[o] x[n,t,o]", x=x)
    c = define("c[n,t] = log(Σ[k] exp(s[n,t,k]))", s=s)
    cost = define("cost[n] = Σ[t] (c[n,t] − s[n,t,chosen[n,t]])/7", c=c, s=s, chosen=chosen)
    product = define("product[n] = Σ[t] c[n,t]·s[n,t,1]", c=c, s=s)
    return Program({"cost": cost, "product": product})


def attention() -> Program:
    q, k, v = (real(name, n=BATCH, t=5, h=6, d=3) for name in "qkv")
    return with_gradients(scaled_dot_product(q, k, v, causal=True)["y"], [q, k, v])


def swapped() -> Program:
    """The same axis stands in another place."""
    x = real("x", n=BATCH, t=6, k=8)
    a = define("a[n,t,k] = exp(x[n,t,k])", x=x)
    b = define("b[n,k,t] = a[n,t,k]²", a=a)
    return Program({"c": define("c[n,t] = Σ[k] b[n,k,t]", b=b)})


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    monkeypatch.setattr(stepwise, "FAR", 0)
    monkeypatch.setattr(stepwise, "FEW", 1)


def in_loops(program: Program) -> list[list[str]]:
    works = [w for p in planned(program).plan.phases for w in p.works]
    return [[t.name for t in w.targets] for w in works if isinstance(w, Recurrence)]


def test_softmax_is_a_loop(everything: None) -> None:
    (loop,) = in_loops(words())
    assert len(loop) >= 3


def test_what_reads_other_steps_is_not_in_it(everything: None) -> None:
    loops = in_loops(steps_that_read_others())
    assert [set(loop) & set("abcdefg") for loop in loops] == [{"a", "b", "c"}, {"d", "e", "f", "g"}]


def test_small_values_stay_as_they_are() -> None:
    assert in_loops(words()) == []
    assert in_loops(words(10_000))


def test_terms_of_a_sum_over_the_steps(everything: None) -> None:
    (loop,) = in_loops(costs())
    assert "cost.terms" in loop
    assert "product.terms" not in loop


@pytest.mark.parametrize("make", [words, costs, steps_that_read_others, attention, swapped])
def test_the_same_bits(make: Callable[[], Program], request: pytest.FixtureRequest) -> None:
    program = make()
    inputs = draw(program, 21, chosen=np.random.default_rng(1).integers(0, 37, (21, 7)))
    expected = native(program)(inputs)
    request.getfixturevalue("everything")
    assert in_loops(program)
    agree(program, inputs)
    found = native(make())(inputs)
    assert all(np.array_equal(found[name], array) for name, array in expected.items())
