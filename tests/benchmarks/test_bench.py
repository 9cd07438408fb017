from __future__ import annotations

import pytest
from benchmarks.contenders import Contender, Field, Process, contenders
from benchmarks.growth import SERIES, Growth
from benchmarks.instruction_sets import environment
from benchmarks.peak import Probe, fma_ir
from benchmarks.timing import Comparison, Times, difference
from benchmarks.workloads import Task, geometric_mean

from pellucid.engines.llvm.run.native import available, object_code, target
from pellucid.errors import PellucidError


def test_the_probe_multiplies_and_adds_in_registers_and_hands_a_line_over() -> None:
    probe = Probe(0.2)
    assert 1 < probe.peak(1) < 1000
    assert probe.cpus == 1 or probe.handing > 1
    assert object_code(fma_ir(6), target("v3")), "compiles for narrower vectors too"


def test_differences_are_relative_and_see_nan() -> None:
    assert difference([1.0, 2.0], [1.0, 4.0]) == 0.5
    assert difference([1.0, float("nan")], [1.0, 4.0]) == float("inf")


def test_the_ratio_is_the_median_of_pairs_with_the_fastest_peer_that_agrees() -> None:
    def times(library: str, runs: list[float], away: float = 0.0) -> Times:
        return Times(Contender(library, "own" if library == "us" else library, 1), runs, difference=away)

    found = Comparison(
        Task("mlp"),
        1000,
        {1: 1.0},
        (
            times("us", [1.0, 2.0, 4.0]),
            times("slow", [9.0] * 3),
            times("peer", [3.0, 2.0, 8.0]),
            times("odd", [1e-3], 1),
        ),
    )
    assert found.peer is not None
    assert found.peer.contender.library == "peer"
    assert found.ratio == 2.0
    assert found.floor == pytest.approx(1e-6)
    assert geometric_mean([1.0, 4.0]) == pytest.approx(2.0)


def test_growth_is_the_slope_at_the_end() -> None:
    found = Growth("mlp", "batch", (1, 2, 4, 8, 16), (9.0, 10.0, 20.0, 40.0, 80.0), threads=1)
    assert found.exponent == pytest.approx(1.0)
    wider = Growth("words", "vocabulary", (1, 4, 16, 64), (1.0, 2.0, 4.0, 32.0), threads=1)
    assert wider.exponent == pytest.approx(1.0), "over the last factor of 16, as none of 8 is there"
    assert wider.steepest == pytest.approx(1.5)


def test_series_grow_over_two_decades() -> None:
    assert {quantity for _, quantity, _ in SERIES} == {"batch", "width", "length", "vocabulary"}
    for workload, quantity, sizes in SERIES:
        assert sizes[-1] >= 100 * sizes[0]
        assert len({Task(workload, **{quantity: size}).network() for size in sizes[:2]}) == 2  # type: ignore[arg-type]


def test_what_a_worker_cannot_do_is_said() -> None:
    missing = Contender("nobody", "nobody", 1)
    with Field([missing]) as field:
        assert "nobody" in field.process(missing).prepare(Task("mlp"))["error"]


def test_a_worker_that_ends_is_no_traceback() -> None:
    process = Process(Contender("Pellucid", "own", 1))
    process.end()
    with pytest.raises(PellucidError, match="its process ended"):
        process.measure(1)


def test_a_peer_that_does_not_exist_is_named() -> None:
    with pytest.raises(PellucidError, match='Did you mean "torch"'):
        contenders(["toch"], 2)
    assert [c.name for c in contenders([], 2)] == ["Pellucid, 1 thr", "Pellucid, 2 thr"]


def test_who_takes_part_in_what() -> None:
    everybody = [
        Contender("own", "own", 1, modes=("training", "fit")),
        Contender("tables", "tables", 1, modes=("fit",), tables=True),
        Contender("calls", "calls", 1),
    ]

    def taking(task: Task) -> list[str]:
        return [c.library for c in everybody if c.takes(task)]

    assert taking(Task("table32", "fit")) == ["own", "tables"]
    assert taking(Task("mlp", "fit")) == ["own"]
    assert taking(Task("table32", "inference")) == ["calls"]
    offered = {c.library: c.modes for c in contenders(["torch", "compile", "sklearn"], 2)}
    assert offered["Pellucid"] == ("training", "fit", "inference")


def test_all_contenders_are_held_to_the_same_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment("native") == {}
    if "v3" not in available():
        with pytest.raises(PellucidError, match="does not have the instructions"):
            environment("v3")
        return
    monkeypatch.setenv("XLA_FLAGS", "--before")
    found = environment("v3")
    assert found["XLA_FLAGS"] == "--before --xla_cpu_max_isa=AVX2"
    assert found["PELLUCID_TARGET"] == "v3"
    assert {found[name] for name in ("ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")} == {"AVX2"}
    with Field([Contender("Pellucid", "own", 1)], found) as field:
        process = field.process(field.contenders[0])
        assert process.settings.items() >= found.items()
        assert "error" not in process.prepare(Task("table32", batch=4))


def test_an_epoch_s_first_answers_are_those_of_its_first_batch() -> None:
    own = Contender("Pellucid", "own", 1)
    with Field([own]) as field:
        process = field.process(own)
        steps = process.prepare(Task("table32", batch=4))
        epochs = process.prepare(Task("table32", "fit", 4))
        assert len(steps["answers"]) == len(epochs["answers"]) == 5
        assert steps["answers"][0] == pytest.approx(epochs["answers"][0], rel=1e-6)
        assert steps["first"] > 0
        assert steps["notes"] == epochs["notes"] == [], "all of it is native code"
        assert process.measure(0.01).step > 0
