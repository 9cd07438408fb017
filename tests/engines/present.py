"""The engines as parameters of tests; those that are not installed are skipped."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pellucid import engines

without_jax = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
ENGINES = [
    pytest.param(name, marks=without_jax if name == "xla" else ()) for name in engines.ENGINES if "bfloat16" not in name
]
