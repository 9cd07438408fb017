"""The claims by name, and those in files of the user's own."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from pellucid.errors import DataError, UnknownNameError, nearest
from pellucid.files import read_bytes, reason
from pellucid.messages import Message

from .claim import SENTENCES, Claim
from .foreign import place_of

NAMES = (
    "step-does-not-learn",
    "sigmoid-range",
    "vanishing-gradient",
    "tanh-or-sigmoid",
    "relu-or-smooth",
    "leaky-relu",
    "depth",
    "cnn-or-mlp",
    "convolution-or-correlation",
    "pooling",
    "stock-prices",
    "memory",
    "other-algorithms",
)
"""The claims of Pellucid, in the order in which the article makes them; `claims/` has a file for each."""


def claim_named(name: str) -> Claim:
    """One of the claims of Pellucid, by its name.

    Raises:
        UnknownNameError: there is none; the message names the nearest.
    """
    hyphenated = name.replace("_", "-").lower()
    if hyphenated not in NAMES:
        raise UnknownNameError(
            f'there is no experiment "{name}", expected one of {", ".join(NAMES)}, or a file such as'
            f" ./my_claim.py.{nearest(hyphenated, NAMES)}"
        )
    module = importlib.import_module(f".claims.{hyphenated.replace('-', '_')}", __package__)
    return _only_claim(module, hyphenated)


def claim_in(path: str | os.PathLike[str]) -> Claim:
    """The claim in a Python file, which is run. It may import what stands beside it.

    Raises:
        DataError: the file cannot be read or run, holds no claim or several, or one that lacks something.
    """
    file = Path(path)
    try:
        source = read_bytes(file)
    except OSError as error:
        raise DataError(f'"{path}" cannot be read: {reason(error)}.') from error
    spec = importlib.util.spec_from_loader(f"claim_{file.stem}", loader=None, origin=str(file))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file)
    sys.modules[module.__name__] = module  # dataclasses look there for the module of a class
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)
    try:
        exec(compile(source, str(file), "exec"), vars(module))
    except Exception as error:
        raise DataError(f'"{path}" cannot be run: {place_of(error, str(file))}') from error
    finally:
        sys.path.remove(folder)
    return _only_claim(module, str(path))


def _only_claim(module: ModuleType, name: str) -> Claim:
    kinds = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Claim) and kind.__module__ == module.__name__
    ]
    if len(kinds) != 1:
        what = f"several ({', '.join(kind.__name__ for kind in kinds)})" if kinds else "none"
        raise DataError(
            f'expected "{name}" to hold one claim, a class that is derived from pellucid.experiments.Claim, got {what}.'
        )
    (kind,) = kinds
    missing = [each for each in SENTENCES if not isinstance(getattr(kind, each, None), str | Message)]
    missing += sorted(getattr(kind, "__abstractmethods__", ()))
    if missing:
        raise DataError(f'the claim {kind.__name__} of "{name}" lacks {", ".join(missing)}: add what is missing.')
    return kind()
