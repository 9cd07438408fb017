"""The outputs of a random network, what they are trained to, and by which loss."""

from __future__ import annotations

from typing import Any

from tests.fuzzing.cases import Call, Goal
from tests.fuzzing.choices import Draw, call_of
from tests.fuzzing.graphs import Builder

LAST = (
    ("linear", 5),
    ("softmax", 4),
    ("sigmoid", 3),
    ("log_softmax", 1),
    ("tanh", 1),
    ("relu", 1),
    ("softplus", 1),
)
TARGETS = {"linear": "normal", "log_softmax": "negative"}
"""Which numbers an activation can give, where those are not fractions."""


LOSSES = {
    "values": (
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "log_cosh",
        "quantile",
        "poisson",
        "hinge",
        "squared_hinge",
        "kl_divergence",
    ),
    "binary": ("binary_crossentropy", "binary_focal_crossentropy"),
    "categorical": ("categorical_crossentropy", "categorical_focal_crossentropy"),
    "either": ("crossentropy",),
}
"""The losses by what they read."""


def finish(d: Draw, graph: Builder, value: int) -> Goal:
    """An output that ends here, and what it is trained to."""
    shape = graph.shapes[value]
    if len(shape) > 2 or (len(shape) == 2 and d.chance(0.6)):
        ends = ["Flatten", "GlobalAveragePool", "GlobalMaxPool"] if len(shape) < 5 else ["Flatten"]
        ends += ["none"] if len(shape) < 5 else []
        end = d.pick(ends)
        if end != "none":
            value = must(graph.use(Call(end), value))
        elif len(shape) > 2:
            return Goal(value, "fraction", {"name": "huber", "delta": 0.7})
    if d.chance(0.1):
        return Goal(value, "fraction", d.pick(["mean_squared_error", "mean_absolute_error"]))
    last = d.pick([name for name, _ in LAST], [weight for _, weight in LAST])
    size = int(d.pick((1, 2, 3, 5, 10, 17))) if not d.large else int(d.pick((1, 10, 130)))
    if last in ("softmax", "log_softmax"):
        size = max(size, 2)
    end_call = call_of(d, "Dense", graph.shapes[value], units=size, activation=last)
    return goal(d, must(graph.use(end_call, value)), last, size)


def goal(d: Draw, value: int, last: str, size: int) -> Goal:
    """A loss that reads what an activation gives, with targets for it."""
    binary = last == "sigmoid" or (last == "linear" and d.chance(0.15))
    categorical = size > 1 and (last in ("softmax", "log_softmax") or (last == "linear" and d.chance(0.2)))
    if categorical and d.chance(0.8):
        target = d.pick(["classes", "classes", "one-hot", "probabilities"])
        fitting = [None] if last != "linear" else []
        return Goal(value, target, d.pick([*LOSSES["categorical"], *LOSSES["either"], *fitting]))
    if binary and d.chance(0.8):
        default: list[Any] = [None, *LOSSES["either"]] if last == "sigmoid" else []
        return Goal(value, d.pick(["binary", "soft"]), d.pick([*LOSSES["binary"], *default]))
    loss = d.pick([name for name in LOSSES["values"] if name != "poisson" or last == "softplus"])  # a rate is above 0
    if loss == "huber" and d.chance(0.5):
        loss = {"name": loss, "delta": d.pick([0.3, 2.0])}
    return Goal(value, TARGETS.get(last, "fraction"), loss)


def must(value: int | None) -> int:
    assert value is not None
    return value
