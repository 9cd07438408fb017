"""Each task of the gallery, as a person meets it: opened, trained, stepped, rewound, explained to one product."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.lab.browser.person import Person

TASKS = {
    "spirals": "Two spirals",
    "digits": "Handwritten digits",
    "kernels": "An image and kernels",
    "text": "Writing, letter by letter",
    "prices": "Tomorrow's price",
    "autoencoder": "Digits through two numbers",
    "activations": "One neuron, five curves",
    "sigmoids": "A deep stack that will not learn",
    "relus": "The same stack, with ReLUs",
}


def test_these_are_the_tasks_of_the_gallery(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(gallery)
    cards = person.page.get_by_role("main").get_by_role("listitem").get_by_role("button")
    expect(cards).to_have_count(len(TASKS))
    for title in TASKS.values():
        expect(cards.filter(has_text=title)).to_have_count(1)


@pytest.mark.sample(3)
@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_trained_stepped_rewound_and_explained(
    name: str, gallery: str, browse: Callable[..., Person]
) -> None:
    person = browse(gallery)
    person.opens(TASKS[name])

    person.play()
    person.waits_beyond(12)
    person.pause()
    stood = person.last()
    person.scrubs_to(stood)
    person.batch()
    assert person.last() == stood + 1
    expect(person.scrubber).to_have_attribute("aria-valuetext", f"step {stood + 1} of {stood + 1}")
    before = person.read("Loss")

    early = 3
    person.scrubs_to(early)
    there = person.read("Loss")
    assert person.last() == stood + 1
    for step in range(early + 1, early + 4):
        person.batch()
        person.waits_for_step(step)
    person.scrubs_to(early)
    assert person.read("Loss") == there
    person.scrubs_to(stood + 1)
    assert person.read("Loss") == before

    explains_forward(person)
    explains_backward(person)


def explains_forward(person: Person) -> None:
    """Network, layer, unit, connection, product: each by a click; and out again with Esc."""
    # A task opens with what it is about.
    person.page.get_by_role("navigation", name="Views").get_by_role("link", name="Focus").click()
    layers = person.page.get_by_role("table", name="Layers").get_by_role("rowheader")
    # The last layer that computes with what it learned.
    learning = layers.filter(has_text=re.compile("Dense|Conv2D"))
    layer = learning.last.get_by_role("link")
    path = layer.inner_text()
    layer.click()
    expect(person.panel("Focus").get_by_role("heading", name=path, exact=True)).to_be_visible()

    expect(person.subject).to_have_text(person.picks(path, "Network"))
    into_a_product(person, path)


def into_a_product(person: Person, path: str) -> None:
    """From an element on: of a value that is a function of one other, to that other first."""
    for _ in range(4):
        first = person.terms.get_by_role("listitem").first
        takes = first.get_by_role("link", name=re.compile("^Take apart term 0"))
        expect(takes).to_be_visible()
        if "·" in (takes.get_attribute("aria-label") or ""):
            break
        deeper = person.terms.get_by_role("link", name=re.compile(rf"^d?\(?{re.escape(path)}\.")).first
        name = (deeper.get_attribute("aria-label") or "").partition(" = ")[0]
        deeper.click()
        expect(person.subject).to_have_text(name)
    takes = person.terms.get_by_role("link", name=re.compile("^Take apart term \\d+: [^=]*·")).first
    total = (takes.get_attribute("aria-label") or "").rpartition(" = ")[2].rpartition(" ≈ ")[2]
    value = person.value.inner_text()
    takes.click()
    expect(person.here).to_have_text(re.compile(r"^term \d+$"))
    person.link("Take the term apart").click()
    expect(person.here).to_have_text("product")
    result = person.panel("Focus").get_by_role("table").first.get_by_role("row").last
    expect(result.get_by_role("cell").nth(2)).to_have_text(total)
    expect(person.value).to_have_text(value)

    depths = person.page.get_by_role("navigation", name="Where this is").get_by_role("link")
    for count in range(depths.count() - 1, 0, -1):
        person.out()
        expect(depths).to_have_count(count)


def explains_backward(person: Person) -> None:
    """The same for the gradient by a weight: network, layer, weight, chain rule, product."""
    rows = person.page.get_by_role("table", name="Layers").get_by_role("row")
    learning = rows.filter(has_text=re.compile("Dense|Conv2D")).last
    learning.get_by_role("link", name=re.compile(r"^[\d.e−]+$")).click()
    place = re.compile(r"^#/d\(([\w.]+)\)")
    expect(person.page).to_have_url(re.compile(r"#/d\("))
    found = place.match("#" + person.place)
    assert found is not None, person.place
    parameter = found[1]
    expect(person.subject).to_have_text(person.picks(f"d({parameter})", "Focus"))
    expect(person.button("Backward")).to_have_attribute("aria-pressed", "true")
    takes = person.terms.get_by_role("link", name=re.compile("^Take apart term 0"))
    takes.click()
    expect(person.here).to_have_text("term 0")
    person.link("Take the term apart").click()
    expect(person.here).to_have_text("product")
    products = person.panel("Focus").get_by_role("table").first.get_by_role("row")
    expect(products.nth(1)).to_be_visible()
    for _ in range(4):
        person.out()
    expect(person.page.get_by_role("table", name="Layers")).to_be_visible()
