"""Layers are found by the names of their classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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
