"""Serves the page and its WebSocket from a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from pellucid.errors import DataError
from pellucid.lab.serve import page
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.safety import HEADERS, LARGEST_MESSAGE, Doors, Refusal

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.websockets import WebSocket

PORT = 8347
TRIES = 20
"""How many ports after the usual one are tried where that is taken."""
_TRY_AGAIN_LATER = 1013


class Server:
    """The lab at a URL, from now until `close`.

    Args:
        session: what is shown.
        host: the address to listen on; any but a loopback one asks for the token in `url`.
        port: None is the usual one or the next that is free, 0 any that is free.
        language: of the page, "en", "zh", or None for what the browser prefers.

    Raises:
        DataError: the host or the port cannot be had.
    """

    def __init__(
        self, session: Session, *, host: str = "127.0.0.1", port: int | None = None, language: str | None = None
    ) -> None:
        import uvicorn

        page.check_assets()
        self.session = session
        self.doors = Doors.of(host)
        listener = listen(host, port)
        self.port = int(listener.getsockname()[1])
        config = uvicorn.Config(
            application(session, self.doors, language),
            http="h11",
            ws="websockets-sansio",
            ws_max_size=LARGEST_MESSAGE,
            ws_per_message_deflate=False,  # nothing to gain on the way to this machine, and nothing to blow up
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=64,
            timeout_graceful_shutdown=1,
        )
        config.load()
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="pellucid-server", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise DataError(f"the lab could not begin to serve on port {self.port}: choose another")
            time.sleep(0.005)

    @property
    def url(self) -> str:
        """With the token, where one is asked for."""
        host = self.doors.host
        if host in {"0.0.0.0", "::"}:  # no address to go to, but this machine's name is
            host = socket.gethostname()
        host = f"[{host}]" if ":" in host else host
        token = f"?token={self.doors.token}" if self.doors.token else ""
        return f"http://{host}:{self.port}/{token}"

    def wait(self) -> None:
        """Until the server ends, or Ctrl-C."""
        while self._thread.is_alive():
            self._thread.join(0.2)

    def close(self) -> None:
        """Free the port and end the session with its threads."""
        self._server.should_exit = True
        self.session.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.closing(listener):
            asyncio.run(self._server.serve(sockets=[listener]))


def application(session: Session, doors: Doors, language: str | None = None) -> Starlette:
    """The page at /, what was built for it beside it, and the WebSocket at /ws; nothing else is there."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route, WebSocketRoute

    async def index(request: Request) -> Response:
        return Response(page.server_page(session.title, language), media_type="text/html")

    async def script(request: Request) -> Response:
        return Response(page.asset("page.js"), media_type="text/javascript")

    async def style(request: Request) -> Response:
        return Response(page.asset("page.css"), media_type="text/css")

    async def socket(websocket: WebSocket) -> None:
        if "second" not in websocket.query_params:
            await talk(websocket, session)
        elif session.follower is not None:
            await talk(websocket, session.follower.session)
        else:
            await websocket.close(_TRY_AGAIN_LATER, "no network is trained beside this one")

    routes = [
        Route("/", index),
        Route("/page.js", script),
        Route("/page.css", style),
        WebSocketRoute("/ws", socket),
    ]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    app.add_middleware(Guard, doors=doors)
    return app


class Guard:
    """Asks `doors` before anything else sees a request, and puts the safety headers on every response."""

    def __init__(self, app: Any, doors: Doors) -> None:
        self.app, self.doors = app, doors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        def given(name: bytes) -> list[str]:
            return [value.decode("latin-1") for key, value in scope["headers"] if key == name]

        websocket = scope["type"] == "websocket"
        query = scope["query_string"].decode("latin-1")
        refusal = self.doors.refusal(scope["path"], query, given(b"host"), given(b"origin"), websocket=websocket)
        if refusal is not None:
            await (_close if websocket else _refuse)(refusal, scope, receive, send)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(key.encode(), value.encode()) for key, value in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        await self.app(scope, receive, guarded)


async def _refuse(refusal: Refusal, scope: Any, receive: Any, send: Any) -> None:
    from starlette.responses import PlainTextResponse

    answer = PlainTextResponse(f"pellucid: {refusal.sentence}\n", refusal.status, HEADERS)
    await answer(scope, receive, send)


async def _close(refusal: Refusal, scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 1008, "reason": refusal.sentence})  # before accept: status 403


async def talk(websocket: WebSocket, session: Session) -> None:
    """One tab, until it goes away."""
    from starlette.websockets import WebSocketDisconnect

    await websocket.accept()
    loop, there = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to notify
            loop.call_soon_threadsafe(there.set)

    try:
        tab = session.join(wake)
    except DataError as error:
        await websocket.close(_TRY_AGAIN_LATER, str(error)[:120])
        return

    async def send() -> None:
        while True:
            await there.wait()
            there.clear()
            for frame in tab.take():
                await websocket.send_bytes(frame)  # waits for a slow reader

    async def receive() -> None:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            tab.receive(message.get("bytes") or b"" if text is None else text)
            while tab.crowded and not sender.done():
                await asyncio.sleep(0.05)

    sender = asyncio.create_task(send())
    receiver = asyncio.create_task(receive())
    try:
        await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        session.leave(tab)
        for task in (sender, receiver):
            task.cancel()
        for result in await asyncio.gather(sender, receiver, return_exceptions=True):
            if isinstance(result, Exception) and not isinstance(result, (WebSocketDisconnect, RuntimeError, OSError)):
                raise result


def listen(host: str, port: int | None) -> socket.socket:
    """A socket that listens on `host`: on the port, or on the usual one or the next that is free.

    Raises:
        DataError: no such address, or the port is taken.
    """
    address = "127.0.0.1" if host.lower() == "localhost" else host
    try:
        family, _, _, _, place = socket.getaddrinfo(address, port or 0, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise DataError(f'"{host}" is no address of this machine ({error}), expected such as 127.0.0.1') from error
    for number in [port] if port is not None else [*range(PORT, PORT + TRIES), 0]:
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            with contextlib.suppress(AttributeError, OSError):
                # on Windows this would let two servers share a port, elsewhere it spares the wait after a restart
                if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((place[0], number, *place[2:]))
            listener.listen(64)
            listener.setblocking(False)
            return listener
        except OSError as error:
            listener.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise DataError(f'"{host}" cannot be listened on ({error.strerror}): choose another --host') from error
            if number == port:
                reason = "is taken" if error.errno == errno.EADDRINUSE else "may not be used"
                raise DataError(f"port {port} {reason}: choose another, or 0 for any that is free") from error
    raise AssertionError("port 0 is always free")
