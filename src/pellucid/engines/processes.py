"""Which of several processes this one is, where they train one network together."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Part:
    """This process's number, from 0, and how many there are. `xla/joining.py` sets it when it joins the others."""

    process: int = 0
    processes: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes files and says what happens."""
        return self.process == 0


PART = Part()
