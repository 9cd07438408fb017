"""The figures' labels in Chinese, put into the drawn SVG: the reader's font shows them, and drawing needs none."""

from __future__ import annotations

import html
import re

LABELS = {
    "a Gaussian of its height and area": "同样高、同样面积的高斯曲线",
    "all edges": "全部边缘",
    "average": "平均",
    "bias": "偏置",
    "blurred": "模糊",
    "cell of the LSTM": "LSTM 的记忆元",
    "day": "天",
    "dollars": "美元",
    "epoch": "轮次",
    "first input": "第一个输入",
    "first number of the bottleneck": "瓶颈里的第一个数",
    "fraction of the row": "占该行的比例",
    "hidden layer": "隐藏层",
    "inputs": "输入",
    "is": "实际是",
    "its slope": "它的斜率",
    "kernel": "卷积核",
    "layer": "层",
    "loss": "损失",
    "loss on day 1": "第 1 天的损失",
    "maximum": "最大",
    "mean squared error": "均方误差",
    "minimum": "最小",
    "network": "网络",
    "output": "输出",
    "price": "价格",
    "rain": "雨",
    "result": "结果",
    "second input": "第二个输入",
    "second number": "第二个数",
    "share of wrong days": "错误天数的比例",
    "sharpened": "锐化",
    "sine": "正弦",
    "size of the gradient": "梯度的大小",
    "slope, against that at the last step": "斜率，与最后一步处相比",
    "smooth": "光滑",
    "state of the LSTM": "LSTM 的状态",
    "state of the plain unit": "普通单元的状态",
    "stayed": "在家里",
    "step": "阶跃",
    "steps after the bell": "铃声之后的步数",
    "steps back": "回溯步数",
    "steps of gradient descent": "梯度下降的各步",
    "taken for": "被认成",
    "the photograph": "原照片",
    "the seven": "七",
    "the sigmoid's slope": "sigmoid 函数的斜率",
    "the slope at the start": "起点处的斜率",
    "tomorrow as today": "明天和今天一样",
    "vertical edges": "竖直边缘",
    "walked": "去散步",
    "warmth": "气温",
    "weight from hidden unit 1 to the output": "从隐藏单元 1 到输出的权重",
    "weight of rain": "雨的权重",
    "wind": "风",
}
NUMBERED = {
    r"bias (\S+)": r"偏置 \1",
    r"day (\d+)": r"第 \1 天",
    r"(\d+) hidden layers?": r"\1 个隐藏层",
    r"leaky\(z\), with (\S+)": r"leaky(z)，比例 \1",
    r"learning rate (\S+)": r"学习率 \1",
    r"step (\d+)": r"第 \1 步",
}
KEPT = {"GRU", "LSTM", "RNN", "relu", "sigmoid", "tanh", "leaky", "<unknown>", "bird", "cat", "dog", "mat", "on", "ran"}
KEPT |= {"rug", "sat", "the", "to", "tree"}
"""Names, and the words of the text that a network reads."""
TEXT = re.compile(r"(<text\b[^>]*>)([^<]*)(</text>)")


def translated(svg: str) -> str:
    """The drawing with Chinese labels.

    Raises:
        ValueError: A label has words for which there is no Chinese here.
    """
    return TEXT.sub(
        lambda match: f"{match[1]}{html.escape(label(html.unescape(match[2])), quote=False)}{match[3]}", svg
    )


def label(text: str) -> str:
    stripped = text.strip()
    if stripped in LABELS:
        return LABELS[stripped]
    for pattern, chinese in NUMBERED.items():
        if re.fullmatch(pattern, stripped):
            return re.sub(pattern, chinese, stripped)
    unknown = set(re.findall(r"<?[A-Za-z]{2,}>?", re.sub(r"\w+\(z\)", "", stripped))) - KEPT
    if unknown:
        raise ValueError(f'expected the label "{stripped}" of a figure in LABELS of docs/guide/figures/chinese.py')
    return text
