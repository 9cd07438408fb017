"""A person before a page: clicks what has a role and a name, types, and reads what is written.

Nothing here calls into the page or asks the server behind its back. An address may be typed, as a person can.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import FloatRect, Locator, Page, TimeoutError, expect

PATIENCE = 30_000
expect.set_options(timeout=PATIENCE)


def whole(text: str) -> int:
    """A number that is written with its thousands apart."""
    return int(re.sub(r"\D", "", text))


class Person:
    """What a person does, and what they see."""

    def __init__(self, page: Page) -> None:
        self.page = page

    # where things are

    def panel(self, name: str) -> Locator:
        """One of the panels: Network, Focus, Arithmetic, Time."""
        return self.page.get_by_role("region", name=name, exact=True)

    def button(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("button", name=name, exact=isinstance(name, str))

    def link(self, name: str | re.Pattern[str], within: Locator | None = None) -> Locator:
        return (within or self.page).get_by_role("link", name=name, exact=isinstance(name, str))

    # the gallery

    def opens(self, title: str) -> None:
        """Chooses a task of the gallery, which is shown at first, or behind its button."""
        card = self.button(re.compile(re.escape(title)))
        gallery = self.button("Gallery")
        expect(card.or_(gallery).first).to_be_visible()
        if not card.first.is_visible():
            gallery.click()
        card.first.click()
        leave = self.page.get_by_role("dialog", name="Leave this training?")
        expect(leave.or_(self.link(title, self.page.get_by_role("banner"))).first).to_be_visible()
        if leave.is_visible():
            self.button(f"Open “{title}”", leave).click()
        expect(self.panel("Network")).to_be_visible()
        expect(self.link(title, self.page.get_by_role("banner"))).to_be_visible()

    # time

    def play(self) -> None:
        self.button("Play").click()
        expect(self.button("Pause")).to_be_visible()

    def pause(self) -> None:
        self.button("Pause").click()
        expect(self.button("Play")).to_be_visible()

    def batch(self) -> None:
        """One batch, to its end."""
        step = self.step()
        self.button("Batch").click()
        self.waits_for_step(step + 1)

    def epoch(self) -> None:
        self.button("Epoch").click()

    def begins_anew(self) -> None:
        """Begins anew, and means it."""
        self.button("Begin anew").click()
        self.button("Begin anew", self.page.get_by_role("dialog")).click()

    @property
    def scrubber(self) -> Locator:
        return self.page.get_by_role("slider", name="Go to a step")

    def step(self) -> int:
        """The step of the present moment, as the time panel says."""
        return whole(self.read("Step"))

    def last(self) -> int:
        """The last step of this branch."""
        text = self.scrubber.get_attribute("aria-valuetext") or ""
        return int(text.rsplit(" ", 1)[1])

    def read(self, name: str) -> str:
        """One of the numbers of the moment: Step, Loss, Epochs, accuracy, …"""
        return self._reading(name).inner_text()

    def _reading(self, name: str) -> Locator:
        term = self.page.get_by_role("term").filter(has_text=re.compile(f"^{re.escape(name)}$", re.IGNORECASE))
        return self.panel("Time").locator("dl > div").filter(has=term).get_by_role("definition")

    def waits_for_step(self, step: int) -> None:
        expect(self._reading("Step")).to_have_text(f"{step:,}".replace(",", "\u2009"))

    def waits_beyond(self, step: int) -> None:
        """Until training has gone beyond a step."""
        self.page.wait_for_timeout(50)
        for _ in range(PATIENCE // 50):
            if self.step() > step:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"training stands at step {self.step()}, expected more than {step}")

    def scrubs_to(self, step: int) -> None:
        """Moves the scrubber to a step, by its keys, from the end that is nearer."""
        last = self.last()
        self.scrubber.focus()
        if step <= last - step:
            self.scrubber.press("Home")
            key, count = "ArrowRight", step
        else:
            self.scrubber.press("End")
            key, count = "ArrowLeft", last - step
        for _ in range(count):
            self.scrubber.press(key)
        self.waits_for_step(step)

    def trains_to(self, step: int) -> None:
        """Plays to about a step, pauses, and goes to it exactly."""
        if self.last() < step:
            self.play()
            self.waits_beyond(step - 1)
            self.pause()
        if self.step() != step:
            self.scrubs_to(step)

    def losses(self) -> list[tuple[str, str]]:
        """Steps and losses of the curve, as a table."""
        switch = self.button("as table", self.panel("Time")).first
        if switch.get_attribute("aria-pressed") != "true":
            switch.click()
        table = self.panel("Time").get_by_role("region", name="Loss").get_by_role("table").first
        rows = [row.split() for row in table.locator("tbody tr").all_inner_texts()]
        return [(step, loss) for step, loss in rows]

    # places

    def goes(self, address: str) -> None:
        """Types the part of the address after the "#"."""
        self.page.goto(f"{self.page.url.split('#')[0]}#{address}")

    @property
    def place(self) -> str:
        """Where the address says that one is, without what stands behind it."""
        return self.page.url.partition("#")[2].partition("?")[0]

    @property
    def here(self) -> Locator:
        """The last of the breadcrumbs."""
        crumbs = self.page.get_by_role("navigation", name="Where this is")
        return crumbs.get_by_role("link").last

    @property
    def subject(self) -> Locator:
        """What the arithmetic is about: its name."""
        return self.panel("Arithmetic").get_by_role("heading", level=2)

    @property
    def value(self) -> Locator:
        """What the arithmetic is about: its number."""
        return self.panel("Arithmetic").get_by_role("status").first

    @property
    def terms(self) -> Locator:
        return self.panel("Arithmetic").get_by_role("list", name="Terms, the heaviest first")

    def picture(self, path: str, panel: str) -> Locator:
        """The drawing of a value's numbers."""
        return self.panel(panel).get_by_role("button", name=re.compile(rf"^{re.escape(path)}, ")).first

    def picks(self, path: str, panel: str) -> str:
        """Points into a drawing until it says what is under the pointer, and clicks; gives the name of the element."""
        picture = self.picture(path, panel)
        tip = self.panel(panel).locator(".tip span")
        for share in (0.25, 0.28, 0.31, 0.34, 0.37, 0.4):
            # Numbers that are still on their way move what stands below them.
            self.still(picture)
            picture.scroll_into_view_if_needed()
            box = self.still(picture)
            # A mouse knows whole pixels.
            at = round(box["x"] + box["width"] * share), round(box["y"] + box["height"] * share)
            self.page.mouse.move(*at)
            with suppress(TimeoutError):  # between two cells there is nothing
                tip.wait_for(state="visible", timeout=1000)
                name = tip.inner_text()
                self.page.mouse.click(*at)
                return name
        raise AssertionError(f"the drawing of {path} says nothing of what is under the pointer")

    def still(self, thing: Locator) -> FloatRect:
        """Where a thing is, once it stays there."""
        before = None
        for _ in range(50):
            box = thing.bounding_box()
            if box is not None and box == before:
                return box
            before = box
            self.page.wait_for_timeout(150)
        raise AssertionError("the page does not come to rest")

    def out(self) -> None:
        self.page.keyboard.press("Escape")

    def shot(self, path: Path) -> None:
        """A picture of what is seen, for whoever looks into a failure."""
        self.page.screenshot(path=path)
