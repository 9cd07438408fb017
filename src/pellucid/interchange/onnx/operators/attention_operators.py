"""Attention of several heads, whose keys and values groups of queries may share; rotary positions."""

from __future__ import annotations

import math

from pellucid.errors import ShapeError
from pellucid.interchange.onnx.operators.base import BOOL, Node, Text, Value, number, operator, size_of
from pellucid.interchange.onnx.operators.lookup_operators import as_index
from pellucid.interchange.onnx.operators.parts import joined, sliced
from pellucid.interchange.onnx.operators.shape_operators import reshaped


@operator("Attention")
def _attention(node: Node) -> list[Value]:
    """softmax(Q·Kᵀ·scale + mask)·V for each head; a row that may look nowhere gives 0."""
    query, key, value = (node.input(place) for place in range(3))
    flat = query.rank == 3
    heads = int(node.attr("q_num_heads") or (size_of(query.shape[1]) if not flat else 0))
    groups = int(node.attr("kv_num_heads") or (size_of(key.shape[1]) if not flat else 0))
    if heads < 1 or groups < 1 or heads % groups:
        raise ShapeError(f"Attention has {heads} heads of queries and {groups} of keys")
    keys, values = _heads(key, groups), _heads(value, groups)
    if (past := node.optional(4)) is not None:
        keys = joined([past, keys], 2)
    if (past_value := node.optional(5)) is not None:
        values = joined([past_value, values], 2)
    shared = heads // groups
    split = _grouped(query, groups, shared)
    n_, _, _, steps, size = split.shape
    asked = size_of(keys.shape[2])
    scale = float(node.attr("scale") or 1 / math.sqrt(size_of(size)))
    text = Text()
    n, g, r, t, d = text.axes(split.shape)
    s = text.axis(asked)
    at = [n, g, r, t, s]
    product = f"{text.read(split, [n, g, r, t, d], 'Q')}·{text.read(keys, [n, g, s, d], 'K')}"
    text.line("z", at, f"(Σ[{d}] {product})·{number(scale)}")
    shown = z = text.head("z", at)
    mode = int(node.attr("qk_matmul_output_mode", 0))
    if cap := float(node.attr("softcap") or 0):
        text.line("zcap", at, f"{number(cap)}·tanh({z}/{number(cap)})")
        z = text.head("zcap", at)
        shown = z if mode == 1 else shown
    allowed, total = _allowed(text, node, at, steps, asked, past, shared), z
    if (mask := node.optional(3)) is not None:
        there = _mask(text, mask, at, shared, asked)
        if mask.dtype == BOOL:
            allowed.append(f"0 < {there}")
        else:
            total = f"{z} + {there}"
    text.line("zmasked", at, f"where({' and '.join(allowed)}, {total}, −inf)" if allowed else total)
    masked = text.head("zmasked", at)
    row = at[:-1]
    text.line("zmax", row, f"stop(max[{s}] {masked})")
    most = text.head("zmax", row)
    text.line("e", at, f"where(−inf < {most}, exp({masked} − {most}), 0)")
    e = text.head("e", at)
    text.line("a", at, f"{e}/max(Σ[{s}] {e}, 1e-30)")
    a = text.head("a", at)
    v = text.axis(values.shape[-1])
    text.line("y", [n, g, r, t, v], f"Σ[{s}] {a}·{text.read(values, [n, g, s, v], 'V')}")
    text.line("shown", at, {2: masked, 3: a}.get(mode, shown))
    made, scores = text.values({"y": ([n, g, r, t, v], query.dtype), "shown": (at, query.dtype)})
    wide = values.shape[-1]
    if flat:
        text = Text()
        letters = text.axes(made.shape)
        n, g, r, t, v = letters
        ordered = text.result([n, t, g, r, v], text.read(made, letters), query.dtype)
        made = reshaped(ordered, [n_, steps, heads * size_of(wide)])
    else:
        made = reshaped(made, [n_, heads, steps, wide])
    return [made, keys, values, reshaped(scores, [n_, heads, steps, asked])]


def _heads(x: Value, heads: int) -> Value:
    """Keys or values as (n, heads, steps, size)."""
    if x.rank == 4:
        return x
    parts = reshaped(x, [x.shape[0], x.shape[1], heads, size_of(x.shape[2]) // heads])
    text = Text()
    n, t, h, d = text.axes(parts.shape)
    return text.result([n, h, t, d], text.read(parts, [n, t, h, d]), x.dtype)


def _grouped(query: Value, groups: int, shared: int) -> Value:
    """Queries as (n, groups, heads of a group, steps, size)."""
    if query.rank == 4:
        examples, _, steps, size = query.shape
        return reshaped(query, [examples, groups, shared, steps, size])
    examples, steps, width = query.shape
    parts = reshaped(query, [examples, steps, groups, shared, size_of(width) // (groups * shared)])
    text = Text()
    n, t, g, r, d = text.axes(parts.shape)
    return text.result([n, g, r, t, d], text.read(parts, [n, t, g, r, d]), query.dtype)


def _allowed(
    text: Text, node: Node, at: list[str], steps: object, asked: int, past: Value | None, shared: int
) -> list[str]:
    """Where a step may look: not ahead, inside a window, not at padding."""
    n, _, _, t, s = at
    conditions = []
    offset = ""
    lengths = node.optional(6)
    if past is not None:
        offset = f" + {size_of(past.shape[2])}"
    elif lengths is not None:
        offset = f" + {text.read(lengths, [n], 'l')} − {steps}"
    if node.attr("is_causal"):
        conditions.append(f"{s} ≤ {t}{offset}")
    left, right = int(node.attr("left_window_size", -1)), int(node.attr("right_window_size", -1))
    if left >= 0:
        conditions.append(f"{t}{offset} ≤ {s} + {left}")
    if right >= 0:
        conditions.append(f"{s} ≤ {t}{offset} + {right}")
    if lengths is not None:
        conditions.append(f"{s} < {text.read(lengths, [n], 'l')}")
    return conditions


def _mask(text: Text, mask: Value, at: list[str], shared: int, asked: int) -> str:
    """A mask (…, t, s) whose axes of 1 stand for all; where it ends before the keys do, nobody looks."""
    n, g, r, t, s = at
    head = f"{g}·{shared} + {r}" if shared > 1 else g
    letters = [n, head, t, s][4 - mask.rank :]
    sizes = [None, None, None, asked][4 - mask.rank :]
    indices = ["0" if e == 1 and asked_ != 1 else a for a, e, asked_ in zip(letters, mask.shape, sizes, strict=True)]
    short = mask.shape[-1] != asked
    return text.read(mask, indices, "m", outside=("0" if mask.dtype == BOOL else "−inf") if short else None)


@operator("RotaryEmbedding")
def _rotary(node: Node) -> Value:
    """Pairs of features are turned by an angle that grows with the step."""
    x, cos, sin = node.input(0), node.input(1), node.input(2)
    flat = x.rank == 3
    given = _heads(x, int(node.attr("num_heads") or 0)) if flat else x
    n_, h_, t_, size = given.shape
    turned = int(node.attr("rotary_embedding_dim") or size_of(size))
    half = turned // 2
    if turned > size_of(size) or turned % 2:
        raise ShapeError(f"RotaryEmbedding turns {turned} of {size} features")
    places = node.optional(3)

    def angle(text: Text, cache: Value, n: str, t: str, k: str, name: str) -> str:
        if places is None:
            return text.read(cache, [n, t, k], name)
        return text.read(cache, [text.read(as_index(places, size_of(cache.shape[0])), [n, t], "at"), k], name)

    parts = []
    for part in range(2):
        text = Text()
        letters = text.axes([n_, h_, t_, half])
        n, h, t, k = letters
        text.bindings["first"] = 0  # by name: an index that is an axis alone reads all of it
        first, second = (f"2·{k}", f"2·{k} + 1") if node.attr("interleaved") else (f"{k} + first", f"{k} + {half}")
        one, two = text.read(given, [n, h, t, first]), text.read(given, [n, h, t, second])
        c, s = angle(text, cos, n, t, k, "c"), angle(text, sin, n, t, k, "s")
        parts.append(text.result(letters, f"{c}·{one} − {s}·{two}" if part == 0 else f"{s}·{one} + {c}·{two}", x.dtype))
    if node.attr("interleaved"):
        pairs = joined([reshaped(p, [n_, h_, t_, half, 1]) for p in parts], 4)
        result = reshaped(pairs, [n_, h_, t_, turned])
    else:
        result = joined(parts, 3)
    if turned < size_of(size):
        result = joined([result, sliced(given, {3: (turned, 1, size_of(size) - turned)})], 3)
    if not flat:
        return result
    text = Text()
    letters = text.axes(result.shape)
    n, h, t, d = letters
    return reshaped(text.result([n, t, h, d], text.read(result, letters), x.dtype), x.shape)
