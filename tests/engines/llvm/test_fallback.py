"""Where native code cannot be had, the reference engine runs, and says so once."""

from __future__ import annotations

import subprocess
import sys

import llvmlite.binding
import numpy as np
import pytest
from tests.engines.llvm.support import draw

from pellucid.engines.llvm import executable
from pellucid.engines.llvm.run import fallback, native
from pellucid.engines.session import PlainSession
from pellucid.formula import BATCH, Program, Tensor, define

MISSING = """
import sys, warnings
sys.modules["llvmlite"] = sys.modules["llvmlite.binding"] = None
import numpy as np
from pellucid.engines.llvm import executable
from pellucid.formula import BATCH, Program, Tensor, define
program = Program({"y": define("y[n] = Σ[i] x[n,i]²", x=Tensor.input("x", n=BATCH, i=3))})
with warnings.catch_warnings(record=True) as found:
    warnings.simplefilter("always")
    for _ in range(2):
        assert executable(program, np.dtype(np.float32))({"x": np.ones((2, 3))})["y"].tolist() == [3, 3]
assert len(found) == 1 and "llvmlite cannot be used" in str(found[0].message), found
"""


def test_without_llvmlite() -> None:
    subprocess.run([sys.executable, "-c", MISSING], check=True)


def test_llvm_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise RuntimeError("no such target")

    monkeypatch.setattr(native, "host", refuse)
    monkeypatch.setattr(fallback, "_warned", set())
    program = Program({"y": define("y[n] = Σ[i] x[n,i]²", x=Tensor.input("x", n=BATCH, i=3))})
    with pytest.warns(RuntimeWarning, match="no such target"):
        run = executable(program, np.dtype(np.float32))
        assert run({"x": np.ones((2, 3))})["y"].tolist() == [3, 3]


def test_an_llvm_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvmlite.binding, "llvm_version_info", (15, 0, 7))
    monkeypatch.setattr(fallback, "_warned", set())
    program = Program({"y": define("y[n] = Σ[i] x[n,i]²", x=Tensor.input("x", n=BATCH, i=3))})
    with pytest.warns(RuntimeWarning, match=r"too old: 0\.45 is the first"):
        assert executable(program, np.dtype(np.float32))({"x": np.ones((2, 3))})["y"].tolist() == [3, 3]


def test_a_session_of_any_engine() -> None:
    w, x, lr = Tensor.input("w", i=3), Tensor.input("x", n=BATCH, i=3), Tensor.input("lr")
    new = define("v[i] = w[i] − lr·Σ[n] x[n,i]", w=w, x=x, lr=lr)
    program = Program({"w": new, "s": define("s[n] = Σ[i] x[n,i]·w[i]", x=x, w=w)})
    inputs = draw(program, 20)
    rows, each = np.arange(12).reshape(3, 4), {"lr": np.array([0.1, 0.2, 0.3])}
    found = []
    run = executable(program, np.dtype(np.float64))
    for session in (PlainSession(run, {"w": inputs["w"]}), run.session({"w": inputs["w"]})):
        found.append(({**session.run({"x": inputs["x"]}, rows=rows, each=each)}, session.state["w"].copy()))
        one = session.run({"x": inputs["x"][:5]}, each={"lr": np.array([0.5])})
        assert one["s"].shape == (1, 5)
    np.testing.assert_allclose(found[0][0]["s"], found[1][0]["s"], rtol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-12)
