"""Kernels larger than a core's cache: packed some columns at a time, for all shards, in either order in memory."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.engines.llvm.support import Arrays, agree, draw, native

from pellucid.engines.llvm.plan import shared_kernels
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.target import AVX2, Registers
from pellucid.engines.llvm.plan.work import Request
from pellucid.engines.llvm.run.native import TARGETS, available, target
from pellucid.formula import BATCH, Program, Tensor, define, derivative


def dense(inputs: int, outputs: int, *places: int) -> Program:
    """A product with a kernel whose columns lie side by side, one with its transpose, and what is made of both."""
    t = ["t,", ""][not places]
    axes: dict[str, Any] = {"n": BATCH, **({"t": places[0]} if places else {})}
    x = Tensor.input("x", {**axes, "i": inputs})
    w = Tensor.input("w", i=inputs, o=outputs)
    b = Tensor.input("b", o=outputs)
    y = define(f"y[n,{t}o] = relu(Σ[i] x[n,{t}i]·w[i,o] + b[o])", x=x, w=w, b=b)
    loss = define(f"loss[] = 0.5·Σ[n,{t}o] y[n,{t}o]²", y=y)
    gradients = derivative(loss, [x, w, b])
    return Program({"y": y, **{f"d{name.name}": d for name, d in gradients.items()}})


def product(inputs: int, outputs: int, *places: int) -> Program:
    """The products of two tensors with a kernel, one from either side, and nothing else."""
    t = ["t,", ""][not places]
    axes: dict[str, Any] = {"n": BATCH, **({"t": places[0]} if places else {})}
    x, u = Tensor.input("x", {**axes, "i": inputs}), Tensor.input("u", {**axes, "o": outputs})
    w = Tensor.input("w", i=inputs, o=outputs)
    y = define(f"y[n,{t}o] = Σ[i] x[n,{t}i]·w[i,o]", x=x, w=w)
    z = define(f"z[n,{t}i] = Σ[o] u[n,{t}o]·w[i,o]", u=u, w=w)
    return Program({"y": y, "z": z})


@pytest.fixture
def every_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small kernels count as large, and code is neither kept nor taken from what was kept."""
    monkeypatch.setenv("PELLUCID_CACHE", "off")
    monkeypatch.setattr(shared_kernels, "LARGE", 0)


def shared(program: Program, registers: Registers) -> list[str]:
    plan = planned(program, Request(registers=registers)).plan
    return [t.name for phase in plan.phases if phase.all_shards for work in phase.works for t in work.targets]


@pytest.mark.parametrize("registers", [AVX2, Registers(32, 512), Registers(32, 128)])
def test_products_in_both_directions_are_shared(registers: Registers) -> None:
    assert len(shared(dense(530, 517), registers)) >= 2
    assert shared(dense(53, 51), registers) == []


@pytest.mark.parametrize("make", [partial(dense, 530, 517), partial(dense, 517, 545), partial(dense, 544, 530, 3)])
def test_agreement(make: partial[Program]) -> None:
    program = make()
    agree(program, draw(program, 37))


@pytest.mark.sample(2)
@pytest.mark.parametrize("sizes", [(17, 5), (16, 100), (19, 31, 3), (50, 24)])
@pytest.mark.usefixtures("every_kernel")
def test_columns_that_fill_no_tile(sizes: tuple[int, ...]) -> None:
    program = dense(*sizes)
    assert shared(program, AVX2)
    for examples in (1, 16, 37):
        agree(program, draw(program, examples))


@pytest.mark.parametrize("examples", [3, 8, 9, 20])
@pytest.mark.parametrize("places", [2, 5])
@pytest.mark.usefixtures("every_kernel")
def test_few_examples_of_many_places(places: int, examples: int) -> None:
    program = dense(20, 33, places)
    agree(program, draw(program, examples), kinds=("float32",))


@pytest.mark.parametrize("sizes", [(70, 25), (25, 70), (33, 41, 3)])
@pytest.mark.usefixtures("every_kernel")
def test_sums_some_terms_at_a_time(sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_kernels, "PACKED", 0)
    monkeypatch.setattr(shared_kernels, "TERMS", 20)
    program = product(*sizes)
    assert shared(program, AVX2) == ["y", "z"]
    for examples in (16, 21):
        agree(program, draw(program, examples))


@pytest.fixture(scope="module")
def some() -> tuple[Program, Arrays, Arrays]:
    """A program, its inputs, and what comes of them where its kernel counts as small."""
    program = dense(52, 70, 2)
    inputs = {name: array.astype(np.float32) for name, array in draw(program, 53).items()}
    return program, inputs, native(program, threads=1)(inputs)


@pytest.mark.parametrize("terms", [16, 48])
@pytest.mark.usefixtures("every_kernel")
def test_the_same_bits_some_terms_at_a_time(terms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    program = product(52, 70, 2)
    inputs = {name: array.astype(np.float32) for name, array in draw(program, 53).items()}
    expected = native(program)(inputs)
    monkeypatch.setattr(shared_kernels, "PACKED", 0)
    monkeypatch.setattr(shared_kernels, "TERMS", terms)
    found = native(program)(inputs)
    assert all(found[key].tobytes() == array.tobytes() for key, array in expected.items())


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_bits(some: tuple[Program, Arrays, Arrays], every_kernel: None, threads: int) -> None:
    program, inputs, expected = some
    for name in [None, *(n for n in TARGETS if n in available())]:
        found = native(program, threads=threads, target=None if name is None else target(name))(inputs)
        for key, array in expected.items():
            assert found[key].tobytes() == array.tobytes(), (key, name)
