from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import rich
from numpy.typing import NDArray

from pellucid.errors import DataError
from pellucid.functions.learning.optimizers import SGD, Adam
from pellucid.layers import Activation, Dense, Flatten
from pellucid.model import Network
from pellucid.training import Callback, EarlyStopping, History

Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]
Make = Callable[..., Network]


def _weights(net: Network) -> list[bytes]:
    return [value.tobytes() for value in net.parameters.values()]


def test_learns(blobs: Blobs, classifier: Make) -> None:
    net = classifier()
    history = net.fit(*blobs, epochs=40, optimizer=Adam(0.01), metrics=["accuracy"], validation_split=0.2, verbose=0)
    assert history.history.keys() == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.epoch == list(range(40))
    assert history.history["val_accuracy"][-1] > 0.85
    found = net.evaluate(blobs[0][-27:], blobs[1][-27:], metrics="accuracy")
    assert {f"val_{k}": v for k, v in found.items()} == {
        k: v[-1] for k, v in history.history.items() if k[:4] == "val_"
    }


def test_same_seed_same_bits(blobs: Blobs, classifier: Make) -> None:
    one, two, other = classifier(), classifier(), classifier(seed=1)
    runs = [net.fit(*blobs, epochs=3, verbose=0).history for net in (one, two, other)]
    assert _weights(one) == _weights(two) != _weights(other)
    assert runs[0] == runs[1] != runs[2]


def test_loss_of_an_epoch_counts_examples_not_batches() -> None:
    # The last of 3 batches has 1 example: with a rate of almost 0 the epoch's loss is that of all 5.
    x, y = np.array([[0.0], [0], [0], [0], [10]]), np.array([0.0, 0, 0, 0, 5])
    net = Network(Dense(1), input_shape=1, dtype="float64")
    history = net.fit(x, y, batch_size=2, optimizer=SGD(1e-12), metrics=["mse"], verbose=0)
    assert history.history["loss"][0] == pytest.approx(net.evaluate(x, y)["loss"], rel=1e-8)
    assert history.history["mse"][0] == pytest.approx(history.history["loss"][0])


def test_order_of_examples(classifier: Make) -> None:
    seen: list[list[float]] = []

    class Spy(Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            seen[-1].append(round(logs["loss"]))

        def on_epoch_begin(self, epoch: int) -> None:
            seen.append([])

    def orders(**options: Any) -> list[list[float]]:
        seen.clear()
        net = Network(Dense(1), input_shape=1)
        net.parameters["dense_1.kernel"] = [[0.0]]
        y = np.sqrt(np.arange(7.0))  # each example's loss is its number
        net.fit(np.ones((7, 1)), y, batch_size=1, optimizer=SGD(1e-12), callbacks=[Spy()], verbose=0, **options)
        return [list(s) for s in seen]

    plain = orders(epochs=2, shuffle=False)
    assert plain == [list(range(7))] * 2
    first, second, third = orders(epochs=3)
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
    assert orders(epochs=3, initial_epoch=2) == [third]


def test_sample_weights_are_repetitions(blobs: Blobs) -> None:
    # weights 0, 1, 2 and the mean over n: the same gradient as the examples repeated, divided by the same n
    x, y = blobs[0][:30], blobs[1][:30]
    counts = np.arange(30) % 3

    def trained(x: Any, y: Any, **options: Any) -> Network:
        net = Network(Dense(3, activation="softmax"), input_shape=4, dtype="float64")
        net.fit(x, y, epochs=5, batch_size=len(x), optimizer=SGD(0.5), verbose=0, **options)
        return net

    repeated = trained(np.repeat(x, counts, axis=0), np.repeat(y, counts))
    weighted = trained(x, y, sample_weight=counts)
    for path, value in repeated.parameters.items():
        np.testing.assert_allclose(weighted.parameters[path], value, rtol=1e-10)


def test_class_weights_are_sample_weights(blobs: Blobs, classifier: Make) -> None:
    x, y = blobs[0][:100], blobs[1][:100]
    table = np.array([3.0, 1.0, 0.5])
    runs = []
    for target, options in (
        (y, {"class_weight": {0: 3, 2: 0.5}}),
        (np.eye(3)[y], {"class_weight": {0: 3, 2: 0.5}}),
        (y, {"sample_weight": table[y]}),
        (y, {"class_weight": {2: 0.5}, "sample_weight": np.where(y == 0, 3.0, 1.0)}),
    ):
        net = classifier()
        net.fit(x, target, verbose=0, **options)
        runs.append(net)
    for other in runs[1:]:
        for path, value in runs[0].parameters.items():
            np.testing.assert_allclose(other.parameters[path], value, rtol=1e-4, atol=1e-6)


def test_balanced_class_weights() -> None:
    net = Network(Dense(1, activation="sigmoid"), input_shape=1, dtype="float64")
    x, y = np.zeros((8, 1)), np.array([1, 0, 0, 0, 0, 0, 0, 0])
    net.fit(x, y, epochs=100, batch_size=8, optimizer=SGD(1.0), class_weight="balanced", verbose=0)
    assert net.predict(x[:1])[0, 0] == pytest.approx(0.5, abs=1e-6)  # both classes weigh the same


def test_weighted_validation(blobs: Blobs, classifier: Make) -> None:
    x, y = blobs
    weight = np.linspace(0, 1, 35)
    net = classifier()
    history = net.fit(x[:100], y[:100], validation_data=(x[100:], y[100:], weight), verbose=0)
    assert history.history["val_loss"][0] == net.evaluate(x[100:], y[100:], sample_weight=weight)["loss"]


def test_a_penalty_is_part_of_the_loss() -> None:
    net = Network(Dense(2, kernel_regularizer="l2"), input_shape=2)
    net.parameters["dense_1.kernel"] = np.ones((2, 2))
    x = np.zeros((4, 2))
    assert net.evaluate(x, np.zeros((4, 2)))["loss"] == pytest.approx(0.01 * 4)
    history = net.fit(x, np.zeros((4, 2)), epochs=2, optimizer=SGD(0.1), verbose=0)
    assert history.history["loss"] == pytest.approx([0.04, 0.04 * (1 - 0.1 * 0.02) ** 2], rel=1e-5)


def test_a_frame_a_mapped_file_and_bytes(tmp_path: Any, blobs: Blobs, classifier: Make) -> None:
    import pandas
    import polars

    x, y = blobs
    np.save(tmp_path / "x.npy", x)
    runs = []
    for examples, targets in (
        (x, y),
        (pandas.DataFrame(x), pandas.Series(y)),
        (polars.from_numpy(x), polars.Series(y)),
        (np.load(tmp_path / "x.npy", mmap_mode="r"), y.tolist()),
        (x.astype(np.float64), y.astype(np.uint8)),
    ):
        net = classifier()
        net.fit(examples, targets, verbose=0)
        runs.append(_weights(net))
    assert all(run == runs[0] for run in runs)
    Network(Flatten(), Dense(3, activation="softmax"), input_shape=(2, 2, 1)).fit(
        (x > 0).astype(np.uint8).reshape(-1, 2, 2, 1), y, verbose=0
    )


class Press(Callback):
    """Ctrl-C at a step."""

    def __init__(self, at: int, times: int = 1) -> None:
        self.at, self.times = at, times

    def on_batch_end(self, step: int, logs: Any) -> None:
        if step == self.at:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_the_best_weights(times: int, blobs: Blobs, classifier: Make) -> None:
    class Keep(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            kept.append((logs["val_loss"], _weights(self.training.net)))  # type: ignore[arg-type]

    kept: list[tuple[float, list[bytes]]] = []
    before = signal.getsignal(signal.SIGINT)
    net = classifier()
    # a rate so high that later epochs are worse
    history = net.fit(
        *blobs, epochs=50, optimizer=Adam(0.5), validation_split=0.2, callbacks=[Keep(), Press(33, times)], verbose=0
    )
    assert history.interrupted
    assert history.epoch == list(range(8))  # 4 steps an epoch
    assert "interrupted in epoch 9" in history.stopped
    assert _weights(net) == min(kept)[1]
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_first_epoch(blobs: Blobs, classifier: Make) -> None:
    net = classifier()
    before = _weights(net)
    history = net.fit(*blobs, callbacks=[Press(2)], verbose=0)
    assert history.interrupted
    assert history.epoch == []
    assert _weights(net) != before
    assert not net.fit(*blobs, verbose=0).interrupted


def test_callbacks_see_and_change_the_parameters(blobs: Blobs, classifier: Make) -> None:
    class Prune(Callback):
        def on_batch_end(self, step: int, logs: Any) -> None:
            kernel = self.training.net.parameters["dense_1.kernel"].copy()
            assert kernel[0, 0] != 0 or step > 1
            kernel[0, 0] = 0
            self.training.net.parameters["dense_1.kernel"] = kernel

    net = classifier()
    net.fit(*blobs, epochs=2, optimizer=SGD(0.1), callbacks=[Prune()], verbose=0)
    assert net.parameters["dense_1.kernel"][0, 0] == 0


def test_no_epochs(blobs: Blobs, classifier: Make) -> None:
    net = classifier()
    before = _weights(net)
    assert net.fit(*blobs, epochs=0, verbose=0).epoch == []
    assert _weights(net) == before


def test_lines(capsys: pytest.CaptureFixture[str], blobs: Blobs, classifier: Make) -> None:
    classifier().fit(*blobs, epochs=10, metrics="accuracy", callbacks=[EarlyStopping("loss", patience=1, min_delta=9)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("epoch  1/10  ")
    assert " loss 1." in lines[0]
    assert " accuracy 0." in lines[0]
    assert lines[2].startswith("stopped after epoch 2: loss was best in epoch 1")
    classifier().fit(*blobs, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, blobs: Blobs, classifier: Make
) -> None:
    monkeypatch.setattr(rich, "_console", None)  # one that an earlier test made would take the output for a file
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")

    class Slow(Callback):
        def on_batch_end(self, step: int, logs: Mapping[str, float]) -> None:
            time.sleep(0.11)

    classifier().fit(*blobs, epochs=3, batch_size=20, verbose=1, callbacks=[Slow()])
    out = capsys.readouterr().out
    assert "━" in out
    assert out.count("epoch 3/3") >= 1
    assert re.search(r"epoch 2/3  \d\.\d s  loss", out)


def test_history(tmp_path: Any) -> None:
    history = History()
    history.append(0, {"loss": 2.0, "val_loss": 2.5})
    history.append(1, {"loss": 1.0, "val_loss": 1.5, "learning_rate": 0.1})
    assert repr(history).splitlines()[1:] == [
        "    1     2       2.5            nan",
        "    2     1       1.5            0.1",
    ]
    frame = history.to_pandas()
    assert list(frame.columns) == ["loss", "val_loss", "learning_rate"]
    assert frame.loc[1, "loss"] == 1
    figure = history.plot(tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 1000
    panels = figure.axes
    assert [panel.get_title() for panel in panels] == ["loss", "learning_rate"]
    assert [np.asarray(line.get_ydata()).tolist() for line in panels[0].lines] == [[2, 1], [2.5, 1.5]]
    assert History().plot() is not None
    for epoch in range(2, 40):
        history.append(epoch, {"loss": 1.0})
    assert len(repr(history).splitlines()) == 13


def test_last_layer_in_two_parts(blobs: Blobs) -> None:
    # an Activation layer after a linear Dense is fused like the Dense's own
    one = Network(Dense(3, activation="softmax"), input_shape=4)
    two = Network(Dense(3), Activation("softmax"), input_shape=4)
    for net in (one, two):
        net.fit(*blobs, verbose=0)
    assert _weights(one) == _weights(two)


def test_a_history_is_read_by_name(blobs: tuple[NDArray[Any], ...], classifier: Callable[..., Network]) -> None:
    history = classifier().fit(*blobs, epochs=2, metrics=["accuracy"], verbose=0)
    assert history["loss"] == history.history["loss"]
    assert list(history) == ["loss", "accuracy"]
    assert "accuracy" in history and "val_loss" not in history
    for name in ("acuracy", 0):
        with pytest.raises(DataError, match=r"the history has no .*, it has loss, accuracy"):
            history[name]  # type: ignore[index]


@pytest.mark.parametrize("engine", ["reference", "llvm"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_arrays_changed_in_place_between_calls_are_read_anew(engine: str, dtype: str) -> None:
    x = (np.arange(12).reshape(6, 2) % 5).astype(dtype)
    y = np.arange(6.0)
    net = Network(Dense(1), input_shape=2, engine=engine)
    first = net.predict(x), net.evaluate(x, y)["loss"], net.gradients(x, y)[0]
    x[:], y[:] = x[::-1].copy() + np.array(1, dtype), y[::-1].copy() - 3
    again = net.predict(x), net.evaluate(x, y)["loss"], net.gradients(x, y)[0]
    fresh = net.predict(x.copy()), net.evaluate(x.copy(), y.copy())["loss"], net.gradients(x.copy(), y.copy())[0]
    np.testing.assert_array_equal(again[0], fresh[0])
    assert again[1:] == fresh[1:] != first[1:]
    trained = []
    for copied in (False, True):
        mine, targets = x.copy(), y.copy()
        net = Network(Dense(1), input_shape=2, engine=engine)
        net.fit(mine, targets, verbose=0)
        mine[0], targets[0] = 7, 7
        net.fit(mine.copy() if copied else mine, targets.copy() if copied else targets, verbose=0)
        trained.append(_weights(net))
    assert trained[0] == trained[1]
