"""The command line: one command a file, imported when it is asked for.

A file ``name.py`` here holds ``command``; its name stands in ``COMMANDS`` with the first line of its help, whose rest
is the docstring of the function.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any, TextIO, cast

import click
from click.shell_completion import CompletionItem

from ..errors import PellucidError, nearest, spelled
from .output import Patient, printable

COMMANDS = {
    "demo": "Train a network on 1,797 handwritten digits and look through it.",
    "train": "Train a network on DATA and save it.",
    "predict": "Print what the network in MODEL predicts for each INPUT.",
    "explain": "Show the arithmetic of one value.",
    "neuron": "Show the arithmetic of one neuron.",
    "generate": "Continue a text, token by token.",
    "forecast": "Forecast a series and test how good the forecasts are.",
    "filter": "Let a kernel slide over IMAGE and write the result.",
    "inspect": "Show what is in a model file.",
    "export": "Write a network as code for C or a browser.",
    "sheet": "Write a network as a spreadsheet of live formulas.",
    "exercise": "Draw problems to be worked by hand.",
    "experiment": "Test a claim about neural networks: measure, judge, draw.",
    "lab": "See a network in the browser, while it trains.",
    "bench": "Measure training, prediction and start against peers.",
    "completion": "Print the script that completes commands in SHELL.",
}
"""What each command does, in the order of `pellucid --help`, which imports none of them: the first line of its help."""

EPILOG = """\b
Examples:
  pellucid demo                                      handwritten digits, from training to arithmetic
  pellucid train iris --output iris.safetensors      an embedded data set
  pellucid train flats.csv --target price            a table of your own
  pellucid predict iris.safetensors iris             what the network predicts
  pellucid explain iris.safetensors loss --input iris:7  one number, term by term
  pellucid neuron --weights 2,-1 --input 1,1         one neuron and its sum; one update of its weights
  pellucid train topics --output topics.safetensors  a text; then: pellucid generate topics.safetensors
  pellucid forecast prices.csv --column Close        a series, compared with "tomorrow = today"
  pellucid filter photo.jpg --kernel sobel-x         a kernel slides over an image
  pellucid inspect iris.safetensors                  what is in a model file
  pellucid experiment list                           claims about networks, tested
  pellucid exercise backprop --seed 7                a problem to work by hand, its solution, a checker
  pellucid sheet iris.safetensors iris.xlsx --input iris:7  a network as a spreadsheet of live formulas
  pellucid export iris.safetensors iris.wasm         a network as code for C or a browser
  pellucid lab                                       networks in the browser, while they train
  pellucid bench --quick                             how fast it is here, against its peers
  eval "$(pellucid completion bash)"                 the tab key completes commands, options and names

\b
Exit codes:
  0    done
  1    an answer that was checked is not right, or a process of a run is lost
  2    a mistake in the command line or in a file, said in one line
  130  stopped by Ctrl-C

Every command explains itself: pellucid COMMAND --help
"""


class Failure(click.ClickException):
    """What the user can put right: one line on stderr, exit code 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        lines = "\n".join(map(printable, self.message.split("\n")))  # a name in a file may hold what steers terminals
        click.echo(f"pellucid: error: {lines}", err=True)


class Commands(click.Group):
    """Imports a command when it is used, and turns its errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:  # a shell completes what is no command yet
                return None
            ctx.fail(f'there is no command "{cmd_name}".{nearest(cmd_name, COMMANDS)}')
        return cast(click.Command, importlib.import_module(f".{cmd_name}", __name__).command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands; not click's own, which imports every one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin so; not click's own list, which imports every command for its help."""
        names = [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]
        return names if names and incomplete else [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        from .options import spelling

        try:
            with spelled(spelling), _warnings_in_a_line():
                return super().invoke(ctx)
        except PellucidError as error:
            raise Failure(str(error)) from error
        except OSError as error:
            raise Failure(_sentence(error)) from error
        except MemoryError as error:
            raise Failure(f"not enough memory ({error}): use a smaller network or less data.") from error
        except KeyboardInterrupt as error:
            click.echo(f"\npellucid: stopped by Ctrl-C: {str(error) or 'nothing was saved.'}", err=True)
            ctx.exit(130)


@contextlib.contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Show a warning as a sentence: where in Pellucid it was given helps nobody here."""

    def show(message: Warning | str, *where: Any, **more: Any) -> None:
        click.echo(f"pellucid: warning: {message}", err=True)

    before = warnings.showwarning
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before


def _sentence(error: OSError) -> str:
    name = f"{error.filename}: " if error.filename else ""
    return f"{name}{error.strerror or error}."


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pellucid", prog_name="pellucid")
def cli() -> None:
    """Neural networks you can see through: train one, use it, look inside it."""


def main() -> None:
    """The entry point of the ``pellucid`` script."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):  # a stream that cannot be reconfigured
            cast(Any, stream).reconfigure(errors="replace")  # Σ on a terminal without it is no reason to stop
    # `pellucid train … | head` is no reason to lose the network
    sys.stdout, sys.stderr = (stream and cast(TextIO, Patient(stream)) for stream in (sys.stdout, sys.stderr))
    cli(prog_name="pellucid")
