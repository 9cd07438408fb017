"""Threads share what surrounds a large recurrence, and a shard of few examples fills few lanes: the same bits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from tests.engines.llvm.support import Arrays, agree, draw
from tests.engines.llvm.training import large_program, text_program, trained

from pellucid.engines.llvm.plan import small_batch
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.run.native import TARGETS, available, target
from pellucid.formula import BATCH, Program, Tensor, define, derivative
from pellucid.functions.forward.recurrence import gru


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    monkeypatch.setattr(small_batch, "BARRIER", 1)


def states() -> Program:
    """A recurrence whose own sums are read by the gradient of another kernel, with its last axis in the lanes."""
    x = Tensor.input("x", n=BATCH, t=5, i=7)
    w, b = Tensor.input("w", i=7, g=3, j=21), Tensor.input("b", g=3, j=21)
    r, u = Tensor.input("r", q=21, g=3, j=21), Tensor.input("u", j=21, k=21)
    h = gru(x, kernel=w, recurrent_kernel=r, bias=b)["h"]
    y = define("y[n,t,k] = Σ[j] h[n,t,j]·u[j,k]", h=h, u=u)
    loss = define("loss[] = 0.5·Σ[n,t,k] y[n,t,k]²", y=y)
    gradients = derivative(loss, [w, r, b, u])
    return Program({"loss": loss, **{f"d{t.name}": d for t, d in gradients.items()}})


def divided(program: Program) -> int:
    return sum(phase.divided for phase in planned(program).plan.phases)


def test_small_ones_are_a_threads_own() -> None:
    assert divided(text_program()) == 0


@pytest.mark.parametrize("examples", [3, 8, 16, 20, 25, 37])
@pytest.mark.parametrize("make", [text_program, large_program])
def test_the_same_bits(make: Callable[[], Program], examples: int, request: pytest.FixtureRequest) -> None:
    expected = trained(make(), examples=examples)
    request.getfixturevalue("everything")
    assert divided(make()) > 4
    for threads in (1, 2, 3):
        _equal(expected, trained(make(), threads=threads, examples=examples))


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("examples", [4, 21])
@pytest.mark.usefixtures("everything")
def test_any_instruction_set(name: str, examples: int) -> None:
    if name not in available():
        pytest.skip(f"this CPU has no x86-64-{name}")
    expected = trained(text_program(), examples=examples)
    _equal(expected, trained(text_program(), target=target(name), threads=2, examples=examples))


@pytest.mark.parametrize("examples", [2, 7, 19])
@pytest.mark.usefixtures("everything")
def test_agreement(examples: int) -> None:
    program = states()
    assert divided(program)
    agree(program, draw(program, examples))


def _equal(one: Arrays, other: Arrays) -> None:
    for name, array in one.items():
        assert np.array_equal(array, other[name]), name
