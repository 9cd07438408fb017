"""The gallery as files: opened from a disk, without any network."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from tests.lab.browser.person import Person

from pellucid.lab.gallery import TASKS
from pellucid.lab.own_data.understanding import OwnFiles
from pellucid.lab.protocol.requests import DataChoices, SentPart
from pellucid.lab.serve.site import write_site
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(folder, [replace(TASKS["spirals"], steps=200), replace(TASKS["autoencoder"], steps=50)])
    return folder


def test_from_the_gallery_to_a_task_and_on(browse: Callable[..., Person], site: Path) -> None:
    person = browse((site / "index.html").as_uri(), offline=True)
    person.page.get_by_role("button", name=re.compile("Two spirals")).click()
    expect(person.page).to_have_url(re.compile(r"/spirals\.html#/view/boundary\?task=spirals"))
    expect(person.panel("Network")).to_be_visible()
    person.button("Gallery").click()
    person.page.get_by_role("button", name=re.compile("Digits through two numbers")).click()
    expect(person.page).to_have_url(re.compile(r"/autoencoder\.html#"))
    person.page.go_back()
    person.page.goto((site / "index.html").as_uri() + "#/dense_2/unit/3?task=spirals")
    expect(person.page).to_have_url(re.compile(r"/spirals\.html#/dense_2/unit/3\?task=spirals"))


def test_a_table_of_ones_own_is_learned_without_python(
    browse: Callable[..., Person], site: Path, tmp_path: Path
) -> None:
    """From the gallery and from a task: what it holds, a network that suits it, and that trained as in Python."""
    table = tmp_path / "flowers.csv"
    rng = np.random.default_rng(1)
    kinds = [str(kind) for kind in rng.choice(["rose", "lily", "iris"], 90)]
    lines = [f"{k},{rng.normal(len(kind)):.2f},{rng.choice(['red', 'blue'])},{kind}" for k, kind in enumerate(kinds)]
    table.write_text("\n".join(["Id,size,colour,kind", *lines]), encoding="utf-8")
    other = tmp_path / "dates.csv"
    other.write_text("day,price\n" + "\n".join(f"2024-01-{k:02},{k}" for k in range(1, 30)), encoding="utf-8")

    person = browse((site / "index.html").as_uri(), offline=True)
    given = person.page.get_by_role("region", name="Use your own data")
    chooses(person, other, given)
    dialog = person.page.get_by_role("dialog", name="Your own data")
    expect(dialog.get_by_text(re.compile("which the lab reads in Python alone")).last).to_be_visible()
    expect(person.button("Begin with this data", dialog)).to_be_disabled()
    chooses(person, table, dialog)
    expect(dialog.get_by_text("90 examples: 72 for training, 18 for testing")).to_be_visible()
    expect(dialog.get_by_role("row").filter(has_text="Id")).to_contain_text("it numbers the rows")
    expect(dialog.get_by_label("Target column")).to_have_value("kind")
    person.button("Begin with this data", dialog).click()
    expect(person.link("flowers", person.page.get_by_role("banner"))).to_be_visible()
    person.epoch()
    person.waits_for_step(3)
    files = OwnFiles()
    files.take([SentPart(name="flowers.csv", data=base64.b64encode(table.read_bytes()).decode())], more=False)
    with Run.of(files.beginning(DataChoices()).task()) as run:
        state = run.repeat({"do": "epoch"})
    assert float(person.read("Loss")) == pytest.approx(state["loss"], rel=1e-3)
    assert float(person.read("accuracy")) == pytest.approx(state["metrics"]["accuracy"], rel=1e-3)
    person.goes("/view/confusion")
    expect(person.panel("Focus").get_by_role("table")).to_contain_text("lily")
    person.button("Own").click()
    expect(person.page.get_by_role("dialog").get_by_role("combobox", name=re.compile("^colour"))).to_be_visible()
    person.page.keyboard.press("Escape")

    # what was learned is not lost without a question
    person.button("Gallery").click()
    person.page.get_by_role("button", name=re.compile("Two spirals")).click()
    person.button(re.compile("^Open “")).click()
    expect(person.page).to_have_url(re.compile(r"/spirals\.html"))
    person.batch()
    person.button("Gallery").click()
    chooses(person, table, person.page.get_by_role("region", name="Use your own data"))
    person.button("Begin with this data").click()
    expect(person.page.get_by_role("dialog").filter(has_text="will be lost")).to_contain_text("Two spirals")


def chooses(person: Person, path: Path, within: Locator) -> None:
    with person.page.expect_file_chooser() as chooser:
        person.button("Choose files …", within).click()
    chooser.value.set_files(path)


def test_a_trained_network_can_be_begun_anew(browse: Callable[..., Person], site: Path) -> None:
    person = browse((site / "spirals.html").as_uri(), offline=True)
    time = person.panel("Time")
    expect(time).to_contain_text("accuracy (test)")
    person.begins_anew()
    expect(person.page).not_to_have_url(re.compile("step="))
    expect(time).not_to_contain_text("accuracy (test)")
    person.button("Batch").click()
    expect(person.page).to_have_url(re.compile(r"step=1$"))
    person.button("What is wrong?").click()
    dialog = person.page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("^step 1$"))).to_be_visible()
    expect(dialog).not_to_contain_text("Looking")


def test_a_branch_of_what_was_trained_in_a_file(browse: Callable[..., Person], site: Path) -> None:
    person = browse((site / "spirals.html").as_uri(), offline=True)
    time = person.panel("Time")
    person.begins_anew()
    for epoch in range(3):
        person.epoch()
        person.waits_for_step(16 * (epoch + 1))
    expect(time).to_contain_text("accuracy (test)")
    person.scrubs_to(20)
    person.button(re.compile("^Branch from step 20")).click()
    person.page.get_by_role("textbox", name="New value").fill("0.5")
    person.page.keyboard.press("Enter")
    expect(time).to_contain_text("from 20: learning rate 0.5")
    person.epoch()
    person.waits_for_step(32)
    with Run.of(TASKS["spirals"]()) as run:
        run.repeat({"do": "seek", "step": 20}, {"do": "branch", "change": {"learning_rate": 0.5}}, {"do": "epoch"})
        state = run.state()
    shown = {
        "Loss": state["loss"],
        "accuracy": state["metrics"]["accuracy"],
        "loss (test)": state["metrics"]["val_loss"],
    }
    for name, value in shown.items():
        assert float(person.read(name).replace("−", "-")) == pytest.approx(value, rel=1e-3), name
    expect(time.get_by_role("row").filter(has_text=re.compile("^at 32"))).to_be_visible()


def test_a_part_of_it_in_a_frame(browse: Callable[..., Person], site: Path) -> None:
    address = (site / "spirals.html").as_uri() + "?embed=1&panes=focus,time#/view/boundary"
    person = browse(address, offline=True, viewport={"width": 900, "height": 600})
    expect(person.panel("Focus")).to_be_visible()
    expect(person.panel("Time")).to_be_visible()
    expect(person.panel("Network")).to_have_count(0)
    expect(person.button("Gallery")).to_have_count(0)
    whole = person.page.get_by_role("link", name="Open the whole lab")
    expect(whole).to_have_attribute("href", re.compile(r"spirals\.html#/view/boundary"))


@pytest.fixture(params=["disk", "server"])
def address(request: pytest.FixtureRequest, site: Path) -> Iterator[str]:
    """Where the site is: in a folder, or on a server of plain files."""
    if request.param == "disk":
        yield site.as_uri()
        return
    handler = partial(Quiet, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said of requests."""


def test_it_trains_by_the_engines_own_code_beside_the_page(browse: Callable[..., Person], address: str) -> None:
    person = browse(f"{address}/spirals.html", offline=address.startswith("file:"))
    person.begins_anew()
    person.waits_for_step(0)
    for epoch in range(3):
        person.epoch()
        person.waits_for_step(16 * (epoch + 1))
    assert len(person.page.workers) == 2, "one trains by the engine's code, not by the formulas, and one measures"
    task = TASKS["spirals"]()
    with Run.of(task) as run:
        run.repeat({"do": "seek", "step": 48})
        expected = run.history(0)["loss"]
        flow = Look(task).flow(run.moment())
    for step, loss in person.losses():
        assert float(loss.replace("−", "-")) == pytest.approx(expected[int(step) - 1], rel=1e-3)

    # how large the gradients are, of what was trained here
    time = person.panel("Time")
    person.button("as table", time).last.click()
    sizes = time.get_by_role("region", name="Gradient size").get_by_role("row").filter(has_text=re.compile("^48"))
    expect(sizes).to_be_visible()
    shown = [float(text.replace("−", "-")) for text in sizes.get_by_role("cell").all_inner_texts()]
    learned = [layer["gradient"] for layer in flow["layers"] if layer["path"].startswith("dense")]
    assert shown == pytest.approx(learned, rel=2e-3)
    badges = person.panel("Network").locator(".trouble").all_inner_texts()
    saturated = [layer["saturated"] for layer in flow["layers"] if (layer["saturated"] or 0) >= 0.005]
    assert [float(text.split(" %")[0]) / 100 for text in badges] == pytest.approx(saturated, abs=0.006)

    # back, and the same way again
    last = person.losses()
    person.scrubs_to(20)
    person.scrubs_to(48)
    assert person.losses() == last
