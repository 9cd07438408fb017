"""The package torch, imported when somebody asks for it."""

from __future__ import annotations

from types import ModuleType

from pellucid.errors import PellucidError


class UnsupportedError(PellucidError):
    """A module or a network has what the other library cannot express."""


def torch_package() -> ModuleType:
    """The package.

    Raises:
        PellucidError: it is not installed.
    """
    try:
        import torch
    except ImportError:
        raise PellucidError("PyTorch is not installed: pip install pellucid[torch]") from None
    module: ModuleType = torch
    return module
