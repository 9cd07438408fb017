"""Running an experiment: measure, judge, and write the numbers and the figure down."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.data import Series
from pellucid.errors import DataError, PellucidError
from pellucid.files import replacing, write_atomically
from pellucid.messages import words

from .claim import SENTENCES, Claim, Numbers, Table, Verdict
from .foreign import located
from .trial import Report, Trial

FORMAT = 1
PACKAGES = ("pellucid", "numpy", "llvmlite", "scikit-learn", "scipy")
RESOLUTION = 130
"""Dots an inch of the figures."""


@dataclass(frozen=True)
class Outcome:
    """What an experiment gave: its numbers, the verdict, and all that is needed to repeat it.

    Attributes:
        digest: SHA-256 of the weights that all its networks ended with; the same on every machine.
        seconds: how long the measurement took.
        machine: on what, as it computes: instruction set, threads, versions.
    """

    name: str
    claim: Claim
    quick: bool
    numbers: Numbers
    verdict: Verdict
    seeds: list[int]
    digest: str | None
    seconds: float
    machine: dict[str, Any]

    def record(self) -> dict[str, Any]:
        """What the JSON file holds, in English."""
        return {
            "format": FORMAT,
            "experiment": self.name,
            **{each: str(getattr(self.claim, each)) for each in SENTENCES},
            "quick": self.quick,
            "verdict": {"word": self.verdict.word, "because": str(self.verdict.because)},
            "numbers": self.numbers,
            "seeds": self.seeds,
            "digest": self.digest,
            "seconds": round(self.seconds, 2),
            "machine": self.machine,
        }

    def table(self, language: str = "en") -> Table:
        """The key numbers, as text in a language, "en" or "zh".

        Raises:
            DataError: the claim gives no table.
        """
        with located(self.claim, "table"):
            table = self.claim.table(self.numbers)
        if not isinstance(table, Table):
            raise DataError(f"expected table of {self.name} to return a Table, got {type(table).__name__}.")
        columns, *rows = [[words(cell)[language] for cell in row] for row in (table.columns, *table.rows)]
        return Table(columns, rows)

    def write(self, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Write NAME.json and NAME.png into a folder, each beside its old version, whose place it takes.

        Raises:
            ModelFileError: one of them cannot be written.
        """
        data, image = paths(self.name, folder)
        with located(self.claim, "draw"):
            figure = self.claim.draw(self.numbers)
        if not hasattr(figure, "savefig"):
            raise DataError(f"expected draw of {self.name} to return a figure, got {type(figure).__name__}.")
        text = json.dumps(self.record(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(data, lambda file: file.write(text.encode("utf-8", errors="replace")))
        with replacing(image) as beside:
            figure.savefig(beside, dpi=RESOLUTION, facecolor=figure.get_facecolor())
        return data, image


def paths(name: str, folder: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The files of an experiment in a folder: its numbers and its figure."""
    return Path(folder) / f"{name}.json", Path(folder) / f"{name}.png"


def run(
    name: str, claim: Claim, *, quick: bool = False, series: Series | None = None, report: Report | None = None
) -> Outcome:
    """Measure a claim and judge it by its numbers.

    Args:
        name: what the experiment and its files are called.
        quick: the short version.
        series: a series of the user's own, for the claims that look at one.
        report: who is told how far the measurement is: parts done, all parts, the part that begins.

    Raises:
        PellucidError: the measurement gave what no JSON file can hold, or its verdict is none.
    """
    trial = Trial(quick=quick, series=series, report=report)
    start = time.perf_counter()
    with located(claim, "measure"):
        measured = claim.measure(trial)
    seconds = time.perf_counter() - start
    numbers = plain(measured, "numbers")
    if not isinstance(numbers, dict):
        raise DataError(f"expected measure of {name} to return a dict, got {type(numbers).__name__}.")
    # what is judged is what a reader of the file has
    numbers = json.loads(json.dumps(numbers))
    with located(claim, "judge"):
        verdict = claim.judge(numbers)
    if not isinstance(verdict, Verdict):
        raise DataError(f"expected judge of {name} to return a Verdict, got {type(verdict).__name__}.")
    return Outcome(name, claim, quick, numbers, verdict, trial.seeds_used, trial.digest, seconds, machine())


def plain(value: Any, where: str) -> Any:
    """A value as JSON has it: NumPy's numbers and arrays become numbers and lists.

    Raises:
        PellucidError: it holds anything else, or a number that is not finite; the message names the place.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), where)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise PellucidError(f"{where} is {value}, which JSON cannot hold: write None where there is no number.")
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise DataError(f"{where} has the key {key!r}, expected a text.")
        return {key: plain(part, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part, f"{where}[{place}]") for place, part in enumerate(value)]
    raise DataError(f"{where} is of the type {type(value).__name__}, expected numbers, texts, lists and dicts.")


def machine() -> dict[str, Any]:
    """What it ran on: the instruction set that code is made for, threads and versions."""
    from pellucid.engines.llvm.run import native, worker_pool

    try:
        cpu = native.host()
        target = f"{cpu.architecture}, {cpu.cpu}, vectors of {cpu.registers.bits} bits"
    except (PellucidError, RuntimeError) as error:
        target = str(error)
    return {
        "target": target,
        "threads": worker_pool.available(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "packages": {name: number for name in PACKAGES if (number := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
