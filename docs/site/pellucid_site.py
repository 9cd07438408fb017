"""What the site adds to Sphinx: typeset formulas, the guide's figures and labs, and pages in two languages."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
from gettext import translation
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import package_dir
from sphinx.application import Sphinx
from sphinx.search import SearchLanguage, languages
from sphinx.search.en import SearchEnglish
from sphinx.util.docutils import SphinxDirective

CHINESE = re.compile(r"[\u4e00-\u9fff]+")


class Typesetter:
    """KaTeX in a process of its own: a formula goes in, HTML with MathML for screen readers comes out."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._known: dict[tuple[str, bool], str] = {}

    def __call__(self, tex: str, *, display: bool) -> str:
        key = tex, display
        if key not in self._known:
            if self._process is None:
                command = [
                    os.environ["PELLUCID_NODE"],
                    os.environ["PELLUCID_KATEX_SCRIPT"],
                    os.environ["PELLUCID_KATEX"],
                ]
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", bufsize=1
                )
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
            answer = json.loads(self._process.stdout.readline())
            if "error" in answer:
                raise ValueError(f"the formula {tex!r} cannot be typeset: {answer['error']}")
            self._known[key] = answer["html"]
        return self._known[key]

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()
            self._process = None


typeset = Typesetter()


def visit_math(self: Any, node: nodes.math) -> None:
    self.body.append(f'<span class="math">{typeset(node.astext(), display=False)}</span>')
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    # A wide formula scrolls, also by keyboard.
    tex = node.astext().strip()
    self.body.append(
        f'<div class="math" tabindex="0" role="group" aria-label="formula">{typeset(tex, display=True)}</div>'
    )
    raise nodes.SkipNode


class Drawn(SphinxDirective):
    """A figure of docs/guide/figures/, drawn for light and for dark pages.

    :::{drawn} neuron_plane
    :alt: what it shows, for those who do not see it
    The caption.
    :::
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        name, alt = self.arguments[0], self.options.get("alt")
        if not alt:
            raise self.error(f'the figure "{name}" needs an :alt: text')
        figure = nodes.figure(classes=["drawn"])
        language = "-zh" if is_chinese(self.env.docname) else ""
        for theme in ("light", "dark"):
            figure += nodes.image(uri=f"/_figures/{name}-{theme}{language}.svg", alt=alt, classes=[f"only-{theme}"])
        caption = nodes.caption()
        inside = nodes.Element()
        self.state.nested_parse(StringList(self.content), self.content_offset, inside)
        for paragraph in inside.children:
            caption.extend(paragraph.children)
        if caption.children:
            figure += caption
        return [figure]


class LabFrame(SphinxDirective):
    """A saved lab of docs/guide/labs.py, at the view that its address names.

    :::{lab} neuron #/dense_1/unit/0
    What to do in it.
    :::
    """

    required_arguments = 1
    optional_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {"title": directives.unchanged, "height": directives.nonnegative_int}

    def run(self) -> list[nodes.Node]:
        address = self.arguments[1] if len(self.arguments) > 1 else ""
        up = "../" * self.env.docname.count("/")
        chinese = is_chinese(self.env.docname)
        name = f"{self.arguments[0]}-zh" if chinese else self.arguments[0]
        where = html.escape(f"{up}_static/labs/{name}.html{address}")
        title = html.escape(self.options.get("title", "实验室" if chinese else "The lab"))
        height = self.options.get("height", 640)
        alone = "单独打开" if chinese else "Open it alone"
        frame = (
            f'<iframe src="{where}" title="{title}" loading="lazy" style="height:{height}px"></iframe>'
            f'<p class="lab-alone"><a href="{where}">{alone}</a></p>'
        )
        box = nodes.container(classes=["lab"])
        if self.content:
            self.state.nested_parse(StringList(self.content), self.content_offset, box)
        box += nodes.raw("", frame, format="html")
        return [box]


class BothLanguages(SearchEnglish):
    """English words by their stems, Chinese by every character and every two in a row: what a person types finds its
    page without a dictionary of Chinese words. The page that searches takes the question apart in the same way."""

    lang = "en"
    js_splitter_code = r"""
function splitQuery(query) {
  const pairs = (run) => (run.length === 1 ? [run] : [...run].slice(1).map((second, k) => run[k] + second));
  return query
    .replace(/[\u4e00-\u9fff]+/gu, (run) => ` ${pairs(run).join(" ")} `)
    .split(/[^\p{Letter}\p{Number}_\p{Emoji_Presentation}]+/gu)
    .filter((term) => term);
}
"""

    def split(self, text: str) -> list[str]:
        runs = CHINESE.findall(text)
        pieces = {run[k : k + n] for run in runs for n in (1, 2) for k in range(len(run) - n + 1)}
        return [*super().split(CHINESE.sub(" ", text)), *sorted(pieces)]


def is_chinese(docname: str) -> bool:
    return docname.startswith("guide/zh/")


def speak_the_page_s_language(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """A Chinese page says so, and its buttons are Chinese too."""
    if not is_chinese(pagename):
        return
    context["language"] = "zh-Hans"
    known = translation("sphinx", package_dir / "locale", languages=["zh_CN"])
    context["gettext"] = lambda message: BUTTONS.get(message) or known.gettext(message)
    context["ngettext"] = known.ngettext


BUTTONS = {
    "Back to top": "回到顶部",
    "Home": "首页",
    "Next": "下一页",
    "On this page": "本页内容",
    "Previous": "上一页",
}
"""What the theme says, and Sphinx has no Chinese for."""


def setup(app: Sphinx) -> dict[str, Any]:
    languages["en"] = BothLanguages
    app.add_html_math_renderer("katex", (visit_math, None), (visit_math_block, None))
    app.add_directive("drawn", Drawn)
    app.add_directive("lab", LabFrame)
    app.connect("html-page-context", speak_the_page_s_language)
    app.connect("build-finished", lambda app, error: typeset.close())
    assert issubclass(BothLanguages, SearchLanguage)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": False}
