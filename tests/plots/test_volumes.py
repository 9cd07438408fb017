"""Volumes in figures: their slices side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pellucid as pl


def test_a_volume_and_its_kernels_have_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    from pellucid.plots import image_grids

    drawn: list[Any] = []
    figure = image_grids.grid_figure

    def watched(images: Any, **more: Any) -> Any:
        drawn.append(images)
        return figure(images, **more)

    monkeypatch.setattr(image_grids, "grid_figure", watched)
    net = pl.Network(pl.Conv3D(3, (2, 3, 1)), input_shape=(4, 5, 6, 2))
    run = net.trace(np.random.default_rng(0).normal(size=(2, 4, 5, 6, 2)).astype(np.float32))
    run.plot("conv3d_1", example=1)
    value = run["conv3d_1"][1]
    assert drawn[0].shape == (3, 3, 3 * 6)
    np.testing.assert_array_equal(drawn[0][2, :, 6:12], value[1, :, :, 2])
    run.plot("conv3d_1.kernel")
    kernel = net.parameters["conv3d_1.kernel"]
    assert drawn[1].shape == (6, 3, 2)
    np.testing.assert_array_equal(drawn[1][3, :, 1], kernel[1, :, 0, 1, 1])
