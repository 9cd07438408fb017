from __future__ import annotations

import numpy as np
import pytest

from pellucid.engines.random import philox4x32, uniform

# Random123's tests/kat_vectors, the lines "philox4x32 10": counter, key, words.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_philox_gives_the_published_words(
    counter: tuple[int, ...], key: tuple[int, ...], words: tuple[int, ...]
) -> None:
    assert tuple(int(w) for w in philox4x32(counter, key)) == words


def test_uniform_lays_the_words_out_as_it_says() -> None:
    for (low, high, step_low, step_high), (seed, stream), words in KNOWN:
        index, step = low + (high << 32), step_low + (step_high << 32)
        assert uniform(seed, stream, step, index) == (words[0] >> 8) / 2**24


def test_uniform_takes_arrays_and_agrees_with_single_numbers() -> None:
    index = np.arange(10).reshape(2, 5) + 2**40
    found = uniform(7, np.int64(3), 11, index)
    assert found.shape == (2, 5) and found.dtype == np.float32
    assert found.tolist() == [[float(uniform(7, 3, 11, int(i))) for i in row] for row in index]


def test_uniform_uses_every_argument_and_is_even() -> None:
    index = np.arange(100_000)
    first = uniform(1, 2, 3, index)
    for other in (
        uniform(2, 2, 3, index),
        uniform(1, 3, 3, index),
        uniform(1, 2, 4, index),
        uniform(1, 2, 3, index + 2**32),
    ):
        # 10⁵ independent pairs: the correlation's standard deviation is 0.003
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.015
    assert first.min() >= 0 and first.max() < 1
    counts = np.bincount((first * 16).astype(int), minlength=16)
    assert np.abs(counts - 6250).max() < 5 * np.sqrt(6250)


def test_negative_whole_numbers_are_their_bits() -> None:
    assert uniform(-1, 0, 0, 0) == uniform(0xFFFFFFFF, 0, 0, 0) == uniform(np.array(-1), 0, 0, 0)
