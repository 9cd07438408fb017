"""Options that several commands take, in the same words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def epochs(default: int) -> Decorator:
    return click.option(
        "--epochs",
        type=click.IntRange(min=1),
        default=default,
        show_default=True,
        help="Passes through the data.",
    )


def seed() -> Decorator:
    return click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Same seed, same result."
    )


def model_output(default: str) -> Decorator:
    return click.option(
        "--output",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help="The file to save the network to.",
    )
