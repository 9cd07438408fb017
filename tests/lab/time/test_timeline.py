"""Travel through a training without threads: what is kept of it, and how much."""

from __future__ import annotations

import numpy as np
import pytest
from tests.lab.time.test_run import data, network, weights

from pellucid.errors import PellucidError
from pellucid.lab.time import branches
from pellucid.lab.time.branches import Growing, Tree
from pellucid.lab.time.changes import Rate
from pellucid.lab.time.keyframes import ARRAY, FRAME
from pellucid.lab.time.timeline import Timeline
from pellucid.training.fit import prepare


def timeline(memory: int = 2**28) -> Timeline:
    return Timeline(prepare(network(), *data(), epochs=0, metrics=["accuracy", "auc"]), memory)


def travel(line: Timeline, step: int) -> int:
    """Go to a step of the present branch; how many steps that took."""
    line.seek(line.branch, step)
    taken = 0
    while line.step < step:
        taken += line.advance(step - line.step)
    return taken


@pytest.mark.parametrize("frames", [1, 3, 10])
def test_memory_is_kept_to(frames: int) -> None:
    line = timeline()
    size = line._frames.bytes
    line = timeline(memory=frames * 3 * size)  # a frame in the middle of an epoch holds more than the first one
    whole: dict[int, dict[str, bytes]] = {}
    while line.step < 400:
        line.advance(7)
        whole[line.step] = weights(line.state().parameters)
        assert line._frames.bytes <= line._frames.memory
    assert 1 <= len(line._frames) <= 3 * frames
    assert line._frames.interval > 16
    for step in (392, 7, 203, 204 // 7 * 7):
        if step in whole:
            travel(line, step)
            assert weights(line.state().parameters) == whole[step]


def test_without_memory_all_is_repeated_from_the_start() -> None:
    line = timeline(memory=0)
    assert travel(line, 50) == 50
    assert travel(line, 49) == 49
    assert len(line._frames) == 1


def test_what_is_counted_is_what_is_there() -> None:
    line = timeline()
    travel(line, 333)
    states = [state for frames in line._frames._frames.values() for state in frames.values()]
    arrays = {
        id(array): array.nbytes + ARRAY
        for s in states
        for part in ([s.parameters, s.slots, s.best_parameters], [dict(enumerate(p)) for p in s.metrics])
        for group in part
        for array in group.values()
    }
    assert line._frames.bytes == sum(arrays.values()) + FRAME * len(states)
    line._frames.memory = 0
    line._frames._thin()
    assert len(line._frames) == 1


def test_the_way_back_is_short() -> None:
    line = timeline()
    travel(line, 500)
    assert travel(line, 250) <= 16 + 5, "a frame stands every 16 steps, at the end of a call"
    line.seek(line.branch, 500)
    assert line.step == 500, "the end of a branch is kept when it is left"


def test_epoch_sums_come_back() -> None:
    line, other = timeline(), timeline()
    travel(line, 63)
    travel(line, 48)
    travel(line, 70)
    travel(other, 70)
    for step in (65, 70):
        assert line.tree.metrics(line.branch, step) == other.tree.metrics(other.branch, step)
    one, two = line.state(), other.state()
    assert weights(one.slots) == weights(two.slots)
    assert (one.loss, one.examples, one.batch, one.best) == (two.loss, two.examples, two.batch, two.best)


def test_a_branch_has_its_parents_past() -> None:
    line = timeline()
    travel(line, 12)
    line.seek(line.branch, 7)
    while line.step < 7:
        line.advance(7 - line.step)
    branch = line.fork(Rate(0.5))
    travel(line, 11)
    for step in range(1, 8):
        assert line.tree.loss(branch, step) == line.tree.loss(line.tree.root, step)
    assert line.tree.loss(branch, 9) != line.tree.loss(line.tree.root, 9)
    assert line.tree.metrics(branch, 9) == line.tree.metrics(line.tree.root, 9)
    assert line.tree.metrics(branch, 10) != line.tree.metrics(line.tree.root, 10)
    assert line.tree.metrics(branch, 4) == ({}, None)
    assert line.tree.metrics(branch, 9)[1] == 5, "at which its epoch ended"


def test_the_past_of_a_step_goes_through_the_branches_on_the_way() -> None:
    line = timeline()
    travel(line, 23)
    travel(line, 7)
    first = line.fork(Rate(0.5))
    travel(line, 21)
    travel(line, 16)
    second = line.fork(Rate(0.25))
    travel(line, 18)
    root = line.tree.root
    for branch, step in ((root, 23), (root, 3), (first, 7), (first, 12), (second, 18), (second, 5), (second, 0)):
        past = line.tree.past(branch, step)
        assert past["loss"].tolist() == [line.tree.loss(branch, s) for s in range(1, step + 1)]
        assert [e["step"] for e in past["epochs"]] == [s for s in (5, 10, 15, 20) if s <= step]
        assert all(e["metrics"] == line.tree.metrics(branch, e["step"])[0] for e in past["epochs"])


def test_the_way_leads_along_the_parent_and_into_the_branch() -> None:
    line = timeline(memory=0)
    travel(line, 13)
    branch = line.fork(Rate(0.5))
    travel(line, 30)
    end = weights(line.state().parameters)
    travel(line, 7)
    assert (line.branch, line.owner, line.learning_rate) == (branch, line.tree.root, 0.001)
    travel(line, 30)
    assert (line.branch, line.owner, line.learning_rate) == (branch, branch, 0.5)
    assert weights(line.state().parameters) == end
    assert (line.tree.root.last, branch.last) == (13, 30), "the parent went no further"


def test_losses_are_compared_bit_by_bit() -> None:
    tree = Tree(0.1, steps_per_epoch=5)
    recorded = np.array([1.0, 0.0, np.nan])
    assert tree.take(tree.root, 0, recorded) is None
    assert tree.take(tree.root, 1, np.array([0.0, np.nan, 4.0])) is None, "the third is new"
    assert tree.take(tree.root, 0, np.array([1.0, -0.0])) == 2
    assert tree.take(tree.root, 3, np.array([np.nextafter(4.0, 5.0), 5.0])) == 4
    assert tree.root.last == 4, "of what differs nothing is kept"


def test_branches_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branches, "MAX_BRANCHES", 3)
    line = timeline()
    line.fork(Rate(0.1))
    line.fork(Rate(0.2))
    with pytest.raises(PellucidError, match="3 branches"):
        line.fork(Rate(0.3))
    assert line.branch.id == 2


def test_growing_rows() -> None:
    rows = Growing(2)
    expected = np.empty((0, 2))
    for count in (0, 3, 200, 1, 0, 1000):
        piece = np.random.default_rng(count).normal(size=(count, 2))
        rows.extend(piece)
        expected = np.concatenate([expected, piece])
        assert np.array_equal(rows.rows, expected)
        assert len(rows) == len(expected)
