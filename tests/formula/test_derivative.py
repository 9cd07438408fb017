"""Derivatives as text, exactly as a textbook prints them. Their numbers are tested with the engines."""

from __future__ import annotations

import pytest
from tests.formula.zoo import lstm, real, whole

from pellucid.errors import FormulaError, ShapeError
from pellucid.formula import BATCH, Tensor, define, derivative, unicode
from pellucid.formula.axes import Affine, Axis, Coefficient
from pellucid.formula.derivative import mixed_radix, reachable
from pellucid.formula.expressions import ZERO, reads
from pellucid.formula.parser import Binding


def gradient(text: str, wrt: str, /, **bindings: Binding) -> str:
    """The gradient of the last statement's tensor y by one argument, given dy; without an axis, of y itself."""
    result = define(text, extents=None, derivative=None, **bindings)
    argument = bindings[wrt]
    assert isinstance(argument, Tensor)
    upstream = Tensor(f"d{result.letter}", tuple(a.fresh() for a in result.axes)) if result.rank else None
    found = derivative(result, [argument], upstream=upstream)[argument].definition
    assert found is not None
    return unicode(found)


X = real("x", n=BATCH, i=5)
Z = real("z", n=BATCH, o=3)
IMAGE = real("x", n=BATCH, h=12, w=12, c=3)


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [
        ("x", "dx[n,i] = Σ_o dy[n,o]·w[i,o]"),
        ("w", "dw[i,o] = Σ_n x[n,i]·dy[n,o]"),
        ("b", "db[o] = Σ_n dy[n,o]"),
    ],
)
def test_dense(wrt: str, expected: str) -> None:
    assert gradient("y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]", wrt, x=X, w=real("w", i=5, o=3), b=real("b", o=3)) == expected


@pytest.mark.parametrize(
    ("wrt", "expected"),
    [
        ("x", "dx[n,h,w,c] = Σ_uvf dy[n, (h + p − u·d)/s, (w + p − v·d)/s, f | 0]·k[u,v,c,f]"),
        ("k", "dk[u,v,c,f] = Σ_nij x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·dy[n,i,j,f]"),
        ("b", "db[f] = Σ_nij dy[n,i,j,f]"),
    ],
)
def test_convolution(wrt: str, expected: str) -> None:
    text = "y[n,i,j,f] = b[f] + Σ[u,v,c] x[n, i·s + u·d - p, j·s + v·d - p, c | 0]·k[u,v,c,f]"
    bindings = {"x": IMAGE, "k": real("k", u=3, v=3, c=3, f=4), "b": real("b", f=4)}
    assert gradient(text, wrt, **bindings, s=2, d=1, p=1) == expected


def test_transposed_convolution_is_the_convolution_backwards() -> None:
    text = "y[n,i<11,f] = Σ[u,c] x[n, (i + p - u)/s, c | 0]·k[u,c,f]"
    found = gradient(text, "x", x=real("x", n=BATCH, t=5, c=2), k=real("k", u=3, c=2, f=4), s=2, p=1)
    assert found == "dx[n,t,c] = Σ_uf dy[n, t·s + u − p, f | 0]·k[u,c,f]"


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("σ(z[…])", "da[n,o]·a[n,o]·(1 − a[n,o])"),
        ("tanh(z[…])", "da[n,o]·(1 − a[n,o]²)"),
        ("relu(z[…])", "da[n,o]·[0 < a[n,o]]"),
        ("exp(z[…])", "da[n,o]·a[n,o]"),
        ("log(z[…])", "da[n,o]/z[n,o]"),
        ("√z[…]", "da[n,o]/(2·a[n,o])"),
        ("softplus(z[…])", "da[n,o]·σ(z[n,o])"),
        ("abs(z[…])", "da[n,o]·sign(z[n,o])"),
        ("z[…]²", "2·da[n,o]·z[n,o]"),
        ("z[…]²/2", "da[n,o]·z[n,o]"),
        ("1/z[…]", "−da[n,o]·a[n,o]/z[n,o]"),
        ("z[…]^a0", "da[n,o]·a0·z[n,o]^(a0 − 1)"),
        ("sign(z[…])", "0"),
        ("[0 < z[…]]", "0"),
        ("stop(z[…])", "0"),
        ("3·z[…] + stop(z[…])·z[…]", "3·da[n,o] + stop(z[n,o])·da[n,o]"),
        ("min(z[…], 1)", "da[n,o]·[z[n,o] < 1]"),
        ("where(0 < z[…], √z[…], 0)", "where(0 < z[n,o], da[n,o]/(2·sqrt(z[n,o])), 0)"),
        ("where(0 < z[…], z[…], α·z[…])", "where(0 < z[n,o], da[n,o], 0) + where(z[n,o] ≤ 0, α·da[n,o], 0)"),
    ],
)
def test_scalar_functions(function: str, expected: str) -> None:
    numbers = {name: value for name, value in {"α": 0.1, "a0": 1.5}.items() if name in function}
    assert gradient(f"a[…] = {function}", "z", z=Z, **numbers) == f"dz[n,o] = {expected}"


def test_max_pooling_passes_to_the_first_winner() -> None:
    text = "y[n,i,j,c] = max[u<K, v<K] x[n, i·s + u - p, j·s + v - p, c | -inf]"
    result = define(text, x=IMAGE, K=2, s=2, p=0)
    found = derivative(result, [IMAGE], upstream=Tensor("dy", tuple(a.fresh() for a in result.axes)))
    assert [unicode(s) for s in reachable(found.values())] == [
        "m[n,i,j,c] = argmax[u<K,v<K] x[n, i·s + u − p, j·s + v − p, c | −∞]",
        "dx[n,h,w,c] = Σ[u<K,v<K] dy[n, (h + p − u)/s, (w + p − v)/s, c | 0]"
        "·[m[n, (h + p − u)/s, (w + p − v)/s, c | 0] = 2·u + v]",
    ]


def test_two_maxima_of_one_statement_read_their_winners_along_their_own_axes() -> None:
    found = gradient("y = (Σ[j] max[u] x[j,u])·(Σ[j] max[u] x[j,u])", "x", x=real("x", j=4, u=3))
    assert found == ("dx[j,u] = (Σ_j′ max_u′ x[j′,u′])·[m[j] = u] + (Σ_j′ max_u′ x[j′,u′])·[m[j] = u]")


def test_a_maximum_over_the_batch_needs_it_first() -> None:
    x = real("x", n=BATCH, c=3)
    assert gradient("y = max[n,c] x[n,c]", "x", x=x) == "dx[n,c] = [m = 3·n + c]"
    with pytest.raises(FormulaError, match="axis n is the batch: it can be counted only as the first axis"):
        gradient("y = max[c,n] x[n,c]", "x", x=x)


def test_embedding_keeps_its_delta() -> None:
    found = gradient("y[n,t,d] = E[ids[n,t],d]", "E", E=real("E", v=10, d=3), ids=whole("ids", n=BATCH, t=6))
    assert found == "dE[v,d] = Σ_nt dy[n,t,d]·[v = ids[n,t]]"


def test_views_are_read_backwards() -> None:
    image = real("x", n=BATCH, i=6, j=7)
    assert gradient("y[j,i] = x[i,j]", "x", x=real("x", i=4, j=3)) == "dx[i,j] = dy[j,i]"
    assert gradient("y[n,q<42] = Σ[i,j] [q = w·i + j]·x[n,i,j]", "x", x=image, w=7) == "dx[n,i,j] = dy[n, i·w + j]"
    assert gradient("y[i<4] = x[3 - i]", "x", x=real("x", k=4)) == "dx[k] = dy[3 − k]"
    joined = "y[i<8] = where(i < 5, a[i | 0], b[i - 5 | 0])"
    assert gradient(joined, "a", a=real("a", i=5), b=real("b", j=3)) == "da[i] = dy[i]"
    assert gradient(joined, "b", a=real("a", i=5), b=real("b", j=3)) == "db[j] = dy[j + 5]"


def test_a_diagonal_keeps_the_condition_of_its_second_axis() -> None:
    assert gradient("y[i] = x[i,i]", "x", x=real("x", i=4, j=4)) == "dx[i,j] = dy[i]·[j = i]"


def test_the_batch_in_a_window() -> None:
    assert gradient("y[n] = x[n] - x[n - 1 | 0]", "x", x=real("x", n=BATCH)) == "dx[n] = dy[n] − dy[n + 1 | 0]"


def test_equal_contributions_are_merged() -> None:
    assert gradient("y[i] = x[i] + x[i]·2", "x", x=real("x", i=4)) == "dx[i] = 3·dy[i]"
    assert gradient("y = Σ[i] x[i] + Σ[j] x[j]", "x", x=real("x", i=4)) == "dx[i] = 2"


def test_sums_over_what_does_not_depend_on_them_become_sizes() -> None:
    assert gradient("L = Σ[n,i] x[n,i]·c", "c", x=X, c=real("c")) == "dc = Σ_ni x[n,i]"
    assert gradient("L = Σ[n] (Σ[i<5] c + x[n,0])", "c", x=X, c=real("c")) == "dc = 5·size(n)"


def test_conditions_wrap_whole_products() -> None:
    """0·∞ of the branch not taken would be NaN."""
    found = gradient("y[i] = z[i]·where(0 < x[i], √x[i], 0)", "x", x=real("x", i=4), z=real("z", i=4))
    assert found == "dx[i] = where(0 < x[i], z[i]·dy[i]/(2·sqrt(x[i])), 0)"


def test_a_sum_is_kept_where_its_solution_could_divide_by_zero() -> None:
    """i = (k − u)/2 can lie outside z, which then reads 0: log(0)·0 would be NaN, so the condition stays."""
    text = "y[i] = log(z[i])·Σ[u<3] x[2·i + u]"
    found = gradient(text, "x", x=real("x", t=9), z=real("z", i=4))
    assert found == "dx[t] = Σ[u<3,i] log(z[i])·dy[i]·[t = 2·i + u]"


def lines(result: Tensor, wrt: list[Tensor]) -> list[str]:
    found = derivative(result, wrt, upstream=Tensor("dy", tuple(a.fresh() for a in result.axes)))
    forwards = {s.target for s in reachable([result])}
    return [unicode(s) for s in reachable(found.values()) if s.target not in forwards]


def test_lstm() -> None:
    formula = lstm()
    assert lines(formula.define(), list(formula.tensors.values())) == [
        "dh[n,t,j] = dy[n,t,j] + Σ_gj′ dz[n, t + 1, g, j′ | 0]·U[j,g,j′]",
        "dc[n,t,j] = o[n,t,j]·dh[n,t,j]·(1 − tanh(c[n,t,j])²) + f[n, t + 1, j | 0]·dc[n, t + 1, j | 0]",
        "dg[n,t,j] = i[n,t,j]·dc[n,t,j]",
        "di[n,t,j] = dc[n,t,j]·g[n,t,j]",
        "df[n,t,j] = dc[n,t,j]·c[n, t − 1, j | c0[n,j]]",
        "do[n,t,j] = dh[n,t,j]·tanh(c[n,t,j])",
        "dz[n,t,g,j] = dg[n,t,j]·(1 − g[n,t,j]²)·[g = 2] + di[n,t,j]·i[n,t,j]·(1 − i[n,t,j])·[g = 0]"
        " + df[n,t,j]·f[n,t,j]·(1 − f[n,t,j])·[g = 1] + do[n,t,j]·o[n,t,j]·(1 − o[n,t,j])·[g = 3]",
        "dx[n,t,i] = Σ_gj dz[n,t,g,j]·W[i,g,j]",
        "dW[i,g,j] = Σ_nt x[n,t,i]·dz[n,t,g,j]",
        "dU[q,g,j] = Σ_nt h[n, t − 1, q | h0[n,q]]·dz[n,t,g,j]",
        "db[g,j] = Σ_nt dz[n,t,g,j]",
        "dh0[n,q] = Σ_gj dz[n,0,g,j]·U[q,g,j]",
        "dc0[n,j] = f[n,0,j]·dc[n,0,j]",
    ]


def test_a_sequence_of_one_step() -> None:
    formula = lstm(t=1)
    h0 = formula.tensors["h0"]
    assert lines(formula.define(), [h0])[-1] == "dh0[n,q] = Σ_gj dz[n,0,g,j]·U[q,g,j]"


def test_a_tensor_read_by_a_recurrence_and_elsewhere_collects_both() -> None:
    x = real("x", t=5)
    result = define("h[t] = x[t]·h[t-1 | 0]\ny[t] = h[t] + x[t]²", x=x)
    assert lines(result, [x]) == [
        "dh[t] = dy[t] + x[t + 1 | 0]·dh[t + 1 | 0]",
        "dx[t] = 2·dy[t]·x[t] + dh[t]·h[t − 1 | 0]",
    ]


def test_an_intermediate_value_has_a_gradient() -> None:
    hidden = define("z[n] = 2·x[n,0]", x=X)
    result = define("y[n] = z[n]²", z=hidden)
    dy = Tensor("dy", tuple(a.fresh() for a in result.axes))
    found = derivative(result, [hidden, result], upstream=dy)
    assert found[result] is dy
    statement = found[hidden].definition
    assert statement is not None and unicode(statement) == "dz[n] = 2·dy[n]·z[n]"


def test_a_gradient_that_is_a_copy_is_the_tensor_itself() -> None:
    result = define("y[n,o] = z[n,o] + b[o]", z=Z, b=real("b", o=3))
    dy = Tensor("dy", tuple(a.fresh() for a in result.axes))
    assert derivative(result, [Z], upstream=dy)[Z] is dy


def test_the_loss_itself_needs_no_upstream() -> None:
    loss = define("L = Σ[n,o] z[n,o]²", z=Z)
    found = derivative(loss, [Z])[Z].definition
    assert found is not None and unicode(found) == "dz[n,o] = 2·z[n,o]"


def test_a_second_derivative() -> None:
    x = real("x", i=4)
    first = derivative(define("L = Σ[i] x[i]³", x=x), [x])[x]
    second = derivative(define("M = Σ[i] g[i]·v[i]", g=first, v=real("v", i=4)), [x])[x].definition
    assert second is not None and unicode(second) == "dx[i] = 6·ddx[i]·x[i]"


def test_a_stated_derivative_is_taken_as_it_is_said() -> None:
    rule = "dz[…,k] = a[…,k]·(da[…,k] - Σ[o] a[…,o]·da[…,o])"
    softmax = define(
        "e[…,o] = exp(z[…,o] - stop(max[k] z[…,k]))\na[…,o] = e[…,o]/Σ[k] e[…,k]", z=Z, derivative={"z": rule}
    )
    da = Tensor("da", tuple(a.fresh() for a in softmax.axes))
    found = derivative(softmax, [Z], upstream=da)[Z].definition
    assert found is not None and unicode(found) == "dz[n,o] = a[n,o]·(da[n,o] − Σ_o′ a[n,o′]·da[n,o′])"


def test_a_stated_derivative_adds_to_what_arrives_on_other_ways() -> None:
    z = real("z", o=3)
    a = define("a[…] = exp(z[…])", z=z, derivative={"z": "dz[…] = da[…]·a[…]"})
    result = define("y[o] = a[o] + 2·z[o]", a=a, z=z)
    # da only copies dy, so it is dy, by the letter that the stated derivative gives it.
    assert lines(result, [z]) == ["dz[o] = 2·da[o] + da[o]·a[o]"]


def test_a_stated_derivative_in_several_steps() -> None:
    z = real("z", o=3)
    a = define("a[…] = z[…]²", z=z, derivative={"z": "s[…] = 2·z[…]·da[…]\ndz[…] = s[…]"})
    dy = real("dy", o=3)
    [found] = reachable([derivative(a, [z], upstream=dy)[z]])
    assert unicode(found) == "s[o] = 2·z[o]·da[o]"
    assert {r.tensor for r in reads(found.expression)} == {z, dy}


def test_a_stated_derivative_of_another_shape_is_refused() -> None:
    z = real("z", o=3)
    a = define("a[…] = z[…]²", z=z, derivative={"z": "dz = Σ[o] z[o]·da[o]"})
    with pytest.raises(ShapeError, match="the derivative stated for z has the shape"):
        derivative(a, [z], upstream=real("dy", o=3))


def test_a_derivative_cannot_be_stated_for_what_the_formula_does_not_read() -> None:
    with pytest.raises(FormulaError, match="a derivative is stated for x, which is not a tensor of the formula"):
        define("a[…] = z[…]²", z=Z, derivative={"x": "dx[…] = da[…]"})


def test_what_the_output_does_not_depend_on_has_the_gradient_zero() -> None:
    other = real("other", q=4)
    result = define("L = Σ[n,o] z[n,o]", z=Z)
    found = derivative(result, [Z, other])[other]
    assert found.shape == (4,) and found.definition is not None and found.definition.expression == ZERO


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("t - 1 | o", "do = dy[0]"),
        ("t + 1 | o", "do = dy[4]"),
        ("t - 2 | o", "do = Σ_t where(t − 2 < 0, dy[t], 0)"),
    ],
)
def test_the_value_outside_has_a_gradient(index: str, expected: str) -> None:
    o = real("o")
    found = define(f"y[t] = x[{index}]", x=real("x", t=5), o=o, extents={"t": 5})
    assert lines(found, [o]) == [expected]


def test_the_value_outside_two_axes_is_refused() -> None:
    with pytest.raises(FormulaError, match="no gradient can pass to the value outside x: two of its axes leave it"):
        gradient("y[i,j] = x[i-1, j-1 | o]", "o", x=real("x", i=5, j=5), o=real("o"))


def test_errors() -> None:
    result = define("y[n,o] = z[n,o]²", z=Z)
    with pytest.raises(FormulaError, match="y has 2 axes; give upstream"):
        derivative(result, [Z])
    with pytest.raises(ShapeError, match="got an upstream gradient of"):
        derivative(result, [Z], upstream=real("dy", n=BATCH, o=4))
    with pytest.raises(FormulaError, match="a tensor of integers has no gradient"):
        derivative(define("L = Σ[n,o] z[n,o]", z=Z), [whole("ids", n=BATCH)])


def test_one_channel_is_no_digit() -> None:
    """A grey image's channel has extent 1, and the coefficient 1 like the column's: still a reshape."""
    i, j, k, q = Axis("i", 28), Axis("j", 28), Axis("k", 1), Axis("q", 784)
    index = Affine(((i, Coefficient(28)), (j, Coefficient(1)), (k, Coefficient(1))))
    assert mixed_radix(index, q, (i, j, k))
    assert not mixed_radix(index, Axis("q", 783), (i, j, k))
