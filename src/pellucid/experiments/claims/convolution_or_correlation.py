"""Row 13 of the article: what a convolutional layer does with its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid import data
from pellucid.data.kernels import kernel
from pellucid.experiments.claim import Claim, Numbers, Table, Text, Verdict
from pellucid.experiments.statistics import mean
from pellucid.experiments.trial import Trial
from pellucid.messages import gettext
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
IMAGE_KERNELS = ("sobel-x", "emboss", "sharpen", "laplacian")
SIGNAL_KERNELS = ("1 0 -2", "1 2 1")
KERNELS = (*IMAGE_KERNELS, *SIGNAL_KERNELS)
SYMMETRIC = ("sharpen", "laplacian", "1 2 1")
"""Those that stay what they are when they are rotated by 180°."""


def convolved(x: Array, k: Array) -> Array:
    """The convolution by its definition, y[i,j] = Σ[u,v] x[i+m−u, j+m−v]·k[u,v], where the whole kernel lies inside.

    Of a signal, y[i] = Σ[u] x[i+m−u]·k[u].
    """
    extents = [size - taps + 1 for size, taps in zip(x.shape, k.shape, strict=True)]
    y = np.zeros(extents)
    for place in np.ndindex(*k.shape):
        starts = [taps - 1 - u for taps, u in zip(k.shape, place, strict=True)]
        y += x[tuple(slice(start, start + n) for start, n in zip(starts, extents, strict=True))] * k[place]
    return y


def layer(x: Array, size: int, seed: int = 0) -> pl.Network:
    """A convolutional layer for an image, or for a signal, alone."""
    kind = pl.Conv2D if x.ndim == 2 else pl.Conv1D
    return pl.Network(kind(1, size, use_bias=False), input_shape=(*x.shape, 1), seed=seed)


def sheet() -> Array:
    """144 handwritten digits in an image of 96 × 96 pixels, whose levels are the integers from 0 to 16."""
    digits = np.rint(16 * data.load("digits").x[:144, :, :, 0])
    return digits.reshape(12, 12, 8, 8).transpose(0, 2, 1, 3).reshape(96, 96).astype(np.float32)


class ConvolutionOrCorrelation(Claim):
    statement = gettext(
        "A convolutional layer computes the convolution of mathematics: the kernel is flipped before it slides."
    )
    source = gettext(
        'The article, "Convolution": the kernel slides over a signal or an image, by the mathematical formula.'
    )
    refuted_if = gettext(
        "with a kernel that is not symmetric, the layer's output differs from the convolution, computed by its"
        " definition"
    )
    setup = gettext(
        "A sheet of handwritten digits, 96 × 96 pixels, and its rows as one long signal; six kernels, three of them"
        " symmetric under a rotation by 180°. All numbers are integers, so that float32 adds them exactly, and the"
        " layer's output can be held to the last bit against convolution and cross-correlation, computed by their"
        " definitions: the table has the largest difference over the largest value. Then a layer learns what a"
        " convolution by sobel-x does to the sheet, from 5 random beginnings with 300 steps of Adam; measured is how"
        " far it ends from the kernel, and from the flipped one."
    )

    def measure(self, trial: Trial) -> Numbers:
        image = sheet()
        compared: Numbers = {}
        for name in KERNELS:
            x = image if name in IMAGE_KERNELS else image.reshape(-1)
            k = kernel(name) if x.ndim == 2 else kernel(name)[0]
            net = layer(x, len(k))
            path = next(iter(net.parameters))
            net.parameters[path] = k[..., None, None]
            y = net.predict(x[None, ..., None])[0, ..., 0]
            trial.keep(name, y)
            truths = {"convolution": convolved(x, k), "correlation": convolved(x, np.flip(k))}
            compared[name] = {key: np.abs(y - truth).max() / np.abs(truth).max() for key, truth in truths.items()}
        k, scaled = kernel("sobel-x"), image / 16
        target = convolved(scaled, k)[None, :, :, None].astype(np.float32)
        distances: Numbers = {"kernel": [], "flipped": []}
        for seed in trial.each(trial.seeds(5), lambda seed: f"learning sobel-x, seed {seed}"):
            net = layer(image, 3, seed)
            net.fit(scaled[None, :, :, None], target, epochs=300, optimizer=pl.Adam(0.1), verbose=0)
            learned = net.parameters["conv2d_1.kernel"][:, :, 0, 0]
            trial.keep(f"learned {seed}", net)
            distances["kernel"].append(np.abs(learned - k).max())
            distances["flipped"].append(np.abs(learned - np.flip(k)).max())
        return {"compared": compared, "distance": distances, "learned": learned, "kernel": k}

    def judge(self, numbers: Numbers) -> Verdict:
        errors = {key: [numbers["compared"][n][key] for n in KERNELS] for key in ("convolution", "correlation")}
        because = gettext(
            "the layer's output differs from the convolution by up to {convolution:.2g} times the largest value, and"
            " from the cross-correlation by {correlation:.2g}; with symmetric kernels both are the same; taught a"
            " convolution, it learns the flipped kernel to {flipped:.2g}",
            convolution=max(errors["convolution"]),
            correlation=max(errors["correlation"]),
            flipped=mean(numbers["distance"]["flipped"]),
        )
        if max(errors["convolution"]) == 0:
            return Verdict("supported", gettext("the layer's output is the convolution, to the last bit"))
        if max(errors["correlation"]) == 0:
            return Verdict("not supported here", because)
        return Verdict("undecided", gettext("the layer computes neither: {because}", because=because))

    def table(self, numbers: Numbers) -> Table:
        rows: list[list[Text]] = [
            [
                name,
                gettext("yes") if name in SYMMETRIC else gettext("no"),
                *(f"{numbers['compared'][name][k]:.2g}" for k in ("convolution", "correlation")),
            ]
            for name in KERNELS
        ]
        distances = [f"{mean(numbers['distance'][key]):.2g}" for key in ("kernel", "flipped")]
        rows.append(
            [
                gettext("learned sobel-x"),
                gettext("no"),
                gettext("{distance} from the kernel", distance=distances[0]),
                gettext("{distance} from the flipped one", distance=distances[1]),
            ]
        )
        return Table(
            [
                gettext("kernel"),
                gettext("symmetric"),
                gettext("from the convolution"),
                gettext("from the cross-correlation"),
            ],
            rows,
        )

    def draw(self, numbers: Numbers) -> Figure:
        figure, panels = style.panels(1, 3, size=(2.9, 3.0))
        learned, k = np.array(numbers["learned"]), np.array(numbers["kernel"])
        shown = {"convolved by": k, "what the layer learned": learned, "the kernel, flipped": k[::-1, ::-1]}
        for panel, (title, weights) in zip(panels, shown.items(), strict=True):
            panel.imshow(weights, cmap=style.diverging(), vmin=-style.span(k), vmax=style.span(k))
            for (u, v), weight in np.ndenumerate(weights):
                colour = "white" if abs(weight) > 1.5 else "black"
                panel.annotate(
                    f"{round(weight, 2) + 0:.2f}", (v, u), ha="center", va="center", color=colour, fontsize=9
                )
            panel.set(title=title)
            style.bare(panel)
        return style.finished(
            figure,
            "A layer was taught what a convolution by sobel-x does to a sheet of digits. It slides its kernel without"
            " flipping, a cross-correlation, and so learns the flipped kernel.",
        )
