"""One case for every function of the room: arrays away from corners, the formula, and the same thing in JAX.

The tests run over this list and over the registry of activations; a function that nobody put here fails the suite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from tests.functions.support import Array, Arrays, Formula

from pellucid.formula import Tensor, define
from pellucid.functions.activations import ACTIVATIONS, activation
from pellucid.functions.forward import combining, matmul, noise, rectifying, resize, shaping
from pellucid.functions.learning import penalties
from pellucid.functions.learning.losses import log_sum_exp, loss, smoothed, total

Generator = np.random.Generator
Shape = tuple[int, int, int]
Reference = Callable[..., Any]
"""The same function written with jax.numpy: takes the module `jax` and the arrays by name."""


@dataclass(frozen=True)
class Case:
    """`covers` is "module.function"; `draw` makes arrays for extents n, t, k; without a `reference` JAX has none."""

    name: str
    covers: str
    draw: Callable[[Generator, Shape], Arrays]
    formula: Formula
    reference: Reference | None
    batched: tuple[str, ...] = ("x", "y", "p", "z", "e")


def away(rng: Generator, *shape: int, low: float = 0.1, high: float = 2.0) -> Array:
    """Numbers of both signs whose absolute value lies between two bounds, so that no corner at 0 is near."""
    sizes: Array = rng.uniform(low, high, shape)
    signs: Array = rng.choice([-1.0, 1.0], shape)
    return sizes * signs


def probabilities(rng: Generator, *shape: int) -> Array:
    raw: Array = rng.uniform(0.2, 1.0, shape)
    rows: Array = raw.sum(axis=-1, keepdims=True)
    return raw / rows


def one_hot(rng: Generator, *shape: int) -> Array:
    """Rows that add up to 1 and are not only 0 and 1, as smoothed labels are."""
    return probabilities(rng, *shape)


def _near(rng: Generator, target: Array) -> Array:
    """A prediction whose errors are small or large, but neither near 0 nor near 1, the corner of Huber's loss."""
    small = rng.random(target.shape) < 0.5
    return target + np.where(small, away(rng, *target.shape, high=0.8), away(rng, *target.shape, low=1.2, high=3.0))


def pair(rng: Generator, shape: Shape) -> Arrays:
    y = away(rng, *shape)
    return {"p": _near(rng, y), "y": y}


def pair_one_unit(rng: Generator, shape: Shape) -> Arrays:
    y = away(rng, *shape[:2])
    return {"p": _near(rng, y)[..., None], "y": y}


def _mean(errors: Any) -> Any:
    return errors.reshape(errors.shape[0], -1).mean(axis=1)


def _categorical(jax: Any, p: Any, y: Any, *, logits: bool) -> Any:
    logs = jax.nn.log_softmax(p) if logits else jax.numpy.log(p)
    if y.ndim == p.ndim and y.dtype.kind == "f":
        return _mean(-(y * logs).sum(axis=-1))
    y = y if y.ndim == p.ndim else y[..., None]
    return _mean(-jax.numpy.take_along_axis(logs, y, axis=-1))


def _binary(jax: Any, p: Any, y: Any, *, logits: bool) -> Any:
    p = p[..., 0] if p.ndim > y.ndim else p
    yes, no = (jax.nn.log_sigmoid(p), jax.nn.log_sigmoid(-p)) if logits else (jax.numpy.log(p), jax.numpy.log(1 - p))
    return _mean(-(y * yes + (1 - y) * no))


def _labels(rng: Generator, shape: Shape, *, draw: Callable[..., Array], axes: int, wide: bool = False) -> Arrays:
    """Class numbers for predictions (n, k) or (n, t, k)."""
    n, t, k = shape
    place = (n,) if axes == 2 else (n, t)
    y = rng.integers(0, k, place)
    return {"p": draw(rng, *place, k), "y": y[..., None] if wide else y}


def _hot(rng: Generator, shape: Shape, *, draw: Callable[..., Array]) -> Arrays:
    return {"p": draw(rng, *shape), "y": one_hot(rng, *shape)}


def _yes(rng: Generator, shape: Shape, *, logits: bool, one_unit: bool = False) -> Arrays:
    n, _, k = shape
    size = (n, 1) if one_unit else (n, k)
    p = away(rng, *size, high=4.0) if logits else rng.uniform(0.1, 0.9, size)
    y = rng.integers(0, 2, size) if one_unit else rng.uniform(0, 1, size)
    return {"p": p, "y": y[:, 0] if one_unit else y}


def _one(rng: Generator, shape: Shape, *, axes: int = 3, name: str = "x") -> Arrays:
    return {name: away(rng, *(shape if axes == 3 else (shape[0], shape[2]) if axes == 2 else shape[:1]))}


def _dense(rng: Generator, shape: Shape, *, axes: int, bias: bool) -> Arrays:
    x = _one(rng, shape, axes=axes)
    found = {**x, "w": away(rng, shape[2], 3)}
    return {**found, "b": away(rng, 3)} if bias else found


def _image(rng: Generator, shape: Shape) -> Arrays:
    return {"x": away(rng, shape[0], shape[1] + 1, 3, shape[2])}


def _several(rng: Generator, shape: Shape, *, widths: tuple[int, ...]) -> Arrays:
    return {f"x{k}": away(rng, *shape[:2], shape[2] + more) for k, more in enumerate(widths, 1)}


def _activation(name: str, options: dict[str, Any]) -> Case:
    title = "".join([name, *(f"({key}={value})" for key, value in options.items())])
    chosen = activation(name, **options)
    return Case(title, f"activations.{name}", partial(_one, name="z"), chosen, JAX_ACTIVATIONS.get(title))


JAX_ACTIVATIONS: dict[str, Reference] = {
    "step": lambda jax, z: jax.numpy.where(z >= 0, 1.0, 0.0),
    "sigmoid": lambda jax, z: jax.nn.sigmoid(z),
    "tanh": lambda jax, z: jax.numpy.tanh(z),
    "relu": lambda jax, z: jax.nn.relu(z),
    "leaky_relu": lambda jax, z: jax.nn.leaky_relu(z, 0.3),
    "leaky_relu(slope=0.01)": lambda jax, z: jax.nn.leaky_relu(z, 0.01),
    "elu": lambda jax, z: jax.nn.elu(z),
    "elu(alpha=0.5)": lambda jax, z: jax.nn.elu(z, 0.5),
    "gelu": lambda jax, z: jax.nn.gelu(z, approximate=False),
    "gelu(approximate=tanh)": lambda jax, z: jax.nn.gelu(z, approximate=True),
    "silu": lambda jax, z: jax.nn.silu(z),
    "selu": lambda jax, z: jax.nn.selu(z),
    "mish": lambda jax, z: jax.nn.mish(z),
    "hard_sigmoid": lambda jax, z: jax.nn.hard_sigmoid(z),
    "softplus": lambda jax, z: jax.nn.softplus(z),
    "softmax": lambda jax, z: jax.nn.softmax(z),
    "log_softmax": lambda jax, z: jax.nn.log_softmax(z),
    "linear": lambda jax, z: z,
}

OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("leaky_relu", {"slope": 0.01}),
    ("elu", {"alpha": 0.5}),
    ("gelu", {"approximate": "tanh"}),
]


def _loss(name: str, draw: Callable[..., Arrays], reference: Reference | None, note: str = "", **options: Any) -> Case:
    def formula(p: Tensor, y: Tensor) -> Tensor:
        return loss(name)(p, y, **options)

    return Case(f"{name}{note}", f"losses.{loss(name).name}", draw, formula, reference)


def _losses() -> list[Case]:
    found = [
        _loss("mse", pair, lambda jax, p, y: _mean((p - y) ** 2)),
        _loss("mse", pair_one_unit, lambda jax, p, y: _mean((p[..., 0] - y) ** 2), " of one unit"),
        _loss("mae", pair, lambda jax, p, y: _mean(abs(p - y))),
        _loss("huber", pair, partial(_huber, delta=1.0)),
        _loss("huber", pair, partial(_huber, delta=0.05), " 0.05", delta=0.05),
        _loss("log_cosh", pair, lambda jax, p, y: _mean(jax.numpy.log(jax.numpy.cosh(p - y)))),
        _loss("quantile", pair, partial(_pinball, q=0.5)),
        _loss("quantile", pair, partial(_pinball, q=0.9), " 0.9", quantile=0.9),
        _loss("hinge", _signs, lambda jax, p, y: _mean(jax.numpy.maximum(1 - jax.numpy.sign(y) * p, 0))),
        _loss("squared_hinge", _signs, lambda jax, p, y: _mean(jax.numpy.maximum(1 - jax.numpy.sign(y) * p, 0) ** 2)),
        _loss("kl_divergence", _distributions, lambda jax, p, y: _mean((y * jax.numpy.log(y / p)).sum(-1))),
        _loss("poisson", _counts, lambda jax, p, y: _mean(p - y * jax.numpy.log(p))),
    ]
    for logits in (False, True):
        draw = away if logits else probabilities
        note = " from logits" if logits else ""
        same = partial(_categorical, logits=logits)
        binary = partial(_binary, logits=logits)
        either, name = "crossentropy", "categorical_crossentropy"
        yes = "binary_crossentropy"
        found += [
            _loss(either, partial(_labels, draw=draw, axes=2), same, f", labels{note}", logits=logits),
            _loss(either, partial(_yes, logits=logits, one_unit=True), binary, f", one unit{note}", logits=logits),
            _loss(name, partial(_labels, draw=draw, axes=3), same, f", sequences{note}", logits=logits),
            _loss(name, partial(_labels, draw=draw, axes=2, wide=True), same, f", column{note}", logits=logits),
            _loss(name, partial(_hot, draw=draw), same, f", one-hot{note}", logits=logits),
            _loss(yes, partial(_yes, logits=logits), binary, f", labels{note}", logits=logits),
            _loss(
                either,
                partial(_labels, draw=draw, axes=3),
                partial(_smoothed_categorical, logits=logits),
                f", smoothed labels{note}",
                logits=logits,
                label_smoothing=0.1,
            ),
            _loss(
                either,
                partial(_yes, logits=logits, one_unit=True),
                lambda jax, p, y, logits=logits: _binary(jax, p, y * 0.9 + 0.05, logits=logits),
                f", one smoothed unit{note}",
                logits=logits,
                label_smoothing=0.1,
            ),
            _loss("focal", partial(_yes, logits=logits), partial(_focal, logits=logits), note, logits=logits),
            _loss(
                "focal",
                partial(_yes, logits=logits),
                partial(_focal, logits=logits, alpha=0.7, gamma=1.5),
                f" balanced{note}",
                logits=logits,
                alpha=0.7,
                gamma=1.5,
                apply_class_balancing=True,
            ),
            _loss(
                "categorical_focal_crossentropy",
                partial(_labels, draw=draw, axes=3),
                partial(_categorical_focal, logits=logits),
                f", labels{note}",
                logits=logits,
            ),
            _loss(
                "categorical_focal_crossentropy",
                partial(_hot, draw=draw),
                partial(_categorical_focal, logits=logits),
                f", one-hot{note}",
                logits=logits,
            ),
        ]
    return found


def _huber(jax: Any, p: Any, y: Any, *, delta: float) -> Any:
    d = abs(p - y)
    return _mean(jax.numpy.where(d <= delta, d**2 / 2, delta * (d - delta / 2)))


def _pinball(jax: Any, p: Any, y: Any, *, q: float) -> Any:
    return _mean(jax.numpy.maximum(q * (y - p), (q - 1) * (y - p)))


def _rows(jax: Any, p: Any, y: Any) -> Any:
    return y if y.ndim == p.ndim else jax.nn.one_hot(y, p.shape[-1])


def _smoothed_categorical(jax: Any, p: Any, y: Any, *, logits: bool) -> Any:
    return _categorical(jax, p, _rows(jax, p, y) * 0.9 + 0.1 / p.shape[-1], logits=logits)


def _focal(jax: Any, p: Any, y: Any, *, logits: bool, gamma: float = 2.0, alpha: float | None = None) -> Any:
    p = jax.nn.sigmoid(p) if logits else p
    true = y * p + (1 - y) * (1 - p)
    weight = 1.0 if alpha is None else y * alpha + (1 - y) * (1 - alpha)
    return _mean(weight * (1 - true) ** gamma * -(y * jax.numpy.log(p) + (1 - y) * jax.numpy.log(1 - p)))


def _categorical_focal(jax: Any, p: Any, y: Any, *, logits: bool) -> Any:
    p = jax.nn.softmax(p) if logits else p
    return _mean((-0.25 * (1 - p) ** 2 * _rows(jax, p, y) * jax.numpy.log(p)).sum(axis=-1))


def _signs(rng: Generator, shape: Shape) -> Arrays:
    """Predictions away from the corner, where s·p is 1."""
    s = rng.choice([-1.0, 1.0], shape)
    return {"p": s * (1 + away(rng, *shape)), "y": s}


def _distributions(rng: Generator, shape: Shape) -> Arrays:
    return {"p": probabilities(rng, *shape), "y": probabilities(rng, *shape)}


def _counts(rng: Generator, shape: Shape) -> Arrays:
    return {"p": rng.uniform(0.2, 4.0, shape), "y": rng.poisson(2.0, shape).astype(float)}


def _others() -> list[Case]:
    def flat(jax: Any, x: Any) -> Any:
        return x.reshape(x.shape[0], -1)

    def affine(jax: Any, x: Any, w: Any, b: Any = 0.0) -> Any:
        return jax.numpy.matmul(x, w) + b

    def joined(*parts: Tensor, by: Callable[..., Tensor]) -> Tensor:
        return by(parts)

    def sums(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.add)

    def products(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.multiply)

    def middle(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.average)

    def differences(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.subtract)

    def largest(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.maximum)

    def smallest(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.minimum)

    def random(rng: Generator, shape: Shape) -> Arrays:
        return {**_one(rng, shape), "seed": np.array(3), "step": np.array(5)}

    def beside(**x: Tensor) -> Tensor:
        return joined(*x.values(), by=combining.concatenate)

    def penalty(**w: Tensor) -> Tensor:
        found = penalties.total([(w["w"], penalties.L1L2(0.1, 0.2)), (w["b"], penalties.L2(0.3))])
        assert found is not None
        return found

    parts = ("x1", "x2", "x3")
    dense = matmul.dense
    weights = partial(_dense, axes=2, bias=True)
    return [
        Case("dense", "matmul.dense", weights, dense, affine),
        Case("dense of sequences", "matmul.dense", partial(_dense, axes=3, bias=True), dense, affine),
        Case("dense without bias", "matmul.dense", partial(_dense, axes=3, bias=False), dense, affine),
        Case("flatten", "shaping.flatten", _one, shaping.flatten, flat),
        Case("flatten rows", "shaping.flatten", partial(_one, axes=2), shaping.flatten, flat),
        Case("flatten numbers", "shaping.flatten", partial(_one, axes=1), shaping.flatten, flat),
        Case(
            "reshape",
            "shaping.reshape",
            _one,
            lambda x: shaping.reshape(x, (1, -1, x.axes[1].size)),
            lambda jax, x: x.reshape(x.shape[0], 1, x.shape[2], x.shape[1]),
        ),
        Case(
            "squeeze",
            "shaping.squeeze",
            lambda rng, shape: {"x": away(rng, *shape[:2], 1)},
            shaping.squeeze,
            lambda jax, x: x[..., 0],
        ),
        Case(
            "dropout",
            "noise.dropout",
            random,
            lambda x, seed, step: noise.dropout(x, rate=0.3, seed=seed, step=step, stream=7),
            None,  # its generator is our own; test_noise.py looks at the mask
        ),
        Case(
            "spatial dropout",
            "noise.spatial_dropout",
            random,
            lambda x, seed, step: noise.spatial_dropout(x, rate=0.3, seed=seed, step=step, stream=7),
            None,
        ),
        Case(
            "recurrent dropout",
            "noise.recurrent_dropout",
            random,
            lambda x, seed, step: define(
                "y[n,q] = k[n,q]·Σ[…] x[n,…]",
                x=x,
                k=noise.recurrent_dropout(4, rate=0.3, seed=seed, step=step, stream=7),
            ),
            None,  # tests/layers/recurrent/test_recurrent_dropout.py looks at it
        ),
        Case(
            "gaussian noise",
            "noise.gaussian_noise",
            random,
            lambda x, seed, step: noise.gaussian_noise(x, stddev=0.3, seed=seed, step=step, streams=(7, 8)),
            None,
        ),
        Case(
            "permute",
            "shaping.permute",
            _one,
            lambda x: shaping.permute(x, (2, 1)),
            lambda jax, x: x.swapaxes(1, 2),
        ),
        Case(
            "repeat",
            "shaping.repeat",
            partial(_one, axes=2),
            lambda x: shaping.repeat(x, 3),
            lambda jax, x: jax.numpy.repeat(x[:, None], 3, axis=1),
        ),
        Case(
            "prelu",
            "rectifying.prelu",
            lambda rng, shape: {**_one(rng, shape), "a": away(rng, *shape[1:])},
            lambda x, a: rectifying.prelu(x, a, shared=()),
            lambda jax, x, a: jax.numpy.where(x > 0, x, a * x),
        ),
        Case(
            "prelu, one slope a channel",
            "rectifying.prelu",
            lambda rng, shape: {**_one(rng, shape), "a": away(rng, 1, shape[2])},
            lambda x, a: rectifying.prelu(x, a, shared=(1,)),
            lambda jax, x, a: jax.numpy.where(x > 0, x, a * x),
        ),
        Case(
            "upsample a sequence",
            "resize.upsample",
            _one,
            lambda x: resize.upsample(x, (3,)),
            lambda jax, x: jax.numpy.repeat(x, 3, axis=1),
        ),
        Case(
            "upsample an image",
            "resize.upsample",
            _image,
            lambda x: resize.upsample(x, (2, 3)),
            lambda jax, x: jax.numpy.repeat(jax.numpy.repeat(x, 2, axis=1), 3, axis=2),
        ),
        Case(
            "upsample along one axis",
            "resize.upsample",
            _image,
            lambda x: resize.upsample(x, (1, 2)),
            lambda jax, x: jax.numpy.repeat(x, 2, axis=2),
        ),
        Case(
            "zero padding of a sequence",
            "resize.zero_pad",
            _one,
            lambda x: resize.zero_pad(x, ((2, 1),)),
            lambda jax, x: jax.numpy.pad(x, ((0, 0), (2, 1), (0, 0))),
        ),
        Case(
            "zero padding of an image",
            "resize.zero_pad",
            _image,
            lambda x: resize.zero_pad(x, ((0, 2), (1, 3))),
            lambda jax, x: jax.numpy.pad(x, ((0, 0), (0, 2), (1, 3), (0, 0))),
        ),
        Case(
            "cropping of a sequence",
            "resize.crop",
            lambda rng, shape: {"x": away(rng, shape[0], shape[1] + 3, shape[2])},
            lambda x: resize.crop(x, ((2, 1),)),
            lambda jax, x: x[:, 2:-1],
        ),
        Case(
            "cropping of an image",
            "resize.crop",
            _image,
            lambda x: resize.crop(x, ((0, 1), (1, 0))),
            lambda jax, x: x[:, :-1, 1:],
        ),
        Case(
            "subtract",
            "combining.subtract",
            partial(_several, widths=(0, 0)),
            differences,
            lambda jax, x1, x2: x1 - x2,
            parts,
        ),
        Case(
            "maximum",
            "combining.maximum",
            partial(_several, widths=(0, 0, 0)),
            largest,
            lambda jax, x1, x2, x3: jax.numpy.maximum(x1, jax.numpy.maximum(x2, x3)),
            parts,
        ),
        Case(
            "minimum",
            "combining.minimum",
            partial(_several, widths=(0, 0, 0)),
            smallest,
            lambda jax, x1, x2, x3: jax.numpy.minimum(x1, jax.numpy.minimum(x2, x3)),
            parts,
        ),
        Case(
            "add",
            "combining.add",
            partial(_several, widths=(0, 0, 0)),
            sums,
            lambda jax, x1, x2, x3: x1 + x2 + x3,
            parts,
        ),
        Case(
            "multiply",
            "combining.multiply",
            partial(_several, widths=(0, 0, 0)),
            products,
            lambda jax, x1, x2, x3: x1 * x2 * x3,
            parts,
        ),
        Case(
            "average",
            "combining.average",
            partial(_several, widths=(0, 0, 0)),
            middle,
            lambda jax, x1, x2, x3: (x1 + x2 + x3) / 3,
            parts,
        ),
        Case(
            "concatenate",
            "combining.concatenate",
            partial(_several, widths=(0, 2, 1)),
            beside,
            lambda jax, x1, x2, x3: jax.numpy.concatenate([x1, x2, x3], axis=-1),
            parts,
        ),
        Case(
            "log_sum_exp",
            "losses.log_sum_exp",
            partial(_one, name="z"),
            lambda z: log_sum_exp(z),
            lambda jax, z: jax.nn.logsumexp(z, axis=-1),
        ),
        Case(
            "smoothed",
            "losses.smoothed",
            partial(_one, name="y"),
            lambda y: smoothed(y, 4, 0.2),
            lambda jax, y: 0.8 * y + 0.05,
        ),
        Case("total", "losses.total", partial(_one, axes=1, name="e"), lambda e: total(e), lambda jax, e: e.mean()),
        Case(
            "total with weights",
            "losses.total",
            lambda rng, shape: {"e": away(rng, shape[0]), "y": rng.uniform(0.5, 2.0, shape[0])},
            lambda e, y: total(e, y),
            lambda jax, e, y: (e * y).mean(),
        ),
        Case(
            "l1",
            "penalties.l1",
            lambda rng, shape: {"w": away(rng, *shape)},
            lambda w: penalties.l1(w, strength=0.3),
            lambda jax, w: 0.3 * abs(w).sum(),
        ),
        Case(
            "l2",
            "penalties.l2",
            lambda rng, shape: {"w": away(rng, *shape)},
            lambda w: penalties.l2(w, strength=0.3),
            lambda jax, w: 0.3 * (w**2).sum(),
        ),
        Case(
            "penalty",
            "penalties.total",
            lambda rng, shape: {"w": away(rng, *shape), "b": away(rng, shape[2])},
            penalty,
            lambda jax, w, b: 0.1 * abs(w).sum() + 0.2 * (w**2).sum() + 0.3 * (b**2).sum(),
        ),
    ]


CASES: list[Case] = [
    *(_activation(name, {}) for name in ACTIVATIONS),
    *(_activation(name, options) for name, options in OPTIONS),
    *_losses(),
    *_others(),
]
