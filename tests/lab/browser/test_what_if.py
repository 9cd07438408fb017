"""The questions that go across the whole network, asked by clicking, and answered with Python's numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.lab.browser.person import Person
from tests.lab.browser.saved import document, parameters

from pellucid.explain.arithmetic import number
from pellucid.lab import gallery as tasks
from pellucid.lab.serve.site import write_site
from pellucid.lab.time.moments import Moment
from pellucid.lab.time.run import Run
from pellucid.lab.view.course import ledger
from pellucid.lab.view.look import Look

STEPS = 40
TASK = "digits"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, [replace(tasks.TASKS[TASK], steps=STEPS)])
    return folder / f"{TASK}.html"


@pytest.fixture
def person(
    request: pytest.FixtureRequest, browse: Callable[..., Person], lab: Callable[..., str], site: Path
) -> Iterator[Person]:
    """Before the server's page at step 0, or before a file."""
    where = request.param
    person = browse(lab("--task", TASK)) if where == "server" else browse(site.as_uri(), offline=True)
    expect(person.panel("Network")).to_be_visible()
    yield person


def known(where: str, site: Path) -> tuple[Look, Moment]:
    """The same network in Python, at the moment that the page shows."""
    task = tasks.build(TASK)
    values = dict(task.net.parameters.snapshot())
    if where == "file":
        values |= {path: array.astype("float32") for path, array in parameters(document(site)).items()}
    return Look(task), Moment(0, 0, values, 0.004)


def near(text: str, expected: float, scale: float = 1.0) -> bool:
    return abs(float(text.replace("−", "-")) - expected) <= 1e-3 * abs(expected) + 1e-5 * scale


def rows(table: Locator) -> list[list[str]]:
    return [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]


both = pytest.mark.parametrize("person", ["server", "file"], indirect=True)


@both
def test_which_pixels_made_it_say_three(person: Person, request: pytest.FixtureRequest, site: Path) -> None:
    look, moment = known(request.node.callspec.params["person"], site)
    answer = person.page.get_by_role("region", name="What it says", exact=True)
    answer.get_by_role("button", name=re.compile("^3: ")).click()
    expect(answer).to_contain_text("What made it say “3”?")
    expected = look.attribute(moment, "test:0", 3)
    expect(answer).to_contain_text(f"dense_2.sum[3] is {number(expected['output'])}", use_inner_text=True)
    answer.get_by_role("button", name="As a table: what each part adds").click()
    shown = [
        cell
        for row in answer.get_by_role("table").first.locator("tbody tr").all()
        for cell in row.locator("td").all_inner_texts()
    ]
    assert len(shown) == 64
    scores = expected["scores"]["data"].tolist()
    largest = max(map(abs, scores))
    assert all(near(text, score, 100 * largest) for text, score in zip(shown, scores, strict=True))


@both
def test_what_if_a_unit_were_another(person: Person, request: pytest.FixtureRequest, site: Path) -> None:
    """Three clicks: the layer, the unit, the value."""
    look, moment = known(request.node.callspec.params["person"], site)
    person.link("dense_1", person.panel("Network")).click()
    person.panel("Focus").get_by_role("button", name=re.compile(r"^dense_1, 32")).first.click()
    expect(person.page).to_have_url(re.compile(r"/dense_1/unit/\d+"))
    unit = int(re.findall(r"/unit/(\d+)", person.page.url)[0])
    whatif = person.page.get_by_role("region", name="What if it were")
    whatif.get_by_role("textbox").fill("2.5")
    expected = look.suppose(moment, "test:0", "dense_1", [unit], 2.5)
    table = whatif.get_by_role("table", name="What it would say")
    expect(table).to_be_visible()
    names = [row[0] for row in rows(table)]
    assert names[-1] == "loss of this example" and len(names) >= 5
    for name, before, after in rows(table)[:-1]:
        assert near(before, float(expected["before"]["data"][int(name)])), name
        assert near(after, float(expected["after"]["data"][int(name)])), name
    assert expected["loss"] is not None
    assert near(rows(table)[-1][1], expected["loss"][0]) and near(rows(table)[-1][2], expected["loss"][1])
    expect(whatif.get_by_role("listitem")).to_have_count(2)
    whatif.get_by_role("button", name="as it is").click()
    expect(table).to_have_count(0)


@pytest.mark.parametrize("person", ["file"], indirect=True)
def test_why_a_weight_is_what_it_is(person: Person) -> None:
    """What it began as and all that was added give what it is, as in Python's training."""
    person.begins_anew()
    person.waits_for_step(0)
    person.epoch()
    person.waits_for_step(44)
    person.goes("/dense_2.kernel/index/3,2")
    course = person.page.get_by_role("region", name="How it came to be what it is")
    table = course.get_by_role("table")
    expect(table).to_contain_text("at step 44 it is")
    found = rows(table)
    first, *moves, last = [float(row[-1].replace("−", "-").replace("+", "")) for row in found]
    assert first + sum(moves) == pytest.approx(last, abs=2e-4)
    task = tasks.build(TASK)
    with Run(task.net, task.x, task.y, batch_size=task.batch_size, optimizer=task.optimizer) as run:
        assert first == pytest.approx(float(run.moment().parameters["dense_2.kernel"][3, 2]), rel=1e-3)
        run.repeat({"do": "seek", "step": 44})
        assert last == pytest.approx(float(run.moment().parameters["dense_2.kernel"][3, 2]), rel=2e-3)

    # to the steps that moved it most
    course.get_by_role("button", name=re.compile("^step ")).first.click()
    step = re.search(r"step (\d+)", found[1][0])
    assert step is not None
    person.waits_for_step(int(step[1]))


class Clicks:
    """Counts the clicks that a page gets from now on."""

    def __init__(self, page: Page) -> None:
        self._page = page
        page.evaluate("() => { window.seen = []; addEventListener('click', (e) => window.seen.push(e), true); }")

    @property
    def count(self) -> int:
        return int(self._page.evaluate("() => new Set(window.seen).size"))


def test_three_questions_are_answered_in_three_clicks_each(
    lab: Callable[..., str], browse: Callable[..., Person]
) -> None:
    """Each from the network's first view, with Python's numbers."""
    person = browse(lab("--task", TASK))
    network, focus = person.panel("Network"), person.panel("Focus")
    person.epoch()
    person.waits_for_step(44)
    task = tasks.build(TASK)
    with Run.of(task) as run:
        run.repeat({"do": "seek", "step": 44})
        look, moment = Look(task), run.moment()
        with run.ledger.steps(moment, 100) as steps:
            moved = ledger(task, look.samples, steps, "dense_2.kernel", [5, 5], 8)

    # which pixels made it say 3?
    clicks = Clicks(person.page)
    answer = person.page.get_by_role("region", name="What it says", exact=True)
    answer.get_by_role("button", name=re.compile("^3: ")).click()
    expected = look.attribute(moment, "test:0", 3)
    expect(answer).to_contain_text(f"dense_2.sum[3] is {number(expected['output'])}", use_inner_text=True)
    assert clicks.count <= 3

    # why is this weight what it is?
    clicks = Clicks(person.page)
    person.link("dense_2", network).click()
    _pick(focus, "dense_2.kernel", (5, 5), (32, 10))
    focus.get_by_role("button", name="Which examples moved it?").click()
    table = focus.get_by_role("table", name="What the examples added")
    expect(table).to_be_visible()
    assert clicks.count <= 3 and "/dense_2.kernel/index/5,5" in person.page.url
    shown = [(row[0].split()[0], row[-1]) for row in rows(table)][: len(moved["examples"])]
    assert [name for name, _ in shown] == [share["name"] for share in moved["examples"]]
    assert all(near(by, share["amount"]) for (_, by), share in zip(shown, moved["examples"], strict=True))
    by_class = rows(focus.get_by_role("table", name="By class"))
    assert moved["classes"] is not None
    assert all(near(row[1], share["amount"]) for row, share in zip(by_class, moved["classes"], strict=True))
    table.get_by_role("link").first.click()
    expect(person.page).to_have_url(re.compile(rf"input={shown[0][0]}\b"))

    # what if the forget gate had stayed open at step 5?
    person = browse(lab("--task", "text"))
    expect(person.link("lstm_1", person.panel("Network"))).to_be_visible()
    task = tasks.build("text")
    look, moment = Look(task), Moment(0, 0, task.net.parameters.snapshot())
    focus = person.panel("Focus")
    clicks = Clicks(person.page)
    person.link("lstm_1", person.panel("Network")).click()
    _pick(focus, "lstm_1.gate.forget", (5, 3), (32, 48), across=True)
    focus.get_by_role("button", name="set to 1").click()
    table = focus.get_by_role("table", name="What it would say")
    expect(table).to_be_visible()
    assert clicks.count <= 3 and "/lstm_1.gate.forget/index/5,3" in person.page.url
    supposed = look.suppose(moment, "test:0", "lstm_1.gate.forget", [5, 3], 1.0)
    assert supposed["loss"] is not None
    for text, value in zip(rows(table)[-1][1:], supposed["loss"], strict=True):
        assert near(text, value)


def _pick(panel: Locator, path: str, index: tuple[int, int], shape: tuple[int, int], *, across: bool = False) -> None:
    """A click on a cell of a drawn matrix; `across`: its first axis runs from left to right."""
    drawing = panel.get_by_role("button", name=re.compile(rf"^{re.escape(path)}, {shape[0]} × {shape[1]}\."))
    drawing.scroll_into_view_if_needed()
    box = drawing.bounding_box()
    assert box is not None
    down, right = ((i + 0.5) / n for i, n in zip(index, shape, strict=True))
    x, y = (down, right) if across else (right, down)
    drawing.click(position={"x": x * box["width"], "y": y * box["height"]})


@both
def test_why_two_examples_differ(person: Person, request: pytest.FixtureRequest, site: Path) -> None:
    """Three clicks: this example, held, and the next one; then the numbers of both lead to where they differ."""
    look, moment = known(request.node.callspec.params["person"], site)
    clicks = Clicks(person.page)
    person.button("Compare with…").click()
    person.button(re.compile("^this example")).click()
    person.button("Next example").click()
    pair = person.page.get_by_role("region", name="Two runs side by side")
    expect(pair.get_by_role("table", name="What it says in both")).to_be_visible()
    assert clicks.count <= 3 and "with=test:0" in person.page.url
    person.goes("/dense_2.sum/index/3?input=test:1&with=test:0")
    split = person.page.get_by_role("table", name="What makes the difference")
    expect(split).to_be_visible()
    expected = look.compare(moment, "test:1", moment, "test:0", "dense_2.sum", [3])
    parts = [row[1] for row in rows(split)]
    assert near(parts[0], expected["weights"]) and near(parts[1], expected["inputs"])
    first = person.page.get_by_role("list").get_by_role("link", name=re.compile("^input_1")).first
    first.click()
    expect(person.page).to_have_url(re.compile("/input_1/.*with=test:0"))
    expect(person.page.get_by_text("The difference begins here")).to_be_visible()
