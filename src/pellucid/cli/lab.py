"""``pellucid lab``: networks in the browser, while they train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import pellucid as pl

from ..data import Preparation
from ..data.text import split_tail, text_windows
from ..engines import DEFAULT
from ..errors import DataError, nearest
from . import grouped, options
from .examples import as_targets, fitted, the_shape
from .language import KEY, Reader
from .output import check_writable
from .reporting import with_force
from .sources import TEXT, by_name, text_of, training_data, unknown

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from ..lab.lessons.lesson_file import LessonFile
    from ..lab.task import Task

EPILOG = """\b
Examples:
  pellucid lab                                      a gallery of small tasks, ready to train
  pellucid lab --task digits                        one of them
  pellucid lab iris.safetensors --data iris         a network of your own on data it knows
  pellucid lab flats.safetensors --data flats.csv
  pellucid lab topics.safetensors --data topics     a network that reads a text
  pellucid lab --host 0.0.0.0                       for other machines too: the URL carries a secret token
  pellucid lab --site gallery                       the gallery as files, for a web server or a disk
  pellucid lab --lesson mine.yaml                   a lesson of your own (docs/lessons.md says how to write one)
  pellucid lab --lesson mine.yaml --check           whether everything in it is as it says
\b
In Python: net.lab(x, y), and net.lab(x, y).save("lab.html") for one file that works without Python.
"""


@grouped.command(epilog=EPILOG)
@click.argument("model", required=False, type=click.Path(path_type=Path))
@click.option("--data", metavar="NAME|FILE", help="What the network of MODEL sees: as in `pellucid train`.")
@click.option("--task", metavar="NAME", help="Begin with this task of the gallery.")
@click.option(
    "--port",
    type=options.IntRange(0, 65535),
    help="Where to listen; 0 is any that is free.  [default: 8347, or the next that is free]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; another than this machine's own asks for the token in the URL.",
)
@click.option("--no-browser", is_flag=True, help="Only print the URL.")
@click.option(
    "--site",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write the gallery as files for any web server, or to be opened from a disk, instead of showing it: each task"
    " is trained, and can be trained on in the browser.",
)
@click.option(
    "--lesson",
    "lessons",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Begin with the lesson of this file; with --site, add it to those of the site. May be given several times.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Train the network as far as each --lesson says, tell what in the lesson does not fit it, and end.",
)
@click.option("--lang", type=click.Choice(["en", "zh"]), help="The language of the page.  [default: the browser's]")
@options.engine()
@options.csv_writing()
@with_force
def command(
    model: Path | None,
    data: str | None,
    task: str | None,
    port: int | None,
    host: str,
    no_browser: bool,
    site: Path | None,
    lessons: tuple[Path, ...],
    check: bool,
    lang: str | None,
    engine: str | None,
    writing: dict[str, Any],
) -> None:
    """Without MODEL a gallery of small tasks opens. With MODEL, a file that `pellucid train` or `net.save` wrote, its
    network is shown on the examples of --data. Training can be paused, stepped, rewound and branched; every number
    is a link to where it came from. MODEL itself is not changed.

    Nothing leaves this machine, and nobody else can connect unless --host lets them. Ctrl-C ends the lab.
    """
    from ..lab.handle import show
    from ..lab.serve.lab_session import Session
    from ..lab.serve.server import Server

    if model is None and engine is not None:
        raise DataError("expected a model with --engine, which the tasks of the gallery bring: leave it out.")
    files = [lesson_file(path) for path in lessons]
    if check:
        _check(files, model, data, task, writing, engine or DEFAULT)
        return
    if site is not None:
        _write_site(site, model, data, task, files, lang)
        return
    chosen = _task(model, data, _named(files, model, task), writing, engine=engine or DEFAULT)
    session = Session(chosen, gallery=model is None, lessons=[file.lesson for file in files])
    server = Server(session, host=host, port=port, language=lang)
    url = server.url
    if files:
        url += f"#/?{f'task={files[0].lesson.task}&' if model is None else ''}lesson={files[0].lesson.name}:1"
    try:
        click.echo(f"The lab is at {url}  (Ctrl-C ends it)")
        if not no_browser:
            show(url)
        server.wait()
    except KeyboardInterrupt:
        click.echo("\nThe lab is closed.")
    finally:
        server.close()


def lesson_file(path: Path) -> LessonFile:
    """The file of a lesson.

    Raises:
        DataError: it is none, or cannot be read.
    """
    from ..lab.lessons.lesson_file import read_lesson

    try:
        return read_lesson(path)
    except OSError as error:
        raise DataError(f'cannot read the lesson "{path}": {error.strerror or error}') from error


def _named(files: Sequence[LessonFile], model: Path | None, task: str | None) -> str | None:
    """The task of the gallery to open: that of --task, or of the first lesson.

    Raises:
        DataError: a lesson is about another network than what is opened, or has the name of another lesson.
    """
    from ..lab.gallery import TASKS

    names: set[str] = set()
    for file in files:
        about, name = file.lesson.task, file.lesson.name
        if model is None and about not in TASKS:
            said = "is about no task" if about is None else f'is about the task "{about}", which there is not'
            hint = "" if about is None else nearest(about, TASKS)
            raise DataError(
                file.located((("task",), f"the lesson {said}, expected one of {', '.join(TASKS)}, or a MODEL.{hint}"))
            )
        if model is not None and about is not None:
            said = f'the lesson is about the task "{about}" of the gallery, expected none, for the network of a MODEL'
            raise DataError(file.located((("task",), f"{said}: leave the line out, or MODEL")))
        if name in names:
            raise DataError(file.located((("name",), f'there are two lessons called "{name}": give one a new name')))
        names.add(name)
    first = files[0].lesson.task if files else None
    if task is not None and first is not None and task != first:
        raise DataError(
            files[0].located((("task",), f'the lesson is about "{first}", but --task is {task}: leave it out'))
        )
    return task or first


def _check(
    files: Sequence[LessonFile],
    model: Path | None,
    data: str | None,
    task: str | None,
    writing: Mapping[str, Any],
    engine: str,
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from ..lab.lessons.lesson_check import check_lesson

    if not files:
        raise DataError("--check looks at lessons, expected their files: --lesson FILE --check.")
    wrong: list[str] = []
    console = Console(stderr=True)
    for file in files:
        chosen = _task(model, data, _named([file], model, task), writing, engine=engine)
        assert chosen is not None
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task(file.path.name, total=file.lesson.train)
            said = check_lesson(file, chosen, partial(_advance, progress, bar))
        wrong += said
        if not said:
            click.echo(f"{file.path}: {len(file.lesson.steps)} steps, all of them as they say.")
    if wrong:
        raise DataError("\n".join(wrong))


def _advance(progress: Progress, bar: TaskID, step: int, steps: int) -> None:
    progress.update(bar, completed=step)


def _write_site(
    folder: Path,
    model: Path | None,
    data: str | None,
    task: str | None,
    files: Sequence[LessonFile],
    language: str | None,
) -> None:
    from rich.console import Console
    from rich.progress import Progress

    from ..lab.gallery import TASKS, entry
    from ..lab.serve.site import INDEX, check_free, write_site

    if model is not None or data is not None:
        raise DataError(
            "--site writes the tasks of the gallery, but a model or data were given: open them without --site, and"
            " press Save in the page for one file."
        )
    entries = list(TASKS.values()) if task is None else [entry(task)]
    for file in files:
        _named([file], None, task)
    _named(files, None, None)
    check_free(folder)
    if (folder / INDEX).exists():  # a site of before
        check_writable(folder / INDEX)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, Any] = {}

        def report(title: str, step: int, steps: int) -> None:
            if title not in bars:
                bars[title] = progress.add_task(title, total=steps)
            progress.update(bars[title], completed=step)

        write_site(folder, entries, lessons=[file.lesson for file in files], language=language, on_task=report)
    click.echo(f"The site is in {folder}: open {folder / INDEX}, or put the folder on a web server.")


def _task(
    model: Path | None,
    data: str | None,
    name: str | None,
    writing: Mapping[str, Any] | None = None,
    *,
    engine: str = DEFAULT,
) -> Task | None:
    if model is None:
        from ..lab.gallery import build

        if data is not None:
            raise DataError(
                f'expected a model with --data "{data}", got none: pellucid lab MODEL.safetensors --data {data}.'
            )
        return None if name is None else build(name)
    if name is not None:
        raise DataError(f"expected a model or --task, got both, but the task {name} brings its own model: choose one.")
    net = pl.load(model, engine=engine)
    if KEY in net.metadata:
        return _text_task(net, model, data or TEXT)
    if data is None:
        raise DataError(f"the lab shows {model.name} on examples, expected their file or name: --data NAME|FILE.")
    return _examples_task(net, model, data, writing or {})


def _examples_task(net: pl.Network, model: Path, data: str, writing: Mapping[str, Any]) -> Task:
    from ..lab.task import task_of

    preparation = Preparation.of(net.metadata)
    _check_kind(model, data, preparation.target)
    dataset, apart = training_data(data, target=preparation.target, like=preparation, writing=writing)
    # divided as `pellucid train` does: what it learned from is learned from here
    (x, y), test = dataset.split(test_size=0.2, seed=0)
    if apart is not None:
        test = apart.x, apart.y
    shape = the_shape(net, model.name)
    x_test, y_test = test
    return task_of(
        net,
        fitted(data, x, shape),
        as_targets(y, preparation),
        validation_data=(fitted(data, x_test, shape), as_targets(y_test, preparation)),
        classes=preparation.classes or dataset.class_names,
        title=model.stem,
    )


def _check_kind(model: Path, data: str, target: str | None) -> None:
    """Whether what is given is a table if a table is wanted, in words that name no option of `pellucid train`.

    Raises:
        DataError: it is not.
    """
    path, named = Path(data), by_name(data, seed=0)
    if named is None and not path.exists():
        raise unknown(data)
    if target is not None and (named is not None or not path.is_file()):
        raise DataError(
            f'{model.name} learned the column "{target}" of a table, but "{data}" is not a table: give its file.'
        )
    if target is None and named is None and path.is_file():
        raise DataError(
            f"{path.name} is a table, but {model.name} was not trained on one: give data of the kind it knows."
        )


def _text_task(net: pl.Network, model: Path, data: str) -> Task:
    from ..lab.task import task_of

    reader = Reader.read(net, model.name)
    learned, tested = split_tail(reader.vocabulary.encode(text_of(data)))
    return task_of(
        net,
        *text_windows(learned, reader.length),
        validation_data=text_windows(tested, reader.length),
        vocabulary=reader.vocabulary,
        title=model.stem,
    )
