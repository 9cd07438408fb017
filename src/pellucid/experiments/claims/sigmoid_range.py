"""Row 3 of the article: the sigmoid, its limits and the range of its derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.curves import curve
from pellucid.experiments.trial import Trial
from pellucid.experiments.wording import each_of
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

H = 2.0**-10
"""The step of the difference quotients, a power of 2, so that z ± H is exact."""
BOUND = H * 0.09625 / 2
"""How far a difference quotient may be from the derivative: by Taylor's theorem; |σ''| is at most √3/18 = 0.09623."""


class SigmoidRange(Claim):
    statement = gettext(
        "The sigmoid runs from 0 to 1 and is differentiable everywhere; on [0, 1] its derivative stays within"
        " [0.1966, 0.25]."
    )
    source = gettext('The article, "Sigmoid function"; σ\'(z) = σ(z)·(1 − σ(z)) gives both ends by hand.')
    refuted_if = gettext(
        "the smallest or largest derivative on [0, 1] rounds to other numbers, a limit is missed, or a difference"
        " quotient from the left or the right differs from the derivative"
    )
    setup = gettext(
        "No training: the formula and its derivative are computed in float64 by the engine, at 4,097 places of [0, 1]"
        " for the range and from −40 to 40 for the rest. The derivative is held against difference quotients from both"
        " sides, (σ(z ± h) − σ(z)) / ±h with h = 2⁻¹⁰, which differ from it by at most h·max|σ''|/2 = {bound:.2g}.",
        bound=BOUND,
    )

    def measure(self, trial: Trial) -> Numbers:
        unit = np.linspace(0, 1, 4097)
        wide = np.linspace(-40, 40, 80 * 64 + 1)
        _, slopes = curve("sigmoid", unit)
        values, wide_slopes = curve("sigmoid", wide)
        right, left = ((curve("sigmoid", wide + h)[0] - values) / h for h in (H, -H))
        trial.keep("sigmoid", np.concatenate([slopes, values, wide_slopes]))
        shown = slice(32 * 64, 48 * 64 + 1, 8)  # from −8 to 8
        return {
            "smallest": slopes.min(),
            "largest": slopes.max(),
            "smallest_at": unit[slopes.argmin()],
            "largest_at": unit[slopes.argmax()],
            "largest_anywhere": wide_slopes.max(),
            "at_minus_40": values[0],
            "at_40": values[-1],
            "rises": bool((np.diff(values) >= 0).all()),
            "quotient_error": max(np.abs(right - wide_slopes).max(), np.abs(left - wide_slopes).max()),
            "z": wide[shown],
            "value": values[shown],
            "slope": wide_slopes[shown],
        }

    def judge(self, numbers: Numbers) -> Verdict:
        failures = []
        if (round(numbers["smallest"], 4), round(numbers["largest"], 4)) != (0.1966, 0.25):
            failures.append(
                gettext(
                    "the derivative on [0, 1] lies in [{smallest:.4f}, {largest:.4f}]",
                    smallest=numbers["smallest"],
                    largest=numbers["largest"],
                )
            )
        if not (0 <= numbers["at_minus_40"] < 1e-15 and 1 - 1e-15 < numbers["at_40"] <= 1 and numbers["rises"]):
            failures.append(
                gettext(
                    "σ(−40) is {low:.3g} and σ(40) is {high:.3g}", low=numbers["at_minus_40"], high=numbers["at_40"]
                )
            )
        if numbers["quotient_error"] > BOUND:
            failures.append(
                gettext(
                    "a difference quotient differs from the derivative by {error:.3g}", error=numbers["quotient_error"]
                )
            )
        if failures:
            return Verdict("not supported here", each_of(failures))
        return Verdict(
            "supported",
            gettext(
                "the derivative on [0, 1] falls from {largest:.4f} at {largest_at:g} to {smallest:.4f} at"
                " {smallest_at:g}; the limits 0 and 1 hold to 15 digits",
                **{key: numbers[key] for key in ("largest", "largest_at", "smallest", "smallest_at")},
            ),
        )

    def table(self, numbers: Numbers) -> Table:
        return Table(
            [gettext("quantity"), gettext("value")],
            [
                [gettext("smallest derivative on [0, 1]"), f"{numbers['smallest']:.10f}"],
                [gettext("largest derivative on [0, 1]"), f"{numbers['largest']:.10f}"],
                [gettext("largest derivative anywhere"), f"{numbers['largest_anywhere']:.10f}"],
                ["σ(−40)", f"{numbers['at_minus_40']:.3g}"],
                ["1 − σ(40)", f"{1 - numbers['at_40']:.3g}"],
                [gettext("largest error of a difference quotient"), f"{numbers['quotient_error']:.3g}"],
            ],
        )

    def draw(self, numbers: Numbers) -> Figure:
        figure, (values, slopes) = style.panels(1, 2)
        values.plot(numbers["z"], numbers["value"], color=style.series(0))
        values.set(title="σ(z)", xlabel="z")
        slopes.plot(numbers["z"], numbers["slope"], color=style.series(1))
        slopes.axvspan(0, 1, color=style.series(2), alpha=0.2, lw=0)
        for bound in (numbers["smallest"], numbers["largest"]):
            slopes.axhline(bound, color=style.faint(), lw=1, ls=":")
            slopes.annotate(f"{bound:.4f}", (-8, bound), va="bottom", color=style.ink(), fontsize=8)
        slopes.set(title="its derivative", xlabel="z", ylim=(0, 0.27))
        slopes.annotate(
            f"{numbers['largest']:.4f}", (-8, numbers["largest"]), va="bottom", color=style.ink(), fontsize=8
        )
        slopes.annotate(
            f"{numbers['smallest']:.4f}", (-8, numbers["smallest"]), va="bottom", color=style.ink(), fontsize=8
        )
        return style.finished(
            figure, "Between 0 and 1 (shaded) the derivative stays within the dotted lines; outside it falls towards 0."
        )
