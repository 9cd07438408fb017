"""All that is measured of the XLA engine on a device, in one go: prepared for a GPU that is lent for minutes.

    python -m benchmarks.xla_device                    ten minutes, most of them XLA's compiler
    python -m benchmarks.xla_device lenet transformer --widths 1024 --seconds 0.1      some of it

In this order: a training step of the suite's networks beside the same by hand in JAX (`xla_engine`), LeNet-5 and a
network of the size of ResNet-18 in images a second, with factors of bfloat16 too and beside PyTorch where that is
installed, and from which width on the device is faster than this machine's CPU (`xla_crossover`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from importlib.util import find_spec

from rich.console import Console

from benchmarks import xla_crossover, xla_engine
from benchmarks.workloads import WORKLOADS


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--widths", type=int, nargs="*", default=[256, 1024, 4096])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each measurement")
    parser.add_argument("--image-batches", nargs=2, default=("256", "128"), help="of LeNet-5 and ResNet-18")
    parser.add_argument("--no-images", action="store_true", help="leave out the images a second")
    options = parser.parse_args(arguments)
    if find_spec("jax") is None:
        parser.error('JAX is not installed: pip install "pellucid[xla]"')
    console, began, seconds = Console(), time.monotonic(), str(options.seconds)
    # processes that share the device take of its memory what they need
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    devices = "import jax; print(', '.join(f'{d.platform} {d.device_kind}' for d in jax.devices()), jax.__version__)"
    asked = subprocess.run([sys.executable, "-c", devices], capture_output=True, text=True, check=True)
    console.print(f"device and JAX: {asked.stdout.strip()}; {len(os.sched_getaffinity(0))} CPUs")
    status = xla_engine.main([*options.networks, "--rounds", str(options.rounds), "--seconds", seconds])
    widths = [] if not options.widths else ["--widths", *map(str, options.widths)]
    images = [] if options.no_images else ["--images", "--image-batches", *options.image_batches]
    xla_crossover.main([*widths, "--seconds", seconds, *images])
    console.print(f"{time.monotonic() - began:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
