"""What may be chosen for a network: the kinds of layers with their fields, the optimisers, the losses.

All of it is read off the library's own declarations, so that a layer that is added there can be chosen here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pellucid.functions.activations import ACTIVATIONS, Activation
from pellucid.functions.initialization.initial_values import INITIALS
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS
from pellucid.lab.protocol import answers
from pellucid.layers.base import InputLayer, Layer
from pellucid.layers.recurrent.bidirectional import MERGE_MODES
from pellucid.layers.recurrent.final_state import FinalState
from pellucid.network import BaseNetwork

STARTS: dict[str, Any] = {
    "units": 16,
    "filters": 8,
    "kernel_size": 3,
    "rate": 0.2,
    "stddev": 0.1,
    "input_dim": 100,
    "output_dim": 16,
    "num_heads": 2,
    "key_dim": 8,
    "n": 2,
    "shape": [1],
    "dims": [2, 1],
    "activation": "relu",
    "groups": 2,
}
"""What a new layer begins with, where its own declaration gives no default, or one that only large networks have."""
PADDINGS = ("valid", "same", "causal")


def layer_kinds() -> list[answers.Kind]:
    """The layers of the library that can be added to a network, by name."""
    return [_layer_kind(name, kind) for name, kind in sorted(Layer.kinds.items()) if _addable(kind)]


def optimizer_kinds() -> list[answers.Kind]:
    return [
        {"name": name, "inputs": 1, "fields": [_number(f) for f in dataclasses.fields(kind)]}
        for name, kind in OPTIMIZERS.items()
    ]


def loss_names() -> list[str]:
    return list(LOSSES)


def _addable(kind: type[Layer]) -> bool:
    """Whether a person can make one of numbers and names alone, in the library's own words."""
    if issubclass(kind, (InputLayer, BaseNetwork, FinalState)) or not kind.__module__.startswith("pellucid.layers"):
        return False
    options = {f.name for f in _fields(kind)} - {"layer"}
    return all(f.type not in ("Mapping[str, Any]", "Any") for f in _fields(kind) if f.name in options)


def _fields(kind: type[Layer]) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(kind) if f.init and f.name not in ("name", "trainable")]


def _layer_kind(name: str, kind: type[Layer]) -> answers.Kind:
    several = kind.arity == 2 or kind.__module__.endswith(".merging")
    return {"name": name, "inputs": 2 if several else 1, "fields": [_field(kind, f) for f in _fields(kind)]}


def _field(kind: type[Layer], field: dataclasses.Field[Any]) -> answers.Field:
    written = str(field.type)
    default = None if field.default is dataclasses.MISSING else field.default
    if isinstance(default, Activation):
        default = default.config
    start = STARTS.get(field.name) if default is None or field.name == "groups" else default
    choices: list[str] | None = None
    what: answers.FieldKind = "fixed"
    match written:
        case "int" | "int | None":
            what = "integer"
        case "float":
            what = "number"
        case "bool":
            what = "flag"
        case "ActivationLike":
            what, choices = "choice", list(ACTIVATIONS)
        case "PenaltyLike":
            what = "penalty"
        case "Padding" if isinstance(default, str):
            what, choices = "choice", list(PADDINGS if kind.__name__.endswith("1D") else PADDINGS[:2])
        case "Sizes" | "Sizes | None" | "Padding" | "Shape" | "Shape | int":
            what = "sizes"
        case "str" if field.name.endswith("_initializer"):
            what, choices = "choice", list(INITIALS)
        case "str" if field.name == "merge_mode":
            what, choices = "choice", list(MERGE_MODES)
        case "_Recurrent":
            start = {"class": "LSTM", "options": {"units": STARTS["units"]}}
    if isinstance(start, tuple):
        start = list(start)
    required = field.default is dataclasses.MISSING
    return {"name": field.name, "kind": what, "start": start, "required": required, "choices": choices}


def _number(field: dataclasses.Field[Any]) -> answers.Field:
    flag = isinstance(field.default, bool)
    return {
        "name": field.name,
        "kind": "flag" if flag else "number",
        "start": field.default,
        "required": False,
        "choices": None,
    }


def started(kind: str, **given: object) -> dict[str, Any]:
    """The options with which a new layer of this kind begins, as `Layer.of` reads them."""
    known: Mapping[str, Any] = {f.name: _field(Layer.kinds[kind], f) for f in _fields(Layer.kinds[kind])}
    return {name: f["start"] for name, f in known.items() if f["required"]} | given
