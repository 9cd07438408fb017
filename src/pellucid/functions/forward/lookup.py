"""Embedding: integers become vectors."""

from __future__ import annotations

from pellucid.errors import ShapeError
from pellucid.formula import Tensor, define
from pellucid.messages import gettext


def embedding(ids: Tensor, table: Tensor) -> Tensor:
    """The row of a table for each integer.

    Notation: n batch, t time, v entry of the vocabulary, d embedding.
    Equation: y[n,t,d] = E[ids[n,t],d]
    Shapes: ids (n, …), integers from 0 to v − 1; table (v, d) → (n, …, d).
    Source: Bengio et al., A neural probabilistic language model, JMLR 3 (2003), section 2.

    Raises:
        ShapeError: ids holds real numbers.
    """
    if ids.kind != "int":
        raise ShapeError(gettext("an embedding takes integers straight from an Input, got real numbers"))
    return define("y[…,d] = E[ids[…],d]", E=table, ids=ids)
