from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
import pytest
from benchmarks.contenders import Contender, Field, Process, contenders
from benchmarks.growth import Growth
from benchmarks.peak import Probe, fma_ir
from benchmarks.timing import Comparison, Times, difference
from benchmarks.workloads import BATCHES, WORKLOADS, Array, Task, flops, geometric_mean

from pellucid.engines.llvm.run.native import object_code, target
from pellucid.errors import PellucidError

SMALL = {
    "mlp": Task("mlp", batch=3),
    "lenet": Task("lenet", batch=3, width=20),
    "lstm": Task("lstm", batch=3, length=5, width=16),
    "rnn": Task("rnn", batch=3, length=5, width=16),
}


def runner(name: str) -> Any:
    for package in {"pytorch": ["torch"], "xla": ["jax"], "onnx": ["onnx", "onnxruntime"]}.get(name, []):
        pytest.importorskip(package)
    return importlib.import_module(f"benchmarks.runners.{name}")


@cache
def losses(name: str, task: Task) -> Array:
    net = task.network()
    x, y = task.data(net)
    steps = runner(name).training(net, x, y, batch=task.examples, threads=1, compiled=False)
    # as a worker does: the first steps, then more of them, on through the data
    return np.concatenate([steps(2), steps(BATCHES - 1)])


@pytest.mark.parametrize("peer", ["xla", "pytorch"])
@pytest.mark.parametrize("task", SMALL.values(), ids=SMALL)
def test_peers_train_the_same_network_on_the_same_data(peer: str, task: Task) -> None:
    np.testing.assert_allclose(losses(peer, task), losses("own", task), rtol=2e-4)


@pytest.mark.parametrize("peer", ["xla", "pytorch", "onnx"])
@pytest.mark.parametrize("task", SMALL.values(), ids=SMALL)
def test_peers_predict_what_the_network_predicts(peer: str, task: Task) -> None:
    net = task.network()
    x = task.data(net)[0][:3]
    np.testing.assert_allclose(runner(peer).inference(net, x, threads=1, compiled=False)(2), net.predict(x), atol=1e-6)


def test_operations_are_counted_as_by_hand() -> None:
    mlp = Task("mlp")
    # 784·128 without, 128·64 and 64·10 with a gradient of their inputs; 64 examples, 2 operations a multiply-add
    assert flops(mlp.network(), mlp) == 2 * 64 * (2 * 784 * 128 + 3 * (128 * 64 + 64 * 10))
    call = Task("mlp", "inference", 1)
    assert flops(call.network(), call) == 2 * (784 * 128 + 128 * 64 + 64 * 10)
    rnn = Task("rnn")
    # the recurrent kernel and the dense layer at each of 32·64 places; the kernel once for each of 65 letters
    assert flops(rnn.network(), rnn) == 2 * 3 * (32 * 64 * (128 * 128 + 128 * 65) + 65 * 128 * 128)


def test_workloads_have_their_data() -> None:
    for name in WORKLOADS:
        task = Task(name, batch=2, length=3, width=8)
        net = task.network()
        x, y = task.data(net)
        assert x.shape == (2 * BATCHES, *next(iter(net.input_shapes.values())))
        assert y.shape == (2 * BATCHES, *next(iter(net.output_shapes.values()))[:-1])


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
