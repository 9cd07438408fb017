"""A run that is played rests where its loss hardly falls any more, says so, and goes on when it is played again."""

from __future__ import annotations

import time

import numpy as np
import pytest

from pellucid.lab import gallery
from pellucid.lab.time.run import Run
from pellucid.lab.time.settling import Settling


def judged(settling: Settling, losses: np.ndarray) -> int | None:
    """The step at which it would rest."""
    for step in range(1, len(losses) + 1):
        if settling.due(step) and settling.judge(losses[:step]) is not None:
            return step
    return None


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_a_loss_that_falls_plays_on_and_one_that_does_not_rests(scale: float) -> None:
    steps = np.arange(2000)
    noise = np.random.default_rng(0).normal(scale=0.05, size=2000)
    assert judged(Settling(500, 20), scale * (3 - steps / 1000)) is None
    there = judged(Settling(500, 20), scale * (np.exp(-steps / 100) + 0.01 * noise + 0.1))
    assert there is not None
    assert 500 <= there <= 800
    plateau = scale * np.where(steps < 900, 1 - steps / 1000, 0.1)
    stood = judged(Settling(100, 20), plateau)
    assert stood is not None
    assert 900 <= stood <= 1000, "not before it stood still"
    assert judged(Settling(None, 20), np.ones(2000)) is None


def test_a_change_and_a_person_who_insists_give_it_time() -> None:
    settling = Settling(100, 10)
    flat = np.ones(1000)
    assert judged(settling, flat) == 100
    settling.begin(400)
    assert judged(settling, flat) == 400 + 2 * settling.window
    settling.insist()
    assert judged(settling, flat) is None
    settling.begin()
    assert judged(settling, flat) == 100


def test_a_played_run_rests_and_goes_on() -> None:
    task = gallery.build("spirals")
    with Run.of(task) as run:
        assert run.state()["speed"] == task.speed == 20
        run.act({"do": "speed", "speed": 0})
        run.act({"do": "play"})
        state = run.wait(60)
        told = state.get("settled")
        assert told is not None
        assert state["stopped"] is None
        assert task.learned is not None
        assert task.learned <= state["step"] < 3 * task.learned
        losses = run.history(0)["loss"]
        window = task.learned // 5
        assert f"was {np.mean(losses[-window:]):.3g}"[:7] in told["en"]
        assert "损失" in told["zh"]
        run.act({"do": "play"})
        end = time.monotonic() + 60
        while run.state()["step"] < state["step"] + 300 and time.monotonic() < end:
            assert run.state().get("settled") is None
            time.sleep(0.01)
        assert run.act({"do": "pause"})["step"] >= state["step"] + 300


def test_the_first_step_is_prepared() -> None:
    with Run.of(gallery.build("prices")) as run:
        assert run.state().get("preparing") is False
        run.act({"do": "step", "count": 1})
        assert run.wait(60).get("preparing") is False
        run.act({"do": "reset"})
        assert run.act({"do": "play"}).get("preparing") is False, "it is compiled"
