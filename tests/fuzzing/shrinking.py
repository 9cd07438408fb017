"""A case that shows a fault, made as small as it can be and still show it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.fuzzing.cases import Call, Case, Feed, Goal, Use
from tests.fuzzing.comparison import Fault, examined

from pellucid.errors import PellucidError


def shrunk(case: Case, fault: Fault, *, seconds: float = 60.0) -> tuple[Case, Fault]:
    """The smallest case that was found, and its fault."""
    until = time.monotonic() + seconds
    case = replace(case, checks=(fault.check,))
    again = _fault(case)
    if again is None or not again.like(fault):  # what was done before it matters
        return case, fault
    better = True
    while better:
        better = False
        for smaller in _smaller(case):
            if time.monotonic() > until:
                return case, again
            found = _fault(smaller)
            if found is not None and found.like(fault):
                case, again, better = smaller, found, True
                break
    return case, again


def _fault(case: Case) -> Fault | None:
    try:
        case.data()
    except (PellucidError, TypeError, ValueError, IndexError):  # no network, or no data for it
        return None
    try:
        examined(case)
    except Fault as fault:
        return fault
    return None


def _smaller(case: Case) -> Iterator[Case]:
    """The case with something left out or smaller, the largest cuts first."""
    yield from _fewer_goals(case)
    yield from _fewer_uses(case)
    yield from _plainer_training(case)
    yield from _fewer_examples(case)
    for place, call in enumerate(case.layers):
        for simpler in _simpler(call):
            yield _with_layer(case, place, simpler)
    for place, feed in enumerate(case.inputs):
        for smaller in _smaller_feeds(feed):
            yield replace(case, inputs=(*case.inputs[:place], smaller, *case.inputs[place + 1 :]))
    for place, goal in enumerate(case.goals):
        for target, loss in (("fraction", "mean_squared_error"), ("classes", "categorical_crossentropy")):
            if (goal.target, goal.loss) != (target, loss) and goal.loss != "mean_squared_error":
                plain = Goal(goal.value, target, loss)
                yield replace(case, goals=(*case.goals[:place], plain, *case.goals[place + 1 :]))


def _fewer_goals(case: Case) -> Iterator[Case]:
    if len(case.goals) > 1:
        for goal in case.goals:
            yield replace(case, goals=(goal,)).pruned()


def _fewer_uses(case: Case) -> Iterator[Case]:
    """A layer's value, and in its place one of those that it took; or an input instead of a value."""
    first = len(case.inputs)
    for place in reversed(range(len(case.uses))):
        for instead in case.uses[place].takes:
            yield _instead(case, first + place, instead)
        for number, feed in enumerate(case.inputs):
            if feed.kind == "real" and number not in case.uses[place].takes:
                yield _instead(case, first + place, number)


def _instead(case: Case, value: int, other: int) -> Case:
    def new(v: int) -> int:
        return other if v == value else v

    uses = tuple(Use(use.layer, tuple(map(new, use.takes))) for use in case.uses)
    goals = {new(goal.value): replace(goal, value=new(goal.value)) for goal in case.goals}
    return replace(case, uses=uses, goals=tuple(goals.values())).pruned()


def _plainer_training(case: Case) -> Iterator[Case]:
    for name in case.options:
        yield replace(case, options={k: v for k, v in case.options.items() if k != name})
    if case.limits:
        yield replace(case, limits={})
    for name in case.limits if len(case.limits) > 1 else ():
        yield replace(case, limits={k: v for k, v in case.limits.items() if k != name})
    if case.weighted:
        yield replace(case, weighted=False)
    if case.schedule is not None:
        yield replace(case, schedule=None)
    if case.optimizer != Call("SGD"):
        yield replace(case, optimizer=Call("SGD"))
    if case.optimizer.options:
        yield replace(case, optimizer=Call(case.optimizer.name))
    if case.stirred:
        yield replace(case, stirred=0.0)
    if case.epochs > 1:
        yield replace(case, epochs=1)
    if case.dtype == "float64":
        yield replace(case, dtype="float32")


def _fewer_examples(case: Case) -> Iterator[Case]:
    if case.examples > case.batch:
        yield replace(case, examples=case.batch)
    for fewer in _less(case.batch):
        yield replace(case, batch=fewer, examples=min(case.examples, fewer))


def _with_layer(case: Case, place: int, call: Call) -> Case:
    return replace(case, layers=(*case.layers[:place], call, *case.layers[place + 1 :]))


def _simpler(call: Call) -> Iterator[Call]:
    for name in call.options:
        yield replace(call, options={k: v for k, v in call.options.items() if k != name})
    for name, value in call.options.items():
        for less in _less(value):
            yield replace(call, options={**call.options, name: less})
    for place, part in enumerate(call.parts):
        if len(call.parts) > 1:
            yield replace(call, parts=(*call.parts[:place], *call.parts[place + 1 :]))
        for simpler in _simpler(part):
            yield replace(call, parts=(*call.parts[:place], simpler, *call.parts[place + 1 :]))


def _less(value: Any) -> Iterator[Any]:
    if isinstance(value, Call):
        yield from _simpler(value)
    elif isinstance(value, bool):
        return
    elif isinstance(value, int):
        yield from dict.fromkeys(k for k in (1, value // 4, value // 2, value - 1) if 0 < k < value)
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            for less in _less(part):
                yield (*value[:place], less, *value[place + 1 :])


def _smaller_feeds(feed: Feed) -> Iterator[Feed]:
    for shape in _less(feed.shape):
        yield replace(feed, shape=shape)
    if feed.kind in ("padded", "padded ids"):
        yield replace(feed, kind={"padded": "real", "padded ids": "ids"}[feed.kind])
