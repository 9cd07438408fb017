from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.lab.asking import decoded

from pellucid.errors import DataError
from pellucid.lab.serve import frames

scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text()
arrays = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int32, np.uint8]), hnp.array_shapes(min_dims=1, max_dims=3, min_side=0)
)
names = st.text().filter(lambda name: name != "$")
messages = st.recursive(
    scalars | arrays, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a.reshape(-1), b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    return bool(a == b)


@given(messages)
def test_what_is_put_in_comes_out(message: Any) -> None:
    assert same(message, decoded(frames.encode(message)))


@given(messages)
def test_arrays_are_aligned_for_a_float64array(message: Any) -> None:
    frame = frames.encode(message)
    (length,) = struct.unpack_from("<I", frame, 4)
    assert frame[:4] == b"PLF1"
    assert length % 8 == 0
    assert len(frame) % 8 == 0

    def places(value: Any) -> list[int]:
        if isinstance(value, dict):
            if value.keys() == {"$"}:
                return [value["$"][1]] if isinstance(value["$"], list) else []
            value = list(value.values())
        return [place for item in value for place in places(item)] if isinstance(value, list) else []

    assert all(place % 8 == 0 for place in places(json.loads(frame[8 : 8 + length])))


def test_the_bytes_as_the_browser_reads_them() -> None:
    frame = frames.encode({"id": 3, "result": {"loss": np.array([1.5, 2.0]), "worst": math.inf}})
    text = b'{"id":3,"result":{"loss":{"$":["f8",0,2]},"worst":{"$":"inf"}}}'
    text += b" " * (-len(text) % 8)
    assert frame == b"PLF1" + struct.pack("<I", len(text)) + text + struct.pack("<dd", 1.5, 2.0)


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.array([1, 2], np.int64), "<i4"),
        (np.array([2**40], np.int64), "<f8"),
        (np.array([True, False]), "u1"),
        (np.array([1, 2], ">f4"), "<f4"),
        (np.array([0.5], np.float16), "<f4"),
        (np.arange(6, dtype=np.float32).reshape(2, 3).T, "<f4"),
    ],
)
def test_other_arrays_are_brought_to_what_the_browser_knows(array: np.ndarray[Any, Any], dtype: str) -> None:
    found = decoded(frames.encode(array))
    assert found.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(found, array.reshape(-1))


def test_numbers_of_numpy_are_numbers() -> None:
    message = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": (1, 2), 5: np.float64("nan")}
    found = decoded(frames.encode(message))
    assert math.isnan(found.pop("5"))
    assert found == {"a": 0.5, "b": 3, "c": True, "d": [1, 2]}


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LARGEST", 1 << 20)
    with pytest.raises(DataError, match="more than 1 MiB"):
        frames.encode({"a": [np.zeros(1 << 17), np.zeros(1)]})
    with pytest.raises(DataError, match="more than 1 MiB"):
        frames.encode("x" * (1 << 21))


@pytest.mark.parametrize("value", [object(), np.array(["text"]), {"a": {1, 2}}, np.array([1j])])
def test_what_cannot_be_carried_is_a_fault(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be put into a frame"):
        frames.encode(value)


def test_half_a_pair_of_surrogates_comes_back_as_it_went() -> None:
    message = {"\ud83d": ["\udc00x", "\U0001f600"]}
    assert decoded(frames.encode(message)) == message
