"""Every picture of the gallery can be drawn on a light and on a dark page, says what it shows, and can be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from tests.plots.gallery import PICTURES, theme

from pellucid.plots import style

GALLERY = Path(__file__).parents[2] / "docs" / "gallery.md"


def luminance(color: Any) -> float:
    """The relative luminance of WCAG 2.2."""
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: Any, other: Any) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.sample(14)
@pytest.mark.parametrize("page", ["light", "dark"])
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_can_be_read(name: str, page: str) -> None:
    with theme(page):
        figure = PICTURES[name]()
        figure.canvas.draw()
        assert style.dark() is (page == "dark")
    caption = figure._supxlabel.get_text()
    assert len(caption) > 20 and caption.endswith(".")
    back = figure.get_facecolor()
    width, height = figure.bbox.size
    for text in figure.findobj(Text):
        if not (text.get_visible() and text.get_text().strip()) or any(text in p.texts for p in figure.axes):
            continue
        assert contrast(text.get_color(), back) >= 4.5, text.get_text()
        assert text.get_fontsize() >= 7
    for label in (figure._supxlabel, *(p.title for p in figure.axes)):
        box = label.get_window_extent()
        if label.get_text():
            assert box.x0 >= -2 and box.y0 >= -2 and box.x1 <= width + 2 and box.y1 <= height + 2, label.get_text()


@pytest.mark.parametrize("page", ["light", "dark"])
def test_colours_stand_out_and_apart(page: str) -> None:
    with theme(page):
        import matplotlib

        back = matplotlib.rcParams["figure.facecolor"]
        colors = [style.series(k) for k in range(8)]
        assert all(contrast(c, back) >= 3 for c in colors)
        assert contrast(style.ink(), back) >= 7
        for quantity in ("value", "gradient"):
            ends = [style.diverging(quantity)(k) for k in (0.0, 0.5, 1.0)]
            assert contrast(ends[1], back) < 1.3
            assert contrast(ends[0], back) >= 4.5 and contrast(ends[2], back) >= 4.5
            for blind in (PROTAN, DEUTAN):
                low, high = (blind @ np.array(to_rgb(e)) for e in (ends[0], ends[2]))
                assert np.abs(low - high).max() > 0.15, "both ends look alike to colour-blind eyes"


# Viénot, Brettel & Mollon (1999), in linear RGB; near enough for a difference of hue
PROTAN = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
DEUTAN = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])


def test_the_page_shows_every_picture() -> None:
    text = GALLERY.read_text(encoding="utf-8")
    for name in PICTURES:
        assert f"gallery/{name}-light.png" in text, name
        assert f"gallery/{name}-dark.png" in text, name
