"""The same networks in other libraries. Each function gives one that runs so many training steps, or None where
the library is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.workloads import VOCABULARY, Workload

Steps = Callable[[int], None]


def torch_steps(w: Workload, *, threads: int, compiled: bool = False) -> Steps | None:
    """PyTorch, eager or compiled; channels-first, its own Adam."""
    try:
        import torch
    except ImportError:
        return None
    torch.manual_seed(0)
    net = _torch_net(torch, w)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    x, y = w.data()
    inputs = torch.from_numpy(x if w.text or x.ndim == 2 else np.ascontiguousarray(x.transpose(0, 3, 1, 2)))
    labels = torch.from_numpy(y)
    batches = len(x) // w.batch
    run = torch.compile(net) if compiled else net

    def steps(count: int) -> None:
        torch.set_num_threads(threads)
        for k in range(count):
            rows = slice(k % batches * w.batch, (k % batches + 1) * w.batch)
            optimizer.zero_grad(set_to_none=True)
            z = run(inputs[rows])
            torch.nn.functional.cross_entropy(z.reshape(-1, w.classes), labels[rows].reshape(-1)).backward()
            optimizer.step()

    return steps


def _torch_net(torch: Any, w: Workload) -> Any:
    nn = torch.nn
    if w.name == "mlp":
        return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    if w.name == "lenet":
        body = [
            nn.Conv2d(1, 6, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
        head = [nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
        return nn.Sequential(*body, nn.Flatten(), *head)
    if w.name == "cnn":
        body = [nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
        return nn.Sequential(*body, nn.Linear(9216, 128), nn.ReLU(), nn.Linear(128, 10))
    units, layers = (256, 2) if "256" in w.name else (128, 1)
    kind = nn.LSTM if "lstm" in w.name else nn.RNN

    class Characters(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(VOCABULARY, units)
            self.body = kind(units, units, layers, batch_first=True)
            self.head = nn.Linear(units, VOCABULARY)

        def forward(self, ids: Any) -> Any:
            return self.head(self.body(self.table(ids))[0])

    return Characters()
