"""Code on disk: only what is whole, its own, and nobody else's is taken; nothing there stops a process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pellucid.engines.llvm.run import fallback, store

CODE = bytes(range(256)) * 4
posix = pytest.mark.skipif(os.name == "nt", reason="Windows keeps caches in a folder of the user's own")
root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / "code"))
    monkeypatch.setattr(fallback, "_warned", set())
    return tmp_path / "code"


def kept(folder: Path, key: str = "a") -> Path:
    """The file of a key, newly written."""
    before = set(folder.iterdir()) if folder.exists() else set()
    store.write(key, CODE)
    (path,) = set(folder.iterdir()) - before
    return path


def test_what_was_written_is_read(folder: Path) -> None:
    kept(folder)
    assert store.read("a") == CODE and store.read("b") is None


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        CODE,
        store.MAGIC,
        store.MAGIC + bytes(20),
        store.MAGIC + bytes(32) + CODE,
        store.MAGIC + store._digest("a", CODE) + CODE[:-1],
        store.MAGIC + store._digest("a", CODE) + CODE[:-1] + b"?",
        store.MAGIC + store._digest("b", CODE) + CODE,
    ],
)
def test_what_is_damaged_is_not_read_and_is_replaced(folder: Path, damaged: bytes) -> None:
    path = kept(folder)
    path.write_bytes(damaged)
    assert store.read("a") is None
    store.write("a", CODE)
    assert store.read("a") == CODE


def test_a_file_under_another_name_is_not_read(folder: Path) -> None:
    """It is whole, and holds another program's code."""
    one, other = kept(folder, "a"), kept(folder, "b")
    other.write_bytes(one.read_bytes())
    assert store.read("a") == CODE and store.read("b") is None


@posix
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "huge"])
def test_only_regular_files_are_read(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = kept(folder)
    if kind == "huge":
        monkeypatch.setattr(store, "LARGEST", len(CODE))
        assert store.read("a") is None
        return
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)  # opening it would wait for ever
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    assert store.read("a") is None
    store.write("a", CODE)
    assert store.read("a") == (None if kind == "folder" else CODE)


@root
def test_files_of_another_user_are_not_read(folder: Path) -> None:
    os.chown(kept(folder), 12345, 12345)
    assert store.read("a") is None
    store.write("a", CODE)
    assert store.read("a") == CODE


@root
@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_a_folder_of_another_user_is_not_used_and_that_is_said_once(folder: Path, mode: int) -> None:
    path = kept(folder)
    os.chown(folder, 12345, 12345)
    folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="another user can write there.*PELLUCID_CACHE") as warned:
        for _ in range(2):
            assert store.read("a") is None
            store.write("b", CODE)
    assert len(warned) == 1 and list(folder.iterdir()) == [path]


@posix
def test_the_folder_is_made_for_this_user_alone(folder: Path) -> None:
    kept(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [kept(folder, str(k)) for k in range(4)]
    for age, path in zip((50, 40, 30, 20), paths, strict=True):
        os.utime(path, (1e9 - age, 1e9 - age))
    assert store.read("0") == CODE  # and so it is the newest
    others = [folder / "thesis.o", folder / "notes.code"]
    for path in others:
        path.write_bytes(CODE * 10)
    monkeypatch.setattr(store, "LARGEST", 4 * paths[0].stat().st_size)
    store.write("4", CODE)
    assert [k for k in "01234" if store.read(k)] == ["0", "3", "4"]
    assert all(path.exists() for path in others)


def test_what_was_left_half_written_goes(folder: Path) -> None:
    kept(folder)
    old, new = folder / "pellucid-abc.tmp", folder / "pellucid-def.tmp"
    for path in (old, new):
        path.write_bytes(CODE)
    os.utime(old, (1e9, 1e9))
    kept(folder, "b")
    assert not old.exists() and new.exists()


@posix
@pytest.mark.parametrize("limit", [0, 100])
def test_a_full_disk(folder: Path, limit: int) -> None:
    """Nothing is kept, nothing is left behind."""
    code = f"""
import resource
from pellucid.engines.llvm.run import store
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
store.write("a", {CODE!r})
assert store.read("a") is None
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not list(folder.iterdir())


@root
def test_a_folder_that_can_only_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an administrator has put there serves others."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # TMPDIR may be root's own
        monkeypatch.setenv("PELLUCID_CACHE", folder)
        kept(Path(folder)).chmod(0o644)
        os.chmod(folder, 0o755)
        code = f"""
import os
from pellucid.engines.llvm.run import store
os.setgid(12345); os.setuid(12345)
assert store.read("a") == {CODE!r}
store.write("b", b"")
assert store.read("b") is None
"""
        subprocess.run([sys.executable, "-c", code], check=True)


def test_a_file_where_the_folder_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    for name in ("file", "file/code"):
        monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path / name))
        store.write("a", CODE)
        assert store.read("a") is None


def test_writers_readers_and_those_who_make_room_at_once(folder: Path) -> None:
    code = f"""
from pellucid.engines.llvm.run import store
store.LARGEST = 5000
for k in range(300):
    key = str(k % 7)
    store.write(key, {CODE!r})
    assert store.read(key) in (None, {CODE!r})
"""
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [p.wait() for p in running] == [0, 0, 0]
    assert all(p.suffix == ".code" for p in folder.iterdir())
    assert sum(p.stat().st_size for p in folder.iterdir()) <= 5000


@pytest.mark.parametrize("word", ["", "off", "OFF", "0", "none"])
def test_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", word)
    store.write("a", CODE)
    assert store.directory() is None and store.read("a") is None


@posix
def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PELLUCID_CACHE", "~/code")
    assert store.directory() == tmp_path / "code"
    monkeypatch.setenv("PELLUCID_CACHE", "~nobody-of-this-name/code")
    assert store.directory() is None


@posix
def test_the_place_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELLUCID_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    found = store.directory()
    assert found is not None and found.is_relative_to(tmp_path) and found.name == "pellucid"


@root
def test_without_a_home_directory(tmp_path: Path) -> None:
    """A user of a container, who has a number and no name."""
    code = """
import os, platformdirs
from pellucid.engines.llvm.run import store
os.chdir("/")
os.setgid(54321); os.setuid(54321)
assert store.directory() is None
store.write("a", b"")
assert store.read("a") is None
"""
    environment = {k: v for k, v in os.environ.items() if k not in ("HOME", "PELLUCID_CACHE", "XDG_CACHE_HOME")}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
