"""`train` on texts and `generate`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import pellucid as pl
from pellucid.cli import cli
from pellucid.cli.language import Reader, windows_apart
from pellucid.default_layers import TEXT_HABITS
from pellucid.training.stepper import warmed

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


def test_the_states_are_carried_from_token_to_token(models: Path) -> None:
    """What it draws from is what the network gives for the whole text, also where that is longer than its windows."""
    reader = Reader.read(pl.load(models / "char.safetensors"), "char.safetensors")
    ids = reader.vocabulary.encode("a cat sat on")
    drawn = list(reader.continued(ids, 8, temperature=1))
    text = np.array([*ids, *(token for token, _ in drawn)])
    longer = pl.Network(*reader.net.layers, input_shape=(len(text),))
    assert longer.input_shapes != reader.net.input_shapes
    for p, (_, found) in zip(longer.predict(text[None])[0, len(ids) - 1 :], drawn, strict=False):
        np.testing.assert_allclose(found, warmed(p.astype(np.float64), 1), rtol=1e-4, atol=1e-6)


def test_windows_of_validation_share_no_token_with_those_learned() -> None:
    ids = np.arange(10_000)
    (x, y), (x_val, y_val) = windows_apart(ids, 8, overlap=2, validation=0.1)
    np.testing.assert_array_equal(x + 1, y)
    np.testing.assert_array_equal(x_val + 1, y_val)
    assert not np.intersect1d([*x.ravel(), *y[:, -1]], [*x_val.ravel(), *y_val[:, -1]]).size
    assert 700 <= x_val.size <= 1000 and len(np.unique(x)) > 8900
    assert x_val.min() < 2500 and x_val.max() > 7500


def test_the_nats_are_those_of_the_probabilities(models: Path) -> None:
    model = models / "word.safetensors"
    reader = Reader.read(pl.load(model), model.name)
    ids = reader.vocabulary.encode(RHYME * 4)
    before, judged = ids[:14], ids[14:22]  # two windows, each judging four words
    # each window begins five words before the first that it judges
    p = {w: reader.net.predict(ids[None, w - 5 : w + 3])[0, 4:] for w in (14, 18)}
    logs = [np.log(p[w][k][ids[w + k]]) for w in (14, 18) for k in range(4)]
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
        (["train", "iris", "--by", "word"], "is not a text"),
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


def test_short_texts_are_learned_in_small_batches() -> None:
    tokens = {"char": (1000, 234_000, 1_000_000), "word": (1000, 51_000, 228_000)}
    sizes = {
        by: [TEXT_HABITS[by].batch_size(n, TEXT_HABITS[by].length) for n in counts] for by, counts in tokens.items()
    }
    assert sizes == {"char": [8, 16, 64], "word": [8, 8, 32]}


def test_a_model_of_texts_predicts_nothing(run: Run, models: Path) -> None:
    error = run("predict", str(models / "word.safetensors"), "iris", code=2).stderr
    assert "learned from a text" in error and "pellucid generate" in error


@pytest.mark.parametrize(
    "args",
    [
        ["generate", "--temperature", "{}"],
        ["filter", "--sigma", "{}"],
        ["train", "iris", "--learning-rate", "{}"],
        ["train", "iris", "--validation", "{}"],
        ["forecast", "google", "--test", "{}"],
    ],
)
def test_numbers_are_finite(run: Run, args: list[str]) -> None:
    for value in ("nan", "inf", "-inf"):
        said = run(*(arg.format(value) for arg in args), code=2).output
        assert "is no finite number" in said or "is not in the range" in said


@pytest.mark.parametrize(
    "args",
    [
        ["train", "iris", "--learning-rate", "1e300"],
        ["train", "iris", "--clip-norm", "1e300"],
        ["train", "iris", "--batch-size", "9" * 30],
        ["train", "iris", "--epochs", "9" * 30],
        ["train", "topics", "--vocabulary", "9" * 30],
        ["train", "topics", "--length", "9" * 30],
        ["forecast", "google", "--horizon", "9" * 30],
        ["generate", "--seed", str(2**32)],
        ["demo", "--seed", str(2**32)],
        ["train", "topics", "--validation", "0.99999"],
    ],
)
def test_what_is_too_large_is_told_in_the_words_of_the_option(run: Run, args: list[str]) -> None:
    said = run(*args, code=2).stderr
    assert args[-2] in said or f"a fraction of {args[-1]} of the text for validation" in said
    assert "_" not in said and " x " not in said


def test_a_temperature_of_nan(models: Path) -> None:
    reader = Reader.read(pl.load(models / "char.safetensors"), "char")
    for temperature in (np.nan, np.inf, -1.0):
        with pytest.raises(pl.DataError, match=r"temperature is .*, expected a finite number of at least 0"):
            list(reader.continued(reader.vocabulary.encode("a"), 2, temperature=temperature))


def test_texts_with_nothing_to_learn(run: Run, tmp_path: Path) -> None:
    words = " ".join(f"{a}{b}" for a in "abcdefghijklmnop" for b in "abcdefghijklmnopqrstuvw")
    (tmp_path / "unique.txt").write_text(words, encoding="utf-8")
    said = run("train", "unique.txt", "--by", "word", "--length", "8", code=2).output
    assert "holds fewer than two words that occur twice" in said and "or read it --by char" in said
    (tmp_path / "one.txt").write_text("a" * 2000, encoding="utf-8")
    assert "holds one character alone" in run("train", "one.txt", "--length", "8", code=2).output


def test_a_text_without_spaces_between_words(run: Run, tmp_path: Path) -> None:
    (tmp_path / "zh.txt").write_text("我们学习神经网络。" * 60, encoding="utf-8")
    arguments = ["train", "zh.txt", "--by", "word", "--epochs", "1", *SMALL]
    assert "has no spaces between its words: every character is read as a word" in run(*arguments).output
