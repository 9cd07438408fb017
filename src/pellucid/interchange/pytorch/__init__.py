"""PyTorch: networks written as modules, and modules read as networks."""

from __future__ import annotations

from typing import Any

from pellucid.network import BaseNetwork


def to_torch(net: BaseNetwork, *, channels_last: bool = False) -> Any:
    """The network as a PyTorch module (`nn.Module`) with its weights, which gives the same outputs and can be trained.

    It is made of PyTorch's own modules under the layers' names: `dense_1.linear`, `conv2d_1.conv`, `lstm_1.layer`. It
    comes in prediction; `module.train()` turns dropout and batch normalisation on. Frozen layers are frozen there.

    Args:
        channels_last: whether the module takes and gives images (n, h, w, c), as the network does; else (n, c, h, w),
            as PyTorch has them. All else is as in `predict`.

    Raises:
        PellucidError: layers that PyTorch does not have, all of them listed with their names. Or PyTorch is not
            installed.
    """
    from pellucid.interchange.pytorch.torch_package import torch_package

    torch_package()
    from pellucid.interchange.pytorch.module_writing import module_of

    return module_of(net, channels_last=channels_last)
