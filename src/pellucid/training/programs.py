"""The programs of a training, from a network's formulas: a step, an evaluation, a prediction, gradients.

Names of their inputs: the network's inputs, "dense_3.target" for the targets of the output dense_3, "sample_weight",
"learning_rate", "step" (from 1), "seed", the parameters by path and the optimizer's slots as
"dense_1.kernel:first_moment". Names of their outputs: "loss", "dense_3.prediction", "dense_3.mask" where some steps of
the output may only be padding, "dense_3.loss" where there are several outputs, and the new values of
parameters and slots under the same names. Of what stateful layers carry on, "lstm_1.state.before" is an input and
"lstm_1.state.after" an output.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines import Executable
from pellucid.formula import BATCH, Program, Tensor, define, derivative
from pellucid.functions.learning import losses
from pellucid.functions.learning.optimizers import Optimizer, clip_by_global_norm, clip_by_value
from pellucid.layers.base import give_paths, new_tensors
from pellucid.network import BaseNetwork, Forward
from pellucid.training.inputs.feeds import WEIGHT
from pellucid.training.inputs.targets import Goal


@dataclass(frozen=True)
class Clip:
    """Gradients kept small: the `norm` of all of them together, or the `value` of each element."""

    norm: float | None = None
    value: float | None = None

    def __call__(self, gradients: Mapping[str, Tensor], dtype: np.dtype[Any]) -> dict[str, Tensor]:
        clipped = dict(gradients)
        if self.value is not None:
            clipped = {path: clip_by_value(g, limit=self.value) for path, g in clipped.items()}
        if self.norm is not None:
            clipped = clip_by_global_norm(clipped, limit=self.norm, exponent=int(np.finfo(dtype).maxexp))
        return clipped


@dataclass(frozen=True)
class Objective:
    """A network with its loss: `data` is the mean loss of the batch, `loss` the same with the regularizers' penalty.

    `parts` are the losses of the outputs by name, without their weights, where there are several.
    """

    forward: Forward
    data: Tensor
    loss: Tensor
    parts: Mapping[str, Tensor]


def objective(
    net: BaseNetwork,
    goals: Sequence[Goal],
    *,
    training: bool,
    weighted: bool = False,
    fused: bool = True,
    carried: bool = False,
) -> Objective:
    """The loss of a batch, rank 0: the mean over the examples (each times its weight), the sum over the outputs
    (each times its weight).

    Of an output with a mask, it is the mean over the real steps of the batch. `fused`: whether a loss reads the sums
    before softmax or sigmoid, where it can. With `carried`, stateful layers begin with the states of the batch before.
    """
    forward = net.forward(training=training, carried=carried)
    known = {*forward.inputs.values(), *forward.parameters.values(), *forward.random.values()}
    ends = [after for _, after in forward.states.values()]
    new_tensors([*forward.outputs.values(), *forward.updates.values(), *ends], known)
    weight = Tensor.input(WEIGHT, n=BATCH, letter="w") if weighted else None
    parts = [
        losses.total(goal.examples(forward, fused=fused), weight, mask=forward.masks.get(goal.path)) for goal in goals
    ]
    data = _sum([_times(part, goal.weight) for goal, part in zip(goals, parts, strict=True)])
    loss = data if forward.penalty is None else define("loss[] = data + penalty", data=data, penalty=forward.penalty)
    give_paths([loss], "loss", known=known, paths={loss: "loss"})
    named = {loss_name(goal.path): part for goal, part in zip(goals, parts, strict=True)}
    return Objective(forward, data, loss, named if len(goals) > 1 else {})


def training_program(
    net: BaseNetwork,
    goals: Sequence[Goal],
    optimizer: Optimizer,
    *,
    clip: Clip | None = None,
    weighted: bool = False,
) -> Program:
    """One step of gradient descent: loss, predictions, the new value of every parameter and slot."""
    target = objective(net, goals, training=True, weighted=weighted, carried=True)
    forward = target.forward
    trainable = {path: forward.parameters[path] for path in net.parameters.trainable}
    adjoints = derivative(target.loss, trainable.values())
    gradients = {path: adjoints[w] for path, w in trainable.items()}
    if clip is not None:
        gradients = clip(gradients, net.dtype)
        give_paths(gradients.values(), "clip", known={target.loss, *adjoints.values()}, paths={})
    rate = Tensor.input("learning_rate", letter="lr")
    step = forward.random.get("step") or Tensor.input("step", kind="int", letter="t")
    outputs = {
        "loss": target.loss,
        **target.parts,
        **_predictions(forward, goals),
        **forward.updates,
        **_states(forward),
    }
    made = {target.loss, *gradients.values()}
    for path, weight in trainable.items():
        slots = {
            slot: Tensor.input(f"{path}:{slot}", {a.name: a.size for a in weight.axes}) for slot in optimizer.slots
        }
        new = optimizer.update(weight, gradients[path], slots, lr=rate, step=step)
        update = {path if slot == "weight" else f"{path}:{slot}": tensor for slot, tensor in new.items()}
        give_paths(update.values(), "", known=made, paths={tensor: f"{name}′" for name, tensor in update.items()})
        outputs |= update
    return Program(outputs)


def evaluation_program(net: BaseNetwork, goals: Sequence[Goal], *, weighted: bool = False) -> Program:
    """Loss and predictions, as the network predicts (no dropout)."""
    target = objective(net, goals, training=False, weighted=weighted, carried=True)
    forward = target.forward
    return Program({"loss": target.loss, **target.parts, **_predictions(forward, goals), **_states(forward)})


def prediction_program(net: BaseNetwork, *, training: bool = False) -> Program:
    """Every output, by path; with `training`, as the network is read in a step."""
    forward = net.forward(training=training, carried=True)
    return Program({**forward.outputs, **_states(forward)})


def gradient_program(
    net: BaseNetwork, goals: Sequence[Goal], *, training: bool = False, weighted: bool = False
) -> Program:
    """The loss, and its gradient by every trainable parameter, by path."""
    target = objective(net, goals, training=training, weighted=weighted, carried=True)
    trainable = {path: target.forward.parameters[path] for path in net.parameters.trainable}
    gradients = derivative(target.loss, trainable.values())
    return Program({"loss": target.loss, **{path: gradients[w] for path, w in trainable.items()}})


def training_step(
    net: BaseNetwork,
    goals: Sequence[Goal],
    optimizer: Optimizer,
    *,
    clip: Clip,
    weighted: bool,
    engine: str | None = None,
) -> Executable:
    """`training_program`, compiled and kept by the network. The learning rate is an input: it may change."""
    settings = {k: v for k, v in optimizer.config().items() if k != "learning_rate"}
    key = "training", json.dumps(settings, sort_keys=True), _keys(goals), clip, weighted
    return net.executable(
        key, lambda net: training_program(net, goals, optimizer, clip=clip, weighted=weighted), engine=engine
    )


def evaluation_step(
    net: BaseNetwork, goals: Sequence[Goal], *, weighted: bool, engine: str | None = None
) -> Executable:
    """`evaluation_program`, compiled and kept by the network."""
    key = "evaluation", _keys(goals), weighted
    return net.executable(key, lambda net: evaluation_program(net, goals, weighted=weighted), engine=engine)


def prediction_step(net: BaseNetwork, *, training: bool = False, engine: str | None = None) -> Executable:
    """`prediction_program`, compiled and kept by the network."""
    key = "prediction in training" if training else "prediction"
    return net.executable(key, lambda net: prediction_program(net, training=training), engine=engine)


def gradient_step(net: BaseNetwork, goals: Sequence[Goal], *, training: bool, weighted: bool) -> Executable:
    """`gradient_program`, compiled and kept by the network."""
    key = "gradient", _keys(goals), training, weighted
    return net.executable(key, lambda net: gradient_program(net, goals, training=training, weighted=weighted))


def prediction_name(path: str) -> str:
    return f"{path}.prediction"


def mask_name(path: str) -> str:
    return f"{path}.mask"


def loss_name(path: str) -> str:
    return f"{path}.loss"


def _predictions(forward: Forward, goals: Sequence[Goal]) -> dict[str, Tensor]:
    masks = {mask_name(goal.path): forward.masks[goal.path] for goal in goals if goal.path in forward.masks}
    return {prediction_name(goal.path): forward.outputs[goal.path] for goal in goals} | masks


def _states(forward: Forward) -> dict[str, Tensor]:
    """What stateful layers carry on, by path."""
    return {f"{path}.after": after for path, (_, after) in forward.states.items()}


def _keys(goals: Sequence[Goal]) -> tuple[Any, ...]:
    return tuple(goal.key for goal in goals)


def _times(loss: Tensor, weight: float) -> Tensor:
    return loss if weight == 1 else define("part[] = weight·loss", loss=loss, weight=weight)


def _sum(parts: Sequence[Tensor]) -> Tensor:
    total = parts[0]
    for part in parts[1:]:
        total = define("loss[] = a + b", a=total, b=part)
    return total
