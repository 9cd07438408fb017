"""Sessions: many steps of one program, its state kept between them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

import numpy as np

from pellucid.engines.base import Array, Executable, check_shape, real_or_integer
from pellucid.errors import ShapeError, nearest
from pellucid.formula.axes import BATCH
from pellucid.formula.program import Program
from pellucid.once import Lock


class Session(Protocol):
    """A program whose outputs of an input's name are that input's next value. Steps are taken one after the other, also
    where several threads ask for them.
    """

    @property
    def state(self) -> Mapping[str, Array]:
        """The arrays as they are now, by name. They are the session's own; a step may change them in place or put new
        ones in their stead.
        """

    def assign(self, arrays: Mapping[str, Array]) -> None:
        """Give arrays of the state other values, which is how a step is undone."""

    def share(self, batch: int, back: Collection[str] = ()) -> slice:
        """Which of a step's examples this process gives to the next `run`. Where that is a part of them, `run` gives
        the inputs called `back` of all examples back, among the outputs.
        """

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Steps, one after the other.

        Args:
            data: the inputs with a batch axis, by name: all examples.
            rows: (steps, batch) integers: which examples each step takes. Without it there is one step, of all.
            each: the other inputs that are not state, by name: a value for each step, along the first axis.

        Returns:
            The outputs that are not state, a value for each step along the first axis.

        Raises:
            ShapeError: an input is missing, or has another shape, length or kind of number than the others ask for.
        """


class PlainSession:
    """A session that calls its executable once a step."""

    def __init__(self, executable: Executable, state: Mapping[str, Array]) -> None:
        self._executable = executable
        self._lock = Lock()
        self.state: dict[str, Array] = {name: np.array(array) for name, array in state.items()}

    def share(self, batch: int, back: Collection[str] = ()) -> slice:
        """All of them: there is no other process."""
        return slice(0, batch)

    def assign(self, arrays: Mapping[str, Array]) -> None:
        with self._lock:
            for name, array in arrays.items():
                self.state[name][...] = array

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        with self._lock:
            given = checked(self._executable.program, self.state, data, rows, each or {})
            results: dict[str, list[Array]] = {}
            for step in range(given.steps):
                examples = {n: a if given.rows is None else a[given.rows[step]] for n, a in given.data.items()}
                outputs = self._executable({**examples, **self.state, **{n: a[step] for n, a in given.each.items()}})
                for name, array in outputs.items():
                    if name in self.state:
                        self.state[name] = array
                    else:
                        results.setdefault(name, []).append(array)
            return {name: np.stack(arrays) for name, arrays in results.items()}


class Given:
    """What a session's call was given, checked: arrays with a batch axis, arrays with a value for each step, the rows
    that each step takes, how many steps there are and of how many examples."""

    def __init__(self, data: dict[str, Array], each: dict[str, Array], rows: Array | None, examples: int) -> None:
        self.data, self.each, self.rows = data, each, rows
        self.steps, self.examples = (1, max(examples, 1)) if rows is None else rows.shape


def checked(
    program: Program, state: Mapping[str, Array], data: Mapping[str, Any], rows: Any, each: Mapping[str, Any]
) -> Given:
    """The inputs of a session's call, each checked: native code reads without a check of its own.

    Raises:
        ShapeError: see `Session.run`.
    """
    arrays: dict[bool, dict[str, Array]] = {True: {}, False: {}}
    total: tuple[int, str] | None = None
    for name, tensor in program.inputs.items():
        if name in state:
            continue
        of_batch = bool(tensor.axes) and tensor.axes[0].extent is BATCH
        source, what = (data, "data") if of_batch else (each, "each")
        if name not in source:
            raise ShapeError(f"{what} holds {', '.join(source) or 'nothing'}, expected {name}.{nearest(name, source)}")
        array = arrays[of_batch][name] = real_or_integer(name, tensor, source[name])
        if of_batch:
            total = check_shape(name, tensor, array.shape, total)
    whole = np.asarray(rows) if rows is not None else None
    if whole is not None:
        whole = _rows(whole, total)
    steps = 1 if whole is None else len(whole)
    for name, array in arrays[False].items():
        shape = program.inputs[name].shape
        if array.shape[1:] != shape or not array.ndim or len(array) != steps:
            raise ShapeError(f"{name} has the shape {array.shape}, expected {(steps, *shape)}: a value for each step")
    return Given(arrays[True], arrays[False], whole, 1 if total is None else total[0])


def _rows(rows: Array, total: tuple[int, str] | None) -> Array:
    if rows.ndim != 2 or rows.dtype.kind not in "iu" or not rows.size:
        raise ShapeError(f"rows has the shape {rows.shape} of {rows.dtype}, expected integers of shape (steps, batch)")
    if total is not None and (rows.min() < 0 or rows.max() >= total[0]):
        raise ShapeError(f"rows go from {rows.min()} to {rows.max()}, but {total[1]} has {total[0]} examples")
    return np.ascontiguousarray(rows, dtype=np.int64)
