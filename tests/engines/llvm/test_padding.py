"""What a sum would read from page to page has a vector left free in every page: the same bits from other places."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines.llvm.support import agree, draw, native, with_gradients

from pellucid.engines.llvm.plan import layout
from pellucid.engines.llvm.plan.passes import planned
from pellucid.formula import BATCH, Program, Tensor, define
from pellucid.functions.forward.attention import scaled_dot_product


def attention(steps: int, width: int = 3) -> Program:
    """Queries, keys and values that are made here: inputs lie as they are given."""
    q, k, v = (Tensor.input(name, n=BATCH, t=steps, h=2, d=width) for name in "qkv")
    a, b, c = (define(f"{name}[…] = tanh(x[…])", x=x) for name, x in zip("abc", (q, k, v), strict=True))
    return with_gradients(scaled_dot_product(a, b, c, causal=True)["y"], [q, k, v])


def padded(program: Program) -> set[str]:
    return {t.name for t in planned(program).padded}


def test_pages() -> None:
    assert padded(attention(64, 32))
    assert not padded(attention(61))


@pytest.mark.parametrize("examples", [1, 16, 21])
def test_the_same_bits(examples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    program = attention(18)
    inputs = draw(program, examples)
    expected = native(program)(inputs)
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    monkeypatch.setattr(layout, "PAGE", 64)
    assert len(padded(program)) > 2
    assert padded(program).isdisjoint(t.name for t in (*program.inputs.values(), *program.outputs.values()))
    agree(program, inputs)
    found = native(program)(inputs)
    assert all(np.array_equal(found[name], array) for name, array in expected.items())
