"""The arithmetic of one value in two runs, side by side."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pellucid.explain.arithmetic import Term, number
from pellucid.explain.digits import sign
from pellucid.explain.explanation import Explanation


@dataclass(frozen=True)
class Pair:
    """One term in both runs; None in the one that does not have it."""

    before: Term | None
    after: Term | None

    @property
    def change(self) -> float:
        return (self.after.value if self.after else 0.0) - (self.before.value if self.before else 0.0)

    @property
    def moved(self) -> bool:
        """Whether the term is another number, or another term (where another element won a maximum)."""
        return self.change != 0 or self.before is None or self.after is None or self.before.text != self.after.text


@dataclass(frozen=True)
class Comparison:
    """The arithmetic of one value, without the patch and with it.

    Attributes:
        path, index: which value.
        before: its arithmetic without the patch; None for a value that the network does not compute.
        after: its arithmetic with the patch; None for a value that was set by hand.
        values: the two numbers.
    """

    path: str
    index: tuple[int, ...]
    before: Explanation | None
    after: Explanation | None
    values: tuple[float, float]

    @property
    def change(self) -> float:
        """After minus before."""
        return self.values[1] - self.values[0]

    @cached_property
    def _keys(self) -> list[tuple[float, int | None, int | None]]:
        """Every term with its change and its places among the terms of both runs, the largest change first."""
        if self.before is None or self.after is None:
            return []
        old, new = self.before.terms, self.after.terms
        places = {key: place for place, key in enumerate(new.keys())}
        rows: list[tuple[float, int | None, int | None]] = []
        for place, key in enumerate(old.keys()):
            other = places.pop(key, None)
            value = 0.0 if other is None else float(new.contributions[other])
            rows.append((value - float(old.contributions[place]), place, other))
        rows += [(float(new.contributions[place]), None, place) for place in places.values()]
        order = np.argsort([-abs(change) for change, _, _ in rows], kind="stable")
        return [rows[k] for k in order]

    def terms(self, limit: int | None = None) -> list[Pair]:
        """The terms in both runs, those that changed most first."""
        shown = self._keys[:limit]
        if self.before is None or self.after is None:
            return []
        old = _written(self.before, [b for _, b, _ in shown])
        new = _written(self.after, [a for _, _, a in shown])
        return [Pair(b, a) for b, a in zip(old, new, strict=True)]

    @property
    def moved(self) -> list[Pair]:
        """The terms that are not what they were."""
        count = sum(1 for change, before, after in self._keys if change or before is None or after is None)
        return [pair for pair in self.terms(max(count, 10)) if pair.moved]

    def text(self, limit: int = 10) -> str:
        """Both arithmetics as lines of text; a term that changed is marked by an asterisk."""
        place = f"[{','.join(map(str, self.index))}]" if self.index else ""
        old, new = self.values
        head = f"{self.path}{place} = {number(old)} → {number(new)}"
        lines = [head if old == new else f"{head} ({_signed(self.change)})"]
        if self.after is None:
            return "\n".join([*lines, "  set by hand"])
        if self.before is None:
            return "\n".join(lines)
        lines.append(f"  {self.after.formula}")
        rows = [
            ("*" if pair.moved else " ", _signed(pair.change), _symbols(pair), _numbers(pair))
            for pair in self.terms(limit)
        ]
        if rest := self._keys[limit:]:
            count, total = len(rest), sum(change for change, _, _ in rest)
            marked = any(change for change, _, _ in rest)
            rows.append(("*" if marked else " ", _signed(total), f"{count} more term{'s' if count > 1 else ''}", ""))
        widths = [max((len(row[k]) for row in rows), default=0) for k in range(3)]
        lines += [f"  {m} {c:>{widths[1]}}  {s:<{widths[2]}}  {n}".rstrip() for m, c, s, n in rows]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'*' if pair.moved else ''}</td><td>{_signed(pair.change)}</td>"
            f"<td>{html.escape(_symbols(pair))}</td><td>{html.escape(_numbers(pair))}</td></tr>"
            for pair in self.terms(10)
        )
        return f"<p>{html.escape(self.text(0).splitlines()[0])}</p><table>{rows}</table>"


def _written(explanation: Explanation, places: Sequence[int | None]) -> list[Term | None]:
    return [None if place is None else explanation.terms[place] for place in places]


def _symbols(pair: Pair) -> str:
    texts = dict.fromkeys(term.text for term in (pair.before, pair.after) if term is not None)
    return " → ".join(texts)


def _numbers(pair: Pair) -> str:
    def side(term: Term | None) -> str:
        if term is None:
            return "none"
        value = number(term.value)
        return value if term.numbers in ("", value) else f"{term.numbers} {sign(term.calculated, term.value)} {value}"

    before, after = side(pair.before), side(pair.after)
    return before if before == after else f"{before} → {after}"


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"
