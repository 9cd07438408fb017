"""A table of a person's own begins with what `pellucid train` makes of it, and its code makes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lab.own_data.given import own, run, said, same, task

from pellucid.lab.protocol import own_files
from pellucid.lab.protocol.requests import DataChoices
from pellucid.lab.serve.lab_session import Session


def flats(count: int = 60) -> bytes:
    random = np.random.default_rng(0)
    lines = ["id,area,rooms,city,built,note,empty,price"]
    for k in range(count):
        area = random.uniform(20, 150)
        rooms = "" if k == 7 else int(area // 25) + 1
        city = ("Bern", "Genf", "Zug")[k % 3]
        built = f"20{k % 20:02d}-0{k % 9 + 1}-11"
        lines.append(f"{k + 1},{area:.1f},{rooms},{city},{built},flat {k} here,,{area * 5000:.2f}")
    return "\n".join(lines).encode()


def column(data: own_files.OwnData, name: str) -> own_files.DataColumn:
    return next(one for one in data["columns"] if one["name"] == name)


def test_what_the_columns_hold_is_told() -> None:
    data = own({"flats.csv": flats()}).understood(DataChoices())
    uses = {one["name"]: (one["kind"], one["use"]) for one in data["columns"]}
    assert uses == {
        "id": ("identifier", "leave"),
        "area": ("number", "take"),
        "rooms": ("number", "take"),
        "city": ("category", "take"),
        "built": ("date", "take"),
        "note": ("category", "leave"),
        "empty": ("empty", "leave"),
        "price": ("number", "target"),
    } | {"note": ("text", "leave")}
    assert (data["learn"], data["test"], data["fault"]) == (48, 12, None)
    assert column(data, "city")["most"] == [{"name": name, "count": 20} for name in ("Bern", "Genf", "Zug")]
    assert (column(data, "rooms")["missing"], column(data, "rooms")["low"]) == (1, 1)
    why = column(data, "id")["why"]
    assert why is not None and why["en"] == "it numbers the rows" != why["zh"]
    assert data["rows"][0][3] == "Bern" and len(data["rows"]) == 5
    assert data["layers"][0] == "pl.Normalization().adapt(x)"
    assert [note["en"] for note in data["notes"]] == [
        "Lines in which a value is missing: 1; the mean of its column stands in its place."
    ]


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"target": "city"},
        {"target": "rooms", "task": "regression", "columns": {"rooms": "take"}},
        {"columns": {"note": "words", "area": "leave", "id": "take"}},
    ],
)
def test_its_code_makes_the_same(choices: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = flats() if choices.get("target") != "rooms" else flats().replace(b",,Genf", b",3,Genf")
    (tmp_path / "flats.csv").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    made = task({"flats.csv": content}, **choices)
    assert same(made, run(made))
    assert (made.classes is None) == (choices.get("target") != "city")


def test_a_changed_network_is_brought_to_the_scale_of_the_examples_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flats.csv").write_bytes(flats())
    monkeypatch.chdir(tmp_path)
    session = Session(task({"flats.csv": flats()}))
    design = session.editor()["design"]
    design["network"]["layers"][2]["options"]["units"] = 5
    from pellucid.lab.protocol.reading import checked
    from pellucid.lab.protocol.requests import Design

    session.edit(checked(design, Design))
    changed = session.stage.task
    assert same(changed, run(changed))
    assert float(changed.net.parameters["normalization_1.mean"][0]) > 20
    assert session.revise(-1)["parameters"] > session.revise(1)["parameters"]
    session.close()


TABLES: dict[str, tuple[bytes, str | None]] = {
    "one line": (b"a,b\n1,2\n", "expected at least 2"),
    "one class": (b"a,b\n" + b"1,x\n2,x\n" * 20, 'one class, "x", expected at least two'),
    "each class once": (b"a,b\n1,x\n2,y\n3,z\n", "one example of each class"),
    "all missing": (b"a,b\n,1\n,2\n", "no column for the features"),
    "a target missing": (b"a,b,y\n1,2,3.5\n2,3,\n", None),
    "a comma": (b"a;y\n1,5;2,5\n2,5;3,5\n", "Decimal mark: ,"),
    "thousands": (b"a;y\n1;250,000\n2;320,000\n", "Decimal mark: . for the first"),
    "dates of two readings": (b"d,a,y\n01/02/2024,1,1.5\n02/03/2024,2,2.5\n", "Dates: %d/%m/%Y"),
    "text among numbers": (b"a,y\n1,1.5\nx,2.5\n3,3.5\n", 'line 3, column "a": "x" is text'),
}


@pytest.mark.parametrize("name", TABLES)
def test_what_cannot_be_learned_is_said_beside_the_columns(name: str) -> None:
    content, message = TABLES[name]
    given = said({"t.csv": content}, kind="table", **({"target": "y"} if "a target" in name else {}))
    assert given is not None and (message or "a target must be known") in given


def test_a_person_says_how_it_is_written() -> None:
    comma = "größe;y\n1,5;2,5\n2,5;3,5\n3,5;1,5\n".encode("cp1252")
    assert said({"t.csv": comma}, kind="table", encoding="cp1252", decimal=",") is None
    assert (
        said({"t.tsv": b"d\ty\n01/02/2024\t1.5\n02/03/2024\t2.5\n03/04/2024\t2\n"}, date_format="%d/%m/%Y") is not None
    )
