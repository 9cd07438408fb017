"""``pellucid sheet``: a small network as a spreadsheet with live formulas."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Preparation
from ..errors import DataError
from ..explain.columns import column_names
from ..functions.learning.optimizers import OPTIMIZERS
from . import grouped, options
from .examples import one_example, target_of, the_shape
from .output import check_writable
from .reporting import Report, reporting, with_force

_NUMBERS = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?(\s*[,\s]\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?)*\s*")

GROUPS = {
    "The example": ("source", "target"),
    "The update": ("loss", "optimizer", "learning_rate"),
    "The sheet": ("max_cells", "language"),
}
EPILOG = """\b
Examples:
  pellucid sheet xor.safetensors xor.xlsx --input "1,0" --target 1
  pellucid sheet iris.safetensors iris.xlsx --input iris:7                 the target is in the data
  pellucid sheet iris.safetensors iris.xlsx --input iris:7 --optimizer adam --learning-rate 0.01
  pellucid sheet net.safetensors net.xlsx                                  made-up numbers, to be typed over
"""


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--input",
    "source",
    help='Numbers such as "1,0", one for each input; or, as in `pellucid explain`, an image, or a table, array, named'
    " set or text and its row, such as iris:3.  [default: made-up numbers]",
)
@click.option(
    "--target",
    help="The true class, quantity, or quantities such as 0,1. Without one, and none in the data, the sheet goes"
    " forward alone.",
)
@click.option(
    "--loss", help="The loss, such as mse or crossentropy.  [default: by the last activation, as in training]"
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS), case_sensitive=False),
    default="sgd",
    show_default=True,
    help="Whose first update is shown; sgd is plain gradient descent.",
)
@click.option(
    "--learning-rate",
    type=options.FloatRange(min=0, min_open=True),
    default=0.1,
    show_default=True,
    help="The learning rate, which is a cell too.",
)
@click.option(
    "--cells",
    "max_cells",
    type=options.IntRange(min=1),
    default=20_000,
    show_default=True,
    help="How many cells there may be at most: large sheets are slow to open.",
)
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the headings."
)
@options.csv_writing()
@with_force
@reporting()
def command(
    model: Path,
    output: Path,
    source: str | None,
    target: str | None,
    loss: str | None,
    optimizer: str,
    learning_rate: float,
    max_cells: int,
    language: str,
    writing: dict[str, Any],
    report: Report,
) -> None:
    """OUTPUT ends in .xlsx. The network in MODEL runs there forward, from the inputs through sums and activations to
    the loss; backward, from the loss to the gradient of every weight; and one update. Every number is a cell, and every
    cell but the inputs and parameters a formula: type over an input or a weight, and all that depends on it is computed
    anew, in Excel and in LibreOffice.

    The formulas are the network's own, element by element, so layers of every kind work that draw no random numbers.
    """
    from ..interchange.workbook import sheet

    if output.suffix.lower() != ".xlsx":
        raise DataError(f'"{output}" is not the name of a spreadsheet, expected it to end in .xlsx.')
    check_writable(output, sources=[model, source])
    net = pl.load(model)
    preparation = Preparation.of(net.metadata)
    x, y = _example(source, net, model.name, preparation, writing)
    if target is not None:
        y = _target(target, net, preparation)
    elif source is None:
        y = _made_up_target(net, preparation)
    targets = None if y is None else np.asarray(y)[None]
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("cells", total=None)
        written = sheet(
            net,
            output,
            x[None],
            targets,
            loss=loss,
            optimizer=OPTIMIZERS[optimizer](learning_rate),
            names=column_names(net),
            language=language,
            max_cells=max_cells,
            on_cells=lambda done, total: progress.update(task, completed=done, total=total),
        )
    report |= {"file": output, "cells": written.cells, "formulas": written.formulas, "backward": y is not None}
    click.echo(f"wrote {output}: {written.cells:,} cells, {written.formulas:,} of them formulas")
    if source is None:
        click.echo("Its example is made up: type over the green cells, or give one with --input.")
    elif y is None:
        click.echo("It goes forward alone, for the true class or quantity is not in the data: give --target.")


def _example(
    source: str | None, net: pl.Network, file: str, preparation: Preparation, writing: Mapping[str, Any]
) -> tuple[NDArray[Any], Any]:
    """One example, and its target where the source has one."""
    shape = the_shape(net, file)
    count = math.prod(shape)
    if source is None:
        (path,) = net.input_shapes
        if net.forward(training=False).inputs[path].kind == "int":
            return np.zeros(shape, np.int64), None
        return np.resize(np.array([1.0, 0.5, -0.5, 0.25], np.float32), shape), None
    if Path(source).exists() or not _NUMBERS.fullmatch(source):
        return one_example(source, net, file, preparation, writing)
    numbers = _numbers(source)
    if len(numbers) != count:
        raise DataError(f'--input "{source}" holds {len(numbers)} numbers, expected {count}, which the model takes.')
    return np.array(numbers, np.float32).reshape(shape), None


def _numbers(text: str) -> list[float]:
    return [float(part) for part in re.split(r"[,\s]+", text.strip())]


def _target(text: str, net: pl.Network, preparation: Preparation) -> Any:
    (shape,) = net.output_shapes.values()
    if preparation.classes is not None or len(numbers := _numbers(text) if _NUMBERS.fullmatch(text) else [0.0]) == 1:
        return target_of(text, net, preparation, option="--target")
    if len(numbers) != math.prod(shape):
        raise DataError(f'--target "{text}" holds {len(numbers)} numbers, expected {math.prod(shape)} or one.')
    return np.array(numbers, np.float32).reshape(shape)


def _made_up_target(net: pl.Network, preparation: Preparation) -> Any:
    """Class 0, or 1 for every quantity."""
    ((path, shape),) = net.output_shapes.items()
    classes = preparation.classes is not None or net.reading().last[path].activation in ("softmax", "log_softmax")
    return np.zeros(shape[:-1], np.int64) if classes else np.ones(shape, np.float32)
