"""The onnx package's own cases for backends, computed by Pellucid:

    python -m benchmarks.onnx_suite              every case of one node, then the "light" models
    python -m benchmarks.onnx_suite --failed     and why the others failed

An operator that Pellucid does not have is a failure like any other. Cases that spell an operator out as others
("expanded") are counted by themselves.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.backend.test.case.node
import onnx.backend.test.data
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pellucid.interchange.onnx import backend


@dataclass(frozen=True)
class Case:
    """A model with inputs and what has to come of them, within bounds."""

    name: str
    group: str
    model: Any
    inputs: list[Any]
    outputs: list[Any]
    rtol: float
    atol: float


@functools.cache
def _collected() -> list[Any]:
    """What the package makes, once; some of its own arithmetic overflows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return onnx.backend.test.case.node.collect_testcases(None)


def node_cases() -> Iterator[Case]:
    """The cases of one node, with the name of the operator as their group."""
    for case in _collected():
        assert case.model is not None and case.data_sets is not None
        operators = sorted({node.op_type for node in case.model.graph.node})
        group = "(expanded)" if "_expanded" in case.name else "+".join(operators)
        for inputs, outputs in case.data_sets:
            arrays, expected = ([_array(a) for a in given] for given in (inputs, outputs))
            yield Case(case.name, group, case.model, arrays, expected, case.rtol, case.atol)


def _array(given: Any) -> Any:
    return onnx.numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else given


def light_models() -> Iterator[Case]:
    """Known networks whose weights are made up by the model."""
    folder = Path(onnx.backend.test.data.__path__[0]) / "light"
    for path in sorted(folder.glob("*.onnx")):
        model = onnx.load(path)
        given = {i.name for i in model.graph.initializer}
        inputs = []
        for value in model.graph.input:
            if value.name not in given:
                shape = [d.dim_value for d in value.type.tensor_type.shape.dim]
                count = int(np.prod(shape))
                inputs.append((np.arange(count).reshape(shape) / count).astype(np.float32))
        expected = onnx.numpy_helper.to_array(onnx.load_tensor(str(path).replace(".onnx", "_output_0.pb")))
        yield Case(path.stem, "(light models)", model, inputs, [expected], 1e-3, 1e-7)


def reason(case: Case) -> str:
    """Why a case fails; "" where it passes."""
    try:
        outputs = backend.run_model(case.model, case.inputs)
        if len(outputs) != len(case.outputs):
            return f"{len(outputs)} outputs, expected {len(case.outputs)}"
        for output, expected in zip(outputs, case.outputs, strict=True):
            array = np.asarray(expected)
            if output.dtype != array.dtype:
                return f"type {output.dtype}, expected {array.dtype}"
            np.testing.assert_allclose(output, array, rtol=case.rtol, atol=case.atol)
    except Exception as error:  # a failure of whatever kind is counted
        lines = [line for line in str(error).splitlines() if line.strip()]
        return f"{type(error).__name__}: {' '.join(lines[:3])[:300]}"
    return ""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failed", action="store_true", help="print why each case failed")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose name or operator has this text")
    parser.add_argument("--no-light", action="store_true", help="leave out the light models, which take a minute")
    options = parser.parse_args(arguments)
    console, start = Console(), time.perf_counter()
    passed, failed, reasons = Counter[str](), Counter[str](), []
    cases = [*node_cases(), *(() if options.no_light else light_models())]
    chosen = [c for c in cases if options.only in c.name or options.only in c.group]
    for case in track(chosen, "cases", console=Console(stderr=True), transient=True):
        why = reason(case)
        (failed if why else passed)[case.group] += 1
        if why:
            reasons.append(f"{case.name}: {why}")
    table = Table("operator", "passed", "failed")
    for group in sorted({*passed, *failed}):
        table.add_row(group, str(passed[group]), str(failed[group]))
    console.print(table)
    own = [group for group in {*passed, *failed} if not group.startswith("(")]
    ours, others = sum(passed[g] for g in own), sum(failed[g] for g in own)
    console.print(
        f"single nodes: {ours} of {ours + others} passed; expanded: {passed['(expanded)']} of "
        f"{passed['(expanded)'] + failed['(expanded)']}; light models: {passed['(light models)']} of "
        f"{passed['(light models)'] + failed['(light models)']}; {time.perf_counter() - start:.0f} s"
    )
    if options.failed:
        for line in reasons:
            console.print(line, markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
