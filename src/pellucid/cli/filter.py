"""``pellucid filter``: a kernel, or the window of a pooling, slides over an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from pellucid.functions.forward.convolution import convolve
from pellucid.functions.forward.sliding_window import Window

from ..data.images import SAMPLES, SUFFIXES, read_image, sample_image, write_image
from ..data.kernels import KERNELS, MAX_SIZE, kernel
from ..engines import DEFAULT, compile_program
from ..errors import DataError
from ..files import replacing
from ..formula import Program, Tensor, unicode
from . import grouped, options
from .output import check_writable, table
from .pooled import KEEPS, POOLS, pooled, show_window
from .reporting import Report, reporting, with_force

TERMS = 25
ROWS = 7

GROUPS = {
    "The kernel": ("text", "flip", "sigma"),
    "Instead of a kernel": ("pool",),
    "How it slides": ("size", "stride", "padding", "grey"),
    "What is shown": ("values", "pixel"),
}
EPILOG = """\b
Examples:
  pellucid filter                                     a photograph that is at hand, its edges
  pellucid filter cat.jpg --kernel gaussian --sigma 3 --output soft.png
  pellucid filter cat.jpg --kernel "1 0 -1; 2 0 -2; 1 0 -1" --correlate
  pellucid filter flower --kernel emboss --grey
  pellucid filter flower --pool min --size 4          pooling: max, min or average
"""


def _padding(ctx: click.Context, param: click.Parameter, value: str | None) -> str | int | None:
    if value is None or value in ("same", "valid"):
        return value
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f'expected same, valid or a number of pixels, got "{value}".', ctx, param) from None


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("image", default="china")
@click.option(
    "--kernel",
    "text",
    metavar="NAME|ROWS",
    help=f'One of {", ".join(KERNELS)}, or rows of numbers such as "1 0 -1; 2 0 -2; 1 0 -1".  [default: sobel-x]',
)
@click.option(
    "--pool", type=click.Choice(list(POOLS)), help="Keep one number of each window: its largest, smallest or mean."
)
@click.option(
    "--convolve/--correlate",
    "flip",
    default=True,
    help="Rotate the kernel by 180° before it slides (convolution, as in mathematics), or use it as it is written"
    " (cross-correlation, as layers of networks do).  [default: convolve]",
)
@click.option(
    "--size",
    type=options.IntRange(1, MAX_SIZE),
    help="Rows of box and gaussian, odd, or of --pool's window.  [default: 5; of --pool, 2]",
)
@click.option("--sigma", type=options.FloatRange(min=0, min_open=True), help="The width of gaussian in pixels.")
@click.option(
    "--stride",
    type=options.IntRange(min=1),
    help="Pixels from one place to the next.  [default: 1; of --pool, its size]",
)
@click.option(
    "--padding",
    callback=_padding,
    help="Zeros around: same, valid (none), or how many; --pool leaves them out.  [default: same; of --pool, valid]",
)
@click.option("--grey", is_flag=True, help="Convert the image to grey first.")
@click.option(
    "--values",
    type=click.Choice(["auto", "clip", "size"]),
    default="auto",
    show_default=True,
    help="How results outside 0..1 become an image: cut off (clip), or as their size |y|, the largest white (size);"
    " auto takes size for kernels that sum to 0.",
)
@click.option("--pixel", metavar="ROW,COLUMN", help="The pixel whose arithmetic is shown.  [default: in the middle]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("filtered.png"),
    show_default=True,
    help="The image to write.",
)
@with_force
@reporting()
def command(
    image: str,
    text: str | None,
    pool: str | None,
    flip: bool,
    size: int | None,
    sigma: float | None,
    stride: int | None,
    padding: str | int | None,
    grey: bool,
    values: str,
    pixel: str | None,
    output: Path,
    report: Report,
) -> None:
    """Every pixel becomes a weighted sum of the pixels around it; the weights are the kernel. It is computed by the
    same formula as a layer Conv2D, for each colour channel separately. IMAGE is a file, or one of scikit-learn's
    photographs, china and flower. One pixel of the result is shown term by term.

    With --pool it is a layer of pooling instead: the image shrinks, and each pixel is the largest, the smallest or the
    mean of a window.
    """
    check_writable(output, sources=[image])
    if output.suffix.lower() not in SUFFIXES:
        raise DataError(f'"{output}" is not the name of an image, expected one that ends in .png or .jpg.')
    if pool is not None and (text is not None or sigma is not None or not flip):
        raise DataError("--pool takes no kernel: leave --kernel, --sigma and --correlate out.")
    x = sample_image(image) if image in SAMPLES and not Path(image).exists() else read_image(image)
    if grey:
        x = x.mean(axis=2, keepdims=True)
    if pool is not None:
        report |= _pool(image, x, pool, size or 2, stride, padding or "valid", pixel, output)
        return
    stride, padding = stride or 1, "same" if padding is None else padding
    k = kernel(text or "sobel-x", size=size, sigma=sigma)
    slid = k[::-1, ::-1] if flip else k
    y, formula = filtered(x, slid, stride=stride, padding=padding)
    place = _place(pixel, y.shape)
    visible, remark = _visible(y, "size" if values == "auto" and abs(k.sum()) < 1e-9 else values)
    with replacing(output) as beside:
        write_image(beside, visible)

    click.echo(f"{image}: {_extents(x)} → {_extents(y)}")
    click.echo(f"\n{_words(flip, k)}\n")
    _show(slid)
    click.echo(formula)
    report |= {"image": output, "shape": y.shape, "kernel": slid, "formula": formula, "min": y.min(), "max": y.max()}
    report["pixel"] = _arithmetic(x, slid, y, place, stride, padding)
    click.echo(f"{remark}wrote {output}")


def _pool(
    image: str,
    x: NDArray[np.float32],
    pool: str,
    size: int,
    stride: int | None,
    padding: str | int,
    pixel: str | None,
    output: Path,
) -> Report:
    """Pool the image, write it, and show one pixel."""
    sliding: dict[str, Any] = {"size": size, "stride": stride or size, "padding": padding}
    y, formula = pooled(x, pool, **sliding)
    place = _place(pixel, y.shape)
    with replacing(output) as beside:
        write_image(beside, y)
    click.echo(f"{image}: {_extents(x)} → {_extents(y)}")
    click.echo(f"\nPooling keeps {KEEPS[pool]}\n")
    click.echo(formula)
    found = show_window(x, y, pool, place, **sliding)
    click.echo(f"wrote {output}")
    return {"image": output, "shape": y.shape, "formula": formula, "pixel": found}


def filtered(
    x: NDArray[np.float32], k: NDArray[np.float64], *, stride: int = 1, padding: str | int = "same"
) -> tuple[NDArray[np.float32], str]:
    """The image (h, w, c) after the kernel (u, v) slid over each colour, and the formula of that as text."""
    images = Tensor.input("x", n=x.shape[2], h=x.shape[0], w=x.shape[1], c=1)  # colours stand where a batch would
    weights = Tensor.input("k", u=k.shape[0], v=k.shape[1], c=1, f=1)
    result = convolve(images, weights, stride=stride, padding=padding)
    run = compile_program(Program({"y": result}), engine=DEFAULT, dtype=np.float32)
    inputs = {"x": np.ascontiguousarray(x.transpose(2, 0, 1)[..., None]), "k": k[:, :, None, None].astype(np.float32)}
    assert result.definition is not None
    return run(inputs)["y"][..., 0].transpose(1, 2, 0), unicode(result.definition)


def _words(flip: bool, k: NDArray[np.float64]) -> str:
    if np.array_equal(k, k[::-1, ::-1]):
        return "This kernel is the same when rotated by 180°: convolution and cross-correlation give the same result."
    if flip:
        return (
            "Convolution: the kernel is rotated by 180° before it slides (--correlate uses it as it is, as layers of"
            " networks do)."
        )
    return "Cross-correlation: the kernel slides as it is written, as layers of networks do (--convolve rotates it)."


def _show(k: NDArray[np.float64]) -> None:
    """The kernel as a table; of a large one the middle."""
    (u, v), (height, width) = ((max(0, (n - ROWS) // 2) for n in k.shape), (min(n, ROWS) for n in k.shape))
    part = k[u : u + height, v : v + width]
    of = "" if part.shape == k.shape else f" (the middle {height} × {width} of {k.shape[0]} × {k.shape[1]})"
    click.echo(f"The kernel, as it slides{of}:")
    table(
        ["", *(f"v={v + column}" for column in range(width))],
        [[f"u={u + row}", *(f"{c:.4g}" for c in numbers)] for row, numbers in enumerate(part)],
    )


def _place(pixel: str | None, shape: tuple[int, ...]) -> tuple[int, int]:
    if pixel is None:
        return shape[0] // 2, shape[1] // 2
    try:
        i, j = (int(part) for part in pixel.split(","))
    except ValueError:
        raise DataError(f'expected a pixel as a row and a column such as 10,20, got "{pixel}".') from None
    if not (0 <= i < shape[0] and 0 <= j < shape[1]):
        raise DataError(f"the pixel {i},{j} lies outside the result of {shape[0]} × {shape[1]} pixels, counted from 0.")
    return i, j


def _arithmetic(
    x: NDArray[np.float32],
    k: NDArray[np.float64],
    y: NDArray[np.float32],
    place: tuple[int, int],
    stride: int,
    padding: str | int,
) -> Report:
    """The terms of one pixel of the first colour: y[i,j] = Σ[u,v] x[i·s + u − p, j·s + v − p]·k[u,v]."""
    i, j = place
    window = Window.over(x.shape[:2], k.shape, stride=stride, padding=padding, what="kernel")
    top, left = (at * stride - low for at, (low, _) in zip(place, window.padding, strict=True))
    terms, outside = [], 0
    for u, v in np.ndindex(*k.shape):
        h, w = top + u, left + v
        if 0 <= h < x.shape[0] and 0 <= w < x.shape[1]:
            terms.append((h, w, u, v, float(x[h, w, 0]), float(k[u, v])))
        else:
            outside += 1
    total = sum(value * weight for *_, value, weight in terms)
    if not np.isclose(total, y[i, j, 0], rtol=1e-4, atol=1e-4 * np.abs(k).sum()):
        raise ArithmeticError(f"the terms add up to {total}, the engine's pixel is {y[i, j, 0]}")
    terms.sort(key=lambda term: -abs(term[4] * term[5]))
    rows = [[f"x[{h},{w}]·k[{u},{v}]", f"{a:.4f}", f"{b:+.4g}", f"{a * b:+.4f}"] for h, w, u, v, a, b in terms[:TERMS]]
    if rest := terms[TERMS:]:
        rows.append([f"the other {len(rest)} terms", "", "", f"{sum(t[4] * t[5] for t in rest):+.4f}"])
    if outside:
        rows.append([f"{outside} places outside the image", "0", "", "+0.0000"])
    colour = " in red" if x.shape[2] == 3 else ""
    click.echo(f"\nThe pixel in row {i}, column {j} of the result{colour}:")
    table(["term", "x", "k", "product"], [*rows, [f"y[{i},{j}]", "", "", f"{total:+.4f}"]])
    named = [{"x": [h, w], "k": [u, v], "value": a, "weight": b, "product": a * b} for h, w, u, v, a, b in terms]
    return {"row": i, "column": j, "value": total, "terms": named}


def _visible(y: NDArray[np.float32], values: str) -> tuple[NDArray[np.float32], str]:
    """The result as levels of an image; and a line on what was done, where it is not the result itself."""
    low, high = float(y.min()), float(y.max())
    if values == "size" and max(-low, high) > 0:
        top = max(-low, high)
        remark = f"The results go from {low:.3g} to {high:.3g}; the image shows their size, {top:.3g} as white.\n"
        return np.asarray(np.abs(y) / top, dtype=np.float32), remark
    if low < -1e-6 or high > 1 + 1e-6:
        return y, f"The results go from {low:.3g} to {high:.3g}; the image cuts off what lies outside 0 to 1.\n"
    return y, ""


def _extents(pixels: NDArray[np.float32]) -> str:
    return f"{pixels.shape[0]} × {pixels.shape[1]} pixels" + (", in colour" if pixels.shape[2] == 3 else ", grey")
