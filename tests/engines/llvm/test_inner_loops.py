"""The code of innermost loops: sums in registers, and no question about borders."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import llvmlite.binding as llvm
import numpy as np
import pytest

import pellucid as pl
from pellucid.engines.llvm.emit.module import write
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.target import Registers, Target
from pellucid.engines.llvm.plan.work import LANES, Request
from pellucid.engines.llvm.run.native import _fresh_machine
from pellucid.formula import Program
from pellucid.formula.axes import Affine
from pellucid.formula.expressions import reads
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import training_program

TARGETS = {
    "v3": Target("x86-64-v3", "", "x86_64-unknown-linux-gnu"),
    "v4": Target("x86-64-v4", "", "x86_64-unknown-linux-gnu"),
    "arm64": Target("apple-m1", "", "arm64-apple-macosx"),
}
MANY = 8
"""Products that a loop has to have to be looked at."""


@dataclass
class Loop:
    """A block of machine code that jumps back to its own start."""

    function: str
    text: str

    @property
    def products(self) -> int:
        return len(re.findall(r"\bvfmadd\w+ps|\bfmla\b", self.text))

    @property
    def stored(self) -> int:
        """How many vectors it puts on the stack."""
        return len(re.findall(r"%[xyz]mm\d+, .*\(%rsp|\bst[rp]\tq\d+.*\[sp", self.text))

    @property
    def branches(self) -> int:
        """How many other ways there are through it."""
        return len(re.findall(r"^\s+(?:j\w+|b\.\w+|cbn?z|tbn?z)\s", self.text, re.M)) - 1

    @property
    def chosen(self) -> int:
        """How many numbers it takes under a condition."""
        return len(re.findall(r"^\s+(?:cmov|vblendv|set[a-z]+\s)", self.text, re.M))


def images() -> pl.Network:
    return pl.Network(
        pl.Conv2D(32, 3, padding="same", activation="relu"),
        pl.Conv2D(32, 3, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(64, 3, padding="same", activation="relu"),
        pl.Flatten(),
        pl.Dense(256, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(32, 32, 3),
        seed=0,
    )


def strided() -> pl.Network:
    return pl.Network(
        pl.Conv2D(32, 3, padding=1, strides=2, activation="relu"),
        pl.Conv2D(64, 5, padding=2, strides=2, activation="relu"),
        pl.ConvTranspose2D(32, 3, strides=2, padding=1, activation="relu"),
        pl.GlobalAveragePool(),
        pl.Dense(10, activation="softmax"),
        input_shape=(32, 32, 16),
        seed=0,
    )


def text() -> pl.Network:
    layers = [pl.Embedding(65, 128), pl.LSTM(128, return_sequences=True), pl.Dense(65, activation="softmax")]
    return pl.Network(*layers, input_shape=(64,), seed=0)


def table() -> pl.Network:
    layers = [pl.Dense(512, activation="relu"), pl.Dense(512, activation="relu"), pl.Dense(10, activation="softmax")]
    return pl.Network(*layers, input_shape=(256,), seed=0)


def training(net: pl.Network) -> Program:
    (output,) = net.output_shapes.values()
    wanted, _ = goals(net, np.zeros((4, *output[:-1]), int), None)
    return training_program(net, wanted, pl.SGD(0.1))


def loops(program: Program, to: Target) -> list[Loop]:
    """The innermost loops of a program that have many products."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    texts: list[str] = []
    write(program, "float", target=to, finished=texts.append)
    found: list[Loop] = []
    for part in texts:
        assembly = _fresh_machine(to).emit_assembly(llvm.parse_assembly(part))
        function, label, lines = "", "", list[str]()
        for line in assembly.splitlines():
            name = re.match(r"^([\w.]+):", line)
            if name:
                function = name[1] if not re.match(r"\.?L(?:BB|loh)|\.Lfunc", name[1]) else function
                if not name[1].startswith(("Lloh", ".Ltmp", "Ltmp")):
                    label, lines = name[1], []
                continue
            lines.append(line)
            jump = re.match(r"\s+(?:j\w+|b\.\w+|cbn?z|tbn?z)\s+(?:.*\s)?([\w.]+)$", line)
            if jump and jump[1] == label:
                found.append(Loop(function, "\n".join(lines)))
    return [loop for loop in found if loop.products >= MANY]


@pytest.mark.sample(3)
@pytest.mark.parametrize("network", [images, text, table])
@pytest.mark.parametrize(("name", "most"), [("v3", 0), ("v4", 0), ("arm64", 2)])
def test_sums_of_inner_loops_live_in_registers(name: str, most: int, network: Callable[[], pl.Network]) -> None:
    found = loops(training(network()), TARGETS[name])
    sums = [
        loop for loop in found if "div" not in loop.text
    ]  # gates: their polynomials are longer than a register file
    assert len(sums) >= 5
    assert {loop.function: loop.stored for loop in sums if loop.stored > most} == {}


@pytest.mark.parametrize("network", [images, strided])
def test_kernels_of_padded_images_are_summed_without_asking_where_the_border_is(
    network: Callable[[], pl.Network],
) -> None:
    parts = [loop for loop in loops(training(network()), TARGETS["v3"]) if loop.function.startswith("part")]
    assert max(loop.products for loop in parts) == 12
    assert {loop.function: (loop.branches, loop.chosen) for loop in parts if loop.branches or loop.chosen} == {}


@pytest.mark.parametrize("cpu", [Registers(16, 256), Registers(32, 512)])
def test_what_strides_make_larger_has_tiles_that_hide_the_latency(cpu: Registers) -> None:
    """Of a tile's points one in four has a term in common with another: still there are four sums to be added to at
    once for each of the two units that add."""
    plan = planned(training(strided()), Request(registers=cpu)).plan
    busy: dict[str, int] = {}
    for nest in plan.nests:
        indices = {i for e in nest.sums for read in reads(e.body) for i in read.indices if isinstance(i, Affine)}
        halves = {a for i in indices if i.divisor.value == 2 for a in i.axes if a in nest.axes}
        if halves:
            points = prod(plan.tiles[nest].sizes.values()) // 2 ** len(halves)
            busy[nest.targets[0].name] = points * LANES * 32 // cpu.bits
    assert len(busy) == 2  # the transposed convolution forwards, the second of the others backwards
    assert min(busy.values()) >= 8, busy
