"""Random networks: a case from its seed."""

from __future__ import annotations

from typing import Any

from tests.fuzzing.cases import Call, Case
from tests.fuzzing.choices import Draw, optimizer, schedule
from tests.fuzzing.comparison import LIMITS
from tests.fuzzing.goals import finish, must
from tests.fuzzing.graphs import Builder, start

from pellucid.errors import PellucidError
from pellucid.training.evaluation import prepared

BATCHES = (1, 2, 3, 4, 5, 15, 16, 17, 31, 33, 40)
CHECKS = {
    "predictions": 0.5,
    "evaluation": 0.3,
    "gradients": 0.25,
    "trace": 0.25,
    "again": 0.35,
    "saved": 0.2,
    "not finite": 0.3,
}
"""What is looked at beside the training, and how often."""


def drawn(seed: int) -> Case:
    """The case of this seed."""
    for attempt in range(50):
        case = attempted(seed, attempt)
        try:
            x, y, options = case.data()
            net = case.network("reference")
            prepared(net, x, y, options["loss"], None)
        except PellucidError:  # a mask that a layer does not take, for instance: it shows in the whole network only
            continue
        if net.parameters.trainable or not any(spec.trainable for spec in net.specs.values()):
            return case
    raise AssertionError(f"no network was found for the seed {seed}")


def attempted(seed: int, attempt: int = 0) -> Case:
    """A case that may be none."""
    d = Draw(seed, attempt)
    d.large = d.chance(0.15)
    graph = Builder(d)
    begins = start(d, graph)
    ends: list[int] = []
    for value in begins:
        for _ in range(d.between(1, 2 if d.large else 3)):
            value = graph.grow(value)
        ends.append(value)
    if len(ends) > 1:  # two inputs meet in one value where they can, else in two outputs
        flat = [v if len(graph.shapes[v]) == 1 else must(graph.use(Call("Flatten"), v)) for v in ends]
        ends = [must(graph.use(Call("Concatenate"), *flat))]
    (value,) = ends
    for _ in range(d.between(0, 2)):
        value = graph.grow(value)
    goals = [finish(d, graph, value)]
    if d.chance(0.12):
        other = d.between(len(graph.feeds), len(graph.shapes) - 1)
        if other not in graph.whole:
            second = finish(d, graph, other)
            goals += [second] if second.value != goals[0].value else []
    batch = int(d.pick(BATCHES))
    examples = batch * d.pick([1, 1, 2, 3]) + d.pick([0, 0, 1, d.between(0, batch - 1)])
    options: dict[str, Any] = {}
    if d.chance(0.2):
        options["clip_norm"] = d.pick([0.01, 1.0, 100.0])
    if d.chance(0.15):
        options["clip_value"] = d.pick([0.001, 0.1, 10.0])
    if d.chance(0.3):
        options["shuffle"] = False
    if d.chance(0.1) and examples > 1:
        options["validation_split"] = 0.25
    one_class = len(goals) == 1 and goals[0].target in ("classes", "one-hot")
    if one_class and len(graph.shapes[goals[0].value]) == 1 and d.chance(0.3):
        options["class_weight"] = d.pick(["balanced", {0: 2.0, 1: 0.5}])
    return Case(
        seed=seed,
        inputs=tuple(graph.feeds),
        layers=tuple(graph.layers),
        uses=tuple(graph.uses),
        goals=tuple(goals),
        optimizer=optimizer(d),
        examples=examples,
        batch=batch,
        epochs=d.pick([1, 1, 2]),
        dtype=d.pick(["float32", "float64"], [3, 1]),
        stirred=d.pick([0.0, 0.1, 0.3], [1, 2, 1]),
        options=options,
        weighted=d.chance(0.2),
        schedule=schedule(d) if d.chance(0.2) else None,
        threads=d.pick([2, 3, 8]),
        limits={k: d.pick(v) for k, v in LIMITS.items() if d.chance(0.6)} if d.chance(0.4) else {},
        checks=("training", *(name for name, share in CHECKS.items() if d.chance(share))),
    ).pruned()
