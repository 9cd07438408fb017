"""What the registries of this package share: finding an entry by its name, checking its options."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pellucid.errors import PellucidError, UnknownNameError, nearest
from pellucid.habits import hint
from pellucid.messages import chained, gettext, option_of, pgettext

T = TypeVar("T")


def find(kind: str, name: str, known: Mapping[str, T]) -> T:
    """The entry of this name; capitals and hyphens do not matter.

    Raises:
        UnknownNameError: there is none; the message names the nearest, or all.
    """
    word = name.strip().lower().replace("-", "_").replace(" ", "_")
    if word in known:
        return known[word]
    hint = nearest(word, known) or f" Choose one of {', '.join(known)}."
    raise UnknownNameError(f'there is no {kind} "{name}".{hint}')


def check_new(kind: str, name: str, new: object, known: object) -> None:
    """Refuse a name that something else has; a cell of a notebook that is run again defines its own again.

    Args:
        new, known: the function or class to be registered, and the one that has the name, or None.

    Raises:
        PellucidError: the name is taken.
    """
    if known is not None and _origin(known) != _origin(new):
        raise PellucidError(f"there is {kind} {name} already; give yours another name")


def _origin(thing: Any) -> tuple[str, str]:
    # a dataclass with slots is made twice, the second time without the name of the function around it
    return thing.__module__, thing.__name__ if isinstance(thing, type) else thing.__qualname__


def named(kind: str, spec: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """`{"name": "leaky_relu", "slope": 0.1}`, the form in which configurations are stored, as name and options."""
    name = spec.get("name")
    if not isinstance(name, str):
        raise PellucidError(f'{kind}: expected its name too, as in {{"name": "…"}}, got {dict(spec)!r}')
    return name, {key: value for key, value in spec.items() if key != "name"}


def options_of(function: Callable[..., object]) -> dict[str, object]:
    """The keyword-only arguments of a function that have a default, and their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}


def check_options(kind: str, name: str, known: Mapping[str, object], given: Mapping[str, object]) -> None:
    """Refuse options that the function does not have, and numbers that are none."""
    for key, value in given.items():
        if key not in known:
            raise PellucidError(f"the {kind} {name} has no option {key}.{hint(key, known)}")
        default = known[key]
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise PellucidError(
                    gettext("{what}: expected True or False, got {value!r}", what=option_of(key, name), value=value)
                )
        elif isinstance(default, (int, float)):
            number(key, value, of=name)


def number(
    key: str, value: object, *, of: str, minimum: float = -math.inf, below: float = math.inf, above: float = -math.inf
) -> float:
    """The value as a finite number with `minimum` ≤ value < `below` and `above` < value."""
    try:
        result = math.nan if isinstance(value, (bool, str)) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        result = math.nan
    if math.isfinite(result) and minimum <= result < below and result > above:
        return result
    limits = []
    if math.isfinite(minimum):
        limits.append(gettext("at least {limit:g}", limit=minimum))
    if math.isfinite(above):
        limits.append(gettext("more than {limit:g}", limit=above))
    if math.isfinite(below):
        limits.append(gettext("less than {limit:g}", limit=below))
    what = option_of(key, of)
    if not limits:
        raise PellucidError(gettext("{what}: expected a finite number, got {value!r}", what=what, value=value))
    span = chained(limits, pgettext("limits of a number", "{first} and {then}"))
    raise PellucidError(
        gettext("{what}: expected a finite number {span}, got {value!r}", what=what, span=span, value=value)
    )
