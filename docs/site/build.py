"""Builds the site: `python docs/site/build.py [--fresh]`, or `make docs`.

The pages of docs/ are copied to build/docs/source, with those that are made (the API reference, the experiments, the
figures and labs of the guide) beside them; Sphinx then writes site/, and every warning is an error. What is drawn is
kept until a source changes. Nothing is fetched but KaTeX, once, as docs/site/katex/package-lock.json has it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

SITE = Path(__file__).parent
DOCS = SITE.parent
ROOT = DOCS.parent
WORK = ROOT / "build" / "docs"
SOURCE = WORK / "source"
KATEX = WORK / "katex"
OUTPUT = ROOT / "site"
LANGUAGES = {"en": "English", "zh": "简体中文"}
EXPERIMENT = re.compile(r"(?<!\[)`pellucid experiment ([\w-]+)`")
OUTSIDE = re.compile(r"\]\((?:\.\./)+(examples/[^)]+|LICENSE|Makefile)\)")

console = Console(stderr=True)


def main(args: list[str]) -> int:
    if args not in ([], ["--fresh"]):
        print(f"build.py: error: expected nothing or --fresh, got {' '.join(args)}.", file=sys.stderr)
        return 2
    if args:
        shutil.rmtree(WORK, ignore_errors=True)
    hatch = module("hatch_build", ROOT / "hatch_build.py")
    sys.path[:0] = [str(SITE), str(DOCS / "guide")]
    try:
        hatch.Page().build()  # the page of the lab
        node, npm = hatch.found_node()
        fetch_katex(node, npm)
    except hatch.BuildFailed as error:
        print(f"build.py: error: {error}", file=sys.stderr)
        return 1
    stage()
    return sphinx(node)


def module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def fetch_katex(node: str, npm: str) -> None:
    """KaTeX as the lock file pins it; not again while that stays."""
    lock = (SITE / "katex" / "package-lock.json").read_bytes()
    stamp = KATEX / "node_modules" / ".lock"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return
    KATEX.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(SITE / "katex" / name, KATEX / name)
    options = ["--ignore-scripts", "--fetch-retries=0", "--prefer-offline", "--no-audit", "--no-fund"]
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    done = subprocess.run([node, npm, "ci", *options], cwd=KATEX, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(
            "build.py: error: KaTeX, which typesets the formulas, could not be installed from registry.npmjs.org:"
            f" connect to the internet once and try again.\n{done.stderr.strip()}"
        )
    stamp.write_bytes(lock)


def fingerprint(*places: Path) -> str:
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def stage() -> None:
    """The pages, and what is made for them, where Sphinx reads them."""
    import experiments_pages
    import reference

    shutil.rmtree(SOURCE, ignore_errors=True)
    ignored = shutil.ignore_patterns("site", "__pycache__", "*.py", "figures", "verdicts")
    shutil.copytree(DOCS, SOURCE, ignore=ignored)
    shutil.copytree(SITE / "static", SOURCE / "_static")
    dist = KATEX / "node_modules" / "katex" / "dist"
    shutil.copytree(
        dist / "fonts", SOURCE / "_static" / "katex" / "fonts", ignore=shutil.ignore_patterns("*.ttf", "*.woff")
    )
    shutil.copyfile(dist / "katex.min.css", SOURCE / "_static" / "katex" / "katex.min.css")
    shutil.copyfile(KATEX / "node_modules" / "katex" / "LICENSE", SOURCE / "_static" / "katex" / "LICENSE.txt")
    shutil.copyfile(ROOT / "CHANGELOG.md", SOURCE / "changelog.md")
    shutil.copytree(ROOT / "examples", SOURCE / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    for page in SOURCE.rglob("*.md"):
        page.write_text(staged(page), encoding="utf-8")
    home()
    decisions()
    reference.write(SOURCE / "reference")
    experiments_pages.write(SOURCE / "experiments", DOCS / "verdicts")
    keep("figures", fingerprint(ROOT / "src" / "pellucid", DOCS / "guide"), SOURCE / "_figures", draw_figures)
    keep(
        "labs",
        fingerprint(ROOT / "src" / "pellucid", DOCS / "guide" / "labs.py"),
        SOURCE / "_static" / "labs",
        save_labs,
    )


def staged(page: Path) -> str:
    """A page with links to the site's other pages in the place of those to folders and files of the repository."""
    text = page.read_text(encoding="utf-8")
    where = page.relative_to(SOURCE)
    up = "../" * (len(where.parts) - 1)
    text = OUTSIDE.sub(lambda match: f"]({up}{match[1]})", text)
    text = text.replace("](decisions/)", "](decisions/index.md)").replace("```python no-run", "```python")
    text = re.sub(r"\]\((?:\.\./)+CHANGELOG\.md", f"]({up}changelog.md", text)
    text = re.sub(r"\]\(verdicts/([a-z-]+)\.png\)", r"](experiments/\1.md)", text)
    if where.parts[0] == "guide":
        text = EXPERIMENT.sub(lambda match: f"[{match[0]}]({up}experiments/{match[1]}.md)", text)
    if where.parts[0] == "guide" and len(where.parts) == 3:
        title, _, rest = text.partition("\n")
        others = [
            code for code in LANGUAGES if code != where.parts[1] and (SOURCE / "guide" / code / page.name).is_file()
        ]
        links = " ".join(f"[{LANGUAGES[code]}](../{code}/{page.name})" for code in others)
        text = f"{title}\n\n:::{{container}} other-language\n{links}\n:::\n{rest}" if links else text
    return text


def home() -> None:
    """The first page, with the tables of contents of what is there."""
    chapters = {code: sorted(p.name[:-3] for p in (SOURCE / "guide" / code).glob("[0-9]*.md")) for code in LANGUAGES}
    trees = [("Guide", [f"guide/en/{name}" for name in ["index", *chapters["en"], "glossary"]])]
    if chapters["zh"]:
        trees.append(("指南", [f"guide/zh/{name}" for name in ["index", *chapters["zh"], "glossary"]]))
    how = [
        "lab",
        "lessons",
        "coming-from",
        "worked-example",
        "your-own-activation",
        "your-own-loss",
        "your-own-layer",
        "images",
        "text",
        "sequences",
        "command-line",
        "tables",
        "batches",
        "prices",
    ]
    how += ["what-if", "attribution", "autoencoders", "estimators", "onnx", "keras", "pytorch", "export", "gallery"]
    known = {page.stem for page in SOURCE.glob("*.md")}
    about = ["architecture", "performance", "platforms", "decisions/index", "guide/article", "guide/compared"]
    about += ["changelog"]
    reserved = {*how, *about, "experiments", "index"}
    trees.append(("How to", [*how, *sorted(known - reserved)]))
    trees.append(("Experiments", ["experiments", "experiments/index"]))
    trees.append(("Reference", ["reference/index"]))
    trees.append(("About", about))
    text = (SITE / "home.md").read_text(encoding="utf-8")
    for caption, pages in trees:
        there = [page for page in pages if (SOURCE / f"{page}.md").is_file() or page.split("/")[0] in MADE]
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(there) + "\n```\n"
    (SOURCE / "index.md").write_text(text, encoding="utf-8")


MADE = {"reference", "experiments", "decisions"}
"""Folders whose first page is made here."""


def decisions() -> None:
    pages = sorted(p.stem for p in (SOURCE / "decisions").glob("[0-9]*.md"))
    tree = "```{toctree}\n:maxdepth: 1\n\n" + "\n".join(pages) + "\n```\n"
    text = f"# Decisions\n\nWhy Pellucid is built as it is, one page for each decision.\n\n{tree}"
    (SOURCE / "decisions" / "index.md").write_text(text, encoding="utf-8")


def keep(kind: str, mark: str, where: Path, make: object) -> None:
    """Files that are made once for each state of their sources."""
    kept = WORK / kind / mark
    if not kept.is_dir():
        shutil.rmtree(WORK / kind, ignore_errors=True)
        beside = WORK / kind / "new"
        beside.mkdir(parents=True)
        make(beside)  # type: ignore[operator]
        beside.rename(kept)
    shutil.copytree(kept, where)


def bar() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=console)


def draw_figures(folder: Path) -> None:
    import matplotlib
    from figures import FIGURES, chinese
    from matplotlib import style as styles

    matplotlib.use("svg")
    with bar() as progress:
        for name, figure in progress.track(list(FIGURES.items()), description="drawing figures"):
            for theme, sheet in (("light", "default"), ("dark", "dark_background")):
                with styles.context([sheet, {"svg.hashsalt": name, "font.size": 11}]):
                    drawn = figure()
                    drawn.savefig(folder / f"{name}-{theme}.svg", transparent=True, metadata={"Date": None})
                    with styles.context({"svg.fonttype": "none"}):
                        path = folder / f"{name}-{theme}-zh.svg"
                        drawn.savefig(path, transparent=True, metadata={"Date": None})
                    path.write_text(chinese.translated(path.read_text(encoding="utf-8")), encoding="utf-8")


def save_labs(folder: Path) -> None:
    from labs import LABS

    with bar() as progress:
        for name, lab in progress.track(list(LABS.items()), description="saving labs"):
            with lab() as opened:
                opened.save(folder / f"{name}.html", language="en")
                opened.save(folder / f"{name}-zh.html", language="zh")


def sphinx(node: str) -> int:
    environment = {
        **os.environ,
        "PELLUCID_NODE": node,
        "PELLUCID_KATEX": str(KATEX),
        "PELLUCID_KATEX_SCRIPT": str(SITE / "katex" / "render.mjs"),
    }
    shutil.rmtree(OUTPUT, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "-d",
        str(WORK / "doctrees"),
        "-c",
    ]
    done = subprocess.run([*command, str(SITE), str(SOURCE), str(OUTPUT)], env=environment)
    if done.returncode == 0:
        finish()
        console.print(f"The site is at {OUTPUT / 'index.html'}")
    return done.returncode


ACCESSIBLE = (
    ('<aside class="sidebar-drawer">', '<aside class="sidebar-drawer" aria-label="site">'),
    ('<aside class="toc-drawer', '<aside aria-label="page" class="toc-drawer'),
    ('role="heading"', 'role="heading" aria-level="2"'),
    ("<pre>", '<pre tabindex="0">'),
    ('<th class="head"><p></p></th>', "<td></td>"),
    ('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper'),
    ('<div id="search-results">', '<h1>Search</h1>\n<div id="search-results">'),
)
"""What the theme's pages lack for people who use a keyboard or a screen reader."""


def finish() -> None:
    shutil.copytree(DOCS / "gallery", OUTPUT / "gallery")  # a page in two themes names them in HTML of its own
    pages = [page for page in OUTPUT.rglob("*.html") if "_static" not in page.parts]
    used = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for before, after in ACCESSIBLE:
            if before in text:
                used.add(before)
                text = text.replace(before, after)
        page.write_text(text, encoding="utf-8")
    unused = [before for before, _ in ACCESSIBLE if before not in used]
    if unused:
        raise SystemExit(
            f"build.py: error: the theme writes no {', '.join(unused)} any more: look at it with check.py."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
