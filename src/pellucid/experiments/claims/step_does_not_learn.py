"""Row 2 of the article: a step has no useful gradient."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

import pellucid as pl
from pellucid import data
from pellucid.experiments import statistics
from pellucid.experiments.bands import dots
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATIONS = ("step", "sigmoid", "tanh")


class StepDoesNotLearn(Claim):
    statement = gettext("A hidden layer of step units does not learn by gradient descent: its weights do not move.")
    source = gettext(
        'The article, "Step function": the derivative is 0 wherever it exists, so it tells no weight where to go.'
    )
    refuted_if = gettext("any weight into a step unit moves during training")
    setup = gettext(
        "Networks 2 → 16 → 1 with a sigmoid output learn 300 points of moons by stochastic gradient descent (rate 0.3,"
        " batches of 16), for 5 seeds. Equal for all activations: points, first weights, order of the batches, steps."
        " Measured: how far any hidden and any output weight moved, and the accuracy on 300 new points."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(5)
        epochs = 40 if trial.quick else 200
        arms: Numbers = {name: {"hidden": [], "output": [], "accuracy": []} for name in ACTIVATIONS}
        for seed, name in trial.each(((s, a) for s in seeds for a in ACTIVATIONS), lambda c: f"{c[1]}, seed {c[0]}"):
            learned, new = (data.moons(300, noise=0.15, seed=2 * seed + k) for k in (0, 1))
            net = pl.Network(
                pl.Dense(16, activation=name, kernel_initializer="glorot_uniform"),
                pl.Dense(1, activation="sigmoid"),
                input_shape=(2,),
                seed=seed,
            )
            before = {path: value.copy() for path, value in net.parameters.snapshot().items()}
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message=".*cannot learn by gradient descent")  # this is what is shown
                net.fit(learned.x, learned.y, epochs=epochs, batch_size=16, optimizer=pl.SGD(0.3), verbose=0)
            moved = {p: float(np.abs(value - before[p]).max()) for p, value in net.parameters.snapshot().items()}
            arms[name]["hidden"].append(max(moved["dense_1.kernel"], moved["dense_1.bias"]))
            arms[name]["output"].append(max(moved["dense_2.kernel"], moved["dense_2.bias"]))
            arms[name]["accuracy"].append(net.evaluate(new.x, new.y, metrics=["accuracy"])["accuracy"])
            trial.keep(f"{name} {seed}", net)
        return {"epochs": epochs, "arms": arms}

    def judge(self, numbers: Numbers) -> Verdict:
        arms = numbers["arms"]
        step = max(arms["step"]["hidden"])
        smooth = min(min(arms[name]["hidden"]) for name in ACTIVATIONS[1:])
        if step > 0:
            return Verdict("not supported here", gettext("a weight into a step unit moved by {step:.3g}", step=step))
        if smooth == 0:
            return Verdict(
                "undecided", gettext("the weights of the networks with smooth activations did not move either")
            )
        accuracy = statistics.mean(arms["step"]["accuracy"])
        return Verdict(
            "supported",
            gettext(
                "no weight into a step unit moved at all, while those of the smooth networks moved by {smooth:.3g} or"
                " more; only the output layer learned, on random features, to an accuracy of {accuracy:.3f}",
                smooth=smooth,
                accuracy=accuracy,
            ),
        )

    def table(self, numbers: Numbers) -> Table:
        rows = [
            [
                name,
                f"{max(arm['hidden']):.3g}",
                f"{max(arm['output']):.3g}",
                statistics.spread(arm["accuracy"]),
            ]
            for name, arm in numbers["arms"].items()
        ]
        return Table(
            [
                gettext("hidden units"),
                gettext("hidden weights moved by"),
                gettext("output weights moved by"),
                gettext("test accuracy"),
            ],
            rows,
        )

    def draw(self, numbers: Numbers) -> Figure:
        figure, (moved, accuracy) = style.panels(1, 2)
        arms = numbers["arms"]
        dots(moved, list(arms), {part: [arm[part] for arm in arms.values()] for part in ("hidden", "output")})
        moved.set(title="how far a weight moved, at most", ylabel="|after − before|")
        style.legend(moved)
        dots(accuracy, list(arms), {"seed": [arm["accuracy"] for arm in arms.values()]})
        accuracy.set(title="accuracy on new points", ylim=(0.5, 1.02))
        return style.finished(
            figure,
            f"Moons, {numbers['epochs']} epochs; a dot a seed. The weights into step units stay where they began, and"
            " what is learned is the output layer alone.",
        )
