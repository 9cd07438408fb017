"""The loop of a training whose batches come one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engines import Session
from pellucid.training.inputs.streams import Stream, chained
from pellucid.training.running.loop import Array, Loop, Stretch


@dataclass
class StreamLoop(Loop):
    """A training on a stream: an epoch is all its batches, or `steps_per_epoch` of them.

    Attributes:
        stream: the batches; `examples` is the first of them.
        endless: whether epochs follow each other in one pass, which begins anew where it ends.
    """

    stream: Stream = None  # type: ignore[assignment]
    endless: bool = False
    _open: Iterator[dict[str, Array]] | None = None
    _next: dict[str, Array] | None = None

    def run(self) -> Any:
        try:
            return super().run()
        finally:
            self._close()

    def advance(self, max_steps: int | None = None) -> Stretch:
        """One step, and the epoch's end where no batch comes after it."""
        state, steps = self.training.state, self.training.steps_per_epoch
        self._begin()
        losses = self._steps(1) if self._peek() is not None else np.empty(0)
        if self.endless and state.batch < steps and self._peek() is None:
            self.training.stop(f"the batches ended in epoch {state.epoch + 1}, after {state.batch} of {steps} steps")
        ended = state.batch == steps if self.endless else self._peek() is None
        over = ended or (state.stopped and state.batch)
        return Stretch(losses, self._end() if over else None)

    def _begin(self) -> None:
        begins = self._epoch != self.training.state.epoch
        super()._begin()
        if begins and (self._open is None or not self.endless):
            self._close()
            state = self.training.state
            if self.endless:
                self._open = self._across(state.step - self.training.first_step)
            else:
                self.stream.begin(state.epoch)
                self._open = self.stream.batches(skip=state.batch)

    def _across(self, skip: int) -> Iterator[dict[str, Array]]:
        """The batches of all epochs, without those of the steps that were taken."""
        batches = chained(self.stream.batches, again=not self.stream.one_shot)
        for _ in range(skip):
            next(batches, None)
        return batches

    def _ordered(self) -> Array | None:
        return None

    def _peek(self) -> dict[str, Array] | None:
        if self._next is None and self._open is not None:
            self._next = next(self._open, None)
            if self._next is None:
                self._close()
        return self._next

    def _batch(self, count: int, session: Session | None = None, back: Sequence[str] = ()) -> dict[str, Array]:
        batch, self._next = self._peek(), None
        assert batch is not None
        if session is None:
            return batch
        rows = session.share(len(next(iter(batch.values()))), back)
        return {name: array[rows] for name, array in batch.items()}

    def _at_once(self, max_steps: int | None) -> int:
        return 1

    def _end(self) -> dict[str, float]:
        state = self.training.state
        if not self.endless:
            self.training.steps_per_epoch = state.batch
            self.progress.learn(state.batch)
        self.progress.pause()
        return super()._end()

    def _close(self) -> None:
        if self._open is not None and hasattr(self._open, "close"):
            self._open.close()
        self._open = self._next = None
