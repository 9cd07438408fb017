"""Row 12 of the article: a convolutional network against a dense one of equal size."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

import pellucid as pl
from pellucid.experiments.bands import band
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.statistics import paired, spread
from pellucid.experiments.tasks import embedded
from pellucid.experiments.training import accuracy, fitted, parameters
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("cnn", "mlp")
SHIFTS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def network(arm: str, seed: int) -> Callable[[], pl.Network]:
    """The two networks, of 1,898 and 1,885 parameters."""

    def convolution(filters: int) -> pl.Layer:
        return pl.Conv2D(filters, 3, padding="same", activation="relu", kernel_initializer="he_normal")

    def make() -> pl.Network:
        layers = [pl.Flatten(), pl.Dense(25, activation="relu", kernel_initializer="he_normal")]
        if arm == "cnn":
            layers = [convolution(8), pl.MaxPool2D(2), convolution(16), pl.MaxPool2D(2), pl.Flatten()]
        return pl.Network(*layers, pl.Dense(10, activation="softmax"), input_shape=(8, 8, 1), seed=seed)

    return make


class CnnOrMlp(Claim):
    statement = gettext(
        "On images a convolutional network is more accurate than a dense network with as many parameters."
    )
    source = gettext('The article, "Convolutional neural networks"; Y. LeCun et al., 1989.')
    refuted_if = gettext("with all the examples the dense network is as accurate on the test part, or more")
    setup = gettext(
        "Digits (8 × 8 pixels). Convolution 3 × 3 (8 filters), pooling, convolution 3 × 3 (16), pooling, dense: 1,898"
        " parameters; or a dense hidden layer of 25 units: 1,885. 5 seeds, 4 rates of Adam chosen on validation data,"
        " 1,500 steps; with 100, 300 and all 1,010 examples to learn from. As many steps are more multiply-adds for the"
        " convolutions. Tested on the test part, and on its images moved by one pixel each way, which nobody trained"
        " on."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        sizes = (100, 1010) if trial.quick else (100, 300, 1010)
        results: Numbers = {arm: {key: [[] for _ in sizes] for key in ("test", "moved")} for arm in ARMS}
        counts: Numbers = {}
        cases = [(place, s, a) for place in range(len(sizes)) for s in seeds for a in ARMS]
        for place, seed, arm in trial.each(cases, lambda c: f"{c[2]}, {sizes[c[0]]} examples, seed {c[1]}"):
            task = embedded("digits", seed, images=True).first(sizes[place])
            best = fitted(network(arm, seed), task, steps=300 if trial.quick else 1500)
            x, y = task.test
            moved = [accuracy(best.net, np.roll(x, shift, axis=(1, 2)), y) for shift in SHIFTS]
            results[arm]["test"][place].append(best.test)
            results[arm]["moved"][place].append(sum(moved) / len(moved))
            counts[arm] = parameters(best.net)
            trial.keep(f"{arm} {sizes[place]} {seed}", best.net)
        return {"examples": list(sizes), "parameters": counts, "accuracy": results}

    def judge(self, numbers: Numbers) -> Verdict:
        cnn, mlp = (numbers["accuracy"][arm] for arm in ARMS)
        gain, moved = paired(cnn["test"][-1], mlp["test"][-1]), paired(cnn["moved"][-1], mlp["moved"][-1])
        because = gettext(
            "with {count} examples the convolutional network is more accurate by {gain}, on images that were moved by"
            " {moved}",
            count=numbers["examples"][-1],
            gain=gain,
            moved=moved,
        )
        if gain.sign < 0 or gain.high < 0.005:
            return Verdict("not supported here", because)
        return Verdict("supported" if gain.sign > 0 else "undecided", because)

    def table(self, numbers: Numbers) -> Table:
        rows = [
            [str(n), arm, *(spread(numbers["accuracy"][arm][key][place]) for key in ("test", "moved"))]
            for place, n in enumerate(numbers["examples"])
            for arm in ARMS
        ]
        return Table(
            [gettext("examples"), gettext("network"), gettext("test accuracy"), gettext("images moved by a pixel")],
            rows,
        )

    def draw(self, numbers: Numbers) -> Figure:
        figure, panels = style.panels(1, 2, sharey=True)
        titles = {"test": "test accuracy", "moved": "images moved by a pixel"}
        for panel, (key, title) in zip(panels, titles.items(), strict=True):
            for place, arm in enumerate(ARMS):
                label = f"{arm}, {numbers['parameters'][arm]} parameters"
                band(panel, numbers["examples"], numbers["accuracy"][arm][key], place=place, label=label)
            panel.set(xscale="log", title=title, xlabel="examples to learn from")
            panel.set_xticks(numbers["examples"], list(map(str, numbers["examples"])))
            panel.minorticks_off()
        style.legend(panels[0], loc="lower right")
        return style.finished(figure, "Means over the seeds with the range. No network was trained on moved images.")
