"""What a person opens in a page and no address leads to: distributions, what-if, own data, a changed network.

In either language: what has a name is found by its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from playwright.sync_api import Locator, Page, expect

import pellucid as pl
from pellucid.lab.task import Task, task_of


def _focus(page: Page) -> Locator:
    return page.locator(".panel.focus")


def _change(page: Page) -> Locator:
    """The editor; its button is the one after "What is wrong?"."""
    page.locator("header .tools .button:not(.bare):not(.rest)").last.click()
    dialog = page.locator("dialog[open]")
    expect(dialog.locator("select").first).to_be_visible()
    return dialog


def _distribution(page: Page) -> None:
    button = _focus(page).locator("button[aria-expanded][aria-controls]").first
    button.click()
    expect(_focus(page).locator(".distribution .figure").first).to_be_visible()
    button.scroll_into_view_if_needed()


def _what_if(page: Page) -> None:
    whatif = _focus(page).locator("section:has(.set)")
    whatif.locator("input[type=text]").fill("2.5")
    expect(whatif.locator(".changed table")).to_be_visible()


def _changed(page: Page) -> None:
    """An editor with a fault in it, said where it stands."""
    _change(page).locator("input.field").first.fill("0")
    expect(page.locator("dialog[open] [aria-invalid=true]").first).to_be_visible()


def _beside(page: Page) -> None:
    dialog = _change(page)
    dialog.locator("select").first.select_option("relu")
    begin = dialog.locator(".foot .button").first
    expect(begin).to_be_enabled()
    begin.click()
    expect(dialog).to_have_count(0)


def _anew(page: Page) -> None:
    page.locator(".panel.time .left .button").nth(3).click()
    expect(page.locator("dialog[open]")).to_be_visible()


def _table() -> bytes:
    random = np.random.default_rng(3)
    kinds = np.array(["detached", "terraced", "a flat in a tower of many storeys"])
    lines = ["identifier,living_area_in_square_metres,built,kind,price"]
    for k in range(80):
        area, built = random.uniform(30, 200), random.integers(1890, 2020)
        cell = "" if k % 9 == 0 else f"{area:.1f}"
        lines.append(f"house-{k},{cell},{built},{kinds[k % 3]},{2000 * area + 40 * (built - 1890):.0f}")
    return "\n".join(lines).encode()


DAYS = [f"2020-{1 + k // 28:02}-{1 + k % 28:02}" for k in range(200)]
SERIES = "\n".join(["date,close", *(f"{day},{100 + k % 7 + k / 9:.2f}" for k, day in enumerate(DAYS))])
TEXT = "the cat sat on the mat and the dog sat on the log; " * 40


def _data(name: str, content: bytes) -> Callable[[Page], None]:
    def given(page: Page) -> None:
        _change(page).locator(".button:not(.bare)").first.click()
        dialog = page.locator("dialog[open]:has(input[type=file])").last
        dialog.locator("input[type=file]").first.set_input_files(
            {"name": name, "mimeType": "text/plain", "buffer": content}
        )
        expect(dialog.get_by_text(name, exact=True)).to_be_visible()

    return given


def _apart(page: Page) -> None:
    page.locator(".panel.focus .side .button").first.click()
    expect(page.locator(".panel.focus .side")).to_have_count(0)


def _closed(page: Page) -> None:
    for _ in range(page.locator("dialog[open]").count()):
        page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)


@dataclass(frozen=True)
class Scene:
    task: str
    place: str
    tab: int
    """The panel in which it is, among those of a narrow screen."""
    opened: Callable[[Page], None]
    closed: Callable[[Page], None] = _closed
    trained: bool = False
    """Whether the network must have taken steps."""


SCENES: dict[str, Scene] = {
    "distribution-layer": Scene("digits", "/conv2d_1", 1, _distribution),
    "distribution-weight": Scene("spirals", "/dense_2.kernel/index/3,2", 1, _distribution),
    "what-if": Scene("digits", "/dense_1/unit/3", 1, _what_if),
    "what-if-gate": Scene("text", "/lstm_1.gate.forget/index/20,3", 1, _what_if),
    "fault": Scene("spirals", "/", 1, _changed),
    "anew": Scene("spirals", "/", 3, _anew, trained=True),
    "own-table": Scene("spirals", "/", 1, _data("houses.csv", _table())),
    "own-series": Scene("prices", "/", 1, _data("closes.csv", SERIES.encode())),
    "own-text": Scene("text", "/", 1, _data("cats.txt", TEXT.encode())),
    "beside": Scene("spirals", "/", 1, _beside, _apart),
}


def reviews() -> Task:
    """A network of a user's own, which reads words."""
    texts = ["a great film", "great fun", "what a bore", "dull, and far too long", "I loved it", "I hated it"] * 5
    words = pl.TextVectorization(output_sequence_length=8).adapt(texts)
    net = pl.Network(
        words,
        pl.Embedding(words.vocabulary_size(), 8, mask_zero=True),
        pl.LSTM(8),
        pl.Dense(1, activation="sigmoid"),
        seed=0,
    )
    return task_of(net, texts, np.array([1, 1, 0, 0, 1, 0] * 5), title="Films")
