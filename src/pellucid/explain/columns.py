"""The names of a table's columns where a network reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pellucid.errors import ModelFileError
from pellucid.layers.normalization import Normalization
from pellucid.network import BaseNetwork

Names = Mapping[str, Sequence[str]]
"""The names of a value's last axis, by its path."""


def column_names(net: BaseNetwork) -> Names:
    """The features of the table that the network learned from, for its input and for what only scales it; none where
    its metadata has no table of as many columns.
    """
    if not net.metadata:
        return {}
    from pellucid.data import Preparation  # a network that learned no table needs no data

    try:
        features = Preparation.of(net.metadata).features
    except ModelFileError:
        return {}
    if not features or any(shape[-1:] != (len(features),) for shape in net.input_shapes.values()):
        return {}
    scaled = [
        use.path
        for use in net.uses
        if isinstance(use.layer, Normalization) and len(use.parents) == 1 and use.parents[0] in net.input_shapes
    ]
    return dict.fromkeys([*net.input_shapes, *scaled], features)
