"""A series of a person's own is forecast in its own units, and its code makes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.lab.own_data.given import own, run, said, same, task

from pellucid.lab.protocol.requests import DataChoices
from pellucid.lab.time.moments import Moment
from pellucid.lab.view.look import Look
from pellucid.training.evaluation import predict

WALK = np.cumsum(np.random.default_rng(0).normal(size=120))


def with_dates(values: np.ndarray) -> bytes:
    days = np.datetime64("2020-01-01") + np.arange(len(values))
    return (
        b"day,high,close\n" + "".join(f"{d},{v + 1:.3f},{v:.3f}\n" for d, v in zip(days, values, strict=True)).encode()
    )


def in_order(values: np.ndarray) -> bytes:
    return b"degrees\n" + "".join(f"{value:.3f}\n" for value in values).encode()


@pytest.mark.parametrize("kind", ["prices", "degrees", "gaps"])
def test_its_code_makes_the_same_and_its_forecasts_are_in_its_units(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = in_order(WALK) if kind == "degrees" else with_dates(100 * np.exp(WALK / 100))
    if kind == "gaps":
        content = content.replace(content.splitlines()[50].rpartition(b",")[2] + b"\n", b"\n")
    (tmp_path / "s.csv").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    made = task({"s.csv": content}, kind="series", length=7)
    assert same(made, run(made))
    assert made.sample == "series" and made.views == ("forecast",)
    look = Look(made)
    moment = Moment(0, 0, {path: np.array(array) for path, array in made.net.parameters.items()})
    told = look.forecast(moment)
    rows, (x, _) = made.rows, made.test or ((), ())
    change = rows.mean + rows.deviation * predict(made.net, x)[:, 0].astype(np.float64)
    today = np.asarray(told["today"])
    expected = today + change if kind == "degrees" else today * np.exp(change)
    np.testing.assert_allclose(told["network"], expected, rtol=1e-12)
    scaling = look.describe({}, {})["scaling"]  # type: ignore[typeddict-item]
    assert scaling is not None and scaling["logarithmic"] == (kind != "degrees")
    assert told["days"][-1] == ("120" if kind == "degrees" else "2020-04-29")


def test_one_column_of_numbers_beside_dates_is_taken_for_a_series() -> None:
    alone = own({"s.csv": in_order(WALK)}).understood(DataChoices())
    assert (alone["kind"], alone["choices"]["target"]) == ("series", "degrees")
    two = own({"s.csv": with_dates(WALK)})
    assert two.understood(DataChoices())["kind"] == "table"
    data = two.understood(DataChoices(kind="series"))
    assert (data["choices"]["target"], data["targets"], data["fault"]) == ("close", ["high", "close"], None)


def test_what_cannot_be_forecast_is_said() -> None:
    assert "at least 22" in str(said({"s.csv": in_order(WALK[:9])}, kind="series"))
    assert "nothing to learn" in str(said({"s.csv": in_order(np.arange(-9.0, 90))}, kind="series"))
    backwards = with_dates(WALK).splitlines()
    backwards[5], backwards[6] = backwards[6], backwards[5]
    assert "ascending dates" in str(said({"s.csv": b"\n".join(backwards)}, kind="series"))
    assert "the value is missing" in str(said({"s.csv": in_order(WALK) + b"NA\n"}, kind="series"))
