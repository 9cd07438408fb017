"""One instruction set for everybody: how each library is told not to use more than that."""

from __future__ import annotations

import os
from typing import Final

from pellucid.engines.llvm.run.native import available
from pellucid.errors import PellucidError

NATIVE: Final = "native"
TARGETS: Final[dict[str, dict[str, str]]] = {
    NATIVE: {},
    "v3": {
        "PELLUCID_TARGET": "v3",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "TORCHINDUCTOR_CPP_MARCH": "x86-64-v3",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    },
    "v4": {
        "PELLUCID_TARGET": "v4",
        "ATEN_CPU_CAPABILITY": "avx512",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
        "OPENBLAS_CORETYPE": "SkylakeX",
        "TORCHINDUCTOR_CPP_MARCH": "x86-64-v4",
        "XLA_FLAGS": "--xla_cpu_max_isa=AVX512",
    },
}
"""The environment of the workers. ONNX Runtime has no such switch: see `onnxruntime_held.py`."""


def environment(target: str) -> dict[str, str]:
    """What the workers' environment needs for this target; flags for XLA that are there already stay.

    Raises:
        PellucidError: this CPU does not have the instructions.
    """
    if target != NATIVE and target not in available():
        known = ", ".join([name for name in TARGETS if name in available()] + [NATIVE])
        raise PellucidError(f"this CPU does not have the instructions of {target}, expected --target {known}")
    found = dict(TARGETS[target])
    if "XLA_FLAGS" in found and (before := os.environ.get("XLA_FLAGS")):
        found["XLA_FLAGS"] = f"{before} {found['XLA_FLAGS']}"
    return found
