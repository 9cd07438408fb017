"""Diagnosis: why a training does not go well, read off its history, its flow, its data, or the error that ended it.

Each rule looks at one kind of trouble. The thresholds are rules of thumb, set so that ordinary networks stay far from
them. Where
several findings apply, causes stand before what they cause: unscaled inputs before the units that they saturate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import DataError, NonFiniteError, PellucidError
from pellucid.explain.findings import SIGNS, Diagnosis, Finding
from pellucid.explain.flow import Flow, LayerFlow, flow, flow_of
from pellucid.explain.guessing import loss_of_guessing
from pellucid.explain.rounding.lost_gradients import absorbed, underflowed
from pellucid.explain.trace import Trace, trace
from pellucid.explain.watch import Watch
from pellucid.layers.normalization import Normalization
from pellucid.messages import Message, gettext
from pellucid.network import BaseNetwork
from pellucid.training.inputs.feeds import inputs
from pellucid.training.inputs.targets import Goal, LossLike, goals
from pellucid.training.running.failures import NonFinite, flat_layers, non_finite
from pellucid.training.running.history import History

Evidence = History | Watch | Flow | Trace | NonFiniteError
CLASSES = ("binary", "categorical", "either")

LARGE, SMALL = 15.0, 0.01
"""Root mean squares of inputs that are scaled lie well between: 1 if standardised, 0.1 to 0.6 for images, up to 5
for small tables.
"""
LARGE_TARGETS = 30.0
DEAD = 0.5
SATURATED = 0.7
VANISHING, EXPLODING = 1e-4, 1e3
"""The gradient at the first layer over that at the last. It is 0.01 to 100 in networks that start well."""
VANISHING_STEPS = 1e-8
"""The same over the steps of a recurrence, where gates may rightly forget: an LSTM's at its start leave 1e-4 after 30
steps.
"""
HASTY, TIMID = 0.1, 1e-4
"""The size of an update over that of the weights, for which about 1e-3 is usual."""
ROUGH = 0.3
"""The fraction of a loss curve's movement that is upwards: 0 for a curve that falls, 0.5 for one that goes nowhere."""
EXAMPLES = 64
LONG = 100
"""After so many steps a loss should have fallen, and below that of a constant answer."""


@dataclass(frozen=True)
class Clues:
    """All that is known: about the network, the training, the data."""

    net: BaseNetwork
    histories: tuple[History, ...]
    flows: tuple[Flow, ...]
    traces: tuple[Trace, ...]
    errors: tuple[NonFiniteError, ...]
    x: Any
    y: Any
    loss: LossLike | Mapping[str, LossLike]

    @property
    def rate(self) -> str:
        """The learning rate, in words, where it is known."""
        for history in self.histories:
            value = history.params.get("optimizer", {}).get("learning_rate")
            if isinstance(value, int | float):
                return f" {value:g}"
        return ""


def diagnose(
    net: BaseNetwork, *evidence: Evidence, x: Any = None, y: Any = None, loss: LossLike | Mapping[str, LossLike] = None
) -> Diagnosis:
    """What is wrong with a network or its training, in plain words, with the evidence and the usual fix.

        watch = pl.Watch()
        history = net.fit(x, y, epochs=5, callbacks=[watch])
        print(net.diagnose(history, watch, x=x, y=y))

    Each piece of evidence shows something of its own: a History the learning rate and over-fitting, a Watch (or a
    Flow) what happens to activations and gradients, a Trace and the NonFiniteError that ended a `fit` where a NaN came
    from, the data their scale and whether they fit the network. Give what there is.

    Args:
        evidence: any of History, Watch, Flow, Trace, NonFiniteError.
        x, y, loss: the data, as in `fit`; without a Watch, 64 of the examples are then passed through the network.

    Raises:
        PellucidError: evidence of another kind.
    """
    flows: list[Flow] = []
    for piece in evidence:
        if not isinstance(piece, Evidence):
            raise PellucidError(
                f"expected a History, Watch, Flow, Trace or NonFiniteError as evidence, got {type(piece).__name__}"
            )
        flows += piece.flows if isinstance(piece, Watch) else [piece] if isinstance(piece, Flow) else []
        flows += (
            [flow_of(net, piece)]
            if isinstance(piece, Trace) and not any(isinstance(e, Watch | Flow) for e in evidence)
            else []
        )
    clues = Clues(
        net,
        tuple(e for e in evidence if isinstance(e, History)),
        tuple(flows),
        tuple(e for e in evidence if isinstance(e, Trace)),
        tuple(e for e in evidence if isinstance(e, NonFiniteError)),
        x,
        y,
        loss,
    )
    findings = list(_data(clues))
    if not findings and x is not None:
        clues = _probed(clues)
    findings += [f for rule in (_not_finite, _scaling, _flow, _lost, _rate, _over_fitting) for f in rule(clues)]
    if any(f.kind not in ("guessing", "over-fitting") for f in findings):  # what else is wrong is the cause
        findings = [f for f in findings if f.kind != "guessing"]
    order = {kind: place for place, kind in enumerate(ORDER)}
    # What was there before the first step is a cause; what appeared in training may be the effect of the learning rate.
    late = {"dead", "saturated", "exploding", "vanishing"}
    ranked = sorted(
        findings, key=lambda f: order["late" if f.kind in late and f.facts.get("since") == "later" else f.kind]
    )
    return Diagnosis(tuple(ranked))


ORDER = (
    "data",
    "labels",
    "last layer",
    "nan",
    "flat",
    "scaling",
    "exploding",
    "dead",
    "saturated",
    "underflow",
    "vanishing",
    "rate too high",
    "absorbed",
    "late",
    "rate too low",
    "guessing",
    "over-fitting",
)


def of_data(net: BaseNetwork, before: Flow, x: Any, y: Any, loss: LossLike | Mapping[str, LossLike]) -> Diagnosis:
    """What no training changes: whether the network can take the data, and their scale; `before` is a flow of it."""
    clues = Clues(net, (), (before,), (), (), x, y, loss)
    return Diagnosis((*_data(clues), *_scaling(clues)))


def _probed(clues: Clues) -> Clues:
    """With a flow and a trace of some of the examples, where they are not there yet."""
    net, rows = clues.net, _rows(clues.x, clues.y)
    if any(not np.isfinite(v).all() for v in net.parameters.values()) or clues.y is None:
        run = trace(net, *rows, loss=clues.loss)
        return Clues(
            net, clues.histories, clues.flows, (*clues.traces, run), clues.errors, clues.x, clues.y, clues.loss
        )
    flows = clues.flows or (flow(net, *rows, loss=clues.loss),)
    return Clues(net, clues.histories, flows, clues.traces, clues.errors, clues.x, clues.y, clues.loss)


def _rows(x: Any, y: Any) -> tuple[Any, Any]:
    """Some of the examples, spread evenly."""
    first = next(iter(x.values())) if isinstance(x, Mapping) else x[0] if isinstance(x, (list, tuple)) else x
    places = np.linspace(0, len(first) - 1, min(EXAMPLES, len(first))).astype(int)

    def part(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: part(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [part(v) for v in value]
        return None if value is None else np.asarray(value)[places]

    return part(x), part(y)


def _data(clues: Clues) -> Iterator[Finding]:
    """Whether the network can take the data, and its last layer give the targets."""
    net = clues.net
    if clues.x is not None:
        try:
            inputs(net, clues.x)
        except DataError as error:
            yield Finding("data", facts={"message": _sentence(error)})
            return
    if clues.y is None:
        return
    try:
        targets, arrays = goals(net, clues.y, clues.loss)
    except PellucidError as error:
        where = next(iter(net.output_shapes))
        if isinstance(error, DataError) and _whole(clues.y) and _reads_classes(net, clues.loss):
            yield Finding("labels", where, {"message": _sentence(error)})
        else:
            fix = gettext("for classes use softmax (or one sigmoid) with crossentropy, for quantities linear with mse")
            yield Finding("last layer", where, {"message": _sentence(error), "fix": fix})
        return
    forward = net.forward(training=False)
    for goal in targets:
        activation = forward.last[goal.path].activation
        if _meant_as_classes(goal, activation, arrays[goal.name]):
            message = f"{activation} with {goal.loss.name} on classes: where it is sure and wrong, no gradient passes"
            yield Finding("last layer", goal.path, {"message": message, "fix": gettext('give loss="crossentropy"')})
    if flat := flat_layers(net, targets):
        yield Finding("flat", facts={"message": _sentence(flat)})


def _meant_as_classes(goal: Goal, activation: str, y: np.ndarray) -> bool:
    """Whether a squared error is taken of probabilities whose targets are classes."""
    if goal.loss.reads != "values" or activation not in ("softmax", "sigmoid") or not np.isin(y, (0, 1)).all():
        return False
    return y.ndim == 1 or y.shape[-1] == 1 or bool((y.sum(axis=-1) == 1).all())


def _whole(y: Any) -> bool:
    array = np.asarray(next(iter(y.values())) if isinstance(y, Mapping) else y)
    return array.dtype.kind in "iubUSTO" or (array.dtype.kind == "f" and not (array % 1).any())


def _reads_classes(net: BaseNetwork, loss: Any) -> bool:
    if isinstance(loss, str):
        return "crossentropy" in loss or loss in ("nll", "bce", "cross_entropy")
    forward = net.forward(training=False)
    return any(last.activation in ("softmax", "sigmoid", "log_softmax") for last in forward.last.values())


def _not_finite(clues: Clues) -> Iterator[Finding]:
    """The first NaN or infinity, with its operands."""
    for error in clues.errors:
        if isinstance(error.origin, NonFinite):
            yield _origin(clues.net, error.origin)
            return
        facts = {
            "value": SIGNS["not finite"],
            "place": SIGNS["a step"],
            "arithmetic": _sentence(error),
            "why": gettext("scale the data"),
        }
        yield Finding("nan", facts=facts)
        return
    for run in clues.traces:
        values = {path: run[path] for path in run.program.tensors}
        origin = non_finite(clues.net, run.program, values)
        if origin.path:
            yield _origin(clues.net, origin)
            return
    for history in clues.histories:
        bad = next((n for n, loss in enumerate(history.history.get("loss", [])) if not math.isfinite(loss)), None)
        if bad is not None:
            value, place = (
                history.history["loss"][bad],
                gettext("the loss of epoch {epoch}", epoch=history.epoch[bad] + 1),
            )
            why = gettext(
                'lower the learning rate, or give clip_norm=1.0; fit with on_nonfinite="stop" finds the place'
            )
            yield Finding("nan", "loss", {"value": str(value), "place": place, "arithmetic": "", "why": why})
            return


def _origin(net: BaseNetwork, origin: NonFinite) -> Finding:
    if not origin.path:
        facts = {"value": SIGNS["not finite"], "place": SIGNS["a step"], "arithmetic": "", "why": origin.reason}
        return Finding("nan", facts=facts)
    arithmetic = ""
    if origin.program.definition(origin.program.tensors[origin.path]) is not None:
        known = {name: a for name, a in origin.values.items() if name in origin.program.tensors}
        with np.errstate(all="ignore"):
            explanation = Trace(origin.program, known, list(net.input_shapes)).explain(origin.path, index=origin.index)
            arithmetic = f"{explanation.formula}: {explanation.with_values}"
    place = f"{origin.path}[{', '.join(map(str, origin.index))}]" if origin.index else origin.path
    facts = {"value": str(origin.value), "place": place, "arithmetic": arithmetic, "why": origin.reason}
    return Finding("nan", origin.path, facts)


def _scaling(clues: Clues) -> Iterator[Finding]:
    """Inputs and targets that are far from 1."""
    for layer in clues.flows[0] if clues.flows else ():
        if (
            layer.kind == "Input"
            and not math.isnan(layer.gradient)
            and not SMALL < layer.activation < LARGE
            and layer.activation > 0
            and not _normalised(clues.net, layer.path)
        ):
            size = f"{layer.activation:.3g}"
            yield Finding("scaling", layer.path, {"what": gettext("inputs"), "size": size})
    if clues.y is not None:
        try:
            targets, arrays = goals(clues.net, clues.y, clues.loss)
        except PellucidError:
            return
        for goal in targets:
            size_y = float(np.sqrt(np.mean(np.square(arrays[goal.name], dtype=np.float64))))
            if goal.loss.reads == "values" and size_y > LARGE_TARGETS and not _restores_units(clues.net, goal.path):
                yield Finding("scaling", goal.path, {"what": gettext("targets"), "size": f"{size_y:.3g}"})


def _normalised(net: BaseNetwork, path: str) -> bool:
    """Whether an input is brought to a common scale by the network itself."""
    users = [use.layer for use in net.uses if path in use.parents]
    return bool(users) and all(isinstance(layer, Normalization) for layer in users)


def _restores_units(net: BaseNetwork, path: str) -> bool:
    """Whether an output is brought back to the units of its target by the network itself."""
    return any(use.path == path and isinstance(use.layer, Normalization) and use.layer.invert for use in net.uses)


def _flow(clues: Clues) -> Iterator[Finding]:
    """What happens to values and gradients on their way."""
    if not clues.flows:
        return
    first, last = clues.flows[0], clues.flows[-1]
    outputs = set(clues.net.output_shapes)
    for layer in last:
        since = {"since": "start"} if len(clues.flows) == 1 else {}
        if layer.dead >= DEAD:
            since |= {"since": "start" if first[layer.path].dead >= DEAD else "later"}
            yield Finding("dead", layer.path, {"fraction": f"{layer.dead:.0%}", **since})
        if layer.saturated >= SATURATED and layer.path not in outputs:
            since |= {"since": "start" if first[layer.path].saturated >= SATURATED else "later"}
            yield Finding(
                "saturated", layer.path, {"fraction": f"{layer.saturated:.0%}", "function": layer.function, **since}
            )
    yield from _through_layers(clues)
    yield from _through_time(clues)


def _through_layers(clues: Clues) -> Iterator[Finding]:
    """How the gradient changes from the last layer with weights to the first: how it started, and whether it stayed
    so.
    """
    ratios = []
    for taken in clues.flows:
        ends = _ends(taken)
        if ends is None or ends[1].gradient == 0 or not math.isfinite(ends[0].gradient):
            continue
        ratios.append((ends[0].gradient / ends[1].gradient, ends))
    if not ratios:
        return
    begin, (early, late) = ratios[0]
    if begin > EXPLODING:
        yield _between("exploding", early, late, f"{begin:.0f}" if begin < 1e6 else f"{begin:.1e}")
    if all(0 < ratio < VANISHING for ratio, _ in ratios):
        yield _between("vanishing", early, late, f"{begin:.1e}")


def _ends(measured: Flow) -> tuple[LayerFlow, LayerFlow] | None:
    """The first and the last layer that learn."""
    learning = [r for r in measured if not math.isnan(r.weight) and not math.isnan(r.gradient)]
    return (learning[0], learning[-1]) if len(learning) > 1 else None


def _between(kind: str, early: LayerFlow, late: LayerFlow, ratio: str) -> Finding:
    return Finding(
        kind, early.path, {"size": f"{early.gradient:.1e}", "ratio": ratio, "start": late.path, "since": "start"}
    )


def _through_time(clues: Clues) -> Iterator[Finding]:
    """How the gradient changes over the steps of a recurrence."""
    for place, reach in enumerate(clues.flows[0].reach):
        all_norms = [f.reach[place].norms for f in clues.flows if len(f.reach) > place]
        ratios = [norms[-1] / norms[0] for norms in all_norms if norms[0] > 0 and math.isfinite(norms[0])]
        if not ratios:
            continue
        steps = len(reach.norms) - 1
        facts = {"size": f"{reach.norms[-1]:.1e}", "ratio": f"{ratios[0]:.1e}", "since": "start"}
        where, start = f"{reach.path} {steps} steps before", SIGNS["last step"]
        if all(ratio < VANISHING_STEPS for ratio in ratios):
            yield Finding("vanishing", where, {**facts, "start": start})
        if ratios[0] > EXPLODING:
            yield Finding("exploding", where, {**facts, "start": start})


def _lost(clues: Clues) -> Iterator[Finding]:
    """Gradients that are too small for the network's numbers, and updates that are too small for its weights."""
    steps = [f for f in clues.flows if f.step]
    for path in absorbed(steps[-1]) if steps else ():
        yield Finding("absorbed", path, {"rate": clues.rate})
    still = any(layer.weight_gradient == 0 for layer in clues.flows[-1]) if clues.flows else False
    if clues.x is None or clues.y is None or not still:
        return
    for path, size in underflowed(clues.net, *_rows(clues.x, clues.y), clues.loss).items():
        yield Finding("underflow", path, {"size": f"{size:.1e}", "dtype": clues.net.dtype.name})


def _start(clues: Clues) -> float | None:
    """The loss before the first step: that of the first batch, or of a flow that was measured then.

    A flow of step 0 may as well be one of after the training, where it is not followed by others.
    """
    for history in clues.histories[-1:]:
        first = history.params.get("first_loss")
        if isinstance(first, int | float) and math.isfinite(first):
            return float(first)
    before = [f.loss for f in clues.flows[:1] if not f.step and math.isfinite(f.loss)]
    return before[0] if before and any(f.step for f in clues.flows) else None


def _guessing(clues: Clues) -> float | None:
    """The loss of answering without looking at the inputs, where it is known."""
    if clues.y is None or any(history.params.get("weighted") for history in clues.histories):
        return None
    try:
        targets, arrays = goals(clues.net, clues.y, clues.loss)
    except PellucidError:
        return None
    return loss_of_guessing(clues.net, targets, arrays)


def _rate(clues: Clues) -> Iterator[Finding]:
    """Steps that are too large, or too small to get anywhere."""
    curves = [[v for v in h.history.get("loss", []) if math.isfinite(v)] for h in clues.histories]
    steps = [f for f in clues.flows if f.step]
    ratios = [r.ratio for f in steps[-1:] for r in f if math.isfinite(r.ratio)]
    losses = curves[-1] if curves else [f.loss for f in steps]
    start, guess = _start(clues), _guessing(clues)
    rate = {"rate": clues.rate}
    if message := _too_high(losses, start, guess, ratios):
        yield Finding("rate too high", facts={**rate, "message": message})
    elif (ratios or _steps(clues) >= LONG) and (message := _too_low(losses, ratios)):
        yield Finding("rate too low", facts={**rate, "message": message})
    elif guess is not None and _learned_nothing(clues, losses, guess):
        yield Finding("guessing", facts={"loss": f"{losses[-1]:.3g}", "guess": f"{guess:.3g}"})


def _learned_nothing(clues: Clues, losses: Sequence[float], guess: float) -> bool:
    """Whether a training that took a while is no better than a constant answer."""
    return _steps(clues) >= LONG and len(losses) >= 3 and guess > 0 and losses[-1] > 0.98 * guess


def _steps(clues: Clues) -> float:
    """How many steps were taken, as far as a history tells; where none does, enough."""
    counts = [h.params["steps"] * len(h.epoch) for h in clues.histories if "steps" in h.params]
    return float(sum(counts)) if counts else math.inf


def _too_high(
    losses: Sequence[float], start: float | None, guess: float | None, ratios: Sequence[float]
) -> Message | None:
    if guess is not None and len(losses) > 1 and losses[-1] > 1.2 * max(guess, start or 0.0) > 0:
        return SIGNS["constant"].filled(loss=losses[-1], guess=guess)
    if guess is not None and start is not None and losses and max(losses) > 3 * max(guess, start) > 0:
        worst = int(np.argmax(losses))
        return SIGNS["rose at once"].filled(start=start, loss=losses[worst], epoch=worst + 1)
    largest = max(ratios, default=0.0)
    begin = start if start is not None else losses[0] if losses else 0.0
    # Large updates alone are no fault: an embedding begins with tiny weights. They are where no loss falls.
    if largest > HASTY and losses and (losses[-1] > 0.9 * begin or (_rough(losses) > 0.1 and losses[-1] > begin / 2)):
        return SIGNS["large step"].filled(change=largest)
    if len(losses) < 2:
        return None
    first, last, best = losses[0], losses[-1], min(losses)
    # of one batch, the loss before the first step is rough: a loss that continues to fall is no sign
    if start is not None and start > 0 and last > 1.2 * start and last > 0.95 * first:
        return SIGNS["rose since"].filled(start=start, loss=last)
    worst = int(np.argmax(losses))
    if losses[worst] > 1.1 * first:
        return SIGNS["rose"].filled(start=first, loss=losses[worst], epoch=worst + 1)
    if len(losses) < 4:
        return None
    changes = np.abs(np.diff(losses))
    jumps = float(changes[len(changes) // 2 :].mean()) / max(last, 1e-12)
    stuck = last > best + 0.2 * (first - best) or first - best < 0.1 * first
    if _rough(losses) > ROUGH and jumps > 0.03 and stuck:
        return SIGNS["up and down"].filled(change=jumps, loss=last, start=first)
    return None


def _rough(losses: Sequence[float]) -> float:
    """The fraction of a loss curve's movement that is upwards."""
    changes = np.diff(losses)
    way = float(np.abs(changes).sum())
    return float(changes[changes > 0].sum()) / way if way else 0.0


def _too_low(losses: Sequence[float], ratios: Sequence[float]) -> Message | None:
    if len(losses) < 3 or losses[0] <= 0:
        return None
    changes = np.diff(losses)
    fall = (losses[0] - losses[-1]) / losses[0]
    third = max(1, len(changes) // 3)
    steady = (changes <= 0).mean() > 0.9 and changes[-third:].sum() < 0.5 * changes[:third].sum() < 0
    if fall < 0.15 and steady and max(ratios, default=0.0) < TIMID * 10:
        slow = SIGNS["slow"].filled(fall=fall, count=len(losses))
        return SIGNS["small step"].filled(slow=slow, change=max(ratios)) if ratios else slow
    return None


def _over_fitting(clues: Clues) -> Iterator[Finding]:
    """A validation loss that has turned while the training loss continues to fall."""
    for history in clues.histories:
        train, held = history.history.get("loss", []), history.history.get("val_loss", [])
        if len(held) < 4 or not all(map(math.isfinite, [*train, *held])) or history.stopped:
            continue
        best = int(np.argmin(held))
        right = history.history.get("val_accuracy", [])
        if len(right) == len(held) and right[-1] >= right[best]:  # surer of its mistakes, but it makes no more of them
            continue
        if (
            best < len(held) - 3
            and held[-1] > 1.2 * held[best]
            and train[-1] < train[best]
            and train[-1] < 0.7 * held[-1]
        ):
            epoch, *numbers = history.epoch[best] + 1, *(f"{v:.3g}" for v in (held[best], held[-1], train[-1]))
            facts = dict(zip(("best", "last", "train"), numbers, strict=True))
            yield Finding("over-fitting", facts={"epoch": str(epoch), **facts})


def _sentence(error: object) -> str:
    return str(error).rstrip(".")
