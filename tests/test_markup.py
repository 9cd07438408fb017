from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import pellucid as pl
from pellucid.explain.arithmetic import number
from pellucid.markup import html_table
from pellucid.summary import summarise


def table(html: str) -> list[list[str]]:
    rows = ElementTree.fromstring(f"<div>{html}</div>").iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_cells_are_escaped() -> None:
    html = html_table(["<b>"], [["<script>alert(1)</script>"]], below="a & b")
    assert "<script>" not in html and table(html) == [["<b>"], ["<script>alert(1)</script>"]]
    assert html.count("padding:0.15em 0.6em") == 2, "columns stand apart wherever the page is"
    assert html.endswith("<p>a &amp; b</p>")


def test_networks_histories_and_traces_show_themselves_in_notebooks() -> None:
    net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(1), input_shape=(2,), seed=0)
    heads, *rows = table(net._repr_html_())
    assert heads[0] == "path" and [row[0] for row in rows][-2:] == ["dense_1", "dense_2"]
    assert "13 parameters" in net._repr_html_() == summarise(net)._repr_html_()
    x = np.ones((4, 2), np.float32)
    history = net.fit(x, x[:, :1], epochs=20, verbose=0)
    assert len(table(history._repr_html_())) == 13
    assert table(history._repr_html_())[1] == repr(history).split("\n")[1].split()
    trace = net.trace(x)
    assert ["dense_1", "4 × 3"] in table(trace._repr_html_())
    explanation = net.explain("dense_1", x=x, unit=0)
    heads, *rows, whole = table(explanation._repr_html_())
    assert heads == ["term", "with its numbers", "value"] and whole[-1] == number(explanation.value)
    flow, shares = net.flow(x, x[:, :1]), net.attribute(x[0], "dense_2", unit=0)
    assert [row[0] for row in table(flow._repr_html_())] == ["layer", *(layer.path for layer in flow)]
    assert sorted(row[0] for row in table(shares._repr_html_())[1:]) == ["input_1[0]", "input_1[1]"]
    shown: list[Any] = [net, history, trace, explanation, flow, shares, net.diagnose(flow, x=x, y=x[:, :1])]
    for html in (each._repr_html_() for each in shown):
        assert ElementTree.fromstring(f"<div>{html}</div>") is not None
        assert not re.search(r"color|background|<script|onclick", html), "light or dark is the notebook's"


def test_figures_are_pictures_where_a_cell_gives_them() -> None:
    net = pl.Network(pl.Dense(3, activation="relu"), pl.Dense(1), input_shape=(2,), seed=0)
    x = np.ones((4, 2), np.float32)
    history = net.fit(x, x[:, :1], epochs=2, verbose=0)
    drawn: list[Any] = [net.plot(), history.plot(), net.explain("dense_1", x=x, unit=0).plot()]
    assert all(figure._repr_png_().startswith(b"\x89PNG") for figure in drawn)


@pytest.mark.parametrize("names", [("<img src=x onerror=alert(1)>", "b")])
def test_names_of_columns_are_no_markup(names: tuple[str, ...]) -> None:
    net = pl.Network(pl.Dense(1), input_shape=(2,), seed=0)
    net.metadata["preparation"] = {"features": list(names)}
    html = net.explain("dense_1", x=np.ones((1, 2), np.float32), unit=0)._repr_html_()
    assert "<img" not in html and "&lt;img" in html
