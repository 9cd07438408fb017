from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pellucid.data import Dataset, Standardizer, read_csv
from pellucid.errors import DataError


def numbered(labels: list[int], classes: int | None) -> Dataset:
    """A set whose x says which example it is."""
    x = np.arange(len(labels), dtype=np.float32)[:, None]
    names = None if classes is None else tuple(map(str, range(classes)))
    return Dataset("numbered", x, np.array(labels), ("x",), names)


@given(
    st.lists(st.integers(0, 3), min_size=2, max_size=60),
    st.floats(0.01, 0.99),
    st.integers(0, 2**64 - 1),
    st.booleans(),
)
def test_a_split_keeps_each_example_once(labels: list[int], test: float, seed: int, classes: bool) -> None:
    data = numbered(labels, 4 if classes else None)
    stratified = classes and len(set(labels)) < len(labels)
    (x, y), (xt, yt) = data.split(test_size=test, seed=seed, stratify=None if stratified else False)
    rows = np.concatenate([x, xt])[:, 0].astype(int)
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(labels)))
    np.testing.assert_array_equal(np.concatenate([y, yt]), data.y[rows])
    assert len(x) > 0 and len(xt) > 0
    wanted = min(max(round(test * len(labels)), 1), len(labels) - 1)
    if not stratified:
        assert len(xt) == wanted
        return
    sizes, counts = np.bincount(labels, minlength=4), np.bincount(yt, minlength=4)
    assert len(xt) == min(wanted, (sizes[sizes > 0] - 1).sum())
    assert (counts < sizes)[sizes > 0].all(), "a class went to the test part whole"


def test_a_stratified_split_keeps_the_fractions() -> None:
    data = numbered([0] * 50 + [1] * 30 + [2] * 20, 3)
    (_, y), (_, yt) = data.split(test_size=0.2, seed=5)
    assert np.bincount(yt).tolist() == [10, 6, 4]
    assert np.bincount(y).tolist() == [40, 24, 16]
    assert (np.diff(yt) != 0).sum() > 3, "the parts are shuffled"


def test_the_seed_alone_decides_the_split() -> None:
    data = numbered([0, 1] * 20, 2)
    first, again, other = (data.split(seed=seed)[1][0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first[:, 0].tolist() == [2, 20, 19, 21, 0, 1, 27, 18]  # recorded, to stay


def test_bad_splits_are_refused() -> None:
    data = numbered([0, 1, 2], 3)
    for wrong in (0, 1, -0.5, 2, float("nan")):
        with pytest.raises(DataError, match="expected a fraction between 0 and 1"):
            data.split(test_size=wrong)
    with pytest.raises(DataError, match="one example of each class: split with stratify=False"):
        data.split()
    with pytest.raises(DataError, match="no classes to stratify by"):
        numbered([1, 2, 3], None).split(stratify=True)
    with pytest.raises(DataError, match="1 example, expected at least 2"):
        numbered([1], None).split()
    with pytest.raises(DataError, match="seed is -1"):
        data.split(seed=-1)


def test_a_dataset_is_frozen_and_prints_short() -> None:
    data = numbered([0, 1], 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"  # type: ignore[misc]
    assert repr(data) == "Dataset('numbered', x (2, 1), 2 classes)"
    assert repr(numbered([0, 1], None)) == "Dataset('numbered', x (2, 1), y (2,))"
    images = Dataset("images", np.zeros((5, 4, 3, 2), np.float32), np.zeros(5))
    assert images.flat().x.shape == (5, 24) and len(images) == 5


tables = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6), elements=st.floats(-1e3, 1e3, width=32)
)


@given(tables)
def test_standardising_and_its_inverse(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> None:
    scaler = Standardizer.fit(x)
    z = scaler.transform(x)
    assert z.dtype == np.float32 and z.shape == x.shape
    np.testing.assert_allclose(scaler.inverse(z), x, rtol=1e-5, atol=1e-2)
    flat = z.reshape(-1, z.shape[-1] if z.ndim > 1 else 1).astype(np.float64)
    spread = flat.std(axis=0)
    # float32 rounds z itself: allow for columns whose spread is small beside their mean
    wide = np.atleast_1d(scaler.scale > 1e-3 * (np.abs(scaler.mean) + 1e-30))
    np.testing.assert_allclose(flat.mean(axis=0)[wide], 0, atol=1e-3)
    assert all(abs(s - 1) < 1e-3 or s == 0 for s in spread[wide])


def test_standardising_by_hand() -> None:
    scaler = Standardizer.fit([[1, 7], [3, 7]])  # means 2 and 7, deviations 1 and 0
    np.testing.assert_array_equal(scaler.transform([[4, 8]]), [[2, 1]])  # (4-2)/1, (8-7)/1: no division by 0
    np.testing.assert_array_equal(scaler.inverse([[2, 1]]), [[4, 8]])
    with pytest.raises(DataError, match=r"x has shape \(1, 3\), expected 2 columns"):
        scaler.transform([[1, 2, 3]])
    with pytest.raises(DataError, match="z holds 1 NaN"):
        scaler.inverse([[np.nan, 1]])
    with pytest.raises(DataError, match="expected an array of examples"):
        Standardizer.fit(3)


def test_means_that_fill_are_those_of_the_train_part(tmp_path: Path) -> None:
    rows = [f"{'' if i % 3 == 0 else i},{'' if i % 4 == 1 else 'ab'[i % 2]},{i}.5" for i in range(40)]
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["n,kind,y", *rows]) + "\n")
    data = read_csv(path, "y", fill="mean")
    train, test = data.divide(test_size=0.25, seed=3)
    assert train.filled is not None and test.filled is not None
    assert train.feature_means == test.feature_means != data.feature_means
    there = np.where(train.filled, np.nan, train.x)
    means = np.array(train.feature_means, dtype=np.float32)
    np.testing.assert_allclose(np.nanmean(there, axis=0), means, rtol=1e-6)
    for part, gaps in ((train, train.filled), (test, test.filled)):
        whole = data.x[(part.y - 0.5).astype(int)]
        np.testing.assert_array_equal(part.x, np.where(gaps, means, whole))
    np.testing.assert_array_equal(data.split(test_size=0.25, seed=3)[0][0], train.x)


def test_a_column_without_a_value_in_the_train_part(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("n,y\n" + "".join(f"{'1' if i == 0 else ''},{i}.5\n" for i in range(10)))
    data = read_csv(path, "y", fill="mean")
    lost = 0
    for seed in range(10):
        try:
            data.split(test_size=0.5, seed=seed)
        except DataError as error:
            assert 'no row to train on has a value of "n": leave the column out' in str(error)
            lost += 1
    assert 0 < lost < 10
