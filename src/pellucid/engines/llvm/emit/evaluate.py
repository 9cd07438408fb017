"""Expressions as instructions, for several points of a nest at once.

A point says what every axis is: affine in the counters of the open loops. What the points of a tile share (a row
of weights, a vector of inputs) is loaded once, because equal instructions are merged. A reduction opens its loops
once for all points, with an accumulator for each; the order in which one element is summed never depends on the tile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf
from typing import Literal

from pellucid.engines.llvm.emit.builder import Builder
from pellucid.engines.llvm.emit.copies import transposed
from pellucid.engines.llvm.emit.points import COMPACT, Batch, Linear, Point
from pellucid.engines.llvm.emit.sums.accumulators import Reducing
from pellucid.engines.llvm.emit.sums.few_examples import in_few_lanes
from pellucid.engines.llvm.emit.sums.neighbours import terms_in_lanes
from pellucid.engines.llvm.emit.values import Arithmetic, Value
from pellucid.engines.llvm.plan.layout import Layout
from pellucid.engines.llvm.plan.panels import Panel
from pellucid.engines.llvm.plan.work import LANES, Nest, batched, plain_axes, strides
from pellucid.formula.axes import BATCH, Affine, Axis
from pellucid.formula.expressions import (
    Constant,
    Expression,
    Index,
    Operation,
    Read,
    Reduction,
    Size,
    Tensor,
    coefficient,
    free_axes,
)


class Evaluator:
    """Writes the expressions of one nest.

    Args:
        lane: the axis that lies in the lanes.
        rows: whether it is the last of the nest's axes, so that examples are counted one by one.
        inline: whether exp and similar functions are inlined.
        stored: what reads sums that are in memory already, by the identity of the sum.
    """

    def __init__(
        self,
        builder: Builder,
        layout: Layout,
        kind: Literal["float", "double"],
        nest: Nest,
        lane: Axis | None,
        *,
        rows: bool,
        inline: bool,
        stored: Mapping[int, Callable[[Point], Value]],
    ) -> None:
        self.b = builder
        self.layout = layout
        self.kind = kind
        self.maths = Arithmetic(builder, kind, inline=inline)
        self.nest = nest
        self.axes = list(nest.axes)
        self.lane = lane
        self.rows = rows
        self.stored = stored
        self.panels: Mapping[Tensor, Panel] = layout.plan.panels.get(nest, {})
        self.first: dict[Panel, list[Linear]] = {}
        self.examples = builder.word(0)
        self.shards = builder.word(1)

    # Expressions

    def values(self, e: Expression, points: list[Point]) -> list[Value]:
        match e:
            case Constant(value):
                return [self.maths.constant(float(value))] * len(points)
            case Index(affine):
                return [self.index_value(affine, p) for p in points]
            case Size(axis):
                if axis.extent is not BATCH:
                    return [self.maths.constant(float(axis.size))] * len(points)
                return [Value(self.b.pure(f"sitofp i64 {{}} to {self.kind}", self.examples), "f")] * len(points)
            case Read():
                return [self.made(e, p) or self.read(e, p) for p in points]
            case Reduction():
                return self.reduction(e, points)
            case Operation("mul", args):
                # [condition]·x: x is worked out for all points, the condition chooses.
                columns = [self.factor(a, points) for a in args]
                return [self.maths.operation("mul", list(row)) for row in zip(*columns, strict=True)]
            case Operation(name, args):
                columns = [self.values(a, points) for a in args]
                return [self.maths.operation(name, list(row)) for row in zip(*columns, strict=True)]
        raise TypeError(e)

    def factor(self, e: Expression, points: list[Point]) -> list[Value]:
        """A factor's values. A product with what does not exist is left out, one with a 0 that the formula states is
        not: 0·NaN and 0·∞ are NaN."""
        values = self.values(e, points)
        return [replace(v, number=None) for v in values] if isinstance(e, Constant) and e.value == 0 else values

    def linear(self, affine: Affine, point: Point) -> Linear:
        """The index before its division."""
        total = Linear((), affine.constant)
        for axis, c in affine.terms:
            total = total + point.axes[axis] * c.value
        return total

    def index_value(self, affine: Affine, point: Point) -> Value:
        value = self.linear(affine, point)
        if affine.divisor.value != 1:
            quotient = self.divided(value, affine.divisor.value)
            if quotient is None:
                raise NotImplementedError("the value of a divided index that is no integer")
            value = quotient[0]
        return self.maths.index(replace(value, lane=0).emit(self.b), value.lane)

    def divided(self, value: Linear, by: int) -> tuple[Linear, str | None] | None:
        """The quotient, and the condition under which it is whole (None if always); None if it never is."""
        if by == 1:
            return value, None
        if all(c % by == 0 for _, c in value.terms) and value.lane % by == 0:
            if value.constant % by:
                return None
            return Linear(tuple((n, c // by) for n, c in value.terms), value.constant // by, value.lane // by), None
        if value.lane:
            raise NotImplementedError("a divided index in the lanes")
        number = value.emit(self.b)
        # srem and sdiv round towards 0, so −1/2 would be a whole 0: but then the remainder tells.
        rest = self.b.pure("srem i64 {}, {}", number, by)
        quotient = self.b.pure("sdiv i64 {}, {}", number, by)
        low, high = value.range(self.b, LANES)
        self.b.ranges[quotient] = (int(low // by) if low > -inf else -(2**40), int(high // by) if high < inf else None)
        return Linear.counter(quotient), self.b.pure("icmp eq i64 {}, 0", rest)

    # Reads

    def made(self, e: Read, point: Point) -> Value | None:
        """What the nest has read or made itself at the point."""
        if e.tensor not in point.known:
            return point.known.get(id(e))
        return point.known[e.tensor] if plain_axes(e) == self.axes else None

    def read(self, e: Read, point: Point) -> Value:
        tensor = e.tensor
        places: list[Linear] = []
        conditions: list[str] = []
        vectors: list[tuple[int, Value]] = []
        start = 1 if batched(tensor) else 0
        for k, (index, axis) in enumerate(zip(e.indices, tensor.axes, strict=True)):
            if k < start:
                places.append(Linear())
                continue
            if not isinstance(index, Affine):
                value = self.maths.as_integer(self.values(index, [point])[0])
                if value.vector:
                    vectors.append((k, value))
                    places.append(Linear())
                    continue
                wide = str(value.text) if value.number is not None else self.b.pure("sext i32 {} to i64", value.text)
                place = Linear((), int(value.number)) if value.number is not None else Linear.counter(wide)
                if value.number is None:
                    self.b.ranges[wide] = (-(2**31), 2**31)
            else:
                divided = self.divided(self.linear(index, point), index.divisor.value)
                if divided is None:
                    return self.outside(e, point)
                place, whole = divided
                if whole is not None:
                    conditions.append(whole)
            low, high = place.range(self.b, LANES)
            extent = axis.size
            if low >= extent or high < 0:
                return self.outside(e, point)
            if (low < 0 or high >= extent) and (place, extent) not in point.inside:
                if place.lane and point.active is not None:
                    high = high - (LANES - point.active) * place.lane if place.lane > 0 else high
                if place.lane and not (low >= 0 and high < extent):
                    value = self.maths.index(replace(place, lane=0).emit(self.b), place.lane)
                    vectors.append((k, value))
                    places.append(Linear())
                    continue
                if not place.lane:
                    number = place.emit(self.b)
                    ok = self.b.pure("icmp ult i64 {}, {}", number, extent)
                    conditions.append(ok)
                    safe = self.b.pure("select i1 {}, i64 {}, i64 0", ok, number)
                    self.b.ranges[safe] = (0, extent - 1)
                    place = Linear.counter(safe)
            places.append(place)
        if vectors:
            return self.gathered(e, point, places, vectors, conditions)
        value = self.load(e, point, places, conditions)
        for condition in conditions:
            if e.outside is not None:
                value = self.maths.select(Value(condition, "b"), value, self.outside(e, point))
        return value

    def outside(self, e: Read, point: Point) -> Value:
        return self.maths.constant(0.0) if e.outside is None else self.values(e.outside, [point])[0]

    def base(self, tensor: Tensor, batch: Batch | None, rows: bool) -> str:
        """The address of the tensor (of its shard's part)."""
        if batch is not None and batch.shard == COMPACT:
            return self.b.at("i8", "%local", self.layout.compact[self.nest, tensor].offset)
        home = self.layout.rows[tensor] if rows else self.layout.home(tensor)
        if home.place == "user":
            return self.b.word(home.offset, "ptr")
        if home.place == "global":
            return self.b.at("i8", self.b.word(4, "ptr"), home.offset)
        if home.place == "local":
            return self.b.at("i8", "%local", home.offset)
        assert batch is not None
        return self.in_shard(batch.shard, home.offset)

    def in_shard(self, shard: str, offset: int) -> str:
        """An address in a shard's arena."""
        of_shard = self.b.pure("mul nsw i64 {}, {}", shard, self.b.word(3))
        arena = self.b.at("i8", self.b.word(2, "ptr"), of_shard)
        return self.b.at("i8", arena, offset)

    def address(self, tensor: Tensor, places: list[Linear], batch: Batch | None, rows: bool) -> tuple[Linear, str]:
        """The element's offset in elements (with its step from lane to lane) and the tensor's base."""
        mine = list(places[1:] if batched(tensor) else places)
        offset = Linear()
        steps = self.layout.steps(tensor)
        if batched(tensor):
            assert batch is not None
            if self.layout.plan.small_batch:
                if self.layout.home(tensor).place == "user":
                    offset = offset + Linear.counter(batch.shard, self.layout.elements(tensor))
            elif rows:
                assert batch.lane is not None
                steps = [s * LANES * LANES for s in strides(tensor.axes[1:-1])]
                offset = offset + Linear.counter(batch.lane, LANES) + in_blocks(mine.pop(), self.layout.block(tensor))
            else:
                steps = [s * LANES for s in steps]
                offset = offset + (Linear.counter(batch.lane) if batch.lane else Linear((), 0, 1))
        for place, step in zip(mine, steps, strict=True):
            offset = offset + place * step
        return offset, self.base(tensor, batch, rows)

    def packed(self, panel: Panel, places: list[Linear]) -> list[Linear]:
        """The places of an element in what is packed at the moment."""
        first = self.first.get(panel)
        return places if first is None else [p + f * -1 for p, f in zip(places, first, strict=True)]

    def buffer(self, panel: Panel) -> str:
        """Where a panel begins."""
        if panel.near:
            return self.b.at("i8", "%local", self.layout.near[panel].offset)
        return self.b.at("i8", self.b.word(4, "ptr"), self.layout.places[panel])

    def element(self, tensor: Tensor) -> str:
        return "i32" if tensor.kind == "int" else self.kind

    def place(self, base: str, word: str, offset: Linear) -> str:
        """A pointer; the constant part comes last, where the machine's addressing takes it for nothing."""
        moved = replace(offset, constant=0, lane=0).emit(self.b)
        if moved != 0:
            base = self.b.at(word, base, moved)
        return self.b.at(word, base, offset.constant) if offset.constant else base

    def batch_of(self, e: Read, point: Point) -> Batch | None:
        if not batched(e.tensor):
            return None
        index = e.indices[0]
        assert isinstance(index, Affine) and index.plain is not None
        return point.batches[index.plain]

    def load(self, e: Read, point: Point, places: list[Linear], conditions: list[str]) -> Value:
        tensor = e.tensor
        batch = self.batch_of(e, point)
        rows = bool(self.rows and tensor in self.layout.rows and places[-1].lane and batch and batch.lane)
        panel = self.panels.get(tensor)
        packed = in_panel(panel, self.packed(panel, places)) if panel is not None and not conditions else None
        if panel is not None and packed is not None:
            offset, base = packed, self.buffer(panel)
        else:
            offset, base = self.address(tensor, places, batch, rows)
        word, kind = self.element(tensor), ("i" if tensor.kind == "int" else "f")
        if conditions:
            # where the element does not exist, element 0 is read and thrown away
            number = replace(offset, lane=0).emit(self.b)
            for condition in conditions:
                number = self.b.pure("select i1 {}, i64 {}, i64 0", condition, number)
            offset = (
                Linear.counter(number) + Linear((), 0, offset.lane)
                if isinstance(number, str)
                else Linear((), number, offset.lane)
            )
        if offset.lane == 0:
            return Value(self.b.pure(f"load {word}, ptr {{}}", self.place(base, word, offset)), kind)  # type: ignore[arg-type]
        if offset.lane == 1:
            v = f"<{LANES} x {word}>"
            pointer = self.place(base, word, offset)
            if point.active is None:
                return Value(self.b.pure(f"load {v}, ptr {{}}, align {self.size(word)}", pointer), kind, True)  # type: ignore[arg-type]
            return Value(self.b.pure(self.masked_load(word, point.active), pointer), kind, True)  # type: ignore[arg-type]
        pointers = [
            self.place(base, word, replace(offset.plus(offset.lane * k), lane=0)) for k in range(point.active or LANES)
        ]
        return self.collected(word, pointers, kind)

    @staticmethod
    def size(word: str) -> int:
        return 8 if word == "double" else 4

    def masked_load(self, word: str, active: int) -> str:
        v = f"<{LANES} x {word}>"
        mask = ", ".join(f"i1 {int(k < active)}" for k in range(LANES))
        suffix = {"float": "f32", "double": "f64", "i32": "i32"}[word]
        call = f"call {v} @llvm.masked.load.v{LANES}{suffix}.p0"
        return f"{call}(ptr {{}}, i32 {self.size(word)}, <{LANES} x i1> <{mask}>, {v} zeroinitializer)"

    def collected(self, word: str, pointers: list[str], kind: str) -> Value:
        v = f"<{LANES} x {word}>"
        text = "zeroinitializer"
        for k, pointer in enumerate(pointers):
            one = self.b.pure(f"load {word}, ptr {{}}", pointer)
            text = self.b.pure(f"insertelement {v} {{}}, {word} {{}}, i32 {k}", text, one)
        return Value(text, kind, True)  # type: ignore[arg-type]

    def gathered(
        self, e: Read, point: Point, places: list[Linear], vectors: list[tuple[int, Value]], conditions: list[str]
    ) -> Value:
        """A read whose place differs from lane to lane in other ways than by a step: one load a lane."""
        tensor = e.tensor
        batch = self.batch_of(e, point)
        offset, base = self.address(tensor, places, batch, False)
        word, kind = self.element(tensor), ("i" if tensor.kind == "int" else "f")
        first = 1 if batched(tensor) else 0
        spread = LANES if first and not self.layout.plan.small_batch else 1
        steps = [s * spread for s in self.layout.steps(tensor)]
        moved: list[str] = [""] * LANES
        inside: Value | None = None
        for k, value in vectors:
            extent = tensor.axes[k].size
            ok = Value(self.b.pure(f"icmp ult <{LANES} x i32> {{}}, splat (i32 {extent})", value.text), "b", True)
            safe = self.b.pure(
                f"select <{LANES} x i1> {{}}, <{LANES} x i32> {{}}, <{LANES} x i32> zeroinitializer",
                ok.text,
                value.text,
            )
            inside = ok if inside is None else self.maths.both(inside, ok)
            for lane in range(LANES):
                one = self.b.pure(
                    "sext i32 {} to i64", self.b.pure(f"extractelement <{LANES} x i32> {{}}, i32 {lane}", safe)
                )
                more = self.b.multiply(one, steps[k - first])
                moved[lane] = str(self.b.add(moved[lane], more)) if moved[lane] else str(more)
        pointers = []
        for lane in range(LANES):
            near = self.place(base, word, replace(offset.plus(offset.lane * lane), lane=0))
            pointers.append(self.b.at(word, near, moved[lane]))
        value = self.collected(word, pointers, kind)
        assert inside is not None
        if e.outside is not None:
            for condition in conditions:
                inside = self.maths.both(inside, Value(condition, "b"))
            value = self.maths.select(inside, value, self.outside(e, point))
        return value

    def looked_up(self, e: Read, points: list[Point]) -> list[Value]:
        """The values of neighbours of a row whose number differs from lane to lane, one point for every lane."""
        word, kind = self.element(e.tensor), ("i" if e.tensor.kind == "int" else "f")
        v = f"<{LANES} x {word}>"
        steps = self.layout.steps(e.tensor)
        offset = Linear()
        rows = ""
        for index, step, axis in zip(e.indices, steps, e.tensor.axes, strict=True):
            if isinstance(index, Affine):
                offset = offset + self.linear(index, points[0]) * step
                continue
            number = self.maths.splat(self.maths.as_integer(self.values(index, points[:1])[0])).text
            ok = self.b.pure(f"icmp ult <{LANES} x i32> {{}}, splat (i32 {axis.size})", number)
            rows = self.b.pure(
                f"select <{LANES} x i1> {{}}, <{LANES} x i32> {{}}, <{LANES} x i32> zeroinitializer", ok, number
            )
            far = step
        near = self.place(self.base(e.tensor, None, False), word, offset)
        loaded = []
        for lane in range(LANES):
            row = self.b.pure(f"extractelement <{LANES} x i32> {{}}, i32 {lane}", rows)
            by = self.b.multiply(self.b.pure("sext i32 {} to i64", row), far)
            start = self.b.at(word, near, by)
            loaded.append(self.b.pure(f"load {v}, ptr {{}}, align {self.size(word)}", start))

        return [Value(text, kind, True) for text in transposed(self.b, loaded, word)]  # type: ignore[arg-type]

    # Reductions

    def reduction(
        self,
        e: Reduction,
        points: list[Point],
        each_shard: Callable[[str], None] | None = None,
        each_term: Callable[[list[Point]], None] | None = None,
    ) -> list[Value]:
        """The sum or extreme at every point; `each_shard` is called with each shard that a sum over examples visits,
        `each_term` with the points of each term."""
        if id(e) in self.stored:
            return [self.stored[id(e)](p) for p in points]
        if id(e) in points[0].known:
            return [p.known[id(e)] for p in points]
        number, body = coefficient(e.body) if e.name == "sum" else (1, e.body)
        lanes = {self.lane} if self.lane is not None else set()
        if not self.layout.plan.small_batch:  # inside a sum over the examples, they are the lanes
            lanes |= {axis for axis, batch in points[0].batches.items() if batch.lane is None}
        # where the lanes are taken, examples are counted one by one
        across = not self.rows and any(a.extent is BATCH for a in e.axes)
        terms = terms_in_lanes(e, self.nest) if self.lane is None else None
        vector = across or terms is not None or not lanes.isdisjoint(free_axes(body))
        zero = self.maths.constant(0.0 if e.name == "sum" else -inf)
        kind = self.maths.type_of("f", vector)
        starts: list[tuple[str, str]] = []
        for _ in points:
            starts.append((kind, (self.maths.splat(zero) if vector else zero).text))
            if e.name == "argmax":
                starts.append((self.maths.type_of("i", vector), "zeroinitializer" if vector else "0"))
        work = Reducing(self, e, body, vector, across, each_shard=each_shard, each_term=each_term, terms=terms)

        def all_lanes() -> list[str]:
            return work.over(list(e.axes), points, [s for _, s in starts], [k for k, _ in starts])

        names = in_few_lanes(work, points, all_lanes)
        if e.name == "argmax":
            return [Value(text, "i", vector) for text in names[1::2]]
        values = [Value(text, "f", vector) for text in names]
        if across or terms is not None:
            values = [self.maths.across(e.name, v) for v in values]
        if number != 1:
            values = [self.maths.multiply(self.maths.constant(float(number)), v) for v in values]
        return values


def in_blocks(place: Linear, step: int) -> Linear:
    """Where a vector begins along an axis that lies in blocks of a vector, so far from one to the next."""
    assert place.lane == 1 and not any(c % LANES for c in (place.constant, *(c for _, c in place.terms)))
    return Linear(tuple((n, c // LANES * step) for n, c in place.terms), place.constant // LANES * step, 1)


def in_panel(panel: Panel, places: list[Linear]) -> Linear | None:
    """The element's place in the panel, if its tile is known to begin with a tile of the panel."""
    at = places[panel.place]
    vector = at.lane == 1 and at.constant % LANES == panel.width % LANES == 0
    if any(c % panel.width for _, c in at.terms) or (at.lane and not vector):
        return None
    block = Linear(tuple((n, c // panel.width) for n, c in at.terms), at.constant // panel.width)
    offset = Linear((), at.constant % panel.width, at.lane)
    step = panel.width
    for k in reversed(panel.order):
        offset = offset + places[k] * step
        step *= panel.terms or panel.tensor.axes[k].size
    return offset + block * step
