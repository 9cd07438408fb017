"""A network as plain Python: `pl.Network(pl.Dense(16), …)` for a chain of layers, `pl.Input` and calls for a graph."""

from __future__ import annotations

import dataclasses
import keyword
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pellucid.engines import DEFAULT
from pellucid.functions.activations import Activation
from pellucid.functions.learning.penalties import Penalty
from pellucid.lab.task import Task
from pellucid.layers.base import InputLayer, Layer
from pellucid.layers.normalization import Normalization
from pellucid.network import BaseNetwork

MAX_WIDTH = 96
OURS = "pellucid.layers"


def preamble(task: Task) -> str:
    """Python that makes `net`, `x`, `y` and `validation_data` of a task; nothing for a network that a person gave as it
    is.
    """
    if not task.plain:
        return ""
    if task.source is not None:
        examples = task.source.code
    else:
        examples = "# x and y as the lab was given them" if task.test is None else "# x, y and validation_data as given"
    # in the order that isort asks for
    has_imports = examples.startswith(("from ", "import "))
    head, _, rest = examples.partition("\n\n") if has_imports else ("", "", examples)
    lines = sorted(["import pellucid as pl", *head.splitlines()], key=lambda line: (line.startswith("from "), line))
    standard = [line for line in lines if line.split()[1].split(".")[0] in sys.stdlib_module_names]
    rest_of = [line for line in lines if line not in standard]
    imports = "\n\n".join("\n".join(group) for group in (standard, rest_of) if group)
    given = "".join(f'net.parameters["{path}"] = {value!r}\n' for path, value in task.given.items())
    return f"{imports}\n\n{rest}\n{network_code(task.net)}\n{given}"


def network_code(net: BaseNetwork) -> str:
    """Python that makes this network with initial values, as the variable `net`.

    What cannot be written plainly (a network inside it, layers of the user's own) is made of its configuration.
    """
    layers = [use.layer for use in net.uses]
    if any(not _plain(layer) for layer in layers):
        return f"net = pl.Network.restored({net.config()!r})"
    settings = _settings(net)
    chain = all(use.parents == (before.path,) for before, use in zip(net.uses, net.uses[1:], strict=False))
    if chain and len(set(map(id, layers))) == len(layers) and list(net.output_shapes) == [net.uses[-1].path]:
        start = net.uses[0].layer
        assert isinstance(start, InputLayer)
        if start.name is None:
            lines = [*(layer_code(layer) for layer in layers[1:]), f"input_shape={tuple(start.shape)!r}", *settings]
            return _call("net = pl.Network", lines)
    return "\n".join(_graph(net, settings))


def layer_code(layer: Layer) -> str:
    """A layer as its call: `pl.Dense(16, activation="relu")`; the statistics of a normalization are of x or y."""
    if isinstance(layer, Normalization) and layer.adapted:
        inverse, data = ("invert=True", "y") if layer.invert else ("", "x")
        return f"pl.Normalization({inverse}).adapt({data})"
    parts: list[str] = []
    plain = True
    for field in sorted((f for f in dataclasses.fields(layer) if f.init), key=lambda f: bool(f.kw_only)):
        value = getattr(layer, field.name)
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if not required and _configured(value) == _configured(field.default):
            plain = False
            continue
        text = literal(value)
        plain = plain and required and not field.kw_only
        parts.append(text if plain else f"{field.name}={text}")
    return f"pl.{type(layer).__name__}({', '.join(parts)})"


def literal(value: Any) -> str:
    """A value of an option as Python writes it."""
    if isinstance(value, Layer):
        return layer_code(value)
    if isinstance(value, Activation):
        value = value.config
    if isinstance(value, Penalty):
        if value.l1 and value.l2:
            return f"pl.L1L2({value.l1!r}, {value.l2!r})"
        return f"pl.L1({value.l1!r})" if value.l1 else f"pl.L2({value.l2!r})"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(part)}" for key, part in value.items()) + "}"
    return repr(value)


def _configured(default: Any) -> Any:
    return getattr(default, "config", default)


def _plain(layer: Layer) -> bool:
    return not isinstance(layer, BaseNetwork) and type(layer).__module__.startswith(OURS)


def _settings(net: BaseNetwork) -> list[str]:
    settings = [f"seed={net.seed}"]
    if net.dtype.name != "float32":
        settings.append(f'dtype="{net.dtype.name}"')
    if net.name is not None:
        settings.append(f"name={literal(net.name)}")
    if net.engine != DEFAULT:
        settings.append(f'engine="{net.engine}"')
    return settings


def _graph(net: BaseNetwork, settings: Sequence[str]) -> list[str]:
    """A line for each use of a layer; a layer that is used twice is a variable of its own."""
    lines: list[str] = []
    names = {use.path: _variable(use.path) for use in net.uses}
    shared: dict[int, str] = {}
    used = [use.layer for use in net.uses]
    for use in net.uses:
        layer = use.layer
        if isinstance(layer, InputLayer):
            named = f", name={literal(layer.name)}" if layer.name else ""
            lines.append(f"{names[use.path]} = pl.Input({tuple(layer.shape)!r}{named})")
            continue
        code = shared.get(id(layer))
        if code is None:
            code = layer_code(layer)
            if used.count(layer) > 1:
                shared[id(layer)] = variable = f"{names[use.path]}_layer"
                lines.append(f"{variable} = {code}")
                code = variable
        lines.append(f"{names[use.path]} = {code}({', '.join(names[parent] for parent in use.parents)})")
    ends = [[names[path] for path in shapes] for shapes in (net.input_shapes, net.output_shapes)]
    inputs, outputs = (end[0] if len(end) == 1 else f"[{', '.join(end)}]" for end in ends)
    lines.append(_call("net = pl.Network", [f"inputs={inputs}", f"outputs={outputs}", *settings]))
    return lines


def _variable(path: str) -> str:
    name = "".join(c if c.isalnum() or c == "_" else "_" for c in path)
    # the names that the rest of the code has
    return f"{name}_" if keyword.iskeyword(name) or name in {"pl", "net", "x", "y", "run", "task", "data"} else name


def _call(function: str, arguments: Sequence[str]) -> str:
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= MAX_WIDTH:
        return line
    return "\n".join([f"{function}(", *(f"    {argument}," for argument in arguments), ")"])
