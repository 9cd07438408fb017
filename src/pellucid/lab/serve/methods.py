"""The methods of the protocol: each takes its checked parameters and asks the run or the look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET, structs, to_builtins

from pellucid.errors import DataError
from pellucid.lab.edit.designs import Fault, check, count
from pellucid.lab.protocol import answers, requests
from pellucid.lab.serve.links import packed, unpacked
from pellucid.lab.serve.tabs import Lane, Tab, Watch
from pellucid.lab.time.moments import Moment
from pellucid.lab.view.course import course, ledger
from pellucid.lab.view.look import Look
from pellucid.messages import gettext, words

if TYPE_CHECKING:
    from pellucid.lab.serve.lab_session import Session

STEER = frozenset({"tasks", "lessons", "open", "describe", "control", "history", "code", "editor", "consider"})
"""What does not wait behind the numbers that are computed for the eye."""
OWN = frozenset({"upload", "data", "learn"})
"""What is about files of the person's own: one after the other, and nothing else waits behind it."""
MAX_RETAKEN = 2000
"""So many steps at most are taken again to say what each example added."""
MANY = 100
"""So many terms of an explanation are written in some milliseconds."""


def lane(method: str, params: Any) -> Lane:
    """In which of a tab's lanes a request waits: a person's next question not behind all terms of the last."""
    if method in STEER:
        return "steer"
    if method in OWN:
        return "data"
    if method in ("ledger", "histograms"):
        return "whole"
    limit = params.get("limit") if method == "explain" and isinstance(params, dict) else None
    return "whole" if isinstance(limit, int) and limit > MANY else "look"


def _of(moment: Moment, answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the moment that it is about: it is on screen while the run goes on, or back."""
    return {**answer, "branch": moment.branch, "step": moment.step}


def _at(session: Session, answer: Callable[[Look, Moment], Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """What the look answers at the present moment, with that moment."""
    stage = session.stage
    moment = stage.run.moment()
    given = answer(stage.look, moment)
    return None if given is None else _of(moment, given)


def _tasks(session: Session, tab: Tab, asked: requests.Params) -> list[answers.Task]:
    if not session.gallery:
        return []
    from pellucid.lab.gallery import TASKS

    return [{"name": e.name, "title": words(e.title), "about": words(e.about), "kind": e.kind} for e in TASKS.values()]


def _watch(session: Session, tab: Tab, asked: requests.WatchParams) -> answers.Live:
    if sum(wanted.limit for wanted in asked.paths) > 1 << 22:
        raise DataError(gettext("watch: more than {most:,} numbers were asked for: watch less at once", most=1 << 22))
    watch = Watch(asked.input, tuple(asked.paths))
    stage = session.stage
    moment = stage.run.moment()
    live = stage.look.live(moment, watch.input, watch.paths)
    tab.set_watch(watch)
    if stage.run.moment() is not moment:  # what changed meanwhile was not sent to this watch
        session.hurry()
    return live


def _own(session: Session, tab: Tab, asked: requests.OwnParams) -> answers.Example:
    given = {name: value for name, value in structs.asdict(asked).items() if value is not UNSET}
    return session.stage.look.own(**given)


def _explain(session: Session, tab: Tab, asked: requests.ExplainParams) -> Any:
    return _at(
        session, lambda look, moment: look.explain(moment, asked.input, asked.path, asked.index, limit=asked.limit)
    )


def _curve(session: Session, tab: Tab, asked: requests.ElementParams) -> Any:
    return _at(session, lambda look, moment: look.curve(moment, asked.input, asked.path, asked.index))


def _suppose(session: Session, tab: Tab, asked: requests.SupposeParams) -> Any:
    return _at(
        session,
        lambda look, moment: look.suppose(moment, asked.input, asked.path, asked.index, asked.value, whole=asked.whole),
    )


def _against(
    session: Session, other: requests.Other, input: str, answer: Callable[[Look, Moment, Moment, str], Any]
) -> Any:
    """What the look answers of the present moment beside another run."""
    given = [None if value is UNSET else value for value in (other.branch, other.step)]
    present = given == [None, None]
    then = session.stage.run.moment() if present else session.stage.run.reached(*given)
    name = input if other.input is UNSET else other.input
    return _at(session, lambda look, moment: answer(look, moment, moment if present else then, name))


def _beside(session: Session, tab: Tab, asked: requests.BesideParams) -> Any:
    return _against(
        session,
        asked.other,
        asked.input,
        lambda look, moment, then, name: look.beside(moment, asked.input, then, name, asked.path, asked.limit),
    )


def _compare(session: Session, tab: Tab, asked: requests.CompareParams) -> Any:
    return _against(
        session,
        asked.other,
        asked.input,
        lambda look, moment, then, name: look.compare(
            moment, asked.input, then, name, asked.path, asked.index, limit=asked.limit
        ),
    )


def _course(session: Session, tab: Tab, asked: requests.CourseParams) -> Any:
    run = session.stage.run
    moment = run.moment()
    return _of(moment, course([*run.kept(moment), moment], asked.path, asked.index, run.later(moment)))


def _ledger(session: Session, tab: Tab, asked: requests.LedgerParams) -> Any:
    stage = session.stage
    moment = stage.run.moment()
    with stage.run.ledger.steps(moment, MAX_RETAKEN) as steps:
        return _of(moment, ledger(stage.task, stage.look.samples, steps, asked.path, asked.index, asked.limit))


def _histograms(session: Session, tab: Tab, asked: requests.HistogramsParams) -> Any:
    stage = session.stage
    state, moment = stage.run.state(), stage.run.moment()
    kept = stage.run.kept(moment)
    return _of(moment, stage.look.histograms(state.get("run", 0), moment, kept, asked, playing=state["playing"]))


def _diagnose(session: Session, tab: Tab, asked: requests.Params) -> Any:
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, {"findings": stage.look.diagnose(moment, stage.run.past(moment), stage.run.fault)})


def _boundary(session: Session, tab: Tab, asked: requests.BoundaryParams) -> Any:
    return _at(session, lambda look, moment: look.boundary(moment, asked.size, units=asked.units))


def _confusion(session: Session, tab: Tab, asked: requests.ConfusionParams) -> Any:
    return _at(session, lambda look, moment: look.confusion(moment, asked.set))


def _decode(session: Session, tab: Tab, asked: requests.DecodeParams) -> Any:
    return _at(session, lambda look, moment: look.decode(moment, asked.path, asked.code))


def _convolve(session: Session, tab: Tab, asked: requests.ConvolveParams) -> answers.Convolution:
    image = None
    if asked.image is not None:
        shape, data = tuple(asked.image.shape), asked.image.data
        if shape[0] * shape[1] != len(data):
            raise DataError(
                gettext(
                    "convolve: expected an image of (h, w) numbers, got {count} for the shape {shape}",
                    count=len(data),
                    shape=shape,
                )
            )
        image = np.reshape(data, shape)
    if len({len(row) for row in asked.kernel}) != 1:
        raise DataError(gettext("convolve: the kernel's rows differ in length, expected a rectangle of numbers"))
    return session.stage.look.convolve(
        image,
        asked.kernel,
        stride=asked.stride,
        padding=asked.padding,
        dilation=asked.dilation,
        at=None if asked.at is UNSET else asked.at,
    )


def _generate(session: Session, tab: Tab, asked: requests.GenerateParams) -> Any:
    return _at(session, lambda look, moment: look.generate(moment, **structs.asdict(asked)))


def _reach(session: Session, tab: Tab, asked: requests.Params) -> Any:
    return _at(session, lambda look, moment: {"layers": look.reach(moment)})


def _adopt(session: Session, tab: Tab, asked: requests.AdoptParams) -> answers.State:
    run = session.stage.run
    return run.adopt(unpacked(asked.weights, run.moment().parameters))


def _save(session: Session, tab: Tab, asked: requests.Params) -> str:
    from pellucid.lab.serve.page import single_file

    return single_file(session.document())


def _consider(session: Session, tab: Tab, asked: requests.DesignParams) -> answers.Considered:
    try:
        net = check(session.stage.task, asked.design)
    except Fault as fault:
        return {"fault": _fault(fault), "shapes": [], "parameters": 0}
    return {"fault": None, "shapes": [list(use.shape) for use in net.uses], "parameters": count(net)}


def _edited(change: Callable[[], answers.Description]) -> answers.Edited:
    try:
        return {"fault": None, "description": change()}
    except Fault as fault:
        return {"fault": _fault(fault), "description": None}


def _fault(fault: Fault) -> answers.Fault:
    return {"layer": fault.layer, "field": fault.field, "message": words(fault.message)}


METHODS: dict[str, Callable[[Session, Tab, Any], Any]] = {
    "tasks": _tasks,
    "lessons": lambda session, tab, asked: to_builtins(session.lessons),
    "open": lambda session, tab, asked: session.open(asked.task),
    "describe": lambda session, tab, asked: session.describe(),
    "watch": _watch,
    "examples": lambda session, tab, asked: session.stage.look.examples(asked.set, asked.start, asked.count),
    "example": lambda session, tab, asked: session.stage.look.example(asked.name),
    "own": _own,
    "explain": _explain,
    "curve": _curve,
    "suppose": _suppose,
    "beside": _beside,
    "compare": _compare,
    "attribute": lambda session, tab, asked: _at(
        session, lambda look, moment: look.attribute(moment, asked.input, asked.unit)
    ),
    "course": _course,
    "ledger": _ledger,
    "histograms": _histograms,
    "control": lambda session, tab, asked: session.act(asked),
    "history": lambda session, tab, asked: session.stage.run.history(asked.branch, max(asked.start, 1)),
    "flow": lambda session, tab, asked: session.flows(asked.branch),
    "diagnose": _diagnose,
    "code": lambda session, tab, asked: session.stage.run.code(),
    "boundary": _boundary,
    "confusion": _confusion,
    "ranking": lambda session, tab, asked: _at(session, lambda look, moment: look.ranking(moment, asked)),
    "latent": lambda session, tab, asked: _at(session, Look.latent),
    "decode": _decode,
    "convolve": _convolve,
    "generate": _generate,
    "forecast": lambda session, tab, asked: _at(session, Look.forecast),
    "reach": _reach,
    "weights": lambda session, tab, asked: packed(session.stage.run.moment().parameters),
    "adopt": _adopt,
    "editor": lambda session, tab, asked: session.editor(),
    "consider": _consider,
    "edit": lambda session, tab, asked: _edited(lambda: session.edit(asked.design)),
    "revise": lambda session, tab, asked: session.revise(asked.by),
    "pair": lambda session, tab, asked: _edited(lambda: session.pair(asked.design)),
    "upload": lambda session, tab, asked: tab.files.take(asked.files, more=asked.more),
    "data": lambda session, tab, asked: tab.files.understood(asked.choices),
    "learn": lambda session, tab, asked: session.learn(tab.files.beginning(asked.choices)),
    "save": _save,
}
