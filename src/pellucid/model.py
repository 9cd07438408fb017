"""The public network: what a person does with one, each a function of the package that does it."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid import lab, training
from pellucid.arrays import as_array, check_examples, is_integer
from pellucid.engines import DEFAULT
from pellucid.errors import DataError, PellucidError, nearest
from pellucid.functions.activations import ActivationLike
from pellucid.interchange import keras, object_file, onnx, pytorch, safetensors
from pellucid.layers.base import Layer, Node
from pellucid.layers.dense import Dense
from pellucid.layers.normalization import Normalization
from pellucid.network import BaseNetwork
from pellucid.once import Deferred
from pellucid.summary import summarise

if TYPE_CHECKING:
    from pellucid import explain
    from pellucid.interchange import workbook
else:  # half of all modules: a network that is only trained needs none of them
    explain = Deferred("pellucid.explain")
    workbook = Deferred("pellucid.interchange.workbook")


class Network(BaseNetwork):
    """Layers wired to a network, to be trained, used, looked into and saved.

        net = Network(Dense(64, activation="relu"), Dense(10, activation="softmax"), input_shape=(784,))

    See `BaseNetwork` for the arguments.
    """

    fit = training.fit
    evaluate = training.evaluate
    train_on_batch = training.train_on_batch
    test_on_batch = training.test_on_batch
    predict = training.predict
    stepper = training.stepper
    decode = training.decode
    gradients = training.gradients
    trace = explain.trace
    flow = explain.flow
    diagnose = explain.diagnose
    patch = explain.patch
    ablate = explain.ablate
    sweep = explain.sweep
    attribute = explain.attribute
    rounding = explain.rounding
    without = explain.without
    plot = explain.plot
    plot_boundary = explain.plot_boundary
    plot_confusion = explain.plot_confusion
    explain = explain.explain
    find_learning_rate = training.find_learning_rate
    lab = lab.lab
    save = safetensors.save
    to_onnx = onnx.to_onnx
    to_keras = keras.to_keras
    to_torch = pytorch.to_torch
    export = object_file.export
    sheet = workbook.sheet

    def get_layer(self, name: str | None = None, *, index: int | None = None) -> Layer:
        """The layer of this name, as paths call it ("dense_1", of a network inside "network_1.dense_1"), or at this
        place among the layers, counted from 0.

        Raises:
            PellucidError: there is none; the message names the nearest.
        """
        if (name is None) == (index is None):
            raise PellucidError('get_layer takes a name or an index, as in get_layer("dense_1") or get_layer(index=0)')
        if index is not None:
            if not is_integer(index, minimum=-len(self.layers)) or index >= len(self.layers):
                raise PellucidError(f"index is {index!r}, expected an integer from 0 to {len(self.layers) - 1}")
            return self.layers[index]
        return _layer_at(self, str(name))

    def count_params(self) -> int:
        """How many numbers all parameters have together."""
        return sum(math.prod(spec.shape) for spec in self.specs.values())

    def clone(self, *, seed: int | None = None) -> Network:
        """A network of the same architecture with layers of its own and new initial values.

        What was measured, not learnt (the statistics of Normalization layers), is copied. `copy.deepcopy(net)` copies
        the weights too.

        Args:
            seed: the seed of its initial values; the network's own by default, which gives those it began with.
        """
        config = self.config() | ({} if seed is None else {"seed": seed})
        twin: Network = Network.restored(config, engine=self.engine)  # type: ignore[assignment]
        measured = [path for path in self.specs if isinstance(self.owner(path)[0], Normalization)]
        twin.parameters.replace({path: self.parameters[path] for path in measured})
        twin.metadata.update(copy.deepcopy(self.metadata))
        return twin

    def summary(self) -> None:
        """Print a table of the layers: path, kind, output shape, parameters, multiply-adds of one example."""
        print(summarise(self))

    def _repr_html_(self) -> str:
        return summarise(self)._repr_html_()


def _layer_at(net: BaseNetwork, path: str) -> Layer:
    layers = {use.home: use.layer for use in net.uses}
    first, _, rest = path.partition(".")
    layer = layers.get(first)
    if layer is None:
        raise PellucidError(f'there is no layer "{path}".{nearest(first, layers)}')
    return _layer_at(layer, rest) if rest and isinstance(layer, BaseNetwork) else layer


class Neuron(Network):
    """The smallest network: one unit, `y = f(b + Σ[i] x[i]·w[i])`.

        Neuron([2, -1], bias=0.5, activation="step")([1, 1])

    Args:
        weights: w, shape (inputs,).
        bias: b.
        activation: f, by name.
    """

    def __init__(
        self,
        weights: Any,
        bias: float = 0.0,
        activation: ActivationLike = "linear",
        *,
        engine: str = DEFAULT,
        dtype: Any = np.float32,
    ) -> None:
        w = as_array(weights, what="weights")
        if w.ndim != 1:
            raise DataError(f"weights has shape {w.shape}, expected (inputs,): one weight an input")
        b = as_array(bias, what="bias")
        if b.size != 1:
            raise DataError(f"bias has shape {b.shape}, expected one number")
        super().__init__(Dense(1, activation=activation), input_shape=(len(w),), engine=engine, dtype=dtype)
        self.parameters["dense_1.kernel"] = w[:, None]
        self.parameters["dense_1.bias"] = b.reshape(1)

    def __call__(self, *x: Any) -> Any:
        """Its output: a number for one example (inputs,), an array (n,) for several (n, inputs); on nodes, a layer."""
        if any(isinstance(part, Node) for part in x):
            return super().__call__(*x)
        (shape,) = self.input_shapes.values()
        array = as_array(x[0] if len(x) == 1 else x, what="x")
        if array.ndim < 2 and array.shape != shape:
            check_examples(array.reshape(1, -1), shape)
        outputs = self.predict(array if array.ndim > 1 else array[None])
        return outputs[:, 0] if array.ndim > 1 else float(outputs[0, 0])


def load(path: str | os.PathLike[str], *, engine: str = DEFAULT) -> Network:
    """The network that `Network.save` wrote.

    Raises:
        ModelFileError: no such file, truncated, foreign, damaged, or computing something else than when it was saved.
    """
    return safetensors.load(path, Network, engine=engine)


def from_onnx(
    path: str | os.PathLike[str],
    *,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    engine: str = DEFAULT,
) -> Network:
    """The network that an ONNX model describes, to be used, explained and trained on like any other.

    Each node is a layer called as the node is: Dense, Embedding, Activation, Add, … where that computes the same, else
    an `Operator`. Arrays come and go with the batch in front, wherever the model has it; a model that was made for one
    size of the batch takes any.

    Args:
        input_shapes: sizes of the axes that the model leaves open, by the inputs' names, with None for the batch:
            `{"tokens": (None, 64)}`.

    Raises:
        ModelFileError: no such file; truncated, foreign or damaged; of a newer opset than the package onnx knows; or
            with data outside its folder.
        PellucidError: operators that are not known, all of them listed with their nodes, or the package onnx is not
            installed.
    """
    from pellucid.interchange.onnx.reading.assembly import read

    return read(path, Network, input_shapes=input_shapes, engine=engine)


def from_keras(
    model: str | os.PathLike[str] | Any,
    *,
    input_shapes: Mapping[str, Sequence[int | None]] | None = None,
    engine: str = DEFAULT,
) -> Network:
    """The network that a Keras model is: a `.keras` file of Keras 3, read without Keras, or a model in memory.

    Layers keep their names, weights and options; shared layers stay shared, masks come from `Masking` and
    `Embedding(mask_zero=True)` as there. What the model was compiled with becomes arguments of `fit`:
    `net.fit(x, y, **net.metadata["fit"])`. Nothing in the file is executed.

    Args:
        model: the path of the file, or a Keras model.
        input_shapes: sizes of the axes that the model leaves open, by the inputs' names, with None for the batch:
            `{"tokens": (None, 64)}`.

    Raises:
        ModelFileError: no such file; truncated, foreign or damaged; or with weights that contradict the layers.
        PellucidError: layers that Pellucid does not have, all of them listed with their names and classes; or the
            package h5py is not installed.
    """
    from pellucid.interchange.keras.model_reading import read, read_model

    reader = read if isinstance(model, (str, os.PathLike)) else read_model
    return reader(model, Network, input_shapes=input_shapes, engine=engine)


def from_torch(module: Any, example: Any, *, channels_last: bool = True, engine: str = DEFAULT) -> Network:
    """The network that a PyTorch module is, from the graph of its calculation (torch.export).

    Linear, convolution, pooling, normalisation, embedding, recurrent layers, attention and activations become layers
    with the module's weights, under its names: `encoder.0.weight` is `encoder_0.kernel`. The rest of the arithmetic
    becomes operators. The module itself stays as it is, and the network shares no memory with it.

    Args:
        module: an `nn.Module`. It is read as it predicts, as after `eval()`; dropout and batch normalisation are in the
            network all the same.
        example: what the module takes, a tensor or a tuple of tensors with a batch in front (or as the second axis,
            where its recurrent layers or attention are not batch_first); the numbers do not matter.
        channels_last: whether the network takes and gives images (n, h, w, c), as elsewhere in Pellucid; else
            (n, c, h, w), as the module does. Sequences stay as they are, with the batch in front.

    Raises:
        PellucidError: operators that Pellucid does not have, all of them listed with where they are; what has no graph;
            or PyTorch is not installed.
    """
    from pellucid.interchange.pytorch.graph_reading import read

    return read(module, example, Network, channels_last=channels_last, engine=engine)
