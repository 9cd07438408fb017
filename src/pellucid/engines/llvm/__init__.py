"""Programs as native code for this CPU, made at run time through llvmlite.

A program's way:

    tables, views, loops,            statements to nests of loops, nests to phases
    schedule → work
    sums, panels, layout, order      what shards prepare, what is packed, where everything lives; the check of it all
    tiles, nest, evaluate,           loops and arithmetic as IR, written with
    reductions, blocked, scatter,    emit, linear, points, values, math
    afterwards
    crew, moving, packing, module    the whole program as text, the threads' own loop included
    target, native,                  the CPU and system, machine code for them, kept
    cache (fingerprint), store
    runtime, session, prepared,      calls: single, many steps in place, many short ones,
    memory, workspace, threads,      where they work, and the threads that take part in them
    handover

`fallback` is for what cannot be compiled.
"""

from pellucid.engines.llvm.fallback import executable as executable
