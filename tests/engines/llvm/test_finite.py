from __future__ import annotations

import numpy as np
import pytest

from pellucid.engines.llvm.run import finite


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_place_of_every_length(dtype: type[np.floating]) -> None:
    all_finite = finite.native()
    large = np.finfo(dtype).max
    for count in range(1, 40):
        numbers = np.random.default_rng(count).choice(np.array([large, -large, 0, 1], dtype), count)
        assert all_finite(numbers)
        for place in range(count):
            for bad in (np.nan, np.inf, -np.inf):
                changed = numbers.copy()
                changed[place] = bad
                assert not all_finite(changed)
                changed.flags.writeable = False
                assert not all_finite(changed)
