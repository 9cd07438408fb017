"""Row 5 of the article: tanh is a rescaled sigmoid, learns faster, and still vanishes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

import pellucid as pl
from pellucid.experiments import gradients
from pellucid.experiments.bands import dots
from pellucid.experiments.claim import Claim, Numbers, Table, Text, Verdict
from pellucid.experiments.curves import curve
from pellucid.experiments.gradients import VANISHES
from pellucid.experiments.statistics import interval, spread
from pellucid.experiments.tasks import Task, embedded, toy
from pellucid.experiments.training import RATES, dense
from pellucid.experiments.trial import Trial
from pellucid.experiments.wording import both
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("tanh", "sigmoid")
TASKS = ("spirals", "digits", "breast_cancer")
INITIAL = {"Glorot's": "glorot_uniform", "within ±0.05": "uniform"}
INITIAL_WORDS = {"Glorot's": gettext("Glorot's"), "within ±0.05": gettext("within ±0.05")}
GOAL = 0.1
"""The part of the loss of guessing, ln(classes), at which a task counts as learned."""


def task_of(name: str, seed: int) -> Task:
    return toy(name, seed) if name == "spirals" else embedded(name, seed)


class TanhOrSigmoid(Claim):
    statement = gettext(
        "tanh is a rescaled sigmoid, tanh z = 2σ(2z) − 1; it learns faster than the sigmoid, and still vanishes."
    )
    source = gettext('The article, "Tanh function"; Y. LeCun et al., "Efficient BackProp", 1998, on the learning.')
    refuted_if = gettext(
        "the identity fails by more than rounding, the derivative on [−1, 1] leaves [0.42, 1], tanh needs as many"
        " epochs as the sigmoid, or its gradient does not shrink to less than a tenth from the 20th layer to the first"
    )
    setup = gettext(
        "Identity and derivative: in float64 at 8,193 places. Learning: two hidden layers of 16 units on spirals,"
        " digits and breast_cancer, 5 seeds, Glorot's initial values for both, up to 150 epochs of Adam with each of 4"
        " rates; counted are the epochs until the training loss is a tenth of that of guessing, with the rate that"
        " needs the fewest. Vanishing: what the gradient is multiplied by from layer to layer, 20 layers of 32 units,"
        " digits, with Glorot's initial values and with naive ones, uniform within ±0.05."
    )

    def measure(self, trial: Trial) -> Numbers:
        z = np.linspace(-20, 20, 8193)
        unit = np.linspace(-1, 1, 8193)
        values, slopes = curve("tanh", z)[0], curve("tanh", unit)[1]
        trial.keep("tanh", np.concatenate([values, slopes]))
        seeds = trial.seeds(5)
        epochs = 60 if trial.quick else 150
        needed: Numbers = {arm: {name: [] for name in TASKS} for arm in ARMS}
        cases = [(n, s, a) for n in TASKS for s in seeds for a in ARMS]
        for name, seed, arm in trial.each(cases, lambda c: f"{c[2]} on {c[0]}, seed {c[1]}"):
            task = task_of(name, seed)
            goal = GOAL * math.log(task.classes)
            counts = []
            for rate in RATES:
                net = dense(task, [16, 16], arm, seed)()
                loss = net.fit(*task.train, epochs=epochs, optimizer=pl.Adam(rate), verbose=0)["loss"]
                counts.append(next((k + 1 for k, value in enumerate(loss) if value <= goal), epochs + 1))
                trial.keep(f"{name} {arm} {seed} {rate}", net)
            needed[arm][name].append(min(counts))
        factors: Numbers = {
            label: {
                a: [
                    gradients.factor(gradients.by_layer(embedded("digits", s), a, 20, s, initial=initial))
                    for s in seeds
                ]
                for a in ARMS
            }
            for label, initial in INITIAL.items()
        }
        return {
            "identity_error": np.abs(values - (2 * curve("sigmoid", 2 * z)[0] - 1)).max(),
            "smallest": slopes.min(),
            "largest": slopes.max(),
            "limit": epochs,
            "epochs": needed,
            "factor": factors,
        }

    def judge(self, numbers: Numbers) -> Verdict:
        tanh, sigmoid = (numbers["epochs"][arm] for arm in ARMS)
        ratios = [
            sum(math.log(sigmoid[name][k] / tanh[name][k]) for name in tanh) / len(tanh)
            for k in range(len(next(iter(tanh.values()))))
        ]
        faster = interval(ratios)
        factors = {label: interval(by["tanh"]) for label, by in numbers["factor"].items()}
        exact = numbers["identity_error"] <= 4 * 2.0**-52
        range_holds = (round(numbers["smallest"], 2), round(numbers["largest"], 2)) == (0.42, 1.0)
        because = gettext(
            "the identity holds to {error:.1g}, the derivative lies in [{smallest:.4f}, {largest:.4f}]; the sigmoid"
            " needs {ratio:.2f} times the epochs ({low:.2f} … {high:.2f}); from layer to layer the gradient is"
            " multiplied by {factors}",
            error=numbers["identity_error"],
            smallest=numbers["smallest"],
            largest=numbers["largest"],
            ratio=math.exp(faster.mean),
            low=math.exp(faster.low),
            high=math.exp(faster.high),
            factors=both(
                [
                    gettext("{factor:.3f} (initial values {label})", factor=f.mean, label=INITIAL_WORDS[label])
                    for label, f in factors.items()
                ]
            ),
        )
        failed = [
            *([gettext("the identity")] if not exact else []),
            *([gettext("the range of the derivative")] if not range_holds else []),
            *([gettext("faster learning")] if faster.sign < 0 else []),
            *(
                gettext("a vanishing gradient with initial values {label}", label=INITIAL_WORDS[label])
                for label, f in factors.items()
                if f.low > VANISHES
            ),
        ]
        if failed:
            return Verdict(
                "not supported here", gettext("{because}; so it lacks {what}", because=because, what=both(failed))
            )
        vanishes = all(f.high < VANISHES for f in factors.values())
        return Verdict("supported" if faster.sign > 0 and vanishes else "undecided", because)

    def table(self, numbers: Numbers) -> Table:
        rows: list[list[Text]] = [
            [gettext("epochs on {name}", name=name), *(spread(numbers["epochs"][arm][name], 0) for arm in ARMS)]
            for name in TASKS
        ]
        for label, by in numbers["factor"].items():
            rows.append(
                [
                    gettext("gradient × a layer, initial {label}", label=INITIAL_WORDS[label]),
                    *(spread(by[arm]) for arm in ARMS),
                ]
            )
        rows.append([gettext("largest error of tanh z = 2σ(2z) − 1"), f"{numbers['identity_error']:.2g}", ""])
        rows.append([gettext("derivative on [−1, 1]"), f"{numbers['smallest']:.6f} … {numbers['largest']:.6f}", ""])
        return Table([gettext("quantity"), *ARMS], rows)

    def draw(self, numbers: Numbers) -> Figure:
        figure, (epochs, factor) = style.panels(1, 2)
        dots(epochs, TASKS, {arm: list(numbers["epochs"][arm].values()) for arm in ARMS})
        epochs.axhline(numbers["limit"], color=style.faint(), lw=1, ls=":")
        epochs.set(title="epochs until the loss is a tenth", ylabel="epochs", yscale="log")
        epochs.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"], minor=False)
        epochs.minorticks_off()
        style.legend(epochs)
        dots(
            factor,
            [f"initial values\n{label}" for label in INITIAL],
            {a: [by[a] for by in numbers["factor"].values()] for a in ARMS},
        )
        factor.axhline(VANISHES, color=style.faint(), lw=1, ls=":")
        factor.set(title="gradient: factor a layer", ylim=(0, 1.1))
        return style.finished(
            figure,
            "A dot a seed; both with the best of four rates. Dotted: the most epochs that were tried, and the factor"
            " that leaves a tenth of the gradient from the 20th layer to the first.",
        )
