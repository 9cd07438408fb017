"""MultiHeadAttention in networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.errors import PellucidError, ShapeError
from pellucid.layers import Add, Dense, Embedding, Input, Layer, LayerNormalization, Masking, MultiHeadAttention


def network(*layers: Layer, **options: Any) -> pl.Network:
    return pl.Network(*layers, dtype=np.float64, engine="reference", **options)


def sequences(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_torch_gives_the_same() -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs = torch.nn.MultiheadAttention(6, 2, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(theirs.in_proj_bias)
    torch.nn.init.normal_(theirs.out_proj.bias)
    net = network(MultiHeadAttention(2, 3, causal=True), input_shape=(5, 6))
    path = "multi_head_attention_1"
    weights, biases = theirs.in_proj_weight.detach().numpy(), theirs.in_proj_bias.detach().numpy()
    for part, w, b in zip(("query", "key", "value"), np.split(weights, 3), np.split(biases, 3), strict=True):
        net.parameters[f"{path}.{part}.kernel"] = w.T.reshape(6, 2, 3)
        net.parameters[f"{path}.{part}.bias"] = b.reshape(2, 3)
    net.parameters[f"{path}.output.kernel"] = theirs.out_proj.weight.detach().numpy().T.reshape(2, 3, 6)
    net.parameters[f"{path}.output.bias"] = theirs.out_proj.bias.detach().numpy()
    x = sequences(3, 5, 6)
    given = torch.tensor(x)
    later = torch.triu(torch.ones(5, 5, dtype=torch.bool), 1)
    expected, shares = theirs(given, given, given, attn_mask=later, average_attn_weights=False)
    np.testing.assert_allclose(net.predict(x), expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(net.trace(x)[f"{path}.weights"], shares.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_a_small_transformer_sees_no_future_and_no_padding() -> None:
    ids = np.array([[1, 2, 3, 4, 0, 0], [5, 6, 1, 2, 3, 0]])
    x = Input((6,))
    words = Embedding(9, 6, mask_zero=True)(x)
    seen = Add()(words, MultiHeadAttention(3, 2, causal=True)(words))
    again = MultiHeadAttention(2, 4)(LayerNormalization()(seen))
    net = network(inputs=x, outputs=[Dense(4)(seen), again])
    one = net.trace(ids)
    assert not one["multi_head_attention_2.weights"][0, :, :, 4:].any()
    ids[1, 3:] = 7
    two = net.trace(ids)
    np.testing.assert_array_equal(one["dense_1"][:, :3], two["dense_1"][:, :3])
    assert np.abs(one["dense_1"][1, 3:] - two["dense_1"][1, 3:]).min() > 0


def test_looking_at_another_sequence() -> None:
    x, memory = Input((2, 4)), Input((5, 3))
    masked = Masking()(memory)
    net = network(inputs=[x, memory], outputs=MultiHeadAttention(2, 3)(x, masked))
    given = {"input_1": sequences(3, 2, 4), "input_2": sequences(3, 5, 3, seed=1)}
    given["input_2"][:, 3:] = 0
    assert net.predict(given).shape == (3, 2, 4)
    shorter = network(inputs=[x, m := Input((3, 3))], outputs=MultiHeadAttention(2, 3)(x, m))
    for path in net.parameters:
        shorter.parameters[path] = net.parameters[path]
    short = {"input_1": given["input_1"], "input_2": given["input_2"][:, :3]}
    np.testing.assert_allclose(net.predict(given), shorter.predict(short), rtol=1e-12)


def test_bad_input() -> None:
    with pytest.raises(ShapeError, match="multi_head_attention_1: MultiHeadAttention takes one or two inputs of shape"):
        network(MultiHeadAttention(2, 3), input_shape=(4,))
    with pytest.raises(PellucidError, match="num_heads of MultiHeadAttention"):
        MultiHeadAttention(0, 3)
    with pytest.raises(PellucidError, match="a MultiHeadAttention layer takes all steps at once"):
        network(MultiHeadAttention(2, 3, causal=True), input_shape=(4, 3)).stepper()
