"""A network in a safetensors file: weights as tensors, architecture and metadata as JSON, and a probe.

The probe is an input with the output that the network gave for it when it was saved; loading computes it again. A
network that needs much memory or time for one example has none: a small file could ask for hours of work.
Nothing in the file is executed: layers are found by name among those that exist, and their options are checked.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import DEFAULT, full_precision
from pellucid.errors import ModelFileError, PellucidError, UnknownNameError
from pellucid.files import read_tensors, write_tensors
from pellucid.formula import Program
from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Reduction, free_axes, walk
from pellucid.formula.program import Loop
from pellucid.layers.normalization import Normalization
from pellucid.network import BaseNetwork, check_uses
from pellucid.training.evaluation import predict
from pellucid.training.inputs.feeds import vocabulary

Array = NDArray[Any]
N = TypeVar("N", bound=BaseNetwork)
KIND = "pellucid network"
PROBES = 2
MAX_PROBED_ELEMENTS = 1 << 26
"""The maximum number of elements that a network with a probe computes for one example, all values together."""
MAX_PROBED_TERMS = 1 << 34
"""The maximum number of terms of sums that it computes for one example; a step of a loop counts as 1,000."""
_INPUT, _OUTPUT = "probe input ", "probe output "


OTHERS = {
    ".keras": "net.to_keras(path) writes Keras's",
    ".h5": "net.to_keras(path) writes Keras's, which ends in .keras",
    ".hdf5": "net.to_keras(path) writes Keras's, which ends in .keras",
    ".onnx": "net.to_onnx(path) writes ONNX's",
    ".pt": "net.to_torch() gives a module of PyTorch",
    ".pth": "net.to_torch() gives a module of PyTorch",
    ".pkl": "a network is never pickled into a file",
}
"""The endings of other formats, and what writes them."""


def save(net: BaseNetwork, path: str | os.PathLike[str]) -> None:
    """Write the network to a file, whole or not at all.

    Raises:
        ModelFileError: the path has the ending of another format or cannot be written, `net.metadata` is not plain
            JSON, or the network has more layers than `load` takes.
    """
    if other := OTHERS.get(Path(path).suffix.lower()):
        raise ModelFileError(f'"{path}" is the name of another format, expected one such as "net.safetensors"; {other}')
    config = net.config()
    try:
        check_uses(config)
    except PellucidError as error:
        raise ModelFileError(f'"{path}" cannot be written, for it could not be read again: {error}') from error
    tensors = net.parameters.snapshot()
    if small_enough_to_probe(net):
        probe = {name: _probe(net, name, seed) for seed, name in enumerate(net.input_shapes)}
        tensors |= {_INPUT + name: array for name, array in probe.items()}
        tensors |= {_OUTPUT + name: array for name, array in _answers(net, probe).items()}
    write_tensors(path, KIND, {"network": config, "metadata": net.metadata}, tensors)


def load(path: str | os.PathLike[str], kind: type[N], *, engine: str = DEFAULT) -> N:
    """The network of a file that `save` wrote.

    Raises:
        ModelFileError: no such file; truncated, foreign, damaged, or of another shape than its description; or the
            probe comes out differently.
    """
    content, tensors = read_tensors(path, KIND)
    config, metadata = content.get("network"), content.get("metadata")
    if not isinstance(config, dict) or not isinstance(metadata, dict):
        raise ModelFileError(f'"{path}" is damaged: it has no description of a network')
    try:
        net = cast(N, kind.restored(config, engine=engine, initialise=False))
    except UnknownNameError as error:
        raise ModelFileError(
            f'"{path}" describes a network that cannot be built: {error} If it is one of your own, define it first, '
            "then load the file"
        ) from error
    except (PellucidError, ValueError, TypeError, OverflowError, RecursionError, MemoryError) as error:
        raise ModelFileError(f'"{path}" describes a network that cannot be built: {error}') from error
    net.metadata.update(metadata)
    probed = small_enough_to_probe(net)
    _fill(path, net, tensors, probed=probed)
    if probed:
        _check_probe(path, net, tensors)
    return net


def small_enough_to_probe(net: BaseNetwork) -> bool:
    """Whether the network's file has a probe: whether one example takes little memory and time."""
    program = Program(net.forward(training=False).outputs)
    elements = terms = 0
    for statement in program.statements:
        size = _size(statement.target.axes)
        elements += size
        terms += size + sum(
            _size(free_axes(e) | set(e.axes)) for e in walk(statement.expression) if isinstance(e, Reduction)
        )
    terms += sum(1000 * stage.extent for stage in program.stages if isinstance(stage, Loop))
    return elements <= MAX_PROBED_ELEMENTS and terms <= MAX_PROBED_TERMS


def _size(axes: Iterable[Axis]) -> int:
    return math.prod(axis.extent for axis in axes if isinstance(axis.extent, int))


def _fill(path: object, net: BaseNetwork, tensors: Mapping[str, Array], *, probed: bool) -> None:
    """The weights into the network, once every one of them has been seen to fit."""
    known = set(net.specs)
    if probed:
        known |= {_INPUT + name for name in net.input_shapes} | {_OUTPUT + name for name in net.output_shapes}
    if odd := sorted(known ^ set(tensors)):
        verb = "lacks" if odd[0] in known else "holds"
        raise ModelFileError(f'"{path}" {verb} the tensor "{odd[0]}", against its own description')
    for name, spec in net.specs.items():
        if tensors[name].shape != spec.shape:
            raise ModelFileError(
                f'"{path}" holds {name} with shape {tensors[name].shape}, but its description says {spec.shape}'
            )
    for name in net.specs:
        net.parameters[name] = tensors[name]


def _check_probe(path: object, net: BaseNetwork, tensors: Mapping[str, Array]) -> None:
    probe = {name: tensors[_INPUT + name] for name in net.input_shapes}
    for name, shape in net.closed().input_shapes.items():
        if probe[name].shape != (PROBES, *shape):
            raise ModelFileError(f'"{path}" holds a probe of shape {probe[name].shape}, expected {(PROBES, *shape)}')
    try:
        answers = _answers(net, probe)
    except PellucidError as error:
        raise ModelFileError(f'"{path}" holds a probe that the network cannot take: {error}') from error
    tolerance = 1e-4 if net.dtype == np.float32 else 1e-9
    for name, answer in answers.items():
        expected = tensors[_OUTPUT + name]
        scale = max(1.0, float(np.max(np.abs(expected), initial=0, where=np.isfinite(expected))))
        if expected.shape != answer.shape or not np.allclose(
            answer, expected, rtol=0, atol=tolerance * scale, equal_nan=True
        ):
            raise ModelFileError(
                f'"{path}" gives another {name} for its probe than when it was saved: its weights are damaged, '
                "or this Pellucid computes something else"
            )


def _answers(net: BaseNetwork, probe: Mapping[str, Array]) -> dict[str, Array]:
    with net.carried.apart():
        answers = predict(net, dict(probe), engine=full_precision(net.engine))
    return answers if isinstance(answers, dict) else {next(iter(net.output_shapes)): answers}


def _probe(net: BaseNetwork, name: str, seed: int) -> Array:
    rng, shape, entries = np.random.default_rng(seed), (PROBES, *net.closed().input_shapes[name]), vocabulary(net, name)
    if entries is not None:
        return rng.integers(0, entries, shape)
    values = rng.uniform(-1, 1, shape)
    for use in net.uses:
        if use.parents == (name,) and isinstance(use.layer, Normalization):  # numbers as those that it measured
            mean, deviation = (net.parameters[f"{use.home}.{key}"] for key in ("mean", "deviation"))
            return np.asarray(mean + deviation * values).astype(np.float32)
    return values.astype(np.float32)
