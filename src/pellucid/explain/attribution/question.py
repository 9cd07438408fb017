"""What is attributed: one element of one value of a network for one example, with everything ready to be run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Executable, compile_program
from pellucid.errors import DataError, PellucidError
from pellucid.explain.attribution.readings import BASELINE, MISSING, Formulas, Kind, formulas_to, gradients, multiplied
from pellucid.explain.columns import Names, example_names
from pellucid.explain.trace import as_batch, place_of, trace_examples
from pellucid.formula import Program
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import inputs

Array = NDArray[Any]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """One element of a value, for one example.

    Attributes:
        formulas: from the sources to the value.
        place: the index of the element, without the example.
        begin, end: the sources at the baseline and at the example, of shapes (1, …).
        rest: what the formulas read besides: parameters, integers.
        names: of the columns or words that the network reads.
    """

    net: BaseNetwork
    path: str
    formulas: Formulas
    place: tuple[int, ...]
    begin: dict[str, Floats]
    end: dict[str, Floats]
    rest: dict[str, Array]
    names: Names

    def outputs(self, sources: Mapping[str, Floats]) -> Floats:
        """The element for many examples (n,), given by their sources (n, …)."""
        run = self.executable("output", lambda: {"output": self.formulas.output})
        whole = run(self._feeds(sources))["output"]
        return self._element(whole)

    def slopes(self, sources: Mapping[str, Floats]) -> tuple[Floats, dict[str, Floats]]:
        """The element for many examples (n,), and its gradient by the sources, (n, …) each."""
        names = list(self.formulas.sources)

        def build() -> dict[str, Any]:
            return {"output": self.formulas.output, **gradients(self.formulas)}

        results = self.executable("slopes of sources", build)(self._feeds(sources))
        n = len(next(iter(sources.values())))
        shape = {name: (n, *self.end[name].shape[1:]) for name in names}
        slopes = {name: np.broadcast_to(results[name], shape[name]) for name in names}
        return self._element(results["output"]), slopes

    def _element(self, whole: Array) -> Floats:
        """The element that is explained, of every example."""
        index: Any = (slice(None), *self.place)
        return np.asarray(whole[index], dtype=np.float64)

    def multipliers(self, kind: Kind, sources: Mapping[str, Floats], begin: Mapping[str, Floats]) -> dict[str, Array]:
        """All values with their multipliers, at the baseline, and what is missing: see `multiplied`."""
        run = self.executable(f"all {kind}", lambda: self.everything(kind))
        feeds = self._feeds(sources) | {f"{name}{BASELINE}": a for name, a in begin.items()}
        return run(feeds)

    def everything(self, kind: Kind) -> dict[str, Any]:
        found: dict[str, Any] = self.net.kept(
            ("attribution formulas", self.path, kind), lambda: multiplied(self.formulas, kind)
        )
        return found

    def executable(self, key: str, build: Any) -> Executable:
        """In float64, by the network's engine: scores are differences of close numbers."""
        run: Executable = self.net.kept(
            ("attribution", self.path, key),
            lambda: compile_program(Program(build()), engine=self.net.engine, dtype=np.float64),
        )
        return run

    def _feeds(self, sources: Mapping[str, Floats]) -> dict[str, Array]:
        n = len(next(iter(sources.values())))
        upstream: Floats = np.zeros((n, *(a.size for a in self.formulas.output.axes[1:])))
        index: Any = (slice(None), *self.place)
        upstream[index] = 1
        batched = {
            name: np.repeat(a, n, axis=0) if name in self.net.input_shapes else a for name, a in self.rest.items()
        }
        return {**batched, **sources, "upstream": upstream}


def question(
    net: BaseNetwork,
    x: Any,
    path: str,
    *,
    unit: int | None,
    index: int | Sequence[int],
    at: int | Sequence[int],
    time: int | None,
    baseline: Any,
) -> Question:
    """A question about a network, checked.

    Raises:
        PellucidError: no such value or element.
        DataError: more than one example, or a baseline of another shape.
    """
    net.check_stateless("an example is explained by itself, but stateful layers go on from the batch before")
    arrays = inputs(net, as_batch(net, x, None)[0])
    net = net.sized(arrays)
    n = len(next(iter(arrays.values())))
    if n != 1:
        raise DataError(f"x has {n} examples, expected one: x[0]")
    trace = trace_examples(net, arrays)
    name, fixed = trace.split(path)
    f: Formulas = net.kept(("attribution formulas", name), lambda: formulas_to(net, name))
    tensor = f.output
    if not tensor.axes or isinstance(tensor.axes[0].extent, int):
        raise PellucidError(f"{name} has no axis of examples, so no example accounts for it")
    shape = trace[name].shape
    if unit is None and not fixed and index == () and at == () and time is None and np.prod(shape) == 1:
        unit = 0 if len(shape) == 2 else None
    place = place_of(name, tensor, shape, index, unit, at, time, 0, fixed)[1:]
    end = {source: np.asarray(trace[source], dtype=np.float64) for source in f.sources}
    begin = {source: np.zeros_like(a) for source, a in end.items()}
    if baseline is not None:
        other = inputs(net, as_batch(net, baseline, None)[0], "baseline")
        if len(next(iter(other.values()))) != 1:
            raise DataError("baseline is one example, of the shape of x[0]")
        values = trace_examples(net, other)
        begin = {source: np.asarray(values[source], dtype=np.float64) for source in f.sources}
    rest = {**net.parameters.snapshot(), **{k: a for k, a in arrays.items() if k not in f.sources}}
    return Question(net, name, f, place, begin, end, rest, example_names(net, arrays))


def located(results: Mapping[str, Array]) -> dict[str, float]:
    """What is missing, by the path of the statement."""
    return {
        name.removesuffix(MISSING): float(np.sum(value)) for name, value in results.items() if name.endswith(MISSING)
    }
