"""``pellucid predict``: what a saved network predicts for new examples."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

import pellucid as pl

from ..data import Preparation
from ..errors import DataError
from . import options
from .examples import examples, fitted, image, is_image, the_shape
from .language import KEY
from .output import check_writable, printable, replacing, table

ROWS = 20

EPILOG = """\b
Examples:
  pellucid predict model.safetensors new.csv                    a table with the columns of the training
  pellucid predict model.safetensors images.npy                 a NumPy array, one example a row
  pellucid predict model.safetensors iris --output answers.csv  an embedded set, every answer to a file
  pellucid predict mnist.safetensors seven.png --invert         an image, dark on light paper
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("input", metavar="INPUT")
@click.option("--invert", is_flag=True, help="Swap dark and light of an image.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="Write every prediction to this CSV file, in full precision."
)
@click.option(
    "--unseen",
    type=click.Choice(["error", "ignore"]),
    help="What a category is that the training did not have: an error, or none of the known ones.  [default: as in the"
    " training, an error]",
)
@options.csv_writing()
def command(
    model: Path, input: str, invert: bool, output: Path | None, unseen: str | None, writing: dict[str, Any]
) -> None:
    """Print what the network in MODEL predicts for INPUT.

    INPUT is a CSV file with the columns of the training (others are ignored), a .npy or IDX file, an image
    (resized to that of the training images), or the name of an embedded set or a toy. Classes come with their
    probability, quantities in the units of the training. Rows count from 0, as in `pellucid explain --input new.csv:0`;
    the CSV file of --output holds the probability of every class.
    """
    check_writable(output, sources=[model, input])
    net = pl.load(model)
    if KEY in net.metadata:
        raise DataError(f"{model.name} learned from a text, which it continues: pellucid generate {model}")
    preparation = Preparation.of(net.metadata)
    if unseen is not None:
        preparation = replace(preparation, unseen=unseen)
    shape = the_shape(net, model.name)
    if is_image(input):
        x = image(input, net, model.name, shape, invert=invert)
    elif invert:
        raise DataError(f'"{input}" is not an image, and only images take --invert: leave it out.')
    else:
        x = fitted(input, examples(input, preparation, writing)[0], shape)
    outputs = net.predict(x)
    if preparation.classes is not None and outputs.shape[1:] == (len(preparation.classes),):
        _show_classes(outputs, preparation.classes, output)
    else:
        _show_values(outputs.reshape(len(outputs), -1), preparation.target or "output", output)
    if output is not None:
        click.echo(f"saved {output}: {len(outputs)} predictions")


def _show_classes(outputs: NDArray[Any], classes: Sequence[str], output: Path | None) -> None:
    best = outputs.argmax(axis=1)
    if output is not None:
        header = ["row", "class", "probability", *(f"probability of {name}" for name in classes)]
        rows = zip(best, outputs, strict=True)
        _write(output, header, ([i, classes[k], p[k], *p] for i, (k, p) in enumerate(rows)))
    shown = [[i, classes[k], f"{outputs[i, k]:.4f}"] for i, k in enumerate(best[:ROWS])]
    table(["row", "class", "probability"], shown)
    _tell_more(len(outputs), output)


def _show_values(values: NDArray[Any], name: str, output: Path | None) -> None:
    columns = [name] if values.shape[1] == 1 else [f"{name}[{k}]" for k in range(values.shape[1])]
    if output is not None:
        _write(output, ["row", *columns], ([i, *row] for i, row in enumerate(values)))
    shown = [[i, *(f"{value:.6g}" for value in row)] for i, row in enumerate(values[:ROWS])]
    table(["row", *map(printable, columns)], shown)
    _tell_more(len(values), output)


def _tell_more(rows: int, output: Path | None) -> None:
    if rows > ROWS:
        how = "" if output else "; --output FILE.csv writes them all"
        click.echo(f"… and {rows - ROWS} more rows{how}")


def _write(path: Path, columns: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    """Numbers as the shortest text that reads back as the same number."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell) for cell in row] for row in rows)
    with replacing(path) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8")
