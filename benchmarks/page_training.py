"""How fast a page trains by itself: files of `pellucid lab --site` and of `net.lab(x, y).save`, opened from a disk.

    python -m benchmarks.page_training [--seconds 4] [--json page.json]

In a real Chromium (playwright and chromium have to be there), which presses Play and reads the step. Each file is
measured with the engine's own code, as WebAssembly in a worker, and without it, when the page evaluates the formulas.
Beside them: the size of the file, and the time until the network is on show.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from benchmarks.lab import ARGUMENTS
from benchmarks.webassembly import lenet
from pellucid.lab import gallery
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.page import single_file
from pellucid.lab.task import Task, task_of

WARM = 1.5
"""Seconds of training before it is measured: a browser compiles what runs often once more."""


def _lenet() -> Task:
    """64 images of 28 × 28 at a time."""
    rng = np.random.default_rng(0)
    x = np.rint(rng.random((512, 28, 28, 1)) * 255).astype(np.float32) / np.float32(255)
    return task_of(lenet(), x, rng.integers(0, 10, len(x)), batch_size=64, optimizer=pl.Adam())


TASKS: dict[str, Callable[[], Task]] = {
    "digits of the gallery": lambda: gallery.build("digits"),
    "LSTM of 48, 32 characters": lambda: gallery.build("text"),
    "LeNet, 64 images of 28 × 28": _lenet,
}


def _document(task: Task) -> dict[str, Any]:
    """Its file, which plays on and on as fast as it can."""
    session = Session(replace(task, speed=0.0, learned=None))
    try:
        return session.document()
    finally:
        session.close()


def measured(chromium: Any, path: Path, seconds: float) -> dict[str, float]:
    """Seconds until it is open, and the pace of its training in steps per second."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    try:
        begin = time.perf_counter()
        page.goto(path.as_uri())
        page.get_by_role("region", name="Network", exact=True).wait_for()
        opened = time.perf_counter() - begin
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_timeout(WARM * 1000)
        first, start = _step(page)
        page.wait_for_timeout(seconds * 1000)
        last, end = _step(page)
        return {"opened": opened, "pace": (last - first) / (end - start)}
    finally:
        page.close()


def _step(page: Any) -> tuple[int, float]:
    """The last step, as soon as there is another, and when that was."""
    slider = page.get_by_role("slider", name="Go to a step")
    before = slider.get_attribute("aria-valuetext")
    deadline = time.perf_counter() + 60
    while (text := slider.get_attribute("aria-valuetext")) == before and time.perf_counter() < deadline:
        page.wait_for_timeout(5)
    return int(text.rsplit(" ", 1)[1]), time.perf_counter()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        files: dict[str, tuple[Path, Path]] = {}
        for number, (name, made) in enumerate(TASKS.items()):
            document = _document(made())
            both = Path(folder) / f"{number}.html", Path(folder) / f"{number}-formulas.html"
            both[0].write_text(single_file(document, "en"), encoding="utf-8")
            document["training"]["module"] = None
            both[1].write_text(single_file(document, "en"), encoding="utf-8")
            files[name] = both
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        print(f"{'':30} {'size':>8} {'open':>7} {'formulas':>14} {'engine':>14} {'a step':>9}")
        for name, (engine, formulas) in files.items():
            slow, quick = measured(chromium, formulas, options.seconds), measured(chromium, engine, options.seconds)
            size = engine.stat().st_size
            found[name] = {"bytes": size, "opened": quick["opened"], "formulas": slow["pace"], "engine": quick["pace"]}
            print(
                f"{name:30} {size / 1e6:5.2f} MB {quick['opened']:5.2f} s {slow['pace']:7.2f} steps/s "
                f"{quick['pace']:7.1f} steps/s {1e3 / quick['pace']:6.2f} ms"
            )
        chromium.close()
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
