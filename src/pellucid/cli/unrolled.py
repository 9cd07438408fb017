"""A recurrent layer over time: its states and gates at every step of one example."""

from __future__ import annotations

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..errors import DataError
from ..explain import Trace
from .language import KEY, Reader
from .output import printable, table
from .reporting import Report

PARTS = ("gate.", "cell", "state", "sum")


def parts_over_time(run: Trace, path: str) -> dict[str, NDArray[np.floating]]:
    """The values of a recurrent layer that it has at every step, (steps, units) each, by name; nothing for others."""
    names = [p.removeprefix(f"{path}.") for p in run if p.startswith(f"{path}.")]
    kept = [name for name in names if name.startswith(PARTS) and run[f"{path}.{name}"].ndim == 3]
    return {name: run[f"{path}.{name}"][0] for name in kept} if "state" in kept else {}


def show_unrolled(
    net: pl.Network, file: str, x: NDArray[np.generic], path: str, run: Trace, unit: int | None
) -> Report:
    """Print the layer step by step: what it reads, then its gates and states, of one unit or as means over all."""
    parts = parts_over_time(run, path)
    units = parts["state"].shape[1]
    if unit is not None and not 0 <= unit < units:
        raise DataError(f"--unit is {unit}, and {path} has the units 0 to {units - 1}.")
    read = _read(net, file, x)
    of = {name: values.mean(axis=1) if unit is None else values[:, unit] for name, values in parts.items()}
    whose = f"the means over its {units} units" if unit is None else f"unit {unit} of {units}"
    steps = len(parts["state"])
    click.echo(f"{path}, unrolled over {steps} steps: {whose}; the state of a step goes into the next")
    heads = [f"{name.removeprefix('gate.')} gate" if name.startswith("gate.") else name for name in of]
    rows = [[str(t), read[t], *(f"{values[t]:.4f}" for values in of.values())] for t in range(steps)]
    table(["step", "reads", *heads], rows)
    click.echo(f"one number of these, term by term: --time STEP{'' if unit is not None else ' --unit UNIT'}")
    return {"path": path, "unit": unit, "steps": [{"reads": read[t], **_at(of, t)} for t in range(steps)]}


def _at(of: dict[str, NDArray[np.floating]], t: int) -> dict[str, float]:
    return {name: float(values[t]) for name, values in of.items()}


def _read(net: pl.Network, file: str, x: NDArray[np.generic]) -> list[str]:
    """What the network reads at each step: tokens, or the first numbers."""
    if KEY in net.metadata:
        tokens = Reader.read(net, file).vocabulary.tokens
        return [{"\n": "↵", " ": "␣"}.get(tokens[int(k)], printable(tokens[int(k)])) for k in x]
    rows = [np.atleast_1d(row).ravel() for row in x]
    return [" ".join(f"{value:.4g}" for value in row[:3].tolist()) + (" …" if len(row) > 3 else "") for row in rows]
