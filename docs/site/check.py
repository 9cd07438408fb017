"""Looks at the built site as a browser does: `python docs/site/check.py [PAGE…]`, or `make docs-check`.

Every page of site/ is opened from disk in Chromium, 1440 pixels wide and light, and 360 pixels wide and dark. Faults
are: what axe finds, a page that is wider than the window, a link or an anchor that leads nowhere, an image that does
not load, an error of a script, any request that is not for a file, and a lab that is in another language than its page,
or does not follow a click on one of its numbers.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from rich.console import Console
from rich.progress import track

ROOT = Path(__file__).parents[2]
SITE = ROOT / "site"
AXE = ROOT / "src/pellucid/lab/web/node_modules/axe-core/axe.min.js"
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
VIEWS = ((1440, "light"), (360, "dark"))
NUMBER = re.compile(r"^\s*[+−]?\d+(?:\.\d+)?\s*$")
PATIENCE = 60_000
"""Milliseconds until a lab has to answer."""

COLLECT = """() => ({
  links: [...document.querySelectorAll('a[href]')].map((a) => a.href),
  ids: [...document.querySelectorAll('[id]')].map((e) => e.id),
  broken: [...document.images].filter((i) => i.loading !== 'lazy' && i.complete && !i.naturalWidth).map((i) => i.src),
  wide: document.documentElement.scrollWidth - innerWidth,
})"""
RULES = """() => axe.run(document, { iframes: false, resultTypes: ['violations'] }).then(({ violations }) =>
  violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => n.target).join(' | ')}`))"""


def main(names: list[str]) -> int:
    from playwright.sync_api import sync_playwright

    pages = [SITE / name for name in names] or sorted(p for p in SITE.rglob("*.html") if "_static" not in p.parts)
    if not pages or not AXE.is_file():
        print("check.py: error: build the site first: make docs", file=sys.stderr)
        return 2
    faults: list[str] = []
    ids: dict[Path, set[str]] = {}
    links: list[tuple[Path, str]] = []
    with sync_playwright() as playwright:
        executable = next((path for path in CHROMIUM if Path(path).is_file()), None)
        browser = playwright.chromium.launch(executable_path=executable, args=["--allow-file-access-from-files"])
        for path in track(pages, description="looking", console=Console(stderr=True)):
            for width, scheme in VIEWS:
                seen = look(browser, path, width, scheme, faults)
                ids[path] = set(seen["ids"])
                links += [(path, link) for link in seen["links"]]
        browser.close()
    for path, link in dict.fromkeys(links):
        if urlsplit(link).scheme == "file":
            faults += dead(path, link, ids)
    for fault in dict.fromkeys(faults):
        print(fault)
    print(f"{len(pages)} pages, {len(set(faults))} faults", file=sys.stderr)
    return 1 if faults else 0


def look(browser: Any, path: Path, width: int, scheme: str, faults: list[str]) -> dict[str, Any]:
    """One page in one window: its faults go on the list, its links and anchors come back."""
    where = f"{path.relative_to(SITE)} ({width}, {scheme})"
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.on("pageerror", lambda error: faults.append(f"{where}: {error}"))
    page.on("request", lambda request: outside(request, where, faults))
    page.goto(path.as_uri())
    seen: dict[str, Any] = page.evaluate(COLLECT)
    if seen["wide"] > 0:
        faults.append(f"{where}: {seen['wide']} pixels too wide")
    faults += [f"{where}: {source} does not load" for source in seen["broken"]]
    page.add_script_tag(path=AXE)
    faults += [f"{where}: {violation}" for violation in page.evaluate(RULES)]
    for frame in page.locator(".lab iframe").all() if (width, scheme) == VIEWS[0] else ():
        faults += [f"{where}: {fault}" for fault in lab(page, frame)]
    page.close()
    return seen


def lab(page: Any, frame: Any) -> list[str]:
    """The faults of a lab within a page: a person clicks on a number, or where its view shows none, on a layer."""
    from playwright.sync_api import Error

    frame.scroll_into_view_if_needed()
    inside = frame.element_handle().content_frame()
    links = inside.locator("main a[href^='#']")
    try:
        links.first.wait_for(timeout=PATIENCE)
        numbers = links.filter(has_text=NUMBER)
        chosen = (numbers if numbers.count() else links).first
        address = chosen.get_attribute("href")
        chosen.click(timeout=PATIENCE)
        inside.wait_for_function("address => location.hash === address", arg=address, timeout=PATIENCE)
        inside.get_by_role("heading", level=1).last.wait_for(timeout=PATIENCE)
    except Error as error:
        return [f"the lab {frame.get_attribute('src')} does not follow a click: {str(error).splitlines()[0]}"]
    languages = [place.evaluate("() => document.documentElement.lang") for place in (page, inside)]
    return [] if languages[0] == languages[1] else [f"the page is in {languages[0]}, its lab in {languages[1]}"]


def outside(request: Any, where: str, faults: list[str]) -> None:
    if urlsplit(request.url).scheme not in ("file", "data", "blob", "about"):
        faults.append(f"{where}: asks for {request.url}")


def dead(path: Path, link: str, ids: dict[Path, set[str]]) -> list[str]:
    """The fault of a link, if it has one. The addresses of labs are their own."""
    address, anchor = urldefrag(link)
    target = Path(unquote(urlsplit(address).path))
    name = path.relative_to(SITE)
    if not target.is_file():
        return [f"{name}: the link to {link} leads nowhere"]
    if anchor and target in ids and unquote(anchor) not in ids[target]:
        return [f"{name}: there is no #{anchor} in {target.relative_to(SITE)}"]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
