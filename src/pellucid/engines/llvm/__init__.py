"""Programs as native code for this CPU, made at run time through llvmlite.

A program's way: `schedule` (statements to nests, nests to phases) → `layout` (memory) → `tiles`, `nest`, `evaluate` (loops and
arithmetic, written with `emit`, `linear`, `values`, `math`) → `module` (the whole program, threads included) → `native`,
`cache` (machine code) → `runtime`, `session`, `threads` (calls). `fallback` is for what cannot be compiled.
"""

from pellucid.engines.llvm.fallback import executable as executable
