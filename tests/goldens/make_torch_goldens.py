"""Writes torch_recurrence.npz: what PyTorch's RNN, LSTM and GRU give, forwards and backwards, in float64.

    python tests/goldens/make_torch_goldens.py

The file was written by PyTorch 2.13. For each case: the sequence x, first states h0 and c0, the parameters under
PyTorch's names, the gradient dy that arrives at the outputs, then the outputs y and the gradient d_… of all that went
in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

CASES: dict[str, tuple[type[torch.nn.RNNBase], dict[str, Any]]] = {
    "rnn": (torch.nn.RNN, {}),
    "rnn_relu": (torch.nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (torch.nn.LSTM, {}),
    "lstm_stacked": (torch.nn.LSTM, {"num_layers": 2, "bidirectional": True}),
    "gru": (torch.nn.GRU, {}),
    "gru_stacked": (torch.nn.GRU, {"num_layers": 2, "bidirectional": True}),
}
EXAMPLES, STEPS, INPUTS, UNITS = 2, 5, 3, 4


def case(kind: type[torch.nn.RNNBase], options: dict[str, Any]) -> dict[str, np.ndarray]:
    module = kind(INPUTS, UNITS, batch_first=True, dtype=torch.float64, **options)
    ways = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    given = {"x": torch.randn(EXAMPLES, STEPS, INPUTS, dtype=torch.float64, requires_grad=True)}
    for state in ("h0", "c0") if kind is torch.nn.LSTM else ("h0",):
        given[state] = torch.randn(ways, EXAMPLES, UNITS, dtype=torch.float64, requires_grad=True)
    x, *states = given.values()
    y, _ = module(x, tuple(states) if len(states) > 1 else states[0])
    dy = torch.randn_like(y)
    y.backward(dy)
    inputs = given | dict(module.named_parameters())
    found = {"y": y, "dy": dy} | inputs | {f"d_{name}": t.grad for name, t in inputs.items()}
    return {name: t.detach().numpy() for name, t in found.items()}


if __name__ == "__main__":
    torch.manual_seed(0)
    arrays: dict[str, Any] = {f"{name}/{key}": a for name, how in CASES.items() for key, a in case(*how).items()}
    np.savez_compressed(Path(__file__).with_name("torch_recurrence.npz"), **arrays)
