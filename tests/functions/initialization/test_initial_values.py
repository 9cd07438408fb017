"""Initial values have the spread that their source asks for, and depend on seed and stream alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from tests.functions.support import Array, assert_reads_back, evaluate

from pellucid.errors import PellucidError
from pellucid.formula.derivative import reachable
from pellucid.functions.initialization.initial_values import INITIALS, initial

EXTENTS = {"i": 61, "o": 87}
IN, OUT = EXTENTS.values()

# The standard deviation that each source asks for. An even distribution in ±limit has limit/√3.
DEVIATIONS = {
    "glorot_uniform": math.sqrt(2 / (IN + OUT)),
    "glorot_normal": math.sqrt(2 / (IN + OUT)),
    "he_uniform": math.sqrt(2 / IN),
    "he_normal": math.sqrt(2 / IN),
    "lecun_uniform": math.sqrt(1 / IN),
    "lecun_normal": math.sqrt(1 / IN),
    "uniform": 0.05 / math.sqrt(3),
    "normal": 0.05,
    "zeros": 0.0,
    "ones": 0.0,
    "orthogonal": 1 / math.sqrt(OUT),
}


def values(name: Any, extents: dict[str, int] = EXTENTS, *, seed: int = 3, stream: int = 5) -> Array:
    begin = initial(name)
    fan_in, fan_out = list(extents.values())[-2:] if len(extents) > 1 else (1, 1)
    tensor = begin(extents, fan_in=fan_in, fan_out=fan_out, seed=seed, stream=stream)
    found = evaluate({"w": tensor}, {})["w"]
    return begin.finish(found) if begin.finish else found


def test_every_kind_is_here() -> None:
    module = "pellucid.functions.initialization.initial_values"
    own = {name for name, entry in INITIALS.items() if entry.function.__module__ == module}
    assert set(DEVIATIONS) == own


@pytest.mark.parametrize("name", DEVIATIONS)
def test_mean_and_spread(name: str) -> None:
    found = values(name)
    deviation = DEVIATIONS[name]
    assert found.shape == (IN, OUT)
    # 5307 numbers: the mean lies within 4 deviations/√5307, the deviation within 5 % (normal: 1 % is one sigma).
    assert found.mean() == pytest.approx(float(name == "ones"), abs=4 * deviation / math.sqrt(found.size) + 1e-12)
    assert found.std() == pytest.approx(deviation, rel=0.05, abs=1e-12)
    if name.endswith("uniform"):
        limit = deviation * math.sqrt(3)
        assert np.abs(found).max() <= limit
        assert np.abs(found).max() > 0.99 * limit
    elif "normal" in name:
        # Of normal numbers 31.7 % lie beyond one deviation, 4.6 % beyond two.
        assert np.mean(np.abs(found) > deviation) == pytest.approx(0.317, abs=0.03)
        assert np.mean(np.abs(found) > 2 * deviation) == pytest.approx(0.046, abs=0.015)


@pytest.mark.parametrize("name", [n for n, d in DEVIATIONS.items() if d])
def test_seed_and_stream_alone_decide(name: str) -> None:
    found = values(name)
    np.testing.assert_array_equal(found, values(name))
    for other in (values(name, seed=4), values(name, stream=6)):
        assert abs(np.corrcoef(found.ravel(), other.ravel())[0, 1]) < 0.06


@pytest.mark.parametrize("extents", [{"i": 5, "o": 3}, {"i": 3, "o": 5}, {"u": 2, "v": 3, "c": 2, "f": 5}])
def test_orthogonal_keeps_lengths(extents: dict[str, int]) -> None:
    found = values("orthogonal", extents)
    assert found.shape == tuple(extents.values())
    rows = found.reshape(-1, found.shape[-1])
    gram = rows.T @ rows if rows.shape[0] >= rows.shape[1] else rows @ rows.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)


@pytest.mark.parametrize("name", DEVIATIONS)
def test_notation_reads_back(name: str) -> None:
    for extents in (EXTENTS, {"o": 4}):
        tensor = initial(name)(extents, fan_in=2, fan_out=3, seed=1, stream=2)
        for statement in reachable([tensor]):
            assert_reads_back(statement)


def test_names_and_options() -> None:
    narrow = initial("normal", deviation=0.01)
    assert narrow.config == {"name": "normal", "deviation": 0.01}
    assert initial(narrow.config) == narrow
    assert values(narrow.config).std() == pytest.approx(0.01, rel=0.05)
    with pytest.raises(PellucidError, match='Did you mean "he_normal"'):
        initial("he_norml")
    with pytest.raises(PellucidError, match="no option deviation"):
        initial("zeros", deviation=1.0)
    with pytest.raises(PellucidError, match="deviation of normal: expected a finite number at least 0, got -1"):
        initial("normal", deviation=-1)
