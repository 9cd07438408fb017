"""``pellucid explain``: the arithmetic of one value of a saved network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Preparation
from ..engines import DEFAULT
from ..errors import DataError
from ..explain import METHODS, Attribution, Trace
from ..files import replacing
from . import grouped, options
from .autoencoding import CODE
from .examples import one_example, target_of
from .language import KEY
from .output import check_figure, check_writable, printable
from .reporting import json_text, spoken, with_force
from .unrolled import parts_over_time, show_unrolled
from .updating import Step

GROUPS = {
    "Which value": ("source", "unit", "at", "time", "index", "invert"),
    "What of it": ("backward", "learning_rate", "with_rounding", "method", "label", "terms", "language"),
}
EPILOG = """\b
Examples:
  pellucid explain digits.safetensors dense_1 --unit 3 --input digits:7     row 7 of an embedded set
  pellucid explain mnist.safetensors conv2d_1 --at 4,5 --unit 0 --input seven.png
  pellucid explain flats.safetensors dense_3.sum --unit 0 --input new.csv:2 --language zh
  pellucid explain digits.safetensors dense_1.kernel --index 20,3 --input digits:7 --backward
  pellucid explain digits.safetensors loss --input digits:7 --label 2 --json
  pellucid explain digits.safetensors dense_1.kernel --index 20,3 --input digits:7 --learning-rate 0.1
  pellucid explain digits.safetensors dense_2 --unit 3 --input digits:7 --rounding
  pellucid explain topics.safetensors lstm_1 --unit 3 --time 20 --input topics:100
  pellucid explain topics.safetensors lstm_1 --unit 3 --input topics:100      unrolled: gates and states, step by step
  pellucid explain mnist.safetensors dense_3.sum --unit 3 --input seven.png --attribute deeplift --plot why.png
"""


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Numbers such as 4,5."""
    try:
        return () if value is None else tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f'expected integers such as 4,5, got "{value}".', ctx, param) from None


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("path")
@click.option(
    "--input",
    "source",
    required=True,
    help="An image; a table, array or named set and its row, from 0, such as iris:3; or, for a model that read a text,"
    " a text and the token to begin with, such as topics:100.",
)
@click.option("--unit", type=int, help="The unit, filter or channel.")
@click.option("--at", metavar="ROW,COLUMN", callback=_numbers, help="The place in a feature map.")
@click.option("--time", type=int, help="The step of a sequence.")
@click.option(
    "--index", metavar="I,J,…", callback=_numbers, help="The whole index, without the example, instead of these."
)
@click.option("--backward", is_flag=True, help="Explain the gradient of the loss with respect to the value.")
@click.option(
    "--attribute",
    "method",
    type=click.Choice(METHODS),
    metavar="METHOD",
    help="How much of the value every part of the input accounts for, instead of its arithmetic: "
    + ", ".join(METHODS)
    + ".",
)
@click.option(
    "--learning-rate",
    type=options.FloatRange(min=0, min_open=True),
    help="Of a parameter, such as dense_1.kernel: also one update by gradient descent, with this rate.",
)
@click.option(
    "--rounding",
    "with_rounding",
    is_flag=True,
    help="Also its error bar: how far it may be from the same formulas without rounding, and which sum cancelled.",
)
@click.option("--label", help="The true class or quantity.  [default: the one in the data]")
@click.option(
    "--terms",
    type=options.IntRange(min=0),
    default=10,
    show_default=True,
    help="Terms to show before the rest is summed up.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the sentence."
)
@click.option("--invert", is_flag=True, help="Swap dark and light of an image.")
@click.option("--plot", type=click.Path(path_type=Path), help="Also draw it, such as unit.png.")
@options.engine()
@options.csv_writing()
@with_force
def command(
    model: Path,
    path: str,
    source: str,
    unit: int | None,
    at: tuple[int, ...],
    time: int | None,
    index: tuple[int, ...],
    backward: bool,
    method: str | None,
    learning_rate: float | None,
    with_rounding: bool,
    label: str | None,
    terms: int,
    as_json: bool,
    language: str,
    invert: bool,
    plot: Path | None,
    engine: str | None,
    writing: dict[str, Any],
) -> None:
    """PATH is a value of the network in MODEL: a layer's output such as dense_1, its sum dense_1.sum, a gate such as
    lstm_1.gate.forget, loss; with --backward the gradient of the loss with respect to it, or to a parameter such as
    dense_1.kernel; with --attribute how much of the value every pixel, column, word or step accounts for.
    `pellucid inspect` lists layers and parameters.

    Of a recurrent layer (or of its states, lstm_1.state) without --time: the layer unrolled, its gates and states at
    every step.
    """
    check_figure(plot)
    check_writable(plot, sources=[model, source])
    net = pl.load(model, engine=engine or DEFAULT)
    preparation = Preparation.of(net.metadata)
    x, target = one_example(source, net, model.name, preparation, writing, invert=invert)
    if label is not None and KEY in net.metadata:
        raise DataError("a text contains its own targets, --label is for classes and quantities: leave it out.")
    if label is not None:
        target = target_of(label, net, preparation)
    if method is not None:
        if backward or label is not None:
            raise DataError("--attribute explains a value by the input alone: leave out --backward and --label.")
        if with_rounding:
            raise DataError("--rounding is for a value's arithmetic: leave out --attribute.")
        from rich.console import Console

        with Console(stderr=True).status(f"attributing {path}"):
            shares = net.attribute(x, path, unit=unit, at=at, time=time, index=index, method=method)
        _show(shares, terms, as_json, plot)
        return
    if CODE in net.metadata:  # it learned to give what it takes
        target = x
    if target is None and (backward or path in net.parameters or path.split(".")[0] == "loss"):
        raise DataError(f"{path} needs the true class or quantity, which is not in the data: give --label.")
    y = None if target is None else np.asarray(target)[None]
    if learning_rate is not None and path not in net.parameters:
        raise DataError(f"--learning-rate updates a parameter, such as dense_1.kernel, got {path}: leave it out.")
    layer = path.removesuffix(".state")
    if time is None and not index and not backward and not with_rounding and layer in {use.path for use in net.uses}:
        run = net.trace(x[None])
        if parts_over_time(run, layer) and (unit is None or run[path].ndim == 3):
            _unroll(net, model.name, x, layer, run, unit, as_json, plot)
            return
    explanation = net.explain(path, x=x[None], y=y, unit=unit, at=at, time=time, index=index, backward=backward)
    if plot is not None:
        with replacing(plot) as beside:
            explanation.plot().savefig(beside)
    update = None
    if learning_rate is not None:
        assert y is not None, "a parameter is explained with its target"
        update = Step(net, x[None], y, rate=learning_rate).of(path, explanation.index)
    bar = None
    if with_rounding:
        bar = net.rounding(path, x=x[None], y=y, unit=unit, at=at, time=time, index=index, backward=backward)
    if as_json:
        more = {} if update is None else {"update": update.json()}
        more |= {} if bar is None else {"rounding": bar.json()}
        click.echo(json_text(explanation.json(limit=terms) | more))
    else:
        text = explanation.text(terms, language=language)
        click.echo("\n".join(printable(line) for line in text.split("\n")))
        if update is not None:
            click.echo(f"  one update: {update.text()}")
        if bar is not None:
            click.echo("\n".join(printable(line) for line in bar.text().split("\n")))
    if plot is not None:
        click.echo(f"drew {plot}", err=as_json)


def _unroll(
    net: pl.Network,
    file: str,
    x: NDArray[Any],
    path: str,
    run: Trace,
    unit: int | None,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Draw a recurrent layer over time, and print it."""
    if plot is not None:
        with replacing(plot) as beside:
            run.plot(path).savefig(beside)
    with spoken(False, quiet=as_json):
        found = show_unrolled(net, file, x, path, run, unit)
    if as_json:
        click.echo(json_text(found))
    if plot is not None:
        click.echo(f"drew {plot}", err=as_json)


def _show(shares: Attribution, terms: int, as_json: bool, plot: Path | None) -> None:
    """Draw an attribution, and print it."""
    if plot is not None:
        with replacing(plot) as beside:
            shares.plot().savefig(beside)
    if as_json:
        click.echo(json_text(shares.json()))
    else:
        click.echo("\n".join(printable(line) for line in shares.text(terms).split("\n")))
    if plot is not None:
        click.echo(f"drew {plot}", err=as_json)
