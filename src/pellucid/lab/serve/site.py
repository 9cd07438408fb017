"""The gallery as a folder of files: no server, no Python, for any web server, or opened from a disk.

`index.html` is the gallery, and beside it is every task as a file like the one that `net.lab(x, y).save` writes:
trained, and ready to be trained on or begun anew. One thing alone tells it from such a file: it knows the others.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pellucid.errors import DataError
from pellucid.files import write_atomically
from pellucid.lab.gallery import TASKS, Entry
from pellucid.lab.lessons.shipped import shipped
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.lessons import Lesson
from pellucid.lab.serve.document import FORMAT, VERSION
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.page import check_assets, single_file
from pellucid.lab.serve.table_templates import table_templates
from pellucid.messages import gettext, words

INDEX = "index.html"
MADE = b'<meta name="generator" content="Pellucid">'


def write_site(
    folder: str | os.PathLike[str],
    entries: Iterable[Entry] = TASKS.values(),
    *,
    lessons: Iterable[Lesson] = (),
    language: str | None = None,
    on_task: Callable[[str, int, int], None] = lambda title, step, steps: None,
) -> None:
    """Train every task of the gallery, and write each as a file, with the gallery as the first page.

    Args:
        folder: made if it is missing; what a site of before left there is replaced.
        lessons: more than those that come with the tasks.
        language: "en" or "zh"; without it each reader's browser decides.
        on_task: called with a task's title, its step and how many it takes, while it is trained.

    Raises:
        DataError: the folder holds something else.
        ModelFileError: the lab's page was not built, or a file cannot be written.
    """
    check_assets()
    folder = Path(folder)
    check_free(folder)
    entries = list(entries)
    folder.mkdir(parents=True, exist_ok=True)
    lessons = list(lessons)
    documents = [_trained(entry, lessons, on_task) for entry in entries]
    order = [lesson.name for lesson in (*lessons, *shipped())]
    about = (lesson for document in documents for lesson in document["lessons"])
    known = sorted(about, key=lambda lesson: order.index(lesson["name"]))
    shared: dict[str, Any] = {"lessons": known, "tables": table_templates()}
    shared["site"] = {"tasks": [_shown(entry, document) for entry, document in zip(entries, documents, strict=True)]}
    for entry, document in zip(entries, documents, strict=True):
        _write(folder / f"{entry.name}.html", {**document, **shared}, language)
    _write(folder / INDEX, {"format": FORMAT, "version": VERSION, **shared}, language)


def check_free(folder: Path) -> None:
    """See that nothing but a site is replaced.

    Raises:
        DataError: the folder is a file, or holds something else.
    """
    if folder.is_file():
        raise DataError(gettext('expected a folder for the site, got the file "{folder}"', folder=folder))
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    index = folder / INDEX
    if not index.is_file() or MADE not in index.read_bytes()[:4096]:
        raise DataError(
            gettext('"{folder}" holds other files: give a folder that is empty, or new, for the site', folder=folder)
        )


def _shown(entry: Entry, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the gallery shows of a task, and the view that it opens with."""
    task: answers.Task = {
        "name": entry.name,
        "title": words(entry.title),
        "about": words(entry.about),
        "kind": entry.kind,
    }
    return {**task, "views": document["description"]["views"]}


def _trained(entry: Entry, lessons: Iterable[Lesson], on_task: Callable[[str, int, int], None]) -> dict[str, Any]:
    session = Session(entry(), lessons=lessons)
    try:
        run, title = session.stage.run, words(entry.title)["en"]
        for step in range(0, entry.steps, _PIECE):
            on_task(title, step, entry.steps)
            run.act({"do": "step", "count": min(_PIECE, entry.steps - step)})
            run.wait()
        on_task(title, entry.steps, entry.steps)
        document = session.document()
    finally:
        session.close()
    can = document["description"]["can"]
    return {**document, "description": {**document["description"], "can": {**can, "gallery": True, "data": True}}}


_PIECE = 100
"""Steps between two reports."""


def _write(path: Path, document: Mapping[str, Any], language: str | None) -> None:
    text = single_file(document, language)
    write_atomically(path, lambda file: file.write(text.encode()))
