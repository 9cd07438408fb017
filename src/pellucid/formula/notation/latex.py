"""Formulas as a textbook sets them, in LaTeX that KaTeX, MathJax and matplotlib's usetex read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pellucid.formula.axes import Axis
from pellucid.formula.expressions import Expression, Number, Statement
from pellucid.formula.notation.unicode import ATOM, POWER, SUM, Names, Printer, letters, number_text
from pellucid.formula.scalar import SCALARS

_SMALL = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi o pi rho varsigma sigma tau upsilon
phi chi psi omega"""
_LARGE = {"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma"}
_LARGE |= {"Υ": "Upsilon", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega"}
_GREEK = {c: "\\" + name for c, name in _LARGE.items()}
_GREEK |= {chr(0x3B1 + place): name if name == "o" else "\\" + name for place, name in enumerate(_SMALL.split())}
_SPECIAL = {
    **{c: "\\" + c for c in "_#$%&{}"},
    "\\": r"\backslash ",
    "^": r"\hat{\ }",
    "~": r"\sim ",
    " ": r"\ ",
}


def latex(statement: Statement, names: Names | None = None) -> str:
    r"""`\mathrm{dw}_{i,o} = \sum_{n} x_{n,i}\, \mathrm{dy}_{n,o}`: the statement as it stands in a textbook.

    A tensor of more than one letter is upright, its indices are subscripts, and what a read gives outside its tensor
    stands after a bar in the subscript.
    """
    return LatexPrinter(letters(statement) if names is None else names).statement(statement)


class LatexPrinter(Printer):
    """The printer with LaTeX's signs."""

    minus = "-"
    signs: Mapping[str, str] = {"lt": "<", "le": r"\le", "eq": "=", "and": r"\land"}

    def name(self, name: str) -> str:
        base = name.rstrip("′")
        signs = [_GREEK.get(c) or _SPECIAL.get(c) or c for c in base]
        upright = "".join(f"{{{s}}}" if s[1:].isalpha() else s for s in signs)
        return (signs[0] if len(signs) == 1 else rf"\mathrm{{{upright}}}") + "'" * (len(name) - len(base))

    def declare(self, axis: Axis) -> str:
        return self.bind(axis)

    def number(self, value: Number) -> str:
        text = number_text(value).replace("−", "-").replace("∞", r"\infty")
        digits, _, exponent = text.partition("e")
        return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else text

    def bracket(self, text: str) -> str:
        return rf"\left({text}\right)"

    def iverson(self, text: str) -> str:
        return rf"\left[{text}\right]"

    def indexed(self, name: str, indices: Sequence[str], outside: str = "") -> str:
        if not indices:
            return name
        separator = "," if all(len(i) < 3 for i in indices) else ", "
        remark = rf" \mid {outside}" if outside else ""
        return f"{name}_{{{separator.join(indices)}{remark}}}"

    def reduced(self, word: str, axes: Sequence[str], bounds: Sequence[str], body: str) -> str:
        sign = {
            "sum": r"\sum",
            "argmax": r"\operatorname*{arg\,max}",
            "argmin": r"\operatorname*{arg\,min}",
        }.get(word, "\\" + word)
        declared = [f"{a} < {bound}" if bound else a for a, bound in zip(axes, bounds, strict=True)]
        return f"{sign}_{{{','.join(declared)}}} {body}"

    def product(self, factors: Sequence[str]) -> str:
        text = factors[0]
        for before, factor in pairwise(factors):
            small = before.replace(".", "").isdigit() and not factor[0].isdigit()
            text += (" " if small else r" \cdot " if factor[0].isdigit() else r"\, ") + factor
        return text

    def quotient(self, over: Expression, under: Expression) -> tuple[str, int]:
        return rf"\frac{{{self.expression(over)}}}{{{self.expression(under)}}}", POWER

    def power(self, base: Expression, exponent: Expression) -> str:
        return f"{{{self.expression(base, ATOM)}}}^{{{self.expression(exponent)}}}"

    def where(self, condition: str, yes: str, no: str) -> tuple[str, int]:
        return (
            rf"\begin{{cases}} {yes} & \text{{if }} {condition} \\ {no} & \text{{otherwise}} \end{{cases}}",
            SUM,
        )

    def call(self, function: str, args: Sequence[Expression]) -> str:
        texts = [self.expression(a) for a in args]
        if function == "sqrt":
            return rf"\sqrt{{{texts[0]}}}"
        if function == "abs":
            return rf"\left|{texts[0]}\right|"
        known = SCALARS.get(function)
        word = known.latex if known is not None and known.latex else rf"\operatorname{{{function}}}"
        return rf"{word}\left({', '.join(texts)}\right)"
