"""A network as a spreadsheet: forward, backward and one update, every element a cell with a live formula.

The formulas are the network's own, read element by element (`formula/notation/spreadsheet.py`): a layer of any kind
comes out. Inputs, targets and parameters are numbers to be typed over.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pellucid.errors import PellucidError, advice, argument
from pellucid.explain.trace import Trace, trace
from pellucid.files import replacing
from pellucid.formula import Tensor, unicode
from pellucid.formula.notation.spreadsheet import Block, Cells, address
from pellucid.functions.learning.optimizers import SGD, Optimizer
from pellucid.messages import Message, gettext
from pellucid.network import BaseNetwork
from pellucid.training.inputs.targets import LossLike

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MAX_CELLS = 20_000
MAX_COLUMNS = 16_000
_TOP = 3
_REFERENCE = re.compile(r"[A-Za-z]{1,3}\d+|[RrCc]\d*([RrCc]\d*)?")


@dataclass(frozen=True)
class Section:
    """A part of the sheet: its heading, its colours (heading, cells), and what its cells are."""

    key: str
    heading: Message
    dark: str
    light: str
    about: Message


SECTIONS = (
    Section(
        "input",
        gettext("Inputs and targets"),
        "#1B6E3C",
        "#DDF2E3",
        gettext("The example, its target and the learning rate: numbers to be typed over."),
    ),
    Section(
        "parameter",
        gettext("Parameters"),
        "#1F4E8C",
        "#DCE9F8",
        gettext("Weights and biases before the update: numbers to be typed over."),
    ),
    Section(
        "forward",
        gettext("Forward"),
        "#5F5B00",
        "#FBF7D0",
        gettext("What each layer computes: its sum, and its activation of that sum."),
    ),
    Section("loss", gettext("Loss"), "#9A4A00", "#FDE6D0", gettext("How wrong the answer is.")),
    Section(
        "backward",
        gettext("Backward"),
        "#96213A",
        "#FADFE4",
        gettext("The gradients: how fast the loss grows with each number."),
    ),
    Section(
        "update", gettext("Update"), "#5B2A86", "#EADFF6", gettext("The parameters after one step of the optimizer.")
    ),
)


@dataclass(frozen=True)
class Sheet:
    """What was written: the places of all values.

    Attributes:
        path: the file.
        blocks: for every value by its path, where it stands on the worksheet "Network", rows and columns from 0.
        cells: how many cells hold a number or a formula.
        formulas: how many of them hold a formula.
    """

    path: str
    blocks: Mapping[str, Block] = field(repr=False)
    cells: int
    formulas: int


def sheet(
    net: BaseNetwork,
    path: str | os.PathLike[str],
    x: Any,
    y: Any = None,
    *,
    loss: LossLike | Mapping[str, LossLike] = None,
    optimizer: Optimizer | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    language: str = "en",
    max_cells: int = MAX_CELLS,
    on_cells: Callable[[int, int], object] | None = None,
) -> Sheet:
    """Write a small network as a spreadsheet (.xlsx) with live formulas: forward, and with targets backward and one
    update.

    Args:
        path: the file to write.
        x, y: one example and its target, or a small batch.
        loss: as in `fit`.
        optimizer: whose update; gradient descent, `SGD()`, where none is given.
        names: of a value's last axis by its path, such as the columns of a table: {"input_1": (…)}.
        language: of headings and remarks, "en" or "zh".
        max_cells: how many cells there may be.
        on_cells: called now and then with the number of cells that are written, and of all.

    Raises:
        PellucidError: XlsxWriter is not installed; the network is too large, or draws random numbers.
        DataError: examples or targets that the network cannot take.
        ModelFileError: the path cannot be written.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise PellucidError(
            "a spreadsheet is written by the package XlsxWriter, which is not installed: pip install 'pellucid[sheet]'"
        ) from None
    run = trace(net, x, y, loss=loss, optimizer=None if y is None else optimizer or SGD())
    size = sum(run[name].size for name in run.program.names.values())
    if size > max_cells:
        ways = advice("take fewer examples or a smaller network", argument("max_cells", size))
        raise PellucidError(f"the spreadsheet would have {size:,} cells, expected at most {max_cells:,}: {ways}")
    for name in run.program.names.values():
        if run[name].shape[-1:] > (MAX_COLUMNS,):
            raise PellucidError(
                f"{name} would have {run[name].shape[-1]:,} columns, expected at most {MAX_COLUMNS:,}, which a "
                "spreadsheet has: take a smaller network"
            )
        if name in run.program.inputs and not np.isfinite(run[name]).all():
            raise PellucidError(f"{name} holds a value that is not finite, and a cell holds finite numbers alone")
    layout = _Layout(net, run)
    with replacing(path) as beside:
        workbook = xlsxwriter.Workbook(str(beside), {"strings_to_formulas": False, "strings_to_urls": False})
        written = _Writer(workbook, layout, names or {}, language).write(size, on_cells or (lambda done, total: None))
        workbook.close()
    blocks = {layout.names[tensor]: block for tensor, block in layout.blocks.items()}
    return Sheet(os.fspath(path), blocks, size, written)


class _Layout:
    """Where every tensor of a run stands, section by section."""

    def __init__(self, net: BaseNetwork, run: Trace) -> None:
        self.run = run
        self.names = run.program.names
        new = {tensor for name, tensor in run.program.outputs.items() if name.partition(":")[0] in net.parameters}
        self.sections: dict[str, list[Tensor]] = {section.key: [] for section in SECTIONS}
        for tensor, name in self.names.items():
            self.sections[self._section(net, tensor, name, new)].append(tensor)
        order = list(net.parameters)
        self.sections["parameter"].sort(key=lambda t: order.index(self.names[t].partition(":")[0]))
        self.blocks: dict[Tensor, Block] = {}
        self.headings: dict[str, int] = {}
        row = _TOP
        for key, tensors in self.sections.items():
            self.headings[key] = row
            row += 2 if tensors else 0
            for tensor in tensors:
                shape = run[self.names[tensor]].shape
                block = Block(shape, row + 2 if shape else row, 1)
                self.blocks[tensor] = block
                row = block.row + block.rows + 1

    def _section(self, net: BaseNetwork, tensor: Tensor, name: str, new: set[Tensor]) -> str:
        if self.run.program.definition(tensor) is None:
            return "parameter" if name.partition(":")[0] in net.parameters else "input"
        if tensor in new:
            return "update"
        if name.startswith("d("):
            return "backward"
        return "loss" if name.partition(".")[0] == "loss" else "forward"


class _Writer:
    """Writes the worksheets of one workbook."""

    def __init__(self, workbook: Workbook, layout: _Layout, names: Mapping[str, Sequence[str]], language: str) -> None:
        self.workbook, self.layout, self.names, self.language = workbook, layout, names, language
        self.sheet: Worksheet = workbook.add_worksheet("Network")
        self.guide: Worksheet = workbook.add_worksheet("Guide")
        self.bold = workbook.add_format({"bold": True, "font_size": 14})
        self.path = workbook.add_format({"bold": True, "quote_prefix": True})
        self.formula = workbook.add_format({"italic": True, "font_color": "#444444", "quote_prefix": True})
        self.label = workbook.add_format({"align": "right", "font_color": "#444444", "quote_prefix": True})
        self.dark: dict[str, Format] = {}
        self.whole: dict[str, Format] = {}
        self.real: dict[str, Format] = {}
        for s in SECTIONS:
            self.dark[s.key] = workbook.add_format({"bold": True, "bg_color": s.dark, "font_color": "#FFFFFF"})
            cell = {"bg_color": s.light, "border": 1, "border_color": "#BBBBBB"}
            self.whole[s.key] = workbook.add_format({**cell, "num_format": "0"})
            self.real[s.key] = workbook.add_format({**cell, "num_format": "0.0000"})

    def say(self, message: Message) -> str:
        return message.text(self.language)

    def write(self, total: int, on_cells: Callable[[int, int], object]) -> int:
        """Write everything; returns the number of formulas."""
        run, layout = self.layout.run, self.layout
        cells = Cells(layout.blocks, run.batch)
        done = formulas = 0
        self._frame()
        for section in SECTIONS:
            for tensor in layout.sections[section.key]:
                name, block = layout.names[tensor], layout.blocks[tensor]
                statement, values = run.program.definition(tensor), run[name]
                self._labels(section, tensor, name, block)
                form = (self.whole if tensor.kind == "int" else self.real)[section.key]
                for index in np.ndindex(*block.shape):
                    if statement is None:
                        self.sheet.write_number(*block.at(index), _shortest(values[index]), form)
                    else:
                        text = f"={cells.formula(statement, index)}"
                        self.sheet.write_formula(*block.at(index), text, form, _cached(values[index]))
                        formulas += 1
                    done += 1
                    if done % 100 == 0 or done == total:
                        on_cells(done, total)
        self._guide()
        return formulas

    def _frame(self) -> None:
        """What stands around the blocks: the title, the legend, the headings, the names."""
        self.sheet.set_column(0, 0, 30)
        self.sheet.set_column(1, max((b.columns for b in self.layout.blocks.values()), default=1), 12)
        self.sheet.freeze_panes(_TOP - 1, 1)
        self.sheet.fit_to_pages(1, 0)
        backward = bool(self.layout.sections["backward"])
        title = gettext("A network, forward, backward and one update") if backward else gettext("A network, forward")
        self.sheet.write_string(0, 0, self.say(title), self.bold)
        hint = gettext("Type over a green or a blue cell: all that depends on it is computed anew.")
        self.sheet.write_string(1, 0, self.say(hint))
        used = [s for s in SECTIONS if self.layout.sections[s.key]]
        for section in used:
            row = self.layout.headings[section.key]
            self.sheet.write_string(row, 0, self.say(section.heading), self.dark[section.key])
            self.sheet.write_string(row, 1, self.say(section.about), self.dark[section.key])
            for column in range(2, 8):
                self.sheet.write_blank(row, column, None, self.dark[section.key])
        for name, block in zip(self._defined(), self.layout.blocks.values(), strict=True):
            self.workbook.define_name(name, f"=Network!{block.range(fixed=True)}")

    def _labels(self, section: Section, tensor: Tensor, name: str, block: Block) -> None:
        """A block's path, its formula, and the places along its axes."""
        statement = self.layout.run.program.definition(tensor)
        top = block.row - 2 if block.shape else block.row
        self.sheet.write_string(top, 0, name, self.path)
        if statement is not None:
            self.sheet.write_string(top, 1 if block.shape else 2, unicode(statement), self.formula)
        axes = [axis.name for axis in tensor.axes]
        shape = " × ".join(f"{axis} = 0 … {n - 1}" for axis, n in zip(axes, block.shape, strict=True))
        about = f"{name}\n{shape}\n{self.say(section.about)}" if shape else f"{name}\n{self.say(section.about)}"
        self.sheet.write_comment(top, 0, about, {"x_scale": 2, "author": "Pellucid"})
        if not block.shape:
            return
        given = self.names.get(name, ())
        for k in range(block.columns):
            label = given[k] if len(given) == block.columns else f"{axes[-1]}={k}"
            self.sheet.write_string(block.row - 1, 1 + k, label, self.label)
        for row, place in enumerate(np.ndindex(*block.shape[:-1])):
            label = ", ".join(f"{axis}={k}" for axis, k in zip(axes, place, strict=False))
            self.sheet.write_string(block.row + row, 0, label, self.label)

    def _defined(self) -> Iterator[str]:
        """For every block, in order, its path as the name of a range."""
        used: set[str] = set()
        for tensor in self.layout.blocks:
            text = self.layout.names[tensor].replace("d(", "d.").replace(")", "").replace("′", ".new")
            text = re.sub(r"[^\w.]", "_", text, flags=re.ASCII)[:200]
            if not re.match(r"[A-Za-z_]", text) or _REFERENCE.fullmatch(text):
                text = f"_{text}"
            name, count = text, 1
            while name.lower() in used:
                count += 1
                name = f"{text}_{count}"
            used.add(name.lower())
            yield name

    def _guide(self) -> None:
        guide = self.guide
        guide.fit_to_pages(1, 0)
        guide.set_column(0, 0, 34)
        guide.set_column(1, 1, 90)
        guide.write_string(0, 0, self.say(gettext("How to read this")), self.bold)
        lines = (
            gettext("Every coloured cell of the sheet Network is one number of the network, and its formula is live."),
            gettext("Type over an input, a target, a weight or the learning rate: all that depends on it is new."),
            gettext(
                "To learn a second step, copy the values of the new parameters over the old ones (paste values only)."
            ),
            gettext("The numbers are those of Pellucid, up to its rounding to seven digits."),
        )
        row = 1
        for line in lines:
            guide.write_string(row, 0, self.say(line))
            row += 1
        for section in SECTIONS:
            if not self.layout.sections[section.key]:
                continue
            row += 1
            guide.write_string(row, 0, self.say(section.heading), self.dark[section.key])
            guide.write_string(row, 1, self.say(section.about), self.dark[section.key])
            row += 1
            for tensor in self.layout.sections[section.key]:
                block, statement = self.layout.blocks[tensor], self.layout.run.program.definition(tensor)
                place = address(block.row - 2 if block.shape else block.row, 0)
                guide.write_url(row, 0, f"internal:Network!{place}", string=self.layout.names[tensor])
                if statement is not None:
                    guide.write_string(row, 1, unicode(statement), self.formula)
                row += 1


def _shortest(value: Any) -> float:
    """A given number by the fewest digits that mean it: 0.3, not 0.30000001192092896, which is float32's nearest."""
    return float(str(value))


def _cached(value: Any) -> float | str:
    """A number as the value that a file keeps of a formula, for readers that do not compute."""
    number = float(value)
    return number if math.isfinite(number) else "#NUM!"
