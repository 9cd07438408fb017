"""Methods whose packages are imported when one of them is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Deferred:
    """A package that is not imported yet, whose functions a class can have as methods all the same.

        explain = Deferred("pellucid.explain")

        class Network:
            trace = explain.trace

    `Network.trace` is the function itself from the first time that it is asked for.
    """

    def __init__(self, package: str) -> None:
        self._package = package

    def __getattr__(self, name: str) -> Any:
        return _Method(self._package, name)


class _Method:
    def __init__(self, package: str, function: str) -> None:
        self._package, self._function = package, function

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        function = getattr(import_module(self._package), self._function)
        setattr(self._owner, self._name, function)
        return function.__get__(instance, owner)
