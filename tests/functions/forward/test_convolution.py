"""Convolution and its transpose: by hand, against JAX, PyTorch and central differences; how gradients print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.engines.naive import check_gradients
from tests.functions.support import Array, Arrays, evaluate, tensors, with_gradients

from pellucid.errors import ShapeError
from pellucid.formula import BATCH, Tensor, derivative, unicode
from pellucid.functions.forward.convolution import conv_transpose, convolve
from pellucid.functions.forward.sliding_window import paddings_of, same

LAYOUTS = {1: ("NWC", "WIO", "NWC"), 2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}


@dataclass(frozen=True)
class Convolution:
    """One configuration; `channels` and `filters` are those of a group."""

    batch: int
    extents: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Any
    dilation: tuple[int, ...] = (1, 1, 1)
    channels: int = 2
    filters: int = 3
    groups: int = 1
    bias: bool = True

    @property
    def rank(self) -> int:
        return len(self.extents)

    @property
    def options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation[: self.rank]}

    def spans(self) -> list[int]:
        return [(k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=False)]

    def pads(self) -> list[tuple[int, int]]:
        """The padding in numbers."""
        known = paddings_of(self.padding, self.rank, "padding")
        if isinstance(known, tuple):
            return list(known)
        axes = zip(self.extents, self.spans(), self.stride, strict=True)
        return [same(e, span, s) if known == "same" else (0, 0) for e, span, s in axes]

    def draw(self, seed: int) -> Arrays:
        rng = np.random.default_rng(seed)
        c, f = self.channels, self.filters * self.groups
        arrays = {
            "x": rng.normal(size=(self.batch, *self.extents, c * self.groups)),
            "k": rng.normal(size=(*self.size, c, f)),
        }
        return arrays | ({"b": rng.normal(size=f)} if self.bias else {})

    def formula(self, x: Tensor, k: Tensor, b: Tensor | None = None) -> Tensor:
        return convolve(x, k, b, groups=self.groups, **self.options)

    def reference(self, jax: Any, x: Any, k: Any, b: Any = 0.0) -> Any:
        y = jax.lax.conv_general_dilated(
            x,
            k,
            self.stride,
            self.pads(),
            rhs_dilation=self.dilation[: self.rank],
            dimension_numbers=LAYOUTS[self.rank],
            feature_group_count=self.groups,
        )
        return y + b


@st.composite
def convolutions(draw: st.DrawFn, *, rank: int, groups: bool = True) -> Convolution:
    def each(low: int, high: int) -> tuple[int, ...]:
        return draw(st.tuples(*[st.integers(low, high)] * rank))

    size, dilation = each(1, 3), each(1, 2)
    spans = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    extents = tuple(span + more for span, more in zip(spans, each(0, 5), strict=True))
    pair = st.tuples(st.integers(0, 2), st.integers(0, 2))
    padding = draw(st.one_of(st.sampled_from(["valid", "same"]), st.integers(0, 2), st.tuples(*[pair] * rank)))
    return Convolution(
        draw(st.integers(1, 3)),
        extents,
        size,
        each(1, 3),
        padding,
        dilation,
        draw(st.integers(1, 2)),
        draw(st.integers(1, 3)),
        draw(st.integers(1, 3)) if groups else 1,
        draw(st.booleans()),
    )


def agree(formula: Any, reference: Any, arrays: Arrays, seed: int) -> None:
    """Value and gradients, in float32, are those of a JAX function."""
    jax = pytest.importorskip("jax")
    arrays = {name: a.astype(np.float32) for name, a in arrays.items()}
    expected, pull = jax.vjp(lambda given: reference(jax, **given), arrays)
    upstream = np.random.default_rng(seed).normal(size=expected.shape).astype(np.float32)
    value, gradients = with_gradients(formula, arrays, upstream, batched=("x",), dtype=np.float32)
    np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)
    for name, gradient in pull(upstream)[0].items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-4, atol=1e-4, err_msg=name)


def one(formula: Any, arrays: Arrays) -> Array:
    return evaluate({"y": formula(**tensors(arrays, batched=("x",)))}, arrays)["y"]


# By hand


def test_an_example_worked_by_hand() -> None:
    x = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 1.0, 1.0]])[None, :, :, None]
    k = np.array([[1.0, -1.0], [0.0, 2.0]])[:, :, None, None]
    found = one(convolve, {"x": x, "k": k, "b": np.array([0.5])})
    # y[0,0] = 0.5 + 1·1 − 1·2 + 0·0 + 2·1 = 1.5      y[0,1] = 0.5 + 1·2 − 1·0 + 0·1 + 2·3 = 8.5
    # y[1,0] = 0.5 + 1·0 − 1·1 + 0·2 + 2·1 = 1.5      y[1,1] = 0.5 + 1·1 − 1·3 + 0·1 + 2·1 = 0.5
    np.testing.assert_array_equal(found[0, :, :, 0], [[1.5, 8.5], [1.5, 0.5]])


def test_same_padding_stands_at_the_end() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0])[None, :, None]
    k = np.array([1.0, 10.0, 100.0])[:, None, None]
    # stride 2 gives ⌈4/2⌉ = 2 steps; they cover (2 − 1)·2 + 3 = 5 places, so one zero is added, at the end:
    # 1 + 10·2 + 100·3 = 321, and 3 + 10·4 + 100·0 = 43
    found = one(lambda x, k: convolve(x, k, stride=2, padding="same"), {"x": x, "k": k})
    np.testing.assert_array_equal(found[0, :, 0], [321.0, 43.0])


def test_a_transpose_worked_by_hand() -> None:
    x, k = np.array([1.0, 2.0])[None, :, None], np.array([1.0, 10.0, 100.0])[:, None, None]
    # every place of x adds its kernel, two places further on: 1 10 100, and 0 0 2 20 200
    found = one(lambda x, k: conv_transpose(x, k, stride=2), {"x": x, "k": k})
    np.testing.assert_array_equal(found[0, :, 0], [1.0, 10.0, 102.0, 20.0, 200.0])
    # "same" is 2·2 = 4 long: the last place goes
    found = one(lambda x, k: conv_transpose(x, k, stride=2, padding="same"), {"x": x, "k": k})
    np.testing.assert_array_equal(found[0, :, 0], [1.0, 10.0, 102.0, 20.0])


def test_depthwise_by_hand() -> None:
    x = np.arange(6.0).reshape(1, 3, 2)  # channel 0 is 0 2 4, channel 1 is 1 3 5
    k = np.array([[[1.0, 10.0]], [[2.0, 0.0]]])  # (u, channels/groups, filters)
    # 0 + 2·2, 2 + 2·4; 10·1 + 0·3, 10·3 + 0·5
    found = one(lambda x, k: convolve(x, k, groups=2), {"x": x, "k": k})
    np.testing.assert_array_equal(found[0], [[4.0, 10.0], [10.0, 30.0]])


# Against others


@settings(max_examples=6, deadline=None, derandomize=True)
@given(convolutions(rank=1), st.integers(0, 999))
def test_conv1d_agrees_with_jax(c: Convolution, seed: int) -> None:
    agree(c.formula, c.reference, c.draw(seed), seed)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(convolutions(rank=2), st.integers(0, 999))
def test_conv2d_agrees_with_jax(c: Convolution, seed: int) -> None:
    agree(c.formula, c.reference, c.draw(seed), seed)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(convolutions(rank=3), st.integers(0, 999))
def test_conv3d_agrees_with_jax(c: Convolution, seed: int) -> None:
    agree(c.formula, c.reference, c.draw(seed), seed)


def test_sizes_that_fill_no_vector() -> None:
    c = Convolution(1, (19, 17), (5, 3), (2, 1), "same", channels=3, filters=19)
    agree(c.formula, c.reference, c.draw(0), 0)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.sampled_from([1, 2, 3]).flatmap(lambda rank: convolutions(rank=rank, groups=False)), st.integers(0, 999))
def test_the_transpose_is_what_convolution_does_to_a_gradient(c: Convolution, seed: int) -> None:
    """Against JAX's vjp of the convolution that takes the transpose's output to its input."""
    rng = np.random.default_rng(seed)
    spans = c.spans()
    # else the output is longer than any convolution's input: see the sizes below
    assume(c.padding != "valid" or all(s <= span for s, span in zip(c.stride, spans, strict=True)))
    pads = c.pads() if isinstance(c.padding, (int, tuple)) else [(0, 0)] * c.rank
    if c.padding == "same":
        pads = [(max(span - s, 0) // 2, -(-max(span - s, 0) // 2)) for span, s in zip(spans, c.stride, strict=True)]
    full = [(e - 1) * s + span - sum(p) for e, s, span, p in zip(c.extents, c.stride, spans, pads, strict=True)]
    if c.padding == "same":
        full = [e * s for e, s in zip(c.extents, c.stride, strict=True)]
    assume(min(full) > 0)
    arrays = {
        "x": rng.normal(size=(c.batch, *c.extents, c.filters)),
        "k": rng.normal(size=(*c.size, c.channels, c.filters)),
        "b": rng.normal(size=c.channels),
    }
    shape = (c.batch, *full, c.channels)

    def reference(jax: Any, x: Any, k: Any, b: Any) -> Any:
        def forward(y: Any) -> Any:
            return jax.lax.conv_general_dilated(
                y, k, c.stride, pads, rhs_dilation=c.dilation[: c.rank], dimension_numbers=LAYOUTS[c.rank]
            )

        return jax.vjp(forward, jax.numpy.zeros(shape, jax.numpy.float32))[1](x)[0] + b

    def formula(x: Tensor, k: Tensor, b: Tensor) -> Tensor:
        return conv_transpose(x, k, b, **c.options)

    agree(formula, reference, arrays, seed)


@pytest.mark.parametrize(
    ("extent", "size", "stride", "padding", "expected"),
    [
        (4, 3, 2, "valid", 9),  # Keras: (4 − 1)·2 + max(3, 2)
        (4, 2, 3, "valid", 12),  # (4 − 1)·3 + max(2, 3)
        (4, 3, 2, "same", 8),
        (4, 3, 2, 1, 7),  # PyTorch: (4 − 1)·2 − 2·1 + 3
        (4, 3, 2, (1, 0), 8),
    ],
)
def test_sizes_of_the_transpose(extent: int, size: int, stride: int, padding: Any, expected: int) -> None:
    x, k = Tensor.input("x", n=BATCH, t=extent, c=2), Tensor.input("k", u=size, f=1, c=2)
    assert conv_transpose(x, k, stride=stride, padding=padding).shape == (BATCH, expected, 1)


def test_torch_says_the_same() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    c = Convolution(2, (9, 8), (3, 2), (2, 1), (1, 2), (2, 1), channels=2, filters=3, groups=2)
    arrays = c.draw(4)
    image, kernel = (torch.tensor(arrays["x"]).permute(0, 3, 1, 2), torch.tensor(arrays["k"]).permute(3, 2, 0, 1))
    found = torch.nn.functional.conv2d(image, kernel, torch.tensor(arrays["b"]), (2, 1), (1, 2), (2, 1), 2)
    np.testing.assert_allclose(one(c.formula, arrays), found.permute(0, 2, 3, 1), rtol=1e-12, atol=1e-12)
    arrays = {"x": rng.normal(size=(2, 4, 5, 3)), "k": rng.normal(size=(3, 3, 2, 3)), "b": rng.normal(size=2)}
    image, kernel = (torch.tensor(arrays["x"]).permute(0, 3, 1, 2), torch.tensor(arrays["k"]).permute(3, 2, 0, 1))
    found = torch.nn.functional.conv_transpose2d(image, kernel, torch.tensor(arrays["b"]), 2, 1)
    mine = one(lambda x, k, b: conv_transpose(x, k, b, stride=2, padding=1), arrays)
    np.testing.assert_allclose(mine, found.permute(0, 2, 3, 1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "c",
    [
        Convolution(2, (5,), (3,), (1,), "valid", (1,)),
        Convolution(1, (7,), (2,), (3,), (2, 1), (2,), groups=2),
        Convolution(2, (4, 5), (3, 2), (2, 1), "same", (1, 2), channels=1),
        Convolution(1, (5, 4), (2, 2), (1, 3), ((0, 1), (2, 0)), channels=2, filters=1, groups=2, bias=False),
        Convolution(1, (3, 3), (2, 2), (1, 1), "valid", channels=1, filters=1, groups=3),
        Convolution(2, (3, 4, 3), (2, 3, 1), (1, 2, 1), "same", (2, 1, 1), channels=1),
        Convolution(1, (3, 2, 4), (2, 2, 2), (1, 1, 3), ((0, 1), (1, 0), (0, 0)), channels=1, filters=1, groups=2),
    ],
)
def test_derivatives_agree_with_central_differences(c: Convolution) -> None:
    given_ = tensors(c.draw(0), batched=("x",))
    check_gradients(c.formula(**given_), list(given_.values()), batch=c.batch, naive=c.rank == 1)


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 2},
        {"stride": 3, "padding": "same"},
        {"padding": (1, 2), "dilation": 2},
        {"stride": (2, 1), "padding": "same"},
    ],
)
def test_stated_derivatives_of_the_transpose_agree_with_central_differences(options: dict[str, Any]) -> None:
    x, k, b = Tensor.input("x", n=BATCH, h=3, w=2, c=2), Tensor.input("k", u=2, v=3, f=2, c=2), Tensor.input("b", f=2)
    check_gradients(conv_transpose(x, k, b, **options), [x, k, b], batch=2, naive=False)
    x, k = Tensor.input("x", n=BATCH, t=4, c=2), Tensor.input("k", u=3, f=1, c=2)
    small = {name: v if isinstance(v, (int, str)) or name == "padding" else v[0] for name, v in options.items()}
    check_gradients(conv_transpose(x, k, **small), [x, k], batch=1)


# How it reads


def texts(y: Tensor, *wrt: Tensor) -> list[str]:
    upstream = Tensor("dy", tuple(a.fresh() for a in y.axes))
    found = [y, *derivative(y, wrt, upstream=upstream).values()]
    return [unicode(t.definition) for t in found if t.definition is not None]


def test_gradients_read_like_the_textbook() -> None:
    x, k, b = Tensor.input("x", n=BATCH, h=9, w=9, c=2), Tensor.input("k", u=3, v=3, c=2, f=4), Tensor.input("b", f=4)
    assert texts(convolve(x, k, b), x, k, b) == [
        "y[n,i,j,f] = b[f] + Σ_uvc x[n, i + u, j + v, c]·k[u,v,c,f]",
        "dx[n,h,w,c] = Σ_uvf dy[n, h − u, w − v, f | 0]·k[u,v,c,f]",
        "dk[u,v,c,f] = Σ_nij x[n, i + u, j + v, c]·dy[n,i,j,f]",
        "db[f] = Σ_nij dy[n,i,j,f]",
    ]
    assert texts(convolve(x, k, b, stride=2, padding=1, dilation=2), x, k) == [
        "y[n,i,j,f] = b[f] + Σ_uvc x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·k[u,v,c,f]",
        "dx[n,h,w,c] = Σ_uvf dy[n, (h + p − u·d)/s, (w + p − v·d)/s, f | 0]·k[u,v,c,f]",
        "dk[u,v,c,f] = Σ_nij x[n, i·s + u·d − p, j·s + v·d − p, c | 0]·dy[n,i,j,f]",
    ]


def test_the_gradients_of_a_volume_read_like_those_of_an_image() -> None:
    x = Tensor.input("x", n=BATCH, d=9, h=9, w=9, c=2)
    k = Tensor.input("k", u=3, v=3, r=3, c=2, f=4)
    assert texts(convolve(x, k, stride=(2, 1, 1), dilation=2), x, k) == [
        "y[n,i,j,l,f] = Σ_uvrc x[n, i·s_d + u·δ, j + v·δ, l + r·δ, c]·k[u,v,r,c,f]",
        "dx[n,d,h,w,c] = Σ_uvrf dy[n, (d − u·δ)/s_d, h − v·δ, w − r·δ, f | 0]·k[u,v,r,c,f]",
        "dk[u,v,r,c,f] = Σ_nijl x[n, i·s_d + u·δ, j + v·δ, l + r·δ, c]·dy[n,i,j,l,f]",
    ]
    z = Tensor.input("x", n=BATCH, i=4, j=4, l=4, c=2)
    transposed = Tensor.input("k", u=3, v=3, r=3, f=4, c=2)
    assert texts(conv_transpose(z, transposed, dilation=(2, 1, 1)))[0] == (
        "y[n,d,h,w,f] = Σ_uvrc x[n, d − u·δ_d, h − v, w − r, c | 0]·k[u,v,r,f,c]"
    )


def test_the_transpose_reads_like_a_gradient_and_its_gradient_like_a_convolution() -> None:
    x, k = Tensor.input("x", n=BATCH, i=4, c=2), Tensor.input("k", u=3, f=4, c=2)
    assert texts(conv_transpose(x, k, stride=2, padding=1), x, k) == [
        "y[n,t,f] = Σ_uc x[n, (t + p − u)/s, c | 0]·k[u,f,c]",
        "dx[n,i,c] = Σ_uf dy[n, i·s + u − p, f | 0]·k[u,f,c]",
        "dk[u,f,c] = Σ_ni x[n,i,c]·dy[n, i·s + u − p, f | 0]",
    ]


def test_strides_that_differ_have_names_of_their_own() -> None:
    x, k = Tensor.input("x", n=BATCH, h=9, w=9, c=2), Tensor.input("k", u=3, v=3, c=2, f=4)
    y = convolve(x, k, stride=(2, 3), padding=((0, 1), (0, 0)))
    assert texts(y) == ["y[n,i,j,f] = Σ_uvc x[n, i·s_h + u − p_h, j·s_w + v, c | 0]·k[u,v,c,f]"]


# What cannot be


@pytest.mark.parametrize(
    ("x", "k", "options", "words"),
    [
        (
            (5, 5, 1),
            (7, 7, 1, 2),
            {},
            r"the kernel \(7, 7\) is larger than the image \(5, 5\); take a smaller one or padding=\"same\"",
        ),
        ((3, 3, 1), (7, 7, 1, 2), {"padding": 1}, r"the kernel \(7, 7\) is larger than the padded image \(5, 5\)"),
        ((5, 5, 1), (3, 3, 1, 2), {"dilation": 3}, r"\(3, 3\), which covers \(7, 7\) at dilation \(3, 3\), is larger"),
        ((5, 5, 4), (3, 3, 1, 3), {"groups": 3}, "3 groups do not divide the 4 channels"),
        ((5, 5, 4), (3, 3, 2, 3), {"groups": 2}, "2 groups do not divide the 3 filters"),
        ((5, 5, 4), (3, 3, 3, 2), {}, "the kernel takes 3 channels, got 4"),
        ((5, 4), (3, 3, 3, 2), {}, "takes a sequence, an image or a volume of 3, 4 or 5 axes, and a kernel of as many"),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(
    x: tuple[int, ...], k: tuple[int, ...], options: dict[str, Any], words: str
) -> None:
    image = Tensor.input("x", {"n": BATCH, **dict(zip("hwc", x, strict=False))})
    kernel = Tensor.input("k", dict(zip("uvcf", k, strict=True)))
    with pytest.raises(ShapeError, match=words) as caught:
        convolve(image, kernel, **options)
    assert "\n" not in str(caught.value)


def test_a_padding_that_takes_all_is_refused() -> None:
    x, k = Tensor.input("x", n=BATCH, t=2, c=2), Tensor.input("k", u=3, f=4, c=2)
    with pytest.raises(ShapeError, match="leaves nothing"):
        conv_transpose(x, k, padding=2)
