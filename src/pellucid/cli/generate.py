"""``pellucid generate``: a network continues a text, and shows what it hesitated between."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data.text import BY, Ids, Vocabulary, topics
from ..default_layers import TEXT_HABITS, TEXT_RATE
from ..errors import DataError
from . import grouped, options
from .language import NOTE, UNITS, Reader, prepared, train
from .language import report as compare
from .output import printable, table
from .reporting import Report, reporting

GROUPS = {"The text": ("prompt", "length", "temperature", "seed", "by", "unknown", "show")}
EPILOG = """\b
Examples:
  pellucid generate                                     learns Python's help topics first, in seconds
  pellucid train shakespeare.txt --output shakespeare.safetensors
  pellucid generate shakespeare.safetensors --prompt "ROMEO:" --temperature 0.7
  pellucid generate shakespeare.safetensors --prompt "ROMEO:" --length 20 --show 5
"""
BRIEF = {"char": (32, 96, 4), "word": (32, 128, 10)}
"""What the network is that learns the embedded text first: tokens read at a time, units, epochs."""


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--prompt", help="The text to continue.  [default: The]")
@click.option("--length", type=options.IntRange(min=1), help="Tokens to write.  [default: 300 characters or 60 words]")
@click.option(
    "--temperature",
    type=options.FloatRange(min=0),
    default=0.8,
    show_default=True,
    help="Below 1, likely tokens are preferred; above 1, unlikely ones; 0 always takes the likeliest.",
)
@options.seed()
@click.option("--by", type=click.Choice(BY), help="Without a MODEL: learn by character or by word.  [default: char]")
@click.option(
    "--unknown", is_flag=True, help="Read a word that is not in the vocabulary as <unknown>.  [default: an error]"
)
@click.option("--show", type=options.IntRange(min=1), metavar="N", help="The N likeliest candidates at every step.")
@reporting(meanwhile=True)
def command(
    model: Path | None,
    prompt: str | None,
    length: int | None,
    temperature: float,
    seed: int,
    by: str | None,
    unknown: bool,
    show: int | None,
    report: Report,
) -> None:
    """MODEL is what `pellucid train TEXT.txt` saved; without one, a small network learns the embedded text first,
    Python's own help topics. Each token is drawn from the probabilities that the network gives, after temperature;
    --show prints them.
    """
    if model is not None and by is not None:
        raise DataError(f"expected no --by with a model, which knows what its tokens are, got {by}: leave it out.")
    if model is not None:
        reader = Reader.read(pl.load(model), model.name)
        start = _prompt(reader.vocabulary, prompt, strict=not unknown)
    else:
        by = by or "char"
        length_read, units, epochs = BRIEF[by]
        parts = prepared(topics(), by=by, lower=None, size=4000, length=length_read, name="topics")
        start = _prompt(parts[0], prompt, strict=not unknown)  # a bad prompt is reported before the wait
        reader = _briefly(*parts, length=length_read, units=units, epochs=epochs, seed=seed)
    vocabulary = reader.vocabulary
    written: list[int] = []
    steps: list[Report] = []
    rows: list[list[str]] = []
    count = length or {"char": 300, "word": 60}[vocabulary.by]
    for token, p in reader.continued(start, count, temperature=temperature, seed=seed):
        written.append(token)
        steps.append({"token": vocabulary.tokens[token], "probability": float(p[token])})
        if show is not None:
            rows.append([_shown(vocabulary.tokens[token]), *_candidates(p, vocabulary.tokens, show)])
            steps[-1]["candidates"] = {vocabulary.tokens[k]: float(p[k]) for k in _likeliest(p, show)}
    if show is not None:
        table(["taken", *(str(k + 1) for k in range(min(show, len(vocabulary) - 1)))], rows)
    text = vocabulary.decode(np.concatenate([start, written]))
    report |= {"text": text, "prompt": vocabulary.decode(start), "steps": steps}
    click.echo(_harmless(text))


def _briefly(
    vocabulary: Vocabulary, learned: Ids, tested: Ids, *, length: int, units: int, epochs: int, seed: int
) -> Reader:
    by = vocabulary.by
    click.echo(f"No model is given: learning Python's help topics first, {len(learned)} {UNITS[by]}; {NOTE[by]}.")
    reader = Reader.build(vocabulary, length=length, units=units, seed=seed)
    batch_size = TEXT_HABITS[by].batch_size(len(learned), length)
    train(reader, learned, epochs=epochs, batch_size=batch_size, optimizer=pl.Adam(TEXT_RATE))
    compare(reader, learned, tested)
    click.echo()
    return reader


def _prompt(vocabulary: Vocabulary, prompt: str | None, *, strict: bool) -> Ids:
    """The ids to continue from; where none are given, the commonest beginning."""
    if prompt is None:
        ids = vocabulary.encode("The " if vocabulary.by == "char" else "the")
        return ids[ids > 0] if (ids > 0).any() else np.array([1], dtype=np.int64)
    ids = vocabulary.encode(prompt, strict=strict)
    if len(ids) == 0:
        raise DataError(
            f'the prompt "{prompt}" holds no {UNITS[vocabulary.by][:-1]}: give at least one, or leave it out.'
        )
    return ids


def _candidates(p: NDArray[np.float64], tokens: tuple[str, ...], count: int) -> list[str]:
    return [f"{_shown(tokens[k])} {p[k]:.3f}" for k in _likeliest(p, count)]


def _likeliest(p: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    return np.argsort(-p, kind="stable")[: min(count, len(p) - 1)]


def _shown(token: str) -> str:
    return {"\n": "↵", " ": "␣"}.get(token, printable(token))


def _harmless(text: str) -> str:
    """The text line by line without control characters, which could steer the terminal."""
    return "\n".join(printable(line) for line in text.split("\n"))
