"""The DATA argument of the commands: a file, a folder, or a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data import (
    EMBEDDED,
    TOYS,
    Dataset,
    Preparation,
    load,
    load_idx_folder,
    load_image_folder,
    read_csv,
    read_text,
    topics,
)
from ..data.images import SUFFIXES
from ..errors import DataError, nearest
from ..files import open_regular, reason

TOY_SIZE = 1000
TEXT = "topics"
_MAGIC = {b"\0\0": "idx", b"\x1f\x8b": "idx", b"\x93N": "npy"}


def training_data(
    data: str,
    *,
    target: str | None = None,
    task: str | None = None,
    drop: Sequence[str] = (),
    fill: str | None = None,
    like: Preparation | None = None,
    writing: Mapping[str, Any] | None = None,
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
        if target is None:
            raise DataError(f"{path.name} is a table, expected the column to learn: --target COLUMN.")
        return read_csv(path, target, task=task, drop=drop, fill=fill, like=like, **(writing or {})), None
    if target is not None or drop or fill is not None:
        raise DataError(f'"{data}" is not a CSV file, and only CSV files take --target, --drop and --fill.')
    check_writing(data, writing)
    test = None
    if named is None:
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
    """Whether DATA is a text: the embedded one, a file that ends in .txt, or declared to be one."""
    return text or data == TEXT or data.lower().endswith(".txt")


def text_of(data: str) -> str:
    """The text of a file, or the embedded one."""
    return topics() if data == TEXT and not Path(data).is_file() else read_text(data)


def by_name(name: str, *, seed: int = 0) -> Dataset | None:
    """An embedded set or a toy; None if there is none of that name."""
    if name in EMBEDDED:
        return load(name)
    return TOYS[name](TOY_SIZE, seed=seed) if name in TOYS else None


def unknown(data: str) -> DataError:
    """The error for an argument that is no file, no folder and no name."""
    names = (*EMBEDDED, *TOYS, TEXT)
    sets = ", ".join(names)
    return DataError(f'there is no file, folder or data set "{data}", the sets are {sets}.{nearest(data, names)}')
