"""An optimizer's updates as sums over the gradients of all steps.

With g the gradient and m what the optimizer remembers of the gradients before (velocity, first moment), every update is

    Δw = a·g + b·m − c·w,   m′ = d·g + e·m

where a, b, c, d, e do not depend on the example: for Adam a = −lr·(1 − β1)/((1 − β1ᵗ)·(√v̂ + ε)), with v̂ as the
training had it. So the last value of w is its first one, plus for every step its gradient times what becomes of it
until the end, plus what the weight decay took away. What an example did to v̂ is in the numbers of all: it is no part of
its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pellucid.errors import PellucidError
from pellucid.functions.learning.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, Optimizer, RMSprop


@dataclass(frozen=True)
class Linear:
    """One step of one weight: what of the gradient and of the memory goes into the weight and into the memory.

    Attributes:
        gradient, memory: Δw = gradient·g + memory·m + decay.
        kept_gradient, kept_memory: m′ = kept_gradient·g + kept_memory·m.
        decay: what a decay of the weight itself adds.
    """

    gradient: float
    memory: float = 0.0
    kept_gradient: float = 0.0
    kept_memory: float = 0.0
    decay: float = 0.0


@dataclass(frozen=True)
class Moment:
    """One weight before a step: its value and slots, the slots after it, the clipped gradient, the rate, the step from
    1.
    """

    weight: float
    slots: Mapping[str, float]
    after: Mapping[str, float]
    gradient: float
    rate: float
    step: int


def memory_of(rule: Optimizer) -> str | None:
    """The slot that holds a sum of gradients; None where there is none."""
    match rule:
        case SGD():
            return "velocity" if rule.momentum else None
        case Adam():
            return "first_moment"
        case Lion():
            return "moment"
    return None


def linear(rule: Optimizer, at: Moment) -> Linear:
    """An update as a sum.

    Raises:
        PellucidError: it is not known for this optimizer.
    """
    lr = at.rate
    match rule:
        case SGD(momentum=0):
            return Linear(-lr)
        case SGD(momentum=mu, nesterov=ahead):
            return Linear(-lr * (1 + mu), mu * mu, -lr, mu) if ahead else Linear(-lr, mu, -lr, mu)
        case RMSprop():
            return Linear(-lr / (math.sqrt(at.after["mean_square"]) + rule.epsilon))
        case Adagrad():
            total = rule.initial_accumulator_value + at.after["accumulator"] + rule.epsilon
            return Linear(-lr / math.sqrt(total))
        case Nadam():
            now, then = (rule.beta_1 * (1 - 0.5 * 0.96**t) for t in (at.step, at.step + 1))
            spent = at.after["spent"]
            over = math.sqrt(at.after["second_moment"] / (1 - rule.beta_2**at.step)) + rule.epsilon
            ahead_by = then / (1 - (1 - spent) * then)
            of_gradient = ahead_by * (1 - rule.beta_1) + (1 - now) / spent
            of_memory = ahead_by * rule.beta_1
            return Linear(-lr * of_gradient / over, -lr * of_memory / over, 1 - rule.beta_1, rule.beta_1)
        case Adam():
            over = math.sqrt(at.after["second_moment"] / (1 - rule.beta_2**at.step)) + rule.epsilon
            scale = -lr / ((1 - rule.beta_1**at.step) * over)
            decay = -lr * rule.weight_decay * at.weight if isinstance(rule, AdamW) else 0.0
            return Linear(scale * (1 - rule.beta_1), scale * rule.beta_1, 1 - rule.beta_1, rule.beta_1, decay)
        case Lion():
            mean = rule.beta_1 * at.slots["moment"] + (1 - rule.beta_1) * at.gradient
            scale = -lr / abs(mean) if mean else 0.0
            return Linear(scale * (1 - rule.beta_1), scale * rule.beta_1, 1 - rule.beta_2, rule.beta_2)
    raise PellucidError(
        f"how much of an update of {type(rule).__name__} is an example's is not known; by step and by epoch it is"
    )


def to_the_end(steps: Sequence[Linear]) -> tuple[list[float], float]:
    """For every step, what of its gradient is in the weight after the last one; and what of the memory before the
    first is.
    """
    memory = 0.0  # what of the memory after a step gets into the weight later
    factors: list[float] = []
    for step in reversed(steps):
        factors.append(step.gradient + step.kept_gradient * memory)
        memory = step.memory + step.kept_memory * memory
    return factors[::-1], memory
