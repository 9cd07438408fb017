"""What comes next: a text continued, a series forecast beside the forecast that costs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pellucid.data import Vocabulary, levels
from pellucid.errors import PellucidError
from pellucid.explain.arithmetic import number
from pellucid.lab.gallery import Prices
from pellucid.lab.protocol import answers
from pellucid.lab.task import Task
from pellucid.lab.view.samples import Samples
from pellucid.messages import gettext
from pellucid.network import BaseNetwork
from pellucid.training.evaluation import predict
from pellucid.training.stepper import Stepper, continued

Array = NDArray[Any]

FORECASTS = 2000


def grown(task: Task, read: Stepper, *, text: str, count: int, temperature: float, seed: int) -> str:
    """The text, and so many symbols more.

    Raises:
        PellucidError: the network does not write texts.
    """
    vocabulary = task.rows
    if not isinstance(vocabulary, Vocabulary) or "text" not in task.views:
        raise PellucidError(gettext("this network does not predict the next symbol of a text, so it cannot write"))
    start = vocabulary.encode(text or ("\n" if vocabulary.by == "char" else "the"))
    read.reset()
    steps = continued(read, start, count, temperature=temperature, seed=seed)
    more = [token for token, _ in steps]
    between = " " if vocabulary.by == "word" and text else ""
    return text + between + vocabulary.decode(np.array(more))


def next_values(task: Task, net: BaseNetwork, *, count: int) -> str:
    """The values after the last one known, each forecast from those before it as if they had come true."""
    rows = task.rows
    if not isinstance(rows, Prices) or task.test is None:
        raise PellucidError(gettext("this network forecasts no series of prices, so there are no next values"))
    changes = np.diff(levels(rows.values[:, None], rows.scale)[:, 0])
    window = list((changes[-task.x.shape[1] :] - rows.mean) / rows.deviation)
    price, prices = rows.values[-1:], []
    for _ in range(count):
        x = np.array(window[-task.x.shape[1] :], net.dtype).reshape(1, -1, 1)
        change = predict(net, x)[0]
        window.append(float(change[0]))
        price = rows.after(price, change)
        prices.append(number(float(price[0])))
    return ", ".join(prices)


def forecast(task: Task, net: BaseNetwork, samples: Samples) -> answers.Forecast:
    """The network's forecasts of examples that it did not learn from, beside what came, and beside "as today".

    Of prices, in their own units and by day; of another series as the network gives them.
    """
    if "forecast" not in task.views:
        raise PellucidError(gettext("this network forecasts no series"))
    name = "test" if task.test is not None else "train"
    x, y = (part[: samples.affordable(FORECASTS)] for part in samples.of(name))
    predicted = predict(net, x).astype(np.float64)
    if isinstance(task.rows, Prices):
        rows = task.rows
        first = rows.learned if name == "test" else 0
        origins = rows.origins[first : first + len(x)]
        today: Array | None = rows.values[origins]
        truth = rows.values[origins + 1]
        network = rows.after(rows.values[origins], predicted[:, 0])
        days = [rows.dates[k] for k in (origins + 1).tolist()]
    else:
        network, truth = (part.reshape(len(part), -1)[:, -1].astype(np.float64) for part in (predicted, y))
        today, days = None, [str(k) for k in range(len(truth))]
    return {
        "days": days,
        "names": [f"{name}:{k}" for k in range(len(days))],
        "truth": truth,
        "network": network,
        "today": today,
        "errors": {
            "network": float(np.abs(network - truth).mean()),
            "today": None if today is None else float(np.abs(today - truth).mean()),
        },
    }
