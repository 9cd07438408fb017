"""Columns that become several numbers a row: dates, and texts of several words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...errors import ModelFileError
from ..dates import format_of, moments_in, reads_all
from ..vectorization import TextVectorization
from .table import Column

Floats = NDArray[np.float64]
MAX_WORDS = 1000
"""How many words of a column of texts become features, if nobody says otherwise."""
_DAY = np.timedelta64(86400, "s")
_CYCLES = ("month", "weekday", "hour")


@dataclass(frozen=True)
class DateColumn:
    """A column of dates: the days since the first one, and where in the year, the week and the day each stands.

    Each of the cycles is a pair of numbers, sine and cosine, so that December stands beside January; a cycle in which
    all dates of the table that was learned stand at the same place is left out.

    Attributes:
        format: how the dates are written, as `dates.format_of` says it.
        first: the earliest date of the table that was learned, from which days count, in ISO 8601.
        cycles: those of month, weekday and hour that are taken.
    """

    format: str
    first: str
    cycles: tuple[str, ...]

    @classmethod
    def learn(cls, column: Column) -> Self | None:
        """From the column of the first table; None where it does not hold dates.

        Raises:
            DataError: dates in which the day or the month may stand first.
        """
        format = format_of(column, column.writing.date_format)
        if format is None:
            return None
        dates = moments_in(column, format)
        there = dates[~np.isnat(dates)]
        varied = tuple(name for name, angle in _angles(there).items() if len(np.unique(angle)) > 1)
        return cls(format, str(there.min()), varied)

    @property
    def parts(self) -> tuple[str, ...]:
        """What its features are called, after the column's name and a colon."""
        return ("days", *(f"{name} {wave}" for name in self.cycles for wave in ("sin", "cos")))

    @property
    def said(self) -> str:
        """What became of the column, in words."""
        return f"dates, days since {self.first.partition('T')[0]}" + "".join(f", {name}" for name in self.cycles)

    def write(self, column: Column) -> Floats:
        """Its features (n, parts), NaN where the date is missing.

        Raises:
            DataError: a cell that is no date in the format of the first table, or of the one that was given for this.
        """
        given = column.writing.date_format
        dates = moments_in(column, given if given is not None and reads_all(column, given) else self.format)
        angles = _angles(dates)
        waves = [wave(angles[name]) for name in self.cycles for wave in (np.sin, np.cos)]
        days = (dates - np.datetime64(self.first)) / _DAY
        block = np.column_stack([days, *waves])
        block[np.isnat(dates)] = np.nan
        return block

    def config(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": "date", "format": self.format, "first": self.first, "cycles": list(self.cycles)}


@dataclass(frozen=True)
class TextColumn:
    """A column of texts: a number for each known word, 1 where the text has it and 0 where not.

    Attributes:
        words: makes the numbers.
    """

    words: TextVectorization

    @classmethod
    def learn(cls, column: Column, size: int | None = None) -> Self:
        """From the column of the first table.

        Args:
            size: the maximum number of words, `MAX_WORDS` by default.

        Raises:
            DataError: it holds no word twice.
        """
        words = TextVectorization(None, "lower", "word", output_mode="multi_hot")
        texts = _texts(column)
        words.adapt(texts, min_count=2)
        kept = [token for token in words.get_vocabulary(False) if any(map(str.isalnum, token))]  # no marks
        if not kept:
            raise column.fail(0, "no word comes twice in the column, expected some from which to learn")
        words.set_vocabulary(kept[: size or MAX_WORDS])
        return cls(words)

    @property
    def parts(self) -> tuple[str, ...]:
        """What its features are called, after the column's name and a colon."""
        return tuple(self.words.get_vocabulary(include_special_tokens=False))

    @property
    def said(self) -> str:
        """What became of the column, in words."""
        return f"a text, 0 or 1 for each of {len(self.parts)} words"

    def write(self, column: Column) -> Floats:
        """Its features (n, parts); a missing text has no word."""
        return self.words(_texts(column))[:, 1:].astype(np.float64)

    def config(self) -> dict[str, Any]:
        """As JSON."""
        return {"kind": "text", **self.words.metadata()}


Derived = DateColumn | TextColumn


def restored(config: Mapping[str, Any]) -> Derived:
    """What `config` gave.

    Raises:
        KeyError, TypeError, ValueError: another form, as a damaged file may hold it.
    """
    if config["kind"] == "text":
        words = TextVectorization.of(config)
        if words is None or words.output_mode != "multi_hot":
            raise ValueError("its words do not become columns")
        return TextColumn(words)
    if config["kind"] != "date":
        raise ValueError(f'"{config["kind"]}" is neither date nor text')
    format, first, cycles = config["format"], config["first"], tuple(config["cycles"])
    if not isinstance(format, str) or not isinstance(first, str) or not set(cycles) <= set(_CYCLES):
        raise ValueError("its dates are damaged")
    np.datetime64(first, "s")
    return DateColumn(format, first, cycles)


def read_derived(entry: Any) -> dict[str, Derived]:
    """The derived columns of a model's metadata, by name.

    Raises:
        TypeError, ValueError: another form.
    """
    if not isinstance(entry, dict):
        raise TypeError("expected columns by name")
    try:
        return {str(name): restored(config) for name, config in entry.items()}
    except ModelFileError as error:
        raise ValueError(str(error)) from error


def _angles(dates: NDArray[np.datetime64]) -> dict[str, Floats]:
    """Where in its cycle each date stands, as an angle: in the year, from January; in the week, from Monday; and in the
    day.
    """
    days, months = dates.astype("datetime64[D]"), dates.astype("datetime64[M]")
    month = (months - dates.astype("datetime64[Y]")).astype(np.float64)
    length = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.float64)
    day = (days - months.astype("datetime64[D]")).astype(np.float64)
    weekday = (days.astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    turns = {"month": (month + day / length) / 12, "weekday": weekday / 7, "hour": (dates - days) / _DAY}
    return {name: 2 * math.pi * np.asarray(turn, dtype=np.float64) for name, turn in turns.items()}


def _texts(column: Column) -> list[str]:
    return ["" if gone else cell for cell, gone in zip(column.cells, column.missing.tolist(), strict=True)]
