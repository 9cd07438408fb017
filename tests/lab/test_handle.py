"""`net.lab(x, y)`: in a script, at its end, as a file, and in a notebook."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.lab.asking import decoded
from websockets.sync import client

import pellucid as pl
from pellucid.errors import DataError, ModelFileError, PellucidError
from pellucid.lab import handle
from pellucid.lab.handle import Lab
from pellucid.lab.serve import page, widget

pytestmark = pytest.mark.skipif(
    not all((page.ASSETS / name).is_file() for name in page.NAMES),
    reason="the page is not built: python hatch_build.py",
)

X = np.random.default_rng(0).normal(size=(32, 3)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)

SCRIPT = """
import numpy as np
import pellucid as pl
x = np.ones((8, 3), np.float32)
net = pl.Network(pl.Dense(2, activation="softmax"), input_shape=(3,))
lab = net.lab(x, np.zeros(8, int))
"""


def network() -> pl.Network:
    return pl.Network(pl.Dense(4, activation="tanh"), pl.Dense(2, activation="softmax"), input_shape=(3,), seed=2)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that the browser was sent to."""
    found: list[str] = []
    monkeypatch.setattr(handle, "show", found.append)
    return found


def test_it_opens_by_itself_and_closes(opened: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with network().lab(X, Y, title="mine") as lab:
        end = time.monotonic() + 30
        while not opened and time.monotonic() < end:
            time.sleep(0.01)
        assert opened == [lab.url]
        assert f"The lab is at {lab.url}" in capsys.readouterr().out
        assert repr(lab) == f"<the lab of mine, at {lab.url}>"
        assert "<title>mine" in urllib.request.urlopen(lab.url, timeout=30).read().decode()
        address = lab.url
    with pytest.raises(OSError):
        urllib.request.urlopen(address, timeout=5)
    assert repr(lab) == "<the lab of mine, not open>"


def test_it_listens_where_it_is_told_and_opens_no_browser(
    opened: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with network().lab(X, Y, port=0, open_browser=False) as lab:
        end, said = time.monotonic() + 30, ""
        while "The lab is at" not in said and time.monotonic() < end:
            time.sleep(0.01)
            said += capsys.readouterr().out
        assert said == f"The lab is at {lab.url}\n"
        taken = int(lab.url.rstrip("/").rpartition(":")[2])
        with network().lab(X, Y, port=taken, open_browser=False) as other, pytest.raises(DataError, match="is taken"):
            other.url  # noqa: B018
    assert not opened
    with pytest.raises(DataError, match="port is '80', expected a number"):
        network().lab(X, Y, port="80")  # type: ignore[arg-type]


def test_a_trained_and_loaded_network_can_be_seen(tmp_path: Path, opened: list[str]) -> None:
    net = network()
    net.fit(X, Y, epochs=1, verbose=0)
    net.save(tmp_path / "net.safetensors")
    with pl.load(tmp_path / "net.safetensors").lab(X, Y, class_names=["below", "above"]) as lab:
        parameters = lab._begun().stage.run.moment().parameters
        for path, value in net.parameters.items():
            np.testing.assert_array_equal(parameters[path], value)


def test_what_was_learned_in_the_lab_is_in_the_network(opened: list[str]) -> None:
    net = network()
    before = net.predict(X)
    with net.lab(X, Y) as lab:
        lab._begun().stage.run.repeat({"do": "step", "count": 3})
    assert not np.array_equal(net.predict(X), before)


def test_a_saved_lab_serves_nothing(tmp_path: Path, opened: list[str]) -> None:
    before = set(threading.enumerate())
    path = tmp_path / "lab.html"
    network().lab(X, Y, title="</title><b>").save(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "<b>" not in re.sub(r"<script.*?</script>|<style>.*?</style>", "", text, flags=re.DOTALL)
    data = re.search(r'<script type="application/json" id="pellucid-document">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])
    assert [p.name for p in tmp_path.iterdir()] == ["lab.html"]
    time.sleep(2 * handle._MOMENT)
    assert not opened
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("pellucid-")]
    with pytest.raises(ModelFileError, match="no such folder"):
        network().lab(X, Y).save(tmp_path / "nowhere" / "lab.html")


def test_a_saved_lab_is_in_the_language_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "lab.html"
    for title, language, said in (
        ({"en": "mine", "zh": "我的"}, "zh", ("zh", "我的")),
        ({"en": "mine", "zh": "我的"}, "en", ("en", "mine")),
        ({"en": "mine", "zh": "我的"}, None, ("", "mine")),
        ({"zh": "我的"}, "en", ("en", "我的")),
        ("mine", "zh", ("zh", "mine")),
    ):
        network().lab(X, Y, title=title).save(path, language=language)
        text = path.read_text(encoding="utf-8")
        assert (f'<html lang="{said[0]}">' in text, f"<title>{said[1]} " in text) == (True, True)
    for title, language in (({"fr": "le mien"}, "en"), ("mine", "fr")):
        with pytest.raises(PellucidError, match='expected the language "en" or "zh", got "fr"'):
            network().lab(X, Y, title=title).save(path, language=language)


def test_what_cannot_be_seen_is_said_at_once(
    opened: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(DataError):
        network().lab(X[:, :2], Y)
    monkeypatch.setattr(page, "ASSETS", tmp_path)
    with pytest.raises(ModelFileError, match="the lab's page is not built"):
        network().lab(X, Y)


def run_script(tmp_path: Path, text: str) -> subprocess.Popen[str]:
    path = tmp_path / "script.py"
    path.write_text(text, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}}
    return subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    )


def test_a_script_stays_until_control_c(tmp_path: Path) -> None:
    process = run_script(tmp_path, SCRIPT)
    assert process.stdout is not None
    assert process.stderr is not None
    url = process.stdout.readline().split()[-1]
    assert "stays open until Ctrl-C" in process.stderr.readline()
    place = url.removeprefix("http://").rstrip("/")
    connect: Any = client.connect
    with connect(f"ws://{place}/ws", origin=f"http://{place}", max_size=None, proxy=None) as line:
        line.send('{"id": 1, "method": "control", "params": {"do": "step", "count": 2}}')
        told: dict[str, Any] = {}
        while told.get("event") != "state" or told["value"]["step"] < 2:  # it trains, though the script has ended
            told = decoded(line.recv(timeout=60))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said.strip() == ""
    with pytest.raises(OSError):
        urllib.request.urlopen(url, timeout=5)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ("lab.close()", 0, ""),
        ("lab.save('lab.html')", 0, ""),
        ("lab.url\nraise SystemError('mine')", 1, "SystemError: mine"),
    ],
)
def test_a_script_that_closed_saved_or_failed_ends(tmp_path: Path, more: str, code: int, said: str) -> None:
    process = run_script(tmp_path, SCRIPT + more)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code, errors
    assert errors.strip().endswith(said)
    assert bool(errors) == bool(said)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "_in_notebook", lambda: True)


@pytest.mark.parametrize(("shell", "there"), [(None, False), (object(), False), (SimpleNamespace(kernel=1), True)])
def test_a_notebook_is_known_by_its_kernel(shell: Any, there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    ipython: Any = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert handle._in_notebook() is there


def test_in_a_notebook_it_is_a_widget(notebook: None, opened: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anywidget")
    sent: list[Any] = []
    there = threading.Event()

    def send(self: Any, content: Any, buffers: Any = None) -> None:
        sent.append((content, buffers))
        there.set()

    with network().lab(X, Y) as lab:
        assert lab._timer is None
        bundle = lab._repr_mimebundle_()
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        assert "application/vnd.jupyter.widget-view+json" in data
        monkeypatch.setattr(type(lab._widget), "send", send)
        assert lab._repr_mimebundle_() is not None
        assert len(lab._begun()._tabs) == 1, "shown twice, it is one widget"
        lab._widget._receive(lab._widget, {"id": 4, "method": "describe", "params": {}}, [])
        assert there.wait(60)
        (content, buffers) = sent[0]
        assert content == {"kind": "frame"}
        answer = decoded(bytes(buffers[0]))
        assert answer["id"] == 4
        assert answer["result"]["layers"][1]["path"] == "dense_1"
    assert not opened


def test_in_a_notebook_without_anywidget_it_says_what_to_do(
    notebook: None, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    lab = network().lab(X, Y)
    assert lab._repr_mimebundle_() == {"text/plain": widget.MISSING}
    assert isinstance(lab, Lab)
    lab.close()


def test_importing_pellucid_imports_no_server() -> None:
    names = "('starlette', 'uvicorn', 'websockets', 'anywidget', 'asyncio')"
    code = f"import sys, pellucid; print([m for m in {names} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
