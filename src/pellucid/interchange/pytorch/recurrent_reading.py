"""nn.RNN, nn.LSTM and nn.GRU as layers: the order of their gates, their two biases, several layers, both directions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.interchange.pytorch.graph_values import Array, Constant, States, Value, Zeros, in_order
from pellucid.interchange.pytorch.torch_package import UnsupportedError
from pellucid.layers.base import Layer
from pellucid.layers.dropout import Dropout
from pellucid.layers.recurrent.base import _Recurrent
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.layers.recurrent.gru import GRU
from pellucid.layers.recurrent.lstm import LSTM
from pellucid.layers.recurrent.rnn import RNN

GATES = {"gru": (1, 0, 2)}
"""Which of PyTorch's gates each of ours is: reset, update, new there; update, reset, candidate here. Else the same."""


class OtherBatch(Exception):
    """The batch stands at another axis than was thought."""


def read_recurrent(
    made: Any,
    x: Value,
    states: Any,
    weights: Sequence[Constant],
    has_biases: bool,
    num_layers: int,
    rate: float,
    training: bool,
    both: bool,
    batch_first: bool,
) -> tuple[Any, ...]:
    """The sequence of the last layer, and the last states of all layers."""
    if x.rank != 3:
        raise UnsupportedError("a recurrent layer without a batch")
    if x.batch != (0 if batch_first else 1):
        raise OtherBatch
    for state in states if isinstance(states, (list, tuple)) else [states]:
        if not isinstance(state, Zeros):
            raise UnsupportedError("first states that are not zeros")
    x = in_order(x, x.plain)
    directions = 2 if both else 1
    each = (4 if has_biases else 2) * directions
    if len(weights) != each * num_layers:
        raise UnsupportedError("a recurrent layer with proj_size")
    units = weights[1].array.shape[1]
    sequences: list[Value] = []
    whole = made.sequence_wanted(directions)
    last: Value | None = None
    for number in range(num_layers):
        own = weights[number * each : (number + 1) * each]
        returned = whole or number < num_layers - 1
        layer, inner = _layer(made, own, units, returned, has_biases, both)
        for one, part in zip(inner, (own[: each // directions], own[each // directions :]), strict=False):
            made.weights(one, **_weights(made.name, one, part, units))
        node = layer(x.node)
        shape = (*x.shape[:2], units * directions)
        if returned:
            x = Value(node, shape, x.axes, masked=x.masked)
            sequences.append(x)
        else:
            last = Value(node, (-1, units * directions), (0, 1))
        if rate and number < num_layers - 1:
            x = Value(Dropout(rate)(x.node), x.shape, x.axes, masked=x.masked)
    kept = States(sequences, units, directions, last)
    outputs = x if whole else None
    return (outputs, kept, None) if made.name == "lstm" else (outputs, kept)


def _layer(
    made: Any, own: Sequence[Constant], units: int, returned: bool, has_biases: bool, both: bool
) -> tuple[Layer, list[_Recurrent]]:
    options: dict[str, Any] = {"return_sequences": returned, "use_bias": has_biases}
    if made.name == "lstm":
        layer: _Recurrent = LSTM(units, **options)
    elif made.name == "gru":
        layer = GRU(units, **options)
    else:
        layer = RNN(units, "relu" if made.name == "rnn_relu" else "tanh", **options)
    key = (made.name, returned, *(w.name for w in own))
    known: Layer | None = made.reading.layers.get(key)
    if known is None:
        name = made.reading.name_of(own[0])
        if both:
            known = Bidirectional(layer, name=name)
        else:
            layer = type(layer)(**{**layer.options(), "name": name})
            known = layer
        made.reading.layers[key] = known
    inner = [known.layer, known.backward] if isinstance(known, Bidirectional) else [known]
    return known, inner  # type: ignore[return-value]


def _weights(name: str, layer: _Recurrent, part: Sequence[Constant], units: int) -> dict[str, Any]:
    """Kernels and biases of one direction, gate by gate."""
    order = GATES.get(name)
    arrays = [_gated(p.array, layer.gates, units, order) for p in part]
    found = {"kernel": (part[0], arrays[0]), "recurrent_kernel": (part[1], arrays[1])}
    if len(part) == 2:
        return found
    if isinstance(layer, GRU):
        return found | {"bias": (part[2], arrays[2]), "recurrent_bias": (part[3], arrays[3])}
    return found | {"bias": (part[2], arrays[2] + arrays[3])}


def _gated(array: Array, gates: int, units: int, order: Sequence[int] | None) -> Array:
    """(gates · units, …) as (…, gates, units), or (…, units) where there is one."""
    if gates == 1:
        return array.T if array.ndim == 2 else array
    parts = array.reshape(gates, units, *array.shape[1:])
    if order is not None:
        parts = parts[list(order)]
    return np.moveaxis(parts, -1, 0) if array.ndim == 2 else parts
