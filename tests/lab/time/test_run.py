"""A run in its thread: what it does is `fit`, and what it did comes back to the bit."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import pellucid as pl
from pellucid.errors import PellucidError
from pellucid.lab.time.run import Run

Array = NDArray[Any]
PREAMBLE = """import numpy as np
import pellucid as pl

from tests.lab.time.test_run import data, network

net, (x, y) = network(), data()
validation_data = (x[:20], y[:20])
"""


def data() -> tuple[Array, Array]:
    """Three clouds: 135 examples, so that the last of an epoch's 5 batches is smaller."""
    rng = np.random.default_rng(0)
    y = np.arange(135) % 3
    centres = np.array([[2, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]])
    return (centres[y] + rng.normal(size=(135, 4))).astype(np.float32), y.astype(np.int64)


def network(**options: Any) -> pl.Network:
    hidden = pl.Dense(8, activation="tanh"), pl.BatchNormalization(), pl.Dropout(0.2)
    return pl.Network(*hidden, pl.Dense(3, activation="softmax"), input_shape=4, **options)


def weights(parameters: Mapping[str, Array]) -> dict[str, bytes]:
    return {path: array.tobytes() for path, array in parameters.items()}


def losses(run: Run, branch: int = 0, start: int = 1) -> Array:
    found: Array = run.history(branch, start)["loss"]
    return found


def seek(step: int) -> dict[str, Any]:
    return {"do": "seek", "step": step}


def rate(value: float) -> dict[str, Any]:
    return {"do": "rate", "learning_rate": value}


def branch(**change: Any) -> dict[str, Any]:
    return {"do": "branch", "change": change}


@pytest.fixture
def run() -> Iterator[Run]:
    with Run(network(), *data()) as found:
        yield found


@pytest.mark.parametrize("engine", ["llvm", "reference"])
def test_steps_are_those_of_fit(engine: str) -> None:
    x, y = data()
    options: dict[str, Any] = {"metrics": ["accuracy", "auc"], "validation_data": (x[:20], y[:20])}
    one, other = network(engine=engine), network(engine=engine)
    fitted = one.fit(x, y, epochs=4, optimizer=pl.Adam(0.01), verbose=0, **options)
    with Run(other, x, y, optimizer=pl.Adam(0.01), **options) as run:
        state = run.repeat(*[{"do": "epoch"}] * 2, {"do": "step", "count": 3}, seek(20))
        assert weights(one.parameters) == weights(other.parameters) == weights(run.moment().parameters)
        assert (state["step"], state["epoch"], state["playing"]) == (20, 4, False)
        epochs = run.history(0)["epochs"]
    assert [e["epoch"] for e in epochs] == [1, 2, 3, 4]
    assert [e["step"] for e in epochs] == [5, 10, 15, 20]
    assert {name: [e["metrics"][name] for e in epochs] for name in epochs[0]["metrics"]} == fitted.history
    assert state["metrics"] == epochs[-1]["metrics"]


def test_the_way_back_is_exact(run: Run) -> None:
    run.repeat(seek(83))
    before, recorded = run.moment(), losses(run)
    state = run.repeat(seek(7))
    assert state["step"] == 7
    assert state["loss"] == recorded[6]
    state = run.repeat({"do": "step", "count": 76})
    assert weights(run.moment().parameters) == weights(before.parameters)
    assert losses(run).tobytes() == recorded.tobytes()
    assert state["stopped"] is None
    assert run.repeat(seek(0))["loss"] is None


def test_data_that_changed_is_an_error() -> None:
    x, y = data()
    with Run(network(), x, y) as run:
        run.repeat(seek(40))
        x += 1
        run.act(seek(3))
        stopped = run.wait()["stopped"]
        assert stopped is not None and "another loss" in stopped["en"] and "重放" in stopped["zh"]
        assert len(losses(run)) == 40
        assert run.state()["step"] <= 3
        assert run.act({"do": "reset"})["stopped"] is None
        run.repeat(seek(10))


def test_a_branch_changes_only_what_was_changed(run: Run) -> None:
    run.repeat(seek(23))
    before = run.moment().parameters
    recorded = losses(run)
    state = run.act(branch(parameter="dense_1.kernel", index=[1, 2], value=0.5))
    after = run.moment().parameters
    assert after["dense_1.kernel"][1, 2] == 0.5
    changed = {path: np.argwhere(before[path] != after[path]).tolist() for path in before}
    assert {path: where for path, where in changed.items() if where} == {"dense_1.kernel": [[1, 2]]}
    assert state["branch"] == 1
    text = "dense_1.kernel[1, 2] = 0.5"
    words = {"en": text, "zh": text}
    assert state["branches"][1] == {"id": 1, "parent": 0, "at": 23, "last": 23, "change": words}
    run.repeat({"do": "epoch"})
    assert len(losses(run, 1)) == 2
    assert run.history(1)["from"] == 24
    assert losses(run).tobytes() == recorded.tobytes()


def test_the_same_rate_is_the_same_branch(run: Run) -> None:
    run.repeat(seek(40), seek(13), branch(learning_rate=0.001), seek(40))
    assert losses(run, 1).tobytes() == losses(run)[13:].tobytes()
    one = run.moment().parameters
    state = run.repeat({"do": "switch", "branch": 0})
    assert (state["branch"], state["step"]) == (0, 40)
    assert weights(one) == weights(run.moment().parameters)


def test_a_changed_rate_is_repeated(run: Run) -> None:
    state = run.repeat(seek(11), rate(0.05), seek(24), rate(0.2), rate(0.002), seek(40))
    assert len(state["branches"]) == 1
    end = run.moment().parameters
    for step, expected in ((3, 0.001), (11, 0.05), (23, 0.05), (24, 0.002), (39, 0.002)):
        assert run.repeat(seek(step))["learning_rate"] == expected
    run.repeat(seek(40))
    assert weights(run.moment().parameters) == weights(end)
    recorded = losses(run)
    state = run.repeat(seek(15), rate(0.05))
    assert len(state["branches"]) == 1, "that is the rate already"
    state = run.repeat(rate(0.3), {"do": "step", "count": 4})
    assert (state["branch"], state["branches"][1]["at"], state["branches"][1]["last"]) == (1, 15, 19)
    assert losses(run).tobytes() == recorded.tobytes()
    assert run.repeat(seek(12))["learning_rate"] == 0.05
    assert run.repeat(seek(16))["learning_rate"] == 0.3


def test_branches_at_one_step_and_before_it(run: Run) -> None:
    run.repeat(seek(10), branch(learning_rate=0.1), branch(parameter="dense_2.bias", index=[0], value=1), seek(20))
    end = run.moment().parameters
    state = run.repeat(seek(10))
    assert (state["branch"], state["learning_rate"]) == (2, 0.1)
    assert run.moment().parameters["dense_2.bias"][0] == 1
    state = run.repeat(seek(4), branch(learning_rate=0.2), {"do": "step", "count": 1})
    assert state["branches"][3]["parent"] == 0, "step 4 belongs to the root"
    run.repeat({"do": "switch", "branch": 2})
    assert weights(run.moment().parameters) == weights(end)


def test_adopted_weights_are_a_branch(run: Run) -> None:
    run.repeat(seek(9))
    given = {"dense_1.bias": np.arange(8.0)}
    before = run.moment().parameters
    state = run.adopt(given)
    given["dense_1.bias"][:] = 0
    after = run.moment().parameters
    assert (state["branch"], state["branches"][1]["at"]) == (1, 9)
    assert after["dense_1.bias"].tolist() == list(range(8))
    assert weights({**after, "dense_1.bias": before["dense_1.bias"]}) == weights(before)
    nonsense: list[Any] = [{}, {"dense_9.bias": [1]}, {"dense_1.bias": [1]}, {"dense_1.bias": [np.nan] * 8}, [1], None]
    for wrong in nonsense:
        with pytest.raises(PellucidError):
            run.adopt(wrong)
    assert run.state()["branches"] == state["branches"]


def test_infinity_stops_the_run() -> None:
    x, y = data()
    net = network()
    with Run(net, x, y, optimizer=pl.SGD(0.1)) as run:
        run.repeat(seek(30))
        run.act(rate(1e38))
        run.act({"do": "play"})
        state = run.wait()
        stopped = state["stopped"]
        assert stopped is not None and "the learning rate 1e+38" in stopped["en"] and "学习率 1e+38" in stopped["zh"]
        assert all(np.isfinite(array).all() for array in net.parameters.values())
        assert np.isfinite(losses(run)).all()
        assert len(losses(run)) == state["step"]
        again = run.act({"do": "play"})["stopped"] or run.wait()["stopped"]
        assert again == stopped
        with pytest.raises(PellucidError, match="learning rate"):
            run.repeat({"do": "step", "count": 1})
        state = run.repeat(seek(30), branch(learning_rate=0.1), {"do": "epoch"})
        assert (state["stopped"], state["step"], state["branch"]) == (None, 35, 1)


def test_an_error_in_a_metric_is_told() -> None:
    def broken(y: Array, p: Array) -> float:
        raise RuntimeError("no such number")

    with Run(network(), *data(), metrics=[broken]) as run:
        run.act({"do": "epoch"})
        state = run.wait()
        assert state["stopped"] is not None and "RuntimeError: no such number" in state["stopped"]["en"]
        assert state["step"] == 0
        assert run.repeat({"do": "step", "count": 3})["step"] == 3


def test_play_and_pause(run: Run) -> None:
    far = threading.Event()
    run.listen(lambda event, value: far.set() if event == "state" and value["step"] > 100 else None)
    assert run.act({"do": "play"})["playing"]
    assert run.act({"do": "play"})["playing"]
    assert far.wait(60)
    state = run.act({"do": "pause"})
    assert not state["playing"]
    assert state["pace"] == 0
    assert run.state() == state
    assert len(losses(run)) == state["step"]
    run.act(seek(900_000))
    assert run.act({"do": "pause"})["step"] < 900_000


def test_speed_holds_play_back_alone(run: Run) -> None:
    run.act({"do": "speed", "speed": 0.001})
    first = threading.Event()
    run.listen(lambda event, value: first.set() if event == "history" else None)
    run.act({"do": "play"})
    assert first.wait(60), "the first step comes at once, the next one in a quarter of an hour"
    assert run.act({"do": "pause"})["step"] == 1
    assert run.repeat({"do": "step", "count": 20})["step"] == 21


def test_listeners_hear_every_loss_once(run: Run) -> None:
    heard: list[tuple[str, Any]] = []
    end = run.listen(lambda event, value: heard.append((event, value)))
    run.repeat(seek(60), seek(20), {"do": "step", "count": 5}, branch(learning_rate=0.1), seek(33))
    run.close()
    for number in (0, 1):
        pieces = [value for event, value in heard if event == "history" and value["branch"] == number]
        assert np.concatenate([p["loss"] for p in pieces]).tobytes() == losses(run, number).tobytes()
        assert [e for p in pieces for e in p["epochs"]] == run.history(number)["epochs"]
        ends = [p["from"] + len(p["loss"]) for p in pieces]
        assert [p["from"] for p in pieces[1:]] == ends[:-1]
    assert [value for event, value in heard if event == "state"][-1] == run.state()
    end()


def test_a_listener_that_fails_stops_the_run(run: Run) -> None:
    def broken(event: str, value: Any) -> None:
        raise OSError("the line is down")

    run.listen(broken)
    run.act({"do": "play"})
    stopped = run.wait()["stopped"]
    assert stopped is not None and "the line is down" in stopped["en"]
    assert run.repeat({"do": "epoch"})["stopped"] is None


def test_a_listener_cannot_act(run: Run) -> None:
    def act(event: str, value: Any) -> None:
        run.act({"do": "pause"})

    run.listen(act)
    run.act({"do": "step", "count": 1})
    stopped = run.wait()["stopped"]
    assert stopped is not None and "another thread" in stopped["en"]


def test_reset_begins_anew(run: Run) -> None:
    start = weights(run.moment().parameters)
    run.repeat(seek(20))
    recorded = losses(run)
    state = run.repeat(rate(0.1), seek(3), branch(learning_rate=0.5), {"do": "reset"})
    assert state["branches"] == [{"id": 0, "parent": None, "at": 0, "last": 0, "change": None}]
    assert (state["step"], state["learning_rate"], state["metrics"]) == (0, 0.001, {})
    assert weights(run.moment().parameters) == start
    run.repeat(seek(20))
    assert losses(run).tobytes() == recorded.tobytes()


def test_moments_stay_as_they_are(run: Run) -> None:
    moment = run.moment()
    before = weights(moment.parameters)
    run.repeat(seek(50))
    assert weights(moment.parameters) == before != weights(run.moment().parameters)


def test_close_ends_the_thread() -> None:
    net = network()
    run = Run(net, *data())
    run.act({"do": "play"})
    run.close()
    run.close()
    state = run.state()
    assert not state["playing"]
    assert weights(net.parameters) == weights(run.moment().parameters)
    assert run.wait() == state
    with pytest.raises(PellucidError, match="closed"):
        run.act({"do": "play"})


@pytest.mark.parametrize(
    "action",
    [
        None,
        "play",
        {},
        {"do": 3},
        {"do": "plya"},
        {"do": ["play"]},
        {"do": "play", "speed": 1},
        {"do": "step"},
        {"do": "step", "count": 0},
        {"do": "step", "count": True},
        {"do": "step", "count": 1.5},
        {"do": "step", "count": 1_000_001},
        seek(-1),
        seek(1_000_001),
        {"do": "seek", "step": float("nan")},
        {"do": "seek", "step": "3"},
        {"do": "seek", "step": [3]},
        {"do": "switch", "branch": 1},
        {"do": "switch", "branch": -1},
        {"do": "switch", "branch": None},
        rate(float("nan")),
        rate(float("inf")),
        rate(-0.1),
        rate(1e300),
        {"do": "rate", "learning_rate": 10**400},
        {"do": "rate", "learning_rate": "0.1"},
        {"do": "speed", "speed": -1},
        {"do": "speed", "speed": float("nan")},
        {"do": "branch", "change": None},
        branch(),
        branch(learning_rate=float("nan")),
        branch(learning_rate=0.1, index=[0]),
        branch(parameter="dense_1.kernal", index=[0, 0], value=1),
        branch(parameter=["dense_1.kernel"], index=[0, 0], value=1),
        branch(parameter="dense_1.kernel", index=[0], value=1),
        branch(parameter="dense_1.kernel", index=[4, 0], value=1),
        branch(parameter="dense_1.kernel", index=[-1, 0], value=1),
        branch(parameter="dense_1.kernel", index=[0.0, 0], value=1),
        branch(parameter="dense_1.kernel", index=5, value=1),
        branch(parameter="dense_1.kernel", index=[0, 0], value=1e39),
        branch(parameter="dense_1.kernel", index=[0, 0], value=None),
    ],
)
def test_nonsense_is_refused(run: Run, action: Any) -> None:
    before = run.state()
    with pytest.raises(PellucidError) as caught:
        run.act(action)
    assert "\n" not in str(caught.value)
    assert run.state() == before


def test_no_end_and_no_such_branch(run: Run) -> None:
    with pytest.raises(PellucidError, match="no end"):
        run.repeat({"do": "play"})
    nonsense: list[Any] = [(1, 1), (0, 0), ("0", 1)]
    for wrong in nonsense:
        with pytest.raises(PellucidError):
            run.history(*wrong)
    beyond = run.history(0, 99)
    assert (beyond["from"], beyond["loss"].tolist()) == (1, []), "the next loss will be that of step 1"


def execute(code: str) -> pl.Network:
    names: dict[str, Any] = {}
    exec(compile(code, "code", "exec"), names)
    net = names["net"]
    assert isinstance(net, pl.Network)
    return net


def test_code_repeats_what_was_done() -> None:
    net, (x, y) = network(), data()
    options: dict[str, Any] = {
        "optimizer": pl.Adam(0.01, beta_1=0.8),
        "metrics": ["accuracy"],
        "validation_data": (x[:20], y[:20]),
        "class_weight": {0: 2.0},
        "clip_norm": 1.0,
    }
    with Run(net, x, y, batch_size=30, preamble=PREAMBLE, **options) as run:
        assert weights(execute(run.code()).parameters) == weights(net.parameters)
        run.repeat({"do": "epoch"}, {"do": "epoch"})
        assert "net.fit(x, y, epochs=2, batch_size=30, optimizer=pl.Adam(learning_rate=0.01, beta_1=0.8)" in run.code()
        assert weights(execute(run.code()).parameters) == weights(net.parameters)
        run.repeat({"do": "step", "count": 2}, rate(0.02), {"do": "step", "count": 20}, seek(7), rate(0.004))
        assert weights(execute(run.code()).parameters) == weights(net.parameters)
        run.repeat({"do": "step", "count": 5}, rate(0.1), branch(parameter="dense_2.bias", index=[1], value=0.1))
        run.repeat({"do": "step", "count": 3})
        run.adopt({"dense_1.kernel": run.moment().parameters["dense_1.kernel"] / 3})
        run.repeat(seek(40))
        code = run.code()
        assert weights(execute(code).parameters) == weights(net.parameters)
        run.repeat(seek(14), {"do": "pause"}, seek(14))
        assert weights(execute(run.code()).parameters) == weights(net.parameters)
        assert run.code() != code


def test_many_threads_at_once(run: Run) -> None:
    def body(number: int) -> None:
        for turn in range(8):
            with_others = [{"do": "step", "count": 7}, seek(5 * turn), {"do": "pause"}, {"do": "play"}]
            run.act(with_others[(number + turn) % 4])
            moment = run.moment()
            assert len({array.shape for array in moment.parameters.values()}) > 1
            state = run.state()
            assert state["step"] >= 0

    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            body(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.act({"do": "pause"})
    assert not failures
    assert run.state()["stopped"] is None
    last = len(losses(run))
    run.repeat(seek(last))
    moment = run.moment()
    run.repeat({"do": "reset"}, seek(last))
    assert weights(moment.parameters) == weights(run.moment().parameters)


def test_the_owner_may_use_the_network_meanwhile() -> None:
    net, (x, y) = network(), data()
    with Run(net, x, y, validation_data=(x, y)) as run:
        run.act({"do": "play"})
        for _ in range(20):
            assert np.isfinite(net.evaluate(x, y)["loss"])
            run.moment()
        last = run.act({"do": "pause"})["step"]
        found = run.history(0)["epochs"]
    with Run(network(), x, y, validation_data=(x, y)) as alone:
        alone.repeat(seek(last))
        assert alone.history(0)["epochs"] == found


steps = st.integers(0, 30)
rates = st.sampled_from([0.0, 0.001, 0.05, 0.7])
ACTIONS = st.one_of(
    steps.map(seek),
    st.integers(1, 12).map(lambda n: {"do": "step", "count": n}),
    st.just({"do": "epoch"}),
    rates.map(rate),
    rates.map(lambda r: branch(learning_rate=r)),
    st.floats(-2, 2, width=32).map(lambda v: branch(parameter="dense_1.bias", index=[3], value=v)),
    st.integers(0, 3).map(lambda n: {"do": "switch", "branch": n}),
)


def test_a_rate_changed_and_changed_back_leaves_nothing_to_repeat() -> None:
    net, (x, y) = network(), data()
    with Run(net, x, y, preamble=PREAMBLE) as run:
        for rate in (0.0, 0.001):
            run.repeat({"do": "rate", "learning_rate": rate})
        assert "Run(" not in run.code()
        assert weights(execute(run.code()).parameters) == weights(net.parameters)


@settings(max_examples=10, deadline=None)
@given(st.lists(ACTIONS, max_size=9), st.sampled_from([0, 20_000, 2**28]))
def test_any_sequence_of_actions(actions: list[dict[str, Any]], memory: int) -> None:
    net, (x, y) = network(), data()
    known: dict[int, Array] = {}
    seen: dict[tuple[int, int], dict[str, bytes]] = {}
    with Run(net, x, y, preamble=PREAMBLE, memory=memory) as run:
        for action in actions:
            count = len(run.state()["branches"])
            if action["do"] == "switch" and action["branch"] >= count:
                with pytest.raises(PellucidError):
                    run.act(action)
                continue
            state = run.repeat(action)
            for one in state["branches"]:
                now = losses(run, one["id"])
                before = known.get(one["id"], now[:0])
                assert now[: len(before)].tobytes() == before.tobytes(), "nothing is overwritten"
                assert len(now) == one["last"] - one["at"]
                known[one["id"]] = now
            assert weights(net.parameters) == weights(run.moment().parameters)
            assert state["epoch"] == state["step"] // 5
            if state["step"] > state["branches"][state["branch"]]["at"]:
                place = state["branch"], state["step"]
                assert seen.setdefault(place, weights(net.parameters)) == weights(net.parameters)
        assert weights(execute(run.code()).parameters) == weights(net.parameters)
