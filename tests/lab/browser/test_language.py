"""In 简体中文 no English sentence is left on the screens."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect
from tests.lab.browser.person import Person
from tests.sampling import some

# Three words in a row, small letters: formulas, paths, names of functions and of people have none.
ENGLISH = re.compile(r"\b[A-Za-z][a-z']*(?:,? [a-z]{2,}){2,}\b")
PLACES = [
    "/",
    "/conv2d_1",
    "/max_pool2d_1",
    "/dense_2",
    "/conv2d_1/filter/3/at/4,5",
    "/conv2d_1.sum/index/4,5,3/term/1",
    "/conv2d_1.sum/index/4,5,3/term/1/product",
    "/d(dense_1.kernel)/index/3,2",
    "/dense_2.kernel/index/3,2",
    "/view/confusion",
]
VIEWS = [
    ("spirals", "/view/boundary"),
    ("kernels", "/view/convolve"),
    ("prices", "/view/forecast"),
    ("prices", "/rnn_1"),
    ("text", "/lstm_1"),
    ("autoencoder", "/view/latent"),
    ("sigmoids", "/view/compare"),
]


def english(person: Person) -> list[str]:
    """English sentences that are seen or read out, but for what is quoted: code, and a text."""
    said = person.page.locator("body").aria_snapshot()
    lines = [line for line in said.splitlines() if not re.search(r"/url:|^\s*- (code|math|textbox)\b", line)]
    titles = person.page.locator("[title]").evaluate_all("all => all.map((one) => one.title)")
    return [found[0] for line in [*lines, *titles] for found in ENGLISH.finditer(line)]


def leaves(person: Person) -> None:
    """Leaves what was trained before, where the page asks."""
    leave = person.page.get_by_role("dialog", name=re.compile("^(Leave this training|要离开)"))
    expect(leave.or_(person.page.get_by_role("region", name=re.compile("^(Network|网络)$"))).first).to_be_visible()
    if leave.is_visible():
        leave.get_by_role("button").last.click()


def test_the_screens_are_chinese(lab: Callable[..., str], browse: Callable[..., Person]) -> None:
    person = browse(lab(), locale="zh-CN")
    expect(person.page.get_by_role("button", name=re.compile("双螺旋"))).to_be_visible()
    left = {"gallery": english(person)}

    person.button(re.compile("手写数字")).click()
    expect(person.button("播放")).to_be_visible()
    expect(person.page.locator("html")).to_have_attribute("lang", "zh-Hans")
    person.page.keyboard.press(".")
    for place in some(PLACES, 5):
        person.goes(place)
        expect(person.page.get_by_role("region", name="详情", exact=True).get_by_role("heading").first).to_be_attached()
        expect(person.page.get_by_role("region", name="算式").get_by_role("button", name="反向")).to_be_visible()
        person.page.wait_for_timeout(150)
        left[place] = english(person)
    for name in ("示例库", "自己的", "哪里出错了？", "帮助"):
        person.button(name).click()
        expect(person.page.get_by_role("dialog")).to_be_visible()
        left[name] = english(person)
        person.page.keyboard.press("Escape")
    for task, place in some(VIEWS, 3):
        person.goes(f"{place}?task={task}")
        leaves(person)
        expect(person.page.get_by_role("heading", level=3).first).to_be_attached()
        left[f"{task} {place}"] = english(person)
    left = {place: found for place, found in left.items() if found}
    assert not left, left


def test_a_refusal_is_chinese(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=prices", locale="zh-CN")
    leaves(person)
    person.button("自己的").click()
    person.page.get_by_role("dialog").get_by_role("textbox").fill("1 2 3")
    person.button("交给网络").click()
    expect(person.page.get_by_role("alert")).to_contain_text("21")
    assert not english(person)


def test_the_language_is_kept(gallery: str, browse: Callable[..., Person]) -> None:
    person = browse(f"{gallery}#/?task=spirals")
    leaves(person)
    person.button(re.compile("switch to Simplified Chinese")).click()
    expect(person.button("播放")).to_be_visible()
    person.page.reload()
    expect(person.button("播放")).to_be_visible()
