"""The guide runs: its cells print what stands below them, its numbers come from there, its terms are explained first.

Both languages have the same chapters, with the same cells, headings, figures, formulas, numbers and terms.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

import pellucid as pl
from pellucid.experiments.known_claims import NAMES
from pellucid.lab.handle import Lab
from pellucid.lab.lessons.shipped import shipped

GUIDE = Path(__file__).parents[1] / "docs" / "guide"
ENGLISH = sorted((GUIDE / "en").glob("[0-9]*.md"))
CHINESE = sorted((GUIDE / "zh").glob("[0-9]*.md"))

FENCE = re.compile(r"^```(\S+)?([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?")
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
DIRECTIVE = re.compile(r"^:::\{(\w+)\} (.+)$", re.MULTILINE)
TERM = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)")
UNREAD = re.compile(r"\$[^$]*\$|\]\([^)]*\)")
"""Formulas and the addresses of links."""
SMALL = 20
"""Integers up to this are counted on fingers; a chapter has to show where any other number comes from."""
CITED = {
    "02-step.md": {"1958"},
    "05-relu.md": {"2012"},
    "13-lstm.md": {"1997"},
    "14-autoencoders.md": {"1901"},
    "15-next-word.md": {"2017"},
    "17-good-at.md": {"2022", "45", "97", "50000"},
}
"""Numbers that come from elsewhere: years of publications, what they report, claims that somebody might make."""

ALSO = {
    "convolutional network": ("CNN", "convolutional neural network"),
    "dead unit": ("dead neuron",),
    "gate": ("input gate", "forget gate", "output gate"),
    "dense layer": ("dense", "fully connected"),
    "normalisation": ("normalised", "batch normalisation"),
    "pooling": ("max-pooling", "min-pooling", "average pooling"),
    "probability": ("probabilities",),
    "recurrent network": ("RNN", "recurrent neural network"),
    "saturation": ("saturated", "saturates"),
    "slope": ("derivative",),
    "spread": ("standard deviation",),
    "stochastic gradient descent": ("SGD",),
    "support vector machine": ("SVM",),
    "train": ("trained", "training"),
    "tuning": ("tuned",),
    "cell": ("memory cell",),
    "全连接层": ("dense",),
    "卷积网络": ("CNN",),
    "循环网络": ("RNN",),
    "斜率": ("导数",),
    "高斯函数": ("高斯",),
}
"""Other words for terms, which need the same explanation."""
FIELD = """accuracy, activation function, adam, adversarial, anomaly detection, argmax, attention,
augmentation, autoencoder, autoregression, backpropagation, baseline, batch, batch size, beam search, bias,
boosted trees, bootstrap, bottleneck, calibration, cell, chain rule, channel, checkpoint, class, classifier,
clipping, clustering, computation graph, confidence interval, confusion matrix, convergence, convolution,
convolutional network, correlation, covariance, cross-correlation, cross-entropy, cross-validation, curvature,
data set, dead unit, decision tree, decoder, deep network, dense layer, derivative, dilation, distribution,
divergence, down-sampling, dropout, early stopping, eigenvalue, embedding, encoder, ensemble, entropy, epoch,
example, exploding gradient, exponential, feature, feature map, filter, fine-tuning, floating point, forest,
forget gate, Gaussian, generalisation, gate, gradient, gradient descent, GRU, hidden layer, hyperparameter,
inference, initial weights, input, kernel, label, language model, latent space, layer, leaky ReLU, learning
rate, likelihood, linear regression, logarithmic scale, logistic regression, logit, loss, LSTM, mask, matrix,
mean squared error, minibatch, momentum, natural logarithm, network, neuron, noise, norm, normalisation,
optimizer, outlier, output, overfitting, padding, parameter, perceptron, perplexity, pixel, pooling,
precision, preprocessing, principal component analysis, prior, probability, quantile, random walk, receptive
field, recurrent network, regression, regularization, ReLU, residual, saturation, sequence, sigmoid, slope,
softmax, spread, standard error, state, step function, stochastic gradient descent, stride, supervised,
support vector machine, tangent, tanh, target, tensor, test data, threshold, token, train, training data,
transfer, transformer, tuning, underfitting, unit, unrolling, unsupervised, validation data, vanishing
gradient, variance, vector, vocabulary, walk-forward, weight, weight decay, weighted sum""".replace("\n", " ").split(
    ", "
)
"""Words of glossaries of the field."""


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def cells(text: str) -> Iterator[tuple[str, str | None, int]]:
    """The cells that run, each with what it is to print, if that is shown, and its line."""
    blocks = [*FENCE.finditer(text), None]
    for block, following in pairwise(blocks):
        assert block is not None
        if block[1] != "python" or "no-run" in block[2]:
            continue
        shown = following is not None and following[1] == "text" and not text[block.end() : following.start()].strip()
        printed = following[3] if following is not None and shown else None
        yield block[3], printed, text.count("\n", 0, block.start(3))


def prose(text: str) -> str:
    """What is read: without code, figures' options, addresses and marks."""
    text = FENCE.sub(" ", text)
    text = re.sub(r"^:::\{\w+\}.*$|^:\w+:", " ", text, flags=re.MULTILINE)
    return re.sub(r"`[^`\n]*`", " ", text)


@pytest.mark.sample(9)
@pytest.mark.parametrize("page", ENGLISH, ids=lambda p: p.stem)
def test_the_cells_print_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scope = {"__name__": page.stem}
    for source, shown, line in cells(text_of(page)):
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            exec(compile("\n" * line + source, page.name, "exec"), scope)
        assert shown is None or output.getvalue() == shown, f"{page.name}, line {line}"
        assert shown is not None or not output.getvalue(), f"{page.name}, line {line} prints what is not shown"


@pytest.mark.parametrize("page", ENGLISH, ids=lambda p: p.stem)
def test_every_number_comes_from_a_cell(page: Path) -> None:
    """A number of the text stands in a cell or in what one prints; small integers and rounded ones are let through."""
    text = text_of(page)
    given = {n.replace(",", "") for block in FENCE.finditer(text) for n in NUMBER.findall(block[3].replace("_", ""))}
    values = [float(n) for n in given]

    def known(number: str) -> bool:
        digits = len(number.partition(".")[2])
        return number in given or any(round(value, digits) == float(number) for value in values if digits)

    reading = LINK.sub(r"\1", prose(text))
    told = {n.rstrip(",").replace(",", "") for n in NUMBER.findall(reading)}
    told -= {n for n in told if "." not in n and int(n) <= SMALL}
    unknown = sorted(n for n in told if not known(n) and n not in CITED.get(page.name, ()))
    assert not unknown, ", ".join(unknown)


def slug(term: str) -> str:
    return term.lower().replace(" ", "-")


@pytest.mark.parametrize("chapters", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_term_is_linked_where_it_comes_first(chapters: list[Path]) -> None:
    """In reading order, the first time a term of the glossary is used it is explained there, by a link to its entry."""
    terms = TERM.findall(text_of(chapters[0].parent / "glossary.md"))
    assert len(terms) == len({slug(term) for term in terms})
    reading = {page: re.sub(r"^#.*$", " ", prose(text_of(page)), flags=re.MULTILINE) for page in chapters}
    wrong = []
    for term in terms:
        longer = [used_as(other) for other in terms if other != term and term.lower() in other.lower()]
        for page, text in reading.items():
            linked = [m for m in LINK.finditer(text) if m[2] == f"glossary.md#{slug(term)}"]
            # a term inside the link of a longer one ("loss" in "loss function"), or inside a longer term, is that one's
            other = [m.span() for m in LINK.finditer(text) if m[2].startswith("glossary.md#") and m not in linked]
            shown = UNREAD.sub(lambda m: " " * len(m[0]), text)
            other += [m.span() for word in longer for m in word.finditer(shown)]
            uses = [m.start() for m in used_as(term).finditer(shown)]
            uses = [use for use in uses if not any(start <= use < end for start, end in other)]
            if not uses and not linked:
                continue
            if not linked or (uses and uses[0] < linked[0].start()):
                wrong.append(f"{term}: {page.name}, …{text[max(0, uses[0] - 40) : uses[0] + 30]!r}")
            break
        else:
            wrong.append(f"{term}: in no chapter")
    assert not wrong, "\n".join(wrong)


def used_as(term: str) -> re.Pattern[str]:
    """A term in a text, with its plural and the other words of `ALSO` for it."""
    # Chinese runs its words together, and writes Latin ones between Chinese ones
    words = (term, *ALSO.get(term, ()))
    forms = [re.escape(word) if not word.isascii() else rf"\b{re.escape(word)}(?:s|es)?\b" for word in words]
    return re.compile("|".join(forms), re.IGNORECASE)


def test_every_word_of_the_field_is_in_the_glossary() -> None:
    """What a reader who knows Python and no calculus cannot know has an entry, where a chapter uses it."""
    terms = sorted(TERM.findall(text_of(GUIDE / "en" / "glossary.md")), key=len, reverse=True)
    missing = []
    for page in ENGLISH:
        text = UNREAD.sub(" ", LINK.sub(r"\1", prose(text_of(page))))
        for term in terms:
            text = used_as(term).sub(" ", text)
        missing += [f"{word}: {page.name}" for word in FIELD if used_as(word).search(text)]
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize(
    "language", [folder.name for folder in sorted(GUIDE.iterdir()) if (folder / "index.md").is_file()]
)
def test_links_lead_to_entries_and_pages(language: str) -> None:
    folder = GUIDE / language
    anchors = {slug(term) for term in TERM.findall(text_of(folder / "glossary.md"))}
    for page in folder.glob("*.md"):
        for _, target in LINK.findall(FENCE.sub(" ", text_of(page))):
            path, _, anchor = target.partition("#")
            if "://" not in target:
                assert (folder / path).is_file(), f"{page.name}: {target}"
            if path == "glossary.md" and anchor:
                assert anchor in anchors, f"{page.name}: {target}"


def test_every_figure_and_lab_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GUIDE))
    for name in ("figures", "labs"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    from figures import FIGURES  # type: ignore[import-not-found]
    from labs import LABS  # type: ignore[import-not-found]

    made = {"drawn": FIGURES, "lab": LABS}
    used: dict[str, set[str]] = {"drawn": set(), "lab": {"spirals"}}  # that of the first page
    for page in GUIDE.rglob("*.md"):
        for kind, arguments in DIRECTIVE.findall(text_of(page)):
            if kind in made:
                used[kind].add(arguments.split()[0])
    assert {kind: used[kind] for kind in made} == {kind: set(known) for kind, known in made.items()}


def test_every_lab_has_a_title_in_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GUIDE))
    for name in [name for name in sys.modules if name.partition(".")[0] in ("figures", "labs")]:
        monkeypatch.delitem(sys.modules, name)
    from labs import LABS

    monkeypatch.setattr(pl.Network, "fit", lambda self, *data, **options: None)
    monkeypatch.setattr(pl.Network, "lab", lambda self, *data, title, **options: title)
    opened = {name: lab() for name, lab in LABS.items()}
    titles = {name: each._task.title if isinstance(each, Lab) else each for name, each in opened.items()}
    assert all(set(title) == {"en", "zh"} for title in titles.values()), titles
    assert not [title["en"] for title in titles.values() if re.search(r"[\u4e00-\u9fff]", title["en"])]
    assert all(re.search(r"[\u4e00-\u9fff]", title["zh"]) for title in titles.values()), titles


def test_labels_of_figures_are_put_into_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(GUIDE))
    for name in [name for name in sys.modules if name.partition(".")[0] == "figures"]:
        monkeypatch.delitem(sys.modules, name)
    from figures.chinese import translated  # type: ignore[import-not-found]

    svg = '<text x="1">{}</text><path d="M 1"/><text>-0.5</text>'
    for shown, chinese in {
        "learning rate 0.3": "学习率 0.3",
        "tanh(z)": "tanh(z)",
        "&lt;unknown&gt;": "&lt;unknown&gt;",
    }.items():
        assert translated(svg.format(shown)) == svg.format(chinese)
    with pytest.raises(ValueError, match='"cold"'):
        translated(svg.format("cold"))


@pytest.mark.parametrize("page", sorted(GUIDE.rglob("*.md")), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_every_experiment_is_there(page: Path) -> None:
    assert set(re.findall(r"`pellucid experiment ([\w-]+)", text_of(page))) <= {*NAMES, "list", "all"}


DISPLAYED = re.compile(r"^\$\$\n.*?^\$\$$", re.DOTALL | re.MULTILINE)
ENGLISH_NAME = re.compile(r"^英文：(.+?)。", re.MULTILINE)


def test_every_chapter_is_there_in_both_languages() -> None:
    assert [page.name for page in sorted((GUIDE / "zh").glob("*.md"))] == [
        page.name for page in sorted((GUIDE / "en").glob("*.md"))
    ]


def test_both_glossaries_have_the_same_entries() -> None:
    chinese = text_of(GUIDE / "zh" / "glossary.md")
    named = ENGLISH_NAME.findall(chinese)
    assert len(named) == len(TERM.findall(chinese))
    assert named == TERM.findall(text_of(GUIDE / "en" / "glossary.md"))


def test_every_lesson_of_the_lab_belongs_to_a_chapter() -> None:
    for lesson in shipped():
        for language, title in (("en", lesson.title.en), ("zh", lesson.title.zh)):
            chapters = sorted((GUIDE / language).glob("[0-9]*.md"))
            assert any(title in text_of(page) for page in chapters), f"{language}: {title}"


@pytest.mark.parametrize("page", ENGLISH, ids=lambda p: p.stem)
def test_both_languages_carry_the_same(page: Path) -> None:
    english, chinese = text_of(page), text_of(GUIDE / "zh" / page.name)
    assert [m[0] for m in FENCE.finditer(chinese)] == [m[0] for m in FENCE.finditer(english)]
    assert HEADING.findall(FENCE.sub(" ", chinese)) == HEADING.findall(FENCE.sub(" ", english))
    assert DIRECTIVE.findall(chinese) == DIRECTIVE.findall(english)
    assert formulas(chinese) == formulas(english)
    assert numbers(chinese) == numbers(english)
    for mark in ("<details>", "`pellucid "):
        assert chinese.count(mark) == english.count(mark), mark
    glossary = text_of(GUIDE / "zh" / "glossary.md")
    keys = {slug(t): slug(name) for t, name in zip(TERM.findall(glossary), ENGLISH_NAME.findall(glossary), strict=True)}
    linked = [re.findall(r"\(glossary\.md#([^)]+)\)", text) for text in (chinese, english)]
    assert sorted(keys[anchor] for anchor in linked[0]) == sorted(linked[1])


def formulas(text: str) -> list[str]:
    """Those that stand by themselves, without their words."""
    return [re.sub(r"\s|\\quad|\\text\{[^}]*\}", "", shown) for shown in DISPLAYED.findall(text)]


@pytest.mark.parametrize("page", sorted((GUIDE / "zh").glob("*.md")), ids=lambda p: p.stem)
def test_chinese_is_set_as_chinese(page: Path) -> None:
    """A paragraph is one line, since a browser shows a break as a blank; signs are full; Latin stands free."""
    wrong = []
    lines = re.sub(r"`[^`\n]*`|\$[^$]*\$", "x", DISPLAYED.sub("", FENCE.sub("", text_of(page)))).splitlines()
    for line, following in pairwise([*lines, ""]):
        seen = LINK.sub(r"\1", line)
        han = r"[\u4e00-\u9fff]"
        if (
            following
            and re.search(rf"{han}|[，。；：、]$", line)
            and not re.match(r"[#|:<*]|$", line)
            and following[0] not in ":|<"
        ):
            wrong.append(f"a break inside a paragraph: {line[-30:]!r}")
        wrong += [
            f"{m[0]!r} in {seen[:40]!r}"
            for m in re.finditer(rf"{han}[,;:?!]|{han}[A-Za-z0-9]|[A-Za-z0-9]{han}|{han} {han}", seen)
        ]
    assert not wrong, "\n".join(wrong)


def numbers(text: str) -> set[str]:
    """The numbers that come out of something: those with a decimal point, and large ones."""
    told = {n.rstrip(",").replace(",", "") for n in NUMBER.findall(LINK.sub(r"\1", prose(text)))}
    return {n for n in told if "." in n or int(n) > SMALL}
