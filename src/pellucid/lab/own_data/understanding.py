"""What the files that came are, what they hold, and what would be made of them."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import numpy as np

from pellucid.data.tables.table import Column
from pellucid.errors import DataError, PellucidError, spelled
from pellucid.lab.own_data.beginning import Beginning
from pellucid.lab.own_data.own_images import OwnImages, is_image
from pellucid.lab.own_data.own_series import OwnSeries, is_series, numbered
from pellucid.lab.own_data.own_tables import OwnTable, columns_of, counted
from pellucid.lab.own_data.own_texts import OwnText
from pellucid.lab.own_data.uploads import Uploads
from pellucid.lab.protocol import own_files
from pellucid.lab.protocol.requests import DataChoices, DataKind, SentPart
from pellucid.messages import gettext, words

TEXTS = (".txt", ".text", ".md", ".rst", ".log")
SHOWN_IMAGES = 12
"""One of each class, of so many classes."""


class OwnFiles:
    """The files of one tab; each question about them comes with what the person chose."""

    def __init__(self) -> None:
        self._uploads = Uploads()
        self._files: dict[str, bytes] | None = None
        self._columns: tuple[Any, dict[str, Column]] | None = None

    def take(self, parts: list[SentPart], *, more: bool) -> own_files.Uploaded:
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

    def understood(self, choices: DataChoices) -> own_files.OwnData:
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
            match self._read(choices):
                case OwnImages() as images:
                    return images.beginning(images.data())
                case other:
                    return other.beginning()

    def _read(self, choices: DataChoices) -> OwnTable | OwnSeries | OwnText | OwnImages:
        files = self._all()
        if sum(map(is_image, files)) * 2 > len(files):
            return OwnImages(files, choices, self._uploads.archives)
        name, content = self._one()
        kind = choices.kind or ("text" if suffix(name) in TEXTS else "table")
        if kind == "text":
            return OwnText(name, content, choices)
        key = (choices.encoding, choices.decimal, choices.date_format)
        if self._columns is None or self._columns[0] != key:
            self._columns = key, columns_of(content, name, choices)
        columns = self._columns[1]
        if kind == "series" or (choices.kind is None and is_series(columns)):
            return OwnSeries(name, columns, choices)
        return OwnTable(name, columns, choices)

    def _understood(self, choices: DataChoices) -> own_files.OwnData:
        match self._read(choices):
            case OwnTable() as table:
                return _of_table(table, choices)
            case OwnSeries() as series:
                return _of_series(series, choices)
            case OwnText() as text:
                return _of_text(text, choices)
            case images:
                return _of_images(images, choices)

    def _all(self) -> dict[str, bytes]:
        if self._files is None:
            self._files = self._uploads.files()
        return self._files

    def _one(self) -> tuple[str, bytes]:
        files = self._all()
        if len(files) > 1:
            raise DataError(
                gettext(
                    "{count} files came ({names}), expected one table, one text, or images in a folder for each class",
                    count=len(files),
                    names=", ".join(list(files)[:3]) + (", …" if len(files) > 3 else ""),
                )
            )
        return next(iter(files.items()))


def _of_table(table: OwnTable, choices: DataChoices) -> own_files.OwnData:
    answer = empty(table.name, "table", ["table", "series"])
    answer["columns"], answer["rows"] = table.described(), table.rows()
    data, begun, fault = None, None, None
    try:
        data = table.data()
        begun = table.beginning()
    except PellucidError as error:
        fault = error
    task = choices.task
    if data is not None:
        answer["classes"], answer["notes"] = table.classes(data), list(map(words, table.notes(data)))
        task = "regression" if data.class_names is None else "classification"
    answer["choices"] |= {"target": table.target, "task": task}
    return finished(answer, choices, begun, fault)


def _of_series(series: OwnSeries, choices: DataChoices) -> own_files.OwnData:
    answer = empty(series.name, "series", ["table", "series"])
    answer["columns"], answer["rows"] = series.table.described(), series.table.rows()
    answer["choices"] |= {"target": series.target, "length": series.window}
    answer["targets"] = numbered(series.columns)
    begun, fault = None, None
    try:
        begun = series.beginning()
        answer["notes"] = list(map(words, series.notes()))
    except PellucidError as error:
        fault = error
    return finished(answer, choices, begun, fault)


def _of_text(text: OwnText, choices: DataChoices) -> own_files.OwnData:
    answer = empty(text.name, "text", ["text", "table"] if "," in text.text[:1000] else ["text"])
    answer["excerpt"] = text.excerpt
    answer["choices"] |= {"by": text.by, "length": text.length}
    begun, fault = None, None
    try:
        begun = text.beginning()
        answer["notes"] = list(map(words, text.notes(begun)))
    except PellucidError as error:
        fault = error
    return finished(answer, choices, begun, fault)


def _of_images(images: OwnImages, choices: DataChoices) -> own_files.OwnData:
    answer = empty(images.name, "images", ["images"])
    answer["choices"] |= {"size": images.size[0], "channels": choices.channels}
    begun, fault = None, None
    try:
        data = images.data()
        answer["choices"]["channels"] = data.x.shape[3]
        answer["classes"] = counted(data.class_names or (), data.y)
        answer["notes"] = list(map(words, images.notes()))
        firsts = [int(np.argmax(data.y == label)) for label in range(min(SHOWN_IMAGES, len(data.class_names or ())))]
        answer["images"] = [
            {
                "image": {"shape": list(data.x.shape[1:]), "data": data.x[row].reshape(-1)},
                "label": (data.class_names or ())[data.y[row]],
            }
            for row in firsts
        ]
        begun = images.beginning(data)
    except PellucidError as error:
        fault = error
    return finished(answer, choices, begun, fault)


def empty(name: str, kind: DataKind, kinds: list[DataKind]) -> own_files.OwnData:
    """An answer in which nothing is said yet."""
    return {
        "name": name,
        "kind": kind,
        "kinds": kinds,
        "choices": {},
        "learn": 0,
        "test": 0,
        "columns": [],
        "targets": None,
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
    answer: own_files.OwnData, choices: DataChoices, begun: Beginning | None, fault: PellucidError | None
) -> own_files.OwnData:
    """The answer with what was chosen, and with what would be begun, or why nothing can be."""
    given = {name: getattr(choices, name) for name in choices.__struct_fields__}
    answer["choices"] = given | {"kind": answer["kind"]} | answer["choices"]
    if begun is not None:
        try:
            answer["layers"], answer["parameters"] = begun.described()
            answer["learn"], answer["test"] = len(begun.learned[0]), len(begun.test[0])
        except PellucidError as error:
            fault = error
    answer["fault"] = None if fault is None else words(fault.message)
    return answer


def on_the_page(name: str, value: object) -> object:
    """How an argument of `read_csv` is given in the page: by the words that stand there."""
    match name:
        case "decimal":
            return gettext("Decimal mark: {value}", value=value)
        case "encoding":
            return gettext("Encoding: {value}", value=value)
        case "date_format":
            return gettext("Dates: {value}", value=value)
    return None


def suffix(name: str) -> str:
    return PurePosixPath(name).suffix.lower()
