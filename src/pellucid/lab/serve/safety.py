"""Who may talk to the lab, and what its page may do.

Three doors are shut. Another site that the person visits cannot read the lab: a WebSocket's Origin has to be the page's
own. A name that a stranger points at this machine (DNS rebinding) does not open it: the Host has to be one by which the
machine is known. Another machine cannot connect at all unless `--host` lets it, and then needs the token of the URL.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

LARGEST_MESSAGE = 1 << 23
"""How many bytes a page may send at once: as many as `MAX_SENT` numbers take, each with all its digits."""
MAX_TABS = 16
MAX_WAITING = 64
"""How many requests of one tab may wait for their answer; together they are no larger than two messages may be."""

_NEVER = "base-uri 'none'; form-action 'none'"
SERVER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "
    f"img-src 'self' data: blob:; {_NEVER}; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": SERVER_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def file_policy(script_hash: str) -> str:
    """The policy of a saved file: its one script, the worker and the WebAssembly that it carries, its styles, and no
    network at all."""
    return (
        f"default-src 'none'; script-src 'sha256-{script_hash}' 'wasm-unsafe-eval'; worker-src blob:; "
        f"style-src 'unsafe-inline'; img-src data: blob:; {_NEVER}"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered: a status of HTTP and a sentence."""

    status: int
    sentence: str


@dataclass(frozen=True)
class Doors:
    """Decides on requests to a server that listens on `host`."""

    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, host: str) -> Doors:
        return cls(host, None if is_loopback(host) else secrets.token_urlsafe(24))

    def refusal(
        self, path: str, query: str, hosts: list[str], origins: list[str], *, websocket: bool
    ) -> Refusal | None:
        """Why a request with these headers is not answered, or None.

        The port of Host may be any: a tunnel (`ssh -L 9000:localhost:8347`) changes it, and a browser's page cannot.
        """
        name = _name(hosts[0]) if len(hosts) == 1 else None
        if name is None or not self._known(name):
            return Refusal(421, f"the lab is not known by this name, expected {self.host} or localhost in the URL.")
        if websocket and not (len(origins) == 1 and _same(origins[0], hosts[0])):
            return Refusal(403, "another site may not talk to the lab: open the lab's own page.")
        # the built page is the same for everyone and holds no secret; what is behind the other two does
        if self.token is not None and path in {"/", "/ws"}:
            given = parse_qs(query).get("token", [])
            if len(given) != 1 or not hmac.compare_digest(given[0].encode(), self.token.encode()):
                return Refusal(403, "the token is missing or wrong: open the whole URL that `pellucid lab` printed.")
        return None

    def _known(self, name: str) -> bool:
        if is_loopback(name) or name == self.host.lower():
            return True
        if self.host not in {"0.0.0.0", "::"}:
            return False
        # on all interfaces: an address cannot be rebound, a name has to be this machine's; and the token is asked for
        return _is_address(name) or name == socket.gethostname().lower()


def _name(host: str) -> str | None:
    """The name in a Host header, without the port."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return None
    plain = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    return parts.hostname if plain else None


def _same(origin: str, host: str) -> bool:
    scheme, _, rest = origin.partition("://")
    return scheme in {"http", "https"} and rest.lower() == host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
