"""The task that is begun with, of data of a person's own: the network is what `pellucid train` takes where nobody asks
for another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from pellucid.data import Dataset, Vocabulary
from pellucid.default_layers import TEST_SIZE
from pellucid.lab.edit.designs import check_size, count
from pellucid.lab.edit.plain_code import layer_code
from pellucid.lab.gallery import Prices
from pellucid.lab.task import Examples, Source, Task, task_of
from pellucid.layers.base import Layer
from pellucid.network import BaseNetwork

SEED = 0


@dataclass
class Beginning:
    """What a task is made of.

    Attributes:
        name: of the file or folder.
        layers: of the network, without its input.
        learned, test: examples to learn from, and to judge by.
        code: Python that makes `x`, `y` and `validation_data`.
    """

    name: str
    layers: Sequence[Layer]
    learned: Examples
    test: Examples
    _: dataclasses.KW_ONLY
    code: str
    loss: Any = None
    metrics: Any = None
    optimizer: Any = "adam"
    batch_size: int = 32
    classes: Sequence[str] | None = None
    vocabulary: Vocabulary | None = None
    prices: Prices | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def net(self) -> BaseNetwork:
        """The network.

        Raises:
            DataError: it is too large to be trained while one waits.
        """
        net = BaseNetwork(*self.layers, input_shape=self.learned[0].shape[1:], seed=SEED)
        check_size(net, self._batch)
        net.metadata.update(self.metadata)
        return net

    @property
    def _batch(self) -> int:
        return min(self.batch_size, len(self.learned[0]))

    def described(self) -> tuple[list[str], int]:
        """The layers, each as Python has it, and how many numbers they learn and keep."""
        return [layer_code(layer) for layer in self.layers], count(self.net)

    def task(self) -> Task:
        """The task, as the lab opens it."""
        task = task_of(
            self.net,
            *self.learned,
            validation_data=self.test,
            loss=self.loss,
            optimizer=self.optimizer,
            metrics=self.metrics,
            batch_size=self._batch,
            classes=self.classes,
            vocabulary=self.vocabulary,
            title=PurePosixPath(self.name).stem,
        )
        rows = task.rows if self.prices is None else self.prices
        return dataclasses.replace(task, source=Source(self.code), plain=True, rows=rows)


def divided(data: Dataset) -> tuple[Dataset, Dataset]:
    """What is learned from, and what is kept to judge by: as `pellucid train` does."""
    return data.divide(test_size=TEST_SIZE, seed=SEED)
