"""LambdaCallback: functions in place of a class of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from pellucid.errors import PellucidError
from pellucid.training.callbacks.base import Callback, Logs


class LambdaCallback(Callback):
    """Functions that are called in the course of a training, with what Keras gives them.

        net.fit(x, y, callbacks=[pl.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))])

    Args:
        on_epoch_begin, on_epoch_end: called with the epoch, from 0, and its values by name, of which there are none at
            its beginning. What is added to them at its end goes into the History.
        on_train_begin, on_train_end: called with an empty dict.
        on_train_batch_end: called with the number of the step in its epoch, from 0, and its "loss"; every step is then
            a call of its own, which takes longer.

    Raises:
        PellucidError: what is given is no function, or takes other arguments.
    """

    def __init__(
        self,
        *,
        on_epoch_begin: Callable[[int, Logs], object] | None = None,
        on_epoch_end: Callable[[int, Logs], object] | None = None,
        on_train_begin: Callable[[Logs], object] | None = None,
        on_train_end: Callable[[Logs], object] | None = None,
        on_train_batch_end: Callable[[int, Logs], object] | None = None,
    ) -> None:
        _check("on_epoch_begin", on_epoch_begin, "epoch", "logs")
        _check("on_epoch_end", on_epoch_end, "epoch", "logs")
        _check("on_train_begin", on_train_begin, "logs")
        _check("on_train_end", on_train_end, "logs")
        _check("on_train_batch_end", on_train_batch_end, "batch", "logs")
        self._epoch_begin, self._epoch_end = on_epoch_begin, on_epoch_end
        self._train_begin, self._train_end = on_train_begin, on_train_end
        self._batch_end = on_train_batch_end
        self._batch = 0

    @property
    def listening(self) -> bool:
        return self._batch_end is not None

    def on_train_begin(self) -> None:
        self._batch = self.training.state.batch  # of a resumed training, in the middle of an epoch
        if self._train_begin is not None:
            self._train_begin({})

    def on_train_end(self) -> None:
        if self._train_end is not None:
            self._train_end({})

    def on_epoch_begin(self, epoch: int) -> None:
        self._batch = 0
        if self._epoch_begin is not None:
            self._epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self._epoch_end is not None:
            self._epoch_end(epoch, logs)

    def on_batch_end(self, step: int, logs: Mapping[str, float]) -> None:
        if self._batch_end is not None:
            self._batch_end(self._batch, dict(logs))
        self._batch += 1


def _check(name: str, function: object, *arguments: str) -> None:
    """Refuse what could not be called, before the training and not in its middle."""
    if function is None:
        return
    expected = f"a function of ({', '.join(arguments)})"
    if not callable(function):
        raise PellucidError(f"{name} is {type(function).__name__}, expected {expected}")
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        raise PellucidError(f"{name} takes other arguments, expected {expected}") from None
    except ValueError:  # written in C, and silent about its arguments
        return
