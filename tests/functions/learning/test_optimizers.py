"""Optimisers over 100 steps against the papers' algorithms in plain NumPy and against PyTorch; gradient clipping."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.functions.support import Array, assert_reads_back, evaluate

from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.formula import Program, Tensor
from pellucid.functions.learning.optimizers import (
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
    clip_by_global_norm,
    clip_by_value,
    optimizer,
)

STEPS = 100
SHAPE = (3, 5)

CONFIGURATIONS: dict[str, Optimizer] = {
    "sgd": SGD(0.05),
    "momentum": SGD(0.02, momentum=0.9),
    "nesterov": SGD(0.02, momentum=0.8, nesterov=True),
    "rmsprop": RMSprop(0.01, rho=0.95, epsilon=1e-6),
    "adam": Adam(0.02, beta_1=0.85, beta_2=0.99, epsilon=1e-7),
    "adamw": AdamW(0.02, weight_decay=0.03),
    "nadam": Nadam(0.02, beta_1=0.85, beta_2=0.99),
    "adagrad": Adagrad(0.1, initial_accumulator_value=0.2, epsilon=1e-6),
    "lion": Lion(0.02, beta_1=0.8, beta_2=0.95),
}


def gradient(w: Array, step: int) -> Array:
    """Of a bowl with its middle at 1, seen through noise, so that no two steps are alike."""
    noise = np.random.default_rng(step).normal(size=SHAPE)
    slopes: Array = np.linspace(0.1, 2.0, w.size).reshape(SHAPE)
    found: Array = slopes * (w - 1) + 0.3 * noise
    return found


def start() -> Array:
    return np.random.default_rng(7).normal(size=SHAPE)


def walk(kind: Optimizer, rates: Callable[[int], float] | None = None) -> Iterator[Array]:
    """The weights after each step, by the formulas."""
    w, dw, lr = Tensor.input("w", i=3, o=5), Tensor.input("dw", i=3, o=5), Tensor.input("lr")
    step = Tensor.input("step", kind="int")
    slots = {name: Tensor.input(name, i=3, o=5) for name in kind.slots}
    new = kind.update(w, dw, slots, lr=lr, step=step)
    assert set(new) == {"weight", *kind.slots}
    run = compile_program(Program(new), engine="reference", dtype=np.float64)
    weight, state = start(), {name: np.zeros(SHAPE) for name in kind.slots}
    for number in range(1, STEPS + 1):
        rate = rates(number) if rates else kind.learning_rate
        arrays = {"w": weight, "dw": gradient(weight, number), "lr": np.array(rate), "step": np.array(number), **state}
        found = run(arrays)
        weight, state = found["weight"], {name: found[name] for name in kind.slots}
        yield weight


# The papers' algorithms, one line a line.


def _sgd(kind: Any) -> Iterator[Array]:
    theta = start()
    for t in range(1, STEPS + 1):
        theta = theta - kind.learning_rate * gradient(theta, t)
        yield theta


def _momentum(kind: Any) -> Iterator[Array]:
    """Sutskever et al. 2013: v ← μv − ε∇f(θ), θ ← θ + v."""
    theta, v = start(), np.zeros(SHAPE)
    for t in range(1, STEPS + 1):
        v = kind.momentum * v - kind.learning_rate * gradient(theta, t)
        theta = theta + v
        yield theta


def _nesterov(kind: Any) -> Iterator[Array]:
    """Sutskever et al. 2013: v ← μv − ε∇f(θ + μv), θ ← θ + v, told by the point θ + μv, where the gradient is taken."""
    mu, look, v = kind.momentum, start(), np.zeros(SHAPE)
    theta = look
    for t in range(1, STEPS + 1):
        v = mu * v - kind.learning_rate * gradient(look, t)
        theta = theta + v
        look = theta + mu * v
        yield look


def _rmsprop(kind: Any) -> Iterator[Array]:
    theta, square = start(), np.zeros(SHAPE)
    for t in range(1, STEPS + 1):
        g = gradient(theta, t)
        square = kind.rho * square + (1 - kind.rho) * g**2
        theta = theta - kind.learning_rate * g / (np.sqrt(square) + kind.epsilon)
        yield theta


def _adam(kind: Any, decay: float = 0.0) -> Iterator[Array]:
    """Kingma & Ba 2015, algorithm 1; with decay, Loshchilov & Hutter 2019, algorithm 2."""
    theta, m, v = start(), np.zeros(SHAPE), np.zeros(SHAPE)
    for t in range(1, STEPS + 1):
        g = gradient(theta, t)
        m = kind.beta_1 * m + (1 - kind.beta_1) * g
        v = kind.beta_2 * v + (1 - kind.beta_2) * g * g
        mean, square = m / (1 - kind.beta_1**t), v / (1 - kind.beta_2**t)
        theta = theta - kind.learning_rate * (mean / (np.sqrt(square) + kind.epsilon) + decay * theta)
        yield theta


def _nadam(kind: Any) -> Iterator[Array]:
    """Dozat 2016, algorithm 2, with the momentum schedule of its appendix."""
    theta, m, v, product = start(), np.zeros(SHAPE), np.zeros(SHAPE), 1.0
    for t in range(1, STEPS + 1):
        g = gradient(theta, t)
        now, ahead = (kind.beta_1 * (1 - 0.5 * 0.96**k) for k in (t, t + 1))
        product *= now
        m = kind.beta_1 * m + (1 - kind.beta_1) * g
        v = kind.beta_2 * v + (1 - kind.beta_2) * g * g
        mean = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
        theta = theta - kind.learning_rate * mean / (np.sqrt(v / (1 - kind.beta_2**t)) + kind.epsilon)
        yield theta


def _adagrad(kind: Any) -> Iterator[Array]:
    theta, total = start(), np.full(SHAPE, kind.initial_accumulator_value)
    for t in range(1, STEPS + 1):
        g = gradient(theta, t)
        total = total + g * g
        theta = theta - kind.learning_rate * g / np.sqrt(total + kind.epsilon)
        yield theta


def _lion(kind: Any) -> Iterator[Array]:
    theta, m = start(), np.zeros(SHAPE)
    for t in range(1, STEPS + 1):
        g = gradient(theta, t)
        theta = theta - kind.learning_rate * np.sign(kind.beta_1 * m + (1 - kind.beta_1) * g)
        m = kind.beta_2 * m + (1 - kind.beta_2) * g
        yield theta


PAPERS: dict[str, Callable[[Any], Iterator[Array]]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": lambda kind: _adam(kind, kind.weight_decay),
    "nadam": _nadam,
    "adagrad": _adagrad,
    "lion": _lion,
}


def test_every_optimizer_is_here() -> None:
    assert {type(kind) for kind in CONFIGURATIONS.values()} == set(OPTIMIZERS.values())
    assert set(PAPERS) == set(CONFIGURATIONS)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_agrees_with_the_paper_over_100_steps(name: str) -> None:
    kind = CONFIGURATIONS[name]
    steps = 0
    for found, expected in zip(walk(kind), PAPERS[name](kind), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
        steps += 1
    assert steps == STEPS
    assert np.abs(found - 1).mean() < np.abs(start() - 1).mean()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_agrees_with_pytorch_over_100_steps(name: str) -> None:
    torch = pytest.importorskip("torch")
    kind: Any = CONFIGURATIONS[name]
    if isinstance(kind, Adagrad | Lion):
        pytest.skip("PyTorch has no such optimiser, or another ε")
    weight = torch.tensor(start(), requires_grad=True)
    lr = kind.learning_rate
    if isinstance(kind, SGD):
        theirs = torch.optim.SGD([weight], lr=lr, momentum=kind.momentum, nesterov=kind.nesterov)
    elif isinstance(kind, RMSprop):
        theirs = torch.optim.RMSprop([weight], lr=lr, alpha=kind.rho, eps=kind.epsilon)
    else:
        more = {"weight_decay": kind.weight_decay} if isinstance(kind, AdamW) else {}
        make = torch.optim.AdamW if isinstance(kind, AdamW) else torch.optim.Adam
        theirs = make([weight], lr=lr, betas=(kind.beta_1, kind.beta_2), eps=kind.epsilon, **more)
    for number, found in enumerate(walk(kind), 1):
        weight.grad = torch.tensor(gradient(weight.detach().numpy(), number))
        theirs.step()
        np.testing.assert_allclose(found, weight.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_a_changed_learning_rate_changes_the_next_step_alone() -> None:
    """The learning rate is inside the velocity: what was gathered at an earlier rate is not scaled again."""
    kind = SGD(0.1, momentum=0.9)
    path = [start(), *walk(kind, lambda t: 0.1 if t < 3 else 0.0)]
    np.testing.assert_allclose(path[3] - path[2], 0.9 * (path[2] - path[1]), rtol=1e-9)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_notation_reads_back(name: str) -> None:
    kind = CONFIGURATIONS[name]
    w, dw, lr = Tensor.input("w", i=3, o=5), Tensor.input("dw", i=3, o=5), Tensor.input("lr")
    slots = {s: Tensor.input(s, i=3, o=5) for s in kind.slots}
    for tensor in kind.update(w, dw, slots, lr=lr, step=Tensor.input("step", kind="int")).values():
        assert tensor.definition is not None
        assert_reads_back(tensor.definition)


@pytest.mark.parametrize("kind", CONFIGURATIONS.values())
def test_configurations_make_the_same_optimizer(kind: Optimizer) -> None:
    assert optimizer(kind.config()) == kind
    assert optimizer(kind) == kind
    assert optimizer(kind.name) == type(kind)(optimizer(kind.name).learning_rate)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optimizer("adm"), 'no optimizer "adm". Did you mean "adam"?'),
        (lambda: optimizer("adam", lr=0.1), "adam has no option lr."),
        (lambda: optimizer(3), "optimizer: expected a name such as"),  # type: ignore[arg-type]
        (lambda: Adam(0), "learning_rate of Adam: expected a finite number more than 0, got 0"),
        (lambda: Adam(float("nan")), "learning_rate of Adam: expected a finite number more than 0, got nan"),
        (lambda: Adam(float("inf")), "learning_rate of Adam: expected a finite number more than 0, got inf"),
        (lambda: Adam("fast"), "expected a finite number more than 0, got 'fast'"),  # type: ignore[arg-type]
        (lambda: Adam(beta_1=1.0), "beta_1 of Adam: expected a finite number at least 0 and less than 1, got 1.0"),
        (lambda: Adam(epsilon=0), "epsilon of Adam: expected a finite number more than 0, got 0"),
        (lambda: AdamW(weight_decay=-1), "weight_decay of AdamW: expected a finite number at least 0, got -1"),
        (lambda: SGD(momentum=1.5), "momentum of SGD: expected"),
        (lambda: SGD(nesterov=True), "SGD with nesterov=True: expected a momentum"),
        (lambda: SGD(0.1, momentum=0.9, nesterov="yes"), "expected True or False"),  # type: ignore[arg-type]
        (lambda: clip_by_value(Tensor.input("g", i=2), limit=0), "clip value of gradient clipping: expected"),
    ],
)
def test_what_is_wrong_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(PellucidError) as caught:
        make()
    assert message in str(caught.value)


def test_clipping_by_value() -> None:
    dw = Tensor.input("dw", i=4)
    found = evaluate({"g": clip_by_value(dw, limit=1.5)}, {"dw": np.array([-3.0, -1.0, 1.5, 2.0])})["g"]
    assert found.tolist() == [-1.5, -1.0, 1.5, 1.5]


@pytest.mark.parametrize(("limit", "factor"), [(20.0, 1.0), (1.3, 0.1)])
def test_clipping_by_global_norm(limit: float, factor: float) -> None:
    a, b = Tensor.input("a", i=2), Tensor.input("b", i=1, o=1)
    clipped = clip_by_global_norm({"a": a, "b": b}, limit=limit)
    arrays = {"a": np.array([3.0, -4.0]), "b": np.array([[12.0]])}  # √(9 + 16 + 144) = 13
    found = evaluate(clipped, arrays)
    for name, array in arrays.items():
        np.testing.assert_allclose(found[name], factor * array)


@pytest.mark.parametrize("size", [1e-40, 1e-25, 1e-3, 1e13, 1e15, 1e18, 1e19, 1e25, 1e38])
@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e16])
@pytest.mark.parametrize("engine", ["reference", "llvm"])
def test_clipping_holds_for_every_size_of_gradient(size: float, limit: float, engine: str) -> None:
    axes = {"i": 2}
    clipped = clip_by_global_norm({name: Tensor.input(name, axes) for name in "ab"}, limit=limit)
    arrays = {"a": np.array([3.0, -1.0]) * size, "b": np.array([0.0, 2e-3]) * size}
    run = compile_program(Program(clipped), engine=engine, dtype=np.dtype(np.float32))
    found = run({name: array.astype(np.float32) for name, array in arrays.items()})
    norm = np.sqrt(sum(np.sum((array / size) ** 2) for array in arrays.values())) * size
    for name, array in arrays.items():
        np.testing.assert_allclose(found[name], array * min(1.0, limit / norm), rtol=1e-5, atol=1e-35)


def test_clipping_in_float64_beyond_what_squares_hold() -> None:
    a = Tensor.input("a", i=2)
    found = evaluate(clip_by_global_norm({"a": a}, limit=5.0, exponent=1024), {"a": np.array([3e300, -4e300])})["a"]
    np.testing.assert_allclose(found, [3, -4])


def test_clipping_does_not_hide_what_is_not_finite() -> None:
    a = Tensor.input("a", i=2)
    for bad in (np.inf, np.nan):
        with np.errstate(all="ignore"):
            found = evaluate(clip_by_global_norm({"a": a}, limit=1.0), {"a": np.array([1.0, bad])})["a"]
        assert not np.isfinite(found).all()


def test_clipping_zero_gradients_keeps_them() -> None:
    a = Tensor.input("a", i=2)
    found = evaluate(clip_by_global_norm({"a": a}, limit=1.0), {"a": np.zeros(2)})["a"]
    assert found.tolist() == [0, 0]
