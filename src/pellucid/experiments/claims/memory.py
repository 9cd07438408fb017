"""Row 18 of the article: an RNN looks back a few steps only, an LSTM farther."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import pellucid as pl
from pellucid.experiments.bands import MARKERS, band
from pellucid.experiments.claim import Claim, Numbers, Table, Text, Verdict
from pellucid.experiments.statistics import Interval, mean, paired, spread
from pellucid.experiments.tasks import Task
from pellucid.experiments.training import fitted, parameters
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYMBOLS = 8
UNITS = {"RNN": 40, "GRU": 22, "LSTM": 19}
"""Units with which each has about 2,300 parameters."""
BEGINNINGS = ("naive", "good")
BEGINNING_WORDS = {"naive": gettext("naive"), "good": gettext("good")}
GAPS = (5, 20, 50, 100, 200)
RATES = (3e-3, 1e-2, 3e-2)


def recall(gap: int, seed: int, examples: int) -> Task:
    """Sequences of random symbols (n, gap + 1, SYMBOLS); the class is the first of them."""
    parts: list[Any] = []
    for part, n in enumerate((examples, 400, 400)):
        random = np.random.Generator(np.random.Philox(key=np.array([seed, 3 * gap + part], dtype=np.uint64)))
        symbols = random.integers(SYMBOLS, size=(n, gap + 1))
        parts.append((np.eye(SYMBOLS, dtype=np.float32)[symbols], symbols[:, 0].astype(np.int64)))
    return Task("recall", parts[0], parts[1], parts[2], SYMBOLS)


def network(kind: str, beginning: str, gap: int, seed: int) -> pl.Network:
    """A recurrent layer and a softmax.

    Naive: all weights uniform within ±0.05, all biases 0. Good: Glorot's and orthogonal kernels, and biases with which
    the gates of GRU and LSTM begin by keeping their state for 1 to `gap` steps (Tallec and Ollivier, 2018).
    """
    options: dict[str, Any] = {}
    if beginning == "naive":
        options = {"kernel_initializer": "uniform", "recurrent_initializer": "uniform"}
        if kind == "LSTM":
            options["unit_forget_bias"] = False
    layer = getattr(pl, kind)(UNITS[kind], **options)
    net = pl.Network(layer, pl.Dense(SYMBOLS, activation="softmax"), input_shape=(gap + 1, SYMBOLS), seed=seed)
    if beginning == "good" and kind != "RNN":
        path = f"{kind.lower()}_1.bias"
        kept = np.log(np.linspace(1, max(2, gap), UNITS[kind]))
        bias = net.parameters[path].copy()
        bias[:2] = [-kept, kept] if kind == "LSTM" else [kept, 0 * kept]
        net.parameters[path] = bias
    return net


class Memory(Claim):
    statement = gettext("An RNN looks back only a few steps in practice; an LSTM remembers much longer.")
    source = gettext('The article, "LSTM"; Y. Bengio et al., 1994; S. Hochreiter and J. Schmidhuber, 1997.')
    refuted_if = gettext(
        "with good initial values the LSTM recalls no better than an RNN of equal size, on the mean over the gaps"
    )
    setup = gettext(
        "A network reads 5 to 200 random symbols after a first one, and names the first of all; guessing gives 1/8."
        " RNN of 40, GRU of 22 and LSTM of 19 units have about 2,300 parameters each. 2,000 sequences, 1,500 steps of"
        " Adam with clipped gradients, each of 3 rates, chosen on validation data; 4 seeds. Two kinds of initial"
        " values for all: naive (uniform within ±0.05, no bias), and good (orthogonal, with gates that begin by"
        " keeping the state)."
    )

    def measure(self, trial: Trial) -> Numbers:
        seeds = trial.seeds(4, quick=2)
        gaps = (5, 50) if trial.quick else GAPS
        examples, steps = (1000, 400) if trial.quick else (2000, 1500)
        scores: Numbers = {b: {k: [[] for _ in gaps] for k in UNITS} for b in BEGINNINGS}
        reach: Numbers = {b: {} for b in BEGINNINGS}
        sizes: Numbers = {}
        cases = [(p, s, k, b) for p in range(len(gaps)) for s in seeds for k in UNITS for b in BEGINNINGS]
        for place, seed, kind, beginning in trial.each(
            cases, lambda c: f"{c[2]}, {c[3]}, gap {gaps[c[0]]}, seed {c[1]}"
        ):
            gap = gaps[place]
            task = recall(gap, seed, examples)
            make = partial(network, kind, beginning, gap, seed)
            best = fitted(make, task, steps=steps, rates=RATES, batch_size=64, clip_norm=1.0)
            scores[beginning][kind][place].append(best.test)
            sizes[kind] = parameters(best.net)
            trial.keep(f"{kind} {beginning} {gap} {seed}", best.net)
            if gap == gaps[-1] and seed == seeds[0]:
                norms = make().flow(task.train[0][:64], task.train[1][:64]).reach[0].norms
                reach[beginning][kind] = [max(norm, 1e-40) for norm in norms]
        return {"gaps": list(gaps), "parameters": sizes, "accuracy": scores, "reach": reach}

    def judge(self, numbers: Numbers) -> Verdict:
        gains = {b: self._gain(numbers["accuracy"][b]) for b in BEGINNINGS}
        because = gettext(
            "on the mean over the gaps the LSTM recalls better than the RNN by {good} with good initial values, by"
            " {naive} with naive ones",
            **gains,
        )
        if gains["good"].sign < 0 or gains["good"].high < 0.01:
            return Verdict("not supported here", because)
        if gains["good"].sign > 0 and gains["naive"].sign > 0:
            return Verdict("supported", because)
        return Verdict(
            "undecided",
            gettext("{because}: it depends on the initial values, or may be chance", because=because),
        )

    @staticmethod
    def _gain(accuracy: Numbers) -> Interval:
        lstm, rnn = ([mean(row) for row in zip(*accuracy[kind], strict=True)] for kind in ("LSTM", "RNN"))
        return paired(lstm, rnn)

    def table(self, numbers: Numbers) -> Table:
        rows: list[list[Text]] = [
            [kind, BEGINNING_WORDS[beginning], *(spread(values, 2) for values in numbers["accuracy"][beginning][kind])]
            for beginning in BEGINNINGS
            for kind in UNITS
        ]
        return Table(
            [gettext("layer"), gettext("initial values"), *(gettext("gap {gap}", gap=gap) for gap in numbers["gaps"])],
            rows,
        )

    def draw(self, numbers: Numbers) -> Figure:
        figure, panels = style.panels(2, 2, size=(4.6, 3.0))
        for column, beginning in enumerate(BEGINNINGS):
            recalls, reach = panels[column], panels[2 + column]
            for place, kind in enumerate(UNITS):
                band(recalls, numbers["gaps"], numbers["accuracy"][beginning][kind], place=place, label=kind)
                norms = numbers["reach"][beginning][kind]
                reach.plot(norms, color=style.series(place), label=kind, marker=MARKERS[place], markevery=20, ms=4)
            recalls.axhline(1 / SYMBOLS, color=style.faint(), lw=1, ls=":")
            recalls.set(
                title=f"{beginning} initial values", xlabel="gap", ylabel="recall", ylim=(0, 1.03), xscale="log"
            )
            recalls.set_xticks(numbers["gaps"], list(map(str, numbers["gaps"])))
            recalls.minorticks_off()
            reach.set(yscale="log", xlabel="steps back", ylabel="size of the gradient", ylim=(1e-20, None))
        style.legend(panels[0], loc="lower left")
        return style.finished(
            figure,
            "Above, how often the first symbol is named after a gap (dotted: guessing). Below, before training, the"
            " gradient of the loss by the state so many steps before, at the longest gap.",
        )
