from __future__ import annotations

import re
from pathlib import Path

import pytest

import pellucid as pl

from .conftest import Run


def test_demo_end_to_end(run: Run, tmp_path: Path) -> None:
    text = run("demo", "--epochs", "5", "--output", "net.safetensors").output
    match = re.search(r"^test accuracy: (\d\.\d{3})$", text, re.MULTILINE)
    assert match is not None
    assert float(match[1]) > 0.85
    assert len(re.findall(r"^ is \d", text, re.MULTILINE)) == 10
    assert len(re.findall(r"^ (?:x\[0,\d+\]·w\[\d+,\d\]|b\[\d\])", text, re.MULTILINE)) == 10
    net = pl.load(tmp_path / "net.safetensors")
    assert net.metadata["preparation"]["classes"] == [str(digit) for digit in range(10)]


def test_the_printed_terms_add_up_to_the_engines_sum(run: Run) -> None:
    text = run("demo", "--epochs", "1").output
    part = text[text.index("Why ") :]
    lines = [line.split() for line in part.splitlines() if re.match(r" (b\[|x\[|the )", line)]
    *terms, total = [float(line[-1].replace("−", "-")) for line in lines]
    assert len(terms) == 11  # ten terms and the rest
    assert sum(terms) == pytest.approx(total, abs=sum(abs(t) for t in [*terms, total]) * 0.5e-3)


def test_same_seed_same_words(run: Run) -> None:
    first, again, other = (run("demo", "--epochs", "1", "--seed", seed, "--force").output for seed in ("3", "3", "4"))
    assert first[first.index("test accuracy") :] == again[again.index("test accuracy") :]
    assert first != other
