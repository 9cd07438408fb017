"""What the tests of layers share: running a network's formulas, and its gradients against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.formula import Program, Tensor, derivative
from pellucid.layers import Input, Layer
from pellucid.network import BaseNetwork

Array = NDArray[Any]


def network(*layers: Layer, shape: tuple[int, ...], **options: Any) -> BaseNetwork:
    return BaseNetwork(*layers, input_shape=shape, **{"dtype": np.float64, **options})


def joined(layer: Layer, *shapes: tuple[int, ...]) -> BaseNetwork:
    """A network of one layer that takes several inputs."""
    inputs = [Input(shape) for shape in shapes]
    return BaseNetwork(inputs=inputs, outputs=layer(*inputs), dtype=np.float64)


def run(net: BaseNetwork, *examples: Array, training: bool = False, step: int = 0) -> dict[str, Array]:
    """Every named value, and what training would change without a gradient."""
    forward = net.forward(training=training)
    updates = {f"new {path}": t for path, t in forward.updates.items()}
    program = Program({**forward.values, **updates})
    return compile_program(program, engine="reference", dtype=net.dtype)(fed(net, *examples, step=step))


def output(net: BaseNetwork, *examples: Array, training: bool = False, step: int = 0) -> Array:
    (path,) = net.output_shapes
    return run(net, *examples, training=training, step=step)[path]


def fed(net: BaseNetwork, *examples: Array, step: int = 0) -> dict[str, Any]:
    given = dict(zip(net.input_shapes, examples, strict=True))
    return {**given, **net.parameters, "seed": np.array(net.seed), "step": np.array(step)}


def check_gradients(net: BaseNetwork, *examples: Array, max_places: int = 8, seed: int = 0) -> None:
    """The gradients in training by each trainable parameter, against central differences at so many places."""
    rng = np.random.default_rng(seed)
    forward = net.forward(training=True)
    (y,) = forward.outputs.values()
    upstream = Tensor("upstream", tuple(a.fresh() for a in y.axes))
    wanted = {path: forward.parameters[path] for path in net.parameters.trainable}
    found = derivative(y, wanted.values(), upstream=upstream)
    program = Program({"y": y, **{f"d {path}": found[t] for path, t in wanted.items()}})
    given = fed(net, *examples)
    given["upstream"] = rng.normal(size=(len(examples[0]), *(a.size for a in y.axes[1:])))
    compiled = compile_program(program, engine="reference", dtype=np.float64)
    values = compile_program(Program({"y": y}), engine="reference", dtype=np.float64)
    gradients = compiled(given)
    h = 1e-6
    for path in wanted:
        array = net.parameters[path]
        places = list(np.ndindex(array.shape))
        for number in rng.permutation(len(places))[:max_places]:
            ends = []
            for sign in (1, -1):
                moved = array.astype(np.float64)
                moved[places[number]] += sign * h
                ends.append((values({**given, path: moved})["y"] * given["upstream"]).sum())
            expected = (ends[0] - ends[1]) / (2 * h)
            np.testing.assert_allclose(
                gradients[f"d {path}"][places[number]],
                expected,
                rtol=1e-5,
                atol=1e-6,
                err_msg=f"{path}{places[number]}",
            )
