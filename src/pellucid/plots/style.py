"""What all figures share: colours, a caption, a frame.

A figure follows matplotlib's own settings: under `plt.style.context("dark_background")`, or a dark theme of one's own,
it is drawn for a dark page. Series are distinguished by colours of Okabe and Ito (Color universal design, 2008), which
colour-blind eyes can separate. Weights and activations run from blue over the page's colour to orange, gradients from
green to purple.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, PellucidError
from pellucid.files import replacing

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Array = NDArray[Any]
Quantity = Literal["value", "gradient"]

SERIES = {
    False: ("#0072b2", "#b85000", "#00785a", "#a8488a", "#7a6a00", "#3f6f9f", "#5c5c5c", "#8a4b2a"),
    True: ("#56b4e9", "#e69f00", "#2fc79a", "#dd92bf", "#f0e442", "#8fb8e0", "#b8b8b8", "#d9a07a"),
}
DIVERGING = {
    ("value", False): ("#0b4f8a", "#5a9bd0", "#f7f7f5", "#e58a3a", "#8f3d00"),
    ("value", True): ("#8fd0ff", "#2c7fc0", "#1a1a1a", "#c8691a", "#ffc27d"),
    ("gradient", False): ("#0a5c3a", "#5fae84", "#f7f7f5", "#a67bb8", "#56216e"),
    ("gradient", True): ("#8ff0bd", "#2f9866", "#1a1a1a", "#9a5bb5", "#e6b8f5"),
}


def dark() -> bool:
    """Whether figures are drawn on a dark page: by matplotlib's settings."""
    import matplotlib
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(matplotlib.rcParams["figure.facecolor"])
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def ink() -> str:
    """The colour of text and lines."""
    return "#f0f0f0" if dark() else "#1c1c1c"


def faint() -> str:
    """The colour of what stands back: grids, rests, edges."""
    return "#9a9a9a" if dark() else "#6e6e6e"


def series(place: int) -> str:
    """The colour of the series at this place."""
    colors = SERIES[dark()]
    return colors[place % len(colors)]


def diverging(quantity: Quantity = "value") -> Colormap:
    """The map from negative over 0 to positive."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(quantity, DIVERGING[quantity, dark()])


def sequential() -> Colormap:
    """The map from 0 to large, the page's colour first."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("sequential", DIVERGING["value", dark()][2::-1])


def span(array: Array) -> float:
    """The largest size of the finite elements, at which a diverging map ends: 0 stays in its middle."""
    finite = np.abs(array[np.isfinite(array)])
    return float(finite.max()) if finite.size and finite.max() > 0 else 1.0


def panels(
    rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (4.5, 3.2), **options: Any
) -> tuple[Figure, list[Any]]:
    """A figure with a grid of framed panels, each of this size in inches. Not pyplot's: nothing stays open."""
    from pellucid.plots.shown_figure import ShownFigure

    figure = ShownFigure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, **options).ravel())
    for panel in axes:
        framed(panel)
    return figure, axes


def framed(panel: Any) -> None:
    """A panel with two sides and a faint grid."""
    panel.spines[["top", "right"]].set_visible(False)
    for spine in panel.spines.values():
        spine.set_color(faint())
    panel.tick_params(colors=ink(), which="both")
    panel.grid(alpha=0.25, color=faint(), lw=0.6)
    panel.set_axisbelow(True)


def bare(panel: Any) -> None:
    """A panel without axes, for images."""
    panel.grid(False)
    panel.set(xticks=[], yticks=[])
    for spine in panel.spines.values():
        spine.set_visible(True)
        spine.set_color(faint())


def legend(panel: Any, **options: Any) -> None:
    panel.legend(frameon=False, labelcolor=ink(), **options)


def scale(figure: Figure, image: Any, where: Any, label: str = "") -> None:
    """The bar that shows which colour is which number."""
    bar = figure.colorbar(image, ax=where, shrink=0.85, pad=0.02, aspect=25)
    bar.outline.set_edgecolor(faint())
    bar.ax.tick_params(colors=ink(), labelsize=8)
    bar.set_label(label, color=ink(), fontsize=9)


def finished(figure: Figure, caption: str, path: str | os.PathLike[str] | None = None) -> Figure:
    """The figure with its caption below; saved to `path` if there is one.

    Raises:
        DataError: the path's ending is no format of figures.
        ModelFileError: the path cannot be written.
    """
    import matplotlib

    figure.set_facecolor(matplotlib.rcParams["figure.facecolor"])
    for panel in figure.axes:
        panel.title.set_color(ink())
        panel.xaxis.label.set_color(ink())
        panel.yaxis.label.set_color(ink())
    if caption:
        # A caption runs over the figure's width: about 13 letters of 9 points to an inch.
        lines = textwrap.fill(caption, max(24, int(figure.get_figwidth() * 12.5)))
        figure.supxlabel(lines, fontsize=9, color=ink(), x=0.02, ha="left")
    if path is not None:
        target = Path(path) if Path(path).suffix else Path(f"{path}.png")
        try:
            with replacing(target) as beside:
                figure.savefig(beside, facecolor=figure.get_facecolor())
        except PellucidError:
            raise
        except ValueError as error:  # a format that matplotlib does not know
            raise DataError(
                f'"{path}" is not the name of a figure, expected it to end in .png, .svg or .pdf.'
            ) from error
    return figure


def marks(panel: Any, labels: Sequence[str], *, axis: Literal["x", "y"] = "x", **options: Any) -> None:
    """Words as ticks, at 0, 1, 2, …"""
    setting: Mapping[str, Any] = {f"{axis}ticks": range(len(labels))}
    panel.set(**setting)
    getattr(panel, f"set_{axis}ticklabels")(labels, **options)
