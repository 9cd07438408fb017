"""A Python process that serves a lab, and what it prints."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any

PATIENCE = 120.0


class Process:
    """A running process; its lines are read as they come, so that it never waits for its reader."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            env=dict(environment),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.said = ""
        self._lines: Queue[str | None] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def line(self) -> str:
        """The next line."""
        try:
            found = self._lines.get(timeout=PATIENCE)
        except Empty:
            raise AssertionError(f"nothing more came:\n{self.said}") from None
        assert found is not None, f"it ended:\n{self.said}"
        return found

    def address(self) -> str:
        """The next address that it prints."""
        while True:
            if found := re.search(r"http://\S+", self.line()):
                return found[0].rstrip(".")

    def told(self) -> Any:
        """The next line that is JSON."""
        while True:
            line = self.line()
            if line.startswith(("{", "[")):
                return json.loads(line)

    def end(self, signal: int | None) -> str:
        """Have it end, or wait until it does by itself, and give all that it said."""
        if signal is not None and self._process.poll() is None:
            self._process.send_signal(signal)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"it does not end; it said:\n{self.said}") from None
        finally:
            self._reader.join(10)
            assert self._process.stdout is not None
            self._process.stdout.close()
        return self.said

    @property
    def code(self) -> int | None:
        """How it ended."""
        return self._process.poll()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said += line
            self._lines.put(line)
        self._lines.put(None)
