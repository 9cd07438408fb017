"""ONNX's backend convention, with some of the onnx package's own cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.errors import DataError, PellucidError

onnx = pytest.importorskip("onnx")

from benchmarks.onnx_suite import main, node_cases, reason  # noqa: E402

from pellucid.interchange.onnx import backend  # noqa: E402
from pellucid.interchange.onnx.layer import operators  # noqa: E402

SOME = 13
"""Every so-many-th case of the operators that are all there is run here; `python -m benchmarks.onnx_suite` runs all."""
WITH_GAPS = set(
    """
    BitShift
    Attention Cast CastLike Celu ConstantOfShape Dropout Einsum Equal OneHot Range ReduceL1 ReduceL2 ReduceLogSum
    ReduceLogSumExp ReduceMax ReduceMin ReduceProd ReduceSum ReduceSumSquare Reshape Resize ReverseSequence
    ScatterElements Slice Split Trilu Compress NonZero Unique
    """.split()  # noqa: SIM905
)
"""Operators of which some cases fail: empty values, types that formulas have not, modes that are missing."""


def test_cases_of_operators_that_are_all_there_pass() -> None:
    cases = [case for case in node_cases() if case.group in operators().keys() - WITH_GAPS]
    assert len(cases) > 600
    failed = {case.name: why for case in cases[::SOME] if (why := reason(case))}
    assert not failed


def test_the_command_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "test_softmax_axis", "--no-light", "--failed"]) == 0
    shown = capsys.readouterr().out
    assert "Softmax" in shown and "single nodes: 3 of 3 passed" in shown


def model() -> Any:
    helper = onnx.helper
    given = [helper.make_tensor_value_info(name, 1, [2]) for name in "ab"]
    graph = helper.make_graph(
        [helper.make_node("Sub", ["a", "b"], ["c"])], "g", given, [helper.make_tensor_value_info("c", 1, [2])]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_the_convention() -> None:
    a, b = np.array([3, 4], np.float32), np.array([1, 2], np.float32)
    prepared = backend.prepare(model())
    for inputs in ([a, b], {"a": a, "b": b}):
        (c,) = prepared.run(inputs)
        np.testing.assert_array_equal(c, [2, 2])
        assert c.dtype == np.float32
    (c,) = backend.run_model(model().SerializeToString(), [a, b])
    np.testing.assert_array_equal(c, [2, 2])
    (c,) = backend.run_node(onnx.helper.make_node("Sub", ["a", "b"], ["c"]), [a, b])
    np.testing.assert_array_equal(c, [2, 2])
    assert backend.supports_device("CPU") and not backend.supports_device("CUDA")
    assert backend.is_compatible(model())


def test_what_cannot_run_is_said() -> None:
    with pytest.raises(PellucidError, match='no device "CUDA"'):
        backend.prepare(model(), "CUDA")
    with pytest.raises(DataError, match="expected the input b, got a"):
        backend.prepare(model()).run([np.zeros(2, np.float32)])
    with pytest.raises(DataError, match="expected 2 inputs"):
        backend.prepare(model()).run([np.zeros(2, np.float32)] * 3)
    with pytest.raises(PellucidError, match='"a" holds <U1, expected numbers'):
        backend.prepare(model()).run([np.array(["x", "y"]), np.zeros(2)])
    with pytest.raises(PellucidError, match="do not fit each other"):
        backend.prepare(model()).run([np.zeros(2, np.float32), np.zeros(3, np.float32)])
