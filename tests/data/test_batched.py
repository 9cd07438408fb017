from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pytest

import pellucid as pl
from pellucid.data import Batches, load_image_folder, write_image
from pellucid.errors import DataError

X = np.arange(40, dtype=np.float32).reshape(10, 4) / 40
Y = np.arange(10) % 2


class Rows:
    """Like a data set of Hugging Face: a batch is a dict of lists."""

    column_names = ("pixels", "label", "weight")
    features = ()

    def __len__(self) -> int:
        return 10

    def __getitem__(self, rows: list[int]) -> dict[str, Any]:
        return {"pixels": X[rows].tolist(), "label": Y[rows].tolist(), "weight": [1.0] * len(rows)}


def network() -> pl.Network:
    return pl.Network(pl.Dense(2, activation="softmax"), input_shape=(4,), seed=0)


def test_arrays_files_and_columns_give_the_same_batches(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    columns = {"pixels": list(X), "label": Y}
    frame, arrow = pd.DataFrame(columns), pa.table({"pixels": X.tolist(), "label": Y})
    tables = [Rows(), frame, arrow, polars.DataFrame({"pixels": X.tolist(), "label": Y})]
    of_tables = [Batches(table, x="pixels", y="label", batch_size=4, shuffle=True) for table in tables]
    reference = Batches((X, Y), batch_size=4, shuffle=True)
    for source in (Batches((mapped, Y), batch_size=4, shuffle=True), *of_tables):
        assert len(source) == 3
        reference.set_epoch(0)
        for _ in range(2):
            for (x, y), (x0, y0) in zip(source, reference, strict=True):
                np.testing.assert_allclose(x, x0)
                np.testing.assert_array_equal(y, y0)


def test_every_epoch_has_its_order_and_every_fit_the_same() -> None:
    source = Batches((X, Y), batch_size=4, shuffle=True, seed=5)
    one, other, plain = network(), network(), network()
    one.fit(source, epochs=3, verbose=0)
    other.fit(source, epochs=3, verbose=0)
    assert np.array_equal(one.parameters["dense_1.kernel"], other.parameters["dense_1.kernel"])
    plain = pl.Network(pl.Dense(2, activation="softmax"), input_shape=(4,), seed=5)
    plain.parameters.replace(network().parameters.snapshot())
    plain.fit(X, Y, batch_size=4, epochs=3, verbose=0)  # arrays in the order of seed 5
    assert np.array_equal(one.parameters["dense_1.kernel"], plain.parameters["dense_1.kernel"])


def test_weights_transforms_and_several_inputs() -> None:
    doubled = Batches(
        Rows(), x="pixels", y="label", weights="weight", batch_size=10, transform=lambda x, y: (2 * x, 1 - y)
    )
    ((x, y, w),) = doubled
    np.testing.assert_allclose(x, 2 * X)
    np.testing.assert_array_equal(y, 1 - Y)
    assert w.shape == (10,)
    (x, _, _) = next(iter(Batches(Rows(), x=["pixels", "weight"], y="label", weights="weight")))
    assert sorted(x) == ["pixels", "weight"]


def test_a_folder_of_images_is_read_piece_by_piece(tmp_path: Path) -> None:
    for place, name in enumerate(["cat", "dog"]):
        (tmp_path / name).mkdir()
        for i in range(3):
            write_image(tmp_path / name / f"{i}.png", np.full((4, 4, 3), (place + i) / 4, np.float32))
    whole = load_image_folder(tmp_path, size=(4, 4), channels=3)
    source = Batches(tmp_path, size=(4, 4), batch_size=4)
    assert source.class_names == ("cat", "dog")
    read = list(source)
    np.testing.assert_array_equal(np.concatenate([x for x, _ in read]), whole.x)
    np.testing.assert_array_equal(np.concatenate([y for _, y in read]), whole.y)
    with pytest.raises(DataError, match="expected the size"):
        Batches(tmp_path)


@pytest.mark.parametrize(
    ("source", "given", "said"),
    [
        (3, {}, r"the source is int, expected \(x, y\)"),
        ((X, Y[:3]), {}, "got 3, 10 examples"),
        ((X[:0], Y[:0]), {}, "no example"),
        (Rows(), {}, 'such as x="pixels", y="weight"'),
        (Rows(), {"x": "pixel", "y": "label"}, 'no column "pixel", .* Did you mean "pixels"'),
        ((X, Y), {"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_what_is_no_source(source: Any, given: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        Batches(source, **given)


def test_a_column_of_texts_is_for_networks_that_take_them() -> None:
    x, y = next(iter(Batches(pd.DataFrame({"a": ["x", "y"], "b": [0, 1]}), x="a", y="b")))
    assert x.tolist() == ["x", "y"] and y.tolist() == [0, 1]
    with pytest.raises(DataError, match='the column "a" holds'):
        next(iter(Batches(pd.DataFrame({"a": [1j, 2j], "b": [0, 1]}), x="a", y="b")))
