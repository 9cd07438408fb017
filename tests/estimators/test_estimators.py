"""The package: imported when it is asked for, and with a sentence where scikit-learn is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pellucid.estimators


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_what_is_public() -> None:
    assert sorted(pellucid.estimators.__all__) == ["AutoencoderTransformer", "NetworkClassifier", "NetworkRegressor"]


def test_the_library_does_not_import_scikit_learn() -> None:
    assert run("import sys, pellucid; print('sklearn' in sys.modules, 'scipy' in sys.modules)").split() == ["False"] * 2


@pytest.mark.parametrize("name", pellucid.estimators.__all__)
def test_the_example_of_the_documentation(name: str) -> None:
    import doctest

    examples = doctest.DocTestFinder(recurse=False).find(getattr(pellucid.estimators, name), name)
    runner = doctest.DocTestRunner()
    for example in examples:
        assert runner.run(example).failed == 0
