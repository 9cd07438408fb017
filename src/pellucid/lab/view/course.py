"""How one element of a parameter came to be what it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pellucid.errors import DataError
from pellucid.lab.protocol import answers
from pellucid.lab.time.moments import Moment
from pellucid.messages import gettext


def course(moments: Sequence[Moment], path: str, index: Sequence[int]) -> answers.Course:
    """What the element was at these moments, in their order; each step counts once.

    Raises:
        DataError: there is no such parameter or element.
    """
    last = moments[-1].parameters
    shape = last[path].shape if path in last else None
    if shape is None or len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise DataError(gettext("there is no parameter {path} with an element {index}", path=path, index=list(index)))
    values = {moment.step: float(moment.parameters[path][tuple(index)]) for moment in moments}
    return {
        "path": path,
        "index": list(index),
        "steps": np.fromiter(values, np.int32),
        "values": np.fromiter(values.values(), np.float64),
    }
