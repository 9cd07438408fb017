"""Normalization: statistics that are part of the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.layers.support import Array, network, output

import pellucid as pl
from pellucid.errors import DataError, PellucidError, ShapeError


def data(*shape: int) -> Array:
    return np.random.default_rng(0).normal(50.0, 20.0, (40, *shape))


@pytest.mark.parametrize("shape", [(3,), (4, 3), (4, 5, 3)])
def test_columns_get_mean_0_and_deviation_1(shape: tuple[int, ...]) -> None:
    x = data(*shape)
    axes = tuple(range(x.ndim - 1))
    z = output(network(pl.Normalization().adapt(x), shape=shape), x)
    np.testing.assert_allclose(z, (x - x.mean(axis=axes)) / x.std(axis=axes), rtol=1e-12)
    back = output(network(pl.Normalization(invert=True).adapt(x), shape=shape), z)
    np.testing.assert_allclose(back, x, rtol=1e-12)


def test_a_constant_column_becomes_zero() -> None:
    x = np.full((5, 2), 0.1)
    np.testing.assert_array_equal(output(network(pl.Normalization().adapt(x), shape=(2,)), x), 0)
    assert np.isfinite(pl.Network(pl.Normalization().adapt(x * 1e-40), input_shape=(2,)).predict(x)).all()


def test_one_column() -> None:
    layer = pl.Normalization(invert=True).adapt([1.0, 3.0])
    net = pl.Network(pl.Dense(1), layer, input_shape=(2,))
    net.parameters["dense_1.kernel"] = np.zeros((2, 1))
    assert net.predict(np.ones((1, 2))).tolist() == [[2.0]]


def test_training_leaves_the_statistics_and_both_engines_agree() -> None:
    x = data(3).astype(np.float32)
    y = x @ [[1.0], [2.0], [3.0]]
    outputs = []
    for engine in ("llvm", "reference"):
        net = pl.Network(pl.Normalization().adapt(x), pl.Dense(4), pl.Dense(1), input_shape=(3,), engine=engine)
        assert net.parameters.trainable[0] == "dense_1.kernel"
        before = net.parameters["normalization_1.mean"].copy()
        net.fit(x, y / 100, epochs=3, verbose=0)
        np.testing.assert_array_equal(net.parameters["normalization_1.mean"], before)
        outputs.append(net.predict(x))
    native, reference = outputs
    np.testing.assert_allclose(native, reference, rtol=1e-4, atol=1e-5)


def test_it_is_saved_with_the_network(tmp_path: Path) -> None:
    x = data(3).astype(np.float32)
    net = pl.Network(
        pl.Normalization().adapt(x), pl.Dense(1), pl.Normalization(invert=True).adapt(x[:, 0]), input_shape=3
    )
    net.save(tmp_path / "net.safetensors")
    loaded = pl.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))
    assert "adapted=True" in repr(loaded.layers[0])


def test_the_probe_of_its_file_is_on_its_scale(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(1e4, 2.0, (50, 3)).astype(np.float32)
    net = pl.Network(pl.Normalization().adapt(x), pl.Dense(2, activation="softmax"), input_shape=3)
    net.save(tmp_path / "net.safetensors")
    tensors = load_file(tmp_path / "net.safetensors")
    assert np.abs(tensors["probe input input_1"] - 1e4).max() < 4
    answers = tensors["probe output dense_1"]
    assert answers.min() > 0.01 and answers.max() < 0.99, "every weight shows in it"


def test_it_is_explained_from_the_numbers_that_came() -> None:
    net = pl.Network(pl.Normalization().adapt([[1.0, 10.0], [3.0, 30.0]]), pl.Dense(1), input_shape=(2,))
    found = net.explain("normalization_1", x=[[3.0, 40.0]], unit=1)
    assert found.value == 2.0
    assert {source.value for source in found.sources} == {40.0, 20.0, 10.0}


def test_what_is_refused() -> None:
    with pytest.raises(PellucidError, match=r"normalization_1: .* no statistics yet, expected adapt\(x\)"):
        pl.Network(pl.Normalization(), pl.Dense(1), input_shape=(2,))
    layer = pl.Normalization().adapt(np.ones((4, 3)))
    with pytest.raises(ShapeError, match="mean of 3 columns, expected 2"):
        pl.Network(layer, input_shape=(2,))
    with pytest.raises(DataError, match="data has 2 columns, expected 3"):
        layer.adapt(np.ones((4, 2)))
    with pytest.raises(DataError, match="data is the number"):
        layer.adapt(1.0)
    with pytest.raises(DataError, match="NaN"):
        layer.adapt([[np.nan]])


def test_adapting_again_changes_the_network() -> None:
    layer = pl.Normalization().adapt([[0.0], [2.0]])
    net = pl.Network(layer, input_shape=(1,))
    assert net.predict([[2.0]]).tolist() == [[1.0]]
    layer.adapt([[0.0], [4.0]])
    assert net.predict([[2.0]]).tolist() == [[0.0]]
    assert net.parameters["normalization_1.mean"].dtype == np.float32


def test_unscaled_data_is_no_finding() -> None:
    x = np.random.default_rng(0).normal(1e6, 1e5, (64, 3)).astype(np.float32)
    y = x[:, :1] * 3
    scaled = pl.Network(
        pl.Normalization().adapt(x), pl.Dense(1), pl.Normalization(invert=True).adapt(y), input_shape=(3,)
    )
    bare = pl.Network(pl.Dense(1), input_shape=(3,))
    assert not [f for f in scaled.diagnose(x=x, y=y) if f.kind == "scaling"]
    assert [f for f in bare.diagnose(x=x, y=y) if f.kind == "scaling"]
