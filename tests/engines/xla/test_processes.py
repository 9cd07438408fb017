"""Several processes on one machine train as one does, each with its part of the examples; a lost one ends the run, or
it begins again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engines.xla.support import NETWORKS, free_port, long

pytest.importorskip("jax")
ROOT = Path(__file__).parents[3]
CLOSE = 1e-5
"""How far losses may be apart, relatively: sums of gradients are added up in another order."""


def together(name: str, processes: int) -> list[dict[str, Any]]:
    port = str(free_port())
    command = [sys.executable, "-m", "tests.engines.xla.trainer", name, port, str(processes)]
    runs = [
        subprocess.Popen([*command, str(process)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for process in range(processes)
    ]
    answers = [run.communicate(timeout=600) for run in runs]
    assert [run.returncode for run in runs] == [0] * processes, answers
    return [json.loads(next(line for line in out.splitlines() if line.startswith("{"))) for out, _ in answers]


@long
@pytest.mark.parametrize("name", NETWORKS)
def test_two_and_four_processes_train_as_one(name: str) -> None:
    (alone,) = together(name, 1)
    assert alone["read"] == 200
    for processes in (2, 4):
        # of 200 examples the last 8 are a smaller batch, divided as well
        for answer in together(name, processes):
            assert answer["loss"] == pytest.approx(alone["loss"], rel=CLOSE)
            assert answer["accuracy"] == alone["accuracy"]
            assert answer["read"] == 200 // processes


@long
@pytest.mark.parametrize("name", NETWORKS)
def test_four_devices_of_one_process_train_as_one(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = together(name, 1)
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=4")
    (four,) = together(name, 1)
    assert four["loss"] == pytest.approx(one["loss"], rel=CLOSE)
    assert four["accuracy"] == one["accuracy"]


class Run:
    """`pellucid train` in several processes on the embedded digits."""

    def __init__(self, folder: Path, *more: str, processes: int = 2) -> None:
        self.folder = folder
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "pellucid.cli", "train", "digits", "--model", "cnn", "--engine", "xla", *more]
        command += ["--checkpoint", "run.ckpt", "--coordinator", address]
        command += ["--processes", str(processes), "--process"]
        self.processes = [
            subprocess.Popen([*command, str(p)], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for p in range(processes)
        ]

    def kill_a_worker(self) -> None:
        """SIGKILL to the process that trains under process 1, once there is a checkpoint."""
        until = time.monotonic() + 300
        while not (self.folder / "run.ckpt").exists() and time.monotonic() < until:
            time.sleep(0.2)
        found = subprocess.run(["pgrep", "-P", str(self.processes[1].pid)], capture_output=True, text=True, check=True)
        os.kill(int(found.stdout.split()[0]), signal.SIGKILL)

    def ended(self) -> list[tuple[int, str, str]]:
        answers = [process.communicate(timeout=300) for process in self.processes]
        return [(p.returncode, *answer) for p, answer in zip(self.processes, answers, strict=True)]


def last_loss(text: str) -> float:
    line = [line for line in text.splitlines() if line.startswith("epoch")][-1]
    return float(line.split("  loss ")[1].split()[0])


@long
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no signals")
def test_a_lost_process_ends_the_run_with_a_word(tmp_path: Path) -> None:
    run = Run(tmp_path, "--epochs", "2000")
    run.kill_a_worker()
    began = time.monotonic()
    answers = run.ended()
    assert time.monotonic() - began < 60
    for status, _, said in answers:
        assert status == 1
        assert "the run is over; begin all processes again, with --resume" in said
    assert "process 1 was ended by SIGKILL" in answers[1][2]


@long
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no signals")
def test_a_run_that_begins_again_ends_at_the_same_loss(tmp_path: Path) -> None:
    losses = []
    for folder, killed in ((tmp_path / "whole", False), (tmp_path / "killed", True)):
        folder.mkdir()
        run = Run(folder, "--epochs", "30", "--restarts", "2")
        if killed:
            run.kill_a_worker()
        (status, out, said), (other, _, _) = run.ended()
        assert (status, other) == (0, 0), said
        assert ("begins again from run.ckpt, restart 1 of 2" in said) == killed
        losses.append(last_loss(out))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert np.isfinite(losses).all()


@long
@pytest.mark.parametrize("processes", [1, 4])
def test_a_run_continues_on_another_number_of_processes(processes: int, tmp_path: Path) -> None:
    losses = []
    for folder, begun in ((tmp_path / "whole", 6), (tmp_path / "parts", 3)):
        folder.mkdir()
        answers = Run(folder, "--epochs", str(begun)).ended()
        if begun < 6:
            answers += Run(folder, "--epochs", "6", "--resume", processes=processes).ended()
        assert [status for status, _, _ in answers] == [0] * len(answers), answers
        losses.append([last_loss(out) for _, out, _ in answers if "epoch" in out][-1])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
