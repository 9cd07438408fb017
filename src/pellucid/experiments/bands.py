"""The parts that the figures of several claims share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.plots import style

MARKERS = "os^Dv"


def band(panel: Any, x: Sequence[float], runs: Sequence[Sequence[float]], *, place: int, label: str) -> None:
    """The mean over seeds against x, and the range from the smallest to the largest; runs[k] are the values at x[k]."""
    colour = style.series(place)
    means = [sum(values) / len(values) for values in runs]
    panel.plot(x, means, color=colour, marker=MARKERS[place % len(MARKERS)], markersize=4, label=label)
    panel.fill_between(x, [min(v) for v in runs], [max(v) for v in runs], color=colour, alpha=0.18, lw=0)


def dots(panel: Any, groups: Sequence[str], arms: Mapping[str, Sequence[Sequence[float]]]) -> None:
    """Every seed as a dot and the mean as a line, the arms side by side within each group; arms[name][group]."""
    width = 0.8 / len(arms)
    for place, (name, by_group) in enumerate(arms.items()):
        colour = style.series(place)
        for group, values in enumerate(by_group):
            at = group - 0.4 + width * (place + 0.5)
            panel.plot([at] * len(values), values, MARKERS[place % len(MARKERS)], color=colour, alpha=0.55, ms=4, mew=0)
            panel.plot([at - width * 0.4, at + width * 0.4], [sum(values) / len(values)] * 2, color=colour, lw=2)
        panel.plot([], [], MARKERS[place % len(MARKERS)], color=colour, label=name)
    style.marks(panel, list(groups))
    panel.set_xlim(-0.5, len(groups) - 0.5)
