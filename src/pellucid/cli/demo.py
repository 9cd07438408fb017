"""``pellucid demo``: handwritten digits, from training to the arithmetic of one output."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import load
from . import options
from .output import check_writable, table
from .preparation import Preparation

TERMS = 10
SHADES = " ░▒▓█"

EPILOG = """\b
Examples:
  pellucid demo                       trains, explains, saves pellucid-demo.safetensors
  pellucid demo --epochs 5 --seed 1   shorter, with other initial weights
  pellucid inspect pellucid-demo.safetensors
  pellucid predict pellucid-demo.safetensors digits
"""


@click.command(epilog=EPILOG)
@options.epochs(30)
@options.seed()
@options.model_output("pellucid-demo.safetensors")
def command(epochs: int, seed: int, output: Path) -> None:
    """Train a network on 1,797 handwritten digits and look through it.

    A network 64 → 64 → 32 → 10 learns four fifths of the 8×8 images and is tested on the rest. Then the
    arithmetic of one of its outputs is laid open, term by term. Needs no internet, terminal or browser.
    """
    check_writable(output)
    digits = load("digits", images=False)
    (x, y), (x_test, y_test) = digits.split(test=0.2, seed=0)
    preparation = Preparation(features=digits.feature_names, classes=digits.class_names)
    net = pl.Network(
        pl.Dense(64, activation="relu"),
        pl.Dense(32, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(64,),
        seed=seed,
    )
    click.echo(f"{digits.description}: {len(x)} to train, {len(x_test)} to test")
    net.fit(x, y, epochs=epochs, batch_size=32, optimizer=pl.Adam(2e-3), loss="crossentropy", metrics=["accuracy"])

    predicted = net.predict(x_test).argmax(axis=1)
    click.echo(f"\ntest accuracy: {np.mean(predicted == y_test):.3f}\n")
    _confusion(y_test, predicted)
    _arithmetic(net, x_test[0], int(y_test[0]))

    net.metadata.update(preparation.metadata())
    net.save(output)
    click.echo(f"\nsaved {output}: try  pellucid inspect {output}")


def _confusion(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (y, predicted), 1)
    rows = [[f"is {digit}", *(str(n) if n else "·" for n in counts[digit])] for digit in range(10)]
    click.echo("How often a digit (row) was taken for another (column):")
    table(["", *map(str, range(10))], rows)


def _arithmetic(net: pl.Network, image: NDArray[np.float32], label: int) -> None:
    """The largest terms of the sum of the output unit that answers for ``image``.

    sum[o] = b[o] + Σ[i] x[i]·w[i,o], where x is the last hidden layer's output.
    """
    trace = net.trace(image[None])
    probability = trace["dense_3"][0]
    unit = int(probability.argmax())
    engine_sum = float(trace["dense_3.sum"][0, unit])
    hidden = np.asarray(trace["dense_2"][0], dtype=np.float64)
    weights = np.asarray(net.parameters["dense_3.kernel"][:, unit], dtype=np.float64)
    bias = float(net.parameters["dense_3.bias"][unit])

    terms = hidden * weights
    order = np.argsort(-np.abs(terms), kind="stable")
    shown, others = order[:TERMS], order[TERMS:]
    rest = float(terms[others].sum())
    total = bias + float(terms[shown].sum()) + rest
    if not np.isclose(total, engine_sum, rtol=1e-4, atol=1e-4):
        raise ArithmeticError(f"the terms add up to {total}, the engine's sum is {engine_sum}")

    click.echo(f"\nOne test image, a {label}:\n\n{_picture(image)}\n")
    rows = [[f"b[{unit}]", "", "", f"{bias:+.4f}"]]
    rows += [[f"x[{i}]·w[{i},{unit}]", f"{hidden[i]:.4f}", f"{weights[i]:+.4f}", f"{terms[i]:+.4f}"] for i in shown]
    rows += [
        [f"the other {len(others)} terms", "", "", f"{rest:+.4f}"],
        ["sum", "", "", f"{total:+.4f}"],
    ]
    formula = f"dense_3.sum[{unit}] = b[{unit}] + Σ[i] x[i]·w[i,{unit}]"
    click.echo(f'Why "{unit}"?  {formula}, where x is the output of dense_2:')
    table(["term", "x", "w", "product"], rows)
    click.echo(f"the engine's sum is {engine_sum:+.4f}; softmax of the ten sums gives {probability[unit]:.4f}")


def _picture(image: NDArray[np.float32]) -> str:
    levels = np.rint(image.reshape(8, 8) * (len(SHADES) - 1)).astype(int)
    return "\n".join("    " + "".join(SHADES[level] * 2 for level in row) for row in levels)
