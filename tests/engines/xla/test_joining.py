"""Who takes part in a run, by the environments that SLURM, Kubernetes and Open MPI give their processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

pytest.importorskip("jax")
SLURM: Final = {"SLURM_JOB_ID": "4097", "SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_LOCALID": "1"}
ENVIRONMENTS: Final[dict[str, tuple[dict[str, Any], Any]]] = {
    "SLURM": ({**SLURM, "SLURM_STEP_NODELIST": "node[007-008]"}, ["node007:61441", 4, 3]),
    "SLURM, hosts by name": ({**SLURM, "SLURM_STEP_NODELIST": "ada,bob"}, ["ada:61441", 4, 3]),
    "Open MPI": (
        {
            "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1,10.148.0.1:34911",
            "OMPI_COMM_WORLD_SIZE": "2",
            "OMPI_COMM_WORLD_RANK": "0",
            "OMPI_COMM_WORLD_LOCAL_RANK": "0",
        },
        ["10.96.0.1:62624", 2, 0],
    ),
    "Kubernetes": (
        {
            "KUBERNETES_SERVICE_HOST": "10.0.0.1",
            "HOSTNAME": "localhost",
            "JOB_COMPLETION_INDEX": "1",
            "job": {"parallelism": 3, "labels": {"jobset.sigs.k8s.io/jobset-name": "set"}},
        },
        ["train-0.set:55527", 3, 1],
    ),
    "Kubernetes without a service": (
        {
            "KUBERNETES_SERVICE_HOST": "10.0.0.1",
            "HOSTNAME": "localhost",
            "JOB_COMPLETION_INDEX": "1",
            "job": {"parallelism": 3},
        },
        "the environment does not say who takes part (Pods within a job need a headless service",
    ),
    "Kubernetes without its library": (
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
        "the environment does not say who takes part",
    ),
    "none of them": ({}, "the environment does not say who takes part (coordinator_address should be defined.): give "),
}


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """All in one process, for which JAX is imported once."""
    given = json.dumps([environment for environment, _ in ENVIRONMENTS.values()])
    command = [sys.executable, "-m", "tests.engines.xla.environments"]
    run = subprocess.run(command, input=given, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return dict(zip(ENVIRONMENTS, json.loads(run.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_environment_says_who_takes_part(answers: dict[str, Any], name: str) -> None:
    expected = ENVIRONMENTS[name][1]
    if isinstance(expected, list):
        assert answers[name] == expected
    else:
        assert answers[name].startswith(expected)
