from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.data import UNKNOWN, Vocabulary, load_text_folder, read_text, split_tail, text_windows, tokenize, topics
from pellucid.data.text import unspaced
from pellucid.errors import DataError


def test_characters_keep_case_and_line_breaks() -> None:
    assert tokenize("Ab c\n") == ["A", "b", " ", "c", "\n"]
    assert tokenize("Ab", lower=True) == ["a", "b"]


def test_words_are_lower_cased_and_punctuation_stands_alone() -> None:
    assert tokenize("Don't stop,\n__init__ (2.5)!", by="word") == (
        ["don't", "stop", ",", "__init__", "(", "2.5", ")", "!"]
    )
    assert tokenize("Yes", by="word", lower=False) == ["Yes"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("हिन्दी में", "हिन्दी में"),
        ("cafe\u0301 café", "café café"),  # one word, however its mark is written
        ("مَرْحَبًا بالعالم", "مَرْحَبًا بالعالم"),
        ("don't it’s 3.14 1,000", "don't it’s 3.14 1,000"),
        ("한국어 단어", "한국어 단어"),
        ("👩‍👩‍👧 🇩🇪🇫🇷", "👩‍👩‍👧 🇩🇪 🇫🇷"),
        ("中文分词。", "中 文 分 词 。"),
        ("東京タワー", "東 京 タワー"),
        ("ง่าย", "ง่ า ย"),
    ],
)
def test_words_by_the_rules_of_unicode(text: str, words: str) -> None:
    assert tokenize(text, by="word") == words.split()


def test_scripts_without_spaces_between_words() -> None:
    for text in ("中文分词。", "東京タワーへ行きます", "ภาษาไทย", "မြန်မာ"):
        assert unspaced(text) > 0.5
        vocabulary = Vocabulary.fit(text, by="word", min_count=1)
        assert vocabulary.decode(vocabulary.encode(text)) == text
    for text in ("hello, world", "हिन्दी में", "한국어 단어", "", "  "):
        assert unspaced(text) == 0


def test_a_vocabulary_begins_with_the_most_frequent_tokens() -> None:
    vocabulary = Vocabulary.fit("abracadabra")
    assert vocabulary.tokens == (UNKNOWN, "a", "b", "r", "c", "d")  # 5, 2, 2, 1, 1 times
    assert vocabulary.encode("cab").tolist() == [4, 1, 2]
    assert Vocabulary.fit("abracadabra", max_size=3).tokens == (UNKNOWN, "a", "b")
    # a word seen once is unknown: so the network meets <unknown> while it learns
    words = Vocabulary.fit("the cat and the dog and", by="word")
    assert words.tokens == (UNKNOWN, "and", "the")
    assert words.encode("The cat").tolist() == [2, 0]
    assert len(Vocabulary.fit("the cat and the dog and", by="word", min_count=1)) == 5


def test_an_unknown_token_is_an_error_where_it_is_asked_for() -> None:
    words = Vocabulary.fit("function function module module", by="word")
    with pytest.raises(DataError, match='the word "functoin" is not in the vocabulary'):
        words.encode("module functoin", strict=True)
    with pytest.raises(DataError, match='the character "z" is not'):
        Vocabulary.fit("abc").encode("az", strict=True)


@given(st.text(min_size=1))
def test_characters_come_back(text: str) -> None:
    vocabulary = Vocabulary.fit(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text
    assert Vocabulary.restored(json.loads(json.dumps(vocabulary.config()))) == vocabulary


def test_words_come_back_spaced_as_in_print() -> None:
    text = 'the function (see "open") returns a list, or none: try it.'
    vocabulary = Vocabulary.fit(text, by="word", min_count=1)
    assert vocabulary.decode(vocabulary.encode(text)) == text


def test_bad_vocabularies_and_ids() -> None:
    for text in ("", "   "):
        with pytest.raises(DataError, match="holds no words"):
            Vocabulary.fit(text, by="word")
    with pytest.raises(DataError, match=r'by is "words", .* Did you mean "word"'):
        Vocabulary.fit("a", by="words")
    with pytest.raises(DataError, match="from 0 to 1"):
        Vocabulary.fit("a").decode([2])
    for config in ({}, {"tokens": 3, "by": "char", "lower": False}, {"tokens": ["a"], "by": "char", "lower": False}):
        with pytest.raises(DataError, match="vocabulary"):
            Vocabulary.restored(config)


def test_windows_are_followed_by_their_targets() -> None:
    x, y = text_windows(np.arange(8), 3)  # the eighth token is a target only
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert y.tolist() == [[1, 2, 3], [4, 5, 6]]
    x, y = text_windows(np.arange(6), 3, step=1)
    assert x.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    np.testing.assert_array_equal(y, x + 1)


def test_a_text_shorter_than_a_window() -> None:
    with pytest.raises(DataError, match="has 5 tokens, expected at least 6"):
        text_windows(np.arange(5), 5)


def test_the_last_tenth_is_for_testing() -> None:
    assert split_tail(list(range(20))) == (list(range(18)), [18, 19])
    with pytest.raises(DataError, match="between 0 and 1"):
        split_tail([1, 2], 1.5)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffGrüße\r\n".encode())
    assert read_text(path) == "Grüße\n"
    path.write_bytes("Grüße".encode("utf-16"))
    assert read_text(path) == "Grüße"
    for content, said in ((b"", "is empty"), (b" \n", "is empty"), (b"a\0b", "zero bytes"), (b"ab\xff", "at byte 2")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            read_text(path)
    with pytest.raises(DataError, match="No such file"):
        read_text(tmp_path / "none.txt")


def test_the_embedded_text_is_prose_that_does_not_repeat_itself() -> None:
    text = topics()
    lines = text.split("\n")
    assert len(text) > 100_000
    assert len(set(lines)) == len(lines)
    assert not any("::=" in line or ">>>" in line or "  " in line for line in lines)
    assert topics() == text


@pytest.mark.parametrize(
    "change", [{"tokens": "abc"}, {"tokens": [UNKNOWN, 1]}, {"by": 1}, {"lower": "no"}, {"lower": 1}]
)
def test_a_damaged_vocabulary(change: dict[str, object]) -> None:
    config = Vocabulary.fit("abc").config()
    with pytest.raises(DataError, match="the vocabulary is damaged"):
        Vocabulary.restored(config | change)


def test_a_folder_of_texts(tmp_path: Path) -> None:
    for name, text in (("bad/1.txt", "a bore"), ("good/1.txt", "a great film"), ("good/2.txt", "fun")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    texts, labels, names = load_text_folder(tmp_path)
    assert (texts, labels.tolist(), names) == (["a bore", "a great film", "fun"], [0, 1, 1], ("bad", "good"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no text"):
        load_text_folder(tmp_path)
    with pytest.raises(DataError, match="holds 0 folders"):
        load_text_folder(tmp_path / "good")
