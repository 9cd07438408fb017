"""Programs as native code for this CPU, made at run time through llvmlite.

plan/    what runs when, and where every value lives
emit/    the plan as text of LLVM's IR
run/     the text as machine code, kept; calls, the memory they work in, the threads that take part
"""

from pellucid.engines.llvm.run.fallback import executable as executable
