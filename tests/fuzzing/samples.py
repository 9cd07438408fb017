"""A small valid file of every kind that is read, how mutants of it are made, and how it is read to the end."""

from __future__ import annotations

import contextlib
import functools
import gzip
import importlib.util
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import click
import numpy as np
from PIL import Image
from tests.fuzzing.mutations import (
    mutated_bytes,
    mutated_idx,
    mutated_keras,
    mutated_lines,
    mutated_onnx,
    mutated_png,
    mutated_safetensors,
)

import pellucid as pl
from pellucid import cli, data
from pellucid.cli.language import Reader
from pellucid.explain import Trace
from pellucid.interchange.safetensors import load as load_network
from pellucid.interchange.safetensors import small_enough_to_probe
from pellucid.summary import summarise


@dataclass(frozen=True)
class Sample:
    """A file.

    Attributes:
        suffix: of its name.
        make: its content.
        mutate: another content.
        read: reads a file and uses what was in it.
        weight: how often it is drawn.
    """

    suffix: str
    make: Callable[[], bytes]
    mutate: Callable[[bytes, Random], bytes]
    read: Callable[[Path, Random], object]
    weight: int = 4


def _saved(save: Callable[[Path], object]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        save(path)
        return path.read_bytes()


TABLE = b"""flat,area,rooms,price,sold,near
a,50.5,2,"100,000",yes,park
b,70,3,150000,no,river
c,,3,120000,yes,"the ""old"" park"
d,90.25,4,210000,no,river
e,30,1,70000,yes,park
"""
SERIES = b"""Date,Open,Close
2024-01-02,1.0,1.5
2024-01-03,1.5,1.25
2024-01-04,,1.75
2024-01-05,1.75,2.0
2024-01-08,2.0,1.5
2024-01-09,1.5,1.0
"""
TEXT = "She said: don't!\nHe didn't. हिन्दी café 東京 …\n\n".encode() * 4


# Networks


def _table() -> pl.Network:
    net = pl.Network(pl.Dense(4, activation="relu"), pl.Dense(3, activation="softmax"), input_shape=4)
    net.metadata |= data.Preparation(tuple("abcd"), "kind", ("x", "y", "z"), (0.0, 1.0, 2.0, 3.0)).metadata()
    return net


def _images() -> pl.Network:
    layers = [pl.Conv2D(2, 3, padding="same", activation="relu"), pl.MaxPool2D(2), pl.BatchNormalization()]
    return pl.Network(*layers, pl.ConvTranspose2D(1, 2, strides=2), pl.Flatten(), pl.Dense(2), input_shape=(6, 6, 1))


def _text() -> pl.Network:
    known = data.Vocabulary.fit("the cat sat on the mat and the dog")
    return Reader.build(known, length=5, units=3).net


def _sequence() -> pl.Network:
    both = pl.Bidirectional(pl.GRU(2, return_sequences=True))
    layers = [pl.Masking(), both, pl.Conv1D(2, 2), pl.LayerNormalization()]
    return pl.Network(*layers, pl.GlobalAveragePool(), pl.Dropout(0.5), pl.Dense(1), input_shape=(6, 2))


def _graph() -> pl.Network:
    a, b = pl.Input((3, 2)), pl.Input(4, name="b")
    inner = pl.Network(pl.Dense(3, activation=pl.leaky_relu(slope=0.1)), input_shape=4, name="inner")
    attended = pl.Flatten()(pl.MultiHeadAttention(1, 2)(a, a))
    joined = pl.Concatenate()(inner(b), inner(b), attended)
    end = pl.Reshape((3, 4))(pl.Dense(12, kernel_regularizer=pl.L2(0.1))(joined))
    return pl.Network(inputs=[a, b], outputs=[end, pl.Dense(1, activation="sigmoid")(joined)])


NETWORKS = (_table, _images, _text, _sequence, _graph)


def _imported() -> pl.Network:
    """As ONNX has them: operators."""
    return _read_back(_images)


def _imported_sequence() -> pl.Network:
    return _read_back(_sequence)


def _read_back(make: Callable[[], pl.Network]) -> pl.Network:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.onnx"
        make().to_onnx(path)
        return pl.from_onnx(path)


def _use_onnx(path: Path, random: Random) -> None:
    net = pl.from_onnx(path, engine=random.choice(("reference",) * 9 + ("llvm",)))
    repr(net), net.config()
    if small_enough_to_probe(net):
        net.predict({name: np.zeros((2, *shape)) for name, shape in net.input_shapes.items()})


def _use_network(path: Path, random: Random) -> None:
    net = load_network(path, pl.Network, engine=random.choice(("reference",) * 9 + ("llvm",)))
    repr(net), str(summarise(net)), net.config()
    data.Preparation.of(net.metadata)
    if "vocabulary" in net.metadata:
        reader = Reader.read(net, path.name)
        list(reader.continued(reader.vocabulary.encode("t"), 3))
    if small_enough_to_probe(net):
        net.predict({name: np.zeros((2, *shape)) for name, shape in net.input_shapes.items()})


def _command(path: Path, random: Random) -> None:
    table = path.with_name("table.csv")
    table.write_bytes(b"a,b,c,d,kind\n1,2,3,4,x\n")
    arguments = random.choice(
        (
            ["inspect", str(path)],
            ["predict", str(path), str(table)],
            ["generate", str(path), "--length", "3"],
            ["explain", str(path), "dense_1", "--input", str(table), "--unit", "0"],
        )
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(click.ClickException):
        cli.cli.main(arguments, prog_name="pellucid", standalone_mode=False)


# Runs and trainings

X, Y = np.linspace(-1, 1, 24).reshape(12, 2), np.arange(12) % 3


@functools.cache
def _trained() -> pl.Network:
    layers = [pl.Dense(3, activation="tanh"), pl.Dense(3, activation="softmax")]
    return pl.Network(*layers, input_shape=2, engine="reference")


def _fit(path: Path, **options: object) -> None:
    callbacks: list[pl.Callback] = [pl.EarlyStopping("loss"), pl.ReduceLROnPlateau("loss")]
    if not options:
        callbacks.append(pl.Checkpoint(path, every_steps=2))
    _trained().fit(
        *(X, Y),
        epochs=2,
        batch_size=5,
        metrics=["accuracy", "auc"],
        callbacks=callbacks,
        verbose=0,
        **options,  # type: ignore[arg-type]
    )


def _checkpoint() -> bytes:
    class Full(Exception):
        pass

    class Stop(pl.Callback):
        def on_batch_end(self, step: int, logs: object) -> None:
            if step == 5:
                raise Full

    def save(path: Path) -> None:
        callbacks = [pl.EarlyStopping("loss"), pl.ReduceLROnPlateau("loss"), pl.Checkpoint(path, every_steps=1), Stop()]
        with contextlib.suppress(Full):
            _trained().fit(*(X, Y), epochs=2, batch_size=5, metrics=["accuracy", "auc"], callbacks=callbacks, verbose=0)

    return _saved(save)


def _use_trace(path: Path, random: Random) -> None:
    run = Trace.load(path)
    repr(run)
    for name in random.sample(list(run), min(3, len(run))):
        index = [random.randrange(-1, n + 1) for n in run[name].shape]
        with contextlib.suppress(pl.PellucidError):
            run.explain(name, index=index).text()


# Tables, texts, images


def _use_table(path: Path, random: Random) -> None:
    target = random.choice((None, "price", "sold", "area"))
    options = random.choice(({}, {"fill": "mean"}, {"drop": ["near"]}, {"delimiter": ","}, {"encoding": "latin-1"}))
    data.read_csv(path, target, **options)


def _use_series(path: Path, random: Random) -> None:
    options = random.choice(({}, {"fill": "previous"}, {"date": "Date"}))
    series = data.read_series(path, random.choice(("Close", ("Open", "Close"))), **options)
    series.day(0)


def _use_text(path: Path, random: Random) -> None:
    text = data.read_text(path)
    vocabulary = data.Vocabulary.fit(text, by=random.choice(("char", "word")), min_count=1) if text.strip() else None
    if vocabulary is not None:
        vocabulary.decode(vocabulary.encode(text))


def _image(form: str, mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    pixels = Image.effect_mandelbrot((20, 16), (-2, -1, 1, 1), 20).convert(mode)
    pixels.save(stream, form)
    return stream.getvalue()


def _use_image(path: Path, random: Random) -> None:
    size = random.choice((None, (4, 5)))
    if random.random() < 0.7:
        data.read_image(path, size=size, channels=random.choice((None, 1, 3)))
        return
    for name in "ab":
        path.with_name(name).mkdir()
    path.rename(path.with_name("a") / path.name)
    (path.with_name("b") / "x.png").write_bytes(_image("PNG"))
    data.load_image_folder(path.parent, size=size)


def _idx(shape: tuple[int, ...]) -> bytes:
    extents = b"".join(n.to_bytes(4, "big") for n in shape)
    return bytes((0, 0, 8, len(shape))) + extents + bytes(k % 10 for k in range(int(np.prod(shape))))


def _use_idx(path: Path, random: Random) -> None:
    labels = path.with_name("labels")
    labels.write_bytes(_idx((5,)))
    data.read_idx(path, max_bytes=1 << 24)
    data.load_idx(*random.choice(((path, labels), (labels, path), (path, path))))


def _npy() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ones((2, 4), np.float32))
    return stream.getvalue()


def _use_npy(path: Path, random: Random) -> None:
    model = path.with_name("model.safetensors")
    model.write_bytes(_content(_table))
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(click.ClickException):
        cli.cli.main(["predict", str(model), str(path)], prog_name="pellucid", standalone_mode=False)


@functools.cache
def _content(make: Callable[[], pl.Network]) -> bytes:
    return _saved(make().save)


def _network(make: Callable[[], pl.Network]) -> Sample:
    return Sample(".safetensors", lambda: _content(make), mutated_safetensors, _use_network, weight=12)


def _as_onnx(make: Callable[[], pl.Network]) -> bytes:
    return _saved(make().to_onnx)


def _onnx_samples() -> dict[str, Sample]:
    """Models of operators, and networks that are made of them; where the package onnx is installed."""
    samples = {f"network of {make.__name__[1:]}": _network(make) for make in (_imported, _imported_sequence)}
    for make in (_table, _images, _sequence, _graph):
        content = functools.partial(_as_onnx, make)
        name = make.__name__[1:]
        samples[f"onnx of {name}"] = Sample(".onnx", content, mutated_onnx, _use_onnx, weight=8)
        samples[f"bytes of an onnx of {name}"] = Sample(".onnx", content, mutated_bytes, _use_onnx, weight=2)
    return samples


def _recurrent() -> pl.Network:
    return pl.Network(
        pl.Embedding(5, 4, mask_zero=True),
        pl.Bidirectional(pl.LSTM(2, return_sequences=True)),
        pl.MultiHeadAttention(2, 2),
        pl.GRU(3),
        pl.Dense(2, activation="softmax"),
        input_shape=(4,),
    )


def _use_keras(path: Path, random: Random) -> None:
    net = pl.from_keras(path, engine=random.choice(("reference",) * 9 + ("llvm",)))
    repr(net), net.config()
    if small_enough_to_probe(net):
        net.predict({name: np.zeros((2, *shape)) for name, shape in net.input_shapes.items()})


def _keras_samples() -> dict[str, Sample]:
    """Keras models; where the package h5py is installed."""
    samples = {}
    for make in (_table, _images, _recurrent, _graph):
        name, content = make.__name__[1:], functools.partial(_as_keras, make)
        samples[f"keras model of {name}"] = Sample(".keras", content, mutated_keras, _use_keras, weight=8)
    return samples


def _as_keras(make: Callable[[], pl.Network]) -> bytes:
    return _saved(make().to_keras)


SAMPLES: dict[str, Sample] = {
    **{f"network of {make.__name__[1:]}": _network(make) for make in NETWORKS},
    **(_keras_samples() if importlib.util.find_spec("h5py") else {}),
    **(_onnx_samples() if importlib.util.find_spec("onnx") else {}),
    "command of a table": Sample(".safetensors", lambda: _content(_table), mutated_safetensors, _command),
    "command of a text": Sample(".safetensors", lambda: _content(_text), mutated_safetensors, _command),
    "trace": Sample(
        ".safetensors", lambda: _saved(_trained().trace(X, Y).save), mutated_safetensors, _use_trace, weight=12
    ),
    "checkpoint": Sample(
        ".safetensors", _checkpoint, mutated_safetensors, lambda path, _: _fit(path, resume=path), weight=12
    ),
    "table": Sample(".csv", lambda: TABLE, mutated_lines, _use_table, weight=8),
    "bytes of a table": Sample(".csv", lambda: TABLE, mutated_bytes, _use_table),
    "series": Sample(".csv", lambda: SERIES, mutated_lines, _use_series, weight=8),
    "text": Sample(".txt", lambda: TEXT, mutated_bytes, _use_text),
    "text in UTF-16": Sample(".txt", lambda: TEXT.decode().encode("utf-16"), mutated_bytes, _use_text),
    "idx": Sample(".idx", lambda: _idx((5, 4, 3)), mutated_idx, _use_idx),
    "idx in gzip": Sample(".gz", lambda: gzip.compress(_idx((5, 4, 3)), mtime=0), mutated_idx, _use_idx),
    "numpy": Sample(".npy", _npy, mutated_bytes, _use_npy, weight=2),
    **{
        f"{form} {mode}": Sample(f".{form.lower()}", functools.partial(_image, form, mode), mutated_png, _use_image)
        for form, mode in (("PNG", "RGB"), ("PNG", "P"), ("PNG", "I;16"), ("JPEG", "RGB"), ("GIF", "P"), ("BMP", "RGB"))
    },
    **{
        f"{form} {mode}": Sample(f".{form.lower()}", functools.partial(_image, form, mode), mutated_bytes, _use_image)
        for form, mode in (("TIFF", "RGB"), ("WEBP", "RGB"), ("PPM", "L"))
    },
}
