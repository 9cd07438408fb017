"""An outsider's claim, as text."""

MINE = '''
"""Half of what is measured is more than a third."""
import numpy as np

import pellucid as pl
from pellucid.experiments import Claim, Table, Verdict
from pellucid.plots import style


class Half(Claim):
    statement = "A half is more than a third."
    source = "School"
    refuted_if = "a half is a third or less"
    setup = "two seeds"

    def measure(self, trial):
        halves = []
        for seed in trial.each(trial.seeds(3)):
            trial.keep(f"net {seed}", pl.Network(pl.Dense(1), input_shape=2, seed=seed))
            halves.append(np.float32(0.5))
        return {"halves": np.array(halves), "count": np.int64(len(halves)), "none": None}

    def judge(self, numbers):
        more = min(numbers["halves"]) > 1 / 3
        return Verdict("supported" if more else "not supported here", f"the least is {min(numbers['halves'])}")

    def table(self, numbers):
        return Table(["half"], [[str(half)] for half in numbers["halves"]])

    def draw(self, numbers):
        figure, (panel,) = style.panels()
        panel.plot(numbers["halves"])
        return style.finished(figure, "halves")
'''
