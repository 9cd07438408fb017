"""The lab in pictures: `python docs/screenshots.py [NAME…]` takes them for the README and docs/lab.md.

It opens the lab in Chromium and uses it as a person does: buttons, links, the address of a place.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pellucid.lab.gallery import build
from pellucid.lab.server import Server
from pellucid.lab.session import Session

IMAGES = Path(__file__).parent / "images"
SHOTS: dict[str, Callable[[Browser], bytes]] = {}
PATIENCE = 60_000


def shot(function: Callable[[Browser], bytes]) -> Callable[[Browser], bytes]:
    """Put a picture on the list: a function from a browser to a PNG."""
    SHOTS[function.__name__.replace("_", "-")] = function
    return function


@contextmanager
def opened(
    browser: Browser, task: str | None, *, width: int = 1440, height: int = 960, dark: bool = False, steps: int = 0
) -> Iterator[Page]:
    """A lab with a task, trained for so many steps, in a page."""
    session = Session(None if task is None else build(task), gallery=True)
    server = Server(session, port=0)
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        locale="en-GB",
    )
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(server.url)
        expect(page.get_by_role("banner")).to_be_visible()
        for part in range(1, 17 if steps else 1):  # in parts, so that the ribbon of gradients has columns
            session.act({"do": "seek", "step": steps * part // 16})
            session.stage.run.wait()
            page.wait_for_timeout(550)
        hint = page.get_by_role("button", name="Dismiss")
        if hint.count():
            hint.first.click()
        yield page
    finally:
        context.close()
        server.close()


def at(page: Page, place: str) -> None:
    """Follow a link to a place, as one that somebody sent, and wait until its numbers stand still."""
    page.evaluate("hash => { location.hash = hash }", place)
    page.wait_for_timeout(1500)


@shot
def lab(browser: Browser) -> bytes:
    with opened(browser, "digits", steps=300) as page:
        at(page, "#/conv2d_1/filter/2/at/2,3?input=test:17")
        return page.screenshot()


@shot
def lab_gallery(browser: Browser) -> bytes:
    with opened(browser, None, height=640) as page:
        page.wait_for_timeout(1000)
        return page.screenshot()


@shot
def lab_boundary(browser: Browser) -> bytes:
    with opened(browser, "spirals", steps=800, height=820) as page:
        at(page, "#/view/boundary?input=test:5")
        return page.screenshot()


@shot
def lab_window(browser: Browser) -> bytes:
    with opened(browser, "digits", steps=300, height=1100) as page:
        at(page, "#/conv2d_1?input=test:17")
        page.get_by_role("slider", name="Place of the window").fill("27")
        page.wait_for_timeout(800)
        return page.screenshot()


@shot
def lab_gates(browser: Browser) -> bytes:
    with opened(browser, "text", steps=600, height=1200) as page:
        at(page, "#/lstm_1?input=test:3")
        return page.screenshot()


@shot
def lab_latent(browser: Browser) -> bytes:
    with opened(browser, "autoencoder", steps=3000, height=860) as page:
        at(page, "#/view/latent?input=test:8")
        return page.screenshot()


@shot
def lab_dark(browser: Browser) -> bytes:
    with opened(browser, "digits", steps=300, dark=True) as page:
        at(page, "#/dense_2/unit/5?input=test:0")
        return page.screenshot()


@shot
def lab_phone(browser: Browser) -> bytes:
    with opened(browser, "digits", steps=300, width=360, height=760) as page:
        at(page, "#/dense_2/unit/5?input=test:0")
        return page.screenshot()


def main(names: list[str]) -> None:
    if unknown := sorted(set(names) - set(SHOTS)):
        raise SystemExit(f"there is no picture {', '.join(unknown)}; there are {', '.join(SHOTS)}")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in names or SHOTS:
            picture = Image.open(io.BytesIO(SHOTS[name](browser))).convert("RGB")
            picture.save(IMAGES / f"{name}.png", optimize=True)
            print(f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
