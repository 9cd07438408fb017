"""A network as a `.keras` file: a Sequential model where it is a chain, else a Functional one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pellucid.files import replacing
from pellucid.interchange.keras.archive import CONFIG, METADATA, packed
from pellucid.interchange.keras.hdf5_weights import h5py_package
from pellucid.interchange.keras.hdf5_weights import written as hdf5
from pellucid.interchange.keras.layer_options import snake
from pellucid.interchange.keras.layer_writing import UnwritableError, Written, written
from pellucid.interchange.keras.masked_steps import leaves_mask, loses_mask
from pellucid.interchange.keras.model_reading import UNSEEN
from pellucid.interchange.keras.weight_layout import other_arrays, slots
from pellucid.layers.base import InputLayer, Layer, Shape
from pellucid.layers.masking import Masking
from pellucid.layers.merging import _Merging
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.network import BaseNetwork

Array = NDArray[Any]
VERSION: Final = "3.15.1"
"""The version of Keras whose form the files have."""


def write(net: BaseNetwork, path: str | os.PathLike[str]) -> None:
    """See `pellucid.interchange.keras.to_keras`."""
    h5py_package()
    net.check_fixed("a Keras model", "to_keras(path)")
    model = _Model(net, "")
    groups: dict[str, dict[str, Array]] = {"vars": {}}
    for inner in model.described():
        groups |= inner
    metadata = {"keras_version": VERSION, "date_saved": "1980-01-01@00:00:00"}
    content = packed({METADATA: metadata, CONFIG: model.config()}, hdf5(groups))
    with replacing(path) as beside:
        beside.write_bytes(content)


@dataclass
class _Call:
    """A layer of Keras's, what it is called on each time, and the arrays that it has."""

    name: str
    layer: Written
    uses: list[list[tuple[str, int, Shape]]] = field(default_factory=list)
    model: _Model | None = None
    arrays: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    trainable: bool = True


class _Model:
    """The layers of a network as Keras's."""

    def __init__(self, net: BaseNetwork, prefix: str) -> None:
        self.net = net
        self.dtype = net.dtype.name
        self.kinds = {path: tensor.kind for path, tensor in net.reading().inputs.items()}
        self.calls: dict[str, _Call] = {}
        self.places: dict[str, tuple[str, int, Shape]] = {}
        self.masked: set[str] = set()
        problems: list[str] = []
        for use in net.uses:
            try:
                self._use(use, prefix)
            except UnwritableError as error:
                problems.append(f'"{use.home}" ({type(use.layer).__name__}{f" {error}" if str(error) else ""})')
                self.places[use.path] = (use.home, 0, use.shape)
        if problems:
            raise UnwritableError(
                f"the network has layers that Keras does not have: {', '.join(dict.fromkeys(problems))}"
            )

    def _use(self, use: Any, prefix: str) -> None:
        layer: Layer = use.layer
        taken = [self.places[p] for p in use.parents]
        if isinstance(layer, InputLayer):
            dtype = "int32" if self.kinds[use.path] == "int" else self.dtype
            options = {"batch_shape": [None, *use.shape], "dtype": dtype}
            self.calls[use.path] = _Call(use.path, Written("InputLayer", options))
            self.places[use.path] = (use.path, 0, use.shape)
            return
        comes = any(p in self.masked for p in use.parents)
        if leaves_mask(layer, comes):
            self.masked.add(use.path)
        if comes and loses_mask(layer) and not isinstance(layer, BaseNetwork):
            raise UnwritableError("of steps with a mask")
        if isinstance(layer, Masking) and layer.value == UNSEEN:
            self.places[use.path] = taken[0]  # Keras writes zeros there by itself
            return
        if isinstance(layer, Masking) and len(taken) > 1:
            raise UnwritableError("with a mask of its own")
        if isinstance(layer, BaseNetwork):
            call = self.calls.get(use.home)
            if call is None:
                model = _Model(layer, f"{prefix}{use.home}.")
                call = self.calls[use.home] = _Call(use.home, Written(model.kind, {}), model=model)
            self._called(use, call, taken)
            return
        if isinstance(layer, MultiHeadAttention) and len(taken) == 1:
            taken = [taken[0], taken[0]]
        parts = written(layer, use.shapes)
        for number, part in enumerate(parts):
            name = use.home if part.main else f"{use.home}_{'before' if number == 0 else 'after'}"
            known = self.calls.get(name)
            if known is None:
                known = self.calls[name] = _Call(name, part, trainable=layer.trainable)
                if part.main:
                    known.arrays = self._arrays(layer, use.home)
            self._called(use, known, taken)
            taken = [self.places[use.path]]

    def _called(self, use: Any, call: _Call, taken: list[tuple[str, int, Shape]]) -> None:
        self.places[use.path] = (call.name, len(call.uses), use.shape)
        call.uses.append(taken)

    def _arrays(self, layer: Layer, home: str) -> dict[str, dict[str, Array]]:
        """A layer's arrays by group inside its own."""
        values = self.net.parameters
        keys = [path.removeprefix(f"{home}.") for path in values if path.startswith(f"{home}.")]
        owners = {self.net.owner(f"{home}.{key}"): values[f"{home}.{key}"] for key in keys}
        groups: dict[str, dict[str, Array]] = {"vars": {}}
        for slot in slots(layer, keys, ""):
            array = slot.to_keras([owners[slot.layer, key] for key in slot.keys])
            groups.setdefault(slot.group.lstrip("/"), {})[str(slot.index)] = array.astype(self.dtype)
        for group, arrays in other_arrays(layer).items():
            groups.setdefault(group, {}).update(arrays)
        return groups

    @property
    def kind(self) -> str:
        """Sequential where each layer takes what the one before gives, else Functional."""
        calls = list(self.calls.values())
        once = all(len(c.uses) == 1 and len(c.uses[0]) == 1 and not c.layer.kwargs for c in calls[1:])
        chain = once and all(c.uses[0][0][0] == before.name for before, c in pairwise(calls))
        (last, *others) = [self.places[p] for p in self.net.output_shapes]
        return "Sequential" if chain and not others and last[0] == calls[-1].name and len(calls) > 1 else "Functional"

    def described(self) -> list[dict[str, dict[str, Array]]]:
        """The arrays of all layers by group."""
        counts: dict[str, int] = {}
        found: list[dict[str, dict[str, Array]]] = []
        for call in self.calls.values():
            base = snake(call.layer.kind)
            counts[base] = counts.get(base, -1) + 1
            own = f"layers/{base}" if not counts[base] else f"layers/{base}_{counts[base]}"
            if call.model is not None:
                found.append({f"{own}/vars": {}})
                found += [{f"{own}/{group}": dict(a) for group, a in e.items()} for e in call.model.described()]
            else:
                groups = call.arrays or {"vars": {}}
                found.append({f"{own}/{group}": dict(arrays) for group, arrays in groups.items()})
        return found

    def config(self, name: str | None = None) -> dict[str, Any]:
        """What `config.json` says of the model."""
        entries = [self._entry(call) for call in self.calls.values()]
        inner: dict[str, Any] = {"name": name or self.net.name or "network", "trainable": True, "layers": entries}
        if self.kind == "Functional":
            tensors = {"input_layers": list(self.net.input_shapes), "output_layers": list(self.net.output_shapes)}
            for key, paths in tensors.items():
                places = [[*self.places[p][:2], 0] for p in paths]
                inner[key] = places[0] if len(places) == 1 else places
            module = "keras.src.models.functional"
        else:
            module = "keras"
            inner["dtype"] = self.dtype
        return {"module": module, "class_name": self.kind, "config": inner, "registered_name": self.kind}

    def _entry(self, call: _Call) -> dict[str, Any]:
        if call.model is not None:
            entry = call.model.config(call.name)
        else:
            options = {"name": call.name, **_listed(call.layer.options)}
            if call.layer.kind != "InputLayer":
                options = {"dtype": self.dtype, **options} | ({} if call.trainable else {"trainable": False})
            entry = {
                "module": "keras.layers",
                "class_name": call.layer.kind,
                "config": options,
                "registered_name": None,
            }
        if self.kind == "Functional":
            entry |= {"name": call.name, "inbound_nodes": [self._node(call, use) for use in call.uses]}
        return entry

    def _node(self, call: _Call, taken: list[tuple[str, int, Shape]]) -> dict[str, Any]:
        tensors = [
            {
                "class_name": "__keras_tensor__",
                "config": {"shape": [None, *shape], "dtype": self.dtype, "keras_history": [name, number, 0]},
            }
            for name, number, shape in taken
        ]
        merged = call.layer.kind in _MERGING
        args: list[Any] = [tensors] if merged else tensors
        kwargs = dict(call.layer.kwargs or {})
        if call.layer.kind in ("SimpleRNN", "LSTM", "GRU", "Bidirectional") and len(tensors) > 1:
            args, kwargs["initial_state"] = tensors[:1], tensors[1:]
        if call.model is not None and len(tensors) > 1:
            args = [tensors]
        return {"args": args, "kwargs": kwargs}


_MERGING = frozenset(kind.__name__ for kind in _Merging.__subclasses__())


def _listed(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: list(v) if isinstance(v, tuple) else float(v) if isinstance(v, np.floating) else v
        for k, v in options.items()
    }
