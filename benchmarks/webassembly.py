"""A step of training exported to WebAssembly beside the same step here, on one thread: LeNet, 64 images.

    python -m benchmarks.webassembly [--rounds 40] [--exact]

The hosts are wasmtime (`pip install wasmtime`) and Node, whose engine is Chromium's, where they are installed. All but
Node take turns; the ratio is that of the fastest steps, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.engines.llvm.run.executable import Executable
from pellucid.engines.llvm.run.native import available, target
from pellucid.training.inputs.targets import targetless_goals
from pellucid.training.programs import training_program

BATCH, RATE = 64, 0.001
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(BATCH, 28, 28, 1)).astype(np.float32)
LABELS = RNG.integers(0, 10, BATCH).astype(np.int32)
SECTION = b"\x08pellucid{"
NODE = """
import fs from "node:fs";
const module = await WebAssembly.compile(fs.readFileSync(process.argv[2]));
const about = JSON.parse(new TextDecoder().decode(WebAssembly.Module.customSections(module, "pellucid")[0]));
const { memory, train } = (await WebAssembly.instantiate(module)).exports;
const place = about.functions.train.inputs["input_1"];
new Float32Array(memory.buffer, place.offset, place.shape.reduce((a, b) => a * b)).fill(0.5);
for (let k = 0; k < 40; k++) train(0.001);  // until the faster of its two compilers is done
const times = [];
for (let k = 0; k < Number(process.argv[3]); k++) {
  const start = performance.now();
  train(0.001);
  times.push((performance.now() - start) / 1000);
}
console.log(JSON.stringify(times));
"""


def lenet() -> pl.Network:
    return pl.Network(
        pl.Conv2D(6, kernel_size=5, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, kernel_size=5, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(120, activation="relu"),
        pl.Dense(84, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
    )


def native(net: pl.Network, instructions: str | None) -> Callable[[], object]:
    """A step of this machine's, on one thread; with these instructions, such as AVX2 (v3), or all that it has."""
    program = training_program(net, targetless_goals(net, None), pl.Adam())
    run = Executable(program, np.dtype(np.float32), target=target(instructions), threads=1)
    slots = {f"{p}:{s}": np.zeros_like(w) for p, w in net.parameters.snapshot().items() for s in pl.Adam().slots}
    session = run.session({**slots, **net.parameters.snapshot()})
    each = {"learning_rate": np.full(1, RATE, np.float32), "step": np.ones(1, np.int64)}
    rows = np.arange(BATCH)[None]
    return lambda: session.run({"input_1": IMAGES, "dense_3.target": LABELS}, rows=rows, each=each)


def wasmtime(file: Path) -> Callable[[], object] | None:
    """The same step in wasmtime, if that is installed."""
    try:
        import wasmtime
    except ImportError:
        return None
    content = file.read_bytes()
    at = content.index(SECTION) + len(SECTION) - 1
    about = json.JSONDecoder().raw_decode(content[at:].decode(errors="replace"))[0]
    store = wasmtime.Store(wasmtime.Engine())
    module = wasmtime.Module.from_file(store.engine, str(file))
    exports: Any = wasmtime.Instance(store, module, []).exports(store)
    for name, array in (("input_1", IMAGES), ("dense_3.target", LABELS)):
        exports["memory"].write(store, array.tobytes(), about["functions"]["train"]["inputs"][name]["offset"])
    return lambda: exports["train"](store, RATE)


def node(file: Path, rounds: int) -> list[float] | None:
    """Seconds of steps in Node, if that is installed."""
    program = shutil.which("node")
    if program is None:
        return None
    script = file.with_suffix(".mjs")
    script.write_text(NODE, encoding="utf-8")
    done = subprocess.run([program, str(script), str(file), str(rounds)], capture_output=True, text=True, check=True)
    times: list[float] = json.loads(done.stdout)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--exact", action="store_true", help="measure the export that computes the engine's bits")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (file,) = lenet().export(Path(folder) / "lenet.wasm", training=True, batch=BATCH, exact=options.exact).files
        contenders = {"here": native(lenet(), None)}
        if "v3" in available():
            contenders["here, AVX2 alone"] = native(lenet(), "v3")
        if (hosted := wasmtime(file)) is not None:
            contenders["wasmtime"] = hosted
        for step in contenders.values():
            step()
        times: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(options.rounds):
            for name, step in contenders.items():
                start = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - start)
        if (more := node(file, options.rounds)) is not None:
            times["Node"] = more
        size = file.stat().st_size
    print(f"LeNet, a step of {BATCH} images on one thread; the module has {size:,} bytes")
    print(f"{'':20} {'fastest':>10} {'median':>10}   of the speed here")
    best = min(times["here"])
    for name, some in times.items():
        ratio = f"{best / min(some):.0%}"
        print(f"{name:20} {min(some) * 1e3:7.2f} ms {statistics.median(some) * 1e3:7.2f} ms   {ratio:>6}")


if __name__ == "__main__":
    main()
