from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from pellucid.data import load_series

from .conftest import Run

QUICK = ["--units", "4", "--window", "5", "--epochs", "1", "--folds", "2"]


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """120 days of two series: one goes up and down in turn, the other is a random walk that also goes below 0."""
    walk = np.random.default_rng(0).standard_normal(120).cumsum()
    days = np.datetime64("2024-01-01") + np.arange(120)
    lines = [f"{day},{10 + i % 2},{value:.4f}" for i, (day, value) in enumerate(zip(days, walk, strict=True))]
    path = tmp_path / "prices.csv"
    path.write_text("\n".join(["Date,Close,Rate", *lines]) + "\n", encoding="utf-8")
    return path


def errors(text: str) -> dict[str, float]:
    found = re.findall(r"^ (network|tomorrow = today|autoregression) +([\d.e-]+) ", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def test_three_errors_and_a_verdict_that_follows(run: Run, prices: Path) -> None:
    text = run("forecast", prices.name, "--column", "Close", *QUICK, "--plot", "out.png").output
    found = errors(text)
    assert found["tomorrow = today"] == pytest.approx(1)
    assert found["autoregression"] < 1e-6  # a series that alternates is known from its past
    assert "the network is beaten by" in text or "and is beaten by the autoregression" in text
    assert "the smallest mean error is that of the autoregression" in text
    assert "1 row after 2024-04-29, Close 11: the network says" in text
    assert (prices.parent / "out.png").read_bytes().startswith(b"\x89PNG")


def test_several_columns_and_a_longer_horizon(run: Run, prices: Path) -> None:
    text = run(
        "forecast", prices.name, "--column", "Rate", "--column", "Close", "--horizon", "3", "--model", "gru", *QUICK
    ).output
    assert text.count("Verdict: ") == 2
    assert "3 rows after 2024-04-29, Rate" in text


def test_an_embedded_series_with_no_file_given(run: Run) -> None:
    text = run("forecast", "--model", "rnn", *QUICK).output
    assert "Google" in text
    series = load_series().values[:, 0]
    tested = int(re.search(r"the last (\d+) in", text)[1])  # type: ignore[index]
    naive = np.abs(np.diff(series))[-tested:].mean()
    assert errors(text)["tomorrow = today"] == pytest.approx(naive, rel=1e-3)
    assert "no real prices" in run("forecast", "synthetic", *QUICK).output


def test_same_seed_same_words(run: Run, prices: Path) -> None:
    first, again, other = (
        run("forecast", prices.name, "--column", "Rate", *QUICK, "--seed", s).output for s in ("1", "1", "2")
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["prices.csv"], "--column COLUMN"),
        (["prices.csv", "--column", "Clse"], 'Did you mean "Close"'),
        (["prices.csv", "--column", "Date"], "is text, expected a number"),
        (["prices.csv", "--column", "Close", "--window", "200"], "has 120 rows, expected at least 202"),
        (["prices.csv", "--column", "Close", "--folds", "50"], "enough windows to test 50 times"),
        (["prices.csv", "--column", "Close", "--plot", "out.docx"], "expected it to end in"),
        (["gogle"], 'Did you mean "google"'),
        (["google", "--column", "Open"], "an embedded series"),
        (["prices.csv", "--column", "Close", "--date", "Rate"], "is no date"),
    ],
)
def test_errors_are_one_line(run: Run, prices: Path, args: list[str], said: str) -> None:
    error = run("forecast", *args, code=2).stderr
    assert said in error and error.count("\n") == 1
