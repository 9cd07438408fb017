"""Windows that slide: the size of what comes out, a kernel's arithmetic by hand, pooling."""

from __future__ import annotations

from typing import Any

from pellucid.exercises.drawing import Draft, Draw, grid, network, steps
from pellucid.exercises.rendering import Formula, Text, mathematics
from pellucid.layers.windowed.conv import Conv2D
from pellucid.layers.windowed.pool import AveragePool2D, MaxPool2D, MinPool2D
from pellucid.messages import gettext


def size(chance: Draw) -> Draft:
    n, k = chance.randint(7, 32), chance.choice([2, 3, 4, 5])
    s, p = chance.choice([1, 2, 3]), chance.choice([0, 1, 2])

    def rows(stride: int, padding: int) -> int:
        net = network(Conv2D(1, k, strides=stride, padding=padding), input_shape=(n, n, 1))
        ((shape),) = net.output_shapes.values()
        return int(shape[0])

    answer = rows(s, p)
    ask = gettext(
        "A kernel of {k} × {k} slides over an image of {n} × {n} pixels, {s} pixels from one place to the next, with "
        "{p} rows and columns of zeros around. How many rows has the result?"
    )
    line = f"⌊({n} + 2·{p} − {k})/{s}⌋ + 1 = {answer}"
    said = "⌊(n + 2·p − k)/s⌋ + 1"
    return Draft(
        [Text(ask.filled(k=k, n=n, s=s, p=p))],
        answer,
        [
            (answer - 1, gettext("here the first place was forgotten: + 1 is missing")),
            (rows(s, 0), gettext("here the padding was forgotten")),
            ((n + p - k) // s + 1, gettext("here the padding counts on one side alone")),
            (rows(1, p), gettext("here the stride was forgotten")),
            (n, gettext("this is the size of the image itself")),
        ],
        [
            Text(gettext("The first place is one, and every further one needs s pixels more:")),
            Formula(said, mathematics(said)),
            Formula(line, mathematics(line)),
        ],
        digits=0,
    )


def convolution(chance: Draw) -> Draft:
    n, k = chance.choice([(4, 2), (5, 2), (5, 3)])
    s, p = chance.choice([1, 2]), chance.choice([0, 1])
    image, kernel = chance.integers(n, n, low=0, high=4), chance.integers(k, k, low=-2, high=2)
    b = float(chance.choice([-2, -1, 1, 2]))

    def slid(*, weights: Any = kernel, bias: float = b, stride: int = s, padding: int = p) -> Any:
        values = {"conv2d_1.kernel": weights[:, :, None, None], "conv2d_1.bias": [bias]}
        return network(Conv2D(1, k, strides=stride, padding=padding), input_shape=(n, n, 1), values=values).trace(
            image[None, :, :, None]
        )

    run = slid()
    path = "conv2d_1"
    result = run[path][0, :, :, 0]
    i, j = (chance.randrange(extent) for extent in result.shape)
    slips = [
        (slid(weights=kernel[::-1, ::-1]), gettext("this is what comes out with the kernel flipped")),
        (slid(bias=0), gettext("this is what comes out without the bias")),
        (slid(weights=kernel.T), gettext("here rows and columns of the kernel are transposed")),
        (slid(stride=3 - s), gettext("here the stride is {stride}", stride=3 - s)),
        (slid(padding=1 - p), gettext("here the padding is {padding}", padding=1 - p)),
    ]
    there = [(other[path][0, :, :, 0], why) for other, why in slips]
    ask = gettext(
        "The kernel slides over the image as layers of networks let it (cross-correlation, not flipped), with the "
        "stride {s}, the padding {p} and the bias {b}. Which number stands in row {i}, column {j} of the result, "
        "counted from 0?"
    )
    return Draft(
        [
            Text(ask.filled(s=s, p=p, b=int(b), i=i, j=j)),
            grid("x", image),
            grid("k", kernel),
        ],
        float(result[i, j]),
        [(float(array[i, j]), why) for array, why in there if i < array.shape[0] and j < array.shape[1]],
        [
            *steps(run, (path, 0, i, j, 0)),
            Text(gettext("The whole result:")),
            grid("y", result),
        ],
        digits=0,
    )


def pooling(chance: Draw) -> Draft:
    kinds = {"max": MaxPool2D, "min": MinPool2D, "mean": AveragePool2D}
    names = {"max": gettext("maximum"), "min": gettext("minimum"), "mean": gettext("mean")}
    kind = chance.choice(list(kinds))
    image = chance.integers(4, 4, low=-9, high=9)

    def pooled(how: str, stride: int = 2) -> Any:
        return network(kinds[how](2, strides=stride), input_shape=(4, 4, 1)).trace(image[None, :, :, None])

    run = pooled(kind)
    (path,) = (name for name in run if name.endswith("_pool2d_1"))
    result = run[path][0, :, :, 0]
    i, j = chance.randint(0, 1), chance.randint(0, 1)

    def there(how: str, stride: int = 2) -> float:
        other = pooled(how, stride)
        (name,) = (name for name in other if name.endswith("_pool2d_1"))
        return float(other[name][0, i, j, 0])

    slips = [(there(how), gettext("this is the {kind} of the window", kind=names[how])) for how in kinds if how != kind]
    if kind == "mean":
        slips.append((4 * there("mean"), gettext("this is the window's sum: the mean was forgotten")))
    slips.append((there(kind, 1), gettext("here the stride is {stride}", stride=1)))
    slips.append((float(result[j, i]), gettext("here row and column are transposed")))
    ask = gettext(
        "A window of 2 × 2 slides over the image with the stride 2 and keeps the {kind} of each place. Which number "
        "stands in row {i}, column {j} of the result, counted from 0?"
    )
    return Draft(
        [Text(ask.filled(kind=names[kind], i=i, j=j)), grid("x", image)],
        float(result[i, j]),
        slips,
        [
            *steps(run, (path, 0, i, j, 0)),
            Text(gettext("The whole result:")),
            grid("y", result),
        ],
        digits=2 if kind == "mean" else 0,
    )
