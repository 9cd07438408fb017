"""Downloads, from a server on this machine: whole, broken off and resumed, damaged, not there."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from pellucid.data import downloads, fetch, fetch_text, public_sets
from pellucid.data.public_sets import PUBLIC, PublicSet
from pellucid.errors import DataError

BODY = bytes(range(256)) * 1000
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; sends no more than `most` bytes of each answer, and answers ranges if it `continues`."""

    files: dict[str, bytes]
    most: int | None = None
    continues = True
    asked: list[str | None]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        body = server.files.get(self.path.lstrip("/"))
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.continues else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start:][: server.most])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.files, made.asked = {"a.bin": BODY}, []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def url(server: Server, name: str = "a.bin") -> str:
    return f"http://127.0.0.1:{server.server_port}/{name}"


@pytest.mark.parametrize("continues", [True, False])
def test_a_download_goes_on_where_it_broke_off(server: Server, tmp_path: Path, continues: bool) -> None:
    path = tmp_path / "sets" / "a.bin"
    server.most = 100_000
    with pytest.raises(DataError, match=r"broke off after 100,000 of 256,000 bytes\); 100,000 bytes are kept"):
        downloads.download([url(server)], path, DIGEST, what="a set")
    assert not path.exists()
    server.most, server.continues = None, continues
    assert downloads.download([url(server)], path, DIGEST, what="a set").read_bytes() == BODY
    assert server.asked == [None, "bytes=100000-"]
    downloads.download([url(server)], path, DIGEST, what="a set")
    assert len(server.asked) == 2, "what is there and whole is not asked for again"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


def test_another_content_is_refused_and_another_server_tried(server: Server, tmp_path: Path) -> None:
    server.files["b.bin"] = BODY[:-1] + b"x"
    path = tmp_path / "a.bin"
    with pytest.raises(DataError, match="another digest than sha256:"):
        downloads.download([url(server, "b.bin")], path, DIGEST, what="a set")
    assert list(tmp_path.iterdir()) == [], "nothing of it is kept"
    downloads.download([url(server, "none"), url(server, "b.bin"), url(server)], path, DIGEST, what="a set")
    assert path.read_bytes() == BODY
    path.write_bytes(BODY[:10])
    assert downloads.download([url(server)], path, DIGEST, what="a set").read_bytes() == BODY, "damaged: again"


def test_without_a_connection_the_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        downloads.download(["http://127.0.0.1:1/a.bin"], tmp_path / "a.bin", DIGEST, what="MNIST (a.bin)")
    said = str(caught.value)
    assert "MNIST (a.bin) cannot be downloaded (http://127.0.0.1:1/a.bin: Connection refused)" in said
    assert f'put the file "a.bin" into the folder "{tmp_path}"' in said and "digits, iris" in said


def served(server: Server, monkeypatch: pytest.MonkeyPatch, name: str, files: dict[str, bytes]) -> None:
    server.files |= files
    digests = {file: "md5:" + hashlib.md5(body).hexdigest() for file, body in files.items()}
    known = PublicSet(PUBLIC[name].title, (url(server, ""),), digests, PUBLIC[name].classes)
    monkeypatch.setitem(public_sets.PUBLIC, name, known)


def idx(array: np.ndarray) -> bytes:
    head = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def test_sets_by_name(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(downloads.FOLDER, str(tmp_path))
    images, labels = np.arange(2 * 4 * 4).reshape(2, 4, 4), np.array([3, 9])
    parts = [idx(images), idx(labels), idx(images[:1]), idx(labels[:1])]
    served(server, monkeypatch, "fashion_mnist", dict(zip(PUBLIC["fashion_mnist"].files, parts, strict=True)))
    train, test = fetch("fashion_mnist")
    np.testing.assert_array_equal(train.x[..., 0], (images / 255).astype(np.float32))
    assert train.class_names is not None and train.class_names[train.y[1]] == "Ankle boot" and len(test) == 1

    records = np.arange(3 * 3073).reshape(3, 3073) % 251
    records[:, 0] = [0, 1, 9]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, rows in (("data_batch_1", records[:1]), ("data_batch_2", records[1:2]), ("test_batch", records[2:])):
            body = rows.astype(np.uint8).tobytes()
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    served(server, monkeypatch, "cifar10", {"cifar-10-binary.tar.gz": packed.getvalue()})
    train, test = fetch("cifar10")
    assert train.x.shape == (2, 32, 32, 3) and train.y.tolist() == [0, 1] and test.y.tolist() == [9]
    assert train.x[1, 2, 5, 1] == np.float32(records[1, 1 + 1024 + 2 * 32 + 5]) / np.float32(255)

    served(server, monkeypatch, "shakespeare", {"input.txt": b"First Citizen:\n"})
    assert fetch_text("shakespeare") == "First Citizen:\n"
    server.files.clear()
    assert fetch_text("shakespeare") == "First Citizen:\n", "kept"


def test_another_name() -> None:
    with pytest.raises(DataError, match=r'no set "minst", expected mnist or .* Did you mean "mnist"\?'):
        fetch("minst")
    with pytest.raises(DataError, match='no set "mnist", expected shakespeare'):
        fetch_text("mnist")


def test_the_command_line_trains_on_a_public_set(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from pellucid.cli import cli, sources

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(downloads.FOLDER, str(tmp_path / "sets"))
    sources._public.cache_clear()
    images, labels = np.arange(40 * 64).reshape(40, 8, 8) % 255, np.arange(40) % 10
    parts = [idx(images), idx(labels), idx(images[:3]), idx(labels[:3])]
    served(server, monkeypatch, "mnist", dict(zip(PUBLIC["mnist"].files, parts, strict=True)))
    ran = CliRunner().invoke(cli, ["train", "mnist", "--epochs", "1", "--validation", "0"])
    assert ran.exit_code == 0 and "test accuracy" in ran.output, ran.output
    ran = CliRunner().invoke(cli, ["predict", "model.safetensors", "mnist"])
    assert ran.exit_code == 0 and ran.output.count("\n") == 7, ran.output
    sources._public.cache_clear()
