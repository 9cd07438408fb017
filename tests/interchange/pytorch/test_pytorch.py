"""PyTorch modules read as networks, and networks written as modules; where PyTorch is installed."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.interchange.keras.test_keras_files import ALL
from tests.interchange.onnx.networks import examples

import pellucid as pl

HAS_TORCH = bool(importlib.util.find_spec("torch"))
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")


@pytest.mark.skipif(HAS_TORCH, reason="PyTorch is installed")
def test_without_pytorch() -> None:
    net = pl.Network(pl.Dense(1), input_shape=(2,))
    for ask in (lambda: net.to_torch(), lambda: pl.from_torch(object(), object())):
        with pytest.raises(pl.PellucidError, match=r"PyTorch is not installed: pip install pellucid\[torch\]"):
            ask()


def randomised(module: Any) -> Any:
    import torch

    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point():
            drawn = torch.randn(tensor.shape, generator=generator) * 0.3
            tensor.copy_(drawn.abs() + 0.5 if "var" in name else drawn)
    return module


def modules() -> dict[str, tuple[Callable[[], Any], tuple[int, ...]]]:
    from torch import nn

    return {
        "mlp": (
            lambda: nn.Sequential(
                nn.Flatten(), nn.Linear(64, 7), nn.BatchNorm1d(7), nn.GELU(), nn.Dropout(0.1), nn.Linear(7, 3)
            ),
            (1, 8, 8),
        ),
        "convolutions": (
            lambda: nn.Sequential(
                nn.Conv2d(2, 4, 3, padding="same"),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.Conv2d(4, 8, 3, bias=False, groups=2),
                nn.GroupNorm(2, 8),
                nn.LeakyReLU(),
                nn.AvgPool2d(2, 1, 1),
                nn.Flatten(),
                nn.Linear(72, 5),
            ),
            (2, 8, 8),
        ),
        "pooled": (
            lambda: nn.Sequential(
                nn.Conv2d(2, 4, 3), nn.PReLU(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5), nn.Softmax(-1)
            ),
            (2, 8, 8),
        ),
        "sequences": (
            lambda: nn.Sequential(
                nn.Conv1d(3, 4, 3, padding=1),
                nn.BatchNorm1d(4),
                nn.ReLU6(),
                nn.MaxPool1d(2),
                nn.Flatten(),
                nn.Linear(12, 2),
            ),
            (3, 6),
        ),
        "volumes": (
            lambda: nn.Sequential(
                nn.Conv3d(2, 4, (3, 2, 1), padding=(1, 1, 0), groups=2),
                nn.BatchNorm3d(4),
                nn.ReLU(),
                nn.MaxPool3d((1, 2, 2)),
                nn.AvgPool3d(2, 1, 1),
                nn.ConvTranspose3d(4, 3, 2, (1, 2, 1)),
                nn.Dropout3d(0.2),
                nn.Upsample(scale_factor=(2, 1, 1)),
                nn.AdaptiveMaxPool3d((2, 1, 1)),
                nn.Flatten(),
                nn.Linear(6, 3),
            ),
            (2, 3, 5, 4),
        ),
        "pooled volumes": (
            lambda: nn.Sequential(nn.Conv3d(2, 4, 2), nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(4, 3)),
            (2, 3, 5, 4),
        ),
        "volumes to volumes": (lambda: nn.Sequential(nn.Conv3d(2, 3, 2), nn.PReLU(3)), (2, 3, 5, 4)),
        "grown": (
            lambda: nn.Sequential(
                nn.Linear(5, 32),
                nn.Unflatten(1, (8, 2, 2)),
                nn.ConvTranspose2d(8, 1, 3, 2, 1, 1),
                nn.Upsample(scale_factor=2),
            ),
            (5,),
        ),
    }


@needs_torch
@pytest.mark.parametrize(
    "name", ["mlp", "convolutions", "pooled", "sequences", "volumes", "pooled volumes", "volumes to volumes", "grown"]
)
def test_modules_as_networks(name: str) -> None:
    import torch

    make, shape = modules()[name]
    module = randomised(make()).train()
    x = torch.randn(3, *shape)
    net = pl.from_torch(module, x, engine="reference")
    assert module.training
    module.eval()
    outputs = module(x).detach().numpy()
    given, expected = (np.moveaxis(a, 1, -1) if a.ndim > 3 else a for a in (x.numpy(), outputs))
    np.testing.assert_allclose(net.predict(given), expected, atol=1e-5)
    same = pl.from_torch(module, x, channels_last=False, engine="reference")
    np.testing.assert_allclose(same.predict(x.numpy()), outputs, atol=1e-5)
    back = net.to_torch()
    np.testing.assert_allclose(back(x).detach().numpy(), outputs, atol=1e-5)


@needs_torch
def test_padded_sequences_both_ways_and_back() -> None:
    import torch
    from torch import nn

    class Tagger(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(9, 4, padding_idx=0)
            self.lstm = nn.LSTM(4, 5, batch_first=True, bidirectional=True)
            self.head = nn.Linear(10, 3)

        def forward(self, tokens: Any) -> Any:
            lengths = (tokens != 0).sum(1).cpu()
            packed = nn.utils.rnn.pack_padded_sequence(self.words(tokens), lengths, True, enforce_sorted=False)
            _, (h, _) = self.lstm(packed)
            return self.head(torch.cat([h[-2], h[-1]], 1))

    tokens = torch.randint(1, 9, (4, 6))
    tokens[0, 3:] = 0
    tokens[1, 1:] = 0
    module = randomised(Tagger()).eval()
    expected = module(tokens).detach().numpy()
    net = pl.from_torch(module, tokens, engine="reference")
    assert {path.split(".")[0] for path in net.parameters} == {"words", "lstm", "head"}
    np.testing.assert_allclose(net.predict(tokens.numpy()), expected, atol=1e-6)
    np.testing.assert_allclose(net.to_torch()(tokens).detach().numpy(), expected, atol=1e-6)


@needs_torch
def test_a_transformer_and_a_recurrent_layer_with_the_batch_behind() -> None:
    import torch
    from torch import nn

    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu", norm_first=True)
    module = randomised(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)).eval()
    x = torch.randn(3, 5, 8)
    net = pl.from_torch(module, x, engine="reference")
    np.testing.assert_allclose(net.predict(x.numpy()), module(x).detach().numpy(), atol=1e-5)
    assert "layers_0_self_attn.query.kernel" in net.parameters

    class Behind(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(4, 5)

        def forward(self, x: Any) -> Any:
            return self.gru(x)[0]

    module, x = randomised(Behind()).eval(), torch.randn(6, 3, 4)
    net = pl.from_torch(module, x, engine="reference")
    outputs = net.predict(x.numpy().transpose(1, 0, 2))
    np.testing.assert_allclose(outputs, module(x).detach().numpy().transpose(1, 0, 2), atol=1e-6)


@needs_torch
def test_what_cannot_be_read() -> None:
    import torch
    from torch import nn

    class Odd(nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return torch.fft.fft(torch.sort(x).values).real

    with pytest.raises(pl.PellucidError, match="operators that Pellucid does not have: sort, fft_fft"):
        pl.from_torch(Odd(), torch.randn(2, 4))

    class Branch(nn.Module):  # type: ignore[misc]
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    with pytest.raises(pl.PellucidError, match=r"torch.export cannot say what the module does"):
        pl.from_torch(Branch(), torch.randn(2, 4))
    with pytest.raises(pl.PellucidError, match=r"takes an nn.Module, got int"):
        pl.from_torch(3, torch.randn(2, 4))


UNWRITABLE = {
    "masked conv": "of steps with a mask",
    "masked pool": "of steps with a mask",
    "rnn": "the activation leaky_relu",
    "gru": "reset_after=False",
    "sequences": "reset_after=False",
    "given states": "of steps with a mask",
    "given mask": "mask",
    "final states": "FinalState of steps with a mask",
    "activation step": "the activation step",
}


@pytest.mark.sample(16)
@needs_torch
@pytest.mark.parametrize("name", ALL)
def test_networks_as_modules(name: str) -> None:
    import torch

    net = ALL[name]()
    for k, key in enumerate(net.parameters):
        shape = net.parameters[key].shape
        net.parameters[key] = np.abs(np.random.default_rng(k).normal(size=shape)) * 0.4 + 0.1
    given = examples(net)
    try:
        module = copy.deepcopy(net.to_torch(channels_last=True))
    except pl.PellucidError as error:
        assert UNWRITABLE[name] in str(error)
        return
    assert name not in UNWRITABLE
    outputs, expected = module(*map(torch.as_tensor, given.values())), net.predict(given)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for ours, theirs in zip(expected.values() if isinstance(expected, dict) else [expected], outputs, strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=3e-5, atol=1e-5)


@needs_torch
def test_a_module_says_what_it_expects_and_learns() -> None:
    import torch

    net = pl.Network(pl.Conv2D(2, 3), pl.BatchNormalization(), pl.Flatten(), pl.Dense(2), input_shape=(5, 5, 1))
    module = net.to_torch()
    with pytest.raises(
        ValueError, match="expected \\(n, 1, 5, 5\\), got \\(3, 5, 5, 1\\): images have their channels in"
    ):
        module(torch.randn(3, 5, 5, 1))
    x, y = torch.randn(8, 1, 5, 5), torch.randint(0, 2, (8,))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    losses = []
    module.train()
    for _ in range(5):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(x), y)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    whole = pl.Network(net, pl.Activation("softmax"), input_shape=(5, 5, 1))
    ours = whole.fit(
        x.numpy().transpose(0, 2, 3, 1),
        y.numpy(),
        epochs=5,
        batch_size=8,
        shuffle=False,
        verbose=0,
        optimizer=pl.SGD(0.1),
        loss="crossentropy",
    )
    np.testing.assert_allclose(ours["loss"], losses, atol=1e-5)
    variance = module.get_submodule("batch_normalization_1.norm").running_var
    np.testing.assert_allclose(net.parameters["batch_normalization_1.variance"], variance.numpy(), rtol=1e-4)
