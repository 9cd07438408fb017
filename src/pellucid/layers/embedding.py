"""Embedding: a vector for each entry of a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from pellucid.arrays import check_integer
from pellucid.formula import Tensor
from pellucid.formula.expressions import Kind
from pellucid.functions.forward import lookup, masks
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import option_of


@dataclass(eq=False, repr=False)
class Embedding(Layer):
    """The row of a table for each integer, `y[n,t,d] = E[ids[n,t],d]`.

    Shapes: integers (n, t) to (n, t, output_dim). It stands right after the input, which then takes integers
    from 0 to input_dim − 1.

    Args:
        input_dim: how many entries the vocabulary has.
        output_dim: the length of each vector.
        embeddings_initializer: how the table begins, by name.
        embeddings_regularizer: a penalty on the table that is added to the loss.
        mask_zero: whether 0 is padding, which recurrent layers and attention then pass over (see `Masking`).
    """

    arity = 1
    stepwise = True
    masking = "use"

    input_dim: int
    output_dim: int
    _: KW_ONLY
    embeddings_initializer: str = "uniform"
    embeddings_regularizer: PenaltyLike = None
    mask_zero: bool = False

    def check(self) -> None:
        self.input_dim = check_integer(self.input_dim, option_of("input_dim", "Embedding"), minimum=1)
        self.output_dim = check_integer(self.output_dim, option_of("output_dim", "Embedding"), minimum=1)
        self.embeddings_regularizer = penalty(self.embeddings_regularizer)

    def takes(self, place: int) -> Kind:
        return "int"

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        axes = {"v": self.input_dim, "d": self.output_dim}
        table = Parameter(
            axes,
            self.embeddings_initializer,
            self.input_dim,
            self.output_dim,
            penalty=penalty(self.embeddings_regularizer),
        )
        return {"embeddings": table}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (ids,) = inputs
        result = lookup.embedding(ids, parameters["embeddings"])
        if self.mask_zero and ids.rank == 2:
            context.masks[result] = context.record("mask", masks.nonzero(ids))
        return result
