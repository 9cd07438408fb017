"""The reference engine: NumPy, plain enough to be seen to be right."""

from pellucid.engines.reference.engine import executable as executable
