"""CSVLogger: the values of each epoch as a row of a CSV file."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass

from pellucid.engines.processes import PART
from pellucid.errors import DataError
from pellucid.training.callbacks.base import Callback, Logs


@dataclass(eq=False)
class CSVLogger(Callback):
    """Write the values of each epoch into a CSV file as they come: a column "epoch", from 0, and one for each name.

    The columns are those of the first epoch, in the order of their names; what a later epoch lacks is "NA". Each row is
    on disk when its epoch has ended. A resumed training goes on behind the rows that are there.

    Args:
        path: the file.
        separator: what stands between two columns.
        append: whether to go on behind what the file has, instead of a new one.
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    separator: str = ","
    append: bool = False

    def __post_init__(self) -> None:
        self.path = os.fspath(self.path)
        if not isinstance(self.separator, str) or len(self.separator) != 1 or self.separator in '"\r\n':
            raise DataError(
                f'separator of CSVLogger is {self.separator!r}, expected one character such as "," or "\\t"'
            )
        self._columns: list[str] | None = None

    def on_train_begin(self) -> None:
        self._columns = None
        if not (self.append or self.training.history.epoch) and PART.first:
            self._write([], "w")
        elif os.path.exists(self.path) and os.path.getsize(self.path):
            self._columns = self._head()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not PART.first:
            return
        rows = []
        if self._columns is None:
            self._columns = ["epoch", *sorted(logs)]
            rows.append(self._columns)
        values = {"epoch": str(epoch), **{name: repr(float(value)) for name, value in logs.items()}}
        rows.append([values.get(name, "NA") for name in self._columns])
        self._write(rows, "a")

    def _head(self) -> list[str]:
        import csv

        try:
            with open(self.path, encoding="utf-8", newline="") as file:
                columns = next(csv.reader(file, delimiter=self.separator))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(f'"{self.path}" cannot be read ({error}): give CSVLogger another path') from error
        if columns[0] != "epoch":
            raise DataError(
                f'"{self.path}" begins with the column "{columns[0]}", expected "epoch": it is no file of '
                f"CSVLogger with separator={self.separator!r}"
            )
        return columns

    def _write(self, rows: list[list[str]], mode: str) -> None:
        import csv

        try:
            with open(self.path, mode, encoding="utf-8", newline="") as file:
                csv.writer(file, delimiter=self.separator, lineterminator="\n").writerows(rows)
        except OSError as error:
            raise DataError(
                f'"{self.path}" cannot be written ({error.strerror}): give CSVLogger another path'
            ) from error
