"""Steps taken again beside the run: the last before a moment, with every value kept, and the parameters at any step."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from pellucid.errors import PellucidError
from pellucid.explain import Trace
from pellucid.lab.time.branches import Branch
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.steps_again import StepsAgain
from pellucid.lab.time.timeline import Place, Timeline
from pellucid.messages import gettext
from pellucid.training.running.loop import Loop

REACHED = 4
"""Moments that are kept to compare with."""


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
        self._reached: OrderedDict[tuple[Branch, int], Moment] = OrderedDict()

    def __call__(self, moment: Moment) -> Trace:
        """The step that led to a moment: its batch, the parameters and the optimizer's slots before it, and after.

        Raises:
            PellucidError: no step has led there yet.
        """
        with self._lock:
            if self._known is None or self._known[0] is not moment:
                self._known = moment, self._taken(moment)
            return self._known[1]

    def moment(self, branch: int, step: int) -> Moment:
        """The parameters after a step of a branch.

        Raises:
            PellucidError: the branch has no such step.
        """
        place = self._near(Moment(branch, step, {}), step)
        with self._lock:
            if (place.branch, step) not in self._reached:
                _, line = self._at(place, step)
                self._reached[place.branch, step] = Moment(branch, step, line.state().parameters, line.learning_rate)
            while len(self._reached) > REACHED:
                self._reached.popitem(last=False)
            self._reached.move_to_end((place.branch, step))
            return self._reached[place.branch, step]

    @contextlib.contextmanager
    def steps(self, moment: Moment, most: int) -> Iterator[StepsAgain]:
        """The steps that led to a moment, the last `most` of them, to be taken while nobody else asks.

        Raises:
            PellucidError: no step has led there yet.
        """
        self._check(moment)
        place = self._near(moment, max(0, moment.step - most))
        with self._lock:
            yield StepsAgain(*self._at(place, place.state.step), place, moment.step)

    def _check(self, moment: Moment) -> None:
        if moment.step == 0:
            raise PellucidError(gettext("no step was taken yet, so nothing has changed this weight: train a batch"))

    def _taken(self, moment: Moment) -> Trace:
        self._check(moment)
        before = moment.step - 1
        loop, _ = self._at(self._near(moment, before), before)
        run = loop.run_step
        return Trace(run.program, run.trace(loop.upcoming()), list(loop.training.net.input_shapes))

    def _at(self, place: Place, step: int) -> tuple[Loop, Timeline]:
        """The training at a step, from a state that was kept before."""
        if self._loop is None:
            self._loop = self._made()
            self._loop.validation = None  # it judges epochs, and moves nothing
        if self._line is None:
            self._line = Timeline(self._loop, 0)
        line = self._line
        line.follow(place)
        while line.step < step:
            line.advance(step - line.step)
        return self._loop, line
