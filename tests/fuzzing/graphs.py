"""The graph of a random network, layer after layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tests.fuzzing.cases import Call, Feed, Shape, Use
from tests.fuzzing.choices import BY_RANK, OWN_BY_RANK, RECURRENTS, Draw, call_of

from pellucid.errors import PellucidError
from pellucid.layers.base import Layer
from pellucid.network import _output_shape  # the rule by which a network finds its shapes

MOST = 40_000
"""Numbers in one value of one example: more takes too long."""

ALIKE = ("Multiply", "Average", "Subtract", "Maximum", "Minimum")
"""Layers that merge values of one shape, beside Add."""


class Builder:
    """A graph while it grows: its values by number, with the shape of each."""

    def __init__(self, d: Draw) -> None:
        self.d = d
        self.feeds: list[Feed] = []
        self.shapes: list[Shape] = []
        self.layers: list[Call] = []
        self.made: list[Layer] = []
        self.uses: list[Use] = []
        self.whole: set[int] = set()
        """The values that are integers."""

    def feed(self, feed: Feed) -> int:
        assert not self.uses
        self.feeds.append(feed)
        self.shapes.append(feed.shape)
        if "ids" in feed.kind:
            self.whole.add(len(self.shapes) - 1)
        return len(self.shapes) - 1

    def use(self, call: Call | int, *takes: int) -> int | None:
        """The value that a layer gives for these; None where it does not fit."""
        try:
            layer = self.made[call] if isinstance(call, int) else call.make()
            shape = _output_shape(layer, "layer", tuple(self.shapes[v] for v in takes))
            if isinstance(call, int) and not self._same(call, takes):
                return None
        except PellucidError:
            return None
        if math.prod(shape) > MOST or not shape:
            return None
        if not isinstance(call, int):
            self.layers.append(call)
            self.made.append(layer)
        self.uses.append(Use(call if isinstance(call, int) else len(self.layers) - 1, takes))
        self.shapes.append(shape)
        return len(self.shapes) - 1

    def _same(self, layer: int, takes: Sequence[int]) -> bool:
        """Whether the layer would have the same parameters in this use as in its first."""
        first = next(use for use in self.uses if use.layer == layer)
        one, other = (self.made[layer].declare(*(self.shapes[v] for v in values)) for values in (first.takes, takes))
        return {k: p.shape for k, p in one.items()} == {k: p.shape for k, p in other.items()}

    def alike(self, value: int, *, last: bool) -> list[int]:
        """The other values of the same shape, or of one that differs in its last axis."""
        shape = self.shapes[value]
        found = [v for v, s in enumerate(self.shapes) if v != value and v not in self.whole and len(s) == len(shape)]
        return [v for v in found if (self.shapes[v] == shape if last else self.shapes[v][:-1] == shape[:-1])]

    def grow(self, value: int) -> int:
        """One more layer on this value, if one is found that fits."""
        for _ in range(10):
            new = self._layer(value)
            if new is not None:
                return new
        return value

    def _layer(self, value: int) -> int | None:
        d, shape = self.d, self.shapes[value]
        if d.chance(0.2):
            joined = self._join(value)
            if joined is not None:
                return joined
        if self.layers and d.chance(0.12):
            again = d.between(0, len(self.layers) - 1)
            return None if self.layers[again].name == "Embedding" else self.use(again, value)
        if d.chance(0.05):
            return self.use(network_of(d, shape), value)
        if d.chance(0.06):
            return self.use(Call(d.pick(["Whitened", "Against", *OWN_BY_RANK.get(len(shape), ())])), value)
        kinds = BY_RANK.get(len(shape), ("Activation", "Flatten", "Reshape"))
        kind = d.pick(kinds)
        if kind in RECURRENTS and d.chance(0.2):
            states = [v for v, s in enumerate(self.shapes) if len(s) == 1 and v not in self.whole and s[0] <= 64]
            if states:
                chosen = d.pick(states)
                call = call_of(d, kind, shape, units=self.shapes[chosen][0])
                return self.use(call, value, *[chosen] * (2 if kind == "LSTM" else 1))
        if kind == "MultiHeadAttention" and d.chance(0.4):
            memories = [v for v, s in enumerate(self.shapes) if len(s) == 2 and v != value and v not in self.whole]
            if memories:
                return self.use(call_of(d, kind, shape), value, d.pick(memories))
        call = call_of(d, kind, shape)
        new = self.use(call, value)
        if new is not None and call.options.get("return_state") and d.chance(0.7):
            state = d.pick(["state", "cell"] if kind == "LSTM" else ["state"])
            self.use(Call("FinalState", {"state": state, "units": call.options["units"]}), new)
            return int(d.pick([new, len(self.shapes) - 1]))
        if new is not None and self.shapes[new] == shape and d.chance(0.2):
            return self.use(Call(d.pick(["Add", "Add", *ALIKE])), value, new)
        return new

    def _join(self, value: int) -> int | None:
        d = self.d
        kind = d.pick(["Add", "Concatenate", "Concatenate", *ALIKE])
        others = self.alike(value, last=kind != "Concatenate")
        if kind == "Concatenate":
            others.append(value)
        if not others:
            return None
        more = [d.pick(others) for _ in range(1 if kind == "Subtract" else d.pick([1, 1, 2]))]
        return self.use(Call(kind), value, *more)


def network_of(d: Draw, shape: Shape) -> Call:
    """A small network as a layer."""
    inside = Builder(d)
    value = inside.feed(Feed(shape))
    for _ in range(d.between(1, 2)):
        kind = d.pick(BY_RANK.get(len(inside.shapes[value]), ("Activation",)))
        if kind not in ("MultiHeadAttention",):
            found = inside.use(call_of(d, kind, inside.shapes[value], return_state=False), value)
            value = value if found is None else found
    return Call(
        "Network", {"input_shape": shape}, tuple(inside.layers) or (Call("Activation", {"activation": "tanh"}),)
    )


def start(d: Draw, graph: Builder) -> list[int]:
    """The inputs, and what stands right behind them."""
    large, begins = d.large, []
    kinds = [d.pick(["flat", "sequence", "padded", "masked", "ids", "image", "volume"], [3, 4, 2, 1, 2, 4, 3])]
    if d.chance(0.2):
        kinds.append(d.pick(["flat", "sequence", kinds[0], "image"]))
    feeds: list[list[int]] = []
    steps = d.between(20, 50) if large else d.between(1, 10)
    width = d.pick((1, 2, 3, 5, 8, 16, 17, 33)) if not large else d.pick((16, 17, 32, 40))
    paddings = [d.pick([0.0, 0.0, -1.0, 2.0]) for _ in kinds]
    entries = d.between(2, 40)
    for kind, pad in zip(kinds, paddings, strict=True):
        match kind:
            case "flat":
                feeds.append([graph.feed(Feed((d.units(),)))])
            case "image":
                sides = (d.between(10, 20), d.between(10, 20)) if large else (d.between(2, 11), d.between(2, 11))
                feeds.append([graph.feed(Feed((*sides, d.pick((1, 2, 3, 4, 8)))))])
            case "volume":
                volume = tuple(d.between(1, 6) for _ in range(3))
                feeds.append([graph.feed(Feed((*volume, d.pick((1, 2, 3, 5)))))])
            case "ids":
                feeds.append([graph.feed(Feed((steps,), d.pick(["ids", "padded ids"]), entries))])
            case "masked":
                feeds.append([graph.feed(Feed((steps, width))), graph.feed(Feed((steps,), "mask"))])
            case _:
                feeds.append([graph.feed(Feed((steps, width), "padded" if kind == "padded" else "real", padding=pad))])
    for kind, pad, values in zip(kinds, paddings, feeds, strict=True):
        shape = graph.shapes[values[0]]
        call = None
        if kind == "ids":
            masked = {"mask_zero": True} if graph.feeds[values[0]].kind == "padded ids" and d.chance(0.8) else {}
            call = call_of(d, "Embedding", shape, input_dim=entries, **masked)
        elif kind == "masked":
            call = call_of(d, "Masking", shape)
        elif kind == "padded":
            call = Call("Masking", {"value": pad} if pad else {})
        found = values[0] if call is None else graph.use(call, *values)
        assert found is not None
        begins.append(found)
    return begins
