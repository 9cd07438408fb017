"""What explanations cost beside what they explain, and whether a ledger adds up.

    python -m benchmarks.explaining                       everything
    python -m benchmarks.explaining patch ledger closing  some of it

patch    LeNet with a value set by hand, over a prediction of the same examples. Both take turns.
ledger   an epoch of LeNet with a ledger over one without. Both take turns.
closing  LeNet after two epochs: how far the sums of random weights are from the weights.

A ratio is the median of the rounds' ratios, so that what disturbs one round disturbs both of its runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

import pellucid as pl
from benchmarks import networks
from benchmarks.networks import Sizes

PARTS = ("patch", "ledger", "closing")
PATCHES: dict[str, dict[str, Any]] = {
    "a unit of a convolution": {"conv2d_1[unit=3]": 0.0},
    "several units": {"conv2d_1[unit=1]": 0.0, "conv2d_2[unit=3]": 1.0, "dense_1[unit=5]": 0.5},
    "a whole layer": {"dense_1": 0.5},
    "a pixel": {"input_1[h=4,w=5]": 1.0},
    "a weight": {"dense_2.kernel[i=3,o=2]": 0.1},
    "a function": {"dense_1": lambda old: 2 * old},
}


def lenet() -> pl.Network:
    return networks.lenet(Sizes(width=120))


def digits(count: int) -> tuple[Any, Any]:
    """Images of MNIST's shape, ten classes that can be told apart."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, count)
    x = rng.uniform(size=(count, 28, 28, 1)).astype(np.float32)
    x[np.arange(count), 2 + 2 * y, 4:24, 0] += 1
    return x, y


def _seconds(run: Callable[[], Any], repeat: int) -> float:
    began = time.perf_counter()
    for _ in range(repeat):
        run()
    return (time.perf_counter() - began) / repeat


def _ratio(one: Callable[[], Any], other: Callable[[], Any], rounds: int, repeat: int, about: str) -> tuple[float, ...]:
    """The seconds of both, and the median of the rounds' ratios."""
    one(), other()
    pairs = []
    for place in track(range(rounds), about, console=Console(stderr=True), transient=True):
        first = (one, other) if place % 2 else (other, one)
        times = [_seconds(run, repeat) for run in first]
        pairs.append(tuple(times) if place % 2 else tuple(reversed(times)))
    return median(a for a, _ in pairs), median(b for _, b in pairs), median(a / b for a, b in pairs)


def patch(rounds: int) -> Table:
    net, table = lenet(), Table("value that is set", "examples", "patch, µs", "prediction, µs", "ratio")
    for n in (1, 32, 256):
        x, _ = digits(n)
        for name, values in PATCHES.items():
            run, plain, ratio = _ratio(
                lambda x=x, values=values: net.patch(x, values)["dense_3"],  # type: ignore[misc]
                lambda x=x: net.predict(x),  # type: ignore[misc]
                rounds,
                max(4, 512 // n),
                f"{name}, {n}",
            )
            table.add_row(name, str(n), f"{run * 1e6:.0f}", f"{plain * 1e6:.0f}", f"{ratio:.2f}")
    return table


def ledger(rounds: int) -> Table:
    x, y = digits(6000)
    nets = lenet(), lenet()

    def epoch(net: pl.Network, callbacks: list[pl.Callback]) -> None:
        net.fit(x, y, epochs=1, batch_size=64, optimizer=pl.Adam(), callbacks=callbacks, verbose=0)

    with_it, without, ratio = _ratio(
        lambda: epoch(nets[0], [pl.Ledger()]), lambda: epoch(nets[1], []), rounds, 1, "epochs"
    )
    table = Table("LeNet, 6,000 images, batch 64", "seconds an epoch")
    table.add_row("with a ledger", f"{with_it:.3f}")
    table.add_row("without", f"{without:.3f}")
    table.add_row("ratio", f"{ratio:.3f}")
    return table


def closing(rounds: int, count: int = 1000, few: int = 20) -> Table:
    x, y = digits(6000)
    net, kept = lenet(), pl.Ledger()
    net.fit(x, y, epochs=2, batch_size=64, optimizer=pl.Adam(), callbacks=[kept], verbose=0)
    rng = np.random.default_rng(0)
    sizes = {path: net.parameters[path].size for path in net.parameters}
    flat = rng.choice(sum(sizes.values()), count, replace=False)
    ends = np.cumsum(list(sizes.values()))
    worst = dict.fromkeys(("epoch", "step", "example", "rounding"), 0.0)
    spent = dict.fromkeys(("epoch", "step", "example"), 0.0)
    for which, place in enumerate(track(flat.tolist(), "weights", console=Console(stderr=True), transient=True)):
        owner = int(np.searchsorted(ends, place, side="right"))
        path = list(sizes)[owner]
        index = tuple(int(i) for i in np.unravel_index(place - (ends[owner] - sizes[path]), net.parameters[path].shape))
        for by in ("epoch", "step", "example") if which < few else ("epoch", "step"):
            began = time.perf_counter()
            account = kept.explain(path, index, by=by)
            spent[by] += time.perf_counter() - began
            assert account.value == float(net.parameters[path][index])
            worst[by] = max(worst[by], abs(account.residual))
            worst["rounding"] = max(worst["rounding"], abs(account.others.get("rounding", 0.0)))
    table = Table("LeNet, two epochs of 94 steps, Adam", "weights", "largest residual", "seconds")
    for by in spent:
        table.add_row(f"by {by}", f"{few if by == 'example' else count:,}", f"{worst[by]:.1e}", f"{spent[by]:.2f}")
    table.add_row("rounding, by example", str(few), f"{worst['rounding']:.1e}", "")
    return table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all of them by default")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}, expected some of {', '.join(PARTS)}")
    for part in options.parts or PARTS:
        Console().print({"patch": patch, "ledger": ledger, "closing": closing}[part](options.rounds))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
