"""What the parts of an input account for: over an image, along a series, word by word, or as bars."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
BARS = 24


def attribution_figure(
    scores: Array,
    shown: Array | None,
    *,
    title: str,
    caption: str,
    names: Sequence[str] | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Scores by their shape: (h,w,c) an image, with the image beside it; (t,i) a series, or with names (t,) words; (i,)
    bars, the largest first. Saved to `path` if there is one.

    Args:
        scores: what each element accounts for, of the shape of one example.
        shown: the example itself, of the same shape; None where it is not to be seen.
        names: the words, or the columns.
    """
    if scores.ndim == 3:
        return _image(scores, shown, title, caption, path)
    if scores.ndim == 2 and names is None:
        return _series(scores, shown, title, caption, path)
    values = scores.sum(axis=-1) if scores.ndim == 2 else scores.reshape(-1)
    labels = list(names) if names is not None else [str(k) for k in range(len(values))]
    return _bars(values, labels, scores.ndim == 2, title, caption, path)


def _image(scores: Array, shown: Array | None, title: str, caption: str, path: str | os.PathLike[str] | None) -> Figure:
    figure, panels = style.panels(1, 1 if shown is None else 2)
    if shown is not None:
        grey = shown.shape[-1] == 1
        low, high = float(shown.min()), float(shown.max())
        image = (shown - low) / ((high - low) or 1.0)
        panels[0].imshow(image[..., 0] if shown.shape[-1] != 3 else image, cmap=style.sequential() if grey else None)
        panels[0].set(title="input")
        style.bare(panels[0])
    total = scores.sum(axis=-1)
    limit = style.span(total)
    drawn = panels[-1].imshow(total, cmap=style.diverging(), vmin=-limit, vmax=limit)
    panels[-1].set(title=title)
    style.bare(panels[-1])
    style.scale(figure, drawn, panels[-1])
    return style.finished(figure, caption, path)


def _series(
    scores: Array, shown: Array | None, title: str, caption: str, path: str | os.PathLike[str] | None
) -> Figure:
    figure, panels = style.panels(1, 1 if shown is None else 2)
    if shown is not None:
        for place in range(min(shown.shape[1], 10)):
            panels[0].plot(shown[:, place], color=style.series(place))
        panels[0].set(title="input", xlabel="step")
    steps = np.arange(len(scores))
    total = scores.sum(axis=1)
    panels[-1].axhline(0, color=style.faint(), lw=0.8)
    panels[-1].bar(steps, total, color=[style.series(0 if v >= 0 else 1) for v in total])
    panels[-1].set(title=title, xlabel="step")
    return style.finished(figure, caption, path)


def _bars(
    values: Array,
    labels: Sequence[str],
    ordered: bool,
    title: str,
    caption: str,
    path: str | os.PathLike[str] | None,
) -> Figure:
    chosen = np.arange(len(values)) if ordered else np.argsort(-np.abs(values), kind="stable")
    chosen = chosen[:BARS]
    figure, (panel,) = style.panels()
    panel.axvline(0, color=style.faint(), lw=0.8)
    places = np.arange(len(chosen))[::-1]
    panel.barh(places, values[chosen], color=[style.series(0 if v >= 0 else 1) for v in values[chosen]])
    panel.set_yticks(places, [labels[k] if k < len(labels) else str(k) for k in chosen])
    panel.set(title=title)
    return style.finished(figure, caption, path)
