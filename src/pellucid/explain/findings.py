"""What a diagnosis says: findings in words, with their evidence and the usual fix."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from pellucid.messages import LANGUAGES, gettext, pgettext


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a key of `WORDS`: "nan", "labels", "last layer", "flat", "scaling", "exploding", "dead",
            "saturated", "vanishing", "rate too high", "rate too low", "guessing", "over-fitting", "data".
        where: the path concerned, or "".
        facts: what the words are filled with, by name: texts and messages.
    """

    kind: str
    where: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)

    def what(self, language: str = "en") -> str:
        """What is wrong."""
        return self._said(0, language)

    def evidence(self, language: str = "en") -> str:
        """The numbers that show it."""
        return self._said(1, language)

    def fix(self, language: str = "en") -> str:
        """What usually helps."""
        return self._said(2, language)

    def text(self, language: str = "en") -> str:
        """All three, a line each."""
        fix = gettext("fix: {fix}", fix=self.fix(language)).text(language)
        return f"{self.what(language)}\n  {self.evidence(language)}\n  {fix}"

    def _said(self, part: int, language: str) -> str:
        return WORDS[self.kind][part].filled(where=self.where, **self.facts).text(language)


@dataclass(frozen=True, repr=False)
class Diagnosis(Sequence[Finding]):
    """Findings, the likeliest first cause first; empty where nothing wrong was seen."""

    findings: tuple[Finding, ...] = ()

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, place: int | slice) -> Finding | tuple[Finding, ...]:
        return self.findings[place]

    def __len__(self) -> int:
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the findings, in order."""
        return tuple(f.kind for f in self.findings)

    def text(self, language: str = "en") -> str:
        """The findings as text, in "en" or "zh"."""
        nothing = gettext("Nothing wrong was found.")
        return "\n".join(f"{n}. {f.text(language)}" for n, f in enumerate(self.findings, 1)) or nothing.text(language)

    def json(self) -> list[dict[str, Any]]:
        """The findings as data that JSON can carry."""
        return [
            {
                "kind": f.kind,
                "where": f.where,
                "facts": {name: str(value) for name, value in f.facts.items()},
                **{
                    lang: {"what": f.what(lang), "evidence": f.evidence(lang), "fix": f.fix(lang)} for lang in LANGUAGES
                },
            }
            for f in self.findings
        ]

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{html.escape(f.what())}</b><br/>{html.escape(f.evidence())}<br/><i>{html.escape(f.fix())}</i></li>"
            for f in self
        )
        return f"<ol>{items}</ol>" if items else f"<p>{self.text()}</p>"

    def __repr__(self) -> str:
        return self.text()


QUOTED = pgettext("a message in English", "{message}.")
WORDS = {
    "nan": (
        gettext("A value is not finite: {value}."),
        gettext("It came up first in {place}. {arithmetic}"),
        gettext("{why}."),
    ),
    "data": (
        gettext("The examples cannot be used."),
        QUOTED,
        gettext("put the data right, as the message says."),
    ),
    "labels": (
        gettext("The labels are out of range for this network."),
        QUOTED,
        gettext("give classes as 0 … units − 1, one unit a class."),
    ),
    "last layer": (
        gettext("The last layer {where} does not fit the loss or the targets."),
        QUOTED,
        gettext("{fix}."),
    ),
    "flat": (
        gettext("A part of the network cannot learn at all."),
        QUOTED,
        gettext("use a function with a slope, such as sigmoid or relu."),
    ),
    "scaling": (
        gettext("The {what} are not scaled."),
        gettext("Their root mean square in {where} is {size}, and networks start out for values of about 1."),
        gettext("bring each feature to mean 0 and deviation 1 (images: divide by 255), targets of a regression too."),
    ),
    "exploding": (
        gettext("The gradient explodes on its way back to {where}."),
        gettext("It is {size} there, {ratio} times what it is at {start}."),
        gettext('start with smaller weights ("glorot_uniform", for ReLU "he_normal"), normalise, clip the gradient.'),
    ),
    "dead": (
        gettext("{where} is dead for the most part."),
        gettext("{fraction} of its units are 0 on every example, so no gradient passes through them."),
        gettext("lower the learning rate, start the biases at 0, or use leaky_relu."),
    ),
    "saturated": (
        gettext("{where} is saturated."),
        gettext("At {fraction} of its values {function} is almost flat, so hardly any gradient passes."),
        gettext("scale the inputs, start with smaller weights, lower the learning rate, or use relu."),
    ),
    "vanishing": (
        gettext("The gradient vanishes on its way back to {where}."),
        gettext("It is {size} there, {ratio} of what it is at {start}."),
        gettext("use relu with he_normal, normalise between layers, add a way round (Add); over time an LSTM or GRU."),
    ),
    "underflow": (
        gettext("The gradient of {where} is lost: it is too small for the network's numbers."),
        gettext("Its largest element is {size} in float64, and 0 in {dtype}."),
        gettext('train in float64 (dtype="float64"), or use relu with he_normal, and normalise between layers.'),
    ),
    "absorbed": (
        gettext("The updates of {where} are lost: they are too small to change its weights."),
        gettext("A gradient reaches it, and a step at the learning rate{rate} leaves every weight as it was."),
        gettext('raise the learning rate, train in float64 (dtype="float64"), or use weights of about 1 or less.'),
    ),
    "rate too high": (
        gettext("The learning rate{rate} is too high."),
        gettext("{message}."),
        gettext("lower it tenfold; net.find_learning_rate(x, y) looks for a good one."),
    ),
    "rate too low": (
        gettext("The learning rate{rate} is too low."),
        gettext("{message}."),
        gettext("raise it tenfold; net.find_learning_rate(x, y) looks for a good one."),
    ),
    "guessing": (
        gettext("The network has learned nothing from its inputs."),
        gettext("Its loss is {loss}; one and the same answer to all examples has {guess}."),
        gettext(
            "see that inputs and targets belong together; scale the inputs; net.find_learning_rate(x, y) finds a rate."
        ),
    ),
    "over-fitting": (
        gettext("The network over-fits."),
        gettext(
            "The validation loss was best in epoch {epoch}, {best}, is {last} now; that of training fell to {train}."
        ),
        gettext("stop there (EarlyStopping), get more data or augment it, add Dropout or L2, or use fewer units."),
    ),
}
"""What is wrong, the numbers that show it, and what usually helps, by the kind of a finding."""

SIGNS = {
    "not finite": gettext("NaN or infinity"),
    "a step": gettext("a step"),
    "last step": gettext("the last step"),
    "constant": gettext("the loss is {loss:.3g}, where a constant answer to all examples has {guess:.3g}"),
    "rose at once": gettext(
        "the loss rose from {start:.3g} before the first step to {loss:.3g} in epoch {epoch}",
    ),
    "rose since": gettext("the loss rose from {start:.3g} before the first step to {loss:.3g}"),
    "rose": gettext("the loss rose from {start:.3g} to {loss:.3g} in epoch {epoch}"),
    "large step": gettext("one step changes the weights of a layer by {change:.0%} of their size"),
    "up and down": gettext(
        "the loss goes up and down, {change:.0%} an epoch, and is {loss:.3g} after {start:.3g} at first"
    ),
    "slow": gettext("the loss falls steadily, but only by {fall:.1%} in {count} epochs"),
    "small step": gettext("{slow}; a step changes the weights by {change:.0e} of their size"),
}
"""The messages that are put into these words, by what shows them."""
