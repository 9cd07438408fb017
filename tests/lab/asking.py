"""A tab without a browser: asks a session and waits for the answer, and keeps the events that come meanwhile."""

from __future__ import annotations

import json
import math
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pellucid.lab.serve import frames
from pellucid.lab.serve.lab_session import Session

PATIENCE = 60.0
NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def decoded(frame: bytes) -> Any:
    """The message of a frame, as the page reads it; arrays come back flat."""
    assert frame[:4] == frames.MAGIC
    (length,) = struct.unpack_from("<I", frame, 4)
    binary = memoryview(frame)[8 + length :]

    def revive(part: dict[str, Any]) -> Any:
        if part.keys() != {"$"}:
            return part
        if isinstance(part["$"], str):
            return NUMBERS[part["$"]]
        code, place, count = part["$"]
        return np.frombuffer(binary, frames.DTYPES[code], count, place)

    return json.loads(frame[8 : 8 + length].decode(), object_hook=revive)


class Refused(Exception):
    """The answer was a sentence instead of a result."""


class Asker:
    """One tab of a session."""

    def __init__(self, session: Session) -> None:
        self._there = threading.Event()
        self.session = session
        self.tab = session.join(self._there.set)
        self.events: list[tuple[str, Any]] = []
        self._answers: list[dict[str, Any]] = []
        self._next = 1

    def ask(self, method: str, /, **params: Any) -> Any:
        number, self._next = self._next, self._next + 1
        self.tab.receive(json.dumps({"id": number, "method": method, "params": params}))
        answer = self.answer(number)
        if "error" in answer:
            raise Refused(answer["error"]["en"])
        return answer["result"]

    def steps(self, count: int) -> Any:
        """Take steps to their end; gives the state. The answer alone may come before: the first step is compiled."""
        state = self.ask("control", do="step", count=count)
        while state["playing"]:
            time.sleep(0.01)
            state = self.ask("describe")["state"]
        return state

    def raw(self, text: str | bytes) -> dict[str, Any]:
        """The next answer to whatever is sent."""
        self.tab.receive(text)
        return self.answer(...)

    def answer(self, number: Any) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def came() -> bool:
            found[:] = [a for a in self._answers if number is ... or a["id"] == number]
            return bool(found)

        self._until(came)
        self._answers.remove(found[0])
        return found[0]

    def event(self, name: str, wanted: Callable[[Any], bool] = lambda value: True) -> Any:
        """The first event of that name, of those kept or to come, that is `wanted`."""
        found: list[Any] = []

        def came() -> bool:
            found[:] = [value for event, value in self.events if event == name and wanted(value)]
            return bool(found)

        self._until(came)
        return found[0]

    def read(self) -> None:
        """Take what waits."""
        for frame in self.tab.take():
            message = decoded(frame)
            if "event" in message:
                self.events.append((message["event"], message["value"]))
            else:
                self._answers.append(message)

    def _until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            self._there.clear()
            self.read()
            if true():
                return
            assert self._there.wait(end - time.monotonic()), "no answer came"
