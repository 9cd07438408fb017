"""A kernel that slides over an image, which needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.engines import compile_program
from pellucid.errors import DataError
from pellucid.explain import Trace
from pellucid.formula import Program, Tensor
from pellucid.functions.forward.convolution import convolve
from pellucid.lab import gallery
from pellucid.lab.protocol import answers
from pellucid.lab.protocol.requests import MAX_KERNEL, MAX_SENT
from pellucid.lab.view.samples import numbers
from pellucid.messages import Message, gettext

Array = NDArray[Any]


class Sliding:
    """A kernel over an image, computed by the formula of Conv2D; programs are kept for the next image.

    With `at`, a row and a column of the output, the answer has the arithmetic of that place.
    """

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def __call__(
        self,
        image: Any,
        kernel: Sequence[Sequence[float]] | Array,
        *,
        stride: int,
        padding: int,
        dilation: int,
        at: Sequence[int] | None = None,
    ) -> answers.Convolution:
        x = gallery.sample_image() if image is None else _plane(image, gettext("the image"))
        k = _plane(kernel, gettext("the kernel"))
        if x.size > MAX_SENT or max(k.shape) > MAX_KERNEL:
            raise DataError(
                gettext(
                    "expected an image of at most {pixels} pixels and a kernel of at most {size} × {size} weights, "
                    "got {image} and {kernel}",
                    pixels=MAX_SENT,
                    size=MAX_KERNEL,
                    image=x.shape,
                    kernel=k.shape,
                )
            )
        key = x.shape, k.shape, stride, padding, dilation
        if key not in self._known:
            if len(self._known) >= 32:
                self._known.pop(next(iter(self._known)))
            pixels = Tensor.input("x", n=1, h=x.shape[0], w=x.shape[1], c=1)
            weights = Tensor.input("k", u=k.shape[0], v=k.shape[1], c=1, f=1)
            result = convolve(pixels, weights, stride=stride, padding=padding, dilation=dilation)
            # The reference engine needs no time to compile, and every move of a slider is another program.
            self._known[key] = compile_program(Program({"y": result}), engine="reference", dtype=np.float32)
        run = self._known[key]
        given = {"x": x[None, :, :, None], "k": k[:, :, None, None]}
        output = run(given)["y"]
        answer: answers.Convolution = {"image": numbers(x), "output": numbers(output[0, :, :, 0])}
        if at is not None:
            _, rows, columns, _ = output.shape
            if len(at) != 2 or not (0 <= at[0] < rows and 0 <= at[1] < columns):
                raise DataError(
                    gettext(
                        "the output is {rows} × {columns}, so there is nothing at {index}",
                        rows=rows,
                        columns=columns,
                        index=list(at),
                    )
                )
            explained = Trace(run.program, {**given, "y": output}, ["x"]).explain("y", index=(0, *at, 0))
            window = explained.json(k.size)
            answer["window"] = {"value": window["value"], "terms": window["terms"], "outside": window["outside"]}
        return answer


def _plane(value: Any, what: Message) -> Array:
    try:
        array = np.asarray(value, dtype=np.float32)
    except (TypeError, ValueError):
        raise DataError(gettext("expected {what} as rows of numbers of one length", what=what)) from None
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise DataError(
            gettext(
                "expected {what} as rows of finite numbers, got an array of shape {shape}", what=what, shape=array.shape
            )
        )
    return array
