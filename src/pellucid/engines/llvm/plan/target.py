"""What code is made for: a CPU and a system, and the few instructions in which they differ."""

from __future__ import annotations

from dataclasses import dataclass

ARCHITECTURES = {"x86_64": "x86-64", "amd64": "x86-64", "aarch64": "AArch64", "arm64": "AArch64"}
"""The CPUs that code is made for, by the first word of a triple: 64 bits, little-endian, vectors of 4 floats."""


@dataclass(frozen=True)
class Registers:
    """A CPU's registers for vectors: how many, and of how many bits."""

    count: int
    bits: int


AVX2 = Registers(16, 256)


@dataclass(frozen=True)
class Target:
    """A CPU and a system, as LLVM names them: `triple` is such as x86_64-unknown-linux-gnu."""

    cpu: str
    features: str
    triple: str

    @property
    def architecture(self) -> str | None:
        """Its family of CPUs, or None if no code is made for it."""
        return ARCHITECTURES.get(self.triple.partition("-")[0])

    @property
    def windows(self) -> bool:
        return "windows" in self.triple or "win32" in self.triple

    @property
    def registers(self) -> Registers:
        """Its registers for vectors."""
        if "+avx512f" in self.features or self.cpu == "x86-64-v4":
            return Registers(32, 512)
        if self.cpu == "x86-64-v3" or "+avx" in self.features.split(","):
            return AVX2
        return Registers(32 if self.architecture == "AArch64" else 16, 128)

    @property
    def fused(self) -> bool:
        """Whether it multiplies and adds with one rounding."""
        known = self.architecture == "AArch64" or self.cpu in ("x86-64-v3", "x86-64-v4")
        return known or not {"+fma", "+fma4"}.isdisjoint(self.features.split(","))
