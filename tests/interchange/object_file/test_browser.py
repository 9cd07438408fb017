"""Exported modules in Chromium: the page that the docs show, and an LSTM."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pellucid as pl

from .hosts import about

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import Page, Route, sync_playwright
from tests.lab.browser.conftest import ARGUMENTS, CHROMIUM

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
DOCS = Path(__file__).parents[3] / "docs" / "export.md"
TYPES = {".html": "text/html", ".wasm": "application/wasm"}
PREDICT = """async ([module, input, output, numbers]) => {
    const bytes = Uint8Array.from(atob(module), c => c.charCodeAt(0));
    const { instance } = await WebAssembly.instantiate(bytes);
    const { memory, predict } = instance.exports;
    new Float32Array(memory.buffer, input, numbers.length).set(numbers);
    predict();
    return Array.from(new Float32Array(memory.buffer, output.offset, output.count));
}"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page whose site is the folder."""

    def serve(route: Route) -> None:
        file = tmp_path / route.request.url.rsplit("/", 1)[1]
        if file.is_file():
            route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page()
        page.route("http://localhost/**", serve)
        yield page
        browser.close()


def test_networks_predict_and_learn_in_a_browser(tmp_path: Path, page: Page) -> None:
    net = pl.Network(pl.Dense(8, activation="tanh"), pl.Dense(3, activation="softmax"), input_shape=4)
    net.export(tmp_path / "iris.wasm", training=True, batch=16)
    (shown,) = re.findall(r"```html\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "index.html").write_text(shown, encoding="utf-8")
    page.goto("http://localhost/index.html")
    page.wait_for_function("document.querySelector('#said').textContent.split('\\n').length > 10")
    *losses, outputs = page.inner_text("#said").splitlines()
    learned = [float(line.removeprefix("loss ")) for line in losses]
    x, y = np.tile(np.array([5.1, 3.5, 1.4, 0.2], np.float32), (16, 1)), np.zeros(16, int)
    history = net.fit(x, y, epochs=10, batch_size=16, optimizer=pl.Adam(0.01), shuffle=False, verbose=0)
    assert learned == pytest.approx(history["loss"], rel=1e-5)
    assert [float(n) for n in outputs.split(",")] == pytest.approx(net.predict(x)[0].tolist(), rel=1e-5)

    net = pl.Network(pl.LSTM(10), pl.Dense(2, activation="tanh"), input_shape=(6, 3), seed=2)
    (file,) = net.export(tmp_path / "net.wasm").files
    x = np.random.default_rng(0).normal(size=(1, 6, 3)).astype(np.float32)
    predict = about(file)["functions"]["predict"]
    place = {"offset": predict["outputs"]["dense_1"]["offset"], "count": 2}
    module = base64.b64encode(file.read_bytes()).decode()
    got = page.evaluate(PREDICT, [module, predict["inputs"]["input_1"]["offset"], place, x.ravel().tolist()])
    assert np.abs(np.array(got) - net.predict(x)[0]).max() <= 2e-6
