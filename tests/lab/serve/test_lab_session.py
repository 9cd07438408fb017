"""What a tab may ask, and what it is told: the session without a server."""

from __future__ import annotations

import itertools
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.lab.asking import Asker, Refused

import pellucid as pl
import pellucid.lab as lab_package
from pellucid.errors import DataError
from pellucid.lab.protocol.answers import Epoch, History
from pellucid.lab.protocol.requests import MAX_IN_LINK, MAX_KERNEL, MAX_SENT
from pellucid.lab.serve import lab_session, safety, tabs
from pellucid.lab.serve.lab_session import Pace, Session
from pellucid.lab.serve.links import packed, unpacked
from pellucid.lab.serve.methods import METHODS
from pellucid.lab.task import Task, task_of


def small_task() -> Task:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)
    net = pl.Network(pl.Dense(4, activation="relu"), pl.Dense(2, activation="softmax"), input_shape=(3,), seed=1)
    return task_of(net, x, y, validation_data=(x[:16], y[:16]), batch_size=8)


@pytest.fixture(scope="module")
def lab() -> Iterator[Session]:
    made = Session(small_task())
    yield made
    made.close()


@pytest.fixture
def asker(lab: Session) -> Iterator[Asker]:
    made = Asker(lab)
    yield made
    lab.leave(made.tab)


@pytest.fixture
def fresh() -> Iterator[Session]:
    made = Session(small_task())
    yield made
    made.close()


WATCHED = [{"path": "dense_1", "limit": 100}, {"path": "dense_2", "limit": 100}]


def test_it_describes_the_network(asker: Asker) -> None:
    found = asker.ask("describe")
    assert [layer["path"] for layer in found["layers"]] == ["input_1", "dense_1", "dense_2"]
    assert found["can"] == {
        "gallery": False,
        "train": True,
        "branch": True,
        "own": True,
        "convolve": True,
        "save": True,
        "edit": True,
        "data": True,
    }
    assert found["task"] is None
    assert found["state"]["playing"] is False
    assert asker.ask("tasks") == []
    with pytest.raises(Refused, match="no gallery"):
        asker.ask("open", task="digits")


def test_what_is_watched_is_sent_when_it_changes(asker: Asker) -> None:
    before = asker.ask("watch", input="test:3", paths=WATCHED)
    assert set(before["values"]) == {"dense_1", "dense_2"}
    state = asker.steps(3)
    assert state["step"] == before["step"] + 3
    live = asker.event("live", lambda value: value["step"] == state["step"])
    assert live["input"] == "test:3"
    assert not np.array_equal(live["values"]["dense_2"]["data"], before["values"]["dense_2"]["data"])
    told = asker.event("state", lambda value: value["step"] == state["step"])
    assert told["loss"] == asker.ask("history", branch=0, **{"from": state["step"]})["loss"][0]
    assert asker.event("flow", lambda value: value["step"] == state["step"])["layers"]
    assert asker.ask("flow", branch=0)[-1]["step"] == state["step"]


def test_what_was_watched_before_is_not_sent(fresh: Session) -> None:
    asker = Asker(fresh)
    before, now = tabs.Watch("test:0", ()), tabs.Watch("test:1", ())
    asker.tab.set_watch(before)
    asker.tab.post_live(before, 1)
    asker.tab.set_watch(now)
    asker.tab.post_live(before, 2)
    assert asker.tab.take() == []
    asker.tab.post_live(now, 3)
    assert asker.event("live") == 3


def test_what_changes_while_a_watch_begins_is_sent(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    asker, stage = Asker(fresh), fresh.stage
    computed = stage.look.live

    def meanwhile(*args: Any) -> Any:
        found = computed(*args)
        monkeypatch.setattr(stage.look, "live", computed)
        stage.run.repeat({"do": "step", "count": 1})
        while fresh._live.due:  # nobody watches yet, so nothing is sent
            time.sleep(0.01)
        return found

    monkeypatch.setattr(stage.look, "live", meanwhile)
    assert asker.ask("watch", input="test:0", paths=WATCHED)["step"] == 0
    assert asker.event("live", lambda value: value["step"] == 1)


def test_what_ended_the_training_is_among_what_is_wrong(fresh: Session) -> None:
    asker = Asker(fresh)

    def kinds() -> list[str]:
        return [finding["kind"] for finding in asker.ask("diagnose")["findings"]]

    asker.steps(1)
    assert "nan" not in kinds()
    asker.ask("control", do="rate", learning_rate=3e38)
    assert "learning rate" in asker.steps(9)["stopped"]["en"]
    assert "nan" in kinds()
    assert "nan" in [finding["kind"] for finding in fresh.document()["findings"]]
    asker.ask("control", do="reset")
    assert "nan" not in kinds()


def test_what_is_wrong_is_told_of_the_step_and_the_rate_that_are_shown(fresh: Session) -> None:
    asker = Asker(fresh)

    def said() -> str:
        found = asker.ask("diagnose")
        assert (found["branch"], found["step"]) == (state["branch"], state["step"])
        return json.dumps(found["findings"])

    state = asker.steps(40)
    assert "rate too high" not in said()
    asker.ask("control", do="rate", learning_rate=3e5)
    state = asker.steps(40)
    assert "300000" in said()
    asker.ask("control", do="rate", learning_rate=2e5)
    state = asker.ask("describe")["state"]
    assert "200000" in said()
    state = asker.ask("control", do="seek", step=40)
    assert "rate too high" not in said(), "what came later is not of this step"


def test_what_is_computed_of_the_run_says_of_which_step(fresh: Session) -> None:
    asker = Asker(fresh)
    asker.steps(9)
    asker.ask("control", do="seek", step=3)
    state = asker.ask("control", do="branch", change={"learning_rate": 0.5})
    element = {"input": "test:0", "path": "dense_1", "index": [1]}
    asked: dict[str, dict[str, Any]] = {
        "explain": element,
        "curve": element,
        "diagnose": {},
        "confusion": {"set": "test"},
        "reach": {},
        "decode": {"path": "dense_1", "code": [1, 2, 3, 4]},
    }
    for method, params in asked.items():
        found = asker.ask(method, **params)
        assert (found["branch"], found["step"]) == (state["branch"], 3), method


def test_measured_values_say_of_which_step_they_are(fresh: Session) -> None:
    asker = Asker(fresh)
    assert asker.ask("describe")["state"]["measured"] is None
    assert asker.steps(13)["measured"] == 8


def test_another_branch_at_the_same_step_is_another_moment(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    asker, stage = Asker(fresh), fresh.stage
    asker.steps(2)
    computed = stage.look.live

    def meanwhile(*args: Any) -> Any:
        found = computed(*args)
        monkeypatch.setattr(stage.look, "live", computed)
        change = {"parameter": "dense_1.bias", "index": [0], "value": 9.0}
        stage.run.repeat({"do": "branch", "change": change})
        while fresh._live.due:
            time.sleep(0.01)
        return found

    monkeypatch.setattr(stage.look, "live", meanwhile)
    assert asker.ask("watch", input="test:0", paths=WATCHED)["branch"] == 0
    assert asker.event("live", lambda value: value["branch"] == 1)["step"] == 2


def test_a_new_beginning_is_told_from_the_last(fresh: Session) -> None:
    asker = Asker(fresh)
    before = asker.steps(3)["run"]
    assert asker.steps(1)["run"] == before
    assert asker.ask("control", do="reset")["run"] != before
    other = Session(small_task())
    assert Asker(other).ask("describe")["state"]["run"] != before
    other.close()


def test_every_tab_watches_for_itself_and_sees_the_same_run(fresh: Session) -> None:
    one, other = Asker(fresh), Asker(fresh)
    one.ask("watch", input="test:0", paths=WATCHED[:1])
    other.ask("watch", input="train:5", paths=WATCHED[1:])
    one.steps(2)
    assert set(one.event("live", lambda v: v["step"] == 2)["values"]) == {"dense_1"}
    seen = other.event("live", lambda v: v["step"] == 2)
    assert seen["input"] == "train:5"
    assert set(seen["values"]) == {"dense_2"}
    assert other.event("state", lambda v: v["step"] == 2)
    assert other.ask("describe")["state"]["step"] == 2


def test_a_tab_that_goes_takes_nothing_along(fresh: Session) -> None:
    one = Asker(fresh)
    one.ask("watch", input="test:0", paths=WATCHED)
    one.steps(5)
    fresh.leave(one.tab)
    one.tab.receive('{"id": 1, "method": "describe"}')
    assert one.tab.take() == []
    other = Asker(fresh)
    assert other.ask("describe")["state"]["step"] == 5
    assert len(other.ask("history", branch=0, **{"from": 1})["loss"]) == 5


def test_a_slow_tab_misses_moments_and_not_the_end(fresh: Session) -> None:
    slow = Asker(fresh)
    slow.ask("watch", input="test:0", paths=WATCHED)
    steering = Asker(fresh)
    for _ in range(20):
        steering.steps(1)
    steering.event("state", lambda v: v["step"] == 20)
    waiting = slow.tab._events
    assert len([event for event, _ in waiting if event != "flow"]) <= 3, "one of each kind, and a flow of each step"
    slow.event("history", lambda v: v["from"] + len(v["loss"]) == 21)
    pieces = [value for event, value in slow.events if event == "history"]
    np.testing.assert_array_equal(
        np.concatenate([piece["loss"] for piece in pieces]), steering.ask("history", branch=0, **{"from": 1})["loss"]
    )
    slow.event("state", lambda v: v["step"] == 20)
    slow.event("live", lambda v: v["step"] == 20)


def test_what_waits_is_forgotten_with_the_task_that_it_is_about(fresh: Session) -> None:
    asker = Asker(fresh)
    for event in ("state", "flow", "described", "flow"):
        asker.tab.post(event, {"of": event, "branch": 0, "step": 1})
    asker.read()
    assert [event for event, _ in asker.events] == ["described", "flow"]


def test_a_gap_in_the_history_is_left_to_be_asked_for() -> None:
    epochs: list[Epoch] = [{"epoch": 1, "step": 1, "metrics": {}}]
    earlier: History = {"branch": 0, "from": 1, "loss": np.arange(3.0), "epochs": epochs}
    next_one: History = {"branch": 0, "from": 4, "loss": np.arange(2.0), "epochs": []}
    assert len(tabs._joined(earlier, next_one)["loss"]) == 5
    assert tabs._joined(earlier, next_one)["epochs"] == epochs
    far: History = {**next_one, "from": 7}
    assert tabs._joined(earlier, far) is far


def test_looking_takes_little_of_the_time_from_training(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[tuple[float, float]] = []
    look = fresh.stage.look
    computed = look.live

    def slowly(*args: Any) -> Any:
        began = time.monotonic()
        time.sleep(0.02)
        found = computed(*args)
        times.append((began, time.monotonic()))
        return found

    asker = Asker(fresh)
    asker.ask("watch", input="test:0", paths=WATCHED)
    monkeypatch.setattr(look, "live", slowly)
    asker.ask("control", do="play")
    end = time.monotonic() + 60
    while len(times) < 4 and time.monotonic() < end:
        time.sleep(0.01)
    asker.ask("control", do="pause")
    for (began, done), (next_began, _) in itertools.pairwise(times[:4]):
        assert next_began - began >= max(lab_session.LIVE_PERIOD, (done - began) / lab_session.LIVE_FRACTION) * 0.98


def test_what_is_seen_live_has_a_tenth_of_the_time() -> None:
    assert lab_session.LIVE_FRACTION + lab_session.FLOW_FRACTION <= 0.1
    pace = Pace(period=0.5, fraction=0.04, began=100.0)
    assert pace.next(busy=True) == math.inf, "nothing has changed"
    pace.due, pace.took = True, 0.01
    assert pace.next(busy=True) == 100.5, "at the most so often"
    pace.took = 2.0
    assert (pace.next(busy=True), pace.next(busy=False)) == (150.0, 100.5)
    with pace():
        assert not pace.due
    assert pace.began > 0 and 0 <= pace.took < 2


def test_the_ribbon_is_thinned_and_begins_anew(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_session, "MAX_FLOWS", 4)
    monkeypatch.setattr(fresh._flow, "period", 0.0)
    asker = Asker(fresh)

    def of(step: int) -> Callable[[Any], bool]:
        return lambda value: bool(value["step"] == step)

    for step in range(1, 9):
        asker.steps(1)
        asker.event("flow", of(step))
    told = [column["step"] for column in asker.ask("flow", branch=0)]
    assert len(told) <= 4
    assert told[0] <= 1 and told[-1] == 8, "the ends stay"
    asker.ask("control", do="reset")
    assert all(column["step"] == 0 for column in asker.ask("flow", branch=0))


def test_at_rest_the_steps_gone_by_are_measured_too(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh._flow, "period", 1e9)
    asker = Asker(fresh)
    asker.steps(400)
    asker.ask("control", do="seek", step=200)
    monkeypatch.setattr(fresh._flow, "period", 0.0)
    asker.ask("control", do="branch", change={"learning_rate": 0.1})
    state = asker.steps(100)
    kept = fresh.stage.run.kept(fresh.stage.run.moment())
    assert len(kept) > 10
    for moment in kept:
        place = moment.branch, moment.step

        def there(value: Any, place: tuple[int, int] = place) -> bool:
            return (value["branch"], value["step"]) == place

        flow = asker.event("flow", there)
        assert flow == fresh.stage.look.flow(moment, past=True)
    assert (state["branch"], state["step"]) == (1, 300)
    assert any(m.branch == 0 for m in kept)
    assert all(m.step <= 200 for m in kept if m.branch == 0), "what the parent did later is not on the way"


def test_a_run_that_is_not_on_show_is_not_heard(fresh: Session) -> None:
    asker = Asker(fresh)
    aside = fresh._staged(small_task()).run
    aside.repeat({"do": "step", "count": 5})
    aside.close()
    assert asker.ask("describe")["state"]["step"] == 0
    assert not asker.events


def test_there_are_at_most_so_many_tabs(fresh: Session) -> None:
    made = [Asker(fresh) for _ in range(safety.MAX_TABS)]
    with pytest.raises(DataError, match="close one of them"):
        Asker(fresh)
    fresh.leave(made[0].tab)
    Asker(fresh)


def test_a_tab_may_not_ask_without_end(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setitem(METHODS, "code", lambda session, tab, params: go.wait(60))
    asker = Asker(fresh)
    for number in range(safety.MAX_WAITING + 5):
        asker.tab.receive(json.dumps({"id": number, "method": "code"}))
    assert "requests wait already" in asker.answer(safety.MAX_WAITING)["error"]["en"]
    go.set()
    for number in range(safety.MAX_WAITING):
        assert asker.answer(number)["result"] is True
    assert "Dense" in asker.ask("describe")["layers"][1]["kind"]


def test_answers_are_not_computed_ahead_of_who_reads_them(fresh: Session) -> None:
    asker = Asker(fresh)
    for number in range(12):
        asker.tab.receive(json.dumps({"id": number, "method": "code"}))
    while len(asker.tab._answers) < tabs._BACKLOG:
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(asker.tab._answers) == tabs._BACKLOG
    for number in range(12):
        assert asker.answer(number)["result"]


def test_what_steers_does_not_wait_for_what_is_computed(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setitem(METHODS, "confusion", lambda session, tab, params: go.wait(60))
    asker = Asker(fresh)
    asker.tab.receive('{"id": 1000, "method": "confusion", "params": {"set": "test"}}')
    assert asker.steps(1)["step"] == 1
    go.set()
    assert asker.answer(1000)["result"] is True


def test_a_question_does_not_wait_for_all_terms_of_another(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    go, explain = threading.Event(), METHODS["explain"]

    def slow(session: Session, tab: tabs.Tab, params: Any) -> Any:
        answer = explain(session, tab, params)
        return answer if len(answer["terms"]) == 1 else go.wait(60) and answer

    monkeypatch.setitem(METHODS, "explain", slow)
    asker = Asker(fresh)
    place = {"input": "test:0", "path": "dense_1.sum", "index": [0]}
    asker.tab.receive(json.dumps({"id": 1000, "method": "explain", "params": {**place, "limit": 2000}}))
    first = asker.ask("explain", **place, limit=1)["terms"]
    go.set()
    assert asker.answer(1000)["result"]["terms"][:1] == first


def test_a_fault_of_ours_is_told_and_ends_nothing(
    asker: Asker, lab: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(METHODS, "code", lambda session, tab, params: 1 / 0)
        with pytest.raises(Refused, match=r"ZeroDivisionError.*please report it; the run continues"):
            asker.ask("code")
        patched.setitem(METHODS, "code", lambda session, tab, params: object())
        with pytest.raises(Refused, match="cannot be put into a frame"):
            asker.ask("code")
    assert asker.ask("code")
    assert "could not answer 'code'" in caplog.text


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("not even that")


@pytest.mark.parametrize("name", ["tasks", "code", "explain"])
def test_a_lane_lives_on_whatever_fails_in_it(
    asker: Asker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    patient = {"explain": {"input": "test:0", "path": "loss", "index": []}}.get(name, {})
    raised = [DataError("half a pair, \ud83d"), KeyError("\ud83d"), Unspeakable(), MemoryError(), RecursionError()]
    for error in raised:

        def fails(session: Any, tab: Any, params: Any, error: Exception = error) -> Any:
            raise error

        with monkeypatch.context() as patched:
            patched.setitem(METHODS, name, fails)
            with pytest.raises(Refused):
                asker.ask(name, **patient)
    for halves in ({"\udc00": 1}, {"path": "\ud83d"}):
        with pytest.raises(Refused):
            asker.ask(name, **halves)
    with pytest.raises(Refused, match="no method"):
        asker.ask("\ud83d")
    asker.ask(name, **patient)


def test_all_that_is_promised_fits_into_a_message() -> None:
    longest = -1.2345678901234567e-308
    for method, params in (
        ("own", {"x": [longest] * MAX_SENT, "y": longest}),
        ("own", {"text": "\ud83d" * 20_000}),
        ("decode", {"path": "\ud83d" * 500, "code": [longest] * (1 << 16)}),
        (
            "convolve",
            {
                "image": {"shape": [512, 512], "data": [longest] * MAX_SENT},
                "kernel": [[longest] * MAX_KERNEL] * MAX_KERNEL,
            },
        ),
        ("adopt", {"weights": "\ud83d" * (8 * MAX_IN_LINK)}),
    ):
        text = json.dumps({"id": 1 << 53, "method": method, "params": params})
        assert len(text) <= safety.LARGEST_MESSAGE
    page = Path(lab_package.__file__).parent / "web" / "src" / "model" / "wire" / "exchange.ts"
    said = page.read_text(encoding="utf-8")
    assert f"LARGEST_MESSAGE = {safety.LARGEST_MESSAGE >> 20} * 2 ** 20" in said
    (max_out,) = re.findall(r"MAX_OUT = (\d+)", said)
    assert 4 * int(max_out) <= safety.MAX_WAITING


def test_large_questions_wait_in_small_numbers(fresh: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    go = threading.Event()
    monkeypatch.setitem(METHODS, "code", lambda session, tab, params: go.wait(60))
    asker = Asker(fresh)
    large = " " * (safety.LARGEST_MESSAGE - 1000)
    for number in range(3):
        asker.tab.receive(f'{{"id": {number}, "method": "code"{large}}}')
    assert "wait already" in asker.answer(2)["error"]["en"]
    go.set()
    assert asker.answer(0)
    assert asker.answer(1)
    asker.tab.receive(f'{{"id": 3, "method": "code"{large}}}')
    assert asker.answer(3)["result"] is True


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("explode", {}, "there is no method"),
        ("descrbe", {}, 'Did you mean "describe"?'),
        ("\n", {}, 'there is no method " "'),
        ("example", {"name": "test\r\n"}, 'no examples called "test "'),
        ("describe", {"path": 1}, "there is no parameter"),
        ("describe", [], "the request is a list of 0, expected an object"),
        ("describe", None, "the request is null"),
        ("watch", {}, '"input" is missing'),
        ("watch", {"input": "test:0", "paths": "all"}, 'is "all", expected a list'),
        (
            "watch",
            {"input": "test:0", "paths": ["dense_1"]},
            '"paths[0]" is "dense_1", expected an object with path, limit',
        ),
        ("watch", {"input": "test:0", "paths": [{"path": "dense_1", "limit": -1}]}, "expected an integer from 0"),
        ("watch", {"input": "test:0", "paths": [{"path": "a", "limit": 1 << 20}] * 5}, "watch less at once"),
        ("watch", {"input": "test:0", "paths": [{"path": "a", "limit": 1}] * 300}, "a list of at most 256"),
        ("watch", {"input": "nobody:0", "paths": []}, "nobody"),
        ("examples", {"set": "validation", "from": 0, "count": 1}, '"set" is "validation", expected "test" or "train"'),
        ("examples", {"set": "train", "from": 0, "count": 10_000}, "from 1 to 256"),
        ("examples", {"set": "train", "from": 0, "count": True}, "is true, expected an integer"),
        ("example", {"name": "x" * 1000}, "at most 500 characters"),
        ("example", {"name": "test:99"}, "99"),
        ("own", {"x": []}, "a list of 1 to"),
        ("own", {"x": [1, "2", 3]}, 'own: "x[1]" is "2", expected a number from -3.4e+38 to 3.4e+38'),
        ("own", {"x": [1, 2, 1e300]}, '"x[2]" is 1e+300, expected a number'),
        ("own", {"x": [1, 2]}, "3"),
        ("own", {"text": "a"}, ""),
        ("explain", {"input": "test:0", "path": "dense_1.sum", "index": [99]}, "99"),
        (
            "explain",
            {"input": "test:0", "path": "dense_1.sum", "index": [-1]},
            '"index[0]" is -1, expected an integer from 0',
        ),
        ("explain", {"input": "test:0", "path": "dense_1.sum", "index": [0] * 9}, "at most 8"),
        ("explain", {"input": "test:0", "path": "nowhere", "index": []}, "nowhere"),
        ("explain", {"input": "test:0", "path": "loss", "index": [], "limit": 1e9}, "from 1 to 10000"),
        ("control", {"do": "explode"}, '"do" is "explode", expected "play" or "pause" or'),
        ("control", {"do": "plya"}, 'Did you mean "play"?'),
        ("control", {}, '"do" is missing, expected "play" or "pause" or'),
        ("control", {"do": "play", "speed": 1}, 'there is no parameter "speed", expected do'),
        ("control", {"do": "step"}, '"count" is missing, expected an integer from 1'),
        ("control", {"do": "step", "count": "three"}, '"count" is "three", expected an integer from 1 to 1000000'),
        ("control", {"do": "rate", "learning_rate": 10**400}, '"learning_rate" is a very large number, expected'),
        ("control", {"do": "branch", "change": {"learning_rate": "x"}}, '"change.learning_rate" is "x", expected'),
        ("control", {"do": "branch", "change": {"q": 1}}, 'there is no parameter "q", expected learning_rate, param'),
        ("control", {"do": "branch", "change": {}}, 'expected {"learning_rate": …} or'),
        ("control", {"`$.do": 1, "do": "play"}, 'there is no parameter "`$.do", expected do'),
        ("own", {"x": [1], "text": "a"}, "give one of the two"),
        ("history", {"branch": 99, "from": 1}, ""),
        ("history", {"branch": 0, "from": -1}, "from 0 to"),
        ("boundary", {"size": 10_000}, "from 2 to 200"),
        ("decode", {"path": "dense_9", "code": [1]}, ""),
        ("convolve", {"image": None, "kernel": [[1], [1, 2]], "stride": 1, "padding": 0, "dilation": 1}, "rectangle"),
        ("convolve", {"image": None, "kernel": [], "stride": 1, "padding": 0, "dilation": 1}, "rectangle"),
        (
            "convolve",
            {"image": {"shape": [9, 9], "data": [1]}, "kernel": [[1]], "stride": 1, "padding": 0, "dilation": 1},
            "got 1 for the shape (9, 9)",
        ),
        ("generate", {"text": "", "count": 10**9, "temperature": 1, "seed": 0}, "from 1 to 1000"),
        ("generate", {"text": "", "count": 1, "temperature": -1, "seed": 0}, "from 0 to 100"),
        ("adopt", {"weights": "00000000.AAAA"}, "another network"),
        ("adopt", {"weights": "x" * 100_000}, "characters"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(asker: Asker, method: str, params: Any, said: str) -> None:
    answer = asker.raw(json.dumps({"id": 7, "method": method, "params": params}))
    assert answer["id"] == 7
    assert said in answer["error"]["en"]
    assert "\n" not in answer["error"]["en"]
    assert "Pellucid failed" not in answer["error"]["en"]
    assert len(answer["error"]["en"]) < 800
    assert asker.ask("describe")


def test_a_refusal_comes_in_both_languages(asker: Asker) -> None:
    answer = asker.raw(json.dumps({"id": 7, "method": "adopt", "params": {"weights": "00000000.AAAA"}}))
    assert set(answer["error"]) == {"en", "zh"}
    assert "another network" in answer["error"]["en"]
    assert "另一个网络" in answer["error"]["zh"]


@pytest.mark.parametrize(
    ("text", "number", "said"),
    [
        ("", None, "no JSON"),
        ("{", None, "no JSON"),
        ('{"id": NaN}', None, "no JSON"),
        ("[" * 100_000, None, "no JSON"),
        ("9" * 10_000, None, "no JSON"),
        (b"\xff\xfe\x00", None, "no JSON"),
        ("[]", None, "a list of 0, expected an object"),
        ("null", None, "null, expected an object"),
        ('{"method": "describe"}', None, '"id" is null'),
        ('{"id": "1", "method": "describe"}', None, '"id" is "1"'),
        ('{"id": -1, "method": "describe"}', None, '"id" is -1'),
        ('{"id": true, "method": "describe"}', None, '"id" is true'),
        ('{"id": 1e400, "method": "describe"}', None, '"id" is inf'),
        ('{"id": 4}', 4, '"method" is null'),
        ('{"id": 4, "method": ["describe"]}', 4, '"method" is a list of 1'),
        (b'{"id": 4, "method": {"a": 1}}', 4, '"method" is an object'),
        ("x" * (safety.LARGEST_MESSAGE + 1), None, "more than 8 MiB"),
    ],
)
def test_what_is_no_request_is_answered_too(asker: Asker, text: str | bytes, number: int | None, said: str) -> None:
    answer = asker.raw(text)
    assert answer["id"] == number
    assert said in answer["error"]["en"]
    assert asker.ask("describe")


# JavaScript cuts texts in the middle of a pair of surrogates, and JSON carries the half.
texts = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=20,
)
NAMES = ("input", "paths", "path", "index", "limit", "set", "from", "count", "name", "x", "y", "text", "do", "branch")
MORE = ("size", "code", "image", "kernel", "stride", "padding", "dilation", "temperature", "seed", "weights", "task")
likely = st.sampled_from(["test:0", "train:1", "dense_1", "dense_1.sum", "loss", "d(dense_1.kernel)", "step", "branch"])
harmless = [name for name in METHODS if name != "save"]
requests = st.fixed_dictionaries(
    {"id": st.integers(0, 9) | values, "method": st.sampled_from(harmless) | values},
    optional={"params": st.dictionaries(st.sampled_from(NAMES + MORE), likely | values, max_size=6) | values},
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests)
def test_whatever_is_sent_an_answer_follows(asker: Asker, request_: Any) -> None:
    answer = asker.raw(json.dumps(request_))
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        assert "Pellucid failed" not in answer["error"]["en"], request_
        assert "\n" not in answer["error"]["en"].strip()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text() | st.binary())
def test_whatever_bytes_are_sent_an_answer_follows(asker: Asker, text: str | bytes) -> None:
    assert "error" in asker.raw(text)


def test_links_carry_the_weights_of_small_networks(fresh: Session) -> None:
    asker = Asker(fresh)
    text = asker.ask("weights")
    before = fresh.stage.run.moment().parameters
    kept = {path: np.array(value) for path, value in before.items()}
    asker.steps(3)
    asker.ask("adopt", weights=text)
    for path, value in fresh.stage.run.moment().parameters.items():
        np.testing.assert_array_equal(value, kept[path])
    for damaged in (text[:-4], text + "AAAA", text[:12] + "!" + text[13:], "", text.replace(".", "", 1)):
        with pytest.raises(DataError, match="the link's weights are"):
            unpacked(damaged, kept)
    with pytest.raises(DataError, match="save a file instead"):
        packed({"dense_1.kernel": np.zeros((100, 100))})
    with pytest.raises(DataError, match="damaged"):
        unpacked(packed({"a": np.array([np.nan])}), {"a": np.zeros(1)})


def test_the_code_of_a_task_repeats_it() -> None:
    made = Session(None, gallery=True)
    try:
        asker = Asker(made)
        asker.ask("open", task="spirals")
        asker.steps(7)
        text = asker.ask("code")
        names: dict[str, Any] = {}
        exec(text, names)
        for path, value in made.stage.run.moment().parameters.items():
            np.testing.assert_array_equal(names["net"].parameters[path], value)
    finally:
        made.close()


def test_the_gallery_opens_for_all_tabs() -> None:
    made = Session(None, gallery=True)
    try:
        one, other = Asker(made), Asker(made)
        with pytest.raises(Refused, match="choose one of the gallery"):
            one.ask("describe")
        names = [task["name"] for task in one.ask("tasks")]
        assert names[:2] == ["spirals", "digits"]
        with pytest.raises(Refused, match='Did you mean "spirals"'):
            one.ask("open", task="spiral")
        assert one.ask("open", task="spirals")["task"] == "spirals"
        assert other.event("described")["task"] == "spirals"
        other.ask("watch", input="test:0", paths=WATCHED)
        one.steps(2)
        one.ask("open", task="kernels")
        assert other.event("described", lambda v: v["task"] == "kernels")["state"]["step"] == 0
        assert other.tab.watch is None
    finally:
        made.close()


def test_closing_ends_its_threads() -> None:
    before = set(threading.enumerate())
    made = Session(small_task())
    asker = Asker(made)
    asker.ask("watch", input="test:0", paths=WATCHED)
    asker.ask("control", do="play")
    asker.event("live")
    made.close()
    made.close()
    end = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < end:
        time.sleep(0.01)
    assert {thread.name for thread in set(threading.enumerate()) - before} <= {"pellucid"}, "engines keep their workers"
    with pytest.raises(DataError, match="closed"):
        made.join(lambda: None)


def test_pace() -> None:
    pace = lab_session.Pace(0.1, 0.05)
    assert pace.next(busy=True) == np.inf
    pace.due, pace.began, pace.took = True, 10.0, 0.02
    assert pace.next(busy=True) == pytest.approx(10.4)
    assert pace.next(busy=False) == pytest.approx(10.1)
