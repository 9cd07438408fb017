"""The `onnx` package, imported when somebody reads or writes a model."""

from __future__ import annotations

from types import ModuleType

from pellucid.errors import PellucidError


def onnx_package() -> ModuleType:
    """The package.

    Raises:
        PellucidError: it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise PellucidError(
            "ONNX models need the package onnx, which is not installed: pip install pellucid[onnx]"
        ) from None
    module: ModuleType = onnx
    return module
