"""A PyTorch module as a network: its exported graph, node by node."""

from __future__ import annotations

import operator as python_operator
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

import pellucid.interchange.pytorch.attention_reading  # noqa: F401 - it registers its operator
from pellucid.errors import PellucidError
from pellucid.interchange.pytorch.aten_layers import HANDLERS, of, operator, same_shape
from pellucid.interchange.pytorch.exported_graph import exported
from pellucid.interchange.pytorch.graph_values import Array, Constant, Size, States, Value, Zeros, in_order
from pellucid.interchange.pytorch.recurrent_reading import OtherBatch
from pellucid.interchange.pytorch.torch_package import UnsupportedError, torch_package
from pellucid.layers.base import Input, Layer, Node
from pellucid.layers.masking import Masking
from pellucid.layers.reshape import Reshape
from pellucid.network import BaseNetwork

N = TypeVar("N", bound=BaseNetwork)
UNSEEN = -3.0e38
"""What no step is padded with: `Masking(UNSEEN)` writes zeros where the mask that comes already leaves steps out."""
_SIZES = ("sym_size", "sym_numel")
_IGNORED = ("_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size", "_assert_async")
_COUNTS = {"mul": lambda a, b: Size(a.times * b if isinstance(a, Size) else a * b.times)}


class _Again(Exception):
    """Steps are left out which were not known to be; the names of the inputs whose zeros are padding."""


def read(module: Any, example: Any, kind: type[N], *, channels_last: bool, engine: str) -> N:
    """See `pellucid.from_torch`."""
    torch = torch_package()
    if not isinstance(module, torch.nn.Module):
        raise PellucidError(f"from_torch takes an nn.Module, got {type(module).__name__}")
    examples = tuple(_tensor(torch, e) for e in (example if isinstance(example, (tuple, list)) else (example,)))
    for axis in (0, 1):
        if any(e.dim() <= axis for e in examples):
            break
        program = exported(module, examples, axis)
        padded: set[str] = set()
        for _ in range(len(examples) + 1):
            reading = Reading(program, padded, axis, channels_last)
            try:
                return reading.network(kind, engine, list(module.parameters()))
            except _Again as again:
                padded = padded | set(again.args)
            except OtherBatch:
                break
    raise UnsupportedError("the batch is neither the first nor the second axis of all examples")


def _tensor(torch: Any, example: Any) -> Any:
    if isinstance(example, torch.Tensor):
        return example
    try:
        return torch.as_tensor(np.asarray(example))
    except (TypeError, ValueError, RuntimeError):
        raise PellucidError(
            f"example is {type(example).__name__}, expected what the module takes: a tensor, or a tuple of tensors"
        ) from None


@dataclass
class Reading:
    """The layers of a graph as they come."""

    program: Any
    padded: set[str]
    axis: int
    channels_last: bool
    env: dict[Any, Any] = field(default_factory=dict)
    layers: dict[Any, Layer] = field(default_factory=dict)
    arrays: dict[Layer, dict[str, Array]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    inputs: dict[str, Node] = field(default_factory=dict)
    frozen: dict[Layer, bool] = field(default_factory=dict)

    def network(self, kind: type[N], engine: str, parameters: Sequence[Any]) -> N:
        graph = self.program.graph
        signature = self.program.graph_signature
        state = {**dict(self.program.state_dict), **dict(self.program.constants)}
        sources = {s.arg.name: s for s in signature.input_specs}
        self._refuse_unknown(graph)
        outputs: list[Value] = []
        for node in graph.nodes:
            if node.op == "placeholder":
                self.env[node] = self._given(node, sources[node.name], state)
            elif node.op == "get_attr":
                self.env[node] = Constant(getattr(self.program.graph_module, node.target))
            elif node.op == "call_function":
                self.env[node] = self._called(node)
            elif node.op == "output":
                outputs = [self._output(self.env[n]) for n in node.args[0] if n is not None]
        double = any(p.dtype == torch_package().float64 for p in parameters)
        network = kind(
            inputs=list(self.inputs.values()),
            outputs=[v.node for v in outputs],
            engine=engine,
            dtype=np.float64 if double else np.float32,
            initialise=False,
        )
        owners = {network.owner(path): path for path in network.specs}
        network.parameters.replace({path: self.arrays[layer][key] for (layer, key), path in owners.items()})
        for layer, frozen in self.frozen.items():
            if frozen:
                layer.trainable = False
        return network

    def _refuse_unknown(self, graph: Any) -> None:
        """List all operators that are not known, unless they do not depend on the inputs."""
        waits: set[Any] = set()
        unknown: list[str] = []
        sources = {s.arg.name: s.kind.name for s in self.program.graph_signature.input_specs}
        for node in graph.nodes:
            if node.op == "placeholder":
                if sources.get(node.name) == "USER_INPUT":
                    waits.add(node)
            elif node.op == "call_function" and any(n in waits for n in node.all_input_nodes):
                waits.add(node)
                name = _name(node.target)
                if name not in HANDLERS and name not in _KNOWN:
                    unknown.append(f"{name} ({_module(node)})" if _module(node) else name)
        if unknown:
            raise UnsupportedError(
                f"the module has operators that Pellucid does not have: {', '.join(dict.fromkeys(unknown))}"
            )

    def _given(self, node: Any, source: Any, state: dict[str, Any]) -> Any:
        if source.kind.name != "USER_INPUT":
            tensor = state[source.target]
            return Constant(tensor, source.kind.name == "PARAMETER" and bool(tensor.requires_grad), source.target)
        tensor = node.meta.get("val")
        if not hasattr(tensor, "shape"):
            raise UnsupportedError(f"the input {node.name} is no tensor")
        shape = self._shape(tensor)
        if shape.count(-1) != 1:  # the module depends on the size of this axis
            raise OtherBatch
        batch = shape.index(-1)
        name = re.sub(r"\W", "_", node.name).strip("_")
        whole = not tensor.dtype.is_floating_point
        axes = (batch, *(a for a in range(len(shape)) if a != batch))
        if self.channels_last and len(shape) > 3 and batch == 0:
            axes = (0, *range(2, len(shape)), 1)
        example = tuple(shape[a] for a in axes[1:])
        self.inputs[name] = Input(example, name=name if name.isidentifier() and name[0] != "_" else None)
        return Value(self.inputs[name], shape, axes, tokens=name if whole else "")

    def _shape(self, tensor: Any) -> tuple[int, ...]:
        """The shape of a tensor in the graph; −1 is the batch."""
        return tuple(s if isinstance(s, int) else -1 if str(s).isidentifier() else -2 for s in tensor.shape)

    def _called(self, node: Any) -> Any:
        torch = torch_package()
        name = _name(node.target)
        args, kwargs = (_resolved(given, self.env) for given in (node.args, dict(node.kwargs)))
        if node.target is python_operator.getitem:
            result = args[0][args[1]] if isinstance(args[0], (list, tuple)) else None
            return result
        if name in _IGNORED:
            return None
        if name in _SIZES:
            value = node.meta.get("val")
            return int(value) if isinstance(value, int) else Size()
        if any(isinstance(a, Size) for a in _flat(args)):
            if name in ("zeros", "full", "zeros_like", "new_zeros") or (name == "full" and args[1] == 0):
                return Zeros()
            if name in _COUNTS:
                return _COUNTS[name](*args)
        waits = [a for a in _flat([args, kwargs]) if isinstance(a, (Value, States, Zeros))]
        if not waits:
            return self._folded(torch, node, args, kwargs)
        handler = HANDLERS.get(name)
        if handler is None:
            raise UnsupportedError(f"the module has an operator that Pellucid does not have: {name}")
        value = node.meta.get("val")
        shape = self._shape(value) if hasattr(value, "shape") else ()
        made = Made(self, node, name.strip("_") if name.startswith("_softmax") else name, shape)
        try:
            return handler(made, *args, **{k: v for k, v in kwargs.items() if k not in ("dtype", "layout", "device")})
        except UnsupportedError as error:
            where = f" in {_module(node)}" if _module(node) else ""
            raise UnsupportedError(f"{name}{where}: {error}") from None
        except TypeError as error:
            raise UnsupportedError(f"{name}: called in a way that is not known ({str(error)[:80]})") from None

    def _folded(self, torch: Any, node: Any, args: Any, kwargs: Any) -> Any:
        """What does not depend on the inputs, computed."""
        constants = [a for a in _flat([args, kwargs]) if isinstance(a, Constant)]
        with torch.no_grad():
            result = node.target(*_opened(args), **_opened(kwargs))
        if not isinstance(result, torch.Tensor):
            return result
        trained = any(c.trained for c in constants)
        named = "+".join(c.name for c in constants if c.name)
        return Constant(result, trained, named)

    def _output(self, value: Any) -> Value:
        if not isinstance(value, Value):
            raise UnsupportedError(
                "an output that does not depend on the inputs, or that is all states of a recurrent layer at once: "
                "give one of them, as in h[-1]"
            )
        if value.columns is not None:
            raise UnsupportedError("an output that is an image as a row")
        if value.rank > 3 and value.batch == 0 and self.channels_last:
            return in_order(value, (0, *range(2, value.rank), 1))
        return in_order(value, value.plain)

    def name_of(self, weight: Constant | None) -> str | None:
        """A layer's name, from that of a weight."""
        if weight is None or not weight.name:
            return None
        text = re.sub(r"\W+", "_", weight.name.split("+")[0].rpartition(".")[0]).strip("_")
        text = f"layer_{text}" if text[:1].isdigit() else text
        if not text:
            return None
        name, count = text, 1
        while name in self.names:
            count += 1
            name = f"{text}_{count}"
        self.names.add(name)
        return name


@dataclass
class Made:
    """What a handler asks of the reading: the node that it reads, and the shape of what that gives."""

    reading: Reading
    node: Any
    name: str
    shape: tuple[int, ...]

    def layer(self, kind: Any, weight: Constant | None, *args: Any, **options: Any) -> Any:
        """The layer that has this weight; a new one where there is none yet."""
        key = (kind, weight.name if weight is not None and weight.name else id(self.node), args, tuple(options.items()))
        if key not in self.reading.layers:
            self.reading.layers[key] = kind(*args, name=self.reading.name_of(weight), **options)
        return self.reading.layers[key]

    def weights(self, layer: Any, **parts: Any) -> None:
        """The arrays of a layer, each with the constant that it comes from."""
        given = {key: part for key, part in parts.items() if part[0] is not None}
        self.reading.arrays.setdefault(layer, {}).update({key: array for key, (_, array) in given.items()})
        trained = [source.trained for key, (source, _) in given.items() if key not in ("mean", "variance")]
        self.reading.frozen[layer] = bool(trained) and not any(trained)

    def only_rows(self) -> bool:
        """Whether what is given is a row that only goes into layers which take its columns in any order."""
        stack, seen = [self.node], set()
        while stack:
            for user in stack.pop().users:
                if user in seen:
                    continue
                seen.add(user)
                name = _name(user.target) if user.op == "call_function" else ""
                if name in _KEEP_COLUMNS:
                    stack.append(user)
                elif name != "linear":
                    return False
        return True

    # Recurrent layers

    def sequence_wanted(self, directions: int) -> bool:
        """Whether a recurrent layer's whole sequence is used, or its last step alone."""
        for user in self.node.users:
            if user.target is python_operator.getitem and user.args[1] == 0:
                return bool(user.users)
        return False

    def leaves_out(self, tokens: str) -> bool:
        """Whether an input's zeros are padding."""
        return tokens in self.reading.padded

    def leave_out(self, tokens: str) -> None:
        """Read again with an input's zeros as padding, unless they are that already."""
        if tokens not in self.reading.padded:
            raise _Again(tokens)

    def state(self, states: States, axis: int, index: int) -> Value:
        """One of the last states, (n, units)."""
        if axis not in (0, -3):
            raise UnsupportedError("it takes the last states of some examples")
        total = states.directions * (len(states.sequences) + (states.last is not None))
        number, direction = divmod(index % total, states.directions)
        if index not in states.kept:
            states.kept[index] = self._state(states, number, direction)
        return states.kept[index]

    def _state(self, states: States, number: int, direction: int) -> Value:
        shape = (-1, states.units)
        if number == len(states.sequences) and states.last is not None:
            node = states.last.node
            if states.directions == 2:
                begin = direction * states.units
                node = operator("Slice", [node, [begin], [begin + states.units], [1]])
            return Value(node, shape, (0, 1), masked=False)
        x = states.sequences[number]
        if x.masked:
            raise UnsupportedError("both the sequence and the last states of steps of which some are left out")
        steps = x.example[0]
        node = operator("Gather", [x.node, np.asarray(0 if direction else steps - 1)], axis=1)
        if states.directions == 2:
            begin = direction * states.units
            node = operator("Slice", [node, [begin], [begin + states.units], [1]])
        return Value(node, shape, (0, 1))

    def states_joined(self, values: Sequence[Any], axis: int) -> Value | None:
        """Both directions' last states of the last layer beside each other: what a bidirectional layer gives."""
        for states in (v for v in self.reading.env.values() if isinstance(v, States)):
            if states.last is None or states.directions != 2 or len(values) != 2 or axis not in (1, -1):
                continue
            last = 2 * len(states.sequences)
            pair = [self._index(states, v) for v in values]
            if pair == [last, last + 1]:
                return states.last
        return None

    def _index(self, states: States, value: Any) -> int | None:
        total = states.directions * (len(states.sequences) + (states.last is not None))
        return next((index % total for index, kept in states.kept.items() if kept is value), None)

    def states_sliced(self, states: States, axis: int, start: Any, end: Any, step: int) -> Any:
        if axis == 0 and start in (0, None) and (end is None or end >= (1 << 62)) and step == 1:
            return states
        total = states.directions * (len(states.sequences) + (states.last is not None))
        begin, stop, _ = slice(start, end, step).indices(total)
        if axis != 0 or stop - begin != 1:
            raise UnsupportedError("it takes several last states at once: take them one by one, as in h[-1]")
        value = self.state(states, 0, begin)
        return Value(Reshape((1, states.units))(value.node), (1, -1, states.units), (1, 0, 2))

    def states_reshaped(self, states: States) -> Value:
        if self.shape != (-1, states.units):
            raise UnsupportedError("it gives another shape to several last states: take them one by one, as in h[-1]")
        return self.state(states, 0, 0)


@of("steps")
def _steps(made: Made, x: Value, lengths: Any, batch_first: bool) -> Value:
    if not isinstance(lengths, Value) or lengths.mark != "lengths":
        raise UnsupportedError(
            "pack_padded_sequence with lengths from elsewhere, expected those of the tokens: (tokens != 0).sum(1)"
        )
    made.leave_out(lengths.tokens)
    if not x.masked:
        raise UnsupportedError("pack_padded_sequence of what does not come from an embedding of these tokens")
    return x


@of("zeroed")
def _zeroed(made: Made, x: Value) -> Value:
    return same_shape(x, Masking(UNSEEN)(x.node))


_KEEP_COLUMNS = {
    *("relu", "sigmoid", "tanh", "softplus", "silu", "selu", "mish", "gelu", "leaky_relu", "elu", "dropout"),
    *("hardsigmoid", "batch_norm", "contiguous", "clone", "detach", "alias"),
}
_KNOWN = {*_SIZES, *_IGNORED, *_COUNTS, "getitem", "zeros", "full", "new_zeros", "zeros_like"}


def _name(target: Any) -> str:
    """An operator's name without its namespace and overload; in-place ones as the others."""
    name = getattr(target, "__name__", str(target))
    packet = getattr(target, "overloadpacket", None)
    name = str(getattr(packet, "__name__", name)).split(".")[0]
    return name.rstrip("_") if not name.startswith("_") else name


def _module(node: Any) -> str:
    """The path of the module that a node comes from."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def _resolved(given: Any, env: dict[Any, Any]) -> Any:
    if isinstance(given, (list, tuple)):
        return (
            type(given)(_resolved(g, env) for g in given)
            if type(given) in (list, tuple)
            else [_resolved(g, env) for g in given]
        )
    if isinstance(given, dict):
        return {k: _resolved(v, env) for k, v in given.items()}
    try:
        return env.get(given, given)
    except TypeError:
        return given


def _flat(given: Any) -> list[Any]:
    if isinstance(given, (list, tuple)):
        return [inner for g in given for inner in _flat(g)]
    if isinstance(given, dict):
        return _flat(list(given.values()))
    return [given]


def _opened(given: Any) -> Any:
    if isinstance(given, (list, tuple)):
        return type(given)(_opened(g) for g in given)
    if isinstance(given, dict):
        return {k: _opened(v) for k, v in given.items()}
    return given.tensor if isinstance(given, Constant) else given
