"""The network: layers become one program, its parameters stand by path."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pellucid.arrays import check_integer
from pellucid.carried import Carried
from pellucid.engines import DEFAULT, Executable, compile_program, engine_named, reference
from pellucid.errors import PellucidError, ShapeError
from pellucid.formula import BATCH, Program, Tensor
from pellucid.formula.derivative import postorder, reachable
from pellucid.formula.expressions import Kind, reads
from pellucid.functions.initialization import initial_values
from pellucid.functions.learning import penalties
from pellucid.layers.base import (
    Context,
    Input,
    InputLayer,
    Last,
    Layer,
    Node,
    OpenShape,
    Parameter,
    Shape,
    Stepping,
)
from pellucid.layers.dropout import stream
from pellucid.layers.windowed import channel_order
from pellucid.lengths import MAX_LENGTHS, TRIED, AnyLength, closed, fits, opened
from pellucid.messages import Message, gettext
from pellucid.once import Lock, Once, Recent
from pellucid.parameters import Parameters

if TYPE_CHECKING:  # a network of numbers needs no data
    from pellucid.data import TextVectorization

INPUT_AXES = {1: "i", 2: "ti", 3: "hwc", 4: "dhwc"}
"""The letters of an example's axes by their number: features; steps and features; height, width and channels; depth,
height, width and channels.
"""
MAX_ELEMENTS = 1 << 28
"""The maximum number of elements of a value for one example: 1 GiB in float32. A parameter may have eight times as
many.
"""
MAX_USES = 2000
"""The maximum number of uses of layers, and of values that they take, in a network from a description; those inside its
networks count as often as these are used.
"""
MAX_INPUTS = 256
"""The maximum number of values that one layer takes in a network from a description."""


@dataclass(frozen=True)
class Forward:
    """The tensors of one reading of a network, all by path.

    `values` are all named values; `updates` the new values of parameters that training changes without a gradient;
    `penalty` what the regularizers add to the loss; `random` the inputs that feed random numbers, where there are any;
    `last` how each output was made; `masks` which steps of an output are there (n,t), for outputs of sequences that a
    mask came through to; `states` what is carried along, before and after the step, where single steps are read, or a
    batch goes on from the one before.
    """

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    parameters: dict[str, Tensor]
    updates: dict[str, Tensor]
    values: dict[str, Tensor]
    penalty: Tensor | None
    random: dict[str, Tensor]
    last: dict[str, Last]
    masks: dict[str, Tensor]
    states: dict[str, tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Use:
    """One use of a layer: the path of its parameters and of its value, the values it takes, and all their shapes."""

    home: str
    path: str
    layer: Layer
    parents: tuple[str, ...]
    shapes: tuple[Shape, ...]
    shape: Shape


class BaseNetwork(Layer):
    """Layers wired to a network. It is a layer itself: part of another network, it shares its parameters with it.

    Args:
        layers: the layers of a sequential network, in order; before them a `TextVectorization`, if it takes texts.
        input_shape: the shape of one example, without the batch axis; None is an axis of any length.
        inputs, outputs: for a graph, the `Input` nodes and the nodes whose values the network gives.
        seed: the seed of all random numbers: initial values, shuffling, dropout.
        engine: which engine computes, by name.
        dtype: float32 or float64.
        name: its name, where it is part of another network.
        initialise: whether parameters get their initial values; without, all have to be assigned.
        described: whether it is made again from a description: then it is not asked whether channels stand in front.

    Raises:
        PellucidError: layers do not fit each other; the message names the layer's path and the fix.
    """

    def __init__(
        self,
        *layers: Layer | TextVectorization,
        input_shape: OpenShape | int | None = None,
        inputs: Node | Sequence[Node] | None = None,
        outputs: Node | Sequence[Node] | None = None,
        seed: int = 0,
        engine: str = DEFAULT,
        dtype: Any = np.float32,
        name: str | None = None,
        initialise: bool = True,
        described: bool = False,
    ) -> None:
        self.name = name
        super().__post_init__()
        self.seed = check_integer(seed, "seed", below=1 << 32)
        self.engine = engine_named(engine)
        self.dtype = _dtype(dtype)
        self.metadata: dict[str, Any] = {}
        if len(layers) == 1 and isinstance(layers[0], (list, tuple)):  # as Keras has it
            layers = tuple(layers[0])
        if layers and not isinstance(layers[0], Layer | Node) and hasattr(layers[0], "input_shape"):
            words, layers = layers[0], layers[1:]
            self.metadata.update(words.metadata())
            input_shape = words.input_shape if input_shape is None else input_shape
        self.input_nodes, self.output_nodes = _graph(layers, input_shape, inputs, outputs)
        self._open: dict[str, OpenShape] = {}
        self._sized = Recent(MAX_LENGTHS)
        self.uses, self._output_paths = self._wire_open()
        self.specs: dict[str, Parameter] = {}
        self._owners: dict[str, tuple[Layer, str]] = {}
        for use in self.uses:
            for key, spec in use.layer.declare(*use.shapes).items():
                path, owner = f"{use.home}.{key}", use.layer.owner(key)
                other = next((p for p, o in self._owners.items() if o == owner and p != path), None)
                if other:
                    # two gradients would each change the one array without knowing of the other
                    raise PellucidError(
                        f"{path} and {other} belong to the same layer: a layer inside a network cannot stand outside "
                        "it as well; call the network where the layer is needed again"
                    )
                if math.prod(spec.shape) > 8 * MAX_ELEMENTS:
                    raise ShapeError(_too_large(path, spec.shape, 8 * MAX_ELEMENTS))
                self.specs[path], self._owners[path] = spec, owner
        self.parameters = Parameters(self)
        self.carried = Carried(self.carries(), self.dtype)
        self._made = Once()
        self.being_trained = Lock()
        self.optimizer_memory: object = None  # what `training` keeps of an optimizer from call to call
        if initialise:
            self._initialise()
        self.forward(training=True)  # what does not fit in training shows now, not in the first step
        if not described and (mistaken := _channels_first(self.uses)):
            warnings.warn(f"{mistaken}; if that is meant, all is well", UserWarning, stacklevel=3)

    masking = "use"  # its layers do

    title = "Network"

    @property
    def kind(self) -> str:
        return "network"

    @property
    def parts(self) -> tuple[Layer, ...]:
        return self.layers if "uses" in vars(self) else ()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the order in which they run, inputs left out, each once."""
        return tuple(dict.fromkeys(u.layer for u in self.uses if not isinstance(u.layer, InputLayer)))

    @property
    def input_shapes(self) -> dict[str, tuple[Any, ...]]:
        """The shape of one example of each input, by path; None is an axis of any length."""
        return {path: self._open.get(path, shape) for path, shape in self._inputs.items()}

    @property
    def output_shapes(self) -> dict[str, tuple[Any, ...]]:
        """The shape of one example of each output, by path; None is an axis that depends on the length of an input."""
        shapes = {u.path: u.shape for u in self.uses}
        return {p: self._open.get(p, shapes[p]) for p in self._output_paths}

    @property
    def _inputs(self) -> dict[str, Shape]:
        """The shape of each input as the formulas have it."""
        return {u.path: u.shape for u in self.uses if isinstance(u.layer, InputLayer)}

    # Lengths

    @property
    def open(self) -> bool:
        """Whether it takes examples of any length."""
        return bool(self._open)

    def check_fixed(self, what: str, call: str) -> None:
        """Refuse a network of any length, or with states that go on from batch to batch, where neither can be written.

        Args:
            what: what is written, such as "an ONNX model".
            call: what writes it, such as "to_onnx(path)".

        Raises:
            PellucidError: an axis is open, or a layer is stateful.
        """
        self.check_stateless(f"{what} does not carry states from batch to batch, as stateful layers do")
        if self._open:
            example = ", ".join(str(shape) for shape in self._inputs.values())
            raise PellucidError(
                f"the network takes examples of any length, and {what} is written for one: choose it, as in "
                f"net.fixed({example}).{call}"
            )

    def check_stateless(self, why: str) -> None:
        """Refuse a network with stateful layers, and say why.

        Raises:
            PellucidError: a layer is stateful.
        """
        if self.carried.sizes:
            raise PellucidError(f"{why}: make the network without stateful=True and give it these parameters")

    @property
    def causal(self) -> bool:
        """Whether each step of its outputs is made of the same step of its inputs and of those before it alone."""
        ends = [*self.input_shapes.values(), *self.output_shapes.values()]
        inner = [layer for layer in self.layers if isinstance(layer, BaseNetwork)]
        return (
            all(shape[0] is None and None not in shape[1:] for shape in ends)
            and all(u.layer.causal for u in self.uses if not isinstance(u.layer, (InputLayer, BaseNetwork)))
            and all(layer.causal for layer in inner)
        )

    def fixed(self, *shapes: Shape) -> Self:
        """This network for examples of one shape (of several inputs, a shape each), of the same layers and parameters.

            net = pl.Network(pl.LSTM(64), pl.Dense(1), input_shape=(None, 3))
            net.fixed((20, 3)).summary()

        Raises:
            ShapeError: shapes that the network does not take.
        """
        paths = list(self._inputs)
        if len(shapes) != len(paths):
            raise ShapeError(f"the network has {len(paths)} inputs, got {len(shapes)} shapes")
        return self._of_shapes(dict(zip(paths, (tuple(map(int, s)) for s in shapes), strict=True)))

    def shape_of(self, path: str) -> OpenShape:
        """The shape of one example of the value of a use of a layer; None is an axis that depends on a length."""
        return self._open.get(path) or next(use.shape for use in self.uses if use.path == path)

    def sized(self, arrays: Mapping[str, Any]) -> Self:
        """This network for examples of the lengths that these arrays by path have; itself, if it has no open axis."""
        return self._of_shapes({path: np.shape(arrays[path])[1:] for path in self._inputs}) if self._open else self

    def closed(self) -> Self:
        """This network at the lengths at which it was written first; itself, if it has no open axis."""
        return self._of_shapes(self._inputs) if self._open else self

    def _of_shapes(self, shapes: Mapping[str, Shape]) -> Self:
        for path, shape in self.input_shapes.items():
            if not fits(shape, shapes[path]):
                raise ShapeError(f"{path} takes examples of shape {shape}, got {shapes[path]}")
        if not self._open:
            return self
        sized: Self = self._sized.get(tuple(shapes.items()), lambda: self._written_for(shapes))
        return sized

    def _written_for(self, shapes: Mapping[str, Shape]) -> Self:
        twin = copy(self)
        twin._made, twin._open = Once(), {}
        twin.uses, _ = self._wire(lambda path, _: shapes[path])
        _check_same_parameters(self.uses, twin.uses)
        return twin

    # Wiring

    def _wire_open(self) -> tuple[list[Use], tuple[str, ...]]:
        """`_wire`, where axes are open at the first lengths that are long enough; and what is open then."""
        inputs = [node.layer for node in self.input_nodes if isinstance(node.layer, InputLayer)]
        if not any(None in layer.shape for layer in inputs):
            return self._wire(_of_length(1))
        first: ShapeError | None = None
        for length in TRIED:
            try:
                uses, outputs = self._wire(_of_length(length))
            except ShapeError as error:
                first = first or error
                continue
            longer, _ = self._wire(_of_length(3 * length))
            _check_same_parameters(uses, longer)
            self._open = {
                s.path: s.layer.shape if isinstance(s.layer, InputLayer) else opened(s.shape, t.shape)
                for s, t in zip(uses, longer, strict=True)
            }
            return uses, outputs
        raise ShapeError(f"{first} (tried with {TRIED[0]} for the axes of any length)")

    def _wire(self, shape: Callable[[str, InputLayer], Shape]) -> tuple[list[Use], tuple[str, ...]]:
        """A path and a shape for every node, each after its parents; and the paths of the outputs."""
        order = _ordered(self.input_nodes, self.output_nodes)
        homes = homes_of(order)
        paths: dict[Node, str] = {}
        shapes: dict[str, Shape] = {}
        uses: list[Use] = []
        for node in order:
            home = homes[node.layer]
            again = sum(1 for earlier in paths if earlier.layer is node.layer)
            path = paths[node] = home if not again else f"{home}~{again + 1}"
            parents = tuple(paths[p] for p in node.parents)
            taken = tuple(shapes[p] for p in parents)
            if isinstance(node.layer, InputLayer):
                shapes[path] = shape(path, node.layer)
                _check_elements(home, _input(home, shapes[path]))
            else:
                try:
                    shapes[path] = _output_shape(node.layer, home, taken)
                except ShapeError as error:
                    here = Use(home, path, node.layer, parents, taken, ())
                    if mistaken := _channels_first([*uses, here]):
                        raise ShapeError(f"{error}. {mistaken}") from None
                    raise
            uses.append(Use(home, path, node.layer, parents, taken, shapes[path]))
        return uses, tuple(paths[n] for n in self.output_nodes)

    def run(self, inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
        """The value of every use by its path in this network, as formulas."""
        waiting = list(inputs)
        results: dict[str, Tensor] = {}
        for use in self.uses:
            if isinstance(use.layer, InputLayer):
                results[use.path] = waiting.pop(0)
                continue
            inner = replace(context.at(use.path, use.home), paths={})
            taken = [results[p] for p in use.parents]
            prefix = f"{use.home}."
            mine = {path.removeprefix(prefix): t for path, t in parameters.items() if path.startswith(prefix)}
            result = results[use.path] = _apply(use.layer, inner.path, taken, mine, inner)
            for tensor in inner.finish(result):
                _check_elements(inner.path, tensor)
        return results

    def forward(self, *, training: bool, single_step: bool = False, carried: bool = False) -> Forward:
        """The network as tensors, read for training or for prediction, of whole sequences or of one step of them.

        Args:
            carried: whether stateful layers begin with the states of the batch before, which are inputs then.
        """
        seed, step = Tensor.input("seed", kind="int"), Tensor.input("step", kind="int")
        inputs = {path: _input(path, shape, self._kind(path)) for path, shape in self._inputs.items()}
        stepping = None
        if single_step:
            inputs = {path: _single_step(tensor) for path, tensor in inputs.items()}
            stepping = Stepping({t for t in inputs.values() if t.axes[1].name == "t"})
        parameters = {path: Tensor.input(path, spec.axes) for path, spec in self.specs.items()}
        known = {*inputs.values(), *parameters.values(), seed, step}
        context = Context("", "", training, seed, step, known=known, stepping=stepping)
        context = replace(context, carried={} if carried else None)
        results = self.run(list(inputs.values()), parameters, context)
        outputs = {path: results[path] for path in self._output_paths}
        used = {
            r.tensor for s in reachable([*outputs.values(), *context.updates.values()]) for r in reads(s.expression)
        }
        return Forward(
            inputs,
            outputs,
            parameters,
            context.updates,
            context.values,
            penalties.total([(parameters[p], s.penalty) for p, s in self.specs.items() if s.penalty is not None]),
            {t.name: t for t in (seed, step) if t in used},
            {path: context.last.get(t, Last("linear", t)) for path, t in outputs.items()},
            {path: context.masks[t] for path, t in outputs.items() if t in context.masks},
            stepping.states if stepping else context.carried or {},
        )

    def _kind(self, path: str) -> Kind:
        """Whether an input holds reals or integers: what the layers that use it take."""
        users = [u.layer.takes(place) for u in self.uses for place, parent in enumerate(u.parents) if parent == path]
        return "int" if "int" in users else "float"

    # As a layer of another network

    def takes(self, place: int) -> Kind:
        paths = list(self._inputs)
        return self._kind(paths[place]) if place < len(paths) else "float"

    def carries(self) -> dict[str, int]:
        return {f"{use.path}.{name}": size for use in self.uses for name, size in use.layer.carries().items()}

    def reset_states(self) -> None:
        """Let stateful layers begin with states of 0 again, as they do before their first batch.

        Raises:
            PellucidError: another thread uses the states.
        """
        self.carried.reset()

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        expected = tuple(self.input_shapes.values())
        if len(shapes) != len(expected) or not all(map(fits, expected, shapes)):
            raise ShapeError(f"the network takes examples of shape {_listed(expected)}, got {_listed(shapes)}")
        return dict(self.specs)

    def owner(self, key: str) -> tuple[Layer, str]:
        return self._owners[key]

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        if len(self._output_paths) != 1:
            raise ShapeError(
                f"a network that is part of another needs one output, but this one has {len(self._output_paths)}"
            )
        return self.run(inputs, parameters, context)[self._output_paths[0]]

    # Parameters and programs

    def _initialise(self) -> None:
        """Give the parameters that have no value yet their initial values, from the network's seed and their paths."""
        missing: dict[str, Tensor] = {}
        for path, spec in self.specs.items():
            layer, key = self._owners[path]
            if key not in layer.arrays:
                begin = initial_values.initial(spec.initial)
                missing[path] = begin(
                    spec.axes, fan_in=spec.fan_in, fan_out=spec.fan_out, seed=self.seed, stream=stream(path)
                )
            elif layer.arrays[key].shape != spec.shape:
                raise ShapeError(
                    f"{path} has the shape {layer.arrays[key].shape} where its layer is used already, "
                    f"but needs {spec.shape} here"
                )
            elif layer.arrays[key].dtype != self.dtype:  # measured before the network was there
                layer.arrays[key] = layer.arrays[key].astype(self.dtype)
        if missing:
            run = reference.executable(Program(missing), np.dtype(np.float64), portable=True)
            for path, array in run({}).items():
                layer, key = self._owners[path]
                finish = initial_values.initial(self.specs[path].initial).finish
                layer.arrays[key] = (finish(array) if finish else array).astype(self.dtype)

    def executable(self, key: Hashable, build: Callable[[Any], Program], *, engine: str | None = None) -> Executable:
        """The program that `build` writes of this network, compiled by an engine, the network's own by default, and
        kept under the key; of a network of any length, a program for each length.
        """
        name = self.engine if engine is None else engine_named(engine)
        if self._open:
            return AnyLength(self, key, build, name)
        run: Executable = self.kept((key, name), lambda: compile_program(build(self), engine=name, dtype=self.dtype))
        return run

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` makes of the network's formulas, kept under the key as long as the same layers are frozen."""
        return self._made.get((key, self.parameters.frozen), make)

    def reading(self) -> Forward:
        """The network as it predicts, to be looked at; written once, since that takes longer than a small step."""
        forward: Forward = self._made.get("reading", lambda: self.forward(training=False))
        return forward

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_snapshot": self.parameters.snapshot()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # layers are copied one after the other, while another thread may train them: one moment's parameters count
        snapshot = state.pop("_snapshot")
        vars(self).update(state)
        for path, array in snapshot.items():
            layer, key = self._owners[path]
            layer.arrays[key] = array

    def __copy__(self) -> BaseNetwork:
        twin = object.__new__(type(self))  # of the same layers
        vars(twin).update(vars(self))
        return twin

    def __repr__(self) -> str:
        name = type(self).__name__
        chain = [(u.parents, u.path) for u in self.uses]
        if all(parents == (before,) for (parents, _), (_, before) in zip(chain[1:], chain, strict=False)):
            layers = [repr(u.layer) for u in self.uses[1:]]
            if len(layers) > 10:
                layers[5:-4] = [f"… {len(layers) - 9} more …"]
            return f"{name}({', '.join(layers)}, input_shape={self.input_shapes[self.uses[0].path]})"
        count = sum(math.prod(spec.shape) for spec in self.specs.values())
        return (
            f"{name}(inputs={self.input_shapes}, outputs={self.output_shapes}, {len(self.layers)} layers, "
            f"{count:,} parameters)"
        )

    # Architecture as data

    def options(self) -> dict[str, Any]:
        return self.config()

    def config(self) -> dict[str, Any]:
        """The architecture, as JSON can carry it; `restored` makes the network again, with initial values."""
        layers = list(dict.fromkeys(u.layer for u in self.uses))
        return {
            "layers": [{"class": class_name(layer), "options": layer.options()} for layer in layers],
            "uses": [{"layer": layers.index(u.layer), "path": u.path, "inputs": list(u.parents)} for u in self.uses],
            "inputs": list(self._inputs),
            "outputs": list(self._output_paths),
            "seed": self.seed,
            "dtype": self.dtype.name,
            "name": self.name,
        }

    @classmethod
    def restored(cls, options: Mapping[str, Any], *, engine: str = DEFAULT, initialise: bool = True) -> BaseNetwork:
        """The network of a `config`. Its content is checked, never executed.

        Args:
            initialise: whether parameters get their initial values; without, all have to be assigned.
        """
        try:
            check_uses(options)
            layers = [_restored_layer(cls, entry, initialise) for entry in options["layers"]]
            nodes: dict[str, Node] = {}
            for use in options["uses"]:
                nodes[str(use["path"])] = Node(layers[int(use["layer"])], tuple(nodes[str(p)] for p in use["inputs"]))
            network = cls(
                inputs=[nodes[str(p)] for p in options["inputs"]],
                outputs=[nodes[str(p)] for p in options["outputs"]],
                seed=options["seed"],
                dtype=options["dtype"],
                name=options["name"],
                engine=engine,
                initialise=initialise,
                described=True,
            )
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise PellucidError(f"the description of the network is damaged: {type(error).__name__} {error}") from None
        return network


def _dtype(dtype: Any) -> np.dtype[Any]:
    try:
        chosen: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        chosen = np.dtype(object)
    if chosen not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise PellucidError(f"dtype has to be float32 or float64, got {dtype!r}")
    return chosen


def _graph(
    layers: Sequence[Any],
    input_shape: OpenShape | int | None,
    inputs: Node | Sequence[Node] | None,
    outputs: Node | Sequence[Node] | None,
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """The input and output nodes of a graph; a sequence of layers is a graph in one line."""
    if inputs is not None or outputs is not None:
        if layers or inputs is None or outputs is None or input_shape is not None:
            raise PellucidError(
                "a graph is given by inputs and outputs alone; layers and input_shape belong to a sequential network"
            )
        starts, ends = (tuple(n) if isinstance(n, (list, tuple)) else (n,) for n in (inputs, outputs))
        if not starts or not ends or not all(isinstance(n, Node) for n in (*starts, *ends)):
            raise PellucidError("inputs and outputs are nodes: what Input(...) and calls of layers give")
        return starts, ends
    if not layers:
        raise PellucidError("a network needs at least one layer")
    first: object = layers[0]
    rest = layers
    if isinstance(first, BaseNetwork) and input_shape is None and len(first.input_shapes) == 1:
        input_shape = next(iter(first.input_shapes.values()))
    if isinstance(first, Node) and isinstance(first.layer, InputLayer) and input_shape is None:
        node, rest = first, layers[1:]
    elif input_shape is None:
        raise PellucidError(
            "a network needs input_shape, the shape of one example without the batch axis: input_shape=(784,) "
            "for a row of 784 numbers"
        )
    else:
        node = Input(input_shape)
    start = node
    for layer in rest:
        if not isinstance(layer, Layer):
            given = f"the class {layer.__name__}" if isinstance(layer, type) else type(layer).__name__
            raise PellucidError(
                f"a network is made of layers, got {given}; "
                + ("write inputs=…, outputs=…" if isinstance(layer, Node) else "write pl.Dense(10), with the brackets")
            )
        if getattr(layer, "return_state", False):
            raise PellucidError(
                f"{layer!r} gives its states beside its output, which a sequential network has no place for: call it "
                "in a graph, y, *states = layer(x), or leave return_state=True out"
            )
        node = Node(layer, (node,))
    return (start,), (node,)


def _of_length(length: int) -> Callable[[str, InputLayer], Shape]:
    """The shape of each input with this length in place of every None."""
    return lambda _, layer: closed(layer.shape, length)


def _ordered(inputs: Sequence[Node], outputs: Sequence[Node]) -> list[Node]:
    """All nodes between inputs and outputs, each after its parents."""
    inner = [n for n in postorder(outputs, lambda n: () if n in inputs else n.parents) if n not in inputs]
    if any(isinstance(node.layer, InputLayer) for node in inner):
        raise PellucidError(
            "an output depends on an Input that is not among the network's inputs; add it to inputs=[…]"
        )
    return [*dict.fromkeys(inputs), *inner]


def homes_of(order: Sequence[Node]) -> dict[Layer, str]:
    """The path of each layer: its name, or its kind and its place among its kind."""
    given = [layer.name for layer in dict.fromkeys(n.layer for n in order) if layer.name]
    double = next((name for name in given if given.count(name) > 1), None)
    if double:
        raise PellucidError(f'two layers are called "{double}"; give each a name of its own')
    counts: dict[str, int] = {}
    homes: dict[Layer, str] = {}
    for node in order:
        layer = node.layer
        if layer in homes:
            continue
        path = layer.name
        while path is None or (not layer.name and path in given):
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
            path = f"{layer.kind}_{counts[layer.kind]}"
        homes[layer] = path
    return homes


def _check_elements(path: str, tensor: Tensor) -> None:
    """Refuse a value before memory is taken for it, whoever asks for it: a person or a file from a stranger."""
    shape = tuple(a.extent for a in tensor.axes if isinstance(a.extent, int))
    if math.prod(shape) > MAX_ELEMENTS:
        raise ShapeError(_too_large(path, shape, MAX_ELEMENTS))


def _too_large(path: str, shape: Shape, limit: int) -> Message:
    return gettext(
        "{path} would hold {count:,} numbers (shape {shape}), expected at most {limit:,}: "
        "use fewer units or smaller inputs",
        path=path,
        count=math.prod(shape),
        shape=shape,
        limit=limit,
    )


def _input(name: str, shape: Shape, kind: Kind = "float") -> Tensor:
    letters = INPUT_AXES.get(len(shape)) or [f"i{number}" for number in range(1, len(shape) + 1)]
    if kind == "int" and len(shape) == 1:
        letters = "t"  # words in their order
    return Tensor.input(
        name, {"n": BATCH, **dict(zip(letters, shape, strict=True))}, kind=kind, letter="ids" if kind == "int" else "x"
    )


def _single_step(tensor: Tensor) -> Tensor:
    """The same input with one step, where it has a time axis."""
    axes = {a.name: 1 if a.name == "t" else a.extent for a in tensor.axes}
    return Tensor.input(tensor.name, axes, kind=tensor.kind, letter=tensor.letter)  # type: ignore[arg-type]


def _channels_first(uses: Sequence[Use]) -> str:
    """What to do where a window moves over an input whose channels seem to stand in front; "" if none does."""
    as_it_came: set[str] = set()
    for use in uses:
        if isinstance(use.layer, InputLayer):
            as_it_came.add(use.path)
        elif len(use.parents) == 1 and use.parents[0] in as_it_came:
            (shape,) = use.shapes
            if channel_order.moves(use.layer):
                if channel_order.looks_channels_first(use.layer, shape):
                    return channel_order.advice(use.path, use.layer, shape)
            elif use.shape == shape:
                as_it_came.add(use.path)
    return ""


def _output_shape(layer: Layer, home: str, shapes: tuple[Shape, ...]) -> Shape:
    """The shape of an example that leaves the layer, read off its formula."""
    if (given := layer.gives(*shapes)) is not None:
        return given
    inputs = [_input(f"x{number}", shape, layer.takes(number - 1)) for number, shape in enumerate(shapes, 1)]
    context = Context(home, home, False, Tensor.input("seed", kind="int"), Tensor.input("step", kind="int"))
    with _with_path(layer, home, len(shapes)):
        declared = layer.declare(*shapes)
    parameters = {key: Tensor.input(key, spec.axes) for key, spec in declared.items()}
    result = _apply(layer, home, inputs, parameters, context)
    _check_elements(home, result)
    return tuple(a.size for a in result.axes[1:])


def _apply(
    layer: Layer, path: str, inputs: Sequence[Tensor], parameters: Mapping[str, Tensor], context: Context
) -> Tensor:
    """The layer's formula; an error names the layer's path."""
    with _with_path(layer, path, len(inputs)):
        context.check_mask(layer, inputs)
        result = layer.formula(*inputs, parameters=parameters, context=context)
        if not isinstance(layer, BaseNetwork):  # the layers of a network have passed them on already
            context.pass_steps(layer, inputs, result)
        return result


@contextmanager
def _with_path(layer: Layer, path: str, inputs: int) -> Iterator[None]:
    """Put the layer's path in front of its errors.

    Raises:
        PellucidError: the layer takes another number of inputs, or refuses these.
    """
    if layer.arity is not None and inputs != layer.arity:
        if layer.arity == 1:
            text = gettext("{path}: a {kind} layer takes one input, got {count}")
        else:
            text = gettext("{path}: a {kind} layer takes {expected} inputs, got {count}")
        raise PellucidError(text.filled(path=path, kind=type(layer).__name__, expected=layer.arity, count=inputs))
    try:
        yield
    except PellucidError as error:
        raise type(error)(gettext("{head}: {text}", head=path, text=error.message)) from None
    except ValueError as error:  # of a layer of the user's: too many inputs to unpack, for one
        raise PellucidError(f"{path}: {error}") from error


def _listed(shapes: Sequence[OpenShape]) -> str:
    return " and ".join(map(str, shapes))


def _check_same_parameters(uses: Sequence[Use], longer: Sequence[Use]) -> None:
    """Refuse a network that has other parameters for other lengths.

    Raises:
        ShapeError: with the first layer that does.
    """
    for short, long in zip(uses, longer, strict=True):
        if isinstance(short.layer, InputLayer) or short.shapes == long.shapes:
            continue
        one, two = short.layer.declare(*short.shapes), long.layer.declare(*long.shapes)
        for key, spec in one.items():
            if two[key].shape != spec.shape:
                raise ShapeError(
                    f"{short.path}: a {type(short.layer).__name__} layer needs inputs of a known length: its {key} "
                    f"would have the shape {spec.shape} for inputs of shape {_listed(short.shapes)}, and "
                    f"{two[key].shape} for {_listed(long.shapes)}; give Input a length in place of None, or put a "
                    "recurrent layer or GlobalAveragePool before it"
                )


def class_name(layer: Layer) -> str:
    """What a layer is called where people and files name its class."""
    return "Network" if isinstance(layer, BaseNetwork) else type(layer).__name__


def check_uses(options: Mapping[str, Any]) -> None:
    """Refuse the description of a network that would take minutes to build.

    Raises:
        PellucidError: too many uses of layers, or too many values that one takes.
    """
    if (count := _count_uses(options)) > MAX_USES:
        raise PellucidError(f"it uses layers {count:,} times, expected at most {MAX_USES:,}")


def _count_uses(options: Mapping[str, Any]) -> int:
    """How often a description uses layers, or how many values these take where that is more."""
    each = [_count_uses(layer["options"]) if layer["class"] == "Network" else 1 for layer in options["layers"]]
    if {int(use["layer"]) for use in options["uses"]} != set(range(len(each))):
        raise PellucidError("the description of the network is damaged: it has layers that are not used")
    widest = max(len(use["inputs"]) for use in options["uses"])
    if widest > MAX_INPUTS:
        raise PellucidError(f"one of its layers takes {widest:,} values, expected at most {MAX_INPUTS}")
    return sum(max(each[int(use["layer"])], len(use["inputs"])) for use in options["uses"])


def _restored_layer(network: type[BaseNetwork], entry: Mapping[str, Any], initialise: bool) -> Layer:
    kind, options = str(entry["class"]), dict(entry["options"])
    if kind == "Network":
        return network.restored(options, initialise=initialise)
    return Layer.of(kind, options)
