"""A user's own script: `net.lab(x, y)` shows that network, trains it, and survives the tabs that look at it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.lab.browser.person import Person
from tests.lab.browser.process import Process

HEAD = """\
import numpy as np
import pellucid as pl

rng = np.random.default_rng(0)
"""
SCRIPTS = {
    "MLP": """
net = pl.Network(pl.Dense(8, activation="relu"), pl.Dense(3, activation="softmax"), input_shape=(4,), seed=1)
x, y = rng.normal(size=(64, 4)), rng.integers(0, 3, 64)
""",
    "LeNet": """
net = pl.Network(
    pl.Conv2D(6, 5, padding="same", activation="tanh"), pl.AveragePool2D(2),
    pl.Conv2D(16, 5, activation="tanh"), pl.AveragePool2D(2), pl.Flatten(),
    pl.Dense(120, activation="tanh"), pl.Dense(84, activation="tanh"), pl.Dense(10, activation="softmax"),
    input_shape=(28, 28, 1), seed=1,
)
x, y = rng.random((64, 28, 28, 1)), rng.integers(0, 10, 64)
""",
    "stacked LSTM": """
net = pl.Network(
    pl.LSTM(6, return_sequences=True), pl.LSTM(4), pl.Dense(1), input_shape=(7, 2), seed=1,
)
x, y = rng.normal(size=(64, 7, 2)), rng.normal(size=(64, 1))
""",
    "autoencoder": """
net = pl.Network(
    pl.Dense(6, activation="tanh"), pl.Dense(2), pl.Dense(6, activation="tanh"), pl.Dense(9), input_shape=(9,), seed=1,
)
x, y = rng.normal(size=(64, 9)), None
""",
    "residual": """
start = pl.Input(6)
hidden = pl.Dense(6, activation="relu")(start)
ends = pl.Dense(2, activation="softmax")(pl.Add()(start, hidden))
net = pl.Network(inputs=start, outputs=ends, seed=1)
x, y = rng.normal(size=(64, 6)), rng.integers(0, 2, 64)
""",
}
LAYERS = {
    "MLP": ["input_1", "dense_1", "dense_2"],
    "LeNet": [
        "input_1",
        "conv2d_1",
        "average_pool2d_1",
        "conv2d_2",
        "average_pool2d_2",
        "flatten_1",
        "dense_1",
        "dense_2",
        "dense_3",
    ],
    "stacked LSTM": ["input_1", "lstm_1", "lstm_2", "dense_1"],
    "autoencoder": ["input_1", "dense_1", "dense_2", "dense_3", "dense_4"],
    "residual": ["input_1", "dense_1", "add_1", "dense_2"],
}
DEEP = {"MLP": "dense_1", "LeNet": "conv2d_2", "stacked LSTM": "lstm_1", "autoencoder": "dense_2", "residual": "add_1"}
TAIL = """
before = {path: np.array(value) for path, value in net.parameters.items()}
net.lab(x, y, title="my own")
"""


@pytest.mark.sample(2)
@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_shows_its_own_network(
    name: str, started: Callable[..., Process], browse: Callable[..., Person], tmp_path: Path
) -> None:
    script = tmp_path / "own.py"
    script.write_text(HEAD + SCRIPTS[name] + TAIL, encoding="utf-8")
    process = started(str(script))
    address = process.address()
    person = browse(address)
    expect(person.panel("Focus").get_by_role("heading", name="my own")).to_be_visible()
    table = person.page.get_by_role("table", name="Layers")
    links = table.get_by_role("rowheader").get_by_role("link")
    assert links.all_inner_texts() == LAYERS[name]
    for path in LAYERS[name]:
        expect(person.panel("Network").get_by_role("link", name=path, exact=True)).to_be_visible()
    expect(person.button("Gallery")).to_have_count(0)

    person.play()
    person.waits_beyond(5)
    person.pause()
    assert float(person.read("Loss")) > 0

    person.link(DEEP[name], table).click()
    expect(person.subject).to_have_text(person.picks(DEEP[name], "Network"))
    expect(person.terms.get_by_role("link", name=re.compile("^Take apart term 0"))).to_be_visible()

    said = process.end(signal.SIGINT)
    assert process.code in {0, 130, -signal.SIGINT}, said
    expect(person.page.get_by_text("The connection was lost")).to_be_visible()
    # That line, and the page's tries to come back, are what this browser may complain of.
    person.page.context.close()


def test_a_second_tab_sees_the_same_run_and_a_closed_one_loses_nothing(
    started: Callable[..., Process], browse: Callable[..., Person], tmp_path: Path
) -> None:
    script = tmp_path / "own.py"
    script.write_text(HEAD + SCRIPTS["MLP"] + TAIL, encoding="utf-8")
    address = started(str(script)).address()
    one = browse(address)
    expect(one.panel("Network")).to_be_visible()
    one.page.get_by_role("combobox", name="Speed").select_option(label="20 steps/s")
    one.play()
    one.waits_beyond(3)

    # What one does the other sees.
    two = browse(address)
    expect(two.button("Pause")).to_be_visible()
    two.waits_beyond(one.step())
    two.pause()
    expect(one.button("Play")).to_be_visible()
    assert one.step() == two.step()
    assert one.read("Loss") == two.read("Loss")

    # Nobody looks, and it trains on.
    two.play()
    stood = one.step()
    one.page.context.close()
    two.page.context.close()
    three = browse(address)
    expect(three.button("Pause")).to_be_visible()
    three.waits_beyond(stood + 3)
    three.pause()
    assert [int(step) for step, _ in three.losses()][-1] == three.last()
