"""Embedding: whole numbers become vectors."""

from __future__ import annotations

from pellucid.errors import ShapeError
from pellucid.formula import Tensor, define


def embedding(ids: Tensor, table: Tensor) -> Tensor:
    """The row of a table for each whole number.

    Notation: n batch, t time, v entry of the vocabulary, d embedding.
    Equation: y[n,t,d] = E[ids[n,t],d]
    Shapes: ids (n, …), whole numbers from 0 to v − 1; table (v, d) → (n, …, d).
    Source: Bengio et al., A neural probabilistic language model, JMLR 3 (2003), section 2.

    Raises:
        ShapeError: ids holds real numbers.
    """
    if ids.kind != "int":
        raise ShapeError("an embedding takes whole numbers straight from an Input, but real numbers came")
    return define("y[…,d] = E[ids[…],d]", E=table, ids=ids)
