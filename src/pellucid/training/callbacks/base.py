"""Callbacks: what happens beside the steps of a training."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pellucid.errors import PellucidError, nearest
from pellucid.habits import HOOKS, Spelled, check_attribute, no_attribute
from pellucid.training.running.state import Training

Logs = MutableMapping[str, float]


class Callback(metaclass=Spelled):
    """The base: override what is needed. `training` is there from `on_train_begin` on.

    What a callback remembers from one epoch to the next belongs into `state_dict`, as JSON and NumPy arrays: then a
    resumed run continues with it.
    """

    training: Training
    losses_only: ClassVar[bool] = False
    """Whether `on_batch_end` reads and changes nothing of the training, only its arguments.

    The steps are quicker where that holds for all callbacks: several are taken at once, and `on_batch_end` is called
    for each of them afterwards.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        hooks = [name for name in vars(Callback) if name.startswith("on_")]
        for name, member in vars(cls).items():
            if name.startswith("on_") and inspect.isfunction(member) and name not in hooks:
                here = HOOKS.get(name)
                advice = f" Write {here}." if here else nearest(name, hooks)
                raise PellucidError(
                    f"{cls.__name__}.{name} would never be called: the hooks are {', '.join(hooks)}.{advice}"
                )

    def __setattr__(self, name: str, value: Any) -> None:
        # what a callback of the user's remembers is its own
        if type(self).__module__.startswith("pellucid.") and name != "training":
            check_attribute(self, name)
        super().__setattr__(name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(self, name)

    @property
    def listening(self) -> bool:
        """Whether `on_batch_end` is wanted."""
        return type(self).on_batch_end is not Callback.on_batch_end

    def on_train_begin(self) -> None:
        """Before the first epoch; after `load_state_dict` where the run is resumed."""

    def on_train_end(self) -> None:
        """After the last epoch, or when the training was stopped."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the epoch (from 0); not when a run resumes in its middle."""

    def restore_examples(self, epoch: int) -> None:
        """Bring the examples back to what they were in an epoch (from 0), whose steps are taken again; for a callback
        that changes them.
        """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After the epoch, with its values by name; what is added to `logs` goes into the History."""

    def on_batch_end(self, step: int, logs: Mapping[str, float]) -> None:
        """After each step (from 1, over all epochs), with its "loss"."""

    def state_dict(self) -> dict[str, Any]:
        """What it remembers."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up what `state_dict` gave."""


def callbacks_of(given: Sequence[Callback] | Callback) -> list[Callback]:
    """The callbacks: one, or several.

    Raises:
        PellucidError: something that is no callback.
    """
    callbacks: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    for callback in callbacks:
        if isinstance(callback, type) and issubclass(callback, Callback):
            raise PellucidError(f"callbacks holds the class {callback.__name__}; write {callback.__name__}(…)")
        if not isinstance(callback, Callback):
            raise PellucidError(
                f"callbacks holds {type(callback).__name__}, expected callbacks such as EarlyStopping(), or objects of "
                "a class of your own, class Mine(pl.Callback), with on_epoch_end"
            )
    return callbacks
