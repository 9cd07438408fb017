"""What a diagnosis says: findings in words, English and simplified Chinese, with their evidence and the usual fix."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from pellucid.errors import PellucidError

LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: a key of `WORDS`: "nan", "labels", "last layer", "flat", "scaling", "exploding", "dead",
            "saturated", "vanishing", "rate too high", "rate too low", "guessing", "over-fitting", "data".
        where: the path concerned, or "".
        facts: what the words are filled with, by name, as text.
    """

    kind: str
    where: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

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
        label = {"en": "fix", "zh": "对策"}[_known(language)]
        return f"{self.what(language)}\n  {self.evidence(language)}\n  {label}: {self.fix(language)}"

    def _said(self, part: int, language: str) -> str:
        return WORDS[self.kind][_known(language)][part].format(where=self.where, **self.facts)


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
        nothing = {"en": "Nothing wrong was found.", "zh": "没有发现问题。"}[_known(language)]
        return "\n".join(f"{n}. {f.text(language)}" for n, f in enumerate(self.findings, 1)) or nothing

    def json(self) -> list[dict[str, Any]]:
        """The findings as data that JSON can carry."""
        return [
            {
                "kind": f.kind,
                "where": f.where,
                "facts": dict(f.facts),
                **{
                    lang: {"what": f.what(lang), "evidence": f.evidence(lang), "fix": f.fix(lang)} for lang in LANGUAGES
                },
            }
            for f in self.findings
        ]

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{html.escape(f.what())}</b><br>{html.escape(f.evidence())}<br><i>{html.escape(f.fix())}</i></li>"
            for f in self
        )
        return f"<ol>{items}</ol>" if items else f"<p>{self.text()}</p>"

    def __repr__(self) -> str:
        return self.text()


def _known(language: str) -> str:
    if language not in LANGUAGES:
        raise PellucidError(f'a diagnosis is worded in "en" and "zh", got "{language}"')
    return language


WORDS: dict[str, dict[str, tuple[str, str, str]]] = {
    "nan": {
        "en": ("A value is not finite: {value}.", "It came up first in {place}. {arithmetic}", "{why}."),
        "zh": (
            "出现了非有限数值：{value}。",
            "它最先出现在 {place}。{arithmetic}",
            "检查输入数据并缩放到约 1；或降低学习率，或裁剪梯度的范数。（{why}）",
        ),
    },
    "data": {
        "en": ("The examples cannot be used.", "{message}.", "put the data right, as the message says."),
        "zh": ("样本数据无法使用。", "{message}", "按提示修正数据。"),
    },
    "labels": {
        "en": (
            "The labels are out of range for this network.",
            "{message}.",
            "give classes as 0 … units − 1, one unit a class.",
        ),
        "zh": ("标签超出了该网络的取值范围。", "{message}", "类别编号应为 0 到 单元数 − 1，每个类别一个单元。"),
    },
    "last layer": {
        "en": ("The last layer {where} does not fit the loss or the targets.", "{message}.", "{fix}."),
        "zh": (
            "最后一层 {where} 与损失函数或目标不匹配。",
            "{message}",
            "分类用 softmax（或单个 sigmoid）配 crossentropy；回归用 linear 配 mse。",
        ),
    },
    "flat": {
        "en": (
            "A part of the network cannot learn at all.",
            "{message}.",
            "use a function with a slope, such as sigmoid or relu.",
        ),
        "zh": ("网络的一部分完全无法学习。", "{message}", "改用有斜率的函数，例如 sigmoid 或 relu。"),
    },
    "scaling": {
        "en": (
            "The {what} are not scaled.",
            "Their root mean square in {where} is {size}, and networks start out for values of about 1.",
            "bring each feature to mean 0 and deviation 1 (images: divide by 255), targets of a regression too.",
        ),
        "zh": (
            "忘记缩放{what_zh}。",
            "{where} 的均方根为 {size}，而网络的初始权重适合约为 1 的数值。",
            "把每个特征标准化为均值 0、标准差 1（图像除以 255）；回归目标同样处理。",
        ),
    },
    "exploding": {
        "en": (
            "The gradient explodes on its way back to {where}.",
            "It is {size} there, {ratio} times what it is at {start}.",
            'start with smaller weights ("glorot_uniform", for ReLU "he_normal"), normalise, clip the gradient.',
        ),
        "zh": (
            "梯度在反向传到 {where} 的途中爆炸。",
            "那里的梯度为 {size}，是 {start} 处的 {ratio} 倍。",
            '用更小的初始权重（"glorot_uniform"，ReLU 用 "he_normal"），在层间做归一化，或裁剪梯度的范数。',
        ),
    },
    "dead": {
        "en": (
            "{where} is dead for the most part.",
            "{fraction} of its units are 0 on every example, so no gradient passes through them.",
            "lower the learning rate, start the biases at 0, or use leaky_relu.",
        ),
        "zh": (
            "{where} 大部分单元已死亡。",
            "{fraction} 的单元在每个样本上都输出 0，没有梯度通过。",
            "降低学习率，偏置从 0 开始，或改用 leaky_relu。",
        ),
    },
    "saturated": {
        "en": (
            "{where} is saturated.",
            "At {fraction} of its values {function} is almost flat, so hardly any gradient passes.",
            "scale the inputs, start with smaller weights, lower the learning rate, or use relu.",
        ),
        "zh": (
            "{where} 已饱和。",
            "其 {fraction} 的值处在 {function} 几乎平坦的部分，梯度几乎无法通过。",
            "缩放输入，减小初始权重，降低学习率，或改用 relu。",
        ),
    },
    "vanishing": {
        "en": (
            "The gradient vanishes on its way back to {where}.",
            "It is {size} there, {ratio} of what it is at {start}.",
            "use relu with he_normal, normalise between layers, add a way round (Add); over time an LSTM or GRU.",
        ),
        "zh": (
            "梯度在反向传到 {where} 的途中消失。",
            "那里的梯度为 {size}，只有 {start} 处的 {ratio}。",
            "使用 relu 和 he_normal，在层间做归一化，加入跳跃连接（Add）；沿时间方向用 LSTM 或 GRU。",
        ),
    },
    "rate too high": {
        "en": (
            "The learning rate{rate} is too high.",
            "{message}.",
            "lower it tenfold; net.find_learning_rate(x, y) looks for a good one.",
        ),
        "zh": ("学习率{rate}过高。", "{message_zh}。", "把它降低十倍；net.find_learning_rate(x, y) 可以寻找合适的值。"),
    },
    "rate too low": {
        "en": (
            "The learning rate{rate} is too low.",
            "{message}.",
            "raise it tenfold; net.find_learning_rate(x, y) looks for a good one.",
        ),
        "zh": ("学习率{rate}过低。", "{message_zh}。", "把它提高十倍；net.find_learning_rate(x, y) 可以寻找合适的值。"),
    },
    "guessing": {
        "en": (
            "The network has learned nothing from its inputs.",
            "Its loss is {loss}; one and the same answer to all examples has {guess}.",
            "see that inputs and targets belong together; scale the inputs; net.find_learning_rate(x, y) finds a rate.",
        ),
        "zh": (
            "网络没有从输入中学到任何东西。",
            "其损失为 {loss}，而对所有样本给出同一个答案的损失为 {guess}。",
            "检查输入与目标是否对应；缩放输入；net.find_learning_rate(x, y) 可以寻找合适的学习率。",
        ),
    },
    "over-fitting": {
        "en": (
            "The network over-fits.",
            "The validation loss was best in epoch {epoch}, {best}, is {last} now; that of training fell to {train}.",
            "stop there (EarlyStopping), get more data or augment it, add Dropout or L2, or use fewer units.",
        ),
        "zh": (
            "网络过拟合。",
            "验证损失在第 {epoch} 轮最低（{best}），现在为 {last}，而训练损失继续降到 {train}。",
            "在那时停止（EarlyStopping），增加数据或数据增强，加入 Dropout 或 L2，或减少单元数。",
        ),
    },
}
