"""The course of a weight: what it was at the steps that are kept, before the step shown and after it."""

from __future__ import annotations

import numpy as np

from pellucid.lab import gallery
from pellucid.lab.time.run import Run
from pellucid.lab.view.course import course


def test_every_point_is_the_weight_at_its_step_also_beyond_the_one_shown() -> None:
    rng = np.random.default_rng(0)
    with Run.of(gallery.build("spirals")) as run:
        run.repeat({"do": "seek", "step": 100}, {"do": "seek", "step": 50})
        moment = run.moment()
        path = "dense_2.kernel"
        index = [int(i) for i in rng.integers(0, 16, 2)]
        answer = course([*run.kept(moment), moment], path, index, run.later(moment))
        later = answer["later"]
        assert later is not None
        assert (answer["steps"][0], answer["steps"][-1]) == (0, 50)
        assert later["steps"].min() > 50
        assert later["steps"].max() == 100
        points = {**dict(zip(answer["steps"], answer["values"], strict=True))}
        points |= dict(zip(later["steps"], later["values"], strict=True))
        for step in rng.choice(list(points), 4, replace=False).tolist():
            assert points[step] == run.reached(step=step).parameters[path][tuple(index)]
        run.repeat({"do": "rate", "learning_rate": 0.5}, {"do": "step", "count": 20})
        branched = run.moment()
        after = course([*run.kept(branched), branched], path, index, run.later(branched))
        assert after["later"] is not None
        assert not len(after["later"]["steps"]), "what the other branch became is not of this one"
        assert after["steps"][-1] == 70
