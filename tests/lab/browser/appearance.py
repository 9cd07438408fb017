"""What is wrong with the look of a page, whatever it shows: axe-core's findings, and what `appearance.js` measures.

Texts that are cut, that lie over each other or are shortened without a title, numbers broken over two lines, targets
below 24 pixels, panels wider than their place, more sizes of type than a page needs, English in a Chinese page.
"""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[3] / "src" / "pellucid" / "lab" / "web" / "node_modules" / "axe-core" / "axe.min.js"
_MEASURE = Path(__file__).with_name("appearance.js")
_RUN = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"], rules: { "target-size": { enabled: true } } });
  return found.violations.map((v) => [
    v.id, v.impact, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " | " + n.failureSummary.slice(0, 300)),
  ]);
}"""


def accessible(page: Page) -> list[str]:
    """What axe-core finds, serious or not; its browser must let scripts pass its policy."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    found = page.evaluate(_RUN)
    return [f"axe: {name} ({impact}) {json.dumps(nodes, ensure_ascii=False)}" for name, impact, nodes in found]


def measured(page: Page) -> list[str]:
    """What is cut, broken, covered, small, wide or not translated."""
    script = _MEASURE.read_text(encoding="utf-8")
    return list(page.locator(".pellucid-lab").first.evaluate(script))
