"""Where a table comes from: a CSV file, also compressed, a Parquet file, or a table in memory."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError, argument
from ...files import MAX_BYTES, read_bytes, reason
from ...messages import gettext
from .cells import Writing
from .table import Column, parsed_table

_PARQUET = b"PAR1"


def table_of(
    source: Any,
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing: Iterable[str] | None = None,
    date_format: str | None = None,
) -> dict[str, Column]:
    """The columns of a table by name: of a file, or of a table in memory (pandas, polars, Arrow, a dict of columns).

    Raises:
        DataError: what cannot be read as a table.
    """
    if isinstance(source, str | os.PathLike):
        return read_table(
            source, delimiter=delimiter, encoding=encoding, decimal=decimal, missing=missing, date_format=date_format
        )
    return _in_memory(source, "the table", Writing.of(decimal, missing, date_format))


def read_table(
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing: Iterable[str] | None = None,
    date_format: str | None = None,
) -> dict[str, Column]:
    """The columns of a file with a header, by name: CSV, also in gzip or zip, or Parquet.

    A column without a name is called "Unnamed: 0" by its place, as in pandas. It is left out where it holds nothing,
    and where it stands first and only counts the lines (an index).

    Raises:
        DataError: no such file, another encoding, no header, lines of different lengths.
    """
    try:
        content = read_bytes(path)
    except OSError as error:
        raise DataError(f'cannot read "{path}": {reason(error)}.') from error
    return table_in(
        content, path, delimiter=delimiter, encoding=encoding, decimal=decimal, missing=missing, date_format=date_format
    )


def table_in(
    content: bytes,
    path: str | os.PathLike[str],
    *,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing: Iterable[str] | None = None,
    date_format: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> dict[str, Column]:
    """The columns of a table whose bytes were read already, from the file that messages name; what is compressed may
    hold `max_bytes`.
    """
    writing, file = Writing.of(decimal, missing, date_format), Path(path).name
    content = _uncompressed(content, path, max_bytes)
    if content[:4] == _PARQUET:
        return _in_memory(_parquet(content, path), file, writing)
    return parsed_table(_text(content, path, encoding), file, delimiter, writing)


def _uncompressed(content: bytes, path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """The content, or what it holds compressed.

    Raises:
        DataError: damaged, of several files, or more than is read into memory.
    """
    try:
        if content[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(content)) as file:
                inner = file.read(max_bytes + 1)
        elif content[:4] == b"PK\3\4":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                names = [i for i in archive.infolist() if not i.is_dir() and not i.filename.startswith("__MACOSX/")]
                if len(names) != 1:
                    raise DataError(f'"{path}" holds {len(names)} files, expected one table: unpack the one to read.')
                with archive.open(names[0]) as file:
                    inner = file.read(max_bytes + 1)
        else:
            return content
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        sentence = gettext('"{path}" is damaged or cannot be unpacked ({error}).', path=path, error=str(error))
        raise DataError(sentence) from error
    if len(inner) > max_bytes:
        raise DataError(
            gettext(
                '"{path}" unpacks to more than {count:,} bytes, expected at most as many.', path=path, count=max_bytes
            )
        )
    return inner


def _text(content: bytes, path: str | os.PathLike[str], encoding: str) -> str:
    named = encoding
    try:
        if encoding.lower().replace("_", "-") in ("utf-8", "utf8"):
            encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        text = content.decode(encoding)
    except UnicodeError as error:
        at = error.start if isinstance(error, UnicodeDecodeError) else 0
        known, how = {"path": path, "encoding": named, "at": at}, argument("encoding", "cp1252")
        if how:
            sentence = gettext(
                '"{path}" is not {encoding} text at byte {at}: say how it is written, such as {how}.', **known, how=how
            )
        else:
            sentence = gettext('"{path}" is not {encoding} text at byte {at}: save it as utf-8.', **known)
        raise DataError(sentence) from error
    except LookupError as error:
        raise DataError(f'there is no encoding "{encoding}", expected one such as utf-8 or cp1252.') from error
    if "\0" in text:
        raise DataError(gettext('"{path}" holds zero bytes, expected a text file with a header line.', path=path))
    return text


def _parquet(content: bytes, path: str | os.PathLike[str]) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise DataError(
            f'"{path}" is a Parquet file, which the package pyarrow reads: pip install "pellucid[parquet]".'
        ) from error
    try:
        return parquet.read_table(io.BytesIO(content))
    except (ArrowException, OSError) as error:
        raise DataError(f'"{path}" is damaged or no Parquet file ({error}).') from error


def _in_memory(table: Any, name: str, writing: Writing) -> dict[str, Column]:
    """The columns of a table in memory, each value as it would stand in a file: the rules are the same."""
    columns = _columns(table)
    if not columns:
        raise DataError(
            f"{name} is a {type(table).__name__}, expected a file's name, a data frame or a dict of columns."
        )
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or not max(lengths):
        raise DataError(f"{name} has columns of {sorted(lengths)} rows, expected equally many and at least one.")
    rows = list(range(max(lengths)))
    return {
        key: Column(name, key, [_cell(value) for value in values], rows, writing, "row")
        for key, values in columns.items()
    }


def _columns(table: Any) -> dict[str, list[Any]]:
    if isinstance(table, Mapping):
        return {str(name): _listed(values) for name, values in table.items()}
    names = getattr(table, "column_names", None)  # Arrow, Hugging Face
    if names is None:
        names = getattr(table, "columns", None)  # pandas, polars
    if names is None or callable(names):
        return {}
    return {str(name): _listed(table[name]) for name in names}


def _listed(values: Any) -> list[Any]:
    if getattr(getattr(values, "dtype", None), "kind", "") == "M" and isinstance(values, np.ndarray):
        values = values.astype("datetime64[s]")  # nanoseconds would become integers
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, method):
            return list(getattr(values, method)())
    return list(values)


def _cell(value: Any) -> str:
    """As a file holds it; what is missing is blank."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float):
        return "" if value != value else repr(value)
    return str(value).strip()
