"""YAML as plain data, with the line at which each part of it stands. Nothing in it is executed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from pellucid.errors import DataError

MAX_DEPTH = 20
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null")}

Path = tuple[str | int, ...]


class Marked:
    """What a text in YAML says.

    Attributes:
        data: mappings, lists, texts, numbers, true, false and null.
        lines: the line, from 1, of each part, by its path in `data`: ("steps", 0, "title").

    Raises:
        DataError: it is no YAML, or has what a plain file has no need of: references, tags, several documents, a key
            twice. The sentence begins with the line.
    """

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self._constructor = yaml.constructor.SafeConstructor()
        try:
            _check_events(text)
            root = yaml.compose(text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = 1 if mark is None else mark.line + 1
            hint = "a text with one of : ? # [ ] { } , in it stands in quotes"
            raise DataError(f"line {line}: this is no YAML: {error.problem or error.context} ({hint})") from None
        except yaml.YAMLError as error:  # a character that YAML does not allow
            place = getattr(error, "position", 0)
            line = 1 + text.count("\n", 0, place if isinstance(place, int) else 0)
            raise DataError(f"line {line}: expected text, got a control character") from None
        self.data = None if root is None else self._plain(root, ())

    def line(self, path: Path) -> int:
        """The line of a part, or of the smallest part around it that is there."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def _plain(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*path, k)) for k, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            data: dict[str, Any] = {}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in data:
                    raise DataError(f'line {line}: "{name[:40]}" stands twice here, expected once')
                self.lines[(*path, name)] = line
                data[name] = self._plain(value, (*path, name))
            return data
        if node.tag in _SCALARS:
            try:
                return self._constructor.construct_object(node)
            except (ValueError, ArithmeticError):  # such as a number of many thousand digits
                return node.value
        return node.value


def _check_events(text: str) -> None:
    """Whether there is nothing but plain data, and not too deep, before any of it is put together."""
    depth = 0
    documents = 0
    refusals: list[tuple[Callable[[yaml.Event], bool], str]] = [
        (lambda e: isinstance(e, yaml.AliasEvent) or getattr(e, "anchor", None) is not None, "a reference (& or *)"),
        (lambda e: getattr(e, "tag", None) is not None, "a tag (!)"),
    ]
    for event in yaml.parse(text, yaml.SafeLoader):
        line = 1 + (event.start_mark.line if event.start_mark is not None else 0)
        for refuses, what in refusals:
            if refuses(event):
                raise DataError(f"line {line}: expected texts, numbers and lists, got {what}: put it in quotes")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > MAX_DEPTH:
            raise DataError(f"line {line}: lists within lists, more than {MAX_DEPTH} deep")
        if documents > 1:
            raise DataError(f"line {line}: a second document (---), expected one")
