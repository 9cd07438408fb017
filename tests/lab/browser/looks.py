"""The lab as it looks: `python -m tests.lab.browser.looks FOLDER` takes pictures and says what is wrong in them.

The gallery, its tasks as they open and after some training, their views, dialogs and lessons, at three sizes, light and
dark, in two languages. For each picture axe-core runs, and the measurements of `appearance.py`; findings go
into FOLDER/findings.txt too, and contact sheets of all pictures of a place into FOLDER/sheets.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polib
from PIL import Image
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tests.lab.browser.appearance import accessible, measured
from tests.lab.browser.scenes import SCENES, reviews

import pellucid
from pellucid.lab.gallery import TASKS, build
from pellucid.lab.lessons.shipped import shipped
from pellucid.lab.protocol.requests import Seek
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.server import Server
from pellucid.lab.task import Task

LOCALE = Path(pellucid.__file__).parent / "locale"
PATIENCE = 300_000
NARROW = 700
"""Below this there is one panel at a time."""


@dataclass(frozen=True)
class Screen:
    width: int
    height: int
    theme: str
    language: str

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}-{self.language}"

    @property
    def options(self) -> dict[str, Any]:
        """Of a browser with such a screen, in which axe-core may run."""
        return {
            "viewport": {"width": self.width, "height": self.height},
            "color_scheme": self.theme,
            "locale": "zh-CN" if self.language == "zh" else "en-GB",
            "bypass_csp": True,
        }


SCREENS = [
    Screen(*size, theme, language)
    for size, theme, language in itertools.product(
        ((1440, 900), (1024, 700), (390, 844)), ("light", "dark"), ("en", "zh")
    )
]
STEPS = {"words": 60, "spirals": 500, "digits": 300, "text": 300, "prices": 150, "autoencoder": 400, "kernels": 150}
NETWORK = "/?input=test:0"
PLACES: dict[str, dict[str, str]] = {
    "spirals": {
        "network": NETWORK,
        "boundary": "/view/boundary",
        "confusion": "/view/confusion",
        "examples": "/view/examples",
        "layer": "/dense_1",
        "unit": "/dense_2/unit/3",
        "connection": "/dense_2.sum/index/3/term/1",
        "product": "/dense_2.sum/index/3/term/1/product",
        "weight": "/dense_2.kernel/index/3,2",
        "update": "/d(dense_2.kernel)/index/3,2",
        "loss": "/loss",
    },
    "digits": {
        "network": NETWORK,
        "confusion": "/view/confusion",
        "examples": "/view/examples",
        "convolution": "/conv2d_1",
        "unit": "/conv2d_1/filter/3/at/4,5",
        "pooling": "/max_pool2d_1",
        "pooled": "/max_pool2d_1/filter/3/at/1,1",
        "hidden": "/dense_1",
        "softmax": "/dense_2",
        "why": "/dense_2/unit/5",
        "backward": "/d(conv2d_1.sum)/index/4,5,3",
        "two-examples": "/dense_2?with=test:1",
        "two-steps": "/dense_1.sum/index/3?with=step:0",
        "whole-two-examples": "/?with=test:1",
    },
    "kernels": {"convolve": "/view/convolve", "layer": "/conv2d_1", "network": NETWORK},
    "text": {
        "text": "/view/text",
        "network": NETWORK,
        "embedding": "/embedding_1",
        "gates": "/lstm_1",
        "forget": "/lstm_1.gate.forget/index/20,3",
        "cell": "/lstm_1.cell/index/20,3",
        "softmax": "/dense_1",
        "examples": "/view/examples",
    },
    "prices": {"forecast": "/view/forecast", "network": NETWORK, "unrolled": "/rnn_1", "state": "/rnn_1/unit/3"},
    "autoencoder": {"latent": "/view/latent", "network": NETWORK, "code": "/dense_2", "image": "/reshape_1"},
    "activations": {"network": NETWORK, "unit": "/tanh/unit/0"},
    "sigmoids": {"compare": "/view/compare", "boundary": "/view/boundary", "network": NETWORK, "layer": "/dense_2"},
    "relus": {"compare": "/view/compare", "network": NETWORK},
    "words": {"network": NETWORK, "embedding": "/embedding_1", "states": "/lstm_1", "examples": "/view/examples"},
}
TABS = {"network": 0, "focus": 1, "arithmetic": 2, "time": 3}
"""The panels of a narrow screen, in the order of their tabs."""
WITH_DIALOGS = ("digits", "text")
DIALOGS = {
    "gallery": "Gallery",
    "wrong": "What is wrong?",
    "change": "Change",
    "code": "Code",
    "lessons": "Lesson",
    "help": "Help",
    "own": "Own",
    "example": None,
}
"""What the button in the header is called that opens it; a row of examples has another."""
OWN: dict[str, Callable[[], Task]] = {"words": reviews}
"""Tasks that are not in the gallery."""
CHINESE = {entry.msgid: entry.msgstr for entry in polib.pofile(str(LOCALE / "zh" / "LC_MESSAGES" / "pellucid.po"))}


class Album:
    """Pictures in a folder, and what was found in them."""

    def __init__(self, folder: Path, progress: Progress, total: int) -> None:
        self.folder = folder
        self.findings: dict[str, list[str]] = {}
        self._progress = progress
        self._bar = progress.add_task("looks", total=total)
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, screen: Screen, *place: str) -> None:
        """A picture of what is on show, and what is wrong with it."""
        name = f"{'.'.join(place)}.{screen}"
        self._progress.update(self._bar, description=name)
        page.screenshot(path=self.folder / f"{name}.png")
        for finding in [*accessible(page), *measured(page)]:
            self.findings.setdefault(finding, []).append(name)
        (self.folder / "findings.txt").write_text(self.report(), encoding="utf-8")
        self._progress.advance(self._bar)

    def report(self) -> str:
        """Each finding with the pictures in which it is, of many the first."""
        found = sorted(self.findings.items())
        return "".join(f"{finding}\n    {len(where)}: {', '.join(where[:4])}\n" for finding, where in found)

    def sheets(self) -> None:
        """The pictures of each place on one sheet, those of a width beside each other."""
        places: dict[str, list[Path]] = {}
        for path in sorted(self.folder.glob("*.png")):
            places.setdefault(path.stem.rsplit(".", 1)[0], []).append(path)
        (self.folder / "sheets").mkdir(exist_ok=True)
        for place, paths in places.items():
            pictures = [Image.open(path).convert("RGB") for path in paths]
            small = [picture.resize((picture.width // 2, picture.height // 2)) for picture in pictures]
            rows = [list(row) for _, row in itertools.groupby(small, key=lambda picture: picture.width)]
            width = max(sum(picture.width + 8 for picture in row) for row in rows)
            sheet = Image.new("RGB", (width, sum(max(p.height for p in row) + 8 for row in rows)), "#888")
            y = 0
            for row in rows:
                x = 0
                for picture in row:
                    sheet.paste(picture, (x, y))
                    x += picture.width + 8
                y += max(picture.height for picture in row) + 8
            sheet.save(self.folder / "sheets" / f"{place}.png")


@contextmanager
def served(session: Session) -> Iterator[tuple[Server, Session]]:
    server = Server(session, port=0)
    try:
        yield server, session
    finally:
        server.close()


@contextmanager
def opened(browser: Browser, address: str, screen: Screen) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce", **screen.options)
    context.set_default_timeout(PATIENCE)
    try:
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("banner")).to_be_visible()
        yield page
    finally:
        context.close()


def settled(page: Page) -> None:
    """Until answers have come and nothing is on its way."""
    page.wait_for_timeout(250)
    with suppress(Error):
        page.wait_for_load_state("networkidle", timeout=1000)
    page.wait_for_timeout(250)


def goes(page: Page, place: str) -> None:
    page.evaluate("hash => { location.hash = hash }", f"#{place}")
    settled(page)


def dialog(page: Page, screen: Screen, name: str) -> bool:
    """Opens a dialog by its button; whether there is one."""
    label = DIALOGS[name]
    if label is None:
        button = page.locator("button.thumb")
    else:
        label = CHINESE[label] if screen.language == "zh" else label
        button = page.get_by_role("banner").get_by_role("button", name=label, exact=True)
    if button.count() == 0:
        return False
    button.first.click()
    settled(page)
    return True


def tasks(browser: Browser, album: Album, screens: list[Screen], names: list[str], some: int) -> None:
    """Each task as it opens on every screen; after some training each of its places on `some` of them, in turn."""
    turn = 0
    for name in names:
        with served(Session(build(name) if name in TASKS else OWN[name](), gallery=True)) as (server, session):
            for screen in screens:
                with opened(browser, server.url, screen) as page:
                    settled(page)
                    album.take(page, screen, name, "0-first")
            for part in range(1, 17):  # in parts, so that the ribbon of gradients has columns
                session.act(Seek(step=STEPS.get(name, 120) * part // 16))
                session.stage.run.wait()
            shots: dict[Screen, list[str]] = {screen: [] for screen in screens}
            for place in shown(name):
                for k in range(some):
                    shots[screens[(turn + k * max(1, len(screens) // some)) % len(screens)]].append(place)
                turn += 1
            for screen, places in shots.items():
                with opened(browser, server.url, screen) as page:
                    settled(page)
                    for place in places:
                        visit(page, screen, album, name, place)


def shown(name: str) -> list[str]:
    """All that is looked at in a task after some training."""
    scenes = [place for place, scene in SCENES.items() if scene.task == name]
    return [*PLACES[name], *scenes, *(DIALOGS if name in WITH_DIALOGS else ())]


def visit(page: Page, screen: Screen, album: Album, name: str, place: str) -> None:
    """A picture of a place of a task, a scene or a dialog, where this screen has it; of a narrow one each panel."""
    tabs = page.locator("nav.tabs button")
    narrow = screen.width < NARROW
    if place in SCENES:
        with on_show(page, screen, place):
            album.take(page, screen, name, place)
    elif place in DIALOGS:
        if dialog(page, screen, place):
            album.take(page, screen, name, f"dialog-{place}")
            page.keyboard.press("Escape")
            settled(page)
            leave = page.locator("aside.lesson header button")  # the only lesson there is begins at once
            if leave.count() > 0:
                leave.click()
    elif not narrow:
        goes(page, PLACES[name][place])
        album.take(page, screen, name, place)
    else:
        goes(page, PLACES[name][place])
        view = "/view/" in PLACES[name][place]
        for panel in ["focus"] if view else TABS if place == "network" else ["focus", "arithmetic"]:
            tabs.nth(TABS[panel]).click()
            settled(page)
            album.take(page, screen, name, f"{place}-{panel}")


@contextmanager
def on_show(page: Page, screen: Screen, name: str) -> Iterator[None]:
    """A scene, in a page of its task."""
    scene = SCENES[name]
    goes(page, scene.place)
    if screen.width < NARROW:
        page.locator("nav.tabs button").nth(scene.tab).click()
        settled(page)
    scene.opened(page)
    settled(page)
    yield
    scene.closed(page)
    settled(page)


def gallery(browser: Browser, album: Album, screens: list[Screen]) -> None:
    with served(Session(None, gallery=True)) as (server, _):
        for screen in screens:
            with opened(browser, server.url, screen) as page:
                settled(page)
                album.take(page, screen, "gallery")


def lessons(browser: Browser, album: Album, screens: list[Screen]) -> None:
    """Every step of every lesson, each on another of the screens."""
    turn = 0
    for lesson in shipped():
        with served(Session(None, gallery=True)) as (server, _):
            for k in range(1, len(lesson.steps) + 1):
                screen = screens[turn % len(screens)]
                turn += 5  # of another width, in another theme
                with opened(browser, f"{server.url}#/?task={lesson.task}&lesson={lesson.name}:{k}", screen) as page:
                    settled(page)
                    page.wait_for_timeout(1500)
                    album.take(page, screen, f"lesson-{lesson.name}", str(k))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.browser.looks", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--task", action="append", choices=["gallery", *PLACES, "lessons"], help="what alone is looked at"
    )
    parser.add_argument("--screen", action="append", help="the screens alone whose names have this in them: 390-dark")
    parser.add_argument("--some", type=int, default=len(SCREENS), help="how many screens for each place, in turn")
    given = parser.parse_args(arguments)
    expect.set_options(timeout=PATIENCE)
    screens = [screen for screen in SCREENS if not given.screen or any(word in str(screen) for word in given.screen)]
    names = given.task or ["gallery", *PLACES, "lessons"]
    some = min(given.some, len(screens))
    total = sum(len(screens) + some * len(shown(name) if name in PLACES else ()) for name in names)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, sync_playwright() as tools:
        album = Album(given.folder, progress, total)
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        if "gallery" in names:
            gallery(browser, album, screens)
        tasks(browser, album, screens, [name for name in names if name in PLACES], some)
        if "lessons" in names:
            lessons(browser, album, screens)
        browser.close()
    album.sheets()
    print(album.report(), end="")
    return bool(album.findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
