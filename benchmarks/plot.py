"""A run as a picture: times against peers and floor, and how they grow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.growth import Growth
from benchmarks.report import MODES, Report
from benchmarks.timing import Comparison
from pellucid.plots import style


def draw(report: Report, path: Path) -> None:
    """Save the picture: a panel for steps, one for epochs, one for calls, and one for each quantity that grows."""
    modes = [(mode, comparisons) for mode in MODES if (comparisons := report.of(mode))]
    libraries = list(dict.fromkeys(t.contender.library for c in report.comparisons for t in c.times))
    quantities = list(dict.fromkeys(g.quantity for g in report.growths))
    bars = max([len(comparisons) for _, comparisons in modes], default=0)
    figure, panels = style.panels(1, max(1, len(modes) + len(quantities)), size=(max(5.2, 0.6 * bars), 3.8))
    for panel, (mode, comparisons) in zip(panels, modes, strict=False):
        _bars(panel, mode, comparisons, libraries)
    for panel, quantity in zip(panels[len(modes) :], quantities, strict=False):
        _lines(panel, quantity, [g for g in report.growths if g.quantity == quantity])
    load = report.machine["load"]
    caption = f"Medians on {report.machine['processor']}, {report.machine['cpus']} CPUs"
    style.finished(figure, caption + ("." if load is None else f", at a load of {load:.1f} before the run."), path)


def _bars(panel: Any, mode: str, comparisons: Sequence[Comparison], libraries: Sequence[str]) -> None:
    width = 0.8 / len(libraries)
    for place, library in enumerate(libraries):
        shown = [
            (k, min(t.median for t in c.times if t.runs and t.contender.library == library))
            for k, c in enumerate(comparisons)
            if any(t.runs and t.contender.library == library for t in c.times)
        ]
        x = [k - 0.4 + (place + 0.5) * width for k, _ in shown]
        if shown:
            panel.bar(x, [1e6 * s for _, s in shown], width, color=style.series(place), label=library)
    for k, c in enumerate(comparisons):
        floor = 1e6 * c.floor
        panel.plot([k - 0.42, k + 0.42], [floor, floor], color=style.ink(), lw=1.2, label=None if k else "floor")
    names = [f"{c.task.workload}\n{c.task.examples}" for c in comparisons]
    panel.set(title=mode, ylabel="µs, at the better number of threads", yscale="log")
    if len(names) > 8:
        style.marks(panel, names, rotation=90, fontsize=7)
    else:
        style.marks(panel, names)
    style.legend(panel, fontsize=7, ncols=2)


def _lines(panel: Any, quantity: str, growths: Sequence[Growth]) -> None:
    for place, g in enumerate(growths):
        us = [1e6 * s for s in g.seconds]
        panel.plot(g.sizes, us, "o-", color=style.series(place), markersize=4, label=g.workload)
        linear = [us[-1] * size / g.sizes[-1] for size in g.sizes]
        panel.plot(g.sizes, linear, ":", color=style.series(place), lw=1, label=None if place else "linear")
    panel.set(title=f"growth with the {quantity}", xlabel=quantity, ylabel="µs a step", xscale="log", yscale="log")
    style.legend(panel, fontsize=7)
