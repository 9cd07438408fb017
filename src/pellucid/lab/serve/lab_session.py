"""One lab: a task, the run that trains its network, the look at it, and the tabs that see them."""

from __future__ import annotations

import bisect
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import to_builtins

from pellucid.errors import DataError, PellucidError
from pellucid.lab.edit.choices import layer_kinds, loss_names, optimizer_kinds
from pellucid.lab.edit.designs import changed, design_of, differences
from pellucid.lab.edit.plain_code import preamble
from pellucid.lab.lessons.shipped import shipped
from pellucid.lab.own_data.beginning import Beginning
from pellucid.lab.protocol import answers, requests
from pellucid.lab.protocol.lessons import Lesson
from pellucid.lab.protocol.reading import checked
from pellucid.lab.protocol.schema import METHODS as DECLARED
from pellucid.lab.serve.follower import Follower
from pellucid.lab.serve.methods import METHODS, lane
from pellucid.lab.serve.revisions import Revisions
from pellucid.lab.serve.safety import MAX_TABS
from pellucid.lab.serve.tabs import Tab
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look
from pellucid.messages import Message, gettext, suggestion, words

_log = logging.getLogger("pellucid.lab")
LIVE_PERIOD, LIVE_FRACTION = 0.1, 0.06
FLOW_PERIOD, FLOW_FRACTION = 0.5, 0.04
"""Seconds between two events of a kind at least, and the fraction of the time that they may take from training."""
GAP_PERIOD, GAP_FRACTION, COLUMNS = 0.02, 0.25, 600
"""At rest, one after the other is measured of the steps that are kept, until a ribbon has about so many columns."""
MAX_FLOWS = 1024


@dataclass
class Pace:
    """When something that costs time may be done again."""

    period: float
    fraction: float
    due: bool = False
    began: float = -1e9
    took: float = 0.0

    def next(self, *, busy: bool) -> float:
        """The moment from which it may be done; only while training is `busy` its fraction of the time is kept."""
        if not self.due:
            return np.inf
        return self.began + max(self.period, self.took / self.fraction if busy else 0.0)

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        self.due, self.began = False, time.monotonic()
        try:
            yield
        finally:
            self.took = time.monotonic() - self.began


@dataclass
class Stage:
    """What is on show: all of it changes together when another task is opened."""

    task: Task
    run: Run
    look: Look
    flows: dict[int, dict[int, answers.Flow]] = field(default_factory=dict)
    """By branch and step."""
    warm: bool = False
    """Whether a flow was measured."""

    @classmethod
    def of(cls, task: Task) -> Stage:
        """A task from its beginning."""
        run = Run.of(task, preamble=preamble(task))
        return cls(task, run, Look(task, run.update))


class Session:
    """What tabs and widgets talk to; `request` answers, `join` gives a tab.

    Args:
        task: what is on show first; None until one of the gallery is opened.
        gallery: whether `open` may put a task of the gallery in its place.
        lessons: more than those that come with the gallery's tasks.
        differs: of a session beside another, in what its network differs from that one's.
    """

    def __init__(
        self,
        task: Task | None,
        *,
        gallery: bool = False,
        lessons: Iterable[Lesson] = (),
        differs: Sequence[Message] | None = None,
    ) -> None:
        self.gallery = gallery
        self._differs = differs
        self._lessons = tuple(lessons)
        self._tabs: list[Tab] = []
        self._change = threading.Condition()
        self._opening = threading.Lock()
        self._live, self._flow = Pace(LIVE_PERIOD, LIVE_FRACTION), Pace(FLOW_PERIOD, FLOW_FRACTION)
        self._gap = Pace(GAP_PERIOD, GAP_FRACTION)
        self._playing = False
        self.closed = False
        self._revisions = Revisions[Stage](lambda stage: stage.run.close())
        self._follower: Follower | None = None
        self._stage = None
        if task is not None:
            self._stage = self._staged(task)
            self._revisions.begin(self._stage)
        self._refresher = threading.Thread(target=self._refresh, name="pellucid-live", daemon=True)
        self._refresher.start()

    @property
    def stage(self) -> Stage:
        """What is on show.

        Raises:
            DataError: no task is open yet.
        """
        if self._stage is None:
            raise DataError(gettext("no task is open yet: choose one of the gallery"))
        return self._stage

    @property
    def lessons(self) -> list[Lesson]:
        """Those that may be begun here, a person's own first: with a gallery all, else those about what is on show."""
        own = {lesson.name for lesson in self._lessons}
        known = [*self._lessons, *(lesson for lesson in shipped() if lesson.name not in own)]
        return known if self.gallery else [lesson for lesson in known if lesson.task == self.stage.task.name]

    def join(self, wake: Callable[[], None]) -> Tab:
        """A new tab.

        Raises:
            DataError: there are too many.
        """
        tab = Tab(self.request, lane, wake)
        with self._change:
            if self.closed:
                raise DataError(gettext("the lab is closed: start it again"))
            if len(self._tabs) >= MAX_TABS:
                raise DataError(gettext("the lab is open in {count} tabs already: close one of them", count=MAX_TABS))
            self._tabs.append(tab)
            self._change.notify_all()
        return tab

    def leave(self, tab: Tab) -> None:
        """The tab is gone; the run goes on."""
        with self._change, contextlib.suppress(ValueError):
            self._tabs.remove(tab)
        tab.close()

    def request(self, tab: Tab, method: str, params: Any) -> Any:
        """The result of a method of the protocol.

        Raises:
            PellucidError: a request that cannot be answered, in one sentence.
        """
        if method not in METHODS:
            raise DataError(
                gettext(
                    'there is no method "{name}", expected one of {names}.{hint}',
                    name=method[:100],
                    names=", ".join(METHODS),
                    hint=suggestion(method[:100], METHODS),
                )
            )
        return METHODS[method](self, tab, checked(params, DECLARED[method].params, f"{method}: "))

    def open(self, name: str) -> answers.Description:
        """Put another task of the gallery in the place of this one, for all tabs.

        Raises:
            PellucidError: no such task, or no gallery.
        """
        from pellucid.lab.gallery import build

        if not self.gallery:
            raise DataError(
                gettext("there is no gallery here, the lab shows a network of your own: run `pellucid lab` for it")
            )
        with self._opening:
            stage = self._staged(build(name))
            description = self._show(stage)
            self._revisions.begin(stage)
        return description

    def edit(self, design: requests.Design) -> answers.Description:
        """Begin with a changed network; the run of the one before can be returned to.

        Raises:
            Fault: a design that cannot be trained; nothing has changed then.
        """
        with self._opening:
            before = self.stage
            if self._differs is not None:
                raise DataError(gettext("this network is trained beside another: change that one"))
            stage = self._staged(changed(before.task, design))
            stage.run.act(requests.SetSpeed(speed=before.run.act(requests.Pause())["speed"]))
            self._revisions.add(stage)
            return self._show(stage)

    def learn(self, begun: Beginning) -> answers.Description:
        """Begin with data of a person's own; the run of what was on show can be returned to.

        Raises:
            DataError: the network cannot be trained, or is trained beside another.
        """
        with self._opening:
            if self._differs is not None:
                raise DataError(gettext("this network is trained beside another: change that one"))
            stage, before = self._staged(begun.task()), self._stage
            if before is not None:
                before.run.act(requests.Pause())
            description = self._show(stage)
            self._revisions.add(stage)
        return description

    def revise(self, by: int) -> answers.Description:
        """Back to the network before the last change with its run, or forward again.

        Raises:
            DataError: there is none.
        """
        with self._opening:
            before = self.stage
            stage = self._revisions.move(by)
            before.run.act(requests.Pause())
            return self._show(stage)

    def editor(self) -> answers.Editor:
        """What can be changed of what is on show."""
        task = self.stage.task
        return {
            "design": to_builtins(design_of(task)),
            "layers": layer_kinds(),
            "optimizers": optimizer_kinds(),
            "losses": loss_names(),
            "noise": task.source is not None and task.source.noise is not None,
            "undo": self._revisions.earlier,
            "redo": self._revisions.later,
        }

    @property
    def follower(self) -> Follower | None:
        """What is trained beside what is on show, in step with it."""
        return self._follower

    def pair(self, design: requests.Design | None) -> answers.Description:
        """Train a changed network beside this one, in step with it, or none any more.

        Raises:
            Fault: a design that cannot be trained; nothing has changed then.
        """
        with self._opening:
            stage = self.stage
            follower = None
            if design is not None:
                child = Session(changed(stage.task, design), differs=differences(design_of(stage.task), design))
                follower = Follower(stage.run, child)
            self._drop_follower()
            self._follower = follower
            description = self.describe()
            with self._change:
                tabs = list(self._tabs)
            for tab in tabs:
                tab.post("described", description)
        return description

    def describe(self) -> answers.Description:
        can = answers.Can(
            gallery=self.gallery,
            train=True,
            branch=True,
            own=True,
            convolve=True,
            save=True,
            edit=self._differs is None,
            data=self._differs is None,
        )
        stage = self.stage
        description = stage.look.describe(stage.run.state(), can)
        description["aside"] = None if self._follower is None else self._follower.run
        description["kept"] = sum(_taken(one.run) for one in self._revisions.others(stage))
        description["ending"] = sum(_taken(one.run) for one in self._revisions.ending)
        if self._differs is not None:
            description["differs"] = [words(one) for one in self._differs]
        return description

    def act(self, action: requests.Action) -> answers.State:
        """An action; the run notifies the other tabs."""
        stage = self.stage
        state = stage.run.act(action)
        if isinstance(action, requests.Reset):
            with self._change:
                stage.flows = {}  # what is being measured of the steps before is not of these
        return state

    def flows(self, branch: int) -> list[answers.Flow]:
        """The columns of the ribbon that were computed so far, by step."""
        with self._change:
            known = dict(self.stage.flows.get(branch, {}))
        return [known[step] for step in sorted(known)]

    def hurry(self) -> None:
        """Compute anew what is seen live."""
        with self._change:
            self._live.due = True
            self._change.notify_all()

    def document(self) -> dict[str, Any]:
        """What a saved file carries: the network of this moment, its task and its history."""
        from pellucid.lab.serve.document import document

        stage = self.stage
        run, moment = stage.run, stage.run.moment()
        history, code = run.past(moment), run.code()
        first = run.kept(moment)[0]
        initial = first.parameters if first.step == 0 < moment.step else None
        return document(
            stage.look,
            run.state(),
            history,
            moment,
            initial=initial,
            code=code,
            fault=run.fault,
            lessons=[lesson for lesson in self.lessons if lesson.task == stage.task.name],
        )

    @property
    def title(self) -> dict[str, str]:
        return words(gettext("The gallery")) if self._stage is None else self._stage.task.title

    def close(self) -> None:
        """End the run and all threads; the network keeps its last parameters."""
        with self._change:
            if self.closed:
                return
            self.closed = True
            tabs, self._tabs = self._tabs, []
            self._change.notify_all()
        for tab in tabs:
            tab.close()
        self._drop_follower()
        self._revisions.close()
        if threading.current_thread() is not self._refresher:
            self._refresher.join(2)

    # the tabs are notified of what changes

    def _staged(self, task: Task) -> Stage:
        stage = Stage.of(task)
        stage.run.listen(lambda event, value: self._notify(stage, event, value))
        return stage

    def _show(self, stage: Stage) -> answers.Description:
        """Put a stage in the place of the one on show, for all tabs.

        Raises:
            DataError: the lab was closed meanwhile; then the stage is, too.
        """
        with self._change:
            late = self.closed
            if not late:
                self._stage, self._playing = stage, False
                tabs = list(self._tabs)
                self._live.due = False
                self._flow.due = True
                self._change.notify_all()
        if late:  # the run's thread may wait for the lock, so it is closed without
            stage.run.close()
            raise DataError(gettext("the lab is closed: start it again"))
        self._drop_follower()
        description = self.describe()
        for tab in tabs:
            tab.set_watch(None)
            tab.post("described", description)
        return description

    def _drop_follower(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()

    def _notify(self, stage: Stage, event: str, value: Any) -> None:
        """Called in the run's thread."""
        with self._change:
            if self.closed or stage is not self._stage:
                return
            tabs = list(self._tabs)
            if event == "state":
                self._playing = bool(value["playing"])
            self._live.due = self._flow.due = True
            self._change.notify_all()
        for tab in tabs:
            tab.post(event, value)

    def _refresh(self) -> None:
        """The thread that computes what is seen live."""
        while True:
            with self._change:
                while not self.closed:
                    paces = (self._live, self._flow) if self._tabs and self._stage is not None else ()
                    gap = self._gap.next(busy=True) if paces else np.inf
                    wait = min([gap, *(p.next(busy=self._playing) for p in paces)]) - time.monotonic()
                    if wait <= 0:
                        break
                    self._change.wait(None if np.isinf(wait) else wait)
                if self.closed:
                    return
                now = time.monotonic()
                live, flow = (pace.next(busy=self._playing) <= now for pace in (self._live, self._flow))
                tabs, stage = list(self._tabs), self._stage
                assert stage is not None
            try:
                if live:
                    with self._live():
                        self._send_live(stage, tabs)
                elif flow:
                    cold = not stage.warm
                    with self._flow():
                        self._send_flow(stage, tabs)
                    if cold:  # its program was compiled: it does not take as long again
                        stage.warm, self._flow.took = True, 0.0
                else:
                    with self._gap():
                        self._send_gap(stage, tabs)
            except Exception:  # a fault of ours must not end the thread: what is seen live would stand still
                _log.exception("the lab could not compute what is seen live")

    def _send_live(self, stage: Stage, tabs: list[Tab]) -> None:
        watches = {tab.watch for tab in tabs if tab.watch is not None}
        if not watches:
            return
        moment = stage.run.moment()
        for watch in watches:
            try:
                value = stage.look.live(moment, watch.input, watch.paths)
            except PellucidError:  # of a task that is gone
                value = None
            for tab in tabs:
                if tab.watch == watch:
                    if value is None:
                        tab.set_watch(None)
                    else:
                        tab.post_live(watch, value)

    def _send_flow(self, stage: Stage, tabs: list[Tab]) -> None:
        moment = stage.run.moment()
        if moment.step not in stage.flows.get(moment.branch, {}):
            self._measure(stage, tabs, moment)
        self._gap.due = not self._playing

    def _send_gap(self, stage: Stage, tabs: list[Tab]) -> None:
        """Measure one of the steps gone by: of those that are kept, the farthest from all that were measured."""
        moment = stage.run.moment()
        if self._playing or len(stage.flows.get(moment.branch, {})) >= MAX_FLOWS:
            return
        kept = stage.run.kept(moment)
        known = sorted({step for one in kept for step in stage.flows.get(one.branch, {})} | {moment.step})
        far = {one.step: min(abs(one.step - step) for step in _beside(known, one.step)) for one in kept}
        farthest = max(kept, key=lambda one: far[one.step], default=None)
        if farthest is not None and 2 * far[farthest.step] > moment.step / COLUMNS:
            self._measure(stage, tabs, farthest, past=True)
            self._gap.due = True

    def _measure(self, stage: Stage, tabs: list[Tab], moment: Moment, *, past: bool = False) -> None:
        flows = stage.flows
        value = stage.look.flow(moment, past=past)
        with self._change:
            if flows is not stage.flows:  # it is of a run that was begun anew meanwhile
                return
            known = flows.setdefault(moment.branch, {})
            known[moment.step] = value
            if len(known) > MAX_FLOWS:
                for step in sorted(known)[1:-1:2]:
                    del known[step]
        for tab in tabs:
            tab.post("flow", value)


def _taken(run: Run) -> int:
    """How many steps it took, in all branches."""
    return sum(branch["last"] - branch["at"] for branch in run.state()["branches"])


def _beside(steps: list[int], step: int) -> list[int]:
    """The neighbours of a step among sorted ones."""
    place = bisect.bisect_left(steps, step)
    return steps[max(0, place - 1) : place + 1]
