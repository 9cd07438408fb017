"""A real server on a real port: who is let in, what breaks nothing, and what is left when it ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.lab.asking import decoded
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync import client

from pellucid.errors import DataError
from pellucid.lab.serve import page, safety
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.safety import HEADERS, LARGEST_MESSAGE, MAX_TABS
from pellucid.lab.serve.server import PORT, Server, listen

from .test_lab_session import WATCHED, small_task

connect: Any = client.connect


@pytest.fixture(scope="module", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Some page to serve, whether the real one is built or not."""
    folder = tmp_path_factory.mktemp("assets")
    for name in page.NAMES:
        (folder / name).write_text(f"/* {name} */", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(page, "ASSETS", folder)
        yield


@pytest.fixture(scope="module")
def server(built: None) -> Iterator[Server]:
    made = Server(Session(small_task()), port=0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def guarded(built: None) -> Iterator[Server]:
    """Open to other machines: a token is asked for."""
    made = Server(Session(small_task()), host="0.0.0.0", port=0)
    yield made
    made.close()


def fetch(server: Server, path: str, *, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    answer.begin = answer.read().decode()  # type: ignore[method-assign, assignment]
    connection.close()
    return answer


def text_of(answer: http.client.HTTPResponse) -> str:
    return str(answer.begin)


def join(server: Server, *, query: str = "", origin: str | None = "", **options: Any) -> Any:
    place = f"127.0.0.1:{server.port}"
    origin = f"http://{place}" if origin == "" else origin
    options.setdefault("open_timeout", 30)
    return connect(f"ws://{place}/ws{query}", origin=origin, compression=None, max_size=None, proxy=None, **options)


def ask(line: Any, method: str, /, **params: Any) -> Any:
    line.send(json.dumps({"id": 5, "method": method, "params": params}))
    return answer_of(line, 5)


def steps(line: Any, count: int) -> Any:
    """Take steps to their end; gives the state."""
    state = ask(line, "control", do="step", count=count)
    while state["playing"]:
        time.sleep(0.01)
        state = ask(line, "describe")["state"]
    return state


def answer_of(line: Any, number: int | None) -> Any:
    while True:
        message = decoded(line.recv(timeout=60))
        if "id" in message and message["id"] == number:
            return message["result"] if "result" in message else message["error"]["en"]


def event_of(line: Any, name: str) -> Any:
    while True:
        message = decoded(line.recv(timeout=60))
        if message.get("event") == name:
            return message["value"]


def test_the_page_and_what_was_built_for_it(server: Server) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}/"
    for path, kind in (("/", "text/html"), ("/page.js?v", "text/javascript"), ("/page.css", "text/css")):
        answer = fetch(server, path)
        assert answer.status == 200
        assert answer.getheader("content-type") == f"{kind}; charset=utf-8"
        for name, value in HEADERS.items():
            assert answer.getheader(name) == value
        assert answer.getheader("access-control-allow-origin") is None
        assert answer.getheader("server") is None


@pytest.mark.parametrize(
    "path",
    [
        "/ws",
        "/widget.js",
        "/sources.sha256",
        "/assets/page.js",
        "/../frames.py",
        "/%2e%2e/frames.py",
        "/..%2f..%2fpyproject.toml",
        "//etc/passwd",
        "/page.js/",
        "/page.js%00",
        "/etc/passwd",
        "/.git/config",
    ],
)
def test_nothing_else_is_there(server: Server, path: str) -> None:
    answer = fetch(server, path)
    assert answer.status == 404
    assert answer.getheader("content-security-policy") == HEADERS["content-security-policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_is_only_read(server: Server, method: str) -> None:
    assert fetch(server, "/", method=method).status == 405


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8347", "localhost.evil.example", ""])
def test_a_rebound_name_is_refused(server: Server, host: str) -> None:
    answer = fetch(server, "/", Host=host)
    assert answer.status == 421
    assert "pellucid: the lab is not known by this name" in text_of(answer)
    with pytest.raises(InvalidStatus) as refused:
        place = host or "evil.example"
        with socket.create_connection(("127.0.0.1", server.port)) as line:
            connect(f"ws://{place}/ws", sock=line, origin=f"http://{place}", proxy=None)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None, "http://127.0.0.1:1"])
def test_another_site_is_refused(server: Server, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        join(server, origin=origin)
    assert refused.value.response.status_code == 403


def test_other_machines_need_the_token(guarded: Server) -> None:
    token = guarded.doors.token
    assert token is not None
    assert guarded.url == f"http://{socket.gethostname()}:{guarded.port}/?token={token}"
    for query in ("", "?token=", "?token=wrong", f"?token={token}x"):
        assert fetch(guarded, f"/{query}").status == 403
        with pytest.raises(InvalidStatus):
            join(guarded, query=query)
    answer = fetch(guarded, f"/?token={token}")
    assert answer.status == 200
    assert token not in text_of(answer)
    with join(guarded, query=f"?token={token}") as line:
        assert ask(line, "describe")["task"] is None
    with pytest.raises(InvalidStatus):
        join(guarded, query=f"?token={token}", origin="http://evil.example")


def test_two_tabs_see_one_run_and_a_crash_loses_nothing(server: Server) -> None:
    with join(server) as crashing, join(server) as other:
        ask(crashing, "watch", input="test:0", paths=WATCHED)
        before = ask(crashing, "describe")["state"]["step"]
        assert steps(crashing, 4)["step"] == before + 4
        while event_of(other, "state")["step"] < before + 4:
            pass
        crashing.socket.shutdown(socket.SHUT_RDWR)  # no goodbye
        assert steps(other, 1)["step"] == before + 5
    with join(server) as again:
        assert ask(again, "describe")["state"]["step"] == before + 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[" * 5000 + "]" * 5000, "no JSON"),
        ('{"id": "x"}', '"id" is "x"'),
        (b"\x00\xff\x80", "no JSON"),
        (b"", "no JSON"),
        ('"' + "\ud83d\ude00" * 1000 + '"', "expected an object"),
    ],
)
def test_what_is_no_request_is_answered_and_the_line_stays(server: Server, text: str | bytes, said: str) -> None:
    if isinstance(text, str):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16")
    with join(server) as line:
        line.send(text)
        assert said in answer_of(line, None)
        assert ask(line, "describe")["layers"]


def test_a_huge_message_ends_its_tab_alone(server: Server) -> None:
    with join(server) as other:
        with join(server) as line, pytest.raises(ConnectionClosed) as closed:
            # The head of a masked message of text, which tells its length: what follows would not be read, and a line
            # with something unread on it may be reset before the reason has come through.
            line.socket.sendall(struct.pack("!BBQ4x", 0x81, 0xFF, LARGEST_MESSAGE + 1))
            line.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        assert ask(other, "describe")["layers"]
        with join(server) as line, pytest.raises(ConnectionClosed):
            line.send(["x" * (LARGEST_MESSAGE // 2)] * 3)  # in pieces
            line.recv(timeout=30)
        with join(server) as line:
            line.send("x" * LARGEST_MESSAGE)
            assert "no JSON" in answer_of(line, None)


def none_left(server: Server) -> None:
    """Wait until the tabs that were closed are gone."""
    end = time.monotonic() + 10
    while server.session._tabs and time.monotonic() < end:
        time.sleep(0.01)
    assert not server.session._tabs


def test_one_tab_too_many_is_told_so(server: Server) -> None:
    none_left(server)
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_TABS):
            ask(stack.enter_context(join(server)), "tasks")
        with join(server) as line, pytest.raises(ConnectionClosed) as closed:
            line.recv(timeout=30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        assert "close one of them" in closed.value.rcvd.reason
    none_left(server)
    with join(server) as line:
        assert ask(line, "describe")


def test_a_tab_that_reads_nothing_costs_little(server: Server) -> None:
    none_left(server)
    with join(server) as steering, join(server, max_queue=1, close_timeout=1) as slow:
        ask(slow, "watch", input="test:0", paths=WATCHED)
        before = ask(steering, "describe")["state"]["step"]
        # large answers fill the line, as nobody reads them
        for number in range(40):
            slow.send(
                json.dumps({"id": number, "method": "examples", "params": {"set": "train", "from": 0, "count": 64}})
            )
        (tab,) = [tab for tab in server.session._tabs if tab.watch is not None]
        for _ in range(30):
            steps(steering, 1)
        assert len(tab._events) <= 4
        assert len(tab._answers) <= 4
        while True:  # when it reads again, it comes to the end
            message = decoded(slow.recv(timeout=60))
            if message.get("event") == "state" and message["value"]["step"] == before + 30:
                break


def test_the_usual_port_or_the_next(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        one, other = (stack.enter_context(contextlib.closing(listen("127.0.0.1", None))) for _ in range(2))
        ports = [one.getsockname()[1], other.getsockname()[1]]
        assert ports[0] >= PORT
        assert ports[1] > ports[0]
        with pytest.raises(DataError, match=f"port {ports[0]} is taken: choose another, or 0"):
            listen("127.0.0.1", ports[0])
    with contextlib.closing(listen("localhost", ports[0])) as freed:
        assert freed.getsockname() == ("127.0.0.1", ports[0])


@pytest.mark.parametrize("host", ["no such host", "192.0.2.1", "\u2603" * 80])
def test_a_host_that_is_not_here(host: str) -> None:
    with pytest.raises(DataError, match=r"127\.0\.0\.1|choose another --host"):
        listen(host, 0)


def test_closing_frees_the_port_and_ends_the_threads() -> None:
    before = set(threading.enumerate())
    made = Server(Session(small_task()), port=0)
    with join(made) as line:
        ask(line, "control", do="play")
        began = time.monotonic()
        made.close()
        assert time.monotonic() - began < 4
        with pytest.raises(ConnectionClosed):
            while True:
                line.recv(timeout=30)
    with contextlib.closing(listen("127.0.0.1", made.port)):
        pass
    end = time.monotonic() + 5
    while time.monotonic() < end and {t.name for t in set(threading.enumerate()) - before} > {"pellucid"}:
        time.sleep(0.01)
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("pellucid-")]


def test_the_limits_are_what_they_are_said_to_be() -> None:
    assert safety.LARGEST_MESSAGE == 8 << 20
    assert safety.MAX_TABS == 16
