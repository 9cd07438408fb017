from __future__ import annotations

import pytest

from pellucid.cli.output import shorten, table


def test_table_cuts_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    name = "n" * 120
    table(["name", "value"], [[name, "1.5"], [":smile: [bold]", "10"]])
    text = capsys.readouterr().out
    assert name in text
    assert ":smile: [bold]" in text
    assert [line.rstrip()[-1] for line in text.splitlines() if "1.5" in line or " 10" in line] == ["5", "0"]


def test_shorten() -> None:
    assert shorten("short") == "short"
    assert shorten(["é", 1]) == '["é", 1]'
    assert len(shorten(list(range(1000)))) == 60
