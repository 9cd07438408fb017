"""What the lab answers, and the events that it sends: objects as the page reads them.

A value's path is as in Python: "dense_1", "dense_1.sum", "dense_1.kernel", "d(dense_1.kernel)", "loss". One that ends
in "′" is of the step that led to the moment, with its whole batch: "dense_1.kernel′" is what it made of a weight,
"d(dense_1.kernel)′" the gradient that it took; their indices have the example's place. Examples have names: "train:3",
"test:17", or "own:1" for one that the person gave.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

# What TypeScript calls a type that JSON Schema has no word for, or that has a name of its own there.
Path = Annotated[str, Meta(extra_json_schema={"tsType": "Path"})]
Words = Annotated[dict[str, str], Meta(extra_json_schema={"tsType": "Words"})]
Pair = Annotated[list[float], Meta(min_length=2, max_length=2, extra_json_schema={"tsType": "[number, number]"})]
Float32s = Annotated[NDArray[np.float32], Meta(extra_json_schema={"tsType": "Float32Array"})]
Float64s = Annotated[NDArray[np.float64], Meta(extra_json_schema={"tsType": "Float64Array"})]
Int32s = Annotated[NDArray[np.int32], Meta(extra_json_schema={"tsType": "Int32Array"})]
Typed = Annotated[
    NDArray[Any], Meta(extra_json_schema={"tsType": "Float32Array | Float64Array | Int32Array | Uint8Array"})
]

Set = Literal["train", "test"]
Sample = Literal["image", "points", "text", "series", "vector"]
View = Literal["boundary", "confusion", "latent", "convolve", "text", "forecast", "compare", "examples"]


class Numbers(TypedDict):
    """Numbers in row-major order."""

    shape: list[int]
    data: Typed


class Statistics(TypedDict):
    """Over the finite numbers of a whole value; `zeros` is the fraction of its elements that are 0."""

    min: float
    max: float
    mean: float
    std: float
    zeros: float


class Picture(Numbers):
    """A value, or its first block where the whole, of the shape `full`, is larger than what was asked for; the
    example's axis is left out."""

    full: list[int]
    stats: Statistics


class Value(TypedDict):
    """One value of a network.

    `axes` are the letters of its axes, without the example's. `gradient`: whether the loss has a gradient by it; then
    "d(path)" can be asked for.
    """

    path: Path
    axes: list[str]
    shape: list[int]
    gradient: bool


class Layer(TypedDict):
    """One layer.

    `kind` is its class, or "Input". `draw` says how its output is drawn: a column of units, a stack of maps (h, w, c)
    or (d, h, w, c), or a strip over time (t, units). `values` are all that is computed inside it, its output last.
    `options` are kernel_size, strides, padding, units, … where it has them.
    """

    path: Path
    kind: str
    parents: list[Path]
    shape: list[int]
    draw: Literal["units", "maps", "steps"]
    activation: str | None
    values: list[Value]
    parameters: list[Value]
    options: dict[str, bool | int | float | str | list[float]]
    formula: str


class Training(TypedDict):
    optimizer: str
    loss: str
    metrics: list[str]
    batch_size: int
    steps_per_epoch: int


class Can(TypedDict):
    """What a mount can do; a saved file cannot branch, a user's own network has no gallery.

    `branch`: whether another line of steps may begin at any step. `edit`: whether the network may be changed. `data`:
    whether it may learn from files of the person's own.
    """

    gallery: bool
    train: bool
    branch: bool
    own: bool
    convolve: bool
    save: bool
    edit: NotRequired[bool]
    data: NotRequired[bool]


class ExampleSet(TypedDict):
    name: Set
    count: int


class Branch(TypedDict):
    """A line of steps. `at` is the step at which it left its parent, `last` the last that was taken in it."""

    id: int
    parent: int | None
    at: int
    last: int
    change: Words | None


class Moment(TypedDict):
    """What an answer is about: what depends on the parameters says of which step they were."""

    branch: int
    step: int


class State(Moment):
    """Where the run is.

    Attributes:
        run: another number after each new beginning, of the run or of Pellucid itself.
        first: the first step that can be returned to, where it is not 0: a saved file begins at the step of its saving.
        speed: how many steps a second may be taken; 0 is as fast as the machine can.
        pace: how many steps a second were taken lately.
        loss: of the last step, or null before the first.
        metrics: of the last epoch that had ended, accuracy, val_loss, …; it ended at the step `measured`.
        stopped: why training stands still, where it did not do so by a person's wish (a loss that is not finite).
        preparing: whether its program is being compiled: the first step is waited for.
        settled: why playing came to rest by itself, as there is little more to see.
    """

    run: NotRequired[int]
    branches: list[Branch]
    first: NotRequired[int]
    epoch: int
    playing: bool
    learning_rate: float
    speed: float
    pace: float
    loss: float | None
    metrics: dict[str, float]
    measured: NotRequired[int | None]
    stopped: Words | None
    preparing: NotRequired[bool]
    settled: NotRequired[Words | None]


class Column(TypedDict):
    """A feature of a table that the network reads: a quantity of a column, or one of the column's categories.

    Attributes:
        category: 1 where the column has this text, else 0; null for a quantity.
        low, high, mean: over the training examples, in the column's own units.
    """

    name: str
    category: str | None
    low: float
    high: float
    mean: float


class Table(TypedDict):
    """The columns of a table in the order of the inputs, the values that have one of each, and what is learned."""

    columns: list[Column]
    paths: list[Path]
    target: str | None


class Scaling(TypedDict):
    """How scaled numbers lead back to changes of a price's logarithm, or of the value itself where it is not
    `logarithmic`: `mean + deviation · number`."""

    mean: float
    deviation: float
    logarithmic: bool


class Description(TypedDict):
    """What is on show.

    Attributes:
        task: the gallery's name of it, or null.
        loss: what is computed between the output and the loss, the loss last.
        parameters: how many numbers are learned.
        vocabulary: for text, the symbol of each token.
        beside: the task to compare this one with: the same but for one thing.
        table: what the numbers of an example are, where they come from a table.
        scaling: of a series of prices.
        aside: the number of the run of a changed network that is trained beside this one, or null.
        differs: of a network that is trained beside another, in what it differs from that.
        kept: how many steps were taken by the networks that a change can be taken back to, or made again.
        ending: how many of these the next change would lose.
        untrained: of a file in which nothing can be trained, why that is.
        unmeasured: of a file, which metrics it does not measure, and why.
    """

    title: Words
    about: Words
    task: str | None
    can: Can
    layers: list[Layer]
    loss: NotRequired[list[Value]]
    parameters: int
    sets: list[ExampleSet]
    sample: Sample
    classes: list[str] | None
    vocabulary: list[str] | None
    views: list[View]
    beside: NotRequired[str | None]
    table: NotRequired[Table | None]
    scaling: NotRequired[Scaling | None]
    aside: NotRequired[int | None]
    differs: NotRequired[list[Words]]
    kept: NotRequired[int]
    ending: NotRequired[int]
    untrained: NotRequired[Words | None]
    unmeasured: NotRequired[Words | None]
    training: Training | None
    state: State


FieldKind = Literal["integer", "number", "flag", "choice", "sizes", "penalty", "fixed"]


class Field(TypedDict):
    """An option of a layer, or a setting of an optimiser.

    Attributes:
        kind: how it is entered; "sizes" are integers, one or for each axis; "fixed" is shown alone.
        start: what a new one begins with; null leaves it to the library.
        choices: the values that it may have, where they are few.
    """

    name: str
    kind: FieldKind
    start: Any
    required: bool
    choices: list[str] | None


class Kind(TypedDict):
    """A kind of layer or of optimiser; `inputs` are how many values it takes at least."""

    name: str
    inputs: int
    fields: list[Field]


class Editor(TypedDict):
    """What can be changed, and how it is now; how many changes can be taken back and made again."""

    design: Annotated[dict[str, Any], Meta(extra_json_schema={"tsType": "Design"})]
    layers: list[Kind]
    optimizers: list[Kind]
    losses: list[str]
    noise: bool
    undo: int
    redo: int


class Fault(TypedDict):
    """Why a design cannot be: the number of the layer at fault, and the option or setting."""

    layer: int | None
    field: str | None
    message: Words


class Considered(TypedDict):
    """What a design would give: the shape of each layer's output, and how many parameters."""

    fault: Fault | None
    shapes: list[list[int]]
    parameters: int


class Edited(TypedDict):
    """What a change led to: another network is on show, or nothing was changed because of a fault."""

    fault: Fault | None
    description: Description | None


class Task(TypedDict):
    name: str
    title: Words
    about: Words
    kind: str


class Epoch(TypedDict):
    epoch: int
    step: int
    metrics: dict[str, float]


History = TypedDict("History", {"branch": int, "from": int, "loss": Float64s, "epochs": list[Epoch]})
"""A piece of a branch's history: the loss of every step, `from` the first, and of every epoch that ended in it the
metrics. Step 1 is the first."""


class Source(TypedDict):
    """An element that a term read; its index has the example's axis.

    `given`: within the last step it was given to that step, so nothing behind it can be asked for.
    """

    path: Path
    index: list[int]
    value: float
    given: NotRequired[bool]


class Term(TypedDict):
    """A term of a sum, with letters, "x[0,3]·w[3,1]", and with numbers, "0.5·−0.2"."""

    value: float
    text: str
    numbers: str
    sources: list[Source]


class Rest(TypedDict):
    count: int
    sum: float


class Explanation(TypedDict):
    """What `Explanation.json()` gives: the terms that weigh most first, the others summed up in `rest`.

    Attributes:
        outside: how many terms read outside their tensor and count nothing.
        candidates: of a maximum, what it was chosen from.
        field: for each input the box that the value can depend on, the first and last index of every axis.
    """

    path: Path
    index: list[int]
    value: float
    formula: str
    substituted: str
    latex: str
    sentence: Words
    terms: list[Term]
    rest: Rest
    outside: int
    candidates: list[Source]
    field: dict[str, list[Pair]]


class Point(TypedDict):
    x: float
    y: float
    slope: float


class Curve(TypedDict):
    """The activation at one element: its curve, its derivative, and where on them the element lies."""

    function: str
    formula: str
    derivative: str
    x: Float64s
    y: Float64s
    slope: Float64s
    at: Point
    state: Literal["dead", "saturated"] | None


class Example(TypedDict):
    """An example.

    Attributes:
        y: its target, as the loss takes it; null where there is none.
        label: the target in words: a class's name, the next symbols.
        symbols: of a text, its symbols; "" is padding.
        text: what they make together, as people write it.
        note: of one that a person gave, what is not taken as it was given.
        prices: of a series of prices, those whose changes `x` has, the last that of today.
    """

    name: str
    x: Numbers
    y: float | Numbers | None
    label: str | None
    symbols: list[str] | None
    text: NotRequired[str | None]
    note: NotRequired[Words | None]
    prices: NotRequired[list[float] | None]


class Live(Moment):
    """A moment of the network on the example that is watched."""

    input: str
    loss: float | None
    values: dict[str, Picture]


class Changed(TypedDict):
    """A layer whose output is another: how many of its elements, and the largest change."""

    path: Path
    count: int
    size: int
    largest: float


class Supposed(TypedDict):
    """A run with a value set by hand beside the run without: the output, the loss, and the layers that changed."""

    output: Path
    before: Numbers
    after: Numbers
    loss: Pair | None
    changed: list[Changed]


class Beside(TypedDict):
    """A value in two runs, the other's first, and the second minus the first; null where a run has no such value.

    `changed`: what differs of the example, of the parameters and of the layers' outputs, in the order in which it is
    computed.
    """

    other: Moment
    before: Picture | None
    after: Picture | None
    difference: Picture | None
    changed: list[Changed]


class ComparedTerm(TypedDict):
    """A term in two runs, the other's first; what a run does not have is 0 there, and written as nothing.

    `weights` and `inputs` are what changes of parameters, and of what came in, make of its change.
    """

    values: Pair
    weights: float
    inputs: float
    moved: bool
    texts: list[str]
    numbers: list[str]
    sources: list[list[Source]]


class ComparedRest(TypedDict):
    count: int
    weights: float
    inputs: float


class Differing(TypedDict):
    """A value that differs, by how much at most, and the element that does so; `learned` is a parameter."""

    path: Path
    index: list[int]
    largest: float
    learned: bool


class Compared(TypedDict):
    """Why one element differs between two runs, the other's first: what `pellucid.compare` gives.

    Attributes:
        formula: of what was given to the runs, a pixel or a weight, "".
        weights, inputs: what changes of parameters, and of what came in, make of the change.
        terms: those that changed most first, the others summed up in `rest`.
        differing: what the element is computed from and that differs, in the order in which it is computed.
    """

    other: Moment
    path: Path
    index: list[int]
    formula: str
    values: Pair
    weights: float
    inputs: float
    terms: list[ComparedTerm]
    rest: ComparedRest
    differing: list[Differing]


class Attributed(TypedDict):
    """How much each element of an example accounts for, in one element of what the network gives, from an example of
    zeros on: `output` − `baseline` is the sum of the `scores` and what is `missing` in it."""

    path: Path
    index: list[int]
    scores: Numbers
    output: float
    baseline: float
    missing: float


class Later(TypedDict):
    steps: Int32s
    values: Float64s


class Course(TypedDict):
    """What an element of a parameter was at the steps that are kept, the last of them the present one.

    `later` is what it became after that, where the branch goes on beyond the step shown.
    """

    path: Path
    index: list[int]
    steps: Int32s
    values: Float64s
    later: NotRequired[Later | None]


class Histogram(TypedDict):
    """How numbers are distributed at a step.

    Attributes:
        low, high: the smallest and the largest that is finite.
        counts: how many lie in each of equal parts between them; all in one where they are the same.
        lost: how many are not finite.
    """

    step: int
    low: float
    high: float
    mean: float
    std: float
    counts: Int32s
    lost: int


class Histograms(TypedDict):
    """The numbers of a value over its elements and some examples, of a parameter over its elements; or those of one
    unit, along the last axis.

    Attributes:
        examples: of how many examples; 0 of a parameter.
        columns: the steps that were measured, the last of them the present one.
        missing: how many kept steps are still to be measured.
    """

    path: Path
    unit: int | None
    examples: int
    columns: list[Histogram]
    missing: int


class ExampleShare(TypedDict):
    name: str
    label: str | None
    amount: float


class ClassShare(TypedDict):
    label: str
    amount: float


class OtherShare(TypedDict):
    name: Literal["penalty", "weight decay", "earlier steps", "set by hand", "rounding"]
    amount: float


class Ledger(TypedDict):
    """An element of a parameter as what it was at the step `first` and what each example added since: what
    `pellucid.Ledger` gives.

    Attributes:
        value: what it is now: `initial`, and all that was added.
        examples: those that moved it most, the others summed up in `rest`.
        classes: all examples of a class together; null where there are no classes.
        others: what no example added: the penalty, the weight decay, what the optimizer remembered of earlier
            steps, what was set by hand, and rounding.
    """

    path: Path
    index: list[int]
    first: int
    initial: float
    value: float
    examples: list[ExampleShare]
    rest: Rest
    classes: list[ClassShare] | None
    others: list[OtherShare]


class LayerFlow(TypedDict):
    """How large the gradient is in a layer."""

    path: Path
    activation: float | None
    gradient: float | None
    dead: float | None
    saturated: float | None
    ratio: float | None


class Flow(Moment):
    """How large the gradients are: a column of the ribbon."""

    layers: list[LayerFlow]


class Said(TypedDict):
    what: str
    evidence: str
    fix: str


class Finding(TypedDict):
    kind: str
    where: Path
    en: Said
    zh: Said


class Findings(TypedDict):
    findings: list[Finding]


class Boundary(TypedDict):
    """What a network of two inputs gives on a grid, (rows, columns, classes or 1), rows from the greatest y down.

    `targets`: without classes, the first number of each point's target. `units`: by layer what each of its units gives
    there, (rows, columns, units).
    """

    grid: Numbers
    x: Pair
    y: Pair
    points: Numbers
    labels: Int32s
    targets: NotRequired[Float32s | None]
    units: NotRequired[dict[Path, Numbers]]


class Confusion(TypedDict):
    """How often each class is taken for which.

    `counts` by (true class, predicted class); `examples` of each cell that is not empty, "row,column": a few names.
    """

    set: Set
    classes: list[str]
    counts: Numbers
    examples: dict[str, list[str]]


class Ranked(TypedDict):
    """An example, its loss, and what the network says of it.

    `truth` and `said` are the numbers of classes, null where there are none; `answer` is the network's output, null
    where that is too large.
    """

    example: Example
    loss: float
    truth: int | None
    said: int | None
    answer: Numbers | None


class Ranking(TypedDict):
    """Examples of a set by their loss.

    Attributes:
        judged: how many of the `count` of the set were judged: all, or as many as take no longer than a moment.
        matching: how many of those belong to the classes that were asked for.
        mean: of the losses of all that were judged; with the `penalty`, what `evaluate` gives for them.
    """

    set: Set
    judged: int
    count: int
    matching: int
    mean: float
    penalty: float | None
    examples: list[Ranked]


class Latent(TypedDict):
    """The codes of examples, (examples, 2), in the plane of the two directions in which the code varies most: a code is
    centre + a·directions[0] + b·directions[1]."""

    path: Path
    points: Numbers
    centre: Float32s
    directions: Numbers
    labels: Int32s | None
    names: list[str]


class WindowArithmetic(TypedDict):
    """The arithmetic of one place of a convolution: image "x" through kernel "k"."""

    value: float
    terms: list[Term]
    outside: int


class Convolution(TypedDict):
    """A kernel over an image, and the arithmetic of the place that was asked for."""

    image: Numbers
    output: Numbers
    window: NotRequired[WindowArithmetic]


class Continuation(TypedDict):
    """A text that was continued, or the next values of a series."""

    text: str


class Errors(TypedDict):
    network: float
    today: float | None


class Forecast(TypedDict):
    """Forecasts of a series, example by example, in its own units.

    Attributes:
        days: the day that each is about, or its number.
        today: the forecast that costs nothing, tomorrow is like today; null where the series has no such units.
    """

    days: list[str]
    names: list[str]
    truth: Float64s
    network: Float64s
    today: Float64s | None
    errors: Errors


class LayerReach(TypedDict):
    """Of a recurrent layer the norm of ∂loss/∂state, by the number of steps back."""

    path: Path
    norms: list[float]


class Reach(TypedDict):
    layers: list[LayerReach]
