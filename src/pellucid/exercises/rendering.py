"""Exercises as Markdown, LaTeX and HTML: blocks of text, formulas and tables."""

from __future__ import annotations

import html as escaping
import re
from collections.abc import Sequence
from dataclasses import dataclass

from pellucid.messages import Message, gettext

Part = tuple[Message, Sequence["Block"], Sequence[str]]
"""A heading, what stands under it, and the choices."""


@dataclass(frozen=True)
class Text:
    """A paragraph; formulas in it stand between `…`."""

    message: Message


@dataclass(frozen=True)
class Formula:
    """A formula on a line of its own, as text and in LaTeX."""

    plain: str
    latex: str


@dataclass(frozen=True)
class Grid:
    """A table of numbers under the name that the question calls it by."""

    name: str
    rows: tuple[tuple[str, ...], ...]


Block = Text | Formula | Grid

_SIGNS = {
    "·": r"\cdot ",
    "−": "-",
    "′": "'",
    "²": "^2",
    "³": "^3",
    "Σ": r"\sum ",
    "√": r"\surd ",
    "≤": r"\le ",
    "×": r"\times ",
    "…": r"\dots ",
    "σ": r"\sigma ",
    "∂": r"\partial ",
    "δ": r"\delta ",
    "μ": r"\mu ",
    "β": r"\beta ",
    "ε": r"\epsilon ",
    "α": r"\alpha ",
    "⌊": r"\lfloor ",
    "⌋": r"\rfloor ",
    "₀": "_0",
    "₁": "_1",
    "₂": "_2",
    "₃": "_3",
    "_": r"\_",
    "%": r"\%",
}
_WORDS = ("exp", "log", "max", "min", "tanh")


def mathematics(plain: str) -> str:
    """A line of numbers and names as LaTeX writes it."""
    words = re.sub(
        r"[A-Za-z][A-Za-z_0-9]*(?:\.[A-Za-z_]+)*",
        lambda m: (
            "\\" + m[0] + " "
            if m[0] in _WORDS
            else m[0]
            if len(m[0]) == 1
            else r"\mathrm{" + m[0].replace("_", "\0") + "}"
        ),
        plain,
    )
    return "".join(_SIGNS.get(sign, sign) for sign in words).replace("\0", r"\_")


def markdown(parts: Sequence[Part], language: str) -> str:
    lines: list[str] = []
    for head, blocks, choices in parts:
        lines += [f"## {head.text(language)}", ""]
        for block in blocks:
            match block:
                case Text(message):
                    lines += [message.text(language), ""]
                case Formula(plain):
                    lines += [f"    {plain}", ""]
                case Grid(name, rows):
                    empty = " | ".join([""] * len(rows[0]))
                    lines += [f"`{name}` =", "", f"| {empty} |", "|" + "---|" * len(rows[0])]
                    lines += [f"| {' | '.join(row)} |" for row in rows]
                    lines.append("")
        lines += [f"- {choice}" for choice in choices]
        if choices:
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


_ESCAPES = {c: "\\" + c for c in "#$%&_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def _tex_text(text: str) -> str:
    pieces = text.split("`")
    for place, piece in enumerate(pieces):
        if place % 2:
            pieces[place] = f"${mathematics(piece)}$"
        else:
            plain = "".join(_ESCAPES.get(sign, sign) for sign in piece)
            pieces[place] = re.sub("[·−′²³Σ√≤×…σ∂δμβεα]", lambda m: f"${_SIGNS[m[0]]}$", plain)
    return "".join(pieces)


def tex(parts: Sequence[Part], language: str) -> str:
    chinese = language == "zh"
    lines = [
        r"\documentclass[UTF8]{ctexart}" if chinese else r"\documentclass{article}",
        *(() if chinese else (r"\usepackage[utf8]{inputenc}", r"\usepackage[T1]{fontenc}")),
        r"\usepackage{amsmath}",
        r"\usepackage{amssymb}",
        r"\setlength{\parindent}{0pt}",
        r"\begin{document}",
    ]
    for head, blocks, choices in parts:
        lines.append(rf"\section*{{{_tex_text(head.text(language))}}}")
        for block in blocks:
            match block:
                case Text(message):
                    lines += [_tex_text(message.text(language)), ""]
                case Formula(_, latex):
                    lines.append(rf"\[ {latex} \]")
                case Grid(name, rows):
                    body = r" \\ ".join(" & ".join(row) for row in rows).replace("−", "-")
                    lines.append(rf"\[ {mathematics(name)} = \begin{{pmatrix}} {body} \end{{pmatrix}} \]")
        if choices:
            lines.append(r"\begin{itemize}")
            lines += [rf"\item[{choice[:3]}] ${choice[4:]}$" for choice in choices]
            lines.append(r"\end{itemize}")
    lines.append(r"\end{document}")
    return "\n".join(lines) + "\n"


_STYLE = """
:root { color-scheme: light dark }
body { font: 1.05rem/1.55 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2.5rem }
code, .formula { font-family: "STIX Two Math", "Cambria Math", ui-serif, Georgia, serif; font-size: 1.05em }
.formula { margin: .6rem 0 .6rem 1.5rem; overflow-x: auto }
table { border-collapse: collapse; margin: .6rem 0 .6rem 1.5rem }
caption { text-align: left; font-style: italic; white-space: nowrap }
td { border: 1px solid #8888; padding: .2rem .7rem; text-align: right }
ol { list-style: none; padding-left: 1.5rem }
@media print { h2 { break-after: avoid } table { break-inside: avoid } }
"""


def _html_text(text: str) -> str:
    pieces = [escaping.escape(piece) for piece in text.split("`")]
    return "".join(f"<code>{piece}</code>" if place % 2 else piece for place, piece in enumerate(pieces))


def html(parts: Sequence[Part], language: str) -> str:
    title = gettext("Exercises").text(language)
    tag = "zh-Hans" if language == "zh" else "en"
    lines = [
        f'<!doctype html>\n<html lang="{tag}">\n<meta charset="utf-8">',
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{title}</title>',
        f"<style>{_STYLE}</style>\n<main>\n<h1>{title}</h1>",
    ]
    for head, blocks, choices in parts:
        lines.append(f"<section>\n<h2>{_html_text(head.text(language))}</h2>")
        for block in blocks:
            match block:
                case Text(message):
                    lines.append(f"<p>{_html_text(message.text(language))}</p>")
                case Formula(plain):
                    lines.append(f'<div class="formula">{escaping.escape(plain)}</div>')
                case Grid(name, rows):
                    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
                    lines.append(f"<table><caption>{escaping.escape(name)} =</caption>{body}</table>")
        if choices:
            lines.append("<ol>" + "".join(f"<li>{escaping.escape(choice)}</li>" for choice in choices) + "</ol>")
        lines.append("</section>")
    lines.append("</main>\n</html>")
    return "\n".join(lines) + "\n"
