"""Row 13 of the article: what a convolutional layer does with its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from pellucid.data import sample_image
from pellucid.data.kernels import kernel
from pellucid.experiments.claim import Claim, Numbers, Table, Verdict
from pellucid.experiments.statistics import mean
from pellucid.experiments.trial import Trial
from pellucid.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
KERNELS = ("sobel-x", "emboss", "gaussian", "laplacian")
SYMMETRIC = ("gaussian", "laplacian")
"""Those that stay what they are when they are rotated by 180°."""
SAME = 1e-5
"""What counts as equal: some rounding of float32."""


def convolved(x: Array, k: Array) -> Array:
    """The convolution by its definition, y[i,j] = Σ[u,v] x[i+m−u, j+m−v]·k[u,v], where the whole kernel lies inside."""
    m, n = k.shape
    rows, columns = x.shape[0] - m + 1, x.shape[1] - n + 1
    parts = (
        x[m - 1 - u : m - 1 - u + rows, n - 1 - v : n - 1 - v + columns] * k[u, v] for u, v in np.ndindex(*k.shape)
    )
    return np.asarray(np.sum(list(parts), axis=0))


def layer(shape: tuple[int, ...], size: int, seed: int = 0) -> pl.Network:
    return pl.Network(pl.Conv2D(1, size, use_bias=False), input_shape=(*shape, 1), seed=seed)


class ConvolutionOrCorrelation(Claim):
    statement = "A convolutional layer computes the convolution of mathematics: the kernel is flipped before it slides."
    source = 'The article, "Convolution": the kernel slides over a signal or an image, by the mathematical formula.'
    refuted_if = (
        "with a kernel that is not symmetric, the layer's output differs from the convolution, computed by its"
        " definition"
    )
    setup = (
        "A photograph of 96 × 96 grey pixels; four kernels, two of them symmetric under a rotation by 180°. The layer's"
        " output is held against convolution and cross-correlation, in float64 by their definitions, as largest"
        " difference over largest value. Then a layer learns what a convolution by sobel-x does to the photograph,"
        " from 5 random beginnings with 300 steps of Adam; measured is how far it ends from the kernel, and from the"
        " flipped one."
    )

    def measure(self, trial: Trial) -> Numbers:
        image = sample_image("china").mean(axis=2)[150:246, 200:296].astype(np.float32)
        compared: Numbers = {}
        for name in KERNELS:
            k = np.asarray(kernel(name), dtype=np.float64)
            net = layer(image.shape, len(k))
            net.parameters["conv2d_1.kernel"] = k[:, :, None, None]
            y = net.predict(image[None, :, :, None])[0, :, :, 0]
            trial.keep(name, y)
            truths = {"convolution": convolved(image, k), "correlation": convolved(image, k[::-1, ::-1])}
            compared[name] = {key: np.abs(y - truth).max() / np.abs(truth).max() for key, truth in truths.items()}
        k = np.asarray(kernel("sobel-x"), dtype=np.float64)
        target = convolved(image, k)[None, :, :, None].astype(np.float32)
        distances: Numbers = {"kernel": [], "flipped": []}
        for seed in trial.each(trial.seeds(5), lambda seed: f"learning sobel-x, seed {seed}"):
            net = layer(image.shape, 3, seed)
            net.fit(image[None, :, :, None], target, epochs=300, optimizer=pl.Adam(0.1), verbose=0)
            learned = net.parameters["conv2d_1.kernel"][:, :, 0, 0]
            trial.keep(f"learned {seed}", net)
            distances["kernel"].append(np.abs(learned - k).max())
            distances["flipped"].append(np.abs(learned - k[::-1, ::-1]).max())
        return {"compared": compared, "distance": distances, "learned": learned, "kernel": k}

    def judge(self, numbers: Numbers) -> Verdict:
        errors = {key: [numbers["compared"][n][key] for n in KERNELS] for key in ("convolution", "correlation")}
        because = (
            f"the layer's output differs from the convolution by up to {max(errors['convolution']):.2g} of the largest"
            f" value, from the cross-correlation by up to {max(errors['correlation']):.2g}; with symmetric kernels"
            " both are the same; taught a convolution, it learns the flipped kernel to"
            f" {mean(numbers['distance']['flipped']):.2g}"
        )
        if max(errors["convolution"]) < SAME:
            return Verdict("supported", f"the layer's output is the convolution to {max(errors['convolution']):.2g}")
        if max(errors["correlation"]) < SAME:
            return Verdict("not supported here", because)
        return Verdict("undecided", f"the layer computes neither: {because}")

    def table(self, numbers: Numbers) -> Table:
        rows = [
            [
                name,
                "yes" if name in SYMMETRIC else "no",
                *(f"{numbers['compared'][name][k]:.2g}" for k in ("convolution", "correlation")),
            ]
            for name in KERNELS
        ]
        distances = [f"{mean(numbers['distance'][key]):.2g}" for key in ("kernel", "flipped")]
        rows.append(
            ["learned sobel-x", "no", f"{distances[0]} from the kernel", f"{distances[1]} from the flipped one"]
        )
        return Table(["kernel", "symmetric", "from the convolution", "from the cross-correlation"], rows)

    def draw(self, numbers: Numbers) -> Figure:
        figure, panels = style.panels(1, 3, size=(2.9, 3.0))
        learned, k = np.array(numbers["learned"]), np.array(numbers["kernel"])
        shown = {"convolved by": k, "what the layer learned": learned, "the kernel, flipped": k[::-1, ::-1]}
        for panel, (title, weights) in zip(panels, shown.items(), strict=True):
            panel.imshow(weights, cmap=style.diverging(), vmin=-style.span(k), vmax=style.span(k))
            for (u, v), weight in np.ndenumerate(weights):
                colour = "white" if abs(weight) > 1.5 else "black"
                panel.annotate(f"{weight:.2f}", (v, u), ha="center", va="center", color=colour, fontsize=9)
            panel.set(title=title)
            style.bare(panel)
        return style.finished(
            figure,
            "A layer was taught what a convolution by sobel-x does to a photograph. It slides its kernel without"
            " flipping, a cross-correlation, and so learns the flipped kernel.",
        )
