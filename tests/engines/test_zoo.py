"""Every formula of the zoo: its values and gradients against the naive interpreter and central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.engines.naive import agree, check_gradients
from tests.formula.zoo import ZOO

from pellucid.formula import BATCH

POSITIVE = {"adam", "every scalar function", "powers", "quotients"}

SKIPPED = {"a constant alone"}  # it multiplies by infinity


@pytest.mark.sample(24)
@pytest.mark.parametrize("name", [n for n in ZOO if n not in SKIPPED])
def test_values_and_gradients(name: str) -> None:
    formula = ZOO[name]()
    rng = np.random.default_rng(1)
    given: dict[str, Any] = {}
    for tensor in formula.tensors.values():
        shape = [3 if e is BATCH else e for e in tensor.shape]
        if tensor.kind == "int":
            given[tensor.name] = rng.integers(0, 3, shape)
        elif name in POSITIVE:
            given[tensor.name] = 0.3 + np.abs(rng.normal(size=shape))
    result = formula.define()
    wanted = [t for t in formula.tensors.values() if t.kind == "float"]
    if result.kind == "int" or "stop(x[i])" in formula.text:
        agree(result, **given)
    else:
        check_gradients(result, wanted, **given)
