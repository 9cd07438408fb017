"""`attribute`: how much of an output every part of the input accounts for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pellucid.arrays import check_integer
from pellucid.errors import PellucidError, nearest
from pellucid.explain.attribution.integration import integrated
from pellucid.explain.attribution.propagation import KINDS, propagated
from pellucid.explain.attribution.question import question
from pellucid.explain.attribution.replacement import occluded, shapley
from pellucid.explain.attribution.result import Attribution
from pellucid.network import BaseNetwork

METHODS = (
    "gradient",
    "input_x_gradient",
    "integrated_gradients",
    "deeplift",
    "relevance",
    "occlusion",
    "shapley",
)


def attribute(
    net: BaseNetwork,
    x: Any,
    path: str,
    *,
    unit: int | None = None,
    index: int | Sequence[int] = (),
    at: int | Sequence[int] = (),
    time: int | None = None,
    method: str = "integrated_gradients",
    baseline: Any = None,
    tolerance: float = 1e-4,
    max_steps: int = 4096,
    features: Any = None,
    samples: int = 64,
    seed: int = 0,
) -> Attribution:
    """How much of a value every part of the input accounts for, in float64.

        net.attribute(x[0], "dense_3.sum", unit=3, method="deeplift").plot()

    Args:
        x: one example, with or without a batch axis.
        path: the value that is explained, such as an output; before a softmax, `dense_3.sum` is the better question:
            what softmax gives depends on all classes.
        unit, index, at, time: which element of it, as in `explain`.
        method: "gradient", the slope alone, which adds up to nothing; "input_x_gradient", slope times the way from
            the baseline, exact where the network is linear; "integrated_gradients", slopes along that way; "deeplift",
            every change shared out statement by statement; "relevance", every value shared out statement by statement,
            without a baseline; "occlusion", what the output loses with one feature as at the baseline; "shapley", what
            features add on average over all orders (over `samples` orders for more than 12 features).
        baseline: an example that says nothing, of the shape of x[0]; zeros by default, for words an embedding of zeros.
        tolerance, max_steps: for integrated gradients: the largest error of the sum, as a fraction of the output, and
            how many gradients it may take.
        features: for occlusion and Shapley values: integers of the shape of x[0]; elements with the same number are
            one feature. By default each column, pixel, step and word is one.
        samples, seed: for Shapley values of more than 12 features: how many orders are drawn, by which seed.

    Raises:
        PellucidError: no such value, element or method.
        DataError: more than one example, or a baseline or features of another shape.
    """
    if method not in METHODS:
        raise PellucidError(
            f"there is no method {method!r}, expected one of {', '.join(METHODS)}.{nearest(str(method), METHODS)}"
        )
    q = question(net, x, path, unit=unit, index=index, at=at, time=time, baseline=baseline)
    if method in KINDS:
        return propagated(q, method)
    if method == "integrated_gradients":
        return integrated(q, tolerance=tolerance, max_steps=check_integer(max_steps, "max_steps", minimum=1))
    if method == "occlusion":
        return occluded(q, features)
    return shapley(q, features, samples=check_integer(samples, "samples", minimum=1), seed=check_integer(seed, "seed"))
