"""``pellucid export``: a network as code of its own."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import click

import pellucid as pl

from ..errors import PellucidError
from ..functions.learning.optimizers import OPTIMIZERS
from . import grouped, options
from .output import check_writable
from .reporting import Report, reporting, with_force

EPILOG = """\b
Examples:
  pellucid export digits.safetensors digits.o                            and digits.h, for this machine
  pellucid export digits.safetensors digits.o --target aarch64-linux-gnu       a 64-bit ARM
  pellucid export digits.safetensors digits.o --target thumbv7em-none-eabihf   a Cortex-M7
  pellucid export digits.safetensors digits.wasm                         a browser, or wasmtime
  pellucid export digits.safetensors digits.wasm --training --batch 32   which goes on learning there

digits.h says how to call the functions, with a program that can be compiled as it stands.
"""


@grouped.command(epilog=EPILOG)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("output", type=click.Path(path_type=Path))
@click.option(
    "--target",
    metavar="TRIPLE",
    help="The machine that is to run it, as LLVM names it, such as aarch64-linux-gnu.  [default: this machine; for"
    " .wasm wasm32-unknown-unknown]",
)
@click.option(
    "--cpu",
    metavar="NAME",
    help="The oldest CPU of that kind that is to run it, as LLVM names it, such as x86-64-v2 or cortex-m4."
    "  [default: x86-64-v3, cortex-m7, …, by the target]",
)
@click.option(
    "--batch", type=options.IntRange(min=1), default=1, show_default=True, help="How many examples a call takes."
)
@click.option("--training", is_flag=True, help="Whether a step of training is in it too: forward, backward, update.")
@click.option(
    "--loss", help="With --training: the loss, such as mse or crossentropy.  [default: by the last activation]"
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS), case_sensitive=False),
    help="With --training: what updates the parameters. The learning rate is given in every call.  [default: adam]",
)
@click.option(
    "--exact",
    is_flag=True,
    help="In WebAssembly, which has no instruction for a product and a sum with one rounding: compute the bits of"
    " `pellucid predict` all the same. Slow.",
)
@with_force
@reporting()
def command(
    model: Path,
    output: Path,
    target: str | None,
    cpu: str | None,
    batch: int,
    training: bool,
    loss: str | None,
    optimizer: str | None,
    exact: bool,
    report: Report,
) -> None:
    """The code needs nothing else: no Python, no library, no memory but yours.

    OUTPUT ends in .o, an object file that a C compiler links, with a C header beside it; or in .wasm, a module that a
    browser loads. It is the code that runs here, compiled for another machine: on x86 and ARM it computes the same bits
    as `pellucid predict` for as many examples.
    """
    for option, given in (("--loss", loss), ("--optimizer", optimizer)):
        if given is not None and not training:
            raise PellucidError(f"{option} {given} belongs to a step of training: add --training.")
    header = output.with_suffix(".h") if output.suffix.lower() == ".o" else None
    check_writable(output, header, sources=[model])
    net = pl.load(model)
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("compiling") if console.is_terminal else nullcontext():
        written = net.export(
            output,
            target=target,
            cpu=cpu,
            batch=batch,
            training=training,
            loss=loss,
            optimizer=optimizer or "adam",
            exact=exact,
        )
    report |= {"files": {str(file): file.stat().st_size for file in written.files}, "target": written.target}
    report |= {"workspace": written.workspace, "state": written.state}
    for file in written.files:
        click.echo(f"wrote {file}: {file.stat().st_size:,} bytes")
    if pl.TextVectorization.of(net) is not None:
        click.echo("it takes the numbers of texts, not texts: in Python, pl.TextVectorization.of(net)(texts)")
    kept = f", and {written.state:,} that training keeps" if training else ""
    click.echo(f"for {written.target}; a call works in {written.workspace:,} bytes of memory{kept}")
