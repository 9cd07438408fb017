"""Row 14 of the article: pooling by maximum, minimum and average, and what each keeps."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid as pl
from pellucid.experiments.bands import dots
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.statistics import paired, spread
from pellucid.experiments.tasks import Task, embedded
from pellucid.experiments.training import fitted
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POOLS = {"max": pl.MaxPool2D, "min": pl.MinPool2D, "average": pl.AveragePool2D}
READINGS: dict[str, Callable[..., Any]] = {"mean": np.mean, "max": np.max, "min": np.min}
IMAGES = ("bright strokes", "dark strokes")
RATES = (3e-3, 1e-2, 3e-2)


def inverted(task: Task) -> Task:
    train, validation, test = ((1 - x, y) for x, y in (task.train, task.validation, task.test))
    return Task(task.name, train, validation, test, task.classes)


def network(arm: str, seed: int) -> pl.Network:
    """A dense network that sees an image after pooling by 2 × 2, 16 of 64 numbers."""
    return pl.Network(
        POOLS[arm](2),
        pl.Flatten(),
        pl.Dense(32, activation="relu", kernel_initializer="he_normal"),
        pl.Dense(10, activation="softmax"),
        input_shape=(8, 8, 1),
        seed=seed,
    )


class Pooling(Claim):
    statement = gettext(
        "Pooling keeps what it is named after: the maximum bright strokes, the minimum dark ones, the average the"
        " brightness."
    )
    source = gettext('The article, "Pooling", which names maximum and minimum; J. Weng et al., 1992, for the maximum.')
    refuted_if = gettext(
        "digits in bright strokes are told no better after the maximum than after the minimum, or digits in dark"
        " strokes no better after the minimum, or the average changes an image's mean"
    )
    setup = gettext(
        "Digits in bright strokes, and the same images inverted, are pooled by 2 × 2, and a dense network of 32 units"
        " learns to tell them from the 16 numbers that are left; 5 seeds, 3 rates of Adam chosen on validation data,"
        " 1,200 steps. Measured besides: how far each pooling moves an image's mean, largest and smallest value."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        scores: Numbers = {arm: {kind: [] for kind in IMAGES} for arm in POOLS}
        cases = [(k, s, a) for k in IMAGES for s in seeds for a in POOLS]
        for kind, seed, arm in trial.each(cases, lambda c: f"{c[2]}, {c[0]}, seed {c[1]}"):
            task = embedded("digits", seed, images=True)
            task = task if kind == IMAGES[0] else inverted(task)
            steps = 300 if trial.quick else 1200
            best = fitted(partial(network, arm, seed), task, steps=steps, rates=RATES)
            scores[arm][kind].append(best.test)
            trial.keep(f"{arm} {kind} {seed}", best.net)
        x = embedded("digits", 0, images=True).train[0]
        kept: Numbers = {}
        for arm, layer in POOLS.items():
            pooled = pl.Network(layer(2), input_shape=(8, 8, 1)).predict(x)
            before, after = (images.reshape(len(x), -1) for images in (x, pooled))
            kept[arm] = {
                name: np.abs(read(after, axis=1) - read(before, axis=1)).max() for name, read in READINGS.items()
            }
        return {"accuracy": scores, "moved": kept}

    def judge(self, numbers: Numbers) -> Verdict:
        scores = numbers["accuracy"]
        bright = paired(scores["max"][IMAGES[0]], scores["min"][IMAGES[0]])
        dark = paired(scores["min"][IMAGES[1]], scores["max"][IMAGES[1]])
        mean = numbers["moved"]["average"]["mean"]
        because = gettext(
            "with bright strokes the maximum is better than the minimum by {bright}, with dark ones the minimum by"
            " {dark}; the average moves the mean by {mean:.1g} at most",
            bright=bright,
            dark=dark,
            mean=mean,
        )
        if bright.sign < 0 or dark.sign < 0 or mean > 1e-6:
            return Verdict("not supported here", because)
        return Verdict("supported" if bright.sign > 0 and dark.sign > 0 else "undecided", because)

    def table(self, numbers: Numbers) -> Table:
        rows = [
            [
                arm,
                *(spread(numbers["accuracy"][arm][kind]) for kind in IMAGES),
                *(f"{numbers['moved'][arm][key]:.2g}" for key in READINGS),
            ]
            for arm in POOLS
        ]
        heads = [
            gettext("pooling"),
            gettext("accuracy, bright strokes"),
            gettext("accuracy, dark strokes"),
            gettext("moves the mean by"),
            gettext("moves the largest by"),
            gettext("moves the smallest by"),
        ]
        return Table(heads, rows)

    def draw(self, numbers: Numbers) -> Figure:
        figure, (panel,) = style.panels(size=(6, 3.4))
        dots(panel, IMAGES, {arm: list(numbers["accuracy"][arm].values()) for arm in POOLS})
        panel.set(title="test accuracy after pooling by 2 × 2")
        style.legend(panel, loc="center")
        return style.finished(
            figure, "A dot a seed, a line the mean. Where strokes are dark, maximum and minimum change places."
        )
