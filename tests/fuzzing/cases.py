"""A case: a network, its data and its training as plain data, and as the Python script that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from tests.fuzzing.layers import OWN

import pellucid as pl

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """A call of a public name, `pl.Dense(3, activation="relu")`, or of a layer of `layers.py`, not yet made.

    `columns` is how many there are in the data that a layer is adapted to, where it is.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Call, ...] = ()
    columns: int = 0

    def __repr__(self) -> str:
        options = [f"{key}={value!r}" for key, value in self.options.items()]
        name = self.name if self.name in OWN else f"pl.{self.name}"
        adapted = f".adapt(np.random.default_rng(1).normal(0.5, 2.0, (9, {self.columns})))" if self.columns else ""
        return f"{name}({', '.join([*map(repr, self.parts), *options])}){adapted}"

    def make(self) -> Any:
        """What the call gives."""
        return eval(repr(self), {"np": np, "pl": pl, **OWN})

    @property
    def all(self) -> list[Call]:
        """This call and those inside."""
        inner = [*self.parts, *(value for value in self.options.values() if isinstance(value, Call))]
        return [self, *(call for part in inner for call in part.all)]


@dataclass(frozen=True)
class Feed:
    """An input: the shape of one example, and what it holds.

    Attributes:
        kind: "real" numbers; "padded" sequences, whose last steps are all `padding`; "ids", integers below `entries`;
            "padded ids", the last of which are 0; "mask", 1 and then 0.
    """

    shape: Shape
    kind: str = "real"
    entries: int = 0
    padding: float = 0.0

    def source(self, examples: int) -> str:
        """An expression of the data, which reads `rng`."""
        shape = (examples, *self.shape)
        lengths = f"rng.integers(0, {self.shape[0] + 1}, {examples})"
        there = f"np.arange({self.shape[0]}) < {lengths}[:, None]"
        match self.kind:
            case "ids":
                return f"rng.integers(0, {self.entries}, {shape})"
            case "padded ids":
                return f"rng.integers(0, {self.entries}, {shape}) * ({there})"
            case "mask":
                return f"({there}).astype(float)"
            case "padded":
                return f"np.where(({there})[..., None], rng.normal(size={shape}), {self.padding})"
        return f"rng.normal(size={shape})"


@dataclass(frozen=True)
class Use:
    """A layer by its number, and the values that it takes by theirs: the inputs come first, then what uses give."""

    layer: int
    takes: tuple[int, ...]


@dataclass(frozen=True)
class Goal:
    """An output by the number of its value, with its targets and its loss.

    Attributes:
        target: "normal", "fraction" (0.1 to 0.9), "negative", "binary" (0 and 1), "soft" (0 to 1), "classes",
            "one-hot", "probabilities".
        loss: what `fit` takes; None is the default.
    """

    value: int
    target: str = "normal"
    loss: Any = "mean_squared_error"

    def source(self, examples: int, shape: Shape) -> str:
        """An expression of the targets of an output of this shape, which reads `rng`."""
        whole = (examples, *shape)
        match self.target:
            case "fraction":
                return f"rng.uniform(0.1, 0.9, {whole})"
            case "negative":
                return f"-rng.uniform(0.1, 0.9, {whole})"
            case "binary":
                return f"rng.integers(0, 2, {whole}).astype(float)"
            case "soft":
                return f"rng.random({whole})"
            case "classes":
                return f"rng.integers(0, {shape[-1]}, {whole[:-1]})"
            case "one-hot":
                return f"np.eye({shape[-1]})[rng.integers(0, {shape[-1]}, {whole[:-1]})]"
            case "probabilities":
                return f"rng.dirichlet(np.ones({shape[-1]}), {whole[:-1]})"
        return f"rng.normal(size={whole})"


@dataclass(frozen=True)
class Case:
    """A network, its data, its training, and what is to be looked at.

    Attributes:
        stirred: by how much the initial parameters are changed, so that biases are no zeros and scales no ones.
        options: other arguments of `fit`.
        weighted: whether examples have weights.
        schedule: of the learning rate, as a callback.
        threads: on how many threads it is run again.
        limits: numbers of the native engine, by module and name, that are others here: it then does with little data
            what it does with much.
        checks: which checks of `comparison.py` look at it.
    """

    seed: int
    inputs: tuple[Feed, ...]
    layers: tuple[Call, ...]
    uses: tuple[Use, ...]
    goals: tuple[Goal, ...]
    optimizer: Call
    examples: int
    batch: int
    epochs: int = 1
    dtype: str = "float32"
    stirred: float = 0.0
    options: Mapping[str, Any] = field(default_factory=dict)
    weighted: bool = False
    schedule: Call | None = None
    threads: int = 2
    limits: Mapping[str, int] = field(default_factory=dict)
    checks: tuple[str, ...] = ("training",)

    def pruned(self) -> Case:
        """Without what no output depends on."""
        count = len(self.inputs)
        kept: set[int] = set()
        waiting = [goal.value for goal in self.goals]
        while waiting:
            value = waiting.pop()
            if value not in kept:
                kept.add(value)
                waiting += self.uses[value - count].takes if value >= count else ()
        inputs = [v for v in range(count) if v in kept]
        values = [v for v in range(count, count + len(self.uses)) if v in kept]
        layers = sorted({self.uses[v - count].layer for v in values})
        new = {value: place for place, value in enumerate([*inputs, *values])}
        uses = [self.uses[v - count] for v in values]
        return replace(
            self,
            inputs=tuple(self.inputs[v] for v in inputs),
            layers=tuple(self.layers[k] for k in layers),
            uses=tuple(Use(layers.index(u.layer), tuple(new[v] for v in u.takes)) for u in uses),
            goals=tuple(replace(goal, value=new[goal.value]) for goal in self.goals),
        )

    def network_source(self) -> str:
        """`network(engine, dtype)`, which makes the network."""
        lines = ["def network(engine, dtype):"]
        lines += [f"    v{place} = pl.Input({feed.shape})" for place, feed in enumerate(self.inputs)]
        lines += [f"    layer{place} = {call!r}" for place, call in enumerate(self.layers)]
        for place, use in enumerate(self.uses, len(self.inputs)):
            first = "[0]" if self.layers[use.layer].options.get("return_state") else ""
            lines.append(f"    v{place} = layer{use.layer}({', '.join(f'v{k}' for k in use.takes)}){first}")
        inputs = ", ".join(f"v{place}" for place in range(len(self.inputs)))
        outputs = ", ".join(f"v{goal.value}" for goal in self.goals)
        made = f"inputs=[{inputs}], outputs=[{outputs}], seed={self.seed % 2**32}, engine=engine, dtype=dtype"
        lines.append(f"    net = pl.Network({made})")
        if self.stirred:
            lines += [
                f"    rng = np.random.default_rng({self.seed})",
                "    for path, value in net.parameters.items():",
                f"        net.parameters[path] = value + rng.uniform(-{self.stirred}, {self.stirred}, value.shape)",
            ]
        return "\n".join([*lines, "    return net", ""])

    def source(self) -> str:
        """The script: `network`, the data `x` and `y`, and `options`, the arguments of `fit`."""
        net = self.network("reference")
        paths = list(net.output_shapes)
        xs = [feed.source(self.examples) for feed in self.inputs]
        ys = [
            goal.source(self.examples, shape)
            for goal, shape in zip(self.goals, net.output_shapes.values(), strict=True)
        ]
        losses = [goal.loss for goal in self.goals]
        options: dict[str, Any] = {
            "epochs": self.epochs,
            "batch_size": self.batch,
            "optimizer": self.optimizer,
            "loss": losses[0] if len(losses) == 1 else dict(zip(paths, losses, strict=True)),
            "verbose": 0,
            **self.options,
        }
        own = sorted({inner.name for call in self.layers for inner in call.all if inner.name in OWN})
        lines = ["import numpy as np", "", "import pellucid as pl"]
        lines += [f"from tests.fuzzing.layers import {', '.join(own)}"] if own else []
        for limit, value in self.limits.items():
            package, module, name = limit.split(".")
            lines += [f"from pellucid.engines.llvm.{package} import {module}", f"{module}.{name} = {value}"]
        lines += ["", "", self.network_source()]
        lines += ["", f"rng = np.random.default_rng({self.seed})"]
        lines += [f"x = {xs[0]}" if len(xs) == 1 else f"x = [{', '.join(xs)}]"]
        lines += [f"y = {ys[0]}" if len(ys) == 1 else f"y = [{', '.join(ys)}]"]
        lines += [f"options = {options!r}"]
        if self.weighted:
            lines += [
                f'options["sample_weight"] = rng.integers(0, 3, {self.examples}) + rng.random({self.examples}) / 2'
            ]
        return "\n".join([*lines, ""])

    def network(self, engine: str, dtype: str | None = None) -> pl.Network:
        """The network, in the dtype of the case unless another is given."""
        made: dict[str, Any] = {"np": np, "pl": pl, **OWN}
        exec(self.network_source(), made)
        net: pl.Network = made["network"](engine, dtype or self.dtype)
        return net

    def data(self) -> tuple[Any, Any, dict[str, Any]]:
        """x, y, and the arguments of `fit`."""
        made: dict[str, Any] = {}
        exec(replace(self, limits={}).source(), made)
        return made["x"], made["y"], made["options"]
