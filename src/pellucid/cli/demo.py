"""``pellucid demo``: handwritten digits, from training to the arithmetic of one output."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Preparation, load
from . import grouped, options
from .output import check_writable, table
from .reporting import Report, reporting, with_force

TERMS = 10
SHADES = " ░▒▓█"

EPILOG = """\b
Examples:
  pellucid demo                       trains, explains, saves pellucid-demo.safetensors
  pellucid demo --epochs 5 --seed 1   shorter, with other initial weights
  pellucid inspect pellucid-demo.safetensors
  pellucid predict pellucid-demo.safetensors digits
"""


@grouped.command(epilog=EPILOG)
@options.epochs(30)
@options.seed()
@options.model_output("pellucid-demo.safetensors")
@with_force
@reporting(meanwhile=True)
def command(epochs: int, seed: int, output: Path, report: Report) -> None:
    """A network 64 → 64 → 32 → 10 learns four fifths of the 8×8 images and is tested on the rest. Then the
    arithmetic of one of its outputs is shown term by term. Needs no internet, terminal or browser.
    """
    check_writable(output)
    digits = load("digits", images=False)
    (x, y), (x_test, y_test) = digits.split(test_size=0.2, seed=0)
    net = pl.Network(
        pl.Dense(64, activation="relu"),
        pl.Dense(32, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(64,),
        seed=seed,
    )
    click.echo(f"{digits.description}: {len(x)} to train, {len(x_test)} to test")
    net.fit(x, y, epochs=epochs, batch_size=32, optimizer=pl.Adam(2e-3), loss="crossentropy", metrics=["accuracy"])

    net.metadata.update(Preparation.of(digits).metadata())
    net.save(output)

    predicted = net.predict(x_test).argmax(axis=1)
    report |= {"model": output, "test": {"accuracy": float(np.mean(predicted == y_test))}}
    click.echo(f"\ntest accuracy: {np.mean(predicted == y_test):.3f}\n")
    _confusion(y_test, predicted)
    report["explanation"] = _arithmetic(net, x_test[0], int(y_test[0])).json(limit=TERMS)
    click.echo(f"\nsaved {output}: try  pellucid inspect {output}")


def _confusion(y: NDArray[np.int64], predicted: NDArray[np.int64]) -> None:
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (y, predicted), 1)
    rows = [[f"is {digit}", *(str(n) if n else "·" for n in counts[digit])] for digit in range(10)]
    click.echo("How often a digit (row) was taken for another (column):")
    table(["", *map(str, range(10))], rows)


def _arithmetic(net: pl.Network, image: NDArray[np.float32], label: int) -> pl.Explanation:
    """The terms that weigh most in the sum of the output unit that answers for ``image``."""
    run = net.trace(image)
    probability = run["dense_3"][0]
    unit = int(probability.argmax())
    explanation = run.explain("dense_3.sum", unit=unit)
    shown, others, rest = explanation.top_terms(TERMS)
    if not np.isclose(explanation.total, explanation.value, rtol=1e-5):
        raise ArithmeticError(f"the terms add up to {explanation.total}, the engine's sum is {explanation.value}")

    click.echo(f"\nOne test image, a {label}:\n\n{_image(image)}\n")
    click.echo(f'Why "{unit}"?  dense_3.sum[{unit}], by {explanation.formula}, where x is the output of dense_2:')
    rows = [[term.text, term.numbers, f"{term.value:+.4g}"] for term in shown]
    rows += [[f"the other {others} terms", "", f"{rest:+.4g}"], ["the engine's sum", "", f"{explanation.value:+.4g}"]]
    table(["term", "with its numbers", "contribution"], rows)
    click.echo(f"Softmax of the ten sums gives this one {probability[unit]:.4f}.")
    return explanation


def _image(image: NDArray[np.float32]) -> str:
    levels = np.rint(image.reshape(8, 8) * (len(SHADES) - 1)).astype(int)
    return "\n".join("    " + "".join(SHADES[level] * 2 for level in row) for row in levels)
