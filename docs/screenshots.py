"""The lab in pictures: `python docs/screenshots.py [NAME…]` takes them for the README and docs/lab.md.

It opens the lab in Chromium and uses it as a person does: buttons, links, the address of a place.
"""

from __future__ import annotations

import io
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from pellucid.lab.gallery import build
from pellucid.lab.protocol.requests import Seek
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.server import Server

IMAGES = Path(__file__).parent / "images"
PATIENCE = 60_000


@dataclass(frozen=True)
class Shot:
    """A place of a task that was trained for so many steps; the gallery has neither."""

    task: str | None = None
    place: str = "#/"
    steps: int = 0
    width: int = 1440
    height: int = 960
    dark: bool = False
    slid: int | None = None
    """Where the window of a convolution is put."""


SHOTS = {
    "lab": Shot("digits", "#/conv2d_1/filter/2/at/2,3?input=test:17", 300),
    "lab-gallery": Shot(height=640),
    "lab-boundary": Shot("spirals", "#/view/boundary?input=test:5", 800, height=820),
    "lab-window": Shot("digits", "#/conv2d_1?input=test:17", 300, height=1100, slid=27),
    "lab-gates": Shot("text", "#/lstm_1?input=test:3", 600, height=1200),
    "lab-latent": Shot("autoencoder", "#/view/latent?input=test:8", 3000, height=860),
    "lab-dark": Shot("digits", "#/dense_2/unit/5?input=test:0", 300, dark=True),
    "lab-phone": Shot("digits", "#/dense_2/unit/5?input=test:0", 300, width=360, height=760),
}


def taken(browser: Browser, shot: Shot) -> bytes:
    """The PNG of what is seen there."""
    session = Session(None if shot.task is None else build(shot.task), gallery=True)
    server = Server(session, port=0)
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme="dark" if shot.dark else "light",
        reduced_motion="reduce",
        locale="en-GB",
    )
    try:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(server.url)
        expect(page.get_by_role("banner")).to_be_visible()
        for part in range(1, 17 if shot.steps else 1):  # in parts, so that the ribbon of gradients has columns
            session.act(Seek(step=shot.steps * part // 16))
            session.stage.run.wait()
            page.wait_for_timeout(550)
        hint = page.get_by_role("button", name="Dismiss")
        if hint.count():
            hint.first.click()
        if shot.task is not None:  # as a link that somebody sent
            page.evaluate("hash => { location.hash = hash }", shot.place)
        page.wait_for_timeout(1500)
        if shot.slid is not None:
            page.get_by_role("slider", name="Place of the window").fill(str(shot.slid))
            page.wait_for_timeout(800)
        return page.screenshot()
    finally:
        context.close()
        server.close()


def main(names: list[str]) -> None:
    if unknown := sorted(set(names) - set(SHOTS)):
        raise SystemExit(f"there is no picture {', '.join(unknown)}; there are {', '.join(SHOTS)}")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for name in names or SHOTS:
            picture = Image.open(io.BytesIO(taken(browser, SHOTS[name]))).convert("RGB")
            picture.save(IMAGES / f"{name}.png", optimize=True)
            print(f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
