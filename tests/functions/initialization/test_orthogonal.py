"""Orthonormal vectors: those of a QR decomposition, to the same bits wherever they are made."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from pellucid.functions.initialization.orthogonal import orthonormal

DIGEST = "29826c7a25046aa5af5d6bb6929ba6a9988ef0814199d8b4675af5216cb7d3b5"
BITS = """
import hashlib, numpy as np
from pellucid.functions.initialization.orthogonal import orthonormal
x = np.random.default_rng(0).integers(-2**20, 2**20, (70, 150)) / 2.0**19
print(hashlib.sha256(orthonormal(x).tobytes()).hexdigest())
"""


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (5, 9), (32, 32), (33, 40), (100, 200)])
def test_as_a_qr_decomposition(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(1).normal(size=shape)
    found = orthonormal(x)
    q, r = np.linalg.qr(x.T)
    np.testing.assert_allclose(found, (q * np.sign(np.diag(r))).T, atol=1e-11)
    np.testing.assert_allclose(found @ found.T, np.eye(shape[0]), atol=5e-15)


@pytest.mark.parametrize("kind", ["NEHALEM", "HASWELL"])
def test_the_same_bits_by_other_kernels_of_linear_algebra(kind: str) -> None:
    """Written down, so that machines are compared too."""
    environment = {**os.environ, "OPENBLAS_CORETYPE": kind, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", BITS], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == DIGEST
