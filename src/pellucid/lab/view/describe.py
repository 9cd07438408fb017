"""The description of a network for the page: its layers, and all that is computed in each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from pellucid.explain.columns import column_names
from pellucid.formula import Program, Statement, Tensor, unicode
from pellucid.formula.notation.unicode import letters
from pellucid.functions.activations import Activation
from pellucid.functions.forward.sliding_window import Window
from pellucid.functions.learning.optimizers import optimizer
from pellucid.lab.gallery import Prices
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.view.samples import Samples
from pellucid.layers.base import InputLayer
from pellucid.layers.windowed.base import _Kernel
from pellucid.layers.windowed.pool import _Pool
from pellucid.network import BaseNetwork, Use, class_name
from pellucid.training.metrics import metrics as metrics_of

LIKE_NUMBERS = (bool, int, float, str)
MOST_COLUMNS = 256
"""More columns than that are no form to fill in."""
PLAIN = ("name", "activation", "dilation_rate")
"""Options that are described in another place."""


def description(
    task: Task, net: BaseNetwork, samples: Samples, program: Program, state: answers.State, can: answers.Can
) -> answers.Description:
    """A task and its network; `can` says what the mount can do."""
    return {
        "title": task.title,
        "about": task.about,
        "task": task.name,
        "can": can,
        "layers": [layer(net, use, program) for use in net.uses],
        "loss": [value(program, path) for path in program.tensors if path == "loss" or path.startswith("loss.")],
        "parameters": sum(math.prod(net.specs[p].shape) for p in net.parameters.trainable),
        "sets": [{"name": name, "count": len(x)} for name, (x, _) in samples.sets().items()],
        "sample": task.sample,
        "classes": None if task.classes is None else list(task.classes),
        "vocabulary": None if task.vocabulary is None else list(task.vocabulary),
        "views": [*task.views, "examples"],
        "beside": task.beside,
        "table": table(task, net),
        "scaling": None
        if not isinstance(task.rows, Prices)
        else {
            "mean": task.rows.mean,
            "deviation": task.rows.deviation,
            "logarithmic": task.rows.logarithmic,
        },
        "training": {
            "optimizer": optimizer(task.optimizer).name,
            "loss": samples.goal.loss.name,
            "metrics": [measure.name for measure in metrics_of(task.metrics)],
            "batch_size": task.batch_size,
            "steps_per_epoch": math.ceil(len(task.x) / task.batch_size),
        },
        "state": state,
    }


def table(task: Task, net: BaseNetwork) -> answers.Table | None:
    """The columns of the table that the network learned from, where it reads one."""
    names = column_names(net)
    (start,) = net.input_shapes
    features = names.get(start, ())
    if task.x.ndim != 2 or task.sample == "text" or len(features) != task.x.shape[1] or len(features) > MOST_COLUMNS:
        return None
    from pellucid.data import Preparation

    # "column=text" is a category where other features are of the same column, and numbers are 0 and 1 alone
    truths = ((task.x == 0) | (task.x == 1)).all(axis=0)
    columns: list[answers.Column] = []
    for place, feature in enumerate(features):
        name, equals, category = feature.partition("=")
        categorical = bool(equals) and bool(truths[place])
        x = task.x[:, place].astype(np.float64)
        columns.append(
            {
                "name": name if categorical else feature,
                "category": category if categorical else None,
                "low": float(x.min()),
                "high": float(x.max()),
                "mean": float(x.mean()),
            }
        )
    return {"columns": columns, "paths": list(names), "target": Preparation.of(net.metadata).target}


def layer(net: BaseNetwork, use: Use, program: Program) -> answers.Layer:
    """A use of a layer: what it is, and the values computed inside it, its output last."""
    values = inside(net, use, program)
    chosen = getattr(use.layer, "activation", None)
    statements = dict.fromkeys(program.tensors.get(p, program.outputs.get(p)) for p in values)
    formulas = written([s for t in statements if t is not None and (s := program.definition(t)) is not None])
    own = [p for p in net.specs if p.startswith(f"{use.home}.")]
    return {
        "path": use.path,
        "kind": "Input" if isinstance(use.layer, InputLayer) else class_name(use.layer),
        "parents": list(use.parents),
        "shape": list(use.shape),
        "draw": drawn(program, use),
        "activation": chosen.name if isinstance(chosen, Activation) else None,
        "values": [value(program, path) for path in values],
        "parameters": [value(program, path, shape=net.specs[path].shape) for path in own],
        "options": options(use),
        "formula": "\n".join(formulas),
    }


def written(statements: Sequence[Statement]) -> list[str]:
    """Formulas that stand beneath one another: a value that one makes and another reads has one letter in both, the
    reader's.
    """
    made = {s.target for s in statements}
    names = [letters(s) for s in statements]
    read: dict[Tensor, str] = {}
    for statement, known in zip(statements, names, strict=True):
        for tensor, letter in known.items():
            if tensor in made and tensor is not statement.target:
                read.setdefault(tensor, letter)
    texts = []
    for statement, known in zip(statements, names, strict=True):
        mine = {tensor: read.get(tensor, letter) for tensor, letter in known.items()}
        clear = len(set(mine.values())) == len(mine)
        texts.append(unicode(statement, mine if clear else known))
    return texts


def inside(net: BaseNetwork, use: Use, program: Program) -> list[str]:
    """The paths of the values computed in a layer, its output last; those with a name in the layer's own order."""
    every = dict.fromkeys([*program.tensors, *program.outputs])  # a value of two names by both
    paths = [path for path in every if path != use.path and _belongs(path, use.path, net) and _computed(program, path)]
    named = iter([path for path in net.reading().values if path in paths])
    known = net.reading().values
    return [*(next(named) if path in known else path for path in paths), use.path]


def value(program: Program, path: str, *, shape: tuple[int, ...] | None = None) -> answers.Value:
    tensor = tensor_of(program, path)
    if tensor is None:  # a parameter that nothing reads, and no gradient reaches
        return {"path": path, "axes": [], "shape": list(shape or ()), "gradient": False}
    axes = [a for a in tensor.axes if isinstance(a.extent, int)]
    return {
        "path": path,
        "axes": [a.name for a in axes],
        "shape": [a.size for a in axes],
        "gradient": tensor_of(program, f"d({path})") is not None,
    }


def tensor_of(program: Program, path: str) -> Tensor | None:
    return program.outputs.get(path) or program.tensors.get(path)


def drawn(program: Program, use: Use) -> Literal["units", "maps", "steps"]:
    """How a layer's output is drawn."""
    tensor = tensor_of(program, use.path)
    letters = [a.name for a in tensor.axes[1:]] if tensor is not None else []
    if len(use.shape) in (3, 4):
        return "maps"
    return "steps" if len(use.shape) == 2 or letters == ["t"] else "units"


def options(use: Use) -> dict[str, Any]:
    """The options that say something, in numbers: a window's with one for each axis, and its padding worked out."""
    options: dict[str, Any] = {}
    whole = isinstance(use.layer, (InputLayer, BaseNetwork))
    for name, given in () if whole else use.layer.options().items():
        if isinstance(given, Mapping):
            given = given.get("name")
        if isinstance(given, (tuple, list)) and all(isinstance(v, (int, float)) for v in given):
            options[name] = list(given)
        elif isinstance(given, LIKE_NUMBERS) and name not in PLAIN:
            options[name] = given
    return options | _window(use)


def _window(use: Use) -> dict[str, Any]:
    subject = use.layer
    if not isinstance(subject, (_Kernel, _Pool)) or not use.shapes:
        return {}
    kernel = isinstance(subject, _Kernel)
    size = subject.kernel_size if isinstance(subject, _Kernel) else subject.pool_size
    stride = subject.strides if subject.strides is not None else size
    dilation = subject.dilation_rate if isinstance(subject, _Kernel) else 1
    extents = use.shapes[0][:-1]
    if kernel and "Transpose" in type(subject).__name__:
        extents = use.shape[:-1]  # it goes the other way
    window = Window.over(extents, size, stride=stride, padding=subject.padding, dilation=dilation, what="window")
    return {
        "kernel_size" if kernel else "pool_size": list(window.size),
        "strides": list(window.stride),
        "dilation": list(window.dilation),
        "pad_before": [low for low, _ in window.padding],
        "pad_after": [high for _, high in window.padding],
    }


def _belongs(path: str, home: str, net: BaseNetwork) -> bool:
    if path == home:
        return True
    # Longer paths win: "block.dense_1" belongs to "block", "dense_1~2.sum" to "dense_1~2".
    return path.startswith(f"{home}.") and not any(
        other.path != home and other.path.startswith(f"{home}.") and (path + ".").startswith(f"{other.path}.")
        for other in net.uses
    )


def _computed(program: Program, path: str) -> bool:
    """Whether it is computed in the run, not given to it: a parameter, the target."""
    tensor = tensor_of(program, path)
    return tensor is not None and program.definition(tensor) is not None
