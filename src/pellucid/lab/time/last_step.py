"""The last step before a moment, taken again with every value kept: why each weight is what it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pellucid.errors import PellucidError
from pellucid.explain import Trace
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.timeline import Place, Timeline
from pellucid.messages import gettext
from pellucid.training.running.loop import Loop


class Updates:
    """Any thread may ask. A training of its own goes to the step, so that the run is not disturbed.

    Args:
        loop: makes that training when it is first needed: its programs take seconds to compile.
        near: where the run was last kept on the way to a step of a moment's branch.
    """

    def __init__(self, loop: Callable[[], Loop], near: Callable[[Moment, int], Place]) -> None:
        self._made, self._near = loop, near
        self._lock = threading.Lock()
        self._loop: Loop | None = None
        self._line: Timeline | None = None
        self._known: tuple[Moment, Trace] | None = None

    def __call__(self, moment: Moment) -> Trace:
        """The step that led to a moment: its batch, the parameters and the optimizer's slots before it, and after.

        Raises:
            PellucidError: no step has led there yet.
        """
        with self._lock:
            if self._known is None or self._known[0] is not moment:
                self._known = moment, self._taken(moment)
            return self._known[1]

    def _taken(self, moment: Moment) -> Trace:
        if moment.step == 0:
            raise PellucidError(gettext("no step was taken yet, so nothing has changed this weight: train a batch"))
        before = moment.step - 1
        place = self._near(moment, before)
        if self._loop is None:
            self._loop = self._made()
            self._loop.validation = None  # it judges epochs, and moves nothing
        if self._line is None:
            self._line = Timeline(self._loop, 0)
        line = self._line
        line.follow(place)
        while line.step < before:
            line.advance(before - line.step)
        run = self._loop.run_step
        return Trace(run.program, run.trace(self._loop.upcoming()), list(self._loop.training.net.input_shapes))
