"""The reference: what `import pellucid` gives, from its docstrings, and its formulas from the formulas themselves."""

from __future__ import annotations

import contextlib
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pellucid as pl
from pellucid import data, estimators
from pellucid.errors import PellucidError
from pellucid.formula import BATCH, Program, Tensor, latex
from pellucid.functions.activations import ACTIVATIONS
from pellucid.functions.learning import losses, optimizers
from pellucid.layers import Layer

SECTIONS = ("Args", "Attributes", "Returns", "Raises")
HEAD = re.compile(rf"^({'|'.join(SECTIONS)}|Source):(.*)$")

EXAMPLES: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "Dense": (lambda: pl.Dense(3), (4,)),
    "Conv1D": (lambda: pl.Conv1D(2, 3), (8, 3)),
    "Conv2D": (lambda: pl.Conv2D(2, 3), (8, 8, 1)),
    "Conv3D": (lambda: pl.Conv3D(2, 3), (4, 4, 4, 1)),
    "ConvTranspose1D": (lambda: pl.ConvTranspose1D(2, 3), (8, 3)),
    "ConvTranspose2D": (lambda: pl.ConvTranspose2D(2, 3), (8, 8, 1)),
    "ConvTranspose3D": (lambda: pl.ConvTranspose3D(2, 3), (4, 4, 4, 1)),
    "MaxPool1D": (lambda: pl.MaxPool1D(2), (8, 3)),
    "MaxPool2D": (lambda: pl.MaxPool2D(2), (8, 8, 1)),
    "MaxPool3D": (lambda: pl.MaxPool3D(2), (4, 4, 4, 1)),
    "MinPool1D": (lambda: pl.MinPool1D(2), (8, 3)),
    "MinPool2D": (lambda: pl.MinPool2D(2), (8, 8, 1)),
    "MinPool3D": (lambda: pl.MinPool3D(2), (4, 4, 4, 1)),
    "AveragePool1D": (lambda: pl.AveragePool1D(2), (8, 3)),
    "AveragePool2D": (lambda: pl.AveragePool2D(2), (8, 8, 1)),
    "AveragePool3D": (lambda: pl.AveragePool3D(2), (4, 4, 4, 1)),
    "GlobalAveragePool": (lambda: pl.GlobalAveragePool(), (8, 8, 1)),
    "GlobalMaxPool": (lambda: pl.GlobalMaxPool(), (8, 8, 1)),
    "RNN": (lambda: pl.RNN(4), (5, 3)),
    "LSTM": (lambda: pl.LSTM(4), (5, 3)),
    "GRU": (lambda: pl.GRU(4), (5, 3)),
    "Embedding": (lambda: pl.Embedding(9, 3), (5,)),
    "BatchNormalization": (lambda: pl.BatchNormalization(), (4,)),
    "LayerNormalization": (lambda: pl.LayerNormalization(), (4,)),
    "Dropout": (lambda: pl.Dropout(0.5), (4,)),
    "DepthwiseConv1D": (lambda: pl.DepthwiseConv1D(3), (8, 3)),
    "DepthwiseConv2D": (lambda: pl.DepthwiseConv2D(3), (8, 8, 2)),
    "SeparableConv1D": (lambda: pl.SeparableConv1D(2, 3), (8, 3)),
    "SeparableConv2D": (lambda: pl.SeparableConv2D(2, 3), (8, 8, 2)),
    "GroupNormalization": (lambda: pl.GroupNormalization(2), (8, 8, 4)),
    "PReLU": (lambda: pl.PReLU(), (4,)),
    "Permute": (lambda: pl.Permute((2, 1)), (5, 3)),
    "RepeatVector": (lambda: pl.RepeatVector(3), (4,)),
    "UpSampling1D": (lambda: pl.UpSampling1D(2), (5, 3)),
    "UpSampling2D": (lambda: pl.UpSampling2D(2), (4, 4, 1)),
    "UpSampling3D": (lambda: pl.UpSampling3D(2), (4, 4, 4, 1)),
    "ZeroPadding1D": (lambda: pl.ZeroPadding1D(1), (5, 3)),
    "ZeroPadding2D": (lambda: pl.ZeroPadding2D(1), (4, 4, 1)),
    "ZeroPadding3D": (lambda: pl.ZeroPadding3D(1), (4, 4, 4, 1)),
    "Cropping1D": (lambda: pl.Cropping1D(1), (5, 3)),
    "Cropping2D": (lambda: pl.Cropping2D(1), (4, 4, 1)),
    "Cropping3D": (lambda: pl.Cropping3D(1), (4, 4, 4, 1)),
    "SpatialDropout1D": (lambda: pl.SpatialDropout1D(0.5), (5, 3)),
    "SpatialDropout2D": (lambda: pl.SpatialDropout2D(0.5), (4, 4, 2)),
    "SpatialDropout3D": (lambda: pl.SpatialDropout3D(0.5), (4, 4, 4, 2)),
    "GaussianNoise": (lambda: pl.GaussianNoise(0.1), (4,)),
    "MultiHeadAttention": (lambda: pl.MultiHeadAttention(2, 4), (5, 8)),
}
"""A layer of each kind that computes something, and the shape of what it takes, from which its formulas are read."""
RANDOM = ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise")
"""Layers that compute something in training only."""


def write(folder: Path) -> None:
    folder.mkdir(parents=True)
    exported = {name: getattr(pl, name) for name in pl.__all__}
    kinds = {name: v for name, v in exported.items() if isinstance(v, type)}
    layers = {name: v for name, v in kinds.items() if issubclass(v, Layer)} | {"Input": pl.Input}
    networks = {name: exported[name] for name in ("Network", "Neuron", "load", "from_onnx", "from_keras", "from_torch")}
    activations = {name: exported[name] for name in ACTIVATIONS if name in exported} | {"activation": pl.activation}
    errors = {name: v for name, v in kinds.items() if issubclass(v, PellucidError)}
    rules = ("SGD", "Adam", "AdamW", "Nadam", "Adagrad", "Lion", "RMSprop", "Optimizer")
    explaining = ["Trace", "Explanation", "PatchedRun", "Comparison", "Sweep", "Attribution", "compare"]
    explaining += ["Difference", "Ledger", "Rounding"]
    explaining += ["Flow", "Watch", "Diagnosis", "Finding"]
    training = [name for name, v in kinds.items() if v.__module__.startswith("pellucid.training")]
    training += ["L1", "L2", "L1L2", "CosineDecay", "ExponentialDecay", "StepDecay", "WarmUp"]
    pages = {
        "networks": ("Networks", "pellucid", networks),
        "layers": ("Layers", "pellucid", dict(sorted(layers.items()))),
        "activations": ("Activations", "pellucid", dict(sorted(activations.items()))),
        "optimizers": ("Optimizers", "pellucid", {name: exported[name] for name in rules}),
        "training": ("Training", "pellucid", {name: exported[name] for name in sorted(training)}),
        "explanations": ("Explanations", "pellucid", {name: exported[name] for name in explaining}),
        "formulas": (
            "Formulas",
            "pellucid",
            {"Tensor": pl.Tensor, "define": pl.define, "loss": pl.loss, "Parameter": pl.Parameter},
        ),
        "data": ("Data", "pellucid.data", public(data)),
        "estimators": (
            "Estimators",
            "pellucid.estimators",
            {n: getattr(estimators, n) for n in sorted(estimators.__all__)},
        ),
        "errors": ("Errors", "pellucid", errors),
    }
    for stem, (title, module, things) in pages.items():
        parts = [f"# {title}\n", *(entry(name, thing, module) for name, thing in things.items())]
        (folder / f"{stem}.md").write_text("\n".join(parts), encoding="utf-8")
    (folder / "losses.md").write_text(loss_page(), encoding="utf-8")
    shown = {n for _, module, things in pages.values() if module in ("pellucid", "pellucid.data") for n in things}
    left = sorted(set(pl.__all__) - shown)
    if left:
        raise ValueError(f"the reference has no page for {', '.join(left)}")
    order = [
        "networks",
        "layers",
        "activations",
        "losses",
        *[stem for stem in pages if stem not in ("networks", "layers", "activations")],
    ]
    tree = "```{toctree}\n:maxdepth: 2\n\n" + "\n".join(order) + "\n```\n"
    text = "# Reference\n\nEverything that `import pellucid as pl` gives, with the formulas that it computes.\n\n"
    (folder / "index.md").write_text(text + tree, encoding="utf-8")


def entry(name: str, thing: Any, module: str) -> str:
    """A heading, the signature, the formulas, the docstring, and of a class what it offers."""
    lines = [f"## {name}\n", code(f"{name}{signature(thing)}")]
    lines += [display(tex) for tex in formulas(name, thing)]
    lines += prose(inspect.getdoc(thing) or "", heading=3)
    if isinstance(thing, type) and not issubclass(thing, PellucidError | Layer):
        for method, function in methods(thing):
            lines += [
                f"### {name}.{method}\n",
                code(f"{method}{signature(function)}"),
                *prose(inspect.getdoc(function) or "", 4),
            ]
    return "\n".join(lines) + "\n"


def public(package: Any) -> dict[str, Any]:
    """The functions and classes that a package without a list of its own offers, by name."""
    found = {n: v for n, v in sorted(vars(package).items()) if n[0] != "_" and callable(v)}
    return {n: v for n, v in found.items() if getattr(v, "__module__", "").startswith("pellucid.")}


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """The public methods that the class or a base of Pellucid's gives it, with what they say of themselves."""
    seen = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("pellucid"):
            continue
        for name, value in vars(base).items():
            function = getattr(value, "__func__", value)
            if name[0] != "_" and name not in seen and inspect.isfunction(function) and function.__doc__:
                seen.add(name)
                yield name, function


def signature(thing: Any) -> str:
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""
    text = re.sub(r"<(?:class )?'?([\w.]+)'?[^>]*>", r"\1", text)
    # annotations are texts, and lose their quotes; defaults that are texts keep them
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    return re.sub(r"\((?:self|cls)(?:, )?", "(", text, count=1)


def code(text: str) -> str:
    if len(text) > 100:
        head, _, rest = text.partition("(")
        inside, _, tail = rest.rpartition(")")
        text = f"{head}(\n" + "\n".join(f"    {part}," for part in split(inside)) + f"\n){tail}"
    return f"```python\n{text}\n```\n"


def split(text: str) -> list[str]:
    """A list of arguments at the commas that stand in no bracket."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[({") - (letter in "])}")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def display(tex: str) -> str:
    return f"$$\n{tex}\n$$\n"


def formulas(name: str, thing: Any) -> list[str]:
    """The formulas of what a layer, an activation or an optimizer computes, as the engine reads them."""
    if name in EXAMPLES:
        layer, shape = EXAMPLES[name]
        forward = pl.Network(layer(), input_shape=shape, engine="reference").forward(training=name in RANDOM)
        return texts({**forward.values, **forward.outputs})
    if name in ACTIVATIONS and not isinstance(thing, type):
        return texts({"a": ACTIVATIONS[name](Tensor.input("z", n=BATCH, o=3))})
    by_name = {"SGD": optimizers.sgd, "RMSprop": optimizers.rmsprop, "Adam": optimizers.adam}
    rule = (by_name | {"Nadam": optimizers.nadam, "Adagrad": optimizers.adagrad, "Lion": optimizers.lion}).get(name)
    if rule is not None:
        needs = inspect.signature(rule).parameters.values()
        whole = [p.name for p in needs if p.default is p.empty and p.name not in ("lr", "step")]
        scalar = [p.name for p in needs if p.name in ("lr", "step")]
        given = {n: Tensor.input(n, n=BATCH) for n in whole} | {n: Tensor.input(n) for n in scalar}
        return texts(rule(given.pop("w"), given.pop("dw"), **given))
    return []


def texts(outputs: dict[str, Tensor]) -> list[str]:
    told: dict[str, None] = {}
    for statement in Program(outputs).statements:
        # KaTeX wants Greek letters and subscripts spelled out
        told[latex(statement).replace("₀", "_0")] = None
    return list(told)


def loss_page() -> str:
    lines = ["# Losses\n", 'A loss is chosen by its name, as in `net.fit(x, y, loss="mse")`.\n']
    for name, loss in sorted(losses.LOSSES.items()):
        if name != loss.name:
            continue
        p, y = Tensor.input("p", n=BATCH, k=3), Tensor.input("y", n=BATCH, k=3)
        lines += [f"## {name}\n"]
        if loss.aliases:
            lines += ["Also " + ", ".join(f'`"{alias}"`' for alias in loss.aliases) + ".\n"]
        with contextlib.suppress(PellucidError):  # labels stand in place of y
            lines += [display(tex) for tex in texts({"l": loss(p, y)})]
        lines += prose(inspect.getdoc(loss.function) or "", 3)
    return "\n".join(lines)


def prose(doc: str, heading: int = 3) -> list[str]:
    """A docstring as Markdown: its sections become lists, what is indented becomes code."""
    lines, section = [], ""
    buffer: list[str] = []

    def flush() -> None:
        text = textwrap.dedent("\n".join(buffer)).strip("\n")
        buffer.clear()
        if not text.strip():
            return
        if section in SECTIONS:
            lines.extend([f"**{section}**\n", *items(text), ""])
        elif section == "Source":
            lines.append(f"*Source:* {escaped(' '.join(text.split()))}\n")
        else:
            lines.extend(paragraphs(text))

    for line in doc.splitlines():
        head = HEAD.match(line)
        if head:
            flush()
            section = head[1]
            buffer.append(head[2])
        elif section and line and not line.startswith(" "):
            flush()
            section = ""
            buffer.append(line)
        else:
            buffer.append(line)
    flush()
    return lines


def items(text: str) -> list[str]:
    """`name: what it is` for each, the lines that go on with it indented."""
    listed: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and listed:
            listed[-1] += f" {line.strip()}"
        elif line.strip():
            listed.append(line.strip())
    shown = []
    for item in listed:
        name, colon, rest = item.partition(":")
        plain = colon and re.fullmatch(r"[\w., *]+", name)
        shown.append(f"- `{name.replace('*', '')}`: {escaped(rest.strip())}" if plain else f"- {escaped(item)}")
    return shown


def paragraphs(text: str) -> list[str]:
    parts = []
    # the sections of scikit-learn's docstrings, underlined, are no headings of the page
    text = re.sub(r"^(\w[\w ]*)\n-{3,}\n", r"\1:\n\n", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", text):
        if all(line.startswith("    ") for line in block.splitlines() if line.strip()):
            parts.append(f"```python\n{textwrap.dedent(block)}\n```\n")
        elif PARAMETER.match(block):
            parts.append("\n".join(items(PARAMETER.sub(r"\1: \2.", block))) + "\n")
        else:
            parts.append(escaped(block) + "\n")
    return parts


PARAMETER = re.compile(r"^([\w*, ]+?) : (.+)$", re.MULTILINE)
"""As scikit-learn's docstrings have it: the name and what it may be; below, indented, what it is."""


def escaped(text: str) -> str:
    """Markdown's own signs, outside code, as what they are in a docstring: characters."""
    pieces = re.split(r"(`[^`\n]*`)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([*_$\[\]<>|#])", r"\\\1", p) for p in pieces)
