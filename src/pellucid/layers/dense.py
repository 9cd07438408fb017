"""Dense: every unit sees every input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from pellucid.arrays import check_integer
from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward import matmul
from pellucid.functions.learning.penalties import PenaltyLike, penalty
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import gettext, option_of


@dataclass(eq=False, repr=False)
class Dense(Layer):
    """A fully connected layer, `y[n,o] = f(b[o] + Σ[i] x[n,i]·w[i,o])`.

    Shapes: (n, i) to (n, units), and for every step of a sequence (n, t, i) to (n, t, units).

    Args:
        units: how many neurons it has.
        activation: f, by name or as a function of `pellucid.functions.activations`.
        use_bias: whether there is b.
        kernel_initializer, bias_initializer: how w and b begin, by name (listed in
            `functions/initialization/initial_values.py`).
        kernel_regularizer: a penalty on w that is added to the loss: `pl.L2(1e-4)`.
    """

    arity = 1
    stepwise = True
    masking = "pass"

    units: int
    activation: ActivationLike = "linear"
    _: KW_ONLY
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"
    kernel_regularizer: PenaltyLike = None

    def check(self) -> None:
        self.units = check_integer(self.units, option_of("units", "Dense"), minimum=1)
        self.activation = activation(self.activation)
        self.kernel_regularizer = penalty(self.kernel_regularizer)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        (shape,) = shapes
        if len(shape) > 2:
            raise ShapeError(
                gettext(
                    "a Dense layer takes examples of shape (inputs,) or (steps, inputs), got {shape}; "
                    "insert Flatten() before it",
                    shape=shape,
                )
            )
        inputs = shape[-1]
        parameters = {
            "kernel": Parameter(
                {"i": inputs, "o": self.units},
                self.kernel_initializer,
                inputs,
                self.units,
                penalty=penalty(self.kernel_regularizer),
            )
        }
        if self.use_bias:
            parameters["bias"] = Parameter({"o": self.units}, self.bias_initializer, inputs, self.units)
        return parameters

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        (x,) = inputs
        total = matmul.dense(x, parameters["kernel"], parameters.get("bias"))
        return context.activate(self.activation, context.record("sum", total))
