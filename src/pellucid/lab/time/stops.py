"""Why a training stands still, in words."""

from __future__ import annotations

from pellucid.errors import NonFiniteError
from pellucid.lab.task import Words
from pellucid.lab.time.timeline import ReplayError
from pellucid.training.running.failures import NonFinite


def not_finite(error: NonFiniteError, step: int) -> Words:
    """A step gave NaN or infinity."""
    origin = error.origin
    where = ""
    if isinstance(origin, NonFinite):
        place = f"[{', '.join(map(str, origin.index))}]" if origin.index else ""
        first = f"第一个这样的值是 {origin.path}{place} 处的 {origin.value}；" if origin.path else ""
        where = f"{first}{origin.reason['zh']}；"
    return {"en": str(error), "zh": f"第 {step} 步出现了非有限的数值：{where}网络保留该步之前的权重"}


def other_loss(error: ReplayError) -> Words:
    """A repeated step gave another loss."""
    zh = f"第 {error.step} 步重放时得到的损失与首次不同：数据或网络在外部被改动；请重置后重新开始"
    return {"en": str(error), "zh": zh}


def failure(error: BaseException) -> Words:
    """Something else went wrong: a metric of the user's own, memory that is not there."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return {"en": f"training stopped by an error: {text}", "zh": f"训练因错误而停止：{text}"}
