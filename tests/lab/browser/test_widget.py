"""The notebook's widget, in a page that stands in for the notebook: frames go through a stand-in for its channel."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from tests.lab.browser.person import Person

from pellucid.lab.gallery import build
from pellucid.lab.serve.lab_session import Session

NOTEBOOK = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>a notebook</title><link rel="stylesheet" href="/widget.css"></head>
<body><h1>A notebook</h1><div id="cell" style="width: 1200px"></div><p>the next cell</p>
<script type="module" src="/notebook.js"></script></body></html>"""
# A model as anywidget gives it; what is sent and what comes is carried by two requests.
SCRIPT = """
import widget from "/widget.js";
const listeners = new Set();
const model = {
  send(content) { fetch("/send", { method: "POST", body: JSON.stringify(content) }); },
  on(event, listener) { if (event === "msg:custom") listeners.add(listener); },
  off(event, listener) { listeners.delete(listener); },
};
widget.render({ model, el: document.getElementById("cell") });
for (;;) {
  const frames = await (await fetch("/take")).json();
  for (const text of frames) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    // At an odd place, as a message of a kernel may have it.
    const around = new Uint8Array(bytes.length + 3);
    around.set(bytes, 3);
    const view = new DataView(around.buffer, 3, bytes.length);
    for (const listener of listeners) listener({ kind: "frame" }, [view]);
  }
}
"""


@pytest.fixture
def notebook(installed: Path) -> Iterator[str]:
    """A page with the widget in it, and a session behind it."""
    session = Session(build("spirals"))
    waiting = threading.Event()
    tab = session.join(waiting.set)
    assets = installed / "pellucid" / "lab" / "assets"
    there: dict[str, tuple[str, bytes]] = {
        "/": ("text/html", NOTEBOOK.encode()),
        "/notebook.js": ("text/javascript", SCRIPT.encode()),
        "/widget.js": ("text/javascript", (assets / "widget.js").read_bytes()),
        "/widget.css": ("text/css", (assets / "widget.css").read_bytes()),
        "/favicon.ico": ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    }

    class Kernel(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/take":
                waiting.wait(1)
                waiting.clear()
                frames = [base64.b64encode(frame).decode() for frame in tab.take()]
                self._give("application/json", json.dumps(frames).encode())
            else:
                self._give(*there[self.path])

        def do_POST(self) -> None:
            tab.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self._give("text/plain", b"")

        def _give(self, kind: str, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Kernel)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()
    session.leave(tab)
    session.close()


def test_the_widget_trains_and_explains(notebook: str, browse: Callable[..., Person]) -> None:
    person = browse(notebook)
    expect(person.panel("Network")).to_be_visible()
    # The notebook keeps its own looks and its own address.
    expect(person.page.get_by_role("heading", name="A notebook")).to_be_visible()
    assert person.page.title() == "a notebook"

    person.play()
    person.waits_beyond(5)
    person.pause()
    stood = person.step()
    person.batch()
    assert person.step() == stood + 1

    person.link("dense_1", person.panel("Network")).click()
    expect(person.subject).to_have_text(person.picks("dense_1", "Network"))
    person.terms.get_by_role("link", name=re.compile(r"^dense_1\.sum")).first.click()
    person.terms.get_by_role("link", name=re.compile("^Take apart term 0")).click()
    person.link("Take the term apart").click()
    expect(person.here).to_have_text("product")
    assert person.page.url == notebook
    person.here.press("Escape")
    expect(person.here).to_have_text("term 0")
