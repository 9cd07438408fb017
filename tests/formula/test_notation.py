"""Formulas as text, LaTeX and JSON, and back from text and JSON to the same structure."""

from __future__ import annotations

import contextlib
import copy
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formula.zoo import ZOO, Constants, real, whole

from pellucid.errors import FormulaError, ShapeError
from pellucid.formula import (
    BATCH,
    Affine,
    Axis,
    Loop,
    Program,
    Statement,
    Tensor,
    define,
    derivative,
    from_json,
    latex,
    read_back,
    to_json,
    unicode,
)
from pellucid.formula.axes import Coefficient, Extent
from pellucid.formula.expressions import (
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
    multiply,
    power,
    walk,
)
from pellucid.formula.notation.unicode import letters, number_text
from pellucid.formula.parser import reduction
from pellucid.formula.scalar import SCALARS


def inner_extents(statement: Statement) -> dict[str, Extent]:
    """The extents of the axes inside a statement that its text may not tell, where one name has one extent."""
    found: dict[str, set[Extent]] = {}
    for e in walk(statement.expression):
        axes = e.axes if isinstance(e, Reduction) else (e.axis,) if isinstance(e, Size) else ()
        for axis in axes:
            assert axis.extent is not None
            found.setdefault(axis.name, set()).add(axis.extent)
    single = {name: extents.pop() for name, extents in found.items() if len(extents) == 1}
    return {name + "′" * primes: extent for name, extent in single.items() for primes in range(9)}


def assert_reads_back(statement: Statement, constants: Constants) -> Statement:
    tensors = {name: tensor for tensor, name in letters(statement).items()}
    text = unicode(statement)
    back = read_back(text, tensors, constants=constants, extents=inner_extents(statement))
    assert back.target is statement.target
    assert canonical(back.expression, back.axes) == canonical(statement.expression, statement.axes), text
    return back


def assert_sound(text: str) -> None:
    """LaTeX that at least closes what it opens and says nothing in Unicode."""
    assert text.isascii(), text
    depth = 0
    for place, sign in enumerate(text):
        escaped = place and text[place - 1] == "\\"
        depth += (sign == "{" and not escaped) - (sign == "}" and not escaped)
        assert depth >= 0, text
    assert depth == 0, text
    assert text.count(r"\left") - text.count(r"\leftarrow") == text.count(r"\right"), text
    assert text.count(r"\begin{cases}") == text.count(r"\end{cases}"), text


@pytest.mark.parametrize("name", ZOO)
def test_every_statement_and_gradient_reads_back_from_its_text(name: str) -> None:
    formula = ZOO[name]()
    for statement in formula.statements():
        back = assert_reads_back(statement, formula.constants)
        assert unicode(back) == unicode(statement)


@pytest.mark.parametrize("name", ZOO)
def test_every_statement_and_gradient_has_latex(name: str) -> None:
    for statement in ZOO[name]().statements():
        assert_sound(latex(statement))


@pytest.mark.parametrize("name", ZOO)
def test_every_statement_and_gradient_comes_back_from_json(name: str) -> None:
    statements = ZOO[name]().statements()
    written = to_json(statements)
    back = from_json(json.loads(json.dumps(written, allow_nan=False)))
    assert isinstance(back, tuple)
    assert to_json(back) == written
    assert [unicode(s) for s in back] == [unicode(s) for s in statements]
    assert [s.target.shape for s in back] == [s.target.shape for s in statements]
    assert [s.target.kind for s in back] == [s.target.kind for s in statements]
    assert all(s.target.definition is s for s in back)


@pytest.mark.parametrize(
    "name", ["dense", "max pooling", "softmax", "lstm", "reversed recurrence", "masked recurrence"]
)
def test_a_program_comes_back_from_json(name: str) -> None:
    formula = ZOO[name]()
    result = formula.define()
    upstream = Tensor("upstream", tuple(a.fresh() for a in result.axes))
    gradients = derivative(result, [t for t in formula.tensors.values() if t.kind == "float"], upstream=upstream)
    program = Program({"result": result, **{f"gradient of {t.name}": g for t, g in gradients.items()}})
    written = to_json(program)
    back = from_json(json.loads(json.dumps(written, allow_nan=False)))
    assert isinstance(back, Program)
    assert list(back.outputs) == list(program.outputs)
    assert set(back.inputs) == set(program.inputs) and set(back.tensors) == set(program.names.values())
    assert sorted(map(unicode, back.statements)) == sorted(map(unicode, program.statements))
    assert [(s.extent, s.reverse) for s in back.stages if isinstance(s, Loop)] == [
        (s.extent, s.reverse) for s in program.stages if isinstance(s, Loop)
    ]


# Expressions drawn at random

ROW, COLUMN, TAP = Axis("i", 4), Axis("j", 3), Axis("k", 2)
X, Z, S = real("x", i=4, j=3), real("z", i=4), real("s")
IDS = whole("ids", j=3)
NUMBERS: Constants = {"lr": 0.5, "w": 2, "α": 1.5}

numbers = st.one_of(
    st.integers(-3, 3), st.sampled_from([0.5, 1e-7, -2.25, 1e20, 2.0]), st.floats(-10, 10, allow_nan=False)
)


def read_of_x(scale: int, shift: int, outside: Expression | None) -> Read:
    first = Affine.of(ROW).scaled(Coefficient(scale)) + Affine.of(shift)
    return Read(X, (first, Affine.of(COLUMN)), Constant(-math.inf) if outside is None else outside)


leaves: st.SearchStrategy[Expression] = st.one_of(
    numbers.map(Constant),
    st.sampled_from([Constant(0.5, "lr"), Constant(2, "w"), Constant(1.5, "α"), Constant(math.pi, "π")]),
    st.sampled_from([X[ROW, COLUMN], Z[ROW], Read(S, ()), Read(Z, (IDS[COLUMN],)), Z[3], Size(ROW)]),
    st.builds(
        lambda a, b, c: Index(Affine.of(ROW).scaled(a) + Affine.of(COLUMN).scaled(b) + Affine.of(c)),
        st.sampled_from([Coefficient(1), Coefficient(-2), Coefficient(2, "w")]),
        st.sampled_from([Coefficient(1), Coefficient(3), Coefficient(-2, "w", minus=True)]),
        st.integers(-2, 2),
    ),
    st.builds(read_of_x, st.sampled_from([1, 2, -1]), st.integers(-2, 2), st.none()),
)


def _extended(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    plain = [n for n in SCALARS if n not in ("div", "pow", "max", "min")]
    calls = [st.builds(Operation, st.just(n), st.tuples(*[inner] * SCALARS[n].arity)) for n in (*plain, "max", "min")]
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: add(*parts)),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: multiply(*parts)),
        st.tuples(inner, inner).map(lambda e: e[0] - e[1]),
        st.tuples(inner, inner).map(lambda e: divide(*e)),
        st.tuples(inner, inner).map(lambda e: power(*e)),
        st.builds(
            reduction,
            st.sampled_from(["sum", "max", "min", "argmax", "argmin"]),
            st.sampled_from([(TAP,), (COLUMN,), (COLUMN, TAP)]),
            inner,
        ),
        st.builds(read_of_x, st.sampled_from([1, 2]), st.integers(-1, 1), inner),
        *calls,
    )


expressions = st.recursive(leaves, _extended, max_leaves=12)


def random_statement(expression: Expression) -> Statement:
    target = Tensor("y", (ROW, COLUMN))
    return Statement(target, expression)


@given(expressions)
def test_random_expressions_read_back_from_text(expression: Expression) -> None:
    assert_reads_back(random_statement(expression), NUMBERS)


@given(expressions)
def test_random_expressions_come_back_from_json(expression: Expression) -> None:
    statement = random_statement(expression)
    written = to_json([statement])
    [back] = from_json(json.loads(json.dumps(written, allow_nan=False)))  # type: ignore[misc]
    assert to_json([back]) == written
    assert unicode(back) == unicode(statement)


@given(expressions)
def test_random_expressions_have_latex(expression: Expression) -> None:
    assert_sound(latex(random_statement(expression)))


# Text


def test_a_statement_reads_back_about_the_tensor_it_defines() -> None:
    h, x = real("h", t=5), real("x", t=5)
    back = read_back("h[s] = x[s] + h[s - 1 | 0]", {"h": h, "x": x})
    assert back.target is h
    assert unicode(back) == "h[t] = x[t] + h[t − 1 | 0]"


def test_a_statement_may_define_a_new_tensor() -> None:
    back = read_back("y[i] = lr·x[i]", {"x": real("x", i=4)}, constants={"lr": 0.1})
    assert back.target.name == "y" and back.target.shape == (4,)


def test_the_size_of_an_axis_that_is_summed_no_longer() -> None:
    back = read_back("L = x/size(n)", {"x": real("x")}, extents={"n": BATCH})
    assert unicode(back) == "L = x/size(n)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y[i,j] = x[i,j]; z[i,j] = x[i,j]", "expected one statement, got 2"),
        ("x[i] = 1", "x has 2 axes, got 1"),
        ("x[i,j<7] = 1", "axis j is 7, but x has 3 there"),
        ("y[i] = q[i]", "q is neither a tensor"),
        ("y[i,j] = x[i,j]·", "got the end of the formula"),
    ],
)
def test_text_that_does_not_read_back(text: str, message: str) -> None:
    with pytest.raises((FormulaError, ShapeError), match=message):
        read_back(text, {"x": X})


def test_two_tensors_with_one_letter_print_with_their_names() -> None:
    a, b = real("first.x", i=3), real("second.x", i=3)
    y = define("y[i] = a[i]·b[i]", a=a, b=b).definition
    assert y is not None
    plain = Statement(y.target, y.expression)
    assert unicode(plain) == "y[i] = first.x[i]·second.x[i]"
    assert_reads_back(plain, {})
    same = Statement(y.target, multiply(real("x", i=3)[y.axes[0]], real("x", i=3)[y.axes[0]]))
    assert unicode(same) == "y[i] = x[i]·x′[i]"


def test_names_may_be_given() -> None:
    y = define("y[i] = 2·x[i]", x=(x := real("layer.x", i=3)))
    assert y.definition is not None
    assert unicode(y.definition, {y: "out", x: "in"}) == "out[i] = 2·in[i]"
    assert unicode(y.definition, {}) == "y[i] = 2·layer.x[i]"


def test_an_axis_is_never_called_like_something_else() -> None:
    r, x = real("r"), real("x", r=4)
    y = define("y[i] = x[i]·r", x=x, r=r)
    found = derivative(y, [x], upstream=real("dy", i=4))[x].definition
    assert found is not None and unicode(found) == "dx[r′] = dy[r′]·r"


def test_a_name_that_stands_for_two_numbers_is_written_out() -> None:
    x = real("x", t=9)
    a, b = define("a[i] = x[i·s]", x=x, s=2), define("b[i] = x[i·s]", x=x, s=3)
    y = define("L = Σ[i] a[i] + Σ[j] b[j]", a=a, b=b)
    found = derivative(y, [x])[x].definition
    assert found is not None and unicode(found) == "dx[t] = db[t/s | 0] + da[t/2 | 0]"
    assert_reads_back(found, {"s": 3})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2.0, "2"),
        (-3, "−3"),
        (0.1, "0.1"),
        (1e-8, "1e-08"),
        (-1e-8, "−1e-08"),
        (1e20, "1e+20"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number_text(value) == text


# LaTeX


@pytest.mark.parametrize(
    ("text", "bindings", "expected"),
    [
        (
            "y[n,o] = b[o] + Σ[i] x[n,i]·w[i,o]",
            {"x": real("x", n=BATCH, i=4), "w": real("w", i=4, o=3), "b": real("b", o=3)},
            r"y_{n,o} = b_{o} + \sum_{i} x_{n,i}\, w_{i,o}",
        ),
        (
            "a[i] = 1/(1 + exp(-z[i]))",
            {"z": real("z", i=4)},
            r"a_{i} = \frac{1}{1 + \exp\left(-z_{i}\right)}",
        ),
        (
            "y[t] = x[t - 1 | h0]",
            {"x": real("x", t=4), "h0": real("h0")},
            r"y_{t} = x_{t - 1 \mid \mathrm{h0}}",
        ),
        (
            "y[i] = max[u<K] x[i·s + u | -inf]",
            {"x": real("x", t=8), "K": 2, "s": 2},
            r"y_{i} = \max_{u < K} x_{i\, s + u \mid -\infty}",
        ),
        (
            "a[i] = where(0 ≤ z[i], z[i], α·z[i])",
            {"z": real("z", i=4), "α": 0.1},
            r"a_{i} = \begin{cases} z_{i} & \text{if } 0 \le z_{i} \\ \alpha\, z_{i} & \text{otherwise} \end{cases}",
        ),
        (
            "E[v] = Σ[n] [v = ids[n]]",
            {"ids": whole("ids", n=4)},
            r"E_{v} = \sum_{n} \left[v = \mathrm{ids}_{n}\right]",
        ),
        (
            "w′[i] = w[i] - lr·dw[i]",
            {"w": real("w", i=4), "dw": real("dw", i=4), "lr": 0.1},
            r"w'_{i} = w_{i} - \mathrm{lr}\, \mathrm{dw}_{i}",
        ),
        ("y = √x² + 3·x^0.5", {"x": real("x")}, r"y = {\sqrt{x}}^{2} + 3 {x}^{0.5}"),
        ("y = abs(x_1)·1e-8", {"x_1": real("x_1")}, r"y = 1 \cdot 10^{-8}\, \left|\mathrm{x\_1}\right|"),
    ],
)
def test_latex(text: str, bindings: dict[str, Any], expected: str) -> None:
    extents = {name: 4 for name in ("t", "v") if f"[{name}]" in text.split("=")[0]}
    found = define(text, extents=extents, **bindings).definition
    assert found is not None and latex(found) == expected


# JSON that nobody wrote with to_json


def small() -> dict[str, Any]:
    x, ids = real("x", i=4), whole("ids", j=3)
    y = define("y[j] = a·x[ids[j] | 0] + Σ[i] exp(x[i])", x=x, ids=ids, a=0.5)
    assert y.definition is not None
    return to_json([y.definition])


def test_the_layout_of_json() -> None:
    y = define("y[n] = lr·Σ[u] x[n, u·s - p | -inf]·size(n)", x=real("x", n=BATCH, i=4), lr=0.5, s=2, p=(1, 2))
    assert y.definition is not None
    assert to_json([y.definition]) == {
        "format": "pellucid.formula",
        "version": 1,
        "axes": [
            {"name": "n", "extent": "batch"},
            {"name": "u", "extent": 4},
            {"name": "n", "extent": "batch"},
            {"name": "i", "extent": 4},
        ],
        "tensors": [
            {"name": "y", "letter": "y", "kind": "float", "axes": [0]},
            {"name": "x", "letter": "x", "kind": "float", "axes": [2, 3]},
        ],
        "statements": [
            {
                "target": 0,
                "expression": {
                    "operation": "mul",
                    "args": [
                        {"constant": 0.5, "name": "lr"},
                        {
                            "reduction": "sum",
                            "axes": [1],
                            "body": {
                                "operation": "mul",
                                "args": [
                                    {
                                        "read": 1,
                                        "indices": [
                                            {"terms": [[0, 1]], "offset": [], "divisor": 1},
                                            {
                                                "terms": [[1, {"value": 2, "name": "s"}]],
                                                "offset": [{"value": -1, "name": "p", "minus": True, "high": 2}],
                                                "divisor": 1,
                                            },
                                        ],
                                        "outside": {"constant": "-inf"},
                                    },
                                    {"size": 0},
                                ],
                            },
                        },
                    ],
                },
                "letters": [[0, "y"], [1, "x"]],
            }
        ],
    }


def put(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
        place: Any = data
        for step in steps:
            place = place[step]
        place[last] = value

    return change


_DEEP: dict[str, Any] = {"constant": 1}
for _ in range(5000):
    _DEEP = {"operation": "exp", "args": [_DEEP]}
_LOOP: dict[str, Any] = {"operation": "exp", "args": []}
_LOOP["args"].append(_LOOP)
_AT = "statements.0.expression"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", "onnx"), "expected the format pellucid.formula, version 1"),
        (put("version", 2), "expected the format pellucid.formula, version 1"),
        (put("version", True), "expected the format pellucid.formula, version 1"),
        (put("extra", 1), "'extra' has no meaning there"),
        (lambda d: d.pop("axes"), "axes is missing"),
        (put("axes", {}), "expected a list, got a dict"),
        (
            put("axes.0", 3),
            "axis 0 of the formulas cannot be read: expected an object with extent, name, got 3",
        ),
        (put("axes.0.extent", -1), "expected an integer from 0"),
        (put("axes.0.extent", 2.5), "got 2.5"),
        (put("axes.0.extent", True), "got True"),
        (put("axes.0.extent", 10**400), "got a huge number"),
        (put("axes.0.name", ""), "expected a name"),
        (
            put("tensors.0.kind", "object"),
            "tensor 0 of the formulas cannot be read: expected the kind float or int",
        ),
        (put("tensors.0.kind", "int"), "said to hold integers"),
        (put("tensors.0.axes", [99]), "there is no axis 99"),
        (put("tensors.0.axes", [-1]), "expected an integer from 0"),
        (put("tensors.1.axes", [1, 1]), "one axis comes twice"),
        (put("tensors.1.name", ["x"]), "expected a name, got a list"),
        (put("statements.0.target", 7), "there is no tensor 7, only 3 of them"),
        (put("statements.0.target", "y"), "got 'y'"),
        (put("statements.0.letters", [[0]]), "expected a pair"),
        (put("statements.0.letters", [[9, "a"]]), "there is no tensor 9"),
        (put(_AT, None), "expected an expression"),
        (put(_AT, "__import__('os')"), "expected an expression"),
        (put(_AT, {}), "expected an expression"),
        (put(_AT, {"lambda": 1}), "expected an expression"),
        (put(_AT, {"constant": math.nan}), "expected a finite number"),
        (put(_AT, {"constant": math.inf}), "expected a finite number"),
        (put(_AT, {"constant": "1"}), "expected a finite number"),
        (put(_AT, {"constant": []}), "expected a finite number"),
        (put(_AT, {"constant": 1, "code": "x"}), "'code' has no meaning there"),
        (put(_AT, {"operation": "eval", "args": []}), "there is no operation eval"),
        (put(_AT, {"operation": "tnah", "args": [{"constant": 1}]}), 'Did you mean "tanh"'),
        (put(_AT, {"operation": "exp", "args": []}), "the operation exp does not take 0 arguments"),
        (
            put(_AT, {"operation": "add", "args": [{"constant": 1}]}),
            "the operation add does not take 1 arguments",
        ),
        (put(_AT, {"operation": ["exp"], "args": []}), "expected a name"),
        (
            put(_AT, {"reduction": "prod", "axes": [0], "body": {"constant": 1}}),
            "expected sum, max or argmax",
        ),
        (put(_AT, {"reduction": "sum", "axes": [], "body": {"constant": 1}}), "over 0 of them"),
        (put(_AT, {"size": 99}), "there is no axis 99"),
        (put(_AT, {"index": 0}), "expected an object with divisor, offset, terms"),
        (
            put(_AT, {"index": {"terms": [[1, 1]], "offset": [], "divisor": 1}}),
            "is used where nothing declares it",
        ),
        (
            put(_AT, {"index": {"terms": [[0, 1], [0, 1]], "offset": [], "divisor": 1}}),
            "one axis comes twice",
        ),
        (
            put(_AT, {"index": {"terms": [[0, 1]], "offset": [], "divisor": 0}}),
            "only by an integer of at least 1",
        ),
        (put(_AT, {"index": {"terms": [[0, 1.5]], "offset": [], "divisor": 1}}), "got 1.5"),
        (
            put(_AT, {"index": {"terms": [[0, {"value": 1, "name": 3}]], "offset": [], "divisor": 1}}),
            "a coefficient's name",
        ),
        (put(_AT, {"read": 1, "indices": []}), "got 0 indices"),
        (put(_AT, {"read": 99, "indices": []}), "there is no tensor 99"),
        (
            put(_AT, {"read": 0, "indices": [{"constant": 0}]}),
            "is not an element of a tensor of integers",
        ),
        (
            put(_AT, {"read": 0, "indices": [{"terms": [], "offset": [3], "divisor": 1}]}),
            "an index may leave y along j",
        ),
        (
            put(_AT, {"read": 0, "indices": [{"terms": [[0, 1]], "offset": [], "divisor": 1}]}),
            "read each other in a circle",
        ),
        (put(_AT, _DEEP), "nested more than 100 deep"),
        (put(_AT, _LOOP), "nested more than 100 deep"),
        (put("outputs", []), "expected an object"),
        (put("outputs", {"y": 5}), "there is no tensor 5"),
        (lambda d: d["statements"].append(copy.deepcopy(d["statements"][0])), "y is defined twice"),
    ],
)
def test_hostile_json(change: Callable[[dict[str, Any]], None], message: str) -> None:
    data = small()
    change(data)
    with pytest.raises(FormulaError) as caught:
        from_json(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("data", [None, 3, "{}", [], {}, b"", {1: 2}])
def test_what_is_no_document(data: object) -> None:
    with pytest.raises(FormulaError, match="the formulas cannot be read"):
        from_json(data)


junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)


@given(st.data())
def test_json_with_anything_in_any_place_is_read_or_refused(data: st.DataObject) -> None:
    document = small()
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            places.append((value, key))
            collect(inner)

    collect(document)
    container, key = data.draw(st.sampled_from(places))
    container[key] = data.draw(junk)
    with contextlib.suppress(FormulaError):
        from_json(document)


def test_not_a_number_cannot_be_written() -> None:
    with pytest.raises(FormulaError, match="NaN"):
        to_json([Statement(Tensor("y", ()), Constant(math.nan))])


def test_a_program_of_json_runs_its_recurrence_as_a_loop() -> None:
    h = define("h[t] = x[t] + h[t-1 | 0]", x=real("x", t=5))
    back = from_json(to_json(Program({"h": h})))
    assert isinstance(back, Program) and isinstance(back.stages[0], Loop)
    assert to_json(back)["stages"] == [{"statements": [0], "axes": [[1, 1]], "extent": 5, "reverse": False}]
