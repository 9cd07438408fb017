"""TensorBoard: the course of a training as TensorBoard shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from pellucid.arrays import check_integer
from pellucid.engines.processes import PART
from pellucid.errors import DataError, PellucidError
from pellucid.training.callbacks.base import Callback, Logs


@dataclass(eq=False)
class TensorBoard(Callback):
    """Write the values of each epoch as files that TensorBoard reads, under Keras's names.

        net.fit(x, y, epochs=10, validation_split=0.1, callbacks=[pl.TensorBoard("runs/first")])
        # tensorboard --logdir runs

    LOG_DIR/train has epoch_loss, epoch_learning_rate and the metrics, LOG_DIR/validation the same of the validation
    data, so that both stand in one diagram. The package tensorboardX writes them:
    `pip install "pellucid[tensorboard]"`.

    Args:
        log_dir: the folder; each run takes one of its own.
        histogram_freq: after every so many epochs the weights are written as histograms; 0 writes none.
        update_freq: "epoch", or also the loss of every step, "batch", or of every so many steps.

    Raises:
        PellucidError: the package tensorboardX is not installed.
    """

    log_dir: str | os.PathLike[str] = "logs"
    _: KW_ONLY
    histogram_freq: int = 0
    update_freq: Literal["epoch", "batch"] | int = "epoch"

    losses_only = True

    def __post_init__(self) -> None:
        self.log_dir = os.fspath(self.log_dir)
        self.histogram_freq = check_integer(self.histogram_freq, "histogram_freq of TensorBoard", minimum=0)
        if self.update_freq not in ("epoch", "batch"):
            if isinstance(self.update_freq, str):
                raise DataError(f'update_freq is "{self.update_freq}", expected "epoch", "batch" or a number of steps')
            self.update_freq = check_integer(self.update_freq, "update_freq of TensorBoard", minimum=1)
        _library()
        self._writers: dict[str, Any] = {}

    @property
    def listening(self) -> bool:
        return self.update_freq != "epoch"

    def on_batch_end(self, step: int, logs: Mapping[str, float]) -> None:
        every = self.update_freq if isinstance(self.update_freq, int) else 1
        if step % every == 0:
            self._write("train", {f"batch_{name}": value for name, value in logs.items()}, step)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        trained = {f"epoch_{name}": value for name, value in logs.items() if not name.startswith("val_")}
        self._write("train", trained | {"epoch_learning_rate": self.training.learning_rate}, epoch)
        validated = {f"epoch_{name[4:]}": value for name, value in logs.items() if name.startswith("val_")}
        if validated:
            self._write("validation", validated, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0 and PART.first:
            for path, array in self.training.state.parameters.items():
                self._writer("train").add_histogram(path.replace(".", "/"), np.asarray(array), epoch)

    def on_train_end(self) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _write(self, part: str, values: Mapping[str, float], step: int) -> None:
        if PART.first:
            writer = self._writer(part)
            for name, value in values.items():
                writer.add_scalar(name, float(value), step)
            writer.flush()

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            try:
                self._writers[part] = _library().SummaryWriter(os.path.join(self.log_dir, part))
            except OSError as error:
                raise DataError(
                    f'"{self.log_dir}" cannot be written ({error.strerror}): give TensorBoard another log_dir'
                ) from error
        return self._writers[part]


def _library() -> Any:
    try:
        import tensorboardX
    except ImportError:
        raise PellucidError(
            'TensorBoard needs the package tensorboardX, which is not installed: pip install "pellucid[tensorboard]"'
        ) from None
    return tensorboardX
