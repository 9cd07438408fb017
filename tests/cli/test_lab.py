from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.lab.asking import decoded
from websockets.sync import client

from pellucid.cli import lab as command
from pellucid.cli.lab import _task
from pellucid.lab.lessons.shipped import FOLDER
from pellucid.lab.serve import page
from pellucid.lab.serve.server import listen
from pellucid.lab.serve.site import MADE

from .conftest import Run

connect: Any = client.connect
PELLUCID = [sys.executable, "-m", "pellucid.cli"]
built = pytest.mark.skipif(
    not all((page.ASSETS / name).is_file() for name in page.NAMES),
    reason="the page is not built: python hatch_build.py",
)


def test_without_a_model_the_gallery_opens() -> None:
    assert _task(None, None, None) is None
    task = _task(None, None, "spirals")
    assert task is not None
    assert task.name == "spirals"


def test_a_model_on_the_data_it_knows(iris_model: Path) -> None:
    task = _task(iris_model, "iris", None)
    assert task is not None
    assert task.name is None
    assert task.title["en"] == "iris"
    assert task.classes == ("setosa", "versicolor", "virginica")
    assert task.x.shape == (120, 4)
    assert task.test is not None
    assert len(task.test[0]) == 30
    assert 3 < task.x.mean() < 4, "in the units of the data: the network scales them itself"


def test_a_model_of_a_table(run: Run, flats: Path) -> None:
    run("train", str(flats), "--target", "price", "--epochs", "1", "--output", "flats.safetensors")
    task = _task(Path("flats.safetensors"), str(flats), None)
    assert task is not None
    assert task.classes is None
    assert len(task.x) == 48


def test_a_model_that_reads(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat. " * 60, encoding="utf-8")
    run("train", str(text), "--epochs", "1", "--length", "16", "--units", "8", "--output", "text.safetensors")
    task = _task(Path("text.safetensors"), str(text), None)
    assert task is not None
    assert task.sample == "text"
    assert task.vocabulary is not None
    assert set("the cat") <= set(task.vocabulary)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--task", "digit"], 'Did you mean "digits"?'),
        (["--data", "iris"], "pellucid lab MODEL.safetensors --data iris"),
        (["none.safetensors", "--data", "iris"], "none.safetensors"),
        (["MODEL"], "expected their file or name: --data NAME|FILE"),
        (["MODEL", "--data", "irsi"], 'Did you mean "iris"?'),
        (["MODEL", "--data", "wine"], "13"),
        (["MODEL", "--data", __file__], "was not trained on one"),
        (["MODEL", "--data", "none.csv"], 'there is no file, folder or data set "none.csv"'),
        (["MODEL", "--task", "digits"], "expected a model or --task, got both"),
        (["--port", "65536"], "0<=x<=65535"),
        (["--host", "192.0.2.1"], "choose another --host"),
        (["--lang", "fr"], "'en', 'zh'"),
        (["MODEL", "--data", "iris", "--site", "site"], "a model or data were given"),
        (["--site", __file__, "--task", "spirals"], "expected a folder for the site"),
        (["--site", "site", "--task", "spirals", "--lesson", "LESSON"], "--task is spirals: leave it out"),
        (["--site", "site", "--lesson", "OWN"], "the lesson is about no task, expected one of"),
    ],
)
@built
def test_errors_are_one_sentence(run: Run, iris_model: Path, tmp_path: Path, args: list[str], said: str) -> None:
    known = {
        "MODEL": str(iris_model),
        "LESSON": str(FOLDER / "01-how-it-knows-a-3.yaml"),
        "OWN": str(tmp_path / "own.yaml"),
    }
    lesson = Path(known["LESSON"]).read_text(encoding="utf-8")
    Path(known["OWN"]).write_text(lesson.replace("task: digits\n", ""), encoding="utf-8")
    result = run("lab", "--no-browser", *(known.get(arg, arg) for arg in args), code=2)
    assert said in result.stderr
    assert "Traceback" not in result.output


@built
def test_a_port_that_is_taken(run: Run) -> None:
    with contextlib.closing(listen("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"port {port} is taken" in run("lab", "--no-browser", "--port", port, code=2).stderr


def test_a_page_that_was_not_built(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "ASSETS", tmp_path)
    assert "python hatch_build.py" in run("lab", "--no-browser", code=2).stderr


@built
def test_the_browser_is_sent_to_the_task(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr("pellucid.lab.handle.show", shown.append)
    monkeypatch.setattr("pellucid.lab.serve.server.Server.wait", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    said = run("lab", "--task", "spirals", "--port", "0", "--lang", "zh").output
    assert f"The lab is at {shown[0]}  (Ctrl-C ends it)" in said
    assert said.endswith("The lab is closed.\n")
    assert command.command.name == "command"


@built
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_control_c_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    process = subprocess.Popen(
        [*PELLUCID, "lab", "--no-browser", "--port", "0", "--task", "spirals"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "tmp"), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    url = process.stdout.readline().split("  ")[0].split()[-1]
    assert "Pellucid" in urllib.request.urlopen(url, timeout=30).read().decode()
    place = url.removeprefix("http://").rstrip("/")
    with connect(f"ws://{place}/ws", origin=f"http://{place}", max_size=None, proxy=None) as line:
        line.send('{"id": 1, "method": "control", "params": {"do": "play"}}')
        while decoded(line.recv(timeout=60)).get("id") != 1:
            pass
        process.send_signal(signal.SIGINT)  # in the middle of training, with a tab that looks
        said, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.endswith("The lab is closed.\n")
    assert errors == ""
    assert [path.name for path in tmp_path.rglob("*")] == ["tmp"]
    port = int(place.rsplit(":", 1)[1])
    with contextlib.closing(listen("127.0.0.1", port)):
        pass


def test_a_site_of_before_is_not_replaced_without_a_word(run: Run, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_bytes(MADE)
    said = run("lab", "--site", "site", "--task", "spirals", code=2).output
    assert 'index.html" exists already: --force replaces it' in said
    (tmp_path / "site" / "index.html").write_text("my own page", encoding="utf-8")
    assert "holds other files" in run("lab", "--site", "site", "--task", "spirals", "--force", code=2).output
