"""What a page may ask of a run, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.errors import PellucidError, nearest

MAX_STEPS = 1_000_000
"""So many steps one action takes at the most."""

FIELDS: dict[str, tuple[str, ...]] = {
    "play": (),
    "pause": (),
    "step": ("count",),
    "epoch": (),
    "seek": ("step",),
    "branch": ("change",),
    "switch": ("branch",),
    "rate": ("learning_rate",),
    "speed": ("speed",),
    "reset": (),
}
"""The actions by name, and what each needs."""


@dataclass(frozen=True)
class Action:
    """An action by its name, and the one value that some come with."""

    name: str
    value: Any = None


def checked(action: object) -> Action:
    """The action of a message.

    Values that depend on where the run is are checked when it gets there.

    Raises:
        PellucidError: no such action, other fields than it has, or a value of another kind.
    """
    name = action.get("do") if isinstance(action, Mapping) else None
    if not isinstance(action, Mapping) or not isinstance(name, str):
        raise PellucidError(f'expected an action such as {{"do": "play"}}, got {type(action).__name__}')
    if name not in FIELDS:
        raise PellucidError(
            f'there is no action "{name[:40]}", expected one of {", ".join(FIELDS)}.{nearest(name[:40], FIELDS)}'
        )
    wanted = FIELDS[name]
    if set(action) != {"do", *wanted}:
        takes = f"{', '.join(wanted)} and nothing else" if wanted else "nothing else"
        raise PellucidError(f'the action "{name}" has other fields than those expected: {takes}')
    return Action(name, action[wanted[0]] if wanted else None)
