"""``pellucid inspect``: what is in a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.summary import summarise

from ..data import Preparation, text_windows
from . import grouped, options
from .examples import as_targets, fitted, the_shape
from .language import KEY, Reader
from .output import printable, shorten, table
from .reporting import Report, reporting
from .sources import check_writing, on_disk, text_of, training_data

EXAMPLES = 256

EPILOG = """\b
Examples:
  pellucid inspect model.safetensors
  pellucid inspect iris.safetensors --watch iris        how large values and gradients are, layer by layer
"""


@grouped.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--watch", metavar="DATA", help="Pass examples with their targets through it, and report what happens to them."
)
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of the findings."
)
@options.csv_writing()
@reporting()
def command(model: Path, watch: str | None, language: str, writing: dict[str, Any], report: Report) -> None:
    """The layers of the network in MODEL, its metadata and its parameters. A parameter that holds NaN or
    infinity is marked: such a network answers nonsense.

    With --watch, what happens to DATA (what `pellucid train` takes): the size of the values on the way forward and of
    the gradients on the way back, dead and saturated units, and what is wrong, if something is.
    """
    net = pl.load(model)
    if watch is not None:
        report |= _watch(net, model.name, on_disk(watch), language, writing)
        return
    summary = summarise(net)
    report |= {"model": model, "metadata": net.metadata, "layers": [vars(row) for row in summary.rows]}
    report["parameters"] = {path: _statistics(values) for path, values in net.parameters.items()}
    click.echo(str(summary))
    entries = [
        (key if inner is None else f"{key}.{inner}", shorten(value))
        for key, entry in net.metadata.items()
        for inner, value in (entry.items() if isinstance(entry, dict) else [(None, entry)])
    ]
    if entries:
        table(["metadata", "value"], entries)
    table(
        ["parameter", "shape", "mean", "std", "min", "max", "not finite"],
        [(path, _shape(values), *_written(_statistics(values))) for path, values in net.parameters.items()],
    )


def _watch(net: pl.Network, file: str, data: str, language: str, writing: dict[str, Any]) -> Report:
    from .watching import print_flow

    if KEY in net.metadata:
        check_writing(data, writing)
        reader = Reader.read(net, file)
        x, y = text_windows(reader.vocabulary.encode(text_of(data)), reader.length)
    else:
        preparation = Preparation.of(net.metadata)
        dataset, _ = training_data(data, target=preparation.target, like=preparation, writing=writing)
        x = fitted(data, dataset.x, the_shape(net, file))
        y = as_targets(dataset.y, preparation)
    rows = np.linspace(0, len(x) - 1, min(EXAMPLES, len(x))).astype(int)
    flow = net.flow(x[rows], y[rows], training=False)
    print_flow(flow)
    findings = net.diagnose(flow, x=x[rows], y=y[rows])
    click.echo(printable_lines(findings.text(language)))
    layers = [vars(layer) for layer in flow]
    return {"examples": len(rows), "loss": flow.loss, "layers": layers, "findings": findings.json()}


def printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def _shape(values: NDArray[np.floating]) -> str:
    return " × ".join(map(str, values.shape)) or "1"


def _statistics(values: NDArray[np.floating]) -> dict[str, Any]:
    """Shape; mean, standard deviation, minimum and maximum of the finite values; how many are not finite."""
    finite = values[np.isfinite(values)].astype(np.float64)
    measures = [finite.mean(), finite.std(), finite.min(), finite.max()] if finite.size else [np.nan] * 4
    named = dict(zip(("mean", "std", "min", "max"), map(float, measures), strict=True))
    return {"shape": values.shape, **named, "not_finite": values.size - finite.size}


def _written(statistics: dict[str, Any]) -> list[str]:
    return [*(f"{statistics[name]:.4g}" for name in ("mean", "std", "min", "max")), str(statistics["not_finite"])]
