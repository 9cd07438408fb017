"""Metrics by name: what people read beside the loss.

Most are sums over examples and one quotient at the end, so that an epoch of unequal batches comes out right. What
cannot be summed (auc, r2, the user's own functions) is computed once on the predictions of the whole epoch. A loss,
such as one's own by `@pl.loss`, is a metric too: its formula is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Executable, compile_program
from pellucid.errors import DataError, nearest
from pellucid.formula import BATCH, Program, Tensor
from pellucid.functions.learning.losses import Loss

Array = NDArray[Any]
MetricLike = str | Loss | Callable[[Array, Array], Any]


@dataclass(frozen=True)
class Reading:
    """How outputs are read as decisions: yes above `threshold`; `multilabel` where every unit answers for itself."""

    threshold: float = 0.5
    multilabel: bool = False

    def classes(self, y: Array, p: Array) -> tuple[Array, Array]:
        """True and predicted classes, of one shape; where a prediction is NaN its class is −1, and never right."""
        if self.multilabel or p.shape[-1] == 1:
            predicted = np.where(np.isnan(p), -1, p > self.threshold)
            return (y.reshape(p.shape) > 0.5).astype(np.int64), predicted.astype(np.int64)
        predicted = np.where(np.isnan(p).any(axis=-1), -1, p.argmax(axis=-1))
        return (y.argmax(axis=-1) if y.shape == p.shape else y.astype(np.int64)), predicted


@dataclass(frozen=True)
class Measure:
    """A metric: `sums` of a batch and what to `finish` them with, or a function of the `whole` epoch.

    `formula`: the loss whose mean over the examples it is.
    """

    name: str
    sums: Callable[[Array, Array, Reading], Array] | None = None
    finish: Callable[[Array], float] = lambda total: float(total[0] / total[1])
    whole: Callable[[Array, Array, Reading], float] | None = None
    classes: bool = False
    """Whether it compares classes, and not values."""
    rises: bool | None = None
    """Whether more is better; None where only its author knows."""
    formula: Loss | None = None


@dataclass
class Running:
    """A metric on its way through an epoch. `parts` are all it remembers; a checkpoint keeps them."""

    measure: Measure
    reading: Reading
    parts: list[Array] = field(default_factory=list)

    def add(self, y: Array, p: Array) -> None:
        """Take a batch: targets (n, …) and predictions (n, …)."""
        y, p = np.ascontiguousarray(y), np.ascontiguousarray(p)  # sums go by the order in memory
        if self.measure.sums is None:
            self.parts += [np.array(y), np.array(p)]
        else:
            sums = self.measure.sums(y, p, self.reading).astype(np.float64)
            self.parts = [self.parts[0] + sums] if self.parts else [sums]

    def result(self) -> float:
        if not self.parts:
            return float("nan")
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.measure.whole is not None:
                y, p = np.concatenate(self.parts[::2]), np.concatenate(self.parts[1::2])
                return float(self.measure.whole(y, p, self.reading))
            return self.measure.finish(self.parts[0])


def metric(like: MetricLike) -> Measure:
    """A metric by name, a loss, or a function of (y_true, y_pred) that sees a whole epoch and returns a number.

    Raises:
        DataError: an unknown name (the nearest is suggested), or a loss that reads probabilities.
    """
    if isinstance(like, Loss):
        return _formula(like)
    if callable(like):
        name = getattr(like, "__name__", type(like).__name__)
        return Measure(name, whole=lambda y, p, reading: float(np.mean(like(y, p))))
    if not isinstance(like, str):
        raise DataError(f'a metric is a {type(like).__name__}, expected a name such as "accuracy" or a function')
    if match := re.fullmatch(r"top_(\d+)_accuracy", like):
        return _top(like, int(match[1]))
    measure = METRICS.get(ALIASES.get(like, like))
    if measure is None:
        raise DataError(f'there is no metric "{like}", expected one of {", ".join(METRICS)}.{nearest(like, METRICS)}')
    return measure


def is_named(measure: Measure) -> bool:
    """Whether it is one of the library's own metrics, and not a function of the same name."""
    return measure is METRICS.get(measure.name) or (measure.name.startswith("top_") and measure.sums is not None)


def metrics(likes: Sequence[MetricLike] | MetricLike) -> list[Measure]:
    """Several, of different names."""
    measures = [metric(m) for m in ([likes] if isinstance(likes, str) or callable(likes) else likes)]
    names = [m.name for m in measures]
    for name in names:
        if names.count(name) > 1 or name == "loss":
            raise DataError(f'two quantities are called "{name}": give the metrics different names')
    return measures


def _accuracy(y: Array, p: Array, reading: Reading) -> Array:
    true, predicted = reading.classes(y, p)
    return np.array([np.sum(true == predicted), true.size])


def _mean(error: Callable[[Array], Array]) -> Callable[[Array, Array, Reading], Array]:
    def sums(y: Array, p: Array, reading: Reading) -> Array:
        distance = p.astype(np.float64) - _like(y, p)
        return np.array([error(distance).sum(), distance.size])

    return sums


def _like(y: Array, p: Array) -> Array:
    """Targets in the shape of the outputs: labels as one-hot rows."""
    if y.shape != p.shape and y.ndim == p.ndim - 1 and p.shape[-1] > 1:
        return np.eye(p.shape[-1])[y.astype(np.int64)]
    return y.reshape(p.shape).astype(np.float64)


def _top(name: str, k: int) -> Measure:
    def sums(y: Array, p: Array, reading: Reading) -> Array:
        if not 1 <= k <= p.shape[-1]:
            raise DataError(
                f'the metric "{name}" asks for the {k} best of {p.shape[-1]} outputs: choose a smaller number'
            )
        true = y.argmax(axis=-1) if y.shape == p.shape else y.astype(np.int64)
        own = np.take_along_axis(p, true[..., None], axis=-1)
        # of equal scores the first goes first, as in accuracy: what holds for all classes counts for one
        ahead = (p > own) | ((p == own) & (np.arange(p.shape[-1]) < true[..., None]))
        hits = (ahead.sum(axis=-1) < k) & ~np.isnan(p).any(axis=-1)
        return np.array([np.sum(hits), true.size])

    return Measure(name, sums, classes=True, rises=True)


def _counts(y: Array, p: Array, reading: Reading) -> Array:
    """Hits, false alarms and misses: of the one yes/no unit, or of each class. Shape (3, classes)."""
    true, predicted = reading.classes(y, p)
    if reading.multilabel or p.shape[-1] == 1:
        hits, chosen, actual = (true == 1) & (predicted == 1), predicted == 1, true == 1
        flat = [part.reshape(-1, p.shape[-1]).sum(axis=0) for part in (hits, chosen, actual)]
    else:
        k = p.shape[-1]
        chosen = predicted[predicted >= 0]
        flat = [np.bincount(part.ravel(), minlength=k) for part in (true[true == predicted], chosen, true)]
    hit, said_, there_ = flat
    return np.array([hit, said_ - hit, there_ - hit])


def _of_counts(kind: Literal["precision", "recall", "f1"]) -> Callable[[Array], float]:
    """The mean over the classes that occur in truth or prediction (as "macro" in scikit-learn); 0/0 counts as 0."""

    def finish(total: Array) -> float:
        hit, alarm, miss = total[:, total.sum(axis=0) > 0]
        under = {"precision": hit + alarm, "recall": hit + miss, "f1": hit + (alarm + miss) / 2}[kind]
        return float(np.mean(hit / np.maximum(under, 0.5))) if hit.size else 0.0

    return finish


def _formula(loss: Loss) -> Measure:
    """The mean of a loss over the examples, or over their real steps."""
    if loss.reads != "values":
        raise DataError(
            f'the loss "{loss.name}" reads probabilities or logits, expected one of values as a metric, such as '
            "mean_squared_error or your own"
        )

    def sums(y: Array, p: Array, reading: Reading) -> Array:
        run = _compiled(loss, p.shape[1:])
        each = run({"p": p.astype(np.float64), "y": _like(y, p)})["each"]
        return np.array([each.sum(), len(each)])

    return Measure(loss.name, sums, rises=False, formula=loss)


def formula_program(loss: Loss, shape: Sequence[int]) -> Program:
    """The loss of "each" example, from predictions "p" and targets "y" of this shape."""
    axes = {f"a{k}": size for k, size in enumerate(shape)}
    p, y = (Tensor.input(name, {"n": BATCH, **axes}) for name in "py")
    return Program({"each": loss(p, y)})


@cache
def _compiled(loss: Loss, shape: tuple[int, ...]) -> Executable:
    return compile_program(formula_program(loss, shape), engine="reference", dtype=np.float64)


def _r2(y: Array, p: Array, reading: Reading) -> float:
    """1 − Σ(y − p)² / Σ(y − mean)², the mean over the outputs; of targets that are all equal 1 if hit, else 0."""
    true = _like(y, p).reshape(len(p), -1)
    rest = np.sum((true - p.reshape(len(p), -1)) ** 2, axis=0)
    spread = np.sum((true - true.mean(axis=0)) ** 2, axis=0)
    return float(np.mean(np.where(spread > 0, 1 - rest / np.where(spread > 0, spread, 1), (rest == 0) + 0 * rest)))


def _auc(y: Array, p: Array, reading: Reading) -> float:
    """The area under the ROC curve, how often a positive example scores above a negative one.

    The mean over the classes of which there are positive and negative examples; NaN where there are none, or where a
    prediction is NaN.
    """
    scores = p.reshape(-1, p.shape[-1])
    true = _like(y, p).reshape(scores.shape) > 0.5
    some = true.any(axis=0) & ~true.all(axis=0)
    if not some.any() or np.isnan(scores).any():
        return float("nan")
    return float(np.mean([_area(t, s) for t, s in zip(true.T[some], scores.T[some], strict=True)]))


def _area(true: Array, score: Array) -> float:
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]  # ties share their mean rank (Mann and Whitney 1947)
    yes, no = int(true.sum()), int((~true).sum())
    return float((ranks[true].sum() - yes * (yes + 1) / 2) / (yes * no))


METRICS: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure("accuracy", _accuracy, classes=True, rises=True),
        _top("top_5_accuracy", 5),
        Measure("precision", _counts, _of_counts("precision"), classes=True, rises=True),
        Measure("recall", _counts, _of_counts("recall"), classes=True, rises=True),
        Measure("f1", _counts, _of_counts("f1"), classes=True, rises=True),
        Measure("auc", whole=_auc, classes=True, rises=True),
        Measure("mse", _mean(np.square), rises=False),
        Measure("rmse", _mean(np.square), lambda total: float(np.sqrt(total[0] / total[1])), rises=False),
        Measure("mae", _mean(np.abs), rises=False),
        Measure("r2", whole=_r2, rises=True),
    )
}
ALIASES = {
    "acc": "accuracy",
    "top_k_accuracy": "top_5_accuracy",
    "mean_squared_error": "mse",
    "mean_absolute_error": "mae",
}
