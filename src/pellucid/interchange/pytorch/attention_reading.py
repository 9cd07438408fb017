"""nn.MultiheadAttention as a layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from pellucid.interchange.pytorch.aten_layers import of
from pellucid.interchange.pytorch.graph_values import Array, Constant, Value, in_order
from pellucid.interchange.pytorch.recurrent_reading import OtherBatch
from pellucid.interchange.pytorch.torch_package import UnsupportedError
from pellucid.layers.multi_head_attention import MultiHeadAttention


@of("attention")
def _attention(
    made: Any,
    query: Value,
    key: Value,
    value: Value,
    joined: Constant | None,
    wq: Constant | None,
    wk: Constant | None,
    wv: Constant | None,
    bias: Constant | None,
    wo: Constant,
    bo: Constant | None,
    heads: int,
    batch_first: bool,
    causal: bool,
    mask: Any,
    padding: Any,
) -> Value:
    for given in (query, key, value):
        if given.rank != 3:
            raise UnsupportedError("attention without a batch")
        if given.batch != (0 if batch_first else 1):
            raise OtherBatch
    if (bias is None) != (bo is None):
        raise UnsupportedError("attention with some of its biases")
    causal = causal or _is_causal(mask)
    if padding is not None:
        if not isinstance(padding, Value) or padding.mark != "padding":
            raise UnsupportedError("a key_padding_mask that is not tokens == 0")
        made.leave_out(padding.tokens)
        if not key.masked:
            raise UnsupportedError("a key_padding_mask of other steps than those of its keys")
    elif key.masked:
        raise UnsupportedError("attention without a mask over steps of which some were left out")
    if key.node is not value.node:
        raise UnsupportedError("keys and values from two places")
    if query.masked != key.masked and padding is None:
        raise UnsupportedError("attention of steps of which some were left out")
    query, key = (in_order(v, v.plain) for v in (query, key))
    parts = joined.array.reshape(3, -1, joined.array.shape[1]) if joined is not None else None
    arrays: list[Array] = [p.array for p in (wq, wk, wv) if p is not None] if parts is None else list(parts)
    width = wo.array.shape[0]
    size = width // heads
    first = joined if joined is not None else wq
    layer = made.layer(MultiHeadAttention, first, heads, size, causal=causal, use_bias=bias is not None)
    weights: dict[str, Any] = {}
    for number, (name, array) in enumerate(zip(("query", "key", "value"), arrays, strict=True)):
        weights[f"{name}.kernel"] = (first, array.T.reshape(array.shape[1], heads, size))
        if bias is not None:
            weights[f"{name}.bias"] = (bias, bias.array.reshape(3, heads, size)[number])
    weights["output.kernel"] = (wo, wo.array.T.reshape(heads, size, width))
    weights["output.bias"] = (bo, None if bo is None else bo.array)
    made.weights(layer, **weights)
    nodes = [query.node] if query.node is key.node else [query.node, key.node]
    return Value(layer(*nodes), query.shape, query.axes, masked=query.masked)


def _is_causal(mask: Any) -> bool:
    """Whether a mask hides what comes later and nothing else."""
    if mask is None:
        return False
    if not isinstance(mask, Constant) or mask.array.ndim != 2:
        raise UnsupportedError("an attn_mask that depends on the inputs, or has one for each example")
    array = mask.array
    hidden = array if array.dtype == bool else np.isneginf(array)
    if (array.dtype != bool and array[~hidden].any()) or not np.array_equal(
        hidden, np.triu(np.ones(array.shape), 1) > 0
    ):
        raise UnsupportedError("an attn_mask that is not causal")
    return True
