"""What a page may ask: the parameters of each method, with their bounds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_SENT = 1 << 18
"""How many numbers a message from a page may have."""
MAX_STEPS = 1_000_000
"""So many steps one action takes at the most."""
MAX_KERNEL = 15
"""How many rows, and columns, a kernel over an image may have."""
MAX_LAYERS = 64
"""How many layers a network that is changed in a page may have, and how often it may use them."""
MAX_IN_LINK = 4096
"""How many parameters a link may carry."""
MAX_PART = 5 << 20
"""How many characters, in base64, a part of a file may have."""
MAX_COLUMNS = 4096
"""How many columns a table of the person's own may have."""

Id = Annotated[int, Meta(ge=0, le=1 << 53)]
Name = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(max_length=20_000)]
Path = Annotated[str, Meta(max_length=500, extra_json_schema={"tsType": "Path"})]
BranchId = Annotated[int, Meta(ge=0, le=1 << 31)]
Step = Annotated[int, Meta(ge=0, le=1 << 53)]
Place = Annotated[int, Meta(ge=0, lt=1 << 31)]
RowColumn = Annotated[list[Place], Meta(min_length=2, max_length=2, extra_json_schema={"tsType": "[number, number]"})]
Index = Annotated[list[Place], Meta(max_length=8)]
Number = Annotated[float, Meta(ge=-3.4e38, le=3.4e38)]
Target = Annotated[float, Meta(ge=-1e30, le=1e30)]
LearningRate = Annotated[float, Meta(ge=0, le=3.4028234663852886e38)]
Weight = Annotated[float, Meta(ge=-1.7976931348623157e308, le=1.7976931348623157e308)]
Pixels = Annotated[int, Meta(ge=0, le=64)]
Stride = Annotated[int, Meta(ge=1, le=64)]
Set = Literal["train", "test"]
Options = Annotated[dict[str, Any], Meta(max_length=64, extra_json_schema={"tsType": "Record<string, unknown>"})]
"""What a layer, an optimiser or a loss reads; each checks its own."""


class Params(Struct, forbid_unknown_fields=True, kw_only=True):
    """The parameters of a request; of those that take none, all."""


class OpenParams(Params):
    task: Annotated[str, Meta(max_length=100)]


class WatchedPath(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    path: Path
    limit: Annotated[int, Meta(ge=0, le=1 << 20)]


class WatchParams(Params):
    """What to see live from now on: at most `limit` numbers of each path."""

    input: Name
    paths: Annotated[list[WatchedPath], Meta(max_length=256)]


class ExamplesParams(Params, rename={"start": "from"}):
    set: Set
    start: Annotated[int, Meta(ge=0, le=1 << 31)]
    count: Annotated[int, Meta(ge=1, le=256)]


class ExampleParams(Params):
    name: Name


class OwnParams(Params):
    """An example of the person's own: numbers in the shape of the input, or a text."""

    x: Annotated[list[Number], Meta(min_length=1, max_length=MAX_SENT)] | UnsetType = UNSET
    text: Text | UnsetType = UNSET
    y: Target | UnsetType = UNSET


class ElementParams(Params):
    input: Name
    path: Path
    index: Index


class ExplainParams(ElementParams):
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100


class SupposeParams(ElementParams):
    """A value to be set: one element, or all units at its place."""

    value: Number
    whole: bool = False


class Other(Params):
    """The run that this one is compared with: of another example, at another step, or both. `step` is of the branch
    that is shown where there is no `branch`; of a branch without a step it is the last."""

    input: Name | UnsetType = UNSET
    branch: BranchId | UnsetType = UNSET
    step: Step | UnsetType = UNSET


class BesideParams(Params):
    input: Name
    other: Other
    path: Path
    limit: Annotated[int, Meta(ge=0, le=1 << 20)]


class CompareParams(ElementParams):
    other: Other
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100


class AttributeParams(Params):
    input: Name
    unit: Place


class CourseParams(Params):
    path: Path
    index: Index


class LedgerParams(CourseParams):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 8


class HistogramsParams(Params):
    path: Path
    unit: Place | None = None


class HistoryParams(Params, rename={"start": "from"}):
    branch: BranchId
    start: Step


class FlowParams(Params):
    branch: BranchId


class BoundaryParams(Params):
    """`units`: what every unit gives as well, of the layers of few."""

    size: Annotated[int, Meta(ge=2, le=200)]
    units: bool = False


class ConfusionParams(Params):
    set: Set


class RankingParams(Params, rename={"start": "from"}):
    """Examples by their loss, the highest first or the lowest; of the class `truth`, and taken for the class `said`."""

    set: Set
    highest: bool = True
    truth: Place | None = None
    said: Place | None = None
    start: Annotated[int, Meta(ge=0, le=1 << 31)] = 0
    count: Annotated[int, Meta(ge=1, le=100)] = 20


class DecodeParams(Params):
    path: Path
    code: Annotated[list[Number], Meta(min_length=1, max_length=1 << 16)]


class SentImage(Params):
    """(h, w) numbers of 0 to 1."""

    shape: Annotated[list[Place], Meta(min_length=2, max_length=2)]
    data: Annotated[list[Number], Meta(min_length=1, max_length=MAX_SENT)]


class ConvolveParams(Params):
    """A kernel over an image, or over a sample where none is given; `at` asks for the arithmetic of one place."""

    image: SentImage | None
    kernel: Annotated[
        list[Annotated[list[Number], Meta(min_length=1, max_length=MAX_KERNEL)]], Meta(max_length=MAX_KERNEL)
    ]
    stride: Stride
    padding: Pixels
    dilation: Stride
    at: RowColumn | UnsetType = UNSET


class GenerateParams(Params):
    text: Text
    count: Annotated[int, Meta(ge=1, le=1000)]
    temperature: Annotated[float, Meta(ge=0, le=100)]
    seed: Annotated[int, Meta(ge=0, le=1 << 53)]


class LayerConfig(Struct, forbid_unknown_fields=True, kw_only=True, rename={"kind": "class"}):
    """A layer of a network, as `pl.load` reads it."""

    kind: Name
    options: Options


class UseConfig(Struct, forbid_unknown_fields=True, kw_only=True):
    """A use of a layer: its number, what it is called, and the paths of what it takes."""

    layer: Annotated[int, Meta(ge=0, lt=MAX_LAYERS)]
    path: Path
    inputs: Annotated[list[Path], Meta(max_length=MAX_LAYERS)]


class NetworkConfig(Struct, forbid_unknown_fields=True, kw_only=True):
    """A network's architecture, as `pl.load` reads it."""

    layers: Annotated[list[LayerConfig], Meta(min_length=1, max_length=MAX_LAYERS)]
    uses: Annotated[list[UseConfig], Meta(min_length=1, max_length=MAX_LAYERS)]
    inputs: Annotated[list[Path], Meta(min_length=1, max_length=1)]
    outputs: Annotated[list[Path], Meta(min_length=1, max_length=1)]
    seed: Annotated[int, Meta(ge=0, lt=1 << 32)]
    dtype: Literal["float32", "float64"]
    name: Name | None


class Design(Struct, forbid_unknown_fields=True, kw_only=True):
    """What can be changed of a task: the network, and how it learns.

    `optimizer` and `loss` are as in stored configurations; without a loss the output tells it. `noise` is null where
    the examples were not made up.
    """

    network: NetworkConfig
    optimizer: Options
    loss: Name | Options | None
    batch_size: Annotated[int, Meta(ge=1, le=1 << 20)]
    noise: Annotated[float, Meta(ge=0, le=10)] | None


class DesignParams(Params):
    design: Design


class ReviseParams(Params):
    """Back to the network before the last change, or forward again."""

    by: Literal[-1, 1]


class PairParams(Params):
    """A changed network that is trained beside this one, or none any more."""

    design: Design | None


class SentPart(Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of a file of the person's own, in base64; its name is the path within a folder where one was given.

    `continues`: the file that came last.
    """

    name: Name
    data: Annotated[str, Meta(max_length=MAX_PART)]
    continues: bool = False


class UploadParams(Params):
    """Files to learn from; with `more` they follow those that came before."""

    files: Annotated[list[SentPart], Meta(max_length=4096)]
    more: bool = False


DataKind = Literal["table", "series", "images", "text"]
ColumnUse = Literal["take", "words", "leave"]


class DataChoices(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a person said of files of their own; what is null is chosen by how the data look.

    Attributes:
        kind: what the files are.
        target: the column of a table that is learned, or of a series that is forecast.
        task: whether the target is a class or a quantity.
        columns: what becomes of a column: its numbers or categories, its words, or nothing.
        decimal, encoding, date_format: how a table is written, as in `read_csv`.
        length: how many steps of a series, or tokens of a text, the network reads at a time.
        by: whether a text is read by characters or by words.
        size: the side of the squares that images are brought to.
        channels: 1 for images in grey, 3 for colours.
    """

    kind: DataKind | None = None
    target: Name | None = None
    task: Literal["classification", "regression"] | None = None
    columns: Annotated[dict[Name, ColumnUse], Meta(max_length=MAX_COLUMNS)] = {}
    decimal: Literal[".", ","] | None = None
    encoding: Literal["utf-8", "cp1252", "gb18030", "shift_jis"] | None = None
    date_format: Literal["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d"] | None = None
    length: Annotated[int, Meta(ge=1, le=1024)] | None = None
    by: Literal["char", "word"] | None = None
    size: Annotated[int, Meta(ge=1, le=256)] | None = None
    channels: Literal[1, 3] | None = None


class DataParams(Params):
    choices: DataChoices


class AdoptParams(Params):
    weights: Annotated[str, Meta(max_length=8 * MAX_IN_LINK)]


class Change(Params):
    """What a branch changes, at the step at which it leaves: the learning rate, or one element of a parameter."""

    learning_rate: LearningRate | UnsetType = UNSET
    parameter: Path | UnsetType = UNSET
    index: Index | UnsetType = UNSET
    value: Weight | UnsetType = UNSET


class Play(Params, tag_field="do", tag="play"): ...


class Pause(Params, tag_field="do", tag="pause"): ...


class TakeSteps(Params, tag_field="do", tag="step"):
    count: Annotated[int, Meta(ge=1, le=MAX_STEPS)]


class TakeEpoch(Params, tag_field="do", tag="epoch"): ...


class Seek(Params, tag_field="do", tag="seek"):
    step: Step


class Fork(Params, tag_field="do", tag="branch"):
    change: Change


class Switch(Params, tag_field="do", tag="switch"):
    branch: BranchId


class SetRate(Params, tag_field="do", tag="rate"):
    learning_rate: LearningRate


class SetSpeed(Params, tag_field="do", tag="speed"):
    speed: Annotated[float, Meta(ge=0, le=1e6)]


class Reset(Params, tag_field="do", tag="reset"): ...


Action = Play | Pause | TakeSteps | TakeEpoch | Seek | Fork | Switch | SetRate | SetSpeed | Reset
