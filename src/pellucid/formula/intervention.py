"""The reading of formulas as an intervention: a value set by hand is an input of everything after it.

`T[a…] = f` with some elements set becomes

    T:computed[a…] = f
    T[a…]          = where(0 < T:set[b…], T:given[a…], T:computed[a…])

with those axes b… of T along which the elements were chosen; a number is given over these axes alone.

Whatever read T reads the new one: in a recurrence a step that is set reaches the steps after it. Where the whole
of T is given, T is an input. What does not depend on T keeps its statements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pellucid.formula.axes import Affine, Axis
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import ZERO, Expression, Operation, Read, Statement, Tensor, reads, transform

COMPUTED = ":computed"
"""What a value is called as its own statement computes it, where some elements of it are set by hand."""


@dataclass(frozen=True)
class Setting:
    """A tensor that is set by hand.

    Attributes:
        tensor: the tensor, computed or an input.
        given: the input that holds the values.
        chosen: the input that is above 0 at the elements that are set; None sets all of them.
        reader: for a tensor that is set only where some statements read it, whether the statement of a target is one
            of them.
        given_places, chosen_places: which axes of the tensor they have.
    """

    tensor: Tensor
    given: Tensor
    chosen: Tensor | None = None
    reader: Callable[[Tensor], bool] | None = None
    given_places: tuple[int, ...] = ()
    chosen_places: tuple[int, ...] = ()


def setting(
    tensor: Tensor,
    name: str,
    *,
    whole: bool,
    reader: Callable[[Tensor], bool] | None = None,
    as_input: bool = False,
    places: Sequence[int] | None = None,
    numbers: bool = False,
) -> Setting:
    """A setting with inputs of its own, called `name:given` and `name:set`, or `name` alone where that is no tensor.

    Args:
        whole: whether all elements are set.
        as_input: whether the values stand where the tensor stood, under its name.
        places: the axes along which the elements are chosen; all of them by default.
        numbers: whether the values are the same along the other axes.
    """
    every = tuple(range(tensor.rank))
    along = every if places is None else tuple(places)
    of_given = along if numbers and not whole else every

    def axes(places: Sequence[int]) -> tuple[Axis, ...]:
        return tuple(tensor.axes[place].fresh() for place in places)

    given = Tensor(name if as_input else f"{name}:given", axes(of_given), kind=tensor.kind, letter=tensor.letter)
    chosen = None if whole else Tensor(f"{name}:set", axes(along), letter="s")
    return Setting(tensor, given, chosen, reader, of_given, along)


def intervene(
    outputs: Mapping[str, Tensor], settings: Sequence[Setting], *, fixed: Callable[[Expression], bool] | None = None
) -> dict[str, Tensor]:
    """The outputs, as they would be if these tensors were set. Tensors that do not depend on one stay the same.

    Args:
        fixed: whether an expression stays what it is without the settings.
    """
    statements = reachable(outputs.values())
    everywhere = {s.tensor: s for s in settings if s.reader is None}
    some = [s for s in settings if s.reader is not None]
    reached = _reached(statements, set(everywhere), some)
    read_as: dict[Tensor, Tensor] = {}
    computed: dict[Tensor, Tensor] = {}
    for tensor in dict.fromkeys([*everywhere, *(s.target for s in statements if s.target in reached)]):
        chosen = everywhere.get(tensor)
        if tensor in reached or (chosen is not None and chosen.chosen is not None and tensor.definition is not None):
            name = f"{tensor.name}{COMPUTED}" if chosen is not None else tensor.name
            computed[tensor] = Tensor(name, tensor.axes, kind=tensor.kind, letter=tensor.letter)
        if chosen is None:
            read_as[tensor] = computed[tensor]
        else:
            read_as[tensor] = _mixed(chosen, computed.get(tensor, tensor), tensor.name)
    edges = [(s, _mixed(s, read_as.get(s.tensor, s.tensor), s.given.name.partition(":")[0])) for s in some]

    def rewritten(statement: Statement) -> tuple[Expression, dict[Tensor, str]]:
        mine = {s.tensor: mixed for s, mixed in edges if s.reader is not None and s.reader(statement.target)}
        now = read_as | mine

        def change(e: Expression) -> Expression | None:
            if fixed is not None and fixed(e):
                return e
            if isinstance(e, Read) and e.tensor in now:
                indices = tuple(i if isinstance(i, Affine) else transform(i, change) for i in e.indices)
                return Read(now[e.tensor], indices, None if e.outside is None else transform(e.outside, change))
            return None

        letters = {now.get(t, t): letter for t, letter in statement.letters.items()}
        return transform(statement.expression, change), letters

    for statement in statements:
        if statement.target in computed:
            computed[statement.target].define(*rewritten(statement))
    return {name: read_as.get(tensor, tensor) for name, tensor in outputs.items()}


def depends(outputs: Mapping[str, Tensor], tensor: Tensor, on: Tensor) -> bool:
    """Whether one tensor is computed from another; from itself, if it is a recurrence."""
    return tensor in _reached(reachable(outputs.values()), {on}, ())


def _reached(statements: Sequence[Statement], everywhere: set[Tensor], some: Sequence[Setting]) -> set[Tensor]:
    """The targets of the statements that read what is set, directly or through others."""
    reached: set[Tensor] = set()
    size = -1
    while size != len(reached):
        size = len(reached)
        for statement in statements:
            if statement.target in reached:
                continue
            read = {r.tensor for r in reads(statement.expression)}
            if (
                not read.isdisjoint(everywhere)
                or not read.isdisjoint(reached)
                or any(s.tensor in read and s.reader is not None and s.reader(statement.target) for s in some)
            ):
                reached.add(statement.target)
    return reached


def _mixed(chosen: Setting, computed: Tensor, name: str) -> Tensor:
    """The tensor that is read: the given values where they are set, elsewhere the computed ones."""
    if chosen.chosen is None:
        return chosen.given
    result = Tensor(name, tuple(a.fresh() for a in computed.axes), kind=computed.kind, letter=chosen.tensor.letter)
    at = tuple(Affine.of(a) for a in result.axes)
    condition = Operation("lt", (ZERO, Read(chosen.chosen, tuple(at[k] for k in chosen.chosen_places))))
    new = Read(chosen.given, tuple(at[k] for k in chosen.given_places))
    result.define(
        Operation("where", (condition, new, Read(computed, at))),
        {chosen.given: f"{chosen.tensor.letter}°", chosen.chosen: "s"},
    )
    return result
