"""Changes that are taken back and made again, and a second network in step with the first, as a tab asks for them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.lab.asking import Asker, Refused

import pellucid as pl
from pellucid.errors import DataError
from pellucid.lab.serve.lab_session import Session
from pellucid.lab.serve.revisions import MOST, Revisions
from pellucid.lab.task import task_of


@pytest.fixture
def asker() -> Iterator[Asker]:
    data = pl.data.moons(60, noise=0.1, seed=1)
    net = pl.Network(
        pl.Dense(4, activation="tanh"), pl.Dense(2, activation="softmax"), input_shape=(2,), seed=3, engine="reference"
    )
    session = Session(task_of(net, data.x, data.y, batch_size=20))
    made = Asker(session)
    yield made
    session.close()


def with_activation(asker: Asker, name: str) -> Any:
    design = asker.ask("editor")["design"]
    design["network"]["layers"][1]["options"]["activation"] = name
    return design


def test_a_change_begins_a_run_and_is_taken_back_with_the_run_before(asker: Asker) -> None:
    loss = asker.steps(5)["loss"]
    edited = asker.ask("edit", design=with_activation(asker, "relu"))
    assert edited["fault"] is None
    assert edited["description"]["layers"][1]["activation"] == "relu"
    assert edited["description"]["state"]["step"] == 0
    assert asker.event("described")["layers"][1]["activation"] == "relu"
    assert (asker.ask("editor")["undo"], asker.ask("editor")["redo"]) == (1, 0)
    other = asker.steps(3)["loss"]
    back = asker.ask("revise", by=-1)
    assert (back["state"]["step"], back["state"]["loss"]) == (5, loss)
    assert back["layers"][1]["activation"] == "tanh"
    again = asker.ask("revise", by=1)
    assert (again["state"]["step"], again["state"]["loss"]) == (3, other)
    with pytest.raises(Refused, match="no later change"):
        asker.ask("revise", by=1)


def test_what_the_next_change_would_end_is_told_beforehand(asker: Asker) -> None:
    assert asker.ask("describe")["ending"] == 0
    asker.steps(5)
    asker.ask("edit", design=with_activation(asker, "relu"))
    asker.steps(3)
    assert asker.ask("describe")["ending"] == 0
    assert asker.ask("revise", by=-1)["ending"] == 3, "what was taken back"
    assert asker.ask("revise", by=1)["ending"] == 0
    for name in ["tanh", "relu"] * 2:
        ending = asker.ask("edit", design=with_activation(asker, name))["description"]["ending"]
    assert ending == 5, "the oldest of too many"


def test_a_fault_loses_nothing(asker: Asker) -> None:
    asker.steps(4)
    design = asker.ask("editor")["design"]
    design["network"]["layers"][1]["options"]["units"] = 10**9
    edited = asker.ask("edit", design=design)
    assert edited["description"] is None
    assert (edited["fault"]["layer"], edited["fault"]["field"]) == (1, "units")
    considered = asker.ask("consider", design=design)
    assert considered["fault"] == edited["fault"]
    assert asker.ask("describe")["state"]["step"] == 4
    assert asker.ask("editor")["undo"] == 0
    with pytest.raises(Refused, match="noise"):
        asker.ask("edit", design=design | {"noise": "much"})


def test_what_a_change_would_give_is_told_before_it_is_made(asker: Asker) -> None:
    considered = asker.ask("consider", design=asker.ask("editor")["design"])
    assert considered == {"fault": None, "shapes": [[2], [4], [2]], "parameters": 22}


def test_a_second_network_goes_wherever_the_first_goes(asker: Asker) -> None:
    session = asker.session
    asker.steps(7)
    edited = asker.ask("pair", design=with_activation(asker, "relu"))
    follower = session.follower
    assert follower is not None
    assert edited["description"]["aside"] == follower.run
    other = Asker(follower.session)
    described = other.ask("describe")
    assert [one["en"] for one in described["differs"]] == ["activation: tanh → relu"]
    assert not described["can"]["edit"]

    def arrives(step: int) -> Any:
        end = time.monotonic() + 20
        while (state := other.ask("describe")["state"])["step"] != step or state["playing"]:
            assert time.monotonic() < end, state
            time.sleep(0.01)
        return state

    arrives(7)
    asker.steps(3)
    loss = arrives(10)["loss"]
    asker.ask("control", do="seek", step=4)
    arrives(4)
    asker.ask("control", do="play")
    time.sleep(0.3)
    asker.ask("control", do="pause")
    arrives(asker.ask("describe")["state"]["step"])
    asker.ask("control", do="reset")
    arrives(0)
    asker.steps(10)
    assert arrives(10)["loss"] == loss
    with pytest.raises(Refused, match="trained beside another"):
        other.ask("edit", design=with_activation(asker, "relu"))
    assert asker.ask("pair", design=None)["description"]["aside"] is None
    assert session.follower is None
    # by itself it is the network that an edit makes
    asker.ask("edit", design=with_activation(asker, "relu"))
    assert asker.steps(10)["loss"] == loss


def test_the_oldest_change_is_forgotten() -> None:
    gone: list[int] = []
    kept = Revisions[int](gone.append)
    kept.begin(0)
    for number in range(1, MOST + 3):
        kept.add(number)
    assert gone == [0, 1, 2]
    assert (kept.earlier, kept.later) == (MOST - 1, 0)
    assert [kept.move(-1) for _ in range(MOST - 1)] == list(range(MOST + 1, 2, -1))
    with pytest.raises(DataError, match="take back"):
        kept.move(-1)
    kept.add(99)
    assert gone == [0, 1, 2, *range(4, MOST + 3)]
    kept.begin(100)
    assert gone[-2:] == [3, 99]
