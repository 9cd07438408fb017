"""`patch`: a network run with values set by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError, PellucidError
from pellucid.explain.intervention.patched_run import PatchedRun
from pellucid.explain.intervention.plans import Kind, Plan, Spot, edge, plan_of
from pellucid.explain.trace import as_batch
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import Examples, inputs
from pellucid.training.inputs.targets import Goal, LossLike, goals

Array = NDArray[Any]
Value = float | Mapping[str, Any] | Callable[[Array], Any] | Any
HARMLESS = 1e38
"""Up to here every real number fits into float32, and nothing has to be looked at."""


def patch(
    net: BaseNetwork,
    x: Any,
    values: Mapping[str, Value],
    y: Any = None,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
) -> PatchedRun:
    """Run the network with some of its values set by hand.

    What comes before a value that is set keeps its bits, what depends on it is computed again by the same engine: a
    step of a recurrence that is set reaches the steps after it.

        run = net.patch(x[:1], {"lstm_1.gate.forget[t=5]": 1.0})

    Args:
        x: examples, or one example without a batch axis.
        values: by path. A path is a value, a parameter, an input, or with `y` a gradient `d(dense_1)`; whole, or the
            elements named in brackets by the letters of its axes (`[t=5,j=2]`; `unit`, `time` and `example` are known
            too). `dense_1 → add_1` is the value as that one layer reads it. A value is a number or an array that fits
            the elements; a function from the old value (as it is with the patches before it) to the new one; or a
            `Trace`, of another input perhaps, whose value at the path is taken.
        y: targets; then the loss and all gradients are computed too. The gradients are the same formulas read with the
            values that were set: what comes before such a value has the gradient that it would have if the network
            had computed that value.
        loss: as in `fit`.

    Returns:
        The run by path, with the run without the patch beside it: see `PatchedRun`.

    Raises:
        PellucidError: no such value, element or edge.
        DataError: examples or values of another shape.
    """
    if not isinstance(values, Mapping):
        raise PellucidError(f'patch takes values by path, as in {{"dense_1": 0.0}}, got {type(values).__name__}')
    x, y = as_batch(net, x, y)
    arrays = inputs(net, x)
    targets: list[Goal] = []
    if y is not None:
        targets, answers = goals(net, y, loss)
        arrays = Examples({**arrays, **answers}).arrays
    return patched(net, arrays, targets, values)


def patched(
    net: BaseNetwork, arrays: Mapping[str, Array], targets: list[Goal], values: Mapping[str, Value]
) -> PatchedRun:
    """`patch`, of examples that were checked before: arrays by the names of the program's inputs."""
    net.check_stateless("values are set in each example by itself, but stateful layers go on from the batch before")
    net = net.sized(arrays)
    feeds: dict[str, Array] = {**net.parameters.snapshot(), **arrays}
    n = len(next(iter(arrays.values())))
    # A loss that reads the sums before a softmax does not see its output: where that is set to something else, the loss
    # reads the output.
    ends = {path: value for path, value in values.items() if _name(path) in {goal.path for goal in targets}}
    if ends:
        others = {path: value for path, value in values.items() if path not in ends}
        plan = plan_of(net, targets, _kinds(others))
        run = plan.run({**feeds, **_fed(plan, others, feeds, n)})
        same = [
            part.path
            for spot in plan_of(net, targets, _kinds(ends), fused=False).spots
            if np.array_equal(_array(spot, ends, n, run[spot.name]), run[spot.name])
            for part in spot.parts
        ]
        values = {path: value for path, value in values.items() if path not in same}
    plan = plan_of(net, targets, _kinds(values), fused=not ends or len(same) == len(ends))
    return PatchedRun(net, plan, targets, feeds, _fed(plan, values, feeds, n), n)


def _name(path: str) -> str:
    """The value of a path, without its elements and its reader."""
    return edge(path)[0].partition("[")[0]


def _kinds(values: Mapping[str, Value]) -> dict[str, Kind]:
    def kind(value: Value) -> Kind:
        return "function" if callable(value) else "number" if isinstance(value, (int, float, np.number)) else "array"

    return {path: kind(value) for path, value in values.items()}


def _fed(plan: Plan, values: Mapping[str, Value], feeds: Mapping[str, Array], n: int) -> dict[str, Array]:
    """What the programs read besides: the values that are set, and which elements they are."""
    given: dict[str, Array] = {}
    for spot in plan.spots:
        old: Array | None = None
        if spot.old is not None:
            old = spot.old({**feeds, **given})["old"]
            old = np.broadcast_to(old, spot.shape(n))  # one row, where it is the same for all examples
        elif spot.tensor.definition is None:
            old = feeds[spot.tensor.name]  # a layer that does nothing when the network predicts has its input's
        array = _array(spot, values, n, old)
        if spot.setting is None:
            given[spot.tensor.name] = array
            continue
        given[spot.setting.given.name] = array
        if spot.setting.chosen is not None:
            given[spot.setting.chosen.name] = plan.chosen(spot, n)
    return given


def _array(spot: Spot, values: Mapping[str, Value], n: int, old: Array | None) -> Array:
    """The values of a spot: the old ones, where there are any, with the elements that are set."""
    dtype = np.int64 if spot.tensor.kind == "int" else spot.dtype
    places = spot.given_places if old is None else tuple(range(spot.tensor.rank))
    shape = spot.shape(n)
    array = np.zeros([shape[place] for place in places], dtype) if old is None else np.array(old, dtype)
    for part in spot.parts:
        value, at = values[part.path], tuple(part.at[place] for place in places)
        try:
            here = array[at]
            if callable(value):
                value = value(np.array(here))
            elif isinstance(value, Mapping):
                value = _of_trace(value, spot, part.path, n)[at]
            array[at] = _numbers(value, array.dtype, part.path)
        except IndexError:
            raise DataError(f"{part.path} names an example that is not there: x has {n}") from None
        except PellucidError:
            raise
        except (TypeError, ValueError):
            raise DataError(
                f"{part.path} takes a number or an array of shape {here.shape}, got "
                f"{f'shape {np.shape(value)}' if isinstance(value, np.ndarray) else repr(value)}"
            ) from None
    return array


def _numbers(value: Any, dtype: np.dtype[Any], path: str) -> Array:
    """What is set, as numbers that the value can hold: no fraction of an index, nothing beyond the dtype's range.

    Raises:
        TypeError, ValueError: it is no number and no array.
        DataError: the value cannot hold it.
    """
    given = np.asarray(value)
    if given.dtype.kind not in "biuf":
        raise TypeError
    if given.dtype == dtype or (dtype.kind == "f" and not given.ndim and abs(float(given)) < HARMLESS):
        return given
    with np.errstate(over="ignore", invalid="ignore"):
        kept = given.astype(dtype)
        lost = kept != given if dtype.kind == "i" else np.isfinite(given) & ~np.isfinite(kept)
    if lost.any():
        number = given[lost].flat[0]
        kind = "integers" if dtype.kind == "i" else f"numbers that fit into {dtype}"
        raise DataError(f"{path} takes {kind}, got {number:g}")
    return kept


def _of_trace(run: Mapping[str, Any], spot: Spot, path: str, n: int) -> Array:
    """The value of another run."""
    if spot.name not in run:
        raise PellucidError(f"{path} is to be taken from a run that has no value {spot.name}")
    array, expected = np.asarray(run[spot.name]), spot.shape(n)
    if array.shape != expected and array.shape != spot.shape(1):
        raise DataError(f"the run for {path} has {spot.name} of shape {array.shape}, expected {expected}")
    return np.broadcast_to(array, expected)
