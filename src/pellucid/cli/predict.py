"""``pellucid predict``: what a saved network predicts for new examples."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Preparation
from ..data.tables.table import find
from ..engines import DEFAULT
from ..errors import DataError
from ..files import list_folder, reason, replacing
from . import grouped, options
from .autoencoding import CODE, reconstruction
from .examples import examples, fitted, image, is_image, the_shape
from .language import KEY
from .output import STREAM, check_writable, printable, table
from .reporting import json_text, with_force
from .sources import by_name

ROWS = 20

GROUPS = {"What is predicted": ("invert", "id_column", "unseen")}
EPILOG = """\b
Examples:
  pellucid predict model.safetensors new.csv                    a table with the columns of the training
  pellucid predict model.safetensors test.csv --id PassengerId --output answers.csv
                                                                every answer to a file, with a column of the table
  pellucid predict model.safetensors images.npy                 a NumPy array, one example a row
  pellucid predict model.safetensors iris --json                an embedded set; answers as JSON
  pellucid predict mnist.safetensors seven.png --invert         an image, dark on light paper
  pellucid predict films.safetensors reviews.txt                a network that takes texts: a text in each line
  pellucid predict mnist.safetensors scans/ more/*.png          all images of a folder, and others
  cat new.csv | pellucid predict model.safetensors - --output - > answers.csv
"""


@dataclass(frozen=True)
class Answers:
    """What the network gives for one input: outputs (n, units), and the cells of its --id column. Of an autoencoder the
    outputs are the error of each example, and its code.
    """

    source: str
    outputs: NDArray[Any]
    ids: Sequence[str] | None


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", metavar="INPUT...", nargs=-1, required=True, shell_complete=options.data_names)
@click.option("--invert", is_flag=True, help="Swap dark and light of images.")
@click.option("--id", "id_column", metavar="COLUMN", help="A column of the table to repeat beside its answers.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write every prediction to this CSV file, in full precision; - is the standard output.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every prediction as JSON, in full precision.")
@click.option("--quiet", is_flag=True, help="With --output: print nothing but warnings and errors.")
@click.option(
    "--unseen",
    type=click.Choice(["error", "ignore"]),
    help="What a category is that the training did not have: an error, or none of the known ones.  [default: as in the"
    " training, an error]",
)
@options.engine()
@options.csv_writing()
@with_force
def command(
    model: Path,
    inputs: tuple[str, ...],
    invert: bool,
    id_column: str | None,
    output: Path | None,
    as_json: bool,
    quiet: bool,
    unseen: str | None,
    engine: str | None,
    writing: dict[str, Any],
) -> None:
    """An INPUT is a CSV file with the columns of the training (others are ignored), also compressed or on the standard
    input (-), a Parquet, .npy or IDX file, an image (resized to that of the training images), a folder of such files,
    or the name of an embedded set or a toy. Classes come with their probability, quantities in the units of the
    training. Rows count from 0, as in `pellucid explain --input new.csv:0`; --output and --json give the probability
    of every class. An autoencoder gives each example's code, and its error, large where it is unlike those learned.
    """
    streamed = output is not None and str(output) == STREAM
    if streamed and as_json:
        raise DataError("--output - and --json both print to the standard output: leave one of them out.")
    if quiet and (output is None or streamed):
        raise DataError("--quiet leaves out what is printed, and then there is nothing: give --output FILE.csv too.")
    if inputs.count(STREAM) > 1:
        raise DataError("the standard input can be read once, expected at most one - among the inputs.")
    check_writable(None if streamed else output, sources=[model, *(name for name in inputs if name != STREAM)])
    net = pl.load(model, engine=engine or DEFAULT)
    if KEY in net.metadata:
        raise DataError(f"{model.name} learned from a text, which it continues: pellucid generate {model}")
    preparation = Preparation.of(net.metadata)
    if unseen is not None:
        preparation = replace(preparation, unseen=unseen)
    answers = [
        _answer(net, model.name, source, preparation, writing, id_column, invert=invert) for source in _files(inputs)
    ]
    columns, rows = _table(answers, preparation, id_column, coded=CODE in net.metadata)
    if output is not None and not streamed:
        _write(output, columns, rows)
    if quiet:
        return
    if streamed:
        click.echo(_csv(columns, rows), nl=False)
    elif as_json:
        click.echo(json_text(_records(columns, rows, preparation)))
    else:
        _show(columns, rows, output)
    if output is not None and not streamed:
        click.echo(f"saved {output}: {len(rows)} predictions", err=as_json)


def _files(inputs: Sequence[str]) -> list[str]:
    """The inputs, folders replaced by the files in them."""
    sources: list[str] = []
    for name in inputs:
        if name == STREAM or by_name(name) is not None or not Path(name).is_dir():
            sources.append(name)
            continue
        try:
            files = [str(path) for path in list_folder(name) if path.is_file() and not path.name.startswith(".")]
        except OSError as error:
            raise DataError(f'cannot read "{name}": {reason(error)}.') from error
        if not files:
            raise DataError(f'the folder "{name}" holds no file, expected images, tables or arrays.')
        sources += files
    return sources


def _answer(
    net: pl.Network,
    file: str,
    source: str,
    preparation: Preparation,
    writing: Mapping[str, Any],
    id_column: str | None,
    *,
    invert: bool,
) -> Answers:
    shape = the_shape(net, file)
    ids: Sequence[str] | None = None
    if source != STREAM and is_image(source):
        if id_column is not None:
            raise DataError(f'"{source}" is an image, and only tables take --id: leave it out.')
        x = image(source, net, file, shape, invert=invert)
    elif invert:
        raise DataError(f'"{source}" is not an image, and only images take --invert: leave it out.')
    else:
        given, columns = examples(source, preparation, writing, net)
        x = fitted(source, given, shape)
        if id_column is not None:
            if columns is None:
                raise DataError(f'"{source}" is not a table, and only tables take --id: leave it out.')
            ids = find(columns, id_column, Path(source).name).cells
    if CODE in net.metadata:
        error, codes = reconstruction(net, x)
        return Answers(source, np.column_stack([error, codes]), ids)
    outputs = net.predict(x)
    return Answers(source, outputs.reshape(len(outputs), -1), ids)


def _table(
    answers: Sequence[Answers], preparation: Preparation, id_column: str | None, *, coded: bool
) -> tuple[list[str], list[list[Any]]]:
    """The header and the rows of all answers: the file where there are several, the row, the id, the answer."""
    width = answers[0].outputs.shape[1]
    classes = preparation.classes if preparation.classes is not None and len(preparation.classes) == width else None
    columns = [*(["file"] if len(answers) > 1 else []), "row", *([] if id_column is None else [id_column])]
    if classes is not None:
        columns += ["class", "probability", *(f"probability of {name}" for name in classes)]
    elif coded:
        columns += ["error", *(f"code[{k}]" for k in range(width - 1))]
    else:
        name = preparation.target or "output"
        columns += [name] if width == 1 else [f"{name}[{k}]" for k in range(width)]
    rows: list[list[Any]] = []
    for part in answers:
        for i, values in enumerate(part.outputs):
            row = [*([part.source] if len(answers) > 1 else []), i, *([] if part.ids is None else [part.ids[i]])]
            if classes is not None:
                best = int(values.argmax())
                row += [classes[best], values[best]]
            rows.append([*row, *values])
    return columns, rows


def _records(columns: Sequence[str], rows: Sequence[Sequence[Any]], preparation: Preparation) -> list[dict[str, Any]]:
    """The rows by name, as JSON carries them."""
    begin = "probability of "
    known = {f"{begin}{name}": name for name in preparation.classes or ()} if "class" in columns else {}
    records = []
    for row in rows:
        record: dict[str, Any] = {}
        for name, cell in zip(columns, row, strict=True):
            value = cell
            if name in known:
                record.setdefault("probabilities", {})[known[name]] = value
            else:
                record[name] = value
        records.append(record)
    return records


def _show(columns: Sequence[str], rows: Sequence[Sequence[Any]], output: Path | None) -> None:
    """The first rows for people: of classes, the likeliest."""
    shown = [name for name in columns if not ("class" in columns and name.startswith("probability of "))]
    digits = ".4f" if "class" in columns else ".6g"
    cells = [
        [cell if isinstance(cell, int | str) else f"{cell:{digits}}" for cell in row[: len(shown)]]
        for row in rows[:ROWS]
    ]
    table([printable(name) for name in shown], cells)
    if len(rows) > ROWS:
        how = "" if output else "; --output FILE.csv writes them all"
        click.echo(f"… and {len(rows) - ROWS} more rows{how}")


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Numbers as the shortest text that reads back as the same number."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(cell) for cell in row] for row in rows)
    return text.getvalue()


def _write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with replacing(path) as beside:
        beside.write_text(_csv(columns, rows), encoding="utf-8")
