"""A Keras model as a network: Sequential and Functional models, models inside models, shared layers, masks."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from pellucid.engines import DEFAULT
from pellucid.errors import ModelFileError, PellucidError
from pellucid.interchange.keras.archive import unpacked
from pellucid.interchange.keras.compilation import read_compilation
from pellucid.interchange.keras.hdf5_weights import Weights, h5py_package
from pellucid.interchange.keras.layer_options import Options, UnsupportedError, snake
from pellucid.interchange.keras.layer_reading import FUNCTIONS, OPERATIONS, READERS, plain_name
from pellucid.interchange.keras.masked_steps import leaves_mask, loses_mask
from pellucid.interchange.keras.weight_layout import slots
from pellucid.layers.activation import Activation
from pellucid.layers.base import Input, Layer, Node
from pellucid.layers.masking import Masking
from pellucid.layers.merging import Concatenate
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.network import MAX_INPUTS, MAX_USES, BaseNetwork

N = TypeVar("N", bound=BaseNetwork)
InputShapes = Mapping[str, Sequence[int | None]]
MODELS = ("Sequential", "Functional", "Model")
MAX_DEPTH = 20
UNSEEN = -3.0e38
"""What no step is padded with: `Masking(UNSEEN)` writes zeros where the mask that comes already leaves steps out."""
_LEFT_OUT = {"mask", "training", "return_attention_scores"}
_TENSOR = "__keras_tensor__"


def read(
    path: str | os.PathLike[str], kind: type[N], *, input_shapes: InputShapes | None = None, engine: str = DEFAULT
) -> N:
    """See `pellucid.from_keras`."""
    h5py_package()
    config, content = unpacked(path)
    name = str(os.fspath(path))
    try:
        reading = _Reading(kind, dict(input_shapes or {}), engine)
        try:
            network: N = reading.network(config, "", 0)
        except _MaskLost as lost:
            if reading.masks_used:
                raise UnsupportedError(str(lost)) from None
            reading = _Reading(kind, dict(input_shapes or {}), engine, masks=False)
            network = reading.network(config, "", 0)
        if reading.input_shapes:
            unknown, known = sorted(reading.input_shapes)[0], ", ".join(network.input_shapes)
            raise PellucidError(f'input_shapes names "{unknown}", but the inputs are {known}')
        with Weights(content, name) as weights:
            reading.fill(network, weights)
        network.metadata |= read_compilation(config.get("compile_config"))
    except PellucidError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        words = " ".join(str(error).split())[:120]
        raise ModelFileError(
            f'the description of the model in "{name}" is damaged: {type(error).__name__} {words}'
        ) from None
    return network


def read_model(model: Any, kind: type[N], *, input_shapes: InputShapes | None = None, engine: str = DEFAULT) -> N:
    """The network of a Keras model in memory, which Keras writes into a file that is read."""
    if not callable(getattr(model, "save", None)) or not hasattr(model, "get_config"):
        raise PellucidError(f"from_keras takes the path of a .keras file or a Keras model, got {type(model).__name__}")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        return read(path, kind, input_shapes=input_shapes, engine=engine)


@dataclass
class _Described:
    """A layer in a file: its class, its options, and its uses, each a list of arguments."""

    kind: str
    name: str
    config: Mapping[str, Any]
    uses: list[tuple[list[Any], dict[str, Any]]]
    build: Any = None
    operation: bool = False
    group: str = ""

    @property
    def known(self) -> bool:
        if self.operation:
            return self.kind in OPERATIONS or self.kind in FUNCTIONS or self.kind == "Concatenate"
        return self.kind in READERS or self.kind in MODELS or self.kind in ("InputLayer", "Identity")


class _MaskLost(Exception):
    """A mask comes to a layer that does not know masks in Keras."""

    def __init__(self, described: _Described) -> None:
        super().__init__(
            f'the layer "{described.name}" ({described.kind}) takes steps with a mask, which Keras does not look at '
            "there and Pellucid does: do without the mask, or without this layer"
        )


@dataclass
class _Reading:
    """Layers as they are read, and where their weights lie."""

    make: Callable[..., BaseNetwork]
    input_shapes: dict[str, Sequence[int | None]]
    engine: str
    groups: dict[Layer, str] = field(default_factory=dict)
    uses: int = 0
    masks: bool = True
    """Whether steps are left out at all: not where the only layers that a mask comes to do not know masks in Keras."""
    masks_used: bool = False

    def network(self, config: Mapping[str, Any], group: str, depth: int) -> Any:
        """The network of a model's description; `group` is where its weights lie."""
        kind, inner = config.get("class_name"), config.get("config")
        if kind not in MODELS or not isinstance(inner, Mapping) or depth > MAX_DEPTH:
            got = str(kind)[:60]
            raise UnsupportedError(
                f"the model is a {got}, expected a Sequential or a Functional one: a class of one's own is Python "
                "code, which is not in the file"
            )
        chain = kind == "Sequential"
        layers = _layers(inner, group, sequential=chain)
        if chain:
            _chained(inner, layers)
            inputs, outputs = [(layers[0].name, 0)], [(layers[-1].name, 0)]
        else:
            inputs, outputs = _ends(inner)
        by_name = {layer.name: layer for layer in layers}
        order = _order(by_name, inputs, outputs)
        unknown = [by_name[name] for name, _ in order if not by_name[name].known]
        if unknown:
            raise UnsupportedError(_unknown(unknown))
        nodes: dict[tuple[str, int], Node] = {}
        made: dict[str, Layer] = {}
        masked: set[Node] = set()
        for place in order:
            described = by_name[place[0]]
            if described.kind == "InputLayer":
                nodes[place] = Input(self._shape(described), name=plain_name(described.name))
                continue
            self.uses += 1
            if self.uses > MAX_USES:
                raise ModelFileError(f"the model has more than {MAX_USES:,} uses of layers")
            self._use(described, place, nodes, made, masked, depth)
        name = plain_name(inner.get("name")) if depth else None
        return self.make(
            inputs=[nodes[p] for p in inputs],
            outputs=[nodes[p] for p in outputs],
            initialise=False,
            engine=self.engine,
            dtype=_dtype(layers),
            **({"name": name} if name else {}),
        )

    def _use(
        self,
        described: _Described,
        place: tuple[str, int],
        nodes: dict[tuple[str, int], Node],
        made: dict[str, Layer],
        masked: set[Node],
        depth: int,
    ) -> None:
        args, kwargs = described.uses[place[1]]
        taken = [nodes[p] for p in _tensors(args, kwargs)]
        if described.kind == "Identity":
            nodes[place] = taken[0]
            return
        layer = made.get(described.name)
        if layer is None:
            layer = made[described.name] = self._layer(described, depth, kwargs)
            if not described.config.get("trainable", True):
                layer.trainable = False
            self.groups[layer] = described.group + ("/layer" if described.kind == "TimeDistributed" else "")
        if isinstance(layer, MultiHeadAttention):
            taken = _attended(described.name, taken)
        node = layer(*taken)
        comes = any(t in masked for t in taken)
        if comes and loses_mask(layer):
            raise _MaskLost(described)
        self.masks_used |= comes and layer.masking == "use"
        if leaves_mask(layer, comes):
            if isinstance(layer, Bidirectional) or described.config.get("zero_output_for_mask"):
                node = Masking(UNSEEN)(node)
            masked.add(node)
        nodes[place] = node

    def _layer(self, described: _Described, depth: int, kwargs: Mapping[str, Any]) -> Layer:
        name = plain_name(described.name)
        if described.kind in MODELS and not described.operation:
            model = {"class_name": described.kind, "config": described.config}
            inner: Layer = self.network(model, described.group, depth + 1)
            return inner
        if described.operation:
            if described.kind == "Concatenate":
                given = Options(described.name, described.kind, described.config)
                given.fixed("axis", -1)
                return Concatenate(name=name)
            if described.kind in FUNCTIONS:
                return Activation(FUNCTIONS[described.kind], name=name)
            return OPERATIONS[described.kind](name=name)
        shape = described.build.get("input_shape") if isinstance(described.build, Mapping) else None
        options = Options(
            described.name, described.kind, described.config, tuple(shape) if isinstance(shape, list) else None
        )
        options.name = name or described.name
        if not self.masks and described.kind == "Embedding":
            options.values = {**options.values, "mask_zero": False}
        layer = READERS[described.kind](options)
        if kwargs.get("use_causal_mask") and isinstance(layer, MultiHeadAttention):
            return MultiHeadAttention(**{**layer.options(), "causal": True})
        return layer

    def _shape(self, described: _Described) -> tuple[int, ...]:
        """The shape of an example of an input."""
        shape = described.config.get("batch_shape") or described.config.get("batch_input_shape")
        if not isinstance(shape, list) or len(shape) < 2:
            raise ModelFileError(f'the input "{described.name}" has the shape {str(shape)[:60]}')
        wanted = self.input_shapes.pop(described.name, None)
        if wanted is not None:
            fits = len(wanted) == len(shape) and all(
                given in (None, size) for given, size in zip(shape[1:], wanted[1:], strict=True)
            )
            if not fits or wanted[0] is not None or None in wanted[1:]:
                raise PellucidError(
                    f'input_shapes["{described.name}"] is {tuple(wanted)}, expected sizes for '
                    f"{tuple(shape)}, with None for the batch in front"
                )
            shape = list(wanted)
        if any(size is None for size in shape[1:]):
            example = ", ".join("None" if k == 0 else str(s or "…") for k, s in enumerate(shape))
            raise UnsupportedError(
                f'the input "{described.name}" has the shape {tuple(shape)}, which leaves more open than the batch: '
                f'give its sizes, as in input_shapes={{"{described.name}": ({example})}}'
            )
        return tuple(shape[1:])

    # Weights

    def fill(self, network: BaseNetwork, weights: Weights) -> None:
        """Put the weights of the file into the network.

        Raises:
            ModelFileError: some are missing or have another shape than the layers.
        """
        shapes = {network.owner(path): spec.shape for path, spec in network.specs.items()}
        values: dict[tuple[Layer, str], Any] = {}
        for layer, group in self.groups.items():
            for slot in slots(layer, _keys(layer, shapes), group.lstrip("/")):
                shape = shapes[slot.layer, slot.keys[0]]
                expected = slot.expected(shape)
                array = weights.read(f"{slot.group}/{slot.index}", int(np.prod(expected)))
                if array is None:
                    raise ModelFileError(
                        f"the weights have no {slot.group}/{slot.index}, expected an array of shape {expected}"
                    )
                if array.shape != expected:
                    raise ModelFileError(
                        f"{slot.group}/{slot.index} in the weights has the shape {array.shape}, expected {expected}"
                    )
                for key, ours in zip(slot.keys, slot.to_ours(array, shape), strict=True):
                    values[slot.layer, key] = ours
        network.parameters.replace({path: values[network.owner(path)] for path in network.specs})


def _keys(layer: Layer, shapes: Mapping[tuple[Layer, str], Any]) -> list[str]:
    """The names of a layer's parameters."""
    if isinstance(layer, Bidirectional):
        both = (("forward", layer.layer), ("backward", layer.backward))
        return [f"{way}.{key}" for way, inner in both for owner, key in shapes if owner is inner]
    return [key for owner, key in shapes if owner is layer]


def _layers(inner: Mapping[str, Any], group: str, *, sequential: bool) -> list[_Described]:
    entries = inner.get("layers")
    if not isinstance(entries, list) or not entries or len(entries) > MAX_USES:
        raise ModelFileError("the model has no list of layers")
    counts: dict[str, int] = {}
    result = []
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), Mapping):
            raise ModelFileError(f"the description of a layer is damaged: {str(entry)[:80]}")
        kind, config = str(entry.get("class_name"))[:80], entry["config"]
        name = str(entry.get("name") or config.get("name") or snake(kind))[:200]
        base = snake(kind)
        counts[base] = counts.get(base, -1) + 1
        own = base if not counts[base] else f"{base}_{counts[base]}"
        operation = "ops" in str(entry.get("module")).split(".")
        uses = [] if sequential else [_arguments(name, use) for use in entry.get("inbound_nodes") or []]
        where = f"{group}/layers/{own}"
        result.append(_Described(kind, name, config, uses, entry.get("build_config"), operation, where))
    if len({layer.name for layer in result}) < len(result):
        raise ModelFileError("two layers of the model have one name")
    return result


def _arguments(name: str, use: Any) -> tuple[list[Any], dict[str, Any]]:
    if not isinstance(use, Mapping) or not isinstance(use.get("args"), list):
        raise UnsupportedError(
            f'the layer "{name}" is called in the way of Keras 2: load the model in Keras 3 and save it again'
        )
    return use["args"], dict(use.get("kwargs") or {})


def _chained(inner: Mapping[str, Any], layers: list[_Described]) -> None:
    """Give the layers of a Sequential model their uses, each of what the one before gives."""
    if layers[0].kind != "InputLayer":
        shape = inner.get("build_input_shape")
        if not isinstance(shape, list):
            raise UnsupportedError(
                "the model was not built, so the shape of its input is not in the file: call it once in Keras, or "
                "begin with keras.Input, and save it again"
            )
        layers.insert(0, _Described("InputLayer", "input", {"batch_shape": shape}, []))
    for before, layer in pairwise(layers):
        layer.uses = [([{"class_name": _TENSOR, "config": {"keras_history": [before.name, 0, 0]}}], {})]


def _ends(inner: Mapping[str, Any]) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """The inputs and the outputs of a Functional model, as (layer, use)."""
    both = []
    for key in ("input_layers", "output_layers"):
        places = list(_places(inner.get(key), 0))
        if not places:
            raise ModelFileError(f"the model has no {key}")
        both.append(places)
    return both[0], both[1]


def _places(given: Any, depth: int) -> Iterator[tuple[str, int]]:
    if isinstance(given, list) and len(given) == 3 and isinstance(given[0], str):
        yield given[0], int(given[1])
    elif isinstance(given, list | dict) and depth < MAX_DEPTH:
        for inner in given.values() if isinstance(given, dict) else given:
            yield from _places(inner, depth + 1)


def _tensors(args: Any, kwargs: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The values that a call takes, in order; masks are known without being told, and are left out."""
    found: list[tuple[str, int]] = []
    rest = {k: v for k, v in kwargs.items() if k not in _LEFT_OUT and v is not None}
    stack: list[Any] = [list(args), *(rest[k] for k in ("query", "value", "key", "initial_state") if k in rest)][::-1]
    known = {"query", "value", "key", "initial_state", "use_causal_mask"}
    if others := [k for k, v in rest.items() if k not in known and v is not False]:
        raise UnsupportedError(f"a layer is called with {str(others[0])[:60]}, which Pellucid does not have")
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack += value[::-1]
        elif isinstance(value, Mapping) and value.get("class_name") == _TENSOR:
            name, node, output = value["config"]["keras_history"]
            if output != 0:
                raise UnsupportedError(f'output {output} of the layer "{name}" is used, expected its first one alone')
            found.append((str(name), int(node)))
        elif value is not None:
            raise UnsupportedError(f"a layer is called with {str(value)[:60]}, expected values of the graph alone")
        if len(found) > MAX_INPUTS:
            raise ModelFileError(f"a layer takes more than {MAX_INPUTS} values")
    return found


def _order(
    layers: Mapping[str, _Described], inputs: Sequence[tuple[str, int]], outputs: Sequence[tuple[str, int]]
) -> list[tuple[str, int]]:
    """The uses that the outputs need, each after those that it takes.

    Raises:
        ModelFileError: the graph has a cycle, or speaks of what is not there.
    """
    order: list[tuple[str, int]] = []
    state: dict[tuple[str, int], bool] = {}
    stack = [(place, False) for place in [*inputs, *outputs][::-1]]
    while stack:
        place, finished = stack.pop()
        if finished:
            state[place] = True
            order.append(place)
            continue
        if place in state:
            if not state[place]:
                raise ModelFileError(f'the graph of the model has a cycle through the layer "{place[0]}"')
            continue
        layer = layers.get(place[0])
        if layer is None:
            raise ModelFileError(f'the graph of the model speaks of a layer "{place[0][:80]}", which is not there')
        state[place] = False
        stack.append((place, True))
        if layer.kind == "InputLayer":
            continue
        if not 0 <= place[1] < len(layer.uses):
            raise ModelFileError(f'the graph of the model speaks of use {place[1]} of the layer "{layer.name}"')
        if layer.known:
            needed = _tensors(*layer.uses[place[1]])
            if not needed:
                raise UnsupportedError(f'the layer "{layer.name}" ({layer.kind}) takes nothing')
            stack += [(p, False) for p in needed[::-1]]
        else:
            stack += [(p, False) for p in _places_of(layer.uses[place[1]])]
    return order


def _places_of(use: tuple[list[Any], dict[str, Any]]) -> list[tuple[str, int]]:
    """The values that a call of an unknown layer takes, as far as they can be seen."""
    args, _ = use
    found = []
    for value in args if isinstance(args, list) else []:
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, Mapping) and inner.get("class_name") == _TENSOR:
                name, node, _ = inner["config"]["keras_history"]
                found.append((str(name), int(node)))
    return found


def _attended(name: str, taken: list[Node]) -> list[Node]:
    """Query and value of attention; one where both are the same."""
    query, *others = taken
    if not others or len(set(others)) > 1 or len(others) > 2:
        raise UnsupportedError(
            f'the layer "{name}" (MultiHeadAttention) takes keys and values from two places, expected one'
        )
    return [query] if others[0] is query else [query, others[0]]


def _unknown(layers: Sequence[_Described]) -> str:
    """What to say of layers that are not known."""
    each = dict.fromkeys(f'"{layer.name}" ({layer.kind})' for layer in layers)
    shown = ", ".join(list(each)[:20]) + (f" and {len(each) - 20} more" if len(each) > 20 else "")
    code = any(layer.kind == "Lambda" for layer in layers)
    why = "; a Lambda holds Python code, which is not executed" if code else ""
    return f"the model has layers that Pellucid does not have: {shown}{why}"


def _dtype(layers: Sequence[_Described]) -> Any:
    """float64 where the inputs are, else float32."""
    kinds = {
        layer.config.get("dtype")
        for layer in layers
        if layer.kind == "InputLayer"
        if isinstance(layer.config.get("dtype"), str)
    }
    return np.float64 if kinds == {"float64"} else np.float32
