"""Layers are found by the names of their classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.layers.base import Layer


@pytest.fixture
def kinds() -> Iterator[dict[str, type[Layer]]]:
    """The layers that there are; those that a test adds go again."""
    before = dict(Layer.kinds)
    yield before
    Layer.kinds.clear()
    Layer.kinds.update(before)


def _define(name: str, base: type[Layer]) -> type[Layer]:
    return type(name, (base,), {"__module__": "somewhere", "__qualname__": name})


@pytest.mark.parametrize("name", ["Dense", "LSTM", "InputLayer", "Network", "Neuron"])
@pytest.mark.parametrize("base", [pl.Layer, pl.Dense, pl.Network])
def test_a_class_named_like_another_layer_is_refused(
    name: str, base: type[Layer], kinds: dict[str, type[Layer]]
) -> None:
    with pytest.raises(pl.PellucidError, match=f"there is a layer {name} already; give yours another name"):
        _define(name, base)
    assert Layer.kinds == kinds


def test_a_cell_of_a_notebook_may_be_run_again(kinds: dict[str, type[Layer]]) -> None:
    first, second = _define("Mine", pl.Layer), _define("Mine", pl.Layer)
    assert Layer.kinds["Mine"] is second is not first


def test_a_dataclass_with_slots_is_made_twice(kinds: dict[str, type[Layer]]) -> None:
    @dataclass(eq=False, repr=False, slots=True)
    class Slotted(pl.Layer):
        units: int = 1

    assert Layer.kinds["Slotted"] is Slotted


@pytest.mark.parametrize("value", [0, 1, 65535, "no", None, [], 1.0])
@pytest.mark.parametrize(
    ("kind", "options", "option"),
    [
        ("MultiHeadAttention", {"num_heads": 1, "key_dim": 2}, "causal"),
        ("Dense", {"units": 2}, "use_bias"),
        ("LSTM", {"units": 2}, "return_sequences"),
        ("GRU", {"units": 2}, "go_backwards"),
    ],
)
def test_flags_are_true_or_false(kind: str, options: dict[str, Any], option: str, value: Any) -> None:
    with pytest.raises(pl.PellucidError, match=f"{option} of {kind} is .*, expected True or False"):
        Layer.of(kind, {**options, option: value})


def test_flags_of_numpy_are_taken() -> None:
    assert pl.Dense(2, use_bias=np.bool_(False)).use_bias is False  # type: ignore[arg-type]
