"""The methods and events of the protocol by name, and all of it as JSON Schema, of which TypeScript types are made."""

from __future__ import annotations

import inspect
import json
import sys
from dataclasses import dataclass
from typing import Any

import msgspec

from . import answers as a
from . import requests as r
from .lessons import Lesson
from .own_files import OwnData, Uploaded


@dataclass(frozen=True)
class Method:
    """What a method takes and gives.

    Attributes:
        answer: what it gives; with `moment` also the branch and the step that it is about.
        nullable: whether it may give None.
    """

    params: Any
    answer: Any
    moment: bool = False
    nullable: bool = False


METHODS = {
    "tasks": Method(r.Params, list[a.Task]),
    # those that may be begun here: of the gallery's tasks, and of what is on show
    "lessons": Method(r.Params, list[Lesson]),
    # another task of the gallery; the event "described" notifies every tab
    "open": Method(r.OpenParams, a.Description),
    "describe": Method(r.Params, a.Description),
    # the present moment of what is to be seen live from now on
    "watch": Method(r.WatchParams, a.Live),
    "examples": Method(r.ExamplesParams, list[a.Example]),
    "example": Method(r.ExampleParams, a.Example),
    "own": Method(r.OwnParams, a.Example),
    "explain": Method(r.ExplainParams, a.Explanation, moment=True),
    "curve": Method(r.ElementParams, a.Curve, moment=True, nullable=True),
    "suppose": Method(r.SupposeParams, a.Supposed, moment=True),
    # the same value in another run: of another example, at another step
    "beside": Method(r.BesideParams, a.Beside, moment=True),
    "compare": Method(r.CompareParams, a.Compared, moment=True),
    "attribute": Method(r.AttributeParams, a.Attributed, moment=True),
    "course": Method(r.CourseParams, a.Course, moment=True),
    "ledger": Method(r.LedgerParams, a.Ledger, moment=True),
    # how the numbers of a value, a parameter or a gradient are distributed, now and at the steps that are kept
    "histograms": Method(r.HistogramsParams, a.Histograms, moment=True),
    "control": Method(r.Action, a.State),
    "history": Method(r.HistoryParams, a.History),
    "flow": Method(r.FlowParams, list[a.Flow]),
    "diagnose": Method(r.Params, a.Findings, moment=True),
    # Python that repeats what was done here, to the bit
    "code": Method(r.Params, str),
    "boundary": Method(r.BoundaryParams, a.Boundary, moment=True),
    "confusion": Method(r.ConfusionParams, a.Confusion, moment=True),
    # examples by their loss, the highest first or the lowest
    "ranking": Method(r.RankingParams, a.Ranking, moment=True),
    "latent": Method(r.Params, a.Latent, moment=True),
    # what the part of the network behind `path` makes of a code
    "decode": Method(r.DecodeParams, a.Numbers, moment=True),
    "convolve": Method(r.ConvolveParams, a.Convolution),
    "generate": Method(r.GenerateParams, a.Continuation, moment=True),
    "forecast": Method(r.Params, a.Forecast, moment=True),
    "reach": Method(r.Params, a.Reach, moment=True),
    # all parameters in one string, for a link; refused for large networks
    "weights": Method(r.Params, str),
    # the parameters of such a string, as a branch
    "adopt": Method(r.AdoptParams, a.State),
    # what can be changed of the network and its training, and how it is now
    "editor": Method(r.Params, a.Editor),
    # what a changed network would be; nothing changes
    "consider": Method(r.DesignParams, a.Considered),
    # begin with a changed network; the one before can be returned to by "revise"
    "edit": Method(r.DesignParams, a.Edited),
    "revise": Method(r.ReviseParams, a.Description),
    # train a changed network beside this one, in step with it
    "pair": Method(r.PairParams, a.Edited),
    # files of the person's own, to learn from; they are kept in memory as long as the tab is there
    "upload": Method(r.UploadParams, Uploaded),
    # what they hold, and what would be made of them; nothing changes
    "data": Method(r.DataParams, OwnData),
    # begin with them; what was on show can be returned to by "revise"
    "learn": Method(r.DataParams, a.Description),
    # the whole lab as one HTML file
    "save": Method(r.Params, str),
}
EVENTS = {"described": a.Description, "state": a.State, "history": a.History, "live": a.Live, "flow": a.Flow}


def schema() -> dict[str, Any]:
    """All declarations in one JSON Schema, in which `tsType` names the types that JavaScript has for arrays."""
    kinds = [a.Moment, r.Action, *EVENTS.values(), *(k for m in METHODS.values() for k in (m.params, m.answer))]
    # no schema of its own for an array: its tsType says what it is
    made, named = msgspec.json.schema_components(
        kinds, schema_hook=lambda kind: {}, ref_template="#/definitions/{name}"
    )
    moment, named["Action"], *parts = made
    events, parts = dict(zip(EVENTS, parts, strict=False)), parts[len(EVENTS) :]
    methods = {}
    for (name, method), given, answer in zip(METHODS.items(), parts[::2], parts[1::2], strict=True):
        params = {"$ref": "#/definitions/Action"} if method.params is r.Action else given
        result = {"allOf": [answer, moment]} if method.moment else answer
        methods[name] = _object({"params": params, "result": _nullable(result) if method.nullable else result})
    named |= {"Methods": _object(methods), "Events": _object(events)}
    whole = {"title": "Protocol", **_object({"methods": {"$ref": "#/definitions/Methods"}}), "definitions": named}
    # TypeScript has no types for lengths, and would write tuples of all that are possible
    unsized: dict[str, Any] = json.loads(json.dumps(whole), object_hook=_unsized)
    return unsized


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _nullable(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


def _unsized(part: dict[str, Any]) -> dict[str, Any]:
    if isinstance(text := part.get("description"), str):
        part["description"] = inspect.cleandoc(text)
    return {key: value for key, value in part.items() if key not in {"minItems", "maxItems"}}


if __name__ == "__main__":
    json.dump(schema(), sys.stdout)
