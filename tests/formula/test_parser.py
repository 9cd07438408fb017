"""What text means, and what the parser says when it means nothing: the place, the axis, what was expected and what
was given."""

from __future__ import annotations

import math

import pytest

from pellucid.errors import FormulaError
from pellucid.formula import BATCH, Tensor, define, define_all, unicode
from pellucid.formula.expressions import Constant, Index, Operation, Read, Reduction, Statement

X = Tensor.input("x", n=BATCH, i=5)
W = Tensor.input("w", i=5, o=3)
B = Tensor.input("b", o=3)
IDS = Tensor.input("ids", n=BATCH, kind="int")


def statement(text: str, **bindings: Tensor | float) -> Statement:
    found = define(text, extents=None, derivative=None, **bindings).definition
    assert found is not None
    return found


def failing(marked: str, /, **bindings: Tensor | float | tuple[int, int]) -> str:
    """The message for a text in which ‸ stands before the place that the caret has to show."""
    line = next(line for line in marked.split("\n") if "‸" in line)
    with pytest.raises(FormulaError) as caught:
        define(marked.replace("‸", ""), extents=None, derivative=None, **bindings)
    message, shown, caret = str(caught.value).split("\n")
    assert shown == "    " + line.replace("‸", "")
    assert caret == "    " + " " * line.index("‸") + "^"
    return message


@pytest.mark.parametrize(
    ("marked", "message"),
    [
        ("y[n] = x[n,0] ‸& 1", "a formula cannot contain '&'"),
        ("y[n] = x[n,0] ‸$", "a formula cannot contain '$'"),
        ("y[n] = x[n,0]·‸", "expected a number, a name or a bracket here, got the end of the formula"),
        ("y[n] = ‸", "expected a number, a name or a bracket here, got the end of the formula"),
        ("y[n] = (x[n,0] + 1‸", 'expected ")" here, got the end of the formula'),
        ("y[n] = x[n,0] ‸x[n,1]", 'expected an operator or the end of the statement, got "x"'),
        ("y[n] = x[n,0]‸)", 'expected an operator or the end of the statement, got ")"'),
        ("y[n] ‸+ 1 = x[n,0]", 'expected "=" here, got "+"'),
        ("y[n ‸= x[n,0]", 'expected "," here, got "="'),
        ("y[n,‸3] = x[n,0]", 'expected the name of an axis here, got "3"'),
        ("‸3 = x[n,0]", 'expected the name of the tensor that the statement defines here, got "3"'),
        ("y[n,‸n] = x[n,0]", "axis n is declared twice"),
        ("y[n] = x[n,0]\n‸y[n] = x[n,1]", "y is defined twice; each tensor has one statement"),
        ("‸x[n] = x[n,0]", "x is an argument of the formula and cannot be defined by it"),
        ("y[n,i<‸0] = x[n,i]", "axis i needs an integer of at least 1 as its extent"),
        ("y[n,i<‸n] = x[n,i]", "there is no axis or integer n here."),
        ("y[n] = ‸q[n]", "q is neither a tensor, a number nor an axis here."),
        ("y[n] = ‸slop·x[n,0]", 'slop is neither a tensor, a number nor an axis here. Did you mean "slope"?'),
        ("y[n] = ‸x[n]", "x has 2 axes (n, i), got 1 index"),
        ("y[n] = ‸x[n,0,0]", "x has 2 axes (n, i), got 3 indices"),
        ("y[n] = ‸x", "x has 2 axes (n, i), got 0 indices"),
        ("y[n] = ‸ids[n,0]·x[n,0]", "ids has 1 axis (n), got 2 indices"),
        ("y[n] = x[n,‸k]", "there is no axis or integer k here."),
        ("y[n] = Σ[i] x[n,‸o]", "there is no axis or integer o here."),
        ("y[n] = x[n,‸1.5]", "an index is an integer, got 1.5"),
        ("y[n] = x[n,‸slope]", "there is no axis or integer slope here."),
        ("y[n] = x[n,‸x[n,0]]", "x holds real numbers and cannot be an index; only integers can"),
        ("y[n,i] = x[n,‸i·n]", "an index is affine: it cannot multiply two axes"),
        ("y[n,i] = x[n,‸i/n]", "an index can be divided only by an integer of at least 1"),
        ("y[n,i] = x[n,‸i/0 | 0]", "an index can be divided only by an integer of at least 1"),
        ("y[n,i] = x[n,‸3/2]", "3 cannot be divided by 2: an index is an integer"),
        ("y[n,i] = x[n,‸(i/2)·2 | 0]", "an index is divided last, as in i·s/d"),
        ("y[n,i] = x[n,i/2 ‸+ 1 | 0]", "an index is divided as a whole, as in (i + p)/s"),
        ("y[n,i] = x[n,‸(ids[n]) + 1]", "an element of a tensor stands alone as an index"),
        ("y[n] = ‸relo(x[n,0])", 'there is no function relo. Did you mean "relu"?'),
        ("y[n] = ‸tnah(x[n,0])", 'there is no function tnah. Did you mean "tanh"?'),
        ("y[n] = ‸where(x[n,0], 1)", "where takes 3 arguments, got 2"),
        ("y[n] = ‸exp(x[n,0], 1)", "exp takes 1 argument, got 2"),
        ("y[n] = x[n,0]/size(‸k)", "there is no axis k here."),
        ("y[n] = x[n,0]/size(‸3)", 'expected the name of an axis here, got "3"'),
        ("y[n] = x[n,0 ‸1]", 'expected "," here, got "1"'),
        ("y[n] = x[n,0 | 0‸, 1]", 'expected "]" here, got ","'),
        ("y[n] = x[n,‸" + "9" * 50 + "]", "an integer has at most 40 digits"),
        ("y[n] = ‸" + "9" * 5000, "an integer has at most 40 digits"),
        ("y[n] = ‸argmax", "argmax is neither a tensor, a number nor an axis here."),
        ("y = ‸x[…,0,0,0]", "x has 2 axes, too few for these indices"),
    ],
)
def test_errors_point_to_the_place(marked: str, message: str) -> None:
    assert failing(marked, x=X, ids=IDS, slope=0.5).startswith(message)


def test_the_nearest_axis_is_suggested() -> None:
    assert "Did you mean" in failing("y[time] = Σ[unit] z[time,‸units]", z=Tensor.input("z", t=3, u=2))


def test_text_that_is_nested_too_deeply_is_an_error_of_the_formula() -> None:
    with pytest.raises(FormulaError, match="nested too deeply"):
        define("y = " + "(" * 2000 + "1" + ")" * 2000)


def test_text_that_is_empty_is_an_error_of_the_formula() -> None:
    with pytest.raises(FormulaError, match="expected the name of the tensor"):
        define("")


def test_an_argument_that_is_not_read_is_named() -> None:
    with pytest.raises(FormulaError, match="b is given, but the formula does not read it"):
        define("y[n,i] = x[n,i]", x=X, b=B)


@pytest.mark.parametrize(
    "text",
    [
        "y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]",
        "y[n,o] = b[o] + Σ_i x[n,i]·w[i,o]",
        "y[n,o] = b[o] + sum[i] x[n,i] * w[i,o]",
        "y[n, o] = b[o] + Σ[i] x[n,i] × w[i,o]  # the sum of a unit",
        "y[n,o] =\n    b[o]\n    + Σ[i] x[n,i]\n    ·w[i,o]",
        "y[n,o] = b[o] +\n    Σ[i] (x[n,i]·\n    w[i,o])",
        "y[…,o] = b[o] + Σ[i] x[…,i]·w[i,o]",
        "y[...,o] = b[o] + Σ[i] x[...,i]·w[i,o]",
    ],
)
def test_spellings_of_one_formula(text: str) -> None:
    assert unicode(statement(text, x=X, w=W, b=B)) == "y[n,o] = b[o] + Σ_i x[n,i]·w[i,o]"


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("a + b - c", "a + b − c"),
        ("a − b·c/d", "a − b·c/d"),
        ("a/b/c", "a/b/c"),
        ("a/(b/c)", "a/(b/c)"),
        ("a·(b + c)", "a·(b + c)"),
        ("-a²", "−a²"),
        ("(-a)²", "(−a)²"),
        ("a^b^c", "a^(b^c)"),
        ("(a^b)^c", "(a^b)^c"),
        ("a^-b", "a^(−b)"),
        ("a^2 + b³", "a² + b³"),
        ("√a + ln(b) + sigmoid(c)", "sqrt(a) + log(b) + σ(c)"),
        ("1e-3·a + .5·b + 1.·c", "0.001·a + 0.5·b + c"),
        ("[a < b]", "[a < b]"),
        ("[a > b] + [a >= b] + [a <= b]", "[b < a] + [b ≤ a] + [a ≤ b]"),
        ("where(0 < a < 1, b, c)", "where(0 < a and a < 1, b, c)"),
        ("where(a = 0 and b < c, 1, 0)", "where(a = 0 and b < c, 1, 0)"),
        ("max(a, b) + min(c, d)", "max(a, b) + min(c, d)"),
        ("-inf + a", "−∞ + a"),
        ("π·a", "π·a"),
        ("--a", "a"),
    ],
)
def test_precedence(written: str, printed: str) -> None:
    scalars = {name: Tensor.input(name) for name in "abcd"}
    used = {
        name: t
        for name, t in scalars.items()
        if name in written.replace("max", "").replace("and", "").replace("sigmoid", "")
    }
    assert unicode(statement(f"y = {written}", **used)) == f"y = {printed}"


def test_a_reduction_takes_the_whole_product_after_it_and_no_more() -> None:
    found = statement("y[n] = Σ[i] x[n,i]·2 + 1", x=X).expression
    assert isinstance(found, Operation) and found.name == "add"
    assert isinstance(found.args[0], Reduction) and found.args[1] == Constant(1)


@pytest.mark.parametrize(
    "text", ["y = Σ_i (a[i] + 1)", "y = Σ[i] (a[i] + 1)", "y = max_i [0 < a[i]]·a[i]", "y = Σ_i′ a[i′]"]
)
def test_what_may_follow_the_axes_of_a_reduction(text: str) -> None:
    found = statement(text, a=Tensor.input("a", i=5)).expression
    assert isinstance(found, Reduction) and found.axes[0].extent == 5


def test_minima_are_maxima_of_the_negative() -> None:
    assert unicode(statement("y[n] = min[i] x[n,i]", x=X)) == "y[n] = min_i x[n,i]"
    assert isinstance(statement("y[n] = argmin[i] x[n,i]", x=X).expression, Reduction)


def test_winners_are_whole_numbers_and_may_index() -> None:
    found = define_all("m[n] = argmax[i] x[n,i]\ny[n] = x[n,m[n]]", x=X)
    assert found["m"].kind == "int" and found["y"].kind == "float"


def test_elements_of_integer_tensors_are_indices() -> None:
    found = statement("y[n,o] = w[ids[n],o]", w=W, ids=IDS).expression
    assert isinstance(found, Read) and isinstance(found.indices[0], Read)
    with pytest.raises(FormulaError, match="holds real numbers"):
        define("y[n,o] = w[x[n,0],o]", w=W, x=X)


def test_an_index_is_a_value_too() -> None:
    found = define("y[i<4] = 2·i + 1")
    assert found.kind == "int"
    assert isinstance(found.definition, Statement) and isinstance(found.definition.expression, Index)
    comparison = statement("y[n,q<10] = Σ[i] [q = 2·i + 1]·x[n,i]", x=X)
    assert unicode(comparison) == "y[n,q<10] = Σ_i [q = 2·i + 1]·x[n,i]"


def test_numbers_keep_the_names_that_the_formula_gives_them() -> None:
    found = statement("y[n,i<2] = lr·x[n, i·s + p]", x=X, lr=0.1, s=2, p=1)
    assert unicode(found) == "y[n,i<2] = lr·x[n, i·s + p]"


def test_an_ellipsis_stands_for_all_the_other_axes() -> None:
    assert define("a[…] = σ(z[…])", z=Tensor.input("z", n=BATCH, h=3, c=2)).shape == (BATCH, 3, 2)
    assert define("a[…] = σ(z[…])", z=Tensor.input("z")).shape == ()
    assert define("a[…,k] = z[k,…]", z=Tensor.input("z", k=3, n=BATCH, c=2)).shape == (BATCH, 2, 3)
    assert define("a = Σ[…] z[…]²", z=Tensor.input("z", n=BATCH, c=2)).shape == ()
    renamed = define("a[…,c] = z[…,0]·b[c]", z=Tensor.input("z", c=3, d=2), b=Tensor.input("b", c=4))
    assert renamed.shape == (3, 4)


def test_statements_may_read_each_other_in_any_order() -> None:
    found = define_all("a[n] = b[n]·2; b[n] = x[n,0]", x=X)
    assert list(found) == ["a", "b"] and found["a"].shape == (BATCH,)


def test_a_tensor_may_be_called_like_an_axis() -> None:
    g = Tensor.input("g", k=3)
    assert unicode(statement("y[g] = g[g]·2", g=g)) == "y[g] = 2·g[g]"


def test_infinity_has_two_spellings() -> None:
    for spelling in ("-inf", "−∞"):
        read = statement(f"y[n,i<5] = x[n, i - 1 | {spelling}]", x=X).expression
        assert isinstance(read, Read) and read.outside == Constant(-math.inf)


def test_random_numbers_count_the_elements_of_their_tensor() -> None:
    seed = Tensor.input("seed", kind="int")
    z = Tensor.input("z", n=BATCH, i=4, j=3)
    assert unicode(statement("y[…] = z[…]·uniform(seed, 1, 0, …)", z=z, seed=seed)) == (
        "y[n,i,j] = z[n,i,j]·uniform(seed, 1, 0, 12·n + 3·i + j)"
    )
