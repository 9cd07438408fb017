"""Keras: networks written as `.keras` files, and such files read as networks, without Keras."""

from __future__ import annotations

import os

from pellucid.network import BaseNetwork


def to_keras(net: BaseNetwork, path: str | os.PathLike[str]) -> None:
    """Write the network as a `.keras` file of Keras 3, which gives the same outputs there. Keras need not be installed.

    Layers keep their names. A chain of layers is a Sequential model there, everything else a Functional one; padding
    in numbers becomes ZeroPadding and Cropping layers. What Keras does not have in training, such as truncation, is
    left out.

    Raises:
        PellucidError: layers that Keras does not have, all of them listed with their names. Or the package h5py is not
            installed.
        ModelFileError: the path cannot be written.
    """
    from pellucid.interchange.keras.model_writing import write

    write(net, path)
