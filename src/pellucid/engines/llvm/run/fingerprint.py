"""A program as text that says all that its code depends on, and nothing else: two equal programs have one
fingerprint."""

from __future__ import annotations

from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    Statement,
    Tensor,
)
from pellucid.formula.program import Loop, Program


def fingerprint(program: Program) -> str:
    """The program's inputs, stages and outputs, tensors and axes by number."""
    writer = _Writer()
    lines = [f"in {name} {writer.tensor(t)} {t.kind} {t.shape}" for name, t in program.inputs.items()]
    for stage in program.stages:
        if isinstance(stage, Loop):
            places = [s.axes.index(stage.axes[s.target]) for s in stage.statements]
            lines.append(f"loop {stage.extent} {stage.reverse} {places}")
        lines += [writer.statement(s) for s in (stage.statements if isinstance(stage, Loop) else (stage,))]
    lines += [f"out {name} {writer.tensor(t)}" for name, t in program.outputs.items()]
    return "\n".join(lines)


class _Writer:
    def __init__(self) -> None:
        self.tensors: dict[Tensor, int] = {}
        self.axes: dict[Axis, int] = {}

    def tensor(self, tensor: Tensor) -> str:
        return f"T{self.tensors.setdefault(tensor, len(self.tensors))}"

    def axis(self, axis: Axis) -> str:
        return f"a{self.axes.setdefault(axis, len(self.axes))}<{axis.extent!r}"

    def affine(self, index: Affine) -> str:
        terms = " ".join(f"{self.axis(a)}*{c.value}" for a, c in index.terms)
        return f"({terms} {index.constant})/{index.divisor.value}"

    def statement(self, s: Statement) -> str:
        self.axes = {}
        axes = ",".join(map(self.axis, s.axes))
        return f"{self.tensor(s.target)} {s.target.kind} [{axes}] = {self.expression(s.expression)}"

    def expression(self, e: Expression) -> str:
        match e:
            case Constant(value):
                return repr(value)
            case Index(index):
                return f"index{self.affine(index)}"
            case Size(axis):
                return f"size {axis.extent!r}"
            case Read(tensor, indices, outside):
                places = ",".join(self.affine(i) if isinstance(i, Affine) else self.expression(i) for i in indices)
                return f"{self.tensor(tensor)}[{places}|{'' if outside is None else self.expression(outside)}]"
            case Operation(name, args):
                return f"{name}({','.join(map(self.expression, args))})"
            case Reduction(name, axes, body):
                return f"{name}[{','.join(map(self.axis, axes))}]({self.expression(body)})"
        raise TypeError(e)
