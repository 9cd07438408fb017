"""What a network gives for many examples: predictions, loss and metrics, gradients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.errors import DataError, nearest
from pellucid.habits import spelled
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import WEIGHT, Examples, inputs, weights
from pellucid.training.inputs.streams import Stream, is_stream
from pellucid.training.inputs.targets import Goal, LossLike, goals
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


class Measures:
    """The metrics of every output, on their way through an epoch, and what the loss of a batch counts."""

    def __init__(self, net: BaseNetwork, targets: Sequence[Goal], measures: Chosen) -> None:
        readings = _readings(net, targets)
        self.goals = targets
        several = len(targets) > 1
        self.running = {
            (f"{g.path}_" if several else "") + m.name: (g, Running(m, readings[g.path])) for g, m in measures
        }
        # several outputs that count differently: their losses are added up each by itself
        self._losses = Running(_LOSSES, Reading()) if len(targets) > 1 and net.reading().masks else None

    def add(self, batch: dict[str, Array], outputs: dict[str, Array]) -> None:
        for goal, running in self.running.values():
            y, p, mask = batch[goal.name], outputs[prediction_name(goal.path)], outputs.get(mask_name(goal.path))
            if mask is not None:  # steps that are there, in one row
                y, p = y[mask > 0], p[mask > 0]
            running.add(y, p)
        if self._losses is not None:
            each = [(float(outputs[loss_name(g.path)]), _count(g, batch, outputs)) for g in self.goals]
            penalty = float(outputs["loss"]) - sum(loss for loss, _ in each)
            sums = np.array([(loss * n, n) for loss, n in [*each, (penalty, len(batch[self.goals[0].name]))]])
            self._losses.parts = [self._losses.parts[0] + sums] if self._losses.parts else [sums]

    def count(self, batch: dict[str, Array], outputs: dict[str, Array]) -> int:
        """How often the loss of a batch counts in that of many: its examples, or the real steps of its one output."""
        return len(batch[self.goals[0].name]) if len(self.goals) > 1 else _count(self.goals[0], batch, outputs)

    @property
    def rises(self) -> dict[str, bool | None]:
        """Of every value by name whether more is better; None where that is not known."""
        return {"loss": False} | {name: running.measure.rises for name, (_, running) in self.running.items()}

    def results(self, *, quick: bool = False) -> dict[str, float]:
        """The values so far; `quick` leaves out those that take a look at all predictions.

        They have "loss" among them only where it is more than a mean of the losses of batches (see `count`).
        """
        values = {} if self._losses is None else {"loss": self._losses.result()}
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


_LOSSES = Measure("loss", finish=lambda total: float((total[:, 0] / np.maximum(total[:, 1], 1)).sum()))
"""Rows of a sum of losses and what it is the sum of, one for each output."""


def _count(goal: Goal, batch: Mapping[str, Array], outputs: Mapping[str, Array]) -> int:
    mask = outputs.get(mask_name(goal.path))
    return len(batch[goal.name]) if mask is None else int(mask.sum(dtype=np.float64))


def _readings(net: BaseNetwork, targets: Sequence[Goal]) -> dict[str, Reading]:
    """A logit means yes above 0, a probability above a half."""
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
    metrics: Metrics = (),
    sample_weight: Any = None,
    batch_size: int = 256,
    engine: str | None = None,
) -> dict[str, float]:
    """The mean loss over the examples, under "loss", and the metrics by name. See `fit` for the arguments: x may be
    batches, without y.

    Both are means over all real steps where an output is a sequence with a mask. Weights go into the loss alone.

    Args:
        engine: which engine computes, the network's own by default.

    Raises:
        DataError: examples or targets that the network cannot take.
    """
    examples: Examples | Stream
    if y is None and is_stream(x):
        no_weights(sample_weight)
        examples = Stream(net, x, loss)
        measures = chosen(metrics, targets := examples.goals, Examples(examples.first))
    else:
        examples, targets = prepared(net, x, y, loss, sample_weight)
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
    for batch in itertools.islice(examples.batches(batch_size), steps):
        outputs = run({**batch, **parameters})
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

    The LLVM engine adds up sums in another order where a batch has 1 to 4 examples, so that their outputs may differ
    from those of the same rows in a larger batch by a rounding (about 1e-7 of the largest); 5 or more have the same
    bits in any batch.

    Raises:
        DataError: examples that the network cannot take.
    """
    examples = Examples(inputs(net, x))
    run = prediction_step(net, training=training, engine=engine)
    parameters = net.parameters.snapshot()
    size, first = check_integer(batch_size, "batch_size", minimum=1), check_integer(step, "step", below=1 << 32)
    random = {"seed": np.array(net.seed), "step": np.array(first)} if training else {}
    parts = []
    for number, rows in enumerate(batches(len(examples), size)):
        batch = examples.rows(rows)
        if training:  # the rows of every batch drop others
            random["step"] = np.array(first + (number << 32))
        parts.append(_all_rows(run({**batch, **parameters, **random}), len(next(iter(batch.values())))))
    whole = parts[0] if len(parts) == 1 else {path: np.concatenate([p[path] for p in parts]) for path in parts[0]}
    outputs = {path: whole[path] for path in net.output_shapes}
    return outputs if len(outputs) > 1 else next(iter(outputs.values()))


def no_weights(sample_weight: Any) -> None:
    """Raise where weights are given beside batches."""
    if sample_weight is not None:
        raise DataError("sample_weight goes into the batches, (x, y, sample_weight), where x is batches: leave it out")


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
    examples, targets = prepared(net, x, y, loss, sample_weight)
    run = gradient_step(net, targets, training=training, weighted=examples.weighted)
    random = {"seed": np.array(net.seed), "step": np.array(step)}
    outputs = run({**examples.rows(slice(None)), **net.parameters.snapshot(), **random})
    return float(outputs.pop("loss")), outputs


def prepared(
    net: BaseNetwork,
    x: Any,
    y: Any,
    loss: LossLike | Mapping[str, LossLike],
    sample_weight: Any,
    *,
    prefix: str = "",
) -> tuple[Examples, list[Goal]]:
    """Examples and targets, checked; `prefix` is what messages put before x and y."""
    arrays = inputs(net, x, f"{prefix}x")
    if y is None:
        raise DataError(f"{prefix}y is missing, expected targets: an autoencoder's are {prefix}x itself")
    targets, values = goals(net, y, loss, f"{prefix}y")
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
