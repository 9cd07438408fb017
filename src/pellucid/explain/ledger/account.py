"""An account: one element of a parameter as its initial value and what moved it since."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from pellucid.explain.arithmetic import number


@dataclass(frozen=True)
class Entry:
    """What one step, one epoch, one example or one class added.

    Attributes:
        number: of the step or the epoch, from 1; of the example, from 0; of the class.
        amount: what was added.
        value: the element after the step or the epoch; None for an example and a class.
        label: of an example its class, as far as it has one.
    """

    number: int
    amount: float
    value: float | None = None
    label: int | None = None


@dataclass(frozen=True, repr=False)
class Account:
    """One element of a parameter: its initial value and what every step, epoch, example or class added.

    Attributes:
        path, index: which element.
        by: "step", "epoch", "example" or "class".
        initial: before the first step.
        value: after the last.
        entries: in their order.
        others: what no example added, by name: "penalty", "weight decay", "earlier steps" (what the optimizer
            remembered of the steps before), and "rounding", by how much the engine's updates differ from the same
            formulas in float64.
    """

    path: str
    index: tuple[int, ...]
    by: str
    initial: float
    value: float
    entries: tuple[Entry, ...]
    others: Mapping[str, float] = field(default_factory=dict)

    @property
    def residual(self) -> float:
        """value − (initial + Σ amounts), the amounts added up exactly."""
        amounts = (entry.amount for entry in self.entries)
        return self.value - math.fsum([self.initial, *amounts, *self.others.values()])

    def top(self, count: int = 5) -> list[Entry]:
        """The entries that moved it most."""
        return sorted(self.entries, key=lambda entry: -abs(entry.amount))[:count]

    def text(self, limit: int = 10) -> str:
        """The account as lines of text, the entries that moved it most first."""
        place = ",".join(map(str, self.index))
        lines = [f"{self.path}[{place}] = {number(self.value)}", f"  {number(self.initial)}  initial value"]
        shown = self.top(limit)
        rows = [(_signed(e.amount), f"{self.by} {e.number}{_class(e)}") for e in shown]
        if len(self.entries) > len(shown):
            rest = math.fsum(e.amount for e in self.entries) - math.fsum(e.amount for e in shown)
            rows.append((_signed(rest), f"{len(self.entries) - len(shown):,} more"))
        rows += [(_signed(amount), name) for name, amount in self.others.items() if amount]
        width = max((len(amount) for amount, _ in rows), default=0)
        return "\n".join([*lines, *(f"  {amount:>{width}}  {label}" for amount, label in rows)])

    def __repr__(self) -> str:
        return self.text()


def _class(entry: Entry) -> str:
    return "" if entry.label is None else f" (class {entry.label})"


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"
