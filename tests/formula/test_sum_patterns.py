from __future__ import annotations

from pellucid.formula.axes import Affine, Axis
from pellucid.formula.expressions import Constant, Index, Operation, Read, Tensor, multiply
from pellucid.formula.sum_patterns import naming_bracket, spreads, tied_axis

G, H, V = Axis("g", 4), Axis("h", 3), Axis("v", 5)


def bracket(axis: Axis, value: int) -> Operation:
    return Operation("eq", (Index(Affine.of(axis)), Constant(value)))


def test_a_bracket_ties_an_axis_to_one_of_its_values() -> None:
    for e in (bracket(G, 2), Operation("eq", bracket(G, 2).args[::-1])):
        assert tied_axis(e, lambda axis: axis is G) == (G, 2)
        assert tied_axis(e, lambda axis: axis is not G) is None
    assert tied_axis(bracket(G, 4), lambda _: True) is None, "there is no such value"
    assert tied_axis(Operation("lt", bracket(G, 2).args), lambda _: True) is None


def test_a_bracket_names_an_axis_that_nothing_else_has() -> None:
    ids, rows, both = Tensor("ids", (G,), kind="int"), Tensor("f", (G, H)), Tensor("b", (G, V))
    chosen, row = Read(ids, (Affine.of(G),)), Read(rows, (Affine.of(G), Affine.of(H)))
    names = Operation("eq", (Index(Affine.of(V)), chosen))
    assert naming_bracket([row, names], lambda axis: axis is V, lambda *_: True) == (V, chosen, [row])
    assert naming_bracket([row, names], lambda axis: axis is V, lambda *_: False) is None
    other = Read(both, (Affine.of(G), Affine.of(V)))
    assert naming_bracket([other, names], lambda axis: axis is V, lambda *_: True) is None


def test_a_product_spreads_over_axes_that_no_factor_has_alone() -> None:
    one, other = (Read(Tensor("a", (a,)), (Affine.of(a),)) for a in (G, H))
    assert spreads(multiply(one, other))
    assert not spreads(one)
