"""What every engine gives, and the check of the arrays that come in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import ShapeError, nearest
from pellucid.formula.axes import BATCH
from pellucid.formula.expressions import Tensor
from pellucid.formula.program import Program

if TYPE_CHECKING:
    from pellucid.engines.session import Session

Array = NDArray[Any]
Dtype = np.dtype[np.floating]


class Executable(Protocol):
    """A program that can run. It changes none of its inputs, and what it returns shares no memory with
    them.
    """

    @property
    def program(self) -> Program:
        """What it computes."""

    def __call__(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The program's outputs by name; inputs that the program does not read are ignored."""

    def trace(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Every tensor of the program by name, in the program's order."""

    def session(self, state: Mapping[str, Array]) -> Session:
        """Many steps, with `state`, inputs that the outputs of their names replace, kept between them."""


def bind(program: Program, inputs: Mapping[str, Array], dtype: Dtype) -> tuple[dict[Tensor, Array], int]:
    """The arrays of the program's inputs, in the engine's dtypes, and the extent of the batch axis (1 where
    there is none).

    Raises:
        ShapeError: an input is missing, has another rank, extent or kind, or two disagree about the batch.
    """
    missing = [name for name in program.inputs if name not in inputs]
    if missing:
        given = ", ".join(inputs) or "nothing"
        raise ShapeError(f"the program needs {', '.join(missing)}, got only {given}.{nearest(missing[0], inputs)}")
    arrays: dict[Tensor, Array] = {}
    batch: tuple[int, str] | None = None
    for name, tensor in program.inputs.items():
        array = arrays[tensor] = real_or_integer(name, tensor, inputs[name])
        batch = check_shape(name, tensor, array.shape, batch)
        arrays[tensor] = np.asarray(array, dtype=np.int64 if tensor.kind == "int" else dtype)
    return arrays, 1 if batch is None else batch[0]


def real_or_integer(name: str, tensor: Tensor, value: object) -> Array:
    """An array of the kind of number that the input takes.

    Raises:
        ShapeError: it holds another kind.
    """
    array = np.asarray(value)
    if tensor.kind == "int":
        if array.dtype.kind not in "iub":
            raise ShapeError(f"{name} holds integers, got an array of {array.dtype}; convert it with astype(int)")
    elif array.dtype.kind not in "iubf":
        raise ShapeError(f"{name} holds real numbers, got an array of {array.dtype}")
    return array


def check_shape(
    name: str, tensor: Tensor, shape: tuple[int, ...], batch: tuple[int, str] | None
) -> tuple[int, str] | None:
    """Look at the rank and the extents of an input.

    Args:
        batch: the extent of the batch and the input that it is from, where one has it.

    Returns:
        The same after this input.

    Raises:
        ShapeError: the rank or an extent is another, or the batch is empty.
    """
    if len(shape) != tensor.rank:
        axes = f" ({', '.join(a.name for a in tensor.axes)})" if tensor.axes else ""
        raise ShapeError(f"{name} has {tensor.rank} axes{axes}, got an array of shape {shape}")
    for axis, extent in zip(tensor.axes, shape, strict=True):
        if axis.extent is not BATCH:
            if extent != axis.extent:
                raise ShapeError(f"axis {axis.name} of {name} is {axis.extent}, got {extent}, in shape {shape}")
        elif extent < 1:
            raise ShapeError(f"axis {axis.name} of {name} is empty; a batch needs at least one example")
        elif batch is None:
            batch = extent, name
        elif extent != batch[0]:
            raise ShapeError(f"the batch is {batch[0]} in {batch[1]} but {extent} along axis {axis.name} of {name}")
    return batch
