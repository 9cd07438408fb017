"""Tables for people, on a terminal or in a file; and the places that results are written to."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from ..errors import DataError

FIGURES = (".png", ".svg", ".pdf")
FORCE = "pellucid.force"
"""Where a command keeps whether it was given --force."""
STREAM = "-"
"""The name of the standard input and output."""

if TYPE_CHECKING:
    from rich.table import Table


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; text stands to the left, numbers (formatted by the caller) to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    cells = [[printable(cell) for cell in row] for row in rows]
    for index, column in enumerate(columns):
        numbers = all(_is_number(row[index]) for row in cells)
        grid.add_column(printable(column), justify="right" if numbers else "left", no_wrap=numbers)
    for row in cells:
        grid.add_row(*row)
    _print(grid)


def printable(value: object) -> str:
    """``value`` without control characters: a name in a foreign file could otherwise steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))


def shorten(value: object, width: int = 60) -> str:
    """``value`` as JSON in at most ``width`` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= width else text[: width - 1] + "…"


def check_figure(path: Path | None) -> None:
    """Raise before a long run where its figure could not be written under this name."""
    if path is not None and path.suffix.lower() not in FIGURES:
        raise DataError(f'"{path}" is not the name of a figure, expected it to end in {", ".join(FIGURES)}.')


def check_writable(*paths: Path | None, sources: Iterable[str | Path | None] = (), replace: bool = False) -> None:
    """Raise before the work begins, rather than after it, where a result could not be written, or would be written over
    another or over one of the ``sources``. Ask before a file is replaced, unless ``replace``.
    """
    taken: dict[str, str] = {os.path.realpath(source): "is what is read" for source in sources if source is not None}
    for path in paths:
        if path is None:
            continue
        if use := taken.get(os.path.realpath(path)):
            raise DataError(f'cannot write "{path}": it {use}, give another name.')
        taken[os.path.realpath(path)] = "is written already"
        if path.is_dir():
            raise DataError(f'cannot write "{path}": it is a folder, expected the name of a file.')
        _check_above(path, "write")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise DataError(f'cannot write "{path}": permission denied, choose another place.')
    there = [path for path in paths if path is not None and path.is_file()]
    if there and not replace:
        _ask_to_replace(there)


def _ask_to_replace(paths: Sequence[Path]) -> None:
    """Ask whether files may be replaced; where nobody can answer, raise. Commands without --force say so later."""
    ctx = click.get_current_context(silent=True)
    if ctx is None or ctx.meta.get(FORCE, True):
        return
    more, them = (f" and {len(paths) - 1} more", "them") if len(paths) > 1 else ("", "it")
    exist = "exist" if more else "exists"
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        raise DataError(f'"{paths[0]}"{more} {exist} already: --force replaces {them}, or give another name.')
    if not click.confirm(f"{printable(paths[0])}{more} {exist} already. Replace {them}?", err=True):
        stay = "stay as they are" if more else "stays as it is"
        raise DataError(f'"{paths[0]}"{more} {stay}: give another name.')


def check_folder(folder: Path, option: str) -> None:
    """Raise before the work begins where results could not be written into a folder; make it where it is missing."""
    if folder.is_dir():
        return
    if folder.exists():
        raise DataError(f'"{folder}" is a file, expected a folder: give another {option}.')
    _check_above(folder, "make the folder")
    try:
        folder.mkdir()
    except OSError as error:
        from ..files import reason  # which imports NumPy

        raise DataError(f'cannot make the folder "{folder}": {reason(error)}, give another {option}.') from error


def _check_above(path: Path, what: str) -> None:
    """Raise unless there is the folder in which a path would stand."""
    if path.parent.is_dir():
        return
    if path.parent.exists():
        raise DataError(f'cannot {what} "{path}": "{path.parent}" is a file, choose another place.')
    raise DataError(f'cannot {what} "{path}": there is no folder "{path.parent}", create it first.')


class Patient:
    """A stream whose reader may leave early, as `head` does: the rest is dropped, so that results still get written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._drop(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._drop(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _drop(self, error: OSError) -> None:
        """Send what is still to come nowhere."""
        if error.errno not in (errno.EPIPE, errno.EINVAL):  # Windows calls a pipe without a reader invalid
            raise error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("%"))
    except ValueError:
        return text == ""
    return True


def _print(grid: Table) -> None:
    from rich.console import Console

    # markup and emoji are off: [red] and :smile: are fine names of classes
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, 160)  # a file has no edge: cut nothing
    console.print(grid)
