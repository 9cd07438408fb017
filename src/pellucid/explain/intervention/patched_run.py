"""A run with values set by hand, and the same run without."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from pellucid.explain.arithmetic import number
from pellucid.explain.columns import column_names
from pellucid.explain.explanation import Explanation
from pellucid.explain.intervention.comparison import Comparison
from pellucid.explain.intervention.plans import Plan
from pellucid.explain.trace import Trace, place_of, tracing
from pellucid.formula.intervention import COMPUTED
from pellucid.network import BaseNetwork
from pellucid.once import Once
from pellucid.training.inputs.targets import Goal

Array = NDArray[Any]


@dataclass(frozen=True)
class Change:
    """How much a value changed.

    Attributes:
        path: the value.
        count: how many of its elements changed, of `size`.
        largest: the largest absolute change of an element, which is at `index`.
        before, after: that element.
    """

    path: str
    count: int
    size: int
    largest: float
    index: tuple[int, ...]
    before: float
    after: float


class Changes(Sequence[Change]):
    """The values that a patch changed, in the order in which the network computes them."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = tuple(changes)

    @overload
    def __getitem__(self, place: int) -> Change: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Change, ...]: ...
    def __getitem__(self, place: int | slice) -> Change | tuple[Change, ...]:
        return self._changes[place]

    def __len__(self) -> int:
        return len(self._changes)

    def __contains__(self, item: object) -> bool:
        """Whether a change, or the value of a path, is among them."""
        return item in self._changes or item in [c.path for c in self._changes]

    def __repr__(self) -> str:
        if not self._changes:
            return "nothing changed"
        rows = [("value", "changed", "largest change", "where", "before", "after")]
        rows += [
            (
                c.path,
                f"{c.count:,} of {c.size:,}",
                number(c.largest),
                f"[{','.join(map(str, c.index))}]",
                number(c.before),
                number(c.after),
            )
            for c in self._changes
        ]
        widths = [max(len(row[k]) for row in rows) for k in range(6)]
        return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


class PatchedRun(Mapping[str, Array]):
    """A run of a network with some values set by hand: `run["dense_1"]` is a value of it, by path.

    Attributes:
        before: all values without the patch, as a `Trace`.
        after: all values with it, as a `Trace`: its formulas say which elements were set.
    """

    def __init__(
        self,
        net: BaseNetwork,
        plan: Plan,
        targets: Sequence[Goal],
        feeds: Mapping[str, Array],
        given: Mapping[str, Array],
        n: int,
    ) -> None:
        self._net, self._plan, self._targets, self._n = net, plan, list(targets), n
        self._feeds = feeds
        self._given = given
        self._made = Once()
        self._outputs: dict[str, Array] = plan.run({**feeds, **given})

    def __reduce__(self) -> Any:
        return _restored, (self.before, self.after, {name: self._mask(name) for name in self._labels()}, self._n)

    @property
    def before(self) -> Trace:
        def make() -> Trace:
            run = tracing(self._net, self._targets, fused=self._plan.fused)
            return Trace(run.program, run.trace(self._feeds), list(self._net.input_shapes), column_names(self._net))

        trace: Trace = self._made.get("before", make)
        return trace

    @property
    def after(self) -> Trace:
        def make() -> Trace:
            run = self._plan.everything
            return Trace(
                run.program,
                run.trace({**self._feeds, **self._given}),
                list(self._net.input_shapes),
                column_names(self._net),
            )

        trace: Trace = self._made.get("after", make)
        return trace

    def __getitem__(self, path: str) -> Array:
        if path in self._outputs:
            return self._outputs[path]
        return self.after[path] if path in self.after else self.before[path]

    def __contains__(self, path: object) -> bool:
        return path in self._outputs or path in self.after

    def __iter__(self) -> Iterator[str]:
        return (path for path in self.after if ":" not in path)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(self.changed())

    def _repr_html_(self) -> str:
        return self.changed()._repr_html_()

    def difference(self, path: str) -> Array:
        """A value with the patch minus the same without."""
        return np.asarray(self[path] - self.before[path])

    def changed(self) -> Changes:
        """Which values changed, and by how much, in the order in which the network computes them."""
        after, before = self.after, self.before
        program = after.program
        names = dict.fromkeys([*program.inputs, *(program.names[s.target] for s in program.statements), *after])
        changes = []
        seen = set()
        for path in names:
            if ":" in path or path not in before or after.tensor(path) in seen:
                continue
            seen.add(after.tensor(path))  # a layer without an activation is its own sum
            old, new = np.asarray(before[path]), np.asarray(after[path])
            moved = ~((old == new) | ((old != old) & (new != new)))
            if not moved.any():
                continue
            by = np.where(moved, np.abs(new.astype(np.float64) - old.astype(np.float64)), 0)
            by = np.nan_to_num(by, nan=np.inf)
            index = np.unravel_index(int(by.argmax()), by.shape) if by.ndim else ()
            place = tuple(int(i) for i in index)
            changes.append(
                Change(
                    path, int(moved.sum()), moved.size, float(by[place]), place, float(old[place]), float(new[place])
                )
            )
        return Changes(changes)

    def compare(
        self,
        path: str,
        *,
        unit: int | None = None,
        index: int | Sequence[int] = (),
        at: int | Sequence[int] = (),
        time: int | None = None,
        example: int = 0,
    ) -> Comparison:
        """The arithmetic of one value without the patch and with it, side by side, the terms that changed first.

        Args:
            path: the value; `unit`, `index`, `at`, `time` and `example` say which element, as in `Network.explain`.

        Raises:
            PellucidError: no such value, or an index outside it.
        """
        name, fixed = self.before.split(path)
        tensor, old = self.before.tensor(name), self.before[name]
        place = place_of(name, tensor, old.shape, index, unit, at, time, example, fixed)
        mask = self._mask(name)
        new = self.after if name in self.after else self.before
        values = float(old[place]), float(new[name][place])
        before = _explained(self.before, name, place)
        if mask is not None and (mask.ndim == 0 or mask[place]):
            return Comparison(name, place, before, None, values)
        computed = f"{name}{COMPUTED}"
        # a value that was given whole, the old numbers at the elements that are not set
        after = (
            before
            if mask is not None and computed not in new
            else _explained(new, computed if mask is not None else name, place)
        )
        return Comparison(name, place, before, after, values)

    def explain(self, path: str, **where: Any) -> Explanation:
        """The arithmetic of one value with the patch; `where` as in `Network.explain`."""
        return self.after.explain(path, **where)

    def _labels(self) -> list[str]:
        return [spot.name for spot in self._plan.spots if not spot.reader]

    def _mask(self, name: str) -> Array | None:
        """Which elements of a value are set, in one number where all are; None where it is not set."""
        for spot in self._plan.spots:
            if spot.name == name and not spot.reader:
                if any(p.whole for p in spot.parts):
                    return np.array(1)
                mask = np.zeros(spot.shape(self._n), bool)
                for part in spot.parts:
                    mask[part.at] = True
                return mask
        return None


class _Restored(PatchedRun):
    """A run that was pickled: its values, without the programs that made them."""

    def __init__(self, before: Trace, after: Trace, masks: Mapping[str, Array | None], n: int) -> None:
        self._traces, self._masks, self._n = (before, after), masks, n
        self._outputs = {}

    @property
    def before(self) -> Trace:
        return self._traces[0]

    @property
    def after(self) -> Trace:
        return self._traces[1]

    def _labels(self) -> list[str]:
        return list(self._masks)

    def _mask(self, name: str) -> Array | None:
        return self._masks.get(name)


def _restored(before: Trace, after: Trace, masks: Mapping[str, Array | None], n: int) -> PatchedRun:
    return _Restored(before, after, masks, n)


def _explained(run: Trace, path: str, place: tuple[int, ...]) -> Explanation | None:
    """The arithmetic of an element; None where the run was given it."""
    return (
        None if path not in run or run.program.definition(run.tensor(path)) is None else run.explain(path, index=place)
    )
