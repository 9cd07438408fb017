"""An attribution: how much of a value every input, or every unit of a layer, accounts for."""

from __future__ import annotations

import html
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import number
from pellucid.explain.columns import Names, RowNames
from pellucid.markup import html_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Missing:
    """What a statement does not pass on to what it reads: the path of its value, and how much of the output that is."""

    path: str
    amount: float


@dataclass(frozen=True, repr=False)
class Attribution:
    """How much of a value each part of the input accounts for, computed in float64.

    Attributes:
        path, index: the value that is explained; `index` without the example.
        method: by which method.
        output: that value; `baseline` the same at the baseline.
        scores: what each element accounts for, by the path of the input, of the shape of one example. Integers are
            attributed to what is looked up for them: `embedding_1`, a row for each word.
        expected: what the scores should add up to: output − baseline; for relevance the output without what constants
            account for.
        bound: for integrated gradients, a bound of the error of the sum: Σ |error| over the parts of the way.
        inputs: the example, by the same paths as the scores.
        names: the names of an input's last axis by its path, such as the columns of the table that was learned; of what
            is looked up for the words of a text, those of its first.
    """

    path: str
    index: tuple[int, ...]
    method: str
    output: float
    baseline: float
    scores: Mapping[str, Floats]
    expected: float
    bound: float | None = None
    inputs: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    names: Names = field(default_factory=dict)
    _of_layer: Callable[[str], Floats] | None = None
    _located: Callable[[], Mapping[str, float]] | None = None

    @property
    def values(self) -> Any:
        """The scores of the one input, or by path where there are several."""
        return next(iter(self.scores.values())) if len(self.scores) == 1 else dict(self.scores)

    @property
    def total(self) -> float:
        """The sum of all scores."""
        return float(sum(a.sum() for a in self.scores.values()))

    @property
    def residual(self) -> float:
        """What is missing in the sum, expected − total; `missing()` says where it arises."""
        return self.expected - self.total

    def by(self, path: str, *, over: str = "") -> Floats:
        """What each unit of a layer accounts for, of the shape of its value for one example; a path of an input gives
        its scores.

        Args:
            over: the letters of axes to add up, the last one as "unit": "unit" gives one number for each word or step.

        Raises:
            PellucidError: the method does not pass through layers, or the output does not depend on this value.
        """
        if path in self.scores:
            values = self.scores[path]
        elif self._of_layer is None:
            raise PellucidError(f"{self.method} changes inputs alone, so it has no score for {path}")
        else:
            values = self._of_layer(path)
        return np.asarray(values.sum(axis=-1)) if over == "unit" else values

    def missing(self) -> list[Missing]:
        """The statements that do not pass all on, by how much of the output, the largest first: what is in no score.

        For relevance these are constants: biases, and what a function gives for 0. Methods that change inputs alone
        (occlusion, Shapley values) do not look at statements.
        """
        if self._located is None:
            return []
        tiny = 1e-9 * max(abs(self.output), abs(self.baseline), abs(self.expected), 1e-12)
        found = [Missing(path, amount) for path, amount in self._located().items() if abs(amount) > tiny]
        return sorted(found, key=lambda m: -abs(m.amount))

    def top(self, count: int = 10) -> list[tuple[str, tuple[int, ...], float]]:
        """The elements that account for most: path, index and score, by size; of a text, the words."""
        rows = [
            (path, tuple(int(i) for i in place), float(a[place]))
            for path, a in self._parts().items()
            for place in np.ndindex(a.shape)
        ]
        return sorted(rows, key=lambda row: -abs(row[2]))[:count]

    def _parts(self) -> dict[str, Floats]:
        """The scores, those of the numbers that are looked up for a word added up."""
        return {
            path: a.reshape(len(a), -1).sum(axis=1) if isinstance(self.names.get(path), RowNames) else a
            for path, a in self.scores.items()
        }

    def text(self, limit: int = 10) -> str:
        """The attribution as lines of text: the elements that account for most, and the rest in one line."""
        where = f"[{','.join(map(str, self.index))}]" if self.index else ""
        lines = [
            f"{self.path}{where} = {number(self.output)}; at the baseline {number(self.baseline)}",
            f"  {self.method}: Σ scores = {number(self.total)}, expected {number(self.expected)}, "
            f"residual {_signed(self.residual)}",
        ]
        rows = self._rows(limit)
        width = max(len(score) for score, _ in rows)
        lines += [f"  {score:>{width}}  {place}" for score, place in rows]
        if located := self._kept():
            lines.append(f"  {self._why}:")
            lines += [f"  {_signed(m.amount):>{width}}  {m.path}" for m in located]
        return "\n".join(lines)

    def _rows(self, limit: int) -> list[tuple[str, str]]:
        """The scores of the elements that account for most, and of the rest in one row, with their places."""
        shown = self.top(limit)
        rows = [(_signed(score), _place(path, index, self.names)) for path, index, score in shown]
        count = sum(a.size for a in self._parts().values()) - len(rows)
        if count:
            rest = self.total - sum(score for _, _, score in shown)
            rows.append((_signed(rest), f"{count:,} more"))
        return rows

    def _kept(self) -> list[Missing]:
        """The statements that do not pass all on, where that is worth a word."""
        worth = self.method == "relevance" or abs(self.residual) > 1e-6 * abs(self.expected)
        return self.missing()[:5] if worth else []

    @property
    def _why(self) -> str:
        return "constants keep" if self.method == "relevance" else "missing, by statement"

    def json(self) -> dict[str, Any]:
        """The attribution as data that JSON can carry."""
        return {
            "path": self.path,
            "index": list(self.index),
            "method": self.method,
            "output": self.output,
            "baseline": self.baseline,
            "expected": self.expected,
            "total": self.total,
            "residual": self.residual,
            "scores": {path: a.tolist() for path, a in self.scores.items()},
            "missing": [{"path": m.path, "amount": m.amount} for m in self.missing()],
        }

    def plot(self, path: str | os.PathLike[str] | None = None, *, names: Sequence[str] | None = None) -> Figure:
        """The scores as a figure of matplotlib: over an image, along a series, word by word, or as bars by column.

        Args:
            path: a file to write it to.
            names: the words of a text, or the columns of a table where the network does not know them.
        """
        from pellucid.plots.attribution import attribution_figure

        source, scores = next(iter(self.scores.items()))
        where = f"[{','.join(map(str, self.index))}]" if self.index else ""
        said = f"{self.path}{where} = {number(self.output)}, {self.method}, residual {_signed(self.residual)}."
        shown = self.inputs.get(source)
        names = names or self.names.get(source)
        return attribution_figure(scores, shown, title=f"{self.path}{where}", caption=said, names=names, path=path)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        head, method, *_ = self.text(0).split("\n")
        rows = [(place, score) for score, place in self._rows(10)]
        kept = ", ".join(f"{m.path} {_signed(m.amount)}" for m in self._kept())
        table = html_table(("part of the input", "accounts for"), rows, below=f"{self._why}: {kept}" if kept else "")
        return f"<p><b>{html.escape(head)}</b><br/>{html.escape(method.strip())}</p>{table}"


def _place(path: str, index: tuple[int, ...], names: Mapping[str, Sequence[str]]) -> str:
    columns = names.get(path, ())
    if index and index[-1] < len(columns):
        before = "".join(f"{i}," for i in index[:-1])
        return f"{path}[{before}{columns[index[-1]]}]"
    return f"{path}[{','.join(map(str, index))}]"


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"
