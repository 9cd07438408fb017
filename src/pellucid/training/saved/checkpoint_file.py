"""A training on disk: written between two steps, taken up again to the same bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, ModelFileError, argument
from pellucid.files import read_tensors, write_tensors
from pellucid.training.callbacks.base import Callback
from pellucid.training.evaluation import Chosen, Measures
from pellucid.training.metrics import METRICS
from pellucid.training.programs import loss_name, mask_name, prediction_name
from pellucid.training.running.history import History
from pellucid.training.running.state import State, Training
from pellucid.training.saved.fields import LARGEST, Fields

Array = NDArray[Any]
KIND = "pellucid checkpoint"
_TENSOR = "\0tensor"  # the key that stands in JSON for an array; no name of ours begins so


def write(path: str | os.PathLike[str], training: Training) -> None:
    """Write state, history and what the callbacks remember, atomically.

    Raises:
        ModelFileError: the path cannot be written, or a callback remembers what JSON cannot carry.
    """
    tensors: dict[str, Array] = {}
    content: dict[str, Any] = {
        "plan": training.plan,
        "state": {f.name: getattr(training.state, f.name) for f in fields(State)},
        "history": asdict(training.history),
        "callbacks": {name: c.state_dict() for name, c in named(training).items()},
    }
    try:
        content = _without_arrays(content, "", tensors)
    except RecursionError:
        raise ModelFileError(f'"{path}" cannot be written: what a callback remembers is nested too deeply') from None
    write_tensors(path, KIND, content, tensors)


def resume(path: str | os.PathLike[str], training: Training, measures: Chosen = ()) -> None:
    """Put the training where the checkpoint left it.

    Args:
        measures: the metrics of the training.

    Raises:
        ModelFileError: the file is missing, truncated, damaged, or no checkpoint; the message names the field.
        DataError: it belongs to another training; the message names what differs.
    """
    content, tensors = read_tensors(path, KIND)
    try:
        record = Fields(content)
        _check_plan(path, record.within("plan"), training.plan)
        record = Fields(_with_arrays(content, tensors))
        state = _state(record.within("state", names=frozenset(f.name for f in fields(State))), training)
        _check_arrays(path, state, training.state)
        _check_carried(state.carried, training)
        _check_metrics(state.metrics, training, measures)
        history = _history(record.within("history", names=frozenset(f.name for f in fields(History))))
        _restore_callbacks(path, record.within("callbacks"), training)
    except ModelFileError as error:
        raise ModelFileError(f'"{path}" is damaged: {error}') from error
    except RecursionError:
        raise ModelFileError(f'"{path}" is damaged: it is nested too deeply') from None
    training.state, training.history = state, history


def _state(record: Fields, training: Training) -> State:
    one_after_another = training.plan["batch_size"] is None
    batch = record.integer("batch", high=LARGEST if one_after_another else training.steps_per_epoch)
    if one_after_another:
        low, high = batch, LARGEST
    else:
        low = high = min(batch * training.plan["batch_size"], training.plan["examples"])
    assert training.examples is not None
    net = training.net.sized(training.examples.arrays)
    masks = net.reading().masks
    if len(training.goals) == 1 and training.goals[0].path in masks:  # its real steps are counted
        low, high = 0, high * net.output_shapes[training.goals[0].path][0]
    return State(
        parameters=record.arrays("parameters"),
        slots=record.arrays("slots"),
        learning_rate=record.number("learning_rate", low=0),
        step=record.integer("step"),
        epoch=record.integer("epoch"),
        batch=batch,
        loss=record.number("loss", finite=False, nan=True),
        examples=record.integer("examples", low=low, high=high),
        metrics=_metrics(record.sequence("metrics")),
        best=record.number("best", finite=False),
        best_parameters=record.arrays("best_parameters"),
        stopped=record.text("stopped"),
        carried=record.arrays("carried"),
    )


def _history(record: Fields) -> History:
    numbers = record.sequence("epoch")
    epochs = [numbers.integer(place) for place in numbers]
    curves = record.within("history")
    values: dict[str, list[float]] = {}
    for name in curves:
        curve = curves.sequence(name)
        values[name] = [curve.number(place, finite=False, nan=True) for place in curve]
        if len(values[name]) != len(epochs):
            raise ModelFileError(f"history.history.{name} has {len(values[name])} values, expected {len(epochs)}")
    record.within("params")
    return History(values, epochs, record["params"], record.flag("interrupted"), record.text("stopped"))


def _metrics(record: Fields) -> list[list[Array]]:
    parts = {place: record.sequence(place) for place in record}
    return [[part.array(place) for place in part] for part in parts.values()]


def _restore_callbacks(path: object, record: Fields, training: Training) -> None:
    callbacks = named(training)
    for name in record:
        record.within(name)
        if not record[name]:
            continue
        if name not in callbacks:
            kind = name.split(" ")[0]
            raise DataError(f'"{path}" was written with the callback {kind}: add it to callbacks again')
        callbacks[name].training = training
        try:
            callbacks[name].load_state_dict(record[name])
        except ModelFileError as error:
            raise ModelFileError(f"callbacks.{name}: {error}") from error
        except Exception as error:  # a callback of the user's may raise anything for a state that is not its own
            raise ModelFileError(f"callbacks.{name} cannot be taken up: {type(error).__name__} {error}") from error


def named(training: Training) -> dict[str, Callback]:
    """The callbacks by their class and their place among its kind."""
    callbacks: dict[str, Callback] = {}
    for callback in training.callbacks:
        kind = type(callback).__name__
        callbacks[f"{kind} {1 + sum(name.split(' ')[0] == kind for name in callbacks)}"] = callback
    return callbacks


def _check_plan(path: object, saved: Fields, expected: Mapping[str, Any]) -> None:
    for name, value in expected.items():
        if saved[name] != value:
            outputs = [entry[0] for entry in value] if name == "loss" else []
            if name == "loss" and (written := _outputs(saved[name])) != outputs:
                raise DataError(
                    f'"{path}" is a checkpoint of another network: it ends in {_words(written)}, expected '
                    f"{_words(outputs)}; build the one that it was written with"
                )
            how = argument("resume", str(path)) or "resume"
            raise DataError(
                f'"{path}" is a checkpoint of another training: its {name.replace("_", " ")} is '
                f"{_words(saved[name])[:200]}, got {_words(value)}; give what it had, or start without {how}"
            )


def _outputs(loss: object) -> list[object]:
    """The paths of the outputs that a plan speaks of; of a file, it may be anything."""
    entries = loss if isinstance(loss, list) else []
    return [entry[0] for entry in entries if isinstance(entry, list) and entry]


def _words(value: object) -> str:
    """A part of a plan as people write it: adam (learning_rate 0.001)."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Mapping():
            rest = ", ".join(
                f"{key.replace('_', ' ')} {_words(entry)}" for key, entry in value.items() if key != "name"
            )
            name = str(value.get("name", ""))
            return f"{name} ({rest})" if name and rest else name or rest
        case list() | tuple():
            return ", ".join(map(_words, value)) or "none"
    return str(value).strip('"')


def _check_arrays(path: object, saved: State, expected: State) -> None:
    for part in ("parameters", "slots"):
        mine, theirs = _kinds(getattr(expected, part)), _kinds(getattr(saved, part))
        if odd := [name for name in mine | theirs if mine.get(name) != theirs.get(name)]:
            raise DataError(
                f'"{path}" is a checkpoint of another network, {odd[0]} differs: build the one that it was written with'
            )
    if saved.best_parameters and _kinds(saved.best_parameters) != _kinds(expected.parameters):
        raise ModelFileError("state.best_parameters are not those of the network")


def _check_carried(saved: Mapping[str, Array], training: Training) -> None:
    rows = len(next(iter(saved.values()), ()))
    if training.plan["batch_size"] is not None:
        rows = min(training.plan["batch_size"], training.plan["examples"])
    wanted = {name: ((rows, size), training.net.dtype) for name, size in training.net.carried.sizes.items()}
    if saved and _kinds(saved) != wanted:
        raise ModelFileError("state.carried is not what stateful layers of the network carry")


def _kinds(arrays: Mapping[str, Array]) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def _check_metrics(saved: list[list[Array]], training: Training, measures: Chosen) -> None:
    """Whether metrics can go on from what they remembered: it is of the form that one example would give."""
    if not saved:
        return
    assert training.examples is not None
    one = Measures(training.net, training.goals, measures)
    one.add(*_one_example(training))
    if len(saved) != len(one.parts):
        raise ModelFileError(f"state.metrics has {len(saved)} entries, expected {len(one.parts)}")
    for place, (parts, expected) in enumerate(zip(saved, one.parts, strict=True)):
        whole = len(expected) == 2  # all targets and predictions so far, batch by batch; else sums
        forms = [(array.ndim, array.shape[whole:], array.dtype) for array in expected]
        right = len(parts) % len(expected) == 0 and (whole or len(parts) <= 1)
        for number, array in enumerate(parts):
            right &= (array.ndim, array.shape[whole:], array.dtype) == forms[number % len(forms)]
        if whole and right:
            right = all(len(y) == len(p) for y, p in zip(parts[::2], parts[1::2], strict=True))
        if not right:
            raise ModelFileError(f"state.metrics.{place} is not what the metric remembers")
    one.parts = saved
    try:
        for _, running in one.running.values():
            if running.measure in METRICS.values():  # one of the user's own may refuse a part of an epoch
                running.result()
    except Exception as error:
        raise ModelFileError(f"state.metrics are not what the metrics remember: {error}") from error


def _one_example(training: Training) -> tuple[dict[str, Array], dict[str, Array]]:
    """The first example, and outputs of zeros for it."""
    assert training.examples is not None
    net = training.net.sized(training.examples.arrays)
    masks, outputs = net.reading().masks, {"loss": np.array(0.0)}
    for goal in training.goals:
        shape = net.output_shapes[goal.path]
        outputs[prediction_name(goal.path)] = np.zeros((1, *shape), training.net.dtype)
        outputs[loss_name(goal.path)] = np.array(0.0)
        if goal.path in masks:
            outputs[mask_name(goal.path)] = np.ones((1, shape[0]), training.net.dtype)
    return training.examples.rows(slice(0, 1)), outputs


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
            if not isinstance(place, str) or place not in tensors:
                raise ModelFileError("it lacks a tensor that it names")
            return tensors[place]
        case dict():
            return {k: _with_arrays(v, tensors) for k, v in value.items()}
        case list():
            return [_with_arrays(v, tensors) for v in value]
    return value
