"""RNN, LSTM, GRU and Bidirectional in networks: PyTorch's numbers, masks, first states, and one step at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.functions.forward.test_recurrence import converted, golden

import pellucid as pl
from pellucid.errors import DataError, PellucidError, ShapeError
from pellucid.layers import (
    GRU,
    LSTM,
    RNN,
    Add,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    Masking,
)

LAYERS: dict[str, Callable[..., Any]] = {
    "rnn": RNN,
    "rnn relu": lambda units, **o: RNN(units, activation="relu", **o),
    "lstm": LSTM,
    "gru": GRU,
    "gru before": lambda units, **o: GRU(units, reset_after=False, **o),
}
every_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)


def network(*layers: Layer, **options: Any) -> pl.Network:
    return pl.Network(*layers, dtype=np.float64, engine="reference", **options)


def sequences(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_two_layers_both_ways_as_torch_has_them(kind: str) -> None:
    torch = golden(f"{kind}_stacked")
    make = LAYERS[kind]
    units, (_, steps, inputs) = torch["h0"].shape[-1], torch["x"].shape
    states = ("h0", "c0") if kind == "lstm" else ("h0",)
    x = Input((steps, inputs))
    first = [[Input((units,)) for _ in range(2 * len(states))] for _ in range(2)]
    y = Bidirectional(make(units, return_sequences=True))(x, *first[0])
    y = Bidirectional(make(units, return_sequences=True))(y, *first[1])
    net = network(inputs=[x, *first[0], *first[1]], outputs=y)
    given = {"input_1": torch["x"]}
    expected: dict[str, np.ndarray] = {}
    number = 1
    for layer in range(2):
        for direction, way in enumerate(("forward", "backward")):
            suffix = f"_l{layer}" + "_reverse" * direction
            for prefix, kept in (("", net.parameters), ("d_", expected)):
                for key, array in converted(kind, torch, prefix, suffix).items():
                    kept[f"bidirectional_{layer + 1}.{way}.{key}"] = array
            for state in states:
                number += 1
                given[f"input_{number}"] = torch[state][2 * layer + direction]
    np.testing.assert_allclose(net.predict(given), torch["y"], rtol=1e-10, atol=1e-12)
    # a squared error whose gradient at the outputs is PyTorch's: the mean over all values of (y − target)²
    target = torch["y"] - torch["dy"] * torch["y"].size / 2
    _, gradients = net.gradients(given, target, loss="mse")
    for path, array in expected.items():
        np.testing.assert_allclose(gradients[path], array, rtol=1e-8, atol=1e-10, err_msg=path)


@every_layer
def test_all_states_or_the_last(make: Callable[..., Any]) -> None:
    x = sequences(3, 6, 4)
    for backwards in (False, True):
        layer = make(5, return_sequences=True, go_backwards=backwards)
        every = network(layer, input_shape=(6, 4))
        last = network(make(5, go_backwards=backwards), input_shape=(6, 4))
        for path in last.parameters:
            last.parameters[path] = every.parameters[path]
        states = every.predict(x)
        assert states.shape == (3, 6, 5)
        np.testing.assert_array_equal(last.predict(x), states[:, 0 if backwards else -1])


@every_layer
def test_going_backwards_is_going_through_the_reversed_sequence(make: Callable[..., Any]) -> None:
    x = sequences(2, 5, 3)
    one = network(make(4, return_sequences=True), input_shape=(5, 3))
    two = network(make(4, return_sequences=True, go_backwards=True), input_shape=(5, 3))
    for path in one.parameters:
        two.parameters[path] = one.parameters[path]
    np.testing.assert_allclose(two.predict(x), one.predict(x[:, ::-1])[:, ::-1], rtol=1e-12)


@every_layer
def test_padding_is_passed_over(make: Callable[..., Any]) -> None:
    x = sequences(3, 6, 4)
    lengths = [6, 2, 4]
    for row, length in enumerate(lengths):
        x[row, length:] = -7.0
    padded = network(Masking(-7.0), Dense(3), make(5), Dense(2), input_shape=(6, 4))
    y = padded.predict(x)
    for row, length in enumerate(lengths):
        short = network(Dense(3), make(5), Dense(2), input_shape=(length, 4))
        for path in short.parameters:
            short.parameters[path] = padded.parameters[path]
        np.testing.assert_allclose(y[row], short.predict(x[row : row + 1, :length])[0], rtol=1e-12)


def test_masks_travel_through_layers_that_keep_steps_apart() -> None:
    x = sequences(2, 4, 3)
    x[0, 2:] = 0
    x[1, 3:] = 0
    a = Input((4, 3))
    masked = Masking()(a)
    wide = Dropout(0.5)(Dense(3, activation="tanh")(masked))
    stacked = LSTM(5, return_sequences=True)(Add()(masked, wide))
    net = network(inputs=a, outputs=Bidirectional(GRU(2), merge_mode="sum")(stacked))
    assert net.trace(x)["masking_1.mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 0]]
    short = network(inputs=(b := Input((2, 3))), outputs=_same(net, b))
    for path in net.parameters:
        short.parameters[path] = net.parameters[path]
    np.testing.assert_allclose(net.predict(x)[:1], short.predict(x[:1, :2]), rtol=1e-12)


def _same(net: pl.Network, node: Any) -> Any:
    """The network of the test above, without its mask, on another input."""
    _, dense, dropout, _, lstm, both = net.layers
    again = [Layer.of(type(layer).__name__, layer.options()) for layer in (dense, dropout, lstm, both)]
    return again[3](again[2](Add()(node, again[1](again[0](node)))))


def test_a_mask_of_ones_own() -> None:
    x, mask = sequences(2, 4, 3), np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    a, m = Input((4, 3)), Input((4,))
    net = network(inputs=[a, m], outputs=LSTM(5, return_sequences=True)(Masking()(a, m)))
    y = net.predict({"input_1": x, "input_2": mask})
    np.testing.assert_array_equal(y[1, 2:], y[1, [1, 1]])
    assert np.abs(np.diff(y[0], axis=0)).min() > 0


def test_zero_is_padding_for_an_embedding_that_says_so() -> None:
    net = network(Embedding(6, 3, mask_zero=True), LSTM(4), input_shape=(5,))
    one, two = net.predict(np.array([[3, 1, 0, 0, 0], [3, 1, 0, 0, 2]]))
    shorter = network(Embedding(6, 3), LSTM(4), input_shape=(2,))
    for path in shorter.parameters:
        shorter.parameters[path] = net.parameters[path]
    np.testing.assert_allclose(one, shorter.predict(np.array([[3, 1]]))[0], rtol=1e-12)
    assert np.abs(one - two).max() > 0.001


@every_layer
def test_first_states_continue_a_sequence(make: Callable[..., Any]) -> None:
    layer = make(4, return_sequences=True)
    x = sequences(3, 6, 2)
    whole = network(layer, input_shape=(6, 2))
    path = next(iter(whole.parameters)).split(".")[0]
    states = ["state", "cell"] if path == "lstm_1" else ["state"]
    trace = whole.trace(x)
    rest, first = Input((3, 2)), [Input((4,)) for _ in states]
    later = network(inputs=[rest, *first], outputs=layer(rest, *first))
    given = {f"input_{n}": trace[f"{path}.{state}"][:, 2] for n, state in enumerate(states, 2)}
    np.testing.assert_allclose(later.predict({"input_1": x[:, 3:], **given}), trace[path][:, 3:], rtol=1e-12)


@every_layer
def test_step_by_step_gives_what_the_whole_sequence_gives(make: Callable[..., Any]) -> None:
    x = sequences(2, 7, 3)
    net = network(
        Dense(4), make(5, return_sequences=True), make(3, return_sequences=True), Dense(2), input_shape=(7, 3)
    )
    whole = net.predict(x)
    step = net.stepper()
    assert step.state == {}
    for t in range(7):
        np.testing.assert_allclose(step(x[:, t]), whole[:, t], rtol=1e-12, atol=1e-14)
        if t == 3:
            kept = step.state
    step.state = kept
    np.testing.assert_allclose(step(x[:, 4]), whole[:, 4], rtol=1e-12, atol=1e-14)
    step.reset()
    np.testing.assert_allclose(step(x[:1, 0]), whole[:1, 0], rtol=1e-12, atol=1e-14)


def test_steps_of_a_network_with_masks_embedding_and_one_last_output() -> None:
    ids = np.array([[3, 0, 1, 5, 0]])
    inner = network(Embedding(6, 3, mask_zero=True), LSTM(4, return_sequences=True), input_shape=(5,))
    net = network(inner, GRU(4), Dense(6, activation="softmax"), input_shape=(5,))
    step = net.stepper()
    for token in ids[0]:
        found = step([token])
    np.testing.assert_allclose(found, net.predict(ids), rtol=1e-12)
    assert list(step.state) == ["network_1.lstm_1.state", "network_1.lstm_1.cell", "gru_1.state"]
    net.parameters["dense_1.bias"] = np.array([9, 0, 0, 0, 0, 0])
    assert step([1]).argmax() == 0


def test_what_cannot_be_fed_step_by_step_says_so() -> None:
    for layer, why in [
        (Bidirectional(LSTM(2)), "bidirectional_1: this LSTM layer reads from the last step"),
        (GRU(2, go_backwards=True), "gru_1: this GRU layer reads from the last step to the first"),
        (Flatten(), "flatten_1: a Flatten layer takes all steps at once"),
    ]:
        with pytest.raises(PellucidError, match=why):
            network(layer, Dense(2), input_shape=(4, 3)).stepper()
    step = network(LSTM(2), input_shape=(4, 3)).stepper()
    step(np.zeros((2, 3)))
    with pytest.raises(DataError, match=r"x has 1 examples, but the states are those of 2; call reset\(\)"):
        step(np.zeros((1, 3)))
    with pytest.raises(DataError, match=r"expected \(n, 3\)"):
        step(np.zeros((2, 4, 3)))
    with pytest.raises(DataError, match=r'no state "lstm_1\.stat"\. Did you mean "lstm_1\.state"'):
        step.state = {"lstm_1.stat": np.zeros((2, 2))}
    with pytest.raises(DataError, match=r"lstm_1\.cell is missing"):
        step.state = {"lstm_1.state": np.zeros((2, 2))}


def test_gates_by_path() -> None:
    net = (
        network(LSTM(3), GRU(2), input_shape=(4, 2))
        if False
        else network(LSTM(3, return_sequences=True), GRU(2), input_shape=(4, 2))
    )
    trace = net.trace(sequences(2, 4, 2))
    gates = [
        "lstm_1.gate.input",
        "lstm_1.gate.forget",
        "lstm_1.gate.cell",
        "lstm_1.gate.output",
        "lstm_1.cell",
        "lstm_1.state",
    ]
    assert all(trace[path].shape == (2, 4, 3) for path in gates)
    others = ["gru_1.gate.update", "gru_1.gate.reset", "gru_1.gate.candidate", "gru_1.state"]
    assert all(trace[path].shape == (2, 4, 2) for path in others)
    i, f, g, o, c, h = (trace[path] for path in gates)
    np.testing.assert_allclose(c[:, 1:], f[:, 1:] * c[:, :-1] + i[:, 1:] * g[:, 1:])
    np.testing.assert_allclose(h, o * np.tanh(c))


def test_how_parameters_begin() -> None:
    net = network(LSTM(5, return_sequences=True), LSTM(2, unit_forget_bias=False), input_shape=(4, 3))
    assert net.parameters["lstm_1.bias"].tolist() == [[0] * 5, [1] * 5, [0] * 5, [0] * 5]
    assert not net.parameters["lstm_2.bias"].any()
    u = net.parameters["lstm_1.recurrent_kernel"].reshape(20, 5)
    np.testing.assert_allclose(u.T @ u, np.eye(5), atol=1e-12)
    assert np.abs(net.parameters["lstm_1.kernel"]).max() <= np.sqrt(6 / (3 + 20))


@every_layer
def test_the_configuration_makes_the_same_network(make: Callable[..., Any]) -> None:
    layers = [Masking(0.5), make(3, return_sequences=True, truncate=2), Bidirectional(make(2), merge_mode="ave")]
    net = network(*layers, input_shape=(4, 3))
    again = pl.Network.restored(net.config(), engine="reference")
    assert isinstance(again, pl.Network)
    for path in net.parameters:
        again.parameters[path] = net.parameters[path]
    x = sequences(2, 4, 3)
    np.testing.assert_array_equal(net.predict(x), again.predict(x))
    assert again.config() == net.config()


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
def test_merging_both_directions(merge: str) -> None:
    x = sequences(2, 4, 3)
    net = network(Bidirectional(RNN(3, return_sequences=True), merge_mode=merge), input_shape=(4, 3))
    trace = net.trace(x)
    a, b = trace["bidirectional_1.forward"], trace["bidirectional_1.backward"]
    expected = {"concat": np.concatenate([a, b], axis=-1), "sum": a + b, "mul": a * b, "ave": (a + b) / 2}
    np.testing.assert_allclose(net.predict(x), expected[merge])


def test_truncation_changes_the_gradient_of_a_network_alone() -> None:
    x, y = sequences(2, 6, 3), sequences(2, 4)
    whole, cut = (network(LSTM(4, truncate=k), input_shape=(6, 3)) for k in (None, 2))
    np.testing.assert_array_equal(whole.predict(x), cut.predict(x))
    one, two = (net.gradients(x, y, loss="mse")[1]["lstm_1.kernel"] for net in (whole, cut))
    assert np.abs(one - two).max() > 1e-4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LSTM(0), "units of LSTM is 0, expected an integer from 1"),
        (lambda: GRU(2, truncate=0), "truncate of GRU"),
        (
            lambda: network(LSTM(2), input_shape=(4,)),
            r"lstm_1: a LSTM layer takes examples of shape \(steps, features\), got \(4,\)",
        ),
        (
            lambda: network(LSTM(2, activation="gelu"), input_shape=(4, 3)),
            "lstm_1: an LSTM or GRU takes tanh, .* got gelu",
        ),
        (lambda: Bidirectional(Dense(3)), "Bidirectional takes an RNN, LSTM or GRU"),  # type: ignore[arg-type]
        (lambda: Bidirectional(RNN(3), merge_mode="sun"), 'Did you mean "sum"'),
        (
            lambda: network(Masking(), input_shape=(4,)),
            r"masking_1: Masking takes examples of shape \(steps, features\)",
        ),
    ],
)
def test_bad_options(make: Callable[[], object], message: str) -> None:
    with pytest.raises(PellucidError, match=message):
        make()


def test_first_states_of_another_shape() -> None:
    x, h = Input((4, 3)), Input((5,))
    with pytest.raises(
        ShapeError, match=r"gru_1: a GRU layer of 2 units takes first states of shape \(2,\), got \[\(5,\)\]"
    ):
        network(inputs=[x, h], outputs=GRU(2)(x, h))
    with pytest.raises(
        ShapeError, match=r"lstm_1: a LSTM layer of 5 units takes first states of shape \(5,\) and \(5,\)"
    ):
        network(inputs=[x, h], outputs=LSTM(5)(x, h))


def test_an_lstm_learns() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 5, 2)).astype(np.float32)
    y = x[:, 0, :1]  # what came first has to be kept
    net = pl.Network(LSTM(8), Dense(1), input_shape=(5, 2), engine="reference")
    history = net.fit(x, y, epochs=12, batch_size=16, optimizer=pl.Adam(0.03), loss="mse", verbose=0)
    losses = history.history["loss"]
    assert losses[-1] < losses[0] / 5
