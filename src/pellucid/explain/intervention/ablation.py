"""`ablate`: a part of a network taken out, by a value that says nothing in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.errors import PellucidError
from pellucid.explain.intervention.patched_run import PatchedRun
from pellucid.explain.intervention.patching import patch
from pellucid.explain.paths import integers
from pellucid.explain.trace import as_batch, tracing
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import inputs
from pellucid.training.inputs.targets import LossLike

WAYS = ("zero", "mean", "resample")


def ablate(
    net: BaseNetwork,
    x: Any,
    path: str,
    *,
    unit: int | Sequence[int] | None = None,
    time: int | None = None,
    to: str = "zero",
    examples: Any = None,
    seed: int = 0,
    y: Any = None,
    loss: LossLike | Mapping[str, LossLike] = None,
) -> PatchedRun:
    """Run the network with a value, or units of it, replaced by a value that says nothing about the example.

    Args:
        x: examples, or one example without a batch axis.
        path: the value, as in `patch`.
        unit: the unit, filter or channel, or several of them; all of them by default.
        time: the step of a sequence; all of them by default.
        to: "zero"; "mean", what the value is on average over `examples`; "resample", what it is for one of `examples`,
            drawn for each example of x by the seed.
        examples: examples for "mean" and "resample", the first of x for instance.
        y, loss: as in `patch`.

    Raises:
        PellucidError: no such value, unit or way, or no examples where they are needed.
    """
    if to not in WAYS:
        raise PellucidError(f"to is {to!r}, expected one of {', '.join(WAYS)}")
    where = [] if time is None else [f"t={integers(time, 'time')[0]}"]
    units = (None,) if unit is None else integers(unit, "unit")
    parts = [[*where, *([] if u is None else [f"unit={u}"])] for u in units]
    paths = [f"{path}[{','.join(part)}]" if part else path for part in parts]
    if to == "zero":
        return patch(net, x, dict.fromkeys(paths, 0.0), y, loss=loss)
    if examples is None:
        raise PellucidError(f'to="{to}" needs examples: ablate(…, to="{to}", examples=x_train[:100])')
    given = inputs(net, as_batch(net, examples, None)[0])
    run = tracing(net)
    values = run.trace({**net.parameters.snapshot(), **given})
    known = {name: values[name] for name in (path.partition("[")[0],) if name in values}
    count = len(next(iter(given.values())))
    n = len(next(iter(inputs(net, as_batch(net, x, None)[0]).values())))
    if to == "mean":
        whole = {name: np.repeat(a.mean(axis=0, keepdims=True, dtype=np.float64), n, 0) for name, a in known.items()}
    else:
        rows = np.random.default_rng(seed).integers(count, size=n)
        whole = {name: a[rows] for name, a in known.items()}
    return patch(net, x, dict.fromkeys(paths, whole), y, loss=loss)
