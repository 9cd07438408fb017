"""Sums over the examples that read what another sum over them has made: in order, and refused in any other."""

from __future__ import annotations

import pytest
from tests.engines.llvm.support import BOUNDS, close, draw, native

from pellucid.engines import compile_program
from pellucid.engines.llvm.plan.order import OrderError, check_order
from pellucid.engines.llvm.plan.passes import planned
from pellucid.engines.llvm.plan.work import Partial
from pellucid.formula import BATCH, Program, Tensor, define


def variance(places: int, features: int, *, flat: bool = False) -> Program:
    """The mean of a batch, the mean square of what is left, and a sum over the values normalised by both.

    Args:
        flat: whether the examples come as rows, and are read under another shape.
    """
    x = Tensor.input("x", n=BATCH, t=places, c=features)
    if flat:
        rows = Tensor.input("x", n=BATCH, i=places * features)
        x = define("x2[n,t,c] = x[n,t·C + c]", x=rows, C=features, extents={"t": places, "c": features})
    m = define("m[c] = Σ[n,t] x[n,t,c]/T", x=x, T=places)
    v = define("v[c] = Σ[n,t] (x[n,t,c] − m[c])^2/T", x=x, m=m, T=places)
    y = define("y[n,t,c] = (x[n,t,c] − m[c])/sqrt(v[c] + 1)", x=x, m=m, v=v)
    w = define("w[c] = Σ[n,t] (y[n,t,c] − m[c])·x[n,t,c]/T", x=x, y=y, m=m, T=places)
    return Program({"m": m, "v": v, "y": y, "w": w})


@pytest.mark.sample(7)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize(("places", "features"), [(4, 8), (16, 32), (9, 75), (33, 32), (128, 24)])
@pytest.mark.parametrize("flat", [False, True])
def test_a_sum_of_what_another_sum_made(kind: str, places: int, features: int, flat: bool) -> None:
    program = variance(places, features, flat=flat)
    run, oracle = native(program, kind), compile_program(program, engine="reference", dtype="float64")
    for factor in (1.0, 3.0):  # the second call would find the values of the first
        inputs = {"x": draw(program, 37)["x"] * factor}
        found, expected = run(inputs), oracle(inputs)
        for name in program.outputs:
            close(found[name], expected[name], BOUNDS[kind], name)


def test_a_part_of_a_sum_out_of_order_is_refused_by_name() -> None:
    plan = planned(variance(33, 32)).plan
    parts = [(phase, work) for phase in plan.phases for work in phase.works if isinstance(work, Partial)]
    ((phase, part),) = [(p, w) for p, w in parts if w.nest.targets[0].name == "v"]
    phase.works.remove(part)
    plan.phases[0].works.append(part)
    with pytest.raises(OrderError, match=r"^v reads m, which is made later in the same call$"):
        check_order(plan)


def test_phases_out_of_order_are_refused_by_name() -> None:
    plan = planned(variance(4, 8)).plan
    plan.phases.reverse()
    with pytest.raises(OrderError, match=r"reads .*, which is made later"):
        check_order(plan)
