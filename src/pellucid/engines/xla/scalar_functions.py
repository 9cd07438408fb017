"""The scalar functions in JAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import jax.numpy as jnp
from jax import lax

_MULTIPLIERS: Final = 0xD2511F53, 0xCD9E8D57
_WEYL: Final = 0x9E3779B9, 0xBB67AE85


def _softplus(x: Any) -> Any:
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


UNARY: Final[dict[str, Callable[[Any], Any]]] = {
    "exp": jnp.exp,
    "expm1": jnp.expm1,
    "log": jnp.log,
    "log1p": jnp.log1p,
    "sqrt": jnp.sqrt,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "tanh": jnp.tanh,
    "abs": jnp.abs,
    "sign": jnp.sign,
    "erf": lax.erf,
    "σ": lax.logistic,
    "softplus": _softplus,
}
NUMBERS: Final[dict[str, Callable[[float], float]]] = {
    "sqrt": lambda x: math.sqrt(x) if x >= 0 else math.nan,
    "abs": abs,
    "exp": lambda x: math.exp(x) if x < 709 else math.inf,
    "log": lambda x: math.log(x) if x > 0 else math.nan if x else -math.inf,
}
"""Of numbers that are known before anything runs; the others go through JAX."""

ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {"max": jnp.maximum, "min": jnp.minimum}
COMPARISONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
}


def power(x: Any, by: Any) -> Any:
    """x to a power; a small integer, known beforehand, as products."""
    if isinstance(by, float | int) and not isinstance(by, bool):
        if by == 0.5:
            return jnp.sqrt(x)
        if float(by).is_integer() and abs(by) <= 4 and not isinstance(x, float | int):
            return lax.integer_pow(x, int(by))
    return jnp.power(x, by)


def uniform(seed: Any, stream: Any, step: Any, index: Any) -> Any:
    """Philox4x32-10 as in engines/random.py, to the same bits: a float32 in [0, 1) for each index."""
    k0, k1 = (_words(k)[0] for k in (seed, stream))
    (c0, c1), (c2, c3) = _words(index), _words(step)
    for _ in range(10):
        (high1, low1), (high2, low2) = _product(c0, _MULTIPLIERS[0]), _product(c2, _MULTIPLIERS[1])
        c0, c1, c2, c3 = high2 ^ c1 ^ k0, low2, high1 ^ c3 ^ k1, low1
        k0, k1 = k0 + jnp.uint32(_WEYL[0]), k1 + jnp.uint32(_WEYL[1])
    return (c0 >> jnp.uint32(8)).astype(jnp.float32) * jnp.float32(2.0**-24)


def _words(value: Any) -> tuple[Any, Any]:
    """An integer as its lower and its upper 32 bits, by its two's complement."""
    bits = jnp.asarray(value).astype(jnp.int64).astype(jnp.uint64)
    return bits.astype(jnp.uint32), (bits >> jnp.uint64(32)).astype(jnp.uint32)


def _product(word: Any, by: int) -> tuple[Any, Any]:
    """The upper and the lower 32 bits of a product."""
    both = word.astype(jnp.uint64) * jnp.uint64(by)
    return (both >> jnp.uint64(32)).astype(jnp.uint32), both.astype(jnp.uint32)
