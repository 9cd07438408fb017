"""Damaged files of every kind are read, or refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from tests.fuzzing import runner
from tests.fuzzing.readers import examine
from tests.fuzzing.samples import SAMPLES
from tests.sampling import some

import pellucid as pl


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PELLUCID_CACHE", str(tmp_path))


@pytest.mark.sample(12)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_is_not_damaged_is_read(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    path = tmp_path / f"file{sample.suffix}"
    path.write_bytes(sample.make())
    try:
        sample.read(path, Random(0))
    except pl.PellucidError as error:  # labels given for images, and such
        assert "damaged" not in str(error) and "corrupt" not in str(error)


@pytest.mark.sample(12)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_mutant_differs(name: str) -> None:
    sample = SAMPLES[name]
    content = sample.make()
    mutants = {sample.mutate(content, Random(seed)) for seed in range(20)}
    assert len(mutants) > 10
    assert sample.mutate(content, Random(1)) == sample.mutate(content, Random(1))


def test_damaged_files() -> None:
    """A short stretch of `python -m tests.fuzzing.readers`."""
    faults = [o.fault for o in runner.outcomes(examine, iter(some(range(16), 5)), jobs=1, limit=60.0) if o.fault]
    assert not faults, "\n\n".join(faults)


def test_the_command() -> None:
    command = [sys.executable, "-m", "tests.fuzzing.readers", "--count", "2"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 cases from seed 0, 0 with faults")
