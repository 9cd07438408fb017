"""`train` on texts and `generate`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pellucid as pl
from pellucid.cli import cli
from pellucid.cli.language import Reader, warmed

from .conftest import Run

SMALL = ["--length", "8", "--units", "24", "--learning-rate", "0.03", "--batch-size", "16"]
RHYME = "a cat sat on the mat. "


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with char.safetensors and word.safetensors, which learned a rhyme, and what was said about them."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "rhyme.txt").write_text(RHYME * 60, encoding="utf-8")
    for by, epochs in (("char", "12"), ("word", "30")):
        args = ["train", str(folder / "rhyme.txt"), "--by", by, "--epochs", epochs, *SMALL]
        result = CliRunner().invoke(cli, [*args, "--output", str(folder / f"{by}.safetensors")])
        assert result.exit_code == 0, result.output
        (folder / f"{by}.said").write_text(result.output, encoding="utf-8")
    return folder


@pytest.mark.parametrize("by", ["char", "word"])
def test_it_learns_the_rhyme_and_says_so(models: Path, by: str) -> None:
    text = (models / f"{by}.said").read_text(encoding="utf-8")
    network, trigram = map(float, re.findall(r"^  (?:network|interpolated trigram) +([\d.]+) nats", text, re.MULTILINE))
    assert network < 0.5 and trigram < 0.5
    assert ("lower case" in text) == (by == "word")


@pytest.mark.parametrize("by", ["char", "word"])
def test_it_goes_on_with_the_rhyme(run: Run, models: Path, by: str) -> None:
    model = str(models / f"{by}.safetensors")
    length = {"char": "11", "word": "3"}[by]
    args = ["generate", model, "--prompt", "a cat sat", "--length", length, "--temperature", "0"]
    assert run(*args).output.strip() == "a cat sat on the mat"


def test_same_seed_same_text(run: Run, models: Path) -> None:
    args = ["generate", str(models / "char.safetensors"), "--temperature", "3", "--seed"]
    first, again, other = (run(*args, seed).output for seed in ("1", "1", "2"))
    assert first == again != other


def test_candidates_are_shown_with_their_probabilities(run: Run, models: Path) -> None:
    args = ["generate", str(models / "word.safetensors"), "--prompt", "the", "--length", "4", "--show", "3"]
    text = run(*args, "--temperature", "1").output
    steps = re.findall(r"^ \S+ +\S+ ([\d.]+) +\S+ ([\d.]+) +\S+ ([\d.]+)", text, re.MULTILINE)
    assert len(steps) == 4
    for step in steps:
        first, second, third = map(float, step)
        assert 1.001 >= first >= second >= third >= 0


def test_temperature() -> None:
    p = np.array([0.2, 0.4, 0.1, 0.3])
    np.testing.assert_allclose(warmed(p, 1), [0, 0.5, 0.125, 0.375])
    np.testing.assert_allclose(warmed(p, 0.5), np.array([0, 16, 1, 9]) / 26)
    assert warmed(p, 0).tolist() == [0, 1, 0, 0]
    np.testing.assert_allclose(warmed(p, 1e-6), [0, 1, 0, 0])
    np.testing.assert_allclose(warmed(p, 1e6)[1:], 1 / 3, rtol=1e-4)


def test_what_follows_does_not_change_what_was_read(models: Path) -> None:
    model = models / "char.safetensors"
    reader = Reader.read(pl.load(model), model.name)
    ids = reader.vocabulary.encode("a cat sa")
    whole = reader.net.predict(ids[None])[0]
    for k in range(1, len(ids) + 1):
        np.testing.assert_allclose(reader.next(ids[:k]), whole[k - 1], rtol=1e-5)


def test_the_nats_are_those_of_the_probabilities(models: Path) -> None:
    model = models / "word.safetensors"
    reader = Reader.read(pl.load(model), model.name)
    ids = reader.vocabulary.encode(RHYME * 4)
    before, judged = ids[:14], ids[14:22]  # two windows, each judging four words
    # each window begins five words before the first that it judges
    logs = [np.log(reader.next(ids[w - 5 : w + k])[ids[w + k]]) for w in (14, 18) for k in range(4)]
    assert reader.nats(judged, before=before) == pytest.approx(-np.mean(logs), rel=1e-4)


def test_an_unknown_word(run: Run, models: Path) -> None:
    args = ["generate", str(models / "word.safetensors"), "--prompt", "the matt", "--length", "2"]
    error = run(*args, code=2).stderr
    assert 'the word "matt" is not in the vocabulary' in error and 'Did you mean "mat"' in error
    assert "<unknown>" in run(*args, "--unknown").output


def test_other_models_and_texts(run: Run, iris_model: Path, models: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("too short", encoding="utf-8")
    (tmp_path / "blank.txt").write_text(" \n", encoding="utf-8")
    for args, said in (
        (["generate", str(iris_model)], "did not learn from a text"),
        (["generate", "none.safetensors"], "none.safetensors"),
        (["generate", str(models / "word.safetensors"), "--by", "char"], "leave it out"),
        (["generate", str(models / "word.safetensors"), "--prompt", " "], "holds no word"),
        (["generate", "--by", "word", "--prompt", "zebraa"], "not in the vocabulary"),
        (["train", "short.txt"], "holds 9 characters, expected at least 650"),
        (["train", "blank.txt"], "is empty"),
        (["train", "none.txt"], "cannot read"),
        (["train", "short.txt", "--target", "x"], "takes no --target"),
        (["train", "iris", "--by", "word"], "is no text"),
    ):
        error = run(*args, code=2).stderr
        assert said in error and error.count("\n") == 1


def test_with_no_model_given(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.cli.generate.topics", lambda: RHYME * 40)
    monkeypatch.setattr("pellucid.cli.generate.BRIEF", {"char": (8, 8, 1)})
    text = run("generate", "--length", "20", "--prompt", "the").output
    assert "nats a character" in text
    assert len(text.splitlines()[-1]) == 23


def test_the_embedded_text(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("pellucid.cli.sources.topics", lambda: RHYME * 20)
    assert "pellucid generate model.safetensors" in run("train", "topics", "--epochs", "1", *SMALL).output
    assert (tmp_path / "model.safetensors").is_file()
