"""Methods that pass the output back through the formulas once: gradient, input × gradient, DeepLIFT, relevance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.errors import PellucidError, nearest
from pellucid.explain.attribution.question import Array, Floats, Question, located
from pellucid.explain.attribution.readings import BASELINE, MULTIPLIER, Kind
from pellucid.explain.attribution.result import Attribution

KINDS: dict[str, Kind] = {
    "gradient": "slopes",
    "input_x_gradient": "slopes",
    "deeplift": "changes",
    "relevance": "shares",
}


def propagated(q: Question, method: str) -> Attribution:
    """The attribution by one of KINDS."""
    results = q.multipliers(KINDS[method], q.end, q.begin)

    def score(path: str) -> Floats:
        multiplier = results.get(path + MULTIPLIER)
        if multiplier is None:
            known = [name.removesuffix(MULTIPLIER) for name in results if name.endswith(MULTIPLIER)]
            if path in q.end:
                return np.zeros(q.end[path].shape[1:])
            raise PellucidError(f"{q.path} does not depend on a value {path} of this example.{nearest(path, known)}")
        return np.asarray(_score(method, results, path, multiplier)[0])

    scores = {path: score(path) for path in q.formulas.sources}
    (output,), (begin,) = q.outputs(q.end), q.outputs(q.begin)
    missing = located(results)
    expected = float(output) - float(begin)
    baseline = float(begin)
    if method == "relevance":
        expected, baseline = float(output) - sum(missing.values()), 0.0
    return Attribution(
        q.path,
        q.place,
        method,
        float(output),
        baseline,
        scores,
        expected,
        inputs={path: a[0] for path, a in q.end.items()},
        names=q.names,
        _of_layer=score,
        _located=lambda: missing if method != "gradient" else {},
    )


def _score(method: str, results: Mapping[str, Array], path: str, multiplier: Array) -> Array:
    """Of the shape (1, …); a multiplier may be the same for all examples."""
    value = results[path]
    multiplier = np.broadcast_to(multiplier, value.shape)
    if method == "gradient":
        return multiplier
    if method == "relevance":
        return np.asarray(multiplier * value)
    return np.asarray(multiplier * (value - results[path + BASELINE]))
