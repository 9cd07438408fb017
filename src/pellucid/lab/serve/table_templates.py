"""What a page needs to learn from a table of a person's own without Python: the documents of the networks that are
begun with, in which the numbers of features and of classes are still open.

    {"phrases":    as in a document,
     "missing":    [cells without a value, in lower case],
     "identifiers": regular expressions of names, "targets": those of usual targets,
     "limits":     {"categories", "classes", "features", "cells", "rows": of which all may differ by chance, …},
     "order":      [key of Philox as two pairs of halves], by which lines are divided, "test_size",
     "tables":     {"classification": template, "regression": template}}

    template = {"document": a document without examples and parameters, "layers": [Python of each], "metadata" …,
                "open": {"features": 1009, "classes": 1013}, which stand for the numbers that are open,
                "numbers": [[number of the document, "features" | "classes", [what stands for it with 1, 2, …]]],
                "initial": {path: pellucid.formula of its first "value"},
                "statistics": {"x": [path of means, of deviations], "y": [the same] | null},
                "paths": of the values that have one number for each feature,
                "two": {"sample", "views"} with two features}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from pellucid.data import Dataset
from pellucid.data.tables import features, identifiers
from pellucid.data.tables.cells import MISSING
from pellucid.default_layers import TEST_SIZE
from pellucid.explain.columns import column_names
from pellucid.formula import Program, Tensor
from pellucid.formula.notation.json import to_json
from pellucid.functions.initialization import initial_values
from pellucid.functions.learning.optimizers import optimizer
from pellucid.lab.own_data import own_tables
from pellucid.lab.own_data.beginning import SEED, Beginning
from pellucid.lab.protocol import answers
from pellucid.lab.serve.document import document, phrases
from pellucid.lab.task import sample_of, views_of
from pellucid.lab.time.moments import Moment, copied
from pellucid.lab.view.describe import MOST_COLUMNS
from pellucid.lab.view.look import Look
from pellucid.layers import Normalization
from pellucid.layers.base import Parameter
from pellucid.layers.dropout import stream
from pellucid.network import BaseNetwork

FEATURES, CLASSES = 1009, 1013
"""Stand for the numbers that are open: no other number of the documents is one of these."""
MAX_FEATURES = 512
MAX_CELLS = 1 << 20
ROWS = 64
BLANK: dict[str, Any] = {
    "parameters": {},
    "initial": None,
    "examples": {},
    "flow": [],
    "findings": [],
    "reach": [],
    "confusion": {},
    "latent": None,
    "forecast": None,
    "image": None,
    "code": "",
    "lessons": [],
}
"""What is of the examples, or of a moment."""


@cache
def table_templates() -> dict[str, Any]:
    """All that a page needs to read a table and begin with it."""
    key = np.random.Philox(SEED).state["state"]["key"]
    return {
        "phrases": phrases(),
        "missing": list(MISSING),
        "identifiers": identifiers.NAMES.pattern,
        "targets": own_tables.CLASS_NAMES.pattern,
        "limits": {
            "categories": features.MAX_CATEGORIES,
            "classes": features.MAX_CLASSES,
            "features": MAX_FEATURES,
            "columns": MOST_COLUMNS,
            "cells": MAX_CELLS,
            "few": identifiers.FEW,
            "rows": own_tables.ROWS,
            "most": own_tables.MOST,
        },
        "order": [[int(word) >> 32, int(word) & 0xFFFFFFFF] for word in key],
        "test_size": TEST_SIZE,
        "tables": {"classification": _template(classes=True), "regression": _template(classes=False)},
    }


def _template(*, classes: bool) -> dict[str, Any]:
    begun = _begun(FEATURES, CLASSES if classes else 0)
    net, told = begun.net, _untrained(begun)
    description = told["description"]
    description["views"] = [view for view in description["views"] if view != "latent"]
    description["title"] = {}
    told["diagnosis"] |= {"given": [], "constant": None}
    del told["phrases"]
    scales = [use.path for use in net.uses if isinstance(use.layer, Normalization)]
    small = _begun(2, 3 if classes else 0)
    sample = sample_of(small.net)
    return {
        "document": {**told, **BLANK, "measured": False},
        "layers": begun.described()[0],
        "open": {"features": FEATURES, "classes": CLASSES},
        "numbers": list(_numbers(net)),
        "initial": {
            path: to_json(_initial(net, path, spec))
            for path, spec in net.specs.items()
            if path.partition(".")[0] not in scales
        },
        "statistics": dict(
            zip("xy", [*([f"{path}.mean", f"{path}.deviation"] for path in scales), None], strict=False)
        ),
        "paths": list(column_names(net)),
        "two": {"sample": sample, "views": [*views_of(small.net, sample, small.classes, None), "examples"]},
    }


def _begun(count: int, classes: int) -> Beginning:
    """The task of a table with so many features, of classes or of a quantity."""
    rng = np.random.default_rng(SEED)
    data = Dataset(
        "table",
        rng.normal(size=(ROWS, count)).astype(np.float32),
        np.arange(ROWS) % 2 if classes else rng.normal(size=ROWS).astype(np.float32),
        feature_names=tuple(f"column {k}" for k in range(count)),
        class_names=tuple(map(str, range(classes))) if classes else None,
        target_name="target",
    )
    return own_tables.table_beginning("table", data, data, code="")


def _untrained(begun: Beginning) -> dict[str, Any]:
    """The document before the first step."""
    task = begun.task()
    branch: answers.Branch = {"id": 0, "parent": None, "at": 0, "last": 0, "change": None}
    state: answers.State = {
        "branch": 0,
        "step": 0,
        "branches": [branch],
        "epoch": 0,
        "playing": False,
        "learning_rate": optimizer(task.optimizer).initial_rate,
        "speed": 0.0,
        "pace": 0.0,
        "loss": None,
        "metrics": {},
        "stopped": None,
    }
    history: answers.History = {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}
    net = copied(task.net)
    return document(Look(task), state, history, Moment(0, 0, net.parameters.snapshot()), compiled=False)


def _initial(net: BaseNetwork, path: str, spec: Parameter, sizes: Mapping[int, int] | None = None) -> Program:
    """The formula of a parameter's first value, with other extents in the place of some."""

    def sized(extent: int) -> int:
        return extent if sizes is None else sizes.get(extent, extent)

    axes = {name: sized(extent) for name, extent in spec.axes.items()}
    begin = initial_values.initial(spec.initial)
    made: Tensor = begin(
        axes, fan_in=sized(spec.fan_in), fan_out=sized(spec.fan_out), seed=net.seed, stream=stream(path)
    )
    return Program({"value": made})


def _numbers(net: BaseNetwork) -> Iterator[list[Any]]:
    """The numbers of the formulas of first values that hang on a number that is open, and what they are for each."""
    limits = {"features": (FEATURES, MAX_FEATURES), "classes": (CLASSES, features.MAX_CATEGORIES)}
    for path, spec in net.specs.items():
        for name, (marker, most) in limits.items():
            if marker not in (*spec.axes.values(), spec.fan_in, spec.fan_out):
                continue
            now = _constants(to_json(_initial(net, path, spec)))
            every = [_constants(to_json(_initial(net, path, spec, {marker: k}))) for k in range(1, most + 1)]
            for place, number in enumerate(now):
                values = [numbers[place] for numbers in every]
                if any(value != number for value in values):
                    yield [number, name, values]


def _constants(value: Any) -> list[float]:
    """The constants of a formula, in their order."""
    if isinstance(value, Mapping):
        own = [value["constant"]] if isinstance(value.get("constant"), int | float) else []
        return [*own, *(number for part in value.values() for number in _constants(part))]
    return [number for part in value for number in _constants(part)] if isinstance(value, list) else []
