"""What a page without Python makes of a table, held against Python: it understands the same, or refuses."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lab.conftest import now
from tests.lab.node import run_script
from tests.sampling import some

from pellucid.lab.own_data.understanding import OwnFiles
from pellucid.lab.protocol.reading import checked
from pellucid.lab.protocol.requests import DataChoices, RankingParams, SentPart
from pellucid.lab.serve.table_templates import CLASSES, FEATURES, table_templates
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look

SEEDS = range(400)
"""Of the random tables; each run of the tests takes some."""
WORDS = [
    "red",
    "green",
    "blue",
    "Ångström",
    "none",
    "Straße",
    "Oslo",
    "NA",
    "x",
    "y",
    "z",
    "yes",
    "no",
    "first",
    "second",
    "A1",
    "B2",
    "C23",
]
ODD = [
    "2024-01-31",
    "$12",
    "1,234.50",
    "12%",
    "3.5 kg",
    "(3)",
    "inf",
    "Jan 5, 2024",
    "USD 12",
    "1_000",
    "−3",
    "٣",
    "4+",
]


def _column(rng: np.random.Generator, rows: int, *, odd: bool) -> tuple[str, list[str]]:
    kind = str(rng.choice(["float", "float", "int", "few", "words", "words", "count", "names", "constant", "empty"]))
    name = str(
        rng.choice(["a", "weight", "Id", "passenger_id", "price", "kind", "höhe", "n 1", "Class", "y", "order_no"])
    )
    match kind:
        case "float":
            cells = [f"{v:.{rng.integers(1, 7)}g}" for v in rng.normal(size=rows) * 10.0 ** rng.integers(-3, 5)]
        case "int":
            cells = [str(v) for v in rng.integers(-300, 300, rows)]
        case "few":
            cells = [str(v) for v in rng.integers(0, 4, rows)]
        case "words":
            cells = [str(v) for v in rng.choice(WORDS, rows)]
        case "count":
            cells = [str(k + rng.integers(1)) for k in range(rows)]
        case "names":
            cells = [f"name {chr(97 + k % 26)}{k}" for k in range(rows)]
        case "constant":
            cells = ["2.5"] * rows
        case _:
            cells = [""] * rows
    if rng.integers(3) == 0:
        cells = ["" if rng.integers(6) == 0 else cell for cell in cells]
    if odd and rng.integers(6) == 0:
        text = str(rng.choice(ODD))
        cells = [text if rng.integers(3) == 0 else cell for cell in cells] if rng.integers(2) else [text] * rows
    return name, cells


def _table(seed: int, *, odd: bool = False) -> str:
    rng = np.random.default_rng([seed, int(odd)])
    rows = int(rng.choice([3, 12, 30, 47, 130]))
    columns: dict[str, list[str]] = {}
    for _ in range(rng.integers(2, 7)):
        name, cells = _column(rng, rows, odd=odd)
        columns[name if name not in columns else f"{name} {len(columns)}"] = cells
    if rng.integers(5) == 0:
        columns = {"": [str(k) for k in range(rows)], **columns}
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=str(rng.choice([",", ";", "\t"])),
        quoting=csv.QUOTE_NONNUMERIC if rng.integers(2) else csv.QUOTE_MINIMAL,
        lineterminator=str(rng.choice(["\n", "\r\n"])),
    )
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _sent(text: str) -> list[dict[str, Any]]:
    return [{"name": "flats.csv", "data": base64.b64encode(text.encode()).decode()}]


def _python(text: str, choices: dict[str, Any]) -> tuple[OwnFiles, DataChoices, Any]:
    """What Python makes of a table: None where it cannot be read at all."""
    files = OwnFiles()
    files.take([SentPart(**part) for part in _sent(text)], more=False)
    given = checked(choices, DataChoices, root="the choices are")
    try:
        return files, given, files.understood(given)
    except ValueError:
        return files, given, None


@pytest.fixture(scope="module")
def tables() -> dict[str, Any]:
    return table_templates()


def _choices(seed: int, text: str) -> dict[str, Any]:
    """What a person may choose otherwise."""
    rng = np.random.default_rng([seed, 7])
    known = _python(text, {})[2]
    if known is None or rng.integers(2) or not known["columns"]:
        return {}
    names = [column["name"] for column in known["columns"]]
    some = rng.permutation(len(names))[: rng.integers(1, 3)]
    chosen: dict[str, Any] = {"columns": {names[k]: str(rng.choice(["take", "leave"])) for k in some}}
    if rng.integers(2):
        chosen["target"] = str(rng.choice(names))
    if rng.integers(3) == 0:
        chosen["task"] = str(rng.choice(["classification", "regression"]))
    return chosen


@pytest.mark.parametrize("odd", [False, True])
def test_a_table_is_understood_as_in_python_or_refused(odd: bool, tmp_path: Path, tables: dict[str, Any]) -> None:
    texts = {str(seed): _table(seed, odd=odd) for seed in some(SEEDS, 40, str(odd))}
    choices = {name: _choices(int(name), text) for name, text in texts.items()}
    cases = {
        name: [["upload", {"files": _sent(text), "more": False}], ["data", {"choices": choices[name]}]]
        for name, text in texts.items()
    }
    found = run_script("own-answers.ts", {"tables": tables, "cases": cases}, tmp_path)
    understood = 0
    for name, text in texts.items():
        mine, theirs = found[name][1], _python(text, choices[name])[2]
        if "refused" in mine or mine["fault"] is not None:
            # What Python does not learn either, or what holds cells that are read there alone.
            unclear = odd or theirs is None or theirs["kind"] != "table" or theirs["fault"] is not None
            many = not unclear and len(theirs["classes"] or ()) > table_templates()["limits"]["categories"]
            assert unclear or many, (name, mine, text)
            continue
        understood += 1
        assert theirs is not None, (name, text)
        assert theirs["fault"] is None, (name, theirs["fault"], text)
        for key in ("kind", "learn", "test", "targets", "rows", "classes", "notes", "layers", "parameters"):
            assert mine[key] == theirs[key], (name, key, text)
        assert {k: mine["choices"][k] for k in ("target", "task")} == {
            k: theirs["choices"][k] for k in ("target", "task")
        }, (name, text)
        for one, other in zip(mine["columns"], theirs["columns"], strict=True):
            unread = one["kind"] == "mixed" and one["use"] == "leave"  # a column that was left out, as it is not read
            keys = ("name", "use", "missing", "different") if unread else tuple(other)
            assert [one[key] for key in keys] == [other[key] for key in keys], (name, text)
    assert understood >= (5 if odd else 15), understood


def test_what_is_begun_with_is_pythons(tmp_path: Path, tables: dict[str, Any]) -> None:
    """The same examples, network, first weights and scales: so the same losses and metrics, epoch by epoch."""
    texts: dict[str, str] = {}
    for seed in some(SEEDS, 40, "begun"):
        theirs = _python(_table(seed), {})[2]
        if theirs is not None and theirs["kind"] == "table" and theirs["fault"] is None and theirs["learn"] > 8:
            texts[str(seed)] = _table(seed)
    texts = dict(list(texts.items())[:8])
    questions = [
        *(["learn", {"choices": {}}], ["examples", {"set": "train", "from": 0, "count": 256}]),
        *(["ranking", {"set": "test", "count": 5}], ["confusion", {"set": "test"}]),
        *(["control", {"do": "epoch"}], ["wait", {}]),
        *(["control", {"do": "epoch"}], ["wait", {}], ["history", {"branch": 0, "from": 1}], ["diagnose", {}]),
    ]
    cases = {n: [["upload", {"files": _sent(t), "more": False}], *questions] for n, t in texts.items()}
    found = run_script("own-answers.ts", {"tables": tables, "cases": cases}, tmp_path)
    for name, text in texts.items():
        files, choices, _ = _python(text, {})
        task = files.beginning(choices).task()
        look = Look(task)
        _, description, examples, ranking, table, *_, history, diagnosis = found[name]
        assert "refused" not in description, (name, description)
        assert "findings" in diagnosis
        x = np.array([example["x"]["data"] for example in examples], np.float32)
        np.testing.assert_allclose(x, task.x[:256], rtol=1e-6, err_msg=name)
        y = np.array([example["y"] for example in examples])
        np.testing.assert_allclose(y, task.y[:256].reshape(len(y)), rtol=1e-6, err_msg=name)
        assert [example["label"] for example in examples] == [
            look.samples.shown(look.samples[f"train:{k}"])["label"] for k in range(len(examples))
        ]
        with Run.of(task) as run:
            expected = look.describe(run.state(), description["can"])
            for key in ("layers", "loss", "parameters", "sets", "sample", "classes", "views", "training", "title"):
                assert description[key] == expected[key], (name, key)
            _same_columns(description["table"], expected["table"])
            places = look.ranking(now(task.net), RankingParams(set="test", count=5))
            if task.classes is not None:
                counted: Any = look.confusion(now(task.net), "test")
                for key in ("set", "classes", "examples"):
                    assert table[key] == counted[key], (name, key)
                assert table["counts"]["data"] == counted["counts"]["data"].tolist(), name
            losses = [[one["loss"] for one in ranked["examples"]] for ranked in (ranking, places)]
            assert losses[0] == pytest.approx(losses[1], rel=1e-4, abs=1e-6), name
            run.repeat({"do": "epoch"}, {"do": "epoch"})
            past = run.history(0)
        assert history["loss"][0] == pytest.approx(past["loss"][0], rel=2e-5), name
        assert history["loss"] == pytest.approx(past["loss"].tolist(), rel=1e-3), name
        for one, other in zip(history["epochs"], past["epochs"], strict=True):
            wanted = {n: v for n, v in other["metrics"].items() if n in one["metrics"] or not n.startswith("val_")}
            assert one["metrics"] == pytest.approx(wanted, rel=1e-3, abs=1e-6), (name, one["step"])


def _same_columns(found: Any, expected: Any) -> None:
    assert {**found, "columns": []} == {**expected, "columns": []}
    for one, other in zip(found["columns"], expected["columns"], strict=True):
        # Numbers that are 0 and 1 alone may be categories for Python only where others are.
        assert (one["name"], one["category"]) == (other["name"], other["category"])
        for key in ("low", "high", "mean"):
            assert one[key] == pytest.approx(other[key], rel=1e-5, abs=1e-6)


def test_nothing_else_of_a_template_hangs_on_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """With other numbers for those that are open, the templates differ in these alone."""
    from pellucid.lab.serve import table_templates as module

    def closed(value: Any, put: dict[Any, Any]) -> Any:
        if isinstance(value, dict):
            return {key: closed(part, put) for key, part in value.items()}
        if isinstance(value, list):
            return [closed(part, put) for part in value]
        return put.get(value, value) if isinstance(value, int | float | str) and not isinstance(value, bool) else value

    one = table_templates()["tables"]
    monkeypatch.setattr(module, "FEATURES", 37)
    monkeypatch.setattr(module, "CLASSES", 41)
    for kind, template in one.items():
        other = module._template(classes=kind == "classification")
        put: dict[Any, Any] = {FEATURES: 37, CLASSES: 41}
        for number, which, values in template["numbers"]:
            put[number] = values[{"features": 37, "classes": 41}[which] - 1]
        skip = ("numbers", "open", "layers")
        mine = closed({key: part for key, part in template.items() if key not in skip}, put)
        theirs = {key: part for key, part in other.items() if key not in skip}
        for told in (mine, theirs):
            for key in ("table", "parameters", "classes"):  # which the page writes
                told["document"]["description"].pop(key)
        assert mine == theirs, kind
