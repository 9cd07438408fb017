"""Nobody is shut out: axe-core finds nothing in light, dark and at 360 px, and nothing is cut, covered or too small."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.lab.browser.appearance import AXE, accessible, measured
from tests.lab.browser.person import Person
from tests.sampling import some

PLACES = {
    "network": "/",
    "layer": "/conv2d_1",
    "unit": "/conv2d_1/filter/3/at/4,5",
    "connection": "/conv2d_1.sum/index/4,5,3/term/1",
    "product": "/conv2d_1.sum/index/4,5,3/term/1/product",
    "gradient": "/d(dense_1.kernel)/index/3,2",
    "weight": "/dense_2.kernel/index/3,2",
    "two examples": "/conv2d_1?with=test:1",
    "two steps": "/dense_1.sum/index/3?with=step:0",
    "softmax": "/dense_2",
    "pooling": "/max_pool2d_1/filter/3/at/1,1",
    "confusion": "/view/confusion",
}
VIEWS = {
    "boundary": ("spirals", "/view/boundary"),
    "kernel over an image": ("kernels", "/view/convolve"),
    "text": ("text", "/view/text"),
    "gates": ("text", "/lstm_1"),
    "forecast": ("prices", "/view/forecast"),
    "unrolled": ("prices", "/rnn_1"),
    "latent": ("autoencoder", "/view/latent"),
    "compare": ("sigmoids", "/view/compare"),
}
DIALOGS = ("Gallery", "Own", "What is wrong?", "Code", "Help")
SCREENS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "360 px": {"viewport": {"width": 360, "height": 740}},
}

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: python hatch_build.py check")


def faults(page: Page, where: str) -> list[str]:
    """What is wrong with what is seen, whatever it is."""
    page.wait_for_timeout(200)  # for what fades in
    return [f"{where}: {finding}" for finding in [*accessible(page), *measured(page)]]


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What kind of screen; axe-core may run on it, which the page's own policy does not allow."""
    return {**SCREENS[request.param], "bypass_csp": True}


def narrow(person: Person) -> bool:
    return person.page.viewport_size == {"width": 360, "height": 740}


def tabs(person: Person, where: str) -> list[str]:
    """The faults of what is seen; on a narrow screen of each of its four panels."""
    if narrow(person):
        found = []
        for name in ("Network", "Focus", "Arithmetic", "Time"):
            person.button(name, person.page.get_by_role("navigation", name="Panels")).click()
            expect(person.panel(name)).to_be_visible()
            if name == "Arithmetic":
                expect(person.subject.first).to_be_visible()
            found += faults(person.page, f"{where}, {name}")
        return found
    return faults(person.page, where)


@pytest.mark.sample(1)
def test_the_gallery_and_the_dialogs(
    screen: dict[str, Any], lab: Callable[..., str], browse: Callable[..., Person]
) -> None:
    person = browse(lab(), **screen)
    expect(person.page.get_by_role("heading", name="Gallery of small tasks")).to_be_visible()
    wrong = faults(person.page, "gallery")
    person.opens("Handwritten digits")
    for name in DIALOGS:
        person.button(name).click()
        expect(person.page.get_by_role("dialog")).to_be_visible()
        expect(person.page.get_by_role("dialog").get_by_role("button", disabled=True)).to_have_count(0)
        wrong += faults(person.page, name)
        person.page.keyboard.press("Escape")
    person.button(re.compile("^Choose an example")).click()
    wrong += faults(person.page, "choose an example")
    assert not wrong, "\n".join(wrong)


@pytest.mark.sample(1)
def test_the_five_depths(screen: dict[str, Any], gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=digits", **screen)
    expect(person.page.get_by_role("link", name="Handwritten digits")).to_be_visible()
    person.page.keyboard.press(".")
    wrong = []
    for name, place in some(PLACES.items(), 5):
        person.goes(place)
        if not narrow(person):
            expect(person.panel("Focus").get_by_role("heading").first).to_be_visible()
        if "with=" in place:
            pair = person.page.get_by_role("region", name="Two runs side by side", include_hidden=True)
            expect(pair).to_contain_text("difference")
        wrong += tabs(person, name)
    assert not wrong, "\n".join(wrong)


@pytest.mark.sample(1)
def test_the_views_by_kind(screen: dict[str, Any], lab: Callable[..., str], browse: Callable[..., Person]) -> None:
    person = browse(lab(), **screen)
    wrong = []
    for name, (task, place) in some(VIEWS.items(), 4):
        person.goes(f"{place}?task={task}")
        expect(person.page.get_by_role("heading", level=3).first).to_be_attached()
        wrong += faults(person.page, name)
    assert not wrong, "\n".join(wrong)
