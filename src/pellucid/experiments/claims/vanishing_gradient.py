"""Row 4 of the article: the sigmoid squeezes its input, and the gradient vanishes with depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.experiments import gradients
from pellucid.experiments.bands import band
from pellucid.experiments.claim import Claim, Numbers, Table, Text, Verdict
from pellucid.experiments.statistics import interval, mean, paired, spread
from pellucid.experiments.tasks import embedded
from pellucid.experiments.training import accuracy, dense, fitted
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("sigmoid", "relu")
DEEPEST, WIDTH = 20, 32
RATES = (1e-3, 3e-3, 1e-2)


class VanishingGradient(Claim):
    statement = gettext(
        "With sigmoids the gradient shrinks from layer to layer, so that deep networks stall in training; with ReLU"
        " they do not."
    )
    source = gettext('The article, "Sigmoid function"; S. Hochreiter, 1991; X. Glorot and Y. Bengio, 2010.')
    refuted_if = gettext(
        "the gradient does not shrink to less than a tenth from the 20th layer to the first, or the training accuracy"
        " of sigmoids falls from 1 hidden layer to 20 by no more than that of ReLU"
    )
    setup = gettext(
        "Digits (8 × 8 pixels), 1 to 20 hidden layers of 32 units, for 5 seeds. The initial values are the usual ones:"
        " Glorot's for sigmoid, He's for ReLU. Gradient: root mean square by the output of each layer before the first"
        " step. Accuracy: on the train part after 900 steps of Adam with the best of 3 rates on validation data, as"
        " many steps and rates for both."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        depths = [1, 4, 20] if trial.quick else [1, 2, 3, 5, 8, 12, 16, 20]
        sizes: Numbers = {arm: [] for arm in ARMS}
        first: Numbers = {arm: {} for arm in ARMS}
        trained: Numbers = {arm: {str(depth): [] for depth in depths} for arm in ARMS}
        for seed, arm in trial.each([(s, a) for s in seeds for a in ARMS], lambda c: f"gradients, {c[1]}, seed {c[0]}"):
            task = embedded("digits", seed)
            for depth in range(1, DEEPEST + 1, 19 if trial.quick else 1):
                layers = gradients.by_layer(task, arm, depth, seed)
                first[arm].setdefault(str(depth), []).append(layers[0])
            sizes[arm].append(layers)
        cases = [(d, s, a) for d in depths for s in seeds for a in ARMS]
        for depth, seed, arm in trial.each(cases, lambda c: f"{c[2]}, {c[0]} hidden layers, seed {c[1]}"):
            task = embedded("digits", seed)
            steps = 300 if trial.quick else 900
            best = fitted(dense(task, [WIDTH] * depth, arm, seed), task, steps=steps, rates=RATES)
            trained[arm][str(depth)].append(accuracy(best.net, *task.train))
            trial.keep(f"{arm} {depth} {seed}", best.net)
        factors = {arm: [gradients.factor(layers) for layers in sizes[arm]] for arm in ARMS}
        return {"depths": depths, "sizes": sizes, "first": first, "factor": factors, "accuracy": trained}

    def judge(self, numbers: Numbers) -> Verdict:
        deepest = str(numbers["depths"][-1])
        factor = interval(numbers["factor"]["sigmoid"])
        falls = {
            a: [x - y for x, y in zip(acc["1"], acc[deepest], strict=True)] for a, acc in numbers["accuracy"].items()
        }
        fall, beyond = interval(falls["sigmoid"]), paired(falls["sigmoid"], falls["relu"])
        because = gettext(
            "from one layer to the layer before it the gradient is multiplied by {sigmoid:.3f} with sigmoids and"
            " {relu:.3f} with ReLU; from 1 to {deepest} hidden layers the training accuracy falls by {fall:.3f} and"
            " {relu_fall:.3f}, a difference of {beyond}",
            sigmoid=factor.mean,
            relu=mean(numbers["factor"]["relu"]),
            deepest=deepest,
            fall=fall.mean,
            relu_fall=mean(falls["relu"]),
            beyond=beyond,
        )
        if factor.low > gradients.VANISHES or fall.sign < 0 or beyond.sign < 0:
            return Verdict("not supported here", because)
        if factor.high < gradients.VANISHES and fall.sign > 0 and beyond.sign > 0:
            return Verdict("supported", because)
        return Verdict("undecided", because)

    def table(self, numbers: Numbers) -> Table:
        columns = [gettext("hidden layers"), *(gettext("training accuracy, {arm}", arm=arm) for arm in ARMS)]
        rows: list[list[Text]] = [
            [str(d), *(spread(numbers["accuracy"][a][str(d)]) for a in ARMS)] for d in numbers["depths"]
        ]
        rows.append([gettext("gradient × a layer"), *(spread(numbers["factor"][arm]) for arm in ARMS)])
        return Table(columns, rows)

    def draw(self, numbers: Numbers) -> Figure:
        figure, (sizes, first, trained) = style.panels(1, 3, size=(3.9, 3.3))
        for place, arm in enumerate(ARMS):
            layers = list(zip(*numbers["sizes"][arm], strict=True))
            band(sizes, range(1, len(layers) + 1), layers, place=place, label=arm)
            depths = list(map(int, numbers["first"][arm]))
            band(first, depths, list(numbers["first"][arm].values()), place=place, label=arm)
            runs = [numbers["accuracy"][arm][str(depth)] for depth in numbers["depths"]]
            band(trained, numbers["depths"], runs, place=place, label=arm)
        sizes.set(yscale="log", title=f"gradient, {DEEPEST} hidden layers", xlabel="layer")
        first.set(yscale="log", title="gradient of the first layer", xlabel="hidden layers")
        trained.set(title="training accuracy", xlabel="hidden layers", ylim=(0, 1.03))
        for panel in (sizes, first, trained):
            panel.xaxis.get_major_locator().set_params(integer=True)
        style.legend(trained)
        return style.finished(
            figure,
            "Before the first step, the root mean square of the gradient by a layer's output: layer by layer, and of"
            " the first layer against the depth. Right, what training reaches with each depth. Lines are means over"
            " the seeds, bands run from the smallest to the largest.",
        )
