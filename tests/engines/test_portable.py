"""The functions whose bits are the same on every machine, against NumPy's."""

from __future__ import annotations

import hashlib

import numpy as np

from pellucid.engines import reference
from pellucid.engines.reference import portable
from pellucid.formula import Program, define

UNITS = np.arange(0, 2**24 + 1, 97) / 2.0**24


def test_log() -> None:
    x = np.concatenate([UNITS[1:], [2.0**-24, 1.0, 1e-300, 1e300, 0.7071067811865476, 0.7071067811865475]])
    np.testing.assert_array_max_ulp(portable.log(x), np.log(x), maxulp=2)
    assert portable.log(0.0) == -np.inf and portable.log(1.0) == 0


def test_cos() -> None:
    x = np.concatenate([2 * np.pi * UNITS, -2 * np.pi * UNITS, 20 * UNITS])
    assert np.abs(portable.cos(x) - np.cos(x)).max() < 4.5e-16


def test_the_same_bits_wherever_they_are_computed() -> None:
    text = "w[i<5000] = √(−2·log(1 − uniform(7, 1, 0, i)))·cos(2·π·uniform(7, 1, 1, i))"
    run = reference.executable(Program({"w": define(text)}), np.dtype(np.float64), portable=True)
    digest = hashlib.sha256(run({})["w"].tobytes()).hexdigest()
    assert digest == "8ac41025cc9984d67f1d73d0875c6f1aac38884f03d6264500199089e50d7268"
