"""Random networks on XLA and on the reference engine: forward, backward, and ten steps of training.

    python -m tests.fuzzing.xla_networks --count 500 --seed 0 --jobs 2

The networks are those of `networks.py`, by the same seeds. Every step begins with equal numbers on both engines, and is
held to the bounds of `comparison.py`.

XLA computes a value again wherever it is needed, and contracts products and sums to multiply-adds as it likes, so x − x
may be a rounding and not 0, and a function that bends there takes its other branch. A case that differs is therefore
looked at once more with every value of a step kept: what is wrong in the lowering is wrong there too.

Nearly all of a case's time is XLA's compiler, so it is asked for three programs: predictions, gradients (as in training
for one half of the seeds, as in prediction for the other), and a step. Of every fourth seed the last batch of an epoch
may be smaller, which is a program more.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from tests.fuzzing import runner
from tests.fuzzing.cases import Case
from tests.fuzzing.comparison import Fault, Report, Subject, gradients, outputs_of, part_of, trace, training
from tests.fuzzing.generator import drawn

from pellucid.training.inputs.feeds import inputs
from pellucid.training.programs import prediction_step

STEPS = 10


def forward(s: Subject) -> None:
    """The predictions for all examples."""
    given = {**inputs(s.native, s.x), **s.native.parameters}
    found = outputs_of(s.native, s.native.predict(s.x, batch_size=s.case.examples))
    s.agree("predictions", found, part_of(s.oracle(prediction_step(s.native), given), s.case.examples))


def backward(s: Subject) -> None:
    """The gradients of all examples."""
    gradients(s, (s.case.seed % 2 == 0,))


CHECKS: Final = (forward, backward, training)


def lasting(case: Case) -> Case:
    """The case with enough epochs for all steps; of three seeds in four, with batches of one size."""
    epochs = max(STEPS, case.options.get("epochs", 1))
    whole = case.seed % 4 > 0 and "validation_split" not in case.options and case.examples > case.batch
    examples = case.examples // case.batch * case.batch if whole else case.examples
    return replace(case, examples=examples, options={**case.options, "epochs": epochs})


def examined(case: Case, checks: Sequence[Callable[[Subject], None]] = CHECKS) -> Report:
    """Forward, backward, and steps of training.

    Raises:
        Fault: the engines do not agree.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        subject = Subject(lasting(case), "xla", STEPS)
        for check in checks:
            try:
                check(subject)
            except Fault:
                raise
            except Exception as error:
                raise Fault(check.__name__, f"{type(error).__name__}: {error}", type(error).__name__) from error
        return subject.report


def examine(seed: int) -> runner.Outcome:
    """Draw the case of a seed and look at it."""
    case = drawn(seed)
    try:
        report = examined(case)
    except Fault as fault:
        try:
            examined(case, (trace,))
        except Fault:
            return runner.Outcome(seed, f"{fault}\n\n{case.source()}")
        return runner.Outcome(seed, notes=("that agree where every value is kept",))
    notes = {"with values that rounding makes uncertain": report.uncertain, "that diverged": report.diverged}
    return runner.Outcome(seed, notes=tuple(note for note, there in notes.items() if there))


if __name__ == "__main__":
    options = runner.arguments("train random networks on XLA and on the reference engine", 500)
    sys.exit(runner.command(examine, options, source=lambda seed: drawn(seed).source()))
