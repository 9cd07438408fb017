"""``pellucid experiment``: claims about neural networks, measured, judged and drawn."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import DataError
from ..messages import gettext, words
from . import grouped
from .output import check_folder, check_writable, printable, table
from .reporting import with_force

if TYPE_CHECKING:
    from ..data import Series
    from ..experiments import Claim, Outcome
    from ..experiments.trial import Report

FOLDER = "pellucid-experiments"
WIDTH = 110
PIECE = re.compile(r"[“（]*(?:[\u3400-\u9fff]|[^\s\u3000-\u9fff\uff00-\uffef“”]+)[，。；：、”）]*\s*|\s+|.")
"""What stays on one line: a Chinese character or a word, with the marks beside it and the blanks behind it."""
VERDICTS = {
    "supported": gettext("supported"),
    "not supported here": gettext("not supported here"),
    "undecided": gettext("undecided"),
}

EPILOG = """\b
Examples:
  pellucid experiment list                         which claims there are
  pellucid experiment sigmoid-range                one of them: numbers, verdict, figure
  pellucid experiment all --quick                  all of them, a short version, in some minutes
  pellucid experiment step-does-not-learn --json   the numbers as JSON
  pellucid experiment sigmoid-range --language zh  told in Chinese; the JSON file stays English
  pellucid experiment ./my_claim.py                a claim of your own; docs/experiments.md shows one
"""


@grouped.command(epilog=EPILOG)
@click.argument("what", metavar="[list|all|NAME|FILE]", default="list")
@click.option("--quick", is_flag=True, help="A short version, with fewer seeds: all take less than 5 minutes.")
@click.option(
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    default=Path(FOLDER),
    show_default=True,
    metavar="DIR",
    help="The folder to write NAME.json and NAME.png into; it is made where it is missing.",
)
@click.option("--csv", metavar="FILE", help="For stock-prices: a CSV file with a series of your own, to forecast too.")
@click.option("--column", metavar="COLUMN", help="With --csv: the column to forecast.")
@click.option("--date", metavar="COLUMN", help="With --csv: the column of the dates.  [default: as in forecast]")
@click.option(
    "--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="The language of what is said."
)
@click.option("--json", "as_json", is_flag=True, help="Print what the JSON files hold instead of tables.")
@with_force
def command(
    what: str,
    quick: bool,
    folder: Path,
    csv: str | None,
    column: str | None,
    date: str | None,
    language: str,
    as_json: bool,
) -> None:
    """Each experiment states a claim, what would refute it, and how it is tested; it trains the networks it needs,
    shows the numbers with their spread, and gives a verdict that follows from the numbers: supported, not supported
    here, or undecided. The JSON file holds a digest of the final weights: on another machine, with any number of
    threads, the same command gives the same digest. FILE is a Python file with a claim of your own; it is run.
    """
    from ..experiments import NAMES

    if what == "list":
        _list(language, as_json)
        return
    claims = {name: _claim(name) for name in NAMES} if what == "all" else dict([_one(what)])
    series = _series(csv, column, date, claims)
    _check(folder, list(claims), sources=[what, csv])
    outcomes: list[Outcome] = []
    for place, (name, claim) in enumerate(claims.items()):
        if not as_json:
            _introduce(name, claim, f"{place + 1}/{len(claims)} " if len(claims) > 1 else "", language)
        try:
            with _progress(name) as report:
                outcomes.append(_run(name, claim, quick, series, report))
        except KeyboardInterrupt as error:
            done = [outcome.name for outcome in outcomes]
            raise KeyboardInterrupt(f"{folder} holds {', '.join(done)}." if done else "") from error
        _write(outcomes[-1], folder, language, as_json)
    if as_json:
        records = [outcome.record() for outcome in outcomes]
        click.echo(json.dumps(records if what == "all" else records[0], indent=1, ensure_ascii=False))
    elif len(outcomes) > 1:
        _overview(outcomes, language)


def _claim(name: str) -> Claim:
    from ..experiments import claim_named

    return claim_named(name)


def _one(what: str) -> tuple[str, Claim]:
    """The claim that is meant, and what its files are called: a name, or a file where it looks like one."""
    from ..experiments import claim_in

    path = Path(what)
    if path.suffix == ".py" or os.sep in what or "/" in what:
        return path.stem.replace("_", "-"), claim_in(path)
    return what.replace("_", "-").lower(), _claim(what)


def _check(folder: Path, names: list[str], *, sources: list[str | None]) -> None:
    """Raise before the work begins where its results could not be written; make the folder."""
    from ..experiments.runner import paths

    check_folder(folder, "--output")
    check_writable(*(path for name in names for path in paths(name, folder)), sources=sources)


def _list(language: str, as_json: bool) -> None:
    from ..experiments import NAMES
    from ..experiments.claim import SENTENCES

    claims = {name: _claim(name) for name in NAMES}
    if as_json:
        listed = [{"experiment": n, **{each: str(getattr(c, each)) for each in SENTENCES}} for n, c in claims.items()]
        click.echo(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    heads = [gettext("experiment"), gettext("claim")]
    rows = [[name, words(claim.statement)[language]] for name, claim in claims.items()]
    table([head.text(language) for head in heads], rows)
    hint = gettext("Run one by its name, or all: {command}", command="pellucid experiment NAME | all [--quick]")
    click.echo(hint.text(language))


def _introduce(name: str, claim: Claim, place: str, language: str) -> None:
    from rich.cells import set_cell_size

    click.echo(f"{place}{name}\n")
    for head, sentence in (
        (gettext("claim"), claim.statement),
        (gettext("source"), claim.source),
        (gettext("refuted if"), claim.refuted_if),
        (gettext("set-up"), claim.setup),
    ):
        start = gettext("{head}:", head=head).text(language)
        click.echo(_wrapped(words(sentence)[language], f"  {set_cell_size(start, 12)}", " " * 14))
    click.echo()


def _wrapped(text: str, first: str, then: str) -> str:
    """A paragraph of lines that are at most WIDTH columns wide; a line may end between two Chinese characters."""
    from rich.cells import cell_len

    lines, line = [], first
    for piece in PIECE.findall(printable(text)):
        if cell_len(line) + cell_len(piece.rstrip()) > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = then
        line += piece
    return "\n".join([*lines, line.rstrip()])


def _series(csv: str | None, column: str | None, date: str | None, claims: dict[str, Claim]) -> Series | None:
    """The user's own series, where one is given and one of the claims looks at it."""
    if csv is None:
        if given := next((option for option, value in (("--column", column), ("--date", date)) if value), None):
            raise DataError(f"expected --csv FILE with {given}, the file of the column, got none.")
        return None
    if not any(claim.takes_series for claim in claims.values()):
        raise DataError(f'{", ".join(claims)} takes no --csv: leave it out, or run "stock-prices".')
    if column is None:
        raise DataError(f"{Path(csv).name} is a table, expected the column to forecast: --column COLUMN.")
    from ..data import read_series

    return read_series(csv, column, date=date)


def _run(name: str, claim: Claim, quick: bool, series: Series | None, report: Report) -> Outcome:
    from ..experiments import run

    return run(name, claim, quick=quick, series=series if claim.takes_series else None, report=report)


@contextmanager
def _progress(name: str) -> Iterator[Report]:
    """A bar on a terminal, on stderr, so that what is printed can be piped; nothing in a file."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[part]}", markup=False),
    ]
    console = Console(stderr=True)
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(printable(name), total=None, part="")
        yield lambda done, total, part: bar.update(task, completed=done, total=total, part=printable(part)[:60])


def _write(outcome: Outcome, folder: Path, language: str, as_json: bool) -> None:
    from ..experiments.runner import paths

    replaced = any(path.exists() for path in paths(outcome.name, folder))
    written = outcome.write(folder)
    if as_json:
        return
    numbers = outcome.table(language)
    table([str(head) for head in numbers.columns], numbers.rows)
    verdict = outcome.verdict
    said = gettext("Verdict: {word}: {because}.", word=VERDICTS[verdict.word], because=verdict.because)
    click.echo(_wrapped(said.text(language), "", "  "))
    seeds = ", ".join(map(str, outcome.seeds))
    ran = gettext("{seconds:.1f} s, seeds {seeds}", seconds=outcome.seconds, seeds=seeds or gettext("none"))
    if outcome.digest:
        ran = gettext("{ran}; weights {digest}", ran=ran, digest=outcome.digest[:16])
    click.echo(ran.text(language))
    data, image = written
    if replaced:
        click.echo(gettext("replaced {data} and {image}", data=data, image=image).text(language) + "\n")
    else:
        click.echo(gettext("wrote {data} and {image}", data=data, image=image).text(language) + "\n")


def _overview(outcomes: list[Outcome], language: str) -> None:
    heads = [gettext("experiment"), gettext("verdict"), gettext("seconds"), gettext("weights")]
    table(
        [head.text(language) for head in heads],
        [
            [o.name, VERDICTS[o.verdict.word].text(language), f"{o.seconds:.1f}", (o.digest or "")[:16]]
            for o in outcomes
        ],
    )
    minutes = sum(o.seconds for o in outcomes) / 60
    click.echo(
        gettext("{count} experiments in {minutes:.1f} minutes", count=len(outcomes), minutes=minutes).text(language)
    )
