"""A plan as text of LLVM's IR: a function a nest of loops, a function a phase, and the loop that every thread runs."""
