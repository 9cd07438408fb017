"""A function of one number, its derivative, and the point at which a unit works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.plots import style


def draw_curve(
    panel: Any,
    x: Sequence[float],
    y: Sequence[float],
    slope: Sequence[float],
    *,
    at: tuple[float, float, float] | None,
    name: str,
    title: str = "",
) -> None:
    panel.axhline(0, color=style.faint(), lw=0.8)
    panel.axvline(0, color=style.faint(), lw=0.8)
    panel.plot(x, y, color=style.series(0), lw=2, label=f"a = {name}(z)" if name else "a")
    panel.plot(x, slope, "--", color=style.series(3), lw=1.5, label="da/dz")
    if at is not None:
        z, a, d = at
        panel.plot([z, z], [0, a], ":", color=style.ink(), lw=1)
        panel.plot([z], [a], "o", color=style.series(1), markersize=8, markeredgecolor=style.ink(), label="here")
        panel.plot([z], [d], "s", color=style.series(3), markersize=6, markeredgecolor=style.ink())
    panel.set(xlabel="z", title=title or name)
    style.legend(panel, fontsize=8)


def caption(name: str, at: tuple[float, float, float] | None) -> str:
    if at is None:
        return f"{name} and its derivative."
    z, a, d = at
    text = f"At z = {z:.4g} the unit gives a = {a:.4g}; of the gradient that arrives {d:.4g} times as much passes on."
    return text.replace("-", "−")
