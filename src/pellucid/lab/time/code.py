"""What was done in a run, as Python that repeats it to the bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.functions.learning import optimizers
from pellucid.functions.learning.losses import Loss
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.lab.protocol.requests import MAX_STEPS
from pellucid.lab.time.branches import Branch
from pellucid.lab.time.changes import Rate

DATA = ("validation_data", "sample_weight")
"""Options that are data: the code takes them from variables of these names."""


def code(preamble: str, options: Mapping[str, Any], owner: Branch, step: int, steps_per_epoch: int) -> str:
    """Python that ends with the weights of a step.

    Args:
        preamble: what makes `net`, `x` and `y`, and what else the options name.
        options: those of `fit` that were given.
        owner: the branch in which the step was taken.
    """
    before = [preamble.rstrip() or "# net, x and y as the lab was given them"]
    known = ", ".join(["net", "x", "y", *_options(options)])
    actions = _actions(owner, step)
    if not actions:  # a rate that was changed and changed back leaves nothing to repeat, too
        return _module(before, [])
    if owner.parent is None and not owner.rates and step % steps_per_epoch == 0:
        arguments = ["net.fit(x, y", f"epochs={step // steps_per_epoch}", *_options(options)]
        return _module(before, [f"{', '.join(arguments)})"])
    lines = [f"with Run({known}) as run:"]
    lines += [f"    {line}" for line in actions]
    return _module(before, lines)


def _module(before: list[str], after: list[str]) -> str:
    imports = []
    if any("pl." in line for line in after) and "import pellucid as pl" not in before[0]:
        imports.append("import pellucid as pl")
    if any("Run(" in line for line in after):
        imports.append("from pellucid.lab.time.run import Run")
    parts = ["\n".join(part) for part in (imports, before, after) if part]
    return "\n\n".join(parts) + "\n"


def _actions(owner: Branch, step: int) -> list[str]:
    """A line for each action on the way to a step."""
    lines: list[str] = []
    at, rate = 0, owner.lineage[0].rate

    def seek(to: int) -> None:
        nonlocal at
        while at < to:
            at = min(at + MAX_STEPS, to)
            lines.append(f'run.repeat({{"do": "seek", "step": {at}}})')

    def set_rate(to: float) -> None:
        nonlocal rate
        if to != rate:
            rate = to
            lines.append(f'run.repeat({{"do": "rate", "learning_rate": {rate!r}}})')

    for branch, child in zip(owner.lineage, [*owner.lineage[1:], None], strict=True):
        end = child.at if child else step
        for changed, value in branch.rates.items():
            if changed < end or (changed == end and child is None):
                seek(changed)
                set_rate(value)
        seek(end)
        if child is not None and child.change is not None:
            if not isinstance(child.change, Rate):
                set_rate(child.rate)
            lines.append(child.change.call())
            rate = child.rate
    return lines


def _options(options: Mapping[str, Any]) -> list[str]:
    return [f"{name}={name if name in DATA else _literal(value)}" for name, value in options.items()]


def _literal(value: Any) -> str:
    """A value as Python writes it; functions and classes of the user's own by their names."""
    if isinstance(value, Optimizer):
        changed = [
            f"{f.name}={getattr(value, f.name)!r}"
            for f in dataclasses.fields(value)
            if getattr(value, f.name) != f.default
        ]
        kind = type(value)
        prefix = "pl." if kind.__module__ == optimizers.__name__ else ""
        return f"{prefix}{kind.__name__}({', '.join(changed)})"
    if isinstance(value, Loss):
        return f"pl.loss({', '.join([repr(value.name), *(f'{key}={part!r}' for key, part in value.options.items())])})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_literal(part)}' for key, part in value.items())}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_literal, value))}]"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    return repr(value)
