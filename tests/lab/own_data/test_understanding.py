"""Whatever comes, either it is understood or one sentence says what came, what was expected and what to do."""

from __future__ import annotations

import gzip

import pytest
from tests.lab.asking import Asker, Refused
from tests.lab.own_data.given import own, part
from tests.sampling import some

from pellucid.errors import DataError
from pellucid.lab.own_data import own_tables
from pellucid.lab.own_data.understanding import OwnFiles
from pellucid.lab.protocol.requests import DataChoices
from pellucid.lab.serve.lab_session import Session
from pellucid.messages import words

JUNK = {
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"a,b\n", "holds a header only"),
    "ragged.csv": (b"a,b\n1,2\n3\n", "line 3 has 1 cells, expected 2"),
    "latin.csv": (
        "a,b\n1,é\n".encode("latin-1"),
        "is not utf-8 text at byte 6: say how it is written, such as Encoding",
    ),
    "bytes.csv": (bytes(range(256)) * 4, "is not utf-8 text"),
    "zeros.csv": (bytes(100), "zero bytes"),
    "numbers.csv": (b"1,2\n3,4\n", "expected a header of names"),
    "twice.csv": (b"a,a\n1,2\n", "expected each name once"),
    "quotes.csv": (b'a,b\n"1,2\n', "check its quotes"),
    "table.parquet": (b"PAR1....", "save it as CSV"),
    "bytes.txt": (bytes(range(256)), "is not UTF-8 text"),
    "blank.txt": (b"  \n", "is empty"),
    "bomb.gz": (gzip.compress(bytes(9_000_000)), "unpacks to more than 8,388,608 bytes"),
    "damaged.gz": (gzip.compress(b"a,b\n1,2\n")[:-9], "is damaged"),
}


@pytest.mark.parametrize("name", some(JUNK, 7))
def test_junk_is_refused_in_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_tables, "MAX_UNPACKED", 8 << 20)
    content, message = JUNK[name]
    with pytest.raises(DataError) as error:
        own({name: content}).understood(DataChoices())
    assert message in str(error.value)
    assert words(error.value.message)["zh"] != str(error.value), "in the language of the page"


def test_several_files_are_images_or_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"2 files came \(a\.csv, b\.csv\)"):
        own({"a.csv": b"a\n1\n", "b.csv": b"a\n1\n"}).understood(DataChoices())
    monkeypatch.setattr(own_tables, "MAX_CELLS", 5)
    with pytest.raises(DataError, match="3 lines and 2 columns, expected at most 5 cells"):
        own({"a.csv": b"a,b\n" + b"1,2\n" * 3}).understood(DataChoices())


def test_what_came_before_is_forgotten_when_other_files_come() -> None:
    files = OwnFiles()
    assert files.take([part("a.csv", b"a,b\n")], more=False) == {"files": 1, "bytes": 4}
    assert files.take([part("a.csv", b"1,2\n", continues=True)], more=True) == {"files": 1, "bytes": 8}
    assert files.understood(DataChoices())["name"] == "a.csv"
    files.take([part("b.txt", b"other")], more=False)
    assert files.understood(DataChoices())["name"] == "b.txt"


def test_a_tab_learns_from_its_files_and_returns_to_what_was_on_show() -> None:
    lab = Session(None, gallery=True)
    tab, other = Asker(lab), Asker(lab)
    sent = part("t.csv", b"a,b,kind\n" + b"1,2.5,x\n2,1.5,y\n" * 20)
    tab.ask("upload", files=[{"name": sent.name, "data": sent.data}])
    with pytest.raises(Refused, match="no file came"):
        other.ask("data", choices={})
    with pytest.raises(Refused, match='"sound", expected "images" or "series"'):
        tab.ask("data", choices={"kind": "sound"})
    opened = tab.ask("learn", choices={})
    assert (opened["title"]["en"], opened["task"], opened["classes"]) == ("t", None, ["x", "y"])
    assert [column["name"] for column in opened["table"]["columns"]] == ["a", "b"]
    assert other.event("described")["title"]["en"] == "t"
    assert tab.ask("editor")["undo"] == 0
    run = tab.steps(3)["run"]
    tab.ask("learn", choices={"columns": {"b": "leave"}})
    assert tab.steps(1)["step"] == 1
    assert (back := tab.ask("revise", by=-1)["state"])["run"] == run and back["step"] == 3
    lab.close()
