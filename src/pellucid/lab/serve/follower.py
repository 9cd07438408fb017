"""A run that is trained beside another, in step with it."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from pellucid.errors import PellucidError
from pellucid.lab.protocol import requests
from pellucid.lab.time.run import Run

if TYPE_CHECKING:
    from pellucid.lab.serve.lab_session import Session

PATIENCE = 0.5
"""So many seconds the leading run waits, each time that it tells where it is, for the other to be there too."""


class Follower:
    """The session of a second network whose run goes to each step to which the first one goes, forth and back.

    While both play, the faster of them waits for the other; when the first rests, both stand at the same step.
    """

    def __init__(self, leader: Run, session: Session) -> None:
        self.session = session
        self._leader = leader
        self._change = threading.Condition()
        self._wanted: tuple[int | None, int] = (leader.state().get("run"), 0)
        self._done: tuple[int | None, int] = self._wanted
        self._closed = False
        self._end = leader.listen(self._hear)
        self._thread = threading.Thread(target=self._follow, name="pellucid-follower", daemon=True)
        self._thread.start()
        state = leader.state()
        self._want(state.get("run"), state["step"])

    @property
    def run(self) -> int | None:
        """The number of its run."""
        return self.session.stage.run.state().get("run")

    def close(self) -> None:
        self._end()
        with self._change:
            self._closed = True
            self._change.notify_all()
        self.session.close()

    def _hear(self, event: str, value: Any) -> None:
        """Called in the leading run's thread."""
        if event == "state":
            self._want(value.get("run"), value["step"])
            with self._change:
                self._change.wait_for(lambda: self._closed or self._done == self._wanted, PATIENCE)

    def _want(self, run: int | None, step: int) -> None:
        with self._change:
            self._wanted = run, step
            self._change.notify_all()

    def _follow(self) -> None:
        run = self.session.stage.run
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or self._done != self._wanted)
                if self._closed:
                    return
                wanted, before = self._wanted, self._done
            with contextlib.suppress(PellucidError):  # it stopped by itself, and says why
                if wanted[0] != before[0]:
                    run.act(requests.Reset())
                if run.state()["step"] != wanted[1]:
                    run.act(requests.Seek(step=wanted[1]))
                    run.wait()
            with self._change:
                self._done = wanted
                self._change.notify_all()
