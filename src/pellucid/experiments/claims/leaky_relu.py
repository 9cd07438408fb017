"""Row 7 of the article: leaky ReLU uses the information of negative inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import pellucid as pl
from pellucid.experiments.bands import band
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.statistics import interval, mean, paired, spread
from pellucid.experiments.tasks import embedded
from pellucid.experiments.training import accuracy, dense
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("relu", "leaky_relu")
SLOPE = 0.3
RATES = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
DEPTH, WIDTH = 3, 32


class LeakyRelu(Claim):
    statement = gettext(
        "Units of ReLU die, and those of leaky ReLU do not: they let a part of negative inputs through, and so a"
        " gradient."
    )
    source = gettext('The article, "Leaky ReLU", with the slope 0.3; A. Maas, A. Hannun and A. Ng, 2013.')
    refuted_if = gettext("no unit of ReLU dies, or as many units of leaky ReLU are left without a gradient")
    setup = gettext(
        "Digits, {depth} hidden layers of {width} units, He's initial values, 1,000 steps of Adam with each of 5"
        " rates, 5 seeds; slope {slope}. Counted after training, over all examples of the train part: units whose"
        " input is never positive, and units whose weights all have the gradient 0, which no step will ever move"
        " again. The accuracies are reported, and are no part of the claim.",
        depth=DEPTH,
        width=WIDTH,
        slope=SLOPE,
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        rates = RATES[::2] if trial.quick else RATES
        epochs = 10 if trial.quick else 32
        counts: Numbers = {a: {k: [[] for _ in rates] for k in ("negative", "stuck", "accuracy")} for a in ARMS}
        cases = [(place, s, a) for place in range(len(rates)) for s in seeds for a in ARMS]
        for place, seed, arm in trial.each(cases, lambda c: f"{c[2]}, rate {rates[c[0]]:g}, seed {c[1]}"):
            task = embedded("digits", seed)
            net = dense(task, [WIDTH] * DEPTH, arm, seed)()
            net.fit(*task.train, epochs=epochs, optimizer=pl.Adam(rates[place]), verbose=0)
            values = net.trace(task.train[0])
            _, gradients = net.gradients(*task.train)
            layers = [f"dense_{k + 1}" for k in range(DEPTH)]
            negative = [(values[layer] <= 0).all(axis=0).mean() for layer in layers]
            stuck = [(gradients[f"{layer}.kernel"] == 0).all(axis=0).mean() for layer in layers]
            counts[arm]["negative"][place].append(np.mean(negative))
            counts[arm]["stuck"][place].append(np.mean(stuck))
            counts[arm]["accuracy"][place].append(accuracy(net, *task.test))
            trial.keep(f"{arm} {rates[place]} {seed}", net)
        return {"rates": list(rates), "arms": counts}

    def judge(self, numbers: Numbers) -> Verdict:
        stuck = {
            arm: [mean(row) for row in zip(*counts["stuck"], strict=True)] for arm, counts in numbers["arms"].items()
        }
        dies, beyond = interval(stuck["relu"]), paired(stuck["relu"], stuck["leaky_relu"])
        because = gettext(
            "of ReLU's units {dead:.1%} are left without a gradient, of leaky ReLU's {leaky:.1%} (mean over the rates;"
            " difference {beyond})",
            dead=dies.mean,
            leaky=mean(stuck["leaky_relu"]),
            beyond=beyond,
        )
        if max(stuck["relu"]) == 0 or beyond.sign < 0 or beyond.mean <= 0:
            return Verdict("not supported here", because)
        if dies.sign > 0 and beyond.sign > 0 and max(stuck["leaky_relu"]) == 0:
            return Verdict("supported", because)
        return Verdict("undecided", because)

    def table(self, numbers: Numbers) -> Table:
        rows = [
            [f"{rate:g}", arm, *(spread(numbers["arms"][arm][key][place]) for key in ("negative", "stuck", "accuracy"))]
            for place, rate in enumerate(numbers["rates"])
            for arm in ARMS
        ]
        return Table(
            [
                gettext("rate"),
                gettext("activation"),
                gettext("input never positive"),
                gettext("no gradient"),
                gettext("test accuracy"),
            ],
            rows,
        )

    def draw(self, numbers: Numbers) -> Figure:
        figure, panels = style.panels(1, 3, size=(3.9, 3.3))
        titles = {"negative": "input never positive", "stuck": "no gradient at all", "accuracy": "test accuracy"}
        for panel, (key, title) in zip(panels, titles.items(), strict=True):
            for place, arm in enumerate(ARMS):
                band(panel, numbers["rates"], numbers["arms"][arm][key], place=place, label=arm)
            panel.set(xscale="log", title=title, xlabel="learning rate", ylim=(-0.02, 1.02))
        style.legend(panels[0])
        return style.finished(
            figure,
            "Fractions of the hidden units after training, and the accuracy, against the learning rate; means over the"
            " seeds with the range. With leaky ReLU a unit whose input is never positive still learns.",
        )
