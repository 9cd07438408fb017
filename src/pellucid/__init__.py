"""Pellucid: neural networks you can see through, from one neuron to an LSTM.

`__init__.pyi` lists what is public; each name is imported when it is first asked for, so that a program pays for what
it uses. `pellucid.formula` is the language of formulas, for those who write operations of their own.
"""

import typing as _typing

import lazy_loader as _lazy

_get, __dir__, _names = _lazy.attach_stub(__name__, __file__)

__version__ = "0.1.0"
_packages = {"data", "estimators", "explain", "formula", "functions", "interchange", "layers", "training"}
__all__ = [name for name in _names if name not in _packages]  # what `from pellucid import *` brings


def __getattr__(name: str) -> _typing.Any:
    if name in _names:
        return _get(name)
    from pellucid.habits import public_hint

    hint = "" if name.startswith("_") else public_hint(name, __all__)
    raise AttributeError(f"module 'pellucid' has no attribute {name!r}{hint}")
