"""Affine indices: their arithmetic agrees with that of integers at every value of their axes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.formula import BATCH, Affine, Axis
from pellucid.formula.axes import Coefficient
from pellucid.formula.notation.unicode import affine_text

ROW, COLUMN, TAP = Axis("i", 5), Axis("j", 3), Axis("k", 7)

coefficients = st.one_of(
    st.integers(-4, 4).map(Coefficient),
    st.builds(Coefficient, st.integers(1, 4), st.sampled_from(["s", "d"])),
)
undivided = st.builds(
    lambda axes, scales, offset: Affine(
        tuple((a, c) for a, c in zip(axes, scales, strict=False) if c.value),
        tuple(c for c in offset if c.name or c.value),
    ),
    st.lists(st.sampled_from([ROW, COLUMN, TAP]), unique=True),
    st.lists(coefficients, min_size=3, max_size=3),
    st.lists(coefficients, max_size=2),
)
affines = st.builds(lambda index, by: index.over(by), undivided, st.integers(1, 4).map(Coefficient))
points = st.fixed_dictionaries({ROW: st.integers(0, 4), COLUMN: st.integers(0, 2), TAP: st.integers(0, 6)})


def value(index: Affine, at: Mapping[Axis, Fraction | int]) -> Fraction:
    total = sum((Fraction(c.value) * at[a] for a, c in index.terms), Fraction(index.constant))
    return total / index.divisor.value


@given(affines, affines, points)
def test_sums_and_differences(a: Affine, b: Affine, at: dict[Axis, int]) -> None:
    assert value(a + b, at) == value(a, at) + value(b, at)
    assert value(a - b, at) == value(a, at) - value(b, at)
    assert value(-a, at) == -value(a, at)


@given(affines, coefficients.filter(lambda c: c.value), points)
def test_products_and_quotients_with_a_whole_number(a: Affine, by: Coefficient, at: dict[Axis, int]) -> None:
    assert value(a.scaled(by), at) == value(a, at) * by.value
    assert value(a.over(by), at) == value(a, at) / by.value
    assert a.over(by).divisor.value > 0


@given(undivided, affines, affines, points)
def test_replacing_axes(a: Affine, for_i: Affine, for_j: Affine, at: dict[Axis, int]) -> None:
    replaced = a.substitute({ROW: for_i, COLUMN: for_j})
    assert value(replaced, at) == value(a, {ROW: value(for_i, at), COLUMN: value(for_j, at), TAP: at[TAP]})


@given(affines, affines, points)
def test_replacing_one_axis_under_a_divisor(a: Affine, for_i: Affine, at: dict[Axis, int]) -> None:
    replaced = a.substitute({ROW: for_i})
    assert value(replaced, at) == value(a, {**at, ROW: value(for_i, at)})


@given(undivided, points)
def test_bounds_hold_everywhere_and_are_reached(a: Affine, at: dict[Axis, int]) -> None:
    low, high = a.bounds() or (0, 0)
    assert low <= value(a, at) <= high
    every = [int(value(a, {ROW: i, COLUMN: j, TAP: k})) for i in (0, 4) for j in (0, 2) for k in (0, 6)]
    assert (low, high) == (min(every), max(every))
    assert a.within(high + 1) == (low >= 0)
    assert not a.within(high)


def test_a_divisor_of_the_same_name_cancels() -> None:
    s = Coefficient(2, "s")
    index = (Affine.of(ROW) + Affine.of(3)).over(s)
    assert affine_text(index) == "(i + 3)/s"
    assert affine_text(index.scaled(s)) == "i + 3"


def test_offsets_cancel_by_name() -> None:
    p = Affine((), (Coefficient(1, "p"),))
    q = Affine((), (Coefficient(1, "q"),))
    assert (Affine.of(ROW) + p - p).bare is ROW
    assert affine_text(Affine.of(ROW) + p - q) == "i + p − q"


def test_an_index_keeps_its_names() -> None:
    s, d, p = Coefficient(2, "s"), Coefficient(1, "d"), Affine((), (Coefficient(1, "p"),))
    window = Affine.of(ROW).scaled(s) + Affine.of(COLUMN).scaled(d) - p
    assert affine_text(window) == "i·s + j·d − p"
    assert affine_text(-window) == "p − i·s − j·d"
    assert affine_text(Affine.of(ROW).scaled(s).scaled(d)) == "i·s·d"
    assert affine_text(Affine.of(ROW).over(s).over(d)) == "i/(s·d)"


def test_a_negative_divisor_changes_the_signs_and_goes() -> None:
    assert affine_text((Affine.of(ROW) - Affine.of(9)).over(Coefficient(-1))) == "9 − i"
    assert affine_text(Affine.of(ROW).over(Coefficient(-2, "d"))) == "(−i)/2"


def test_an_index_that_is_only_an_axis() -> None:
    s, p = Coefficient(1, "s"), Coefficient(0, "p")
    named = Affine(((ROW, s),), (p,))
    assert Affine.of(ROW).bare is ROW and Affine.of(ROW).plain is ROW
    assert named.bare is None and named.plain is ROW
    assert Affine.of(ROW).scaled(Coefficient(2)).plain is None


def test_the_batch_has_no_bounds_but_is_within_itself() -> None:
    n = Axis("n", BATCH)
    assert Affine.of(n).bounds() is None
    assert Affine.of(n).within(BATCH)
    assert not (Affine.of(n) + Affine.of(1)).within(BATCH)
    assert not Affine.of(0).within(BATCH)
    with pytest.raises(TypeError, match="axis n has no fixed extent"):
        _ = n.size


def test_two_axes_are_the_same_only_as_objects() -> None:
    fresh = ROW.fresh()
    assert fresh is not ROW and fresh != ROW and (fresh.name, fresh.extent) == ("i", 5)
    assert repr(ROW) == "i<5" and repr(BATCH) == "BATCH"
