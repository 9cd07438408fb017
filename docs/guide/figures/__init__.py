"""The guide's figures by name: functions without arguments, to matplotlib figures of numbers that Pellucid computes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

FIGURES: dict[str, Callable[[], Any]] = {}


def drawing(function: Callable[[], Any]) -> Callable[[], Any]:
    """Put a figure on the list, under the function's name."""
    FIGURES[function.__name__] = function
    return function


for _name in ("neurons", "learning", "images", "sequences"):
    import_module(f".{_name}", __package__)
