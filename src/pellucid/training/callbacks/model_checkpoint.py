"""ModelCheckpoint: the network written to a file after every epoch, or after those that are the best so far."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from pellucid.engines.processes import PART
from pellucid.errors import DataError, nearest
from pellucid.training.callbacks.base import Callback, Logs
from pellucid.training.callbacks.best import Best
from pellucid.training.saved.fields import Fields


@dataclass(eq=False)
class ModelCheckpoint(Callback):
    """Write the network to a file after every epoch, or only after those that are better than all before.

        best = pl.ModelCheckpoint("best.safetensors", save_best_only=True)
        net.fit(x, y, epochs=20, validation_split=0.2, callbacks=[best])
        net = pl.load("best.safetensors")

    Such a file holds the network with its weights, as `net.save` writes it. To go on with a training that broke off,
    take `Checkpoint`, which keeps the optimizer's state too.

    Args:
        path: the file, replaced at once by each writing. With fields, as in "{epoch:02d}-{val_loss:.3f}.safetensors",
            epochs (counted from 1) have files of their own.
        monitor: the name in the logs of what has to become better.
        save_best_only: whether only epochs are written that are better than all before; otherwise each is.
        mode: "min", "max", or "auto" for the loss and the metrics of this library, whose direction is known.
        initial_value_threshold: what the first epoch has to be better than.
    """

    path: str | os.PathLike[str]
    _: KW_ONLY
    monitor: str = "val_loss"
    save_best_only: bool = False
    mode: Literal["auto", "min", "max"] = "auto"
    initial_value_threshold: float | None = None

    def __post_init__(self) -> None:
        self.path = os.fspath(self.path)
        self._reset()

    def _reset(self) -> None:
        threshold = self.initial_value_threshold
        self._watch = Best(self.monitor, 0.0, self.mode, math.nan if threshold is None else float(threshold))

    def on_train_begin(self) -> None:
        if not self.training.history.epoch:  # a new training, and no resumed one
            self._reset()
        if self.save_best_only:
            self._watch.check(self.training, "ModelCheckpoint")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only and not self._watch.better(logs, "ModelCheckpoint"):
            return
        if PART.first:  # of several processes that train together, one writes what all have
            net: Any = self.training.net
            net.save(self._named(epoch, logs))

    def _named(self, epoch: int, logs: Mapping[str, float]) -> str:
        values = {"epoch": epoch + 1, **logs}
        try:
            return str(self.path).format(**values)
        except KeyError as error:
            name = str(error.args[0])
            raise DataError(
                f'the path "{self.path}" names {{{name}}}, but the epoch has {", ".join(values)}.'
                f"{nearest(name, values)}"
            ) from None
        except (ValueError, IndexError) as error:
            raise DataError(
                f'the path "{self.path}" cannot be filled in ({error}): write fields as {{epoch:02d}} or '
                "{val_loss:.3f}"
            ) from None

    def state_dict(self) -> dict[str, Any]:
        return {"watch": self._watch.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._watch.load_state_dict(Fields(state)["watch"])
