"""A hidden unit's δ, and backpropagation through a whole 2-2-1 network."""

from __future__ import annotations

import numpy as np

from pellucid.exercises.drawing import Draft, Draw, grid, network, run_of, shown, steps
from pellucid.exercises.rendering import Text
from pellucid.exercises.topics.neurons import FORMULAS
from pellucid.formula import BATCH, Tensor, derivative
from pellucid.functions.activations import activation
from pellucid.functions.forward.matmul import dense
from pellucid.functions.learning.optimizers import SGD
from pellucid.layers.dense import Dense
from pellucid.messages import gettext


def delta(chance: Draw) -> Draft:
    kind = chance.choice(["sigmoid", "tanh"])
    unit = chance.randint(0, 1)
    sums, w, above = chance.array(1, 2), chance.array(2, 2, low=-2, high=2), chance.array(1, 2, low=-0.5, high=0.5)

    z, weights = Tensor.input("z", n=BATCH, i=2), Tensor.input("w", i=2, o=2)
    a = activation(kind)(z)
    y = dense(a, weights)
    gradients = derivative(y, [z, a], upstream=Tensor.input("dy", n=BATCH, o=2))
    outputs = {"a": a, "da": gradients[a], "dz": gradients[z]}
    run = run_of(outputs, z=sums, w=w, dy=above)
    transposed = run_of(outputs, z=sums, w=w.T, dy=above)
    answer = float(run["dz"][0, unit])
    arrives, value = float(run["da"][0, unit]), float(run["a"][0, unit])
    ask = gettext(
        "The hidden units have the activation {kind}, `a = {formula}`, and the sums z; two units above take "
        "`y[o] = Σ_i a[i]·w[i,o]` and send back the gradients dy. What is δ = dz of hidden unit {unit}, counted from 0?"
    )
    return Draft(
        [
            Text(ask.filled(kind=kind, formula=FORMULAS[kind].partition(" = ")[2], unit=unit)),
            grid("z", sums),
            grid("w", w),
            grid("dy", above),
        ],
        answer,
        [
            (arrives, gettext("this is what comes out without σ′, the activation's slope")),
            (float(transposed["dz"][0, unit]), gettext("here the indices of w are transposed: w[o,i] for w[i,o]")),
            (arrives * value, gettext("here the activation's value stands where its slope belongs")),
            (float(run["dz"][0, 1 - unit]), gettext("this is δ of the other hidden unit")),
        ],
        steps(run, ("a", 0, unit), ("da", 0, unit), ("dz", 0, unit)),
    )


def backprop(chance: Draw) -> Draft:
    kind = chance.choice(["sigmoid", "tanh"])
    x, y = chance.array(1, 2, low=-1, high=2), np.array([[float(chance.randint(0, 1))]])
    rate = chance.choice([0.5, 1.0, 2.0])
    i, j = chance.randint(0, 1), chance.randint(0, 1)
    values = {
        "dense_1.kernel": chance.array(2, 2),
        "dense_1.bias": chance.array(2, low=-0.5, high=0.5),
        "dense_2.kernel": chance.array(2, 1, low=-2, high=2),
        "dense_2.bias": chance.array(1, low=-0.5, high=0.5),
    }
    net = network(Dense(2, activation=kind), Dense(1, activation="sigmoid"), input_shape=2, values=values)
    run = net.trace(x, y, loss="mse", optimizer=SGD(rate))
    old, new = float(values["dense_1.kernel"][i, j]), float(run["dense_1.kernel′"][i, j])
    gradient = float(run["d(dense_1.kernel)"][i, j])
    above = float(run["d(dense_1)"][0, j])
    slope_out = float(run["d(dense_2.sum)"][0, 0]) / float(run["d(dense_2)"][0, 0])
    ask = gettext(
        "A network has two inputs, two hidden units with the activation {kind} and one output with sigmoid; its loss "
        "is the squared error, `(p − y)²`. Work out one step of gradient descent with the learning rate {rate}. What "
        "is the new weight w[{i},{j}] of the hidden layer, from input {i} to unit {j}, counted from 0?"
    )
    return Draft(
        [
            Text(ask.filled(kind=kind, rate=shown(rate), i=i, j=j)),
            grid("x", x),
            grid("y", y),
            *(grid(path, values[path]) for path in values),
        ],
        new,
        [
            (old - rate * above * x[0, i], gettext("this is what comes out without σ′ of the hidden unit")),
            (old - rate * gradient / slope_out, gettext("this is what comes out without σ′ of the output")),
            (old + rate * gradient, gettext("here the step goes up the gradient: the sign is wrong")),
            (
                old - rate * float(run["d(dense_1.kernel)"][j, i]),
                gettext("here the indices are transposed: the gradient of w[{i},{j}]", i=j, j=i),
            ),
            (old - rate * float(run["d(dense_1.sum)"][0, j]), gettext("here the factor x[{i}] is missing", i=i)),
            (old - gradient, gettext("here the learning rate is missing")),
        ],
        [
            Text(gettext("Forward, from the inputs to the loss:")),
            *steps(
                run,
                *(("dense_1.sum", 0, k) for k in (0, 1)),
                *(("dense_1", 0, k) for k in (0, 1)),
                ("dense_2.sum", 0, 0),
                ("dense_2", 0, 0),
                ("loss.l", 0),
            ),
            Text(gettext("Backward, from the loss to the weight:")),
            *steps(
                run,
                ("d(dense_2)", 0, 0),
                ("d(dense_2.sum)", 0, 0),
                ("d(dense_1)", 0, j),
                ("d(dense_1.sum)", 0, j),
                ("d(dense_1.kernel)", i, j),
            ),
            Text(gettext("The update:")),
            *steps(run, ("dense_1.kernel′", i, j)),
            Text(gettext("All new weights of the hidden layer:")),
            grid("dense_1.kernel′", np.round(run["dense_1.kernel′"], 4)),
        ],
        digits=4,
    )
