"""The XLA engine with half as many bits in its products: what products of matrices and convolutions multiply is rounded
to bfloat16 (8 significant bits, the range of float32), and summed in float32.

Parameters, all other operations and the optimizer stay in float32. Devices made for it, GPUs and TPUs, multiply so at
several times the speed; a CPU does not. Traces are taken in full float32, so that explained sums add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pellucid.engines.base import Dtype
from pellucid.errors import PellucidError
from pellucid.formula.program import Program

if TYPE_CHECKING:
    from pellucid.engines.xla.compiled import Compiled


def executable(program: Program, dtype: Dtype) -> Compiled:
    """The program, compiled by XLA when it is first called.

    Raises:
        PellucidError: the network computes in float64.
    """
    import jax.numpy as jnp

    from pellucid.engines.xla.compiled import Compiled

    if dtype != np.float32:
        raise PellucidError(
            f'the engine "xla-bfloat16" sums in float32, got a network in {dtype}: give the network dtype="float32", '
            'or take the engine "xla"'
        )
    return Compiled(program, dtype, factors=jnp.bfloat16)
