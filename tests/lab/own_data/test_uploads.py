"""Files come in parts and in archives, and no more of them than is taken."""

from __future__ import annotations

import pytest
from tests.lab.own_data.given import image, part, zipped

from pellucid.errors import DataError
from pellucid.lab.own_data import uploads
from pellucid.lab.own_data.uploads import Uploads
from pellucid.lab.protocol.requests import SentPart


def test_a_file_comes_in_parts_beside_others() -> None:
    files = Uploads()
    files.add([part("a/1.csv", b"x,"), part("a/1.csv", b"y\n", continues=True), part("..\\b.txt", b"z")])
    files.add([part("..\\b.txt", b"!", continues=True), part("a/1.csv", b"again")])
    assert files.files() == {"a/1.csv": b"x,y\n", "b.txt": b"z!", "a/1.csv (2)": b"again"}
    assert (len(files), files.size) == (3, 11)


def test_archives_are_opened_and_what_systems_leave_behind_is_not_taken() -> None:
    files = Uploads()
    inner = {"cat/1.png": image(0), "__MACOSX/cat/1.png": b"", "cat/.DS_Store": b"", "../dog/2.png": image(1)}
    files.add([part("pets.zip", zipped(inner)), part("pets/Thumbs.db", b"x")])
    assert list(files.files()) == ["pets/cat/1.png", "pets/dog/2.png"]
    assert files.archives == {"pets": "pets.zip"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (zipped({"a.csv": b"0" * 5000}), "unpacks to more than"),
        (zipped({f"{k}.csv": b"" for k in range(9)}), "unpacks to more than"),
        (zipped({"[Content_Types].xml": b""}), "save it as CSV"),
        (b"PK\3\4 and nothing of an archive", "is damaged"),
        (zipped({"a.csv": b"0123456789" * 200})[:-40] + b"junk" * 10, "is damaged"),
    ],
)
def test_an_archive_is_opened_with_care(content: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 3000)
    monkeypatch.setattr(uploads, "MAX_FILES", 8)
    files = Uploads()
    files.add([part("a.zip", content)])
    with pytest.raises(DataError, match=message):
        files.files()


def test_no_more_is_kept_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 1 << 20)
    files = Uploads()
    with pytest.raises(DataError, match="more than 1 MiB"):
        files.add(part("a.csv", bytes(300_000), continues=k > 0) for k in range(9))
    with pytest.raises(DataError, match="did not come whole"):
        Uploads().add([SentPart(name="a.csv", data="no base64")])
    with pytest.raises(DataError, match="no file came"):
        Uploads().files()
