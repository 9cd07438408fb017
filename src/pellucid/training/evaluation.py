"""What a network gives for many examples: predictions, loss and metrics, gradients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer, holds_text
from pellucid.errors import DataError, nearest
from pellucid.habits import spelled
from pellucid.network import BaseNetwork
from pellucid.training.inputs.batch_parts import check_many, examples_of
from pellucid.training.inputs.feeds import WEIGHT, Examples, inputs, weights
from pellucid.training.inputs.streams import Stream, begun, gives_batches, is_stream
from pellucid.training.inputs.targets import Goal, LossLike, LossWeights, goals, weighted
from pellucid.training.metrics import Measure, MetricLike, Reading, Running
from pellucid.training.metrics import metrics as metrics_of
from pellucid.training.programs import (
    evaluation_step,
    gradient_step,
    loss_name,
    mask_name,
    prediction_name,
    prediction_step,
)

Array = NDArray[Any]
Metrics = Sequence[MetricLike] | MetricLike | Mapping[str, Sequence[MetricLike] | MetricLike]
"""Metrics of all outputs, or by the path of each."""
Chosen = Sequence[tuple[Goal, Measure]]


SHORTEST_BUCKET = 16
"""Sequences of up to so many steps are computed by one program, where the network allows it."""


class Measures:
    """The metrics of every output, on their way through an epoch, and what the loss of a batch counts."""

    def __init__(self, net: BaseNetwork, targets: Sequence[Goal], measures: Chosen) -> None:
        readings = readings_of(net, targets)
        self.goals = targets
        several = len(targets) > 1
        self.running = {
            (f"{g.path}_" if several else "") + m.name: (g, Running(m, readings[g.path])) for g, m in measures
        }
        # where outputs have masks, batches count differently for each: the loss is put together from theirs
        self._masked = bool(net.reading().masks)
        self._losses = Running(_LOSSES, Reading()) if several else None

    def add(self, batch: dict[str, Array], outputs: dict[str, Array]) -> None:
        for goal, running in self.running.values():
            y, p, mask = batch[goal.name], outputs[prediction_name(goal.path)], outputs.get(mask_name(goal.path))
            if mask is not None:  # steps that are there, in one row
                y, p = y[mask > 0], p[mask > 0]
            running.add(y, p)
        if self._losses is not None:
            each = [(float(outputs[loss_name(g.path)]), _count(g, batch, outputs)) for g in self.goals]
            penalty = float(outputs["loss"]) - sum(
                g.weight * loss for g, (loss, _) in zip(self.goals, each, strict=True)
            )
            sums = np.array([(loss * n, n) for loss, n in [*each, (penalty, len(batch[self.goals[0].name]))]])
            self._losses.parts = [self._losses.parts[0] + sums] if self._losses.parts else [sums]

    def count(self, batch: dict[str, Array], outputs: dict[str, Array]) -> int:
        """How often the loss of a batch counts in that of many: its examples, or the real steps of its one output."""
        return len(batch[self.goals[0].name]) if len(self.goals) > 1 else _count(self.goals[0], batch, outputs)

    @property
    def rises(self) -> dict[str, bool | None]:
        """Of every value by name whether more is better; None where that is not known."""
        losses = {f"{g.path}_loss": False for g in self.goals} if self._losses is not None else {}
        return {"loss": False} | losses | {name: running.measure.rises for name, (_, running) in self.running.items()}

    def results(self, *, quick: bool = False) -> dict[str, float]:
        """The values so far; `quick` leaves out those that take a look at all predictions.

        They have "loss" among them only where it is more than a mean of the losses of batches (see `count`). The losses
        of several outputs stand there without their weights.
        """
        values: dict[str, float] = {}
        if self._losses is not None and self._losses.parts:
            *losses, penalty = self._losses.parts[0][:, 0] / np.maximum(self._losses.parts[0][:, 1], 1)
            if self._masked:
                total = sum(g.weight * loss for g, loss in zip(self.goals, losses, strict=True)) + penalty
                values["loss"] = float(total)
            if not quick:
                values |= {f"{g.path}_loss": float(loss) for g, loss in zip(self.goals, losses, strict=True)}
        return values | {name: r.result() for name, (_, r) in self.running.items() if not (quick and r.measure.whole)}

    @property
    def _all(self) -> list[Running]:
        return [*(running for _, running in self.running.values()), *([self._losses] if self._losses else [])]

    @property
    def parts(self) -> list[list[Array]]:
        """What they remember; may be assigned, and is empty before the first batch."""
        return [running.parts for running in self._all]

    @parts.setter
    def parts(self, parts: Sequence[list[Array]]) -> None:
        for running, part in zip(self._all, parts or [[] for _ in self._all], strict=True):
            running.parts = list(part)


_LOSSES = Measure("loss", finish=lambda total: float("nan"))
"""Rows of a sum of losses and what it is the sum of, one for each output."""


def _count(goal: Goal, batch: Mapping[str, Array], outputs: Mapping[str, Array]) -> int:
    mask = outputs.get(mask_name(goal.path))
    return len(batch[goal.name]) if mask is None else int(mask.sum(dtype=np.float64))


def readings_of(net: BaseNetwork, targets: Sequence[Goal]) -> dict[str, Reading]:
    """How each output is read, by path: a logit means yes above 0, a probability above a half."""
    last = net.reading().last
    readings: dict[str, Reading] = {}
    for goal in targets:
        activation, units = last[goal.path].activation, net.output_shapes[goal.path][-1]
        logit = goal.loss.reads != "values" and activation == "linear"
        multilabel = (
            units > 1
            and not goal.labels
            and (goal.loss.reads == "binary" or (goal.loss.reads == "either" and activation == "sigmoid"))
        )
        readings[goal.path] = Reading(0.0 if logit else 0.5, multilabel)
    return readings


def chosen(metrics: Metrics, targets: Sequence[Goal], examples: Examples) -> list[tuple[Goal, Measure]]:
    """The metrics of each output, in the order of the outputs.

    Raises:
        DataError: an unknown metric or output, or a metric of classes for an output whose targets are numbers.
    """
    paths = [goal.path for goal in targets]
    if isinstance(metrics, Mapping):
        for key in metrics:
            if key not in paths:
                raise DataError(f'metrics has the key "{key}", expected {", ".join(paths)}.{nearest(str(key), paths)}')
    measures = [
        (goal, measure)
        for goal in targets
        for measure in metrics_of(metrics.get(goal.path, ()) if isinstance(metrics, Mapping) else metrics)
    ]
    for goal, measure in measures:
        if measure.classes and goal.loss.reads == "values" and not _are_classes(examples.arrays[goal.name]):
            others = "" if isinstance(metrics, Mapping) or len(paths) == 1 else ", or metrics by output in a dict"
            raise DataError(
                f'the metric "{measure.name}" compares classes, but the targets of {goal.path} are numbers: take '
                f'"mae", "rmse" or "r2"{others}; for classes train with loss="crossentropy", or on targets of 0 and 1'
            )
    return measures


def _are_classes(y: Array) -> bool:
    """Whether numbers stand for classes: 0 and 1, in one-hot rows where there are several units."""
    return bool(((y == 0) | (y == 1)).all()) and (y.shape[-1] == 1 or bool((y.sum(axis=-1) == 1).all()))


def batches(n: int, size: int) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, n, size))


@spelled
def evaluate(
    net: BaseNetwork,
    x: Any,
    y: Any = None,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    loss_weights: LossWeights = None,
    metrics: Metrics = (),
    sample_weight: Any = None,
    batch_size: int = 256,
    engine: str | None = None,
) -> dict[str, float]:
    """The mean loss over the examples, under "loss", and the metrics by name; of several outputs also the loss of each,
    "dense_1_loss". See `fit` for the arguments: x may be batches, without y.

    Both are means over all real steps where an output is a sequence with a mask. Weights go into the loss alone.

    Args:
        engine: which engine computes, the network's own by default.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    examples: Examples | Stream
    if y is None and is_stream(x):
        no_weights(sample_weight)
        examples = Stream(net, x, loss, loss_weights=loss_weights)
        measures = chosen(metrics, targets := examples.goals, Examples(examples.first))
    else:
        examples, targets = prepared(net, x, y, loss, sample_weight, loss_weights=loss_weights)
        measures = chosen(metrics, targets, examples)
    size = check_integer(batch_size, "batch_size", minimum=1)
    return evaluated(net, examples, targets, measures, size, engine=engine)


def evaluated(
    net: BaseNetwork,
    examples: Examples | Stream,
    targets: Sequence[Goal],
    measures: Chosen,
    batch_size: int,
    steps: int | None = None,
    *,
    engine: str | None = None,
) -> dict[str, float]:
    """`evaluate`, of checked examples; `steps` is how many batches are taken at most."""
    run = evaluation_step(net, targets, weighted=examples.weighted, engine=engine)
    parameters = net.parameters.snapshot()
    running = Measures(net, targets, measures)
    total, counted = 0.0, 0
    if isinstance(examples, Examples):
        net.carried.check_rows(len(examples), batch_size)
    with net.carried.used():
        for batch in itertools.islice(examples.batches(batch_size), steps):
            outputs = run({**batch, **parameters, **net.carried.feed(len(batch[targets[0].name]))})
            net.carried.take(outputs)
            count = running.count(batch, outputs)
            total, counted = total + float(outputs["loss"]) * count, counted + count
            running.add(batch, outputs)
    return {"loss": total / max(counted, 1), **running.results()}


@spelled
def predict(
    net: BaseNetwork,
    x: Any,
    *,
    batch_size: int = 256,
    training: bool = False,
    step: int = 1,
    engine: str | None = None,
) -> Any:
    """The outputs for all examples: an array (n, …), or for several outputs a dict of arrays by path.

    Args:
        batch_size: how many examples are computed at once.
        training: whether the network is read as in training, with dropout and the statistics of each batch; nothing is
            learnt. `step`, from 1, chooses what drops: predictions at several steps show how sure the network is.
        engine: which engine computes, the network's own by default.

    Sequences may have another length in every call where the network's Input has an axis of None; each length is
    compiled when it first comes. Where every step of the outputs is made of that step and those before it alone,
    lengths are compiled in buckets instead, up to 16, 32, 64, … steps: shorter sequences are filled up behind their
    end, which changes no number, and what comes of that is cut off.

    Stateful layers go on from the batch before, and keep their states for the next call; see `net.reset_states`.

    The LLVM engine adds up sums in another order where a batch has 1 to 4 examples, so that their outputs may differ
    from those of the same rows in a larger batch by a rounding (about 1e-7 of the largest); 5 or more have the same
    bits in any batch.

    Batches are taken one after the other: of a loader, a generator, or a function that makes one, each x alone, (x, y)
    or a mapping.

    Raises:
        DataError: examples that the network cannot take.
    """
    if gives_batches(x):
        told: dict[str, Any] = {"batch_size": batch_size, "training": training, "step": step, "engine": engine}
        return _joined([predict(net, _examples(net, batch), **told) for batch in begun(x, "x")])
    arrays, length = inputs(net, x), None
    if not training and net.open and net.causal and not net.carried.sizes:
        arrays, length = _filled(arrays)
    examples = Examples(arrays)
    run = prediction_step(net, training=training, engine=engine)
    parameters = net.parameters.snapshot()
    size, first = check_integer(batch_size, "batch_size", minimum=1), check_integer(step, "step", below=1 << 32)
    random = {"seed": np.array(net.seed), "step": np.array(first)} if training else {}
    parts = []
    net.carried.check_rows(len(examples), size)
    with net.carried.used():
        for number, rows in enumerate(batches(len(examples), size)):
            batch = examples.rows(rows)
            if training:  # the rows of every batch drop others
                random["step"] = np.array(first + (number << 32))
            n = len(next(iter(batch.values())))
            answers = run({**batch, **parameters, **random, **net.carried.feed(n)})
            net.carried.take(answers)
            parts.append(_all_rows(answers, n))
    whole = parts[0] if len(parts) == 1 else {path: np.concatenate([p[path] for p in parts]) for path in parts[0]}
    outputs = {path: whole[path] for path in net.output_shapes}
    if length is not None:
        outputs = {path: np.ascontiguousarray(array[:, :length]) for path, array in outputs.items()}
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def _examples(net: BaseNetwork, batch: Any) -> Any:
    """x of a batch that may hold targets as well."""
    if isinstance(batch, tuple | list) and len(batch) in (2, 3) and not holds_text(batch):
        check_many(net, batch)
        return batch[0]
    if hasattr(batch, "keys") and (x := examples_of(net, batch)) is not None:
        check_many(net, batch)
        return x
    return batch


def _joined(parts: list[Any]) -> Any:
    if not parts:
        raise DataError("x gave no batch, expected at least one")
    if isinstance(parts[0], dict):
        return {path: np.concatenate([part[path] for part in parts]) for path in parts[0]}
    return np.concatenate(parts)


def no_weights(sample_weight: Any) -> None:
    """Raise where weights are given beside batches."""
    if sample_weight is not None:
        raise DataError("sample_weight goes into the batches, (x, y, sample_weight), where x is batches: leave it out")


def _filled(arrays: dict[str, Array]) -> tuple[dict[str, Array], int | None]:
    """Sequences filled up with zeros to the next of the bucketed lengths, and how long they were."""
    lengths = {array.shape[1] for array in arrays.values()}
    if len(lengths) > 1:  # the network says which of them does not fit
        return arrays, None
    (length,) = lengths
    more = max(SHORTEST_BUCKET, 1 << (length - 1).bit_length()) - length
    if not more:
        return arrays, None
    filled = {p: np.pad(a, [(0, 0), (0, more), *[(0, 0)] * (a.ndim - 2)]) for p, a in arrays.items()}
    return filled, length


def _all_rows(outputs: dict[str, Array], n: int) -> dict[str, Array]:
    """Outputs of n examples, where they depend on none of the inputs (x − x) and the program gave but one."""
    return {path: array if len(array) == n else np.repeat(array, n, axis=0) for path, array in outputs.items()}


@spelled
def gradients(
    net: BaseNetwork,
    x: Any,
    y: Any,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    loss_weights: LossWeights = None,
    sample_weight: Any = None,
    training: bool = False,
    step: int = 1,
) -> tuple[float, dict[str, Array]]:
    """The loss of these examples, and its gradient by every trainable parameter, by path.

    Args:
        training: whether the network is read as in training, with dropout; `step`, from 1, chooses what drops.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    examples, targets = prepared(net, x, y, loss, sample_weight, loss_weights=loss_weights)
    run = gradient_step(net, targets, training=training, weighted=examples.weighted)
    random = {"seed": np.array(net.seed), "step": np.array(step)}
    outputs = run(
        {**examples.rows(slice(None)), **net.parameters.snapshot(), **random, **net.carried.feed(len(examples))}
    )
    return float(outputs.pop("loss")), outputs


def prepared(
    net: BaseNetwork,
    x: Any,
    y: Any,
    loss: LossLike | Mapping[str, LossLike],
    sample_weight: Any,
    *,
    loss_weights: LossWeights = None,
    prefix: str = "",
) -> tuple[Examples, list[Goal]]:
    """Examples and targets, checked; `prefix` is what messages put before x and y."""
    arrays = inputs(net, x, f"{prefix}x")
    if y is None:
        raise DataError(f"{prefix}y is missing, expected targets: an autoencoder's are {prefix}x itself")
    targets, values = goals(net.sized(arrays), y, loss, f"{prefix}y")
    targets = weighted(targets, loss_weights)
    for name, array in values.items():
        if len(array) != len(next(iter(arrays.values()))):
            counts = f"{len(next(iter(arrays.values())))} examples in {prefix}x but {len(array)} in {prefix}y"
            where = f" ({name})" if len(values) > 1 else ""
            raise DataError(f"expected as many examples in {prefix}x as in {prefix}y, got {counts}{where}")
    examples = Examples(arrays | values)
    if sample_weight is not None:
        array = weights(sample_weight, len(examples), net.dtype, f"{prefix}sample_weight")
        examples = Examples(examples.arrays | {WEIGHT: array})
    return examples, targets
