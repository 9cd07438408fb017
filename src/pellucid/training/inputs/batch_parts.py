"""What is in a batch that somebody else's loader gives: examples, targets and weights, by place or by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pellucid.errors import DataError
from pellucid.network import BaseNetwork

TARGETS = ("label", "labels", "target", "targets", "y", "class")
INPUTS = ("image", "images", "img", "pixel_values", "text", "texts", "input_ids", "x", "input", "inputs", "features")
WEIGHTS = ("sample_weight", "sample_weights", "weight", "weights")


def parts_of(net: BaseNetwork, batch: Any) -> tuple[Any, Any, Any]:
    """x, y and the weights of a batch, None where there are none: a tuple or list of two or three, or a mapping.

    Of a mapping, the entry called "label" or the like is y, and the one other entry x; of several, those that are
    called as the network's inputs are, or the one called "image", "text" or the like.

    Raises:
        DataError: a batch of another form, or one example instead of a batch.
    """
    if isinstance(batch, Mapping) or hasattr(batch, "keys"):
        targets = [key for key in batch.keys() if key in TARGETS]  # noqa: SIM118  # Hugging Face's are no mappings
        x = examples_of(net, batch)
        if x is None or len(targets) != 1:
            raise DataError(_form(batch))
        weight = next((batch[key] for key in batch.keys() if key in WEIGHTS), None)  # noqa: SIM118
        check_many(net, batch)
        return x, batch[targets[0]], weight
    if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
        raise DataError(_form(batch))
    check_many(net, batch)
    x, y, weight = (*batch, None)[:3]
    return x, y, weight


def check_many(net: BaseNetwork, batch: Any) -> None:
    """See that it is a batch and no example alone, as data sets give when they are asked for their rows.

    Raises:
        DataError: its target is a single number.
    """
    if hasattr(batch, "keys"):
        name = next((key for key in batch.keys() if key in TARGETS), None)  # noqa: SIM118
        names = [key for key in batch.keys() if examples_of(net, batch) is batch[key]]  # noqa: SIM118
        target, said = None if name is None else batch[name], f"{name} is"
        options = f'x="{names[0]}", y="{name}"' if names else f'x=…, y="{name}"'
    else:
        target, said, options = batch[1], "y is", ""
    if target is None or np.ndim(target) > 0:
        return
    ways = [*([] if options else ["DataLoader(dataset, batch_size=32)"]), "dataset.batch(32)"]
    ways += [f"pellucid.data.Batches(dataset, {options}, shuffle=True)"] if options else []
    raise DataError(f"it is one example ({said} {target}), expected many in a batch: give {' or '.join(ways)}")


def examples_of(net: BaseNetwork, batch: Mapping[str, Any]) -> Any:
    """x of a batch by names; None where it is not clear which of them are meant."""
    rest = [key for key in batch.keys() if key not in TARGETS + WEIGHTS]  # noqa: SIM118
    if set(net.input_shapes) <= set(rest):
        return {path: batch[path] for path in net.input_shapes}
    known = rest if len(rest) == 1 else [key for key in rest if key in INPUTS]
    return batch[known[0]] if len(known) == 1 and len(net.input_shapes) == 1 else None


def _form(batch: Any) -> str:
    expected = "expected (x, y) or (x, y, sample_weight)"
    if isinstance(batch, Mapping):
        keys = ", ".join(f'"{key}"' for key in batch)
        return f"it has the keys {keys}, {expected}: choose two of them with pellucid.data.Batches(…, x=…, y=…)"
    if isinstance(batch, tuple | list):
        return f"it has {len(batch)} parts, {expected}"
    shape = getattr(batch, "shape", None)
    form = type(batch).__name__ + ("" if shape is None else f" of shape {tuple(shape)}")
    return f"it is {form}, {expected}; an autoencoder's y is x"
