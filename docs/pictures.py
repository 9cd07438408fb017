"""The pictures of the README and of docs/: `python docs/pictures.py FOLDER [NAME…]` draws them into docs/images/.

FOLDER holds the real data: mnist/ (the four IDX files), tiny-shakespeare/input.txt and sp500/monthly-1871-2026.csv.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import pellucid as pl
from pellucid.cli import cli
from pellucid.cli.language import Reader, prepared, train
from pellucid.data import load_idx_folder, read_text, sample_image
from pellucid.data.kernels import kernel
from pellucid.default_layers import TEXT_HABITS, TEXT_RATE
from pellucid.plots import style
from pellucid.plots.terms import draw_terms
from pellucid.plots.training_curves import history_figure

HERE = Path(__file__).parent
PICTURES: dict[str, Callable[[Path], Any]] = {}


def picture(function: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Put a picture on the list: a function from the folder of the data to a figure."""
    PICTURES[function.__name__.replace("_", "-")] = function
    return function


def curves(history: pl.History) -> Any:
    """The losses and metrics of a training, without its learning rate."""
    values = {name: series for name, series in history.history.items() if name != "learning_rate"}
    return history_figure(values, history.epoch)


@cache
def digits(folder: Path) -> tuple[Any, Any, Any, Any]:
    train, test = load_idx_folder(folder / "mnist")
    return train.x, train.y, test.x, test.y


@cache
def lenet(folder: Path) -> tuple[pl.Network, pl.History]:
    """LeNet-5 on MNIST."""
    x, y, x_test, y_test = digits(folder)
    net = pl.Network(
        pl.Conv2D(6, 5, padding="same", activation="relu"),
        pl.MaxPool2D(2),
        pl.Conv2D(16, 5, activation="relu"),
        pl.MaxPool2D(2),
        pl.Flatten(),
        pl.Dense(120, activation="relu"),
        pl.Dense(84, activation="relu"),
        pl.Dense(10, activation="softmax"),
        input_shape=(28, 28, 1),
        seed=0,
    )
    epochs = 8
    history = net.fit(
        x,
        y,
        epochs=epochs,
        batch_size=64,
        optimizer=pl.Adam(2e-3),
        metrics=["accuracy"],
        validation_data=(x_test, y_test),
        callbacks=[pl.LearningRateSchedule(pl.CosineDecay(2e-3, epochs))],
    )
    return net, history


@picture
def look_through(folder: Path) -> Any:
    """A digit on its way: the image, six kernels and what each makes of it, the ten sums, and the terms of one."""
    from matplotlib.figure import Figure

    net, _ = lenet(folder)
    _, _, x, y = digits(folder)
    place = int(np.flatnonzero(y == 7)[3])
    trace = net.trace(x[place : place + 1])
    kernels, maps = net.parameters["conv2d_1.kernel"], np.asarray(trace["conv2d_1"])[0]
    sums = np.asarray(trace["dense_3.sum"])[0]
    said = int(sums.argmax())
    explanation = net.explain("dense_3.sum", unit=said, x=x[place])

    figure = Figure(figsize=(9.4, 5.2), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 1.25))
    left, right = above.subfigures(1, 2, width_ratios=(1, 2.9))
    image = left.subplots()
    style.bare(image)
    image.imshow(x[place, ..., 0], cmap="gray_r")
    image.set_title("the input, 28 × 28")
    panels, end = right.subplots(2, 6), style.span(kernels)
    for k, (kernel_panel, map_panel) in enumerate(panels.T):
        kernel_panel.imshow(kernels[:, :, 0, k], cmap=style.diverging(), vmin=-end, vmax=end)
        map_panel.imshow(maps[..., k], cmap=style.sequential(), vmin=0, vmax=maps.max())
        kernel_panel.set_title(f"kernel {k}", fontsize=8, pad=3)
        map_panel.set_title(f"map {k}", fontsize=8, pad=3)
        style.bare(kernel_panel)
        style.bare(map_panel)
    bars, terms = below.subplots(1, 2, width_ratios=(1, 1.25))
    style.framed(bars)
    bars.bar(range(10), sums, color=[style.series(1 if k == said else 0) for k in range(10)])
    bars.set(xticks=range(10), title="dense_3.sum: one sum for each digit")
    style.framed(terms)
    shown, count, rest = explanation.top_terms(8)
    draw_terms(
        terms,
        [*(f"{t.text} = {t.numbers}" for t in shown), f"{count} more"],
        [*(t.value for t in shown), rest],
        explanation.value,
        title=f"dense_3.sum[{said}] = {explanation.value:.2f}: the terms that weigh most",
    )
    for panel in (image, bars, terms):
        panel.title.set_fontsize(9)
        panel.tick_params(labelsize=7.5)
    return style.finished(figure, "")


@picture
def mnist_history(folder: Path) -> Any:
    return curves(lenet(folder)[1])


@picture
def filters(folder: Path) -> Any:
    """A photograph, and what four kernels make of it."""
    photo = sample_image("china")[40:360, 130:530].mean(axis=2)
    photo = photo.reshape(160, 2, 200, 2).mean(axis=(1, 3))
    names = ("gaussian", "sharpen", "sobel-x", "laplacian")
    figure, panels = style.panels(1, 5, size=(1.7, 1.55))
    for panel, name in zip(panels, ("the picture", *names), strict=True):
        style.bare(panel)
        panel.set_title(name, fontsize=9)
        if name == "the picture":
            panel.imshow(photo, cmap="gray", vmin=0, vmax=1)
            continue
        k = kernel(name)[::-1, ::-1]
        net = pl.Network(pl.Conv2D(1, k.shape, use_bias=False), input_shape=(*photo.shape, 1))
        net.parameters["conv2d_1.kernel"] = k[:, :, None, None]
        values = net.predict(photo[None, ..., None])[0, ..., 0]
        shown = np.abs(values) / np.quantile(np.abs(values), 0.99) if abs(k.sum()) < 1e-6 else values
        panel.imshow(shown, cmap="gray", vmin=0, vmax=1)
    return style.finished(figure, "")


@cache
def shakespeare(folder: Path) -> tuple[Reader, pl.History]:
    """The LSTM of `pellucid train input.txt`."""
    text, habits = read_text(folder / "tiny-shakespeare" / "input.txt"), TEXT_HABITS["char"]
    vocabulary, learned, tested = prepared(
        text, by="char", lower=None, size=10_000, length=habits.length, name="Shakespeare"
    )
    reader = Reader.build(vocabulary, length=habits.length, units=habits.units)
    history = train(
        reader,
        learned,
        epochs=habits.epochs,
        batch_size=habits.batch_size(len(learned), habits.length),
        optimizer=pl.Adam(TEXT_RATE),
    )
    print(f"characters of Shakespeare: {reader.nats(tested, before=learned):.3f} nats on the last tenth")
    return reader, history


@picture
def text_history(folder: Path) -> Any:
    return curves(shakespeare(folder)[1])


@picture
def next_characters(folder: Path) -> Any:
    """What the network hesitates between, character by character."""
    reader, _ = shakespeare(folder)
    from matplotlib.patches import Rectangle

    tokens = reader.vocabulary.tokens
    steps = list(reader.continued(reader.vocabulary.encode("ROMEO:\nI will"), 30, temperature=0.7, seed=2))
    figure, (panel,) = style.panels(size=(9.4, 2.3))
    style.bare(panel)
    rows = 5
    order = np.array([np.argsort(-p, kind="stable")[:rows] for _, p in steps])
    values = np.array([p[best] for (_, p), best in zip(steps, order, strict=True)]).T
    panel.imshow(values, cmap=style.sequential(), vmin=0, vmax=1, aspect="auto")
    for column, (taken, _) in enumerate(steps):
        for row in range(rows):
            token = tokens[order[column, row]].replace("\n", "↵").replace(" ", "␣")
            color = "white" if values[row, column] > 0.5 else style.ink()
            panel.text(column, row, token, ha="center", va="center", color=color)
            if order[column, row] == taken:
                edge = {"fill": False, "edgecolor": style.series(1), "lw": 2, "zorder": 3}
                panel.add_patch(Rectangle((column - 0.47, row - 0.46), 0.94, 0.92, **edge))
    panel.set_ylabel("likeliest first", fontsize=9)
    written = reader.vocabulary.decode([taken for taken, _ in steps]).replace("\n", "↵")
    return style.finished(figure, f"After “ROMEO:↵I will” the network wrote “{written}” (framed): darker is likelier.")


@picture
def gaps(folder: Path) -> Any:
    """What examples/copy_over_a_gap.py finds."""
    spec = importlib.util.spec_from_file_location("copy_over_a_gap", HERE.parent / "examples" / "copy_over_a_gap.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    figure, (panel,) = style.panels(size=(5.4, 3.4))
    accuracies = example.main()
    for place, (kind, runs) in enumerate(accuracies.items()):
        color = style.series(place)
        panel.fill_between(example.GAPS, runs.min(axis=0), runs.max(axis=0), color=color, alpha=0.15, lw=0)
        panel.plot(example.GAPS, runs.mean(axis=0), marker="osD"[place], color=color, label=kind)
    panel.axhline(1 / example.SYMBOLS, color=style.faint(), ls=":", label="guessing")
    panel.set(xscale="log", xlabel="symbols in between", ylabel="accuracy", ylim=(0, 1.05))
    panel.set_xticks(example.GAPS, [str(gap) for gap in example.GAPS])
    panel.minorticks_off()
    style.legend(panel, fontsize=8)
    return style.finished(
        figure, "Mean, least and largest accuracy over five seeds; each layer has about 2,400 parameters."
    )


@picture
def prices(folder: Path) -> Any:
    """What `pellucid forecast … --plot` draws."""
    path = folder / "sp500" / "monthly-1871-2026.csv"
    with tempfile.TemporaryDirectory() as place:
        drawn = Path(place) / "out.png"
        cli(["forecast", str(path), "--column", "SP500", "--plot", str(drawn)], standalone_mode=False)
        return drawn.read_bytes()


@cache
def cleaner(folder: Path) -> tuple[pl.Network, pl.History]:
    """A convolutional autoencoder that learns to take noise away."""
    x, _, x_test, _ = digits(folder)
    encoder = pl.Network(
        pl.Conv2D(8, 3, strides=2, padding="same", activation="relu"),
        pl.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
        pl.Flatten(),
        pl.Dense(32),
        input_shape=(28, 28, 1),
    )
    decoder = pl.Network(
        pl.Dense(7 * 7 * 16, activation="relu"),
        pl.Reshape((7, 7, 16)),
        pl.ConvTranspose2D(8, 4, strides=2, padding=1, activation="relu"),
        pl.ConvTranspose2D(1, 4, strides=2, padding=1, activation="sigmoid"),
        input_shape=32,
    )
    net = pl.Network(encoder, decoder)
    x, x_test = x[:20_000], x_test[:2000]
    history = net.fit(noisy(x, 0), x, epochs=6, batch_size=64, loss="mse", validation_data=(noisy(x_test, 1), x_test))
    return net, history


def noisy(x: Any, seed: int) -> Any:
    return np.clip(x + 0.4 * np.random.default_rng(seed).standard_normal(x.shape), 0, 1).astype(np.float32)


@picture
def autoencoder_history(folder: Path) -> Any:
    return curves(cleaner(folder)[1])


@picture
def denoised(folder: Path) -> Any:
    """Digits with noise, what the autoencoder makes of them, and what they were."""
    net, _ = cleaner(folder)
    _, _, x, _ = digits(folder)
    clean = x[:10]
    rows = {"noisy": noisy(clean, 2), "cleaned": net.predict(noisy(clean, 2)), "as it was": clean}
    figure, panels = style.panels(3, 10, size=(0.85, 0.9))
    for row, (name, pictures) in enumerate(rows.items()):
        for column in range(10):
            panel = panels[10 * row + column]
            style.bare(panel)
            panel.imshow(pictures[column, ..., 0], cmap="gray_r", vmin=0, vmax=1)
        panels[10 * row].set_ylabel(name, fontsize=9)
    return style.finished(figure, "")


def write(path: Path, drawn: Any, *, colors: int = 64) -> None:
    """A small PNG: few colours do for lines and for the few shades of these pictures."""
    from PIL import Image

    if not isinstance(drawn, bytes):
        buffer = io.BytesIO()
        drawn.savefig(buffer, dpi=110, facecolor=drawn.get_facecolor())
        drawn = buffer.getvalue()
    image = Image.open(io.BytesIO(drawn)).convert("RGB")
    image.quantize(colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {image.width} × {image.height}")


def main(folder: str, *names: str) -> None:
    for name in names or PICTURES:
        write(
            HERE / "images" / f"{name}.png",
            PICTURES[name](Path(folder)),
            colors=16 if name in ("filters", "denoised") else 128,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
