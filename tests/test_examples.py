"""The examples run, on little data."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "examples"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # what they write


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'example("{path.stem}")' in text for path in FOLDER.glob("*.py"))


def test_digits_mlp() -> None:
    assert example("digits_mlp").main(quick=True) > 0.85


def test_mnist_lenet_without_mnist() -> None:
    assert example("mnist_lenet").main(quick=True) > 0.5


def test_autoencoder() -> None:
    found = example("autoencoder").main(quick=True)
    assert found["error"] < 0.5 * found["error of the mean image"]
    assert found["error after cleaning"] < 0.5 * found["error of noisy images"]
    assert found["shuffled images found"] > 0.95
    assert found["unseen 4s found"] > 0.8


def test_next_character(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("abcdefgh" * 1000, encoding="utf-8")
    assert example("next_character").main("text.txt", quick=True) < 1.0  # of ln 8 = 2.08


def test_stock_prices() -> None:
    means = example("stock_prices").main(quick=True)
    assert set(means) == {"the LSTM", '"tomorrow = today"', "the autoregression"}
    assert means["the LSTM"] < 1.2 * means['"tomorrow = today"']


def test_filter_image(tmp_path: Path) -> None:
    edges = example("filter_image").main(quick=True)
    assert edges.shape == (54, 80) and np.isfinite(edges).all()
    assert (tmp_path / "edges.png").is_file()


def test_own_activation(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("own_activation").main(quick=True) > 0.6
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("gradient"))
    _, gradient, *_, difference = line.replace(",", "").split()
    assert float(gradient) == pytest.approx(float(difference), rel=1e-4)


def test_copy_over_a_gap() -> None:
    found = example("copy_over_a_gap").main(quick=True)
    assert set(found) == {"RNN", "GRU", "LSTM"}
    assert found["LSTM"].shape == (1, 2)
    assert found["LSTM"].min() > 0.9


def test_reverse_digits() -> None:
    assert example("reverse_digits").main(quick=True) == {3: 1.0, 9: 1.0}  # 9 digits are more than it learned from


def test_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert example("layers").main() == 1
    assert "day 1, hidden units: [0.5, 0.75, 0.0] output: 0.5\n" in capsys.readouterr().out
