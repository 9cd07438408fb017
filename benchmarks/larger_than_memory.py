"""Training on an array in a file, twice the size of the memory that the process may have.

    python -m benchmarks.larger_than_memory
    python -m benchmarks.larger_than_memory --limit 1024 --epochs 5

Two processes train the same network on the same file, shuffled. One has loaded the file into memory and has no limit;
the other maps it (`np.load(…, mmap_mode="r")`), under a limit of the operating system on the memory that it may
allocate (RLIMIT_DATA: heap and private mappings; what is mapped from a file is the system's page cache, which it takes
back whenever it needs it). Printed: the seconds of an epoch of each, their ratio, and the anonymous memory of the
second after its first and its last epoch. The weights of both have to be the same to the bit.

The exit status is 0 where the weights are equal, the memory is constant and the ratio at least 0.9.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

FEATURES, CLASSES = 1024, 10
MIB = 1 << 20
ROUNDS = 3  # of both processes in turn; the best epoch of each counts
LEAST_RATIO, MOST_GROWTH = 0.9, 16  # of speed; MiB between the first and the last epoch

LOAD = """
import resource, sys, numpy
resource.setrlimit(resource.RLIMIT_DATA, (int(sys.argv[1]),) * 2)
numpy.load(sys.argv[2])
"""


def write_array(path: Path, size: int) -> int:
    """A file of so many MiB of float32 (n, 1024); gives n."""
    rows = size * MIB // (4 * FEATURES)
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(rows, FEATURES))
    rng = np.random.default_rng(0)
    for start in range(0, rows, 4096):
        part = array[start : start + 4096]
        part[:] = rng.normal(size=part.shape)
    array.flush()
    return rows


def anonymous() -> float:
    """The memory of this process that belongs to no file, in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise OSError("this system does not tell a process's memory")


def train(path: Path, *, limit: int | None, epochs: int) -> dict[str, object]:
    """Train, in this process; gives seconds by epoch, MiB by epoch, and a digest of the weights."""
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit * MIB, limit * MIB))
    import pellucid as pl

    x = np.load(path, mmap_mode=None if limit is None else "r")
    y = np.arange(len(x)) % CLASSES
    net = pl.Network(
        pl.Dense(128, activation="relu"), pl.Dense(CLASSES, activation="softmax"), input_shape=(FEATURES,), seed=0
    )
    ends: list[float] = []
    memory: list[float] = []

    class Clock(pl.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            if not ends:
                ends.append(time.perf_counter())

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
            ends.append(time.perf_counter())
            memory.append(anonymous())

    net.fit(x, y, epochs=epochs, batch_size=256, callbacks=Clock(), verbose=0)
    weights = b"".join(array.tobytes() for array in net.parameters.snapshot().values())
    return {
        "seconds": np.diff(ends).tolist(),
        "memory": memory,
        "digest": hashlib.sha256(weights).hexdigest(),
    }


def child(path: Path, limit: int | None, epochs: int) -> dict[str, list[float]]:
    args = [sys.executable, "-m", "benchmarks.larger_than_memory", "--child", str(path), "--epochs", str(epochs)]
    done = subprocess.run([*args, "--limit", str(limit or 0)], stdout=subprocess.PIPE, check=True)
    result: dict[str, list[float]] = json.loads(done.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=256, help="MiB that the process may allocate (default: 256)")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(json.dumps(train(given.child, limit=given.limit or None, epochs=given.epochs)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.npy"
        rows = write_array(path, 2 * given.limit)
        print(f"{rows} examples, {2 * given.limit} MiB; the limit is {given.limit} MiB", flush=True)
        try:
            subprocess.run(
                [sys.executable, "-c", LOAD, str(given.limit * MIB), str(path)],
                check=True,
                stderr=subprocess.DEVNULL,
            )
            print("the limit does not bind: the file could be loaded under it")
            return 1
        except subprocess.CalledProcessError:
            print("loading the file under the limit fails, as it should", flush=True)
        runs = [(child(path, None, given.epochs), child(path, given.limit, given.epochs)) for _ in range(ROUNDS)]
    fast, slow = (min(second for run in runs for second in run[which]["seconds"]) for which in (0, 1))
    whole, mapped = runs[0]
    first, last = mapped["memory"][0], mapped["memory"][-1]
    print(f"in memory, without a limit:  {fast:.2f} s an epoch")
    print(f"mapped, under the limit:     {slow:.2f} s an epoch, {100 * fast / slow:.0f} % of that speed")
    print(f"its memory after epoch 1: {first:.0f} MiB, after epoch {given.epochs}: {last:.0f} MiB")
    equal = whole["digest"] == mapped["digest"]
    print(f"the weights are {'equal to the bit' if equal else 'NOT equal'}")
    return 0 if equal and fast / slow >= LEAST_RATIO and last - first <= MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(main())
