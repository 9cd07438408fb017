"""What the browser computes and explains, held against the reference engine and `explain/`: on every operation.

The cases are those of the other tests: the zoo of formulas with their gradients, every function, every layer, loss and
optimiser with all gradients and updates. Node runs the browser's own code over all of them at once.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from tests.engines.test_zoo import POSITIVE, SKIPPED
from tests.explain.test_arithmetic import NETWORKS, network
from tests.formula.zoo import ZOO
from tests.functions.cases import CASES
from tests.functions.support import tensors
from tests.lab.node import run_script

from pellucid.engines import compile_program
from pellucid.explain import Trace, trace
from pellucid.formula import BATCH, Program, Tensor, derivative
from pellucid.formula.expressions import Operation, walk
from pellucid.formula.scalar import SCALARS
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS, SGD, optimizer
from pellucid.lab.serve.document import formulas, phrases
from pellucid.layers import Dense, Dropout, Reshape

Case = Callable[[], Trace]
# float32 is rounded after every operation there, and in the browser once for every statement.
RELATIVE, ABSOLUTE = 2e-4, 2e-5


def _rng(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def _traced(outputs: dict[str, Tensor], arrays: dict[str, Any]) -> Trace:
    program = Program(outputs)
    run = compile_program(program, engine="reference", dtype=np.float32)
    given = {name: arrays[name] for name in program.inputs}
    batched = [name for name, t in program.inputs.items() if t.axes and not isinstance(t.axes[0].extent, int)]
    return Trace(program, run.trace(given), batched or [name for name, t in program.inputs.items() if t.axes])


def _with_gradients(result: Tensor, known: dict[str, Tensor], arrays: dict[str, Any], name: str) -> Trace:
    """A formula and its gradients by all its real inputs, under a random upstream gradient."""
    rng = _rng(name)
    outputs = {"result": result}
    wanted = {n: t for n, t in known.items() if t.kind == "float"}
    if result.kind == "float" and wanted:
        upstream = Tensor("upstream", tuple(a.fresh() for a in result.axes))
        shape = [e if isinstance(e, int) else _batch(known, arrays) for e in upstream.shape]
        arrays = {**arrays, "upstream": rng.normal(size=shape)}
        found = derivative(result, wanted.values(), upstream=upstream)
        outputs |= {f"gradient of {n}": found[t] for n, t in wanted.items()}
    return _traced(outputs, arrays)


def _batch(known: dict[str, Tensor], arrays: dict[str, Any]) -> int:
    return next(len(arrays[n]) for n, t in known.items() if t.axes and t.axes[0].extent is BATCH)


def _zoo(name: str) -> Trace:
    formula, rng = ZOO[name](), _rng(name)
    arrays: dict[str, Any] = {}
    for tensor in formula.tensors.values():
        shape = [3 if e is BATCH else e for e in tensor.shape]
        if tensor.kind == "int":
            arrays[tensor.name] = rng.integers(0, 3, shape)
        else:
            arrays[tensor.name] = 0.3 + np.abs(rng.normal(size=shape)) if name in POSITIVE else rng.normal(size=shape)
    known = {t.name: t for t in formula.tensors.values()}
    return _with_gradients(formula.define(), known, arrays, name)


def _function(number: int) -> Trace:
    case = CASES[number]
    arrays = case.draw(_rng(case.name), (2, 3, 5))
    known = tensors(arrays, batched=case.batched)
    return _with_gradients(case.formula(**known), known, dict(arrays), case.name)


def _network(kind: str) -> Trace:
    net, rng = NETWORKS[kind](7), _rng(kind)
    (shape,) = net.input_shapes.values()
    x = rng.integers(0, 7, (2, *shape)) if kind == "words" else rng.normal(size=(2, *shape)).astype(np.float32)
    if kind == "lstm":
        x[0, 2:] = 0.0
    return trace(net, x, rng.integers(0, 3, 2), loss="crossentropy")


def _loss(name: str) -> Trace:
    activation = {"binary": "sigmoid", "categorical": "softmax"}.get(LOSSES[name].reads, "linear")
    net, rng = network(Dense(3, activation=activation), shape=(4,)), _rng(name)
    return trace(net, rng.normal(size=(3, 4)), np.eye(3)[rng.integers(0, 3, 3)], loss=name)


def _update(name: str) -> Trace:
    rng = _rng(name)
    net = network(Dense(4, activation="relu"), Dropout(0.4), Dense(3, activation="softmax"), shape=(4,))
    return trace(net, rng.normal(size=(3, 4)), rng.integers(0, 3, 3), optimizer=optimizer(name))


def _activation(name: str) -> Trace:
    net, rng = network(Dense(4, activation=name), Dense(2), shape=(3,)), _rng(name)
    return trace(net, rng.normal(size=(2, 3)), rng.normal(size=(2, 2)))


def _reshaped() -> Trace:
    net = network(Reshape((3, 4)), Dense(2), shape=(2, 6))
    rng = _rng("reshape")
    return trace(net, rng.normal(size=(2, 2, 6)), rng.normal(size=(2, 3, 2)), optimizer=SGD(0.1, momentum=0.9))


EVERY: dict[str, Case] = {
    **{f"formula: {name}": partial(_zoo, name) for name in ZOO if name not in SKIPPED},
    **{f"function: {case.name} {number}": partial(_function, number) for number, case in enumerate(CASES)},
    **{f"network: {kind}": partial(_network, kind) for kind in NETWORKS},
    **{f"activation: {name}": partial(_activation, name) for name in ACTIVATIONS},
    **{f"loss: {name}": partial(_loss, name) for name in LOSSES},
    **{f"optimiser: {name}": partial(_update, name) for name in OPTIMIZERS},
    "layer: reshape": _reshaped,
}


@cache
def _traces() -> dict[str, Trace]:
    with np.errstate(all="ignore"):
        return {name: make() for name, make in EVERY.items()}


def _places(name: str, run: Trace) -> Iterator[tuple[str, tuple[int, ...]]]:
    """One place of every value, with its gradient among them; two where the value is no scalar."""
    rng = _rng(name)
    for path in run.program.names.values():
        if run.program.definition(run.tensor(path)) is not None and run[path].size:
            for _ in range(1 + (run[path].ndim > 0)):
                yield path, tuple(int(rng.integers(0, n)) for n in run[path].shape)


def _written(name: str, run: Trace) -> dict[str, Any]:
    return {
        **formulas(run.program),
        "values": {t: _packed(run[t]) for t in run.program.names.values()},
        "inputs": list(run.inputs),
        "batch": _extent(run),
        "explain": [{"path": path, "index": list(index)} for path, index in _places(name, run)],
    }


def _extent(run: Trace) -> int:
    return run.batch if run[run.inputs[0]].ndim else 1


def _packed(array: Any) -> dict[str, Any]:
    return {"shape": list(array.shape), "data": base64.b64encode(np.asarray(array, "<f8").tobytes()).decode()}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser's code makes of all cases."""
    cases = {name: _written(name, run) for name, run in _traces().items()}
    given = {"cases": cases, "phrases": phrases()}
    found: dict[str, Any] = run_script("formula-cases.ts", given, tmp_path_factory.mktemp("formulas"), _numbers)
    return found


def _numbers(record: dict[str, Any]) -> dict[str, Any]:
    """JSON has no NaN and no infinity: they come as text."""
    return {k: float(v) if k in ("value", "sum") and isinstance(v, str) else v for k, v in record.items()}


@pytest.mark.parametrize("name", EVERY)
def test_values(name: str, browser: dict[str, Any]) -> None:
    run, found = _traces()[name], browser[name]
    assert "error" not in found, found["error"]
    for path in run.program.names.values():
        expected = np.asarray(run[path], dtype=np.float64)
        values = np.frombuffer(base64.b64decode(found["values"][path]), "<f8").reshape(expected.shape)
        scale = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        np.testing.assert_allclose(values, expected, rtol=RELATIVE, atol=ABSOLUTE * scale, err_msg=path)


@pytest.mark.parametrize("name", EVERY)
def test_explanations(name: str, browser: dict[str, Any]) -> None:
    run, found = _traces()[name], browser[name]
    assert "error" not in found, found["error"]
    for (path, index), told in zip(_places(name, run), found["explanations"], strict=True):
        with np.errstate(all="ignore"):
            _same(run.explain(path, index=index).json(), told, f"{path}{list(index)}")


def _same(expected: dict[str, Any], told: dict[str, Any], where: str) -> None:
    """The same texts, terms and places; numbers as far as float64 goes. Terms that weigh the same may change places."""
    assert set(told) == set(expected), where
    for key in ("path", "index", "formula", "latex", "outside", "field"):
        assert told[key] == expected[key], f"{where}: {key}"
    for key in ("substituted", "sentence"):
        if not _tied(expected["terms"]):
            assert told[key] == expected[key], f"{where}: {key}"
    assert told["value"] == pytest.approx(expected["value"], nan_ok=True), where
    assert told["rest"]["count"] == expected["rest"]["count"], where
    size = sum(abs(t["value"]) for t in expected["terms"])
    assert told["rest"]["sum"] == pytest.approx(expected["rest"]["sum"], rel=1e-6, abs=1e-9 * max(1.0, size)), where
    _same_terms(expected["terms"], told["terms"], where)
    assert told["candidates"] == expected["candidates"], where


def _tied(terms: list[dict[str, Any]]) -> bool:
    sizes = sorted(abs(t["value"]) for t in terms)
    return any(b - a <= 1e-12 * b for a, b in pairwise(sizes))


def _same_terms(expected: list[dict[str, Any]], told: list[dict[str, Any]], where: str) -> None:
    assert len(told) == len(expected), where
    if _tied(expected):
        expected, told = (sorted(terms, key=lambda t: (t["text"], t["numbers"])) for terms in (expected, told))
        if len(expected) == 100:
            return  # which of them come after the hundredth is open
    for one, other in zip(expected, told, strict=True):
        assert (other["text"], other["numbers"]) == (one["text"], one["numbers"]), where
        assert other["value"] == pytest.approx(one["value"], rel=1e-9, abs=1e-12, nan_ok=True), where
        assert [(s["path"], s["index"]) for s in other["sources"]] == [(s["path"], s["index"]) for s in one["sources"]]


def test_no_operation_is_exempt() -> None:
    """An operation that no case uses fails; how to add one: put it into tests/formula/zoo.py."""
    used = set()
    for run in _traces().values():
        for statement in run.program.statements:
            used |= {e.name for e in walk(statement.expression) if isinstance(e, Operation)}
    assert set(SCALARS) <= used
