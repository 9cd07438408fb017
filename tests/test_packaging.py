"""When the lab's page is built, and by what: hatch_build.py with npm and vite played by a stand-in."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pellucid.lab.serve import page

SOURCE = Path(__file__).parents[1] / "hatch_build.py"
LOCK = {
    "packages": {
        "": {"version": "1"},
        "node_modules/drawn": {"version": "1.2.3", "license": "ISC"},
        "node_modules/tool": {"version": "4.5.6", "dev": True},
    }
}

CATALOGUE = """
#: src/pellucid/a.py
msgid "not the page's"
msgstr "不属于页面"

#: src/pellucid/a.py src/pellucid/lab/web/src/strings/shell.ts
msgid "Play"
msgstr "播放"

#: src/pellucid/lab/web/src/strings/shell.ts
msgctxt "tab"
msgid "Play"
msgstr "演示"
"""


@pytest.fixture
def hatch() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    web = tmp_path / "lab" / "web"
    (web / "src").mkdir(parents=True)
    (web / "package.json").write_text("{}")
    (web / "package-lock.json").write_text(json.dumps(LOCK))
    (web / "src" / "strings").mkdir()
    (web / "src" / "page.ts").write_text("export {};")
    catalogue = tmp_path / "locale" / "zh" / "LC_MESSAGES" / "pellucid.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    (tmp_path / "lab" / "protocol").mkdir()
    (tmp_path / "lab" / "protocol" / "requests.py").write_text("")
    return tmp_path / "lab"


@pytest.fixture
def builds(hatch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modes that were built; the stand-in writes a script that tells what the source was."""
    done: list[str] = []

    def install(self: Any) -> None:
        (self.web / "node_modules" / "drawn").mkdir(parents=True, exist_ok=True)
        (self.web / "node_modules" / "drawn" / "LICENSE").write_text("use it freely")

    def run(self: Any, tool: str, *args: str) -> None:
        mode, folder = args[args.index("--mode") + 1], args[args.index("--outDir") + 1]
        time.sleep(0.02)
        Path(folder, f"{mode}.js").write_text((self.web / "src" / "page.ts").read_text())
        done.append(mode)

    monkeypatch.setattr(hatch.Page, "_install", install)
    monkeypatch.setattr(hatch.Page, "_generate", lambda self: self.types.parent.mkdir(parents=True, exist_ok=True))
    monkeypatch.setattr(hatch.Page, "_run", run)
    return done


def test_it_builds_what_the_lab_reads(hatch: ModuleType, lab: Path, builds: list[str]) -> None:
    assert set(page.NAMES) <= set(hatch.NAMES)
    made = hatch.Page(lab)
    assert made.stale()
    made.build()
    assert builds == ["page", "widget"]
    assert sorted(p.name for p in made.assets.iterdir()) == sorted([*hatch.NAMES, "sources.sha256"])
    terms = (made.assets / "licenses.txt").read_text()
    assert "drawn 1.2.3 (ISC)" in terms
    assert "use it freely" in terms
    assert "tool" not in terms
    assert [p.name for p in (lab / "web" / "node_modules").iterdir()] == ["drawn"], "nothing half-built remains"


def test_the_page_gets_its_chinese_from_the_catalogue(hatch: ModuleType, lab: Path, builds: list[str]) -> None:
    made = hatch.Page(lab)
    made.build()
    said = lab / "web" / "src" / "strings" / "zh.json"
    assert json.loads(said.read_text(encoding="utf-8")) == {"Play": "播放", "tab\4Play": "演示"}
    assert not made.stale(), "what is made is no source"
    made.catalogue.write_text(CATALOGUE.replace("播放", "运行"), encoding="utf-8")
    assert made.stale()
    made.build()
    assert json.loads(said.read_text(encoding="utf-8"))["Play"] == "运行"


def test_it_builds_again_only_when_a_source_changed(hatch: ModuleType, lab: Path, builds: list[str]) -> None:
    made = hatch.Page(lab)
    made.build()
    made.build()
    os.utime(lab / "web" / "src" / "page.ts")
    (lab / "web" / "tests").mkdir()
    (lab / "web" / "tests" / "page.test.ts").write_text("")
    made.build()
    assert len(builds) == 2
    (lab / "web" / "src" / "page.ts").write_text("export default 1;")
    assert made.stale()
    made.build()
    assert len(builds) == 4
    assert (made.assets / "page.js").read_text() == "export default 1;"
    (lab / "protocol" / "requests.py").write_text("Id = int")
    assert made.stale(), "the page's types are generated from it"
    made.build()
    made.types.write_text("export type Id = number;")
    assert not made.stale()
    (made.assets / "widget.js").unlink()
    assert made.stale()


def test_a_copy_without_sources_is_taken_as_it_is(hatch: ModuleType, tmp_path: Path) -> None:
    made = hatch.Page(tmp_path)
    with pytest.raises(hatch.BuildFailed, match="take a whole copy"):
        made.build()
    made.assets.mkdir()
    for name in hatch.NAMES:
        (made.assets / name).write_text("")
    assert not made.stale()
    made.build()


def test_two_builds_at_once_are_one(hatch: ModuleType, lab: Path, builds: list[str]) -> None:
    threads = [threading.Thread(target=hatch.Page(lab).build) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert builds == ["page", "widget"]


def test_a_build_that_fails_leaves_the_old_page(
    hatch: ModuleType, lab: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hatch.Page(lab)
    made.build()
    (lab / "web" / "src" / "page.ts").write_text("export default 2;")

    def fail(self: Any, tool: str, *args: str) -> None:
        raise hatch.BuildFailed("vite found faults")

    monkeypatch.setattr(hatch.Page, "_run", fail)
    with pytest.raises(hatch.BuildFailed):
        made.build()
    assert (made.assets / "page.js").read_text() == "export {};"
    assert made.stale()


def test_node_is_asked_for_only_where_it_is_needed(hatch: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = hatch.LabBuildHook.dependencies
    for stale, machine, wanted in [
        (True, None, [hatch.NODE, *hatch.SCHEMA]),
        (True, ("node", "npm"), hatch.SCHEMA),
        (False, None, []),
    ]:
        monkeypatch.setattr(hatch.Page, "stale", lambda self, stale=stale: stale)
        monkeypatch.setattr(hatch, "machine_node", lambda machine=machine: machine)
        assert hook(None) == wanted
    project = (SOURCE.parent / "pyproject.toml").read_text()
    assert all(f'"{package}"' in project for package in [hatch.NODE, *hatch.SCHEMA]), "developers take the same"


def test_an_installation_that_shows_no_page_builds_none(
    hatch: ModuleType, lab: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hatch, "Page", partial(hatch.Page, lab))
    monkeypatch.setattr(hatch, "machine_node", lambda: None)
    hook = hatch.LabBuildHook
    monkeypatch.setenv("PELLUCID_PAGE", "off")
    assert hook.dependencies(None) == []
    hook.initialize(None, "editable", {})
    assert builds == []
    hook.initialize(None, "standard", {})
    assert builds == ["page", "widget"], "a wheel has the page in it"
    makefile = (SOURCE.parent / "Makefile").read_text(encoding="utf-8")
    assert ".venv/installed .venv/installed-dev: export PELLUCID_PAGE = off" in makefile
    assert "\nlab: .venv/installed-lab\n" in makefile


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
@pytest.mark.parametrize(
    ("version", "found"), [("v24.1.0", True), ("v22.12.0", True), ("v22.11.9", False), ("?", False)]
)
def test_a_node_of_the_machine_has_to_be_new_enough(
    hatch: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, found: bool
) -> None:
    script = tmp_path / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    script.parent.mkdir(parents=True)
    script.write_text("")
    (tmp_path / "bin").mkdir()
    for name in ("node", "npm"):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin:/usr/bin")
    node = hatch.machine_node()
    assert (node is not None) == found
    if node is not None:
        assert Path(node[1]).samefile(script)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_offline_it_says_so(hatch: ModuleType, lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "node"
    node.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    node.chmod(0o755)
    monkeypatch.setattr(hatch, "found_node", lambda: (str(node), "npm-cli.js"))
    with pytest.raises(hatch.Unreachable, match=r"registry\.npmjs\.org"):
        hatch.Page(lab).build()


def test_as_a_script_it_knows_its_commands() -> None:
    done = subprocess.run([sys.executable, str(SOURCE), "biuld"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "expected build, check, test" in done.stderr
