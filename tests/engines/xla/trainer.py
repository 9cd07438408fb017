"""One process of a run: python -m tests.engines.xla.trainer NETWORK PORT PROCESSES PROCESS

Prints its losses as JSON, and how many of the examples it has read.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from tests.engines.xla.support import NETWORKS


class Counted:
    """An array of examples that knows which of its rows were asked for."""

    def __init__(self, array: Any) -> None:
        self.array, self.rows = array, set[int]()

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, index: Any) -> Any:
        self.rows |= set(np.arange(len(self.array))[index].ravel().tolist())
        return self.array[index]


def main(name: str, port: str, processes: str, process: str) -> None:
    if int(processes) > 1:
        from pellucid.engines.xla.joining import join

        join(f"127.0.0.1:{port}", int(processes), int(process))
    from pellucid.training.fit import prepare

    net, x, y = NETWORKS[name]()
    loop = prepare(net, x, y, epochs=3, batch_size=32, metrics=["accuracy"], shuffle=False)
    (path,) = net.input_shapes
    counted = loop.examples.arrays[path] = Counted(loop.examples.arrays[path])  # type: ignore[assignment]
    history = loop.run().history
    read = len(counted.rows)
    print(json.dumps({"loss": history["loss"], "accuracy": history["accuracy"], "read": read}))


if __name__ == "__main__":
    main(*sys.argv[1:])
