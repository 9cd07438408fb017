"""One who looks: a tab of the browser or a widget, with what it asked and what waits to be sent to it."""

from __future__ import annotations

import logging
import queue
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pellucid.errors import PellucidError
from pellucid.lab.own_data.understanding import OwnFiles
from pellucid.lab.protocol.answers import History
from pellucid.lab.protocol.reading import Malformed, read_message
from pellucid.lab.protocol.requests import WatchedPath
from pellucid.lab.serve import frames
from pellucid.lab.serve.safety import LARGEST_MESSAGE, MAX_WAITING
from pellucid.messages import gettext, words

_log = logging.getLogger("pellucid.lab")
Answer = Callable[["Tab", str, Any], Any]
Lane = Literal["steer", "look", "whole", "data"]
"""What steers the run does not wait behind what is computed for the eye, nor that behind explanations with all their
terms. Within a lane order is kept."""
_BACKLOG = 4
"""Answers ready but not yet taken: with more of them a lane waits, so that a slow reader costs no memory."""
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
FAILED = gettext("Pellucid failed at {method} ({fault}), please report it; the run continues")


@dataclass(frozen=True)
class Request:
    """A question that waits for its answer; `size` is that of its message."""

    number: int
    method: str
    params: Any
    size: int


@dataclass(frozen=True)
class Watch:
    """What a tab sees live."""

    input: str
    paths: tuple[WatchedPath, ...]


class Tab:
    """Requests come in by `receive`; frames to send are fetched by `take` after each call of `wake`.

    Args:
        answer: answers a request of this tab: (tab, method, params).
        lane: the lane of a request: (method, params).
        wake: called, in any thread, when there is something to take.
    """

    def __init__(self, answer: Answer, lane: Callable[[str, Any], Lane], wake: Callable[[], None]) -> None:
        self.watch: Watch | None = None
        self.files = OwnFiles()
        self._answer, self._lane, self._notify = answer, lane, wake
        self._change = threading.Condition()
        self._waiting = self._size = 0
        self._answers: deque[bytes] = deque()
        self._events: dict[tuple[str, Any], Any] = {}
        self._queues: dict[Lane, queue.SimpleQueue[Request | None]] = {}
        self.closed = False

    @property
    def crowded(self) -> bool:
        """Whether so much waits to be taken that nothing more should be read from this tab."""
        return len(self._answers) > 2 * MAX_WAITING

    def receive(self, text: str | bytes) -> None:
        """A message of the page. Whatever it is, an answer follows."""
        if len(text) > LARGEST_MESSAGE:
            self._refuse(
                None, gettext("the message has more than {size} MiB: send less at once", size=LARGEST_MESSAGE >> 20)
            )
            return
        try:
            number, method, params = read_message(text)
        except Malformed as error:
            self._refuse(error.number, error.message)
            return
        with self._change:
            full = self._waiting >= MAX_WAITING or self._size + len(text) > 2 * LARGEST_MESSAGE
            waiting = self._waiting
            if not full:
                self._waiting, self._size = waiting + 1, self._size + len(text)
        if full:
            self._refuse(
                number, gettext("{count} requests wait already: ask again when they are answered", count=waiting)
            )
        else:
            self._queue(self._lane(method, params)).put(Request(number or 0, method, params, len(text)))

    def post(self, event: str, value: Any) -> None:
        """Tell of an event. Of what was not taken yet only the newest stays, and a history is grown: a tab that
        reads slowly misses moments and not the end."""
        with self._change:
            if self.closed:
                return
            key = (event, self._about(event, value))
            if event == "described":  # what waits is of another network
                self._events.clear()
            if event == "history" and (earlier := self._events.get(key)) is not None:
                value = _joined(earlier, value)
            self._events[key] = value
        self._wake()

    @staticmethod
    def _about(event: str, value: Any) -> Any:
        """What a newer event of the same kind stands for too."""
        if event == "flow":  # a column each
            return value["branch"], value["step"]
        return value["branch"] if event == "history" else None

    def set_watch(self, watch: Watch | None) -> None:
        with self._change:
            self.watch = watch
            self._events.pop(("live", None), None)

    def post_live(self, watch: Watch, value: Any) -> None:
        """As `post`, if that is still what the tab watches."""
        if self.watch == watch:
            self.post("live", value)

    def take(self) -> list[bytes]:
        """The frames that wait, answers first."""
        with self._change:
            ready = list(self._answers)
            events = list(self._events.items())
            self._answers.clear()
            self._events.clear()
            self._change.notify_all()
        for (event, _), value in events:
            ready.append(frames.encode({"event": event, "value": value}))
        return ready

    def close(self) -> None:
        with self._change:
            self.closed = True
            self.watch, self.files = None, OwnFiles()
            self._answers.clear()
            self._events.clear()
            self._change.notify_all()
            queues = list(self._queues.values())
        for lane in queues:
            lane.put(None)

    def _queue(self, name: Lane) -> queue.SimpleQueue[Request | None]:
        with self._change:
            if name not in self._queues:
                self._queues[name] = queue.SimpleQueue()
                threading.Thread(
                    target=self._work, args=(self._queues[name],), name=f"pellucid-{name}", daemon=True
                ).start()
            return self._queues[name]

    def _work(self, requests: queue.SimpleQueue[Request | None]) -> None:
        while (request := requests.get()) is not None and not self.closed:
            frame = self._framed(request.number, request.method, request.params)
            with self._change:
                self._change.wait_for(lambda: self.closed or len(self._answers) < _BACKLOG)
                self._waiting, self._size = self._waiting - 1, self._size - request.size
            self._put(frame)

    def _framed(self, number: int, method: str, params: Any) -> bytes:
        """The answer to a request. Whatever fails on the way to it is an answer too: a lane must not end."""
        try:
            try:
                return frames.encode({"id": number, "result": self._answer(self, method, params)})
            except PellucidError as error:
                return _refusal(number, error.message)
        except Exception as error:  # a fault of ours: the tab is notified, and the run continues
            _log.exception("the lab could not answer %r", method[:100])
            return _refusal(number, FAILED.filled(method=method[:100], fault=_described(error)))

    def _wake(self) -> None:
        """Notify that something waits; the run that has news must not fail where nobody can be notified."""
        try:
            self._notify()
        except Exception:
            _log.debug("a tab could not be notified", exc_info=True)

    def _refuse(self, number: int | None, message: object) -> None:
        self._put(_refusal(number, message))

    def _put(self, frame: bytes) -> None:
        with self._change:
            if self.closed:
                return
            self._answers.append(frame)
        self._wake()


def _refusal(number: int | None, message: object) -> bytes:
    """An answer that is a sentence, of one line whatever names it quotes."""
    said = {language: _BREAKS.sub(" ", text) for language, text in words(message).items()}
    return frames.encode({"id": number, "error": said})


def _described(error: Exception) -> str:
    """An error in a few words, even one whose text cannot be made."""
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:
        return type(error).__name__


def _joined(earlier: History, later: History) -> History:
    """Two pieces of a branch's history as one; the later alone where something is missing between them, which the page
    notices by `from` and asks for."""
    if earlier["from"] + len(earlier["loss"]) != later["from"]:
        return later
    loss = np.concatenate([earlier["loss"], later["loss"]])
    return {**earlier, "loss": loss, "epochs": [*earlier["epochs"], *later["epochs"]]}
