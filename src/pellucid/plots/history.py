"""Curves of training: the history of a fit, and the search for a learning rate."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE = "#1f6feb", "#d9730d"


def history_figure(
    history: Mapping[str, Sequence[float]], epochs: Sequence[int], path: str | os.PathLike[str] | None = None
) -> Figure:
    """One panel a quantity, training and validation in one panel; saved to `path` if there is one.

    Args:
        history: values by name, one an epoch; "val_" before a name is the same on the validation data.
        epochs: the numbers of the epochs, from 0.
    """
    names = [name for name in history if not (name.startswith("val_") and name.removeprefix("val_") in history)]
    figure, panels = _panels(max(1, len(names)))
    for panel, name in zip(panels, names, strict=False):
        for key, label, color in ((name, "training", BLUE), (f"val_{name}", "validation", ORANGE)):
            if key in history:
                marker = "o" if len(epochs) < 15 else ""
                panel.plot(
                    [e + 1 for e in epochs],
                    history[key],
                    label=label,
                    color=color,
                    marker=marker,
                    markersize=3,
                )
        panel.set(title=name, xlabel="epoch")
        panel.xaxis.get_major_locator().set_params(integer=True)
        if f"val_{name}" in history:
            panel.legend(frameon=False)
    return _saved(figure, path)


def learning_rate_figure(
    rates: Sequence[float],
    losses: Sequence[float],
    suggestion: float,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The loss against the learning rate, with the rate suggested; saved to `path` if there is one."""
    figure, (panel,) = _panels(1)
    panel.plot(rates, losses, color=BLUE)
    panel.axvline(suggestion, color=ORANGE, label=f"suggestion {suggestion:.2g}")
    panel.set(title="learning rate", xlabel="learning rate", ylabel="loss", xscale="log")
    panel.legend(frameon=False)
    return _saved(figure, path)


def _panels(count: int) -> tuple[Figure, list[Any]]:
    # Figure, not pyplot: nothing is shown, and nothing stays open, without the caller's doing.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * count, 3.2), layout="constrained")
    panels = list(figure.subplots(1, count, squeeze=False)[0])
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.25)
    return figure, panels


def _saved(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    if path is not None:
        figure.savefig(path)
    return figure
