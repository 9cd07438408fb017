"""Ctrl-C between two steps, never within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Interruption:
    """Whether Ctrl-C came."""

    pressed: bool = False


@contextmanager
def interruption() -> Iterator[Interruption]:
    """Note the first Ctrl-C; a second one raises KeyboardInterrupt as usual.

    Where another handler is set, or outside the main thread, nothing changes.
    """
    noted = Interruption()

    def note(number: int, frame: object) -> None:
        noted.pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    ours = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if ours:
        signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
