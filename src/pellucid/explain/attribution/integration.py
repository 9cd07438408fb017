"""Integrated gradients (Sundararajan, Taly, Yan 2017), with as many steps as the bound of the error needs.

The way from the baseline to the example is cut into parts. For each of them the gradient in its middle times the way
should be the difference of the output at its ends, which is known: so the error of every part is known, and the parts
with the largest are cut again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pellucid.errors import DataError
from pellucid.explain.attribution.question import Floats, Question, located
from pellucid.explain.attribution.readings import BASELINE, MULTIPLIER
from pellucid.explain.attribution.result import Attribution

FIRST = 16
BATCH = 64


def integrated(q: Question, *, tolerance: float, max_steps: int) -> Attribution:
    """The attribution by integrated gradients.

    Args:
        tolerance: the largest error of the sum, as a fraction of the larger of |output| and |output − baseline|.
        max_steps: how many gradients it may take.
    """
    if not isinstance(tolerance, (int, float, np.number)) or not 0 < tolerance < 1:
        raise DataError(f"tolerance is {tolerance!r}, expected a fraction above 0 and below 1, such as 1e-4")
    way = {path: q.end[path] - q.begin[path] for path in q.end}
    edges = np.linspace(0, 1, FIRST + 1)
    heights = _heights(q, way, edges)
    left, right = edges[:-1], edges[1:]
    begin, end = float(heights[0]), float(heights[-1])
    rises = np.diff(heights)
    slopes = _slopes(q, way, (left + right) / 2)
    allowed = tolerance * max(abs(end), abs(end - begin), 1e-12)
    starts = heights[:-1]
    while True:
        errors = np.abs(rises - slopes * (right - left))
        bound = float(errors.sum())
        if bound <= allowed or len(left) >= max_steps:
            break
        # as many of the worst as have to go, but enough of them that few rounds are left
        order = np.argsort(-errors, kind="stable")
        count = max(int(np.searchsorted(np.cumsum(errors[order]), bound - allowed / 2)) + 1, len(left) // 4)
        worst = order[: min(count, max_steps - len(left), len(left))]
        keep = np.setdiff1d(np.arange(len(left)), worst)
        middle = (left[worst] + right[worst]) / 2
        at = _heights(q, way, middle)
        new_left, new_right = np.concatenate([left[worst], middle]), np.concatenate([middle, right[worst]])
        new_rises = np.concatenate([at - starts[worst], starts[worst] + rises[worst] - at])
        new_slopes = _slopes(q, way, (new_left + new_right) / 2)
        left, right = np.concatenate([left[keep], new_left]), np.concatenate([right[keep], new_right])
        starts = np.concatenate([starts[keep], starts[worst], at])
        rises, slopes = np.concatenate([rises[keep], new_rises]), np.concatenate([slopes[keep], new_slopes])
    scores = {path: np.zeros(w.shape[1:]) for path, w in way.items()}
    for k in range(0, len(left), BATCH):
        part = slice(k, k + BATCH)
        _, gradients = q.slopes(_points(q, way, (left[part] + right[part]) / 2))
        for path, gradient in gradients.items():
            scores[path] += np.tensordot((right - left)[part], gradient, 1) * way[path][0]

    def of_layer(path: str) -> Floats:
        total: Floats | None = None
        for k in range(0, len(left), BATCH):
            part = slice(k, k + BATCH)
            middles, ends = _points(q, way, (left[part] + right[part]) / 2), _points(q, way, right[part])
            ahead = q.multipliers("slopes", middles, ends)
            back = q.multipliers("slopes", middles, _points(q, way, left[part]))
            if path + MULTIPLIER not in ahead:
                raise DataError(f"{q.path} does not depend on a value {path} of this example")
            moved = ahead[path + BASELINE] - back[path + BASELINE]
            here = (np.broadcast_to(ahead[path + MULTIPLIER], moved.shape) * moved).sum(axis=0)
            total = here if total is None else total + here
        assert total is not None
        return total

    def missing() -> Mapping[str, float]:
        result: dict[str, float] = {}
        for k in range(0, len(left), BATCH):
            part = slice(k, k + BATCH)
            middles = _points(q, way, (left[part] + right[part]) / 2)
            for sign, at in ((-1, right[part]), (1, left[part])):
                for path, amount in located(q.multipliers("slopes", middles, _points(q, way, at))).items():
                    result[path] = result.get(path, 0.0) + sign * amount
        return result

    return Attribution(
        q.path,
        q.place,
        "integrated_gradients",
        end,
        begin,
        scores,
        end - begin,
        bound=bound,
        inputs={path: a[0] for path, a in q.end.items()},
        names=q.names,
        _of_layer=of_layer,
        _located=missing,
    )


def _points(q: Question, way: Mapping[str, Floats], at: Floats) -> dict[str, Floats]:
    return {path: q.begin[path] + at.reshape(-1, *(1,) * (w.ndim - 1)) * w for path, w in way.items()}


def _heights(q: Question, way: Mapping[str, Floats], at: Floats) -> Floats:
    """The output at places of the way."""
    return np.concatenate([q.outputs(_points(q, way, at[k : k + BATCH])) for k in range(0, len(at), BATCH)])


def _slopes(q: Question, way: Mapping[str, Floats], at: Floats) -> Floats:
    """How fast the output rises along the way, at places of it."""
    parts: list[Floats] = []
    for k in range(0, len(at), BATCH):
        _, gradients = q.slopes(_points(q, way, at[k : k + BATCH]))
        rises = [(gradient * way[path]).reshape(len(gradient), -1).sum(axis=1) for path, gradient in gradients.items()]
        parts.append(np.sum(rises, axis=0))
    return np.concatenate(parts)
