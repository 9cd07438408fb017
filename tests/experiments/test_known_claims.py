from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest

from pellucid.errors import DataError, UnknownNameError
from pellucid.experiments import NAMES, Trial, claim_in, claim_named
from pellucid.experiments.claim import SENTENCES

from .support import MINE

CLAIMS = Path(inspect.getfile(Trial)).parent / "claims"


def test_every_file_is_registered() -> None:
    files = {path.stem.replace("_", "-") for path in CLAIMS.glob("*.py")} - {"--init--"}
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_says_what_it_is(name: str) -> None:
    claim = claim_named(name)
    for sentence in SENTENCES:
        assert len(str(getattr(claim, sentence))) > 20, sentence
    assert str(claim.statement).endswith(".") and str(claim.setup).endswith(".")
    assert not str(claim.refuted_if).endswith("."), "it goes on after 'refuted if'"


def test_underscores_name_the_same() -> None:
    assert type(claim_named("step_does_not_learn")) is type(claim_named("step-does-not-learn"))


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(UnknownNameError, match='Did you mean "sigmoid-range"'):
        claim_named("sigmoid-rang")


def test_a_file_may_import_what_is_beside_it(tmp_path: Path) -> None:
    (tmp_path / "half_helper.py").write_text("SOURCE = 'Aunt'\n", encoding="utf-8")
    text = MINE.replace('source = "School"', "source = SOURCE").replace(
        "import numpy", "from half_helper import SOURCE\nimport numpy"
    )
    (tmp_path / "my_claim.py").write_text(text, encoding="utf-8")
    before = list(sys.path)
    assert claim_in(tmp_path / "my_claim.py").source == "Aunt"
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "to hold one claim, a class that is derived from pellucid.experiments.Claim, got none"),
        ("from pellucid.experiments import Claim\n", "got none"),
        (MINE + MINE.replace("class Half", "class Third"), r"got several \(Half, Third\)"),
        (MINE.replace("setup =", "set_up ="), "the claim Half of .* lacks setup: add what is missing"),
        (MINE.replace("def judge", "def guess"), "lacks judge"),
        ("x = 1\ny = x / 0\n", "cannot be run: line 2: ZeroDivisionError: division by zero"),
        ("x = (\n", "cannot be run: line 1: '\\(' was never closed"),
    ],
)
def test_what_is_no_claim_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        claim_in(path)


def test_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        claim_in(tmp_path / "none.py")
    with pytest.raises(DataError, match="a folder"):
        claim_in(tmp_path)
