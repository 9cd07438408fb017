"""What a measurement was made on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pellucid.engines.llvm.run.native import Target

PACKAGES = ("pellucid", "numpy", "llvmlite", "torch", "jax", "onnxruntime", "scikit-learn")


def machine(cpu: Target) -> dict[str, Any]:
    """Processor, the target that code is made for, cores, memory, system, versions, and how busy the machine is."""
    return {
        "processor": _processor(),
        "target": f"{cpu.cpu}, vectors of {cpu.registers.bits} bits",
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: number for name in PACKAGES if (number := _version(name))},
        "load": load(),
    }


def load() -> float | None:
    """The mean number of processes that wanted to run in the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def busy() -> float:
    """Seconds that all CPUs together have worked since the machine was started; 0 where that is unknown."""
    try:
        with open("/proc/stat", encoding="utf-8") as file:
            fields = file.readline().split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
