"""Sessions: many steps of one program, its state kept between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from pellucid.engines.base import Array, Executable


class Session(Protocol):
    """A program whose outputs of an input's name are that input's next value.

    Attributes:
        state: the arrays as they are now, by name. They are the session's own; a step may change them in place or put
            new ones in their stead. Assigning into one (`session.state[name][...] = array`) is how a step is undone.
    """

    state: dict[str, Array]

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        """Steps, one after the other.

        Args:
            data: the inputs with a batch axis, by name: all examples.
            rows: (steps, batch) whole numbers: which examples each step takes. Without it there is one step, of all.
            each: the other inputs that are not state, by name: a value for each step, along the first axis.

        Returns:
            The outputs that are not state, a value for each step along the first axis.
        """


class PlainSession:
    """A session that calls its executable once a step."""

    def __init__(self, executable: Executable, state: Mapping[str, Array]) -> None:
        self._executable = executable
        self.state: dict[str, Array] = {name: np.array(array) for name, array in state.items()}

    def run(
        self, data: Mapping[str, Any], *, rows: Array | None = None, each: Mapping[str, Any] | None = None
    ) -> dict[str, Array]:
        found: dict[str, list[Array]] = {}
        for step in range(1 if rows is None else len(rows)):
            examples = data if rows is None else {name: array[rows[step]] for name, array in data.items()}
            outputs = self._executable({**examples, **self.state, **{n: a[step] for n, a in (each or {}).items()}})
            for name, array in outputs.items():
                if name in self.state:
                    self.state[name] = array
                else:
                    found.setdefault(name, []).append(array)
        return {name: np.stack(arrays) for name, arrays in found.items()}
