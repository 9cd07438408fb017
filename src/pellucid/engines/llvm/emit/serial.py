"""What one thread does alone: phase after phase, all units of each. No barrier, no counter, nothing of the system's."""

from __future__ import annotations

from collections.abc import Sequence

from pellucid.engines.llvm.emit.barriers import Group
from pellucid.engines.llvm.emit.builder import Builder


def run(groups: Sequence[Group]) -> str:
    """One step of the program, for the context that it is given."""
    b = Builder("run", "ptr %ctx", linkage="hidden")
    local, shards = b.word(11, "ptr"), b.word(1)
    phase = 0

    def work(group: Group, step: str | int) -> None:
        for k, units in enumerate(group.units, phase):
            with b.loop(0, shards if group.shards else units) as unit:
                b.effect(f"call void @phase{k}(ptr %ctx, ptr {local}, i64 {unit}, i64 {step})")

    for group in groups:
        if group.more:
            with b.loop(0, group.more + 1) as k:
                work(group, b.add(b.multiply(k, group.by), group.first))
        else:
            work(group, group.first)
        phase += len(group.units)
    return b.text()
