"""What a command found, for programs: --json, --quiet, and the words for people meanwhile."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from .options import Decorator
from .output import FORCE

Report = dict[str, Any]
"""What a command found, by name."""


def reporting(*, meanwhile: bool = False) -> Decorator:
    """The options --json and --quiet; the command takes `report`, a dict to be filled with what it found.

    With --json the standard output holds that dict alone, as JSON. What a command says `meanwhile`, as it takes its
    time, then goes to the standard error; of others nothing is said. With --quiet nothing is said but warnings and
    errors.
    """
    more = "; what is said meanwhile goes to stderr" if meanwhile else ""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @click.option("--json", "as_json", is_flag=True, help=f"Print the result as JSON{more}.")
        @click.option("--quiet", is_flag=True, help="Print nothing but warnings and errors.")
        @functools.wraps(function)
        def wrapped(*args: Any, as_json: bool, quiet: bool, **given: Any) -> Any:
            report: Report = {}
            try:
                with spoken(as_json, quiet=quiet or (as_json and not meanwhile)):
                    result = function(*args, report=report, **given)
            except click.exceptions.Exit:
                _print(report, as_json)
                raise
            _print(report, as_json)
            return result

        return wrapped

    return decorate


def with_force(function: Any) -> Any:
    """The option --force, without which `check_writable` asks before a file is replaced."""

    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        ctx.meta[FORCE] = value

    option: Decorator = click.option(
        "--force",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=remember,
        help="Replace files that exist already, without a question.",
    )
    return option(function)


def json_text(value: Any) -> str:
    """Any result as JSON: arrays are lists, float32 numbers the shortest that read back as the same, and NaN and
    infinity, which JSON does not have, null.
    """
    return json.dumps(_plain(value), ensure_ascii=False, indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(list(value)) if value.ndim else _plain(value[()])
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.floating):
        value = float(str(value))
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _print(report: Report, as_json: bool) -> None:
    if as_json:
        click.echo(json_text(report))


@contextlib.contextmanager
def spoken(as_json: bool, quiet: bool = False) -> Iterator[None]:
    """Send what is said meanwhile to the standard error beside JSON, and nowhere where it is to be quiet."""
    if quiet:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    elif as_json:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    else:
        yield
