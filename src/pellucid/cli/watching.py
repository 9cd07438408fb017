"""The flow of values and gradients as a table: of `pellucid inspect --watch`, and of a training that is watched."""

from __future__ import annotations

import click

import pellucid as pl

from ..explain.flow import COLUMNS
from .output import table

HEADS = {"weight_gradient": "d(weight)", "ratio": "update/weight"}


def print_flow(flow: pl.Flow) -> None:
    """Print a flow; as in `pl.Watch(on_record=print_flow)`."""
    click.echo(f"step {flow.step}: loss {flow.loss:.4g}")
    table(["layer", *(HEADS.get(c, c) for c in COLUMNS)], flow.rows())
    for reach in flow.reach:
        click.echo(str(reach))
