"""Help in which the options that belong together stand together, under a head."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import click

from . import COMMANDS

SHARED = {
    "Where it is computed": ("engine", "coordinator", "processes", "process", "restarts"),
    "How a CSV file is written": ("delimiter", "encoding", "decimal", "missing", "date_format"),
    "Results": ("output", "folder", "plot", "force", "as_json", "quiet"),
}
"""What several commands take, the last groups but one of each."""


class Grouped(click.Command):
    """A command whose help groups its options: by head, the names of the parameters; others stand first."""

    def __init__(self, *args: Any, groups: Mapping[str, tuple[str, ...]] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.groups = {**(groups or {}), **SHARED}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a list for each group that this command has some of."""
        heads = {name: head for head, names in self.groups.items() for name in names}
        lists: dict[str, list[tuple[str, str]]] = {head: [] for head in ("Options", *self.groups, "Help")}
        asked = self.get_help_option(ctx)
        for param in (p for p in self.get_params(ctx) if isinstance(p, click.Option)):
            record = param.get_help_record(ctx)
            if record is not None:
                lists["Help" if param == asked else heads.get(param.name or "", "Options")].append(record)
        lists["Results" if lists["Results"] else "Options"] += lists.pop("Help")
        for head, records in lists.items():
            if records:
                with formatter.section(head):
                    formatter.write_dl(records)


def command(
    epilog: str, groups: Mapping[str, tuple[str, ...]] | None = None, *, name: str | None = None
) -> Callable[[Callable[..., Any]], click.Command]:
    """As `click.command`, with groups of options, and a help that begins with the command's line in `COMMANDS`.

    Args:
        name: of the command; that of the function's module by default.
    """

    def decorate(function: Callable[..., Any]) -> click.Command:
        text = help_of(name or function.__module__.rpartition(".")[2], function)
        return click.command(cls=Grouped, epilog=epilog, groups=groups, help=text)(function)

    return decorate


def help_of(name: str, function: Callable[..., Any]) -> str:
    """The help of a command: its line in `COMMANDS`, and the docstring of its function."""
    return f"{COMMANDS[name]}\n\n{inspect.cleandoc(function.__doc__ or '')}"
