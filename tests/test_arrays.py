from __future__ import annotations

import re
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid import arrays
from pellucid.arrays import mean_and_deviation
from pellucid.data import as_array, as_labels, check_examples
from pellucid.engines.llvm.run import finite
from pellucid.errors import DataError


class OnlyDLPack:
    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.array.__dlpack_device__()


class OnlyArrow:
    def __init__(self, frame: Any) -> None:
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return self.frame.__arrow_c_stream__(requested_schema)


numbers = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int8, np.int64, np.uint8, np.bool_]),
    hnp.array_shapes(max_dims=4, max_side=4),
    elements=None,
).filter(lambda a: bool(np.isfinite(a).all()))


@given(numbers)
def test_an_array_comes_back_as_it_is(array: np.ndarray[Any, Any]) -> None:
    for form in (array, array.tolist(), array.astype(array.dtype.newbyteorder())):
        taken = as_array(form)
        assert taken.dtype.isnative
        np.testing.assert_array_equal(taken, array)
    assert as_array(array).dtype == array.dtype


@given(numbers.filter(lambda a: a.size > 0 and a.dtype.kind == "f"), st.data())
def test_a_value_that_is_not_finite_is_counted_and_placed(array: np.ndarray[Any, Any], data: st.DataObject) -> None:
    bad = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    places = data.draw(st.sets(st.integers(0, array.size - 1), min_size=1))
    array.reshape(-1)[sorted(places)] = bad
    index = np.unravel_index(min(places), array.shape)
    with pytest.raises(DataError) as caught:
        as_array(array, what="data")
    message = str(caught.value)
    assert f"data holds {len(places)} {'NaN' if np.isnan(bad) else 'infinite'} value" in message
    assert all(str(int(i)) in message for i in index)


def test_the_first_bad_value_is_found_in_a_later_part_of_a_long_array() -> None:
    array = np.zeros((600_000, 3), dtype=np.float32)
    array[500_000, 1] = np.nan
    array[599_999, 2] = np.inf
    with pytest.raises(DataError, match=r"1 NaN and 1 infinite values, the first at row 500000, column 1"):
        as_array(array)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[1, "cat"]], r'text \("cat" at row 0, column 1\), expected numbers'),
        (["1", "2"], r"numbers written as text.*x.astype\(float\)"),
        ([b"dog"], r'text \("dog" at index 0\)'),
        ("cat", r'x holds text \("cat"\)'),
        ([[1, 2], [3]], "ragged"),
        (np.array([[1], [1, 2]], dtype=object), "a list at index 0, expected rows of one length"),
        ([], r"x is empty \(shape \(0,\)\)"),
        (np.zeros((0, 4)), r"empty \(shape \(0, 4\)\)"),
        ([1.0, None, None], r"2 missing values, the first at index 1"),
        (None, "x is a NoneType"),
        ({"a": 1}, "x is a dict, expected an array of numbers"),
        (iter([1, 2]), r"use list\(\)"),
        ([1j], "complex128, expected real numbers"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "datetime64"),
        (np.ma.masked_equal([1, 2, 1], 1), "2 masked values"),
        ([[object()]], "a object at row 0, column 0"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        as_array(value)
    assert "\n" not in str(caught.value)


def test_objects_that_are_numbers_become_floats() -> None:
    taken = as_array(np.array([1, 2.5, Decimal("0.5"), True, 2**70], dtype=object))
    assert taken.dtype == np.float64
    np.testing.assert_array_equal(taken, [1, 2.5, 0.5, 1, 2.0**70])


def test_a_type_asked_for_is_given_or_refused() -> None:
    assert as_array([1, 2], dtype=np.float32).dtype == np.float32
    np.testing.assert_array_equal(as_array([1.0, 2.0], dtype=np.int8), np.array([1, 2], np.int8))
    for value, dtype, message in (
        ([0, 1e300], np.float32, r"1e\+300 at index 1, which float32 cannot hold"),
        ([0.5], np.int64, "0.5 at index 0, which int64 cannot hold"),
        ([300], np.uint8, "300 at index 0, which uint8 cannot hold"),
        ([-1], np.uint8, "-1 at index 0"),
        ([2.0**63], np.int64, "index 0"),
        ([1.0], np.complex64, "dtype is complex64"),
    ):
        with pytest.raises(DataError, match=message):
            as_array(value, dtype=dtype)


def test_an_array_mapped_from_a_file_is_not_copied(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "x.bin", dtype=np.float32, mode="w+", shape=(10, 3))
    assert np.shares_memory(as_array(mapped), mapped)


def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"age": [1, 2], "height": [1.5, 2.5], "here": [True, False]})
    np.testing.assert_array_equal(as_array(frame), [[1, 1.5, 1], [2, 2.5, 0]])
    np.testing.assert_array_equal(as_array(frame["age"]), [1, 2])
    frame["height"] = [1.5, None]
    with pytest.raises(DataError, match='1 NaN value, at row 1, column "height"'):
        as_array(frame[["age", "height"]])
    frame["kind"] = ["cat", "dog"]
    with pytest.raises(DataError, match="text \\('cat' at row 0, column \"kind\"\\)"):
        as_array(frame[["age", "kind"]])
    with pytest.raises(DataError, match="1 missing value, at row 1"):
        as_array(pd.DataFrame({"a": pd.Series([1, pd.NA], dtype=object)}))
    with pytest.raises(DataError, match=r"np\.unique"):
        as_labels(frame["kind"])
    np.testing.assert_array_equal(as_labels(frame["age"]), [1, 2])


def test_polars() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1, 2], "b": [0.5, None]})
    np.testing.assert_array_equal(as_array(frame["a"]), [1, 2])
    np.testing.assert_array_equal(as_array(frame.fill_null(0)), [[1, 0.5], [2, 0]])
    with pytest.raises(DataError, match='at row 1, column "b"'):
        as_array(frame)
    np.testing.assert_array_equal(as_array(OnlyArrow(frame.fill_null(0))), [[1, 0.5], [2, 0]])


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor([[1.5, 2.0]], requires_grad=True)
    np.testing.assert_array_equal(as_array(tensor), [[1.5, 2.0]])
    np.testing.assert_array_equal(as_array([tensor, tensor]), [[[1.5, 2.0]], [[1.5, 2.0]]])
    np.testing.assert_array_equal(as_array(tensor.to(torch.bfloat16)), [[1.5, 2.0]])
    assert as_array(torch.arange(3)).dtype == np.int64
    np.testing.assert_array_equal(as_labels(torch.tensor([2, 0])), [2, 0])


def test_dlpack_alone() -> None:
    np.testing.assert_array_equal(as_array(OnlyDLPack(np.arange(6.0).reshape(2, 3))), [[0, 1, 2], [3, 4, 5]])


def test_sparse() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(DataError, match=r"x is a sparse array.*x\.toarray\(\)"):
        as_array(sparse.csr_array(np.eye(3)))


@given(hnp.arrays(np.int64, hnp.array_shapes(max_dims=2, max_side=5), elements=st.integers(0, 9)))
def test_labels_of_any_numeric_type_are_taken(labels: np.ndarray[Any, Any]) -> None:
    for form in (labels, labels.astype(np.float32), labels.astype(np.uint8), labels.tolist()):
        taken = as_labels(form, 10)
        assert taken.dtype == np.int64
        np.testing.assert_array_equal(taken, labels)
    np.testing.assert_array_equal(as_labels(labels > 4, 2), labels > 4)


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 1.5], None, "y holds 1.5 at index 1, expected integers"),
        (["cat", "dog"], 2, r"text \(\"cat\"\).*np\.unique\(y, return_inverse=True\)"),
        ([-1, 1, 1], 2, r"label -1 at index 0, expected labels from 0 to 1: turn -1 and 1 .* y > 0"),
        ([1, 2, 3], 3, r"label 3 at index 2, expected labels from 0 to 2: count from 0 with y - 1"),
        ([0, 12], 10, "label 12 at index 1.*at least 13 outputs"),
        ([0, -3], None, "label -3 at index 1, expected labels from 0: number the classes"),
        ([[0, 1], [9, 1]], 5, "label 9 at row 1, column 0"),
        (np.array([2**63], np.uint64), None, "9223372036854775808"),
        ([], 3, "y is empty"),
        ([np.nan], 3, "y holds 1 NaN value"),
    ],
)
def test_labels_that_name_no_class_are_refused(labels: Any, classes: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        as_labels(labels, classes)


@given(hnp.array_shapes(max_dims=4, max_side=3))
def test_examples_of_the_right_shape_pass(shape: tuple[int, ...]) -> None:
    check_examples(np.zeros(shape), shape[1:])


@pytest.mark.parametrize(
    ("given", "shape", "message"),
    [
        ((64, 28, 28), (28, 28, 1), "x has shape (64, 28, 28), expected (n, 28, 28, 1): add a channel axis "
         "with x[..., None]."),
        ((784,), (784,), "expected a batch, got one example of shape (784,): use x[None]."),
        ((28, 28), (28, 28, 1), "for one example use x[None, ..., None]"),
        ((5,), (1,), "x has shape (5,), expected (n, 1): add a last axis with x[..., None]."),
        ((64, 28, 28, 1), (28, 28), "drop the last axis with x[..., 0]"),
        ((64, 28, 28), (784,), "give each example that shape with x.reshape(-1, 784)"),
        ((64, 3, 32, 30), (32, 30, 3), "np.moveaxis(x, 1, -1)"),
        ((784, 64), (784,), "its rows and columns are swapped, use x.T"),
        ((64, 30), (784,), "(n, 784): give 784 columns, or build the network with input_shape=(30,)"),
        ((64, 14, 14, 1), (28, 28, 1), "build the network with input_shape=(14, 14, 1)"),
        ((64, 5), (28, 28, 1), "give an array of rank 4"),
        ((), (3,), "x has shape (), expected (n, 3)"),
        ((0, 3), (3,), "at least one example"),
    ],
)  # fmt: skip
def test_examples_of_another_shape_are_refused_with_a_suggestion(
    given: tuple[int, ...], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        check_examples(np.zeros(given), shape)


@pytest.mark.parametrize(
    ("given", "shape", "fix"),
    [
        ((64, 28, 28), (28, 28, 1), lambda x: x[..., None]),
        ((784,), (784,), lambda x: x[None]),
        ((28, 28), (28, 28, 1), lambda x: x[None, ..., None]),
        ((64, 28, 28), (784,), lambda x: x.reshape(-1, 784)),
        ((64, 3, 32, 30), (32, 30, 3), lambda x: np.moveaxis(x, 1, -1)),
        ((784, 64), (784,), lambda x: x.T),
    ],
)
def test_the_suggested_fix_works(given: tuple[int, ...], shape: tuple[int, ...], fix: Any) -> None:
    check_examples(fix(np.zeros(given)), shape)


@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 4, 3), (3000, 1001)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_mean_and_deviation_piece_by_piece(shape: tuple[int, ...], dtype: type) -> None:
    x: np.ndarray[Any, Any] = np.random.default_rng(0).normal(300.0, 20.0, shape).astype(dtype)
    mean, deviation = mean_and_deviation(x)
    axes = tuple(range(x.ndim - 1)) or (0,)
    exact = x.astype(np.float64)
    assert mean.dtype == deviation.dtype == np.float64
    np.testing.assert_allclose(mean, exact.mean(axis=axes), rtol=1e-12)
    np.testing.assert_allclose(deviation, exact.std(axis=axes), rtol=1e-10)


def test_the_statistics_of_a_table_take_little_memory() -> None:
    x = np.ones((200_000, 20), dtype=np.float32)
    tracemalloc.start()
    _, deviation = mean_and_deviation(x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * x.nbytes
    np.testing.assert_array_equal(deviation, 1)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("count", [1, 15, 499, 1501, 100_000])
@pytest.mark.parametrize("dtype", ["float32", "float64", ">f8", "float16"])
def test_finite_whatever_the_size(count: int, dtype: str, native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "all_finite", finite.native() if native else None)
    large = np.full(count, np.finfo(dtype).max, dtype)
    assert np.array_equal(as_array(large), large)
    for bad in (np.nan, np.inf, -np.inf):
        large[-1] = bad
        with pytest.raises(DataError, match=r"holds 1 (NaN|infinite) value"):
            as_array(large)
        with pytest.raises(DataError, match=r"holds 1 (NaN|infinite) value"):
            as_array(np.stack([np.zeros(count, dtype), large], axis=-1)[:, ::-1])
