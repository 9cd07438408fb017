"""Many steps of one program, its state kept on the devices between them."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from pellucid.engines.base import Array
from pellucid.engines.processes import PART
from pellucid.engines.session import checked
from pellucid.errors import ShapeError
from pellucid.once import Lock

if TYPE_CHECKING:
    from pellucid.engines.xla.compiled import Compiled


AT_ONCE = 16
"""How many steps one call takes, where there are so many; else one. Every number of steps is compiled by itself."""


ALIGNMENT = 64
"""Bytes."""


class DeviceState(Mapping[str, Array]):
    """Arrays on the devices, by name: copied from there when they are asked for."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self.arrays = arrays
        self._copies: dict[str, Array] = {}

    def replace(self, arrays: Mapping[str, Any]) -> None:
        self.arrays.update(arrays)
        for name in arrays:
            self._copies.pop(name, None)

    def __getitem__(self, name: str) -> Array:
        if name not in self._copies:
            copy = self._copies[name] = np.array(self.arrays[name])
            copy.flags.writeable = False
        return self._copies[name]

    def __contains__(self, name: object) -> bool:
        return name in self.arrays  # a mapping's own would copy the array to see whether it is there

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)


class XlaSession:
    """See `engines/session.py`. The state's buffers are donated to every step: it is changed where it lies.

    Where there are several devices, of this process or of all that train together, every one has the whole state and
    its part of each batch, and XLA adds up what they find. A batch that cannot be divided is computed by every device.
    """

    def __init__(self, executable: Compiled, state: Mapping[str, Array]) -> None:
        from pellucid.engines.xla.compiled import lowered

        program = executable.program
        self._executable = executable
        self._lock = Lock()
        arrays = {}
        for name, array in state.items():
            if name in program.inputs:
                expected = program.inputs[name].shape
                if np.shape(array) != expected:
                    raise ShapeError(f"{name} has the shape {np.shape(array)}, expected {expected}")
                arrays[name] = np.array(array, self._kind(name))
        self._changing = [name for name in program.outputs if name in arrays]
        step = lowered(executable, program.outputs, executable.factors)

        def one(changing: Any, fixed: Any, batch: Any) -> Any:
            outputs = step({**changing, **fixed, **batch})
            return {name: outputs.pop(name) for name in self._changing}, outputs

        def steps(changing: Any, fixed: Any, given: Any, count: Any, back: tuple[str, ...]) -> Any:
            """`count` is no constant, and there is room for two steps at least: a loop that XLA knows to run once it
            would compile in another way, to other bits."""
            length = len(next(iter(given.values()))) if given else 1
            _, shapes = jax.eval_shape(one, changing, fixed, {name: array[0] for name, array in given.items()})
            results = {name: jnp.zeros((length, *of.shape), of.dtype) for name, of in shapes.items()}

            def body(number: Any, both: Any) -> Any:
                before, known = both
                now = {name: array[number] for name, array in given.items()}
                # else every element of what reads a number would look it up among those of all steps
                numbers = lax.optimization_barrier({name: array for name, array in now.items() if not array.ndim})
                after, outputs = one(before, fixed, {**now, **numbers})
                return after, {name: known[name].at[number].set(array) for name, array in outputs.items()}

            after, results = lax.fori_loop(0, count, body, (changing, results))
            return after, {**results, **{name: given[name] for name in back}}

        self._whole_batch, self._back = 0, tuple[str, ...]()
        devices = jax.devices()
        self._mesh = Mesh(np.array(devices), ("batch",)) if len(devices) > 1 else None
        with jax.enable_x64(True):
            self.state = DeviceState({name: self._put(array) for name, array in arrays.items()})
            whole = None if self._mesh is None else NamedSharding(self._mesh, PartitionSpec())
            self._steps = jax.jit(steps, donate_argnums=0, static_argnums=4, out_shardings=whole)

    def assign(self, arrays: Mapping[str, Array]) -> None:
        """Put other arrays in the state's stead."""
        with self._lock, jax.enable_x64(True):
            self.state.replace({n: self._put(np.array(a, self._kind(n))) for n, a in arrays.items()})

    def share(self, batch: int, back: Collection[str] = ()) -> slice:
        """See `engines/session.py`."""
        self._whole_batch = batch
        if PART.processes == 1 or self._mesh is None or batch % self._mesh.size:
            self._back = ()
            return slice(0, batch)
        self._back = tuple(back)
        rows = batch // PART.processes
        return slice(PART.process * rows, (PART.process + 1) * rows)

    def _put(self, array: Array) -> Any:
        """An array on every device."""
        return self._laid(array, PartitionSpec(), array.shape)

    def _laid(self, array: Array, spec: Any, shape: tuple[int, ...]) -> Any:
        if self._mesh is None:
            return jax.device_put(array)
        return jax.make_array_from_process_local_data(NamedSharding(self._mesh, spec), array, shape)

    def _numbers(self, array: Array) -> Any:
        """What is the same for all examples of a step; one device is given it with the call, which is quicker."""
        return array if self._mesh is None else self._put(array)

    def _batches(self, array: Array) -> Any:
        """Examples of some steps, (steps, examples, …), divided among the devices where that is possible."""
        if self._mesh is None:
            return array
        steps, rows, *rest = array.shape
        whole = self._whole_batch if PART.processes > 1 else rows
        spec = PartitionSpec() if whole % self._mesh.size else PartitionSpec(None, "batch")
        return self._laid(array, spec, (steps, whole, *rest))

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        from pellucid.engines.xla.compiled import no_memory

        with self._lock, jax.enable_x64(True), no_memory():
            given = checked(self._executable.program, self.state, data, rows, each or {})
            self._executable.check({**given.data, **given.each, **self._integers()})
            arrays = {n: a.astype(self._kind(n), copy=False) for n, a in {**given.data, **given.each}.items()}
            changing = {n: self.state.arrays[n] for n in self._changing}
            fixed = {n: a for n, a in self.state.arrays.items() if n not in changing}
            parts: list[tuple[int, dict[str, Any]]] = []
            done = 0
            while done < given.steps:
                count = AT_ONCE if given.steps - done >= AT_ONCE else 1
                steps = np.minimum(np.arange(done, done + max(count, 2)), given.steps - 1)
                rows = None if given.rows is None else given.rows[steps]
                batch = {n: self._batches(_of(arrays[n], rows, len(steps))) for n in given.data}
                batch |= {n: self._numbers(arrays[n][steps]) for n in given.each}
                changing, outputs = self._steps(changing, fixed, batch, np.int32(count), self._back)
                self.state.replace(changing)  # at once: what was there is given away
                for array in outputs.values():
                    array.copy_to_host_async()
                parts.append((count, outputs))
                done += count
            names = parts[0][1]
            return {name: np.concatenate([np.asarray(part[name])[:count] for count, part in parts]) for name in names}

    def _integers(self) -> dict[str, Array]:
        inputs = self._executable.program.inputs
        return {name: self.state[name] for name in self.state if inputs[name].kind == "int"}

    def _kind(self, name: str) -> Any:
        return np.int64 if self._executable.program.inputs[name].kind == "int" else self._executable.dtype


def _of(array: Array, rows: Array | None, steps: int) -> Array:
    """The examples of some steps, (steps, examples, …); all of them where no rows are chosen."""
    if rows is None:
        return np.broadcast_to(array, (steps, *array.shape))
    chosen: Array = _aligned((*rows.shape, *array.shape[1:]), array.dtype)
    np.take(array, rows, axis=0, out=chosen, mode="clip")
    return chosen


def _aligned(shape: tuple[int, ...], dtype: Any) -> Any:
    """An array that begins where XLA, on a CPU, reads it without a copy."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
