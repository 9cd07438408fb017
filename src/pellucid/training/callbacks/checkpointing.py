"""Checkpoint: the training written to a file, from which it can be resumed."""

from __future__ import annotations

import os
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from pellucid.arrays import check_integer
from pellucid.engines.processes import PART
from pellucid.training.callbacks.base import Callback


@dataclass(eq=False)
class Checkpoint(Callback):
    """Write the whole state of the training to a file, from which `fit(..., resume=path)` goes on to the same bits.

    Args:
        path: the file; each writing replaces it at once, so a crash leaves a whole one.
        every_epochs: after each so many epochs.
        every_steps: also after each so many steps, in the middle of epochs.
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    every_epochs: int = 1
    every_steps: int | None = None

    def __post_init__(self) -> None:
        self.every_epochs = check_integer(self.every_epochs, "every_epochs of Checkpoint", minimum=1)
        if self.every_steps is not None:
            self.every_steps = check_integer(self.every_steps, "every_steps of Checkpoint", minimum=1)
        self.path = Path(self.path)

    def after_step(self) -> None:
        """Called when the state after a step is complete: after `on_batch_end` of all callbacks."""
        if self.every_steps is not None and self.training.state.step % self.every_steps == 0:
            self._write()

    def after_epoch(self) -> None:
        """Called when the state after an epoch is complete: after `on_epoch_end` of all callbacks."""
        state = self.training.state
        if state.epoch % self.every_epochs == 0 or state.epoch == self.training.epochs or state.stopped:
            self._write()

    def _write(self) -> None:
        if not PART.first:  # of several processes that train together, one writes what all have
            return
        from pellucid.training.saved.checkpoint_file import write

        write(self.path, self.training)
