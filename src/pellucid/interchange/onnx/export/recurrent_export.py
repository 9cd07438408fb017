"""RNN, LSTM, GRU and Bidirectional as ONNX's operators of these names.

The operators take (t,n,i) and give all states (t, directions, n, units) and the last ones (directions, n, units). They
know the length of each sequence, not a mask. So where there is a mask, the real steps are gathered at the front, and
the states are read back at each step: after k real steps, the state is the k-th.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from pellucid.errors import PellucidError
from pellucid.functions.activations import ActivationLike, activation
from pellucid.interchange.onnx.export.activation_export import alpha_of
from pellucid.interchange.onnx.export.nodes import RULES, Array, Place, Value, Writer
from pellucid.layers.recurrent.base import _Recurrent
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.layers.recurrent.final_state import FinalState
from pellucid.layers.recurrent.gru import GRU
from pellucid.layers.recurrent.lstm import LSTM
from pellucid.layers.recurrent.rnn import RNN

GATES: Final[dict[type[_Recurrent], tuple[str, list[int]]]] = {
    RNN: ("RNN", [0]),
    LSTM: ("LSTM", [0, 3, 1, 2]),
    GRU: ("GRU", [0, 1, 2]),
}
"""The operators, and where Pellucid has the gates that they have in this order: i, o, f, c of the LSTM."""
_ACTIVATIONS: Final = {
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "Relu",
    "softplus": "Softplus",
    "linear": "Affine",
    "leaky_relu": "LeakyRelu",
    "elu": "Elu",
}


@RULES.of(RNN, LSTM, GRU)
def _one_way(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    return _recurrent(made, place, place.layer, [place.parameters], inputs)


@RULES.of(Bidirectional)
def _both_ways(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    ways = [
        {k.removeprefix(f"{way}."): a for k, a in place.parameters.items() if k.startswith(f"{way}.")}
        for way in ("forward", "backward")
    ]
    return _recurrent(made, place, place.layer.layer, ways, inputs)


def _recurrent(
    made: Writer, place: Place, layer: Any, ways: Sequence[Mapping[str, Array]], inputs: Sequence[Value]
) -> Value:
    x, *given = inputs
    units, both = layer.units, len(ways) == 2
    kind, order = GATES[type(layer)]
    options: dict[str, Any] = {"hidden_size": units} | _functions(made, place, layer, len(ways))
    options["direction"] = "bidirectional" if both else "reverse" if layer.go_backwards else "forward"
    if isinstance(layer, GRU):
        options["linear_before_reset"] = int(layer.reset_after)
    sequence, lengths = made.last(x), ""
    if x.mask:
        sequence, lengths = _gathered(made, sequence, x.mask, x.shape[0])
    weights = _weights(made, place, ways, order, units, use_bias=layer.use_bias)
    states = [_state(made, given[k :: len(layer.states)], units) for k in range(len(layer.states))] if given else []
    taken = [made.transpose(sequence, 1, 0, 2), *weights, lengths, *states]
    while not taken[-1]:
        taken.pop()
    wanted = len(layer.states) if layer.return_state else 0 if layer.return_sequences else 1
    ends = ["last", "cells"][:wanted]
    every, *finals = made.outputs(kind, taken, ["states" if layer.return_sequences else "", *ends], **options)
    final = _final_states(made, finals, ["forward.", "backward."] if both else [""]) if layer.return_state else {}
    if not layer.return_sequences:
        merged = _merged(made, place, made.transpose(finals[0], 1, 0, 2), axis=1)
        last = made.reshape(merged, 0, -1) if _concatenates(place) else merged
        return Value(place.use.shape, last, final=final)
    ordered = made.transpose(every, 2, 0, 1, 3)  # (n, t, directions, units)
    if x.mask:
        ordered = _read_back(
            made,
            ordered,
            x.mask,
            states[:1],
            backwards=[False, True] if both else [layer.go_backwards],
            steps=x.shape[0],
        )
    merged = _merged(made, place, ordered, axis=2)
    result = made.reshape(merged, 0, 0, -1) if _concatenates(place) else merged
    return Value(place.use.shape, result, mask=x.mask, final=final)


@RULES.of(FinalState)
def _final_state(made: Writer, place: Place, inputs: Sequence[Value]) -> Value:
    return Value(place.use.shape, inputs[0].final[place.layer.state])


def _final_states(made: Writer, finals: Sequence[str], ways: Sequence[str]) -> dict[str, str]:
    """The states after the last step by name (n, units), from those of all directions (directions, n, units)."""
    return {
        f"{way}{state}": made.add("Gather", end, made.integer(f"way_{number}", number), axis=0)
        for number, way in enumerate(ways)
        for state, end in zip(("state", "cell"), finals, strict=False)
    }


def _functions(made: Writer, place: Place, layer: Any, ways: int) -> dict[str, Any]:
    """The activations of an operator, those of both directions one behind the other."""
    own: ActivationLike = layer.activation
    gate: ActivationLike = getattr(layer, "gate_activation", None)
    functions = {1: [own], 4: [gate, own, own], 3: [gate, own]}[layer.gates]
    names, alphas, betas = [], [], []
    for spec in functions:
        chosen = activation(spec)
        if chosen.name not in _ACTIVATIONS:
            raise PellucidError(
                f"{place.use.path} has the activation {chosen.name}, which ONNX's recurrent operators do not know: "
                f"expected one of {', '.join(_ACTIVATIONS)}"
            )
        names.append(_ACTIVATIONS[chosen.name])
        if chosen.name in ("linear", "leaky_relu", "elu"):
            alphas.append(alpha_of(chosen))
            if not made.holds(alphas[-1]):
                raise PellucidError(
                    f"{place.use.path} has the activation {chosen.name} with {alphas[-1]:g}, which ONNX's recurrent "
                    "operators hold in float32 only: export a network of float32, or take a sum of halves, such as 0.25"
                )
        if chosen.name == "linear":
            betas.append(0.0)
    result: dict[str, Any] = {"activations": names * ways}
    if alphas:
        result["activation_alpha"] = alphas * ways
    if betas:
        result["activation_beta"] = betas * ways
    return result


def _weights(
    made: Writer, place: Place, ways: Sequence[Mapping[str, Array]], order: list[int], units: int, *, use_bias: bool
) -> list[str]:
    """W (d, g·j, i), R (d, g·j, q) and B (d, 2·g·j): the input's and the state's bias."""

    def rows(array: Array) -> Array:
        """(…, g, j) as (g·j, …), the gates in ONNX's order."""
        return array.reshape(-1, len(order), units)[:, order].reshape(-1, len(order) * units).T

    def bias(given: Mapping[str, Array]) -> Array:
        each = [given["bias"], given.get("recurrent_bias", np.zeros_like(given["bias"]))]
        return np.concatenate([rows(b)[:, 0] for b in each])

    w = made.parameter(place, "kernel", np.stack([rows(given["kernel"]) for given in ways]))
    r = made.parameter(place, "recurrent_kernel", np.stack([rows(given["recurrent_kernel"]) for given in ways]))
    return [w, r, made.parameter(place, "bias", np.stack(list(map(bias, ways)))) if use_bias else ""]


def _state(made: Writer, given: Sequence[Value], units: int) -> str:
    """The first states of all directions (n, units) as (directions, n, units)."""
    each = [made.add("Unsqueeze", v.last, made.integers("direction", 0)) for v in given]
    return each[0] if len(each) == 1 else made.add("Concat", *each, axis=0)


def _concatenates(place: Place) -> bool:
    return getattr(place.layer, "merge_mode", "concat") == "concat"


def _merged(made: Writer, place: Place, x: str, *, axis: int) -> str:
    """The directions of a value as one, unless they are to stand one behind the other."""
    match getattr(place.layer, "merge_mode", "concat"):
        case "sum":
            return made.reduce("ReduceSum", x, axis)
        case "ave":
            return made.reduce("ReduceMean", x, axis)
        case "mul":
            return made.reduce("ReduceProd", x, axis)
    return x


def _gathered(made: Writer, x: str, mask: str, steps: int) -> tuple[str, str]:
    """The sequences with their real steps in front, in their order, and how many these are."""
    behind = made.add(
        "Mul",
        made.add("Sub", made.constant("one", np.asarray(1.0)), mask),
        made.constant("steps", np.asarray(float(steps))),
    )
    keys = made.add("Add", made.constant("places", np.arange(steps, dtype=float)), behind)
    _, order = made.outputs(
        "TopK", [keys, made.integers("count", steps)], ("sorted", "order"), axis=1, largest=0, sorted=1
    )
    ends = made.add("Unsqueeze", order, made.integers("axes", 2))
    sequence = made.add("GatherND", x, ends, batch_dims=1)
    real = _counted(made, mask)
    lengths = made.add("Cast", made.reduce("ReduceSum", real, 1), to=6, name="lengths")
    return sequence, lengths


def _counted(made: Writer, mask: str) -> str:
    """A mask as integers."""
    return made.add("Cast", made.add("Greater", mask, made.constant("zero", np.asarray(0.0))), to=7)


def _read_back(
    made: Writer, states: str, mask: str, first: Sequence[str], *, backwards: Sequence[bool], steps: int
) -> str:
    """At each step the state that holds there, (n, t, directions, units).

    After k real steps from the front it is the k-th one, or the first state where there is none yet; from the back it
    is that of the first real step that follows.
    """
    axis = made.integer("axis", 1)
    real = _counted(made, mask)
    total = made.add("CumSum", real, axis)
    results = []
    for direction, back in enumerate(backwards):
        one = made.add(
            "Slice",
            states,
            *(made.integers(n, v) for n, v in (("from", direction), ("to", direction + 1), ("axes", 2))),
        )
        if first:
            rows = [made.integers(n, v) for n, v in (("from", direction), ("to", direction + 1), ("axes_0", 0))]
            initial = made.transpose(made.add("Slice", first[0], *rows), 1, 0, 2)
            initial = made.add("Unsqueeze", initial, made.integers("axis_1", 1))
        else:
            some = made.add("Slice", one, made.integers("from", 0), made.integers("to", 1), made.integers("axes_1", 1))
            initial = made.add("Mul", some, made.constant("zero", np.asarray(0.0)))
        whole = made.add("Concat", initial, one, axis=1)  # the first state, then that after 1, 2, … real steps
        if back:
            before = made.add("Sub", total, real)
            count = made.reduce("ReduceSum", real, 1, keepdims=1)
            following = made.add("Add", before, made.integer("next", 1))
            zero = made.integer("first", 0)
            place = made.add("Where", made.add("Less", before, count), following, zero)
        else:
            place = total
        index = made.add("Unsqueeze", place, made.integers("axes_2", 2))
        results.append(made.add("GatherND", whole, index, batch_dims=1))
    return results[0] if len(results) == 1 else made.add("Concat", *results, axis=2)
