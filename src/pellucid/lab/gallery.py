"""The gallery: small tasks, ready to train, each of which learns before one's eyes in seconds.

Their data come with the packages that Pellucid needs anyway: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pellucid import data
from pellucid.data.kernels import kernel
from pellucid.errors import DataError, PellucidError
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.lab.task import Examples, Source, Task
from pellucid.layers import LSTM, RNN, Concatenate, Conv2D, Dense, Embedding, Flatten, Input, MaxPool2D, Reshape
from pellucid.messages import Message, gettext, suggestion, words
from pellucid.network import BaseNetwork

Array = NDArray[Any]

TAUGHT = ("sobel-x", "sobel-y", "laplacian", "sharpen")
"""The kernels that the convolution learns from what they do to an image."""
PATCH = 24
READ = 32
CHARACTERS = 60_000
WINDOW = 20
DEPTH, WIDTH = 8, 16
CURVES = {"step": "step", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "leaky": "leaky_relu"}
"""The activations that stand behind one sum, by what their neurons are called."""
DIARY = np.array([[2, 1, 0.5], [3, 0, 1], [1, 2, 1], [2.5, 0, 0], [0.5, 0, 2], [1.5, 3, 0.5]], np.float32)
"""Six days of the guide: warmth, rain and wind of each, and below whether one walked; and six other days."""
WALKED = np.array([[1], [1], [0], [1], [0], [0]], np.float32)
OTHER_DAYS = np.array([[1, 0, 2], [2, 0, 0], [3, 2, 1], [1, 1, 0.5], [1.5, 0, 0.5], [2.5, 1, 0.5]], np.float32)
OTHERS_WALKED = np.array([[0], [1], [0], [0], [1], [1]], np.float32)
GIVEN = """\
from pellucid.lab.gallery import build

task = build("{name}")
x, y, validation_data = task.x, task.y, task.test"""


@dataclass(frozen=True, eq=False)
class Prices:
    """What leads from the scaled changes that a network forecasts back to prices, or to other values.

    `values` (t,) are the prices and `dates` (t,) their days; example k of all, those to learn from first, is made on
    the day `origins[k]`. A change of the logarithm, or of the value itself where `logarithmic` is false, is `mean +
    deviation` times its scaled one.
    """

    name: str
    dates: tuple[str, ...]
    values: Array
    origins: Array
    learned: int
    mean: float
    deviation: float
    logarithmic: bool = True

    @property
    def scale(self) -> tuple[str, ...]:
        """How changes are measured, as `data.levels` and `data.after` take it."""
        return ("log",) if self.logarithmic else ("difference",)

    def after(self, values: Array, scaled: Array) -> Array:
        """Values (n,) after scaled changes (n,)."""
        changes = self.mean + self.deviation * np.asarray(scaled, np.float64)
        return data.after(values[:, None], changes[:, None], self.scale)[:, 0]


def scaled_windows(name: str, values: Array, dates: Sequence[str], window: int) -> tuple[Prices, Examples, Examples]:
    """What leads back to the values (t,) of a series, windows of their changes to learn from, and those to judge by.

    Raises:
        DataError: fewer values than a window and the test need.
    """
    changes = data.choose_changes(values[:, None])
    windows = data.series_windows(data.levels(values[:, None], changes), window=window)
    ((learned, tested),) = data.walk_forward(windows, test_size=0.2, folds=1)
    # The scale comes from the part to learn from alone: that of the rest was not known then.
    mean, deviation = float(windows.y[learned].mean()), float(windows.y[learned].std())
    if not deviation:
        raise DataError(gettext("{name} changes by the same from step to step: there is nothing to learn", name=name))
    x, y = (((part - mean) / deviation).astype(np.float32) for part in (windows.x, windows.y))
    origins = windows.origins[np.concatenate([learned, tested])]
    logarithmic = changes == ("log",)
    prices = Prices(name, tuple(dates), values, origins, len(learned), mean, deviation, logarithmic)
    return prices, (x[learned], y[learned]), (x[tested], y[tested])


@dataclass(frozen=True)
class Entry:
    """A task as the gallery shows it before it is opened."""

    name: str
    kind: str
    title: Message
    about: Message
    build: Callable[[Entry], Task]
    steps: int
    """After so many it has learned what there is to learn here."""
    speed: float = 20
    """So many steps a second are taken at first, so that it is seen to learn."""

    def __call__(self) -> Task:
        return self.build(self)


def entry(name: str) -> Entry:
    """A task of the gallery, not opened yet.

    Raises:
        PellucidError: there is no such task.
    """
    if name not in TASKS:
        raise PellucidError(
            gettext(
                'there is no task "{name}", expected one of {tasks}.{hint}',
                name=name,
                tasks=", ".join(TASKS),
                hint=suggestion(name, TASKS),
            )
        )
    return TASKS[name]


def build(name: str) -> Task:
    """A task of the gallery.

    Raises:
        PellucidError: there is no such task.
    """
    return entry(name)()


def _spirals(entry: Entry) -> Task:
    source, learned, test = _toys("spirals", 500, 0.03)
    net = BaseNetwork(
        Dense(16, activation="tanh"),
        Dense(16, activation="tanh"),
        Dense(2, activation="softmax"),
        input_shape=(2,),
        seed=1,
    )
    return _task(
        entry,
        net,
        learned,
        test,
        source=source,
        optimizer=Adam(0.02),
        sample="points",
        classes=("0", "1"),
        views=("boundary", "confusion"),
    )


def _digits(entry: Entry) -> Task:
    learned, test = _digit_images()
    net = BaseNetwork(
        Conv2D(8, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Conv2D(16, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(32, activation="relu"),
        Dense(10, activation="softmax"),
        input_shape=(8, 8, 1),
        seed=1,
    )
    return _task(
        entry,
        net,
        learned,
        test,
        optimizer=Adam(0.004),
        sample="image",
        classes=tuple("0123456789"),
        views=("confusion",),
    )


def _kernels(entry: Entry) -> Task:
    patches = _patches()
    # A layer lets its kernel slide as it is; that of a textbook's convolution is turned first.
    taught = np.stack([kernel(name)[::-1, ::-1] for name in TAUGHT], axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(patches[..., 0], (3, 3), axis=(1, 2))
    y = np.einsum("nijuv,uvf->nijf", windows, taught).astype(np.float32)
    net = BaseNetwork(Conv2D(len(TAUGHT), 3), input_shape=(PATCH, PATCH, 1), seed=1)
    cut = len(patches) * 4 // 5
    return _task(
        entry,
        net,
        (patches[:cut], y[:cut]),
        (patches[cut:], y[cut:]),
        loss="mse",
        metrics=(),
        optimizer=Adam(0.02),
        batch_size=8,
        sample="image",
        views=("convolve",),
    )


def _text(entry: Entry) -> Task:
    vocabulary, learned, tested = _characters()
    size = len(vocabulary)
    net = BaseNetwork(
        Embedding(size, 16),
        LSTM(48, return_sequences=True),
        Dense(size, activation="softmax"),
        input_shape=(READ,),
        seed=1,
    )
    net.metadata["vocabulary"] = vocabulary.config()
    return _task(
        entry,
        net,
        data.text_windows(learned, READ, step=READ // 2),
        data.text_windows(tested, READ),
        optimizer=Adam(0.006),
        sample="text",
        vocabulary=vocabulary.tokens,
        views=("text",),
        rows=vocabulary,
    )


def _prices(entry: Entry) -> Task:
    series = _series()
    dates = [series.day(row) for row in range(len(series))]
    rows, learned, tested = scaled_windows(series.name, series.values[:, 0], dates, WINDOW)
    net = BaseNetwork(RNN(12), Dense(1), input_shape=(WINDOW, 1), seed=1)
    return _task(
        entry,
        net,
        learned,
        tested,
        loss="mse",
        metrics=(),
        optimizer=Adam(0.003),
        sample="series",
        views=("forecast",),
        rows=rows,
    )


def _autoencoder(entry: Entry) -> Task:
    (x, _), (xt, labels) = _digit_images()
    net = BaseNetwork(
        Flatten(),
        Dense(32, activation="relu"),
        Dense(2),
        Dense(32, activation="relu"),
        Dense(64, activation="sigmoid"),
        Reshape((8, 8, 1)),
        input_shape=(8, 8, 1),
        seed=1,
    )
    return _task(
        entry,
        net,
        (x, x),
        (xt, xt),
        loss="mse",
        metrics=(),
        optimizer=Adam(0.004),
        sample="image",
        views=("latent",),
        rows=labels,
    )


def _activations(entry: Entry) -> Task:
    """The guide's neuron five times, each time with another curve behind its sum; the answer begins with their mean."""
    day = Input(3)
    opinions = [Dense(1, activation=curve, name=name)(day) for name, curve in CURVES.items()]
    answer = Dense(1, activation="sigmoid", name="answer")(Concatenate()(*opinions))
    net = BaseNetwork(inputs=day, outputs=answer, seed=1)
    given: dict[str, Any] = {}
    for name in CURVES:
        given |= {f"{name}.kernel": [[1.0], [-1.5], [-1.0]], f"{name}.bias": [0.5]}
    given["answer.kernel"] = [[1 / len(CURVES)]] * len(CURVES)
    for path, value in given.items():
        net.parameters[path] = value
    return _task(
        entry,
        net,
        (DIARY, WALKED),
        (OTHER_DAYS, OTHERS_WALKED),
        loss="crossentropy",
        optimizer=SGD(0.5),
        batch_size=len(DIARY),
        classes=("0", "1"),
        given=given,
    )


def _sigmoids(entry: Entry) -> Task:
    return _stack(entry, "sigmoid", beside="relus")


def _relus(entry: Entry) -> Task:
    return _stack(entry, "relu", beside="sigmoids")


def _stack(entry: Entry, activation: str, *, beside: str) -> Task:
    """Two deep stacks that differ in their activation alone: data, seed and optimiser are the same."""
    source, learned, test = _toys("moons", 400, 0.1)
    hidden = [Dense(WIDTH, activation=activation, kernel_initializer="he_normal") for _ in range(DEPTH)]
    net = BaseNetwork(*hidden, Dense(2, activation="softmax"), input_shape=(2,), seed=1)
    return _task(
        entry,
        net,
        learned,
        test,
        source=source,
        optimizer=SGD(0.05),
        sample="points",
        classes=("0", "1"),
        views=("compare", "boundary"),
        beside=beside,
    )


def _toys(name: Literal["spirals", "moons"], count: int, noise: float) -> tuple[Source, Examples, Examples]:
    """Made-up points, those to learn from and 200 to judge by."""

    def make(noise: float) -> tuple[Examples, Examples]:
        points = [getattr(data, name)(n, noise=noise, seed=seed) for n, seed in ((count, 1), (200, 2))]
        learned, test = ((part.x, part.y) for part in points)
        return learned, test

    template = f"""learned = pl.data.{name}({count}, noise={{noise}}, seed=1)
test = pl.data.{name}(200, noise={{noise}}, seed=2)
x, y, validation_data = learned.x, learned.y, (test.x, test.y)"""
    return Source(template, noise, make), *make(noise)


def _task(entry: Entry, net: BaseNetwork, learned: Any, test: Any, **options: Any) -> Task:
    x, y = learned
    options.setdefault("metrics", ("accuracy",))
    options.setdefault("source", Source(GIVEN.format(name=entry.name)))
    options |= {"plain": True, "speed": entry.speed, "learned": entry.steps}
    return Task(entry.name, words(entry.title), words(entry.about), entry.kind, net, x, y, test, **options)


# Data are read once, for a task that is opened again.


@cache
def _digit_images() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    digits = data.load("digits")
    order = np.random.Generator(np.random.Philox(0)).permutation(len(digits.x))
    x, y = digits.x[order], digits.y[order]
    return (x[:1400], y[:1400]), (x[1400:], y[1400:])


@cache
def sample_image() -> Array:
    """The sample image in grey, small enough that a kernel is seen to slide: (106, 160) numbers of 0 to 1."""
    grey = data.sample_image("china").mean(axis=2)
    height, width = grey.shape[0] // 4, grey.shape[1] // 4
    small = grey[: height * 4, : width * 4].reshape(height, 4, width, 4).mean(axis=(1, 3))
    return np.asarray(small, np.float32)


@cache
def _patches() -> Array:
    """Pieces of the sample image, (n, h, w, 1), in random order."""
    grey = data.sample_image("china").mean(axis=2)
    grey = grey[:426, :640].reshape(213, 2, 320, 2).mean(axis=(1, 3))
    places = [(i, j) for i in range(0, 213 - PATCH, PATCH) for j in range(0, 320 - PATCH, PATCH)]
    order = np.random.Generator(np.random.Philox(0)).permutation(len(places))
    pieces = [grey[i : i + PATCH, j : j + PATCH] for i, j in (places[k] for k in order)]
    return np.asarray(np.stack(pieces)[..., None], np.float32)


@cache
def _characters() -> tuple[data.Vocabulary, Array, Array]:
    learned, tested = data.split_tail(data.topics()[:CHARACTERS])
    vocabulary = data.Vocabulary.fit(learned)
    return vocabulary, vocabulary.encode(learned), vocabulary.encode(tested)


@cache
def _series() -> data.Series:
    return data.load_series("google")


TASKS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "spirals",
            "mlp",
            gettext("Two spirals"),
            gettext(
                "A few neurons learn to separate two winding arms of points. "
                "Watch the border between them bend until it follows both."
            ),
            _spirals,
            steps=500,
        ),
        Entry(
            "digits",
            "cnn",
            gettext("Handwritten digits"),
            gettext(
                "A small convolutional network reads digits of 8 × 8 pixels. Draw one yourself, "
                "and follow its answer back to the pixels."
            ),
            _digits,
            steps=700,
            speed=100,
        ),
        Entry(
            "kernels",
            "convolution",
            gettext("An image and kernels"),
            gettext(
                "A kernel slides over an image and finds edges. Four kernels are learned here "
                "just by seeing what they ought to do; then try your own, at any stride."
            ),
            _kernels,
            steps=400,
        ),
        Entry(
            "text",
            "lstm",
            gettext("Writing, letter by letter"),
            gettext(
                "An LSTM reads the help pages of Python and guesses the next character. Look at what its gates "
                "keep and forget, and let it write."
            ),
            _text,
            steps=1500,
            speed=100,
        ),
        Entry(
            "prices",
            "rnn",
            gettext("Tomorrow's price"),
            gettext(
                "A recurrent network reads twenty days of a stock's price and forecasts the next. "
                "An honest test: can it beat saying that tomorrow is like today?"
            ),
            _prices,
            steps=500,
        ),
        Entry(
            "autoencoder",
            "autoencoder",
            gettext("Digits through two numbers"),
            gettext(
                "Each digit is squeezed into two numbers and drawn again from them. "
                "Drag a point in the plane of the two, and see which digit it stands for."
            ),
            _autoencoder,
            steps=2000,
            speed=100,
        ),
        Entry(
            "activations",
            "mlp",
            gettext("One neuron, five curves"),
            gettext(
                "Behind the same weighted sum stand a step, a sigmoid, a tanh, a ReLU and a leaky ReLU. "
                "See what each makes of six days, and which of them learn."
            ),
            _activations,
            steps=100,
        ),
        Entry(
            "sigmoids",
            "deep",
            gettext("A deep stack that will not learn"),
            gettext(
                "Eight layers of sigmoids: on its way back the gradient shrinks at each of them until "
                "nothing is left. Then put ReLUs in their place."
            ),
            _sigmoids,
            steps=600,
        ),
        Entry(
            "relus",
            "deep",
            gettext("The same stack, with ReLUs"),
            gettext("The same eight layers, data and seed, but with ReLUs: the gradient arrives at the first layer."),
            _relus,
            steps=600,
        ),
    )
}
"""The gallery, in the order in which it is shown."""
