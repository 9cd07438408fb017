"""What a training went through, epoch by epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pellucid.errors import DataError, nearest
from pellucid.markup import html_table

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(repr=False)
class History:
    """Values by name, one an epoch: `history["val_loss"]`.

    Attributes:
        history: "loss", the metrics, and the same with "val_" in front on the validation data.
        epoch: the numbers of the epochs, from 0.
        params: epochs, steps in an epoch, batch size, optimizer and loss of the fit; "first_loss" is that of the first
            batch, before the first update.
        interrupted: whether Ctrl-C ended it.
        stopped: why it ended before its last epoch, or "".
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)
    params: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    stopped: str = ""

    def __getitem__(self, name: str) -> list[float]:
        """The values of one name, one an epoch.

        Raises:
            DataError: there is no such name; the message lists those that there are.
        """
        if name not in self.history:
            hint = nearest(name, self.history) if isinstance(name, str) else ""
            raise DataError(f"the history has no {name!r}, it has {', '.join(self.history) or 'no epoch yet'}.{hint}")
        return self.history[name]

    def __contains__(self, name: object) -> bool:
        return name in self.history

    def __iter__(self) -> Iterator[str]:
        return iter(self.history)

    def append(self, epoch: int, logs: dict[str, float]) -> None:
        """Add an epoch; a name that some epoch lacks is NaN there."""
        for name in logs:
            self.history.setdefault(name, [math.nan] * len(self.epoch))
        for name, values in self.history.items():
            values.append(float(logs.get(name, math.nan)))
        self.epoch.append(epoch)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """The curves as a matplotlib figure; saved to `path` if there is one."""
        from pellucid.plots.training_curves import history_figure

        return history_figure(self.history, self.epoch, path)

    def to_pandas(self) -> pandas.DataFrame:
        """One row an epoch, indexed by its number from 0."""
        import pandas

        return pandas.DataFrame(self.history, index=pandas.Index(self.epoch, name="epoch"))

    def _repr_html_(self) -> str:
        heads, *rows = self._rows()
        return html_table(heads, rows, texts=0, below=self.stopped)

    def __repr__(self) -> str:
        rows = self._rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([*lines, *([self.stopped] if self.stopped else [])])

    def _rows(self) -> list[list[str]]:
        """The head and a row for each epoch, of many the first and the last."""
        names = list(self.history)
        rows = [
            ["epoch", *names],
            *([str(e + 1), *(f"{self.history[n][i]:.4g}" for n in names)] for i, e in enumerate(self.epoch)),
        ]
        if len(rows) > 13:
            rows = [*rows[:4], ["…"] * len(rows[0]), *rows[-8:]]
        return rows
