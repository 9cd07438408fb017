"""What is prepared for a GPU runs to its end, here on the CPU."""

from __future__ import annotations

import pytest
from tests.engines.xla.support import long


@long
def test_all_of_it_in_small(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jax")
    from benchmarks.xla_device import main

    main(["table32", "mlp64", "--widths", "64", "128", "--rounds", "2", "--seconds", "0.05", "--no-images"])
    out = capsys.readouterr().out
    for word in ("device and JAX: cpu", "table32", "mlp64", "geometric mean", "784-width-width-10", "XLA is"):
        assert word in out
