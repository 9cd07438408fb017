"""What is the same for every patch of the same values: where they are set, and the programs with them set."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import Executable, compile_program
from pellucid.errors import PellucidError
from pellucid.explain.paths import hint, split
from pellucid.explain.trace import formulas
from pellucid.formula import BATCH, Program, Tensor
from pellucid.formula.derivative import reachable
from pellucid.formula.expressions import reads
from pellucid.formula.intervention import Setting, depends, intervene, setting
from pellucid.network import BaseNetwork
from pellucid.once import Once
from pellucid.training.inputs.targets import Goal

Array = NDArray[Any]
Place = tuple[int | slice, ...]
Kind = Literal["number", "array", "function"]
_EDGE = re.compile(r"(.+?)\s*(?:→|->)\s*(.+)")


@dataclass(frozen=True)
class Part:
    """Elements that are set: the path as the person wrote it, their index, and whether it is the whole value."""

    path: str
    at: Place
    whole: bool


@dataclass(frozen=True)
class Spot:
    """One value that is set.

    Attributes:
        tensor: the value.
        name: its name among the tensors; `reader` is the layer for which it is set, where it is not set for all.
        parts: the elements of it, in the order in which they were named.
        setting: how it is set in the formulas; None for an input that is fed other numbers.
        old: the program of the value as it is without being set, where that is needed.
        dtype: of real numbers.
    """

    tensor: Tensor
    name: str
    reader: str
    parts: tuple[Part, ...]
    setting: Setting | None
    old: Executable | None
    dtype: np.dtype[Any]

    def shape(self, n: int) -> tuple[int, ...]:
        return _shape(self.tensor, n)

    @property
    def given_places(self) -> tuple[int, ...]:
        """The axes of the value that are given; all of them but where a number is set at some elements."""
        return tuple(range(self.tensor.rank)) if self.setting is None else self.setting.given_places

    @property
    def label(self) -> str:
        return f"{self.name}→{self.reader}" if self.reader else self.name


@dataclass(frozen=True)
class Plan:
    """The programs of a patch.

    Attributes:
        spots: what is set, in the order in which the network computes it.
        fused: whether the loss may read the sums before softmax or sigmoid.
        run: the network's outputs (with targets also the loss).
    """

    spots: tuple[Spot, ...]
    fused: bool
    run: Executable
    compile_everything: Callable[[], Executable]
    made: Once = field(default_factory=Once)

    @property
    def everything(self) -> Executable:
        """All values; compiled when it is asked for."""
        run: Executable = self.made.get("everything", self.compile_everything)
        return run

    def chosen(self, spot: Spot, n: int) -> Array:
        """Which elements of a value are set, 1 or 0, over the axes along which they are chosen."""

        def make() -> Array:
            assert spot.setting is not None and spot.setting.chosen is not None
            mask = np.zeros(_shape(spot.setting.chosen, n), spot.dtype)
            for part in spot.parts:
                mask[tuple(part.at[place] for place in spot.setting.chosen_places)] = 1
            return mask

        array: Array = self.made.get((spot.label, n), make)
        return array


def _shape(tensor: Tensor, n: int) -> tuple[int, ...]:
    return tuple(n if a.extent is BATCH else a.size for a in tensor.axes)


def plan_of(net: BaseNetwork, goals: Sequence[Goal], paths: Mapping[str, Kind], *, fused: bool = True) -> Plan:
    """The plan of a patch, kept by the network.

    Args:
        paths: what is set, and to what.
        fused: whether a loss may read the sums before softmax or sigmoid.

    Raises:
        PellucidError: no such value, element or edge.
    """
    key = "patch", tuple(paths.items()), tuple(g.key for g in goals), fused
    plan: Plan = net.kept(key, lambda: _plan(net, goals, paths, fused))
    return plan


def _plan(net: BaseNetwork, goals: Sequence[Goal], paths: Mapping[str, Kind], fused: bool) -> Plan:
    everything = formulas(net, goals, fused=fused)
    tensors = _by_name(everything)
    order = {s.target: place for place, s in enumerate(reachable(everything.values()))}
    groups: dict[tuple[Tensor, str], list[Part]] = {}
    names: dict[Tensor, str] = {}
    for path in paths:
        name, tensor, reader, at = _parsed(path, tensors)
        names[tensor] = name
        groups.setdefault((tensor, reader), []).append(Part(path, at, not any(isinstance(i, int) for i in at)))

    def compiled(outputs: Mapping[str, Tensor]) -> Executable:
        return compile_program(Program(outputs), engine=net.engine, dtype=net.dtype)

    spots: list[Spot] = []
    for (tensor, reader), parts in sorted(groups.items(), key=lambda g: order.get(g[0][0], -1)):
        name, given = names[tensor], tensor.definition is None
        whole = any(part.whole for part in parts)
        needs_old = any(paths[part.path] == "function" for part in parts) or (tensor.kind == "int" and not whole)
        old = None
        if needs_old and not given:
            # a function is given what those before it make of the value
            settings = [s.setting for s in spots if s.setting is not None]
            wanted = intervene({"old": tensor}, settings)
            if not any(BATCH in t.shape for t in Program(wanted).inputs.values()):
                # a number for each example that depends on how many there are, not on them: 1/n
                wanted["examples"] = next(tensors[path] for path in net.input_shapes)
            old = compiled(wanted)
        how = None
        if reader or not given:
            alone = tensor.kind == "int" or not any(spot.setting for spot in spots)
            # a recurrence stays one, also where all of a value in it is set: its sums are added in the same order
            recurrent = not given and depends(everything, tensor, tensor)
            complete = given or (not recurrent and (whole or (old is not None and alone)))
            if tensor.kind == "int" and not complete:
                raise PellucidError(f"{name} is an integer of a recurrence, which cannot be set")
            how = setting(
                tensor,
                f"{name}→{reader}" if reader else name,
                whole=complete,
                reader=partial(_belongs, layer=reader) if reader else None,
                as_input=complete and not reader,
                places=sorted({k for part in parts for k, i in enumerate(part.at) if isinstance(i, int)}),
                numbers=all(paths[part.path] == "number" for part in parts),
            )
        spots.append(Spot(tensor, name, reader, tuple(parts), how, old, net.dtype))
    changed = intervene(everything, [s.setting for s in spots if s.setting is not None])
    outputs = {name: changed[name] for name in (*net.output_shapes, "loss") if name in changed}
    return Plan(tuple(spots), fused, compiled(outputs), lambda: compiled(changed))


def _by_name(everything: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors by the names that a trace gives them."""
    tensors = dict(everything)
    for statement in reachable(everything.values()):
        for tensor in (statement.target, *(r.tensor for r in reads(statement.expression))):
            tensors.setdefault(tensor.name, tensor)
    return tensors


def edge(path: str) -> tuple[str, str]:
    """The value and the layer of `dense_1 → add_1`; of any other path, the path and ""."""
    if not isinstance(path, str):
        raise PellucidError(f'{path!r} is no path of a value, which is a text such as "dense_1"')
    match = _EDGE.fullmatch(path)
    return (match[1], match[2]) if match else (path, "")


def _parsed(path: str, tensors: Mapping[str, Tensor]) -> tuple[str, Tensor, str, Place]:
    """A value's name and tensor, the layer that reads it where only one is meant, and the elements."""
    source, reader = edge(path)

    def known(name: str) -> Tensor:
        if name not in tensors:
            raise PellucidError(f'there is no value "{name}" to set.{hint(name, tensors)}')
        return tensors[name]

    def shape(tensor: Tensor) -> tuple[int, ...]:
        return tuple(1 << 62 if a.extent is BATCH else a.size for a in tensor.axes)

    name, at = split(source, tensors, shape, known)
    tensor = known(name)
    if reader and not any(tensor in _read(t) for t in tensors.values() if _belongs(t, reader)):
        users = {t.name for t in tensors.values() if tensor in _read(t)}
        raise PellucidError(
            f"{reader} does not read {name}, so there is no edge between them; it is read by "
            f"{', '.join(sorted(u for u in users if not u.startswith('d('))) or 'nothing'}"
        )
    return name, tensor, reader, tuple(at.get(place, slice(None)) for place in range(tensor.rank))


def _read(tensor: Tensor) -> set[Tensor]:
    return set() if tensor.definition is None else {r.tensor for r in reads(tensor.definition.expression)}


def _belongs(tensor: Tensor, layer: str) -> bool:
    """Whether a value, or a gradient, is one that the layer computes."""
    name = tensor.name.removeprefix("d(").removesuffix(")")
    return name == layer or name.startswith(f"{layer}.")
