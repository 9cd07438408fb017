"""What a lesson is: its file is read as this, and the page gets it as it is.

Texts are paragraphs, between empty lines, in which `code`, **strong words** and [links](#/dense_2) may stand.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern="^[a-z][a-z0-9-]{0,39}$")]
Text = Annotated[str, Meta(min_length=1, max_length=4000)]
Reference = Annotated[str, Meta(max_length=200)]
Bound = Annotated[float, Meta(ge=-1e30, le=1e30)]
Pane = Literal["network", "focus", "arithmetic", "time"]


class Part(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A part of a lesson."""


class Both(Part):
    """A text in two languages."""

    en: Text
    zh: Text


class Choice(Part, kw_only=True):
    """One answer of several, and what is said to whoever chooses it."""

    text: Both
    right: bool = False
    answer: Both


class Number(Part):
    """A number of the run, such as "dense_2[3]", which an answer may differ from by `tolerance`.

    `right` and `wrong` are what is said to an answer; "{value}" in them is the number.
    """

    value: Reference
    tolerance: Annotated[float, Meta(ge=0, le=1e30)]
    right: Both
    wrong: Both


class Question(Part):
    """A question, answered by a choice or by a number."""

    text: Both
    choices: Annotated[list[Choice], Meta(max_length=8)] = []
    number: Number | None = None


class Claim(Part):
    """What the text says of a number: that it lies between two others."""

    value: Reference
    min: Bound | None = None
    max: Bound | None = None


class LessonStep(Part):
    """A step of a lesson.

    Attributes:
        view: where it leads, "#/conv2d_1/filter/3/at/4,5?input=test:17"; without one the page stays where it is.
        panes: what of the page is shown beside it; without any, all.
        do: what the reader does.
        claims: what the text says of the network; only whoever checks the lesson looks at them.
    """

    title: Both
    text: Both
    view: Annotated[str, Meta(max_length=500)] = ""
    panes: Annotated[list[Pane], Meta(max_length=4)] = []
    do: Both | None = None
    question: Question | None = None
    claims: Annotated[list[Claim], Meta(max_length=20)] = []


class Lesson(Part, kw_only=True):
    """A lesson.

    Attributes:
        lesson: the version of the format.
        name: what addresses call it.
        task: the task of the gallery that it is about; without one, a network of one's own.
        train: the steps that its network has learned.
    """

    lesson: Literal[1]
    name: Name
    task: Annotated[str, Meta(max_length=100)] | None = None
    title: Both
    about: Both
    train: Annotated[int, Meta(ge=0, le=100_000)] = 0
    steps: Annotated[list[LessonStep], Meta(min_length=1, max_length=50)]
