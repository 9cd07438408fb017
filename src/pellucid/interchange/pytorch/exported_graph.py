"""The graph of a module, by torch.export, with attention and padded sequences left whole."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pellucid.errors import PellucidError
from pellucid.interchange.pytorch.torch_package import torch_package

_ATTENTION = (
    "attention(Tensor query, Tensor key, Tensor value, Tensor? weight, Tensor? query_weight, Tensor? key_weight, "
    "Tensor? value_weight, Tensor? bias, Tensor output_weight, Tensor? output_bias, int heads, bool batch_first, "
    "bool causal, Tensor? mask, Tensor? padding) -> Tensor"
)
_STEPS = "steps(Tensor x, Tensor lengths, bool batch_first) -> Tensor"
_ZEROED = "zeroed(Tensor x) -> Tensor"


@functools.cache
def _operators() -> Any:
    """Operators that stay whole in a graph: multi-head attention, a sequence with lengths, and padding made zero."""
    torch = torch_package()
    library = torch.library.Library("pellucid", "FRAGMENT")
    for schema in (_ATTENTION, _STEPS, _ZEROED):
        library.define(schema)
        name = schema.split("(")[0]
        for key in ("CompositeExplicitAutograd", "Meta"):
            library.impl(name, lambda first, *rest: torch.empty_like(first), key)
    return library


def exported(module: Any, examples: tuple[Any, ...], batch_axis: int) -> Any:
    """The exported program of a module in prediction, for any size of the batch.

    Raises:
        PellucidError: torch.export cannot say what the module does; its first reason is in the message.
    """
    torch = torch_package()
    _operators()
    sizes = tuple({batch_axis: torch.export.Dim.AUTO} if e.dim() > batch_axis else None for e in examples)
    wide = tuple(_at_least_two(e, batch_axis) for e in examples)
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with warnings.catch_warnings(), _whole(module):
            warnings.simplefilter("ignore")
            return torch.export.export(module, wide, dynamic_shapes={"args": sizes} if _variadic(module) else sizes)
    except PellucidError:
        raise
    except Exception as error:  # torch.export has many
        words = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        raise PellucidError(
            f"torch.export cannot say what the module does ({type(error).__name__}: {words[:200]}); what depends on "
            "the numbers themselves, such as an if or a loop over them, has no graph"
        ) from None
    finally:
        for part, mode in modes:
            part.training = mode


def _variadic(module: Any) -> bool:
    code = getattr(type(module).forward, "__code__", None)
    return bool(code and code.co_flags & 4 and code.co_argcount == 1)


def _at_least_two(example: Any, axis: int) -> Any:
    """An example with a batch of two or more: torch.export takes a batch of one for a constant."""
    if example.dim() <= axis or example.shape[axis] > 1:
        return example
    repeats = [1] * example.dim()
    repeats[axis] = 2
    return example.repeat(*repeats)


class _Packed:
    """A sequence with lengths, in the place of a PackedSequence."""

    def __init__(self, x: Any, lengths: Any, batch_first: bool) -> None:
        self.x, self.lengths, self.batch_first = x, lengths, batch_first


@contextmanager
def _whole(module: Any) -> Iterator[None]:
    """Let attention and packed sequences stay whole while the module is exported."""
    torch = torch_package()
    nn = torch.nn
    utilities = nn.utils.rnn
    kinds = (nn.RNN, nn.LSTM, nn.GRU)
    forwards = {kind: kind.forward for kind in kinds}
    attention = nn.MultiheadAttention.forward
    functions = {
        utilities.pack_padded_sequence: _pack,
        utilities.pad_packed_sequence: _pad,
    }
    places = [(space, name, value) for space in _spaces(module) for name, value in list(space.items())]
    places = [(space, name, value) for space, name, value in places if _is_one_of(value, functions)]
    fast = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(False)
        nn.MultiheadAttention.forward = _attend
        for kind in kinds:
            kind.forward = _recurrent(forwards[kind])
        for space, name, value in places:
            space[name] = functions[value]
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        nn.MultiheadAttention.forward = attention
        for kind in kinds:
            kind.forward = forwards[kind]
        for space, name, value in places:
            space[name] = value


def _is_one_of(value: Any, functions: dict[Any, Any]) -> bool:
    return any(value is function for function in functions)


def _spaces(module: Any) -> list[dict[str, Any]]:
    """The namespaces in which the code of a module's parts finds functions."""
    found = {id(vars(sys.modules[name])): vars(sys.modules[name]) for name in ("torch.nn.utils.rnn",)}
    for part in module.modules():
        space = getattr(type(part).forward, "__globals__", None)
        if isinstance(space, dict):
            found[id(space)] = space
    return list(found.values())


def _pack(x: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True) -> _Packed:
    torch = torch_package()
    return _Packed(torch.ops.pellucid.steps(x, torch.as_tensor(lengths), batch_first), lengths, batch_first)


def _pad(
    packed: _Packed, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Any]:
    torch = torch_package()
    if padding_value:
        raise PellucidError(f"pad_packed_sequence has padding_value={padding_value}, expected 0")
    x = torch.ops.pellucid.zeroed(packed.x)
    return (x if batch_first == packed.batch_first else x.transpose(0, 1)), packed.lengths


def _recurrent(forward: Any) -> Any:
    def of_steps(self: Any, input: Any, hx: Any = None) -> Any:
        if not isinstance(input, _Packed):
            return forward(self, input, hx)
        x = input.x if input.batch_first == self.batch_first else input.x.transpose(0, 1)
        outputs, states = forward(self, x, hx)
        return _Packed(outputs, input.lengths, self.batch_first), states

    return of_steps


def _attend(
    self: Any,
    query: Any,
    key: Any,
    value: Any,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, None]:
    torch = torch_package()
    if self.bias_k is not None or self.add_zero_attn:
        raise PellucidError("MultiheadAttention with add_bias_kv or add_zero_attn is not known here")
    own = self.in_proj_weight
    outputs = torch.ops.pellucid.attention(
        query,
        key,
        value,
        own,
        None if own is not None else self.q_proj_weight,
        None if own is not None else self.k_proj_weight,
        None if own is not None else self.v_proj_weight,
        self.in_proj_bias,
        self.out_proj.weight,
        self.out_proj.bias,
        self.num_heads,
        self.batch_first,
        is_causal,
        attn_mask,
        key_padding_mask,
    )
    return outputs, None
