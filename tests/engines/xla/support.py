"""What the longer tests of XLA have in common; `make xla` runs them."""

from __future__ import annotations

import os
import socket
from typing import Any

import numpy as np
import pytest

import pellucid as pl

long = pytest.mark.skipif(os.environ.get("PELLUCID_XLA") != "all", reason="takes minutes; make xla runs it")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def lenet() -> tuple[pl.Network, Any, Any]:
    rng = np.random.default_rng(0)
    x, y = rng.random((200, 28, 28, 1)).astype(np.float32), rng.integers(0, 10, 200)
    net = pl.Network(
        pl.Conv2D(6, 5, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, 5, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dropout(0.2),
        pl.Dense(120, activation="relu"),
        pl.Dense(84, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        engine="xla",
    )
    return net, x, y


def characters() -> tuple[pl.Network, Any, Any]:
    rng = np.random.default_rng(0)
    text = rng.integers(0, 30, (200, 21))
    net = pl.Network(
        pl.Embedding(30, 16),
        pl.LSTM(32, return_sequences=True),
        pl.Dense(30, activation="softmax"),
        input_shape=(20,),
        engine="xla",
    )
    return net, text[:, :-1], text[:, 1:]


NETWORKS = {"lenet": lenet, "characters": characters}
