"""Two runs side by side: of two examples, or of two steps of a training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.explain import Trace
from pellucid.explain.arithmetic import Source
from pellucid.explain.intervention.differences import TermChange, difference
from pellucid.lab.protocol import answers
from pellucid.lab.view.pictures import batch_axis, checked_index, picture
from pellucid.lab.view.what_if import change_of
from pellucid.messages import gettext
from pellucid.network import BaseNetwork

Array = NDArray[Any]


def beside(net: BaseNetwork, a: Trace, b: Trace, then: answers.Moment, path: str, limit: int) -> answers.Beside:
    """A value in two runs, and all that differs between them."""
    _comparable(path)
    there = [picture(run.tensor(path), run[path], limit) if path in run else None for run in (a, b)]
    change = None
    if all(there) and a[path].shape == b[path].shape:
        change = picture(b.tensor(path), np.asarray(b[path], np.float64) - np.asarray(a[path], np.float64), limit)
    inputs = list(net.input_shapes)
    learned = [(use.path, [p for p in net.parameters if p.startswith(f"{use.path}.")]) for use in net.uses]
    order = [*inputs, *(p for use, owned in learned for p in (*owned, use) if p not in inputs)]
    changes = (_change(p, a, b) for p in dict.fromkeys(order) if p in a and p in b)
    return {
        "other": then,
        "before": there[0],
        "after": there[1],
        "difference": change,
        "changed": [c for c in changes if c is not None],
    }


def compared(
    a: Trace, b: Trace, then: answers.Moment, path: str, index: Sequence[int], learned: Sequence[str], limit: int
) -> answers.Compared:
    """Why an element differs between two runs; the index is without the example's axis.

    Raises:
        DataError: a run has no such value.
    """
    _comparable(path)
    for run in (a, b):
        if path not in run and (path == "loss" or path.startswith(("d(", "loss."))):
            raise DataError(gettext("one of the two has no target, so there is no loss and no gradient to compare"))
    place = checked_index(a.tensor(path), path, a[path].shape, index)
    checked_index(b.tensor(path), path, b[path].shape, index)
    values = [float(run[path][place]) for run in (a, b)]
    answer: answers.Compared = {
        "other": then,
        "path": path,
        "index": list(place),
        "formula": "",
        "values": values,
        "weights": 0.0,
        "inputs": 0.0,
        "terms": [],
        "rest": {"count": 0, "weights": 0.0, "inputs": 0.0},
        "differing": [],
    }
    if b.program.definition(b.tensor(path)) is None:  # it was given: a weight, a pixel
        answer["weights" if path in learned else "inputs"] = values[1] - values[0]
        return answer
    found = difference(a, b, a.explain(path, index=place), b.explain(path, index=place), learned)
    shown, rest = found.terms[:limit], found.terms[limit:]
    assert found.comparison.after is not None
    return {
        **answer,
        "formula": found.comparison.after.formula,
        "weights": found.weights,
        "inputs": found.inputs,
        "terms": [_term(term) for term in shown],
        "rest": {
            "count": len(rest),
            "weights": float(sum(t.weights for t in rest)),
            "inputs": float(sum(t.inputs for t in rest)),
        },
        "differing": [_differing(a, b, p, by, learned) for p, by in found.differing],
    }


def _comparable(path: str) -> None:
    if path.endswith("′"):
        raise DataError(gettext("a step of training is not compared with another: choose a value of the example"))


def _change(path: str, a: Trace, b: Trace) -> answers.Changed | None:
    return change_of(path, a[path], b[path]) if a[path].shape == b[path].shape else None


def _term(term: TermChange) -> answers.ComparedTerm:
    pair = term.pair
    both = (pair.before, pair.after)
    return {
        "values": [t.value if t else 0.0 for t in both],
        "weights": term.weights,
        "inputs": term.inputs,
        "moved": pair.moved,
        "texts": [t.text if t else "" for t in both],
        "numbers": [t.numbers if t else "" for t in both],
        "sources": [[_source(s) for s in t.sources] if t else [] for t in both],
    }


def _source(source: Source) -> answers.Source:
    return {"path": source.path, "index": list(source.index), "value": source.value}


def _differing(a: Trace, b: Trace, path: str, by: float, learned: Sequence[str]) -> answers.Differing:
    gap = np.abs(np.asarray(b[path], np.float64) - np.asarray(a[path], np.float64))
    index = list(map(int, np.unravel_index(int(np.nan_to_num(gap, nan=-1.0).argmax()), gap.shape)))
    place = batch_axis(b.tensor(path))
    if place is not None:
        del index[place]
    return {"path": path, "index": index, "largest": by, "learned": path in learned}
