"""One update of a weight: gradient descent, momentum, Adam."""

from __future__ import annotations

import math

from pellucid.exercises.drawing import Draft, Draw, grid, network, run_of, shown, steps
from pellucid.exercises.rendering import Text
from pellucid.explain.trace import Trace
from pellucid.formula import Tensor
from pellucid.functions.learning.optimizers import SGD, Adam, Optimizer
from pellucid.layers.dense import Dense
from pellucid.messages import gettext


def sgd(chance: Draw) -> Draft:
    x, y = chance.array(2, 1, low=-2, high=2), chance.array(2, 1, low=-2, high=2)
    w, b, rate = chance.tenths(-1, 1), chance.tenths(-1, 1), chance.choice([0.1, 0.2, 0.5])
    net = network(Dense(1), input_shape=1, values={"dense_1.kernel": [[w]], "dense_1.bias": [b]})
    run = net.trace(x, y, loss="mse", optimizer=SGD(rate))
    gradient = float(run["d(dense_1.kernel)"][0, 0])
    ask = gettext(
        "The unit `p = b + x·w` has w = {w} and b = {b}. Two examples are one batch; the loss is the mean of their "
        "squared errors, `(p − y)²`. What is w after one step of gradient descent with the learning rate {rate}?"
    )
    no_bias = network(Dense(1, use_bias=False), input_shape=1, values={"dense_1.kernel": [[w]]})
    without = no_bias.trace(x, y, loss="mse", optimizer=SGD(rate))
    return Draft(
        [Text(ask.filled(w=shown(w), b=shown(b), rate=shown(rate))), grid("x", x[:, 0]), grid("y", y[:, 0])],
        float(run["dense_1.kernel′"][0, 0]),
        [
            (w - 2 * rate * gradient, gettext("here the mean over the batch was forgotten: this is the sum's step")),
            (w + rate * gradient, gettext("here the step goes up the gradient: the sign is wrong")),
            (w - gradient, gettext("here the learning rate is missing")),
            (float(without["dense_1.kernel′"][0, 0]), gettext("this is what comes out without the bias")),
            (w - rate * gradient / 2, gettext("here the factor 2 of the square's derivative is missing")),
        ],
        steps(
            run,
            *(("dense_1", n, 0) for n in (0, 1)),
            *(("d(loss.l)", n) for n in (0,)),
            *(("d(dense_1)", n, 0) for n in (0, 1)),
            ("d(dense_1.kernel)", 0, 0),
            ("dense_1.kernel′", 0, 0),
        ),
    )


def _updated(rule: Optimizer, w: float, dw: float, rate: float, t: int, **slots: float) -> Trace:
    """One update of one weight by an optimizer's own formulas."""
    weight, gradient = Tensor.input("w", i=1), Tensor.input("dw", i=1)
    held = {name: Tensor.input(name, i=1, letter=name[0]) for name in slots}
    new = rule.update(weight, gradient, held, lr=Tensor.input("lr"), step=Tensor.input("t", kind="int"))
    outputs = {("w" if name == "weight" else name) + "′": tensor for name, tensor in new.items()}
    for name, tensor in outputs.items():
        tensor.name = name
    feeds = {name: [value] for name, value in {"w": w, "dw": dw, **slots}.items()}
    return run_of(outputs, **feeds, lr=rate, t=t)


def momentum(chance: Draw) -> Draft:
    w, dw, v = chance.tenths(-1, 1), chance.tenths(-2, 2), chance.tenths(-1, 1)
    rate, μ = chance.choice([0.1, 0.2, 0.5]), chance.choice([0.5, 0.8, 0.9])
    run = _updated(SGD(rate, momentum=μ), w, dw, rate, 1, velocity=v)
    plain = float(_updated(SGD(rate), w, dw, rate, 1)["w′"][0])
    ask = gettext(
        "A weight w = {w} has the gradient dw = {dw} and the velocity v = {v}. What is w after one step with momentum, "
        "`v′ = μ·v − lr·dw` and `w′ = w + v′`, with the learning rate lr = {rate} and μ = {mu}?"
    )
    return Draft(
        [Text(ask.filled(w=shown(w), dw=shown(dw), v=shown(v), rate=shown(rate), mu=shown(μ)))],
        float(run["w′"][0]),
        [
            (plain, gettext("here the velocity was forgotten: this is plain gradient descent")),
            (plain + v, gettext("here the velocity counts whole: its factor μ is missing")),
            (2 * w - float(run["w′"][0]), gettext("here the velocity is subtracted: the sign is wrong")),
            (w + μ * v + rate * dw, gettext("here the step goes up the gradient: the sign is wrong")),
        ],
        steps(run, ("velocity′", 0), ("w′", 0)),
    )


def adam(chance: Draw) -> Draft:
    w, dw = chance.tenths(-1, 1), chance.tenths(-2, 2)
    m, v, t = chance.tenths(-0.5, 0.5), chance.randint(1, 30) / 100, chance.randint(2, 3)
    rate, β1, β2 = chance.choice([0.1, 0.2, 0.5]), 0.9, 0.9
    run = _updated(Adam(rate, beta_1=β1, beta_2=β2), w, dw, rate, t, first_moment=m, second_moment=v)
    m_new, v_new = float(run["first_moment′"][0]), float(run["second_moment′"][0])
    m_hat, v_hat = m_new / (1 - β1**t), v_new / (1 - β2**t)
    ask = gettext(
        "A weight w = {w} has the gradient dw = {dw} and the running means m = {m} and v = {v}. What is w after step "
        "t = {t} of Adam, with lr = {rate}, β1 = {b1}, β2 = {b2} and an ε that is too small to count?"
    )
    values = {"w": w, "dw": dw, "m": m, "v": v, "rate": rate, "b1": β1, "b2": β2}
    return Draft(
        [Text(ask.filled(t=t, **{name: shown(value) for name, value in values.items()}))],
        float(run["w′"][0]),
        [
            (
                w - rate * m_new / math.sqrt(v_new),
                gettext("here the running means are not corrected for their start at 0"),
            ),
            (w - rate * m_hat / v_hat, gettext("here the root over v is missing")),
            (w - rate * dw / math.sqrt(v_hat), gettext("here the gradient stands where its running mean m belongs")),
            (w - rate * dw, gettext("this is plain gradient descent")),
            (w + rate * m_hat / math.sqrt(v_hat), gettext("here the step goes up the gradient: the sign is wrong")),
        ],
        steps(run, ("first_moment′", 0), ("second_moment′", 0), ("w′", 0)),
    )
