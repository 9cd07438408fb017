"""How many floating-point operations a step of a network cannot do without, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Final

import pellucid as pl
from benchmarks.workloads import BATCHES, Task
from pellucid.functions.forward.convolution import transposed
from pellucid.functions.forward.sliding_window import Window
from pellucid.network import Use

GATES: Final[dict[type[pl.Layer], int]] = {pl.RNN: 1, pl.GRU: 3, pl.LSTM: 4}


def flops(net: pl.Network, task: Task) -> int:
    """The floating-point operations of a step (of an epoch, of a call), two to a multiply-add.

    Training takes three times the forward pass: the same again for the gradients of the weights and of the inputs, but
    that a layer that no trained layer stands before needs no gradient of its input. A recurrent layer's kernel behind
    an embedding costs a table of vocabulary × outputs once a step, where that is smaller. Padding counts nothing, nor
    do steps that causal attention does not look at, nor element-wise work, the optimizer's among it.
    """
    steps = BATCHES if task.mode == "fit" else 1
    return steps * sum(2 * passes * work for passes, work in _layers(net, task))


def _layers(net: pl.Network, task: Task) -> list[tuple[int, int]]:
    """How many passes each layer takes, and the multiply-adds of one."""
    layers = {use.path: use.layer for use in net.uses}
    trainable = net.parameters.trainable
    trained: set[str] = set()
    found: list[tuple[int, int]] = []
    for use in net.uses:
        depends = not trained.isdisjoint(use.parents)
        if depends or any(path.startswith(f"{use.home}.") for path in trainable):
            trained.add(use.path)
        passes = 1 if task.mode == "inference" else 2 + depends
        before = layers[use.parents[0]] if use.parents else None
        entries = before.input_dim if isinstance(before, pl.Embedding) else 0
        found.append((passes, multiply_adds(use.layer, use, task.examples, entries)))
    return found


def multiply_adds(layer: pl.Layer, use: Use, examples: int, entries: int = 0) -> int:
    """Those of a layer's forward pass over a batch.

    Args:
        entries: the vocabulary of the embedding right before it, or 0.
    """
    shape = use.shapes[0] if use.shapes else use.shape
    if isinstance(layer, pl.Bidirectional):
        return 2 * multiply_adds(layer.layer, use, examples, entries)
    if type(layer) in GATES:
        return _recurrent(layer, shape, examples, entries)
    count = COUNTS.get(type(layer))
    return examples * count(layer, use) if count else 0


def _dense(layer: Any, use: Use) -> int:
    return prod(use.shapes[0]) * int(layer.units)


def _convolution(layer: Any, use: Use) -> int:
    inside = use.shapes[0][:-1]
    options = {"stride": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}
    window = Window.over(inside, layer.size, **options, what="kernel")
    return taps(window, inside, use.shape[:-1]) * use.shapes[0][-1] // int(layer.groups) * int(layer.filters)


def _transposed(layer: Any, use: Use) -> int:
    """As many as the convolution takes whose transpose it is: from the output's places to the input's."""
    options = {"stride": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}
    window, outside = transposed(use.shapes[0][:-1], layer.size, **options)
    return taps(window, outside, use.shapes[0][:-1]) * use.shapes[0][-1] * int(layer.filters)


def _attention(layer: Any, use: Use) -> int:
    (steps, features), (looked, others) = use.shapes[0], use.shapes[-1]
    width: int = layer.num_heads * layer.key_dim
    projections = 2 * steps * features * width + 2 * looked * others * width
    pairs = steps * (steps + 1) // 2 if layer.causal else steps * looked
    return projections + 2 * pairs * width


def _recurrent(layer: Any, shape: Sequence[int], examples: int, entries: int) -> int:
    (steps, features), units = shape, int(layer.units)
    outputs, rows = GATES[type(layer)] * units, examples * steps
    return min(rows, entries or rows) * features * outputs + rows * units * outputs


def taps(window: Window, inside: Sequence[int], steps: Sequence[int]) -> int:
    """How often a tap of the window stands on a place that is there, over all its steps."""
    axes = zip(window.size, window.stride, window.dilation, window.padding, inside, steps, strict=True)
    return prod(
        sum(0 <= i * stride + u * dilation - low < extent for i in range(count) for u in range(size))
        for size, stride, dilation, (low, _), extent, count in axes
    )


COUNTS: Final[dict[type[pl.Layer], Callable[[Any, Use], int]]] = {
    pl.Dense: _dense,
    pl.Conv1D: _convolution,
    pl.Conv2D: _convolution,
    pl.ConvTranspose1D: _transposed,
    pl.ConvTranspose2D: _transposed,
    pl.MultiHeadAttention: _attention,
}
