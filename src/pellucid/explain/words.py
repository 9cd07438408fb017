"""A sentence for each kind of value.

What kind a value is, its formula says: the outermost operation of its statement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pellucid.explain.arithmetic import number, smallest
from pellucid.formula.expressions import Expression, Operation, Read, Reduction, walk
from pellucid.messages import Message, gettext

if TYPE_CHECKING:
    from pellucid.explain.explanation import Explanation

PHRASES = {
    "on": gettext("This unit is on: its sum {x} is positive, and ReLU passes it on as it is."),
    "off": gettext("This unit is off: its sum {x} is not positive, ReLU gives 0, so no gradient passes."),
    "saturated": gettext(
        "The unit is saturated: at {x} the curve is almost flat, and only {slope} of the gradient passes."
    ),
    "squashed": gettext("The sum {x} is squeezed to {y}; the slope of the curve there is {slope}."),
    "maximum": gettext(
        "The largest of {count} values, {y} from {winner}, wins over {next}; it alone gets the gradient."
    ),
    "minimum": gettext(
        "The smallest of {count} values, {y} from {winner}, wins over {next}; it alone gets the gradient."
    ),
    "choice": gettext("The place of the largest value: {y}."),
    "gate": gettext("This gate is open by {fraction}: its sum is {x}."),
    "gate.forget": gettext(
        "The forget gate is open by {fraction}: the cell keeps so much of what it held. Its sum is {x}."
    ),
    "gate.input": gettext(
        "The input gate is open by {fraction}: the cell takes in so much of what is new. Its sum is {x}."
    ),
    "gate.output": gettext("The output gate is open by {fraction}: so much of the cell is passed on. Its sum is {x}."),
    "carried": gettext("What is carried from step to step, here after step {t}: {y}."),
    "loss": gettext("The loss: the mean over {count}{penalty}."),
    "update": gettext("One update: the weight {direction} by {size}, from {old} to {y}."),
    "gradient": gettext("If this value grew by a little, the loss would {direction} by {size} times as much."),
    "no gradient": gettext("No gradient arrives here: a small change of this value does not change the loss."),
    "sum": gettext("A sum of {count} terms; the largest, {largest}, is {fraction} of the sum of their sizes."),
    "value": gettext("Computed from {numbers}."),
    "probability": gettext("A fraction of {fraction}: this unit's exponential over the sum of all of them."),
    "rise": gettext("rise"),
    "fall": gettext("fall"),
    "rises": gettext("rises"),
    "falls": gettext("falls"),
    "penalty": gettext(", and the penalties"),
    "one number": gettext("one number"),
    "numbers": gettext("{count} numbers"),
    "one example": gettext("{count} example"),
    "examples": gettext("{count} examples"),
}
"""The sentences, and the phrases in them; a saved file of the lab carries them all."""


def sentence(explanation: Explanation, language: str = "en") -> str:
    """The sentence for a value.

    Raises:
        PellucidError: the language is neither "en" nor "zh".
    """
    return _sentence(explanation).text(language)


def _sentence(explanation: Explanation) -> Message:
    y = explanation.value
    if explanation.path.startswith("d("):
        if y == 0:
            return PHRASES["no gradient"]
        return _said("gradient", direction=PHRASES["rise" if y > 0 else "fall"], size=number(abs(y)))
    if (special := _special(explanation)) is not None:
        return special
    expression = explanation.point.expression()
    match explanation.point.statement.expression, expression:
        case _, Operation("relu", (inner,)):
            return _said("on" if y > 0 else "off", x=_at(explanation, inner))
        case _, Operation("σ" | "tanh" as name, (inner,)):
            slope = y * (1 - y) if name == "σ" else 1 - y * y
            kind = "saturated" if slope < 0.05 * (0.25 if name == "σ" else 1) else "squashed"
            return _said(kind, x=_at(explanation, inner), y=number(y), slope=number(slope))
        case Reduction("max"), _:
            return _said("maximum", **_contest(explanation, max))
        case whole, _ if smallest(whole) is not None:
            return _said("minimum", **_contest(explanation, min))
        case Reduction("argmax"), _:
            return _said("choice", y=number(y))
        case _, Operation("div", (Read(), Reduction("sum", _, Read()))):
            return _said("probability", fraction=f"{y:.2%}")
    contributions = explanation.terms.contributions
    if len(contributions) > 1:
        size = float(abs(contributions).sum())
        fraction = abs(contributions[0]) / size if size else 0.0
        largest = number(float(contributions[0]))
        return _said("sum", count=len(contributions), largest=largest, fraction=f"{fraction:.0%}")
    return _said("value", numbers=_counted("number", len({e for e in walk(expression) if isinstance(e, Read)})))


def _special(explanation: Explanation) -> Message | None:
    """Values whose path says what they are: the loss, updates, gates, what is carried over time."""
    path, y, point = explanation.path, explanation.value, explanation.point
    if path.endswith("′") and ":" not in path:
        old = next((s.value for s in explanation.sources if s.path == path[:-1] and s.index == explanation.index), None)
        if old is not None:
            direction = PHRASES["rises" if y >= old else "falls"]
            return _said("update", direction=direction, size=number(abs(y - old)), old=number(old), y=number(y))
    if path == "loss":
        added = any(s.path != "loss.l" and not s.path.startswith("loss.l~") for s in explanation.sources)
        return _said("loss", count=_counted("example", point.batch), penalty=PHRASES["penalty"] if added else "")
    expression = point.expression()
    if ".gate." in path and isinstance(expression, Operation) and expression.name == "σ":
        own = f"gate.{path.rpartition('.gate.')[2]}"
        return _said(own if own in PHRASES else "gate", fraction=f"{y:.2%}", x=_at(explanation, expression.args[0]))
    if ".gate." not in path and path.rpartition(".")[2] in ("cell", "state") and len(explanation.index) == 3:
        return _said("carried", t=explanation.index[1], y=number(y))
    return None


def _said(phrase: str, **values: object) -> Message:
    return PHRASES[phrase].filled(**values)


def _counted(what: str, count: int) -> Message:
    return _said(f"one {what}" if count == 1 else f"{what}s", count=count)


def _contest(explanation: Explanation, best: Callable[[list[float]], float]) -> dict[str, str]:
    """Who won a maximum or a minimum, and how far ahead of the next."""
    winner = explanation.sources[0] if explanation.sources else None
    losers = [
        s.value for s in explanation.contenders if winner is None or (s.path, s.index) != (winner.path, winner.index)
    ]
    return {
        "count": str(len(explanation.contenders)),
        "y": number(explanation.value),
        "winner": f"{winner.path}{list(winner.index)}" if winner else "0",
        "next": number(best(losers)) if losers else "—",
    }


def _at(explanation: Explanation, e: Expression) -> str:
    return number(explanation.point.number(e))
