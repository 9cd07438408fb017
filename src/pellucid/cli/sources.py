"""The DATA argument of the commands: a file, a folder, or a name."""

from __future__ import annotations

import contextlib
import functools
import gzip
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..data import (
    EMBEDDED,
    PUBLIC,
    TOYS,
    Dataset,
    Preparation,
    fetch,
    fetch_text,
    load,
    load_idx_folder,
    load_image_folder,
    read_csv,
    read_text,
    topics,
)
from ..data.images import SUFFIXES
from ..data.public_sets import PUBLIC_IMAGES, PUBLIC_TEXTS
from ..data.tables.features import owners
from ..errors import DataError, nearest
from ..files import MAX_BYTES, open_regular, reason
from .output import STREAM

TOY_SIZE = 1000
TEXT = "topics"
_MAGIC = {b"\0\0": "idx", b"\x93N": "npy"}


def on_disk(data: str) -> str:
    """The standard input, for -, as a file that is there while the command runs; other data as they are called."""
    if data != STREAM:
        return data
    folder = click.get_current_context().with_resource(tempfile.TemporaryDirectory(prefix="pellucid-"))
    path = Path(folder) / "stdin"
    path.write_bytes(sys.stdin.buffer.read(MAX_BYTES))
    return str(path)


def training_data(
    data: str,
    *,
    target: str | None = None,
    task: str | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    text_columns: Sequence[str] = (),
    words: int | None = None,
    fill: str | None = None,
    unseen: str | None = None,
    like: Preparation | None = None,
    writing: Mapping[str, Any] | None = None,
    targets: bool = True,
    size: tuple[int, int] | None = None,
    grey: bool = False,
    seed: int = 0,
) -> tuple[Dataset, Dataset | None]:
    """The examples to learn from, and those that the source itself sets apart as a test.

    Raises:
        DataError: nothing of that name, or options that only a CSV file takes.
    """
    path = Path(data)
    if (named := by_name(data, seed=seed)) is None and path.exists() and not path.is_dir():
        _check_table(path, data)
        if target is None and targets:
            raise DataError(f"{path.name} is a table, expected the column to learn: --target COLUMN.")
        given: dict[str, Any] = {"like": like}
        if like is None:
            given = {"fill": None if fill == "none" else "mean", "identifiers": "drop", "unseen": unseen or "error"}
            given |= {"text_columns": text_columns, "words": words}
        return read_csv(path, target, task=task, drop=drop, keep=keep, **given, **(writing or {})), None
    table: dict[str, Any] = {"target": target, "drop": drop, "keep": keep, "fill": fill, "unseen": unseen}
    for option, value in {**table, "text-column": text_columns, "vocabulary": words}.items():
        if value:
            raise DataError(f'"{data}" is not a table file, and only these take --{option}: leave it out.')
    check_writing(data, writing)
    test = None
    if _is_public(data):
        named, test = _public(data)
    elif named is None:
        if not path.is_dir():
            raise unknown(data)
        if any(p.is_dir() and not p.name.startswith(".") for p in path.iterdir()):
            named = load_image_folder(path, size=size, channels=1 if grey else None)
            size, grey = None, False
        else:
            named, test = load_idx_folder(path)
    if size is not None or grey:
        raise DataError(f'"{data}" is not a folder of images, and only these take --size and --grey.')
    kind = "regression" if named.class_names is None else "classification"
    if task not in (None, kind):
        raise DataError(f'"{data}" is a task of {kind}, not of {task}: leave --task out.')
    return named, test


def changes_of(learned: Dataset, held: Dataset | None) -> Iterator[str]:
    """What was done to a table that may surprise: columns left out, values filled in; a line each."""
    if learned.left_out:
        columns = ", ".join(f"{name} ({reason})" for name, reason in learned.left_out.items())
        takes = "--keep COLUMN takes one, --text-column COLUMN the words of one"
        yield f"left out, as they only tell the rows apart: {columns}; {takes}"
    if learned.derived:
        yield f"read: {'; '.join(f'{name} ({part.said})' for name, part in learned.derived.items())}"
    if learned.filled is None or learned.feature_means is None:
        return
    filled = learned.filled.sum(axis=0) + (0 if held is None or held.filled is None else held.filled.sum(axis=0))
    parts = []
    groups: dict[str, list[int]] = {}
    for place, column in enumerate(owners(learned.feature_names, learned.derived)):
        groups.setdefault(column, []).append(place)
    for column, places in groups.items():
        if count := int(filled[places[0]]):
            if column in learned.derived:
                mean = "the means of its numbers"
            elif len(places) == 1:
                mean = f"the mean {learned.feature_means[places[0]]:.4g}"
            else:
                mean = "its categories' fractions"
            parts.append(f"{column} {count} times by {mean}")
    if parts:
        yield f"missing values filled: {', '.join(parts)}; --fill none makes them an error"


def _check_table(path: Path, data: str) -> None:
    kind = kind_of(path)
    if kind == "idx":
        raise DataError(f'"{data}" is a single IDX file, expected the folder with images and labels.')
    if kind == "image":
        raise DataError(f'"{data}" is one image, expected a folder with one folder of images for each class.')
    if kind == "npy":
        raise DataError(f'"{data}" is an array without targets, expected a CSV file, a folder or the name of a set.')


def kind_of(path: Path) -> str:
    """What a file is: "image", "idx", "npy", or "table" for what else it may be.

    Raises:
        DataError: a folder, a pipe, or what cannot be opened.
    """
    try:
        with open_regular(path) as file:
            begin = file.read(2)
            if begin == b"\x1f\x8b":
                file.seek(0)
                with contextlib.suppress(EOFError, zlib.error, gzip.BadGzipFile):
                    begin = gzip.GzipFile(fileobj=file).read(2)
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error
    if path.suffix.lower() in SUFFIXES:
        return "image"
    return "npy" if path.suffix.lower() == ".npy" else _MAGIC.get(begin, "table")


def check_writing(data: str, writing: Mapping[str, Any] | None) -> None:
    """Raise where options of CSV files are given with something else."""
    if writing:
        raise DataError(f'"{data}" is not a CSV file, and only CSV files take --{next(iter(writing))}: leave it out.')


def is_text(data: str, *, text: bool = False) -> bool:
    """Whether DATA is a text: the embedded one, a public one, a file that ends in .txt, or declared to be one."""
    return text or data == TEXT or data in PUBLIC_TEXTS or data.lower().endswith(".txt")


def text_of(data: str) -> str:
    """The text of a file, the embedded one, or a public one."""
    if data in PUBLIC_TEXTS and not Path(data).is_file():
        return fetch_text(data)
    return topics() if data == TEXT and not Path(data).is_file() else read_text(data)


def by_name(name: str, *, seed: int = 0) -> Dataset | None:
    """An embedded set, a toy, or the test part of a public set; None if there is none of that name."""
    if _is_public(name):
        return _public(name)[1]
    if name in EMBEDDED:
        return load(name)
    return TOYS[name](TOY_SIZE, seed=seed) if name in TOYS else None


def _is_public(name: str) -> bool:
    return name in PUBLIC_IMAGES and not Path(name).exists()


_public = functools.cache(fetch)


def unknown(data: str) -> DataError:
    """The error for an argument that is no file, no folder and no name."""
    names = (*EMBEDDED, *TOYS, TEXT, *PUBLIC)
    sets = ", ".join(names)
    return DataError(f'there is no file, folder or data set "{data}", the sets are {sets}.{nearest(data, names)}')
