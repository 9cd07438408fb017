"""exp, log, tanh and similar functions for 16 lanes of float32, as polynomials in IR: the same bits on every CPU, with
stated errors.

Largest errors found by the tests, in units of the last place: exp 1, log 1, tanh 1.5, σ 2.5, softplus 2.5, erf 1,
expm1 2.5, log1p 2, pow 1, sin and cos 0.51. Rare functions compute in double precision inside. float64
programs call the C library, lane by lane.

Sources: S. L. Moshier's Cephes library (exp, log, tanh); N. Juffa's erff; Cody & Waite, Software Manual for the
Elementary Functions (1980), for the reductions.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import ClassVar

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.plan.work import FEW, LANES

C_NAMES = {
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "sin": "sin",
    "cos": "cos",
    "erf": "erf",
    "tanh": "tanh",
    "pow": "pow",
}
"""What float64 programs call in the C library."""


def real(value: float, kind: str = "float") -> str:
    """A constant as IR writes it, rounded to the type first."""
    if kind == "float":
        try:
            value = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            value = math.copysign(math.inf, value)
    return "0x" + struct.pack(">d", value).hex().upper()


class Lanes:
    """Arithmetic on vectors, or on scalars if there is one lane; values are names, numbers become constants.

    Args:
        merged: whether equal instructions become one, and move out of loops: where the code is written in the middle of
            other code.
    """

    TYPES: ClassVar = {"f": "float", "d": "double", "i": "i32", "l": "i64", "b": "i1"}

    def __init__(self, builder: Builder, lanes: int = LANES, *, merged: bool = False) -> None:
        self.b, self.lanes = builder, lanes
        self._write = builder.pure if merged else builder.here
        self._kinds: dict[str, str] = {}

    def kind(self, *operands: object) -> str:
        return next((self._kinds.get(o, "f") for o in operands if isinstance(o, str)), "f")

    def type(self, kind: str) -> str:
        return self.TYPES[kind] if self.lanes == 1 else f"<{self.lanes} x {self.TYPES[kind]}>"

    def operand(self, value: object, kind: str) -> str:
        if isinstance(value, str):
            return value
        text = real(float(value), self.TYPES[kind]) if kind in "fd" else str(int(value))  # type: ignore[arg-type, call-overload]
        return text if self.lanes == 1 else f"splat ({self.TYPES[kind]} {text})"

    def put(self, kind: str, template: str, *operands: str) -> str:
        name = self._write(template, *operands)
        self.know(kind, name)
        return name

    def know(self, kind: str, *names: str) -> None:
        """Say what these are: what is not said is a float."""
        self._kinds |= dict.fromkeys(names, kind)

    def op(self, word: str, a: object, b: object) -> str:
        kind = self.kind(a, b)
        return self.put(kind, f"{word} {self.type(kind)} {{}}, {{}}", self.operand(a, kind), self.operand(b, kind))

    def add(self, a: object, b: object) -> str:
        return self.op("fadd", a, b)

    def sub(self, a: object, b: object) -> str:
        return self.op("fsub", a, b)

    def mul(self, a: object, b: object) -> str:
        return self.op("fmul", a, b)

    def div(self, a: object, b: object) -> str:
        return self.op("fdiv", a, b)

    def call(self, name: str, *args: object) -> str:
        """A function of as many lanes, by its whole name."""
        kind = self.kind(*args)
        t = self.type(kind)
        places = ", ".join(f"{t} {{}}" for _ in args)
        return self.put(kind, f"call {t} @{name}({places})", *(self.operand(a, kind) for a in args))

    def intrinsic(self, name: str, *args: object) -> str:
        lanes = "" if self.lanes == 1 else f"v{self.lanes}"
        return self.call(f"llvm.{name}.{lanes}f{32 if self.kind(*args) == 'f' else 64}", *args)

    def fma(self, a: object, b: object, c: object) -> str:
        return self.intrinsic("fma", a, b, c)

    def negative(self, a: str) -> str:
        return self.put(self.kind(a), f"fneg {self.type(self.kind(a))} {{}}", a)

    def abs(self, a: str) -> str:
        return self.intrinsic("fabs", a)

    def sign(self, magnitude: str, sign: str) -> str:
        return self.intrinsic("copysign", magnitude, sign)

    def compare(self, word: str, a: object, b: object) -> str:
        kind = self.kind(a, b)
        verb = "fcmp" if kind in "fd" else "icmp"
        template = f"{verb} {word} {self.type(kind)} {{}}, {{}}"
        return self.put("b", template, self.operand(a, kind), self.operand(b, kind))

    def select(self, condition: str, a: object, b: object) -> str:
        kind = self.kind(a, b)
        template = f"select {self.type('b')} {{}}, {self.type(kind)} {{}}, {self.type(kind)} {{}}"
        return self.put(kind, template, condition, self.operand(a, kind), self.operand(b, kind))

    def cast(self, word: str, a: str, kind: str) -> str:
        return self.put(kind, f"{word} {self.type(self.kind(a))} {{}} to {self.type(kind)}", a)

    def poly(self, x: str, coefficients: Iterable[float]) -> str:
        """Horner's rule, the highest coefficient first."""
        total: object = None
        for c in coefficients:
            total = c if total is None else self.fma(total, x, c)
        return str(total)


def function(name: str, arity: int, kind: str, lanes: int, write: Callable[..., str], attributes: str = "#0") -> str:
    """A function of so many arguments of one kind, which `write` writes, given the arithmetic and their names."""
    names = [f"%x{k}" for k in range(arity)]
    t = Lanes.TYPES[kind] if lanes == 1 else f"<{lanes} x {Lanes.TYPES[kind]}>"
    b = Builder(f"pl.{name}", ", ".join(f"{t} {x}" for x in names), result=t, attributes=attributes)
    return b.text(f"{t} {write(Lanes(b, lanes), *names)}")


def _two_to(f: Lanes, n: str) -> str:
    """2ⁿ for −126 ≤ n ≤ 127 (float32), by its bits."""
    return f.cast("bitcast", f.op("shl", f.op("add", n, 127), 23), "f")


def _parts(f: Lanes, x: str) -> tuple[str, str]:
    """exp x as y·2ⁿ, n an integer."""
    magic = 12582912.0  # 1.5·2²³: adding it rounds to an integer, which then stands in the lowest bits
    shifted = f.fma(x, 1.4426950408889634, magic)
    n = f.sub(shifted, magic)
    r = f.fma(n, -1.42860677e-6, f.fma(n, -0.693145752, x))
    p = f.poly(
        r, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
    )
    y = f.add(f.fma(f.mul(r, r), p, r), 1.0)
    return y, f.op("sub", f.cast("bitcast", shifted, "i"), 0x4B400000)


def _at_most(f: Lanes, x: str, bound: float) -> str:
    return f.select(f.compare("ogt", x, bound), bound, x)


def _at_least(f: Lanes, x: str, bound: float) -> str:
    return f.select(f.compare("olt", x, bound), bound, x)


def _exp(f: Lanes, x: str) -> str:
    y, n = _parts(f, _at_least(f, _at_most(f, x, 89.0), -104.0))
    half = f.op("ashr", n, 1)
    return f.mul(f.mul(y, _two_to(f, half)), _two_to(f, f.op("sub", n, half)))


def _half_exp(f: Lanes, x: str) -> str:
    """exp(x)/2 for −87.3 ≤ x ≤ 89.5: half of it is no more than a power of two and a number; 0 and ∞ at the ends."""
    y, n = _parts(f, x)
    return f.mul(y, _two_to(f, f.op("sub", n, 1)))


def _log(f: Lanes, x: str) -> str:
    tiny = f.compare("olt", x, 1.17549435e-38)
    scaled = f.select(tiny, f.mul(x, 8388608.0), x)
    bits = f.cast("bitcast", scaled, "i")
    e = f.op("ashr", f.op("sub", bits, 0x3F3504F3), 23)
    m = f.cast("bitcast", f.op("sub", bits, f.op("shl", e, 23)), "f")
    exponent = f.add(f.cast("sitofp", e, "f"), f.select(tiny, -23.0, f.mul(m, 0.0)))
    r = f.sub(m, 1.0)
    z = f.mul(r, r)
    p = f.poly(
        r,
        (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
         -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
    )  # fmt: skip
    y = f.fma(exponent, -2.12194440e-4, f.mul(f.mul(r, z), p))
    y = f.add(f.fma(z, -0.5, y), r)
    y = f.fma(exponent, 0.693359375, y)
    y = f.select(f.compare("oeq", x, 0.0), -math.inf, y)
    y = f.select(f.compare("olt", x, 0.0), math.nan, y)
    return f.select(f.compare("ueq", x, math.inf), x, y)


def _tanh(f: Lanes, x: str) -> str:
    a = f.abs(x)
    z = f.mul(x, x)
    p = f.poly(z, (-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1))
    small = f.fma(f.mul(x, z), p, x)
    far = f.sub(1.0, f.div(1.0, f.add(_half_exp(f, _at_most(f, f.add(a, a), 40.0)), 0.5)))
    return f.select(f.compare("olt", a, 0.625), small, f.sign(far, x))


def _sigmoid(f: Lanes, x: str) -> str:
    return f.div(0.5, f.add(_half_exp(f, _at_least(f, _at_most(f, f.sub(-0.0, x), 89.5), -87.3)), 0.5))


def _log1p(f: Lanes, x: str) -> str:
    u = f.add(x, 1.0)
    lost = f.div(f.sub(x, f.sub(u, 1.0)), u)  # what rounding 1 + x lost, to first order
    lost = f.select(f.compare("ord", lost, lost), lost, 0.0)
    return f.add(f.call("pl.log", u), lost)


def _softplus(f: Lanes, x: str) -> str:
    rest = f.call("pl.log1p", f.call("pl.exp", f.sub(-0.0, f.abs(x))))
    return f.add(f.select(f.compare("olt", x, 0.0), 0.0, x), rest)


def _expm1(f: Lanes, x: str) -> str:
    p = f.poly(x, (1 / 362880, 1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5))
    small = f.fma(f.mul(x, x), p, x)
    return f.select(f.compare("olt", f.abs(x), 0.5), small, f.sub(f.call("pl.exp", x), 1.0))


def _erf(f: Lanes, x: str) -> str:
    t, s = f.abs(x), f.mul(x, x)
    r = f.fma(-1.72853470e-5, t, 3.83197126e-4)
    r = f.fma(r, s, f.fma(-3.88396438e-3, t, 2.42546219e-2))
    for c in (-1.06777877e-1, -6.34846687e-1, -1.28717512e-1):
        r = f.fma(r, t, c)
    r = f.fma(r, t, f.sub(-0.0, t))
    far = f.sign(f.sub(1.0, f.call("pl.exp", r)), x)
    p = f.poly(s, (-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1))
    return f.select(f.compare("ogt", t, 0.927734375), far, f.fma(p, x, x))


FAR = 2.0**49
"""From here on, a number is more quarters of a turn than its reduction has room for."""

_PI = 314159265358979323846264338327950288419716939937510582097494459230781640628620899
_SCALE = 10**80


@cache
def _residues() -> str:
    """2^e mod 2π for every e of a float32 m·2^e that is far, m whole: m of them are as many turns and a rest. The first
    part has 29 bits, so that its product by m is exact; the second what is left."""
    rows = []
    for e in range(26, 105):
        rest = 2**e * _SCALE % (2 * _PI)
        high = rest * 2**26 // _SCALE
        low = (rest * 2**26 - high * _SCALE) / (_SCALE * 2**26)
        rows.append(f"[2 x double] [double {real(high / 2**26, 'double')}, double {real(low, 'double')}]")
    return f"@pl.residues = internal constant [{len(rows)} x [2 x double]] [{', '.join(rows)}]\n"


def _near(f: Lanes, x: str) -> tuple[str, str]:
    """A number of less than 2²⁷ turns as far round the circle as x, in two parts. Where x is near they are x and −0;
    what the others are is looked up lane by lane, if there are any."""
    d = f.cast("fpext", x, "d")
    far = f.compare("oge", f.abs(x), FAR)
    some = f.put("b", f"bitcast <{LANES} x i1> {{}} to i{LANES}", far)
    branch = f.b.branch(f.put("b", f"icmp ne i{LANES} {{}}, 0", some))
    bits = f.cast("bitcast", x, "i")
    exponent = f.op("sub", f.op("and", f.op("lshr", bits, 23), 0xFF), 150 + 26)
    row = f.select(far, f.select(f.compare("sgt", exponent, 78), 78, exponent), 0)  # ∞ has an exponent of its own
    parts = ["zeroinitializer"] * 2
    for lane in range(LANES):
        place = f.put("l", f"extractelement {f.type('i')} {{}}, i32 {lane}", row)
        for k in range(2):
            at = f.put("l", f"getelementptr [2 x double], ptr @pl.residues, i32 {{}}, i32 {k}", place)
            one = f.put("d", "load double, ptr {}", at)
            parts[k] = f.put("d", f"insertelement {f.type('d')} {{}}, double {{}}, i32 {lane}", parts[k], one)
    whole = f.cast("sitofp", f.op("or", f.op("and", bits, 0x7FFFFF), 0x800000), "f")
    signed = f.add(f.cast("fpext", f.sign(whole, x), "d"), f.cast("fpext", f.sub(x, x), "d"))  # ∞ − ∞ is NaN
    high, low = (f.select(far, f.mul(signed, part), rest) for part, rest in zip(parts, (d, -0.0), strict=True))
    v = f.type("d")
    near, rest = f.b.join(branch, (v, high, d), (v, low, f.operand(-0.0, "d")))
    f.know("d", near, rest)
    return near, rest


def _circle(f: Lanes, x: str, turn: int) -> str:
    """sin(x + turn·π/2) in double precision."""
    d, rest = _near(f, x)
    magic = 6755399441055744.0  # 1.5·2⁵²
    shifted = f.fma(d, 2 / math.pi, magic)
    n = f.sub(shifted, magic)
    r = f.add(f.fma(n, -6.123233995736766e-17, f.fma(n, -math.pi / 2, d)), rest)
    z = f.mul(r, r)
    sine = f.poly(z, [(-1) ** k / math.factorial(2 * k + 1) for k in range(7, -1, -1)])
    cosine = f.poly(z, [(-1) ** k / math.factorial(2 * k) for k in range(8, -1, -1)])
    quarter = f.op("add", f.cast("bitcast", shifted, "l"), turn)
    odd = f.compare("ne", f.op("and", quarter, 1), 0)
    value = f.select(odd, cosine, f.mul(sine, r))
    down = f.compare("ne", f.op("and", quarter, 2), 0)
    return f.cast("fptrunc", f.select(down, f.sub(-0.0, value), value), "f")


def _pow(f: Lanes, x: str, y: str) -> str:
    """|x|^y = exp(y·log|x|) in double precision; a negative x needs a whole y."""
    a = f.cast("fpext", f.abs(x), "d")
    bits = f.cast("bitcast", a, "l")
    e = f.op("ashr", f.op("sub", bits, 0x3FE6A09E667F3BCD), 52)
    m = f.cast("bitcast", f.op("sub", bits, f.op("shl", e, 52)), "d")
    s = f.div(f.sub(m, 1.0), f.add(m, 1.0))
    log = f.mul(f.mul(s, 2.0), f.poly(f.mul(s, s), [1 / k for k in range(19, 0, -2)]))
    log = f.fma(f.cast("sitofp", e, "d"), math.log(2), log)
    log = f.select(f.compare("oeq", a, math.inf), a, log)
    d = f.mul(f.cast("fpext", y, "d"), log)
    d = f.select(f.compare("ogt", d, 200.0), 200.0, d)
    d = f.select(f.compare("olt", d, -200.0), -200.0, d)
    magic = 6755399441055744.0
    shifted = f.fma(d, 1 / math.log(2), magic)
    r = f.fma(f.sub(shifted, magic), -math.log(2), d)
    p = f.poly(r, [1 / math.factorial(k) for k in range(12, -1, -1)])
    scale = f.op("shl", f.op("add", f.op("sub", f.cast("bitcast", shifted, "l"), 0x4338000000000000), 1023), 52)
    value = f.cast("fptrunc", f.mul(p, f.cast("bitcast", scale, "d")), "f")
    # An integer keeps its value when the magic constant is added and taken away; the lowest bit then tells odd
    # from even.
    wide = f.cast("fpext", y, "d")
    rounded = f.add(wide, magic)
    whole = f.compare("oeq", f.sub(rounded, magic), wide)
    odd = f.op("and", whole, f.compare("ne", f.op("and", f.cast("bitcast", rounded, "l"), 1), 0))
    value = f.select(f.compare("oeq", x, 0.0), f.select(f.compare("ogt", y, 0.0), 0.0, math.inf), value)
    value = f.select(odd, f.sign(value, x), value)
    root = f.op("and", f.compare("olt", x, 0.0), f.op("xor", whole, True))
    value = f.select(f.op("and", root, f.compare("ogt", x, -math.inf)), math.nan, value)
    unordered = f.compare("uno", x, y)
    value = f.select(unordered, math.nan, value)
    endless = f.op("and", f.compare("oeq", f.abs(x), 1.0), f.compare("oeq", f.abs(y), math.inf))
    one = f.op("or", f.op("or", f.compare("oeq", y, 0.0), f.compare("oeq", x, 1.0)), endless)
    return f.select(one, 1.0, value)


FUNCTIONS: dict[str, tuple[int, tuple[str, ...], Callable[..., str]]] = {
    "exp": (1, (), _exp),
    "log": (1, (), _log),
    "tanh": (1, (), _tanh),
    "sigmoid": (1, (), _sigmoid),
    "log1p": (1, ("log",), _log1p),
    "softplus": (1, ("exp", "log", "log1p"), _softplus),
    "expm1": (1, ("exp",), _expm1),
    "erf": (1, ("exp",), _erf),
    "sin": (1, (), lambda f, x: _circle(f, x, 0)),
    "cos": (1, (), lambda f, x: _circle(f, x, 1)),
    "pow": (2, (), _pow),
}
"""By name: the number of arguments, the functions it calls, and what writes it."""


def definitions(names: Iterable[str], kind: str) -> str:
    """The IR of these functions and of those they call."""
    needed: dict[str, None] = {}
    for name in names:
        for one in (*FUNCTIONS[name][1], name):
            needed[one] = None
    if kind == "double":
        return "".join(_from_c(name) for name in needed)
    residues = _residues() if needed.keys() & {"sin", "cos"} else ""
    return residues + "".join(_own(name) for name in needed)


@cache
def _own(name: str) -> str:
    arity, _, write = FUNCTIONS[name]
    return function(name, arity, "f", LANES, write)


@cache
def _from_c(name: str) -> str:
    """The float64 version: the C library's function on each lane; σ and softplus in terms of those."""

    def write(f: Lanes, *vectors: str) -> str:
        one, v, result = Lanes(f.b, 1), f.type("d"), "zeroinitializer"
        for lane in range(LANES):
            args = [one.put("d", f"extractelement {v} {{}}, i32 {lane}", x) for x in vectors]
            value = _on_one_lane(one, name, *args)
            result = f.put("d", f"insertelement {v} {{}}, double {{}}, i32 {lane}", result, value)
        return result

    return function(name, FUNCTIONS[name][0], "d", LANES, write)


def _on_one_lane(f: Lanes, name: str, x: str, *more: str) -> str:
    if name == "sigmoid":
        return f.div(1.0, f.add(f.call("exp", f.negative(x)), 1.0))
    if name == "softplus":
        rest = f.call("log1p", f.call("exp", f.negative(f.abs(x))))
        return f.add(f.select(f.compare("olt", x, 0.0), 0.0, x), rest)
    return f.call(C_NAMES[name], x, *more)


def declarations(kind: str) -> str:
    """The intrinsics that any function may use."""
    lines = []
    for size, word in (("f32", "float"), ("f64", "double")):
        for prefix, type_ in ((f"v{LANES}{size}", f"<{LANES} x {word}>"), (size, word)):
            lines.append(f"declare {type_} @llvm.fma.{prefix}({type_}, {type_}, {type_})")
            lines.append(f"declare {type_} @llvm.copysign.{prefix}({type_}, {type_})")
            lines += [f"declare {type_} @llvm.{name}.{prefix}({type_})" for name in ("fabs", "sqrt")]
        few = f"<{FEW} x {word}>"
        lines.append(f"declare {few} @llvm.fma.v{FEW}{size}({few}, {few}, {few})")
        v, mask = f"<{LANES} x {word}>", f"<{LANES} x i1>"
        lines.append(f"declare {v} @llvm.masked.load.v{LANES}{size}.p0(ptr, i32 immarg, {mask}, {v})")
        lines.append(f"declare void @llvm.masked.store.v{LANES}{size}.p0({v}, ptr, i32 immarg, {mask})")
    v, mask = f"<{LANES} x i32>", f"<{LANES} x i1>"
    lines.append(f"declare {v} @llvm.masked.load.v{LANES}i32.p0(ptr, i32 immarg, {mask}, {v})")
    lines.append(f"declare void @llvm.masked.store.v{LANES}i32.p0({v}, ptr, i32 immarg, {mask})")
    lines.append("declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)")
    if kind == "double":
        lines += [f"declare double @{c}({'double, double' if c == 'pow' else 'double'})" for c in C_NAMES.values()]
    return "\n".join(lines) + "\n"
