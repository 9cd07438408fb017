"""A design: a network, its optimiser and its data as a page can change them; and the task that is made of one."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import convert

from pellucid.engines import DEFAULT
from pellucid.errors import DataError, PellucidError
from pellucid.functions.initialization.initial_values import initial
from pellucid.functions.learning import losses
from pellucid.functions.learning.optimizers import optimizer
from pellucid.lab.protocol.requests import Design, NetworkConfig
from pellucid.lab.task import Task, bottleneck
from pellucid.layers.base import Layer, Node
from pellucid.layers.normalization import Normalization
from pellucid.messages import Message, gettext
from pellucid.network import BaseNetwork, homes_of
from pellucid.training.evaluation import prepared

MAX_PARAMETERS = 4_000_000
MAX_NUMBERS = 1 << 24
"""Of all layers' outputs for one batch: 64 MiB, and as much again for the gradients."""
MAX_WORK = 2e10
"""Multiply-adds of one batch: about a second of one core."""

COUNTS = ("units", "filters", "input_dim", "output_dim", "num_heads", "key_dim", "depth_multiplier", "groups", "n")
"""Options that count something."""

JUNK = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What becomes of an option that is of another kind than its layer expects."""


class Fault(DataError):
    """A design that cannot be trained.

    Attributes:
        layer: the number of the layer at fault in the design, or None.
        field: the option or setting at fault, or None.
    """

    def __init__(self, message: object, *, layer: int | None = None, field: str | None = None) -> None:
        super().__init__(message)
        self.layer = layer
        self.field = field


def design_of(task: Task) -> Design:
    """The design of a task as it is."""
    loss = None if task.loss is None else losses.loss(task.loss).config
    settings = {
        "network": task.net.config(),
        "optimizer": optimizer(task.optimizer).config(),
        "loss": loss,
        "batch_size": task.batch_size,
        "noise": None if task.source is None else task.source.noise,
    }
    return convert(json.loads(json.dumps(settings)), Design)


def network_of(
    design: Design, task: Task | None = None, *, engine: str = DEFAULT, initialise: bool = True
) -> BaseNetwork:
    """The network of a design, with its initial values; without them it costs next to nothing.

    Args:
        task: whose examples say to what scale the network brings its input, and from what scale its output comes.

    Raises:
        Fault: a layer that cannot be, or does not fit the one before it.
    """
    plan = design.network
    layers = [_layer(number, entry.kind, entry.options) for number, entry in enumerate(plan.layers)]
    if task is not None:
        _measure(plan, layers, task)
    nodes: dict[str, Node] = {}
    try:
        for use in plan.uses:
            if use.path in nodes:
                raise Fault(gettext('two layers have the path "{path}"', path=use.path))
            nodes[use.path] = Node(layers[use.layer], tuple(nodes[path] for path in use.inputs))
        inputs, outputs = [nodes[path] for path in plan.inputs], [nodes[path] for path in plan.outputs]
    except (KeyError, IndexError) as error:
        raise Fault(gettext("the layers do not hang together: there is no {name}", name=str(error))) from None
    try:
        return BaseNetwork(
            inputs=inputs,
            outputs=outputs,
            seed=plan.seed,
            dtype=plan.dtype,
            name=plan.name,
            engine=engine,
            initialise=initialise,
        )
    except PellucidError as error:
        number = _place(str(error), layers, list(nodes.values()))
        field = None if number is None else _named(str(error), plan.layers[number].options)
        raise Fault(error.message, layer=number, field=field) from None


def changed(task: Task, design: Design) -> Task:
    """The task with another design; its examples stay, but for their noise.

    Raises:
        Fault: a design that cannot be trained, or that is too large to be trained while one waits.
    """
    check(task, design)
    source, x, y, test = task.source, task.x, task.y, task.test
    if source is not None and design.noise is not None and design.noise != source.noise:
        source, (x, y), test = source.noisy(design.noise)
    net = network_of(design, task, engine=task.net.engine)
    net.metadata |= task.net.metadata
    given = {
        path: value
        for path, value in task.given.items()
        if path in net.specs and net.specs[path].shape == np.shape(value)
    }
    for path, value in given.items():
        net.parameters[path] = value
    views = tuple(view for view in task.views if view != "latent" or bottleneck(net) is not None)
    return dataclasses.replace(
        task,
        net=net,
        x=x,
        y=y,
        test=test,
        loss=_loss(task, design),
        optimizer=_optimizer(design),
        batch_size=design.batch_size,
        views=views,
        source=source,
        plain=True,
        given=given,
    )


def check(task: Task, design: Design) -> BaseNetwork:
    """The network of a design without values, once everything about the design was found to be possible.

    Raises:
        Fault: something is not.
    """
    net = network_of(design, task, initialise=False)
    _check_ends(task, net, len(design.network.layers) - 1)
    check_size(net, design.batch_size)
    _optimizer(design)
    if design.batch_size > len(task.x):
        sentence = gettext(
            "batch size: expected at most {count}, as many as there are examples, got {size}",
            count=len(task.x),
            size=design.batch_size,
        )
        raise Fault(sentence, field="batch_size")
    try:
        prepared(net, task.x[:1], task.y[:1], _loss(task, design), None)
    except PellucidError as error:
        raise Fault(error.message, field="loss") from None
    if task.source is None and design.noise is not None:
        raise Fault(gettext("noise: these examples were given, so their noise cannot be changed"), field="noise")
    return net


def count(net: BaseNetwork) -> int:
    """How many numbers it learns and keeps."""
    return sum(math.prod(spec.shape) for spec in net.specs.values())


def differences(before: Design, after: Design) -> list[Message]:
    """What the second design has otherwise, each in a few words."""
    found: list[Message] = []
    one, two = before.network, after.network
    if [entry.kind for entry in one.layers] == [entry.kind for entry in two.layers] and one.uses == two.uses:
        options: dict[tuple[str, str, str], None] = {}
        for old, new in zip(one.layers, two.layers, strict=True):
            for name in sorted(old.options.keys() | new.options.keys()):
                was, now = (_shown(entry.options.get(name)) for entry in (old, new))
                if was != now:
                    options[name, was, now] = None
        found += [_change(name, was, now) for name, was, now in options]
    else:
        found.append(_change(gettext("layers"), _chain(one.layers), _chain(two.layers)))
    kinds = [str(design.optimizer.get("name")) for design in (before, after)]
    if kinds[0] != kinds[1]:
        found.append(_change(gettext("optimiser"), *kinds))
    for name in sorted(before.optimizer.keys() & after.optimizer.keys() - {"name"}):
        if before.optimizer[name] != after.optimizer[name] and (kinds[0] == kinds[1] or name == "learning_rate"):
            values = (_shown(design.optimizer[name]) for design in (before, after))
            found.append(_change(name, *values))
    reads: list[tuple[Message, Callable[[Design], object]]] = [
        (gettext("loss"), lambda design: design.loss),
        (gettext("batch size"), lambda design: design.batch_size),
        (gettext("noise"), lambda design: design.noise),
        (gettext("seed"), lambda design: design.network.seed),
    ]
    for title, read in reads:
        if read(before) != read(after):
            found.append(_change(title, _shown(read(before)), _shown(read(after))))
    return found


def _change(title: object, was: str, now: str) -> Message:
    return gettext("{title}: {was} → {now}", title=title, was=was, now=now)


def _chain(layers: Sequence[Any]) -> str:
    sizes = ("units", "filters", "output_dim", "rate", "pool_size")
    named = []
    for entry in layers[1:]:
        size = next((entry.options[name] for name in sizes if name in entry.options), None)
        named.append(entry.kind if size is None else f"{entry.kind} {_shown(size)}")
    return ", ".join(named)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name", value)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _layer(number: int, kind: str, options: dict[str, Any]) -> Layer:
    if kind == "Network":
        return BaseNetwork.restored(options)
    for name, value in options.items():
        if name in COUNTS and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            sentence = gettext(
                "{name} of {kind}: expected an integer from 1, got {value}", name=name, kind=kind, value=_shown(value)
            )
            raise Fault(sentence, layer=number, field=name)
        if name.endswith("_initializer") and isinstance(value, str):
            try:
                initial(value)
            except PellucidError as error:
                raise Fault(error.message, layer=number, field=name) from None
    try:
        return Layer.of(kind, options)
    except PellucidError as error:
        raise Fault(error.message, layer=number, field=_named(str(error), options)) from None
    except JUNK as error:
        raise Fault(
            gettext("{kind} cannot be made from these options: {error}", kind=kind, error=error), layer=number
        ) from None


def _measure(plan: NetworkConfig, layers: Sequence[Layer], task: Task) -> None:
    """Give what scales the input, or leads the output back to its units, the statistics of the task's examples."""
    for use in plan.uses:
        layer = layers[use.layer] if use.layer < len(layers) else None
        if isinstance(layer, Normalization):
            if not layer.invert and use.inputs == plan.inputs:
                layer.adapt(task.x)
            elif layer.invert and [use.path] == plan.outputs and task.classes is None:
                layer.adapt(task.y)


def _named(sentence: str, names: Any) -> str | None:
    """The first of these names that a sentence speaks of."""
    places = {name: found.start() for name in names if (found := re.search(rf"\b{re.escape(name)}\b", sentence))}
    return min(places, key=lambda name: places[name], default=None)


def _place(sentence: str, layers: Sequence[Layer], order: Sequence[Node]) -> int | None:
    """The number of the layer with whose path a sentence begins."""
    path = re.match(r"(\w+)(?:[.:~]| )", sentence)
    if path is None:
        return None
    try:
        known = homes_of(order)
    except PellucidError:
        return None
    return next((number for number, layer in enumerate(layers) if known.get(layer) == path[1]), None)


def _check_ends(task: Task, net: BaseNetwork, last: int) -> None:
    (was,), now = task.net.output_shapes.values(), list(net.output_shapes.values())
    (given,) = task.net.input_shapes.values()
    if list(net.input_shapes.values()) != [given]:
        raise Fault(gettext("the input has to stay as it is, {shape}: the examples have this shape", shape=str(given)))
    binary = task.classes is not None and len(task.classes) == 2
    if len(now) == 1 and (now[0] == was or (binary and now[0] in ((1,), (2,)))):
        return
    said = {"shape": str(now[0]), "expected": str(was)}
    if task.classes is not None:
        sentence = gettext(
            "the last layer gives examples of shape {shape}, expected {expected}: one number for each class. "
            'Usual is Dense with {count} units and "softmax"',
            count=len(task.classes),
            **said,
        )
    else:
        sentence = gettext(
            "the last layer gives examples of shape {shape}, expected {expected}, as the targets have it", **said
        )
    raise Fault(sentence, layer=last)


def check_size(net: BaseNetwork, batch_size: int) -> None:
    """Refuse what would keep the machine busy for long, or fill it, before anything is made."""
    if (parameters := count(net)) > MAX_PARAMETERS:
        raise Fault(
            gettext(
                "the network would learn {count:,} numbers, expected at most {most:,} in the lab: use fewer units, "
                "or train it in Python",
                count=parameters,
                most=MAX_PARAMETERS,
            ),
            layer=_largest(net),
        )
    values = batch_size * sum(math.prod(use.shape) for use in net.uses)
    work = batch_size * sum(_work(net, number) for number in range(len(net.uses)))
    if values > MAX_NUMBERS or work > MAX_WORK:
        raise Fault(
            gettext(
                "a batch would need {values:,} numbers and {work:.2g} multiply-adds, expected at most {most:,} and "
                "{limit:.2g} in the lab: use fewer units, or smaller batches",
                values=values,
                work=float(work),
                most=MAX_NUMBERS,
                limit=MAX_WORK,
            ),
            field="batch_size",
        )


def _work(net: BaseNetwork, number: int) -> int:
    """About how many multiply-adds a layer takes for an example: each parameter once at each place."""
    use = net.uses[number]
    own = sum(math.prod(spec.shape) for path, spec in net.specs.items() if path.startswith(f"{use.home}."))
    places = [math.prod(shape[:-1]) for shape in (use.shape, *use.shapes)]
    return own * max(places)


def _largest(net: BaseNetwork) -> int:
    """The number of the layer with the most parameters."""
    order = list(dict.fromkeys(use.layer for use in net.uses))
    sizes = [sum(math.prod(s.shape) for p, s in net.specs.items() if net.owner(p)[0] is layer) for layer in order]
    return sizes.index(max(sizes))


def _optimizer(design: Design) -> Any:
    try:
        return optimizer(design.optimizer)
    except PellucidError as error:
        raise Fault(error.message, field=_named(str(error), design.optimizer) or "optimizer") from None


def _loss(task: Task, design: Design) -> Any:
    """The loss of a design: the task's own as it was given, where that was not changed."""
    if design == design_of(task) or design.loss == (None if task.loss is None else losses.loss(task.loss).config):
        return task.loss
    try:
        return losses.loss(design.loss).config if design.loss is not None else None
    except PellucidError as error:
        raise Fault(error.message, field="loss") from None
