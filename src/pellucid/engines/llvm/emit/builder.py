"""Functions of LLVM IR as text: structured loops and branches in SSA form, equal instructions merged and moved out of
loops as they are written. All IR is written with it.

No pass of LLVM's optimiser runs over the text, so it has to be good as it stands. Every value knows the depth of
the loop it was made in; an instruction is written at the depth of its deepest operand, and found again there if
somebody asks for the same one. Accumulators are phi nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

_WIDTH = '"prefer-vector-width"="512" "min-legal-vector-width"="512"'
ATTRIBUTES = f'attributes #0 = {{ nounwind {_WIDTH} "no-trapping-math"="true" }}\n'
"""What every module says of its functions."""


@dataclass
class Region:
    """The text of one loop's body, one branch, or a whole function; `label` is the block that is being written."""

    label: str
    lines: list[str] = field(default_factory=list)
    memo: dict[tuple[str | int, ...], str] = field(default_factory=dict)


@dataclass
class Loop:
    """An open loop: its counter, the values it carries, and what closing it needs."""

    head: str
    counter: str
    low: str | int
    high: str | int
    step: int
    types: tuple[str, ...]
    starts: tuple[str, ...]
    values: tuple[str, ...]


class Builder:
    """Writes one function.

    Args:
        name: the function's, without the @.
        parameters: with their types, as IR writes them.
        result: the type of what it gives.
        linkage: "internal", "hidden", or "" for a function that is called from outside.
    """

    def __init__(
        self,
        name: str,
        parameters: str,
        *,
        result: str = "void",
        linkage: str = "internal",
        attributes: str = "#0",
    ) -> None:
        self.head = f"define {linkage} {result} @{name}({parameters}) {attributes} {{"
        self.stack = [Region("entry")]
        self.levels: dict[str | int, int] = {}
        self.ranges: dict[str, tuple[int, int | None]] = {}
        self.count = 0

    # Instructions

    def name(self, prefix: str = "v") -> str:
        self.count += 1
        return f"%{prefix}{self.count}"

    @property
    def depth(self) -> int:
        return len(self.stack) - 1

    def pure(self, template: str, *operands: str | int) -> str:
        """An instruction without effects, `add i64 {}, {}`: merged with an equal one, at the depth of its deepest
        operand."""
        level = max([self.levels.get(o, 0) for o in operands], default=0)
        region = self.stack[level]
        key = (template, *operands)
        name = region.memo.get(key)
        if name is None:
            name = region.memo[key] = self.name()
            self.levels[name] = level
            region.lines.append(f"  {name} = {template.format(*operands)}")
        return name

    def here(self, template: str, *operands: object) -> str:
        """An instruction that stays where it is."""
        name = self.name()
        self.levels[name] = self.depth
        self.stack[-1].lines.append(f"  {name} = {template.format(*operands)}")
        return name

    def effect(self, template: str, *operands: object) -> None:
        self.stack[-1].lines.append(f"  {template.format(*operands)}" if operands else f"  {template}")

    def prefetch(self, place: str, *, write: bool = False, cache: int = 1) -> None:
        """Bring a cache line that will be read, or written, before long: into the L1 cache, or the L2."""
        self.effect(f"call void @llvm.prefetch.p0(ptr {place}, i32 {int(write)}, i32 {4 - cache}, i32 1)")

    def at(self, word: str, base: str, index: str | int) -> str:
        """The address of an element."""
        return self.pure(f"getelementptr {word}, ptr {{}}, i64 {{}}", base, index)

    def word(self, number: int, kind: str = "i64") -> str:
        """A word of the context."""
        return self.pure(f"load {kind}, ptr {{}}", self.at("i64", "%ctx", number))

    def load(self, kind: str, pointer: str) -> str:
        """What stands in memory now."""
        return self.here(f"load {kind}, ptr {{}}", pointer)

    def store(self, kind: str, value: object, pointer: str) -> None:
        self.effect(f"store {kind} {value}, ptr {pointer}")

    def stack_memory(self, kind: str) -> str:
        """Memory of the function's own, given at its start."""
        name = self.name("m")
        self.levels[name] = 0
        self.stack[0].lines.insert(0, f"  {name} = alloca {kind}, align 64")
        return name

    # Integers, folded where they are known

    def add(self, a: str | int, b: str | int) -> str | int:
        if isinstance(a, int) and isinstance(b, int):
            return a + b
        if a == 0 or b == 0:
            return b if a == 0 else a
        return self.pure("add nsw i64 {}, {}", a, b)

    def multiply(self, a: str | int, b: int) -> str | int:
        if isinstance(a, int):
            return a * b
        return 0 if b == 0 else a if b == 1 else self.pure("mul nsw i64 {}, {}", a, b)

    def smaller(self, a: str | int, b: str | int) -> str | int:
        if isinstance(a, int) and isinstance(b, int):
            return min(a, b)
        return self.pure("select i1 {}, i64 {}, i64 {}", self.pure("icmp slt i64 {}, {}", a, b), a, b)

    def larger(self, a: str | int, b: str | int) -> str | int:
        if isinstance(a, int) and isinstance(b, int):
            return max(a, b)
        return self.pure("select i1 {}, i64 {}, i64 {}", self.pure("icmp sgt i64 {}, {}", a, b), a, b)

    # Structure

    @contextmanager
    def loop(
        self, low: str | int, high: str | int, step: int = 1, *, bottom: int = 0, top: int | None = None
    ) -> Iterator[str]:
        """A loop that carries nothing; gives its counter."""
        loop = self.open(low, high, step, bottom=bottom, top=top)
        yield loop.counter
        self.close(loop)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """A branch that gives nothing."""
        branch = self.branch(condition)
        yield
        self.join(branch)

    def open(
        self,
        low: str | int,
        high: str | int,
        step: int = 1,
        carried: Sequence[tuple[str, str]] = (),
        *,
        bottom: int = 0,
        top: int | None = None,
    ) -> Loop:
        """Open a loop over low, low + step, … below high. `carried` are types and first values; `bottom` and `top`
        bound what is unknown."""
        head = self.name("L")[1:]
        counter = self.name("i")
        values = tuple(self.name("a") for _ in carried)
        self.stack.append(Region(head))
        for value in (counter, *values):
            self.levels[value] = self.depth
        smallest = low if isinstance(low, int) else bottom
        largest = high - 1 if isinstance(high, int) else top
        if isinstance(low, int) and isinstance(high, int):
            largest = low + (high - 1 - low) // step * step
        self.ranges[counter] = (smallest, largest)
        return Loop(head, counter, low, high, step, tuple(t for t, _ in carried), tuple(v for _, v in carried), values)

    def close(self, loop: Loop, following: Sequence[str] = ()) -> list[str]:
        """Close the loop; `following` are the carried values for its next round. Gives their last values."""
        body = self.stack.pop()
        outer = self.stack[-1]
        start, end, after = outer.label, body.label, self.name("X")[1:]
        sure = isinstance(loop.low, int) and isinstance(loop.high, int)
        if sure:
            assert loop.low < loop.high, "a loop that never runs"  # type: ignore[operator]
            outer.lines.append(f"  br label %{loop.head}")
        else:
            guard = self.name()
            outer.lines.append(f"  {guard} = icmp slt i64 {loop.low}, {loop.high}")
            outer.lines.append(f"  br i1 {guard}, label %{loop.head}, label %{after}")
        following_counter, test = self.name(), self.name()
        outer.lines.append(f"{loop.head}:")
        outer.lines.append(f"  {loop.counter} = phi i64 [ {loop.low}, %{start} ], [ {following_counter}, %{end} ]")
        for value, kind, first, last in zip(loop.values, loop.types, loop.starts, following, strict=True):
            outer.lines.append(f"  {value} = phi {kind} [ {first}, %{start} ], [ {last}, %{end} ]")
        outer.lines += body.lines
        outer.lines.append(f"  {following_counter} = add nsw i64 {loop.counter}, {loop.step}")
        outer.lines.append(f"  {test} = icmp slt i64 {following_counter}, {loop.high}")
        outer.lines.append(f"  br i1 {test}, label %{loop.head}, label %{after}")
        outer.lines.append(f"{after}:")
        outer.label = after
        results = []
        for kind, first, last in zip(loop.types, loop.starts, following, strict=True):
            result = self.name()
            edges = f"[ {last}, %{end} ]" if sure else f"[ {first}, %{start} ], [ {last}, %{end} ]"
            outer.lines.append(f"  {result} = phi {kind} {edges}")
            self.levels[result] = self.depth
            results.append(result)
        return results

    def repeat(self, *carried: tuple[str, str]) -> Loop:
        """Open a loop that ends when a condition says so; its first round is always there."""
        head = self.name("L")[1:]
        values = tuple(self.name("a") for _ in carried)
        self.stack.append(Region(head))
        self.levels |= dict.fromkeys(values, self.depth)
        return Loop(head, "", 0, 0, 0, tuple(t for t, _ in carried), tuple(v for _, v in carried), values)

    def until(self, loop: Loop, condition: str, following: Sequence[str] = (), *, kept: Sequence[str] = ()) -> None:
        """Close a loop that ends when the condition holds; `kept` are values of its last round that are used behind
        it."""
        body = self.stack.pop()
        outer = self.stack[-1]
        after = self.name("X")[1:]
        outer.lines += [f"  br label %{loop.head}", f"{loop.head}:"]
        for value, kind, first, last in zip(loop.values, loop.types, loop.starts, following, strict=True):
            outer.lines.append(f"  {value} = phi {kind} [ {first}, %{outer.label} ], [ {last}, %{body.label} ]")
        outer.lines += body.lines
        outer.lines += [f"  br i1 {condition}, label %{after}, label %{loop.head}", f"{after}:"]
        outer.label = after
        self.levels |= dict.fromkeys(kept, self.depth)

    def branch(self, condition: str) -> tuple[str, str]:
        """Open a branch that runs only if the condition holds."""
        then = self.name("T")[1:]
        self.stack.append(Region(then))
        return condition, then

    def join(self, branch: tuple[str, str], *results: tuple[str, str, str]) -> list[str]:
        """Close a branch. `results` are types, values if it was taken, and values if not; gives those that hold."""
        condition, then = branch
        body = self.stack.pop()
        outer = self.stack[-1]
        after = self.name("J")[1:]
        before = outer.label
        outer.lines += [f"  br i1 {condition}, label %{then}, label %{after}", f"{then}:", *body.lines]
        outer.lines += [f"  br label %{after}", f"{after}:"]
        outer.label = after
        return [
            self.here(f"phi {kind} [ {{}}, %{body.label} ], [ {{}}, %{before} ]", taken, otherwise)
            for kind, taken, otherwise in results
        ]

    def text(self, result: str = "void") -> str:
        """The whole function, which gives this result."""
        assert len(self.stack) == 1
        return "\n".join([self.head, "entry:", *self.stack[0].lines, f"  ret {result}", "}", ""])
