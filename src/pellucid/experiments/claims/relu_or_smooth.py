"""Row 6 of the article: ReLU performs better than sigmoid and tanh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.experiments.bands import dots
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.statistics import mean, paired, spread
from pellucid.experiments.tasks import Task, embedded, toy
from pellucid.experiments.training import dense, fitted
from pellucid.experiments.trial import Trial
from pellucid.experiments.wording import each_of
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS = ("relu", "sigmoid", "tanh")
TASKS = ("spirals", "checkerboard", "digits", "breast_cancer", "wine")
DEPTHS = (2, 6)
MATTERS = 0.005
"""The smallest difference of accuracies that would matter to anybody."""


def task_of(name: str, seed: int) -> Task:
    return toy(name, seed, noise=0.03) if name in ("spirals", "checkerboard") else embedded(name, seed)


class ReluOrSmooth(Claim):
    statement = gettext("ReLU performs better than sigmoid and tanh.")
    source = gettext('The article, "ReLU function"; X. Glorot, A. Bordes and Y. Bengio, 2011, for deep networks.')
    refuted_if = gettext(
        "ReLU's advantage in mean test accuracy over one of the others, with its 95 % interval over the seeds, lies"
        " below half a point"
    )
    setup = gettext(
        "Five tasks (spirals, checkerboard, digits, breast_cancer, wine), 2 and 6 hidden layers of 32 units, 5 seeds."
        " For each activation its usual initial values, 4 rates of Adam, 1,500 steps; the rate is chosen on validation"
        " data, task by task and seed by seed. Compared is the mean over tasks and depths, seed by seed."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        tasks = TASKS[::2] if trial.quick else TASKS
        scores: Numbers = {arm: {f"{name}, {d} layers": [] for name in tasks for d in DEPTHS} for arm in ARMS}
        cases = [(n, d, s, a) for n in tasks for d in DEPTHS for s in seeds for a in ARMS]
        for name, depth, seed, arm in trial.each(cases, lambda c: f"{c[3]} on {c[0]}, {c[1]} layers, seed {c[2]}"):
            task = task_of(name, seed)
            best = fitted(dense(task, [32] * depth, arm, seed), task, steps=300 if trial.quick else 1500)
            scores[arm][f"{name}, {depth} layers"].append(best.test)
            trial.keep(f"{name} {depth} {arm} {seed}", best.net)
        return {"accuracy": scores}

    def judge(self, numbers: Numbers) -> Verdict:
        means = {arm: [mean(row) for row in zip(*by.values(), strict=True)] for arm, by in numbers["accuracy"].items()}
        gains = {arm: paired(means["relu"], means[arm]) for arm in ARMS[1:]}
        because = each_of(
            [
                gettext("against {arm} the mean accuracy differs by {gain}", arm=arm, gain=gain)
                for arm, gain in gains.items()
            ]
        )
        if any(gain.high < MATTERS for gain in gains.values()):
            return Verdict("not supported here", because)
        return Verdict("supported" if all(gain.sign > 0 for gain in gains.values()) else "undecided", because)

    def table(self, numbers: Numbers) -> Table:
        scores = numbers["accuracy"]
        return Table(
            [gettext("test accuracy"), *ARMS], [[n, *(spread(scores[arm][n]) for arm in ARMS)] for n in scores["relu"]]
        )

    def draw(self, numbers: Numbers) -> Figure:
        scores = numbers["accuracy"]
        names = list(scores["relu"])
        figure, (panel,) = style.panels(size=(max(6, 1.15 * len(names)), 3.6))
        dots(panel, [name.replace(", ", "\n") for name in names], {arm: list(scores[arm].values()) for arm in ARMS})
        panel.set(title="test accuracy")
        style.legend(panel, loc="lower left")
        return style.finished(figure, "A dot a seed, a line the mean; each activation with the best of four rates.")
