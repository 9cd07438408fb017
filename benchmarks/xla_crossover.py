"""From which size on XLA is faster than native code on this machine, and how many images a second it trains on:

    python -m benchmarks.xla_crossover             dense networks of growing width, on both engines
    python -m benchmarks.xla_crossover --images    also LeNet-5 and a network of the size of ResNet-18; PyTorch beside

A few minutes; on a GPU too, which XLA takes by itself where JAX has been installed for it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from statistics import median
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import pellucid as pl
from benchmarks import networks
from pellucid.engines import compile_program
from pellucid.formula import Program
from pellucid.training.inputs.targets import goals
from pellucid.training.programs import training_program

WIDTHS: Final = (64, 128, 256, 512, 1024, 2048, 4096)
ENGINES: Final = ("llvm", "xla")
STEPS: Final = 16
"""So many steps one call takes."""


def dense(width: int) -> pl.Network:
    layers = [pl.Dense(width, activation="relu") for _ in range(2)]
    return pl.Network(*layers, pl.Dense(10, activation="softmax"), input_shape=(784,), seed=0)


def resnet18() -> pl.Network:
    """Eight residual blocks of two convolutions with 64 to 512 filters, on 32×32×3: 11 million parameters."""
    x = image = pl.Input((32, 32, 3))
    x = networks.normalised(x, 64, relu=True)
    for filters, stride in ((64, 1), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1)):
        inner = networks.normalised(networks.normalised(x, filters, stride=stride, relu=True), filters)
        shortcut = x if stride == 1 else networks.normalised(x, filters, size=1, stride=stride)
        x = pl.Activation("relu")(pl.Add()(inner, shortcut))
    scores = pl.Dense(10, activation="softmax")(pl.GlobalAveragePool()(x))
    return pl.Network(inputs=image, outputs=scores, seed=0)


def own(net: pl.Network, engine: str, batch: int) -> Callable[[], object]:
    """A function that takes STEPS steps of training."""
    rng = np.random.default_rng(0)
    (shape,) = net.input_shapes.values()
    x, y = rng.random((2 * batch, *shape)).astype(np.float32), rng.integers(0, 10, 2 * batch)
    rule = pl.Adam()
    wanted, targets = goals(net, y, None)
    whole = training_program(net, wanted, rule)
    program = Program({name: t for name, t in whole.outputs.items() if not name.endswith(".prediction")})
    slots = {n: np.zeros([a.size for a in t.axes], np.float32) for n, t in program.inputs.items() if ":" in n}
    session = compile_program(program, engine=engine).session({**slots, **net.parameters})
    data = {**{n: a.astype(np.int32) for n, a in targets.items()}, **dict.fromkeys(net.input_shapes, x)}
    rows = np.arange(STEPS * batch).reshape(STEPS, batch) % (2 * batch)
    each = {"step": np.arange(STEPS) + 1, "learning_rate": np.full(STEPS, rule.initial_rate, np.float32)}
    return lambda: session.run(data, rows=rows, each=each)


def torchs(net: pl.Network, batch: int) -> Callable[[], object]:
    """The same of PyTorch, on its GPU where it has one."""
    import torch

    from benchmarks.runners.pytorch_layers import model

    device = "cuda" if torch.cuda.is_available() else "cpu"
    module: Any = model(net, sums=True).to(device)
    adam = torch.optim.Adam(module.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)
    (shape,) = net.input_shapes.values()
    x = torch.tensor(rng.random((batch, shape[-1], *shape[:-1])), dtype=torch.float32, device=device)
    y = torch.tensor(rng.integers(0, 10, batch), device=device)

    def steps() -> object:
        for _ in range(STEPS):
            adam.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x), y)
            loss.backward()
            adam.step()
        return float(loss.detach())

    return steps


def seconds(run: Callable[[], object], limit: float) -> float:
    """Of one step: the median of calls, as many as fit into the limit."""
    run()  # compiles
    times: list[float] = []
    began = time.perf_counter()
    while not times or time.perf_counter() - began < limit:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times) / STEPS


def widths(console: Console, chosen: Sequence[int], batch: int, limit: float) -> None:
    table = Table(f"784-width-width-10, batch {batch}", "LLVM, ms a step", "XLA, ms a step", "XLA is")
    crossover = None
    for width in track(chosen, "widths", console=Console(stderr=True), transient=True):
        native, xla = (seconds(own(dense(width), engine, batch), limit) for engine in ENGINES)
        ratio = native / xla
        crossover = None if ratio < 1 else crossover or width
        faster = f"{ratio:.2f}× as fast"
        table.add_row(str(width), f"{native * 1e3:.2f}", f"{xla * 1e3:.2f}", faster)
    console.print(table)
    console.print(
        "XLA is not the faster one at any of these" if crossover is None else f"XLA is faster from {crossover} on"
    )


def images(console: Console, batches: tuple[int, int], limit: float) -> None:
    torch = find_spec("torch") is not None
    contenders = {"XLA": "xla", "XLA, bfloat16": "xla-bfloat16", **({"PyTorch": ""} if torch else {}), "LLVM": "llvm"}
    table = Table("images a second, in training", *contenders)
    first, second = batches
    made = {f"LeNet-5, batch {first}": (networks.lenet(networks.Sizes(width=120)), first)}
    made[f"ResNet-18, 32×32×3, batch {second}"] = resnet18(), second
    for name, (net, batch) in track(made.items(), "images", console=Console(stderr=True), transient=True):
        row = []
        for contender, engine in contenders.items():
            run = own(net, engine, batch) if engine else torchs(net, batch)
            row.append(f"{batch / seconds(run, limit):,.0f}")
            console.print(f"{name}, {contender}: {row[-1]}")  # at once: a machine may be lent for too short a time
        table.add_row(name, *row)
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="*", default=WIDTHS)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--images", action="store_true", help="also images a second")
    parser.add_argument("--image-batches", type=int, nargs=2, default=(256, 128), help="of LeNet-5 and ResNet-18")
    options = parser.parse_args(arguments)
    if find_spec("jax") is None:
        parser.error('JAX is not installed: pip install "pellucid[xla]"')
    import jax

    console = Console()
    console.print(
        f"XLA runs on {', '.join(sorted({d.device_kind for d in jax.devices()}))}, {len(jax.devices())} of them"
    )
    if options.images:
        images(console, tuple(options.image_batches), options.seconds)
    widths(console, options.widths, options.batch, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
