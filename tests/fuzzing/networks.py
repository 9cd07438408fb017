"""Random networks, trained by native code and by the reference engine:

    python -m tests.fuzzing.networks --count 2000 --seed 0 --jobs 2

A case is its seed: `--seed 17 --count 1` repeats the one that failed. What fails is made smaller, and printed as a
script.
"""

from __future__ import annotations

import os
import sys

from tests.fuzzing import runner
from tests.fuzzing.cases import Case
from tests.fuzzing.comparison import Fault, examined
from tests.fuzzing.generator import drawn
from tests.fuzzing.shrinking import shrunk

COPIED = """
one, other = network("llvm", "{dtype}"), network("reference", "float64")
for path, value in one.parameters.items():
    other.parameters[path] = value
"""
TRAINED = """for net in (one, other):
    net.fit(x, y, **options)
for path, value in one.parameters.items():
    print(path, abs(value - other.parameters[path]).max(), "of", abs(other.parameters[path]).max())
"""
SHOWN = {
    "predictions": COPIED
    + """for size in (1, 2, 3, 4, 5, 17, {examples}):
    found, expected = (net.predict(x, batch_size=size) for net in (one, other))
    print(size, abs(found - expected).max(), "of", abs(expected).max())
""",
    "again": """
# for threads, and calls that are shared whatever their size, see `again` and `shared_calls` in comparison.py
runs = [network("llvm", "{dtype}") for _ in range(2)]
for net in runs:
    net.fit(x, y, **options)
for path, value in runs[0].parameters.items():
    print(path, (value != runs[1].parameters[path]).sum(), "differ")
""",
    "saved": """
net = network("llvm", "{dtype}")
net.save("case.safetensors")
other = pl.load("case.safetensors")
for one in (net, other):
    one.fit(x, y, **options)
for path, value in net.parameters.items():
    print(path, (value != other.parameters[path]).sum(), "differ")
""",
}


def script(case: Case, fault: Fault) -> str:
    """A script that shows a fault."""
    shown = SHOWN.get(fault.check, COPIED + TRAINED)
    return case.source() + shown.format(dtype=case.dtype, examples=case.examples)


def examine(seed: int) -> runner.Outcome:
    """Draw the case of a seed and look at it."""
    case = drawn(seed)
    try:
        report = examined(case)
    except Fault as fault:
        small, its_fault = shrunk(case, fault)
        return runner.Outcome(seed, f"{its_fault}\n\n{script(small, its_fault)}")
    notes = {"with values that rounding makes uncertain": report.uncertain, "that diverged": report.diverged}
    return runner.Outcome(seed, notes=tuple(note for note, there in notes.items() if there))


if __name__ == "__main__":
    os.environ["PELLUCID_POISON"] = "1"  # which the processes read when they import the engine
    options = runner.arguments("train random networks on both engines", 2000)
    sys.exit(runner.command(examine, options, source=lambda seed: drawn(seed).source()))
