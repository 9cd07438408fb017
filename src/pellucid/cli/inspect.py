"""``pellucid inspect``: what is in a model file."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from .output import shorten, table

EPILOG = """\b
Example:
  pellucid inspect model.safetensors
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
def command(model: Path) -> None:
    """Show what is in a model file.

    The layers of the network in MODEL, its metadata and its parameters. A parameter that holds NaN or
    infinity is marked: such a network answers nonsense.
    """
    net = pl.load(model)
    net.summary()
    entries = [
        (key if inner is None else f"{key}.{inner}", shorten(value))
        for key, entry in net.metadata.items()
        for inner, value in (entry.items() if isinstance(entry, dict) else [(None, entry)])
    ]
    if entries:
        table(["metadata", "value"], entries)
    table(
        ["parameter", "shape", "mean", "std", "min", "max", "not finite"],
        [(path, _shape(values), *_statistics(values)) for path, values in net.parameters.items()],
    )


def _shape(values: NDArray[np.floating]) -> str:
    return " × ".join(map(str, values.shape)) or "1"


def _statistics(values: NDArray[np.floating]) -> list[str]:
    """Mean, standard deviation, least and largest of the finite values; how many are not finite."""
    finite = values[np.isfinite(values)].astype(np.float64)
    measures = [finite.mean(), finite.std(), finite.min(), finite.max()] if finite.size else [np.nan] * 4
    return [*(f"{measure:.4g}" for measure in measures), str(values.size - finite.size)]
