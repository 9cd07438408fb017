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
    changed: list[answers.Changed] = []
    for use in net.uses:
        if use.path in net.input_shapes or use.path not in after:
            continue
        by = np.abs(np.asarray(after[use.path], np.float64) - np.asarray(before[use.path], np.float64))
        if by.any():
            changed.append(
                {"path": use.path, "count": int((by > 0).sum()), "size": by.size, "largest": float(by.max())}
            )
    # a loss that reads the sums before a softmax says nothing of its output
    counts = bool(targets) and path != output
    return {
        "output": output,
        "before": numbers(np.asarray(before[output])[0]),
        "after": numbers(np.asarray(after[output])[0]),
        "loss": [float(before["loss"]), float(after["loss"])] if counts else None,
        "changed": changed,
    }


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
