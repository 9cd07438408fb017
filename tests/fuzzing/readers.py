"""Mutants of small valid files, given to every reader:

    python -m tests.fuzzing.readers --count 2000 --seed 0 --jobs 2

Reading one ends well or with a PellucidError, in a few seconds and little memory. A case is its seed and has several
mutants of one file; the one that failed is kept under the name that is printed.
"""

from __future__ import annotations

import functools
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from random import Random

from tests.fuzzing import runner
from tests.fuzzing.samples import SAMPLES

from pellucid import FormulaError, PellucidError

MUTANTS = 8
"""So many mutants a case reads."""
SECONDS = 10.0
MEGABYTES = 400
ADDRESSES = 3 << 30
"""The address space of the process: what asks for more gets a MemoryError, which no reader may let through."""


class Slow(BaseException):
    """Reading took too long; no OSError, which a reader would make an error of its own of."""


def examine(seed: int) -> runner.Outcome:
    """Read mutants of the file that a seed draws."""
    _bounded()
    random = Random(seed)
    name = random.choices(list(SAMPLES), [sample.weight for sample in SAMPLES.values()])[0]
    sample, content = SAMPLES[name], _made(name)
    for number in range(MUTANTS):
        mutant = sample.mutate(content, random)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"file{sample.suffix}"
            path.write_bytes(mutant)
            fault = _fault(name, path, random)
        if fault:
            kept = Path(tempfile.gettempdir()) / f"mutant-{seed}-{number}{sample.suffix}"
            kept.write_bytes(mutant)
            return runner.Outcome(seed, f"{name}, {kept}:\n{fault}")
    return runner.Outcome(seed)


def _fault(name: str, path: Path, random: Random) -> str:
    """What is wrong with how a file is read, or ""."""
    before = _peak()
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        SAMPLES[name].read(path, random)
    except PellucidError as error:
        try:
            str(error).encode()
        except UnicodeEncodeError:
            return f"the message holds a lone surrogate: {str(error)!r}"
        if "\n" in str(error) and not isinstance(error, FormulaError):
            return f"the message has several lines: {error}"
    except Slow:
        return f"not read within {SECONDS:.0f} s:\n{traceback.format_exc()}"
    except Exception:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    grown = _peak() - before
    return f"took {grown} MB" if grown > MEGABYTES else ""


@functools.cache
def _made(name: str) -> bytes:
    return SAMPLES[name].make()


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _too_long(*_: object) -> None:
    raise Slow


@functools.cache
def _bounded() -> None:
    """Bound this process."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    signal.signal(signal.SIGALRM, _too_long)
    warnings.simplefilter("error")
    os.environ["PELLUCID_CACHE"] = ""


if __name__ == "__main__":
    sys.exit(runner.command(examine, runner.arguments("read mutants of files", 2000), limit=60.0))
