"""Augmentation during a training: the images change before every epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data.images import Augmentation
from pellucid.errors import DataError
from pellucid.training.callbacks.base import Callback

CHUNK = 1024  # images changed at a time: the working memory stays small


class Augment(Callback):
    """Train on `callback.x` instead of x: before every epoch it is filled with what the augmentation makes of x.

        augment = Augment(x, Augmentation(shift=2, rotate=10), seed=0)
        net.fit(augment.x, y, callbacks=[augment])

    Args:
        x: the images (n, h, w, c), which stay as they are.
    """

    def __init__(self, x: NDArray[Any], augmentation: Augmentation, *, seed: int = 0) -> None:
        if x.ndim != 4:
            raise DataError(f"x has shape {x.shape}, expected images (n, h, w, c)")
        self.original, self.augmentation, self.seed = x, augmentation, seed
        self.x = np.array(x, dtype=np.float32)

    def on_train_begin(self) -> None:
        self.on_epoch_begin(self.training.state.epoch)  # a run may resume in the middle of an epoch

    def restore_examples(self, epoch: int) -> None:
        self.on_epoch_begin(epoch)

    def on_epoch_begin(self, epoch: int) -> None:
        for start in range(0, len(self.x), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(self.x)))
            self.x[rows] = self.augmentation(self.original[rows], rows, seed=self.seed, epoch=epoch)
