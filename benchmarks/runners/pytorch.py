"""PyTorch: its own layers, eager or through torch.compile, and its fused Adam."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import nn

import pellucid as pl
from benchmarks.runners import ADAM, Array, Steps, activation, batches, kernel, layers


class _Sequence(nn.Module):  # type: ignore[misc]  # torch is not looked into
    """A recurrent layer without the last state that PyTorch gives beside the sequence."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Any) -> Any:
        return self.layer(x)[0]


def model(net: pl.Network) -> Any:
    """The network up to the sums before the softmax, with Pellucid's weights."""
    modules: list[Any] = []
    before = None
    for use in layers(net):
        layer, values = use.layer, {n.rsplit(".", 1)[1]: a for n, a in net.parameters.items() if _owns(use.path, n)}
        if isinstance(layer, pl.Dense):
            made = nn.Linear(use.shapes[0][-1], layer.units)
            _assign(made, weight=kernel(net, use, before).T, bias=values["bias"])
        elif isinstance(layer, pl.Conv2D):
            u, v, c, f = values["kernel"].shape
            made = nn.Conv2d(c, f, (u, v), padding=u // 2 if use.shape[:2] == use.shapes[0][:2] else 0)
            _assign(made, weight=values["kernel"].transpose(3, 2, 0, 1), bias=values["bias"])
        elif isinstance(layer, pl.MaxPool2D):
            made = nn.MaxPool2d(2)
        elif isinstance(layer, pl.Embedding):
            made = nn.Embedding(layer.input_dim, layer.output_dim)
            _assign(made, weight=values["embeddings"])
        elif isinstance(layer, pl.LSTM | pl.RNN):
            made = _recurrent(layer, values)
        else:
            made = nn.Flatten()
        modules.append(made)
        if activation(use) == "relu":
            modules.append(nn.ReLU())
        before = use
    return nn.Sequential(*modules)


def training(net: pl.Network, x: Array, y: Array, *, batch: int, threads: int, compiled: bool) -> Steps:
    torch.set_num_threads(threads)
    made = model(net)
    run = torch.compile(made) if compiled else made
    measure = nn.CrossEntropyLoss()
    update = torch.optim.Adam(
        [p for p in made.parameters() if p.requires_grad],
        lr=ADAM.initial_rate,
        betas=(ADAM.beta_1, ADAM.beta_2),
        eps=ADAM.epsilon,
        fused=True,
    )
    endless = itertools.cycle([(_input(a), torch.from_numpy(b).reshape(-1)) for a, b in batches(x, y, batch)])

    def steps(count: int) -> Array:
        losses = []
        for inputs, targets in itertools.islice(endless, count):
            update.zero_grad()
            logits = run(inputs)
            loss = measure(logits.reshape(-1, logits.shape[-1]), targets)
            loss.backward()
            update.step()
            losses.append(loss.detach())
        return np.asarray(torch.stack(losses).numpy())

    return steps


def inference(net: pl.Network, x: Array, *, threads: int, compiled: bool) -> Steps:
    torch.set_num_threads(threads)
    made = nn.Sequential(model(net), nn.Softmax(dim=-1)).eval()
    run = torch.compile(made) if compiled else made
    inputs = _input(x)

    def calls(count: int) -> Array:
        with torch.inference_mode():
            for _ in range(count - 1):
                run(inputs)
            return np.asarray(run(inputs).numpy())

    return calls


def _input(x: Array) -> Any:
    """Images channels first, as PyTorch takes them."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x)


def _recurrent(layer: pl.LSTM | pl.RNN, values: dict[str, Array]) -> Any:
    """PyTorch has the gates in our order, and a second bias, which stays 0."""
    inputs, units = len(values["kernel"]), layer.units
    kind: Any = nn.LSTM if isinstance(layer, pl.LSTM) else nn.RNN
    made = kind(inputs, units, batch_first=True)
    _assign(
        made,
        weight_ih_l0=values["kernel"].reshape(inputs, -1).T,
        weight_hh_l0=values["recurrent_kernel"].reshape(units, -1).T,
        bias_ih_l0=values["bias"].reshape(-1),
        bias_hh_l0=np.zeros(values["bias"].size, np.float32),
    )
    made.bias_hh_l0.requires_grad_(False)
    return _Sequence(made)


def _assign(module: Any, **values: Array) -> None:
    with torch.no_grad():
        for name, array in values.items():
            getattr(module, name).copy_(torch.from_numpy(np.ascontiguousarray(array)))


def _owns(path: str, name: str) -> bool:
    return name.startswith(f"{path}.")
