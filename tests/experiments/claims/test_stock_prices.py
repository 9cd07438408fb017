from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pellucid.data import Series
from pellucid.experiments import Trial
from pellucid.experiments.claims.stock_prices import BASELINES, CONTROL, NETWORKS, StockPrices


def known(*verdicts: int) -> dict[str, Any]:
    errors = {method: [1.0] for method in BASELINES} | {method: [1.1, 1.2] for method in NETWORKS}
    against = {method: [{"verdict": verdict} for verdict in verdicts] for method in NETWORKS}
    return {"days": 100, "errors": errors, "against": against}


@pytest.mark.parametrize(
    ("series", "word"),
    [
        ({"google": known(-1, -1, 0)}, "supported"),
        ({"google": known(1, 0, 0)}, "not supported here"),
        ({"google": known(-1, 0, 0)}, "undecided"),
        ({"google": known(-1, -1, -1), "mine": known(0, 0, 1)}, "undecided"),
        ({"google": known(0, 0, 0), CONTROL: known(-1, -1, -1)}, "not supported here"),
    ],
)
def test_the_verdict_follows_from_the_days_of_real_prices(series: dict[str, Any], word: str) -> None:
    assert StockPrices().judge({"series": series}).word == word


def test_what_can_be_forecast_is_forecast(monkeypatch: pytest.MonkeyPatch) -> None:
    """A series that goes up and down in turn; only one's own is tested here."""
    days = np.datetime64("2024-01-01") + np.arange(120)
    turns = (10 + np.arange(120)[:, None] % 2).astype(np.float64)
    series = Series("mine", days.astype("datetime64[s]"), turns, ("Close",))
    for name in ("google", CONTROL):
        walk = 10 + np.random.default_rng(0).normal(size=(60, 1)).cumsum(axis=0) / 9
        monkeypatch.setitem(SHORT, name, Series(name, series.dates[:60], walk, ("x",)))
    monkeypatch.setattr("pellucid.experiments.claims.stock_prices.load_series", lambda name="google": SHORT[name])
    monkeypatch.setattr("pellucid.experiments.claims.stock_prices.NETWORKS", ("RNN",))
    monkeypatch.setattr("pellucid.experiments.claims.stock_prices.WINDOWS", (2, 4))
    numbers = StockPrices().measure(Trial(quick=True, series=series))
    mine = numbers["series"]["mine (yours)"]
    assert mine["errors"][BASELINES[0]] == [pytest.approx(1)]
    assert mine["errors"]["autoregression"][0] < 1e-6
    assert [row["verdict"] for row in mine["against"]["autoregression"]] == [-1]
    assert {known["days"] for name, known in numbers["series"].items() if name != "mine (yours)"} == {11}


SHORT: dict[str, Series] = {}
