"""What a network would say if a value were another, and how much each part of an example accounts for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.explain.attribution.attribute import attribute
from pellucid.explain.intervention.patching import patched
from pellucid.explain.trace import Trace
from pellucid.lab.protocol import answers
from pellucid.lab.view.samples import Sample, Samples, numbers
from pellucid.messages import gettext
from pellucid.network import BaseNetwork

Array = NDArray[Any]

TOLERANCE, MAX_STEPS = 1e-3, 512
"""Of integrated gradients: the largest error of the sum, as a fraction of the output, and the most gradients."""


def supposed(
    net: BaseNetwork,
    samples: Samples,
    sample: Sample,
    run: Trace,
    path: str,
    place: tuple[int, ...],
    value: float,
    *,
    whole: bool,
) -> answers.Supposed:
    """The run of an example with one element set, or with all along the last axis, beside the run without.

    Args:
        run: the run without; `place` is the element's index in it.

    Raises:
        DataError: gradients are not set here.
    """
    if path.startswith("d(") or path == "loss":
        raise DataError(gettext("{path} is what the network learns from, not what it says: set a value", path=path))
    axes = run.tensor(path).axes
    named = [
        f"{axis.name}={i}"
        for k, (axis, i) in enumerate(zip(axes, place, strict=True))
        if isinstance(axis.extent, int) and not (whole and k == len(axes) - 1)
    ]
    targets = [] if sample.y is None else [samples.goal]
    arrays = samples.arrays(sample.x[None], None if sample.y is None else sample.y[None])
    result = patched(net, arrays, targets, {f"{path}[{','.join(named)}]" if named else path: value})
    before, after, output = result.before, result.after, samples.goal.path
    paths = [use.path for use in net.uses if use.path not in net.input_shapes and use.path in after]
    changed = [change for p in paths if (change := change_of(p, before[p], after[p])) is not None]
    # a loss that reads the sums before a softmax says nothing of its output
    counts = bool(targets) and path != output
    return {
        "output": output,
        "before": numbers(np.asarray(before[output])[0]),
        "after": numbers(np.asarray(after[output])[0]),
        "loss": [float(before["loss"]), float(after["loss"])] if counts else None,
        "changed": changed,
    }


def change_of(path: str, before: Array, after: Array) -> answers.Changed | None:
    """How many elements of a value differ, and by how much; None where none does."""
    by = np.abs(np.asarray(after, np.float64) - np.asarray(before, np.float64))
    moved = (by > 0) | (np.isnan(after) != np.isnan(before))
    if not moved.any():
        return None
    largest = float(np.nanmax(by)) if not np.isnan(by).all() else np.nan
    return {"path": path, "count": int(moved.sum()), "size": by.size, "largest": largest}


def attributed(net: BaseNetwork, samples: Samples, sample: Sample, run: Trace, unit: int) -> answers.Attributed:
    """How much every element of an example accounts for in one unit of the output, before a softmax or a sigmoid; of a
    sequence at its last step, and of a text by symbols. By integrated gradients, from an example of zeros.

    Raises:
        DataError: the output has no such units.
    """
    output = samples.goal.path
    shape = net.output_shapes[output]
    if len(shape) not in (1, 2) or not 0 <= unit < shape[-1] or (len(shape) == 2 and len(sample.x.shape) > 2):
        raise DataError(gettext("{path} has no unit {unit} of which this could be said", path=output, unit=unit))
    path = f"{output}.sum" if f"{output}.sum" in run else output
    steps = {"time": shape[0] - 1} if len(shape) == 2 else {}
    found = attribute(
        net,
        sample.x,
        path,
        unit=unit,
        method="integrated_gradients",
        tolerance=TOLERANCE,
        max_steps=MAX_STEPS,
        **steps,
    )
    scores = np.asarray(found.values)
    return {
        "path": path,
        "index": [*steps.values(), unit],
        "scores": numbers(scores.sum(axis=-1) if scores.ndim > sample.x.ndim else scores),
        "output": found.output,
        "baseline": found.baseline,
        "missing": found.residual,
    }
