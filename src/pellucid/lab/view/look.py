"""Everything that one can see of a task's network at a moment. The numbers are those of the engine and of `explain`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import NonFiniteError, PellucidError
from pellucid.explain import Explanation, Trace, trace_examples, tracing
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.requests import HistogramsParams, RankingParams, WatchedPath
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment, copied, put
from pellucid.lab.view import writing
from pellucid.lab.view.beside import beside, compared
from pellucid.lab.view.boundary import boundary
from pellucid.lab.view.confusion import confusion
from pellucid.lab.view.describe import description
from pellucid.lab.view.histograms import Histograms
from pellucid.lab.view.latent import decoder, latent
from pellucid.lab.view.measure import BATCH, Gauge, column
from pellucid.lab.view.pictures import checked_index, picture
from pellucid.lab.view.ranking import Ranking
from pellucid.lab.view.samples import Sample, Samples
from pellucid.lab.view.sliding import Sliding
from pellucid.lab.view.what_if import attributed, supposed
from pellucid.messages import gettext
from pellucid.training.stepper import Stepper

Array = NDArray[Any]
P = ParamSpec("P")
R = TypeVar("R")

KEPT = 8
"""Traces of one moment, one for each example that somebody watches."""
MAX_TERMS = 2000
PRIME = "′"


def _alone(method: Callable[Concatenate[Look, P], R]) -> Callable[Concatenate[Look, P], R]:
    """One at a time: all share one network."""

    def guarded(self: Look, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self._lock:
            return method(self, *args, **kwargs)

    return update_wrapper(guarded, method)


class Look:
    """Answers the protocol's questions about a task. Any thread may ask.

    It has a network of its own, so that training is not disturbed; each question brings the moment it is about.
    A run is traced once for each example and moment, whatever is asked of it.

    A path that ends in ′ is of the step that led to the moment, with its whole batch: `dense_1.kernel′` is what it made
    of a weight, `d(dense_1.kernel)′` the gradient that it took. `update` gives that step; without it there is none.
    """

    def __init__(self, task: Task, update: Callable[[Moment], Trace] | None = None) -> None:
        self.task = task
        self._update = update
        self.net = copied(task.net)
        self.samples = Samples(task, self.net)
        self._lock = threading.RLock()
        self._gauge = Gauge(task, copied(task.net), self.samples)
        self._ranking = Ranking(task, copied(task.net), self.samples)
        self._histograms = Histograms(copied(task.net), self.samples)
        self._sliding = Sliding()
        self._decoders: dict[str, Callable[[Any], answers.Numbers]] = {}
        self._stepper: Stepper | None = None
        self._now: Mapping[str, Array] = {}
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._idle: dict[str, Array] = {}
        self._beside: Look | None = None

    # What there is

    @_alone
    def describe(self, state: answers.State, can: answers.Can) -> answers.Description:
        """What is on show."""
        program = tracing(self.net, [self.samples.goal]).program
        return description(self.task, self.net, self.samples, program, state, can)

    @_alone
    def examples(self, set: str, start: int, count: int) -> list[answers.Example]:
        """Examples of a set, from one on."""
        return self.samples.listed(set, start, count)

    @_alone
    def example(self, name: str) -> answers.Example:
        """An example by its name."""
        return self.samples.shown(self.samples[name])

    @_alone
    def own(self, x: Any = None, text: str | None = None, y: Any = None) -> answers.Example:
        """An example of the person's own, which gets a name."""
        return self.samples.shown(self.samples.own(x, text, y))

    # One example

    def live(self, moment: Moment, input: str, paths: Sequence[WatchedPath]) -> answers.Live:
        """Of each path a picture; a path that is not there is left out."""
        last = None
        if any(wanted.path.endswith(PRIME) for wanted in paths):
            with suppress(PellucidError):  # there was no step yet
                last = self._last(moment)
        return self._live(moment, input, paths, last)

    @_alone
    def _live(self, moment: Moment, input: str, paths: Sequence[WatchedPath], last: Trace | None) -> answers.Live:
        self._at(moment)
        run = self._trace(self.samples[input])
        values: dict[str, answers.Picture] = {}
        for wanted in paths:
            path = wanted.path
            source = last if path.endswith(PRIME) else run
            name = path if source is None else within(source, path)
            if source is not None and name in source:
                values[path] = picture(source.tensor(name), source[name], wanted.limit)
        loss = float(run["loss"]) if "loss" in run else None
        return {"input": input, "branch": moment.branch, "step": moment.step, "loss": loss, "values": values}

    def explain(
        self, moment: Moment, input: str, path: str, index: Sequence[int], limit: int = 100
    ) -> answers.Explanation:
        """Why one element is what it is; the index is without the example's axis."""
        max_terms = max(0, min(int(limit), MAX_TERMS))
        with np.errstate(all="ignore"):  # what is not finite is shown, not warned of
            if path.endswith(PRIME):
                last = self._last(moment)
                name = within(last, path)
                place = checked_index(last.tensor(name), path, last[name].shape, index)
                return stepped(cast(answers.Explanation, last.explain(name, index=place).json(max_terms)), last)
            explanation = self._explanation(moment, input, path, index)
            # a trace stays as it is: others need not wait
            return cast(answers.Explanation, explanation.json(max_terms))

    @_alone
    def _explanation(self, moment: Moment, input: str, path: str, index: Sequence[int]) -> Explanation:
        self._at(moment)
        run = self._run_of(self.samples[input], path)
        return run.explain(path, index=checked_index(run.tensor(path), path, run[path].shape, index))

    @_alone
    def curve(self, moment: Moment, input: str, path: str, index: Sequence[int]) -> answers.Curve | None:
        """The curve of the activation that gave an element; None where the element is no such value."""
        if path.endswith(PRIME):
            return None
        self._at(moment)
        run = self._run_of(self.samples[input], path)
        place = checked_index(run.tensor(path), path, run[path].shape, index)
        curve = None if path.startswith("d(") else run.curve(path, place)
        if curve is None:
            return None
        dead = curve.off and self._idle_units(path)[place[-1]]
        x, y, slope = curve.at
        return {
            "function": curve.function or self._activation(path),
            "formula": curve.formula,
            "derivative": curve.derivative,
            "x": curve.x,
            "y": curve.y,
            "slope": curve.slope,
            "at": {"x": x, "y": y, "slope": slope},
            "state": "dead" if dead else "saturated" if curve.saturated else None,
        }

    @_alone
    def suppose(
        self, moment: Moment, input: str, path: str, index: Sequence[int], value: float, *, whole: bool = False
    ) -> answers.Supposed:
        """The example's run with one element set, or all units at its place, beside the run without."""
        self._at(moment)
        sample = self.samples[input]
        run = self._run_of(sample, path)
        place = checked_index(run.tensor(path), path, run[path].shape, index)
        return supposed(self.net, self.samples, sample, run, path, place, value, whole=whole)

    @_alone
    def attribute(self, moment: Moment, input: str, unit: int) -> answers.Attributed:
        """How much each element of an example accounts for in a unit of the output."""
        self._at(moment)
        sample = self.samples[input]
        return attributed(self.net, self.samples, sample, self._trace(sample), unit)

    # Two runs

    @_alone
    def beside(self, moment: Moment, input: str, then: Moment, other: str, path: str, limit: int) -> answers.Beside:
        """A value of an example, and of another one at another moment, and all that differs."""
        before, after = self._two(moment, input, then, other)
        return beside(self.net, before, after, _when(then), path, limit)

    def compare(
        self, moment: Moment, input: str, then: Moment, other: str, path: str, index: Sequence[int], limit: int = 100
    ) -> answers.Compared:
        """Why one element is another than for another example, or than at another moment."""
        before, after = self._two(moment, input, then, other)
        learned = list(self.net.parameters)
        with np.errstate(all="ignore"):
            return compared(before, after, _when(then), path, index, learned, min(limit, MAX_TERMS))

    @_alone
    def _two(self, moment: Moment, input: str, then: Moment, other: str) -> tuple[Trace, Trace]:
        """The other's run and this one's."""
        self._at(moment)
        if then is moment:
            return self._trace(self.samples[other]), self._trace(self.samples[input])
        if self._beside is None:
            self._beside = Look(self.task)
            self._beside.samples = self.samples
        return self._beside._run(then, other), self._trace(self.samples[input])

    @_alone
    def _run(self, moment: Moment, input: str) -> Trace:
        self._at(moment)
        return self._trace(self.samples[input])

    # Many examples

    @_alone
    def boundary(self, moment: Moment, size: int, *, units: bool = False) -> answers.Boundary:
        """The boundary between classes, of a network of two inputs; what its units make of the plane if asked for."""
        self._at(moment)
        return boundary(self.task, self.net, self.samples, size, units=units)

    @_alone
    def confusion(self, moment: Moment, set: answers.Set) -> answers.Confusion:
        """How often each class is taken for which."""
        self._at(moment)
        return confusion(self.task, self.net, self.samples, set)

    @_alone
    def latent(self, moment: Moment) -> answers.Latent:
        """The codes of examples, of an autoencoder."""
        self._at(moment)
        return latent(self.task, self.net, self.samples)

    @_alone
    def decode(self, moment: Moment, path: str, code: Any) -> answers.Numbers:
        """What the part of the network behind a value makes of a code."""
        self._at(moment)
        if path not in self._decoders:
            self._decoders[path] = decoder(self.net, path)
        return self._decoders[path](code)

    @_alone
    def convolve(self, image: Any, kernel: Any, /, **how: Any) -> answers.Convolution:
        """A kernel over an image, or over the sample where None is given; see `Sliding`."""
        return self._sliding(image, kernel, **how)

    @_alone
    def generate(
        self, moment: Moment, text: str = "", count: int = 100, temperature: float = 1.0, seed: int = 0
    ) -> answers.Continuation:
        """A text that the network wrote on; of a series, the next values."""
        self._at(moment)
        if self.task.sample == "series":
            return {"text": writing.next_values(self.task, self.net, count=count)}
        if self._stepper is None:
            self._stepper = Stepper(self.net)
        return {
            "text": writing.grown(self.task, self._stepper, text=text, count=count, temperature=temperature, seed=seed)
        }

    @_alone
    def forecast(self, moment: Moment) -> answers.Forecast:
        """Forecasts of a series, beside what came."""
        self._at(moment)
        return writing.forecast(self.task, self.net, self.samples)

    # (on a copy of its own: nobody has to wait while its program is compiled)

    def ranking(self, moment: Moment, asked: RankingParams) -> answers.Ranking:
        """Examples by their loss."""
        return self._ranking(moment, asked)

    def histograms(
        self, run: int, moment: Moment, kept: Sequence[Moment], asked: HistogramsParams, *, playing: bool = False
    ) -> answers.Histograms:
        """How numbers are distributed, now and at the moments that are kept; `run` tells one beginning from another."""
        return self._histograms(run, moment, kept, asked, playing=playing)

    # Its health

    # (measured on a copy of its own, whose programs take seconds to compile: nobody has to wait for them)

    def flow(self, moment: Moment, *, past: bool = False) -> answers.Flow:
        """How large the gradients are: a column of the ribbon."""
        return column(self._gauge.flow(moment, past=past), moment.branch)

    def reach(self, moment: Moment) -> list[answers.LayerReach]:
        """How far back in time the gradient reaches, for every recurrent layer."""
        reaches = self._gauge.flow(moment).reach
        return [{"path": r.path.removesuffix(".state"), "norms": list(r.norms)} for r in reaches]

    def diagnose(
        self, moment: Moment, history: answers.History, fault: NonFiniteError | None = None
    ) -> list[answers.Finding]:
        """What is wrong, in words; `fault` is where a value stopped being finite, if that ended the training."""
        return self._gauge.diagnosis(moment, history, fault)

    def standing(self) -> dict[str, Any]:
        """What no training changes of a diagnosis."""
        return self._gauge.standing()

    # The runs behind them

    def _at(self, moment: Moment) -> None:
        """Give the network the moment's parameters; what was traced at others is forgotten."""
        if moment.parameters is not self._now:
            if put(self.net, moment.parameters):
                self._traces.clear()
                self._idle.clear()
            self._now = moment.parameters

    def _last(self, moment: Moment) -> Trace:
        """The step that led to the moment."""
        if self._update is None:
            raise PellucidError(gettext("this network is looked at, not trained, so no step has changed its weights"))
        return self._update(moment)

    def _trace(self, sample: Sample) -> Trace:
        """The run of an example, with its target all gradients."""
        key = sample.name
        if key not in self._traces:
            targets = [] if sample.y is None else [self.samples.goal]
            arrays = self.samples.arrays(sample.x[None], None if sample.y is None else sample.y[None])
            self._traces[key] = trace_examples(self.net, arrays, targets)
            while len(self._traces) > KEPT:
                self._traces.popitem(last=False)
        self._traces.move_to_end(key)
        return self._traces[key]

    def _run_of(self, sample: Sample, path: str) -> Trace:
        """The run in which there is such a value."""
        run = self._trace(sample)
        if path not in run and sample.y is None and (path == "loss" or path.startswith(("d(", "loss."))):
            raise PellucidError(
                gettext("{name} has no target, so there is no loss and no gradient: say what it is", name=sample.name)
            )
        return run

    def _idle_units(self, path: str) -> Array:
        """Which units, along the last axis, are 0 everywhere on every example of a batch: what `Flow` calls dead."""
        if path not in self._idle:
            _, (x, _) = self.samples.spread("train", BATCH)
            run = trace_examples(self.net, self.samples.arrays(x, None))
            value = run[path]
            self._idle[path] = np.asarray((value.reshape(-1, value.shape[-1]) <= 0).all(axis=0))
        return self._idle[path]

    def _activation(self, path: str) -> str:
        """The name of the activation of the layer that a value belongs to."""
        use = next((u for u in self.net.uses if u.path == path), None)
        return str(getattr(getattr(use.layer, "activation", None), "name", "")) if use is not None else ""


def within(last: Trace, path: str) -> str:
    """The name in a step of a path that ends in ′: of what the step made new that, of all else the name alone."""
    return path if path in last else path.removesuffix(PRIME)


def stepped(explanation: answers.Explanation, last: Trace) -> answers.Explanation:
    """An explanation within a step: its places are the step's, and what was given to it leads nowhere on."""

    def placed(source: answers.Source) -> answers.Source:
        path = source["path"]
        if last.program.definition(last.tensor(path)) is None:
            return {**source, "given": True}
        return source if path.endswith(PRIME) else {**source, "path": path + PRIME}

    return {
        **explanation,
        "path": explanation["path"].removesuffix(PRIME) + PRIME,
        "terms": [{**term, "sources": [placed(s) for s in term["sources"]]} for term in explanation["terms"]],
        "candidates": [placed(source) for source in explanation["candidates"]],
        "field": {},
    }


def _when(moment: Moment) -> answers.Moment:
    return {"branch": moment.branch, "step": moment.step}
