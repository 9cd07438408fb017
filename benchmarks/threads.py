"""One network called by several threads: whether every answer is the caller's own, and how many come in a second.

    python -m benchmarks.threads [--calls 10000] [--callers 4]

The answers are held against those of one thread to the bit. Rates are medians of rounds in which one caller and several
take turns. The first line is what the interpreter makes of threads that do nothing but run Python, one at a time as
they must: calls of a few µs, which are mostly Python, can do no better.
"""

from __future__ import annotations

import argparse
import ast
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

import pellucid as pl

ROUNDS = 12
RNG = np.random.default_rng(0)


def reals(*shape: int) -> Callable[[int], Any]:
    return lambda n: RNG.normal(size=(n, *shape)).astype(np.float32)


NETWORKS: dict[str, tuple[pl.Network, Callable[[int], Any], tuple[int, ...]]] = {
    "mlp, one example": (
        pl.Network(pl.Dense(256, activation="relu"), pl.Dense(10, activation="softmax"), input_shape=784),
        reals(784),
        (1,),
    ),
    "mlp, unequal batches": (
        pl.Network(pl.Dense(256, activation="relu"), pl.Dense(10, activation="softmax"), input_shape=784),
        reals(784),
        (1, 3, 16, 17, 64, 100, 7),
    ),
    "cnn, unequal batches": (
        pl.Network(
            pl.Conv2D(8, 3, activation="relu"),
            pl.MaxPool2D(2),
            pl.Flatten(),
            pl.Dense(10),
            input_shape=(28, 28, 1),
        ),
        reals(28, 28, 1),
        (1, 5, 64, 33),
    ),
    "lstm, unequal batches": (
        pl.Network(pl.LSTM(32), pl.Dense(3), input_shape=(20, 4)),
        reals(20, 4),
        (1, 5, 64, 33),
    ),
}


def _wrong(net: pl.Network, xs: list[Any], alone: list[Any], calls: int) -> int:
    """How many of so many answers are not those of one thread."""
    places = [k % len(xs) for k in range(calls)]
    return sum(not np.array_equal(net.predict(xs[k]), alone[k]) for k in places)


def _ratio(call: Callable[[int], int], calls: int, callers: int) -> tuple[float, int]:
    """How many times as many calls a second several callers make, and the sum of what the calls gave."""
    ratios, results = [], 0
    with ThreadPoolExecutor(callers) as pool:
        for _ in range(ROUNDS):
            start = time.perf_counter()
            call(calls * callers)
            middle = time.perf_counter()
            results += sum(pool.map(call, [calls] * callers))
            ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(ratios), results


def _python(calls: int) -> int:
    """Calls of about 40 µs, of Python alone."""
    return sum(not ast.dump(ast.parse("a = b + c * (d - e)\nf(x)")) for _ in range(calls))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=10_000, help="calls of each network by all callers (10000)")
    parser.add_argument("--callers", type=int, default=4, help="threads that call (4)")
    given = parser.parse_args()
    wrong, calls = 0, max(1, given.calls // ROUNDS // given.callers)
    ratio, _ = _ratio(_python, calls, given.callers)
    print(f"Python alone: {given.callers} callers: {ratio:.2f} times as many a second", flush=True)
    for name, (net, draw, sizes) in NETWORKS.items():
        xs = [draw(n) for n in sizes]
        alone = [net.predict(x) for x in xs]
        ratio, bad = _ratio(partial(_wrong, net, xs, alone), calls, given.callers)
        wrong += bad
        outcome = f"{bad} of {calls * ROUNDS * given.callers} answers wrong, {ratio:.2f} times as many a second"
        print(f"{name}: {given.callers} callers: {outcome}", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
