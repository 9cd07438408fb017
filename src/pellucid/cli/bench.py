"""``pellucid bench``: how fast, against whom, and how far from what the machine can do.

The measurements are in `benchmarks/` of the repository, beside `src/`, and in no wheel.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import cast

import click

from ..errors import PellucidError
from .grouped import help_of

CHECKOUT = Path(__file__).parents[3]


def _refuse(options: tuple[str, ...]) -> None:
    """Only in a copy of Pellucid's repository."""
    raise PellucidError(
        "the measurements are in the folder benchmarks of Pellucid's repository, which this installation does not"
        ' have: run "make bench" in a copy of the repository.'
    )


missing = click.command(context_settings={"ignore_unknown_options": True}, help=help_of("bench", _refuse))(
    click.argument("options", nargs=-1)(_refuse)
)


def command_of(checkout: Path) -> click.Command:
    """The command, if `checkout` is a copy of the repository; else one that says what to do."""
    if not (checkout / "benchmarks" / "command.py").is_file():
        return missing
    if str(checkout) not in sys.path:
        sys.path.append(str(checkout))
    return cast(click.Command, importlib.import_module("benchmarks.command").command)


command = command_of(CHECKOUT)
