"""``pellucid train``: a network from a table, images, a text, or an embedded data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

from ..data import Augmentation, Dataset, Preparation, Standardizer
from ..data.public_sets import PUBLIC_IMAGES
from ..data.text import BY
from ..default_layers import TEST_SIZE, TEXT_HABITS, TEXT_RATE, default_hidden, example_layers, original_units
from ..engines.processes import PART
from ..errors import DataError
from ..files import replacing
from . import autoencoding, grouped, options
from .examples import BRIGHTNESS
from .launching import several_processes
from .output import STREAM, check_figure, check_writable, printable
from .reporting import Report, reporting, with_force
from .sources import changes_of, is_text, on_disk, text_of, training_data

OPTIMIZERS = {"sgd": pl.SGD, "rmsprop": pl.RMSprop, "adam": pl.Adam, "adamw": pl.AdamW}

GROUPS = {
    "Tables": ("target", "task", "drop", "keep", "text_columns", "fill", "unseen"),
    "Images": ("size", "grey", "flip", "shift", "rotate"),
    "Texts": ("text", "by", "length", "units", "layers", "dropout", "vocabulary"),
    "The network": ("model", "hidden", "activation"),
    "The training": (
        *("epochs", "batch_size", "optimizer", "learning_rate", "validation", "patience", "class_weight"),
        *("clip_norm", "seed", "checkpoint", "resume", "watch"),
    ),
}
EPILOG = """\b
Examples:
  pellucid train iris                                    an embedded set: digits, iris, wine,
                                                         breast_cancer, diabetes
  pellucid train spirals --hidden 32,32                  a toy: spirals, moons, circles, blobs, xor,
                                                         checkerboard
  pellucid train flats.csv --target price --epochs 200   a table with a header line
  pellucid train films.csv --target liked --text-column review    the words of a column, beside the others
  pellucid train mnist --epochs 5                        a public set, downloaded once: mnist, fashion_mnist,
                                                         cifar10, and the text shakespeare
  pellucid train mnist/ --model cnn --epochs 5           a folder of IDX files with MNIST's names
  pellucid train digits --model autoencoder --hidden 64,8    a code of 8 numbers; predict gives it, and the error
  cat flats.csv | pellucid train - --target price        the standard input
  pellucid train animals/ --size 64x64 --flip            a folder of images for each class
  pellucid train shakespeare.txt                         a text, by character (or --by word)
  pellucid train topics --by word                        the embedded text, Python's help topics
\b
Interrupted by Ctrl-C, train saves the best weights so far. To survive a crash as well:
  pellucid train mnist/ --checkpoint run.ckpt            writes its state after each epoch
  pellucid train mnist/ --checkpoint run.ckpt --resume   continues from there, to the same bits
\b
On a GPU, and in several processes that each read their part of every batch:
  pellucid train mnist/ --engine xla
  pellucid train mnist/ --engine xla --coordinator 10.0.0.1:4040 --processes 2 --process 0
"""


def _widths(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Numbers of units such as 64,32; "none" for no hidden layer."""
    if value is None:
        return None
    try:
        widths = () if value == "none" else tuple(int(part) for part in value.split(","))
    except ValueError:
        widths = (0,)
    if any(units < 1 for units in widths):
        raise click.BadParameter(f'expected numbers of units such as 64,32, or none, got "{value}".', ctx, param)
    return widths


def _size(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Height and width such as 64x48; one number is both."""
    if value is None:
        return None
    parts = value.lower().replace("×", "x").split("x")
    if not all(part.isdecimal() and int(part) > 0 for part in parts) or len(parts) > 2:
        raise click.BadParameter(f'expected a height and a width such as 64x48, got "{value}".', ctx, param)
    return int(parts[0]), int(parts[-1])


@grouped.command(epilog=EPILOG, groups=GROUPS)
@click.argument("data", shell_complete=options.data_names)
@click.option("--target", metavar="COLUMN", help="The column of a CSV file to learn.")
@click.option(
    "--task",
    type=click.Choice(["classification", "regression"]),
    help="Whether the target is a class or a quantity.  [default: detected]",
)
@click.option("--drop", metavar="COLUMN", multiple=True, help="A column to leave out; may be repeated.")
@click.option(
    "--keep",
    metavar="COLUMN",
    multiple=True,
    help="A column to take although it only seems to tell the rows apart, as a number or a name of each does; may be"
    " repeated.",
)
@click.option(
    "--text-column",
    "text_columns",
    metavar="COLUMN",
    multiple=True,
    help="A column of texts, whose words become columns of 0 and 1 (at most --vocabulary of them); may be repeated."
    "  [default: the only column beside the target, if it holds texts]",
)
@click.option(
    "--fill",
    type=click.Choice(["mean", "none"]),
    help="Replace the missing values of a table by their column's mean, or make them an error.  [default: mean]",
)
@click.option(
    "--unseen",
    type=click.Choice(["error", "ignore"]),
    help="What a category in a later table is that this one lacks: an error, or none of the known ones.  [default:"
    " error]",
)
@click.option(
    "--model",
    type=click.Choice(["mlp", "cnn", "autoencoder"]),
    help="Dense layers alone (mlp); for images, convolutions first (cnn); or dense layers that learn to give their own"
    " input through a bottleneck (autoencoder).  [default: mlp; for images, cnn]",
)
@click.option("--size", metavar="HxW", callback=_size, help="Resize images, such as to 64x64.")
@click.option("--grey", is_flag=True, help="Convert images to grey.")
@click.option("--flip", is_flag=True, help="While training, mirror every other image left to right.")
@click.option(
    "--shift",
    type=options.FloatRange(min=0),
    default=0.0,
    help="While training, shift images by up to this many pixels.",
)
@click.option(
    "--rotate",
    type=options.FloatRange(0, 180),
    default=0.0,
    help="While training, rotate images by up to this many degrees.",
)
@click.option("--text", is_flag=True, help="DATA is a text, whatever its name ends in.  [default: .txt is]")
@click.option("--by", type=click.Choice(BY), help="Read a text by character or by word.  [default: char]")
@click.option("--length", type=options.IntRange(min=2), help="Tokens read at a time.  [default: 64, words 32]")
@click.option("--units", type=options.IntRange(min=1), help="Units of a text's LSTM.  [default: 128, words 192]")
@click.option("--layers", type=options.IntRange(min=1), help="Layers of a text's LSTM.  [default: 1]")
@click.option(
    "--dropout",
    type=options.FloatRange(0, 1, max_open=True),
    help="The fraction of the values that is dropped while learning a text.  [default: 0; by word, 0.4]",
)
@click.option(
    "--vocabulary",
    type=options.IntRange(min=2),
    help="The maximum number of different words.  [default: 10000; of a --text-column, 1000]",
)
@click.option(
    "--hidden",
    metavar="UNITS",
    callback=_widths,
    help='Units of each hidden layer, such as 64,32; "none" for no hidden layer.  [default: 64,32; of a cnn, 64]',
)
@click.option(
    "--activation",
    default="relu",
    show_default=True,
    help="The hidden layers' activation, or one for each dense layer, such as relu,tanh.",
)
@click.option(
    "--epochs",
    type=options.IntRange(min=1),
    help="Passes through the data.  [default: 100; of a cnn, 10; of a text, 4, in which every character is read three"
    " times; by word, 8]",
)
@click.option(
    "--batch-size",
    type=options.IntRange(min=1),
    help="Examples per update.  [default: 32; for a text, 8 to 64, depending on its length]",
)
@click.option(
    "--optimizer",
    type=click.Choice(list(OPTIMIZERS), case_sensitive=False),
    default="adam",
    show_default=True,
    help="The rule that updates the parameters.",
)
@click.option(
    "--learning-rate",
    type=options.FloatRange(min=0, min_open=True),
    help="The learning rate; for a text, that of the first epoch.  [default: the optimizer's own; of a text, 0.004]",
)
@click.option(
    "--validation",
    type=options.FloatRange(0, 1, max_open=True),
    help="The fraction of the examples that is kept for validation, 0 for none.  [default: 0.2; of a text, 0.05]",
)
@click.option(
    "--patience",
    type=options.IntRange(min=1),
    help="Stop when the validation loss was not better for this many epochs, and take the best weights.  [default:"
    " never]",
)
@click.option(
    "--class-weight",
    type=click.Choice(["balanced"]),
    help="Weigh rare classes as much as frequent ones.  [default: every example alike]",
)
@click.option(
    "--clip-norm",
    type=options.FloatRange(min=0, min_open=True),
    help="Scale down a gradient whose norm is above this, such as 1.  [default: never]",
)
@options.csv_writing()
@options.seed()
@options.model_output("model.safetensors")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Keep the state of the training in this file.")
@click.option("--resume", is_flag=True, help="Continue from the checkpoint.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the history, such as history.png.")
@click.option("--watch", is_flag=True, help="Show the size of values and gradients, layer by layer, after every epoch.")
@with_force
@reporting(meanwhile=True)
@several_processes
def command(
    data: str,
    target: str | None,
    task: str | None,
    drop: tuple[str, ...],
    keep: tuple[str, ...],
    text_columns: tuple[str, ...],
    fill: str | None,
    unseen: str | None,
    model: str | None,
    size: tuple[int, int] | None,
    grey: bool,
    flip: bool,
    shift: float,
    rotate: float,
    text: bool,
    by: str | None,
    length: int | None,
    units: int | None,
    layers: int | None,
    dropout: float | None,
    vocabulary: int | None,
    hidden: tuple[int, ...] | None,
    activation: str,
    epochs: int | None,
    batch_size: int | None,
    optimizer: str,
    learning_rate: float | None,
    validation: float | None,
    patience: int | None,
    class_weight: str | None,
    clip_norm: float | None,
    writing: dict[str, Any],
    seed: int,
    output: Path,
    checkpoint: Path | None,
    resume: bool,
    plot: Path | None,
    watch: bool,
    engine: str | None,
    report: Report,
) -> None:
    """DATA is a CSV file with a header line (name the column to learn with --target), a folder of IDX files with
    MNIST's names, a folder with one folder of images for each class, a text, or the name of an embedded set, a public
    set or a toy.

    Tables are brought to mean 0 and deviation 1, categories in them become columns of 0 and 1, dates the days since
    the first and their place in the year, missing values the mean; columns that only tell the rows apart (a number, a
    name) are left out. All of this is saved with the model, so
    `pellucid predict` takes the same kind of file. A text is read by an LSTM that learns which character or
    word comes next; `pellucid generate` continues it.
    """
    if resume and checkpoint is None:
        raise DataError("expected --checkpoint FILE with --resume, the checkpoint to continue from, got none.")
    check_figure(plot)
    name, data = data, on_disk(data)
    if patience is not None and validation == 0:
        raise DataError("--patience watches the validation loss, and --validation 0 leaves none: leave one out.")
    if watch and click.get_current_context().params["quiet"]:
        raise DataError("--watch prints tables, which --quiet leaves out: leave one of them out.")
    check_writable(output, checkpoint, plot, sources=[data], replace=resume)
    fitting = _Fitting(
        optimizer,
        learning_rate,
        clip_norm,
        batch_size,
        epochs,
        seed,
        checkpoint,
        resume,
        output,
        watch,
        patience,
        class_weight,
        engine,
    )
    if is_text(data, text=text):
        columns: dict[str, object] = {"--target": target, "--task": task, "--drop": drop, "--keep": keep}
        columns |= {"--text-column": text_columns}
        columns |= {"--fill": fill, "--unseen": unseen, "--hidden": hidden, "--class-weight": class_weight}
        images = {
            "--model": model,
            "--size": size,
            "--grey": grey,
            "--flip": flip,
            "--shift": shift,
            "--rotate": rotate,
        }
        for option, value in (columns | images | {f"--{name}": value for name, value in writing.items()}).items():
            if value:
                raise DataError(f'"{data}" is a text, which takes no {option}: leave it out.')
        language = _Language(by or "char", length, units, layers or 1, dropout, vocabulary or 10_000)
        validation = 0.05 if validation is None else validation
        history, found = _learn_text(data, "stdin" if name == STREAM else data, fitting, language, validation)
    else:
        texts = {"--by": by, "--length": length, "--units": units, "--layers": layers}
        for option, given in (texts | {"--dropout": dropout}).items():
            if given is not None:
                raise DataError(f'"{data}" is not a text, and only texts take {option}: leave it out, or give --text.')
        reading: dict[str, Any] = {"target": target, "task": task, "drop": drop, "keep": keep, "fill": fill}
        reading |= {"unseen": unseen, "writing": writing, "targets": model != "autoencoder"}
        reading |= {"text_columns": text_columns, "words": vocabulary}
        training = training_data(data, **reading, size=size, grey=grey, seed=seed)
        changes = Augmentation(flip=flip, shift=shift, rotate=rotate)
        folder = training[1] is None and Path(data).is_dir()
        model = model or ("cnn" if folder or data in PUBLIC_IMAGES else "mlp")
        validation = TEST_SIZE if validation is None else validation
        if model == "autoencoder":
            if changes != Augmentation() or class_weight is not None:
                raise DataError("--model autoencoder takes no --flip, --shift, --rotate and --class-weight.")
            history, found = autoencoding.learn(training[0], hidden, activation, validation, fitting)
        else:
            history, found = _learn_examples(*training, fitting, model, hidden, activation, changes, validation)
    if plot is not None:
        with replacing(plot) as beside:
            history.plot().savefig(beside)
        click.echo(f"drew {plot}")
    report |= {"data": name, **found, "epochs": len(history.epoch), "stopped": history.stopped or None}
    report |= {"history": history.history, "model": output, "plot": plot, "checkpoint": checkpoint}
    use = "generate" if is_text(data, text=text) else "predict" if model == "autoencoder" else "inspect"
    example = f" {name}" if use == "predict" else ""
    click.echo(f"saved {output}: try  pellucid {use} {output}{example}")


@dataclass(frozen=True)
class _Fitting:
    """How to fit, whatever the data are."""

    optimizer: str
    learning_rate: float | None
    clip_norm: float | None
    batch_size: int | None
    epochs: int | None
    seed: int
    checkpoint: Path | None
    resume: bool
    output: Path
    watch: bool
    patience: int | None
    class_weight: str | None
    engine: str | None

    def options(
        self, *callbacks: pl.Callback, epochs: int, batch_size: int = 32, learning_rate: float | None = None
    ) -> dict[str, Any]:
        """The arguments of `fit`; what is given here stands in where nothing was asked for, the rate for Adam alone."""
        rule = OPTIMIZERS[self.optimizer]
        rate = self.learning_rate or (learning_rate if self.optimizer == "adam" else None)
        return {
            "epochs": self.epochs or epochs,
            "batch_size": self.batch_size or batch_size,
            "optimizer": rule() if rate is None else rule(rate),
            "clip_norm": self.clip_norm,
            "class_weight": self.class_weight,
            "callbacks": [*callbacks, *self._callbacks()],
            "resume": self.checkpoint if self.resume else None,
            "engine": self.engine,
        }

    def _callbacks(self) -> list[pl.Callback]:
        callbacks: list[pl.Callback] = []
        if self.patience is not None:
            callbacks.append(pl.EarlyStopping(patience=self.patience))
        if self.watch:
            from .watching import print_flow

            callbacks.append(pl.Watch(on_record=print_flow))
        if self.checkpoint is not None:
            callbacks.append(pl.Checkpoint(self.checkpoint))
        return callbacks

    def save(self, net: pl.Network, history: pl.History) -> None:
        if PART.first:
            net.save(self.output)
        if history.interrupted:
            raise KeyboardInterrupt(f"the best weights so far are in {self.output}.")


@dataclass(frozen=True)
class _Language:
    """What is read of a text, and by which network."""

    by: str
    length: int | None
    units: int | None
    layers: int
    dropout: float | None
    size: int


def _learn_text(
    data: str, name: str, fitting: _Fitting, language: _Language, validation: float
) -> tuple[pl.History, Report]:
    from .language import NOTE, UNITS, Reader, prepared, report, train

    by, habits = language.by, TEXT_HABITS[language.by]
    length = language.length or habits.length
    known, learned, tested = prepared(text_of(data), by=by, lower=None, size=language.size, length=length, name=name)
    sizes = f"{len(learned)} {UNITS[by]} to learn from, {len(tested)} to test, {len(known)} different"
    click.echo(f"{name}: {sizes}; {NOTE[by]}")
    reader = Reader.build(
        known,
        length=length,
        units=language.units or habits.units,
        layers=language.layers,
        dropout=language.dropout,
        seed=fitting.seed,
    )
    batch_size = habits.batch_size(len(learned), length)
    options = fitting.options(epochs=habits.epochs, batch_size=batch_size, learning_rate=TEXT_RATE)
    history = train(reader, learned, validation=validation, **options)
    fitting.save(reader.net, history)
    tokens = {"training": len(learned), "test": len(tested)}
    return history, {"tokens": tokens, "vocabulary": len(known), "test": report(reader, learned, tested)}


def _learn_examples(
    dataset: Dataset,
    test: Dataset | None,
    fitting: _Fitting,
    model: str,
    hidden: tuple[int, ...] | None,
    activation: str,
    changes: Augmentation,
    validation: float,
) -> tuple[pl.History, Report]:
    images = dataset.x.ndim == 4
    if not images and (model == "cnn" or changes != Augmentation()):
        raise DataError(
            f"{dataset.name} has no images, and only images take --model cnn, --flip, --shift and --rotate."
        )
    learned, held = dataset, None
    if validation:
        learned, held = dataset.divide(test_size=validation, seed=fitting.seed)
    x, y = learned.x, learned.y
    convolves = model == "cnn"
    hidden = default_hidden(convolves) if hidden is None else hidden
    activations = activation.split(",")
    if len(activations) == 1:
        activations *= max(1, len(hidden))
    if len(activations) != max(1, len(hidden)):
        raise DataError(
            f"--activation names {len(activations)} activations, and there are {len(hidden)} hidden layers: give one"
            " for each, or one for all."
        )
    classes = dataset.class_names
    if fitting.class_weight is not None and classes is None:
        raise DataError(f"{dataset.name} has no classes, and only classes take --class-weight: leave it out.")
    layers = example_layers(learned, convolves=convolves, hidden=hidden, activations=activations)
    net = pl.Network(*layers, input_shape=x.shape[1:], seed=fitting.seed)
    click.echo(_headline(dataset, len(x), 0 if held is None else len(held)))
    for line in changes_of(learned, held):
        click.echo(printable(line))
    scale = _labels if classes is not None else _scaled(y)
    history = net.fit(
        x,
        scale(y),
        loss="mse" if classes is None else "crossentropy",
        metrics=[] if classes is None else ["accuracy"],
        validation_data=None if held is None else (held.x, scale(held.y)),
        augmentation=changes if changes != Augmentation() else None,
        **fitting.options(epochs=10 if convolves else 100),
    )
    if classes is None:  # it learned the scaled target; what is saved answers in the target's own units
        net = pl.Network(*net.layers, original_units(y), input_shape=x.shape[1:], seed=fitting.seed)
    net.metadata.update(Preparation.of(learned).metadata())
    if images:
        net.metadata[BRIGHTNESS] = float(x.mean())
    fitting.save(net, history)
    parts = {"training": learned} if held is None else {"validation": held}
    sizes = {"training": len(x), "validation": 0 if held is None else len(held)}
    found: Report = {"examples": sizes, "classes": classes, "left_out": learned.left_out}
    for part, examples in (parts | ({} if test is None else {"test": test})).items():
        mean = float(y.mean(dtype=np.float64))
        found[part] = _judged(part, net, examples.x, examples.y, classes=classes is not None, mean=mean)
    return history, found


def _labels(y: NDArray[Any]) -> NDArray[Any]:
    return y


def _scaled(y: NDArray[Any]) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """From quantities (n,) to targets (n, 1) with mean 0 and deviation 1, as they are in `y`."""
    scale = Standardizer.fit(y)
    return lambda values: scale.transform(values)[:, None]


def _headline(dataset: Dataset, train: int, validation: int) -> str:
    shape = " × ".join(map(str, dataset.x.shape[1:]))
    target = "a quantity" if dataset.class_names is None else f"{len(dataset.class_names)} classes"
    return f"{dataset.name}: {train} examples to train, {validation} to validate; {shape} numbers → {target}"


def _judged(part: str, net: pl.Network, x: NDArray[Any], y: NDArray[Any], *, classes: bool, mean: float) -> Report:
    """Say in one line: accuracy; or the mean error in the target's units, beside that of the simplest guess."""
    outputs = net.predict(x)
    if classes:
        accuracy = float(np.mean(outputs.argmax(axis=1) == y))
        click.echo(f"{part} accuracy: {accuracy:.3f}")
        return {"accuracy": accuracy}
    error, guess = np.abs(outputs[:, 0] - y).mean(), np.abs(mean - y).mean()
    click.echo(f"{part} mean absolute error: {error:.4g}  (always guessing the mean: {guess:.4g})")
    return {"mean_absolute_error": float(error), "mean_absolute_error_of_the_mean": float(guess)}
