"""Attention of several heads (Vaswani et al. 2017)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from pellucid.arrays import check_integer
from pellucid.errors import ShapeError
from pellucid.formula import Tensor
from pellucid.functions.forward import attention
from pellucid.layers.base import Context, Layer, Parameter, Shape
from pellucid.messages import gettext, option_of


@dataclass(eq=False, repr=False)
class MultiHeadAttention(Layer):
    """Every step looks at all steps: `softmax(Q·Kᵀ/√D)·V` for each of several heads, then a sum over the heads.

    Shapes: (n, t, i) to the same. Of one input it is self-attention; of two, `MultiHeadAttention(2, 8)(x, memory)`,
    each step of x looks at the steps of memory (n, s, i′). `trace` gives .scores and .weights (n, heads, t, s), and
    what each head found, .heads.

    Steps of the memory that a mask leaves out are not looked at.

    Args:
        num_heads: how many heads.
        key_dim: D, the length of each head's queries, keys and values.
        causal: a step looks at itself and earlier ones alone.
        use_bias: whether queries, keys, values and the output have biases.

    Source: Vaswani et al., Attention is all you need, NIPS 2017, section 3.2.
    """

    masking = "use"

    num_heads: int
    key_dim: int
    _: KW_ONLY
    causal: bool = False
    use_bias: bool = True
    kernel_initializer: str = "glorot_uniform"
    bias_initializer: str = "zeros"

    def check(self) -> None:
        self.num_heads = check_integer(self.num_heads, option_of("num_heads", "MultiHeadAttention"), minimum=1)
        self.key_dim = check_integer(self.key_dim, option_of("key_dim", "MultiHeadAttention"), minimum=1)

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        if len(shapes) > 2 or any(len(s) != 2 for s in shapes):
            given = ", ".join(map(str, shapes))
            raise ShapeError(
                gettext(
                    "MultiHeadAttention takes one or two inputs of shape (steps, features), got {given}", given=given
                )
            )
        own, asked = shapes[0][-1], shapes[-1][-1]
        width = self.num_heads * self.key_dim
        parameters: dict[str, Parameter] = {}
        for part, inputs in (("query", own), ("key", asked), ("value", asked)):
            axes = {"h": self.num_heads, "d": self.key_dim}
            parameters[f"{part}.kernel"] = Parameter({"i": inputs, **axes}, self.kernel_initializer, inputs, width)
            parameters[f"{part}.bias"] = Parameter(axes, self.bias_initializer, inputs, width)
        axes = {"h": self.num_heads, "d": self.key_dim, "o": own}
        parameters["output.kernel"] = Parameter(axes, self.kernel_initializer, width, own)
        parameters["output.bias"] = Parameter({"o": own}, self.bias_initializer, width, own)
        return {key: p for key, p in parameters.items() if self.use_bias or not key.endswith("bias")}

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        x, memory = inputs[0], inputs[-1]
        parts = {}
        for part, source in (("query", x), ("key", memory), ("value", memory)):
            projected = attention.projection(source, parameters[f"{part}.kernel"], parameters.get(f"{part}.bias"))
            parts[part] = context.record(part, projected)
        tensors = attention.scaled_dot_product(**parts, mask=context.masks.get(memory), causal=self.causal)
        for name, letter in {"scores": "z", "weights": "a", "heads": "y"}.items():
            context.record(name, tensors[letter])
        result = attention.joined(tensors["y"], parameters["output.kernel"], parameters.get("output.bias"))
        if x in context.masks:
            context.masks[result] = context.masks[x]
        return result
