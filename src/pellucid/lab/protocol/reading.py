"""What came, read as what was declared: it is that, or one sentence says what was expected and what came."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

from pellucid.errors import DataError
from pellucid.lab.protocol.requests import Id
from pellucid.messages import Message, chained, gettext, suggestion

_SHOWN = 40


class Malformed(DataError):
    """A message that is no request."""

    def __init__(self, number: int | None, sentence: object) -> None:
        super().__init__(sentence)
        self.number = number


def read_message(text: str | bytes) -> tuple[int, str, Any]:
    """The id, the method and the parameters of a request.

    Raises:
        Malformed: something else came; `number` is that of the request where it could be read.
    """
    try:
        message = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        example = '{"id": 1, "method": "describe", "params": {}}'
        raise Malformed(None, gettext("the message is no JSON, expected such as {example}", example=example)) from None
    if not isinstance(message, dict):
        raise Malformed(
            None, gettext("the message is {came}, expected an object with id, method and params", came=shown(message))
        )
    number = None
    try:
        number = checked(message.get("id"), Id, root='"id"')
        return number, checked(message.get("method"), str, root='"method"'), message.get("params", {})
    except DataError as error:
        raise Malformed(number, error.message) from None


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def checked(value: Any, kind: Any, where: str = "", root: object = gettext("the request")) -> Any:
    """A value as the kind that was declared.

    Args:
        where: what the sentence begins with, such as "explain: ".
        root: how the sentence names the whole value.

    Raises:
        DataError: it is something else.
    """
    try:
        return msgspec.convert(value, kind)
    except UnicodeEncodeError:  # half of a pair, which JavaScript makes when it cuts a text; no name has one
        whole = json.dumps(value, ensure_ascii=False, default=repr).encode(errors="replace")
        return checked(json.loads(whole), kind, where, root)
    except msgspec.ValidationError as error:
        where_in = re.search(r"`\$([^`]*)`$", str(error))
        path = re.findall(r"[^.\[\]]+", where_in[1]) if where_in else []
        said = sentence(value, inspect.type_info(kind), path, root)
        raise DataError(gettext("{where}{said}", where=where, said=said) if where else said) from None


def sentence(value: Any, kind: Any, path: list[str], root: object, *, part: object = gettext("parameter")) -> Message:
    """What is wrong at the end of a path in a value, of which `kind` is the declaration.

    Args:
        root: how the sentence names the whole value.
        part: what a field of an object is called.
    """
    name = ""
    for place in path:
        if isinstance(value, Mapping):
            fields = _fields(kind, value)
            if place not in fields or value.keys() - fields.keys():  # a name that came may look like a path
                break
            kind, _ = fields[place]
            name, value = f"{name}.{place}" if name else place, value.get(place)
        else:
            name, value, kind = f"{name}[{place}]", value[int(place)], _bare(kind).item_type
    if isinstance(value, Mapping) and _structs(kind):
        fields = _fields(kind, value)
        for key in value:
            if key not in fields:
                hint = suggestion(key[:100], fields) if isinstance(key, str) else ""
                return gettext(
                    "there is no {part} {name}, expected {names}.{hint}",
                    part=part,
                    name=shown(key),
                    names=", ".join(fields) or gettext("none"),
                    hint=hint,
                )
        for key, (inner, required) in fields.items():
            if required and key not in value:
                missing = f'"{f"{name}.{key}".lstrip(".")}"'
                return gettext("{what} is missing, expected {expected}", what=missing, expected=expected(inner))
    what = f'"{name}"' if name else root
    said = gettext("{what} is {came}, expected {expected}", what=what, came=shown(value), expected=expected(kind))
    word = value[:100] if isinstance(kind, inspect.LiteralType) and isinstance(value, str) else None
    hint = "" if word is None else suggestion(word, map(str, kind.values))
    return gettext("{said}.{hint}", said=said, hint=hint) if hint else said


def _fields(kind: Any, value: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    """The fields of an object by name, their declarations, and whether they have to be there."""
    structs = _structs(kind)
    tag = structs[0].tag_field if structs else None
    if tag is not None:
        names = inspect.LiteralType(tuple(str(struct.tag) for struct in structs))
        structs = [struct for struct in structs if struct.tag == value.get(tag)]
    fields = {field.encode_name: (field.type, field.required) for struct in structs for field in struct.fields}
    return fields if tag is None else {tag: (names, True), **fields}


def _bare(kind: Any) -> Any:
    """A declaration without what was said of it besides."""
    return kind.type if isinstance(kind, inspect.Metadata) else kind


def _structs(kind: Any) -> list[inspect.StructType]:
    return [k for k in getattr(kind, "types", [kind]) if isinstance(k, inspect.StructType)]


def expected(kind: Any) -> object:
    """A declaration in words."""
    match kind:
        case inspect.Metadata():
            return expected(kind.type)
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return gettext("true or false")
        case inspect.IntType(ge=None):
            return gettext("an integer")
        case inspect.IntType():
            high = kind.le if kind.lt is None else kind.lt - 1
            return gettext("an integer from {low} to {high}", low=kind.ge, high=high)
        case inspect.FloatType():
            return gettext("a number from {low:g} to {high:g}", low=kind.ge, high=kind.le)
        case inspect.StrType(pattern=str(pattern)):
            return gettext("a text that matches {pattern}", pattern=pattern)
        case inspect.StrType():
            if kind.max_length is None:
                return gettext("a text")
            return gettext("a text of at most {count} characters", count=kind.max_length)
        case inspect.LiteralType():
            return chained([json.dumps(value) for value in kind.values], _OR)
        case inspect.ListType():
            low, high = kind.min_length or 0, kind.max_length
            items = _PLURALS[type(kind.item_type)]
            if low == high:
                return gettext("a list of {count} {items}", count=low, items=items)
            if low:
                return gettext("a list of {low} to {high} {items}", low=low, high=high, items=items)
            return gettext("a list of at most {high} {items}", high=high, items=items)
        case inspect.UnionType() if any(isinstance(k, inspect.NoneType) for k in kind.types):
            return chained([expected(each) for each in kind.types], _OR)
    names = ", ".join(_fields(kind, {}))
    return gettext("an object with {names}", names=names) if names else gettext("an object")


_OR = gettext("{first} or {then}")
_PLURALS = {
    inspect.IntType: gettext("integers"),
    inspect.FloatType: gettext("numbers"),
    inspect.ListType: gettext("lists"),
    inspect.LiteralType: gettext("names"),
    inspect.StructType: gettext("objects"),
}


def shown(value: object) -> str | Message:
    """What came, printable and short enough for a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str():
            text = f"{value[:_SHOWN]}…" if len(value) > _SHOWN else value
            return '"' + "".join(c if c.isprintable() else "�" for c in text) + '"'
        case int():
            return str(value) if abs(value) < 1 << 64 else gettext("a very large number")
        case float():
            return f"{value:.6g}"
        case list() | tuple():
            return gettext("a list of {count}", count=len(value))
    return gettext("an object")
