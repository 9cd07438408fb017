"""The terms of a sum as bars, those that weigh most first."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def terms_figure(
    labels: Sequence[str],
    values: Sequence[float],
    total: float,
    *,
    title: str = "",
    caption: str = "",
    quantity: style.Quantity = "value",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """A bar a term, and their total."""
    figure, (panel,) = style.panels(size=(5.6, 0.28 * (len(values) + 1) + 1.6))
    draw_terms(panel, labels, values, total, title=title, quantity=quantity)
    return style.finished(figure, caption, path)


def draw_terms(
    panel: Any,
    labels: Sequence[str],
    values: Sequence[float],
    total: float,
    *,
    title: str,
    quantity: style.Quantity = "value",
) -> None:
    low, high = (0, 1) if quantity == "value" else (2, 3)
    every = [*values, total]
    colors = [style.series(high if v > 0 else low) for v in values]
    panel.barh(range(len(every)), every, color=[*colors, style.faint()], height=0.7)
    style.marks(panel, [*labels, "total"], axis="y", fontsize=8)
    panel.axvline(0, color=style.ink(), lw=0.8)
    widest = max((abs(v) for v in every), default=1.0) or 1.0
    panel.set_xlim(min(0, min(every)) - 0.45 * widest, max(0, max(every)) + 0.45 * widest)
    for place, value in enumerate(every):
        side = "left" if value >= 0 else "right"
        panel.text(
            value + 0.015 * widest * (1 if value >= 0 else -1),
            place,
            f"{value:+.3g}".replace("-", "−"),
            va="center",
            ha=side,
            fontsize=7,
            color=style.ink(),
        )
    panel.invert_yaxis()
    panel.locator_params(axis="x", nbins=5)
    panel.set(title=title)
