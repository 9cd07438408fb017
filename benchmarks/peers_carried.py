"""Six networks of PyTorch's and Keras's, carried over to Pellucid and back:

    python -m benchmarks.peers_carried

For each: the largest difference of the outputs from the peer's, over the largest output; the largest difference of the
losses of an epoch on the same batches (SGD, without dropout), over the first loss; and both again for the network that
was carried back. A bound that is not kept is said, and the exit status is 1. Needs torch and keras.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

import pellucid as pl

Array = NDArray[Any]
RATE, BATCH, EXAMPLES = 0.05, 32, 640
OUTPUTS, LOSSES, LOSSES_OF_ONE_BIAS = 1e-5, 1e-4, 5e-3
"""The bounds of both differences; the last one where PyTorch trains two biases and Pellucid their sum."""
WORDS, STEPS, CLASSES = 20, 12, 4
KINDS = ("mlp", "cnn", "bi-lstm with masks", "gru", "transformer block", "autoencoder")


@dataclass
class Case:
    """What is trained: examples as Pellucid takes them, targets, and whether these are classes."""

    x: Array
    y: Array
    classes: bool = True

    @property
    def loss(self) -> Any:
        return "crossentropy" if self.classes else "mean_squared_error"


class _Losses(pl.Callback):
    """The loss of each step."""

    losses_only = True

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_batch_end(self, step: int, logs: Any) -> None:
        self.values.append(float(logs["loss"]))


def case(kind: str) -> Case:
    """The data of a network, drawn or the digits."""
    rng = np.random.default_rng(0)
    if kind in ("mlp", "cnn", "autoencoder"):
        (x, y), _ = pl.data.load("digits").split(test_size=0.25, seed=0)
        x, y = np.asarray(x, np.float32)[:EXAMPLES], np.asarray(y)[:EXAMPLES]
        x = x.reshape(-1, 8, 8, 1)
        return Case(x, x, classes=False) if kind == "autoencoder" else Case(x, y.astype(np.int64))
    if kind == "gru":
        x = rng.normal(size=(EXAMPLES, STEPS, 3)).astype(np.float32)
        return Case(x, (x[:, :, 0].sum(1) > 0).astype(np.int64))
    tokens = rng.integers(1, WORDS, (EXAMPLES, STEPS))
    if kind == "bi-lstm with masks":
        tokens *= np.arange(STEPS) < rng.integers(1, STEPS + 1, (EXAMPLES, 1))
    return Case(tokens, tokens.max(1) % CLASSES)


def batches(known: Case) -> Iterator[tuple[Array, Array]]:
    for begin in range(0, len(known.x), BATCH):
        yield known.x[begin : begin + BATCH], known.y[begin : begin + BATCH]


def trained(net: pl.Network, known: Case) -> list[float]:
    """The losses of an epoch of Pellucid's; a network that gives logits gets its softmax first."""
    losses = _Losses()
    if known.classes and net.reading().last[next(iter(net.output_shapes))].activation != "softmax":
        (shape,) = net.input_shapes.values()
        net = pl.Network(net, pl.Activation("softmax"), input_shape=shape)
    options: dict[str, Any] = {"optimizer": pl.SGD(RATE), "loss": known.loss, "callbacks": [losses]}
    net.fit(known.x, known.y, epochs=1, batch_size=BATCH, shuffle=False, verbose=0, **options)
    return losses.values


# PyTorch


def torch_module(kind: str) -> Any:
    import torch
    from torch import nn

    torch.manual_seed(0)

    class BiLSTM(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(WORDS, 8, padding_idx=0)
            self.lstm = nn.LSTM(8, 16, batch_first=True, bidirectional=True)
            self.head = nn.Linear(32, CLASSES)

        def forward(self, tokens: Any) -> Any:
            lengths = (tokens != 0).sum(1).cpu()
            packed = nn.utils.rnn.pack_padded_sequence(self.words(tokens), lengths, True, enforce_sorted=False)
            _, (h, _) = self.lstm(packed)
            return self.head(torch.cat([h[-2], h[-1]], 1))

    class GRU(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.head = nn.GRU(3, 16, num_layers=2, batch_first=True), nn.Linear(16, 2)

        def forward(self, x: Any) -> Any:
            _, h = self.gru(x)
            return self.head(h[-1])

    class Transformer(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.words = nn.Embedding(WORDS, 16)
            self.places = nn.Parameter(0.1 * torch.randn(1, STEPS, 16))
            self.block = nn.TransformerEncoderLayer(16, 4, 32, dropout=0.0, batch_first=True)
            self.head = nn.Linear(16, CLASSES)

        def forward(self, tokens: Any) -> Any:
            return self.head(self.block(self.words(tokens) + self.places).mean(1))

    conv, up = nn.Conv2d, nn.ConvTranspose2d
    makers: dict[str, Callable[[], Any]] = {
        "mlp": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
        "cnn": lambda: nn.Sequential(
            *(conv(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
            *(conv(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10)),
        ),
        "bi-lstm with masks": BiLSTM,
        "gru": GRU,
        "transformer block": Transformer,
        "autoencoder": lambda: nn.Sequential(
            *(conv(1, 8, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10), nn.ReLU(), nn.Linear(10, 128)),
            *(nn.ReLU(), nn.Unflatten(1, (8, 4, 4)), up(8, 1, 2, 2), nn.Sigmoid()),
        ),
    }
    return makers[kind]()


def _as_torch(x: Array) -> Any:
    import torch

    return torch.as_tensor(np.ascontiguousarray(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x))


def torch_outputs(module: Any, x: Array) -> Array:
    import torch

    with torch.no_grad():
        y = module.eval()(_as_torch(x)).numpy()
    return np.asarray(y.transpose(0, 2, 3, 1) if y.ndim == 4 else y)


def torch_trained(module: Any, known: Case) -> list[float]:
    import torch

    function: Any = torch.nn.CrossEntropyLoss() if known.classes else torch.nn.MSELoss()
    optimizer = torch.optim.SGD([p for p in module.parameters() if p.requires_grad], lr=RATE)
    module.train()
    losses = []
    for x, y in batches(known):
        optimizer.zero_grad()
        loss = function(module(_as_torch(x)), _as_torch(y))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# Keras


def keras_model(kind: str) -> Any:
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(0)
    if kind == "transformer block":
        given = keras.Input((STEPS,), dtype="int32")
        x = kl.Embedding(WORDS, 16)(given)
        x = kl.LayerNormalization()(kl.Add()([x, kl.MultiHeadAttention(4, 4)(x, x)]))
        x = kl.LayerNormalization()(kl.Add()([x, kl.Dense(16)(kl.Dense(32, activation="relu")(x))]))
        return keras.Model(given, kl.Dense(CLASSES, activation="softmax")(kl.GlobalAveragePooling1D()(x)))
    image, steps = keras.Input((8, 8, 1)), keras.Input((STEPS, 3))
    chains: dict[str, list[Any]] = {
        "mlp": [image, kl.Flatten(), kl.Dense(32, activation="relu"), kl.Dense(10, activation="softmax")],
        "cnn": [
            *(image, kl.Conv2D(8, 3, padding="same"), kl.BatchNormalization(), kl.ReLU(), kl.MaxPooling2D()),
            *(
                kl.Conv2D(16, 3, padding="same"),
                kl.BatchNormalization(),
                kl.ReLU(),
                kl.Flatten(),
                kl.Dense(10, activation="softmax"),
            ),
        ],
        "bi-lstm with masks": [
            *(keras.Input((STEPS,), dtype="int32"), kl.Embedding(WORDS, 8, mask_zero=True)),
            *(kl.Bidirectional(kl.LSTM(16)), kl.Dense(CLASSES, activation="softmax")),
        ],
        "gru": [steps, kl.GRU(16, return_sequences=True), kl.GRU(16), kl.Dense(2, activation="softmax")],
        "autoencoder": [
            *(image, kl.Conv2D(8, 3, strides=2, padding="same", activation="relu"), kl.Flatten()),
            *(kl.Dense(10, activation="relu"), kl.Dense(128, activation="relu"), kl.Reshape((4, 4, 8))),
            kl.Conv2DTranspose(1, 2, strides=2, activation="sigmoid"),
        ],
    }
    return keras.Sequential(chains[kind])


def keras_outputs(model: Any, x: Array) -> Array:
    return np.asarray(model.predict(x, verbose=0))


def keras_trained(model: Any, known: Case) -> list[float]:
    import keras

    loss: Any = keras.losses.SparseCategoricalCrossentropy() if known.classes else "mse"
    model.compile(optimizer=keras.optimizers.SGD(RATE), loss=loss)
    return [float(model.train_on_batch(x, y)) for x, y in _fresh(model, known)]


def _fresh(model: Any, known: Case) -> Iterator[tuple[Array, Array]]:
    """The batches; the loss that Keras gives is a mean since its metrics were reset."""
    for x, y in batches(known):
        model.reset_metrics()
        yield x, y


# The comparison


@dataclass
class Row:
    """What was measured: differences of outputs and of losses, there and back."""

    peer: str
    kind: str
    there: float
    loss_there: float
    back: float
    loss_back: float

    @property
    def kept(self) -> bool:
        one_bias = self.peer == "PyTorch" and "lstm" in self.kind
        losses = self.loss_there <= (LOSSES_OF_ONE_BIAS if one_bias else LOSSES) and self.loss_back <= LOSSES
        return losses and max(self.there, self.back) <= OUTPUTS


def compared(peer: str, kind: str) -> Row:
    """One network of a peer's, carried over and back."""
    known = case(kind)
    outputs, train = (torch_outputs, torch_trained) if peer == "PyTorch" else (keras_outputs, keras_trained)
    if peer == "PyTorch":
        model = torch_module(kind)
        net = pl.from_torch(model, _as_torch(known.x[:4]))
        back = net.to_torch()
    else:
        import keras

        model = keras_model(kind)
        net = pl.from_keras(model)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.keras"
            net.to_keras(path)
            back = keras.models.load_model(path)
    expected = outputs(model, known.x)
    scale = float(np.abs(expected).max())
    there = float(np.abs(net.predict(known.x) - expected).max()) / scale
    home = float(np.abs(outputs(back, known.x) - expected).max()) / scale
    ours, theirs, returned = trained(net, known), train(model, known), train(back, known)
    assert len(ours) == len(theirs) == len(returned)
    return Row(peer, kind, there, _apart(ours, theirs) / theirs[0], home, _apart(returned, ours) / theirs[0])


def _apart(one: list[float], other: list[float]) -> float:
    return float(np.abs(np.array(one) - np.array(other)).max())


@click.command(help=__doc__)
@click.option("--peer", type=click.Choice(["PyTorch", "Keras"]), multiple=True, help="Whose; both by default.")
def main(peer: tuple[str, ...]) -> None:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    print(f"{'':29}{'outputs':>10}{'losses':>10}{'outputs':>14}{'losses':>10}")
    print(f"{'':29}{'there':>10}{'there':>10}{'back':>14}{'back':>10}")
    failed = False
    for who in peer or ("PyTorch", "Keras"):
        for kind in KINDS:
            row = compared(who, kind)
            failed |= not row.kept
            numbers = f"{row.there:10.1e}{row.loss_there:10.1e}{row.back:14.1e}{row.loss_back:10.1e}"
            print(f"{who:9}{kind:20}{numbers}{'' if row.kept else '  above the bound'}", flush=True)
    print(f"bounds: outputs {OUTPUTS:g}, losses {LOSSES:g}; {LOSSES_OF_ONE_BIAS:g} where PyTorch trains two biases")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
