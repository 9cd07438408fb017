"""The lab of a user's own network: `net.lab(x, y)` in a script, on a prompt and in a notebook."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pellucid.errors import DataError, PellucidError
from pellucid.network import BaseNetwork

if TYPE_CHECKING:
    from pellucid.lab.protocol.lessons import Lesson
    from pellucid.lab.serve.lab_session import Session
    from pellucid.lab.serve.server import Server
    from pellucid.lab.task import Task

_MOMENT = 0.4
"""Seconds in which `save` or `close` may still follow before the browser opens."""


def lab(
    net: BaseNetwork,
    x: Any,
    y: Any = None,
    *,
    loss: Any = None,
    optimizer: Any = "adam",
    metrics: Any = None,
    batch_size: int = 32,
    validation_data: Sequence[Any] | None = None,
    class_names: Sequence[str] | None = None,
    vocabulary: Any = None,
    title: str | Mapping[str, str] | None = None,
    lesson: str | os.PathLike[str] | None = None,
    port: int | None = None,
    open_browser: bool = True,
) -> Lab:
    """See this network in the browser, train it there, and follow every number to where it came from.

    In a notebook the lab appears below the cell. In a script it opens in the browser, and the script stays after its
    end until Ctrl-C. `net.lab(x, y).save("lab.html")` writes one file that works without Python instead.

    Args:
        x, y: examples and targets, as in `fit`; without y the network learns to give its input again.
        loss, optimizer, metrics, batch_size: as in `fit`; without metrics, accuracy for classes.
        validation_data: (x, y) to judge by.
        class_names: the names of the classes, by their numbers.
        vocabulary: of a text, a `Vocabulary`, a `TextVectorization` or the symbol of each token, where the network
            does not begin with one.
        title: what the page is called; for a page in two languages {"en": …, "zh": …}.
        lesson: the file of a lesson about this network, which the lab begins with.
        port: where it listens; without it the usual port or the next that is free, 0 for any that is free.
        open_browser: whether a script opens the browser. Without it the lab is at its `url`, which is printed.

    Raises:
        DataError: examples or targets that the network cannot take, a file that is no lesson, or a port that cannot
            be had (when the lab begins to listen).
        PellucidError: a title in another language.
        ModelFileError: the lab's page was not built.
    """
    from pellucid.lab.serve.page import check_assets
    from pellucid.lab.task import task_of

    check_assets()
    if port is not None and (type(port) is not int or not 0 <= port < 2**16):
        raise DataError(f"port is {port!r}, expected a number from 0 to 65535 (0: any that is free)")
    lessons = [] if lesson is None else [_own_lesson(lesson)]
    task = task_of(
        net,
        x,
        y,
        validation_data=validation_data,
        loss=loss,
        optimizer=optimizer,
        metrics=metrics,
        batch_size=batch_size,
        classes=class_names,
        vocabulary=vocabulary,
        title=title,
    )
    lab = Lab(task, lessons, port=port, browser=open_browser)
    if not _in_notebook():
        lab._open_soon()
    return lab


class Lab:
    """A lab that was asked for. It opens by itself; `close` ends it and leaves what was learned in the network."""

    def __init__(
        self, task: Task, lessons: Sequence[Lesson] = (), *, port: int | None = None, browser: bool = True
    ) -> None:
        self._task = task
        self._lessons = lessons
        self._port = port
        self._browser = browser
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._server: Server | None = None
        self._widget: Any = None
        self._timer: threading.Timer | None = None

    @property
    def url(self) -> str:
        """Where the lab is, from now on if it was not open yet."""
        return self._serve().url

    def open(self) -> Lab:
        """Show the lab in the browser now."""
        show(self._announced().url)
        return self

    def save(self, path: str | os.PathLike[str], *, language: str | None = None) -> None:
        """Write the lab as one HTML file, with the network as it is now; it works without Python and without a network.

        Args:
            language: of the page, "en" or "zh"; without it the page takes the browser's.

        Raises:
            ModelFileError: the path cannot be written.
            PellucidError: another language.
        """
        self._cancel()  # first of all: what is imported here takes longer than the moment, on a slow machine
        from pellucid.files import write_atomically
        from pellucid.lab.serve.lab_session import Session
        from pellucid.lab.serve.page import single_file
        from pellucid.messages import check_language

        if language is not None:
            check_language(language)
        with self._lock:
            session = self._session or Session(self._task, lessons=self._lessons)
        try:
            text = single_file(session.document(), language)
        finally:
            if session is not self._session:
                session.close()
        write_atomically(path, lambda file: file.write(text.encode()))

    def close(self) -> None:
        """End the lab: the training in it, its threads and its server."""
        self._cancel()
        with self._lock:
            session, server, widget = self._session, self._server, self._widget
            self._session = self._server = self._widget = None
        if server is not None:
            server.close()
        if session is not None:
            session.close()
        if widget is not None:
            widget.close()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        with self._lock:
            where = "not open" if self._server is None else f"at {self._server.url}"
        return f"<the lab of {self._task.title['en']}, {where}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """In a notebook, the lab itself."""
        if not _in_notebook():
            return {"text/plain": repr(self)}
        from pellucid.lab.serve.widget import MISSING, widget

        with self._lock:
            try:
                self._widget = self._widget or widget(self._begun())
            except ImportError:
                return {"text/plain": MISSING}
            return self._widget._repr_mimebundle_(include=include, exclude=exclude)

    def _announced(self) -> Server:
        """The server from now on, whose address is printed."""
        self._cancel()
        server = self._serve()
        print(f"The lab is at {server.url}", flush=True)
        return server

    def _begun(self) -> Session:
        from pellucid.lab.serve.lab_session import Session

        with self._lock:
            self._session = self._session or Session(self._task, lessons=self._lessons)
            return self._session

    def _serve(self) -> Server:
        from pellucid.lab.serve.server import Server

        with self._lock:
            if self._server is None:
                self._server = Server(self._begun(), port=self._port)
                atexit.register(self._stay)
            return self._server

    def _open_soon(self) -> None:
        def begin() -> None:
            try:
                self.open() if self._browser else self._announced()
            except PellucidError as error:
                print(f"pellucid: error: {error}", file=sys.stderr)

        # no daemon: where the script ends within this moment, the interpreter waits for it
        self._timer = threading.Timer(_MOMENT, begin)
        self._timer.start()

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer is not threading.current_thread():
            timer.cancel()

    def _stay(self) -> None:
        """At the end of a script: continue until Ctrl-C. A prompt that is left or a failed script ends at once."""
        server = self._server
        if server is not None and not hasattr(sys, "ps1") and not hasattr(sys, "last_type"):
            print("The script has ended; the lab stays open until Ctrl-C.", file=sys.stderr, flush=True)
            try:
                server.wait()
            except KeyboardInterrupt:
                print(file=sys.stderr)
        self.close()


def _own_lesson(path: str | os.PathLike[str]) -> Lesson:
    from pellucid.lab.lessons.lesson_file import read_lesson

    file = read_lesson(path)
    if file.lesson.task is not None:
        said = f'the lesson is about the gallery\'s task "{file.lesson.task}", expected none, for a network of your own'
        raise DataError(file.located((("task",), f"{said}: leave the line out, or run `pellucid lab --lesson`")))
    return file.lesson


def show(url: str) -> bool:
    """Open a browser with windows, if there is one; a browser in the terminal could not show the lab."""
    import webbrowser

    desktop = sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    )
    try:
        return desktop and webbrowser.open(url)
    except (webbrowser.Error, OSError):
        return False


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
