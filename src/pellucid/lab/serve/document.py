"""What a saved lab carries: a network's formulas and numbers, some examples, and what was measured of it.

A browser evaluates the formulas itself, so that the file explains every number without Python. What the numbers do not
change is written here once (the text of a formula, the words of a sentence), what depends on them is computed there.

    {"format": "pellucid.lab", "version": 1,
     "description":  protocol Description, what the mount can do and the state among it,
     "input": "input_1", "target": "loss.t",   what the formulas call an example and its target
     "formulas":     {"program": pellucid.formula, "texts": {value: [formula, latex]}},
     "measuring":    the same program as it is in a step of training, where that differs: with dropout, … | null
     "phrases":      the sentences of explanations,
     "parameters":   {"dense_1.kernel": array},
     "initial":      the same at step 0, to begin anew from | null
     "examples":     {"train": {"x": array, "y": array | null, "labels": [text] | null,
                     "prices": array | null}},
     "curves":       {"dense_1": {"function", "formula", "derivative"}},
     "training":     {"program", "texts", "seed": 0, "learning_rate", "module", "rule", "measures", "judges"} | null,
                     one step: the slots begin at 0 there, the steps at 1. "module" is the engine's own code for it and
                     for evaluations, WebAssembly as `pellucid.interchange.object_file` writes it, or null. "rule" is
                     the optimizer; "measures" how outputs are read: {"prediction", "mask": [its name in a step, in a
                     run] | null, "names": metrics, "formulas": {metric: pellucid.formula of "each" from "p" and "y"},
                     "threshold", "multilabel", "units"}; "judges": whether all examples to judge by are in the file,
     "settling":     when a run that is played rests: {"steps", "window", "every", "fall", "words"} | null, never,
     "history":      protocol History of all steps on the way here, its loss thinned: every "every"th step's,
     "diagnosis":    {"words", "signs", "causes": sentences, "order": [kind], "limits": what is judged by,
                     "given": [finding] about the data, "constant": the loss of a constant answer | null, "penalties":
                     {"dense_1.kernel": [l1, l2]}, "trainable": [path]} | null where nothing is trained,
     "flow", "findings", "reach", "confusion", "latent", "forecast": as the protocol has them, where there are any,
     "text":         {"by": "char", "lower": false, …} | null, how a text is read,
     "image":        array | null, the one that kernels slide over,
     "code":         Python,
     "lessons":      [protocol Lesson], those that may be begun here,
     "measured":     false where what takes many examples was not measured | absent,
     "tables":       what a page learns from tables by, see `lab/serve/table_templates.py` | absent,
     "site":         {"tasks": [protocol Task and "views"]} | absent, the other files of its folder}

    array = {"shape": [3, 2], "numbers": {"$": ["f4", base64]}, "over"?: 16}     little-endian; the numbers are over 16

Arrays inside protocol objects are {"$": ["f4" | "f8" | "i4" | "u1", base64]}.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import FormulaError, NonFiniteError, PellucidError
from pellucid.explain import tracing
from pellucid.explain.trace import formulas as values_and_gradients
from pellucid.explain.words import PHRASES
from pellucid.formula import Program, Statement, latex, unicode
from pellucid.formula.notation.json import to_json
from pellucid.formula.program import Loop
from pellucid.functions.learning.optimizers import Optimizer, optimizer
from pellucid.lab import gallery
from pellucid.lab.lessons.lesson_examples import inputs_of, renamed
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.lessons import Lesson
from pellucid.lab.serve import frames
from pellucid.lab.text_reader import TextReader
from pellucid.lab.time.settling import Settling
from pellucid.lab.view.measure import vocabulary
from pellucid.messages import Message, gettext, words
from pellucid.summary import summarise
from pellucid.training.evaluation import readings_of
from pellucid.training.metrics import Measure, formula_program, is_named
from pellucid.training.metrics import metrics as metrics_of
from pellucid.training.programs import mask_name, prediction_name

if TYPE_CHECKING:
    from pellucid.lab.task import Task
    from pellucid.lab.time.moments import Moment
    from pellucid.lab.view.look import Look

Array = NDArray[Any]

FORMAT, VERSION = "pellucid.lab", 1
MAX_EXAMPLES = 600_000
"""Bytes of examples in a file: all 1,797 embedded digits are 160 kB."""
MAX_TRAINED = 6_000_000
"""Bytes of all where they fit whole: a file that lacks any of those to learn from cannot train, one that lacks any of
those to judge by cannot say how well it does on them."""
MIN_EXAMPLES = 16
MAX_STEPS = 10_000
"""Steps whose loss is written one by one; of a longer history every second, third, …"""
STEPS_OF_GREY = (1, 15, 16, 255, 256)
"""Pixels are often integers over one of these: then a byte each says the same."""

JUDGED = 64
"""How many are judged by at once: the page knows that number."""

MAX_WORK = 30_000_000
"""Multiply-adds of a step of training by the formulas, which a browser does in about a second at worst."""
MAX_UNROLLED = 2_000
"""Times that a statement of a recurrence runs in such a step, each of which costs a browser some microseconds more."""
MAX_MEMORY = 1 << 28
"""Bytes that a step may take in a browser."""

CAN = answers.Can(gallery=False, train=False, branch=False, own=True, convolve=False, save=False)


def document(
    look: Look,
    state: answers.State,
    history: answers.History,
    moment: Moment,
    *,
    initial: Mapping[str, Array] | None = None,
    code: str = "",
    fault: NonFiniteError | None = None,
    lessons: Iterable[Lesson] = (),
    compiled: bool = True,
) -> dict[str, Any]:
    """The task that `look` shows, at a moment, as what JSON can carry.

    Args:
        state: of the run.
        history: of all steps on the way to the moment.
        initial: the parameters that the training began with, if it began in this lab.
        code: Python that repeats what was done.
        fault: where a value stopped being finite, if that ended the training.
        lessons: those about the task; their examples are among the file's.
        compiled: whether a step of training is there as the engine's own code too.
    """
    lessons = list(lessons)
    task, net, samples = look.task, look.net, look.samples
    program = tracing(net, [samples.goal]).program
    slides = "convolve" in task.views
    examples, names = _examples(look, {name for lesson in lessons for name in inputs_of(lesson)})
    judges = task.test is not None and len(names["test"]) == len(task.test[0])
    training = _training(look, whole=len(names["train"]) == len(task.x), judges=judges, compiled=compiled)
    can: answers.Can = {**CAN, "convolve": slides, "train": training is not None, "branch": training is not None}
    description = look.describe(_still(state, moment), can)
    if training is not None:
        description["unmeasured"] = None if (missing := _unmeasured(look)) is None else words(missing)
    else:
        description["untrained"] = words(_untrained(len(names["train"]), len(task.x)))
    for kept in description["sets"]:
        kept["count"] = len(names[kept["name"]])
    sets = [kept["name"] for kept in description["sets"]]
    return {
        "format": FORMAT,
        "version": VERSION,
        "description": carried(description),
        "input": samples.input,
        "target": samples.goal.name,
        "formulas": formulas(program),
        "measuring": None if training is None else _measuring(look),
        "phrases": phrases(),
        "parameters": _packed_parameters(moment.parameters),
        "initial": None if initial is None or training is None else _packed_parameters(initial),
        "examples": examples,
        "curves": _curves(look, moment, description),
        "training": training,
        "settling": None if training is None else _settling(task, description),
        "history": _history(history),
        "flow": carried(_tried(lambda: [look.flow(moment)]) or []),
        "diagnosis": None if training is None else carried({**vocabulary(), **look.standing()}),
        "findings": carried(_tried(lambda: look.diagnose(moment, history, fault)) or []),
        "reach": carried(_tried(lambda: look.reach(moment)) or []),
        "confusion": {name: _confusion(look, moment, name, names[name]) for name in sets},
        "latent": _latent(look, moment, names),
        "forecast": carried(_tried(lambda: look.forecast(moment))),
        "text": _reading(task),
        "image": packed(gallery.sample_image()) if slides else None,
        "code": code,
        "lessons": [renamed(lesson, names) for lesson in lessons],
    }


def _reading(task: Task) -> dict[str, Any] | None:
    """How a text becomes numbers, as `TextReader` has it."""
    reader = TextReader.of(task.rows) if task.sample == "text" else None
    if reader is None:
        return None
    return {
        "by": reader.split,
        "lower": reader.lower,
        "strip": reader.strip,
        "unknown": reader.unknown,
        "filler": reader.filler,
        "from_start": reader.from_start,
    }


def phrases() -> dict[str, Any]:
    """The sentences of explanations, for the browser to fill in."""
    return {name: words(phrase) for name, phrase in PHRASES.items()}


def formulas(program: Program) -> dict[str, Any]:
    """A program, and the text and LaTeX of each statement by the name of its target."""
    texts = {program.names[s.target]: _texts(s) for s in program.statements}
    return {"program": to_json(program), "texts": texts}


def _texts(statement: Statement) -> list[str]:
    try:
        return [unicode(statement), latex(statement)]
    except FormulaError:  # a notation without a sign for it
        return ["", ""]


def packed(array: Array) -> dict[str, Any]:
    """An array as text: integers or a byte each where that says the same, else float32 (float64 if it is)."""
    shape = list(array.shape)
    if array.dtype.kind in "iub":
        small = not array.size or (array.min() >= 0 and array.max() <= 255)
        return {"shape": shape, "numbers": _coded(array.astype(np.uint8 if small else np.int32))}
    if array.size > 256 and np.isfinite(array).all() and array.min() >= 0:
        for over in STEPS_OF_GREY:
            steps = np.rint(array.astype(np.float64) * over)
            if steps.max() <= 255 and np.array_equal((steps / over).astype(array.dtype), array):
                return {"shape": shape, "numbers": _coded(steps.astype(np.uint8)), "over": over}
    return {"shape": shape, "numbers": _coded(array)}


def _packed_parameters(parameters: Mapping[str, Array]) -> dict[str, Any]:
    return {path: packed(np.asarray(values)) for path, values in parameters.items()}


def _coded(array: Array) -> dict[str, Any]:
    kind, flat = frames.flattened(array)
    return {"$": [kind, base64.b64encode(flat.tobytes()).decode()]}


def carried(value: Any) -> Any:
    """A protocol object with its arrays as text, and its numbers that are not finite as JSON can say them."""
    return frames.jsonable(value, _coded)


def _tried(question: Callable[[], Any]) -> Any:
    """What the question gives; None where the network has no such thing, or is broken."""
    try:
        return question()
    except PellucidError:
        return None


def _still(state: answers.State, moment: Moment) -> answers.State:
    """The state of a file: one branch, at rest."""
    alone: answers.Branch = {"id": moment.branch, "parent": None, "at": 0, "last": moment.step, "change": None}
    return {
        **state,
        "branch": moment.branch,
        "branches": [alone],
        "step": moment.step,
        "playing": False,
        "pace": 0,
        "stopped": None,
        "preparing": False,
        "settled": None,
    }


def _history(history: answers.History) -> dict[str, Any]:
    loss = np.asarray(history["loss"], np.float64)
    every = max(1, math.ceil(len(loss) / MAX_STEPS))
    return {**carried({**history, "loss": loss[::every]}), "every": every, "steps": len(loss)}


def _settling(task: Task, description: answers.Description) -> dict[str, Any] | None:
    """By what a run that is played comes to rest, where the task's does."""
    told = description["training"]
    if task.learned is None or told is None:
        return None
    return Settling(task.learned, told["steps_per_epoch"]).rule()


def _training(look: Look, *, whole: bool, judges: bool, compiled: bool) -> dict[str, Any] | None:
    """One step of training, where the file has all examples and a browser can take it."""
    task, net = look.task, look.net
    rule = optimizer(task.optimizer)
    program = tracing(net, [look.samples.goal], rule).program
    if not whole:
        return None
    module = _module(look, rule, judges=judges) if compiled else None
    if module is None and not _evaluable(look, program):
        return None
    packed_module = None if module is None else _coded(np.frombuffer(module, np.uint8))
    return {
        **formulas(program),
        "seed": net.seed,
        "learning_rate": rule.initial_rate,
        "module": packed_module,
        "rule": rule.config(),
        "measures": _measures(look),
        "judges": judges,
    }


def _untrained(kept: int, count: int) -> Message:
    """Why a file does not train."""
    if kept < count:
        return gettext(
            "This file does not train: of the {count} examples to learn from {kept} fit into it. To train the network "
            "start the lab in Python: net.lab(x, y).",
            count=count,
            kept=kept,
        )
    return gettext(
        "This file does not train: a step of this network takes a browser too long, or too much memory. To train it "
        "start the lab in Python: net.lab(x, y)."
    )


def _measures(look: Look) -> dict[str, Any]:
    """How outputs are read, and the metrics that a page computes as Python does: the library's own by their names,
    losses by their formulas."""
    net, goal = look.net, look.samples.goal
    (shape,) = net.output_shapes.values()
    reading = net.reading()
    mask = reading.masks.get(goal.path)
    known = [path for path, tensor in reading.values.items() if tensor is mask]
    measured = [m for m in metrics_of(look.task.metrics) if not _foreign(m)]
    shown = shape if mask is None else shape[1:]  # then each real step is an example
    return {
        "prediction": prediction_name(goal.path),
        "mask": None if mask is None else [mask_name(goal.path), known[0] if known else None],
        "names": [m.name for m in measured],
        "formulas": {m.name: to_json(formula_program(m.formula, shown)) for m in measured if m.formula is not None},
        **vars(readings_of(net, [goal])[goal.path]),
        "units": shape[-1],
    }


def _foreign(measure: Measure) -> bool:
    """Whether a metric is a function of Python's, which no browser runs."""
    return measure.formula is None and not is_named(measure)


def _unmeasured(look: Look) -> Message | None:
    """Of the metrics those that the file does not measure, and why."""
    names = [m.name for m in metrics_of(look.task.metrics) if _foreign(m)]
    if not names:
        return None
    return gettext(
        "What is trained in this file is measured without {names}: a browser does not run functions of Python. To "
        "measure that too, train in Python, net.lab(x, y), or write the metric as a formula, @pl.loss.",
        names=", ".join(names),
    )


def _measuring(look: Look) -> dict[str, Any] | None:
    """The network's values and gradients as they are in a step of training, where that is another program."""
    forward = look.net.forward(training=True)
    if not forward.random and not forward.updates:
        return None
    return to_json(Program(values_and_gradients(look.net, [look.samples.goal], training=True)))


def _evaluable(look: Look, program: Program) -> bool:
    """Whether a browser takes such a step by the formulas in about a second."""
    loops = [stage for stage in program.stages if isinstance(stage, Loop)]
    unrolled = sum(len(loop.statements) * loop.extent for loop in loops)
    work = 3 * summarise(look.net).multiply_adds * look.task.batch_size  # forward, and twice as much backward
    return work <= MAX_WORK and unrolled <= MAX_UNROLLED


def _module(look: Look, rule: Optimizer, *, judges: bool) -> bytes | None:
    """The engine's own code for a step, for each number of examples that a batch may have, and for evaluations."""
    from pellucid.interchange.object_file.exporting import training_module

    def sizes(count: int, size: int) -> list[int]:
        return sorted({n for n in (min(size, count), count % size) if n})

    task, goals = look.task, [look.samples.goal]
    batches = sizes(len(task.x), task.batch_size)
    judged = sizes(len(task.test[0]), JUDGED) if judges and task.test is not None else []
    try:
        return training_module(look.net, goals, rule, batches, judged=judged, memory=MAX_MEMORY)
    except PellucidError:
        return None


def _examples(look: Look, wanted: Set[str]) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    """Of each set those that are wanted and as many as fit, from all over it; and the name of each in the file."""
    task, samples = look.task, look.samples
    examples: dict[str, Any] = {}
    names: dict[str, dict[str, str]] = {}
    sets, left = samples.sets(), float(MAX_TRAINED)
    for name, (x, y) in sets.items():
        size = sum(len(_text(packed(part[:32]))) for part in (x, y)) / max(1, len(x[:32]))
        whole = len(x) * size <= left and (name == "train" or len(names["train"]) == len(task.x))
        left -= len(x) * size if whole else 0
        count = len(x) if whole else max(MIN_EXAMPLES, int(MAX_EXAMPLES / len(sets) / max(1.0, size)))
        also = [int(n.partition(":")[2]) for n in wanted if n.startswith(f"{name}:")]
        places, (kept, targets) = samples.spread(name, count, also)
        names[name] = {f"{name}:{place}": f"{name}:{k}" for k, place in enumerate(places.tolist())}
        shown = [samples.shown(samples[f"{name}:{place}"]) for place in places.tolist()]
        labels, prices = [one["label"] for one in shown], [p for one in shown if (p := one.get("prices")) is not None]
        mirrors = kept.shape == targets.shape and np.array_equal(kept, targets)
        examples[name] = {
            "x": packed(kept),
            "y": None if mirrors else packed(targets),
            "labels": None if task.classes is not None or not any(labels) else labels,
            "prices": packed(np.array(prices)) if prices else None,
        }
    return examples, names


def _text(array: Mapping[str, Any]) -> str:
    text: str = array["numbers"]["$"][1]
    return text


def _curves(look: Look, moment: Moment, description: answers.Description) -> dict[str, Any]:
    """The name and the texts of each curve; they are the same for every element."""
    curves: dict[str, Any] = {}
    for value in (v for layer in description["layers"] for v in layer["values"]):
        place = [n - 1 for n in value["shape"]]  # of a recurrence the last step: the first may have no past
        curve = _tried(partial(look.curve, moment, "train:0", value["path"], place))
        if curve is not None:
            curves[value["path"]] = {key: curve[key] for key in ("function", "formula", "derivative")}
    return curves


def _confusion(look: Look, moment: Moment, name: answers.Set, names: Mapping[str, str]) -> Any:
    """Of all examples; those to be looked at are those of the file."""
    table = _tried(lambda: look.confusion(moment, name))
    if table is None:
        return None
    kept = {cell: [names[n] for n in there if n in names] for cell, there in table["examples"].items()}
    return carried({**table, "examples": {cell: there for cell, there in kept.items() if there}})


def _latent(look: Look, moment: Moment, names: Mapping[str, Mapping[str, str]]) -> Any:
    """The codes of the examples that the file has."""
    plane = _tried(lambda: look.latent(moment))
    if plane is None:
        return None
    known = {old: new for every in names.values() for old, new in every.items()}
    rows = [k for k, n in enumerate(plane["names"]) if n in known]
    points = np.reshape(plane["points"]["data"], plane["points"]["shape"])[rows]
    labels = None if plane["labels"] is None else plane["labels"][rows]
    kept = [known[plane["names"][k]] for k in rows]
    shown = {"shape": list(points.shape), "data": points.reshape(-1)}
    return carried({**plane, "points": shown, "labels": labels, "names": kept})
