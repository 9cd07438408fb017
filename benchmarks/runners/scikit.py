"""scikit-learn: MLPClassifier, for tables.

For two classes it has one output with a sigmoid in place of two with a softmax: the difference of the two sums. So its
first loss is the others', and its later ones are those of another network of the same size.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

import pellucid as pl
from benchmarks.runners import Array, Job, Steps, settings

COMPARED = 1
"""How many of its losses are the others'."""


def model(job: Job) -> Any:
    """The classifier with Pellucid's weights, after a first step that leaves its optimizer as it begins."""
    threadpool_limits(job.threads)
    layers = [use.layer for use in job.net.uses[1:]]
    if not all(isinstance(layer, pl.Dense) for layer in layers) or next(iter(job.net.output_shapes.values())) != (2,):
        raise pl.PellucidError("scikit-learn has dense layers alone, and here two classes")
    adam = settings(job.optimizer)
    made = MLPClassifier(
        [layer.units for layer in layers[:-1]],  # type: ignore[attr-defined]
        alpha=0.0,
        batch_size=job.batch,
        learning_rate_init=adam["learning_rate"],
        beta_1=adam["beta_1"],
        beta_2=adam["beta_2"],
        epsilon=adam["epsilon"],
        n_iter_no_change=10**9,
        tol=0.0,
        random_state=0,
    )
    made.partial_fit(job.x[: job.batch], job.y[: job.batch], classes=[0, 1])
    for place, use in enumerate(job.net.uses[1:]):
        for own, name in ((made.coefs_, "kernel"), (made.intercepts_, "bias")):
            given = np.asarray(job.net.parameters[f"{use.path}.{name}"])
            own[place][...] = given if place < len(layers) - 1 else np.diff(given, axis=-1)
    rule = made._optimizer
    rule.t = 0
    for moment in itertools.chain(rule.ms, rule.vs):
        moment[...] = 0
    return made


def training(job: Job) -> Steps:
    made = model(job)
    endless = itertools.cycle(job.batches())

    def steps(count: int) -> Array:
        losses = []
        for x, y in itertools.islice(endless, count):
            made.partial_fit(x, y)
            losses.append(made.loss_)
        return np.asarray(losses)

    return steps


def fit(job: Job) -> Steps:
    made = model(job)
    made.warm_start = True

    def epochs(count: int) -> Array:
        made.max_iter = count
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are what is wanted
            made.fit(job.x, job.y)
        return np.asarray(made.loss_curve_[-count:])

    return epochs


def inference(job: Job) -> Steps:
    made = model(job)

    def calls(count: int) -> Array:
        for _ in range(count - 1):
            made.predict_proba(job.x)
        return np.asarray(made.predict_proba(job.x))

    return calls
