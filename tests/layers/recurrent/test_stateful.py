"""Stateful layers: row i of a batch begins where row i of the batch before ended."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pellucid as pl

ROWS, STEPS, PARTS = 4, 5, 3
engines = pytest.mark.parametrize("engine", ["llvm", "reference"])


def network(steps: int | None = STEPS, *, stateful: bool = True, engine: str = "llvm") -> pl.Network:
    options: dict[str, Any] = {"return_sequences": True, "stateful": stateful}
    return pl.Network(
        pl.LSTM(6, **options),
        pl.Network(pl.GRU(5, **options), input_shape=(steps, 6)),
        pl.RNN(4, **options),
        pl.Dense(3, activation="softmax"),
        input_shape=(steps, 2),
        engine=engine,
        seed=3,
    )


def sequences() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, PARTS * STEPS, 2)).astype(np.float32)
    return x, rng.integers(0, 3, x.shape[:2])


def in_parts(array: Any) -> Any:
    """The sequences cut into parts, all first parts in front: batches of ROWS that continue each other."""
    return np.concatenate([array[:, k * STEPS : (k + 1) * STEPS] for k in range(PARTS)])


@engines
def test_parts_of_sequences_give_what_whole_sequences_give(engine: str) -> None:
    net, whole = network(engine=engine), network(PARTS * STEPS, stateful=False, engine=engine)
    x, y = sequences()
    expected = in_parts(whole.predict(x))
    np.testing.assert_allclose(net.predict(in_parts(x), batch_size=ROWS), expected, rtol=1e-6, atol=1e-7)
    net.reset_states()
    one_by_one = np.concatenate([net.predict(part) for part in np.split(in_parts(x), PARTS)])
    np.testing.assert_allclose(one_by_one, expected, rtol=1e-6, atol=1e-7)
    net.reset_states()
    loss = net.evaluate(in_parts(x), in_parts(y), batch_size=ROWS)["loss"]
    assert loss == pytest.approx(whole.evaluate(x, y)["loss"], rel=1e-6)


@engines
def test_a_step_is_that_of_a_network_with_these_first_states(engine: str) -> None:
    """The gradient stops at the batch's first step: it is truncated backpropagation."""
    x, h, c = pl.Input((STEPS, 2)), pl.Input((6,)), pl.Input((6,))
    plain = pl.Network(inputs=[x, h, c], outputs=pl.Dense(1)(pl.LSTM(6)(x, h, c)), engine=engine)
    net = pl.Network(pl.LSTM(6, stateful=True), pl.Dense(1), input_shape=(STEPS, 2), engine=engine)
    data, y = in_parts(sequences()[0]), np.random.default_rng(1).normal(size=(PARTS * ROWS, 1)).astype(np.float32)
    states = {"lstm_1.state": np.zeros((ROWS, 6)), "lstm_1.cell": np.zeros((ROWS, 6))}
    for part in range(PARTS):
        rows = slice(part * ROWS, (part + 1) * ROWS)
        given = [data[rows], *states.values()]
        states = {k: v for k, v in states.items()}
        before = plain.trace(given)
        loss, gradients = plain.gradients(given, y[rows])
        mine, ours = net.gradients(data[rows], y[rows])
        assert mine == pytest.approx(loss, rel=1e-6)
        for path, gradient in gradients.items():
            np.testing.assert_allclose(ours[path], gradient, rtol=1e-4, atol=1e-6)
        states = {"lstm_1.state": before["lstm_1.state"][:, -1], "lstm_1.cell": before["lstm_1.cell"][:, -1]}
        plain.fit(given, y[rows], optimizer="sgd", batch_size=ROWS, verbose=0)
        net.fit(data[rows], y[rows], optimizer="sgd", batch_size=ROWS, shuffle=False, verbose=0)
        np.testing.assert_allclose(net.carried.arrays["lstm_1.cell"], states["lstm_1.cell"], rtol=1e-5, atol=1e-6)
        for path, value in plain.parameters.items():
            np.testing.assert_allclose(net.parameters[path], value, rtol=1e-5, atol=1e-6)


def test_epochs_go_on_unless_a_callback_resets_the_states() -> None:
    class Anew(pl.Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            net.reset_states()

    x, y = in_parts(sequences()[0]), in_parts(sequences()[1])
    first: list[list[float]] = []
    for callbacks in ([], [Anew()]):
        net = network()
        still = pl.SGD(learning_rate=1e-12)
        history = net.fit(
            x, y, epochs=3, batch_size=ROWS, shuffle=False, optimizer=still, callbacks=callbacks, verbose=0
        )
        first.append([round(loss, 6) for loss in history["loss"]])
    going_on, anew = first
    assert len(set(anew)) == 1 and going_on[0] == anew[0] and going_on[1] != anew[1]


def test_validation_has_states_of_its_own() -> None:
    x, y = in_parts(sequences()[0]), in_parts(sequences()[1])
    histories = []
    for validation in (None, (x, y)):
        net = network()
        history = net.fit(x, y, epochs=2, batch_size=ROWS, shuffle=False, validation_data=validation, verbose=0)
        histories.append(history["loss"])
    assert histories[0] == histories[1]
    net.reset_states()
    assert history["val_loss"][-1] == pytest.approx(net.evaluate(x, y, batch_size=ROWS)["loss"], rel=1e-6)


def test_a_resumed_run_goes_on_with_its_states(tmp_path: Path) -> None:
    x, y = in_parts(sequences()[0]), in_parts(sequences()[1])

    def trained(epochs: int, **options: Any) -> pl.Network:
        net = network()
        net.fit(x, y, epochs=epochs, batch_size=ROWS, shuffle=False, verbose=0, **options)
        return net

    whole = trained(4)
    trained(2, callbacks=[pl.Checkpoint(tmp_path / "run", every_steps=2)])
    resumed = trained(4, resume=tmp_path / "run")
    np.testing.assert_equal(whole.parameters.snapshot(), resumed.parameters.snapshot())
    np.testing.assert_equal(whole.carried.arrays, resumed.carried.arrays)


def test_copies_take_the_states_along_and_files_do_not(tmp_path: Path) -> None:
    net = network()
    x, _ = sequences()
    net.predict(x[:, :STEPS])
    net.save(tmp_path / "net.safetensors")
    twin, loaded = copy.deepcopy(net), pl.load(tmp_path / "net.safetensors")
    assert net.carried.arrays and not loaded.carried.arrays and loaded.carried.sizes == net.carried.sizes
    after = net.predict(x[:, STEPS : 2 * STEPS])
    np.testing.assert_array_equal(twin.predict(x[:, STEPS : 2 * STEPS]), after)
    assert not np.array_equal(loaded.predict(x[:, STEPS : 2 * STEPS]), after)


def test_looking_into_a_network_moves_no_state() -> None:
    net = network()
    x, y = sequences()
    x, y = x[:, :STEPS], y[:, :STEPS]
    net.predict(x)
    states = dict(net.carried.arrays)
    run = net.trace(x, y)
    np.testing.assert_array_equal(run["lstm_1.state.before"], states["lstm_1.state"])
    assert "lstm_1" in str(net.explain("lstm_1.state", x=x, time=0, unit=2))
    net.gradients(x, y)
    net.flow(x, y)
    net.find_learning_rate(in_parts(sequences()[0]), in_parts(sequences()[1]), batch_size=ROWS)
    step = net.stepper()
    step(x[:, 0])
    assert net.carried.arrays == states


def test_any_length() -> None:
    net, whole = network(None), network(7, stateful=False)
    x = sequences()[0][:, :7]
    parts = [net.predict(x[:, :3]), net.predict(x[:, 3:])]
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole.predict(x), rtol=1e-6, atol=1e-7)


def test_another_thread_is_told_to_wait() -> None:
    net = network()
    errors: list[Exception] = []

    def other() -> None:
        try:
            net.predict(sequences()[0][:, :STEPS])
        except pl.PellucidError as error:
            errors.append(error)

    with net.carried.used():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert "another thread uses the states" in str(errors[0])


def test_what_does_not_go_together() -> None:
    net = network()
    x, y = in_parts(sequences()[0]), in_parts(sequences()[1])
    with pytest.raises(pl.DataError, match="give shuffle=False"):
        net.fit(x, y, batch_size=ROWS)
    with pytest.raises(pl.DataError, match="12 examples do not divide into batches of 5"):
        net.fit(x, y, batch_size=5, shuffle=False)
    with pytest.raises(pl.DataError, match="do not divide"):
        net.predict(x, batch_size=7)
    net.predict(x[:ROWS])
    with pytest.raises(pl.DataError, match=r"the batch has 3 examples, .* those of 4: .*reset_states"):
        net.predict(x[:3])
    with pytest.raises(pl.PellucidError, match="takes no stateful layer"):
        pl.Bidirectional(pl.LSTM(3, stateful=True))
    with pytest.raises(pl.ShapeError, match="no first state from the graph"):
        pl.Network(inputs=(i := [pl.Input((3, 2)), pl.Input(4)]), outputs=pl.RNN(4, stateful=True)(*i))


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("onnx", lambda net, folder: net.to_onnx(folder / "net.onnx")),
        ("h5py", lambda net, folder: net.to_keras(folder / "net.keras")),
        ("torch", lambda net, folder: net.to_torch()),
        ("llvmlite", lambda net, folder: net.export(folder / "net.wasm")),
        ("numpy", lambda net, folder: net.patch(np.zeros((1, STEPS, 2)), {"lstm_1": 0.0})),
        ("numpy", lambda net, folder: net.attribute(np.zeros((STEPS, 2)), "dense_1", at=(0, 0))),
        ("numpy", lambda net, folder: net.lab(np.zeros((1, STEPS, 2)), np.zeros((1, STEPS, 1)))),
    ],
)
def test_what_cannot_carry_states_says_so(package: str, call: Any, tmp_path: Path) -> None:
    pytest.importorskip(package)
    with pytest.raises(pl.PellucidError, match=r"stateful layers.* without stateful=True"):
        call(network(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_ledger_says_that_it_does_not_carry_states() -> None:
    x, y = np.zeros((ROWS, STEPS, 2)), np.zeros((ROWS, STEPS, 1))
    with pytest.raises(pl.PellucidError, match="a ledger takes steps again"):
        network().fit(x, y, batch_size=ROWS, shuffle=False, callbacks=[pl.Ledger()], verbose=0)


def test_batches_carry_states_as_arrays_do() -> None:
    x, y = in_parts(sequences()[0]), in_parts(sequences()[1])
    one, other = network(), network()
    batches = [(x[k : k + ROWS], y[k : k + ROWS]) for k in range(0, len(x), ROWS)]
    one.fit(batches, epochs=2, verbose=0)
    other.fit(x, y, epochs=2, batch_size=ROWS, shuffle=False, verbose=0)
    np.testing.assert_equal(one.parameters.snapshot(), other.parameters.snapshot())
