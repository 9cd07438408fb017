"""Which layers hand on, use and lose masks in Keras."""

from __future__ import annotations

from pellucid.layers.base import Layer
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.dropout import SpatialDropout1D
from pellucid.layers.embedding import Embedding
from pellucid.layers.masking import Masking
from pellucid.layers.multi_head_attention import MultiHeadAttention
from pellucid.layers.prelu import PReLU
from pellucid.layers.recurrent.base import _Recurrent
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.layers.windowed.global_pool import GlobalAveragePool


def leaves_mask(layer: Layer, comes: bool) -> bool:
    """Whether what a layer gives comes with a mask, where a mask comes to it or not."""
    if isinstance(layer, Masking) or (isinstance(layer, Embedding) and layer.mask_zero):
        return True
    if isinstance(layer, Bidirectional):
        return comes and layer.layer.return_sequences
    if isinstance(layer, _Recurrent):
        return comes and layer.return_sequences
    kinds = BatchNormalization | MultiHeadAttention | PReLU | SpatialDropout1D
    return comes and (layer.masking == "pass" or isinstance(layer, kinds))


def loses_mask(layer: Layer) -> bool:
    """Whether Keras's layer does as if there were no mask, which ours does not."""
    kinds = _Recurrent | Bidirectional | Masking | Embedding | GlobalAveragePool
    return layer.masking != "pass" and not isinstance(layer, kinds) and not leaves_mask(layer, True)
