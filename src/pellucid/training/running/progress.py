"""What a training reports while it runs: a bar on a terminal and in a notebook, else a line an epoch, or nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pellucid.errors import DataError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Verbose = Literal[0, 1, 2] | bool | None
Values = Callable[[], Mapping[str, float]]


class Silent:
    """Tells nothing; the base of the others. Used in `with`, so that a terminal is left in order whatever happens."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs, self.steps = epochs, steps
        self.started = 0.0

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def epoch_begins(self, epoch: int, done: int) -> None:
        """Epoch `epoch`, from 0, of which `done` steps are done already."""
        self.started = time.perf_counter()

    def step(self, done: int, values: Values) -> None:
        """A step is done; `values` are asked for only where they are shown."""

    def epoch_ends(self, epoch: int, logs: Mapping[str, float]) -> None:
        """The epoch is over."""

    def learn(self, steps: int) -> None:
        """An epoch has so many steps, which may not have been known before."""
        self.steps = steps

    def pause(self) -> None:
        """The steps of the epoch are done: others may print now."""

    def notify(self, text: str) -> None:
        """Something that happened once."""


class Lines(Silent):
    """A line an epoch."""

    def epoch_ends(self, epoch: int, logs: Mapping[str, float]) -> None:
        width = len(str(self.epochs))
        print(f"epoch {epoch + 1:{width}}/{self.epochs}  {_seconds(self.started)}  {_formatted(logs)}", flush=True)

    def notify(self, text: str) -> None:
        print(text, flush=True)


class Bars(Silent):
    """A bar an epoch, drawn a few times a second, which becomes a line when the epoch is over. Where the number of
    steps is not known, it says 12/? and moves back and forth.
    """

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__(epochs, steps)
        self._drawn = 0.0
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def epoch_begins(self, epoch: int, done: int) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().epoch_begins(epoch, done)
        columns: list[Any] = [
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[values]}"),
        ]
        # The streams stay as they are: what rich puts in their place breaks where other threads print.
        self._progress = Progress(*columns, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._task = self._progress.add_task(
            "", total=self.steps or None, completed=done, epoch=f"{epoch + 1}/{self.epochs}", values=""
        )
        self._progress.start()

    def step(self, done: int, values: Values) -> None:
        if done == self.steps:
            self._stop()  # callbacks and the user's own functions may print now
        now = time.perf_counter()
        if self._progress is None or self._task is None or now - self._drawn < 0.1:
            return
        self._drawn = now
        self._progress.update(self._task, completed=done, values=_formatted(values()))

    def epoch_ends(self, epoch: int, logs: Mapping[str, float]) -> None:
        self._stop()
        width = len(str(self.epochs))
        print(f"epoch {epoch + 1:{width}}/{self.epochs}  {_seconds(self.started)}  {_formatted(logs)}", flush=True)

    def pause(self) -> None:
        self._stop()

    def notify(self, text: str) -> None:
        self._stop()
        print(text, flush=True)

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


class Cell(Silent):
    """In a notebook: one output of the cell, changed in place, with the last epochs and the steps of this one."""

    SHOWN = 20

    def __init__(self, epochs: int, steps: int) -> None:
        super().__init__(epochs, steps)
        self._lines: list[str] = []
        self._handle: Any = None
        self._drawn = 0.0

    def __exit__(self, *exception: object) -> None:
        self._draw()

    def epoch_begins(self, epoch: int, done: int) -> None:
        super().epoch_begins(epoch, done)
        self._begun = f"epoch {epoch + 1:{len(str(self.epochs))}}/{self.epochs}"

    def step(self, done: int, values: Values) -> None:
        now = time.perf_counter()
        if now - self._drawn < 0.2:
            return
        part = f"{done}/{self.steps or '?'} steps"
        if self.steps:
            full = round(24 * done / self.steps)
            part = f"{'━' * full}{'─' * (24 - full)} {part}"
        self._draw(f"{self._begun}  {part}  {_formatted(values())}")

    def epoch_ends(self, epoch: int, logs: Mapping[str, float]) -> None:
        self._lines.append(f"{self._begun}  {_seconds(self.started)}  {_formatted(logs)}")
        if time.perf_counter() - self._drawn >= 0.2:
            self._draw()

    def notify(self, text: str) -> None:
        self._lines.append(text)
        self._draw()

    def _draw(self, now: str = "") -> None:
        import IPython.display

        display: Any = IPython.display.display
        self._drawn = time.perf_counter()
        lines = self._lines[-self.SHOWN :]
        if len(lines) < len(self._lines):
            lines = ["…", *lines]
        text = {"text/plain": "\n".join([*lines, *([now] if now else [])])}
        if not any(text.values()):
            return
        if self._handle is None:
            self._handle = display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)


class Waiting:
    """A bar on a terminal and in a notebook, for what is done beside a training and takes longer than a moment."""

    PATIENCE = 0.5

    def __init__(self, about: str, steps: int) -> None:
        self.about, self.steps, self.done = about, steps, 0
        self._next = time.perf_counter() + self.PATIENCE
        self._shown = threading.current_thread() is threading.main_thread() and (sys.stderr.isatty() or _notebook())
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def step(self) -> None:
        """One more step is done."""
        self.done += 1
        if not self._shown or (now := time.perf_counter()) < self._next:
            return
        self._next = now + 0.1
        if self._progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns: list[Any] = [
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
            ]
            console = Console(stderr=True)
            self._progress = Progress(
                *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._task = self._progress.add_task(self.about, total=self.steps)
            self._progress.start()
        assert self._task is not None
        self._progress.update(self._task, completed=self.done)


def reporter(verbose: Verbose, epochs: int, steps: int) -> Silent:
    """The one asked for: 0 nothing, 1 a bar, 2 a line an epoch; None is 1 on a terminal and in a notebook, else 2. A
    bar belongs to the main thread: trainings in others print lines."""
    if verbose is None:
        verbose = 1 if sys.stdout.isatty() or _notebook() else 2
    kinds: dict[int, type[Silent]] = {0: Silent, 1: Cell if _notebook() else Bars, 2: Lines}
    if verbose not in kinds:
        raise DataError(f"verbose is {verbose!r}, expected 0 (nothing), 1 (a bar) or 2 (a line an epoch)")
    if verbose == 1 and threading.current_thread() is not threading.main_thread():
        verbose = 2  # there is one screen, and rich takes it for itself
    return kinds[int(verbose)](epochs, steps)


def _notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


def _formatted(logs: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in logs.items())


def _seconds(since: float) -> str:
    return f"{time.perf_counter() - since:.1f} s"
