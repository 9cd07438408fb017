"""Row 11 of the article: more than one hidden layer; how many, the problem decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.experiments.bands import band
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.statistics import interval, paired, spread
from pellucid.experiments.tasks import Task, embedded, toy
from pellucid.experiments.training import dense, fitted
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BUDGET = {"spirals, 1 turn": 300, "spirals, 3 turns": 300, "digits": 2000}
TASKS = tuple(BUDGET)
DEPTHS = (1, 2, 3, 4, 6)


def task_of(name: str, seed: int) -> Task:
    return toy("spirals", seed, n=600, turns=float(name[9])) if name.startswith("spirals") else embedded(name, seed)


def width_of(depth: int, inputs: int, outputs: int, budget: int) -> int:
    """The width of hidden layers, all alike, at which a network has as many parameters as allowed, and not more."""
    width = 1
    while count(depth, width + 1, inputs, outputs) <= budget:
        width += 1
    return width


def count(depth: int, width: int, inputs: int, outputs: int) -> int:
    """The parameters of a network with hidden layers of one width."""
    return (inputs + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * outputs


class Depth(Claim):
    statement = gettext(
        "How many hidden layers are best depends on the problem: long spirals need several, digits do not."
    )
    source = gettext('The article, "Deep learning": more than one hidden layer, the depth by the problem.')
    refuted_if = gettext(
        "with as many parameters, several hidden layers are no better than one on the spirals of three turns, or gain"
        " as much on digits"
    )
    setup = gettext(
        "Spirals of one and of three turns with 300 parameters, digits with 2,000; 1, 2, 3, 4 and 6 hidden layers of"
        " ReLU, as wide as the number of parameters allows; 5 seeds, 4 rates of Adam, 3,000 steps. Rate and, among the"
        " deep ones, depth are chosen on validation data, seed by seed; compared is the test accuracy with that of one"
        " hidden layer."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        depths = (1, 3) if trial.quick else DEPTHS
        results: Numbers = {n: {k: [[] for _ in depths] for k in ("test", "validation")} for n in TASKS}
        widths: Numbers = {name: [] for name in TASKS}
        cases = [(n, place, s) for n in TASKS for place in range(len(depths)) for s in seeds]
        for name, place, seed in trial.each(cases, lambda c: f"{c[0]}, {depths[c[1]]} hidden layers, seed {c[2]}"):
            task = task_of(name, seed)
            width = width_of(depths[place], task.features, task.classes, BUDGET[name])
            widths[name] = [*widths[name][:place], width]
            make = dense(task, [width] * depths[place], "relu", seed)
            best = fitted(make, task, steps=600 if trial.quick else 3000)
            results[name]["test"][place].append(best.test)
            results[name]["validation"][place].append(best.validation)
            trial.keep(f"{name} {depths[place]} {seed}", best.net)
        return {"depths": list(depths), "widths": widths, "accuracy": results}

    def judge(self, numbers: Numbers) -> Verdict:
        easy, hard, plain = (self._gains(numbers["accuracy"][name]) for name in TASKS)
        spirals, digits, more = interval(hard), interval(plain), paired(hard, plain)
        because = gettext(
            "several hidden layers gain {spirals} on spirals of three turns, {easy} on those of one, and {digits} on"
            " digits; the first and the last differ by {more}",
            spirals=spirals,
            easy=interval(easy),
            digits=digits,
            more=more,
        )
        if spirals.sign < 0 or spirals.high < 0.005 or more.sign < 0:
            return Verdict("not supported here", because)
        return Verdict("supported" if spirals.sign > 0 and more.sign > 0 else "undecided", because)

    @staticmethod
    def _gains(accuracy: Numbers) -> list[float]:
        """By seed: the test accuracy of the depth above 1 that validates best, less that of one hidden layer."""
        shallow, *deep = zip(accuracy["validation"], accuracy["test"], strict=True)
        return [
            max((validation[k], -place, test[k]) for place, (validation, test) in enumerate(deep))[2] - shallow[1][k]
            for k in range(len(shallow[0]))
        ]

    def table(self, numbers: Numbers) -> Table:
        rows = [
            [str(depth), *(cell for name in TASKS for cell in self._cells(numbers, name, place))]
            for place, depth in enumerate(numbers["depths"])
        ]
        return Table(
            [
                gettext("hidden layers"),
                *(
                    gettext("{name}, {what}", name=name, what=what)
                    for name in TASKS
                    for what in (gettext("units"), gettext("test accuracy"))
                ),
            ],
            rows,
        )

    @staticmethod
    def _cells(numbers: Numbers, name: str, place: int) -> list[str]:
        return [str(numbers["widths"][name][place]), spread(numbers["accuracy"][name]["test"][place])]

    def draw(self, numbers: Numbers) -> Figure:
        figure, panels = style.panels(1, 3, size=(3.9, 3.3), sharey=True)
        for place, (panel, name) in enumerate(zip(panels, TASKS, strict=True)):
            band(panel, numbers["depths"], numbers["accuracy"][name]["test"], place=place, label=name)
            panel.set(title=f"{name}, {BUDGET[name]} parameters", xlabel="hidden layers")
            panel.xaxis.get_major_locator().set_params(integer=True)
        panels[0].set(ylabel="test accuracy")
        return style.finished(
            figure, "The same number of parameters for every depth; means over the seeds with the range."
        )
