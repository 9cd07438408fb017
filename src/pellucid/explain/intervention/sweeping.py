"""`sweep`: the curve of an output against one value of the network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.arrays import as_array
from pellucid.errors import DataError, PellucidError
from pellucid.explain.intervention.patching import patched
from pellucid.explain.intervention.plans import edge
from pellucid.explain.paths import hint
from pellucid.explain.trace import as_batch, place_of, trace_examples
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import inputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]


@dataclass(frozen=True)
class Sweep:
    """An output as a function of one value that was set by hand.

    Attributes:
        path: the value that was set; `values` what it was set to, shape (k,).
        output: the path of the output; `results` what it was, shape (k,), or (k, …) where no unit was chosen.
        at: what the value is without being set, and the output there; None where several elements were set.
    """

    path: str
    values: Array
    output: str
    results: Array
    at: tuple[float, Array] | None

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The curve as a figure of matplotlib, written to `path` if one is given."""
        from pellucid.plots.value_sweep import sweep_figure

        return sweep_figure(self.values, self.results, self.at, x=self.path, y=self.output, path=path)


def sweep(
    net: BaseNetwork,
    path: str,
    values: Any,
    *,
    x: Any,
    output: str | None = None,
    unit: int | None = None,
    index: int | Sequence[int] = (),
) -> Sweep:
    """What an output is for each of several numbers that one value is set to.

        net.sweep("lstm_1.gate.forget[t=5,j=2]", np.linspace(0, 1, 50), x=x[:1], unit=0).plot()

    Args:
        path: the value, as in `patch`: a number is set at all elements that the path names.
        values: the numbers, shape (k,).
        x: one example, with or without a batch axis.
        output: the value that is looked at; the network's output by default.
        unit, index: which element of it, as in `explain`; all of them by default.

    Raises:
        PellucidError: no such value or element, or several outputs of which none is named.
        DataError: more than one example, or values of another shape.
    """
    numbers = as_array(values, what="values", dtype=np.float64)
    if numbers.ndim != 1:
        raise DataError(f"values has the shape {numbers.shape}, expected (k,): the numbers to set")
    if output is None:
        if len(net.output_shapes) > 1:
            raise PellucidError(f"the network has the outputs {', '.join(net.output_shapes)}: name one, output=…")
        output = next(iter(net.output_shapes))
    arrays = inputs(net, as_batch(net, x, None)[0])
    if (n := len(next(iter(arrays.values())))) != 1:
        raise DataError(f"x has {n} examples, expected one: x[:1]")
    alone = trace_examples(net, arrays)
    if output not in alone:
        raise PellucidError(f'there is no value "{output}" to look at.{hint(output, alone)}')
    source = edge(path)[0]
    name, fixed = alone.split(source)
    if name in net.parameters:
        results = np.concatenate([patched(net, arrays, [], {path: float(v)})[output] for v in numbers])
    else:
        # every number is set in an example of its own
        many = {key: np.repeat(a, len(numbers), axis=0) for key, a in arrays.items()}
        free = alone.tensor(name).rank - len(fixed)
        results = patched(net, many, [], {path: numbers.reshape(-1, *(1,) * (free - 1))})[output]
    before = alone[output][:1]
    if unit is not None or index != ():
        place = place_of(output, alone.tensor(output), before.shape, index, unit, (), None, 0, {})[1:]
        element: Any = (slice(None), *place)
        results, before = results[element], before[element]
    old = np.asarray(alone[source])
    return Sweep(path, numbers, output, results, (float(old.reshape(())), before[0]) if old.size == 1 else None)
