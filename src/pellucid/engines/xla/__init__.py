"""Programs on XLA, through JAX: GPUs, TPUs, and many machines.

A program is lowered once for each extent of its batch: statements to operations of arrays whose dimensions are the
formula's axes (`labelled.py`), loops to `lax.scan` (`scans.py`), sums of products to `dot_general` and
`conv_general_dilated`. XLA compiles the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.engines.base import Dtype
from pellucid.formula.program import Program

if TYPE_CHECKING:
    from pellucid.engines.xla.compiled import Compiled


def executable(program: Program, dtype: Dtype) -> Compiled:
    """The program, compiled by XLA when it is first called."""
    from pellucid.engines.xla.compiled import Compiled

    return Compiled(program, dtype)
