"""How a layer's formulas stand beneath one another."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.lab.task import task_of
from pellucid.lab.view.look import Look

CAN: Any = {"train": True}


def formulas(*layers: pl.Layer, shape: tuple[int, ...] = (3,)) -> list[str]:
    rng = np.random.default_rng(0)
    net = pl.Network(*layers, pl.Dense(2, activation="softmax"), input_shape=shape, seed=1)
    x = rng.normal(size=(8, *shape)).astype(np.float32)
    look = Look(task_of(net, x, np.arange(8) % 2))
    found = look.describe(CAN, CAN)["layers"]
    return [layer["formula"] for layer in found]


def test_what_one_line_makes_the_next_reads_by_the_same_letter() -> None:
    *_, hidden, last = formulas(pl.Dense(4, activation="tanh"))
    assert hidden == "z[n,o] = b[o] + Σ_i x[n,i]·w[i,o]\na[n,o] = tanh(z[n,o])"
    assert last.startswith("z[n,o] = ")


@pytest.mark.parametrize(
    "layers",
    [
        (pl.Dense(4, activation="relu"),),
        (pl.Reshape((3, 1)), pl.LSTM(3)),
        (pl.Reshape((3, 1)), pl.GRU(3)),
        (pl.Reshape((3, 1)), pl.RNN(3, activation="relu")),
        (pl.BatchNormalization(), pl.LayerNormalization()),
        (pl.Reshape((3, 1)), pl.Conv1D(2, 2, activation="sigmoid"), pl.Flatten()),
    ],
)
def test_the_last_but_one_line_is_read_by_a_later_one(layers: tuple[pl.Layer, ...]) -> None:
    for text in formulas(*layers):
        lines = text.splitlines()
        for place, line in enumerate(lines[:-1]):
            name = re.split(r"[\[ ]", line)[0]
            later = " ".join(lines[place + 1 :])
            assert re.search(rf"(?<![\w′]){re.escape(name)}(?![\w′])", later), text
