"""Whether a lesson fits the network it is about: its views are there, its numbers are, and its claims hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from pellucid.errors import PellucidError
from pellucid.lab.lessons import marked_yaml
from pellucid.lab.lessons.addresses import Address, read_address, read_value
from pellucid.lab.lessons.lesson_examples import step_inputs, step_moments
from pellucid.lab.lessons.lesson_file import LessonFile, Problem, links, texts
from pellucid.lab.protocol.lessons import Lesson, LessonStep
from pellucid.lab.protocol.requests import WatchedPath
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look

PIECE = 100
"""Steps between two reports."""


def check_lesson(
    file: LessonFile, task: Task, on_step: Callable[[int, int], None] = lambda step, steps: None
) -> list[str]:
    """Train the task's network as far as the lesson says, and hold the lesson to it.

    Args:
        on_step: called with the step and how many there are, while it is trained.

    Returns:
        What does not fit, each with its file and line; none where all is well.
    """
    run = Run.of(task)
    try:
        steps = file.lesson.train
        for step in range(0, steps, PIECE):
            on_step(step, steps)
            run.act({"do": "step", "count": min(PIECE, steps - step)})
            run.wait()
        on_step(steps, steps)
        look = Look(task, run.update)

        def at(step: int) -> Moment:
            if step != run.moment().step:
                run.repeat({"do": "seek", "step": step})
            return run.moment()

        return [file.located(problem) for problem in _problems(file.lesson, look, at)]
    finally:
        run.close()


def _problems(lesson: Lesson, look: Look, moment_at: Callable[[int], Moment]) -> Iterator[Problem]:
    moments = step_moments(lesson)
    inputs = step_inputs(lesson, "test:0" if look.task.test is not None else "train:0")
    for path, text in texts(lesson):
        of = path[1] if len(path) > 1 and isinstance(path[1], int) else 0
        for language, address in links(text):
            place = read_address(address)
            moment = moment_at(moments[of] if place.step is None else place.step)
            if (said := _missing(look, moment, place, inputs[of])) is not None:
                yield (*path, language), said
    for k, step in enumerate(lesson.steps):
        at, moment = ("steps", k), moment_at(moments[k])
        if step.view and (said := _missing(look, moment, read_address(step.view), inputs[k])) is not None:
            yield (*at, "view"), said
        for path, said in _numbers(step, look, moment, inputs[k]):
            yield (*at, *path), said


def _numbers(step: LessonStep, look: Look, moment: Moment, input: str) -> Iterator[Problem]:
    number = step.question.number if step.question is not None else None
    if number is not None:
        value = _value(look, moment, input, *read_value(number.value))
        if isinstance(value, str):
            yield ("question", "number", "value"), value
    for c, claim in enumerate(step.claims):
        place: marked_yaml.Path = ("claims", c)
        value = _value(look, moment, input, *read_value(claim.value))
        if isinstance(value, str):
            yield (*place, "value"), value
        elif claim.min is not None and not value >= claim.min:
            yield (
                place,
                f"{claim.value} is {value:.6g} after {moment.step} steps on {input}, expected at least {claim.min:g}",
            )
        elif claim.max is not None and not value <= claim.max:
            yield (
                place,
                f"{claim.value} is {value:.6g} after {moment.step} steps on {input}, expected at most {claim.max:g}",
            )


def _value(look: Look, moment: Moment, input: str, path: str, index: Sequence[int]) -> float | str:
    """A number of the run, or why there is none."""
    try:
        whole = look.live(moment, input, [WatchedPath(path=path, limit=1 << 20)])["values"].get(path)
        if whole is not None and whole["shape"] == whole["full"]:
            shape = whole["full"]
            if len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
                return f"{path} has the shape {shape}, so there is nothing at {list(index)}"
            return float(np.reshape(whole["data"], shape)[tuple(index)])
        return float(look.explain(moment, input, path, index, limit=0)["value"])
    except PellucidError as error:
        return str(error)


def _missing(look: Look, moment: Moment, address: Address, given: str) -> str | None:
    """Why there is nothing at an address."""
    try:
        input = address.input or given
        look.example(input)
        if address.view is not None and address.view not in look.task.views:
            there = ", ".join(look.task.views) or "none"
            return f'there is no view "{address.view}" of this network, expected one of: {there}'
        if address.path is not None and address.index is not None:
            value = _value(look, moment, input, address.path, address.index)
            if isinstance(value, str):
                return value
            if address.term is not None:
                terms = look.explain(moment, input, address.path, address.index)["terms"]
                if address.term >= len(terms):
                    return f"there is no term {address.term}, expected 0 to {len(terms) - 1}"
        elif address.path is not None and not _there(look, moment, input, address.path):
            return f'there is no layer and no value "{address.path}" in this network'
    except PellucidError as error:
        return str(error)
    return None


def _there(look: Look, moment: Moment, input: str, path: str) -> bool:
    return path in look.live(moment, input, [WatchedPath(path=path, limit=1)])["values"]
