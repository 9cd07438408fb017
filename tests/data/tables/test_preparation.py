from __future__ import annotations

import json
from typing import Any

import pytest

from pellucid.data import Preparation, load
from pellucid.data.tables.preparation import KEY
from pellucid.errors import ModelFileError


@pytest.mark.parametrize("name", ["iris", "diabetes", "digits"])
def test_metadata_survives_json(name: str) -> None:
    before = Preparation.of(load(name))
    after = Preparation.of(json.loads(json.dumps(before.metadata())))
    assert after == before
    assert after.classes == load(name).class_names


def test_a_network_that_learned_no_table() -> None:
    assert Preparation.of({}) == Preparation()


@pytest.mark.parametrize(
    "entry",
    [
        [],
        "text",
        {"features": "abc"},
        {"classes": [1]},
        {"target": 3},
        {"means": [1.0]},
        {"features": ["a"], "means": ["1"]},
        {"features": ["a"], "means": [float("nan")]},
        {"inputs": {"mean": [0], "scale": [1]}},
    ],
)
def test_damaged_metadata_is_an_error(entry: Any) -> None:
    with pytest.raises(ModelFileError, match=r"damaged .* train the model again"):
        Preparation.of({KEY: entry})
