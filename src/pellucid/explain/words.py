"""A sentence for each kind of value, in English and in simplified Chinese.

What kind a value is, its formula says: the outermost operation of its statement.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import number, smallest
from pellucid.formula.expressions import Expression, Operation, Read, Reduction, walk

if TYPE_CHECKING:
    from pellucid.explain.explanation import Explanation

SENTENCES: dict[str, dict[str, str]] = {
    "on": {
        "en": "This unit is on: its sum {x} is positive, and ReLU passes it on as it is.",
        "zh": "该单元处于激活状态：其和 {x} 为正，ReLU 原样输出。",
    },
    "off": {
        "en": "This unit is off: its sum {x} is not positive, ReLU gives 0, so no gradient passes.",
        "zh": "该单元处于关闭状态：其和 {x} 不为正，ReLU 输出 0，因此没有梯度通过。",
    },
    "saturated": {
        "en": "The unit is saturated: at {x} the curve is almost flat, and only {slope} of the gradient passes.",
        "zh": "该单元已饱和：在 {x} 处曲线几乎是平的，到达的梯度只有 {slope} 倍能通过。",
    },
    "squashed": {
        "en": "The sum {x} is squeezed to {y}; the slope of the curve there is {slope}.",
        "zh": "和 {x} 被压缩为 {y}；该处曲线的斜率为 {slope}。",
    },
    "maximum": {
        "en": "The largest of {count} values, {y} from {winner}, wins over {next}; it alone gets the gradient.",
        "zh": "{count} 个值中最大者胜出：{y}，来自 {winner}；其次是 {next}。只有胜者得到梯度。",
    },
    "minimum": {
        "en": "The smallest of {count} values, {y} from {winner}, wins over {next}; it alone gets the gradient.",
        "zh": "{count} 个值中最小者胜出：{y}，来自 {winner}；其次是 {next}。只有胜者得到梯度。",
    },
    "choice": {
        "en": "The place of the largest value: {y}.",
        "zh": "最大值所在的位置：{y}。",
    },
    "gate": {
        "en": "This gate is open by {fraction}: its sum is {x}.",
        "zh": "该门打开了 {fraction}：其和为 {x}。",
    },
    "carried": {
        "en": "What is carried from step to step, here after step {t}: {y}.",
        "zh": "逐步传递的状态，第 {t} 步之后为 {y}。",
    },
    "loss": {
        "en": "The loss: the mean over {count}{penalty}.",
        "zh": "损失：{count}的平均值{penalty}。",
    },
    "update": {
        "en": "One update: the weight {direction} by {size}, from {old} to {y}.",
        "zh": "一次更新：权重{direction} {size}，从 {old} 变为 {y}。",
    },
    "gradient": {
        "en": "If this value grew by a little, the loss would {direction} by {size} times as much.",
        "zh": "若该值稍微增大，损失将{direction}，幅度为其 {size} 倍。",
    },
    "no gradient": {
        "en": "No gradient arrives here: a small change of this value does not change the loss.",
        "zh": "这里没有梯度：该值的微小变化不会改变损失。",
    },
    "sum": {
        "en": "A sum of {count} terms; the largest, {largest}, is {fraction} of the sum of their sizes.",
        "zh": "{count} 项之和；最大的一项 {largest} 占各项绝对值之和的 {fraction}。",
    },
    "value": {
        "en": "Computed from {numbers}.",
        "zh": "由{numbers}计算得到。",
    },
    "probability": {
        "en": "A fraction of {fraction}: this unit's exponential over the sum of all of them.",
        "zh": "占比 {fraction}：该单元的指数除以所有单元指数之和。",
    },
}
DIRECTIONS = {"en": ("rise", "fall"), "zh": ("上升", "下降")}
GROWTH = {"en": ("rises", "falls"), "zh": ("增加", "减少")}
PENALTY = {"en": ", and the penalties", "zh": "，加上惩罚项"}
LANGUAGES = ("en", "zh")


def sentence(explanation: Explanation, language: str = "en") -> str:
    """The sentence for a value.

    Raises:
        PellucidError: the language is neither "en" nor "zh".
    """
    if language not in LANGUAGES:
        raise PellucidError(f'there are sentences in "en" and "zh", got "{language}"')
    key, facts = _kind(explanation, language)
    return SENTENCES[key][language].format(**facts)


def _kind(explanation: Explanation, language: str) -> tuple[str, dict[str, str]]:
    y = explanation.value
    if explanation.path.startswith("d("):
        if y == 0:
            return "no gradient", {}
        return "gradient", {"direction": DIRECTIONS[language][0 if y > 0 else 1], "size": number(abs(y))}
    if (special := _special(explanation, language)) is not None:
        return special
    expression = explanation.point.expression()
    match explanation.point.statement.expression, expression:
        case _, Operation("relu", (inner,)):
            return ("on" if y > 0 else "off"), {"x": _at(explanation, inner)}
        case _, Operation("σ" | "tanh" as name, (inner,)):
            slope = y * (1 - y) if name == "σ" else 1 - y * y
            kind = "saturated" if slope < 0.05 * (0.25 if name == "σ" else 1) else "squashed"
            return kind, {"x": _at(explanation, inner), "y": number(y), "slope": number(slope)}
        case Reduction("max"), _:
            return "maximum", _contest(explanation, max)
        case whole, _ if smallest(whole) is not None:
            return "minimum", _contest(explanation, min)
        case Reduction("argmax"), _:
            return "choice", {"y": number(y)}
        case _, Operation("div", (Read(), Reduction("sum", _, Read()))):
            return "probability", {"fraction": f"{y:.2%}"}
    contributions = explanation.terms.contributions
    if len(contributions) > 1:
        size = float(abs(contributions).sum())
        fraction = abs(contributions[0]) / size if size else 0.0
        return "sum", {
            "count": str(len(contributions)),
            "largest": number(float(contributions[0])),
            "fraction": f"{fraction:.0%}",
        }
    count = len({e for e in walk(expression) if isinstance(e, Read)})
    return "value", {
        "numbers": {"en": f"{count} numbers" if count != 1 else "one number", "zh": f" {count} 个数"}[language]
    }


def _special(explanation: Explanation, language: str) -> tuple[str, dict[str, str]] | None:
    """Values whose path says what they are: the loss, updates, gates, what is carried over time."""
    path, y, point = explanation.path, explanation.value, explanation.point
    if path.endswith("′") and ":" not in path:
        old = next((s.value for s in explanation.sources if s.path == path[:-1] and s.index == explanation.index), None)
        if old is not None:
            return "update", {
                "direction": GROWTH[language][0 if y >= old else 1],
                "size": number(abs(y - old)),
                "old": number(old),
                "y": number(y),
            }
    if path == "loss":
        added = any(s.path != "loss.l" and not s.path.startswith("loss.l~") for s in explanation.sources)
        examples = {"en": f"{point.batch} example{'s' * (point.batch > 1)}", "zh": f" {point.batch} 个样本"}[language]
        return "loss", {"count": examples, "penalty": PENALTY[language] if added else ""}
    expression = point.expression()
    if ".gate." in path and isinstance(expression, Operation) and expression.name == "σ":
        return "gate", {"fraction": f"{y:.0%}", "x": _at(explanation, expression.args[0])}
    if ".gate." not in path and path.rpartition(".")[2] in ("cell", "state") and len(explanation.index) == 3:
        return "carried", {"t": str(explanation.index[1]), "y": number(y)}
    return None


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
