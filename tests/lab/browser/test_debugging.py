"""Debugging by clicks: the worst examples, how numbers are distributed, the course of a weight; as Python has them."""

from __future__ import annotations

import re

import numpy as np
from playwright.sync_api import Locator, expect
from tests.lab.browser.conftest import Watched

from pellucid.explain.arithmetic import number
from pellucid.lab import gallery as tasks
from pellucid.lab.protocol.requests import HistogramsParams, RankingParams
from pellucid.lab.time.run import Run
from pellucid.lab.view.look import Look

STEPS = 16 * 3


def cells(table: Locator) -> list[list[str]]:
    return [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]


def test_examples_distributions_and_a_weight_are_those_of_python(gallery: str, browse: Watched) -> None:
    rng = np.random.default_rng()
    person = browse(gallery)
    person.opens("Two spirals")
    person.waits_for_step(0)
    for step in range(16, STEPS + 1, 16):
        person.epoch()
        person.waits_for_step(step)
    task = tasks.build("spirals")
    look = Look(task)
    with Run.of(task) as run:
        run.repeat({"do": "seek", "step": STEPS})
        moment = run.moment()

        person.link("Examples", person.panel("Focus")).click()
        ranking = look.ranking(moment, RankingParams(set="test"))
        table = person.panel("Focus").get_by_role("table", name="Highest loss")
        expect(table.locator("tbody tr")).to_have_count(20)
        expect(person.panel("Focus")).to_contain_text(f"the mean loss is {number(ranking['mean'])}")
        for k in rng.choice(20, 3, replace=False).tolist():
            one, shown = ranking["examples"][k], table.locator("tbody tr").nth(k)
            expect(shown).to_contain_text(one["example"]["name"])
            expect(shown.locator(".loss .number")).to_have_text(number(one["loss"]).replace("-", "−"))
        name = ranking["examples"][0]["example"]["name"]
        person.button(re.compile(name), table).click()
        expect(person.page).to_have_url(re.compile(f"input={name}"))
        expect(person.page.get_by_role("table", name="Layers")).to_be_visible()

        path, unit, other = "dense_2.kernel", int(rng.integers(16)), int(rng.integers(16))
        person.goes(f"/{path}/index/{other},{unit}?input={name}")
        person.button("Distribution", person.panel("Focus")).click()
        answer = look.histograms(0, moment, run.kept(moment), HistogramsParams(path=path, unit=unit))
        person.button(re.compile("step by step$"), person.panel("Focus")).click()
        rows = cells(person.panel("Focus").get_by_role("table", name=re.compile("step by step$")))
        columns = answer["columns"]
        assert [row[0] for row in rows] == [str(column["step"]) for column in columns]
        for row, column in zip(rows, columns, strict=True):
            told = [column["low"], column["high"], column["mean"], column["std"]]
            assert row[1:] == [number(value).replace("-", "−") for value in told]

        course = person.page.get_by_role("region", name="How it came to be what it is")
        person.button(re.compile("^As table"), course).click()
        points = cells(course.get_by_role("table", name=re.compile(re.escape(path))))
        for row in points:
            value = run.reached(step=int(row[0])).parameters[path][other, unit]
            assert row[1] == number(float(value)).replace("-", "−")
        chosen = points[int(rng.integers(len(points)))][0]
        person.button(chosen, course).click()
        person.waits_for_step(int(chosen))
        person.page.set_viewport_size({"width": 390, "height": 844})
        assert person.page.evaluate("document.documentElement.scrollWidth") <= 390
