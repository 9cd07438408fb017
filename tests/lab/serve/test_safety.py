"""Who is let in, decided without a server; tests/lab/serve/test_server.py asks a real one."""

from __future__ import annotations

import pytest

from pellucid.lab.serve import safety
from pellucid.lab.serve.safety import Doors

HOME = "127.0.0.1:8347"


def status(
    doors: Doors,
    *,
    path: str = "/",
    query: str = "",
    host: str | None = HOME,
    origin: str | None = None,
    ws: bool = False,
) -> int:
    refusal = doors.refusal(
        path, query, [host] if host is not None else [], [origin] if origin is not None else [], websocket=ws
    )
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1:8347", 200),
        ("localhost:8347", 200),
        ("LOCALHOST:8347", 200),
        ("[::1]:8347", 200),
        ("127.0.0.1", 200),
        ("localhost:9000", 200),  # ssh -L 9000:localhost:8347
        ("evil.example:8347", 421),  # a name that was rebound to 127.0.0.1
        ("localhost.evil.example", 421),
        ("evil.example@localhost", 421),
        ("localhost:8347/evil", 421),
        ("192.168.1.5:8347", 421),
        ("localhost:http", 421),
        ("[::1", 421),
        ("", 421),
        (None, 421),
    ],
)
def test_only_names_of_this_machine_are_answered(host: str | None, answer: int) -> None:
    assert status(Doors.of("127.0.0.1"), host=host) == answer


def test_two_hosts_are_none() -> None:
    refusal = Doors.of("127.0.0.1").refusal("/", "", [HOME, HOME], [], websocket=False)
    assert refusal is not None
    assert refusal.status == 421


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        (f"http://{HOME}", 200),
        (f"https://{HOME}", 200),  # behind a proxy
        (f"HTTP://{HOME}", 403),  # a browser never says it so
        ("http://127.0.0.1:3000", 403),  # another server on this machine
        ("http://localhost:8347", 403),  # another name is another site
        ("https://evil.example", 403),
        (f"http://{HOME}.evil.example", 403),
        (f"http://evil.example/{HOME}", 403),
        ("null", 403),  # a file, or a frame in a sandbox
        ("", 403),
        (None, 403),
    ],
)
def test_a_websocket_is_for_the_page_alone(origin: str | None, answer: int) -> None:
    assert status(Doors.of("127.0.0.1"), path="/ws", origin=origin, ws=True) == answer


def test_two_origins_are_none() -> None:
    refusal = Doors().refusal("/ws", "", [HOME], [f"http://{HOME}", "http://evil.example"], websocket=True)
    assert refusal is not None
    assert refusal.status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.2"])
def test_on_loopback_no_token_is_asked_for(host: str) -> None:
    assert Doors.of(host).token is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "lab.example"])
def test_elsewhere_the_token_is_asked_for(host: str) -> None:
    doors = Doors.of(host)
    assert doors.token is not None
    assert len(doors.token) >= 32
    assert doors.token != Doors.of(host).token
    assert doors.token not in repr(doors)
    good = f"token={doors.token}"
    at = {"0.0.0.0": "192.168.1.5:8347", "::": "[fe80::1]:8347"}.get(host, f"{host}:8347")
    for path in ("/", "/ws"):
        options = {"path": path, "host": at, "origin": f"http://{at}", "ws": path == "/ws"}
        assert status(doors, query=good, **options) == 200  # type: ignore[arg-type]
        for bad in ("", "token=", "token", f"token={doors.token[:-1]}", f"{good}x", f"{good}&{good}", "token=%C3%BC"):
            assert status(doors, query=bad, **options) == 403  # type: ignore[arg-type]
    # a name that was rebound is refused even with the token
    assert status(doors, query=good, host="evil.example:8347") == 421


def test_the_policies_allow_no_other_place() -> None:
    for policy in (safety.SERVER_POLICY, safety.file_policy("abc=")):
        rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["base-uri"] == rules["form-action"] == "'none'"
        assert "'unsafe" not in rules["script-src"]
        assert "http" not in policy
        assert "*" not in policy
    assert "connect-src" not in safety.file_policy("abc=")
