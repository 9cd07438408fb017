"""The options that train in several processes; tests/engines/xla runs them."""

from __future__ import annotations

import pytest

from .conftest import Run

TOGETHER = ("--engine", "xla", "--coordinator", "127.0.0.1:4040")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--processes", "2"), "expected --coordinator HOST:PORT with --processes"),
        (("--restarts", "1"), "expected --coordinator HOST:PORT with --restarts"),
        (("--coordinator", "127.0.0.1:4040"), "expected --engine xla with --coordinator"),
        (("--engine", "xla", "--coordinator", "here"), '--coordinator is "here", expected HOST:PORT'),
        (TOGETHER, "expected --processes N and --process I"),
        ((*TOGETHER, "--processes", "2", "--process", "2"), "--process is 2, expected 0 to 1"),
        ((*TOGETHER, "--processes", "2", "--process", "0", "--restarts", "1"), "expected --checkpoint FILE"),
    ],
)
def test_what_does_not_fit_is_refused(run: Run, given: tuple[str, ...], said: str) -> None:
    if "xla" in given:
        pytest.importorskip("jax")
    assert said in run("train", "iris", *given, code=2).output
