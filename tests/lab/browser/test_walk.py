"""Whatever a person does, in whatever order, the numbers and badges on the page are Python's of the step that is shown.

A seeded walk: play, pause, seek, branch, set a weight, the rate, another example, another place. A short one by
default; long ones over several tasks with PELLUCID_LAB=long in the environment, of PELLUCID_SEEDS seeds.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.lab.browser.person import Person, whole
from tests.lab.browser.test_numbers import plainly

from pellucid.errors import PellucidError
from pellucid.explain import Trace, trace_examples
from pellucid.explain.arithmetic import number
from pellucid.lab.gallery import TASKS
from pellucid.lab.time.moments import copied, put
from pellucid.lab.time.run import Run
from pellucid.lab.view.measure import Gauge
from pellucid.lab.view.samples import Samples

LONG = os.environ.get("PELLUCID_LAB") == "long"
SEEDS = int(os.environ.get("PELLUCID_SEEDS", "1"))
WALKS = [("spirals", s, 200) for s in range(SEEDS)] + [("relus", 0, 100), ("digits", 0, 100), ("text", 0, 60)]
TERMS = 12
PATIENCE = 10.0
"""Seconds until the page has to be right, on a machine that does other work as well."""
MAX_BRANCHES = 6
NEW = "′"
THIN = "\u202f"


class Mirror:
    """The same run in Python."""

    def __init__(self, name: str) -> None:
        self.task = TASKS[name]()
        self.run = Run.of(self.task)
        self.net = copied(self.task.net)
        self.samples = Samples(self.task, self.net)
        self.gauge = Gauge(self.task, copied(self.task.net), self.samples)
        self.traces: dict[tuple[Any, ...], Trace] = {}

    def does(self, **action: Any) -> None:
        self.run.repeat(action)

    def trace(self, name: str) -> Trace:
        """The run of an example by the weights of now."""
        moment = self.run.moment()
        key = (moment.branch, moment.step, name)
        if key not in self.traces:
            self.traces.clear()
            put(self.net, moment.parameters)
            sample = self.samples[name]
            assert sample.y is not None
            arrays = self.samples.arrays(sample.x[None], sample.y[None])
            self.traces[key] = trace_examples(self.net, arrays, [self.samples.goal])
        return self.traces[key]

    def given(self, name: str, path: str) -> bool:
        """Whether it is an input, which has no arithmetic."""
        trace = self.trace(name)
        return path in trace and trace.program.definition(trace.tensor(path)) is None

    def explained(self, name: str, path: str, index: tuple[int, ...]) -> dict[str, Any]:
        """What the arithmetic has to say of a place."""
        trace = self.run.update(self.run.moment()) if path.endswith(NEW) else self.trace(name)
        axes = trace.tensor(path).axes
        batch = next((k for k, axis in enumerate(axes) if not isinstance(axis.extent, int)), None)
        at = (*index[:batch], 0, *index[batch:]) if batch is not None and len(index) < len(axes) else index
        told = trace.explain(path, index=at)
        data = told.json(TERMS)
        return {
            "value": number(told.value),
            "sentence": told.sentence(),
            "terms": [[number(t["value"]), plainly(t["numbers"])] for t in data["terms"]],
            "rest": [f"{data['rest']['count']} more: {number(data['rest']['sum'])}"] if data["rest"]["count"] else [],
        }


class Walk:
    """One person's way through one task, beside the mirror."""

    def __init__(self, person: Person, name: str, seed: int) -> None:
        self.person, self.mirror = person, Mirror(name)
        self.rng = np.random.default_rng(seed)
        self.done: list[str] = []
        self.while_playing: list[str] = []

    @property
    def input(self) -> str:
        found = re.search(r"[?&]input=([^&]+)", self.person.page.url)
        assert found is not None, self.person.page.url
        return found[1].replace("%3A", ":")

    # what a person does

    def acts(self) -> None:
        """One thing, at random."""
        names = ["play", "batch", "epoch", "seek", "seek", "rate", "branch", "weight", "switch", "example"]
        name = self.rng.choice([*names, "place", "place", "place", "place", "term", "gradients", "back"])
        self.done.append(str(name))
        getattr(self, f"do_{name}")()

    def says(self, what: object) -> None:
        self.done[-1] += f" {what}"

    def do_play(self) -> None:
        speed = str(self.rng.choice(["0", "5", "20", "100"]))
        self.person.page.get_by_role("combobox", name="Speed").select_option(speed)
        self.mirror.does(do="speed", speed=float(speed))
        self.person.play()
        seen = []
        for _ in range(int(self.rng.integers(1, 4))):
            self.person.page.wait_for_timeout(int(self.rng.integers(50, 500)))
            seen.append(self.person.panel("Arithmetic").aria_snapshot())
        self.person.pause()
        self.person.page.wait_for_timeout(150)
        step, name = self.person.step(), self.input
        self.says(f"{speed} to {step}")
        for snapshot in seen:
            self._was_true(snapshot, name, step)
        self.mirror.does(do="seek", step=step)

    def _was_true(self, snapshot: str, name: str, last: int) -> None:
        """What stood in the arithmetic while it played, of the step that it named."""
        heading = re.search(r'heading "([^"\[]+?)(?:\[([\d,]*)\])?" \[level=2\]', snapshot)
        moment = re.search(r"text: step ([\d\s]+)$", snapshot, re.MULTILINE)
        value = re.search(r'status: "?([^"\n]+)"?', snapshot)
        if heading is None or moment is None or value is None or heading[1].endswith(NEW) or "made of it" in snapshot:
            return
        step = whole(moment[1])
        if step > last or self.mirror.given(name, heading[1]):
            return
        self.mirror.does(do="seek", step=step)
        index = tuple(int(i) for i in (heading[2] or "").split(",") if i)
        told = self.mirror.explained(name, heading[1], index)
        if value[1] != told["value"]:
            self.while_playing.append(f"{heading[0]} of step {step}: {value[1]}, Python says {told['value']}")

    def do_batch(self) -> None:
        self.person.batch()
        self.mirror.does(do="step", count=1)

    def do_epoch(self) -> None:
        self.person.epoch()
        self.mirror.does(do="epoch")

    def do_seek(self) -> None:
        state = self.mirror.run.state()
        last = next(b["last"] for b in state["branches"] if b["id"] == state["branch"])
        if last:
            step = int(self.rng.integers(last + 1))
            self.says(step)
            self.person.scrubber.fill(str(step))
            self.mirror.does(do="seek", step=step)

    def do_rate(self) -> None:
        if len(self.mirror.run.state()["branches"]) > MAX_BRANCHES:
            return
        rate = float(self.rng.choice([0.001, 0.003, 0.01, 0.02, 0.05]))
        self.says(rate)
        field = self.person.page.get_by_role("textbox", name="Learning rate")
        field.fill(str(rate))
        field.press("Enter")
        self.mirror.does(do="rate", learning_rate=rate)

    def _branches(self, what: str, value: float) -> bool:
        if len(self.mirror.run.state()["branches"]) > MAX_BRANCHES:
            return False
        self.person.button(re.compile("^Branch from step")).click()
        choice = self.person.page.get_by_role("combobox", name="What changes")
        if choice.is_visible():
            choice.select_option(what)
        self.person.page.get_by_role("textbox", name="New value").fill(str(value))
        self.person.button("Branch").click()
        return True

    def do_branch(self) -> None:
        rate = float(self.rng.choice([0.002, 0.015, 0.03]))
        if self._branches("rate", rate):
            self.says(rate)
            self.mirror.does(do="branch", change={"learning_rate": rate})

    def do_weight(self) -> None:
        parameters = self.mirror.run.moment().parameters
        path = str(self.rng.choice(sorted(parameters)))
        index = [int(self.rng.integers(n)) for n in parameters[path].shape]
        value = round(float(self.rng.normal()), 2)
        self.person.goes(f"/{path}/index/{','.join(map(str, index))}?input={self.input}")
        expect(self.person.subject.first).to_have_text(f"{path}[{','.join(map(str, index))}]")
        if self._branches("weight", value):
            self.says(f"{path}{index} {value}")
            change = {"parameter": path, "index": index, "value": value}
            self.mirror.does(do="branch", change=change)

    def do_switch(self) -> None:
        branches = self.mirror.run.state()["branches"]
        number_of = int(self.rng.choice([branch["id"] for branch in branches]))
        self.says(number_of)
        self.person.button(re.compile(rf"^Switch to branch {number_of}\b")).click()
        self.mirror.does(do="switch", branch=number_of)

    def do_example(self) -> None:
        if self.rng.integers(2):
            self.person.button("Next example").click()
        else:
            kind = str(self.rng.choice(["train", "test"]))
            self.person.page.get_by_role("combobox", name="Data set").select_option(kind)
        self.person.page.wait_for_timeout(100)
        self.says(self.input)

    def do_place(self) -> None:
        trace = self.mirror.trace(self.input)
        parameters = self.mirror.run.moment().parameters
        views = [f"/view/{view}" for view in self.mirror.task.views]
        layers = [f"/{use.path}" for use in self.mirror.net.uses]
        kinds = [*views, "/", str(self.rng.choice(layers))]
        if self.rng.random() < 0.35:
            address = str(self.rng.choice(kinds))
        else:
            path = str(self.rng.choice(sorted({*trace, *parameters})))
            shape = parameters[path].shape if path in parameters else trace[path].shape
            axes = None if path in parameters else trace.tensor(path).axes
            batch = next((k for k, a in enumerate(axes or ()) if not isinstance(a.extent, int)), None)
            index = [int(self.rng.integers(n)) for k, n in enumerate(shape) if k != batch]
            address = f"/{path}/index/{','.join(map(str, index))}"
        self.says(address)
        self.person.goes(f"{address}?input={self.input}")

    def do_term(self) -> None:
        link = self.person.terms.last.locator(".pieces").first.get_by_role("link")
        if self.person.terms.count() and link.count():
            link.first.click()

    def do_gradients(self) -> None:
        way = str(self.rng.choice(["Forward", "Backward"]))
        button = self.person.button(way, self.person.panel("Arithmetic"))
        if button.is_enabled():
            self.says(way)
            button.click()

    def do_back(self) -> None:
        """An address of before, which may name another step."""
        before = self.person.page.url
        self.person.page.go_back()
        if "#" not in self.person.page.url or "input=" not in self.person.page.url:
            self.person.page.goto(before)
        self.person.page.wait_for_timeout(500)
        step = self.person.step()
        self.says(f"{self.person.place} at {step}")
        self.mirror.does(do="seek", step=step)

    # what is to be seen

    def faults(self) -> list[str]:
        """What is not as Python says, once the page had its time."""
        end = time.monotonic() + PATIENCE
        while (wrong := list(self._faults())) and time.monotonic() < end:
            self.person.page.wait_for_timeout(200)
        return wrong

    def _faults(self) -> Iterator[str]:
        person, state = self.person, self.mirror.run.state()
        if not person.button("Play").is_visible():
            yield "it plays"
            return
        wanted = {"Step": str(state["step"]), "Loss": "–" if state["loss"] is None else number(state["loss"])}
        wanted |= {name: number(value) for name, value in state["metrics"].items() if name != "loss"}
        for name, text in wanted.items():
            seen = person.read(name)
            seen = str(whole(seen)) if name == "Step" else seen
            if seen != text:
                yield f"{name}: {seen}, Python says {text}"
        rate = person.page.get_by_role("textbox", name="Learning rate").input_value()
        if rate != number(state["learning_rate"]):
            yield f"rate: {rate}, Python says {state['learning_rate']}"
        branch = person.panel("Time").locator('[aria-current="true"] .id').inner_text()
        if branch != str(state["branch"]):
            yield f"branch: {branch}, Python says {state['branch']}"
        step = f"{state['step']:,}".replace(",", THIN)
        moments = set(person.page.locator(".moment").all_inner_texts())
        if moments - {f"step {step}"}:
            yield f"moments: {sorted(moments)}, Python is at step {step}"
        yield from self._said()
        yield from self._arithmetic()
        yield from self._layers()
        yield from self._badges()
        yield from self._focus()

    def _said(self) -> Iterator[str]:
        """The prediction beside the example."""
        names = self.mirror.task.classes or self.mirror.task.vocabulary
        output = self.mirror.trace(self.input)[list(self.mirror.net.uses)[-1].path][0]
        shown = self.person.page.get_by_role("banner").get_by_role("definition").first
        if names is None or not shown.is_visible():
            return
        last = output.reshape(-1, output.shape[-1])[-1]
        found = re.search(r"(\d+) %", shown.inner_text())
        if found is None or abs(int(found[1]) - 100 * last.max()) > 0.5001:
            yield f"prediction: {shown.inner_text()!r}, Python says {names[last.argmax()]} {last.max():.2%}"

    def _arithmetic(self) -> Iterator[str]:
        """The number that the arithmetic is about, with its terms."""
        panel = self.person.panel("Arithmetic")
        headings = self.person.subject
        if not headings.count():
            return
        found = re.match(r"([^\[\s]+)(?:\[([\d,]*)\])?", headings.last.inner_text())
        assert found is not None
        path, index = found[1], tuple(int(i) for i in (found[2] or "").split(",") if i)
        parameters = self.mirror.run.moment().parameters
        shown = panel.get_by_role("status").all_inner_texts()
        if path.removesuffix(NEW) in parameters:
            weight = number(float(parameters[path.removesuffix(NEW)][index]))
            if not shown or shown[0] != weight:
                yield f"{path}{index}: {shown[:1]}, Python says {weight}"
            if not path.endswith(NEW):
                text = "no step was taken yet" if self.mirror.run.state()["step"] == 0 else "not so at all"
                if text not in panel.inner_text():
                    yield f"{path}{index} says nothing of its last step"
                return
        if self.mirror.given(self.input, path):
            value = number(float(self.mirror.trace(self.input)[path][(0, *index)]))
            if shown[:1] != [value]:
                yield f"{path}{index}: {shown[:1]}, Python says {value}"
            return
        try:
            told = self.mirror.explained(self.input, path, index)
        except PellucidError as error:
            if not panel.locator(".quiet").count():
                yield f"{path}{index}: {error}"
            return
        seen = {
            "value": shown[-1] if shown else None,
            "sentence": "".join(panel.locator(".sentence").last.all_inner_texts()),
            "terms": [
                [value, row]
                for value, row in zip(
                    re.findall(r"Take apart term \d+: .* (?:=|≈) (\S+)\"", self.person.terms.last.aria_snapshot()),
                    self.person.terms.last.locator(".pieces").all_inner_texts(),
                    strict=False,
                )
            ],
            "rest": self.person.terms.last.locator(".rest .what").all_inner_texts(),
        }
        for key in ("value", "sentence", "terms", "rest"):
            if seen[key] != told[key]:
                yield f"{path}{index} {key}: {seen[key]!r}, Python says {told[key]!r}"

    def _layers(self) -> Iterator[str]:
        """The table of the network: the size of the values and of the gradients."""
        table = self.person.panel("Focus").get_by_role("table", name="Layers")
        if not table.is_visible():
            return
        trace = self.mirror.trace(self.input)
        for row in table.locator("tbody tr:not(.formula)").all():
            path = row.get_by_role("rowheader").get_by_role("link").inner_text()
            *_, mean, gradient = row.get_by_role("cell").all_inner_texts()
            value = trace[path].astype(np.float64)
            wanted = f"{number(value.mean())} ± {number(value.std())}"
            if mean not in {wanted, "—"} or (mean == "—" and np.issubdtype(trace[path].dtype, np.floating)):
                yield f"{path}: {mean}, Python says {wanted}"
            learned = next((p for p in self.mirror.net.parameters.trainable if p.startswith(f"{path}.")), None)
            if learned is None:
                continue
            slope = trace[f"d({learned})"].astype(np.float64)
            size = number(float(np.hypot(slope.mean(), slope.std())))
            if gradient.strip() != size:
                yield f"d({learned}): {gradient.strip()}, Python says {size}"

    def _badges(self) -> Iterator[str]:
        """How many units of a layer are dead or saturated, over many examples."""
        flow = self.mirror.gauge.flow(self.mirror.run.moment(), past=True)
        for layer in self.person.panel("Network").locator(".name").all():
            path = layer.get_by_role("link").inner_text()
            row = next((r for r in flow if r.path == path), None)
            text = " ".join(layer.locator(".trouble").all_inner_texts())
            found = re.fullmatch(r"([\d.]+) % (dead|saturated)", text.strip())
            for kind in ("dead", "saturated"):
                there = float(getattr(row, kind)) if row is not None else 0.0
                if found is not None and found[2] == kind and abs(float(found[1]) / 100 - there) > 0.0051:
                    yield f"{path} {kind}: {text}, Python says {there:.2%}"
            dead = row is not None and row.dead >= 0.005
            saturated = row is not None and row.saturated >= 0.005
            if (found is not None) != (dead or saturated):
                yield f"{path}: {text!r}, Python says {row}"

    def _focus(self) -> Iterator[str]:
        """The number of an element in the middle, its gradient and its badge."""
        facts = self.person.panel("Focus").locator(".facts > div")
        trace, parameters = self.mirror.trace(self.input), self.mirror.run.moment().parameters
        place = re.fullmatch(r"/([^/]+)/(?:index/)?(.*)", self.person.place.replace("%E2%80%B2", NEW))
        if place is None or not facts.count() or place[1].endswith(NEW) or place[1] == "view" or "term" in place[2]:
            return
        path, index = place[1], tuple(int(i) for i in re.findall(r"\d+", place[2]))
        if "filter/" in place[2]:
            index = (*index[1:], index[0])
        array = parameters[path] if path in parameters else trace.get(path)
        if array is None:
            return
        value = float(array[index] if array.ndim == len(index) else array[(0, *index)])
        texts = facts.all_inner_texts()
        if number(value) not in texts[0]:
            yield f"focus {path}{index}: {texts[0]!r}, Python says {number(value)}"
        use = next((u for u in self.mirror.net.uses if u.path == path), None)
        activation = getattr(getattr(getattr(use, "layer", None), "activation", None), "name", None)
        state = " ".join(self.person.panel("Focus").locator(".title .state").all_inner_texts())
        flat = {"tanh": 1 - value**2 < 0.05, "sigmoid": value * (1 - value) < 0.0125}.get(activation or "", False)
        if ("saturated" in state) != flat:
            yield f"focus {path}{index} = {value}: {state!r}, Python says {'saturated' if flat else 'not saturated'}"


@pytest.mark.parametrize(("name", "seed", "steps"), WALKS if LONG else [("spirals", 3, 12)])
def test_whatever_one_does_the_page_is_true(
    name: str, seed: int, steps: int, gallery: str, browse: Callable[..., Person]
) -> None:
    person = browse(gallery)
    person.opens(TASKS[name].title.text("en"))
    expect(person.page).to_have_url(re.compile("input="))
    walk = Walk(person, name, seed)
    wrong: list[str] = []
    with walk.mirror.run:
        for k in range(steps):
            walk.acts()
            faults = walk.faults()
            if LONG:
                print(
                    f"{k}: {walk.done[-1]} at step {walk.mirror.run.state()['step']}", *faults, sep="\n    ", flush=True
                )
            wrong += [f"{k}, after {walk.done[-3:]}: {fault}" for fault in faults]
            if len(wrong) > 20:
                break
    assert not wrong + walk.while_playing, "\n".join(wrong + walk.while_playing)
