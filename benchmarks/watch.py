"""What `Watch` costs: an epoch of LeNet with it and without it, in turn.

    python -m benchmarks.watch

The first epoch of each, in which programs are compiled, is left out.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

import pellucid as pl

EXAMPLES, EPOCHS = 2048, 5


class Clock(pl.Callback):
    """The seconds of every epoch, from end to end, so that what other callbacks do counts."""

    def on_train_begin(self) -> None:
        self.ends = [time.perf_counter()]

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.ends.append(time.perf_counter())


def lenet() -> pl.Network:
    return pl.Network(
        pl.Conv2D(6, kernel_size=5, padding="same", activation="tanh"),
        pl.AveragePool2D(2),
        pl.Conv2D(16, kernel_size=5, activation="tanh"),
        pl.AveragePool2D(2),
        pl.Flatten(),
        pl.Dense(120, activation="tanh"),
        pl.Dense(84, activation="tanh"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
    )


def seconds(*callbacks: pl.Callback) -> float:
    """The median time of an epoch after the first."""
    rng = np.random.default_rng(0)
    x, y = rng.random((EXAMPLES, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, EXAMPLES)
    clock = Clock()
    lenet().fit(x, y, epochs=EPOCHS, batch_size=64, verbose=0, callbacks=[*callbacks, clock])
    return float(statistics.median(np.diff(clock.ends)[1:]))


def main() -> None:
    alone, watched = seconds(), seconds(pl.Watch())
    alone, watched = min(alone, seconds()), min(watched, seconds(pl.Watch()))
    print(f"LeNet, {EXAMPLES} examples: {alone:.3f} s an epoch, watched {watched:.3f} s: {watched / alone - 1:+.1%}")


if __name__ == "__main__":
    main()
