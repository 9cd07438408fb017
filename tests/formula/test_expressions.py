"""The normal form of expressions: a sum of products, numbers out in front, factors in their order."""

from __future__ import annotations

import math

import pytest

from pellucid.formula import Affine, Axis, Tensor
from pellucid.formula.axes import Coefficient
from pellucid.formula.expressions import (
    ZERO,
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    add,
    canonical,
    divide,
    free_axes,
    multiply,
    power,
    rename,
    substitute,
    value_of,
)
from pellucid.formula.notation.unicode import Printer

ROW, COLUMN = Axis("i", 4), Axis("j", 4)
X = Tensor.input("x", i=4)
Z = Tensor.input("z", i=4)
x, z = X[ROW], Z[ROW]
slope = Constant(2, "slope")
i, j = Index(Affine.of(ROW)), Index(Affine.of(COLUMN))


def text(e: Expression) -> str:
    return Printer({X: "x", Z: "z"}).expression(e)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (x * z, "x[i]·z[i]"),
        (z * x, "z[i]·x[i]"),
        (2 * (x * 3), "6·x[i]"),
        (x * -1, "−x[i]"),
        (-(x * -2) * z, "2·x[i]·z[i]"),
        (x * slope * 3, "3·x[i]·slope"),
        (x * 0, "0"),
        (x * 1, "x[i]"),
        (x + x, "2·x[i]"),
        (x + z - x, "z[i]"),
        (x - x, "0"),
        (1 - x + 2, "3 − x[i]"),
        (x * z + z * x, "x[i]·z[i] + z[i]·x[i]"),
        (-x + z, "−x[i] + z[i]"),
        (x - 3 * z, "x[i] − 3·z[i]"),
        (x / 1, "x[i]"),
        (x / z, "x[i]/z[i]"),
        (-2 * x / z, "−2·x[i]/z[i]"),
        (2 / x, "2/x[i]"),
        (2 / x + 3 / x, "5/x[i]"),
        (2 / x - 2 / x, "0"),
        (z * (2 / x), "2·z[i]·(1/x[i])"),
        (2 * x / 2, "x[i]"),
        (6 * (x / 3), "2·x[i]"),
        (x / 2, "x[i]/2"),
        (1 / (x + z), "1/(x[i] + z[i])"),
        (x**1, "x[i]"),
        (x**0, "1"),
        (x**2, "x[i]²"),
        (Constant(2) ** 3, "8"),
        (2 * i + 3 * i, "5·i"),
        (2 * (i + 1), "2·i + 2"),
        (i * x * 2, "2·i·x[i]"),
        (i + x + 1, "i + x[i] + 1"),
        (i - i, "0"),
        (i * j, "i·j"),
    ],
)
def test_normal_form(expression: Expression, expected: str) -> None:
    assert text(expression) == expected


def test_sums_and_products_of_indices_are_indices() -> None:
    assert 2 * i + j - 1 == Index(Affine(((ROW, Coefficient(2)), (COLUMN, Coefficient(1))), (Coefficient(-1),)))
    assert slope * i == Index(Affine(((ROW, Coefficient(2, "slope")),)))
    assert isinstance(i * 0.5, Operation) and isinstance(i * x, Operation)


def test_a_divided_index_is_a_quotient_so_that_it_equals_no_whole_number_where_it_does_not_divide() -> None:
    assert value_of(Affine.of(ROW).over(Coefficient(2, "s"))) == Operation("div", (i, Constant(2, "s")))
    assert value_of(Affine.of(3)) == Constant(3)
    assert value_of(Affine((), (Coefficient(-1, "p", minus=True),))) == -Constant(1, "p")


def test_equal_expressions_are_equal_values() -> None:
    assert x * z + 1 == X[ROW] * Z[ROW] + 1
    assert hash(x * z) == hash(X[ROW] * Z[ROW])
    assert x != X[COLUMN]


def test_powers_that_are_no_number_stay() -> None:
    assert isinstance(power(Constant(-1), Constant(0.5)), Operation)
    assert isinstance(power(Constant(0), Constant(-1)), Operation)
    assert isinstance(power(Constant(10), Constant(400)), Operation)


def test_infinity_is_a_number() -> None:
    assert multiply(Constant(-1), Constant(math.inf)) == Constant(-math.inf)
    assert text(add(x, Constant(-math.inf))) == "x[i] − ∞"
    assert divide(ZERO, x) == ZERO


def test_free_axes_are_those_that_no_reduction_binds() -> None:
    read = Read(X, (Affine.of(ROW) + Affine.of(COLUMN),), Z[COLUMN])
    assert free_axes(read) == {ROW, COLUMN}
    assert free_axes(Reduction("sum", (COLUMN,), read)) == {ROW}
    assert free_axes(Size(ROW)) == frozenset()


def test_replacing_an_axis_by_an_index_that_can_leave_gives_the_read_an_outside() -> None:
    assert substitute(x, {ROW: Affine.of(COLUMN)}) == X[COLUMN]
    assert substitute(x, {ROW: Affine.of(2)}) == X[2]
    assert substitute(x, {ROW: Affine.of(COLUMN) + Affine.of(1)}) == Read(X, (Affine.of(COLUMN) + Affine.of(1),), ZERO)
    kept = Read(X, (Affine.of(ROW),), Constant(-math.inf))
    moved = substitute(kept, {ROW: Affine.of(COLUMN) + Affine.of(1)})
    assert isinstance(moved, Read) and moved.outside == Constant(-math.inf)


def test_renaming_goes_into_reductions() -> None:
    total = Reduction("sum", (COLUMN,), X[COLUMN] * Z[ROW])
    new = COLUMN.fresh()
    renamed = rename(total, {COLUMN: new})
    assert renamed == Reduction("sum", (new,), X[new] * Z[ROW])
    assert canonical(renamed, (ROW,)) == canonical(total, (ROW,))


def test_canonical_tells_apart_what_differs() -> None:
    k = Axis("k", 4)
    assert canonical(X[ROW], (ROW,)) == canonical(X[COLUMN], (COLUMN,))
    assert canonical(X[ROW], (ROW,)) != canonical(Z[ROW], (ROW,))
    assert canonical(X[ROW] * Z[COLUMN], (ROW, COLUMN)) != canonical(X[COLUMN] * Z[ROW], (ROW, COLUMN))
    once = Reduction("sum", (COLUMN,), X[COLUMN] * Reduction("sum", (COLUMN, k), X[COLUMN] * Z[k]))
    other = Reduction("sum", (COLUMN,), X[COLUMN] * Reduction("sum", (COLUMN, k), X[COLUMN] * Z[COLUMN]))
    assert canonical(once) != canonical(other)


def test_a_tensor_knows_its_shape() -> None:
    assert X.shape == (4,) and X.rank == 1 and repr(X) == "x[i=4]"
    assert Tensor.input("dense_1.sum", n=3).letter == "sum"
