"""The methods of the protocol: each checks its parameters and asks the run or the look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.lab.checks import MAX_SENT
from pellucid.lab.serve.links import MAX_IN_LINK, packed, unpacked
from pellucid.lab.serve.params import Params
from pellucid.lab.serve.tabs import Lane, Tab, Watch
from pellucid.lab.time.moments import Moment
from pellucid.lab.view.sliding import LARGEST_IMAGE, LARGEST_KERNEL
from pellucid.messages import words

if TYPE_CHECKING:
    from pellucid.lab.serve.lab_session import Session

SETS = ("train", "test")
STEER = frozenset({"tasks", "open", "describe", "control", "history", "code"})
"""What does not wait behind the numbers that are computed for the eye."""
MANY = 100
"""So many terms of an explanation are written in some milliseconds."""


def lane(method: str, params: Any) -> Lane:
    """In which of a tab's lanes a request waits: a person's next question not behind all terms of the last."""
    if method in STEER:
        return "steer"
    limit = params.get("limit") if method == "explain" and isinstance(params, dict) else None
    return "whole" if isinstance(limit, int) and limit > MANY else "look"


def _of(moment: Moment, found: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the moment that it is about: it is on screen while the run goes on, or back."""
    return {**found, "branch": moment.branch, "step": moment.step}


def _tasks(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    if not session.gallery:
        return []
    from pellucid.lab.gallery import TASKS

    return [{"name": e.name, "title": words(e.title), "about": words(e.about), "kind": e.kind} for e in TASKS.values()]


def _open(session: Session, tab: Tab, params: Params) -> Any:
    name = params.text("task", 100)
    params.done()
    return session.open(name)


def _describe(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    return session.describe()


def _watch(session: Session, tab: Tab, params: Params) -> Any:
    name = params.text("input")
    paths = []
    for entry in params.list("paths", 256):
        wanted = Params("watch: paths", entry)
        paths.append((wanted.text("path"), wanted.integer("limit", 0, 1 << 20)))
        wanted.done()
    params.done()
    if sum(limit for _, limit in paths) > 1 << 22:
        raise DataError(f"watch: more than {1 << 22} numbers were asked for: watch less at once")
    watch = Watch(name, tuple(paths))
    stage = session.stage
    moment = stage.run.moment()
    live = stage.look.live(moment, name, watch.wanted())
    tab.set_watch(watch)
    if stage.run.moment() is not moment:  # what changed meanwhile was not sent to this watch
        session.hurry()
    return live


def _examples(session: Session, tab: Tab, params: Params) -> Any:
    chosen = params.choice("set", SETS)
    start, count = params.integer("from", 0, 1 << 31), params.integer("count", 1, 256)
    params.done()
    return session.stage.look.examples(chosen, start, count)


def _example(session: Session, tab: Tab, params: Params) -> Any:
    name = params.text("name")
    params.done()
    return session.stage.look.example(name)


def _own(session: Session, tab: Tab, params: Params) -> Any:
    given: dict[str, Any] = {}
    if "text" in params:
        given["text"] = params.text("text", 20_000)
    else:
        given["x"] = params.numbers("x", MAX_SENT)
    if "y" in params:
        given["y"] = params.number("y", -1e30, 1e30)
    params.done()
    return session.stage.look.own(**given)


def _explain(session: Session, tab: Tab, params: Params) -> Any:
    name, path, index = params.text("input"), params.text("path"), params.index()
    limit = params.integer("limit", 1, 10_000, 100)
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.explain(moment, name, path, index, limit=limit))


def _curve(session: Session, tab: Tab, params: Params) -> Any:
    name, path, index = params.text("input"), params.text("path"), params.index()
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    found = stage.look.curve(moment, name, path, index)
    return None if found is None else _of(moment, found)


def _control(session: Session, tab: Tab, params: Params) -> Any:
    return session.act(params.rest())


def _history(session: Session, tab: Tab, params: Params) -> Any:
    branch, start = params.integer("branch", 0, 1 << 31), params.integer("from", 0, 1 << 53)
    params.done()
    return session.stage.run.history(branch, max(start, 1))


def _flows(session: Session, tab: Tab, params: Params) -> Any:
    branch = params.integer("branch", 0, 1 << 31)
    params.done()
    return session.flows(branch)


def _diagnose(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    found = stage.look.diagnose(moment, stage.run.past(moment), stage.run.fault)
    return _of(moment, {"findings": found})


def _code(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    return session.stage.run.code()


def _boundary(session: Session, tab: Tab, params: Params) -> Any:
    size = params.integer("size", 2, 200)
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.boundary(moment, size))


def _confusion(session: Session, tab: Tab, params: Params) -> Any:
    chosen = params.choice("set", SETS)
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.confusion(moment, chosen))


def _latent(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.latent(moment))


def _decode(session: Session, tab: Tab, params: Params) -> Any:
    path, code = params.text("path"), params.numbers("code", 1 << 16)
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.decode(moment, path, code))


def _convolve(session: Session, tab: Tab, params: Params) -> Any:
    image, given = None, params.object("image")
    if given is not None:
        shape, data = given.index("shape"), given.numbers("data", LARGEST_IMAGE)
        given.done()
        if len(shape) != 2 or shape[0] * shape[1] != len(data):
            raise DataError(f"convolve: expected an image of (h, w) numbers, got {len(data)} for the shape {shape}")
        image = data.reshape(shape)
    kernel = _matrix(params.list("kernel", LARGEST_KERNEL))
    stride, padding = params.integer("stride", 1, 64), params.integer("padding", 0, 64)
    dilation, at = params.integer("dilation", 1, 64), params.index("at") if "at" in params else None
    params.done()
    return session.stage.look.convolve(image, kernel, stride=stride, padding=padding, dilation=dilation, at=at)


def _generate(session: Session, tab: Tab, params: Params) -> Any:
    text, count = params.text("text", 20_000), params.integer("count", 1, 1000)
    temperature, seed = params.number("temperature", 0, 100), params.integer("seed", 0, 1 << 53)
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.generate(moment, text=text, count=count, temperature=temperature, seed=seed))


def _forecast(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, stage.look.forecast(moment))


def _reach(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    stage = session.stage
    moment = stage.run.moment()
    return _of(moment, {"layers": stage.look.reach(moment)})


def _weights(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    return packed(session.stage.run.moment().parameters)


def _adopt(session: Session, tab: Tab, params: Params) -> Any:
    text = params.text("weights", 8 * MAX_IN_LINK)
    params.done()
    stage = session.stage
    return stage.run.adopt(unpacked(text, stage.run.moment().parameters))


def _save(session: Session, tab: Tab, params: Params) -> Any:
    params.done()
    from pellucid.lab.serve.page import single_file

    return single_file(session.document())


def _matrix(rows: list[Any]) -> NDArray[np.float64]:
    """A kernel of rows of equal length."""
    found = [Params("convolve: kernel", {"row": row}).numbers("row", LARGEST_KERNEL) for row in rows]
    if not found or len({len(row) for row in found}) != 1:
        raise DataError("convolve: the kernel's rows differ in length, expected a rectangle of numbers")
    return np.stack(found)


METHODS: dict[str, Callable[[Session, Tab, Params], Any]] = {
    "tasks": _tasks,
    "open": _open,
    "describe": _describe,
    "watch": _watch,
    "examples": _examples,
    "example": _example,
    "own": _own,
    "explain": _explain,
    "curve": _curve,
    "control": _control,
    "history": _history,
    "flow": _flows,
    "diagnose": _diagnose,
    "code": _code,
    "boundary": _boundary,
    "confusion": _confusion,
    "latent": _latent,
    "decode": _decode,
    "convolve": _convolve,
    "generate": _generate,
    "forecast": _forecast,
    "reach": _reach,
    "weights": _weights,
    "adopt": _adopt,
    "save": _save,
}
