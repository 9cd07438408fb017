"""``pellucid predict``: what a saved network says about new examples."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

import pellucid as pl

from ..data.images import SUFFIXES
from ..errors import DataError
from .examples import examples, picture
from .language import KEY
from .output import check_writable, printable, replacing, table
from .preparation import BRIGHTNESS, Preparation, reshaped

ROWS = 20

EPILOG = """\b
Examples:
  pellucid predict model.safetensors new.csv                    a table with the columns of the training
  pellucid predict model.safetensors images.npy                 a NumPy array, one example a row
  pellucid predict model.safetensors iris --output answers.csv  an embedded set, every answer to a file
  pellucid predict mnist.safetensors seven.png --invert         a picture, dark on light paper
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("input", metavar="INPUT")
@click.option("--invert", is_flag=True, help="Swap dark and light of a picture.")
@click.option("--output", type=click.Path(path_type=Path), help="Write every prediction to this CSV file.")
def command(model: Path, input: str, invert: bool, output: Path | None) -> None:
    """Print what the network in MODEL says about INPUT.

    INPUT is a CSV file with the columns of the training (others are passed over), a .npy file, a picture (brought to
    the size of those learned), or the name of an embedded set or a toy. Classes come with their probability,
    quantities in the units of the training.
    """
    check_writable(output)
    net = pl.load(model)
    if KEY in net.metadata:
        raise DataError(f"{model.name} learned from a text, to go on with it: pellucid generate {model}")
    preparation = Preparation.read(net.metadata)
    if len(net.input_shapes) != 1 or len(net.output_shapes) != 1:
        raise DataError(f"{model.name} has several inputs or outputs, expected one: use Network.predict.")
    (shape,) = net.input_shapes.values()
    if Path(input).suffix.lower() in SUFFIXES:
        if preparation.inputs is not None:
            raise DataError(f'"{input}" is a picture, but {model.name} learned from a table, expected a CSV file.')
        x = picture(input, shape, net.metadata.get(BRIGHTNESS), invert=invert)
    elif invert:
        raise DataError(f'"{input}" is no picture, which alone takes --invert: leave it out.')
    else:
        x = reshaped(examples(input, preparation), shape)
    columns, rows = _answers(net.predict(preparation.x(x)), preparation)
    table(["row", *columns], [[i, *row] for i, row in enumerate(rows[:ROWS])])
    if len(rows) > ROWS:
        mend = "" if output else "; --output FILE.csv writes them all"
        click.echo(f"… and {len(rows) - ROWS} more rows{mend}")
    if output is not None:
        _write(output, columns, rows)
        click.echo(f"saved {output}: {len(rows)} predictions")


def _answers(outputs: NDArray[Any], preparation: Preparation) -> tuple[list[str], list[list[str]]]:
    """The columns and the rows to show."""
    if preparation.classes is not None and outputs.shape[1:] == (len(preparation.classes),):
        best = outputs.argmax(axis=1)
        rows = [[preparation.classes[k], f"{row[k]:.4f}"] for k, row in zip(best, outputs, strict=True)]
        return ["class", "probability"], rows
    values = preparation.values(outputs).reshape(len(outputs), -1)
    name = printable(preparation.target or "output")
    columns = [name] if values.shape[1] == 1 else [f"{name}[{k}]" for k in range(values.shape[1])]
    return columns, [[f"{value:.6g}" for value in row] for row in values]


def _write(path: Path, columns: list[str], rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    with replacing(path) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8")
