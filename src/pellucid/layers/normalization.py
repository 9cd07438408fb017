"""Normalization: inputs brought to a common scale by the statistics of the training data, and outputs back from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np

from pellucid.arrays import as_array, mean_and_deviation
from pellucid.errors import DataError, PellucidError, ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import normalisation
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import gettext


@dataclass(eq=False, repr=False)
class Normalization(Layer):
    """Each column with mean 0 and standard deviation 1 over the training data: `z = (x − mean)/deviation`.

        scale = pl.Normalization().adapt(x_train)
        net = pl.Network(scale, pl.Dense(16, activation="relu"), pl.Dense(1), input_shape=(4,))

    The statistics are part of the network: they are saved with it, training leaves them alone, and explanations begin
    at the numbers given. A column that never changes loses its mean alone.

    Shapes: (n, …, c) to the same. Parameters mean and deviation, both (c,), not trained.

    Args:
        invert: the way back, `y = z·deviation + mean`, after the last layer of a network that learned a scaled target.
        adapted: whether its statistics were measured, as `adapt` does; a network takes no layer without them.
    """

    arity = 1
    stepwise = True
    masking = "pass"

    _: KW_ONLY
    invert: bool = False
    adapted: bool = False
    changeable = Layer.changeable | {"adapted"}

    def adapt(self, data: Any) -> Self:
        """Measure the training data, shape (n, …, c), or (n,) for a single column. Gives the layer itself.

        Raises:
            DataError: what is not an array of finite numbers, or has another number of columns than before.
        """
        array = as_array(data, what="data")
        if array.ndim == 0:
            raise DataError(f"data is the number {array}, expected an array of examples.")
        mean, deviation = mean_and_deviation(array if array.ndim > 1 else array[:, None])
        deviation = np.where(deviation < np.finfo(np.float32).tiny, 1.0, deviation)  # by which float32 could not divide
        for key, values in {"mean": mean, "deviation": deviation}.items():
            before = self.arrays.get(key)
            if before is not None and before.shape != values.shape:
                raise DataError(f"data has {len(values)} columns, expected {len(before)} as the layer already has.")
            self.arrays[key] = values if before is None else values.astype(before.dtype)
        self.adapted = True
        return self

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        if not self.adapted:
            raise PellucidError(
                gettext(
                    "a Normalization layer has no statistics yet, expected adapt(x) before it becomes part of a network"
                )
            )
        for key, values in self.arrays.items():
            if values.shape != shape[-1:]:
                raise ShapeError(
                    f"Normalization has the {key} of {len(values)} columns, expected {shape[-1]} for examples of shape "
                    f"{shape}: call adapt with the data that the network takes"
                )
        return {
            "mean": Parameter({"c": shape[-1]}, "zeros", trainable=False),
            "deviation": Parameter({"c": shape[-1]}, "ones", trainable=False),
        }

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        rule = normalisation.unscaled if self.invert else normalisation.scaled
        return rule(x, parameters["mean"], parameters["deviation"])
