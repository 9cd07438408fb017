"""Why a network does not learn: layers that no gradient reaches, and values that stop being finite."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import argument
from pellucid.formula import Expression, Program, Tensor, derivative, unicode
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import Constant, Operation, Read, Reduction, reads, walk
from pellucid.messages import Message, gettext
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import Goal
from pellucid.training.programs import objective

Array = NDArray[Any]


def flat_layers(net: BaseNetwork, goals: Sequence[Goal]) -> str:
    """Which parameters cannot learn since their gradient is 0 whatever the data, and why; "" if all can.

    Read off the derivative itself: its formula comes out as 0. Penalties do not count as learning. The network keeps
    the answer, as differentiating takes longer than an epoch of a small table.
    """
    flat: str = net.kept(("flat", tuple(goal.key for goal in goals)), lambda: _flat_layers(net, goals))
    return flat


def _flat_layers(net: BaseNetwork, goals: Sequence[Goal]) -> str:
    target = objective(net, goals, training=True)
    values = dict(target.forward.values)
    trainable = {path: target.forward.parameters[path] for path in net.parameters.trainable}
    gradients = derivative(target.data, [*trainable.values(), *(v for v in values.values() if v.kind == "float")])
    zero = _vanishing(list(gradients.values()))
    dead = [path for path, tensor in trainable.items() if gradients[tensor] in zero]
    if not dead:
        return ""
    layers = list(dict.fromkeys(path.rsplit(".", 1)[0] for path in dead))
    walls = [
        t
        for t in reversed(values.values())
        if t in gradients and gradients[t] not in zero and _blocks(t, gradients, zero)
    ]
    some = len(dead) < len(trainable)
    who = _listed(layers) if some else "the network"
    return f"{who} cannot learn by gradient descent: {_why(walls)}{'; the other layers learn as usual' if some else ''}"


def _why(walls: Sequence[Tensor]) -> str:
    if not walls:
        return "the loss does not depend on their parameters"
    wall = walls[-1]
    formula = unicode(wall.definition) if wall.definition else wall.name
    return (
        f"no gradient passes {wall.name}, {formula}, whose derivative is 0 wherever it exists; "
        "use a function with a slope there, such as sigmoid or relu"
    )


def _blocks(tensor: Tensor, gradients: Mapping[Tensor, Tensor], zero: set[Tensor]) -> bool:
    """Whether a gradient reaches the tensor but none of those it is computed from."""
    if tensor.definition is None:
        return False
    inner = [r.tensor for r in reads(tensor.definition.expression)]
    return bool(inner) and all(t not in gradients or gradients[t] in zero for t in inner)


def _vanishing(tensors: Sequence[Tensor]) -> set[Tensor]:
    """Those that are 0 by their formulas: all, less what is seen to be something else, until nothing changes."""
    statements = reachable(tensors)
    zero = {s.target for s in statements}
    size = -1
    while size != len(zero):
        size = len(zero)
        zero -= {s.target for s in statements if s.target in zero and not _is_zero(s.expression, zero)}
    return zero


def _is_zero(e: Expression, zero: set[Tensor]) -> bool:
    match e:
        case Constant(value):
            return value == 0
        case Read(tensor, _, outside):
            return tensor in zero and (outside is None or _is_zero(outside, zero))
        case Reduction("sum", _, body):
            return _is_zero(body, zero)
        case Operation("mul", args):
            return any(_is_zero(a, zero) for a in args)
        case Operation("div", (over, _)):
            return _is_zero(over, zero)
        case Operation("where", (_, yes, no)):
            return _is_zero(yes, zero) and _is_zero(no, zero)
        case Operation("add", args):
            return all(_is_zero(a, zero) for a in args)
    return False


@dataclass(frozen=True)
class NonFinite:
    """The first value of a step that was NaN or infinite, in the order of its program.

    Attributes:
        path, index: the value's path and its index there; path is "" where a second run gave finite values.
        layer: the layer to which it belongs, or "".
        reason: what usually causes that, and what helps.
        program, values: the step, with every value that it had before and after.
    """

    path: str
    index: tuple[int, ...]
    layer: str
    reason: Message
    program: Program
    values: Mapping[str, Array]

    @property
    def value(self) -> float:
        return float(self.values[self.path][self.index])

    @property
    def message(self) -> Message:
        """Where the value is, and what usually causes that."""
        if not self.path:
            return gettext("a second run of the step gave finite values; {why}", why=self.reason)
        index = f"[{', '.join(map(str, self.index))}]"
        return gettext(
            "the first such value is {value} in {path}{owner}{place}; {why}",
            value=self.value,
            path=self.path,
            owner=gettext(" (layer {layer})", layer=self.layer) if self.layer not in ("", self.path) else "",
            place=gettext(" at {index}", index=index) if self.index else "",
            why=self.reason,
        )


def non_finite(net: BaseNetwork, program: Program, values: Mapping[str, Array]) -> NonFinite:
    """Where a run first gave NaN or infinity, in the order of its program, and what usually causes that."""
    for name, tensor in program.tensors.items():
        value = values.get(name)
        if value is None or value.dtype.kind != "f" or np.isfinite(value).all():
            continue
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(~np.isfinite(value))), value.shape))
        words = re.findall(r"\w+", name)
        layer = next((use.home for use in net.uses if use.home in words), "")
        return NonFinite(name, index, layer, _cause(program, tensor, values), program, values)
    return NonFinite("", (), "", _rate(values), program, values)


def _cause(program: Program, tensor: Tensor, inputs: Mapping[str, Array]) -> Message:
    """What usually makes such a tensor not finite, and what helps."""
    statement = program.definition(tensor)
    if statement is None:
        return CAUSES["given"]
    operations = [e for e in walk(statement.expression) if isinstance(e, Operation)]
    kinds = {e.name for e in operations if e.name != "pow" or not isinstance(e.args[1], Constant)}
    rate = _rate(inputs)
    if "log" in kinds:
        return CAUSES["log"].filled(rate=rate)
    if kinds & {"exp", "expm1", "pow"}:
        return CAUSES["exp"].filled(rate=rate)
    if any(e.name == "div" and any(True for _ in reads(e.args[1])) for e in operations):
        return CAUSES["div"].filled(rate=rate)
    return rate


def _rate(inputs: Mapping[str, Array]) -> Message:
    if "learning_rate" not in inputs:  # a run without an update
        return CAUSES["large"]
    if inputs["step"] == 1:
        return CAUSES["first"]
    high = CAUSES["rate"].filled(rate=float(inputs["learning_rate"]))
    return high if any(name.startswith("clip.") for name in inputs) else _or_clip(high)


def _or_clip(high: Message) -> Message:
    how = argument("clip_norm", 1.0)
    clip = gettext("give {how}", how=how) if how else gettext("clip the gradient's norm")
    return gettext("{high}, or {clip}", high=high, clip=clip)


CAUSES = {
    "given": gettext("it came in so: look at the data and at the parameters that were assigned"),
    "log": gettext("its formula takes a logarithm, which is infinite at 0: see what becomes 0 there; or {rate}"),
    "exp": gettext("its formula takes an exponential, which overflows: scale the inputs; or {rate}"),
    "div": gettext("its formula divides, probably by 0; or {rate}"),
    "large": gettext(
        "the numbers that came in, or the parameters, are too large: scale the inputs, or lower the learning rate"
    ),
    "first": gettext(
        "it is the first step, so the numbers that came in are too large: scale inputs and targets to about 1"
    ),
    "rate": gettext("the learning rate {rate:g} is probably too high: lower it"),
}
"""What usually makes a value not finite, and what helps."""


def causes() -> dict[str, Message]:
    """`CAUSES`, for a training without clipping; they are not filled in yet."""
    return {**CAUSES, "rate": _or_clip(CAUSES["rate"])}


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
