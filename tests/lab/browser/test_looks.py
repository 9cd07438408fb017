"""The lab looks as it should at three sizes, light and dark, in two languages; each time some places of it are seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import pytest
from playwright.sync_api import expect
from tests.lab.browser.appearance import AXE, accessible, measured
from tests.lab.browser.looks import PLACES, SCREENS, Screen, goes, on_show, settled
from tests.lab.browser.person import Person
from tests.lab.browser.scenes import SCENES
from tests.sampling import some

from pellucid.lab.gallery import TASKS

SPOTS = [
    *((task, name) for task, places in PLACES.items() if task in TASKS for name in places),
    *((scene.task, name) for name, scene in SCENES.items() if not scene.trained),
]

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not installed: python hatch_build.py check")


@pytest.mark.sample(1)
@pytest.mark.parametrize("screen", SCREENS, ids=str)
def test_nothing_is_cut_covered_small_or_untranslated(
    screen: Screen, gallery: str, browse: Callable[..., Person]
) -> None:
    page = browse(gallery, **screen.options).page
    expect(page.get_by_role("banner")).to_be_visible()
    settled(page)
    wrong = [f"gallery: {finding}" for finding in [*accessible(page), *measured(page)]]
    for task, name in some(SPOTS, 4, str(screen)):
        place = SCENES[name].place if name in SCENES else PLACES[task][name]
        goes(page, f"{place}{'&' if '?' in place else '?'}task={task}")
        expect(page.locator(".panel.focus")).to_be_attached()
        settled(page)
        with on_show(page, screen, name) if name in SCENES else nullcontext():
            wrong += [f"{task}, {name}: {finding}" for finding in [*accessible(page), *measured(page)]]
    assert not wrong, "\n".join(wrong)
