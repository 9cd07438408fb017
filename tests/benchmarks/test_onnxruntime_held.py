from __future__ import annotations

import pytest
from benchmarks.onnxruntime_held import _BEFORE, _JUMP, held, without_jump


def test_only_the_jump_is_left_out() -> None:
    code = b"before" + _BEFORE + _JUMP + b"\x01\x02\x03\x04after"
    assert without_jump(code) == b"before" + _BEFORE + b"\x90" * 6 + b"after"


@pytest.mark.parametrize("code", [b"", _BEFORE, 2 * (_BEFORE + _JUMP + b"abcd")])
def test_another_library_stays_as_it_is(code: bytes) -> None:
    assert without_jump(code) is None


def test_where_there_is_nothing_to_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert held() is None
