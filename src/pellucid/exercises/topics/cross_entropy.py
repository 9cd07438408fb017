"""Softmax with cross-entropy."""

from __future__ import annotations

import numpy as np

from pellucid.exercises.drawing import Draft, Draw, grid, network, steps
from pellucid.exercises.rendering import Text
from pellucid.layers.dense import Dense
from pellucid.messages import gettext


def softmax(chance: Draw) -> Draft:
    z, label = chance.array(3, low=-2, high=2), chance.randint(0, 2)
    values = {"dense_1.kernel": np.eye(3), "dense_1.bias": np.zeros(3)}
    net = network(Dense(3, activation="softmax"), input_shape=3, values=values)
    run = net.trace(z[None], np.array([label]), loss="crossentropy")
    p, path = run["dense_1"][0], "dense_1"
    loss = float(run["loss"])
    losses = [float(net.trace(z[None], np.array([k]), loss="crossentropy")["loss"]) for k in range(3)]
    if chance.random() < 0.5:
        wanted = gettext("What is the cross-entropy loss, if class {label} is the true one?")
        other = (label + 1) % 3
        answer, slips = (
            loss,
            [
                (float(p[label]), gettext("this is the probability, not its logarithm")),
                (losses[other], gettext("this is the loss if class {other} were the true one", other=other)),
                (loss / np.log(10), gettext("this is the logarithm to the base 10")),
                (-loss, gettext("here the sign is wrong: a loss is never negative")),
            ],
        )
        last: list[tuple[object, ...]] = [("loss.s", 0, label), ("loss.c", 0), ("loss.l", 0)]
    else:
        wanted = gettext(
            "What is the gradient of the cross-entropy loss by z[{label}], if class {label} is the true one?"
        )
        answer = float(run["d(dense_1.bias)"][label])
        slips = [
            (float(p[label]), gettext("here the true class was forgotten: p stands where p − 1 belongs")),
            (-answer, gettext("here the sign is wrong: the gradient is p − y, not y − p")),
            (-1 / float(p[label]), gettext("this is the gradient by the probability: softmax's own slope is missing")),
            (answer * float(p[label]), gettext("here one factor p is too many")),
        ]
        last = [("loss.s", 0, label), ("loss.c", 0), ("d(loss.s)", 0, label)]
    question = gettext("Softmax, `p[k] = exp(z[k])/Σ_j exp(z[j])`, gets the numbers z for the classes 0, 1 and 2.")
    return Draft(
        [Text(question), grid("z", z), Text(wanted.filled(label=label))],
        answer,
        slips,
        [
            Text(gettext("The largest z is subtracted first, which changes no probability and keeps exp small:")),
            *steps(run, *(("dense_1.e", 0, k) for k in range(3)), *((path, 0, k) for k in range(3)), *last),
        ],
    )
