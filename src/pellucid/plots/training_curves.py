"""Curves of training: the history of a fit, and the search for a learning rate."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def history_figure(
    history: Mapping[str, Sequence[float]], epochs: Sequence[int], path: str | os.PathLike[str] | None = None
) -> Figure:
    """One panel a quantity, training and validation in one panel; saved to `path` if there is one.

    Args:
        history: values by name, one an epoch; "val_" before a name is the same on the validation data.
        epochs: the numbers of the epochs, from 0.
    """
    names = [name for name in history if not (name.startswith("val_") and name.removeprefix("val_") in history)]
    figure, panels = style.panels(1, max(1, len(names)))
    for panel, name in zip(panels, names, strict=False):
        for place, (key, label) in enumerate(((name, "training"), (f"val_{name}", "validation"))):
            if key in history:
                marker = "o" if len(epochs) < 15 else ""
                line = "-" if place == 0 else "--"
                panel.plot(
                    [e + 1 for e in epochs],
                    history[key],
                    line,
                    label=label,
                    color=style.series(place),
                    marker=marker,
                    markersize=3,
                )
        panel.set(title=name, xlabel="epoch")
        panel.xaxis.get_major_locator().set_params(integer=True)
        if f"val_{name}" in history:
            style.legend(panel)
    last = (
        len(epochs) and f"After {epochs[-1] + 1} epochs: {', '.join(f'{n} {v[-1]:.4g}' for n, v in history.items())}."
    )
    return style.finished(figure, last or "", path)


def learning_rate_figure(
    rates: Sequence[float],
    losses: Sequence[float],
    suggestion: float,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The loss against the learning rate, with the rate suggested; saved to `path` if there is one."""
    figure, (panel,) = style.panels()
    panel.plot(rates, losses, color=style.series(0))
    panel.axvline(suggestion, color=style.series(1), label=f"suggestion {suggestion:.2g}")
    panel.set(title="learning rate", xlabel="learning rate", ylabel="loss", xscale="log")
    style.legend(panel)
    return style.finished(figure, "The loss while the learning rate grows from step to step.", path)
