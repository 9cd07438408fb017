"""Training in a thread of its own, which a person plays, stops, rewinds and branches."""

from __future__ import annotations

import inspect
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.errors import NonFiniteError, PellucidError
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.lab.protocol import requests
from pellucid.lab.protocol.answers import History, State
from pellucid.lab.protocol.reading import checked
from pellucid.lab.protocol.requests import MAX_STEPS, Action
from pellucid.lab.task import Task, Words
from pellucid.lab.time import changes
from pellucid.lab.time.branches import Branch, Tree
from pellucid.lab.time.code import code
from pellucid.lab.time.last_step import Updates
from pellucid.lab.time.moments import Moment, copied
from pellucid.lab.time.settling import Settling
from pellucid.lab.time.timeline import Place, ReplayError, Timeline
from pellucid.messages import Message, gettext, words
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import Metrics
from pellucid.training.fit import prepare
from pellucid.training.inputs.feeds import ClassWeight
from pellucid.training.inputs.targets import LossLike
from pellucid.training.running.loop import Loop

Array = NDArray[Any]
Listener = Callable[[str, Any], None]
MEMORY = 256 * 2**20
PATIENCE = 0.25
"""So many seconds `act` waits for what takes steps: a short way is gone when it answers, a long one goes on."""
NOTIFY_PERIOD = 0.1
"""At least so many seconds lie between two events while playing."""
NAP = 0.02
"""At a limited speed the thread sleeps so many seconds at least: then it takes several steps at once."""
CLOSED = gettext("the run is closed: begin another one")


@dataclass(frozen=True)
class _Now:
    """What the thread says of itself between two calls of the engine."""

    tree: Tree
    branch: Branch
    owner: Branch
    moment: Moment
    epoch: int
    learning_rate: float
    run: int


@dataclass(eq=False)
class _Goal:
    """Where the run goes: to a step, or on and on."""

    step: int | None


class Run:
    """The training of one network, with exact travel through time.

        with Run(net, x, y, batch_size=32) as run:
            run.repeat({"do": "seek", "step": 100}, {"do": "branch", "change": {"learning_rate": 0.1}}, {"do": "epoch"})

    Its steps are those of `fit` with the same arguments, to the bit. Every step that was taken can be returned to; what
    is repeated gives the same bits, and that is checked. Nothing is ever overwritten: a change at an earlier step
    begins a branch, which differs by that change alone.

    The network gets the run's parameters whenever the run comes to rest, and soon after a `moment` is asked for. What
    else is assigned to them the run does not see: `adopt` is the way to do that.

    Args:
        net, x, y: as in `fit`; so are the others, up to `clip_value`.
        memory: about how many bytes may be kept to return to earlier steps quickly; the more, the fewer steps have to
            be repeated.
        preamble: Python that makes `net`, `x`, `y`, and `validation_data`, `sample_weight` or functions where the other
            arguments name them; `code` begins with it.
        speed: how many steps a second are taken at first, as the action "speed" sets it.
        learned: after so many steps playing ends where the loss hardly falls any more; None plays on and on.

    Raises:
        DataError: examples or targets that the network cannot take.
    """

    @classmethod
    def of(cls, task: Task, *, memory: int = MEMORY, preamble: str = "") -> Run:
        """The training of a task, from its beginning."""
        return cls(
            task.net,
            task.x,
            task.y,
            loss=task.loss,
            optimizer=task.optimizer,
            metrics=task.metrics,
            batch_size=task.batch_size,
            validation_data=task.test,
            memory=memory,
            preamble=preamble,
            speed=task.speed,
            learned=task.learned,
        )

    def __init__(
        self,
        net: BaseNetwork,
        x: Any,
        y: Any,
        *,
        batch_size: int = 32,
        optimizer: str | Mapping[str, object] | Optimizer = "adam",
        loss: LossLike | Mapping[str, LossLike] = None,
        metrics: Metrics = (),
        validation_data: Sequence[Any] | None = None,
        validation_split: float = 0.0,
        class_weight: ClassWeight | None = None,
        sample_weight: Any = None,
        shuffle: bool = True,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        memory: int = MEMORY,
        preamble: str = "",
        speed: float = 0.0,
        learned: int | None = None,
    ) -> None:
        options: dict[str, Any] = {
            "batch_size": batch_size,
            "optimizer": optimizer,
            "loss": loss,
            "metrics": metrics,
            "validation_data": validation_data,
            "validation_split": validation_split,
            "class_weight": class_weight,
            "sample_weight": sample_weight,
            "shuffle": shuffle,
            "clip_norm": clip_norm,
            "clip_value": clip_value,
        }

        def made(net: BaseNetwork = net) -> Loop:
            return prepare(net, x, y, epochs=0, **options)

        loop = made()
        if loop.training.schedule is not None:
            raise PellucidError("the lab sets the learning rate by hand: give the optimizer a number, no schedule")
        usual = {name: p.default for name, p in inspect.signature(Run).parameters.items()}
        self._options = {
            name: value
            for name, value in options.items()
            if not (isinstance(value, type(usual[name])) and value == usual[name])
        }
        self._preamble = str(preamble)
        self._steps_per_epoch = loop.training.steps_per_epoch
        self._timeline = Timeline(loop, check_integer(memory, "memory"))
        # on a copy: at the end of an epoch a training writes into its network
        self.update = Updates(lambda: made(copied(net)), self._near)
        """The step that led to a moment, taken again; see `Updates`."""
        self.ledger = Updates(lambda: made(copied(net)), self._near)
        """Another one, for those who take all steps again, on whom nobody should have to wait."""
        self._speed, self._pace, self._due = speed, 0.0, 0.0
        self._settling = Settling(learned, self._steps_per_epoch)
        self._settled: Words | None = None
        self._compiled = False
        self._taken: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._stopped: Words | None = None
        self._fault: NonFiniteError | None = None
        self._goal: _Goal | None = None
        self._asked = False
        self._listeners: list[Listener] = []
        self._news, self._sent_at = False, -math.inf
        self._sent: dict[int, int] = {}
        self._serial = _serial()
        self._mail: deque[tuple[Callable[[], None], Future[_Goal | None]]] = deque()
        self._closed = False
        self._bell = threading.Condition()
        self._note()
        self._thread = threading.Thread(target=self._work, daemon=True, name="pellucid lab")
        self._thread.start()

    # For any thread

    def act(self, action: Mapping[str, Any] | Action) -> State:
        """Do what the page asks, such as {"do": "play"}, between two calls of the engine; gives the state.

        What takes steps (step, epoch, seek, switch) goes on after the answer where it takes long, and ends with the
        next action: every action begins at the step where the run then is. `seek` to a step beyond the last trains up
        to it; `switch` goes to the last step of a branch; `rate` before a branch's last step begins another branch.

        Raises:
            PellucidError: no such action, or not here; nothing has changed then.
        """
        wanted = _read(action)
        goal = self._ask(lambda: self._do(wanted))
        if goal is not None and goal.step is not None:
            with self._bell:
                self._bell.wait_for(lambda: self._goal is not goal, PATIENCE)
        return self.state()

    def adopt(self, parameters: Mapping[str, Array]) -> State:
        """A branch that begins here with these parameters, by path; those not named stay. Gives the state.

        Raises:
            PellucidError: unknown parameters, other shapes, numbers that are not finite.
        """
        change = changes.adopted(parameters, self._now.moment.parameters)
        self._ask(lambda: self._fork(change))
        return self.state()

    def wait(self, timeout: float | None = None) -> State:
        """Wait until the run stands still, or for so many seconds; gives the state."""
        with self._bell:
            self._bell.wait_for(lambda: self._goal is None or self._closed, timeout)
        return self.state()

    def repeat(self, *actions: Mapping[str, Any] | Action) -> State:
        """Actions one after the other, each to its end; gives the state. This is how code repeats what a person did.

        Raises:
            PellucidError: an action that is not possible, that has no end ("play"), or a training that stopped.
        """
        for action in actions:
            wanted = _read(action)
            if isinstance(wanted, requests.Play):
                raise PellucidError('"play" has no end that could be waited for: seek a step instead')
            self.act(wanted)
            stopped = self.wait()["stopped"]
            if stopped is not None:
                raise PellucidError(stopped["en"])
        return self.state()

    def state(self) -> State:
        """Where the run is; `epoch` counts those that are complete."""
        now, goal = self._now, self._goal
        metrics, measured = now.tree.metrics(now.branch, now.moment.step)
        return {
            "run": now.run,
            "branch": now.branch.id,
            "branches": now.tree.state(),
            "step": now.moment.step,
            "epoch": now.epoch,
            "playing": goal is not None,
            "learning_rate": now.learning_rate,
            "speed": self._speed,
            "pace": self._pace if goal is not None else 0.0,
            "loss": now.tree.loss(now.branch, now.moment.step),
            "metrics": metrics,
            "measured": measured,
            "stopped": self._stopped,
            "preparing": goal is not None and not self._compiled,
            "settled": self._settled,
        }

    def history(self, branch: int, start: int = 1) -> History:
        """What a branch recorded from step `start` on.

        It begins after the step at which the branch left its parent: before that, the parent's history is its own. The
        epochs count from 1.

        Raises:
            PellucidError: no such branch, or no such step.
        """
        tree = self._now.tree
        return tree.history(tree.branch(branch), check_integer(start, "from", minimum=1))

    def past(self, moment: Moment) -> History:
        """What was recorded on the way to a moment, from step 1 on."""
        tree = self._now.tree
        return tree.past(tree.branch(moment.branch), moment.step)

    def code(self) -> str:
        """Python that repeats, to the bit, what led to the present step."""
        now = self._now
        return code(self._preamble, self._options, now.owner, now.moment.step, self._steps_per_epoch)

    def moment(self) -> Moment:
        """The parameters of the present step, while playing of one that was just now. The network gets them soon."""
        self._asked = True
        return self._now.moment

    def kept(self, moment: Moment) -> list[Moment]:
        """The moments on the way to this one of which the parameters are kept, by step."""
        line = self._timeline
        branch = line.tree.branch(moment.branch)
        return [Moment(b.id, s, k.parameters, k.learning_rate) for b, s, k in line.kept(branch, moment.step)]

    def later(self, moment: Moment) -> list[Moment]:
        """The moments after this one in its branch of which the parameters are kept, by step."""
        last = self._timeline.tree.branch(moment.branch).last
        return [one for one in self.kept(Moment(moment.branch, last, {})) if one.step > moment.step]

    def reached(self, branch: int | None = None, step: int | None = None) -> Moment:
        """The parameters after a step, taken again beside the run: by default the last step of a branch, and a step of
        the branch that is shown.

        Raises:
            PellucidError: no such branch, or it has no such step.
        """
        now = self._now
        line = now.tree.branch(now.branch.id if branch is None else branch)
        wanted = line.last if step is None else check_integer(step, "step")
        if (line.id, wanted) == (now.moment.branch, now.moment.step):
            return now.moment
        if wanted > line.last:
            raise PellucidError(
                gettext(
                    "branch {branch} has {last} steps, so there is no step {step}",
                    branch=line.id,
                    last=line.last,
                    step=wanted,
                )
            )
        return self.update.moment(line.id, wanted)

    def _near(self, moment: Moment, step: int) -> Place:
        line = self._timeline
        branch = line.tree.branch(moment.branch)
        if moment.step > branch.last:
            raise PellucidError(gettext("this step belongs to a run that was begun anew meanwhile: look again"))
        return line.near(branch, step)

    @property
    def fault(self) -> NonFiniteError | None:
        """Where a value stopped being finite, if that is why the run stands still."""
        return self._fault

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have a function called from the run's thread with an event and its value; gives what ends that.

        "state" comes with every action and while playing up to ten times a second, "history" with the steps that are
        new since the last one. An error in the function stops the run.
        """
        with self._bell:
            self._listeners = [*self._listeners, listener]

        def end() -> None:
            with self._bell:
                self._listeners = [one for one in self._listeners if one is not listener]

        return end

    def close(self) -> None:
        """End the thread after its present call of the engine. The network has the last parameters."""
        with self._bell:
            self._closed = True
            self._bell.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _ask(self, task: Callable[[], None]) -> _Goal | None:
        """Have the thread do something between two calls of the engine; gives where it goes then."""
        if threading.current_thread() is self._thread:
            raise PellucidError("expected an action from another thread, got one from within a listener")
        done: Future[_Goal | None] = Future()
        with self._bell:
            if self._closed:
                raise PellucidError(CLOSED)
            self._mail.append((task, done))
            self._bell.notify_all()
        return done.result()

    # For the run's thread alone

    def _work(self) -> None:
        try:
            while not self._closed:
                try:
                    self._turn()
                except Exception as error:  # not even an error of this class itself may vanish with the thread
                    self._stopped, self._goal, self._news = words(_failure(error)), None, True
            self._rest()
        finally:
            with self._bell:
                self._closed, self._goal = True, None
                for _, waiting in self._mail:
                    waiting.set_exception(PellucidError(CLOSED))
                self._bell.notify_all()

    def _turn(self) -> None:
        """Whatever is next: an action, a call of the engine, an event, or sleep until there is one of them."""
        with self._bell:
            while not self._closed and not self._mail and (pause := self._pause()) > 0:
                self._bell.wait(pause if math.isfinite(pause) else None)
            if self._closed:
                return
            letter = self._mail.popleft() if self._mail else None
        if letter is not None:
            self._obey(*letter)
        elif self._goal is not None and self._until_due() <= 0:
            self._stride(self._goal)
        self._notify()

    def _pause(self) -> float:
        """In how many seconds there is something to do."""
        if self._goal is None:
            return 0.0 if self._news else math.inf
        due = self._until_due()
        if due > 0:
            due = max(due, NAP)
            if self._news:
                due = min(due, max(self._sent_at + NOTIFY_PERIOD - time.monotonic(), 0.0))
        return due

    def _until_due(self) -> float:
        """In how many seconds the next step may be taken: only playing is held to a speed."""
        if not self._speed or self._goal is None or self._goal.step is not None:
            return 0.0
        return self._due - time.monotonic()

    def _obey(self, task: Callable[[], None], done: Future[_Goal | None]) -> None:
        try:
            task()
            if self._goal is None:
                self._rest()
            else:
                self._note()
        except BaseException as error:
            if not isinstance(error, PellucidError):
                self._stopped = words(_failure(error))
            done.set_exception(error)
        else:
            done.set_result(self._goal)

    def _do(self, action: Action) -> None:
        line, goal = self._timeline, self._goal
        match action:
            case requests.Play():
                if self._settled is not None:
                    self._settling.insist()
                self._go(None)
            case requests.Pause():
                self._goal = None
            case requests.TakeSteps():
                start = goal.step if goal is not None and goal.step is not None else line.step
                self._go(start + action.count)
            case requests.TakeEpoch():
                self._go((line.epoch + 1) * self._steps_per_epoch)
            case requests.Seek():
                step = check_integer(action.step, "step", below=line.branch.last + MAX_STEPS + 1)
                line.seek(line.branch, step)
                self._go(step)
            case requests.Fork():
                self._fork(changes.change(action.change, self._now.moment.parameters))
            case requests.Switch():
                branch = line.tree.branch(action.branch)
                line.seek(branch, branch.last)
                self._go(branch.last)
            case requests.SetRate():
                line.set_rate(action.learning_rate)
                self._stay()
            case requests.SetSpeed():
                self._speed, self._due = action.speed, time.monotonic()
            case requests.Reset():
                line.reset()
                self._settling.begin()
                self._sent, self._serial = {}, _serial()
                self._go(0)

    def _fork(self, change: changes.Change) -> None:
        self._timeline.fork(change)
        self._stay()

    def _stay(self) -> None:
        """Something changed at the step where the run is: it plays on, but the way to some step ends here."""
        self._stopped = self._fault = self._settled = None
        self._settling.begin(self._timeline.step)
        if self._goal is not None and self._goal.step is not None:
            self._goal = None

    def _go(self, step: int | None) -> None:
        """On to a step, or on and on."""
        self._stopped = self._fault = self._settled = None
        self._due = time.monotonic()
        self._goal = None if step == self._timeline.step else _Goal(step)

    def _stride(self, goal: _Goal) -> None:
        """One call of the engine."""
        line = self._timeline
        began = time.monotonic()
        max_steps = None if goal.step is None else goal.step - line.step
        limited = self._speed > 0 and goal.step is None
        if limited:
            self._due = max(self._due, began - NOTIFY_PERIOD)  # what was missed is not made up for
            max_steps = 1 + int((began - self._due) * self._speed)
        try:
            count = line.advance(max_steps)
        except NonFiniteError as error:
            self._fault = error
            self._halt(error.message)
            return
        except Exception as error:
            self._halt(error.message if isinstance(error, ReplayError) else _failure(error))
            return
        if limited:
            self._due += count / self._speed
        self._compiled = True
        self._measure(began, count)
        self._news = True
        if goal.step is not None and line.step >= goal.step:
            self._rest()
        elif goal.step is None and self._settling.due(line.step) and (said := self._judged()) is not None:
            self._settled = words(said)
            self._rest()
        elif limited or began - self._noted_at >= NAP:  # small networks take an epoch in less
            self._note()

    def _judged(self) -> Message | None:
        line = self._timeline
        return self._settling.judge(line.tree.past(line.branch, line.step)["loss"])

    def _measure(self, began: float, count: int) -> None:
        """Steps a second over about the last second."""
        now = time.monotonic()
        self._taken.append((began, count))
        self._sum += count
        while len(self._taken) > 1 and self._taken[0][0] < now - 1:
            self._sum -= self._taken.popleft()[1]
        self._pace = self._sum / max(now - self._taken[0][0], 1e-9)

    def _halt(self, message: object) -> None:
        self._stopped = words(message)
        self._rest()

    def _rest(self) -> None:
        """Stand still, with the parameters in the network."""
        self._asked = True
        self._note()
        self._taken.clear()
        self._sum = 0
        with self._bell:
            self._goal = None
            self._news = True
            self._bell.notify_all()

    def _note(self) -> None:
        """Say where the run is."""
        line = self._timeline
        moment = Moment(line.branch.id, line.step, line.state().parameters, line.learning_rate)
        self._now = _Now(line.tree, line.branch, line.owner, moment, line.epoch, line.learning_rate, self._serial)
        self._news, self._noted_at = True, time.monotonic()
        if self._asked:
            self._asked = False
            line.publish()

    def _notify(self) -> None:
        now = time.monotonic()
        if not self._news or (self._goal is not None and now - self._sent_at < NOTIFY_PERIOD):
            return
        self._news, self._sent_at = False, now
        events: list[tuple[str, Any]] = [("history", p) for p in self._timeline.tree.fresh(self._sent)]
        events.append(("state", self.state()))
        for listener in self._listeners:
            try:
                for event, value in events:
                    listener(event, value)
            except Exception as error:
                with self._bell:
                    self._listeners = [one for one in self._listeners if one is not listener]
                self._halt(_failure(error))


def _read(action: Mapping[str, Any] | Action) -> Action:
    """An action of the page's, or of a person's own code, whose integers may be NumPy's."""
    if isinstance(action, requests.Params):
        return action
    read: Action = checked(_plain(action), Action, root="the action is")
    return read


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _serial() -> int:
    """Tells one beginning from another, of this process or of another on the same port."""
    return secrets.randbits(52)


def _failure(error: BaseException) -> Message:
    """Why a training stands still that ended otherwise: by a metric of the user's own, memory that is not there."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return gettext("training stopped by an error: {error}", error=text)
