"""Scalar and vector values, and the arithmetic of formulas on them."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.math import FUNCTIONS, Lanes, real
from pellucid.engines.llvm.plan.work import LANES


@dataclass(frozen=True, slots=True)
class Value:
    """A value's name; `kind` is "f" for a real number, "i" for an integer (32 bits), "b" for a boolean. `number` if
    it is known."""

    text: str
    kind: Literal["f", "i", "b"]
    vector: bool = False
    number: float | None = None


class Arithmetic:
    """Writes operations on values with a builder."""

    CALLS: ClassVar = {"exp", "expm1", "log", "log1p", "sin", "cos", "erf", "tanh", "softplus"}

    SHORT: ClassVar = {"exp", "tanh", "sigmoid"}

    def __init__(self, builder: Builder, kind: Literal["float", "double"], *, inline: bool) -> None:
        self.b = builder
        self.kind = kind
        self.inline = inline
        self.suffix = "f32" if kind == "float" else "f64"
        self.used: set[str] = set()

    # Types

    def type(self, value: Value) -> str:
        return self.type_of(value.kind, value.vector)

    def type_of(self, kind: str, vector: bool) -> str:
        word = {"f": self.kind, "i": "i32", "b": "i1"}[kind]
        return f"<{LANES} x {word}>" if vector else word

    def constant(self, number: float) -> Value:
        return Value(real(number, self.kind), "f", False, float(number))

    def splat(self, value: Value) -> Value:
        if value.vector:
            return value
        word = self.type_of(value.kind, False)
        if value.number is not None:
            return Value(f"splat ({word} {value.text})", value.kind, True, value.number)
        v = self.type_of(value.kind, True)
        one = self.b.pure(f"insertelement {v} poison, {word} {{}}, i32 0", value.text)
        text = self.b.pure(f"shufflevector {v} {{}}, {v} poison, <{LANES} x i32> zeroinitializer", one)
        return Value(text, value.kind, True)

    def alike(self, *values: Value) -> list[Value]:
        """All as vectors, if one of them is."""
        return [self.splat(v) for v in values] if any(v.vector for v in values) else list(values)

    def as_real(self, value: Value) -> Value:
        if value.kind == "f":
            return value
        if value.number is not None:
            constant = self.constant(value.number)
            return self.splat(constant) if value.vector else constant
        result = self.type_of("f", value.vector)
        if value.kind == "i":
            return Value(self.b.pure(f"sitofp {self.type(value)} {{}} to {result}", value.text), "f", value.vector)
        one, zero = real(1.0, self.kind), real(0.0, self.kind)
        if value.vector:
            one, zero = f"splat ({self.kind} {one})", f"splat ({self.kind} {zero})"
        text = self.b.pure(f"select {self.type(value)} {{}}, {result} {one}, {result} {zero}", value.text)
        return Value(text, "f", value.vector)

    def as_boolean(self, value: Value) -> Value:
        return value if value.kind == "b" else self.compare("ne", value, self.constant(0.0))

    # Arithmetic

    def binary(self, word: str, a: Value, b: Value) -> Value:
        a, b = self.alike(self.as_real(a), self.as_real(b))
        if a.number is not None and b.number is not None and (word != "fdiv" or b.number):
            operations = {"fadd": operator.add, "fsub": operator.sub, "fmul": operator.mul, "fdiv": operator.truediv}
            result = operations[word](a.number, b.number)
            return self.splat(self.constant(result)) if a.vector else self.constant(result)
        return Value(self.b.pure(f"{word} {self.type(a)} {{}}, {{}}", a.text, b.text), "f", a.vector)

    def add(self, a: Value, b: Value) -> Value:
        if a.number == 0:
            return self.as_real(b)
        return self.as_real(a) if b.number == 0 else self.binary("fadd", a, b)

    def divide(self, a: Value, b: Value) -> Value:
        """A quotient. What is the same for all lanes divides once: then its reciprocal multiplies (an error of one
        place more)."""
        if a.vector and not b.vector and b.kind == "f" and (b.number is None or math.frexp(b.number)[0] in (0.5, -0.5)):
            return self.binary("fmul", a, self.binary("fdiv", self.constant(1.0), b))
        return self.binary("fdiv", a, b)

    def negate(self, a: Value) -> Value:
        a = self.as_real(a)
        if a.number is not None:
            return self.binary("fmul", a, self.constant(-1.0))
        return Value(self.b.pure(f"fneg {self.type(a)} {{}}", a.text), "f", a.vector)

    def multiply(self, a: Value, b: Value) -> Value:
        if a.number == 0 or b.number == 0:
            return self.constant(0.0)
        for one, other in ((a, b), (b, a)):
            if one.number == 1:
                return self.as_real(other)
            if one.number == -1:
                return self.negate(other)
        if b.kind == "b":
            a, b = b, a
        if a.kind == "b":
            return self.select(a, self.as_real(b), self.constant(0.0))
        return self.binary("fmul", a, b)

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        a, b, c = self.alike(self.as_real(a), self.as_real(b), self.as_real(c))
        t = self.type(a)
        where = f"v{LANES}{self.suffix}" if a.vector else self.suffix
        return Value(
            self.b.pure(f"call {t} @llvm.fma.{where}({t} {{}}, {t} {{}}, {t} {{}})", a.text, b.text, c.text),
            "f",
            a.vector,
        )

    def select(self, condition: Value, a: Value, b: Value) -> Value:
        if condition.number is not None:
            return a if condition.number else b
        if a.kind != b.kind:
            a, b = self.as_real(a), self.as_real(b)
        if condition.vector:
            a, b = self.splat(a), self.splat(b)
        else:
            a, b = self.alike(a, b)
        t = self.type(a)
        return Value(
            self.b.pure(f"select {self.type(condition)} {{}}, {t} {{}}, {t} {{}}", condition.text, a.text, b.text),
            a.kind,
            a.vector,
        )

    def compare(self, word: str, a: Value, b: Value) -> Value:
        """`lt`, `le`, `eq`, `ne`, `gt`; of real numbers also `ugt`, `ult` (true where either is NaN too), `uno` and
        `ord` (true where either is, where none is). Integers as such, anything else as real numbers."""
        if a.number is not None and b.number is not None:
            truth = {
                "lt": a.number < b.number,
                "le": a.number <= b.number,
                "eq": a.number == b.number,
                "ne": a.number != b.number,
                "gt": a.number > b.number,
                "ugt": not a.number <= b.number,
                "ult": not a.number >= b.number,
            }[word]
            return Value("1" if truth else "0", "b", False, float(truth))
        a, b = (self._as_integer_beside(a, b), self._as_integer_beside(b, a))
        if a.kind == "i" and b.kind == "i":
            a, b = self.alike(a, b)
            names = {"lt": "slt", "le": "sle", "gt": "sgt"}
            return Value(
                self.b.pure(f"icmp {names.get(word, word)} {self.type(a)} {{}}, {{}}", a.text, b.text), "b", a.vector
            )
        a, b = self.alike(self.as_real(a), self.as_real(b))
        names = {"ne": "une"} | {w: w for w in ("ugt", "ult", "uno", "ord")}
        return Value(
            self.b.pure(f"fcmp {names.get(word, 'o' + word)} {self.type(a)} {{}}, {{}}", a.text, b.text), "b", a.vector
        )

    @staticmethod
    def _as_integer_beside(a: Value, other: Value) -> Value:
        """A known integer becomes one when it faces one."""
        if (
            a.kind == "f"
            and a.number is not None
            and not a.vector
            and other.kind == "i"
            and a.number.is_integer()
            and abs(a.number) < 2**31
        ):
            return Value(str(int(a.number)), "i", False, a.number)
        return a

    def extreme(self, name: str, a: Value, b: Value) -> Value:
        """The chosen or smaller of two, NaN if one is; b of equals. One comparison can tell of one operand whether it
        is NaN: the other is asked, unless it is known."""
        word = "gt" if name == "max" else "lt"
        a, b = self.as_real(a), self.as_real(b)
        if b.number is not None:
            return self.select(self.compare(f"u{word}", a, b), a, b)
        chosen = self.select(self.compare(word, a, b), a, b)
        return chosen if a.number is not None else self.select(self.compare("uno", a, a), a, chosen)

    def both(self, a: Value, b: Value) -> Value:
        for one, other in ((a, b), (b, a)):
            if one.number is not None:
                return other if one.number else one
        a, b = self.alike(a, b)
        return Value(self.b.pure(f"and {self.type(a)} {{}}, {{}}", a.text, b.text), "b", a.vector)

    def intrinsic(self, name: str, a: Value) -> Value:
        a = self.as_real(a)
        where = f"v{LANES}{self.suffix}" if a.vector else self.suffix
        return Value(
            self.b.pure(f"call {self.type(a)} @llvm.{name}.{where}({self.type(a)} {{}})", a.text), "f", a.vector
        )

    def call(self, name: str, *args: Value) -> Value:
        """One of Pellucid's own functions; a scalar goes through its first lane. A short one is written out where that
        is wanted: a call keeps no vector in its register."""
        vector = any(a.vector for a in args)
        wide = [self.splat(self.as_real(a)) for a in args]
        if self.inline and vector and name in self.SHORT and self.kind == "float":
            write = FUNCTIONS[name][2]
            return Value(write(Lanes(self.b, merged=True), *(a.text for a in wide)), "f", True)
        self.used.add(name)
        v = self.type_of("f", True)
        places = ", ".join(f"{v} {{}}" for _ in wide)
        text = self.b.pure(f"call {v} @pl.{name}({places})", *(a.text for a in wide))
        if vector:
            return Value(text, "f", True)
        return Value(self.b.pure(f"extractelement {v} {{}}, i32 0", text), "f")

    def power(self, base: Value, exponent: Value) -> Value:
        n = exponent.number
        if n is not None and n.is_integer() and 1 <= n <= 4:
            square = self.multiply(base, base)
            return {
                1: lambda: self.as_real(base),
                2: lambda: square,
                3: lambda: self.multiply(square, base),
                4: lambda: self.multiply(square, square),
            }[int(n)]()
        if n == 0.5:
            return self.intrinsic("sqrt", base)
        if n == -1:
            return self.binary("fdiv", self.constant(1.0), base)
        if n == 0:
            return self.constant(1.0)
        return self.call("pow", base, exponent)

    def operation(self, name: str, args: list[Value]) -> Value:
        """A scalar function of formulas."""
        zero = self.constant(0.0)
        match name:
            case "add":
                total = args[0]
                for a in args[1:]:
                    total = self.add(total, a)
                return self.as_real(total)
            case "mul":
                total = args[0]
                for a in args[1:]:
                    total = self.multiply(total, a)
                return self.as_real(total) if len(args) == 1 else total
            case "div":
                return self.divide(*args)
            case "pow":
                return self.power(*args)
            case "lt" | "le" | "eq":
                return self.compare(name, *args)
            case "and":
                return self.both(*map(self.as_boolean, args))
            case "where":
                return self.select(self.as_boolean(args[0]), args[1], args[2])
            case "stop":
                return args[0]
            case "sqrt":
                return self.intrinsic("sqrt", args[0])
            case "abs":
                return self.intrinsic("fabs", args[0])
            case "relu":
                x = self.as_real(args[0])
                return self.select(self.compare("lt", x, zero), zero, x)
            case "sign":
                x = self.as_real(args[0])
                up = self.as_real(self.compare("gt", x, zero))
                number = self.binary("fsub", up, self.as_real(self.compare("lt", x, zero)))
                return number if x.number is not None else self.select(self.compare("uno", x, x), x, number)
            case "max" | "min":
                return self.extreme(name, *args)
            case "σ":
                return self.call("sigmoid", args[0])
            case "uniform":
                return self.uniform(args)
        if name in self.CALLS:
            return self.call(name, args[0])
        raise NotImplementedError(f"no code is written for {name}")

    # Integers

    def index(self, text: str | int, lane: int = 0) -> Value:
        """The value of an index: a 64-bit number for lane 0 and the step from lane to lane."""
        if isinstance(text, int) and not lane:
            return Value(str(text), "i", False, float(text))
        base = str(text) if isinstance(text, int) else self.b.pure("trunc i64 {} to i32", text)
        value = Value(base, "i", False, float(text) if isinstance(text, int) else None)
        if not lane:
            return value
        wide = self.splat(value)
        steps = ", ".join(f"i32 {lane * k}" for k in range(LANES))
        return Value(self.b.pure(f"add <{LANES} x i32> {{}}, <{steps}>", wide.text), "i", True)

    def as_integer(self, value: Value) -> Value:
        if value.kind == "i":
            return value
        if value.number is not None:
            return Value(str(int(value.number)), "i", False, float(int(value.number)))
        return Value(
            self.b.pure(f"fptosi {self.type(value)} {{}} to {self.type_of('i', value.vector)}", value.text),
            "i",
            value.vector,
        )

    def uniform(self, args: list[Value]) -> Value:
        """Philox4x32-10 of key (seed, stream) and counter (index, step): the first word's upper 24 bits over 2²⁴.
        See engines/random.py."""
        seed, stream, step, index = (self.splat(self.as_integer(a)).text for a in args)
        v, w = f"<{LANES} x i32>", f"<{LANES} x i64>"

        def op(template: str, *operands: str) -> str:
            return self.b.pure(template, *operands)

        def high(word: str, type_: str) -> str:
            return op(f"ashr {type_} {{}}, splat (i32 31)", word)

        def multiplied(word: str, by: int) -> tuple[str, str]:
            wide = op(f"mul {w} {{}}, splat (i64 {by})", op(f"zext {v} {{}} to {w}", word))
            return op(f"trunc {w} {{}} to {v}", op(f"lshr {w} {{}}, splat (i64 32)", wide)), op(
                f"trunc {w} {{}} to {v}", wide
            )

        c0, c1, c2, c3 = index, high(index, v), step, high(step, v)
        k0, k1 = seed, stream
        for _ in range(10):
            (high0, low0), (high1, low1) = multiplied(c0, 0xD2511F53), multiplied(c2, 0xCD9E8D57)
            c0, c1, c2, c3 = (
                op(f"xor {v} {{}}, {{}}", op(f"xor {v} {{}}, {{}}", high1, c1), k0),
                low1,
                op(f"xor {v} {{}}, {{}}", op(f"xor {v} {{}}, {{}}", high0, c3), k1),
                low0,
            )
            k0 = op(f"add {v} {{}}, splat (i32 {0x9E3779B9 - 2**32})", k0)
            k1 = op(f"add {v} {{}}, splat (i32 {0xBB67AE85 - 2**32})", k1)
        top = op(f"lshr {v} {{}}, splat (i32 8)", c0)
        number = op(f"uitofp {v} {{}} to {self.type_of('f', True)}", top)
        scaled = self.binary("fmul", Value(number, "f", True), self.constant(2.0**-24))
        if any(a.vector for a in args):
            return scaled
        return Value(self.b.pure(f"extractelement {self.type_of('f', True)} {{}}, i32 0", scaled.text), "f")

    def across(self, name: str, value: Value) -> Value:
        """The sum or maximum of a vector's lanes, halving it four times: a fixed tree."""
        half = LANES // 2
        while half:
            mask = ", ".join(f"i32 {k + half if k < half else k}" for k in range(LANES))
            v = self.type(value)
            other = Value(
                self.b.pure(f"shufflevector {v} {{}}, {v} poison, <{LANES} x i32> <{mask}>", value.text), "f", True
            )
            value = self.add(value, other) if name == "sum" else self.extreme("max", other, value)
            half //= 2
        return Value(self.b.pure(f"extractelement {self.type(value)} {{}}, i32 0", value.text), "f")
