from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import batches, shuffled
from pellucid.errors import DataError


@given(st.integers(0, 200), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_shuffled_is_a_permutation_of_seed_and_epoch_alone(n: int, seed: int, epoch: int) -> None:
    order = shuffled(n, seed, epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    np.testing.assert_array_equal(order, shuffled(n, seed, epoch))


def test_the_order_is_the_same_on_every_machine() -> None:
    # the order of the first raw draws of Philox4x64-10 with the key (seed, epoch)
    assert shuffled(8, 0, 0).tolist() == [0, 2, 1, 5, 4, 3, 6, 7]
    assert shuffled(8, 7, 3).tolist() == [2, 5, 7, 3, 0, 6, 4, 1]


def test_seeds_and_epochs_give_different_orders() -> None:
    orders = {tuple(shuffled(50, seed, epoch)) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


def test_every_position_is_equally_likely() -> None:
    counts = np.zeros((5, 5))
    for epoch in range(2000):
        counts[np.arange(5), shuffled(5, 1, epoch)] += 1
    # 16 degrees of freedom: chi² stays below 39.3 with probability 0.999
    assert ((counts - 400) ** 2 / 400).sum() < 39.3


def test_threads_see_the_same_orders() -> None:
    with ThreadPoolExecutor(4) as pool:
        orders = list(pool.map(lambda epoch: shuffled(100, 3, epoch % 4), range(40)))
    for epoch, order in enumerate(orders):
        np.testing.assert_array_equal(order, shuffled(100, 3, epoch % 4))


@given(st.integers(1, 40), st.integers(1, 50), st.none() | st.integers(0, 9), st.integers(0, 3), st.data())
def test_batches_hold_each_example_once_and_can_go_on_anywhere(
    n: int, size: int, seed: int | None, epoch: int, data: st.DataObject
) -> None:
    x, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    parts = list(batches(x, y, batch_size=size, seed=seed, epoch=epoch))
    order = np.arange(n) if seed is None else shuffled(n, seed, epoch)
    np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), order)
    assert all((part[0][:, 0] == 2 * part[1]).all() for part in parts)
    assert [len(part[0]) for part in parts[:-1]] == [size] * (len(parts) - 1)
    start = data.draw(st.integers(0, len(parts)))
    rest = list(batches(x, y, batch_size=size, seed=seed, epoch=epoch, start=start))
    assert len(rest) == len(parts) - start
    for ours, theirs in zip(rest, parts[start:], strict=True):
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_an_array_mapped_from_a_file_is_read_in_parts(tmp_path: Path) -> None:
    # 1 GB declared, of which the sparse file stores next to nothing
    mapped = np.memmap(tmp_path / "x.bin", dtype=np.float32, mode="w+", shape=(10**5, 2500))
    mapped[64:66, 0] = 5
    x, y = next(batches(mapped, np.arange(10**5), batch_size=2, start=32))
    np.testing.assert_array_equal(x[:, 0], [5, 5])
    np.testing.assert_array_equal(y, [64, 65])
    x, y = next(batches(mapped, np.arange(10**5), batch_size=2, seed=0))
    assert type(x) is np.ndarray and x.shape == (2, 2500)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ([], {"batch_size": 2}, "expected at least one array"),
        ([np.zeros(3), np.zeros(4)], {"batch_size": 2}, "got 3, 4"),
        ([np.zeros(3)], {"batch_size": 0}, "batch_size is 0, expected an integer from 1"),
        ([np.zeros(3)], {"batch_size": 1.5}, "batch_size is 1.5, expected an integer"),
        ([np.zeros(3)], {"batch_size": 1, "seed": -1}, "seed is -1"),
        ([np.zeros(3)], {"batch_size": 1, "seed": 0, "epoch": 2**64}, "epoch is 18446744073709551616"),
    ],
)
def test_bad_requests_are_refused_at_once(arrays: list[Any], options: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        batches(*arrays, **options)
