"""No code writes outside its arrays, and none leaves an output unwritten or reads what nobody wrote."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.llvm.support import BOUNDS, close, native
from tests.engines.llvm.training import image_program, large_program, start, text_program

from pellucid.engines import compile_program
from pellucid.engines.llvm.run import buffers
from pellucid.engines.llvm.run import executable as runtime
from pellucid.formula import BATCH

GUARD = 4096


class Guarded:
    """Makes arrays full of NaN, with guards on both sides, and looks at the guards afterwards."""

    def __init__(self) -> None:
        self.made: list[tuple[np.ndarray, int, int]] = []

    def bytes(self, size: int, what: str = "", *_: Any, **__: Any) -> np.ndarray:
        raw = np.full(size + 3 * GUARD, 0xFF, np.uint8)
        start = GUARD + (-raw.ctypes.data) % GUARD
        raw[:start] = raw[start + size :] = 0xA5
        self.made.append((raw, start, size))
        return raw[start : start + size]

    def empty(self, shape: Any, dtype: Any) -> np.ndarray:
        kind = np.dtype(dtype)
        found: np.ndarray = self.bytes(int(np.prod(shape, dtype=int)) * kind.itemsize).view(kind)
        return found.reshape(shape)

    def check(self) -> None:
        for raw, first, size in self.made:
            assert (raw[:first] == 0xA5).all(), "something was written before an array"
            assert (raw[first + size :] == 0xA5).all(), "something was written behind an array"


@pytest.mark.parametrize("make", [image_program, text_program, large_program])
@pytest.mark.parametrize("n", [1, 16, 37])
def test_guards_and_poison(make: Any, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = Guarded()
    monkeypatch.setattr(buffers, "aligned", guarded.bytes)

    def empty(self: runtime.Executable, tensor: Any, examples: int, *more: int) -> np.ndarray:
        shape = more + tuple(examples if e is BATCH else e for e in tensor.shape)
        return guarded.empty(shape, np.int32 if tensor.kind == "int" else self.dtype)

    monkeypatch.setattr(runtime.Executable, "empty", empty)
    program = make()
    state, data, each = start(program)
    inputs = {**state, **{k: a[:n] for k, a in data.items()}, **{k: a[0] for k, a in each.items()}}
    copies = {}
    for name, array in inputs.items():
        whole = np.asarray(array)
        kind = np.int32 if whole.dtype.kind == "i" else np.float32
        copies[name] = guarded.empty(whole.shape, kind)
        copies[name][...] = whole
    found = native(program, threads=2)(copies)
    guarded.check()
    expected = compile_program(program, engine="reference", dtype=np.float64)(inputs)
    for name, array in expected.items():
        if ":" in name or name in ("loss", "more"):  # Adam's first step is sign(dw), which rounding can turn
            close(found[name], array, 10 * BOUNDS["float32"], name)
        assert np.isfinite(found[name]).all(), name
    for name, array in copies.items():
        assert np.array_equal(array, np.asarray(inputs[name], array.dtype)), f"{name} was changed"
