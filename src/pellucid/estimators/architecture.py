"""From an estimator's parameters to networks: the one that is trained, and those that are used."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pellucid.estimators import scaling, settings
from pellucid.layers import Dense, Dropout, Input, Layer
from pellucid.layers.base import Node
from pellucid.model import Network

Array = NDArray[Any]
Statistics = tuple[Array, Array]
NO_DROPOUT = "dropout needs a stochastic solver, such as solver='adamw'; got solver='lbfgs'."


@dataclass(frozen=True)
class Networks:
    """Networks over the same layers.

    Attributes:
        trained: from the table to the targets in the units in which they are learned.
        used: from the table to the units of the user's targets.
        hidden: from the table to the last hidden layer.
    """

    trained: Network
    used: Network
    hidden: Network


@dataclass(frozen=True)
class Ends:
    """What stands around the hidden layers: the shapes, how they are scaled, and the last activation; and how many
    samples there are to train on."""

    samples: float
    features: int
    outputs: int
    activation: str
    inputs: Statistics | None = None
    targets: Statistics | None = None


def build(estimator: Any, ends: Ends, *, seed: int, dtype: str) -> Networks:
    """The networks of a classifier or a regressor."""
    start = Input((ends.features,), name="table")
    last, output = _body(estimator, ends, chain(_scaling(ends.inputs, "scaled"), start), seed)
    back = chain(_scaling(ends.targets, "unscaled", invert=True), output)
    return _networks(estimator, ends, start, output, back, last, seed=seed, dtype=dtype)


def build_autoencoder(estimator: Any, ends: Ends, *, seed: int, dtype: str) -> tuple[Networks, Network]:
    """The networks of an autoencoder, `hidden` being the encoder; and the decoder."""
    if not settings.is_stochastic(estimator.solver) and estimator.dropout:
        raise ValueError(NO_DROPOUT)
    sizes = settings.sizes_of(estimator.hidden_layer_sizes)
    acts = settings.each_layer(estimator.activation, len(sizes), "activation")
    encoder: list[Layer] = [Dropout(float(estimator.dropout))] if estimator.dropout else []
    encoder += [dense(estimator, size, act, ends) for size, act in zip(sizes, acts, strict=True)]
    encoder.append(dense(estimator, estimator.n_components, estimator.code_activation, ends))
    decoder: list[Layer] = [
        dense(estimator, size, act, ends) for size, act in zip(sizes[::-1], acts[::-1], strict=True)
    ]
    decoder.append(dense(estimator, ends.outputs, ends.activation, ends))
    start, code_in = Input((ends.features,), name="table"), Input((estimator.n_components,), name="code")
    code = chain([*_scaling(ends.inputs, "scaled"), *encoder], start)
    output, back = chain(decoder, code), _scaling(ends.targets, "unscaled", invert=True)
    networks = _networks(estimator, ends, start, output, chain(back, output), code, seed=seed, dtype=dtype)
    common: dict[str, Any] = {"seed": seed, "dtype": dtype, "engine": networks.trained.engine}
    return networks, Network(inputs=code_in, outputs=chain([*decoder, *back], code_in), **common)


def _networks(
    estimator: Any, ends: Ends, start: Node, output: Node, back: Node, last: Node, *, seed: int, dtype: str
) -> Networks:
    """Networks to these nodes, on an engine that suits the work."""
    common: dict[str, Any] = {"inputs": start, "seed": seed, "dtype": dtype}
    trained = Network(**common, outputs=output, engine=settings.NUMPY)
    common["engine"] = settings.engine_of(estimator, ends.samples, weights(trained))
    if common["engine"] != settings.NUMPY:
        trained = Network(**common, outputs=output)
    used = trained if back is output else Network(**common, outputs=back)
    return Networks(trained, used, Network(**common, outputs=last))


def _scaling(statistics: Statistics | None, name: str, *, invert: bool = False) -> list[Layer]:
    return [scaling.layer(*statistics, invert=invert, name=name)] if statistics else []


def weights(net: Network) -> int:
    return sum(math.prod(spec.shape) for spec in net.specs.values())


def hidden_layers(estimator: Any, sizes: Sequence[int], ends: Ends) -> list[Layer]:
    """Dense layers, each with its activation and its dropout."""
    activations = [
        settings.activation_of(a) for a in settings.each_layer(estimator.activation, len(sizes), "activation")
    ]
    rates = settings.each_layer(estimator.dropout, len(sizes), "dropout")
    if any(rates) and not settings.is_stochastic(estimator.solver):
        raise ValueError(NO_DROPOUT)
    layers: list[Layer] = []
    for size, act, rate in zip(sizes, activations, rates, strict=True):
        layers.append(dense(estimator, size, act, ends))
        if rate:
            layers.append(Dropout(float(rate)))
    return layers


def dense(estimator: Any, units: int, activation: Any, ends: Ends) -> Dense:
    return Dense(
        units,
        activation=settings.activation_of(activation),
        # kernels that begin smaller, as with glorot_uniform, hardly leave the straight part of silu on few columns
        kernel_initializer="lecun_uniform",
        kernel_regularizer=settings.penalty_of(estimator, ends.samples),
    )


def chain(layers: Sequence[Layer], node: Node) -> Node:
    for layer in layers:
        node = layer(node)
    return node


def _body(estimator: Any, ends: Ends, node: Node, seed: int) -> tuple[Node, Node]:
    """The last hidden node, and the output."""
    layers: Sequence[Layer]
    if estimator.network is None:
        layers = hidden_layers(estimator, settings.sizes_of(estimator.hidden_layer_sizes), ends)
    else:
        given = _own(estimator.network, ends, seed)
        if isinstance(given, Network):
            return _checked(given, ends, node)
        layers = given
    last = chain(layers, node)
    return last, dense(estimator, ends.outputs, ends.activation, ends)(last)


def _own(network: Any, ends: Ends, seed: int) -> Network | list[Layer]:
    """What the user gave as `network`: hidden layers, or a whole network."""
    if callable(network):
        accepted = inspect.signature(network).parameters
        known = {"n_features": ends.features, "n_outputs": ends.outputs, "seed": seed}
        extra = {name: known[name] for name in accepted if name in known}
        network = network(**extra)
    else:
        network = copy.deepcopy(network)
    if isinstance(network, Network):
        return network
    if not isinstance(network, (list, tuple)) or not all(isinstance(layer, Layer) for layer in network):
        raise ValueError(
            "network must be a list of layers, or a function of n_features, n_outputs and seed (as many of them as it "
            f"names) that returns such a list or a pl.Network; got {type(network).__name__}."
        )
    return list(network)


def _checked(net: Network, ends: Ends, node: Node) -> tuple[Node, Node]:
    """A network of the user's as a layer, and the node before its own output layer."""
    shapes = list(net.input_shapes.values()), list(net.output_shapes.values())
    if shapes != ([(ends.features,)], [(ends.outputs,)]):
        raise ValueError(
            f"the network takes {shapes[0]} and gives {shapes[1]}, expected [({ends.features},)] and "
            f"[({ends.outputs},)]: build it from n_features and n_outputs."
        )
    found = next(iter(net.reading().last.values())).activation
    if ends.activation in ("softmax", "sigmoid") and found != ends.activation:
        raise ValueError(
            f"the network ends in the activation {found!r}, expected {ends.activation!r} for these targets."
        )
    (before,) = net.output_nodes[0].parents
    return Network(inputs=net.input_nodes, outputs=before, dtype=net.dtype)(node), net(node)
