"""The lab in a notebook: the same page and the same frames, carried by the notebook's own channel."""

from __future__ import annotations

import json
import threading
from typing import Any

from pellucid.lab.serve import page
from pellucid.lab.serve.lab_session import Session

MISSING = (
    "The lab in a notebook needs anywidget: pip install anywidget and restart the kernel; or show it in a tab of its "
    'own with .open(), or as a file with .save("lab.html").'
)


def widget(session: Session) -> Any:
    """A widget that shows `session`; all its views are one tab.

    Raises:
        ImportError: anywidget is not installed.
    """
    import anywidget

    class LabWidget(anywidget.AnyWidget):  # type: ignore[misc]
        _esm = page.asset("widget.js").decode()
        _css = page.asset("widget.css").decode()

        def __init__(self) -> None:
            super().__init__()
            self._sending = threading.Lock()
            self._tab = session.join(self._send_waiting)
            self.on_msg(self._receive)

        def close(self) -> None:
            session.leave(self._tab)
            super().close()

        def _receive(self, widget: Any, content: Any, buffers: Any) -> None:
            self._tab.receive(json.dumps(content))

        def _send_waiting(self) -> None:
            """Called in the threads that answer; the kernel's channel takes messages from any."""
            with self._sending:
                for frame in self._tab.take():
                    self.send({"kind": "frame"}, [frame])

    return LabWidget()
