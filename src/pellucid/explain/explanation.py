"""An explanation: one value with its formula, its terms and where they came from, as text, LaTeX, HTML and JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.explain.arithmetic import Point, Source, Term, Terms, added, number, smallest
from pellucid.explain.columns import PADDING, Names, RowNames
from pellucid.explain.digits import sign
from pellucid.explain.receptive import Mask
from pellucid.explain.words import sentence
from pellucid.formula import unicode
from pellucid.formula.expressions import Reduction
from pellucid.formula.notation.latex import latex
from pellucid.markup import html_table
from pellucid.messages import LANGUAGES, Message, gettext

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Explanation:
    """The arithmetic of one value.

    Attributes:
        path: the value's path, `dense_1.sum`; a gradient's is `d(dense_1.kernel)`.
        index: its index in that tensor, the example first where the tensor has a batch axis.
        value: the number that the engine computed.
        point: the statement at that index; the rest is read off it.
        field: for every input of the network, which elements the value can depend on.
        names: the names of a value's last axis by its path, such as the columns of the table that was learned.
    """

    path: str
    index: tuple[int, ...]
    value: float
    point: Point
    field: dict[str, Mask]
    names: Names = dataclasses.field(default_factory=dict)

    @cached_property
    def terms(self) -> Terms:
        """The terms whose sum the value is, those that weigh most first."""
        return self.point.terms()

    @property
    def formula(self) -> str:
        """The statement, with its author's letters: `y[n,o] = b[o] + Σ_i x[n,i]·w[i,o]`."""
        return unicode(self.point.statement)

    @property
    def sources(self) -> tuple[Source, ...]:
        """The elements read by the terms that weigh most (the first hundred), each once, to be explained in turn."""
        return tuple(dict.fromkeys(s for term in self.terms[:100] for s in term.sources))

    @cached_property
    def contenders(self) -> tuple[Source, ...]:
        """For a maximum or a minimum, the elements among which it was chosen; else nothing."""
        expression = self.point.statement.expression
        chosen = (isinstance(expression, Reduction) and expression.name == "max") or smallest(expression) is not None
        return tuple(s for group in self.point.contenders() for s in group) if chosen else ()

    def top_terms(self, limit: int = 10) -> tuple[list[Term], int, float]:
        """The terms that weigh most, and the number and the sum of the rest: together they are the value."""
        rest = self.terms.contributions[limit:]
        return self.terms[:limit], len(rest), float(rest.sum())

    @property
    def total(self) -> float:
        """The sum of all terms in float64: the value, up to the engine's rounding."""
        return float(self.terms.contributions.sum())

    @property
    def with_values(self) -> str:
        """The formula with the numbers in it: `0.1 + 0.5·0.3 + … = 0.25`, or "≈" where nine digits are not enough."""
        places = range(min(5, len(self.terms)))
        others = self.terms.contributions[5:]
        rest = float(others.sum())
        texts, size, equals = self.terms.equation(places, self.value, rest)
        text = added(texts)
        if len(others):
            text += f" {'−' if rest < 0 else '+'} {size} ({len(others)} more)"
        return f"{text} {equals} {number(self.value)}"

    def sentence(self, language: str = "en") -> str:
        """What happens here, in a sentence: language "en" or "zh"."""
        return sentence(self, language)

    def text(self, limit: int = 10, *, language: str = "en", names: Mapping[str, Sequence[str]] | None = None) -> str:
        """The explanation as lines of text; terms after the first `limit` are folded into one line.

        `names` has the names of a value's last axis by its path, such as the columns of a table: {"input_1": (…)};
        by default those of the table that the network learned from.
        """
        names = self.names if names is None else names
        terms, count, rest = self.top_terms(limit)
        place = ",".join(map(str, self.index))
        lines = [
            f"{self.path}[{place}] = {number(self.value)}" if self.index else f"{self.path} = {number(self.value)}"
        ]
        lines += [f"  {self.formula}", f"  {self.sentence(language)}"]
        rows = [(_signed(t.value), _named(t, names), t.numbers, sign(t.calculated, t.value)) for t in terms]
        if count:
            rows.append((_signed(rest), _more(count).text(language), "", ""))
        widths = [max((len(r[i]) for r in rows), default=0) for i in range(3)]
        for value, symbols, numbers, equals in rows:
            shown_numbers = f" {equals} {numbers}" if numbers and numbers != value.lstrip("+") else ""
            lines.append(f"  {value:>{widths[0]}}  {symbols:<{widths[1]}}{shown_numbers}".rstrip())
        if self.terms.outside:
            outside = gettext("{count} read outside and count nothing", count=self.terms.outside)
            lines.append("  " + outside.text(language))
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Its terms; the curve on which it lies and its operating point; the part of an image that it sees: a
        matplotlib figure.
        """
        from pellucid.explain.figures import explanation_figure

        return explanation_figure(self)

    def latex(self) -> str:
        """The formula in LaTeX."""
        return latex(self.point.statement)

    def json(self, limit: int = 100, *, names: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
        """The explanation as data that JSON can carry; `names` as for `text`."""
        names = self.names if names is None else names
        terms, count, rest = self.top_terms(limit)
        return {
            "path": self.path,
            "index": list(self.index),
            "value": self.value,
            "formula": self.formula,
            "substituted": self.with_values,
            "latex": self.latex(),
            "sentence": {language: self.sentence(language) for language in LANGUAGES},
            "terms": [_term_json(t, names) for t in terms],
            "rest": {"count": count, "sum": rest},
            "outside": self.terms.outside,
            "candidates": [_source_json(s) for s in self.contenders],
            "field": {path: _box(mask) for path, mask in self.field.items() if mask.any()},
        }

    def _repr_html_(self) -> str:
        import html

        terms, count, rest = self.top_terms()
        rows = [(_named(term, self.names), term.numbers, number(term.value)) for term in terms]
        if count:
            rows.append((str(_more(count)), "", number(rest)))
        rows.append(("together", "", number(self.value)))
        head = f"<b>{html.escape(self.path)}{list(self.index) or ''}</b> = {number(self.value)}"
        said, formula = html.escape(self.sentence()), html.escape(self.formula)
        table = html_table(("term", "with its numbers", "value"), rows, texts=2)
        return f"<p>{head}<br/>{said}</p><p><code>{formula}</code></p>{table}"

    def __repr__(self) -> str:
        return self.text()


def _named(term: Term, names: Mapping[str, Sequence[str]]) -> str:
    """The term's symbols, x[0,7] as x[0,mean area] where the columns have names."""
    text = term.text
    for factor in (*term.factors, *term.divisors):
        symbols = factor.text
        for source in factor.sources:
            known = names.get(source.path, ())
            axis = 0 if isinstance(known, RowNames) else len(source.index) - 1
            alone = [s.index for s in factor.sources].count(source.index) == 1
            if alone and source.index and 0 <= source.index[axis] < len(known):
                place, named = ",".join(map(str, source.index)), [str(i) for i in source.index]
                named[axis] = known[source.index[axis]] or PADDING
                symbols = symbols.replace(f"[{place}]", f"[{','.join(named)}]")
        text = text.replace(factor.text, symbols)
    return text


def _more(count: int) -> Message:
    return gettext("{count} more term", count=count) if count == 1 else gettext("{count} more terms", count=count)


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−") if value else "0"


def _source_json(source: Source) -> dict[str, Any]:
    return {"path": source.path, "index": list(source.index), "value": source.value}


def _term_json(term: Term, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    return {
        "value": term.value,
        "text": _named(term, names),
        "numbers": term.numbers,
        "sources": [_source_json(s) for s in term.sources],
    }


def _box(mask: Mask) -> list[list[int]]:
    """The smallest box around a mask: first and last index along every axis."""
    return [[int(axis.min()), int(axis.max())] for axis in np.nonzero(mask)]
