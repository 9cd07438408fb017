"""Pooling an image: a window slides over it, and one number stands for all that it sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from pellucid.functions.forward.pools import average_pool, max_pool, min_pool
from pellucid.functions.forward.sliding_window import Window

from ..engines import DEFAULT, compile_program
from ..formula import Program, Tensor, unicode
from .output import table
from .reporting import Report

POOLS: dict[str, Callable[..., Tensor]] = {"max": max_pool, "min": min_pool, "average": average_pool}
KEEPS = {
    "max": "the largest number of each window: bright spots survive, dark ones vanish.",
    "min": "the smallest number of each window: dark spots survive, bright ones vanish.",
    "average": "the mean of each window: nothing vanishes, and nothing stays sharp.",
}
ROWS = 36


def pooled(
    x: NDArray[np.float32], pool: str, *, size: int, stride: int, padding: str | int
) -> tuple[NDArray[np.float32], str]:
    """The image (h, w, c) pooled, each colour by itself, and the formula of that as text."""
    images = Tensor.input("x", n=1, h=x.shape[0], w=x.shape[1], c=x.shape[2])
    result = POOLS[pool](images, size=size, stride=stride, padding=padding)
    run = compile_program(Program({"y": result}), engine=DEFAULT, dtype=np.float32)
    assert result.definition is not None
    return run({"x": np.ascontiguousarray(x[None])})["y"][0], unicode(result.definition)


def show_window(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    pool: str,
    place: tuple[int, int],
    *,
    size: int,
    stride: int,
    padding: str | int,
) -> Report:
    """Print what one pixel of the first colour is made of."""
    i, j = place
    window = Window.over(x.shape[:2], (size, size), stride=stride, padding=padding, what="window")
    top, left = (at * stride - low for at, (low, _) in zip(place, window.padding, strict=True))
    rows = range(max(top, 0), min(top + size, x.shape[0]))
    columns = range(max(left, 0), min(left + size, x.shape[1]))
    seen = [(h, w, float(x[h, w, 0])) for h in rows for w in columns]
    values = np.array([value for *_, value in seen])
    result = float({"max": values.max(), "min": values.min(), "average": values.mean()}[pool])
    if not np.isclose(result, y[i, j, 0], rtol=1e-4, atol=1e-5):
        raise ArithmeticError(f"the {pool} of the window is {result}, the engine's pixel is {y[i, j, 0]}")
    colour = " in red" if x.shape[2] == 3 else ""
    click.echo(f"\nThe pixel in row {i}, column {j} of the result{colour}:")
    taken = None if pool == "average" else int(values.argmax() if pool == "max" else values.argmin())
    lines: list[list[Any]] = [
        [f"x[{h},{w}]", f"{value:.4f}", "taken" if k == taken else ""] for k, (h, w, value) in enumerate(seen[:ROWS])
    ]
    if len(seen) > ROWS:
        lines.append([f"the other {len(seen) - ROWS} pixels", "", ""])
    table(["pixel", "x", ""], [*lines, [f"{pool}: y[{i},{j}]", f"{result:.4f}", ""]])
    read = [{"x": [h, w], "value": value} for h, w, value in seen]
    return {"row": i, "column": j, "value": result, "window": read}
