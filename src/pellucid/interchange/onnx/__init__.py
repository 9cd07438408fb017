"""ONNX: networks written as ONNX models, and ONNX models read as networks."""

from __future__ import annotations

import os

from pellucid.interchange.onnx.layer import Operator as Operator  # files of imported networks name it
from pellucid.network import BaseNetwork


def to_onnx(net: BaseNetwork, path: str | os.PathLike[str]) -> None:
    """Write the network as an ONNX model, for prediction: inputs and outputs as `predict` has them, for any batch.

    Each layer becomes standard operators of opset 17, with its weights under their paths; `net.metadata` goes into the
    model's metadata, as JSON. What only training needs (dropout, losses, truncation) is left out.

    Raises:
        PellucidError: a layer or an activation that has no operators; the message names it. Or the package onnx is
            not installed.
        ModelFileError: the path cannot be written, `net.metadata` is not plain JSON, or the weights need more than the
            2 GB that a model may have.
    """
    from pellucid.interchange.onnx.export.writer import write

    write(net, path)
