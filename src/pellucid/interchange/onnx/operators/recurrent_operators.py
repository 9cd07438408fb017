"""RNN, LSTM and GRU with all their attributes: directions, first states, lengths, peepholes, clipping, layout."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pellucid.errors import ShapeError
from pellucid.interchange.onnx.operators.base import Node, Text, UnsupportedError, Value, number, operator, size_of

_FUNCTIONS: dict[str, tuple[str, float, float]] = {
    "relu": ("relu({z})", 0.0, 0.0),
    "tanh": ("tanh({z})", 0.0, 0.0),
    "sigmoid": ("σ({z})", 0.0, 0.0),
    "affine": ("{a}·{z} + {b}", 1.0, 0.0),
    "leakyrelu": ("where(0 < {z}, {z}, {a}·{z})", 0.01, 0.0),
    "thresholdedrelu": ("where({a} ≤ {z}, {z}, 0)", 1.0, 0.0),
    "scaledtanh": ("{a}·tanh({b}·{z})", 1.0, 1.0),
    "hardsigmoid": ("max(0, min(1, {a}·{z} + {b}))", 0.2, 0.5),
    "elu": ("where(0 < {z}, {z}, {a}·expm1({z}))", 1.0, 0.0),
    "softsign": ("{z}/(1 + abs({z}))", 0.0, 0.0),
    "softplus": ("softplus({z})", 0.0, 0.0),
}
_TAKE_ALPHA = ("affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu")
_TAKE_BETA = ("affine", "scaledtanh", "hardsigmoid")
_DEFAULTS = {"RNN": ["Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}


@dataclass(frozen=True)
class Step:
    """One direction of a recurrence while its lines are written.

    `k` ends the names of its tensors; `past(name, axis)` is the text of a state one step before.
    """

    text: Text
    node: Node
    k: str
    letters: tuple[str, str, str, str]
    activate: Sequence[Callable[[str], str]]
    past: Callable[[str, str], str]
    hold: Callable[[str, str], str]

    def head(self, name: str) -> str:
        n, t, j, _ = self.letters
        return f"{name}{self.k}[{n},{t},{j}]"

    def line(self, name: str, body: str) -> None:
        n, t, j, _ = self.letters
        self.text.line(f"{name}{self.k}", [n, t, j], body)

    def clipped(self, z: str) -> str:
        clip = self.node.attr("clip")
        return f"max({number(-float(clip))}, min({number(float(clip))}, {z}))" if clip else z


@operator("RNN", "LSTM", "GRU")
def _recurrent(node: Node) -> list[Value]:
    x, w, r = (node.input(place) for place in range(3))
    layout = int(node.attr("layout", 0))
    if x.rank != 3 or w.rank != 3 or r.rank != 3:
        raise ShapeError(f"{node.operator} takes three axes of each, got shapes {x.shape}, {w.shape} and {r.shape}")
    steps, count = (x.shape[1], x.shape[0]) if layout else (x.shape[0], x.shape[1])
    units, ways = size_of(r.shape[2]), size_of(w.shape[0])
    gates = GATES[node.operator]
    expected = {"forward": 1, "reverse": 1, "bidirectional": 2}.get(str(node.attr("direction", "forward")))
    if expected != ways or w.shape != (ways, gates * units, x.shape[2]) or r.shape != (ways, gates * units, units):
        raise ShapeError(f"{node.operator} has weights of shapes {w.shape} and {r.shape}, which do not fit {x.shape}")
    text = Text()
    n, t, j = text.axis(count), text.axis(size_of(steps)), text.axis(units)
    for way in range(ways):
        backwards = node.attr("direction") == "reverse" or way == 1
        _direction(text, node, way, backwards, (n, t, j), gates, units)
    d = text.axis(ways)
    last = size_of(steps) - 1

    def both(name: str, ends: bool) -> str:
        each = []
        for way in range(ways):
            backwards = node.attr("direction") == "reverse" or way == 1
            at = ("0" if backwards else str(last)) if ends else t
            each.append(f"{name}{way}[{n},{at},{j}]")
        return each[0] if ways == 1 else f"where({d} = 0, {each[0]}, {each[1]})"

    shown = both("h", False)
    if node.has(4):
        shown = f"where({t} < {text.read(node.input(4), [n], 'l')}, {shown}, 0)"
    every = [n, t, d, j] if layout else [t, d, n, j]
    ends = [n, d, j] if layout else [d, n, j]
    text.line("y", every, shown)
    text.line("yh", ends, both("h", True))
    results = {"y": (every, x.dtype), "yh": (ends, x.dtype)}
    if node.operator == "LSTM":
        text.line("yc", ends, both("c", True))
        results["yc"] = (ends, x.dtype)
    return text.values(results)


def _direction(
    text: Text, node: Node, way: int, backwards: bool, letters: tuple[str, str, str], gates: int, units: int
) -> None:
    """The lines of one direction: x·W for all gates, then the states."""
    n, t, j = letters
    x, w, r = node.input(0), node.input(1), node.input(2)
    layout, k = int(node.attr("layout", 0)), str(way)
    i, q, g = text.axis(x.shape[2]), text.axis(units), text.axis(gates)
    row = f"{g}·{units} + {j}"
    sequence = text.read(x, [n, t, i] if layout else [t, n, i])
    text.line(f"W{k}", [i, g, j], text.read(w, [k, row, i], "w"))
    text.line(f"U{k}", [q, g, j], text.read(r, [k, row, q], "r"))
    text.line(f"a{k}", [n, t, g, j], f"Σ[{i}] {sequence}·W{k}[{i},{g},{j}]")
    lengths = node.optional(4)

    def past(name: str, axis: str) -> str:
        given = node.optional({"h": 5, "c": 6}[name])
        first = "0"
        if given is not None:
            one = "0" if given.shape[0 if layout else 1] == 1 and text.extents[n] != 1 else n
            first = text.read(given, [one, k, axis] if layout else [k, one, axis], f"{name}init")
        return f"{name}{k}[{n}, {t} {'+' if backwards else '−'} 1, {axis} | {first}]"

    def hold(name: str, new: str) -> str:
        if lengths is None:
            return new
        return f"where({t} < {text.read(lengths, [n], 'l')}, {new}, {past(name, j)})"

    step = Step(text, node, k, (n, t, j, q), _activations(node, way), past, hold)
    {"RNN": _rnn, "LSTM": _lstm, "GRU": _gru}[node.operator](step)


def _activations(node: Node, way: int) -> list[Callable[[str], str]]:
    """The functions of one direction; the numbers that some take stand in lists, in the order of those that do."""
    count = len(_DEFAULTS[node.operator])
    names = [str(name).lower() for name in node.attr("activations") or []]
    names = names or [name.lower() for name in _DEFAULTS[node.operator]] * 2
    alphas = [float(v) for v in node.attr("activation_alpha") or []]
    betas = [float(v) for v in node.attr("activation_beta") or []]
    functions: list[Callable[[str], str]] = []
    for name in names:
        if name not in _FUNCTIONS:
            raise UnsupportedError(
                f"{node.operator} has the activation {name}, expected one of {', '.join(_FUNCTIONS)}"
            )
        pattern, alpha, beta = _FUNCTIONS[name]
        if name in _TAKE_ALPHA and alphas:
            alpha = alphas.pop(0)
        if name in _TAKE_BETA and betas:
            beta = betas.pop(0)
        functions.append(_function(pattern, alpha, beta))
    if len(functions) < count * (way + 1):
        raise ShapeError(f"{node.operator} has {len(functions)} activations, expected {count} for each direction")
    return functions[count * way : count * (way + 1)]


def _function(pattern: str, alpha: float, beta: float) -> Callable[[str], str]:
    return lambda z: pattern.format(z=z, a=number(alpha), b=number(beta))


def one_bias(node: Node) -> bool:
    """Whether the biases of the input and of the state are only added to each other, so that one says the same."""
    return node.operator != "GRU" or not node.attr("linear_before_reset")


def _bias(step: Step, *places: int) -> list[str]:
    """The biases of gates: those of the input stand before those of the state."""
    bias = step.node.optional(3)
    if bias is None:
        return []
    units = size_of(step.node.input(2).shape[2])
    gates = GATES[step.node.operator]
    if one_bias(step.node) and bias.shape[-1] == gates * units:
        places = tuple(place for place in places if place < gates)
    reads = []
    for place in places:
        step.text.bindings[f"row{place}"] = place * units  # by name: an index that is an axis alone reads all of it
        reads.append(step.text.read(bias, [step.k, f"{step.letters[2]} + row{place}"], "b"))
    return reads


def _sum(step: Step, gate: int, *more: str) -> str:
    """The sum of a gate: its biases, the input's part, the state's part, and more."""
    n, t, j, q = step.letters
    gates = GATES[step.node.operator]
    state = f"Σ[{q}] {step.past('h', q)}·U{step.k}[{q},{gate},{j}]"
    return " + ".join([*_bias(step, gate, gate + gates), f"a{step.k}[{n},{t},{gate},{j}]", *more, state])


def _gate(step: Step, name: str, function: Callable[[str], str], total: str) -> None:
    step.line(f"z{name}", step.clipped(total))
    step.line(name, function(step.head(f"z{name}")))


def _rnn(step: Step) -> None:
    (f,) = step.activate
    step.line("z", step.clipped(_sum(step, 0)))
    step.line("h", step.hold("h", f(step.head("z"))))


def _lstm(step: Step) -> None:
    """Gates in the order i, o, f, c; peepholes p of i, o, f look at the cells."""
    f, g, h = step.activate
    _, _, j, _ = step.letters
    holes = step.node.optional(7)
    units = size_of(step.node.input(2).shape[2])

    def peep(place: int, cells: str) -> list[str]:
        if holes is None:
            return []
        step.text.bindings[f"row{place}"] = place * units
        return [f"{step.text.read(holes, [step.k, f'{j} + row{place}'], 'p')}·{cells}"]

    before = step.past("c", j)
    _gate(step, "i", f, _sum(step, 0, *peep(0, before)))
    if step.node.attr("input_forget"):
        step.line("f", f"1 − {step.head('i')}")
    else:
        _gate(step, "f", f, _sum(step, 2, *peep(2, before)))
    _gate(step, "g", g, _sum(step, 3))
    step.line("c", step.hold("c", f"{step.head('f')}·{before} + {step.head('i')}·{step.head('g')}"))
    _gate(step, "o", f, _sum(step, 1, *peep(1, step.head("c"))))
    step.line("h", step.hold("h", f"{step.head('o')}·{h(step.head('c'))}"))


def _gru(step: Step) -> None:
    """Gates in the order z, r, h."""
    f, g = step.activate
    n, t, j, q = step.letters
    k = step.k
    separate = bool(step.node.attr("linear_before_reset"))
    _gate(step, "u", f, _sum(step, 0))
    _gate(step, "r", f, _sum(step, 1))
    if separate:
        step.line("v", " + ".join([*_bias(step, 5), f"Σ[{q}] {step.past('h', q)}·U{k}[{q},2,{j}]"]))
        total = " + ".join([*_bias(step, 2), f"a{k}[{n},{t},2,{j}]", f"{step.head('r')}·{step.head('v')}"])
    else:
        step.line("s", f"{step.head('r')}·{step.past('h', j)}")
        state = f"Σ[{q}] s{k}[{n},{t},{q}]·U{k}[{q},2,{j}]"
        total = " + ".join([*_bias(step, 2, 5), f"a{k}[{n},{t},2,{j}]", state])
    _gate(step, "g", g, total)
    u = step.head("u")
    step.line("h", step.hold("h", f"{u}·{step.past('h', j)} + (1 − {u})·{step.head('g')}"))
