"""Defaults on twelve tables: Pellucid's estimators beside scikit-learn's networks.

    python -m benchmarks.estimators [--splits 5]

Every table is split so many times into three quarters to fit and a quarter to score: accuracy for classes, R² for
numbers. Ranks are those of the mean scores on a table, 1 the best; seconds are those of the processor in one fit,
compilation included. The data come with scikit-learn or are drawn by its generators.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click
import numpy as np
from sklearn import datasets
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.machine import machine
from pellucid.engines.llvm.run.native import target
from pellucid.estimators import NetworkClassifier, NetworkRegressor

Table = tuple[Any, Any]
CLASSES: dict[str, Callable[[], Table]] = {
    "iris": lambda: datasets.load_iris(return_X_y=True),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
    "moons": lambda: datasets.make_moons(1000, noise=0.3, random_state=0),
    "classification": lambda: datasets.make_classification(
        2000, n_features=20, n_informative=8, n_classes=4, random_state=0
    ),
}
NUMBERS: dict[str, Callable[[], Table]] = {
    "diabetes": lambda: datasets.load_diabetes(return_X_y=True, scaled=False),
    "friedman 1": lambda: datasets.make_friedman1(1000, noise=1, random_state=0),
    "friedman 2": lambda: datasets.make_friedman2(1000, noise=125, random_state=0),
    "friedman 3": lambda: datasets.make_friedman3(1000, noise=0.1, random_state=0),
    "regression": lambda: datasets.make_regression(1000, n_features=50, n_informative=10, noise=20, random_state=0),
    "swiss roll": lambda: datasets.make_swiss_roll(2000, noise=0.5, random_state=0),
}
CONTENDERS: dict[str, tuple[Any, Any]] = {
    "MLP": (MLPClassifier(), MLPRegressor()),
    "MLP, scaled": (make_pipeline(StandardScaler(), MLPClassifier()), make_pipeline(StandardScaler(), MLPRegressor())),
    "Network": (NetworkClassifier(), NetworkRegressor()),
}


@dataclass
class Result:
    """The scores of each contender on a table, an element a split, and the seconds of its fits."""

    scores: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CONTENDERS})
    seconds: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in CONTENDERS})

    @property
    def means(self) -> dict[str, float]:
        return {name: float(np.mean(scores)) for name, scores in self.scores.items()}


def compared(table: Table, *, classes: bool, splits: int) -> Result:
    """All contenders on the same splits of a table, in turn."""
    x, y = table
    result = Result()
    for seed in range(splits):
        parts = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y if classes else None)
        x_fit, x_test, y_fit, y_test = parts
        for name, pair in CONTENDERS.items():
            estimator = clone(pair[0 if classes else 1])
            estimator.set_params(**{key: seed for key in estimator.get_params() if key.endswith("random_state")})
            start = time.process_time()
            estimator.fit(x_fit, y_fit)
            result.seconds[name].append(time.process_time() - start)
            result.scores[name].append(float(estimator.score(x_test, y_test)))
    return result


def mean_ranks(results: Mapping[str, Result]) -> dict[str, float]:
    """The mean over the tables of each contender's rank, 1 the best; who is equal shares it."""
    ranks: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for result in results.values():
        means = result.means
        for name in CONTENDERS:
            better = sum(means[other] > means[name] for other in CONTENDERS)
            equal = sum(means[other] == means[name] for other in CONTENDERS)
            ranks[name].append(better + (equal + 1) / 2)
    return {name: float(np.mean(values)) for name, values in ranks.items()}


@click.command()
@click.option("--splits", default=5, show_default=True, type=click.IntRange(1), help="How often each table is split.")
def main(splits: int) -> None:
    """Print scores, seconds and mean ranks as a table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    about = machine(target(None))
    click.echo(f"{about['processor']} ({about['target']}), {about['cpus']} CPUs\n")
    click.echo(f"| table | {' | '.join(CONTENDERS)} | {' | '.join(f'{name}, s' for name in CONTENDERS)} |")
    click.echo("|---" * (1 + 2 * len(CONTENDERS)) + "|")
    results: dict[str, Result] = {}
    for name, draw in {**CLASSES, **NUMBERS}.items():
        result = results[name] = compared(draw(), classes=name in CLASSES, splits=splits)
        means, seconds = result.means, {key: np.mean(values) for key, values in result.seconds.items()}
        cells = [*(f"{means[key]:.3f}" for key in CONTENDERS), *(f"{seconds[key]:.2f}" for key in CONTENDERS)]
        click.echo(f"| {name} | {' | '.join(cells)} |")
    ranks = mean_ranks(results)
    total = {key: sum(np.mean(result.seconds[key]) for result in results.values()) for key in CONTENDERS}
    cells = [*(f"{ranks[key]:.2f}" for key in CONTENDERS), *(f"{total[key]:.2f}" for key in CONTENDERS)]
    click.echo(f"| mean rank, sum of seconds | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
