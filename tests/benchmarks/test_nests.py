"""The nests of a step: all are measured, and what can be predicted is."""

from __future__ import annotations

import pytest
from benchmarks import nests
from benchmarks.nests import expected, measured
from benchmarks.workloads import Task
from tests.engines.llvm.training import image_program

from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.target import AVX2
from pellucid.engines.llvm.plan.work import Request


def test_every_contraction_of_a_step_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "1")
    rows, target = measured(Task("table32"), 2)
    assert all(row.ticks > 0 for row in rows)
    by_label = {row.label: row for row in rows}
    first = by_label["dense_1.sum+dense_1"]
    assert first.multiply_adds == 32 * 30 * 100
    each = max(1, 512 // target.registers.bits)
    # no fewer cycles than two registers' multiply-adds in each allow
    assert first.cycles is not None and first.cycles >= 32 * 30 * 100 / 16 * each / 2


def test_parts_of_sums_are_predicted_where_they_are_added_up() -> None:
    request = Request(registers=AVX2)
    plan = planned(image_program(), request).plan
    found = expected(plan, request, 32)
    parts = [label for label in found if label.startswith("part of ")]
    assert parts
    assert not {label.removeprefix("part of ") for label in parts}.intersection(found)


@pytest.mark.parametrize(
    ("arguments", "message"), [(["lenett"], "there is no network 'lenett'"), (["mlp", "--steps", "0"], "--steps is 0")]
)
def test_what_cannot_be_measured_is_said(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        nests.main(arguments)
    assert message in capsys.readouterr().err


def test_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PELLUCID_THREADS", "1")
    assert nests.main(["table32", "--steps", "1"]) == 0
    assert "dense_1.sum" in capsys.readouterr().out.replace("\n", "")
