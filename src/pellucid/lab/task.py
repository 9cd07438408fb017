"""A task: a network, its data, and how a person looks at both. `task_of` makes one of a user's own network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from pellucid.arrays import check_integer
from pellucid.data import TextVectorization, Vocabulary
from pellucid.data.vectorization import OOV, PADDING
from pellucid.errors import DataError, PellucidError
from pellucid.lab.protocol import answers
from pellucid.lab.text_reader import TextReader
from pellucid.layers.base import InputLayer
from pellucid.layers.flatten import Flatten
from pellucid.layers.reshape import Reshape
from pellucid.messages import LANGUAGES, check_language, gettext, words
from pellucid.network import BaseNetwork, Use
from pellucid.training.evaluation import prepared
from pellucid.training.inputs.feeds import vocabulary as entries
from pellucid.training.inputs.targets import Goal

Array = NDArray[Any]
Words = dict[str, str]

LARGEST_BOTTLENECK = 32
"""Of a wider code, two directions show next to nothing."""


Examples = tuple[Array, Array]


@dataclass(frozen=True)
class Source:
    """Where a task's examples come from.

    Attributes:
        template: Python that makes `x`, `y` and `validation_data`, with "{noise}" where that stands.
        noise: how far made-up examples are moved at random, or None.
        make: what makes those to learn from and those to judge by, for a noise.
    """

    template: str
    noise: float | None = None
    make: Callable[[float], tuple[Examples, Examples]] | None = None

    @property
    def code(self) -> str:
        return self.template.replace("{noise}", repr(self.noise))

    def noisy(self, noise: float) -> tuple[Source, Examples, Examples]:
        """The same with another noise, and the examples.

        Raises:
            DataError: the examples are not made up.
        """
        if self.make is None:
            raise DataError(gettext("noise: these examples were given, so their noise cannot be changed"))
        return replace(self, noise=noise), *self.make(noise)


@dataclass
class Task:
    """What the lab opens.

    Attributes:
        name: the gallery's name of it; None for a user's own.
        title, about: for people, in "en" and "zh".
        kind: in a word what network it is: "mlp", "cnn", "convolution", "lstm", "rnn", "autoencoder", "deep", "own".
        net: the network, with the parameters that training begins with.
        x, y: the examples to learn from; y as the loss takes it.
        test: examples to judge by, or None.
        loss, optimizer, metrics, batch_size: as in `fit`.
        sample: what an example is: "image", "points", "text", "series" or "vector".
        classes: the names of the classes, where each example belongs to one.
        vocabulary: of a text, the symbol of each token.
        views: what there is to see beside the network.
        rows: what some view needs beside these: the `Vocabulary` or `TextVectorization` of a text, the `Prices` of a
            series, the labels that colour the codes of an autoencoder.
        beside: the name of a task to compare with: the same in all but one thing.
        source: where the examples come from; None for those that a person gave.
        plain: whether the network begins with initial values of its own, so that code can make it anew.
        speed: how many steps a second are taken at first, so that a person sees it learn; 0 is as fast as possible.
        learned: after so many steps a run that is played may come to rest, when its loss hardly falls any more.
        given: the few parameters that a plain network begins with in place of their initial values.
    """

    name: str | None
    title: Words
    about: Words
    kind: str
    net: BaseNetwork
    x: Array
    y: Array
    test: tuple[Array, Array] | None = None
    loss: Any = None
    optimizer: Any = "adam"
    metrics: tuple[Any, ...] = ()
    batch_size: int = 32
    sample: answers.Sample = "vector"
    classes: tuple[str, ...] | None = None
    vocabulary: tuple[str, ...] | None = None
    views: tuple[answers.View, ...] = ()
    rows: Any = None
    beside: str | None = field(default=None, kw_only=True)
    source: Source | None = field(default=None, kw_only=True)
    plain: bool = field(default=False, kw_only=True)
    speed: float = field(default=0.0, kw_only=True)
    learned: int | None = field(default=None, kw_only=True)
    given: Mapping[str, Any] = field(default_factory=dict, kw_only=True)


def task_of(
    net: BaseNetwork,
    x: Any,
    y: Any = None,
    *,
    validation_data: Sequence[Any] | None = None,
    loss: Any = None,
    optimizer: Any = "adam",
    metrics: Sequence[Any] | Any | None = None,
    batch_size: int = 32,
    classes: Sequence[str] | None = None,
    vocabulary: Vocabulary | TextVectorization | Sequence[str] | None = None,
    title: str | Mapping[str, str] | None = None,
) -> Task:
    """A user's own network and data as a task; what is not said is read off them.

    Args:
        x, y: as in `fit`; without y the network learns to give its input again.
        validation_data: (x, y) to judge by.
        loss, optimizer, metrics, batch_size: as in `fit`; without metrics, accuracy for classes.
        classes: the names of the classes, by their numbers.
        vocabulary: of a text, what makes it numbers, or the symbol of each token.
        title: what the page is called, or that in each language.

    Raises:
        PellucidError: more than one input or output, or a title in another language.
        DataError: examples or targets that the network cannot take.
    """
    net.check_stateless("the lab shows each example by itself, but stateful layers go on from the batch before")
    start, end = _ends(net)
    if y is None:
        if net.input_shapes[start] != net.output_shapes[end]:
            raise PellucidError(
                "expected y, got none: this network does not give its input again, so there is nothing to learn"
            )
        y = x
    examples, (goal,) = prepared(net, x, y, loss, None)
    arrays = examples.arrays
    net = net.sized(arrays)
    test = None
    if validation_data is not None:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise PellucidError(f"expected validation_data as (x, y), got {type(validation_data).__name__}")
        given_x, given_y = validation_data
        held, _ = prepared(net, given_x, given_y, loss, None, prefix="validation_")
        test = held.arrays[start], held.arrays[goal.name]
    names = _classes(net, goal, classes)
    sample = sample_of(net)
    known = vocabulary_of(net, vocabulary) if sample == "text" else None
    reader = TextReader.of(known)
    return Task(
        None,
        _title(title or net.name or "network"),
        words(""),
        "own",
        net,
        arrays[start],
        arrays[goal.name],
        test,
        loss,
        optimizer,
        tuple(_listed(metrics)) if metrics is not None else ("accuracy",) if names else (),
        check_integer(batch_size, "batch_size", minimum=1),
        sample,
        names,
        reader.symbols if reader else None,
        views_of(net, sample, names, known),
        known,
    )


def _title(title: str | Mapping[str, str]) -> Words:
    if not isinstance(title, Mapping):
        return words(title)
    for language in title:
        check_language(language)
    return {language: title.get(language) or next(iter(title.values())) for language in LANGUAGES}


def sample_of(net: BaseNetwork) -> answers.Sample:
    """What an example is, from the shape of the input and from what reads it."""
    ((path, shape),) = net.input_shapes.items()
    if entries(net, path) is not None:
        return "text"
    flat = any(path in use.parents and isinstance(use.layer, (Flatten, Reshape)) for use in net.uses)
    if len(shape) == 3 or (len(shape) == 2 and flat):
        return "image"
    return "series" if len(shape) == 2 else "points" if shape == (2,) else "vector"


def views_of(
    net: BaseNetwork, sample: str, classes: Sequence[str] | None, vocabulary: Vocabulary | TextVectorization | None
) -> tuple[answers.View, ...]:
    """What there is to see of such a network."""
    ((_, given),) = net.output_shapes.items()
    views: dict[answers.View, bool] = {
        "boundary": sample == "points" and len(given) == 1,
        "confusion": classes is not None,
        "latent": bottleneck(net) is not None,
        "text": isinstance(vocabulary, Vocabulary) and given[-1] == len(vocabulary),
        "forecast": sample == "series" and classes is None,
    }
    return tuple(name for name, there in views.items() if there)


def bottleneck(net: BaseNetwork) -> Use | None:
    """The narrowest layer, where all that comes out passes through few units, fewer than come in and go out."""
    (shape,), (given,) = net.input_shapes.values(), net.output_shapes.values()
    start, end = next(iter(net.input_shapes)), next(iter(net.output_shapes))
    if entries(net, start) is not None:
        return None
    limit = min(math.prod(shape), math.prod(given), LARGEST_BOTTLENECK + 1)
    narrow = [u for u in net.uses if len(u.shape) == 1 and u.shape[0] < limit and u.path not in (start, end)]
    for use in sorted(narrow, key=lambda u: u.shape[0]):
        if not passes_by(net, use.path):
            # of several in a row, the last: a sum and its activation as layers of their own
            same = [u for u in narrow if u.shape == use.shape and not passes_by(net, u.path)]
            return same[-1]
    return None


def passes_by(net: BaseNetwork, path: str) -> bool:
    """Whether anything reaches the outputs without passing through a layer."""
    uses = {u.path: u for u in net.uses}
    waiting, seen = list(net.output_shapes), set()
    while waiting:
        current = waiting.pop()
        if current == path or current in seen:
            continue
        seen.add(current)
        if isinstance(uses[current].layer, InputLayer):
            return True
        waiting += uses[current].parents
    return False


def vocabulary_of(
    net: BaseNetwork, given: Vocabulary | TextVectorization | Sequence[str] | None
) -> Vocabulary | TextVectorization | None:
    """What was given to make texts numbers, or what the network carries.

    Raises:
        PellucidError: it has another number of tokens than the embedding.
    """
    known = _rules(given) if given is not None else TextVectorization.of(net)
    if known is None:
        kept = net.metadata.get("vocabulary")
        known = Vocabulary.restored(kept) if isinstance(kept, Mapping) else None
    (path,) = net.input_shapes
    size = entries(net, path) or 0
    if isinstance(known, TextVectorization):
        if known.output_mode != "int":
            raise PellucidError(
                f'expected a TextVectorization with output_mode="int", whose numbers the embedding reads, '
                f'got "{known.output_mode}"'
            )
        count, fits = known.vocabulary_size(), known.vocabulary_size() <= size
    else:
        count, fits = (0, True) if known is None else (len(known), len(known) == size)
    if not fits:
        raise PellucidError(f"the vocabulary has {count} tokens, but the embedding {size}: give the one it learned")
    return known


def _rules(given: Vocabulary | TextVectorization | Sequence[str]) -> Vocabulary | TextVectorization:
    if isinstance(given, (Vocabulary, TextVectorization)):
        return given
    if list(given[:2]) == [PADDING, OOV]:  # as get_vocabulary() of a layer of this kind gives it, Keras's too
        return TextVectorization(vocabulary=given)
    return Vocabulary(tuple(given), by="char" if all(len(t) == 1 for t in given[1:]) else "word")


def _ends(net: BaseNetwork) -> tuple[str, str]:
    """The path of the one input and of the one output."""
    for what, shapes in (("input", net.input_shapes), ("output", net.output_shapes)):
        if len(shapes) > 1:
            raise PellucidError(
                f"the lab shows networks with one input and one output, but this one has the {what}s "
                f"{', '.join(shapes)}: show a part, pl.Network(inputs=…, outputs=…), or use trace and explain"
            )
    return next(iter(net.input_shapes)), next(iter(net.output_shapes))


def _classes(net: BaseNetwork, goal: Goal, given: Sequence[str] | None) -> tuple[str, ...] | None:
    """The names of the classes, where every example is of one."""
    (shape,) = net.output_shapes.values()
    several = goal.loss.reads == "binary" or net.forward(training=False).last[goal.path].activation == "sigmoid"
    if goal.loss.reads == "values" or len(shape) != 1 or (shape[0] > 1 and several):
        if given is not None:
            raise PellucidError(
                "expected no classes: the targets are not one class for each example; leave classes out"
            )
        return None
    count = max(2, shape[0])
    names = tuple(map(str, range(count) if given is None else given))
    if len(names) != count:
        raise PellucidError(
            f"expected {count} classes, a name for each that the network distinguishes, got {len(names)}"
        )
    return names


def _listed(metrics: Any) -> Sequence[Any]:
    return metrics if isinstance(metrics, (list, tuple)) else (metrics,)
