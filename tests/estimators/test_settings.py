"""What parameters mean: batch sizes, numbers, engines, solvers and learning rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.estimators.support import DIABETES, IRIS, PROGRESSION, SPECIES, classifier, regressor

import pellucid as pl
from pellucid.estimators.settings import batch_size_of, engine_of, optimizer_of


@pytest.mark.parametrize(("samples", "expected"), [(20, 20), (150, 32), (400, 64), (700, 128), (10**6, 128)])
def test_batch_sizes(samples: int, expected: int) -> None:
    assert batch_size_of("auto", samples) == expected
    assert batch_size_of(10**9, samples) == samples


def test_native_code_is_for_much_work() -> None:
    assert engine_of(regressor(max_iter=60), 1000, 6000) == "reference"
    assert engine_of(regressor(max_iter=60), 100_000, 6000) == "llvm"
    assert engine_of(regressor(engine="llvm"), 10, 10) == "llvm"
    assert classifier(engine="llvm").fit(IRIS, SPECIES).network_.engine == "llvm"


def test_numbers_are_wide_where_they_have_to_be() -> None:
    x = np.random.default_rng(0).normal(size=(300, 2))
    y = x[:, 0]
    assert regressor().fit(x, y).network_.dtype == np.float32
    assert regressor().fit(x[:100], y[:100]).network_.dtype == np.float64
    late = regressor(max_iter=60).fit(x + 1e9, y)  # moments in seconds, say
    assert late.network_.dtype == np.float64
    assert late.score(x + 1e9, y) > 0.9


@pytest.mark.parametrize(
    "solver", ["adam", "adamw", "sgd", "rmsprop", pl.Adam(pl.ExponentialDecay(0.02, every=100, factor=0.9))]
)
def test_solvers(solver: Any) -> None:
    net = regressor(solver=solver, max_iter=30).fit(DIABETES, PROGRESSION)
    assert net.score(DIABETES, PROGRESSION) > 0.4


def test_settings_of_solvers() -> None:
    assert optimizer_of(regressor(solver="sgd", learning_rate_init=0.1)) == pl.SGD(0.1, momentum=0.9, nesterov=True)
    assert optimizer_of(regressor(alpha=0.5)) == pl.AdamW(0.02, weight_decay=0.5)
    assert _kernels(1000.0) < 0.9 * _kernels(0.0)


def _kernels(alpha: float) -> float:
    net = regressor(solver="adam", alpha=alpha, max_iter=20).fit(DIABETES, PROGRESSION)
    return float(sum(np.abs(v).sum() for path, v in net.network_.parameters.items() if path.endswith("kernel")))


def test_gradients_are_kept_short() -> None:
    wild = {"solver": "sgd", "learning_rate_init": 1e3, "standardize": False}
    with pytest.raises(
        pl.NonFiniteError, match=r"the learning rate .* is probably too high: lower it, or give clip_norm"
    ):
        regressor(**wild).fit(DIABETES, PROGRESSION)
    kept = regressor(**wild, clip_norm=1e-6).fit(DIABETES, PROGRESSION)
    assert np.isfinite(kept.loss_)


def test_learning_rates() -> None:
    rates: dict[Any, list[float]] = {}

    class Record(pl.Callback):
        def __init__(self, kind: Any) -> None:
            self.kind = kind

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            rates.setdefault(self.kind, []).append(self.training.learning_rate)

    for kind in ("cosine", lambda part: 1 - part):
        net = regressor(learning_rate=kind, max_iter=4, batch_size=442)
        net.set_callbacks(Record(str(kind)[:6])).fit(DIABETES, PROGRESSION)
    cosine, line = rates.values()
    np.testing.assert_allclose(cosine, 0.01 * (1 + np.cos(np.pi * np.arange(1, 5) / 4)), atol=1e-9)
    np.testing.assert_allclose(line, 0.02 * (1 - np.arange(1, 5) / 4), atol=1e-9)


@pytest.mark.parametrize("kind", ["constant", "adaptive"])
def test_an_end_where_the_loss_no_longer_falls(kind: str) -> None:
    net = regressor(learning_rate=kind, max_iter=200, tol=0.05, n_iter_no_change=2).fit(DIABETES, PROGRESSION)
    assert net.n_iter_ < 100
    if kind == "adaptive":
        assert min(net.history_["learning_rate"]) < 0.02
