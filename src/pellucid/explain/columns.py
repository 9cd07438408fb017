"""The names of a table's columns, and of a text's words, where a network reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from pellucid.errors import ModelFileError
from pellucid.layers.embedding import Embedding
from pellucid.layers.normalization import Normalization
from pellucid.network import BaseNetwork, Use

PADDING = "padding"
"""What a step that is none is called."""
Names = Mapping[str, Sequence[str]]
"""The names of a value's last axis, by its path; or `RowNames`, those of its first axis."""


class RowNames(tuple[str, ...]):
    """Names of the rows of a table, its first axis, such as the words of an embedding."""


def column_names(net: BaseNetwork) -> Names:
    """The features of the table that the network learned from, or the words of its texts, for its input and for what
    only scales it; the words for the rows of an embedding. None where its metadata has no table of as many columns.
    """
    if not net.metadata:
        return {}
    from pellucid.data import Preparation, TextVectorization  # a network that learned neither needs no data

    try:
        features: Sequence[str] = Preparation.of(net.metadata).features
        words = TextVectorization.of(net.metadata)
    except ModelFileError:
        return {}
    first = _first(net)
    if words is not None:
        features = words.get_vocabulary()
        if words.output_mode == "int":
            known = RowNames(features)
            tables = [use for use in first if isinstance(use.layer, Embedding) and use.layer.input_dim >= len(known)]
            return {f"{use.home}.embeddings": known for use in tables}
    if not features or any(shape[-1:] != (len(features),) for shape in net.input_shapes.values()):
        return {}
    scaled = [use.path for use in first if isinstance(use.layer, Normalization)]
    return dict.fromkeys([*net.input_shapes, *scaled], features)


def example_names(net: BaseNetwork, arrays: Mapping[str, NDArray[Any]]) -> Names:
    """`column_names`, and the words of the first example for the rows that an embedding looks up."""
    names = column_names(net)
    tables = {path.removesuffix(".embeddings"): known for path, known in names.items() if isinstance(known, RowNames)}
    looked_up = {
        use.path: RowNames(tables[use.home][i] or PADDING for i in arrays[use.parents[0]][0].reshape(-1).tolist())
        for use in _first(net)
        if use.home in tables
    }
    return {**names, **looked_up}


def _first(net: BaseNetwork) -> list[Use]:
    """The layers that read an input, and it alone."""
    return [use for use in net.uses if len(use.parents) == 1 and use.parents[0] in net.input_shapes]
