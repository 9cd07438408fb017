"""How long it takes from nothing: imports, and the first training step of LeNet in a new process."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.contenders import ROOT
from pellucid.errors import PellucidError

_MEMORY: Final = """
def memory():
    # not getrusage: its peak begins with what the parent process had before this program was loaded into it
    try:
        line = next(l for l in open("/proc/self/status") if l.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    except OSError:
        import resource, sys
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
"""

_PELLUCID: Final = """
import numpy as np
import pellucid as pl
rng = np.random.default_rng(0)
x, y = rng.random((64, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, 64)
net = pl.Network(
    pl.Conv2D(6, kernel_size=5, padding="same", activation="relu"), pl.MaxPool2D(2),
    pl.Conv2D(16, kernel_size=5, activation="relu"), pl.MaxPool2D(2), pl.Flatten(),
    pl.Dense(120, activation="relu"), pl.Dense(84, activation="relu"), pl.Dense(10, activation="softmax"),
    input_shape=(28, 28, 1), seed=0, engine="llvm",
)
net.fit(x, y, epochs=1, batch_size=64, optimizer=pl.Adam(), verbose=0)
"""

_TORCH: Final = """
import torch
from torch import nn
x, y = torch.rand(64, 1, 28, 28), torch.randint(0, 10, (64,))
net = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
)
update = torch.optim.Adam(net.parameters())
loss = nn.CrossEntropyLoss()(net(x), y)
loss.backward()
update.step()
loss.item()
"""


@dataclass(frozen=True)
class Start:
    """From the start of the process to the end of its work, the median in seconds; the peak of its memory in MiB."""

    what: str
    seconds: float
    mebibytes: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def starts(*, peers: bool, repeats: int, environment: Mapping[str, str]) -> list[Start]:
    """Imports and first steps of Pellucid, with an empty and a warm code cache, and of the peers that are there."""
    packages = ["numpy", "pellucid", *(["torch", "jax", "onnxruntime"] if peers else [])]
    measured = [_import(name, repeats, environment) for name in packages if importlib.util.find_spec(name)]
    measured.insert(2, _import("pellucid; pellucid.Network", repeats, environment))  # what it takes is imported then
    with tempfile.TemporaryDirectory() as folder:
        cold = [run(_PELLUCID, environment, cache=Path(folder, str(k))) for k in range(repeats)]
        warm = [run(_PELLUCID, environment, cache=Path(folder, "0")) for _ in range(repeats)]
    measured.append(_start("LeNet, process to first step: Pellucid, empty cache", cold))
    measured.append(_start("LeNet, process to first step: Pellucid, warm cache", warm))
    if peers and importlib.util.find_spec("torch"):
        runs = [run(_TORCH, environment) for _ in range(repeats)]
        measured.append(_start("LeNet, process to first step: PyTorch", runs))
    return measured


def _import(name: str, repeats: int, environment: Mapping[str, str]) -> Start:
    """The import alone, without the start of Python."""
    code = f"import time; start = time.perf_counter(); import {name}; seconds = time.perf_counter() - start"
    return _start(f"import {name}", [run(code, environment, own_clock=True) for _ in range(repeats)])


def _start(what: str, runs: list[tuple[float, float]]) -> Start:
    return Start(what, median(s for s, _ in runs), median(m for _, m in runs))


def run(
    code: str, environment: Mapping[str, str], *, cache: Path | None = None, own_clock: bool = False
) -> tuple[float, float]:
    """Seconds until the code is through (its own variable `seconds`, or from outside), and MiB at the peak."""
    tail = f"{_MEMORY}\nprint({'seconds' if own_clock else 0}, memory(), flush=True)"
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    settings = {"PYTHONPATH": path, **environment, **({} if cache is None else {"PELLUCID_CACHE": str(cache)})}
    # what is installed is compiled
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}\n{tail}"],
        env={**inherited, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        if not line:
            last = (process.stderr.read().strip().splitlines() or ["nothing"])[-1]
            raise PellucidError(f"the start of a process could not be measured: it ended with {last}")
    own, mebibytes = map(float, line.split())
    return own if own_clock else seconds, mebibytes
