"""Programs: the statements that some outputs need, in an order in which they can run.

Time is no construct of the language. A tensor that reads its own past makes a cycle; the strongly connected components
of the reads are the loops, the sign of the offset is their direction. What a loop's statements compute without reading
the loop is computed before it, for all steps at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pellucid.errors import FormulaError
from pellucid.formula.axes import Affine, Axis
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import (
    Expression,
    Operation,
    Read,
    Reduction,
    Statement,
    Tensor,
    add,
    canonical,
    free_axes,
    reads,
    rename,
    transform,
    walk,
)


@dataclass(frozen=True)
class Loop:
    """A recurrence: its statements run in their order at every value of the loop axis, each for all values of its other
    axes.

    `axes` is each target's own loop axis. A reverse loop runs from the last value to the first.
    """

    statements: tuple[Statement, ...]
    axes: Mapping[Tensor, Axis]
    extent: int
    reverse: bool


Stage = Statement | Loop


class Program:
    """Inputs, stages and outputs.

    Attributes:
        inputs: by name, the tensors without a statement.
        outputs: by the names they were given.
        stages: statements and loops, each after what it reads.
        tensors: every tensor by its name, inputs first, then in the order of the stages.
        names: the name of every tensor, unique here.
    """

    def __init__(self, outputs: Mapping[str, Tensor]) -> None:
        statements, merged = _merge_equal(reachable(outputs.values()))
        self.outputs = {name: merged.get(t, t) for name, t in outputs.items()}
        self.stages = arranged(statements)
        self.inputs: dict[str, Tensor] = {}
        self.tensors: dict[str, Tensor] = {}
        self.names: dict[Tensor, str] = {}
        self._definitions = {s.target: s for s in self.statements}
        self._name(merged)

    def __reduce__(self) -> Any:
        # As JSON: tensors hold rules of derivation, which are code, and what these gave is among the statements.
        from pellucid.formula.notation.json import from_json, to_json

        return from_json, (to_json(self),)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, those of loops included, in the order of the stages."""
        return tuple(s for stage in self.stages for s in (stage.statements if isinstance(stage, Loop) else (stage,)))

    def definition(self, tensor: Tensor) -> Statement | None:
        """The tensor's statement in this program; None for an input."""
        return self._definitions.get(tensor)

    def _name(self, merged: Mapping[Tensor, Tensor]) -> None:
        defined = [s.target for s in self.statements]
        read = (r.tensor for s in self.statements for r in reads(s.expression))
        inputs = [t for t in dict.fromkeys([*read, *self.outputs.values()]) if t not in self._definitions]
        for tensor in [*inputs, *defined]:
            name, count = tensor.name, 1
            while name in self.tensors:
                count += 1
                name = f"{tensor.name}~{count}"
            if count > 1 and tensor in inputs:
                raise FormulaError(f"two inputs of a program are called {tensor.name}; give each a name of its own")
            self.tensors[name] = tensor
            self.names[tensor] = name
            if tensor in inputs:
                self.inputs[name] = tensor
        for gone, kept in merged.items():
            self.tensors.setdefault(gone.name, kept)


def _merge_equal(statements: Sequence[Statement]) -> tuple[list[Statement], dict[Tensor, Tensor]]:
    """Equal statements become one. A recurrence equals another only as itself, so it is left as it is."""
    merged: dict[Tensor, Tensor] = {}
    known: dict[object, Tensor] = {}
    result: list[Statement] = []
    seen: set[Tensor] = set()

    def change(e: Expression) -> Expression | None:
        if isinstance(e, Read) and e.tensor in merged:
            return transform(Read(merged[e.tensor], e.indices, e.outside), change)
        return None

    for statement in statements:
        expression = statement.expression
        if any(r.tensor in merged for r in reads(expression)):
            letters = {merged.get(t, t): letter for t, letter in statement.letters.items()}
            statement = Statement(statement.target, transform(expression, change), letters)
        seen.add(statement.target)
        if all(r.tensor.definition is None or r.tensor in seen for r in reads(statement.expression)):
            key = statement.target.kind, canonical(statement.expression, statement.axes)
            same = known.setdefault(key, statement.target)
            if same is not statement.target:
                merged[statement.target] = same
                continue
        result.append(statement)
    if merged:
        result = [
            Statement(s.target, transform(s.expression, change), s.letters)
            if any(r.tensor in merged for r in reads(s.expression))
            else s
            for s in result
        ]
    return result, merged


def arranged(statements: Sequence[Statement]) -> tuple[Stage, ...]:
    """The statements as stages, each after what it reads; a FormulaError if they need each other at the same step."""
    return tuple(stage for component in _components(statements) for stage in _component(component))


def _components(statements: Sequence[Statement]) -> list[list[Statement]]:
    """The strongly connected components of the reads, each after those it reads from (Tarjan 1972)."""
    definitions = {s.target: s for s in statements}
    needs = {
        s.target: list(dict.fromkeys(r.tensor for r in reads(s.expression) if r.tensor in definitions))
        for s in statements
    }
    index: dict[Tensor, int] = {}
    low: dict[Tensor, int] = {}
    stack: list[Tensor] = []
    waiting: set[Tensor] = set()
    components: list[list[Statement]] = []
    for root in definitions:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        waiting.add(root)
        work = [(root, iter(needs[root]))]
        while work:
            tensor, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    waiting.add(other)
                    work.append((other, iter(needs[other])))
                    break
                if other in waiting:
                    low[tensor] = min(low[tensor], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[tensor])
                if low[tensor] == index[tensor]:
                    members: list[Tensor] = []
                    while not members or members[-1] is not tensor:
                        members.append(stack.pop())
                        waiting.discard(members[-1])
                    components.append([definitions[t] for t in reversed(members)])
    return components


def _component(members: list[Statement]) -> list[Stage]:
    """A component as stages: a statement, or what a loop can have computed beforehand and the loop."""
    inside = {s.target for s in members}
    if len(members) == 1 and not any(r.tensor in inside for r in reads(members[0].expression)):
        return [members[0]]
    axes, offsets, order = _loop_axes(members)
    signs = {(offset > 0) - (offset < 0) for _, _, offset in offsets}
    if {1, -1} <= signs:
        raise FormulaError(f"the recurrence of {_list(inside)} reads both its past and its future")
    ahead: list[Statement] = []
    body = {s.target: _hoist(s, inside, ahead) for s in members}
    extents = {axes[t].extent for t in inside}
    extent = extents.pop()
    if extents or not isinstance(extent, int):
        raise FormulaError(f"the recurrence of {_list(inside)} runs over axes of different or unknown extents")
    return [*ahead, Loop(tuple(body[t] for t in order), axes, extent, reverse=1 in signs)]


def _list(tensors: Iterable[Tensor]) -> str:
    return ", ".join(sorted(t.name for t in tensors))


def _loop_axes(
    members: Sequence[Statement],
) -> tuple[dict[Tensor, Axis], list[tuple[Tensor, Tensor, int]], list[Tensor]]:
    """Each member's loop axis, every read inside the loop as (reader, what it reads, offset in steps), and the members
    in the order of a step."""
    inside = {s.target: s for s in members}
    first = members[0].target
    for start in first.axes:
        places = {first: first.axes.index(start)}
        offsets: list[tuple[Tensor, Tensor, int]] = []
        if _follow_axis(inside, places, first, offsets) and any(offset for *_, offset in offsets):
            order = _order(inside, [(a, b) for a, b, offset in offsets if offset == 0])
            if order is not None:
                return {t: t.axes[p] for t, p in places.items()}, offsets, order
    raise FormulaError(f"{_list(inside)} read each other in a circle with no axis along which one step follows another")


def _follow_axis(
    inside: Mapping[Tensor, Statement],
    places: dict[Tensor, int],
    first: Tensor,
    offsets: list[tuple[Tensor, Tensor, int]],
) -> bool:
    """Spread the choice of a loop axis from the first tensor to all, along the reads; False if some read does not
    fit."""
    queue = [first]
    done: set[Tensor] = set()
    while queue:
        tensor = queue.pop()
        if tensor in done:
            continue
        done.add(tensor)
        axis = tensor.axes[places[tensor]]
        for read in reads(inside[tensor].expression):
            if read.tensor not in inside:
                continue
            place = next(
                (j for j, i in enumerate(read.indices) if isinstance(i, Affine) and _steps(i, axis) is not None),
                None,
            )
            if place is None or places.setdefault(read.tensor, place) != place:
                return False
            index = read.indices[place]
            assert isinstance(index, Affine)
            offsets.append((tensor, read.tensor, _steps(index, axis) or 0))
            queue.append(read.tensor)
    return True


def _steps(index: Affine, axis: Axis) -> int | None:
    """k if the index is the axis plus k."""
    if (
        len(index.terms) == 1
        and index.terms[0][0] is axis
        and index.terms[0][1].value == 1
        and index.divisor.value == 1
    ):
        return index.constant
    return None


def _order(inside: Iterable[Tensor], now: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor] | None:
    """The tensors of a loop, each after those it reads at the same step, in waves; None if some read each other."""
    place = {tensor: k for k, tensor in enumerate(inside)}
    sorter = TopologicalSorter[Tensor](dict.fromkeys(place, ()))
    for reader, other in now:
        sorter.add(reader, other)
    try:
        sorter.prepare()
    except CycleError:
        return None
    order: list[Tensor] = []
    while sorter.is_active():
        wave = sorter.get_ready()
        order += sorted(wave, key=place.__getitem__)
        sorter.done(*wave)
    return order


def _hoist(statement: Statement, inside: set[Tensor], ahead: list[Statement]) -> Statement:
    """The statement with its sums that do not read the loop replaced by tensors computed ahead of it."""

    def invariant(e: Expression) -> bool:
        return not any(r.tensor in inside for r in reads(e)) and free_axes(e) <= set(statement.axes)

    def costly(e: Expression) -> bool:
        return any(isinstance(inner, Reduction) for inner in walk(e))

    def compute_ahead(e: Expression) -> Expression:
        free = free_axes(e)
        outer = tuple(a for a in statement.axes if a in free)
        mine = {a: a.fresh() for a in outer}
        target = Tensor(f"{statement.target.name}.ahead", tuple(mine.values()), letter=f"{statement.target.letter}₀")
        ahead.append(Statement(target, rename(e, mine), statement.letters))
        return Read(target, tuple(Affine.of(a) for a in outer))

    def change(e: Expression) -> Expression | None:
        if invariant(e):
            return compute_ahead(e) if costly(e) else e
        if isinstance(e, Operation) and e.name == "add":
            fixed = [a for a in e.args if invariant(a)]
            if any(map(costly, fixed)):
                rest = [transform(a, change) for a in e.args if a not in fixed]
                return add(compute_ahead(add(*fixed)), *rest)
        return None

    expression = transform(statement.expression, change)
    return (
        statement if expression == statement.expression else Statement(statement.target, expression, statement.letters)
    )
