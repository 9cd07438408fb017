"""Real sessions answer what is declared: no key less, none more, arrays of the declared types."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from tests.lab.asking import Asker

from pellucid.lab import gallery
from pellucid.lab.protocol.answers import Moment
from pellucid.lab.protocol.schema import EVENTS, METHODS
from pellucid.lab.serve import page
from pellucid.lab.serve.lab_session import Session

ELEMENT = {"input": "test:0", "path": "dense_1", "index": [0]}
OF_NETWORKS: dict[str, Any] = {
    "describe": {},
    "lessons": {},
    "examples": {"set": "train", "from": 0, "count": 2},
    "example": {"name": "test:0"},
    "history": {"branch": 0, "from": 1},
    "flow": {"branch": 0},
    "diagnose": {},
    "code": {},
    "reach": {},
    "save": {},
}
"""What is asked of every task; `ASKED` is what is asked of one."""
ASKED: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "spirals": [
        ("tasks", {}),
        ("boundary", {"size": 9, "units": True}),
        ("confusion", {"set": "test"}),
        ("ranking", {"set": "test", "truth": 1, "count": 3}),
        ("histograms", {"path": "dense_1", "unit": 2}),
        ("histograms", {"path": "dense_1.kernel"}),
        ("own", {"x": [0.5, -0.5], "y": 1}),
        ("weights", {}),
        ("curve", ELEMENT),
        ("curve", {**ELEMENT, "path": "dense_1.sum"}),
        ("explain", {**ELEMENT, "path": "dense_1.kernel′", "index": [0, 0]}),
        ("control", {"do": "branch", "change": {"learning_rate": 0.5}}),
        ("control", {"do": "branch", "change": {"parameter": "dense_1.kernel", "index": [0, 0], "value": 1}}),
        ("control", {"do": "rate", "learning_rate": 1e30}),
        ("control", {"do": "step", "count": 9}),
    ],
    "digits": [
        ("explain", {**ELEMENT, "path": "max_pool2d_1", "index": [0, 0, 0]}),
        ("suppose", {**ELEMENT, "path": "conv2d_1", "index": [1, 2, 0], "value": 0.5, "whole": True}),
        ("beside", {"input": "test:0", "other": {"input": "test:1", "step": 3}, "path": "dense_1", "limit": 9}),
        ("compare", {**ELEMENT, "other": {"branch": 0, "step": 3}, "limit": 2}),
        ("attribute", {"input": "test:0", "unit": 3}),
        ("course", {"path": "dense_1.kernel", "index": [0, 0]}),
        ("ledger", {"path": "dense_1.kernel", "index": [0, 0], "limit": 3}),
    ],
    "text": [
        ("own", {"text": "so it is"}),
        ("generate", {"text": "so", "count": 3, "temperature": 1, "seed": 1}),
    ],
    "prices": [("forecast", {}), ("generate", {"text": "", "count": 2, "temperature": 1, "seed": 1})],
    "autoencoder": [
        ("ranking", {"set": "train", "highest": False, "count": 2}),
        ("latent", {}),
        ("decode", {"path": "dense_2", "code": [0.5, 1]}),
    ],
    "kernels": [
        (
            "convolve",
            {"image": None, "kernel": [[1, 2]], "stride": 1, "padding": 0, "dilation": 1, "at": [0, 0]},
        ),
        (
            "convolve",
            {
                "image": {"shape": [2, 2], "data": [1, 2, 3, 4]},
                "kernel": [[1]],
                "stride": 1,
                "padding": 1,
                "dilation": 1,
            },
        ),
    ],
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Session]:
    made = Session(None, gallery=True)
    yield made
    made.close()


def array(kind: Any, value: object) -> Any:
    """Called for what is declared as an array."""
    dtype = get_args(get_args(kind)[1])[0]
    if not isinstance(value, np.ndarray) or (dtype is not Any and value.dtype != dtype):
        raise TypeError(f"expected an array of {dtype}")
    return value


def keys(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        value = msgspec.to_builtins(value)
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return [keys(item) for item in value] if isinstance(value, list) else None


def check(value: Any, kind: Any) -> None:
    """That a value is what was declared, and has nothing that was not."""
    assert keys(msgspec.convert(value, kind, dec_hook=array)) == keys(value)


def test_all_that_is_asked_for_is_answered_as_declared(lab: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "single_file", lambda document: str(document))
    asker, asked = Asker(lab), set()

    def ask(name: str, params: dict[str, Any]) -> Any:
        asked.add(name)
        method, answer = METHODS[name], asker.ask(name, **params)
        whole = answer
        if method.nullable and answer is None:
            return None
        if method.moment:
            check({key: answer.pop(key) for key in ("branch", "step")}, Moment)
        check(answer, method.answer)
        return whole

    assert set(ASKED) == {"spirals", "digits", "text", "prices", "autoencoder", "kernels"} <= set(gallery.TASKS)
    for task, questions in ASKED.items():
        described = ask("open", {"task": task})
        last = described["layers"][-1]
        ask("watch", {"input": "train:1", "paths": [{"path": v["path"], "limit": 9} for v in last["values"]]})
        ask("explain", {"input": "train:0", "path": last["path"], "index": [0] * len(last["shape"])})
        asker.steps(14)
        for name, params in [*OF_NETWORKS.items(), *questions]:
            ask(name, params)
        asker.event("live")
        asker.event("flow")
    ask("open", {"task": "spirals"})
    ask("adopt", {"weights": ask("weights", {})})
    design = ask("editor", {})["design"]
    ask("consider", {"design": design})
    assert ask("edit", {"design": design | {"noise": 0.1}})["fault"] is None
    assert ask("edit", {"design": design | {"batch_size": 100_000}})["fault"]["field"] == "batch_size"
    ask("revise", {"by": -1})
    ask("pair", {"design": design | {"batch_size": 8}})
    table = b"a,b,kind\n" + b"".join(b"%d.5,%d,%s\n" % (k, k % 3, b"xy"[k % 2 :][:1]) for k in range(20))
    ask("upload", {"files": [{"name": "own.csv", "data": base64.b64encode(table).decode()}]})
    assert ask("data", {"choices": {}})["fault"] is None
    assert ask("data", {"choices": {"columns": {"a": "leave", "b": "leave"}}})["fault"] is not None
    ask("learn", {"choices": {}})
    assert asked == set(METHODS)
    assert {event for event, _ in asker.events} == set(EVENTS)
    for event, value in asker.events:
        check(value, EVENTS[event])
