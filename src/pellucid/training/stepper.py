"""A network fed one step at a time: text that is being written, measurements as they come in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import as_array, check_examples
from pellucid.engines.base import Array
from pellucid.errors import DataError, nearest
from pellucid.formula import Program, Tensor
from pellucid.network import BaseNetwork
from pellucid.once import Lock
from pellucid.training.inputs.targets import by_path


class Stepper:
    """A network fed one step at a time, which carries the states of its recurrent layers from step to step.

        step = net.stepper()
        for token in prompt:
            probabilities = step([token])

    Its formulas are the network's own, for sequences of one step, with the states as inputs and outputs: step by step
    it gives what `predict` gives for the whole sequence, and goes on for as long as one likes. Parameters are those
    that the network has at each call. Threads that share a stepper take their steps one after the other; for sequences
    of their own, each takes a stepper of its own.

    Raises:
        PellucidError: a layer needs all steps at once (it reads backwards, or mixes steps); the message names it.
    """

    def __init__(self, net: BaseNetwork) -> None:
        self._net = net
        self._lock = Lock()
        forward = net.forward(training=False, single_step=True)
        after = {path: after for path, (_, after) in forward.states.items()}
        self._run = net.closed().executable("single step", lambda _: Program({**forward.outputs, **after}))
        self._before = {path: before.name for path, (before, _) in forward.states.items()}
        self._sizes = {path: before.axes[1].size for path, (before, _) in forward.states.items()}
        self._inputs = forward.inputs
        self._outputs = forward.outputs
        self._state: dict[str, Array] = {}

    def __call__(self, x: Any) -> Any:
        """The outputs (n, …) after one more step, for several outputs a dict by path.

        Args:
            x: one step of each example: (n, features), or (n,) integers; for several inputs a dict by path. Inputs
                without a time axis are given whole.

        Raises:
            DataError: another shape, or another number of examples than the steps before.
        """
        arrays = {path: self._step_of(path, value) for path, value in by_path(x, list(self._inputs), "x").items()}
        with self._lock:
            outputs = self._advance(arrays)
        results = {path: outputs[path][:, 0] if t.rank > 2 else outputs[path] for path, t in self._outputs.items()}
        return results if len(results) > 1 else next(iter(results.values()))

    def _advance(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """One step of the program; its states are those of the next."""
        n = len(next(iter(arrays.values())))
        if not self._state:
            self._state = {path: np.zeros((n, size), self._net.dtype) for path, size in self._sizes.items()}
        if any(len(array) != n for array in self._state.values()):
            carried = len(next(iter(self._state.values())))
            raise DataError(f"x has {n} examples, but the states are those of {carried}; call reset() to begin anew")
        before = {self._before[path]: array for path, array in self._state.items()}
        outputs = self._run({**arrays, **before, **self._net.parameters.snapshot()})
        self._state = {path: outputs[path] for path in self._sizes}
        return outputs

    def __getstate__(self) -> tuple[BaseNetwork, dict[str, Array]]:
        return self._net, self.state

    def __setstate__(self, kept: tuple[BaseNetwork, dict[str, Array]]) -> None:
        self.__init__(kept[0])  # type: ignore[misc]
        self._state = kept[1]

    def reset(self) -> None:
        """Begin anew, with states of 0."""
        self._state = {}

    @property
    def state(self) -> dict[str, Array]:
        """What is carried on, by path: "lstm_1.state" and "lstm_1.cell" (n, units); nothing before the first step.

        A copy; assign it to go on from there.
        """
        return {path: array.copy() for path, array in self._state.items()}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        arrays = {path: np.array(as_array(value, what=path), self._net.dtype) for path, value in state.items()}
        for path, array in arrays.items():
            if path not in self._sizes:
                raise DataError(f'there is no state "{path}".{nearest(path, self._sizes)}')
            check_examples(array, (self._sizes[path],), what=path)
        if arrays and len(arrays) < len(self._sizes):
            missing = next(path for path in self._sizes if path not in arrays)
            raise DataError(f"{missing} is missing: the states are {', '.join(self._sizes)}")
        self._state = arrays

    def _step_of(self, path: str, value: Any) -> Array:
        tensor = self._inputs[path]
        array = as_array(value, what="x" if len(self._inputs) == 1 else f'x["{path}"]')
        if tensor.axes[1].name == "t":
            check_examples(array, _sizes(tensor)[1:])
            return array[:, None]
        check_examples(array, _sizes(tensor))
        return array


def _sizes(tensor: Tensor) -> tuple[int, ...]:
    return tuple(axis.size for axis in tensor.axes[1:])


def stepper(net: BaseNetwork) -> Stepper:
    """The network, to be fed one step at a time; see `Stepper`."""
    return Stepper(net)


def continued(
    read: Stepper, ids: Sequence[int] | NDArray[np.int64], count: int, *, temperature: float = 1.0, seed: int = 0
) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """A text gone on with, token after token, each with the probabilities (after temperature) that it was drawn from.

    The network, from a token to the probabilities of the next, reads every token once and carries its states on, so
    that it may remember more tokens than it learned from at a time. A temperature below 1 prefers the likely, 0 always
    takes the likeliest; token 0 is `<unknown>` and never taken. The number drawn at a step depends on the seed and the
    step alone.

    Raises:
        DataError: a temperature that is no finite number of at least 0.
    """
    if not 0 <= temperature < math.inf:
        raise DataError(f"temperature is {temperature!r}, expected a finite number of at least 0")
    for token in ids[:-1]:
        read([token])
    chosen = int(ids[-1])
    for step in range(count):
        p = warmed(read([chosen])[0].astype(np.float64), temperature)
        if temperature == 0:
            chosen = int(p.argmax())
        else:
            random = np.random.Generator(np.random.Philox(key=np.array([seed, step], dtype=np.uint64))).random()
            chosen = min(int(np.searchsorted(np.cumsum(p), random, side="right")), int(np.flatnonzero(p)[-1]))
        yield chosen, p


def warmed(p: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """p^(1/temperature), without token 0, brought to the sum 1; at temperature 0 all of it on the likeliest."""
    logs = np.log(np.maximum(p, 1e-30))
    logs[0] = -np.inf
    logs -= logs.max()
    with np.errstate(over="ignore"):  # a temperature close to 0
        raised = np.exp(logs / temperature) if temperature > 0 else (logs == 0).astype(np.float64)
    return np.asarray(raised / raised.sum())
