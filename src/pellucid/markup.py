"""Tables for notebooks: plain HTML that takes its colours from the page, light or dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

CELL = "padding:0.15em 0.6em;font-variant-numeric:tabular-nums"
"""Notebooks differ in what a cell is: in some without this, numbers of two columns read as one."""


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1, below: str = "") -> str:
    """A table; the first `texts` columns are left-aligned, the others, numbers, to the right.

    Every cell is escaped: a name may come from a foreign file.
    """

    def line(cells: Sequence[str], tag: str) -> str:
        sides = ("left" if place < texts else "right;white-space:nowrap" for place in range(len(cells)))
        return "".join(
            f'<{tag} style="{CELL};text-align:{side}">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    end = f"<p>{escape(below)}</p>" if below else ""
    return f"<table><thead><tr>{line(heads, 'th')}</tr></thead><tbody>{body}</tbody></table>{end}"
