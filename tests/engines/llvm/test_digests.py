"""The same seed gives the same bits on every CPU: networks trained for each instruction set that this machine has,
against digests that are written down."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engines.llvm.digests import NETWORKS, main
from tests.sampling import some

from pellucid.engines.llvm.run.native import TARGETS, available

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", NETWORKS)
def test_this_cpu(name: str) -> None:
    assert main([name]) == 0


@pytest.mark.parametrize("target", TARGETS)
def test_other_instruction_sets(target: str) -> None:
    if target not in available():
        pytest.skip(f"this CPU has no x86-64-{target}")
    environment = {**os.environ, "PELLUCID_TARGET": target}
    command = [sys.executable, "-m", "tests.engines.llvm.digests", *some(NETWORKS, 2)]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
