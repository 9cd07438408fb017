"""One step at a time, in a loop of one's own: `train_on_batch` and `test_on_batch`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.errors import NonFiniteError, PellucidError
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.functions.learning.schedules import rate_at
from pellucid.habits import spelled
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import Measures, Metrics, chosen, evaluate, prepared
from pellucid.training.inputs.targets import LossLike, LossWeights
from pellucid.training.optimizer_memory import OptimizerMemory
from pellucid.training.programs import Clip, training_program, training_step
from pellucid.training.running import failures


@spelled
def train_on_batch(
    net: BaseNetwork,
    x: Any,
    y: Any,
    *,
    optimizer: str | Mapping[str, object] | Optimizer = "adam",
    loss: LossLike | Mapping[str, LossLike] = None,
    loss_weights: LossWeights = None,
    metrics: Metrics = (),
    sample_weight: Any = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
) -> dict[str, float]:
    """One step of training on these examples, all of them together; gives its loss and metrics as `evaluate` does.

    The optimizer goes on from call to call: the network keeps its moments and the count of steps for as long as the
    calls give the same optimizer (its learning rate may change). See `fit` for the arguments.

    Raises:
        DataError: examples or targets that the network cannot take.
        NonFiniteError: the step gives a value that is not finite; the network stays as it is.
        PellucidError: another thread is training this network.
    """
    examples, goals = prepared(net, x, y, loss, sample_weight, loss_weights=loss_weights)
    rule, clip = optimizer_of(optimizer), Clip(clip_norm, clip_value)
    measures = Measures(net, goals, chosen(metrics, goals, examples))
    run = training_step(net, goals, rule, clip=clip, weighted=examples.weighted)
    if not net.being_trained.acquire(blocking=False):
        raise PellucidError("another thread is training this network; wait for it, or train a copy: copy.deepcopy(net)")
    try:
        memory, parameters = OptimizerMemory.of(net, rule), net.parameters.snapshot()
        rate = rule.initial_rate if rule.schedule is None else rate_at(rule.schedule, memory.step, "step")
        counters = {
            "learning_rate": np.array(rate),
            "step": np.array(memory.step + 1),
            "seed": np.array(net.seed),
        }
        batch = examples.rows(slice(None))
        with net.carried.used():
            inputs = {**batch, **parameters, **memory.slots, **counters, **net.carried.feed(len(examples))}
            outputs = run(inputs)
            changed = {name: outputs[name] for name in {**parameters, **memory.slots} if name in outputs}
            if not all(np.isfinite(array).all() for array in [outputs["loss"], *changed.values()]):
                program = training_program(net.sized(batch), goals, rule, clip=clip, weighted=examples.weighted)
                origin = failures.non_finite(net, program, {**inputs, **run.trace(inputs)})
                raise NonFiniteError(f"a step gave a value that is not finite: {origin.message}", origin)
            net.carried.take(outputs)
        net.parameters.replace({path: array for path, array in changed.items() if path in parameters})
        net.optimizer_memory = memory.after({**memory.slots, **changed}, memory.step + 1)
    finally:
        net.being_trained.release()
    measures.add(batch, outputs)
    return {"loss": float(outputs["loss"]), **measures.results()}


@spelled
def test_on_batch(
    net: BaseNetwork,
    x: Any,
    y: Any,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    loss_weights: LossWeights = None,
    metrics: Metrics = (),
    sample_weight: Any = None,
) -> dict[str, float]:
    """`evaluate`, of these examples all together.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    return evaluate(
        net,
        x,
        y,
        loss=loss,
        loss_weights=loss_weights,
        metrics=metrics,
        sample_weight=sample_weight,
        batch_size=1 << 62,
    )
