"""``pellucid completion``: what a shell needs to complete commands, options and names with the tab key."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import grouped

VARIABLE = "_PELLUCID_COMPLETE"
EPILOG = """\b
Examples:
  eval "$(pellucid completion bash)"                                        in ~/.bashrc
  eval "$(pellucid completion zsh)"                                         in ~/.zshrc
  pellucid completion fish > ~/.config/fish/completions/pellucid.fish
"""


@grouped.command(epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Evaluated when the shell starts, it completes commands, options, their choices, names of data sets and files."""
    kind = get_completion_class(shell)
    assert kind is not None, "the choices are click's own shells"
    click.echo(kind(click.get_current_context().find_root().command, {}, "pellucid", VARIABLE).source())
