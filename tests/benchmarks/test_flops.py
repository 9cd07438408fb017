"""Operations, counted again by hand."""

from __future__ import annotations

import pytest
from benchmarks.flops import flops, multiply_adds
from benchmarks.workloads import BATCHES, WORKLOADS, Task

import pellucid as pl
from pellucid.summary import summarise


def counted(name: str, mode: str = "training", batch: int = 0) -> int:
    task = Task(name, mode, batch)  # type: ignore[arg-type]
    return flops(task.network(), task)


def test_dense_layers() -> None:
    # 784·128 without, 128·64 and 64·10 with a gradient of their inputs; 64 examples, 2 operations a multiply-add
    step = 2 * 64 * (2 * 784 * 128 + 3 * (128 * 64 + 64 * 10))
    assert counted("mlp") == counted("mlp64") == step
    assert counted("mlp", "fit") == BATCHES * step
    assert counted("mlp", "inference", 1) == 2 * (784 * 128 + 128 * 64 + 64 * 10)
    assert counted("table256") == 8 * counted("table32") == 2 * 256 * (2 * 30 * 100 + 3 * 100 * 2)
    assert counted("wide") == 2 * 128 * (2 * 1024 * 2048 + 3 * (2048 * 2048 + 2048 * 10))


def test_convolutions_whose_padding_nobody_multiplies() -> None:
    # along an axis of 32, 3 taps see 32 + 31 + 31 places; of 16, 16 + 15 + 15
    large, small = 94**2, 46**2
    layers = 2 * large * 3 * 32 + 3 * (large * 32 * 32 + small * (32 * 64 + 64 * 64) + 8 * 8 * 64 * 256 + 256 * 10)
    assert counted("vgg") == 2 * 64 * layers


def test_a_residual_network() -> None:
    # with a stride of 2 and 1 zero in front, 3 taps of 32 places see 16 + 16 + 15, of 16 places 8 + 8 + 7
    full, half, quarter = 94**2, 46**2, 22**2
    blocks = 2 * full * 16 * 16
    blocks += 47**2 * 16 * 32 + half * 32 * 32 + 16**2 * 16 * 32
    blocks += 23**2 * 32 * 64 + quarter * 64 * 64 + 8**2 * 32 * 64
    assert counted("resnet") == 2 * 32 * (2 * full * 3 * 16 + 3 * (blocks + 64 * 10))


def test_convolutions_along_a_sequence() -> None:
    # 256 steps: (256 − 8)/2 + 1 = 125, (125 − 5)/2 + 1 = 61, (61 − 3)/2 + 1 = 30
    rest = 61 * 5 * 32 * 64 + 30 * 3 * 64 * 64 + 64 * 6
    assert counted("conv1d") == 2 * 64 * (2 * 125 * 8 * 6 * 32 + 3 * rest)


def test_transposed_convolutions_count_what_their_convolutions_count() -> None:
    # taps 0 to 2 with 1 zero in front and a stride of 2 see 13 + 14 + 14 of 28 places and 6 + 7 + 7 of 14;
    # taps 0 to 3 of the transposed ones 6 + 7 + 7 + 6 of 14, 13 + 14 + 14 + 13 of 28
    down, up = (41**2, 20**2), (26**2, 54**2)
    rest = down[1] * 16 * 32 + up[0] * 32 * 16 + up[1] * 16 * 1
    assert counted("autoencoder") == 2 * 64 * (2 * down[0] * 1 * 16 + 3 * rest)


def test_recurrent_layers() -> None:
    # the recurrent kernel and the dense layer at each of 32·64 places; the kernel once for each of 65 letters
    assert counted("rnn") == 2 * 3 * (32 * 64 * (128 * 128 + 128 * 65) + 65 * 128 * 128)
    # three gates; the input needs no gradient, but the states do
    assert counted("gru") == 2 * 32 * (100 * 3 * (2 * 8 * 64 + 3 * 64 * 64) + 3 * 64)
    # four gates, both ways; 32·50 words are fewer than the vocabulary, so the table of all would be more work
    words = 32 * 50
    assert counted("bilstm") == 2 * 3 * (2 * words * 4 * (100 * 64 + 64 * 64) + 32 * 128 * 2)
    # 20·20 words of 10,000
    places = 20 * 20
    lstms = places * 4 * (200 * 200 + 200 * 200) * 2
    assert counted("words") == 2 * 3 * (lstms + places * 200 * 10_000)


def test_causal_attention() -> None:
    # Q, K, V and the way out; 4 heads of 16, each step with itself and the steps before it, twice
    attention = 4 * 64 * 64 * 64 + 2 * (64 * 65 // 2) * 64
    blocks = 2 * (attention + 2 * 64 * 64 * 256)
    assert counted("transformer") == 2 * 3 * 32 * (blocks + 64 * 64 * 65)


@pytest.mark.parametrize("name", ["mlp", "wide", "cnn", "conv1d", "gru", "bilstm"])
def test_a_call_counts_what_the_formulas_sum_up(name: str) -> None:
    # where nothing is padded, masked, or read from a table
    net = Task(name).network()
    assert flops(net, Task(name, "inference", 1)) == 2 * summarise(net).multiply_adds


def test_groups_see_their_channels_alone() -> None:
    net = pl.Network(pl.Conv2D(6, 1, groups=3), input_shape=(2, 2, 9))
    assert multiply_adds(net.uses[1].layer, net.uses[1], 5) == (5 * 4 * 6 * 3, 0)


def test_every_workload_is_counted() -> None:
    assert all(counted(name) > 0 for name in WORKLOADS)
