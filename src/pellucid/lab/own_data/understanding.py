"""What the files that came are, what they hold, and what would be made of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from pellucid.data.tables.table import Column
from pellucid.errors import DataError, PellucidError, spelled
from pellucid.lab.own_data.beginning import Beginning
from pellucid.lab.own_data.own_tables import OwnTable, columns_of
from pellucid.lab.own_data.uploads import Uploads
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.requests import DataChoices, DataKind, SentPart
from pellucid.messages import gettext, words

TABLES = (".csv", ".tsv", ".tab", ".psv", ".parquet", ".data")


class OwnFiles:
    """The files of one tab; each question about them comes with what the person chose."""

    def __init__(self) -> None:
        self._uploads = Uploads()
        self._files: dict[str, bytes] | None = None
        self._columns: tuple[Any, dict[str, Column]] | None = None

    def take(self, parts: list[SentPart], *, more: bool) -> answers.Uploaded:
        """Keep what came, instead of what came before or, with `more`, beside it.

        Raises:
            DataError: it is more than is taken.
        """
        if not more:
            self.__init__()  # type: ignore[misc]
        self._files = self._columns = None
        try:
            self._uploads.add(parts)
        except DataError:
            self._uploads = Uploads()
            raise
        return {"files": len(self._uploads), "bytes": self._uploads.size}

    def understood(self, choices: DataChoices) -> answers.OwnData:
        """What the files hold, and what would be made of them.

        Raises:
            DataError: nothing can be made out in them; the sentence says what was expected.
        """
        with spelled(on_the_page):
            return self._understood(choices)

    def beginning(self, choices: DataChoices) -> Beginning:
        """What is begun with.

        Raises:
            DataError: nothing can be learned from them as it was chosen.
        """
        with spelled(on_the_page):
            return self._table(choices).beginning()

    def _understood(self, choices: DataChoices) -> answers.OwnData:
        table = self._table(choices)
        answer = empty(table.name, "table", ["table"])
        answer["rows"] = table.rows()
        data, begun, fault = None, None, None
        try:
            data = table.data()
            begun = table.beginning()
            answer["layers"], answer["parameters"] = begun.described()
        except PellucidError as error:
            fault = error
        answer["columns"] = table.described(data)
        if data is not None:
            answer["classes"] = table.classes(data)
            answer["notes"] = [words(note) for note in table.notes(data)]
        task = None if data is None else "regression" if data.class_names is None else "classification"
        answer["choices"] |= {"target": table.target, "task": choices.task or task}
        return finished(answer, choices, begun, fault)

    def _table(self, choices: DataChoices) -> OwnTable:
        name, content = self._one()
        key = (choices.encoding, choices.decimal, choices.date_format)
        if self._columns is None or self._columns[0] != key:
            self._columns = key, columns_of(content, name, choices)
        return OwnTable(name, self._columns[1], choices)

    def _all(self) -> dict[str, bytes]:
        if self._files is None:
            self._files = self._uploads.files()
        return self._files

    def _one(self) -> tuple[str, bytes]:
        files = self._all()
        if len(files) > 1:
            raise DataError(
                gettext(
                    "{count} files came ({names}), expected one table or one text, or images in a folder for each class",
                    count=len(files),
                    names=", ".join(list(files)[:3]) + (", …" if len(files) > 3 else ""),
                )
            )
        return next(iter(files.items()))


def empty(name: str, kind: DataKind, kinds: list[DataKind]) -> answers.OwnData:
    """An answer in which nothing is said yet."""
    return {
        "name": name,
        "kind": kind,
        "kinds": kinds,
        "choices": {},
        "learn": 0,
        "test": 0,
        "columns": [],
        "rows": [],
        "classes": None,
        "images": [],
        "excerpt": None,
        "notes": [],
        "layers": [],
        "parameters": 0,
        "fault": None,
    }


def finished(
    answer: answers.OwnData, choices: DataChoices, begun: Beginning | None, fault: PellucidError | None
) -> answers.OwnData:
    """The answer with what was chosen, and with what would be begun, or why nothing can be."""
    given = {name: getattr(choices, name) for name in choices.__struct_fields__}
    answer["choices"] = given | {"kind": answer["kind"]} | answer["choices"]
    if begun is not None:
        answer["learn"], answer["test"] = len(begun.learned[0]), len(begun.test[0])
    answer["fault"] = None if fault is None else words(fault.message)
    return answer


def on_the_page(name: str, value: object) -> str | None:
    """How an argument of `read_csv` is given in the page: by the words that stand there."""
    said: dict[str, Callable[[], object]] = {
        "decimal": lambda: gettext("Decimal mark: {value}", value=value),
        "encoding": lambda: gettext("Encoding: {value}", value=value),
        "date_format": lambda: gettext("Dates: {value}", value=value),
    }
    return str(said[name]()) if name in said else None


def suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
