"""A network as it is drawn: unit by unit where it is small, else layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.engines import compile_program
from pellucid.explain.columns import column_names
from pellucid.formula import BATCH, Program, Tensor
from pellucid.functions.activations import Activation
from pellucid.layers.activation import Activation as ActivationLayer
from pellucid.layers.base import InputLayer
from pellucid.layers.batch_normalization import BatchNormalization
from pellucid.layers.dense import Dense
from pellucid.layers.dropout import Dropout
from pellucid.layers.normalization import Normalization
from pellucid.layers.recurrent.bidirectional import Bidirectional
from pellucid.network import BaseNetwork, Use
from pellucid.summary import summarise

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pellucid.plots.network_diagram import Box
    from pellucid.plots.unit_diagram import Units

MAX_UNITS = 8
"""A network is drawn unit by unit where no layer has more."""
MAX_LAYERS = 8
_ONE_TO_ONE = (ActivationLayer, BatchNormalization, Dropout, Normalization)


def plot(net: BaseNetwork) -> Figure:
    """The network drawn, as a matplotlib figure.

    A small one is drawn unit by unit: a chain of Dense layers (and of layers that treat each unit by itself) with at
    most 8 units each, with its bias units and its weights. Of others every layer is a box, coloured by its kind, with
    its options, the shape that leaves it and its parameters.
    """
    from pellucid.plots.network_diagram import network_figure
    from pellucid.plots.unit_diagram import unit_figure

    title = net.name or "The network"
    if _small(net):
        return unit_figure(_units(net), title=title)
    rows = {row.path: row for row in summarise(net).rows}
    return network_figure(
        [_box(net, use, rows[use.path].kind, rows[use.path].parameters) for use in net.uses], title=title
    )


def _small(net: BaseNetwork) -> bool:
    """Whether the network is a chain of few units."""
    chain = all(use.parents == ((net.uses[k - 1].path,) if k else ()) for k, use in enumerate(net.uses))
    kinds = all(isinstance(use.layer, (InputLayer, Dense, *_ONE_TO_ONE)) for use in net.uses)
    sizes = all(len(use.shape) == 1 and use.shape[0] <= MAX_UNITS for use in net.uses)
    return chain and kinds and sizes and 2 <= len(net.uses) <= MAX_LAYERS


def _units(net: BaseNetwork) -> list[Units]:
    from pellucid.plots.unit_diagram import Units

    names = column_names(net)
    layers = []
    for use in net.uses:
        function = getattr(use.layer, "activation", None)
        function = function if isinstance(function, Activation) else None
        dense = isinstance(use.layer, Dense)
        layers.append(
            Units(
                use.path,
                use.shape[0],
                _described(use, function),
                kernel=net.parameters[f"{use.home}.kernel"] if dense else None,
                bias=net.parameters[f"{use.home}.bias"] if dense and f"{use.home}.bias" in net.parameters else None,
                curve=None if function is None else _curve(function),
                names=tuple(names.get(use.path, ())) if isinstance(use.layer, InputLayer) else _classes(net, use),
            )
        )
    return layers


def _described(use: Use, function: Activation[...] | None) -> str:
    if isinstance(use.layer, InputLayer):
        return "inputs"
    if function is not None:
        return function.name
    return "normalised" if isinstance(use.layer, (Normalization, BatchNormalization)) else "dropout"


def _classes(net: BaseNetwork, use: Use) -> tuple[str, ...]:
    """The names of the classes, where a table's were learned and these units are the last."""
    if use is not net.uses[-1] or not net.metadata:
        return ()
    from pellucid.data import Preparation
    from pellucid.errors import ModelFileError

    try:
        preparation = Preparation.of(net.metadata)
    except ModelFileError:
        return ()
    if preparation.classes is not None:
        return preparation.classes if use.shape == (len(preparation.classes),) else ()
    return (preparation.target,) if preparation.target is not None and use.shape == (1,) else ()


def _curve(function: Activation[...]) -> tuple[Any, Any] | None:
    """The graph of an activation of one number around 0; None for those over all units, such as softmax."""
    x = np.linspace(-4, 4, 81)
    z = Tensor.input("z", n=BATCH, k=1)
    a = function.function(z, **function.options)
    y = compile_program(Program({"a": a}), engine="reference", dtype=np.float64)({"z": x[:, None]})["a"][:, 0]
    return (x, y) if np.isfinite(y).all() and np.ptp(y) > 0 else None


def _box(net: BaseNetwork, use: Use, kind: str, parameters: int) -> Box:
    from pellucid.plots.network_diagram import Box

    kind = kind.removesuffix("Layer")
    return Box(use.path, kind, net.shape_of(use.path), parameters, use.parents, _options(use, kind))


def _options(use: Use, kind: str) -> str:
    """What tells a layer from others of its kind, such as "3 × 3, every 2, relu"."""
    layer = use.layer
    rank = getattr(layer, "rank", 1)
    words = [] if use.path.startswith(layer.kind) else [kind]
    for option, text in (("kernel_size", "{}"), ("pool_size", "{}"), ("strides", "every {}")):
        value = getattr(layer, option, None)
        if isinstance(value, (int, tuple)) and not (option == "strides" and value in (1, (1,) * rank)):
            words.append(text.format(" × ".join(map(str, value if isinstance(value, tuple) else (value,) * rank))))
    if (rate := getattr(layer, "rate", None)) is not None:
        words.append(f"{rate:.3g} dropped")
    if isinstance(layer, Bidirectional):
        words.append(f"{layer.layer.kind}, both ways")
    if (heads := getattr(layer, "num_heads", None)) is not None:
        words.append(f"{heads} head{'s' * (heads > 1)}")
    function = getattr(layer, "activation", None)
    if isinstance(function, Activation) and function.config != getattr(type(layer), "activation", None):
        words.append(function.name)
    return ", ".join(words)
