"""What a cell of a table holds: a number, in the dress that spreadsheets give it, or that there is no value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

from ...errors import DataError

MISSING = (
    *("", "?", ".", "-", "--", "–", "—", "na", "n/a", "n.a.", "nan", "-nan", "+nan", "null", "none", "nil", "missing"),
    *("<na>", "#na", "#n/a", "#n/a n/a", "#null!", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#error!"),
    *("nat", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
)
"""Cells without a value, in lower case: what pandas, R, SQL, SAS and spreadsheets write."""

_CODES = ("USD", "EUR", "GBP", "JPY", "CNY", "CHF", "INR", "CAD", "AUD", "HKD", "KRW", "BRL", "SEK", "NOK", "DKK")
_SPACES = " \u00a0\u2009\u202f'’"
_DIGITS = {  # no group of thousands begins with 0: 0,942 is less than one
    decimal: re.compile(
        rf"(?:(?!0)\d{{1,3}}(?:(?P<by>[{group}{_SPACES}])\d{{3}})(?:(?P=by)\d{{3}})*|{indian}\d*)"
        rf"(?:{re.escape(decimal)}\d*)?(?:[eE][-+]?\d+)?"
    )
    for decimal, group, indian in ((".", ",", r"\d{1,2}(?:,\d{2})+,\d{3}|"), (",", ".", ""))
}
_GROUP = re.compile(r"\D*[1-9]\d{0,2},\d{3}\D*")  # 250,000: a quarter of a million, or 250
_UNIT = re.compile(r"[-+]?\d+[.,]\d+\s?([^\W\d_]+[²³]?|[°\"'])")


@dataclass(frozen=True)
class Number:
    """A number and what it was dressed in: the currency, or %, which divides by 100."""

    value: float
    unit: str = ""


@dataclass(frozen=True)
class Writing:
    """How the cells of a file are written.

    Attributes:
        decimal: "." or ","; None reads the point, and refuses a column in which a comma may be either.
        missing: the words, in any case, for which there is no value.
        date_format: how columns of dates are written, as in `datetime.strptime`; None reads what is known.
    """

    decimal: str | None = None
    missing: frozenset[str] = field(default=frozenset(MISSING))
    date_format: str | None = None

    @classmethod
    def of(cls, decimal: str | None, missing: Iterable[str] | None, date_format: str | None = None) -> Writing:
        """From the arguments of `read_csv`.

        Raises:
            DataError: another decimal mark, or a single text as the words.
        """
        if decimal not in (None, ".", ","):
            raise DataError(f'decimal is "{decimal}", expected "." or ",".')
        if isinstance(missing, str):
            raise DataError(f'missing is "{missing}", expected a list of words such as ["{missing}"].')
        words = MISSING if missing is None else ("", *missing)
        return cls(decimal, frozenset(word.strip().lower() for word in words), date_format)

    def lacks(self, cell: str) -> bool:
        """Whether the cell stands for no value."""
        return cell.lower() in self.missing

    def number(self, cell: str, decimal: str | None = None) -> Number | None:
        """The number of a cell such as 12.5, 1,234.50, $12, 12%, (1,234.50) or 1e-3; None for a text."""
        mark = decimal or self.decimal or "."
        if mark == "." and "_" not in cell:  # Python's float also takes 1_000
            try:
                return Number(float(cell))
            except ValueError:
                pass
        return _dressed(cell, mark)


def unit(cell: str) -> str | None:
    """The unit of a measured value such as 1.25M or 3.5 kg; None for other texts."""
    match = _UNIT.fullmatch(cell)
    return match[1] if match else None


def may_be_thousands(cell: str) -> bool:
    """Whether a comma may part thousands as well as decimals: 250,000."""
    return _GROUP.fullmatch(cell) is not None


def _dressed(cell: str, decimal: str) -> Number | None:
    text = cell.replace("\N{MINUS SIGN}", "-")
    account = text.startswith("(") and text.endswith(")")  # how bookkeepers write a loss
    if account:
        text = text[1:-1].strip()
    sign, text = _signed(text)
    text, money = _bare(text)
    if money and not sign:
        sign, text = _signed(text)  # $-12
    percent = text.endswith("%")
    body = text.removesuffix("%").rstrip() if percent else text
    if not any(map(str.isdecimal, body)) or not _DIGITS[decimal].fullmatch(body):
        return None
    if account and (sign or (body.isdecimal() and not money)):
        return None  # (3) is a text
    number = float(re.sub(rf"[{'.' if decimal == ',' else ','}{_SPACES}]", "", body).replace(",", "."))
    if percent:
        number /= 100
    return Number(-number if account or sign == "-" else number, "%" if percent else money)


def _signed(text: str) -> tuple[str, str]:
    return (text[0], text[1:].lstrip()) if text[:1] in ("-", "+") else ("", text)


def _bare(text: str) -> tuple[str, str]:
    """The text without its currency, and that."""
    for code in _CODES:
        if text.startswith(code) or text.endswith(code):
            return text.removeprefix(code).removesuffix(code).strip(), code
    for place, rest in ((0, slice(1, None)), (-1, slice(None, -1))):
        if text and unicodedata.category(text[place]) == "Sc":
            return text[rest].strip(), text[place]
    return text, ""
