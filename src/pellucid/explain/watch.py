"""Watch: the flow of a network recorded while it is trained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.arrays import check_integer
from pellucid.explain.flow import Flow, LayerFlow, Probe
from pellucid.explain.temporal import TemporalGradient
from pellucid.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(eq=False)
class Watch(Callback):
    """Record the gradient flow before the first step, and then after every epoch.

        watch = pl.Watch()
        net.fit(x, y, epochs=5, callbacks=[watch])
        net.diagnose(watch)

    One recording is a forward and a backward pass of `examples` examples, always the same ones, spread evenly over the
    data. At the default that is 64 examples an epoch, and the compilation of one more program at the beginning.
    `every_steps` costs such a pass each time, and a copy of the parameters every step.

    Args:
        every_epochs: after each so many epochs.
        every_steps: also after each so many steps.
        examples: how many are passed through.
        on_record: called with each flow, as in `Watch(on_record=print)`.

    Attributes:
        flows: what was recorded, in order.
    """

    _: KW_ONLY
    every_epochs: int = 1
    every_steps: int | None = None
    examples: int = 64
    on_record: Callable[[Flow], object] | None = None
    flows: list[Flow] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        check_integer(self.every_epochs, "every_epochs", minimum=1)
        check_integer(self.examples, "examples", minimum=1)
        if self.every_steps is not None:
            check_integer(self.every_steps, "every_steps", minimum=1)

    @property
    def listening(self) -> bool:
        return self.every_steps is not None

    def on_train_begin(self) -> None:
        training = self.training
        assert training.examples is not None
        count = len(training.examples)
        rows = np.linspace(0, count - 1, min(self.examples, count)).astype(np.int64)
        self._batch = training.examples.rows(rows)
        net = training.net.sized(self._batch)
        self._probe = Probe(net, training.goals, weighted=training.examples.weighted)
        if not training.history.epoch and not training.state.step:
            self.flows = []
            self._record()

    def on_batch_end(self, step: int, logs: Mapping[str, float]) -> None:
        if self.every_steps is not None and step % self.every_steps == 0:
            self._record()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        recorded = bool(self.flows) and self.flows[-1].step == self.training.state.step
        if (epoch + 1) % self.every_epochs == 0 and not recorded:
            self._record()

    def _record(self) -> None:
        state, before = self.training.state, self.training.before
        updates = {p: state.parameters[p] - before[p] for p in before}
        self.flows.append(self._probe(self._batch, state.parameters, updates, step=state.step))
        if self.on_record is not None:
            self.on_record(self.flows[-1])

    def to_pandas(self) -> pandas.DataFrame:
        """A table with a row for every step recorded and every layer."""
        import pandas

        rows = [{"step": f.step, **vars(layer)} for f in self.flows for layer in f]
        return pandas.DataFrame(rows).set_index(["step", "path"])

    def plot(self) -> Figure:
        """The gradients and the updates of the layers that learn, over the training, as a matplotlib figure."""
        from pellucid.plots.gradient_flow import watch_figure

        layers = [r.path for r in self.flows[0] if not math.isnan(r.weight)] if self.flows else []  # those that learn
        steps = [f.step for f in self.flows]
        return watch_figure(
            steps,
            {p: [f[p].gradient for f in self.flows] for p in layers},
            {p: [f[p].ratio for f in self.flows] for p in layers},
        )

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self.flows)) or "nothing recorded yet"

    def state_dict(self) -> dict[str, Any]:
        return {"flows": [asdict(f) for f in self.flows]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.flows = [_flow(entry) for entry in state["flows"]]


def _flow(entry: Mapping[str, Any]) -> Flow:
    layers = tuple(LayerFlow(**layer) for layer in entry["layers"])
    reach = tuple(TemporalGradient(r["path"], tuple(r["norms"])) for r in entry["reach"])
    return Flow(entry["step"], entry["loss"], layers, reach)
