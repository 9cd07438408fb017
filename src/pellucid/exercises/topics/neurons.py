"""A neuron's output, an activation's value, its slope."""

from __future__ import annotations

import numpy as np

from pellucid.exercises.drawing import Draft, Draw, grid, network, run_of, shown, step, steps
from pellucid.exercises.rendering import Text
from pellucid.formula import BATCH, Tensor, derivative
from pellucid.functions.activations import activation
from pellucid.layers.activation import Activation
from pellucid.layers.dense import Dense
from pellucid.messages import gettext

FORMULAS = {
    "sigmoid": "σ(z) = 1/(1 + exp(−z))",
    "tanh": "tanh(z) = (exp(z) − exp(−z))/(exp(z) + exp(−z))",
    "relu": "relu(z) = max(0, z)",
}


def neuron(chance: Draw) -> Draft:
    kind = chance.choice(["sigmoid", "tanh"])
    x, w, b = chance.array(2, low=-2, high=2), chance.array(2, 1), chance.tenths(-1, 1)

    def output(*, kernel: np.ndarray = w, bias: float = b, f: str = kind) -> float:
        values = {"dense_1.kernel": kernel, "dense_1.bias": [bias]}
        return float(network(Dense(1, activation=f), input_shape=2, values=values).predict(x[None])[0, 0])

    net = network(Dense(1, activation=kind), input_shape=2, values={"dense_1.kernel": w, "dense_1.bias": [b]})
    run = net.trace(x[None])
    other = {"sigmoid": "tanh", "tanh": "sigmoid"}[kind]
    ask = gettext("A neuron has two inputs and the activation {kind}, `{formula}`. What is its output?")
    given = gettext("Inputs, weights and bias:")
    return Draft(
        [
            Text(ask.filled(kind=kind, formula=FORMULAS[kind])),
            Text(given),
            grid("x", x),
            grid("w", w[:, 0]),
            grid("b", b),
        ],
        output(),
        [
            (output(bias=0), gettext("this is what comes out without the bias")),
            (output(f="linear"), gettext("this is the sum before the activation")),
            (output(kernel=w[::-1]), gettext("here each input was multiplied with the other one's weight")),
            (output(f=other), gettext("this is what the activation {other} gives", other=other)),
        ],
        steps(run, ("dense_1.sum", 0, 0), ("dense_1", 0, 0)),
    )


def value(chance: Draw) -> Draft:
    kind = chance.choice(["sigmoid", "tanh", "leaky_relu"])
    z = chance.tenths(-2, -0.2) if kind == "leaky_relu" else chance.tenths(-2, 2)
    options = {"slope": chance.tenths(0.1, 0.4)} if kind == "leaky_relu" else {}

    def of(name: str, at: float, **settings: float) -> float:
        net = network(Activation({"name": name, **settings} if settings else name), input_shape=1)
        return float(net.predict(np.array([[at]]))[0, 0])

    net = network(Activation({"name": kind, **options} if options else kind), input_shape=1)
    answer = of(kind, z, **options)
    slips = [(of(kind, -z, **options), gettext("this is its value at −z"))]
    if kind == "leaky_relu":
        formula = "f(z) = max(α·z, z)"
        slips += [
            (z, gettext("this is z itself: for negative z the slope α counts")),
            (of("relu", z), gettext("this is what ReLU gives, which lets nothing of negative inputs pass")),
            (options["slope"], gettext("this is the slope, not the value")),
        ]
        text = gettext("What is leaky ReLU, `{formula}` with α = {slope}, at z = {z}?")
    else:
        formula = FORMULAS[kind]
        other = {"sigmoid": "tanh", "tanh": "sigmoid"}[kind]
        slope = answer * (1 - answer) if kind == "sigmoid" else 1 - answer**2
        slips += [
            (of(other, z), gettext("this is what the activation {other} gives", other=other)),
            (slope, gettext("this is the slope, not the value")),
            (of("relu", z), gettext("this is what the activation {other} gives", other="relu")),
        ]
        text = gettext("What is {kind}, `{formula}`, at z = {z}?")
    values = {"formula": formula, "z": shown(z), "kind": kind, "slope": shown(options.get("slope", 0))}
    (path,) = net.output_shapes
    return Draft([Text(text.filled(**values))], answer, slips, step(net.trace(np.array([[z]])), path, 0, 0))


def slope(chance: Draw) -> Draft:
    kind = chance.choice(["sigmoid", "tanh"])
    z = Tensor.input("z", n=BATCH, o=1)
    a = activation(kind)(z)
    above = Tensor.input("da", n=BATCH, o=1)
    at = chance.tenths(-2, 2)
    run = run_of({"a": a, "dz": derivative(a, [z], upstream=above)[z]}, z=[[at]], da=[[1.0]])
    y = float(run["a"][0, 0])
    through_z = at * (1 - at) if kind == "sigmoid" else 1 - at**2
    wrong = 1 - y if kind == "tanh" else y**2
    ask = gettext("How steep is {kind}, `{formula}`, at z = {z}? Give its derivative there.")
    note = gettext(
        "With a for its value, the derivative is what passes of a gradient `da` = 1 that arrives from above."
    )
    return Draft(
        [Text(ask.filled(kind=kind, formula=FORMULAS[kind], z=shown(at)))],
        float(run["dz"][0, 0]),
        [
            (y, gettext("this is the value, not the slope")),
            (through_z, gettext("here z itself stands where the value a belongs")),
            (wrong, gettext("here the square was lost, or was taken of the wrong factor")),
            (1.0, gettext("this is the slope of a line: σ′ is missing")),
        ],
        [Text(note), *steps(run, ("a", 0, 0), ("dz", 0, 0))],
    )
