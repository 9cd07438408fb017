"""A network as plain Python is the same network."""

from __future__ import annotations

from typing import Any

import pytest

import pellucid as pl
from pellucid.lab.edit.choices import layer_kinds, started
from pellucid.lab.edit.plain_code import layer_code, network_code
from pellucid.layers.base import Layer

KINDS = [kind["name"] for kind in layer_kinds()]


def made(code: str) -> pl.Network:
    known: dict[str, Any] = {"pl": pl}
    exec(code, known)
    net: pl.Network = known["net"]
    return net


def test_all_layers_can_be_chosen_but_those_that_stand_for_something_else() -> None:
    left = {kind for kind in Layer.kinds if not kind.startswith("_")} - set(KINDS)
    public = {name for name in left if hasattr(pl, name) and Layer.kinds[name].__module__.startswith("pellucid.layers")}
    assert public <= {"FinalState", "InputLayer"}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_layer_is_written_as_it_begins(kind: str) -> None:
    layer = Layer.of(kind, started(kind))
    code = layer_code(layer)
    again = eval(code, {"pl": pl})
    assert again.options() == layer.options()
    assert "<" not in code


def test_options_are_written_as_python_has_them() -> None:
    leaky = {"name": "leaky_relu", "slope": 0.1}
    layer = pl.Dense(3, activation=leaky, kernel_regularizer=pl.L2(0.1), name="hidden", trainable=False)
    code = layer_code(layer)
    assert eval(code, {"pl": pl}).options() == layer.options()
    assert code.startswith("pl.Dense(3, ")
    assert layer_code(pl.Bidirectional(pl.GRU(4))) == "pl.Bidirectional(pl.GRU(4))"
    assert layer_code(pl.Conv2D(4, (3, 1), padding="same")) == 'pl.Conv2D(4, (3, 1), padding="same")'


def test_graphs_shared_layers_and_inner_networks_are_made_again() -> None:
    start = pl.Input((4,))
    shared = pl.Dense(4, activation="relu")
    graph = pl.Network(inputs=start, outputs=pl.Add()(shared(start), shared(shared(start))), seed=5, name="twice")
    inner = pl.Network(pl.Dense(3), pl.Network(pl.Dense(2), input_shape=(3,)), input_shape=(2,))
    for net in (graph, inner):
        assert made(network_code(net)).config() == net.config()
    assert "dense_1_layer = pl.Dense(4, " in network_code(graph)
