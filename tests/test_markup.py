from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

import pellucid as pl
from pellucid.markup import html_table
from pellucid.summary import summarise


def table(html: str) -> list[list[str]]:
    rows = ElementTree.fromstring(f"<div>{html}</div>").iter("tr")
    return [["".join(cell.itertext()) for cell in row] for row in rows]


def test_cells_are_escaped() -> None:
    html = html_table(["<b>"], [["<script>alert(1)</script>"]], below="a & b")
    assert "<script>" not in html and table(html) == [["<b>"], ["<script>alert(1)</script>"]]
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
    for html in (net._repr_html_(), history._repr_html_(), trace._repr_html_(), explanation._repr_html_()):
        assert not re.search(r"color|background|<script|onclick", html), "light or dark is the notebook's"


@pytest.mark.parametrize("names", [("<img src=x onerror=alert(1)>", "b")])
def test_names_of_columns_are_no_markup(names: tuple[str, ...]) -> None:
    net = pl.Network(pl.Dense(1), input_shape=(2,), seed=0)
    net.metadata["preparation"] = {"features": list(names)}
    html = net.explain("dense_1", x=np.ones((1, 2), np.float32), unit=0)._repr_html_()
    assert "<img" not in html and "&lt;img" in html
