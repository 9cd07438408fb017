"""A training on disk: written between two steps, taken up again to the same bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, ModelFileError
from pellucid.files import read_tensors, write_tensors
from pellucid.training.callbacks import Callback
from pellucid.training.history import History
from pellucid.training.state import State, Training

Array = NDArray[Any]
KIND = "pellucid checkpoint"
_TENSOR = "\0tensor"  # the key that stands in JSON for an array; no name of ours begins so


def write(path: str | os.PathLike[str], training: Training) -> None:
    """Write state, history and what the callbacks remember, atomically.

    Raises:
        ModelFileError: the path cannot be written.
    """
    tensors: dict[str, Array] = {}
    content = {
        "plan": training.plan,
        "state": {f.name: getattr(training.state, f.name) for f in fields(State)},
        "history": asdict(training.history),
        "callbacks": {name: c.state_dict() for name, c in named(training).items()},
    }
    write_tensors(path, KIND, _without_arrays(content, "", tensors), tensors)


def resume(path: str | os.PathLike[str], training: Training) -> None:
    """Put the training where the checkpoint left it.

    Raises:
        ModelFileError: the file is missing, truncated, or no checkpoint.
        DataError: it belongs to another training; the message says what differs.
    """
    content, tensors = read_tensors(path, KIND)
    try:
        found = _with_arrays(content, tensors)
        plan, state = found["plan"], State(**found["state"])
        history, remembered = History(**found["history"]), found["callbacks"]
        _check_plan(path, plan, training.plan)
        _check_arrays(path, state, training.state)
        training.state, training.history = state, history
        callbacks = named(training)
        for name, memory in remembered.items():
            if name not in callbacks and memory:
                raise DataError(
                    f'"{path}" was written with the callback {name.split(" ")[0]}: add it to callbacks again'
                )
            if memory:
                callbacks[name].load_state_dict(memory)
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f'"{path}" is damaged: {type(error).__name__} {error}') from error


def named(training: Training) -> dict[str, Callback]:
    """The callbacks by their class and their place among its kind."""
    found: dict[str, Callback] = {}
    for callback in training.callbacks:
        kind = type(callback).__name__
        found[f"{kind} {1 + sum(name.split(' ')[0] == kind for name in found)}"] = callback
    return found


def _check_plan(path: object, came: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if came[name] != value:
            raise DataError(
                f'"{path}" is a checkpoint of another training: its {name} is {came[name]}, but {value} came; '
                "give what it had, or start without resume"
            )


def _check_arrays(path: object, came: State, expected: State) -> None:
    for part in ("parameters", "slots"):
        mine, theirs = (
            {name: (array.shape, array.dtype) for name, array in getattr(state, part).items()}
            for state in (expected, came)
        )
        if odd := [name for name in mine | theirs if mine.get(name) != theirs.get(name)]:
            raise DataError(
                f'"{path}" is a checkpoint of another network, {odd[0]} differs: build the one that it was written with'
            )


def _without_arrays(value: Any, place: str, tensors: dict[str, Array]) -> Any:
    """The value as JSON can carry it, its arrays moved to `tensors` under their places."""
    match value:
        case np.ndarray():
            tensors[place] = value
            return {_TENSOR: place}
        case Mapping():
            return {str(k): _without_arrays(v, f"{place}/{k}".lstrip("/"), tensors) for k, v in value.items()}
        case list() | tuple():
            return [_without_arrays(v, f"{place}/{i}", tensors) for i, v in enumerate(value)]
        case np.generic():
            return value.item()
    return value


def _with_arrays(value: Any, tensors: Mapping[str, Array]) -> Any:
    match value:
        case {"\0tensor": place}:
            return tensors[place]
        case dict():
            return {k: _with_arrays(v, tensors) for k, v in value.items()}
        case list():
            return [_with_arrays(v, tensors) for v in value]
    return value
