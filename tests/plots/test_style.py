"""Figures in files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from pellucid.errors import DataError, ModelFileError
from pellucid.training import History


@pytest.fixture
def history() -> History:
    return History({"loss": [1.0, 0.5]}, [0, 1])


@pytest.mark.parametrize(("name", "written"), [("a.png", "a.png"), ("a", "a.png"), ("a.svg", "a.svg")])
def test_a_figure_is_written(name: str, written: str, history: History, tmp_path: Path) -> None:
    history.plot(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [written]
    if written.endswith("png"):
        with Image.open(tmp_path / written) as image:
            assert image.format == "PNG"


def test_places_where_no_figure_can_be_written(history: History, tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "no" / "a.png", "there is no such folder"),
        ("a\0b.png", "which no file name has"),
    ):
        with pytest.raises(ModelFileError, match=message):
            history.plot(path)
    with pytest.raises(DataError, match=r"expected it to end in \.png"):
        history.plot(tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())
