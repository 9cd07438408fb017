"""The flow of values and gradients: by layer, over a training, back in time."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def flow_figure(
    layers: Sequence[Mapping[str, Any]], *, step: int = 0, path: str | os.PathLike[str] | None = None
) -> Figure:
    """Size of activations and gradients by layer, and the fractions of dead and saturated units.

    Args:
        layers: for each layer its "path", "activation", "gradient", "dead", "saturated"; NaN for what it does not have.
    """
    names = [str(layer["path"]) for layer in layers]
    figure, (panel, stuck) = style.panels(1, 2, size=(max(3.6, 0.45 * len(names) + 1.6), 3.6))
    for place, key in ((0, "activation"), (3, "gradient")):
        panel.plot(
            [_shown(layer[key]) for layer in layers], color=style.series(place), marker="os"[place > 0], label=key
        )
    panel.set(yscale="log", title="root mean square")
    style.legend(panel)
    for place, (key, hatch) in enumerate((("dead", ""), ("saturated", "///"))):
        percent = [0.0 if math.isnan(layer[key]) else 100 * layer[key] for layer in layers]
        at = [k + 0.2 * (2 * place - 1) for k in range(len(percent))]
        stuck.bar(
            at,
            percent,
            width=0.4,
            color=style.series(6 if place else 1),
            hatch=hatch,
            edgecolor=style.ink(),
            lw=0.5,
            label=key,
        )
    stuck.set(ylim=(0, 100), title="units, %")
    style.legend(stuck)
    for one in (panel, stuck):
        style.marks(one, names, rotation=40, ha="right", fontsize=8)
    caption = (
        f"Step {step}: how large the values are forward, and the gradients of the loss by them. A gradient that falls "
        "or grows by powers of ten towards the left vanishes or explodes."
    )
    return style.finished(figure, caption, path)


def watch_figure(
    steps: Sequence[int],
    gradients: Mapping[str, Sequence[float]],
    ratios: Mapping[str, Sequence[float]],
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """The gradient of every layer, and its update over its weights, along a training."""
    figure, panels = style.panels(1, 2, size=(4.8, 3.6))
    for panel, title, curves in zip(
        panels, ("gradient, root mean square", "update / weight"), (gradients, ratios), strict=True
    ):
        for place, (name, values) in enumerate(curves.items()):
            line = ("-", "--", ":", "-.")[place // 8 % 4]
            panel.plot(
                steps,
                [_shown(v) for v in values],
                line,
                color=style.series(place),
                marker="o",
                markersize=3,
                label=name,
            )
        panel.set(yscale="log", title=title, xlabel="step")
        panel.xaxis.get_major_locator().set_params(integer=True)
    if panels[1].has_data():
        panels[1].axhline(1e-3, color=style.faint(), lw=1, ls=":")
    if panels[0].has_data():
        style.legend(panels[0], fontsize=7, ncols=2)
    return style.finished(
        figure,
        "Gradients by layer while the network learns; updates of about a thousandth of the weights (dotted) are usual.",
        path,
    )


def reach_figure(reaches: Mapping[str, Sequence[float]], path: str | os.PathLike[str] | None = None) -> Figure:
    """How far back in time the gradient reaches: its norm against the number of steps back."""
    figure, (panel,) = style.panels(size=(5.2, 3.4))
    for place, (name, norms) in enumerate(reaches.items()):
        panel.plot(
            [_shown(v) for v in norms], color=style.series(place), marker="os^D"[place % 4], markersize=4, label=name
        )
    panel.set(
        yscale="log",
        xlabel="k, steps back",
        ylabel="norm of ∂loss$_t$ / ∂h$_{t−k}$",
        title="how far back the gradient reaches",
    )
    panel.xaxis.get_major_locator().set_params(integer=True)
    style.legend(panel)
    return style.finished(
        figure,
        "What the loss of one step tells the states before it. A straight fall loses the same fraction at every step.",
        path,
    )


def _shown(value: float) -> float:
    """A number that a logarithmic axis can show."""
    return value if value > 0 and math.isfinite(value) else math.nan
