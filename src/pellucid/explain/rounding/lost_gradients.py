"""Gradients that are lost in the numbers of the engine: too small to be kept, or to change their weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.engines import compile_program
from pellucid.explain.flow import Flow
from pellucid.explain.trace import Trace, trace
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import LossLike


def absorbed(taken: Flow) -> list[str]:
    """The layers that a gradient reaches and a step does not change: their updates are below half a unit in the last
    place of their weights."""
    return [layer.path for layer in taken if layer.ratio == 0 and layer.gradient > 0 and layer.weight > 0]


def underflowed(net: BaseNetwork, x: Any, y: Any, loss: LossLike | Mapping[str, LossLike]) -> dict[str, float]:
    """The parameters whose gradient is 0 in the network's numbers and not in float64, and its largest element there."""
    run: Trace = trace(net, x, y, loss=loss)
    paths = [p for p in net.parameters.trainable if f"d({p})" in run and not np.any(run.gradient(p))]
    if not paths:
        return {}
    feeds = {name: np.asarray(run[name]) for name in run.program.inputs}
    exact = compile_program(run.program, engine="reference", dtype=np.float64)(feeds)
    found = {path: float(np.abs(exact[f"d({path})"]).max()) for path in paths}
    return {path: size for path, size in found.items() if size > 0}
