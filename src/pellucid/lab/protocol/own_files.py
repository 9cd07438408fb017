"""What the lab answers about files of the person's own, from which a network is to learn."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from msgspec import Meta

from .answers import Numbers, Words


class Uploaded(TypedDict):
    """What has come of the person's files so far."""

    files: int
    bytes: int


class Counted(TypedDict):
    """A class or a category, and how many examples are of it."""

    name: str
    count: int


class DataColumn(TypedDict):
    """A column of a table of the person's own.

    Attributes:
        kind: what its cells are; "mixed" where they cannot be read as one thing, and `why` says at which line.
        use: what becomes of it.
        why: why it is left out, or cannot be read.
        missing: how many cells hold no value.
        different: how many different values it has.
        low, high: of numbers.
        most: of categories, the most frequent.
    """

    name: str
    kind: Literal["number", "category", "date", "text", "identifier", "empty", "mixed"]
    use: Literal["target", "take", "words", "leave"]
    why: Words | None
    missing: int
    different: int
    low: float | None
    high: float | None
    most: list[Counted]


class OwnImage(TypedDict):
    image: Numbers
    label: str


class OwnData(TypedDict):
    """What was understood of files of the person's own, and what would be made of them.

    Attributes:
        kinds: what they may be read as.
        choices: those that were made, and for the rest what was chosen by how the data look.
        learn, test: how many examples there are to learn from, and to judge by.
        targets: the columns that can be learned or forecast; null where each of them can.
        rows: the first lines of a table, cell by cell.
        classes: where each example is of one.
        notes: what was done to the data that may surprise.
        excerpt: the beginning of a text.
        layers: the network that would be begun with, layer by layer as Python has it.
        fault: why nothing can be begun; what could be understood is there all the same.
    """

    name: str
    kind: Literal["table", "series", "images", "text"]
    kinds: list[Literal["table", "series", "images", "text"]]
    choices: Annotated[dict[str, Any], Meta(extra_json_schema={"tsType": "DataChoices"})]
    learn: int
    test: int
    columns: list[DataColumn]
    targets: list[str] | None
    rows: list[list[str]]
    classes: list[Counted] | None
    images: list[OwnImage]
    excerpt: str | None
    notes: list[Words]
    layers: list[str]
    parameters: int
    fault: Words | None
