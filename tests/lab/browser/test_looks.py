"""The lab looks as it should at three sizes, light and dark, in two languages; each time some places of it are seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from tests.lab.browser.appearance import AXE, accessible, measured
from tests.lab.browser.looks import PLACES, SCREENS, Screen, goes, settled
from tests.lab.browser.person import Person
from tests.sampling import some

SPOTS = [(task, name) for task, places in PLACES.items() for name in places]

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
        place = PLACES[task][name]
        goes(page, f"{place}{'&' if '?' in place else '?'}task={task}")
        expect(page.locator(".panel.focus")).to_be_attached()
        settled(page)
        wrong += [f"{task}, {name}: {finding}" for finding in [*accessible(page), *measured(page)]]
    assert not wrong, "\n".join(wrong)
