"""What a layer is: options, parameters, and the formulas that it puts into a network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from pellucid.arrays import is_integer
from pellucid.errors import PellucidError, UnknownNameError, nearest
from pellucid.formula import Tensor
from pellucid.formula.expressions import Kind, reads
from pellucid.functions.activations import ActivationLike, activation
from pellucid.functions.forward import combining
from pellucid.functions.learning.penalties import Penalty
from pellucid.functions.registry import check_new
from pellucid.habits import Spelled, check_attribute, no_attribute
from pellucid.messages import Message, gettext, option_of

Masks = Literal["pass", "use", "refuse"]
"""What a layer makes of a mask; see `Layer.masking`."""
Shape = tuple[int, ...]
"""The shape of one example: a tensor's shape without its batch axis."""
OpenShape = tuple[int | None, ...]
"""The same, None where an axis may be of any length."""


@dataclass(frozen=True)
class Parameter:
    """An array that a layer learns or keeps: its axes in order, how it begins, whether the optimiser may change it."""

    axes: Mapping[str, int]
    initial: str
    fan_in: int = 1
    fan_out: int = 1
    trainable: bool = True
    penalty: Penalty | None = None

    @property
    def shape(self) -> Shape:
        return tuple(self.axes.values())


@dataclass(frozen=True)
class Last:
    """How a value was made: the name of the activation that gave it, and the value before that."""

    activation: str
    sum: Tensor


@dataclass(frozen=True)
class Stepping:
    """A network that is fed one step at a time.

    `sequences` are the values that have a time axis, of one step; `states` is by path what layers carry along, as it is
    before and after the step.
    """

    sequences: set[Tensor]
    states: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)


@dataclass(frozen=True)
class Context:
    """What a layer may know while its formulas are written, and where it leaves what it wrote.

    `path` is the layer's place, `home` the place of its parameters (another only for the second use of a shared layer).
    `seed` and `step` feed the random numbers of dropout. `values`, `updates`, `last`, `known`, `masks` and `final` are
    shared by all layers of a network, `paths` by the parts of one layer; `masks` has for values with a time axis which
    steps are there (n,t), 1 or 0. `stepping` is set where a network is fed step by step, `carried` where stateful
    layers go on with their states of the batch before: by path, these as they are before and after the batch. `final`
    has for the output of a recurrent layer with `return_state` what its states are in the end.
    """

    path: str
    home: str
    training: bool
    seed: Tensor
    step: Tensor
    values: dict[str, Tensor] = field(default_factory=dict)
    updates: dict[str, Tensor] = field(default_factory=dict)
    last: dict[Tensor, Last] = field(default_factory=dict)
    known: set[Tensor] = field(default_factory=set)
    paths: dict[Tensor, str] = field(default_factory=dict)
    masks: dict[Tensor, Tensor] = field(default_factory=dict)
    stepping: Stepping | None = None
    carried: dict[str, tuple[Tensor, Tensor]] | None = None
    final: dict[Tensor, dict[str, Tensor]] = field(default_factory=dict)

    def at(self, path: str, home: str) -> Context:
        """The context of a part of this one."""
        return replace(self, path=joined(self.path, path), home=joined(self.home, home))

    def place(self, name: str, tensor: Tensor) -> Tensor:
        """Say what the path of a tensor ends in, where that is not its letter; see `finish`."""
        self.paths[tensor] = joined(self.path, name)
        return tensor

    def record(self, name: str, tensor: Tensor) -> Tensor:
        """Give a value its path, `dense_1.sum`; that of a layer's result is the layer's."""
        self.values[joined(self.path, name)] = self.place(name, tensor)
        return tensor

    def finish(self, result: Tensor) -> list[Tensor]:
        """Give all that a layer has made its path, once; gives these tensors."""
        if result not in self.known:
            self.paths[result] = self.path
        self.values[self.path] = result
        return give_paths([result, *self.paths], self.path, known=self.known, paths=self.paths)

    def update(self, name: str, tensor: Tensor) -> None:
        """The new value of a parameter that training changes without a gradient (a running mean)."""
        self.updates[joined(self.home, name)] = tensor

    def activate(self, function: ActivationLike, tensor: Tensor) -> Tensor:
        """Apply an activation, and remember it, so that a loss can be fused with it."""
        chosen = activation(function)
        result = tensor if chosen.name == "linear" else chosen(tensor)
        self.last[result] = Last(chosen.name, tensor)
        return result

    def mask_of(self, *inputs: Tensor) -> Tensor | None:
        """Which steps of these inputs are real (n,t): those that are in all that have a mask; None where none has."""
        masks = list(dict.fromkeys(self.masks[t] for t in inputs if t in self.masks))
        return combining.multiply(masks) if len(masks) > 1 else masks[0] if masks else None

    def check_mask(self, layer: Layer, inputs: Sequence[Tensor]) -> None:
        """Refuse a mask that the layer would lose.

        Raises:
            PellucidError: the layer has no use for masks, or does not declare how it treats them.
        """
        kind = type(layer).__name__
        if layer.masking == "refuse" and self.mask_of(*inputs) is not None:
            raise PellucidError(layer.refusal())
        if layer.masking is None and self.mask_of(*inputs) is not None:
            raise PellucidError(
                f"the steps come with a mask, and {kind} does not say what it makes of one; state it in the class: "
                'masking = "pass" where each step is treated by itself, "use" where the formula reads context.masks, '
                'or "refuse"'
            )

    def pass_steps(self, layer: Layer, inputs: Sequence[Tensor], result: Tensor) -> None:
        """Let masks through a layer that treats each step by itself; where steps come singly, refuse all others."""
        if layer.stepwise and result.rank > 2 and result not in self.masks:
            mask = self.mask_of(*inputs)
            if mask is not None:
                self.masks[result] = mask
        if self.stepping and not self.stepping.sequences.isdisjoint(inputs):
            if not layer.stepwise:
                raise PellucidError(
                    f"a {type(layer).__name__} layer takes all steps at once, so the network cannot be fed step by step"
                )
            if result.rank > 2:
                self.stepping.sequences.add(result)


def joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@dataclass(eq=False, repr=False)
class Layer(metaclass=Spelled):
    """The base of all layers. A subclass is a dataclass whose fields are its options.

    It declares its parameters for given input shapes (`declare`), and what it computes (`formula`): gradient,
    native code, explanation and figure are read off the formula. Calling a layer on nodes of a graph adds it to the
    graph; a layer that is called twice shares its parameters. Files name a layer by its class, so no two classes may
    have one name.

    Options are fixed when a layer is made; `trainable` may be set at any time before a `fit`. A layer that is not
    trainable is frozen: its parameters stay as they are, and cost no gradient.

    Args:
        name: what paths call it; its kind and a number where there is none.
        trainable: whether training changes its parameters.
    """

    name: str | None = field(default=None, kw_only=True)
    trainable: bool = field(default=True, kw_only=True)

    kinds: ClassVar[dict[str, type[Layer]]] = {}
    changeable: ClassVar[frozenset[str]] = frozenset({"trainable"})
    """The options that may change after the layer is made."""
    arity: ClassVar[int | None] = None
    """How many inputs it takes; None where its formula decides."""
    stepwise: ClassVar[bool] = False
    """Whether each step of its output is made of the same step of its inputs and of what it carries along."""
    masking: ClassVar[Masks | None] = None
    """What it makes of inputs whose mask marks some steps as padding; every layer has to state it.

    "pass": nothing, for each step is treated by itself (`stepwise`), and the mask goes on to its output. "use": its
    formula reads `context.masks`, so that padding counts for nothing, and leaves the mask of its output there if that
    has steps. "refuse": such inputs are an error.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not cls.__name__.startswith("_"):  # what several kinds share is no kind itself
            check_new("a layer", cls.__name__, cls, Layer.kinds.get(cls.__name__))
            Layer.kinds[cls.__name__] = cls

    def __post_init__(self) -> None:
        if self.name is not None and not re.fullmatch(r"[^\W\d]\w*", self.name):
            raise PellucidError(
                f'a layer cannot be called "{self.name}": a name is letters, digits and underscores, as in "hidden_1"'
            )
        cls = type(self)
        if cls.__hash__ is None:  # a plain @dataclass compares by value, but a layer is itself alone
            cls.__eq__, cls.__hash__ = object.__eq__, object.__hash__
        self.arrays: dict[str, np.ndarray] = {}
        for option in fields(self):
            if option.type in (bool, "bool"):
                given = getattr(self, option.name)
                flag = _flag(given, option.name, self)
                if flag is not given:  # setting `trainable` sets that of the parts too
                    setattr(self, option.name, flag)
        self.check()
        if not self.trainable:
            self.trainable = False  # for its parts too, which `check` may have made

    def __setattr__(self, name: str, value: Any) -> None:
        if "_complete" in vars(self):
            check_attribute(self, name, fixed={f.name for f in fields(self)} - self.changeable)
        if name == "trainable":
            if not isinstance(value, bool):
                raise PellucidError(f"trainable of {type(self).__name__} is True or False, got {value!r}")
            for part in self.parts:
                if part.trainable != value:
                    part.trainable = value
        super().__setattr__(name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(self, name)

    @property
    def parts(self) -> tuple[Layer, ...]:
        """The layers that it is made of, which keep its parameters."""
        return ()

    def check(self) -> None:
        """Raise a PellucidError where the options make no sense."""

    @property
    def kind(self) -> str:
        """What paths call it: dense for Dense, conv2d for Conv2D."""
        return re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", type(self).__name__).lower()

    @property
    def causal(self) -> bool:
        """Whether it gives a step for each step that comes, made of that step and of those before it alone."""
        return self.stepwise

    @property
    def title(self) -> str:
        """What tables call it: its class, and of a layer that stands for several things, which."""
        return type(self).__name__

    def takes(self, place: int) -> Kind:
        """Whether its input at this place holds reals or integers."""
        return "float"

    def counts(self, place: int) -> bool:
        """Whether its input at this place holds integers, though they come as reals: none may be rounded."""
        return False

    def carries(self) -> dict[str, int]:
        """The states that it carries from one batch to the next, and how many units each has."""
        return {}

    def declare(self, *shapes: Shape) -> dict[str, Parameter]:
        """Its parameters, for inputs of these shapes."""
        return {}

    def gives(self, *shapes: Shape) -> Shape | None:
        """The shape of an example that leaves it, where that does not show in its formula alone."""
        return None

    def owner(self, key: str) -> tuple[Layer, str]:
        """The layer that keeps a parameter's array, and its name there; a network answers with one of its layers."""
        return self, key

    def formula(self, *inputs: Tensor, parameters: Mapping[str, Tensor], context: Context) -> Tensor:
        """Its output, from its inputs and parameters."""
        raise NotImplementedError

    def refusal(self) -> Message:
        """Why it takes no mask, and what helps, for layers that refuse one."""
        return gettext(
            "a {kind} layer cannot leave out the steps that are only padding: put a recurrent layer, "
            "MultiHeadAttention, GlobalAveragePool or GlobalMaxPool before it, or do without the mask",
            kind=type(self).__name__,
        )

    def options(self) -> dict[str, Any]:
        """Its options, as JSON can carry them; `Layer.of` makes the layer again."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return {name: getattr(v, "config", v) for name, v in values.items() if name != "trainable" or not v}

    @staticmethod
    def of(kind: str, options: Mapping[str, Any]) -> Layer:
        """The layer of this class name with these options; unknown classes and options are errors."""
        cls = Layer.kinds.get(kind)
        if cls is None:
            raise UnknownNameError(f'there is no layer called "{kind}".{nearest(kind, Layer.kinds)}')
        return cls.restored(options)

    @classmethod
    def restored(cls, options: Mapping[str, Any]) -> Self:
        known = {f.name for f in fields(cls) if f.init}
        unknown = set(options) - known
        if unknown:
            raise PellucidError(f'{cls.__name__} has no option "{sorted(unknown)[0]}"')
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
        needed = [f.name for f in fields(cls) if f.init and f.default is MISSING and f.default_factory is MISSING]
        if missing := [name for name in needed if name not in values]:
            raise PellucidError(
                gettext(
                    "{kind} cannot be made from these options: {name} is missing", kind=cls.__name__, name=missing[0]
                )
            )
        try:
            return cls(**values)
        except TypeError as error:
            raise PellucidError(f"{cls.__name__} cannot be made from these options: {error}") from None

    def __call__(self, *nodes: Node | Sequence[Node]) -> Node:
        """Its use in a graph, on one node or several: `Add()(a, b)`, or `Add()([a, b])`."""
        taken: list[Node] = []
        for given in nodes:
            taken += given if isinstance(given, (list, tuple)) else [given]  # type: ignore[list-item]
        for node in taken:
            if not isinstance(node, Node):
                raise PellucidError(
                    f"a layer is called on what Input(...) or another layer gives, got {type(node).__name__}; "
                    "to compute numbers, make a Network and call predict"
                )
        return Node(self, tuple(taken))

    def __repr__(self) -> str:
        values = {f: getattr(self, f.name) for f in fields(self) if f.init}
        given = [f"{f.name}={shown!r}" for f, v in values.items() if (shown := getattr(v, "config", v)) != f.default]
        return f"{type(self).__name__}({', '.join(given)})"


@dataclass(eq=False, frozen=True)
class Node:
    """One use of a layer in a graph: the layer, and the nodes whose outputs it takes."""

    layer: Layer
    parents: tuple[Node, ...] = ()


@dataclass(eq=False, repr=False)
class InputLayer(Layer):
    """Where examples come in; None in the shape is an axis of any length."""

    masking = "pass"

    shape: OpenShape = ()

    title = "Input"

    @property
    def kind(self) -> str:
        return "input"

    def check(self) -> None:
        self.shape = example_shape(self.shape, "the shape of an Input")


def Input(shape: OpenShape | int, *, name: str | None = None) -> Node:
    """The beginning of a graph: examples of this shape (without the batch axis).

    An axis of None is of any length, another in every call: `Input((None, 3))` takes sequences of 3 features. The
    network is then compiled for each length when it first comes.
    """
    return Node(InputLayer(shape=shape, name=name))  # type: ignore[arg-type]


def example_shape(shape: object, what: str) -> OpenShape:
    """A shape as a tuple of integers of at least 1, and of None for axes of any length."""
    sizes = shape if isinstance(shape, (tuple, list)) else (shape,)
    if not sizes or not all(s is None or is_integer(s, minimum=1) for s in sizes):
        raise PellucidError(
            f"{what} is {shape!r}, expected a tuple of integers from 1, without the batch axis; None is an axis of any "
            "length"
        )
    return tuple(None if s is None else int(s) for s in sizes)


def _flag(value: object, option: str, layer: Layer) -> bool:
    """True or False, and no number: a file from a stranger may hold any, and a formula be written so many times."""
    if not isinstance(value, (bool, np.bool_)):
        what = option_of(option, type(layer).__name__)
        raise PellucidError(gettext("{what} is {value}, expected True or False", what=what, value=repr(value)[:40]))
    return bool(value)


def give_paths(
    outputs: Iterable[Tensor], prefix: str, *, known: set[Tensor], paths: Mapping[Tensor, str]
) -> list[Tensor]:
    """Give the tensors behind some outputs that are not yet among the known ones, which they join, their paths: those
    of `paths`, or else their letter behind the prefix.
    """
    fresh = new_tensors(outputs, known)
    for tensor in fresh:
        tensor.name = paths.get(tensor) or joined(prefix, tensor.name)
    return fresh


def new_tensors(outputs: Iterable[Tensor], known: set[Tensor]) -> list[Tensor]:
    """The tensors with a statement behind some outputs that are not yet among the known ones, which they join."""
    fresh: list[Tensor] = []
    stack = list(outputs)
    while stack:
        current = stack.pop()
        if current not in known:
            known.add(current)
            if current.definition is not None:
                fresh.append(current)
                stack += [r.tensor for r in reads(current.definition.expression)]
    return fresh
