"""How many floating-point operations a step of a network cannot do without, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, Final, NamedTuple

import pellucid as pl
from benchmarks.workloads import BATCHES, Task
from pellucid.functions.forward.convolution import transposed
from pellucid.functions.forward.sliding_window import Window
from pellucid.network import Use

GATES: Final[dict[type[pl.Layer], int]] = {pl.RNN: 1, pl.GRU: 3, pl.LSTM: 4}


def flops(net: pl.Network, task: Task) -> int:
    """The floating-point operations of a step (of an epoch, of a call), two to a multiply-add.

    Training takes three times the forward pass: the same again for the gradients of the weights and of the inputs, but
    that a layer that no trained layer stands before needs no gradient of its input (of the states that a recurrent one
    carries it needs one all the same). A recurrent layer's kernel behind
    an embedding costs a table of vocabulary × outputs once a step, where that is smaller. Padding counts nothing, nor
    do steps that causal attention does not look at, nor element-wise work, the optimizer's among it.
    """
    steps = BATCHES if task.mode == "fit" else 1
    return steps * 2 * sum(_layers(net, task))


class Work(NamedTuple):
    """The multiply-adds of a layer's forward pass: of its input with weights, and of its own values with anything."""

    outer: int
    inner: int = 0

    def times(self, factor: int) -> Work:
        return Work(self.outer * factor, self.inner * factor)


def _layers(net: pl.Network, task: Task) -> list[int]:
    """The multiply-adds of each layer in all its passes."""
    layers = {use.path: use.layer for use in net.uses}
    trainable = net.parameters.trainable
    trained: set[str] = set()
    found: list[int] = []
    for use in net.uses:
        depends = not trained.isdisjoint(use.parents)
        if depends or any(path.startswith(f"{use.home}.") for path in trainable):
            trained.add(use.path)
        before = layers[use.parents[0]] if use.parents else None
        entries = before.input_dim if isinstance(before, pl.Embedding) else 0
        work = multiply_adds(use.layer, use, task.examples, entries)
        training = task.mode != "inference"
        found.append(work.outer * (2 + depends if training else 1) + work.inner * (3 if training else 1))
    return found


def multiply_adds(layer: pl.Layer, use: Use, examples: int, entries: int = 0) -> Work:
    """Those of a layer's forward pass over a batch.

    Args:
        entries: the vocabulary of the embedding right before it, or 0.
    """
    if isinstance(layer, pl.Bidirectional):
        return multiply_adds(layer.layer, use, examples, entries).times(2)
    if type(layer) in GATES:
        return _recurrent(layer, use.shapes[0], examples, entries)
    count = COUNTS.get(type(layer))
    return count(layer, use).times(examples) if count else Work(0)


def _dense(layer: Any, use: Use) -> Work:
    return Work(prod(use.shapes[0]) * int(layer.units))


def _convolution(layer: Any, use: Use) -> Work:
    inside = use.shapes[0][:-1]
    options = {"stride": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}
    window = Window.over(inside, layer.size, **options, what="kernel")
    return Work(taps(window, inside, use.shape[:-1]) * use.shapes[0][-1] // int(layer.groups) * int(layer.filters))


def _transposed(layer: Any, use: Use) -> Work:
    """As many as the convolution takes whose transpose it is: from the output's places to the input's."""
    options = {"stride": layer.strides, "padding": layer.padding, "dilation": layer.dilation_rate}
    window, outside = transposed(use.shapes[0][:-1], layer.size, **options)
    return Work(taps(window, outside, use.shapes[0][:-1]) * use.shapes[0][-1] * int(layer.filters))


def _attention(layer: Any, use: Use) -> Work:
    (steps, features), (looked, others) = use.shapes[0], use.shapes[-1]
    width: int = layer.num_heads * layer.key_dim
    projections = 2 * steps * features * width + 2 * looked * others * width
    pairs = steps * (steps + 1) // 2 if layer.causal else steps * looked
    return Work(projections, 2 * pairs * width)


def _recurrent(layer: Any, shape: Sequence[int], examples: int, entries: int) -> Work:
    (steps, features), units = shape, int(layer.units)
    outputs, rows = GATES[type(layer)] * units, examples * steps
    return Work(min(rows, entries or rows) * features * outputs, rows * units * outputs)


def taps(window: Window, inside: Sequence[int], steps: Sequence[int]) -> int:
    """How often a tap of the window stands on a place that is there, over all its steps."""
    axes = zip(window.size, window.stride, window.dilation, window.padding, inside, steps, strict=True)
    return prod(
        sum(0 <= i * stride + u * dilation - low < extent for i in range(count) for u in range(size))
        for size, stride, dilation, (low, _), extent, count in axes
    )


COUNTS: Final[dict[type[pl.Layer], Callable[[Any, Use], Work]]] = {
    pl.Dense: _dense,
    pl.Conv1D: _convolution,
    pl.Conv2D: _convolution,
    pl.ConvTranspose1D: _transposed,
    pl.ConvTranspose2D: _transposed,
    pl.MultiHeadAttention: _attention,
}
