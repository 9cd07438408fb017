"""What the lab shows is what the engine computed and what `explain` says, at every moment of the training."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import numpy as np
import pytest
from tests.lab.conftest import array_of, now

from pellucid.data import Vocabulary
from pellucid.engines import compile_program
from pellucid.errors import PellucidError
from pellucid.explain import explain, flow, trace
from pellucid.explain.arithmetic import number
from pellucid.formula import Program, Tensor, define
from pellucid.functions.activations import activation
from pellucid.functions.forward.convolution import convolve
from pellucid.functions.learning.optimizers import optimizer
from pellucid.lab import gallery
from pellucid.lab.protocol.answers import History
from pellucid.lab.protocol.requests import WatchedPath
from pellucid.lab.task import task_of
from pellucid.lab.text_reader import TextReader
from pellucid.lab.view.confusion import chosen
from pellucid.lab.view.look import KEPT, Look
from pellucid.lab.view.pictures import block
from pellucid.lab.view.samples import read_as
from pellucid.layers import (
    GRU,
    LSTM,
    Add,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    MaxPool2D,
)
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict
from pellucid.training.fit import fit
from pellucid.training.stepper import Stepper, continued

RNG = np.random.default_rng(0)
NOTHING: Any = {}
EMPTY: History = {"branch": 0, "from": 1, "loss": np.zeros(0), "epochs": []}


def watched(path: str, limit: int) -> WatchedPath:
    return WatchedPath(path=path, limit=limit)


def floats(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def lenet(**options: Any) -> Look:
    net = BaseNetwork(
        Conv2D(4, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Flatten(),
        Dense(6, activation="tanh"),
        Dense(3, activation="softmax"),
        input_shape=(6, 6, 1),
        seed=2,
    )
    x = floats(20, 6, 6, 1)
    return Look(task_of(net, x, np.arange(20) % 3, validation_data=(x[:9], np.arange(9) % 3), **options))


def recurrent(kind: str = "lstm") -> Look:
    layer = LSTM(5) if kind == "lstm" else GRU(5)
    return Look(task_of(BaseNetwork(layer, Dense(1), input_shape=(6, 2), seed=3), floats(12, 6, 2), floats(12)))


def test_values_and_gradients_are_those_of_a_trace() -> None:
    look = lenet()
    run = trace(look.task.net, look.task.x[4:5], look.task.y[4:5])
    wanted = ["input_1", "conv2d_1.sum", "conv2d_1", "max_pool2d_1", "dense_2", "conv2d_1.kernel", "d(conv2d_1.kernel)"]
    live = look.live(now(look.task.net, step=7), "train:4", [watched(p, 1000) for p in wanted])
    assert (live["input"], live["branch"], live["step"]) == ("train:4", 0, 7)
    assert live["loss"] == float(run["loss"])
    for path in wanted:
        expected = run[path] if path.endswith("kernel") or path.endswith("kernel)") else run[path][0]
        np.testing.assert_array_equal(array_of(live["values"][path]), expected)
        assert live["values"][path]["full"] == list(expected.shape)
        assert live["values"][path]["stats"]["mean"] == pytest.approx(float(expected.mean()), abs=1e-6)


def test_explanations_are_those_of_explain() -> None:
    look = lenet()
    net, moment = look.task.net, now(look.task.net)
    x, y = look.task.x[4], look.task.y[4]
    for path, index in (("conv2d_1", (2, 3, 1)), ("dense_1.sum", (5,)), ("dense_2", (0,)), ("loss", ())):
        assert look.explain(moment, "train:4", path, index) == explain(net, path, x=x, y=y, index=index).json()
    found = look.explain(moment, "train:4", "d(conv2d_1.kernel)", [2, 2, 0, 1], limit=3)
    expected = explain(net, "conv2d_1.kernel", x=x, y=y, index=(2, 2, 0, 1))
    assert found == expected.json(3)
    assert found["substituted"] == expected.with_values
    assert len(found["terms"]) == 3 and found["rest"]["count"] == len(expected.terms) - 3


def test_a_parameter_is_refused_with_the_hint_where_its_gradient_is() -> None:
    look = lenet()
    with pytest.raises(PellucidError, match=r'its gradient is "d\(dense_1.kernel\)"'):
        look.explain(now(look.task.net), "train:0", "dense_1.kernel", (0, 0))


@pytest.mark.parametrize(
    ("path", "index", "says"),
    [
        ("dense_1", (6,), r"has the shape \(6,\), so there is nothing at \[6\]"),
        ("dense_1", (-1,), "nothing at"),
        ("dense_1", (1, 2, 3), "nothing at"),
        ("dense_1", ("a",), "index of integers"),
        ("dense_7", (0,), 'there is no value "dense_7"'),
    ],
)
def test_a_place_that_is_not_there_is_refused(path: str, index: Any, says: str) -> None:
    look = lenet()
    with pytest.raises(PellucidError, match=says):
        look.explain(now(look.task.net), "train:0", path, index)


def test_each_moment_has_its_own_numbers_and_training_is_not_disturbed() -> None:
    look = lenet()
    net = look.task.net
    first = now(net)
    wanted = [watched("dense_2", 9)]
    before = array_of(look.live(first, "test:0", wanted)["values"]["dense_2"])
    fit(net, look.task.x, look.task.y, epochs=2, verbose=0)
    then = now(net, step=2)
    after = array_of(look.live(then, "test:0", wanted)["values"]["dense_2"])
    np.testing.assert_array_equal(after, trace(net, look.task.x[:1], look.task.y[:1])["dense_2"][0])
    np.testing.assert_array_equal(array_of(look.live(first, "test:0", wanted)["values"]["dense_2"]), before)
    np.testing.assert_array_equal(net.parameters["dense_2.bias"], then.parameters["dense_2.bias"])


def test_many_may_ask_at_once() -> None:
    look = lenet()
    moments = [now(look.task.net)]
    look.task.net.parameters["dense_2.bias"] = np.array([1, -1, 0.5])
    moments.append(now(look.task.net, step=1))
    expected = [look.explain(m, "train:1", "dense_2", (1,)) for m in moments]
    wrong: list[object] = []

    def ask(place: int) -> None:
        for _ in range(10):
            if look.explain(moments[place], "train:1", "dense_2", (1,)) != expected[place]:
                wrong.append(place)

    threads = [threading.Thread(target=ask, args=(k % 2,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and expected[0] != expected[1]


def test_only_the_last_runs_are_kept() -> None:
    look = lenet()
    moment = now(look.task.net)
    for k in range(KEPT + 4):
        look.live(moment, f"train:{k}", [])
    assert list(look._traces) == [f"train:{k}" for k in range(4, KEPT + 4)]


def test_a_large_value_is_cut_to_its_first_block_and_described_whole() -> None:
    look = lenet()
    moment = now(look.task.net)
    run = trace(look.task.net, look.task.x[:1])
    found = look.live(moment, "train:0", [watched("conv2d_1", 80), watched("dense_1.kernel", 50)])
    maps, kernel = found["values"]["conv2d_1"], found["values"]["dense_1.kernel"]
    assert maps["shape"] == [6, 6, 2] and maps["full"] == [6, 6, 4]
    np.testing.assert_array_equal(array_of(maps), run["conv2d_1"][0, :, :, :2])
    assert maps["stats"]["zeros"] == pytest.approx(float((run["conv2d_1"] == 0).mean()))
    assert kernel["shape"] == [8, 6] and kernel["full"] == [36, 6]


@pytest.mark.parametrize("shape", [(5000,), (300, 400), (3, 3, 64, 128), (2, 3), (), (1, 1, 900)])
@pytest.mark.parametrize("limit", [0, 1, 7, 100, 4096])
def test_a_block_never_holds_more_than_was_asked_for(shape: tuple[int, ...], limit: int) -> None:
    found = block(shape, limit)
    assert len(found) == len(shape) and all(a <= b for a, b in zip(found, shape, strict=True))
    assert math.prod(found) <= limit or not shape
    if math.prod(shape) <= limit:
        assert found == shape


def test_a_block_is_the_largest_that_fits() -> None:
    assert block((300, 400), 64) == (8, 8)
    assert block((3, 400), 64) == (3, 21)
    assert block((5, 6, 40), 90, maps=True) == (5, 6, 3)


def test_numbers_that_are_not_finite_are_shown() -> None:
    look = lenet()
    look.task.net.parameters["conv2d_1.bias"] = np.array([np.nan, 0, np.inf, 0])
    moment = now(look.task.net, step=3)
    live = look.live(moment, "train:0", [watched("conv2d_1.sum", 1000), watched("dense_2", 9)])
    picture = live["values"]["conv2d_1.sum"]
    assert math.isfinite(picture["stats"]["max"]) and np.isnan(array_of(picture)).any()
    assert math.isnan(live["values"]["dense_2"]["stats"]["mean"])
    assert math.isnan(look.explain(moment, "train:0", "conv2d_1.sum", (0, 0, 0))["value"])
    assert look.curve(moment, "train:0", "conv2d_1", (0, 0, 0)) is None
    column = look.flow(moment)
    assert json.loads(json.dumps(column)) == column and column["layers"][-1]["activation"] is None
    (finding,) = (f for f in look.diagnose(moment, EMPTY) if f["kind"] == "nan")
    assert "conv2d_1" in finding["where"] and finding["zh"]["what"]


# The curve of an activation


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus"])
def test_a_curve_is_the_activation_and_its_slope_the_difference(name: str) -> None:
    net = BaseNetwork(Dense(3, activation=name), input_shape=(2,), seed=1)
    look = Look(task_of(net, floats(8, 2), abs(floats(8, 3)) / 9))
    run = trace(net, look.task.x[:1])
    found = look.curve(now(net), "train:0", "dense_1", (1,))
    assert found is not None and found["function"] == name
    at = found["at"]
    assert at["x"] == pytest.approx(float(run["dense_1.sum"][0, 1]), rel=1e-6)
    assert at["y"] == pytest.approx(float(run["dense_1"][0, 1]), rel=1e-5, abs=1e-6)
    # central differences of the activation itself, away from its corner
    z, a = Tensor.input("z", n=len(found["x"])), activation(name)
    run_a = compile_program(Program({"a": a(z)}), engine="reference", dtype=np.float64)
    inner = np.abs(found["x"]) > 1e-3
    differences = (run_a({"z": found["x"] + 1e-6})["a"] - run_a({"z": found["x"] - 1e-6})["a"]) / 2e-6
    np.testing.assert_allclose(found["slope"][inner], differences[inner], atol=1e-6)
    np.testing.assert_allclose(found["y"], run_a({"z": found["x"]})["a"], atol=1e-12)
    assert found["x"][0] < at["x"] < found["x"][-1] and np.all(np.diff(found["x"]) > 0)
    assert found["formula"].startswith("a = ") and found["derivative"].startswith("a′ = ")


def test_the_gates_of_recurrent_layers_have_curves() -> None:
    lstm, gru = recurrent(), recurrent("gru")
    run = trace(lstm.task.net, lstm.task.x[:1])
    moment = now(lstm.task.net)
    for part, function, gate in (("input", "sigmoid", 0), ("forget", "sigmoid", 1), ("cell", "tanh", 2)):
        found = lstm.curve(moment, "train:0", f"lstm_1.gate.{part}", (4, 2))
        assert found is not None and found["function"] == function
        assert found["at"]["x"] == pytest.approx(float(run["lstm_1.sum"][0, 4, gate, 2]), rel=1e-6)
    assert lstm.curve(moment, "train:0", "lstm_1.cell", (4, 2)) is None
    found = gru.curve(now(gru.task.net), "train:0", "gru_1.gate.update", (4, 2))
    assert found is not None and found["formula"] == "a = σ(z)" and found["derivative"] == "a′ = a·(1 − a)"


def test_what_is_no_function_of_one_number_has_no_curve() -> None:
    look = lenet()
    moment = now(look.task.net)
    places = {"dense_1.sum": (0,), "max_pool2d_1": (0, 0, 0), "dense_2": (0,), "flatten_1": (0,), "loss": ()}
    for path, index in places.items():
        assert look.curve(moment, "train:0", path, index) is None, path
    assert look.curve(moment, "train:0", "d(dense_1.sum)", (0,)) is None
    assert look.curve(moment, "train:0", "dense_1.kernel", (0, 0)) is None


def test_dead_and_saturated_are_what_the_flow_calls_so() -> None:
    net = BaseNetwork(Dense(3, activation="relu"), Dense(2, activation="sigmoid"), Dense(1), input_shape=(2,), seed=1)
    net.parameters["dense_1.kernel"] = [[1, 1, -1], [1, 1, -1]]
    net.parameters["dense_1.bias"] = [0, -9, 0]
    net.parameters["dense_2.kernel"] = np.zeros((3, 2))
    net.parameters["dense_2.bias"] = [9, 0]
    look = Look(task_of(net, np.array([[1, 0], [0, -1], [1, 2]], np.float32), floats(3)))
    moment = now(net)

    def state(path: str, unit: int) -> Any:
        found = look.curve(moment, "train:0", path, (unit,))
        assert found is not None
        return found["state"]

    # the second unit is 0 for every example, the third for this one alone
    assert [state("dense_1", unit) for unit in range(3)] == [None, "dead", None]
    assert [state("dense_2", unit) for unit in range(2)] == ["saturated", None]
    found = flow(net, look.task.x, look.task.y)
    assert found["dense_1"].dead == pytest.approx(1 / 3) and found["dense_2"].saturated == 0.5
    rows = {r["path"]: r for r in look.flow(moment)["layers"]}
    assert rows["dense_1"]["dead"] == pytest.approx(1 / 3) and rows["dense_2"]["saturated"] == 0.5
    assert rows["dense_3"]["dead"] is None and rows["dense_2"]["gradient"] == pytest.approx(found["dense_2"].gradient)


# Examples


def test_examples_by_name_and_in_rows() -> None:
    look = lenet(classes=("ant", "bee", "cat"))
    rows = look.examples("test", 4, 100)
    assert [r["name"] for r in rows] == [f"test:{k}" for k in range(4, 9)]
    np.testing.assert_array_equal(rows[0]["x"]["data"], look.example("test:4")["x"]["data"])
    np.testing.assert_array_equal(array_of(rows[0]["x"]), look.task.x[4])
    assert (rows[0]["y"], rows[0]["label"], rows[0]["symbols"]) == (1, "bee", None)
    for name in ("test:9", "test:x", "train:-1", "nowhere:1", "own:1", ""):
        with pytest.raises(PellucidError):
            look.example(name)


def test_an_example_of_ones_own_is_explained_like_any_other() -> None:
    look = lenet()
    moment, x = now(look.task.net), floats(6, 6, 1)
    plain = look.own(x=x.ravel().tolist())
    assert plain["name"] == "own:1" and plain["y"] is None
    live = look.live(moment, plain["name"], [watched("dense_2", 3), watched("d(dense_1)", 3)])
    assert live["loss"] is None and list(live["values"]) == ["dense_2"]
    np.testing.assert_array_equal(array_of(live["values"]["dense_2"]), trace(look.task.net, x)["dense_2"][0])
    with pytest.raises(PellucidError, match="own:1 has no target"):
        look.explain(moment, "own:1", "d(dense_1)", (0,))
    told = look.own(x=x, y=2)
    expected = trace(look.task.net, x[None], np.array([2]))
    assert look.live(moment, told["name"], [])["loss"] == float(expected["loss"])


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"x": [1.0, 2.0]}, "expected an example of 36 numbers, .* got 2"),
        ({"x": ["a"] * 36}, "expected an example of .* numbers, got list"),
        ({"x": [math.nan] * 36}, "NaN|finite"),
        ({"x": [0.0] * 36, "y": 3}, "from 0 to 2"),
        ({"x": [0.0] * 36, "y": 0.5}, "from 0 to 2"),
        ({"text": "abc"}, "does not read texts"),
        ({}, "numbers or a text"),
    ],
)
def test_what_the_network_cannot_take_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(PellucidError, match=says):
        lenet().own(**given)


def test_of_ones_own_the_oldest_gives_way() -> None:
    look = lenet()
    for _ in range(70):
        look.own(x=np.zeros(36))
    assert look.example("own:70")["name"] == "own:70"
    with pytest.raises(PellucidError, match="not there any more"):
        look.example("own:1")


def test_a_text_is_read_to_the_networks_length_and_is_its_own_target() -> None:
    look = Look(gallery.build("text"))
    vocabulary = look.task.rows
    text = "The statement is executed as described in the sections."
    found: Any = look.own(text=text)
    assert "".join(found["symbols"]) == text[-33:-1]
    assert found["label"] == text[-32:]
    np.testing.assert_array_equal(array_of(found["x"]), vocabulary.encode(text[-33:-1]))
    short: Any = look.own(text="yes")
    strange: Any = look.own(text="so Ω and ☃")
    assert short["symbols"][-2:] == ["y", "e"] and set(short["symbols"][:-2]) == {"\n"}
    assert short["label"].endswith("yes")
    assert "Of 55 symbols the last 33 are taken" in found["note"]["en"]
    assert "“.”, is not read" in found["note"]["en"]
    assert "30 line breaks were put before" in short["note"]["en"]
    assert "“s”" in short["note"]["zh"]
    assert "Not in its vocabulary: 2" in strange["note"]["en"]
    with pytest.raises(PellucidError, match="empty"):
        look.own(text="")
    live = look.live(now(look.task.net), found["name"], [watched("d(lstm_1.gate.forget)", 4)])
    assert live["loss"] is not None and "d(lstm_1.gate.forget)" in live["values"]


# Views


def test_nothing_is_said_of_a_text_that_is_read_as_it_is() -> None:
    words = TextReader.of(Vocabulary.fit("so it is", by="word", min_count=1))
    characters = TextReader.of(Vocabulary.fit("so it is\n"))
    assert words is not None and characters is not None
    assert read_as(words, 8, given=8, blanks=0, unknown=0, expected=None) is None
    told = read_as(words, 8, given=5, blanks=3, unknown=1, expected=None)
    assert told is not None
    assert told["en"] == "The network reads 8 at a time: 3 unknown words were put before. Not in its vocabulary: 1."
    blank = read_as(characters, 8, given=9, blanks=0, unknown=0, expected="\n")
    assert blank is not None
    assert "“⏎”" in blank["zh"]


def test_the_boundary_is_what_the_network_says_there() -> None:
    look = Look(gallery.build("spirals"))
    found = look.boundary(now(look.task.net), 12)
    grid = array_of(found["grid"])
    assert grid.shape == (12, 12, 2)
    corner = np.array([[found["x"][0], found["y"][1]]], np.float32)
    np.testing.assert_allclose(grid[0, 0], predict(look.task.net, corner)[0], rtol=1e-5)
    assert len(found["labels"]) == len(array_of(found["points"])) == 500
    low, high = look.task.x.min(axis=0), look.task.x.max(axis=0)
    assert found["x"][0] < low[0] < high[0] < found["x"][1] and found["y"][0] < low[1] < high[1] < found["y"][1]
    assert "units" not in found
    with pytest.raises(PellucidError, match="two inputs"):
        lenet().boundary(now(lenet().task.net), 12)


def test_each_unit_has_a_picture_of_the_plane() -> None:
    look = Look(gallery.build("spirals"))
    moment = now(look.task.net)
    found = look.boundary(moment, 12, units=True)
    units = {path: array_of(values) for path, values in found["units"].items()}
    assert {path: values.shape for path, values in units.items()} == {
        use.path: (12, 12, *use.shape) for use in look.task.net.uses
    }
    np.testing.assert_allclose(units["dense_3"], array_of(found["grid"]), rtol=1e-5)
    corner = look.own(x=[found["x"][0], found["y"][1]])["name"]
    np.testing.assert_allclose(units["input_1"][0, 0], [found["x"][0], found["y"][1]], rtol=1e-6)
    live = look.live(moment, corner, [WatchedPath(path="dense_1", limit=99)])
    np.testing.assert_allclose(units["dense_1"][0, 0], array_of(live["values"]["dense_1"]), rtol=1e-5)


def test_no_unit_of_a_wide_layer_is_drawn_by_itself() -> None:
    net = BaseNetwork(Dense(65, activation="relu"), Dense(2, activation="softmax"), input_shape=(2,))
    look = Look(task_of(net, floats(30, 2), np.arange(30) % 2))
    assert set(look.boundary(now(net), 4, units=True)["units"]) == {"input_1", "dense_2"}


def test_what_would_take_seconds_is_looked_at_in_part() -> None:
    net = BaseNetwork(Dense(1500, activation="relu"), Dense(1500), Dense(2, activation="softmax"), input_shape=(2,))
    look = Look(task_of(net, floats(3000, 2), np.arange(3000) % 2))
    assert look.samples.affordable(5000) == 886
    moment = now(net)
    assert array_of(look.confusion(moment, "train")["counts"]).sum() == 886
    assert array_of(look.boundary(moment, 100)["grid"]).shape == (29, 29, 2)
    assert lenet().samples.affordable(5000) == 5000


def test_confusion_counts_and_names_its_examples() -> None:
    look = lenet()
    found = look.confusion(now(look.task.net), "test")
    said = predict(look.task.net, look.task.x[:9]).argmax(axis=1)
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (np.arange(9) % 3, said), 1)
    np.testing.assert_array_equal(array_of(found["counts"]), expected)
    assert found["classes"] == ["0", "1", "2"]
    for cell, names in found["examples"].items():
        row, column = map(int, cell.split(","))
        for name in names:
            k = int(name.split(":")[1])
            assert (k % 3, said[k]) == (row, column)


def test_confusion_of_one_unit_is_at_a_half() -> None:
    net = BaseNetwork(Dense(1, activation="sigmoid"), input_shape=(2,), seed=1)
    look = Look(task_of(net, floats(30, 2), np.arange(30) % 2))
    said = (predict(net, look.task.x)[:, 0] > 0.5).astype(int)
    counts = array_of(look.confusion(now(net), "train")["counts"])
    assert counts[1, 1] == ((np.arange(30) % 2) & said).sum() and counts.sum() == 30
    with pytest.raises(PellucidError, match='no examples called "test"'):
        look.confusion(now(net), "test")


def test_decoding_a_code_gives_what_the_network_gives() -> None:
    look = Look(gallery.build("autoencoder"))
    net, moment = look.task.net, now(look.task.net)
    found = look.latent(moment)
    assert (
        found["path"] == "dense_2"
        and found["labels"] is not None
        and len(found["labels"]) == len(found["names"]) == 397
    )
    assert look.task.test is not None
    for k in (0, 40):
        place = int(found["names"][k].split(":")[1])
        a, b = array_of(found["points"])[k]
        code = found["centre"] + a * array_of(found["directions"])[0] + b * array_of(found["directions"])[1]
        drawn = array_of(look.decode(moment, "dense_2", code.tolist()))
        np.testing.assert_allclose(drawn, predict(net, look.task.test[0][place : place + 1])[0], atol=1e-6)
    for path, code in (("dense_2", [1.0]), ("dense_2", [math.nan, 0]), ("dense_9", [0, 0]), ("input_1", [0] * 64)):
        with pytest.raises(PellucidError):
            look.decode(moment, path, code)


def test_a_wide_code_is_seen_where_it_varies_most() -> None:
    net = BaseNetwork(Dense(12, activation="relu"), Dense(4), Dense(16), input_shape=(16,), seed=1)
    look = Look(task_of(net, floats(60, 16)))
    found = look.latent(now(net))
    directions = array_of(found["directions"])
    np.testing.assert_allclose(directions @ directions.T, np.eye(2), atol=1e-6)
    codes = trace(net, look.task.x)["dense_2"].astype(float)
    np.testing.assert_allclose(array_of(found["points"]), (codes - codes.mean(axis=0)) @ directions.T, atol=1e-5)
    largest = np.linalg.svd(codes - codes.mean(axis=0))[1][:2]
    np.testing.assert_allclose(np.linalg.norm(array_of(found["points"]), axis=0), largest, rtol=1e-4)


def test_what_goes_round_a_value_cannot_be_decoded_from_it() -> None:
    x = Input((4,))
    net = BaseNetwork(inputs=x, outputs=Add()(Dense(4)(Dense(2)(x)), x))
    look = Look(task_of(net, floats(5, 4), floats(5, 4)))
    with pytest.raises(PellucidError, match="depends on more than dense_1"):
        look.decode(now(net), "dense_1", [0, 0])


def test_one_unit_says_yes_above_a_half_and_as_a_logit_above_zero() -> None:
    outputs = np.array([[0.7], [0.3], [-0.3]], np.float32)
    for last, said in (("sigmoid", [1, 0, 0]), ("linear", [1, 1, 0])):
        net = BaseNetwork(Dense(1, activation=last), input_shape=(2,), seed=1)
        assert chosen(net, outputs).tolist() == said


def test_a_code_of_maps_is_put_in_its_place() -> None:
    look = lenet()
    run = trace(look.task.net, look.task.x[3:4])
    found = look.decode(now(look.task.net), "max_pool2d_1", run["max_pool2d_1"].reshape(-1))
    np.testing.assert_allclose(array_of(found), run["dense_2"][0], rtol=1e-5)


@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), (2, 1, 1), (3, 2, 2), (1, 4, 3)])
def test_a_kernel_slides_as_the_formula_says(stride: int, padding: int, dilation: int) -> None:
    picture, kernel = floats(9, 11), floats(3, 2)
    found = lenet().convolve(picture, kernel.tolist(), stride=stride, padding=padding, dilation=dilation)
    x, k = Tensor.input("x", n=1, h=9, w=11, c=1), Tensor.input("k", u=3, v=2, c=1, f=1)
    run = compile_program(Program({"y": convolve(x, k, stride=stride, padding=padding, dilation=dilation)}))
    expected = run({"x": picture[None, :, :, None], "k": kernel[:, :, None, None]})["y"][0, :, :, 0]
    np.testing.assert_allclose(array_of(found["output"]), expected, atol=1e-6)
    np.testing.assert_array_equal(array_of(found["image"]), picture)


@pytest.mark.parametrize(("stride", "padding", "dilation", "at"), [(1, 0, 1, (2, 3)), (2, 2, 2, (0, 0))])
def test_of_a_place_of_the_output_there_is_the_arithmetic(
    stride: int, padding: int, dilation: int, at: tuple[int, int]
) -> None:
    picture, kernel = floats(9, 11), floats(3, 2)
    found = lenet().convolve(picture, kernel, stride=stride, padding=padding, dilation=dilation, at=at)
    window, value = found["window"], array_of(found["output"])[at]
    assert window["value"] == pytest.approx(float(value))
    assert sum(t["value"] for t in window["terms"]) == pytest.approx(float(value), abs=1e-5)
    assert len(window["terms"]) + window["outside"] == kernel.size
    for term in window["terms"]:
        (_, i, j, _), (u, v, _, _) = (source["index"] for source in term["sources"])
        assert (i, j) == (at[0] * stride + u * dilation - padding, at[1] * stride + v * dilation - padding)
        assert [s["value"] for s in term["sources"]] == [float(picture[i, j]), float(kernel[u, v])]
    with pytest.raises(PellucidError, match="nothing at"):
        lenet().convolve(picture, kernel, stride=1, padding=0, dilation=1, at=(0, 11))


def test_without_a_picture_there_is_a_sample_and_nonsense_is_refused() -> None:
    look = lenet()
    found = look.convolve(None, [[1]], stride=1, padding=0, dilation=1)
    assert found["image"]["shape"] == found["output"]["shape"] == [106, 160]
    for picture, kernel in (([[1, 2]], [[1], [2]]), (None, [[math.inf]]), (None, []), (None, np.ones((16, 16)))):
        with pytest.raises(PellucidError):
            look.convolve(picture, kernel, stride=1, padding=0, dilation=1)


def test_a_text_is_written_as_by_the_stepper() -> None:
    look = Look(gallery.build("text"))
    for path, array in look.task.net.parameters.items():
        look.task.net.parameters[path] = 4 * array  # sure enough of itself that what it read before would show
    moment, vocabulary = now(look.task.net), look.task.rows
    found = look.generate(moment, text="The ", count=30, temperature=0.9, seed=4)["text"]
    again = look.generate(moment, text="The ", count=30, temperature=0.9, seed=4)["text"]
    steps = continued(Stepper(look.task.net), vocabulary.encode("The "), 30, temperature=0.9, seed=4)
    assert found == again == "The " + vocabulary.decode([token for token, _ in steps])
    assert look.generate(moment, text="The ", count=30, temperature=0.9, seed=5)["text"] != found
    assert len(look.generate(moment, text="", count=3, temperature=0, seed=0)["text"]) == 3
    with pytest.raises(PellucidError, match="cannot write"):
        lenet().generate(now(lenet().task.net), text="a", count=3, temperature=1, seed=0)


def test_forecasts_stand_beside_the_forecast_that_costs_nothing() -> None:
    look = Look(gallery.build("prices"))
    moment, rows = now(look.task.net), look.task.rows
    assert look.task.test is not None
    found: Any = look.forecast(moment)
    said = predict(look.task.net, look.task.test[0])[:, 0]
    day = rows.origins[rows.learned]
    assert found["days"][0] == rows.dates[day + 1] and found["truth"][0] == rows.values[day + 1]
    assert found["today"][0] == rows.values[day]
    assert found["network"][0] == pytest.approx(rows.values[day] * np.exp(rows.mean + rows.deviation * said[0]))
    assert found["errors"]["today"] == pytest.approx(np.abs(found["today"] - found["truth"]).mean())
    rows, window, expected = look.task.rows, look.task.x.shape[1], []
    values = list(rows.values)
    for _ in range(4):  # each as if those before it had come true
        changes = (np.diff(np.log(values))[-window:] - rows.mean) / rows.deviation
        said = predict(look.task.net, changes.astype(np.float32).reshape(1, -1, 1))
        values.append(values[-1] * np.exp(rows.mean + rows.deviation * float(said[0, 0])))
        expected.append(number(values[-1]))
    assert look.generate(moment, count=4)["text"] == ", ".join(expected)
    own = recurrent()
    plain = own.forecast(now(own.task.net))
    np.testing.assert_allclose(plain["network"], predict(own.task.net, own.task.x)[:, 0], rtol=1e-6)
    assert plain["today"] is None


# Its health


def test_the_reach_of_a_recurrence_is_that_of_the_flow() -> None:
    look = recurrent()
    found = look.reach(now(look.task.net))
    (expected,) = flow(look.task.net, look.task.x, look.task.y).reach
    assert [r["path"] for r in found] == ["lstm_1"]
    np.testing.assert_allclose(found[0]["norms"], expected.norms, rtol=1e-5)
    assert lenet().reach(now(lenet().task.net)) == []


def test_the_ratio_is_of_the_step_before() -> None:
    look = lenet()
    net = look.task.net
    assert all(r["ratio"] is None for r in look.flow(now(net, step=4))["layers"])
    old = np.array(net.parameters["dense_2.kernel"])
    net.parameters["dense_2.kernel"] = old * 1.01
    rows = {r["path"]: r["ratio"] for r in look.flow(now(net, step=5))["layers"]}
    assert rows["dense_2"] == pytest.approx(0.01 / 1.01, rel=1e-3) and rows["dense_1"] == 0
    assert all(r["ratio"] is None for r in look.flow(now(net, branch=1, step=6))["layers"])


def test_what_is_wrong_is_said_in_both_languages() -> None:
    look = Look(gallery.build("sigmoids"))
    history: History = {
        "branch": 0,
        "from": 1,
        "loss": np.full(39, 0.6931),
        "epochs": [{"epoch": k, "step": 13 * (k + 1), "metrics": {"accuracy": 0.5}} for k in range(3)],
    }
    found = look.diagnose(now(look.task.net, step=39), history)
    assert [f["kind"] for f in found] == ["vanishing"]
    assert found[0]["where"] == "dense_1" and all(found[0][lang]["fix"] for lang in ("en", "zh"))
    assert json.loads(json.dumps(found)) == found
    assert Look(gallery.build("relus")).diagnose(now(gallery.build("relus").net), EMPTY) == []


def test_a_loss_that_went_wrong_in_mid_epoch_is_told() -> None:
    look = lenet()
    history: History = {**EMPTY, "loss": np.array([1.0, 2.0, math.nan])}
    assert "nan" in [f["kind"] for f in look.diagnose(now(look.task.net, step=3), history)]


# Networks of other people


def test_a_layer_and_an_activation_of_ones_own_are_looked_into() -> None:
    @activation
    def softsign_of_the_lab(z: Tensor) -> Tensor:
        return define("a[…] = z[…]/(1 + abs(z[…]))", z=z)

    net = BaseNetwork(
        Dense(4, activation=softsign_of_the_lab), Dropout(0.3), Dense(2, activation="softmax"), input_shape=(3,), seed=1
    )
    look = Look(task_of(net, floats(10, 3), np.arange(10) % 2, optimizer="sgd"))
    assert optimizer(look.task.optimizer).name == "sgd"
    moment = now(net)
    found = look.curve(moment, "train:0", "dense_1", (1,))
    assert found is not None and found["function"] == "softsign_of_the_lab"
    x = found["x"][np.abs(found["x"]) > 1e-9]
    np.testing.assert_allclose(found["slope"][np.abs(found["x"]) > 1e-9], 1 / (1 + np.abs(x)) ** 2, atol=1e-9)
    layers = look.describe(NOTHING, NOTHING)["layers"]
    assert [layer["kind"] for layer in layers] == ["Input", "Dense", "Dropout", "Dense"]


def test_layers_are_described_by_what_they_are() -> None:
    state: Any = {"step": 0}
    can: Any = {"train": True}
    described = lenet().describe(state, can)
    layers = {layer["path"]: layer for layer in described["layers"]}
    conv, pool = layers["conv2d_1"], layers["max_pool2d_1"]
    assert (conv["draw"], conv["activation"], conv["parents"]) == ("maps", "relu", ["input_1"])
    assert conv["options"]["kernel_size"] == [3, 3] and conv["options"]["pad_before"] == [1, 1]
    assert pool["options"]["pool_size"] == [2, 2] and pool["options"]["strides"] == [2, 2]
    assert [v["path"] for v in conv["values"]] == ["conv2d_1.sum", "conv2d_1"]
    assert [(p["path"], p["axes"], p["gradient"]) for p in conv["parameters"]] == [
        ("conv2d_1.kernel", ["u", "v", "c", "f"], True),
        ("conv2d_1.bias", ["f"], True),
    ]
    assert conv["formula"].splitlines()[1] == "a[n,i,j,f] = relu(z[n,i,j,f])"
    assert described["state"] is state and described["can"] is can
    assert described["sets"] == [{"name": "train", "count": 20}, {"name": "test", "count": 9}]
    assert described["training"] is not None and described["training"]["steps_per_epoch"] == 1
    lstm = recurrent().describe(NOTHING, NOTHING)["layers"][1]
    assert [v["path"] for v in lstm["values"]][-8:] == [
        *(f"lstm_1.{p}" for p in ("sum", "gate.input", "gate.forget", "gate.cell", "gate.output", "cell", "state")),
        "lstm_1",
    ]
    assert lstm["draw"] == "units"


def test_a_network_within_a_network_is_one_layer_with_its_values() -> None:
    inner = BaseNetwork(Dense(4, activation="relu"), Dense(3), input_shape=(5,), name="block")
    net = BaseNetwork(inner, Dense(2, activation="softmax"), input_shape=(5,), seed=1)
    look = Look(task_of(net, floats(6, 5), np.arange(6) % 2))
    block_layer = look.describe(NOTHING, NOTHING)["layers"][1]
    assert block_layer["kind"] == "Network"
    assert "block.dense_1.sum" in [v["path"] for v in block_layer["values"]]
    found = look.explain(now(net), "train:0", "block.dense_1", (1,))
    assert found["value"] == float(trace(net, look.task.x[:1])["block.dense_1"][0, 1])


def test_tokens_without_a_vocabulary_are_their_numbers() -> None:
    net = BaseNetwork(Embedding(7, 3), LSTM(4), Dense(2, activation="softmax"), input_shape=(5,), seed=1)
    look = Look(task_of(net, RNG.integers(0, 7, (8, 5)), np.arange(8) % 2))
    first = look.example("train:0")
    assert first["symbols"] == [str(i) for i in look.task.x[0]] and first["label"] == "0"
    assert look.own(x=[0, 1, 2, 3, 6], y=1)["y"] == 1
    with pytest.raises(PellucidError, match="embedding"):
        look.own(x=[0, 1, 2, 3, 7])
