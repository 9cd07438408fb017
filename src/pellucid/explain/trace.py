"""A trace: every value of one run of a network, and with targets every gradient, by path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Executable
from pellucid.errors import FormulaError, ModelFileError, PellucidError
from pellucid.explain.arithmetic import Point
from pellucid.explain.columns import Names, column_names
from pellucid.explain.curve import Curve, curve_of
from pellucid.explain.explanation import Explanation
from pellucid.explain.paths import hint, integers, split
from pellucid.explain.receptive import receptive_field
from pellucid.files import open_tensors, write_tensors
from pellucid.formula import BATCH, Program, Tensor, derivative
from pellucid.formula.expressions import ZERO
from pellucid.formula.notation.json import from_json, to_json
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.lengths import fits
from pellucid.markup import html_table
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import Examples, inputs
from pellucid.training.inputs.targets import Goal, LossLike, goals
from pellucid.training.programs import objective, training_program

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
KIND = "pellucid trace"


class Trace(Mapping[str, Array]):
    """The values of one run by path. `dense_1` is a layer's output, `dense_1.sum` the value before its activation,
    `loss` the loss, `d(dense_1.sum)` the gradient of the loss by it. A part of a value is `lstm_1.gate.forget[t=5]`,
    by the letters of its axes.
    """

    def __init__(
        self, program: Program, values: Mapping[str, Array], inputs: Sequence[str], names: Names | None = None
    ) -> None:
        self.program = program
        self.inputs = tuple(inputs)
        self.names = names or {}
        self._values: Mapping[Tensor, Array] = _ByTensor(program, values)
        self._tensors = {**program.outputs, **program.tensors}

    def __reduce__(self) -> Any:
        return Trace, (self.program, {name: self[name] for name in self.program.tensors}, self.inputs, self.names)

    def __getitem__(self, path: str) -> Array:
        whole, at = self.split(path)
        tensor = self.tensor(whole)
        return (
            self._values[tensor][tuple(at.get(place, slice(None)) for place in range(tensor.rank))]
            if at
            else self._values[tensor]
        )

    def __contains__(self, path: object) -> bool:
        """Whether `trace[path]` can be read: a part of a value, `lstm_1.state[t=2]`, is there too."""
        if not isinstance(path, str):
            return False
        try:
            return self.split(path)[0] in self._tensors
        except PellucidError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        return "\n".join(f"{path} {self[path].shape}" for path in self)

    def _repr_html_(self) -> str:
        rows = [(path, " × ".join(map(str, self[path].shape)) or "1") for path in self]
        return html_table(("value", "shape"), rows)

    def tensor(self, path: str) -> Tensor:
        """The tensor of a path.

        Raises:
            PellucidError: the run had no such value; the message names the nearest.
        """
        if path not in self._tensors:
            raise PellucidError(f'there is no value "{path}" in this run.{hint(path, self._tensors)}')
        return self._tensors[path]

    def split(self, path: str) -> tuple[str, dict[int, int]]:
        """A path without its `[t=5]`, and the places of the axes named there."""
        return split(path, self._tensors, lambda tensor: self._values[tensor].shape, self.tensor)

    @property
    def batch(self) -> int:
        """The number of examples."""
        read = self.program.inputs
        for name in self.inputs:
            if name in read:
                return len(self._values[read[name]])
        # a run whose inputs are set by hand: any value has the examples
        for tensor, array in self._values.items():
            for axis, size in zip(tensor.axes, array.shape, strict=True):
                if axis.extent is BATCH:
                    return int(size)
        return 1

    def gradient(self, path: str) -> Array:
        """The gradient of the loss with respect to a value or a parameter.

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
        path, fixed = self.split(path)
        tensor = self.tensor(path)
        array = self._values[tensor]
        place = place_of(path, tensor, array.shape, index, unit, at, time, example, fixed)
        statement = self.program.definition(tensor)
        if statement is None:
            more = f'; its gradient is "d({path})"' if f"d({path})" in self._tensors else ""
            raise PellucidError(f"{path} was given to the run, not computed in it, so it has no arithmetic{more}")
        point = Point(statement, place, self._values, self.program.names, self.batch)
        field = receptive_field(self.program, self._values, tensor, place, self.inputs)
        return Explanation(path, place, float(array[place]), point, field, self.names)

    def curve(self, path: str, index: Sequence[int], *, points: int = 201) -> Curve | None:
        """The curve on which a value lies that is a function of one number; None for all others. See `Curve`.

        Args:
            index: the whole index, the example first where the value has a batch axis.
        """
        tensor = self.tensor(path)
        statement = self.program.definition(tensor)
        if statement is None:
            return None
        return curve_of(Point(statement, tuple(index), self._values, self.program.names, self.batch), points=points)

    def plot(self, path: str, *, example: int = 0) -> Figure:
        """A value as a figure of matplotlib: kernels and feature maps as images, sequences over time, else bars.

        Args:
            path: a value, a parameter or a gradient; for a recurrent layer its own path draws all its gates.
            example: which example of the batch.
        """
        from pellucid.explain.figures import value_figure

        return value_figure(self, path, example)

    def plot_latent(self, path: str, labels: Any = None) -> Figure:
        """All examples of the batch in the plane of the two directions in which a value varies most, coloured by their
        labels.
        """
        from pellucid.explain.figures import latent_figure

        return latent_figure(self, path, labels)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a safetensors file, with its formulas: it can be explained without the network.

        Raises:
            ModelFileError: the path cannot be written.
        """
        content = {"program": to_json(self.program), "inputs": list(self.inputs)}
        write_tensors(path, KIND, content, {name: self[name] for name in self.program.tensors})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """The run of a file that `save` wrote; a value is read when it is looked at, so runs may be large.

        Raises:
            ModelFileError: no such file, truncated, foreign or damaged.
        """
        content, values = open_tensors(path, KIND)
        try:
            program, inputs = from_json(content["program"]), content["inputs"]
        except (KeyError, FormulaError) as error:
            raise ModelFileError(f'"{path}" is damaged: it has no formulas ({error})') from error
        if not isinstance(program, Program) or not isinstance(inputs, list) or set(program.tensors) != set(values):
            raise ModelFileError(f'"{path}" is damaged: its values are not those of its formulas')
        if not inputs or any(not isinstance(name, str) or name not in program.inputs for name in inputs):
            raise ModelFileError(f'"{path}" is damaged: its inputs are not those of its formulas')
        batch = values.forms[inputs[0]][0][:1]
        for name, tensor in program.tensors.items():
            shape, dtype = values.forms[name]
            expected = tuple(a.extent if isinstance(a.extent, int) else batch[0] if batch else -1 for a in tensor.axes)
            if shape != expected or dtype.kind != tensor.kind[0]:
                raise ModelFileError(
                    f'"{path}" is damaged: it holds {name} as {dtype} of shape {shape}, '
                    f"expected {tensor.kind} of shape {expected}"
                )
        return cls(program, values, inputs)

    def to_pandas(self) -> Any:
        """A table of all values: path, shape, mean, standard deviation, minimum and maximum."""
        import pandas

        rows = [(path, self[path].shape, *_statistics(self[path])) for path in self]
        return pandas.DataFrame(rows, columns=["path", "shape", "mean", "std", "min", "max"]).set_index("path")


class _ByTensor(Mapping[Tensor, Array]):
    """Values by tensor, from values by name, each looked up when it is asked for."""

    def __init__(self, program: Program, values: Mapping[str, Array]) -> None:
        self._names = {program.tensors[name]: name for name in values}
        self._values = values

    def __getitem__(self, tensor: Tensor) -> Array:
        return self._values[self._names[tensor]]

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, tensor: object) -> bool:
        return tensor in self._names


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
        optimizer: then one update of every parameter is kept too, as `dense_1.kernel′`, with the optimizer's
            slots at 0.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    x, y = as_batch(net, x, y)
    arrays = inputs(net, x)
    targets: list[Goal] = []
    if y is not None:
        targets, answers = goals(net.sized(arrays), y, loss)
        arrays = Examples({**arrays, **answers}).arrays
    return trace_examples(net, arrays, targets, optimizer=optimizer if targets else None)


def trace_examples(
    net: BaseNetwork,
    arrays: Mapping[str, Any],
    targets: Sequence[Goal] = (),
    *,
    optimizer: Optimizer | None = None,
) -> Trace:
    """`trace`, of examples that were checked before: arrays by the names of the program's inputs."""
    net = net.sized(arrays)
    run = tracing(net, targets, optimizer)
    feeds: dict[str, Any] = net.parameters.snapshot()
    if optimizer is not None:
        feeds |= {"learning_rate": optimizer.initial_rate, "step": 1, "seed": net.seed}
        feeds |= {name: np.zeros([a.size for a in t.axes]) for name, t in run.program.inputs.items() if ":" in name}
    feeds |= net.carried.feed(len(arrays[next(iter(net.input_shapes))]))
    return Trace(run.program, run.trace({**feeds, **arrays}), list(net.input_shapes), column_names(net))


def tracing(
    net: BaseNetwork, targets: Sequence[Goal] = (), rule: Optimizer | None = None, *, fused: bool = True
) -> Executable:
    """The program of a trace, compiled and kept by the network: with targets its loss and all gradients, with an
    optimizer one step of training. `fused` as for `formulas`.
    """

    def build(net: BaseNetwork) -> Program:
        if rule is not None and targets:
            return training_program(net, targets, rule)
        return Program(formulas(net, targets, fused=fused, carried=True))

    settings = None if rule is None else str({k: v for k, v in rule.config().items() if k != "learning_rate"})
    key = "trace", tuple(g.key for g in targets), settings, fused
    return net.executable(key, build)


def formulas(
    net: BaseNetwork,
    targets: Sequence[Goal] = (),
    *,
    fused: bool = True,
    carried: bool = False,
    training: bool = False,
) -> dict[str, Tensor]:
    """All values of a network by path; with targets also the loss, and its gradient with respect to every value on
    which it depends.

    Args:
        fused: whether a loss reads the sums before softmax or sigmoid, where it can.
        carried: whether stateful layers begin with the states of the batch before.
        training: whether the network is read as in training, with dropout and the batch's own statistics.
    """
    if not targets:
        forward = net.forward(training=training, carried=carried)
        return {**forward.values, **forward.outputs}
    aim = objective(net, targets, training=training, fused=fused, carried=carried)
    forward = aim.forward
    known = {**forward.inputs, **forward.parameters, **forward.values}
    wanted = {path: t for path, t in known.items() if t.kind == "float" and t is not aim.loss}
    gradients = derivative(aim.loss, dict.fromkeys(wanted.values()))
    # A value that the loss does not read (softmax's output, where the loss is fused with it) has no gradient to show.
    shown = {
        f"d({path})": g
        for path, t in wanted.items()
        if (g := gradients[t]).definition is None or g.definition.expression != ZERO
    }
    return {**forward.values, "loss": aim.loss, **shown}


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
        path: the value: a layer's output `dense_1`, its sum `dense_1.sum`, the loss, or with `y` a parameter
            `dense_1.kernel`, whose gradient is then explained (with `optimizer`, its update).
        x, y: one example and its target, or a batch.
        index: the index in the value; the example's place may be left out.
        unit, at, time: the same in words: the unit, filter or channel; row and column, or one place; the step of
            a sequence.
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


def as_batch(net: BaseNetwork, x: Any, y: Any) -> tuple[Any, Any]:
    """One example without its batch axis as a batch of one."""
    shapes = list(net.input_shapes.values())
    if isinstance(x, str):
        return [x], None if y is None else np.asarray(y)[None]
    if len(shapes) == 1 and not isinstance(x, (dict, list, tuple)) and fits(shapes[0], np.shape(x)):
        return np.asarray(x)[None], None if y is None else np.asarray(y)[None]
    return x, y


def place_of(
    path: str,
    tensor: Tensor,
    shape: tuple[int, ...],
    index: int | Sequence[int],
    unit: int | None,
    at: int | Sequence[int],
    time: int | None,
    example: int,
    fixed: Mapping[int, int],
) -> tuple[int, ...]:
    """The full index: given outright, or put together from example, time, place and unit; `fixed` is what the path
    said already.
    """
    given = integers(index, "index")
    batched = bool(tensor.axes) and not isinstance(tensor.axes[0].extent, int)
    if not given:
        steps = () if time is None else integers(time, "time")
        given = (*steps, *integers(at, "at"), *(() if unit is None else integers(unit, "unit")))
    open_places = [k for k in range(len(shape)) if k not in fixed]
    if batched and 0 not in fixed and len(given) == len(open_places) - 1:
        given = (*integers(example, "example"), *given)
    if len(given) != len(open_places):
        axes = ", ".join(f"{tensor.axes[k].name} < {shape[k]}" for k in open_places) or "none"
        raise PellucidError(
            f"{path} has the axes {axes}; give an index for each (the first may be left out for one example), "
            f"got {given}"
        )
    complete = {**fixed, **dict(zip(open_places, given, strict=True))}
    for k, (axis, extent) in enumerate(zip(tensor.axes, shape, strict=True)):
        if not -extent <= complete[k] < extent:
            raise PellucidError(f"{path} has {extent} along its axis {axis.name}, so there is no {complete[k]}")
    return tuple(int(complete[k]) % n for k, n in enumerate(shape))


def _statistics(array: Array) -> tuple[float, float, float, float]:
    return float(array.mean()), float(array.std()), float(array.min()), float(array.max())
