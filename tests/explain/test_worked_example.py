"""Every number of the worked example, as worked by hand on the page, is the one that `explain` gives."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pellucid.explain.arithmetic import number
from pellucid.functions.learning.optimizers import SGD
from pellucid.model import Network

PAGE = (Path(__file__).parents[2] / "docs" / "worked-example.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(?P<path>[^`\[]+)(?:\[(?P<index>[\d,]+)\])?` \| (?P<hand>.+?) \| (?P<number>\S+) \|$", re.MULTILINE
)
ROWS = [m.groups() for m in ROW.finditer(PAGE)]


@pytest.fixture(scope="module")
def world() -> dict[str, object]:
    """What the first block of the page makes."""
    found: dict[str, object] = {}
    exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], found)
    return found


@pytest.mark.parametrize(("path", "index", "hand", "shown"), ROWS, ids=[f"{r[0]}[{r[1]}]" for r in ROWS])
def test_each_number_is_explains(world: dict[str, object], path: str, index: str | None, hand: str, shown: str) -> None:
    net, x, y = world["net"], world["x"], world["y"]
    assert isinstance(net, Network)
    place = tuple(int(i) for i in index.split(",")) if index else ()
    run = net.trace(x, y, loss="mse", optimizer=SGD(0.5))
    found = run.explain(path, index=place)
    assert number(found.value) == shown
    assert number(found.total) == shown
    assert f"= {shown}\n" in found.text() + "\n"
    value = float(shown.replace("−", "-"))
    worked = eval(_python(hand), {"__builtins__": {}})
    # the factors on the page have four or five digits, the result four
    assert worked == pytest.approx(value, rel=4e-4), hand


def _python(arithmetic: str) -> str:
    return arithmetic.replace("−", "-").replace("·", "*").replace("²", "**2")


def test_every_value_of_the_step_is_on_the_page(world: dict[str, object]) -> None:
    net, x, y = world["net"], world["x"], world["y"]
    assert isinstance(net, Network)
    run = net.trace(x, y, loss="mse", optimizer=SGD(0.5))
    on_page = {(path, tuple(int(i) for i in index.split(",")) if index else ()) for path, index, *_ in ROWS}
    skipped = {"loss.l", "d(loss.l)", "d(input_1)", "dense_2.prediction"}
    for path in run:
        if run.program.definition(run.tensor(path)) is None or path in skipped:
            continue
        tensor = run.tensor(path)
        batched = bool(tensor.axes) and not isinstance(tensor.axes[0].extent, int)
        for index in np.ndindex(run[path].shape[batched:]):
            assert (path, index) in on_page, f"{path}{list(index)} is not worked on the page"
