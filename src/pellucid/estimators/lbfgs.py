"""L-BFGS: the gradient of the whole data, and a quadratic model of the loss; quick and exact where data are few."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from pellucid.estimators.hooks import FitHooks
from pellucid.model import Network
from pellucid.training.evaluation import prepared
from pellucid.training.programs import gradient_step

Array = NDArray[Any]


def minimise(
    net: Network, x: Any, y: Any, weight: Any, *, loss: Any, max_iter: int, max_fun: int, tol: float, hooks: FitHooks
) -> list[float]:
    """Bring a network to a minimum of its loss; gives the loss after each iteration.

    SciPy's L-BFGS-B, over the loss and the gradients of the network's formulas.

    Args:
        tol: it ends where no element of the gradient is larger.

    Source: Liu & Nocedal, On the limited memory BFGS method for large scale optimization, Mathematical Programming 45
        (1989).
    """
    from scipy.optimize import minimize

    paths = net.parameters.trainable
    shapes = {path: net.parameters[path].shape for path in paths}
    losses: list[float] = []

    def unpack(flat: Array) -> dict[str, Array]:
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes.values()])
        return {path: part.reshape(shapes[path]) for path, part in zip(paths, np.split(flat, ends[:-1]), strict=True)}

    examples, goals = prepared(net, x, y, loss, weight)  # checked once, and not for every gradient
    run = gradient_step(net, goals, training=False, weighted=examples.weighted)
    fixed = {**examples.rows(slice(None)), **net.parameters.snapshot(), "seed": np.array(net.seed), "step": np.array(1)}

    def loss_and_gradient(flat: Array) -> tuple[float, Array]:
        found = run({**fixed, **{path: part.astype(net.dtype) for path, part in unpack(flat).items()}})
        return float(found["loss"]), np.concatenate([found[path].ravel() for path in paths]).astype(np.float64)

    def after_iteration(intermediate_result: Any) -> None:
        net.parameters.replace(unpack(intermediate_result.x))
        losses.append(float(intermediate_result.fun))
        if hooks.iteration():
            raise StopIteration

    start = np.concatenate([net.parameters[path].ravel() for path in paths]).astype(np.float64)
    result = minimize(
        loss_and_gradient,
        start,
        jac=True,
        method="L-BFGS-B",
        callback=after_iteration,
        options={"maxiter": max_iter, "maxfun": max_fun, "gtol": tol, "maxls": 50},
    )
    net.parameters.replace(unpack(result.x))
    if result.status == 1:
        warnings.warn(
            f"lbfgs failed to converge after {result.nit} iteration(s): {result.message}. Increase max_iter or max_fun "
            "to improve the convergence.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return losses or [float(result.fun)]
