"""A network as a spreadsheet: its cells compute what the network computes, also after an input was typed over."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

import pellucid as pl
from pellucid.errors import FormulaError, PellucidError
from pellucid.interchange.workbook import Sheet

Array = np.ndarray[Any, Any]
RANDOM = np.random.default_rng(3)


def normal(*shape: int) -> Array:
    return RANDOM.normal(size=shape)


def small() -> pl.Network:
    """The 2-2-1 network that teachers work by hand."""
    net = pl.Network(pl.Dense(2, activation="sigmoid"), pl.Dense(1, activation="sigmoid"), input_shape=2, seed=1)
    net.parameters["dense_1.kernel"] = np.array([[0.5, -1.0], [0.25, 2.0]])
    return net


Case = tuple[pl.Network, Array, Array, Array, dict[str, Any]]


def dense() -> Case:
    return small(), np.array([[1, 0.5]]), np.ones(1), np.array([[-0.3, 2.0]]), {"loss": "mse"}


def classes() -> Case:
    layers = pl.Dense(4, activation="gelu"), pl.LayerNormalization(), pl.Dense(3, activation="softmax")
    rule = pl.Adam(0.01)
    net = pl.Network(*layers, input_shape=2, seed=1)
    return net, np.ones((2, 2)), np.array([1, 2]), normal(2, 2), {"optimizer": rule}


def images() -> Case:
    layers = (
        pl.Conv2D(2, 2, activation="leaky_relu", padding="same"),
        pl.BatchNormalization(),
        pl.MaxPool2D(2, padding="same"),
        pl.Flatten(),
        pl.Dense(1, activation="softplus"),
    )
    net = pl.Network(*layers, input_shape=(5, 5, 1), seed=1)
    return net, normal(1, 5, 5, 1), np.ones(1), normal(1, 5, 5, 1), {"optimizer": pl.SGD(0.1, momentum=0.9)}


def signals() -> Case:
    layers = pl.Conv1D(2, 3, strides=2, activation="silu"), pl.MinPool1D(2), pl.GlobalAveragePool(), pl.Dense(2)
    net = pl.Network(*layers, input_shape=(9, 1), seed=1)
    return net, normal(1, 9, 1), np.ones((1, 2)), normal(1, 9, 1), {"optimizer": pl.RMSprop(0.01), "loss": "huber"}


def words() -> Case:
    net = pl.Network(pl.Embedding(5, 2), pl.LSTM(2), pl.Dense(1), input_shape=3, seed=1)
    return net, np.array([[1, 2, 3]]), np.ones(1), np.array([[4, 0, 2]]), {}


def both_ways() -> Case:
    layers = pl.Bidirectional(pl.GRU(2)), pl.Dense(3, activation="log_softmax")
    return pl.Network(*layers, input_shape=(3, 2), seed=1), normal(1, 3, 2), np.array([1]), normal(1, 3, 2), {}


CASES = [dense, classes, images, signals, words, both_ways]


def cells(sheet: Worksheet) -> dict[str, Any]:
    return {c.coordinate: c.value for row in sheet.iter_rows() for c in row if c.value is not None}


class Calculator:
    """A spreadsheet's arithmetic in a few lines of Python: its formulas need no more."""

    def __init__(self, contents: Mapping[str, Any]) -> None:
        self.contents = dict(contents)
        self.cell = cache(self._cell)
        self.names: dict[str, Any] = {
            "EXP": math.exp,
            "LN": math.log,
            "SQRT": math.sqrt,
            "TANH": math.tanh,
            "ERF": math.erf,
            "ABS": abs,
            "SIGN": lambda x: (x > 0) - (x < 0),
            "MAX": max,
            "MIN": min,
            "AND": lambda *all_: all(all_),
            "INDEX": lambda block, row, column: self.cell(f"{block[0]}{block[1] + row - 1}", column - 1),
            "BLOCK": lambda column, row: (column, row),
            "cell": self.cell,
        }

    def _cell(self, name: str, right: int = 0) -> float:
        column, row = re.fullmatch(r"([A-Z]+)(\d+)", name).groups()  # type: ignore[union-attr]
        if right:
            column = chr(ord(column) + right)
        content = self.contents[f"{column}{row}"]
        return self._evaluated(content[1:]) if isinstance(content, str) else content

    def _evaluated(self, text: str) -> float:
        text = re.sub(r"\$([A-Z]+)\$(\d+):\$[A-Z]+\$\d+", r"BLOCK('\1',\2)", text)
        text = re.sub(r"(?<![\w'.])([A-Z]+\d+)\b(?!\()", r"cell('\1')", text)
        text = re.sub(r"(?<![<>])=", "==", text).replace("^", "**")
        return float(eval(_conditional(text), {"__builtins__": {}}, self.names))


def _conditional(text: str) -> str:
    """Each IF(a,b,c) as Python writes it, (b) if (a) else (c): the branch alone is computed that counts."""
    while (start := text.rfind("IF(")) >= 0:
        parts, depth, at = [""], 1, start + len("IF(")
        while depth:
            sign = text[at]
            depth += (sign == "(") - (sign == ")")
            if sign == "," and depth == 1:
                parts.append("")
            elif depth:
                parts[-1] += sign
            at += 1
        text = f"{text[:start]}(({parts[1]}) if ({parts[0]}) else ({parts[2]})){text[at:]}"
    return text


def changed(path: Path, written: Sheet, x: Array) -> openpyxl.Workbook:
    """The workbook with other inputs. openpyxl drops the values that were kept of formulas."""
    book = openpyxl.load_workbook(path)
    block = written.blocks["input_1"]
    for index in np.ndindex(*block.shape):
        row, column = block.at(index)
        book["Network"].cell(row + 1, column + 1).value = x[index].item()
    return book


def compare(number: Callable[[int, int], Any], written: Sheet, run: pl.Trace) -> None:
    """Every cell against the network's own number; `number` takes row and column from 1."""
    for path, block in written.blocks.items():
        for index in np.ndindex(*block.shape):
            row, column = block.at(index)
            assert number(row + 1, column + 1) == pytest.approx(float(run[path][index]), rel=1e-4, abs=1e-5), path


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.__name__)
def test_the_cells_compute_what_the_network_computes(case: Callable[[], Case], tmp_path: Path) -> None:
    net, x, y, x2, options = case()
    written = net.sheet(tmp_path / "net.xlsx", x, y, **options)
    kept = openpyxl.load_workbook(tmp_path / "net.xlsx", data_only=True)["Network"]
    rule = options.get("optimizer", pl.SGD())
    compare(
        lambda row, column: kept.cell(row, column).value,
        written,
        net.trace(x, y, optimizer=rule, loss=options.get("loss")),
    )
    sheet = changed(tmp_path / "net.xlsx", written, x2)["Network"]
    calculator = Calculator(cells(sheet))
    run = net.trace(x2, y, optimizer=rule, loss=options.get("loss"))
    compare(lambda row, column: calculator.cell(sheet.cell(row, column).coordinate), written, run)
    formulas = sum(isinstance(v, str) and v.startswith("=") for v in cells(sheet).values())
    assert formulas == written.formulas, "no text becomes a formula"
    assert written.formulas + sum(run[name].size for name in run.program.inputs) == written.cells


def test_a_sheet_of_no_target_goes_forward_alone(tmp_path: Path) -> None:
    net = small()
    written = net.sheet(tmp_path / "net.xlsx", np.array([[1, 0.5]]))
    assert set(written.blocks) == {
        "input_1",
        *net.parameters,
        "dense_1.sum",
        "dense_1",
        "dense_2.sum",
        "dense_2",
    }


def test_the_formulas_are_those_of_a_textbook(tmp_path: Path) -> None:
    written = small().sheet(tmp_path / "net.xlsx", np.array([[1, 0.5]]), np.ones(1), loss="mse")
    content = cells(openpyxl.load_workbook(tmp_path / "net.xlsx")["Network"])

    def at(path: str, *index: int) -> str:
        from pellucid.formula.notation.spreadsheet import address

        return address(*written.blocks[path].at(index))

    x, w, b = [at("input_1", 0, i) for i in (0, 1)], [at("dense_1.kernel", i, 0) for i in (0, 1)], at("dense_1.bias", 0)
    assert content[at("dense_1.sum", 0, 0)] == f"={b}+{x[0]}*{w[0]}+{x[1]}*{w[1]}"
    assert content[at("dense_1", 0, 1)] == f"=1/(1+EXP(-{at('dense_1.sum', 0, 1)}))"
    new, old, slope = at("dense_1.kernel′", 1, 0), w[1], at("d(dense_1.kernel)", 1, 0)
    assert content[new] == f"={old}-{at('learning_rate')}*{slope}"


def test_the_page_shows_these_cells(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "spreadsheets.md").read_text(encoding="utf-8")
    net = pl.Network(pl.Dense(2, activation="sigmoid"), pl.Dense(1, activation="sigmoid"), input_shape=2)
    written = net.sheet(tmp_path / "net.xlsx", np.array([[1.0, 0.0]]), np.ones(1), loss="mse")
    sheet = openpyxl.load_workbook(tmp_path / "net.xlsx")["Network"]
    for path in ("dense_1.sum", "dense_1", "dense_1.kernel′"):
        block = written.blocks[path]
        assert f"`{sheet.cell(block.row + 1, block.column + 1).value}`" in page


def test_cells_have_labels_colours_comments_and_names(tmp_path: Path) -> None:
    net = small()
    written = net.sheet(
        tmp_path / "net.xlsx", np.ones((1, 2)), np.ones(1), names={"input_1": ("=1+1", "width")}, language="zh"
    )
    book = openpyxl.load_workbook(tmp_path / "net.xlsx")
    sheet = book["Network"]
    block = written.blocks["input_1"]
    heads = [sheet.cell(block.row, block.column + 1 + k) for k in (0, 1)]
    assert [(h.value, h.data_type) for h in heads] == [("=1+1", "s"), ("width", "s")]
    title = sheet.cell(block.row - 1, 1)
    assert title.value == "input_1"
    assert title.comment is not None and "n = 0 … 0" in title.comment.text
    colours = {path: sheet.cell(b.row + 1, b.column + 1).fill.fgColor.rgb for path, b in written.blocks.items()}
    assert colours["d(dense_1.kernel)"] == colours["d(dense_2.sum)"]
    paths = ("input_1", "dense_1.kernel", "dense_1.sum", "loss", "d(dense_1.kernel)", "dense_1.kernel′")
    assert len({colours[path] for path in paths}) == 6
    assert {"dense_1.kernel", "d.dense_1.kernel", "dense_1.kernel.new"} <= set(book.defined_names)
    assert {"输入与目标", "反向"} <= set(cells(sheet).values())
    assert "dense_1.kernel′" in cells(book["Guide"]).values()


def test_names_of_layers_are_no_references(tmp_path: Path) -> None:
    net = pl.Network(pl.Dense(1, name="B2"), pl.Dense(1, name="R1C1"), input_shape=1, seed=1)
    net.sheet(tmp_path / "net.xlsx", np.ones((1, 1)))
    book = openpyxl.load_workbook(tmp_path / "net.xlsx")
    assert {"_B2", "_R1C1", "B2.kernel"} <= set(book.defined_names)


def test_what_does_not_fit_is_said(tmp_path: Path) -> None:
    out = tmp_path / "net.xlsx"
    net = small()
    with pytest.raises(PellucidError, match=r"would have \d+ cells, expected at most 30: take fewer examples"):
        net.sheet(out, np.ones((1, 2)), np.ones(1), max_cells=30)
    drops = pl.Network(pl.Dense(2), pl.Dropout(0.5), pl.Dense(1), input_shape=2)
    with pytest.raises(FormulaError, match="random numbers are drawn here"):
        drops.sheet(out, np.ones((1, 2)), np.ones(1))
    wide = pl.Network(pl.Dense(1), input_shape=2000)
    with pytest.raises(FormulaError, match=r"would have \d+ characters, expected at most 8192"):
        wide.sheet(out, np.ones((1, 2000)))
    assert not list(tmp_path.iterdir()), "nothing is left of a sheet that failed"
    drops.sheet(out, np.ones((1, 2)))


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xlsxwriter", None)
    with pytest.raises(PellucidError, match=r"XlsxWriter, which is not installed: pip install 'pellucid\[sheet\]'"):
        small().sheet(tmp_path / "net.xlsx", np.ones((1, 2)))


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_recalculates_to_the_same_numbers(tmp_path: Path) -> None:
    (tmp_path / "changed").mkdir()
    known: dict[str, tuple[Sheet, pl.Trace]] = {}
    for case in CASES:
        name = case.__name__
        net, x, y, x2, options = case()
        written = net.sheet(tmp_path / f"{name}.xlsx", x, y, **options)
        changed(tmp_path / f"{name}.xlsx", written, x2).save(tmp_path / "changed" / f"{name}.xlsx")
        rule = options.get("optimizer", pl.SGD())
        known[name] = written, net.trace(x2, y, optimizer=rule, loss=options.get("loss"))
    files: Sequence[str] = [str(tmp_path / "changed" / f"{name}.xlsx") for name in known]
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    subprocess.run(
        ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(tmp_path / "out"), *files],
        check=True,
        capture_output=True,
        timeout=300,
    )
    for name, (written, run) in known.items():
        sheet = openpyxl.load_workbook(tmp_path / "out" / f"{name}.xlsx", data_only=True)["Network"]
        compare(lambda row, column, sheet=sheet: sheet.cell(row, column).value, written, run)  # type: ignore[misc]
