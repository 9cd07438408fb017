"""A figure that a notebook shows when it is what a cell gives, without pyplot and without a magic command."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure of matplotlib as a picture: notebooks show pyplot's figures alone unless an object says what it is."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png", facecolor=self.get_facecolor())
        return picture.getvalue()
