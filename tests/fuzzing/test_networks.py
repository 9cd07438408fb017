"""Random networks on both engines, and whether they are as random as they should be."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from tests.fuzzing import choices, goals
from tests.fuzzing.cases import Call, Case, Feed, Goal, Use
from tests.fuzzing.choices import OPTIONS
from tests.fuzzing.comparison import LIMITS, Fault, examined
from tests.fuzzing.generator import attempted, drawn
from tests.fuzzing.layers import OWN
from tests.fuzzing.networks import script
from tests.fuzzing.shrinking import shrunk

import pellucid as pl
from pellucid.engines.llvm.run.executable import Executable
from pellucid.engines.llvm.run.session import Session
from pellucid.functions.learning.losses import LOSSES
from pellucid.functions.learning.optimizers import OPTIMIZERS
from pellucid.layers.base import InputLayer, Layer
from pellucid.network import BaseNetwork


@pytest.mark.sample(5)
@pytest.mark.parametrize("seed", range(24))
def test_native_code_trains_as_the_reference_engine(seed: int) -> None:
    examined(drawn(seed))


# What the generator draws


def library() -> dict[str, type[Layer]]:
    """The library's layers, networks left out."""
    own = {name: kind for name, kind in Layer.kinds.items() if kind.__module__.startswith("pellucid.layers.")}
    return {name: kind for name, kind in own.items() if not issubclass(kind, (BaseNetwork, InputLayer))}


def test_every_layer_and_option_has_its_choices() -> None:
    left_out = {"name", "trainable"}
    options = {name: {f.name for f in fields(kind) if f.init} - left_out for name, kind in library().items()}
    assert {name: set(drawn) for name, drawn in OPTIONS.items()} == options


def test_every_optimizer_loss_and_schedule_has_its_choices() -> None:
    optimizers = {kind.__name__: {f.name for f in fields(kind)} for kind in OPTIMIZERS.values()}
    assert {name: set(options) for name, options in choices.OPTIMIZERS.items()} == optimizers
    assert {reads: set(names) for reads, names in goals.LOSSES.items()} == {
        reads: {name for name, loss in LOSSES.items() if loss.reads == reads} for reads in goals.LOSSES
    }
    assert {loss for names in goals.LOSSES.values() for loss in names} == set(LOSSES)
    assert {call.name for call in choices.SCHEDULES} == {n for n in pl.__all__ if n.endswith(("Decay", "WarmUp"))}


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [attempted(seed) for seed in range(1000, 1300)]


def test_all_of_them_are_drawn(cases: list[Case]) -> None:
    seen = {call.name for case in cases for layer in (*case.layers, case.optimizer) for call in layer.all}
    assert {*library(), *OWN, "Network", *choices.OPTIMIZERS} <= seen
    losses = {g.loss["name"] if isinstance(g.loss, dict) else g.loss for case in cases for g in case.goals}
    assert losses == {None, *LOSSES}
    assert {case.dtype for case in cases} == {"float32", "float64"}
    assert any(len(case.uses) > len(case.layers) for case in cases)  # a shared layer
    assert any(len(case.goals) > 1 for case in cases)
    assert any(len(case.inputs) > 1 for case in cases)
    assert {1, 16, 17} <= {case.batch for case in cases}
    assert any(case.examples % case.batch for case in cases)
    for name in ("clip_norm", "clip_value", "class_weight", "validation_split", "shuffle"):
        assert any(name in case.options for case in cases), name
    assert any("trainable" in call.options for case in cases for call in case.layers)
    assert any(case.weighted for case in cases)
    assert {limit for case in cases for limit in case.limits} == set(LIMITS)
    assert any(case.schedule for case in cases)


def test_a_script_sets_the_limits_where_they_stand() -> None:
    limited = next(case for seed in range(100) if (case := drawn(seed)).limits)
    lines = [line for line in limited.source().splitlines() if "engines.llvm" in line]
    assert len(lines) == len(limited.limits)
    for line in lines:
        exec(line)


def test_few_draws_are_no_networks() -> None:
    assert sum(attempted(seed) == drawn(seed) for seed in range(20)) > 16


def test_a_seed_is_its_case() -> None:
    for seed in range(2):
        assert drawn(seed).source() == drawn(seed).source()


# What the comparison sees


PLAIN = Case(
    seed=3,
    inputs=(Feed((5,)),),
    layers=(
        Call("Dense", {"units": 7, "activation": "tanh"}),
        Call("LayerNormalization"),
        Call("Dense", {"units": 3, "activation": "softmax", "kernel_regularizer": Call("L2")}),
    ),
    uses=(Use(0, (0,)), Use(1, (1,)), Use(2, (2,))),
    goals=(Goal(3, "classes", "crossentropy"),),
    optimizer=Call("Adam"),
    examples=21,
    batch=10,
    options={"clip_norm": 1.0},
    checks=("training", "predictions"),
)


def test_a_wrong_step_is_seen_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not examined(PLAIN).uncertain
    plain = Session.run

    def wrong(self: Session, *args: Any, **options: Any) -> dict[str, np.ndarray]:
        results = plain(self, *args, **options)
        for name, array in self.state.items():
            if name.endswith("kernel"):
                array += np.float32(1e-4)
        return results

    monkeypatch.setattr(Session, "run", wrong)
    with pytest.raises(Fault, match=r"^training: dense_\d.kernel") as caught:
        examined(PLAIN)
    small, fault = shrunk(PLAIN, caught.value)
    assert len(small.uses) == 1
    assert small.optimizer == Call("SGD")
    assert not small.options
    assert small.batch == 1
    text = script(small, fault)
    compile(text, "script", "exec")
    assert "pl.Dense(units=1)" in text


def test_a_wrong_prediction_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Executable.__call__

    def wrong(self: Executable, given: Any) -> dict[str, np.ndarray]:
        results = plain(self, given)
        if len(given["input_1"]) == 3:
            results["dense_2"][2] *= 1.01
        return results

    monkeypatch.setattr(Executable, "__call__", wrong)
    with pytest.raises(Fault, match=r"^predictions: dense_2\[2"):
        examined(PLAIN)
