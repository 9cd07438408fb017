"""The examples that a network gets most wrong, or least: by the loss of each."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.formula import Program
from pellucid.lab.protocol import answers, requests
from pellucid.lab.task import Task
from pellucid.lab.time.moments import Moment, put
from pellucid.lab.view.confusion import JUDGED, chosen
from pellucid.lab.view.samples import Samples, labels_of, numbers
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import batches

Array = NDArray[Any]

BATCH = 256
LARGEST_ANSWER = 1 << 12
"""An output of more numbers is not told."""


class Ranking:
    """Ranks the examples of a set at whatever moment. It puts `net`, its own, into that moment."""

    def __init__(self, task: Task, net: BaseNetwork, samples: Samples) -> None:
        self._task, self._net, self._samples = task, net, samples
        self._lock = threading.Lock()
        self._known: tuple[Moment, str, Array, dict[str, Array]] | None = None

    def __call__(self, moment: Moment, asked: requests.RankingParams) -> answers.Ranking:
        """Those with the highest loss, or with the lowest, of all or of those of one cell of the confusion matrix."""
        with self._lock:
            places, values = self._judged(moment, asked.set)
            y = self._samples.of(asked.set)[1][places]
            losses, said = values["each"].astype(np.float64), values["answer"]
            wanted = np.ones(len(places), bool)
            classes = self._task.classes
            truths = labels_of(y) if classes is not None else None
            choices = chosen(self._net, said) if classes is not None else None
            if truths is not None and choices is not None:
                if asked.truth is not None:
                    wanted &= truths == asked.truth
                if asked.said is not None:
                    wanted &= choices == asked.said
            # what is not finite is as wrong as can be
            order = np.argsort(np.where(np.isfinite(losses), -losses, -np.inf), kind="stable")
            order = order[wanted[order]]
            order = order if asked.highest else order[::-1]
            told = said[0].size <= LARGEST_ANSWER
            examples: list[answers.Ranked] = []
            for k in order[asked.start : asked.start + asked.count].tolist():
                name = f"{asked.set}:{places[k]}"
                examples.append(
                    {
                        "example": self._samples.shown(self._samples[name]),
                        "loss": float(losses[k]),
                        "truth": None if truths is None else int(truths[k]),
                        "said": None if choices is None else int(choices[k]),
                        "answer": numbers(said[k]) if told else None,
                    }
                )
            counts = values["counts"].astype(np.float64)
            penalty = float(values["penalty"]) if "penalty" in values else None
            return {
                "set": asked.set,
                "judged": len(places),
                "count": len(self._samples.of(asked.set)[0]),
                "matching": int(wanted.sum()),
                "mean": float((losses * counts).sum() / max(counts.sum(), 1)),
                "penalty": penalty,
                "examples": examples,
            }

    def _judged(self, moment: Moment, name: str) -> tuple[Array, dict[str, Array]]:
        """The places of the examples that are judged, and of each its loss, the answer, and how often it counts."""
        known = self._known
        if known is None or known[0] is not moment or known[1] != name:
            put(self._net, moment.parameters)
            places, (x, y) = self._samples.spread(name, self._samples.affordable(JUDGED))
            known = self._known = moment, name, places, self._losses(self._samples.arrays(x, y))
        return known[2], known[3]

    def _losses(self, arrays: dict[str, Array]) -> dict[str, Array]:
        goal = self._samples.goal

        def program(net: BaseNetwork) -> Program:
            forward = net.forward(training=False)
            outputs = {"each": goal.examples(forward), "answer": forward.outputs[goal.path]}
            if goal.path in forward.masks:
                outputs["mask"] = forward.masks[goal.path]
            if forward.penalty is not None:
                outputs["penalty"] = forward.penalty
            return Program(outputs)

        run = self._net.executable(("ranking", goal.key), program)
        parameters = self._net.parameters.snapshot()
        n = len(next(iter(arrays.values())))
        parts = [run({**{name: a[rows] for name, a in arrays.items()}, **parameters}) for rows in batches(n, BATCH)]
        values = {name: np.concatenate([part[name] for part in parts]) for name in ("each", "answer")}
        # a sequence counts as often as it has steps, as in the loss of a batch
        values["counts"] = np.concatenate([p["mask"].sum(axis=1) for p in parts]) if "mask" in parts[0] else np.ones(n)
        return {**values, "penalty": parts[0]["penalty"]} if "penalty" in parts[0] else values
