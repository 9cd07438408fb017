"""Windows that move over the places of a sequence, an image or a volume: what convolution and pooling share.

Along one axis a window of size K, with its taps u a dilation d apart, moves in strides s over places that padding p has
moved to the right: at step i, tap u stands at `i·s + u·d − p`. A formula names only what is there: without padding and
with stride 1 that is `i + u`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.arrays import is_integer
from pellucid.errors import PellucidError, ShapeError, argument
from pellucid.messages import Message, gettext, suggestion

Sizes = int | Sequence[int]
"""One integer for all axes, or one for each."""
Pair = tuple[int, int]
Padding = str | int | Sequence[int] | Sequence[Sequence[int]]
""""valid" (none), "same", a number for all ends, or for each axis a number or a pair (low, high)."""


@dataclass(frozen=True)
class Letters:
    """What formulas call the axes of places, those of the steps that a window takes over them, and its taps."""

    places: str
    steps: str
    taps: str


LETTERS = {1: Letters("t", "t", "u"), 2: Letters("hw", "ij", "uv"), 3: Letters("dhw", "ijl", "uvr")}
PLACES = {1: gettext("sequence"), 2: gettext("image"), 3: gettext("volume")}
PADDED = {1: gettext("padded sequence"), 2: gettext("padded image"), 3: gettext("padded volume")}
SHAPES = {
    1: gettext("(steps, channels)"),
    2: gettext("(height, width, channels)"),
    3: gettext("(depth, height, width, channels)"),
}
"""What has so many axes of places, and the shape of an example of it."""
PAIRS = {
    1: "(low, high)",
    2: "((top, bottom), (left, right))",
    3: "((front, back), (top, bottom), (left, right))",
}


@dataclass(frozen=True)
class Window:
    """A window: along each axis its size, stride, padding (low, high) and dilation."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[Pair, ...]
    dilation: tuple[int, ...]

    @staticmethod
    def over(
        extents: Sequence[int],
        size: Sizes,
        *,
        stride: Sizes = 1,
        padding: Padding = "valid",
        dilation: Sizes = 1,
        what: str,
    ) -> Window:
        """The window for places of these extents.

        Raises:
            ShapeError: it is larger than the padded places.
            PellucidError: an option makes no sense.
        """
        rank = len(extents)
        sizes, strides, dilations = (
            sizes_of(size, rank, "the size"),
            sizes_of(stride, rank, "the stride"),
            sizes_of(dilation, rank, "the dilation"),
        )
        known = paddings_of(padding, rank, "the padding")
        if isinstance(known, str):
            spans = [(k - 1) * d + 1 for k, d in zip(sizes, dilations, strict=True)]
            steps = zip(extents, spans, strides, strict=True)
            known = tuple((0, 0) if known == "valid" else same(e, span, s) for e, span, s in steps)
        window = Window(sizes, strides, known, dilations)
        padded = tuple(e + low + high for e, (low, high) in zip(extents, known, strict=True))
        if any(span > e for span, e in zip(window.spans, padded, strict=True)):
            raise ShapeError(_too_large(window, what, rank, padded))
        return window

    @property
    def spans(self) -> tuple[int, ...]:
        """How many places the window covers along each axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    @property
    def padded(self) -> bool:
        return any(map(any, self.padding))

    def steps(self, extents: Sequence[int]) -> tuple[int, ...]:
        """How often the window fits."""
        axes = zip(extents, self.spans, self.stride, self.padding, strict=True)
        return tuple((e + low + high - span) // s + 1 for e, span, s, (low, high) in axes)

    @property
    def numbers(self) -> dict[str, int | Pair]:
        """What s, d and p in the formulas mean."""
        return {
            name: value
            for letter, values in self._letters
            for name, value in zip(_names(letter, values), values, strict=True)
        }

    @property
    def _letters(self) -> tuple[tuple[str, tuple[Any, ...]], ...]:
        """Stride, dilation and padding by their letters; d is the depth of a volume, whose dilation is δ."""
        dilation = "δ" if len(self.size) == 3 else "d"
        return ("s", self.stride), (dilation, self.dilation), ("p", self.padding)

    @property
    def sizes(self) -> dict[str, int]:
        """What K means, or K_h and K_w."""
        return dict(zip(_names("K", self.size), self.size, strict=True))

    def taps(self, letters: str) -> str:
        """The taps with their extents, `u<K,v<K`."""
        return ",".join(f"{u}<{k}" for u, k in zip(letters, _names("K", self.size), strict=True))

    def places(self, steps: str, taps: str) -> str:
        """The place of a tap, `i·s + u·d − p, j·s + v·d − p`."""
        indices = []
        for axis, (i, u) in enumerate(zip(steps, taps, strict=True)):
            s, d, p = self._factors(axis)
            indices.append(f"{i}{s} + {u}{d}{f' − {p}' if p else ''}")
        return ", ".join(indices)

    def inverse(self, places: str, taps: str) -> str:
        """The step at which a tap stands at a place, `(h + p − u·d)/s, (w + p − v·d)/s`."""
        indices = []
        for axis, (h, u) in enumerate(zip(places, taps, strict=True)):
            s, d, p = self._factors(axis)
            index = f"{h}{f' + {p}' if p else ''} − {u}{d}"
            indices.append(f"({index})/{s[1:]}" if s else index)
        return ", ".join(indices)

    def _factors(self, axis: int) -> tuple[str, str, str]:
        """`·s`, `·d` and `p`, each empty where it does nothing."""
        s, d, p = (_names(letter, values)[axis] for letter, values in self._letters)
        return (
            f"·{s}" if self.stride[axis] > 1 else "",
            f"·{d}" if self.dilation[axis] > 1 and self.size[axis] > 1 else "",
            p if any(self.padding[axis]) else "",
        )


def _too_large(window: Window, what: str, rank: int, padded: tuple[int, ...]) -> Message:
    """What to say of a window that does not fit into its padded places."""
    kind = {"kernel": gettext("kernel"), "window": gettext("window")}.get(what, what)
    area: Message = PADDED[rank] if window.padded else PLACES[rank]
    said = {"kind": kind, "size": window.size, "area": area, "padded": padded}
    if window.spans != window.size:
        sentence = gettext(
            "the {kind} {size}, which covers {spans} at dilation {dilation}, is larger than the {area} {padded}"
        ).filled(**said, spans=window.spans, dilation=window.dilation)
    else:
        sentence = gettext("the {kind} {size} is larger than the {area} {padded}").filled(**said)
    same = argument("padding", "same")
    if same is None:
        return gettext("{sentence}; take a smaller one", sentence=sentence)
    return gettext("{sentence}; take a smaller one or {same}", sentence=sentence, same=same)


def _names(letter: str, values: Sequence[object]) -> list[str]:
    """One letter where all axes agree, else one for each axis: s_h, s_w."""
    if len(set(values)) == 1:
        return [letter] * len(values)
    return [f"{letter}_{axis}" for axis in LETTERS[len(values)].places]


def same(extent: int, span: int, stride: int) -> Pair:
    """The padding with which a window gives ⌈extent/stride⌉ outputs; the end gets the odd one (as in TensorFlow)."""
    total = max((-(-extent // stride) - 1) * stride + span - extent, 0)
    return total // 2, total - total // 2


def sizes_of(value: Any, rank: int, what: object, *, minimum: int = 1) -> tuple[int, ...]:
    """One integer for each of `rank` axes, from one for all or one for each.

    Raises:
        PellucidError: it is neither.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
    if len(values) != rank or not all(is_integer(v, minimum=minimum) for v in values):
        if rank > 1:
            text = gettext("{what} is {value!r}, expected an integer from {minimum} or {rank} of them")
        else:
            text = gettext("{what} is {value!r}, expected an integer from {minimum}")
        raise PellucidError(text.filled(what=what, value=value, minimum=minimum, rank=rank))
    return tuple(int(v) for v in values)


def compact(values: tuple[int, ...]) -> Sizes:
    """One number where all axes agree."""
    return values[0] if len(set(values)) == 1 else values


def paddings_of(value: Any, rank: int, what: object) -> tuple[Pair, ...] | str:
    """A pair (low, high) for each of `rank` axes, or "valid" or "same", whose pairs depend on what is padded.

    A sequence has one axis: there, a pair of numbers is its (low, high). An image has two: a pair of numbers is the
    padding of its height and that of its width. A volume has three.

    Raises:
        PellucidError: it is neither a word, nor a number, nor as many as there are axes.
    """
    if isinstance(value, str):
        if value not in ("valid", "same"):
            raise PellucidError(
                gettext(
                    '{what} is "{value}", expected "valid", "same", a number or pairs.{hint}',
                    what=what,
                    value=value,
                    hint=suggestion(value, ("valid", "same")),
                )
            )
        return value
    values = list(value) if isinstance(value, (tuple, list)) else [value] * rank
    if rank == 1 and len(values) == 2 and all(is_integer(v) for v in values):
        values = [values]
    pairs = [tuple(v) if isinstance(v, (tuple, list)) else (v, v) for v in values]
    if len(pairs) != rank or not all(len(p) == 2 and all(is_integer(v) for v in p) for p in pairs):
        raise PellucidError(
            gettext(
                '{what} is {value!r}, expected "valid", "same", an integer from 0 or pairs such as {pairs}',
                what=what,
                value=value,
                pairs=PAIRS[rank],
            )
        )
    return tuple((int(low), int(high)) for low, high in pairs)
