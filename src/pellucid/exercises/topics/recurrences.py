"""One step of a recurrent network and of an LSTM."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.exercises.drawing import Draft, Draw, grid, network, shown, steps
from pellucid.exercises.rendering import Formula, Text, mathematics
from pellucid.explain.trace import Trace
from pellucid.layers.base import Input
from pellucid.layers.recurrent.lstm import LSTM
from pellucid.layers.recurrent.rnn import RNN
from pellucid.messages import gettext


def rnn(chance: Draw) -> Draft:
    x, h = chance.array(1, 1, 2, low=-1, high=2), chance.tenths(-0.9, 0.9)
    W, U, b = chance.array(2, 1), chance.tenths(-1, 1), chance.tenths(-0.5, 0.5)

    def stepped(*, state: float = h, bias: float = b, kind: str = "tanh", kernel: Any = W) -> Trace:
        sequence, before = Input((1, 2)), Input(1)
        values = {"rnn_1.kernel": kernel, "rnn_1.recurrent_kernel": [[U]], "rnn_1.bias": [bias]}
        net = network(inputs=[sequence, before], outputs=RNN(1, activation=kind)(sequence, before), values=values)
        return net.trace(dict(zip(net.input_shapes, (x, np.array([[state]])), strict=True)))

    run = stepped()
    path = "rnn_1.state"

    def value(trace: Trace) -> float:
        return float(trace[path][0, 0, 0])

    ask = gettext(
        "A recurrent network of one unit was in the state h = {h}. Now it reads x. What is its new state "
        "`h′ = tanh(b + Σ_i x[i]·W[i] + h·U)`, with U = {U} and b = {b}?"
    )
    return Draft(
        [Text(ask.filled(h=shown(h), U=shown(U), b=shown(b))), grid("x", x[0, 0]), grid("W", W[:, 0])],
        value(run),
        [
            (value(stepped(state=0)), gettext("here the state before was forgotten")),
            (value(stepped(bias=0)), gettext("this is what comes out without the bias")),
            (value(stepped(kind="linear")), gettext("this is the sum before the activation")),
            (value(stepped(kernel=W[::-1])), gettext("here each input was multiplied with the other one's weight")),
        ],
        steps(run, ("rnn_1.sum.ahead", 0, 0, 0), ("rnn_1.sum", 0, 0, 0), (path, 0, 0, 0)),
    )


def lstm(chance: Draw) -> Draft:
    gates = ("input", "forget", "cell", "output")
    x, h, c = chance.tenths(-1, 2), chance.tenths(-0.9, 0.9), chance.tenths(-1.5, 1.5)
    W, U, b = (chance.array(4) for _ in range(3))
    asked = chance.choice(["cell", "state"])

    def stepped(order: tuple[int, ...] = (0, 1, 2, 3), *, cell: float = c, bias: Any = b) -> Trace:
        sequence, hidden, before = Input((1, 1)), Input(1), Input(1)
        at = list(order)
        values = {
            "lstm_1.kernel": W[at].reshape(1, 4, 1),
            "lstm_1.recurrent_kernel": U[at].reshape(1, 4, 1),
            "lstm_1.bias": bias[at].reshape(4, 1),
        }
        net = network(inputs=[sequence, hidden, before], outputs=LSTM(1)(sequence, hidden, before), values=values)
        given = np.array([[[x]]]), np.array([[h]]), np.array([[cell]])
        return net.trace(dict(zip(net.input_shapes, given, strict=True)))

    run = stepped()

    def value(trace: Trace, what: str = asked) -> float:
        return float(trace[f"lstm_1.{what}"].ravel()[0])

    i, _, g, o = (value(run, f"gate.{gate}") for gate in gates)
    slips = [
        (value(stepped((1, 0, 2, 3))), gettext("here the input gate and the forget gate are swapped")),
        (value(stepped(cell=0)), gettext("here the cell before was forgotten")),
        (value(stepped(bias=0 * b)), gettext("this is what comes out without the biases")),
    ]
    if asked == "cell":
        slips.append((c + i * g, gettext("here the forget gate is missing: the old cell counts whole")))
        slips.append((value(run, "state"), gettext("this is the state, not the cell")))
    else:
        slips.append((o * value(run, "cell"), gettext("here the cell's tanh is missing")))
        slips.append((value(run, "cell"), gettext("this is the cell, not the state")))
    names = {"cell": "c′", "state": "h′"}
    ask = gettext(
        "An LSTM of one unit has the cell c = {c} and the state h = {h}. Now it reads x = {x}. What is {what}? The "
        "gates i, f, o are σ of their sums and g is tanh of its sum; each sum is `b + x·W + h·U`, with the weights "
        "below in the order i, f, g, o."
    )
    formulas = ("c′ = f·c + i·g", "h′ = o·tanh(c′)")
    return Draft(
        [
            Text(ask.filled(c=shown(c), h=shown(h), x=shown(x), what=names[asked])),
            *(Formula(text, mathematics(text)) for text in formulas),
            grid("W", W),
            grid("U", U),
            grid("b", b),
        ],
        value(run),
        slips,
        steps(
            run,
            *(("lstm_1.sum.ahead", 0, 0, gate, 0) for gate in range(4)),
            *(("lstm_1.sum", 0, 0, gate, 0) for gate in range(4)),
            *((f"lstm_1.gate.{gate}", 0, 0, 0) for gate in gates),
            ("lstm_1.cell", 0, 0, 0),
            *([("lstm_1.state", 0, 0, 0)] if asked == "state" else []),
        ),
    )
