"""Images of a person's own, in a folder for each class, are brought to one size, and the code makes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.lab.own_data.given import image, own, run, said, same, task, zipped

from pellucid.errors import DataError
from pellucid.lab.own_data import own_images
from pellucid.lab.protocol.requests import DataChoices

PETS = {f"pets/{kind}/{k}.png": image(k) for kind in ("dog", "cat") for k in range(5)}


def kept(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("packed", [False, True])
def test_its_code_makes_the_same(packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    different = PETS | {"pets/cat/9.png": image(9, 20, 30)}
    files = {"archive.zip": zipped(different)} if packed else different
    kept(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    made = task(files, channels=1)
    assert made.x.shape[1:] == (32, 32, 1) and made.classes == ("cat", "dog") and made.sample == "image"
    assert same(made, run(made))


def test_what_was_understood_is_told() -> None:
    data = own(PETS | {"pets/about.txt": b"?"}).understood(DataChoices())
    assert data["classes"] == [{"name": "cat", "count": 5}, {"name": "dog", "count": 5}]
    assert [one["label"] for one in data["images"]] == ["cat", "dog"]
    assert data["images"][0]["image"]["shape"] == [12, 10, 3]
    assert [note["en"] for note in data["notes"]] == [
        "Each image has 12 × 10 pixels for the network.",
        "Files that are no images by their names, and were left out: 1.",
    ]
    assert own(PETS).understood(DataChoices(size=8))["choices"]["size"] == 8


def test_what_cannot_be_learned_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(files: dict[str, bytes]) -> str:
        with pytest.raises(DataError) as error:
            own(files).understood(DataChoices())
        return str(error.value)

    assert "a folder for each class" in refused({"a.png": image(0)})
    assert "side by side" in refused({"train/cat/1.png": image(0), "test/cat/1.png": image(1)})
    assert "no image that Pillow knows" in refused({"a/1.png": b"\x89PNG\r\n", "b/1.png": image(1)})
    assert 'class, "cat"' not in str(said(PETS))
    assert "one example of each class" in str(said({"p/a/1.png": image(0), "p/b/1.png": image(1)}))
    monkeypatch.setattr(own_images, "MAX_NUMBERS", 1000)
    assert "choose a smaller size" in refused(PETS)
