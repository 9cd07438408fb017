"""Pellucid on its XLA engine."""

from __future__ import annotations

from benchmarks.runners import Job, Steps, own


def training(job: Job) -> Steps:
    """The process's CPUs say how many threads there are."""
    job.net.engine = "xla"
    return own.training(job)


def inference(job: Job) -> Steps:
    job.net.engine = "xla"
    return own.inference(job)
