"""An account: one element of a parameter as its initial value and the updates since."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pellucid.explain.arithmetic import number


@dataclass(frozen=True)
class Entry:
    """What one step, or all steps of one epoch, added.

    Attributes:
        number: of the step or the epoch, from 1.
        amount: what was added.
        value: the element afterwards.
    """

    number: int
    amount: float
    value: float


@dataclass(frozen=True, repr=False)
class Account:
    """One element of a parameter: its initial value and what every step or epoch added.

    Attributes:
        path, index: which element.
        by: "step" or "epoch".
        initial: before the first step.
        value: after the last.
        entries: in their order.
    """

    path: str
    index: tuple[int, ...]
    by: str
    initial: float
    value: float
    entries: tuple[Entry, ...]

    @property
    def residual(self) -> float:
        """value − (initial + Σ amounts), the amounts added up exactly."""
        return self.value - math.fsum([self.initial, *(entry.amount for entry in self.entries)])

    def top(self, count: int = 5) -> list[Entry]:
        """The entries that moved it most."""
        return sorted(self.entries, key=lambda entry: -abs(entry.amount))[:count]

    def text(self, limit: int = 10) -> str:
        """The account as lines of text, the entries that moved it most first."""
        place = ",".join(map(str, self.index))
        lines = [f"{self.path}[{place}] = {number(self.value)}", f"  {number(self.initial)}  initial value"]
        shown = self.top(limit)
        rows = [(_signed(e.amount), f"{self.by} {e.number}") for e in shown]
        if len(self.entries) > len(shown):
            rest = math.fsum(e.amount for e in self.entries) - math.fsum(e.amount for e in shown)
            rows.append((_signed(rest), f"{len(self.entries) - len(shown):,} more"))
        width = max((len(amount) for amount, _ in rows), default=0)
        return "\n".join([*lines, *(f"  {amount:>{width}}  {label}" for amount, label in rows)])

    def __repr__(self) -> str:
        return self.text()


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"
