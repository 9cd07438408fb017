"""Texts are read in the lab as the library reads them, in Python and in a saved file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lab.conftest import now
from tests.lab.node import run_script

import pellucid as pl
from pellucid.data import Vocabulary
from pellucid.lab.serve.document import document
from pellucid.lab.task import Task, task_of
from pellucid.lab.text_reader import TextReader
from pellucid.lab.view.look import Look

TEXTS = ["A great film!", "great fun", "what a bore...", "dull, and long", "I loved it", "I hated it"]
LIKED = np.array([1, 1, 0, 0, 1, 0])
OWN = [
    "A GREAT, dull film",
    "it's what-ever",
    "loved it, loved it; hated the film and what a bore",
    " \n",
    "多长",
    "I [UNK] ÉTÉ, e.g. 3.14 and a:b hated",
]
RULES: list[dict[str, Any]] = [
    {},
    {"split": "character", "standardize": "lower"},
    {"standardize": None},
    {"standardize": "strip_punctuation", "split": "word"},
    {"split": None},
]


def task(**rules: Any) -> tuple[pl.TextVectorization, Task]:
    words = pl.TextVectorization(output_sequence_length=6, **rules).adapt(TEXTS)
    embedding = pl.Embedding(words.vocabulary_size() + 2, 3, mask_zero=True)
    net = pl.Network(words, embedding, pl.GlobalAveragePool(), pl.Dense(1, activation="sigmoid"))
    return words, task_of(net, TEXTS, LIKED)


@pytest.mark.sample(2)
@pytest.mark.parametrize("rules", RULES, ids=str)
def test_a_text_has_the_numbers_that_the_networks_words_give_it(rules: dict[str, Any], tmp_path: Path) -> None:
    words, opened = task(**rules)
    look = Look(opened)
    assert (opened.sample, opened.views, opened.classes) == ("text", ("confusion",), ("0", "1"))
    assert opened.vocabulary == tuple(words.get_vocabulary())
    first: Any = look.example("train:0")
    known = [opened.vocabulary[i] for i in words([TEXTS[0]])[0]]
    assert first["symbols"] == known
    assert words([first["text"]])[0].tolist() == words([TEXTS[0]])[0].tolist()
    given = [text for text in OWN if words.tokens(text)]
    answers: list[Any] = [look.own(text=text) for text in given]
    for text, answer in zip(given, answers, strict=True):
        np.testing.assert_array_equal(answer["x"]["data"], words([text])[0])
    # the saved file's own code reads them in the same way
    moment = now(opened.net)
    branch = {"id": 0, "parent": None, "at": 0, "last": 0, "change": None}
    state: Any = {"branch": 0, "branches": [branch], "step": 0, "epoch": 0, "playing": False, "learning_rate": 0.01}
    state |= {"speed": 0, "pace": 0.0, "loss": None, "metrics": {}, "stopped": None}
    told = document(look, state, {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}, moment)
    questions = [["example", {"name": "train:0"}], *(["own", {"text": text}] for text in given)]
    found = run_script("lab-answers.ts", {"document": json.loads(json.dumps(told)), "questions": questions}, tmp_path)
    for mine, theirs in zip(found, [first, *answers], strict=True):
        for key in ("symbols", "text", "label", "note"):
            assert mine[key] == theirs[key], key


def test_what_is_not_read_as_it_is_written_is_said() -> None:
    look = Look(task()[1])
    told: Any = look.own(text="great films, great fun and what a long bore it was")
    assert told["note"]["en"] == "Of 11 tokens the first 6 are taken. Not in its vocabulary: 1."
    assert told["note"]["zh"] == "11 个词元中只取前 6 个。其中 1 个不在词表中。"
    assert look.own(text="great fun")["note"] is None


def test_the_vocabulary_of_an_embedding_may_be_given() -> None:
    words, opened = task()
    net = pl.Network(pl.Embedding(words.vocabulary_size(), 3), pl.GlobalAveragePool(), pl.Dense(1), input_shape=(6,))
    x = words(TEXTS)
    for given in (words, words.get_vocabulary()):
        shown: Any = Look(task_of(net, x, LIKED.astype(float), loss="mse", vocabulary=given)).example("train:1")
        assert shown["text"] == "great fun"
    assert Look(opened).example("train:1")["symbols"] == ["great", "fun", "", "", "", ""]
    hot = pl.TextVectorization(output_mode="multi_hot").adapt(TEXTS)
    with pytest.raises(pl.PellucidError, match='expected a TextVectorization with output_mode="int"'):
        task_of(net, x, LIKED, loss="mse", vocabulary=hot)
    with pytest.raises(pl.PellucidError, match="15 tokens, but the embedding 5"):
        small = pl.Network(pl.Embedding(5, 3), pl.GlobalAveragePool(), pl.Dense(1), input_shape=(6,))
        task_of(small, x % 5, LIKED, loss="mse", vocabulary=words)


def test_a_vocabulary_and_its_reader_agree() -> None:
    vocabulary = Vocabulary.fit("it is what it is", by="word", min_count=1)
    reader = TextReader.of(vocabulary)
    assert reader is not None and TextReader.of(None) is None
    ids = reader.encode("what it was")
    assert reader.fitted(ids, 5).tolist() == [0, 0, *ids.tolist()]
    assert reader.fitted(ids, 2).tolist() == ids[-2:].tolist()
    assert reader.decode(ids[:2]) == "what it"
