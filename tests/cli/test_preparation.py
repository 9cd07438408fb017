from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pellucid.cli.preparation import KEY, Preparation, reshaped
from pellucid.data import load
from pellucid.errors import ModelFileError


@pytest.mark.parametrize("name", ["iris", "diabetes", "digits"])
def test_metadata_survives_json(name: str) -> None:
    dataset = load(name)
    before = Preparation.fit(dataset, dataset.x, dataset.y, target="t")
    after = Preparation.read(json.loads(json.dumps(before.metadata())))
    assert (after.features, after.target, after.classes) == (before.features, "t", dataset.class_names)
    np.testing.assert_array_equal(after.x(dataset.x), before.x(dataset.x))
    np.testing.assert_array_equal(after.y(dataset.y), before.y(dataset.y))


def test_values_undo_the_scaling() -> None:
    dataset = load("diabetes")
    preparation = Preparation.fit(dataset, dataset.x, dataset.y)
    np.testing.assert_allclose(preparation.values(preparation.y(dataset.y))[:, 0], dataset.y, rtol=1e-6)


def test_images_are_left_alone() -> None:
    digits = load("digits")
    np.testing.assert_array_equal(Preparation.fit(digits, digits.x, digits.y).x(digits.x), digits.x)


@pytest.mark.parametrize(
    "entry",
    [
        [],
        "text",
        {"features": "abc"},
        {"classes": [1]},
        {"inputs": {"mean": [0]}},
        {"inputs": {"mean": [0, 0], "scale": [1]}},
        {"inputs": {"mean": [0], "scale": [0]}},
        {"inputs": {"mean": [[0]], "scale": [[1]]}},
        {"inputs": {"mean": [float("nan")], "scale": [1]}},
        {"outputs": {"mean": "x", "scale": 1}},
    ],
)
def test_damaged_metadata_is_an_error(entry: Any) -> None:
    with pytest.raises(ModelFileError, match="damaged"):
        Preparation.read({KEY: entry})


def test_reshaped() -> None:
    assert reshaped(np.zeros((5, 64)), (8, 8, 1)).shape == (5, 8, 8, 1)
    assert reshaped(np.zeros((5, 8, 8, 1)), (64,)).shape == (5, 64)
    assert reshaped(np.zeros((5, 63)), (64,)).shape == (5, 63)
