"""`fit`: everything that a training needs, checked and put together, before the first step."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pellucid.arrays import as_array, check_integer, check_range
from pellucid.errors import DataError, PellucidError
from pellucid.functions.learning.optimizers import Optimizer
from pellucid.functions.learning.optimizers import optimizer as optimizer_of
from pellucid.habits import spelled
from pellucid.network import BaseNetwork
from pellucid.training.callbacks.base import Callback, callbacks_of
from pellucid.training.callbacks.scheduling import check_rates
from pellucid.training.evaluation import Measures, Metrics, chosen, no_weights, prepared
from pellucid.training.inputs.feeds import WEIGHT, ClassWeight, Examples, class_weights
from pellucid.training.inputs.streams import AHEAD, Stream, is_stream
from pellucid.training.inputs.targets import Goal, LossLike, LossWeights
from pellucid.training.optimizer_memory import OptimizerMemory
from pellucid.training.programs import Clip, training_program, training_step
from pellucid.training.running import failures
from pellucid.training.running.history import History
from pellucid.training.running.loop import Loop
from pellucid.training.running.progress import Verbose, reporter
from pellucid.training.running.state import State, Training
from pellucid.training.running.stream_loop import StreamLoop
from pellucid.training.saved import checkpoint_file

if TYPE_CHECKING:
    from pellucid.data.images import Augmentation


@spelled
def fit(
    net: BaseNetwork,
    x: Any,
    y: Any = None,
    *,
    epochs: int = 1,
    batch_size: int = 32,
    optimizer: str | Mapping[str, object] | Optimizer = "adam",
    loss: LossLike | Mapping[str, LossLike] = None,
    loss_weights: LossWeights = None,
    metrics: Metrics = (),
    steps_per_epoch: int | None = None,
    validation_data: Any = None,
    validation_split: float = 0.0,
    validation_steps: int | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: Any = None,
    callbacks: Sequence[Callback] | Callback = (),
    shuffle: bool = True,
    initial_epoch: int = 0,
    verbose: Verbose = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    on_nonfinite: Literal["stop", "ignore"] = "stop",
    resume: str | os.PathLike[str] | None = None,
    prefetch: int = AHEAD,
    engine: str | None = None,
    keep_optimizer: bool = False,
    augmentation: Augmentation | None = None,
) -> History:
    """Train a network on examples x, shape (n, …), and targets y, shape (n, …); or on batches of them.

    Batches are anything to iterate over that gives (x, y) or (x, y, sample_weight), such as a list or a torch
    DataLoader, or a function that makes a generator of them; y is left out then. They are taken as they come, whatever
    batch_size and shuffle are. The next ones are read in a thread while a step is computed; how many there are may be
    unknown.

    The loss of a step is the mean over its examples; of an output that is a sequence with a mask, the mean over all
    real steps of the batch. The same call with the same seed gives the same bits. The optimizer begins afresh in every
    call, unless it is kept. Ctrl-C stops after the current step and leaves the best weights so far.

    Args:
        epochs: the number of the last epoch, counted from 1.
        batch_size: examples to a step; the last step of an epoch takes what is left. With stateful layers, the examples
            have to divide into such batches.
        optimizer: by name, or as SGD(…), Adam(…), AdamW(…), …. Its learning rate is a number or a schedule, a
            function of the steps taken.
        loss: by name; None is cross-entropy after softmax and sigmoid, else the mean squared error. Several outputs may
            have a loss each, by path; their sum is minimised, and the history has each as "dense_1_loss".
        loss_weights: by what the losses of several outputs are multiplied before they are added up, in their order or
            by path (1 for those not named).
        metrics: names ("accuracy"), or functions of (y_true, y_pred) that see a whole epoch and return a number; for
            several outputs also a dict of them by path.
        steps_per_epoch: where x is batches, how many make an epoch; the next epoch goes on behind them, and begins
            anew where they end. By default an epoch is all of them.
        validation_data: (x, y) or (x, y, sample_weight), or batches of them, evaluated after every epoch.
        validation_split: the fraction of the examples, the last ones, to validate on instead.
        validation_steps: how many batches of `validation_data` are taken, where it is batches.
        class_weight: a weight for each class number, or "balanced".
        sample_weight: a weight for each example, shape (n,). The loss is still divided by the number of examples.
        shuffle: whether every epoch has its own order, drawn from the network's seed and the epoch.
        initial_epoch: the first epoch, counted from 0.
        verbose: 0 nothing, 1 a progress bar, 2 a line an epoch; None is 1 on a terminal and in a notebook, else 2.
        clip_norm: shorten the gradient where its norm over all parameters is above this.
        clip_value: keep each element of the gradient within ± this.
        on_nonfinite: "stop" at the first step that gives NaN or infinity, or "ignore" it.
        resume: a checkpoint to go on from, written by `Checkpoint` in a call with the same arguments.
        prefetch: how many batches are read ahead, where x is batches; 0 reads each when its turn comes, in this thread.
        engine: which engine computes this training, the network's own by default: "xla" for GPUs and TPUs,
            "xla-bfloat16" for their quicker products of bfloat16.
        keep_optimizer: whether the optimizer goes on with its moments and its count of steps where the last call with
            keep_optimizer=True, or of `train_on_batch`, ended; otherwise it begins afresh.
        augmentation: small changes of the images x (n, h, w, c), such as pl.data.Augmentation(shift=2, rotate=10):
            each image is changed anew before every epoch, by the network's seed.

    Stateful layers go on from batch to batch and from epoch to epoch; `net.reset_states()` in a callback lets them
    begin anew. Validation has states of its own, which begin with 0.

    While it trains, other threads may predict, evaluate and trace: they find the parameters of a finished step, those
    of the last epoch, or of the last step where a callback asks for it.

    Raises:
        DataError: examples or targets that the network cannot take.
        PellucidError: another thread is training this network.
        NonFiniteError: a value stopped being finite; the message names which one, where and why. The network keeps the
            last finite weights.
        ModelFileError: a checkpoint that cannot be written or read.
    """
    if augmentation is not None:
        x, callbacks = _changing(net, x, augmentation, callbacks, validation_split)
    loop = prepare(
        net,
        x,
        y,
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer,
        loss=loss,
        loss_weights=loss_weights,
        metrics=metrics,
        steps_per_epoch=steps_per_epoch,
        validation_data=validation_data,
        validation_split=validation_split,
        validation_steps=validation_steps,
        class_weight=class_weight,
        sample_weight=sample_weight,
        callbacks=callbacks,
        shuffle=shuffle,
        initial_epoch=initial_epoch,
        verbose=verbose,
        clip_norm=clip_norm,
        clip_value=clip_value,
        on_nonfinite=on_nonfinite,
        prefetch=prefetch,
        engine=engine,
    )
    if flat := failures.flat_layers(net, loop.goals):
        warnings.warn(flat, UserWarning, stacklevel=3)  # past the check of the arguments, to who called fit
    memory = OptimizerMemory.of(net, loop.rule) if keep_optimizer else None
    if memory is not None:
        if resume is not None:
            raise DataError("a checkpoint has the optimizer's state: give resume or keep_optimizer, not both")
        loop.training.state.slots, loop.training.state.step = memory.slots, memory.step
        loop.training.first_step = memory.step
        loop.training.follow_schedule()
    if resume is not None:
        checkpoint_file.resume(resume, loop.training, loop.measures)
    if not net.being_trained.acquire(blocking=False):
        raise PellucidError("another thread is training this network; wait for it, or train a copy: copy.deepcopy(net)")
    try:
        history = loop.run()
        if memory is not None:
            net.optimizer_memory = memory.after(loop.training.state.slots, loop.training.state.step)
        return history
    finally:
        net.being_trained.release()


def _changing(
    net: BaseNetwork,
    x: Any,
    augmentation: Augmentation,
    callbacks: Sequence[Callback] | Callback,
    validation_split: float,
) -> tuple[Any, list[Callback]]:
    """The images that change, and the callbacks with the one that changes them."""
    from pellucid.data.images import Augmentation  # a training without needs no data sets
    from pellucid.training.callbacks.augment import Augment

    if not isinstance(augmentation, Augmentation):
        got = type(augmentation).__name__
        raise PellucidError(f"augmentation is {got}, expected pl.data.Augmentation(…), as Augmentation(shift=2)")
    if isinstance(x, Mapping) or is_stream(x):
        raise DataError("augmentation is for an array of images: batches change their images themselves")
    if validation_split:
        raise DataError("augmentation would change the images of validation_split too: give validation_data")
    augment = Augment(as_array(x), augmentation, seed=net.seed)
    return augment.x, [augment, *callbacks_of(callbacks)]


def prepare(
    net: BaseNetwork,
    x: Any,
    y: Any = None,
    *,
    epochs: int,
    batch_size: int = 32,
    optimizer: str | Mapping[str, object] | Optimizer = "adam",
    loss: LossLike | Mapping[str, LossLike] = None,
    loss_weights: LossWeights = None,
    metrics: Metrics = (),
    steps_per_epoch: int | None = None,
    validation_data: Any = None,
    validation_split: float = 0.0,
    validation_steps: int | None = None,
    class_weight: ClassWeight | None = None,
    sample_weight: Any = None,
    callbacks: Sequence[Callback] | Callback = (),
    shuffle: bool = True,
    initial_epoch: int = 0,
    verbose: Verbose = 0,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    on_nonfinite: Literal["stop", "ignore"] = "stop",
    prefetch: int = AHEAD,
    engine: str | None = None,
) -> Loop:
    """A training that has not begun: what `fit` runs to its end and the lab piece by piece. See `fit`."""
    epochs, initial_epoch = check_integer(epochs, "epochs"), check_integer(initial_epoch, "initial_epoch")
    stream = None
    if y is None and is_stream(x):
        stream = _stream(net, x, loss, loss_weights, class_weight, prefetch, epochs - initial_epoch, steps_per_epoch)
        no_weights(sample_weight)
        if validation_split:
            raise DataError("validation_split parts arrays, and x is batches: give validation_data")
        examples, goals = Examples(stream.first), stream.goals
    elif steps_per_epoch is not None:
        raise DataError("steps_per_epoch is for batches, and of arrays an epoch sees every example once: leave it out")
    else:
        examples, goals = prepared(net, x, y, loss, sample_weight, loss_weights=loss_weights)
        if class_weight is not None:
            examples = _weighted(net, examples, goals, class_weight)
    examples, validation = _validation(
        net, examples, goals, loss, validation_data, validation_split, prefetch, epochs - initial_epoch
    )
    if validation_steps is not None and not isinstance(validation, Stream):
        raise DataError("validation_steps is for batches, and validation_data is none: leave it out")
    batch_size = check_integer(batch_size, "batch_size", minimum=1)
    if net.carried.sizes and shuffle and stream is None:
        raise DataError(
            "a stateful layer goes on with row i of a batch where row i of the batch before ended, so the examples "
            "have to stay in their order: give shuffle=False"
        )
    for part in [*([examples] if stream is None else []), validation]:
        if isinstance(part, Examples):
            net.carried.check_rows(len(part), batch_size)
    if on_nonfinite not in ("stop", "ignore"):
        raise DataError(f'on_nonfinite is {on_nonfinite!r}, expected "stop" or "ignore"')
    rule, clip = optimizer_of(optimizer), Clip(clip_norm, clip_value)
    measures = chosen(metrics, goals, examples)
    if not net.parameters.trainable and any(spec.trainable for spec in net.specs.values()):
        raise PellucidError("every layer is frozen, so there is nothing to learn: set trainable = True on some of them")
    listeners = callbacks_of(callbacks)
    check_rates(rule, listeners)
    for name, value in {"learning_rate": rule.initial_rate, "clip_norm": clip_norm, "clip_value": clip_value}.items():
        if isinstance(value, (int, float)) and value > float(np.finfo(net.dtype).max):
            raise DataError(f"{name} is {value:g}, which {net.dtype} cannot hold: choose a smaller one")
    plan = {
        "examples": len(examples) if stream is None else None,
        "batch_size": batch_size if stream is None else None,
        "seed": net.seed,
        "shuffle": bool(shuffle),
        "optimizer": rule.config(),
        "loss": [list(goal.key) for goal in goals],
        "metrics": [m.name for _, m in measures],
        "weighted": examples.weighted,
        "clipping": [clip_norm, clip_value],
    }
    steps = steps_per_epoch or (math.ceil(len(examples) / batch_size) if stream is None else stream.length)
    state = _start(net, rule, initial_epoch)
    history = History(params={"epochs": epochs, "steps": steps, **plan})
    training = Training(net, state, history, epochs, steps, plan, validation is not None, listeners, examples, goals)
    training.rises = Measures(net, goals, measures).rises
    training.schedule = rule.schedule
    run_step = training_step(net, goals, rule, clip=clip, weighted=examples.weighted, engine=engine)
    program = (
        (lambda arrays: training_program(net.sized(arrays), goals, rule, clip=clip, weighted=examples.weighted))
        if on_nonfinite == "stop"
        else None
    )
    parts = training, examples, validation, goals, measures, run_step, program, batch_size, bool(shuffle)
    progress = reporter(verbose, epochs, steps)
    if stream is None:
        return Loop(*parts, progress, rule, validation_steps, engine)
    endless = steps_per_epoch is not None
    return StreamLoop(*parts, progress, rule, validation_steps, engine, stream=stream, endless=endless)


def _stream(
    net: BaseNetwork,
    x: Any,
    loss: LossLike | Mapping[str, LossLike],
    loss_weights: LossWeights,
    class_weight: ClassWeight | None,
    prefetch: int,
    epochs: int,
    steps: int | None,
) -> Stream:
    if steps is not None:
        check_integer(steps, "steps_per_epoch", minimum=1)
    stream = Stream(net, x, loss, loss_weights=loss_weights, class_weight=class_weight, ahead=prefetch)
    if steps is None:
        stream.check_epochs(epochs, other=", or say how many batches make an epoch, steps_per_epoch")
    return stream


def _weighted(net: BaseNetwork, examples: Examples, goals: list[Goal], class_weight: ClassWeight) -> Examples:
    units = next(iter(net.output_shapes.values()))[-1]
    table = class_weights(class_weight, goals, examples.arrays, units)
    table *= examples.arrays.get(WEIGHT, 1.0)
    check_range(table, net.dtype, what="class_weight")
    return Examples(examples.arrays | {WEIGHT: table})


def _start(net: BaseNetwork, rule: Optimizer, epoch: int) -> State:
    """The state before the first step: the network's parameters, slots of zeros."""
    parameters = {path: np.array(value) for path, value in net.parameters.snapshot().items()}
    slots = OptimizerMemory.begin(net, rule).slots
    return State(parameters, slots, rule.initial_rate, epoch=epoch, carried=net.carried.arrays)


def _validation(
    net: BaseNetwork,
    examples: Examples,
    goals: Sequence[Goal],
    loss: LossLike | Mapping[str, LossLike],
    data: Any,
    split: float,
    prefetch: int,
    epochs: int,
) -> tuple[Examples, Examples | Stream | None]:
    """Examples to train on and to validate on."""
    if isinstance(split, bool) or not isinstance(split, (int, float)) or not 0 <= split < 1:
        raise DataError(f"validation_split is {split!r}, expected a fraction of at least 0 and below 1")
    if data is not None and _are_batches(data):
        stream = Stream(net, data, loss, ahead=prefetch, what="validation_data")
        stream.check_epochs(epochs)
        if [replace(g, weight=1.0).key for g in stream.goals] != [replace(g, weight=1.0).key for g in goals]:
            raise DataError(
                "the targets of validation_data have another form than y, expected class numbers or rows in both"
            )
        return examples, stream
    if data is not None:
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise DataError(
                "validation_data has another form, expected (x, y) or (x, y, sample_weight), or batches of them"
            )
        x, y, weight = (*data, None)[:3]
        validation, targets = prepared(net, x, y, loss, weight, prefix="validation_")
        targets = [replace(target, weight=goal.weight) for target, goal in zip(targets, goals, strict=True)]
        if [g.key for g in targets] != [g.key for g in goals]:
            raise DataError("validation_y has another form than y, expected both as class numbers or both as rows")
        return examples, validation
    if not split:
        return examples, None
    at = len(examples) - math.ceil(len(examples) * split)
    if at < 1:
        raise DataError(f"validation_split={split} leaves nothing of {len(examples)} examples to train on: choose less")
    return examples.part(slice(0, at)), examples.part(slice(at, None))


def _are_batches(data: Any) -> bool:
    """Whether validation data is batches: a tuple is (x, y), and so is a list that is none of tuples."""
    return not isinstance(data, tuple) and is_stream(data)
