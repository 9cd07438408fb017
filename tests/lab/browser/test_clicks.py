"""A task that is opened for the first time answers with clicks alone: why this answer, why this weight changed.

Two tasks by default; all of the gallery with PELLUCID_LAB=long in the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import Locator, expect
from tests.lab.browser.person import Person, whole

from pellucid.explain import trace_examples
from pellucid.explain.arithmetic import number
from pellucid.functions.learning.optimizers import SGD, Adam, optimizer
from pellucid.lab.gallery import TASKS
from pellucid.lab.task import Task
from pellucid.lab.time.moments import copied
from pellucid.lab.view.samples import Samples
from pellucid.training.fit import prepare

LONG = os.environ.get("PELLUCID_LAB") == "long"
TITLES = {name: entry.title.text("en") for name, entry in TASKS.items()}
# The layer whose weights are asked for, and what is pressed to train.
UPDATES = {
    "spirals": ("dense_2", "Epoch"),
    "digits": ("conv2d_1", "Epoch"),
    "kernels": ("conv2d_1", "Epoch"),
    "text": ("dense_1", "Batch"),
    "prices": ("dense_1", "Epoch"),
    "autoencoder": ("dense_2", "Epoch"),
    "activations": ("tanh", "Epoch"),
    "sigmoids": ("dense_3", "Epoch"),
    "relus": ("dense_3", "Epoch"),
}
CHOSEN = list(UPDATES) if LONG else ["spirals", "text"]
DRAWN = {"kernels": "conv2d_1", "autoencoder": "reshape_1"}
"""Networks whose answer is an image: one points at it."""


class Clicks:
    """Clicks of a mouse, counted; there is nothing else."""

    def __init__(self, person: Person) -> None:
        self.person, self.count = person, 0

    def on(self, thing: Locator) -> None:
        thing.click()
        self.count += 1

    def into(self, path: str, panel: str) -> None:
        self.person.picks(path, panel)
        self.count += 1


def shown(person: Person) -> tuple[str, tuple[int, ...]]:
    """Which number the arithmetic is about."""
    found = re.fullmatch(r"(.*?)(?:\[([\d,]*)\])?", person.subject.last.inner_text())
    assert found is not None
    return found[1], tuple(int(part) for part in (found[2] or "").split(",") if part)


@pytest.mark.parametrize("name", CHOSEN)
def test_why_this_answer_in_two_clicks(name: str, gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(gallery)
    person.opens(TITLES[name])
    expect(person.page).to_have_url(re.compile("input="))
    clicks = Clicks(person)
    if name in DRAWN:
        clicks.into(DRAWN[name], "Network")
    else:
        clicks.on(person.page.get_by_role("banner").get_by_role("definition").first.get_by_role("link"))
    expect(person.terms).to_be_visible()
    path, index = shown(person)
    task = TASKS[name]()
    samples = Samples(task, task.net)
    sample = samples["test:0"]
    assert sample.y is not None
    run = trace_examples(task.net, samples.arrays(sample.x[None], sample.y[None]), [samples.goal])
    answer = run[path][0]
    assert path == list(task.net.uses)[-1].path or name in DRAWN
    if task.classes or task.vocabulary:
        assert index[-1] == answer.reshape(-1, answer.shape[-1])[-1].argmax(), "it is not the answer that is explained"
    expect(person.value).to_have_text(number(float(answer[index])))
    expect(person.panel("Arithmetic").locator(".sentence").first).not_to_be_empty()
    expect(person.panel("Arithmetic")).to_contain_text("Σ of all terms is the value ✓")
    # and one step nearer to where it came from
    subject = person.subject.last.inner_text()
    clicks.on(person.terms.first.locator(".pieces").first.get_by_role("link").first)
    expect(person.subject.last).not_to_have_text(subject)
    deeper, there = shown(person)
    whole_index = (0, *there) if run[deeper].ndim == len(there) + 1 else there
    expect(person.value).to_have_text(number(float(run[deeper][whole_index])))
    assert clicks.count <= 2


@pytest.mark.parametrize("name", CHOSEN)
def test_why_this_weight_changed_in_three_clicks(name: str, gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(gallery)
    person.opens(TITLES[name])
    expect(person.page).to_have_url(re.compile("input="))
    layer, press = UPDATES[name]
    clicks = Clicks(person)
    clicks.on(person.button(press))
    expect(person.button("Play")).to_be_visible()
    task = TASKS[name]()
    steps = 1 if press == "Batch" else -(-len(task.x) // task.batch_size)
    person.waits_for_step(steps)
    clicks.into(layer, "Network")
    clicks.into(f"{layer}.kernel", "Focus")
    assert clicks.count <= 3
    arithmetic = person.panel("Arithmetic")
    expect(arithmetic.get_by_text(re.compile(r"^One update: the weight (rises|falls) by"))).to_be_visible()
    name_of, index = shown(person)
    assert name_of == f"{layer}.kernel′"
    assert whole(arithmetic.get_by_text(re.compile(r"^step [\d\s]+$")).last.inner_text()) == steps
    sentence, numbers = updated(task, steps, f"{layer}.kernel", index)
    expect(arithmetic.locator(".sentence").last).to_have_text(sentence)
    substituted = " ".join(arithmetic.locator(".substituted").all_inner_texts()).replace("−", "-")
    there = [float(text) for text in re.findall(r"(?:(?<=[(\s])-)?\d+(?:\.\d+)?(?:e[+-]?\d+)?", substituted)]
    there += [-value for value in there]  # a minus may stand before a whole product
    missing = [value for value in numbers if not any(value == pytest.approx(one, rel=6e-4) for one in there)]
    assert not missing, f"{substituted} has not {missing}"


def updated(task: Task, steps: int, path: str, index: tuple[int, ...]) -> tuple[str, list[float]]:
    """What the last of so many steps made of a weight, by the optimiser's own state; and the numbers of its rule."""
    loop = prepare(
        task.net,
        task.x,
        task.y,
        epochs=0,
        batch_size=task.batch_size,
        loss=task.loss,
        optimizer=task.optimizer,
    )
    while (left := steps - 1 - loop.training.state.step) > 0:
        loop.advance(left)
    before, batch = loop.snapshot(), loop.upcoming()
    loop.advance(1)
    after = loop.snapshot()
    rule = optimizer(task.optimizer)
    # the gradient over the whole batch, from a network that is given the weights before the step
    net = copied(task.net)
    net.parameters.replace(before.parameters)
    samples = Samples(task, net)
    arrays = {key: batch[key] for key in (samples.input, samples.goal.name)}
    gradient = float(trace_examples(net, arrays, [samples.goal])[f"d({path})"][index])
    old, new = float(before.parameters[path][index]), float(after.parameters[path][index])
    rate = float(before.learning_rate)
    if isinstance(rule, Adam):
        m, v = (float(after.slots[f"{path}:{kind}_moment"][index]) for kind in ("first", "second"))
        m0, v0 = (float(before.slots[f"{path}:{kind}_moment"][index]) for kind in ("first", "second"))
        assert m == pytest.approx(0.9 * m0 + 0.1 * gradient, rel=1e-3, abs=1e-9)
        assert v == pytest.approx(0.999 * v0 + 0.001 * gradient**2, rel=1e-3, abs=1e-15)
        by = rate * (m / (1 - 0.9**steps)) / (np.sqrt(v / (1 - 0.999**steps)) + 1e-7)
        numbers = [old, rate, m, v, float(steps), new]
    else:
        assert isinstance(rule, SGD)
        by = rate * gradient
        numbers = [old, rate, gradient, new]
    assert old - new == pytest.approx(by, rel=1e-3, abs=1e-6)
    direction = "rises" if new >= old else "falls"
    return (
        f"One update: the weight {direction} by {number(abs(new - old))}, from {number(old)} to {number(new)}.",
        numbers,
    )


def test_what_the_forget_gate_does_in_two_clicks(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(gallery)
    person.opens(TITLES["text"])
    expect(person.page).to_have_url(re.compile("input="))
    clicks = Clicks(person)
    clicks.on(person.link("lstm_1", person.panel("Network")))
    row = person.panel("Focus").get_by_role("row").filter(has=person.page.get_by_role("rowheader", name="f forget"))
    clicks.on(row.get_by_role("cell").last.get_by_role("link"))
    expect(person.terms).to_be_visible()
    path, index = shown(person)
    assert path == "lstm_1.gate.forget"
    task = TASKS["text"]()
    samples = Samples(task, task.net)
    x = samples["test:0"].x
    gate = float(trace_examples(task.net, samples.arrays(x[None], None), [])[path][(0, *index)])
    expect(person.panel("Arithmetic").locator(".sentence")).to_have_text(
        re.compile(f"^The forget gate is open by {gate:.2%}: the cell keeps so much of what it held")
    )
    assert clicks.count <= 2
