"""The curve of an output against a value that was set by hand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def sweep_figure(
    values: NDArray[Any],
    results: NDArray[Any],
    at: tuple[float, NDArray[Any]] | None,
    *,
    x: str,
    y: str,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """A line for each element of the output (the first ten), with the place where the network is; saved to `path` if
    there is one.

    Args:
        values: what the value was set to, shape (k,).
        results: the output, shape (k,) or (k, …).
        at: the value without being set, and the output there.
        x, y: what the two are called.
    """
    lines = results.reshape(len(values), -1)
    figure, (panel,) = style.panels()
    for place in range(min(lines.shape[1], 10)):
        label = f"{y}[{place}]" if lines.shape[1] > 1 else y
        panel.plot(values, lines[:, place], color=style.series(place), label=label)
    if at is not None:
        panel.axvline(at[0], color=style.faint(), lw=0.8)
        for place, end in enumerate(at[1].reshape(-1)[:10]):
            panel.plot([at[0]], [end], "o", color=style.series(place), markeredgecolor=style.ink())
    panel.set(xlabel=x, ylabel=y)
    style.legend(panel, fontsize=8)
    said = f"Without being set, {x} is {at[0]:.4g}." if at is not None else f"{y} against {x}."
    return style.finished(figure, said, path)
