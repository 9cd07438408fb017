"""Initial values of parameters by name, as formulas of the counter-based generator.

`seed` is the network's, `stream` distinguishes the parameters, so a parameter's first values depend on nothing
else. They are meant to be computed once, by the reference engine in float64, with the same bits on every machine.
`fan_in` and `fan_out` count the inputs that a unit sums up and the outputs that an input reaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.formula import Tensor, define
from pellucid.functions.forward.shaping import mixed_radix
from pellucid.functions.initialization.orthogonal import orthonormal
from pellucid.functions.registry import check_options, find, named, number, options_of

Extents = Mapping[str, int]
Finish = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Initial:
    """Registered initial values.

    Attributes:
        name: the function's name.
        function: from extents by axis, fan_in, fan_out, seed and stream to a tensor without inputs.
        finish: what NumPy does to the numbers that the formula gave, if anything.
        options: the options that differ from the function's own defaults.
    """

    name: str
    function: Callable[..., Tensor]
    finish: Finish | None = None
    options: Mapping[str, object] = field(default_factory=dict, hash=False)

    def __call__(self, extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
        return self.function(extents, fan_in=fan_in, fan_out=fan_out, seed=seed, stream=stream, **self.options)

    @property
    def config(self) -> str | dict[str, object]:
        """What JSON keeps and `initial` reads: the name, or a dict of name and options."""
        return {"name": self.name, **self.options} if self.options else self.name


INITIALS: dict[str, Initial] = {}


def initial(spec: str | Mapping[str, object] | Initial, **options: object) -> Initial:
    """The initial values of this name, with options such as `deviation=0.1`.

    Raises:
        PellucidError: nothing has this name (the message names the nearest), or it has no such option.
    """
    if isinstance(spec, Mapping):
        name, stored = named("initial values", spec)
        return initial(name, **{**stored, **options})
    if not isinstance(spec, (str, Initial)):
        given = type(spec).__name__
        raise PellucidError(f'initial values: expected a name such as "he_normal", got {given}')
    entry = find("kind of initial values", spec, INITIALS) if isinstance(spec, str) else spec
    if not options:
        return entry
    check_options("initial values", entry.name, options_of(entry.function), options)
    for key, value in options.items():
        number(key, value, of=entry.name, minimum=0)
    return replace(entry, options={**entry.options, **options})


def register(*, finish: Finish | None = None) -> Callable[[Callable[..., Tensor]], Callable[..., Tensor]]:
    """Register initial values under the function's name."""

    def decorate(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        INITIALS[function.__name__] = Initial(function.__name__, function, finish)
        return function

    return decorate


def _heads(extents: Extents) -> tuple[str, str]:
    """`w[i<784,o<128]` and the element's place, `128·i + o`."""
    axes = ",".join(f"{name}<{size}" for name, size in extents.items())
    return f"w[{axes}]", mixed_radix(tuple(extents), tuple(extents.values())) or "0"


def _uniform(extents: Extents, limit: float, seed: int, stream: int) -> Tensor:
    """Even in [−limit, limit)."""
    head, place = _heads(extents)
    text = f"{head} = limit·(2·uniform(seed, stream, 0, {place}) − 1)"
    return define(text, limit=limit, seed=seed, stream=stream)


def _normal(extents: Extents, deviation: float, seed: int, stream: int) -> Tensor:
    """Normal by two uniform numbers; 1 − u is never 0, so its logarithm is finite.

    Source: Box & Muller, A note on the generation of random normal deviates, Annals of Mathematical Statistics 29
        (1958).
    """
    head, place = _heads(extents)
    radius = f"√(−2·log(1 − uniform(seed, stream, 0, {place})))"
    angle = f"2·π·uniform(seed, stream, 1, {place})"
    return define(f"{head} = deviation·{radius}·cos({angle})", deviation=deviation, seed=seed, stream=stream)


@register()
def glorot_uniform(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Even in ±√(6/(fan_in + fan_out)): variance 2/(fan_in + fan_out), a compromise of forward and backward pass.

    Source: Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010,
    equation 16.
    """
    return _uniform(extents, math.sqrt(6 / (fan_in + fan_out)), seed, stream)


@register()
def glorot_normal(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Normal with the variance 2/(fan_in + fan_out), not truncated. Source: as glorot_uniform, equation 12."""
    return _normal(extents, math.sqrt(2 / (fan_in + fan_out)), seed, stream)


@register()
def he_uniform(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Even in ±√(6/fan_in): variance 2/fan_in, for ReLU, which halves it.

    Source: He et al., Delving deep into rectifiers, ICCV 2015, equation 10.
    """
    return _uniform(extents, math.sqrt(6 / fan_in), seed, stream)


@register()
def he_normal(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Normal with the variance 2/fan_in, not truncated. Source: as he_uniform."""
    return _normal(extents, math.sqrt(2 / fan_in), seed, stream)


@register()
def lecun_uniform(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Even in ±√(3/fan_in): variance 1/fan_in, which keeps that of the sums.

    Source: LeCun et al., Efficient BackProp (1998), equation 16.
    """
    return _uniform(extents, math.sqrt(3 / fan_in), seed, stream)


@register()
def lecun_normal(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Normal with the variance 1/fan_in, not truncated. Source: as lecun_uniform."""
    return _normal(extents, math.sqrt(1 / fan_in), seed, stream)


@register()
def uniform(extents: Extents, *, limit: float = 0.05, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Even in [−limit, limit)."""
    return _uniform(extents, limit, seed, stream)


@register()
def normal(extents: Extents, *, deviation: float = 0.05, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Normal with mean 0 and this standard deviation."""
    return _normal(extents, deviation, seed, stream)


@register()
def zeros(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """0 everywhere: for biases."""
    return define(f"{_heads(extents)[0]} = 0")


@register()
def ones(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """1 everywhere: for scales."""
    return define(f"{_heads(extents)[0]} = 1")


def orthogonalize(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal columns (rows, where those are fewer) from normal numbers; axes before the last count as rows.

    Q of a QR decomposition whose R has a positive diagonal: only then is it even over all rotations. This is the one
    exception in this package: each column needs all columns before it, so as formulas it would keep a projection matrix
    for every column; and it runs once, before training.
    """
    rows = values.reshape(-1, values.shape[-1])
    tall = rows.shape[0] >= rows.shape[1]
    matrix = orthonormal(np.ascontiguousarray(rows.T if tall else rows))
    return np.ascontiguousarray(matrix.T if tall else matrix).reshape(values.shape)


@register(finish=orthogonalize)
def orthogonal(extents: Extents, *, fan_in: int, fan_out: int, seed: int, stream: int) -> Tensor:
    """Standard normal numbers, which `orthogonalize` then turns into a matrix that keeps lengths.

    Source: Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR 2014.
    """
    return _normal(extents, 1.0, seed, stream)
