from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.lab.browser.saved import document, parameters

from pellucid.errors import DataError
from pellucid.lab.gallery import TASKS, build
from pellucid.lab.serve import page
from pellucid.lab.serve.site import write_site

BRIEF = [replace(TASKS["spirals"], steps=120), replace(TASKS["prices"], steps=20)]

pytestmark = pytest.mark.skipif(
    not all((page.ASSETS / name).is_file() for name in page.NAMES),
    reason="the page is not built: python hatch_build.py",
)


def test_every_task_is_trained_and_knows_the_others(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    write_site(tmp_path / "site", BRIEF, on_task=lambda *at: told.append(at))
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == ["index.html", "prices.html", "spirals.html"]
    assert told == [("Two spirals", k, 120) for k in (0, 100, 120)] + [("Tomorrow's price", k, 20) for k in (0, 20)]
    spirals, index = (document(tmp_path / "site" / name) for name in ("spirals.html", "index.html"))
    assert "description" not in index
    assert [task["name"] for task in index["site"]["tasks"]] == ["spirals", "prices"]
    assert spirals["site"] == index["site"]
    assert spirals["description"]["can"]["gallery"]
    assert spirals["description"]["state"]["step"] == 120
    begun, ended = parameters({"parameters": spirals["initial"]}), parameters(spirals)
    untrained = build("spirals").net.parameters
    for path in begun:
        np.testing.assert_array_equal(begun[path], untrained[path])
        assert not np.array_equal(begun[path], ended[path])


def test_it_can_be_written_again_but_over_nothing_else(tmp_path: Path) -> None:
    for _ in range(2):
        write_site(tmp_path / "site", BRIEF[1:], language="zh")
    assert '<html lang="zh">' in (tmp_path / "site/prices.html").read_text(encoding="utf-8")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/index.html").write_text("mine", encoding="utf-8")
    for folder, said in (("notes", "holds other files"), ("notes/index.html", "expected a folder")):
        with pytest.raises(DataError, match=said):
            write_site(tmp_path / folder, BRIEF[1:])
    assert (tmp_path / "notes/index.html").read_text(encoding="utf-8") == "mine"
