"""Layers of ours as PyTorch modules that take what theirs take: images and volumes with the channels in front.

Imported where PyTorch is installed, by `module_writing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class Step(nn.Module):
    """A layer: values and the mask that comes with them in, a value out."""

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        raise NotImplementedError

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        """The mask that goes on."""
        return mask


class Minimum(nn.Module):
    """A pool of the smallest numbers."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Any) -> Any:
        return -self.pool(-x)


class Mean(nn.Module):
    """A pool of means that leave out padding, for padding of any kind."""

    def __init__(self, pool: nn.Module, padding: Sequence[int]) -> None:
        super().__init__()
        self.pool, self.padding = pool, list(padding)

    def forward(self, x: Any) -> Any:
        ones = torch.ones_like(x[:1, :1])
        return self.pool(F.pad(x, self.padding)) / self.pool(F.pad(ones, self.padding))


class Plain(Step):
    """Modules of PyTorch's, one after the other.

    `channels` says how they want the channels: "last", or "first" with the places behind.
    """

    def __init__(self, channels: str, **parts: nn.Module) -> None:
        super().__init__()
        self.channels = channels
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        (x,) = inputs
        turn = (self.channels == "first" and x.dim() == 3) or (self.channels == "last" and x.dim() > 3)
        x = turned(x) if turn else x
        for part in self.children():
            x = part(x)
        return back(x) if turn and x.dim() > 2 else x


def turned(x: Any) -> Any:
    """A sequence with the channels in front, an image or a volume with the channels last."""
    return x.transpose(1, 2) if x.dim() == 3 else x.movedim(1, -1)


def back(x: Any) -> Any:
    """The way back."""
    return x.transpose(1, 2) if x.dim() == 3 else x.movedim(-1, 1)


class Shaped(Step):
    """Another shape of the same numbers, the channels last in both."""

    def __init__(self, shape: Sequence[int], order: Sequence[int] = ()) -> None:
        super().__init__()
        self.shape, self.order = list(shape), list(order)

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        (x,) = inputs
        x = turned(x) if x.dim() > 3 else x
        x = x.permute(0, *self.order) if self.order else x.reshape(x.shape[0], *self.shape)
        return back(x) if x.dim() > 3 else x

    def extra_repr(self) -> str:
        return f"order={self.order}" if self.order else f"shape={self.shape}"


class Repeat(Step):
    """A row at every one of some steps."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        return inputs[0].unsqueeze(1).expand(-1, self.times, -1)


class Merge(Step):
    """The join of several values."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        first, *others = inputs
        if self.how == "Concatenate":
            return torch.cat(inputs, 1 if first.dim() > 3 else -1)
        for other in others:
            match self.how:
                case "Multiply":
                    first = first * other
                case "Subtract":
                    first = first - other
                case "Maximum":
                    first = torch.maximum(first, other)
                case "Minimum":
                    first = torch.minimum(first, other)
                case _:
                    first = first + other
        return first / len(inputs) if self.how == "Average" else first

    def extra_repr(self) -> str:
        return self.how


class GlobalPool(Step):
    """The largest or the mean number of each channel, over the steps that are there."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        (x,) = inputs
        places = tuple(range(2, x.dim())) if x.dim() > 3 else (1,)
        if mask is None:
            return x.mean(places) if self.how == "mean" else x.amax(places)
        there = mask.unsqueeze(-1)
        count = there.sum(1)
        if self.how == "mean":
            return (x * there).sum(1) / count.clamp(min=1)
        largest = x.masked_fill(there == 0, -torch.inf).amax(1)
        return torch.where(count > 0, largest, torch.zeros_like(largest))

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        return None

    def extra_repr(self) -> str:
        return self.how


class Embedding(Step):
    """The row of a table for each integer."""

    def __init__(self, table: nn.Embedding, mask_zero: bool) -> None:
        super().__init__()
        self.table, self.mask_zero = table, mask_zero

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        return self.table(inputs[0].long())

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        return (inputs[0] != 0).to(self.table.weight.dtype) if self.mask_zero else None


class Masking(Step):
    """Marks the steps that are only padding, and makes them zero."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        return inputs[0] * self.mask_after(inputs, mask).unsqueeze(-1)

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        x, *given = inputs
        there = given[0] if given else (x != self.value).any(-1).to(x.dtype)
        return there if mask is None else there * mask


class PReLU(Step):
    """A leaky ReLU whose slopes are learnt."""

    def __init__(self, alpha: Any) -> None:
        super().__init__()
        self.alpha = nn.Parameter(alpha)

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        (x,) = inputs
        alpha = self.alpha.movedim(-1, 0) if x.dim() > 3 else self.alpha
        return torch.where(x > 0, x, alpha * x)


class GaussianNoise(nn.Module):
    """Normal random numbers added in training."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Any) -> Any:
        return x + self.deviation * torch.randn_like(x) if self.training else x


class Scaling(nn.Module):
    """Columns scaled by fixed statistics, or brought back."""

    def __init__(self, mean: Any, deviation: Any, invert: bool) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.invert = invert

    def forward(self, x: Any) -> Any:
        return x * self.deviation + self.mean if self.invert else (x - self.mean) / self.deviation


class _OverN(nn.Module):
    """Batch normalisation whose running variance is the one over N: PyTorch's is over N − 1."""

    def forward(self, x: Any) -> Any:
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            variance, mean = torch.var_mean(x, [a for a in range(x.dim()) if a != 1], correction=0)
            for running, batch in ((self.running_mean, mean), (self.running_var, variance)):
                running.lerp_(batch.to(running.dtype), self.momentum)
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


class BatchNorm1d(_OverN, nn.BatchNorm1d):
    """`nn.BatchNorm1d` with the running variance over N."""


class BatchNorm2d(_OverN, nn.BatchNorm2d):
    """`nn.BatchNorm2d` with the running variance over N."""


class BatchNorm3d(_OverN, nn.BatchNorm3d):
    """`nn.BatchNorm3d` with the running variance over N."""


class Attention(Step):
    """Attention of several heads, for heads of any size."""

    def __init__(self, heads: int, size: int, own: int, asked: int, causal: bool, use_bias: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.query = nn.Linear(own, heads * size, bias=use_bias)
        self.key = nn.Linear(asked, heads * size, bias=use_bias)
        self.value = nn.Linear(asked, heads * size, bias=use_bias)
        self.output = nn.Linear(heads * size, own, bias=use_bias)

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        x, memory = inputs[0], inputs[-1]
        parts = (self.query(x), self.key(memory), self.value(memory))
        q, k, v = (p.reshape(*p.shape[:2], self.heads, -1).transpose(1, 2) for p in parts)
        allowed = None
        if mask is not None:
            allowed = (mask > 0)[:, None, None, :].expand(-1, 1, q.shape[2], -1)
            if self.causal:
                allowed = allowed & torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
        y = F.scaled_dot_product_attention(q, k, v, allowed, is_causal=self.causal and allowed is None)
        return self.output(y.transpose(1, 2).flatten(2))


class Recurrent(Step):
    """A recurrent layer of PyTorch's that holds its state where a step is left out."""

    def __init__(self, layer: nn.Module, sequences: bool, backwards: bool, merge: str | None) -> None:
        super().__init__()
        self.layer, self.sequences, self.backwards, self.merge = layer, sequences, backwards, merge

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        x, *states = inputs
        first = self._first(states)
        if mask is None:
            outputs, last = self.layer(x.flip(1) if self.backwards else x, first)
            outputs = outputs.flip(1) if self.backwards else outputs
        else:
            outputs, last = self._of_real_steps(x, mask, first)
        if not self.sequences:
            final = last[0] if isinstance(last, tuple) else last
            outputs = torch.cat(list(final), -1) if self.merge else final[0]
        return self._merged(outputs) if self.merge else outputs

    def _first(self, states: Sequence[Any]) -> Any:
        if not states:
            return None
        if not isinstance(self.layer, nn.LSTM):
            return torch.stack(list(states))
        half = len(states) // 2
        both = [states] if half == 1 else [states[:half], states[half:]]
        h, c = (torch.stack([s[k] for s in both]) for k in range(2))
        return h, c

    def _of_real_steps(self, x: Any, mask: Any, first: Any) -> tuple[Any, Any]:
        """The steps that are there moved to the front, run, and each step given the state that holds there."""
        real = mask > 0
        lengths = real.sum(1)
        order = torch.argsort((~real).to(torch.int8), dim=1, stable=True)
        gathered = x.gather(1, order.unsqueeze(-1).expand_as(x))
        if self.backwards:
            places = torch.arange(x.shape[1], device=x.device)
            turned_round = (lengths.unsqueeze(1) - 1 - places).clamp(min=0)
            gathered = gathered.gather(1, turned_round.unsqueeze(-1).expand_as(gathered))
        packed = nn.utils.rnn.pack_padded_sequence(gathered, lengths.clamp(min=1).cpu(), True, enforce_sorted=False)
        outputs, last = self.layer(packed, first)
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, True, total_length=x.shape[1])
        empty = (lengths == 0).view(1, -1, 1)
        last = (
            tuple(torch.where(empty, 0.0, s) for s in last)
            if isinstance(last, tuple)
            else torch.where(empty, 0.0, last)
        )
        if not self.sequences:
            return outputs, last
        total = real.cumsum(1)
        parts = outputs.chunk(2, -1) if self.merge else (outputs,)
        ways = [False, True] if self.merge else [self.backwards]
        held = [
            self._held(p, real, total, lengths, back and not self.backwards, back)
            for p, back in zip(parts, ways, strict=True)
        ]
        return torch.cat(held, -1), last

    def _held(self, states: Any, real: Any, total: Any, lengths: Any, in_place: bool, back: bool) -> Any:
        """At each step the state that holds there; 0 where there is none yet."""
        before = total - real.to(total.dtype)
        if not back:
            place, there = total - 1, total > 0
        elif in_place:
            place, there = before, before < lengths.unsqueeze(1)
        else:
            place, there = lengths.unsqueeze(1) - 1 - before, before < lengths.unsqueeze(1)
        index = place.clamp(min=0, max=states.shape[1] - 1).unsqueeze(-1).expand(-1, -1, states.shape[2])
        return states.gather(1, index) * there.unsqueeze(-1)

    def _merged(self, outputs: Any) -> Any:
        one, two = outputs.chunk(2, -1)
        match self.merge:
            case "sum":
                return one + two
            case "mul":
                return one * two
            case "ave":
                return (one + two) / 2
        return outputs

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        return mask if self.sequences else None


class NetworkModule(Step):
    """A network: its layers by name, and how they are wired.

    Args:
        plan: for each use of a layer its path, the layer's name, and the paths that it takes.
        inputs, outputs: the paths of both.
        channels_last: whether images and volumes come and go with the channels last.
    """

    def __init__(
        self,
        layers: dict[str, Step],
        plan: Sequence[tuple[str, str, Sequence[str]]],
        inputs: dict[str, tuple[int, ...]],
        outputs: Sequence[str],
        channels_last: bool,
    ) -> None:
        super().__init__()
        self.plan, self.inputs, self.outputs = list(plan), inputs, list(outputs)
        self.channels_last = channels_last
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        given = inputs[0] if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)) else inputs
        if len(given) != len(self.inputs):
            raise ValueError(f"expected {len(self.inputs)} inputs ({', '.join(self.inputs)}), got {len(given)}")
        values: dict[str, Any] = {}
        masks: dict[str, Any] = {}
        for (path, shape), x in zip(self.inputs.items(), given, strict=True):
            images = len(shape) > 2
            expected = shape if self.channels_last or not images else (shape[-1], *shape[:-1])
            if tuple(x.shape[1:]) != expected:
                hint = (
                    ": images and volumes have their channels in front here"
                    if images and not self.channels_last
                    else ""
                )
                raise ValueError(f"{path}: expected (n, {', '.join(map(str, expected))}), got {tuple(x.shape)}{hint}")
            values[path] = back(x) if images and self.channels_last else x
        for path, name, parents in self.plan:
            taken = [values[p] for p in parents]
            known = [masks[p] for p in parents if masks.get(p) is not None]
            layer = self.get_submodule(name)
            over = _both(known) if not isinstance(layer, Attention) else masks.get(parents[-1])
            values[path] = layer(*taken, mask=over)
            masks[path] = layer.mask_after(taken, _both(known))
        results = [values[p] for p in self.outputs]
        results = [turned(r) if self.channels_last and r.dim() > 3 else r for r in results]
        return results[0] if len(results) == 1 else tuple(results)


class Inner(Step):
    """A network inside another."""

    def __init__(self, network: NetworkModule) -> None:
        super().__init__()
        self.network = network

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        return self.network(*inputs)

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        return None


def _both(masks: Sequence[Any]) -> Any:
    """Steps that are there in all."""
    if not masks:
        return None
    result = masks[0]
    for mask in masks[1:]:
        result = result if mask is result else result * mask
    return result


ELEMENTWISE = {
    "Exp": torch.exp,
    "Log": torch.log,
    "Sqrt": torch.sqrt,
    "Abs": torch.abs,
    "Neg": torch.neg,
    "Sin": torch.sin,
    "Cos": torch.cos,
    "Erf": torch.erf,
    "Reciprocal": torch.reciprocal,
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": torch.div,
    "Pow": torch.pow,
    "Max": torch.maximum,
    "Min": torch.minimum,
    "MatMul": torch.matmul,
}
"""Operators of imported networks that treat each number by itself, or multiply."""


class Operation(Step):
    """An operator of an imported network."""

    def __init__(self, name: str, arguments: Sequence[Any], attributes: dict[str, Any]) -> None:
        super().__init__()
        self.name, self.attributes = name, attributes
        self.arguments: list[Any] = []
        for number, given in enumerate(arguments):
            if isinstance(given, nn.Parameter):
                self.register_parameter(f"constant_{number}", given)
                self.arguments.append(f"constant_{number}")
            else:
                self.arguments.append(given)

    def forward(self, *inputs: Any, mask: Any = None) -> Any:
        waiting = [turned(x) if x.dim() > 3 else x for x in inputs]
        taken = [
            waiting.pop(0) if a == "value" else getattr(self, a) if isinstance(a, str) else a for a in self.arguments
        ]
        y = self._made(taken)
        return back(y) if y.dim() > 3 else y

    def _made(self, taken: list[Any]) -> Any:
        match self.name:
            case "Gather":
                return taken[0].select(int(self.attributes.get("axis", 0)), int(taken[1]))
            case "Slice":
                begin, end, axis, step = (int(t.reshape(-1)[0]) for t in taken[1:5])
                index = [slice(None)] * taken[0].dim()
                index[axis] = slice(begin, end, step)
                return taken[0][tuple(index)]
            case "Concat":
                return torch.cat(taken, int(self.attributes["axis"]))
            case "Clip":
                return torch.clamp(taken[0], *(None if t is None else float(t) for t in taken[1:3]))
            case "ReduceMean" | "ReduceMax" | "ReduceSum":
                function = {"ReduceMean": torch.mean, "ReduceMax": torch.amax, "ReduceSum": torch.sum}[self.name]
                axes = tuple(int(a) for a in taken[1].reshape(-1))
                return function(taken[0], axes, keepdim=bool(self.attributes.get("keepdims", 1)))
            case "Attention":
                causal = bool(self.attributes.get("is_causal"))
                return F.scaled_dot_product_attention(*taken[:3], is_causal=causal)
        numbers = [t if isinstance(t, torch.Tensor) else torch.as_tensor(t) for t in taken]
        return ELEMENTWISE[self.name](*numbers)

    def mask_after(self, inputs: Sequence[Any], mask: Any) -> Any:
        return None

    def extra_repr(self) -> str:
        return self.name
