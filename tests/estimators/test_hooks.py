"""scikit-learn's callbacks: told of every epoch and iteration, given an estimator of that moment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from tests.estimators.support import DIABETES, IRIS, PROGRESSION, SPECIES, classifier, regressor

callback = pytest.importorskip("sklearn.callback")


class Record:
    """Keeps what it is given; asks to stop after some iterations."""

    def __init__(self, last: int = 1000) -> None:
        self.last = last
        self.estimators: list[Any] = []
        self.tasks: list[str] = []

    def setup(self, estimator: Any, context: Any) -> None:
        self.tasks.append("setup")

    def teardown(self, estimator: Any, context: Any) -> None:
        self.tasks.append("teardown")

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        pass

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any = None) -> bool:
        self.tasks.append(context.task_name)
        self.estimators.append(fitted_estimator)
        return len(self.estimators) >= self.last


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_each_epoch_gives_its_estimator(solver: str) -> None:
    record = Record(last=4)
    net = classifier(max_iter=10, solver=solver).set_callbacks(record).fit(IRIS, SPECIES)
    assert record.tasks == ["setup", *["epoch"] * 4, "fit", "teardown"]
    assert net.n_iter_ == 4
    probabilities = [kept.predict_proba(IRIS) for kept in record.estimators]
    assert not np.array_equal(probabilities[0], probabilities[1])
    np.testing.assert_array_equal(probabilities[-1], net.predict_proba(IRIS))


def test_scores_are_monitored() -> None:
    monitor = callback.ScoringMonitor(scoring="r2")
    net = regressor().set_callbacks(monitor).fit(DIABETES, PROGRESSION)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 5
    assert scores[-1] == pytest.approx(net.score(DIABETES, PROGRESSION))


def test_a_bar_over_a_search(capsys: pytest.CaptureFixture[str]) -> None:
    search = GridSearchCV(classifier(), {"alpha": [0, 0.1]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(IRIS, SPECIES)
    assert "NetworkClassifier" in capsys.readouterr().out


def test_what_is_no_callback() -> None:
    with pytest.raises(TypeError, match="FitCallback"):
        classifier().set_callbacks(print)
