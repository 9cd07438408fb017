"""A trace: every value of one run of a network, and with targets every gradient, by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.errors import PellucidError, nearest
from pellucid.explain.arithmetic import Point
from pellucid.explain.explanation import Explanation
from pellucid.explain.receptive import receptive_field
from pellucid.formula import Program, Tensor, derivative
from pellucid.formula.expressions import ZERO
from pellucid.functions.updates import Optimizer
from pellucid.network import BaseNetwork
from pellucid.training.examples import Examples, inputs
from pellucid.training.steps import objective, training_program
from pellucid.training.targets import LossLike, goals

Array = NDArray[Any]


class Trace(Mapping[str, Array]):
    """The values of one run by path. `dense_1` is a layer's output, `dense_1.sum` the value before its activation, `loss` the loss,
    `d(dense_1.sum)` the gradient of the loss by it.
    """

    def __init__(self, program: Program, values: Mapping[str, Array], inputs: Sequence[str]) -> None:
        self.program = program
        self.inputs = tuple(inputs)
        self._values = {program.tensors[name]: array for name, array in values.items()}
        self._tensors = {**program.outputs, **program.tensors}

    def __getitem__(self, path: str) -> Array:
        return self._values[self.tensor(path)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return "\n".join(f"{path} {self[path].shape}" for path in self)

    def tensor(self, path: str) -> Tensor:
        """The tensor of a path.

        Raises:
            PellucidError: the run had no such value; the message names the nearest.
        """
        if path not in self._tensors:
            raise PellucidError(f'there is no value "{path}" in this run.{nearest(path, self._tensors)}')
        return self._tensors[path]

    @property
    def batch(self) -> int:
        """The number of examples."""
        return len(self._values[self.program.inputs[self.inputs[0]]])

    def gradient(self, path: str) -> Array:
        """The gradient of the loss by a value or a parameter.

        Raises:
            PellucidError: the run had no targets, or no gradient passes there.
        """
        return self[f"d({path})"]

    def explain(
        self,
        path: str,
        *,
        index: int | Sequence[int] = (),
        unit: int | None = None,
        at: int | Sequence[int] = (),
        time: int | None = None,
        example: int = 0,
    ) -> Explanation:
        """The arithmetic of one value of the run. See `explain` for the arguments."""
        tensor = self.tensor(path)
        array = self._values[tensor]
        place = _place(path, tensor, array.shape, index, unit, at, time, example)
        statement = self.program.definition(tensor)
        if statement is None:
            hint = f'; its gradient is "d({path})"' if f"d({path})" in self._tensors else ""
            raise PellucidError(f"{path} was given to the run, not computed in it, so it has no arithmetic{hint}")
        point = Point(statement, place, self._values, self.program.names, self.batch)
        field = receptive_field(self.program, self._values, tensor, place)
        return Explanation(path, place, float(array[place]), point, {name: field[name] for name in self.inputs if name in field})

    def to_pandas(self) -> Any:
        """A table of all values: path, shape, mean, standard deviation, least and largest."""
        import pandas

        rows = [(path, self[path].shape, *_statistics(self[path])) for path in self]
        return pandas.DataFrame(rows, columns=["path", "shape", "mean", "std", "min", "max"]).set_index("path")


def trace(
    net: BaseNetwork,
    x: Any,
    y: Any = None,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: Optimizer | None = None,
) -> Trace:
    """Run the network once and keep every value.

    Args:
        x: examples, or one example without a batch axis.
        y: their targets; then the loss and all gradients are kept too.
        loss: as in `fit`.
        optimizer: then one update of every parameter is kept too, as `dense_1.kernel′`, with the optimizer's slots at 0.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    x, y = _as_batch(net, x, y)
    arrays = inputs(net, x)
    feeds: dict[str, Any] = {**net.parameters}
    if y is None:
        forward = net.forward(training=False)
        program = Program({**forward.values, **forward.outputs})
    else:
        targets, answers = goals(net, y, loss)
        arrays = Examples({**arrays, **answers}).arrays
        program = _backward(net, targets)
        if optimizer is not None:
            program = training_program(net, targets, optimizer)
            feeds |= {"learning_rate": optimizer.learning_rate, "step": 1, "seed": net.seed}
            feeds |= {name: np.zeros([a.size for a in t.axes]) for name, t in program.inputs.items() if ":" in name}
    run = compile_program(program, engine=net.engine, dtype=net.dtype)
    return Trace(program, run.trace({**feeds, **arrays}), list(net.input_shapes))


def _backward(net: BaseNetwork, targets: Any) -> Program:
    """All values, the loss, and its gradient by every value on which it depends."""
    aim = objective(net, targets, training=False)
    forward = aim.forward
    known = {**forward.inputs, **forward.parameters, **forward.values}
    wanted = {path: t for path, t in known.items() if t.kind == "float" and t is not aim.loss}
    gradients = derivative(aim.loss, dict.fromkeys(wanted.values()))
    # A value that the loss does not read (softmax's output, where the loss is fused with it) has no gradient to show.
    shown = {f"d({path})": g for path, t in wanted.items() if (g := gradients[t]).definition is None or g.definition.expression != ZERO}
    return Program({**forward.values, "loss": aim.loss, **shown})


def explain(
    net: BaseNetwork,
    path: str,
    *,
    x: Any,
    y: Any = None,
    index: int | Sequence[int] = (),
    unit: int | None = None,
    at: int | Sequence[int] = (),
    time: int | None = None,
    example: int = 0,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: Optimizer | None = None,
    backward: bool = False,
) -> Explanation:
    """The arithmetic of one value of a network.

    Args:
        path: the value: a layer's output `dense_1`, its sum `dense_1.sum`, the loss, or with `y` a parameter `dense_1.kernel`, whose
            gradient is then explained (with `optimizer`, its update).
        x, y: one example and its target, or a batch.
        index: the index in the value; the example's place may be left out.
        unit, at, time: the same in words: the unit, filter or channel; row and column, or one place; the step of a sequence.
        example: which example of a batch.
        backward: explain the gradient of the loss by the value instead of the value.

    Raises:
        PellucidError: no such value, or an index outside it.
    """
    run = trace(net, x, y, loss=loss, optimizer=optimizer)
    if path in net.parameters and optimizer is not None:
        path = f"{path}′"
    elif backward or (path in net.parameters and y is not None):
        if y is None:
            raise PellucidError("a gradient needs the target too: give y")
        path = f"d({path})"
    return run.explain(path, index=index, unit=unit, at=at, time=time, example=example)


def _as_batch(net: BaseNetwork, x: Any, y: Any) -> tuple[Any, Any]:
    """One example without its batch axis as a batch of one."""
    shapes = list(net.input_shapes.values())
    if len(shapes) == 1 and not isinstance(x, (dict, list, tuple)) and np.shape(x) == shapes[0]:
        return np.asarray(x)[None], None if y is None else np.asarray(y)[None]
    return x, y


def _place(
    path: str,
    tensor: Tensor,
    shape: tuple[int, ...],
    index: int | Sequence[int],
    unit: int | None,
    at: int | Sequence[int],
    time: int | None,
    example: int,
) -> tuple[int, ...]:
    """The full index: given outright, or put together from example, time, place and unit."""
    given = (index,) if isinstance(index, (int, np.integer)) else tuple(index)
    batched = bool(tensor.axes) and not isinstance(tensor.axes[0].extent, int)
    if not given:
        middle = (at,) if isinstance(at, (int, np.integer)) else tuple(at)
        parts = [*([time] if time is not None else []), *middle, *([unit] if unit is not None else [])]
        given = tuple(int(p) for p in parts)
    if batched and len(given) == len(shape) - 1:
        given = (example, *given)
    if len(given) != len(shape):
        axes = ", ".join(f"{a.name} < {n}" for a, n in zip(tensor.axes, shape, strict=True)) or "none"
        raise PellucidError(f"{path} has the axes {axes}; give an index for each (the first may be left out for one example), but {given} came")
    for axis, place, extent in zip(tensor.axes, given, shape, strict=True):
        if not -extent <= place < extent:
            raise PellucidError(f"{path} has {extent} along its axis {axis.name}, so there is no {place}")
    return tuple(int(p) % n for p, n in zip(given, shape, strict=True))


def _statistics(array: Array) -> tuple[float, float, float, float]:
    return float(array.mean()), float(array.std()), float(array.min()), float(array.max())
