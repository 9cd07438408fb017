"""Options that several commands take, in the same words."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..engines import ENGINES, engine_named

LARGEST = 3.4028234663852886e38
"""The largest number of float32, in which networks compute here."""
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class FloatRange(click.FloatRange):
    """A number within a range that float32 can hold: click itself takes NaN, which no range excludes, and infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        if abs(number) > LARGEST:
            self.fail(f"{value} is too large, expected at most {LARGEST:.7g}.", param, ctx)
        return number


class IntRange(click.IntRange):
    """An integer within a range, which no count goes beyond."""

    def __init__(self, min: int = 0, max: int = 2**31 - 1) -> None:
        super().__init__(min, max)


def epochs(default: int) -> Decorator:
    return click.option(
        "--epochs",
        type=IntRange(min=1),
        default=default,
        show_default=True,
        help="Passes through the data.",
    )


def _engine(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    return None if value is None else engine_named(value)


def engine() -> Decorator:
    """Its value is the name of an engine that is installed, or None."""
    return click.option(
        "--engine",
        type=click.Choice(list(ENGINES)),
        callback=_engine,
        help="What computes: xla and xla-bfloat16 (rounded factors, quicker) use GPUs and TPUs.  [default: llvm]",
    )


def seed() -> Decorator:
    return click.option(
        "--seed", type=IntRange(max=2**32 - 1), default=0, show_default=True, help="Same seed, same result."
    )


def model_output(default: str) -> Decorator:
    return click.option(
        "--output",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help="The file to save the network to.",
    )


def date_format() -> Decorator:
    return click.option(
        "--date-format",
        metavar="FORMAT",
        help="How the dates are written, such as %d.%m.%Y.  [default: detected; where the day or the month may stand"
        " first, it is asked for]",
    )


def csv_writing(*, dates: bool = True) -> Decorator:
    """How a CSV file is written; the command takes it as `writing`, a mapping of those arguments that were given.

    Args:
        dates: whether the format of dates is one of them.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--delimiter", help="Of a CSV file: what separates cells.  [default: detected]")
        @click.option("--encoding", help="Of a CSV file, such as cp1252.  [default: utf-8]")
        @click.option("--decimal", type=click.Choice([".", ","]), help="Of a CSV file: the decimal mark.")
        @click.option(
            "--na",
            "--missing",
            "missing",
            metavar="WORD",
            multiple=True,
            help="Of a CSV file: a word for a missing value; may be repeated.  [default: NA, None, -, #N/A, …]",
        )
        @functools.wraps(function)
        def wrapped(
            *args: Any,
            delimiter: str | None,
            encoding: str | None,
            decimal: str | None,
            missing: tuple[str, ...],
            **given: Any,
        ) -> Any:
            chosen = {"delimiter": delimiter, "encoding": encoding, "decimal": decimal, "missing": missing or None}
            if dates:
                chosen["date_format"] = given.pop("date_format")
            writing = {name: value for name, value in chosen.items() if value is not None}
            return function(*args, writing=writing, **given)

        return date_format()(wrapped) if dates else wrapped

    return decorate


def data_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of data sets that begin so, and files, for shells that complete."""
    from ..data import EMBEDDED, PUBLIC, TOYS

    names = [CompletionItem(name) for name in (*EMBEDDED, *TOYS, *PUBLIC, "topics") if name.startswith(incomplete)]
    return [*names, CompletionItem(incomplete, type="file")]


def spelling(name: str, value: object) -> str | None:
    """An argument of the library as an option of the command that runs, such as --fill mean; None if it has none."""
    ctx = click.get_current_context(silent=True)
    options = [] if ctx is None else [p for p in ctx.command.params if isinstance(p, click.Option) and p.name == name]
    if not options:
        return None
    values = value if isinstance(value, list) else ["x".join(map(str, value)) if isinstance(value, tuple) else value]
    return " ".join(
        options[0].opts[-1] if options[0].is_flag else f"{options[0].opts[-1]} {_quoted(v)}" for v in values
    )


def _quoted(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[\w.,:=%+/-]+", text) else '"' + text.replace('"', '\\"') + '"'
