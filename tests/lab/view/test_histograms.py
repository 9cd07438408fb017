"""Distributions at the step shown and at those kept: what NumPy counts in the numbers of the network at each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.errors import PellucidError
from pellucid.explain import trace
from pellucid.lab import gallery
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.requests import HistogramsParams
from pellucid.lab.time.moments import Moment, put
from pellucid.lab.time.run import Run
from pellucid.lab.view.histograms import BATCH, BINS, COLUMNS, _farthest_first, _spread, histogram
from pellucid.lab.view.look import Look

RNG = np.random.default_rng(0)


def same(column: answers.Histogram, values: np.ndarray) -> None:
    numbers = values.astype(np.float64).ravel()
    counts = np.histogram(numbers, BINS, (numbers.min(), numbers.max()))[0] if np.ptp(numbers) else [numbers.size]
    np.testing.assert_array_equal(column["counts"], counts)
    assert (column["low"], column["high"], column["lost"]) == (numbers.min(), numbers.max(), 0)
    assert (column["mean"], column["std"]) == pytest.approx((numbers.mean(), numbers.std()))


@pytest.mark.parametrize("name", ["spirals", "prices"])
def test_every_column_is_of_its_step(name: str) -> None:
    task = gallery.build(name)
    look = Look(task)
    with Run.of(task) as run:
        run.repeat({"do": "seek", "step": 120})
        moment, kept = run.moment(), run.kept(run.moment())
        x, y = look.samples.spread("train", BATCH)[1]
        layer = "dense_2" if name == "spirals" else "dense_1"
        for path in (f"{layer}.kernel", f"d({layer}.kernel)", layer, f"{layer}.sum", f"d({layer})"):
            if path == f"{layer}.sum" and name == "prices":
                continue
            unit = int(RNG.integers(0, task.net.parameters[f"{layer}.kernel"].shape[-1])) if path != layer else None
            answer = look.histograms(1, moment, kept, HistogramsParams(path=path, unit=unit))
            steps = [column["step"] for column in answer["columns"]]
            assert steps == sorted(set(steps))
            assert (steps[0], steps[-1], answer["missing"]) == (0, 120, 0)
            assert set(steps) <= {*(one.step for one in kept), 120}, "nothing is filled in"
            for column in [answer["columns"][k] for k in RNG.integers(0, len(steps), 2)]:
                there = run.reached(step=column["step"])
                put(look.net, there.parameters)
                arrays: Any = look.net.parameters
                value = arrays[path] if path in arrays else trace(look.net, x, y, loss=task.loss)[path]
                same(column, value if unit is None else value[..., unit])
            assert answer["examples"] == (0 if path == f"{layer}.kernel" else BATCH)


def test_while_it_plays_little_is_measured_and_the_rest_comes_later() -> None:
    task = gallery.build("spirals")
    look = Look(task)
    parameters = task.net.parameters.snapshot()
    kept = [Moment(0, 16 * k, parameters) for k in range(100)]
    moment, asked = Moment(0, 1600, parameters), HistogramsParams(path="dense_1")
    first = look.histograms(1, moment, kept, asked, playing=True)
    assert first["columns"][-1]["step"] == 1600
    assert len(first["columns"]) + first["missing"] == COLUMNS + 1
    later = look.histograms(1, moment, kept, asked)
    assert (len(later["columns"]), later["missing"]) == (COLUMNS + 1, 0)
    early = look.histograms(1, Moment(0, 16, parameters), kept, asked)
    assert [column["step"] for column in early["columns"]] == [0, 16], (
        "steps after the one shown are not on the way to it"
    )


def test_a_run_begun_anew_is_measured_anew_and_what_is_not_there_is_refused() -> None:
    task = gallery.build("spirals")
    look = Look(task)
    before = task.net.parameters.snapshot()
    other = {path: 2 * array for path, array in before.items()}
    asked = HistogramsParams(path="dense_1.kernel")
    one = look.histograms(1, Moment(0, 0, before), [], asked)["columns"][0]
    two = look.histograms(2, Moment(0, 0, other), [], asked)["columns"][0]
    assert two["high"] == pytest.approx(2 * one["high"])
    for path, unit in (("dense_9", None), ("dense_1", 16), ("loss", 0)):
        with pytest.raises(PellucidError):
            look.histograms(1, Moment(0, 0, before), [], HistogramsParams(path=path, unit=unit))


def test_what_is_not_finite_is_counted_apart_and_what_is_the_same_is_one() -> None:
    column = histogram(np.array([np.nan, 1, 2, np.inf]), 3)
    assert (column["lost"], column["low"], column["high"], int(column["counts"].sum())) == (2, 1, 2, 2)
    assert histogram(np.full(5, 0.5), 0)["counts"].tolist() == [5]
    assert histogram(np.array([np.nan]), 0)["counts"].tolist() == [0]


def test_steps_are_chosen_and_measured_evenly() -> None:
    moments = [Moment(0, k, {}) for k in range(1000)]
    chosen = _spread(moments, 40)
    assert (len(chosen), chosen[0].step, chosen[-1].step) == (40, 0, 999)
    order = [one.step for one in _farthest_first(_spread(moments, 33))]
    assert sorted(order) == [one.step for one in _spread(moments, 33)]
    gaps = np.diff(sorted(order[:9]))
    assert gaps.max() < 2.5 * 1000 / 8
