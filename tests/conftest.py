"""What holds for all tests: memory that a call of native code may write is full of NaN before it."""

from __future__ import annotations

import os

# Read when the engine is imported, here and in the processes that tests start.
os.environ.setdefault("PELLUCID_POISON", "1")
