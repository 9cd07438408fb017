"""What a training tells: trainings in threads beside one that draws a bar, and callbacks that print meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest

import pellucid as pl
from pellucid.training.running.progress import Bars, Cell, Lines, reporter


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def train(epochs: int, *callbacks: pl.Callback) -> None:
    net = pl.Network(pl.Dense(3), input_shape=(4,))
    x = np.ones((40, 4))
    net.fit(x, x[:, :3], epochs=epochs, batch_size=2, callbacks=callbacks)


def test_a_bar_belongs_to_the_main_thread() -> None:
    assert type(reporter(1, 1, 1)) is Bars
    with ThreadPoolExecutor(1) as pool:
        assert type(pool.submit(reporter, 1, 1, 1).result()) is Lines


def test_a_notebook_has_one_output_with_a_line_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    class Handle:
        def update(self, data: Mapping[str, str], *, raw: bool) -> None:
            shown.append(data["text/plain"])

    def display(data: Mapping[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert not shown, "everything goes into one output"
        Handle().update(data, raw=raw)
        return Handle()

    ZMQInteractiveShell = type("ZMQInteractiveShell", (), {})
    fake = SimpleNamespace(get_ipython=ZMQInteractiveShell, display=SimpleNamespace(display=display))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    assert type(reporter(None, 1, 1)) is Cell
    train(30)
    lines = shown[-1].split("\n")
    assert lines[0] == "…" and len(lines) == 21
    assert [line[:11] for line in lines[1:]] == [f"epoch {epoch}/30" for epoch in range(11, 31)]
    assert all("loss" in line and "━" not in line for line in lines[1:])


def test_trainings_in_threads_tell_their_lines_beside_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    with ThreadPoolExecutor(2) as pool:
        others = [pool.submit(train, 10) for _ in range(4)]
        train(20)
        for other in others:
            other.result(timeout=60)
    assert sys.stdout is screen
    shown = screen.getvalue()
    assert shown.count("loss") >= 20 + 4 * 10


def test_a_callback_prints_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)

    class Says(pl.Callback):
        def on_epoch_end(self, epoch: int, logs: MutableMapping[str, float]) -> None:
            print("said")

    train(3, Says())
    lines = screen.getvalue().split("\n")
    assert sum(line.split("\x1b[2K")[-1].strip("\r") == "said" for line in lines) == 3
