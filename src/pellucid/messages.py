"""Messages for people: in English in the source, in simplified Chinese in one catalogue, read when it is asked for.

`gettext` marks a message and makes it; its placeholders have names: `gettext("{count} terms", count=3)`. `make strings`
puts the messages of all sources, the page's too, into the catalogue.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pellucid.errors import PellucidError, closest

LANGUAGES = ("en", "zh")
CATALOGUE = Path(__file__).parent / "locale" / "zh" / "LC_MESSAGES" / "pellucid.po"


@dataclass(frozen=True)
class Message:
    """A message that can be given in each language; as a string it is English.

    Attributes:
        english: the text, with placeholders: "{count} terms".
        context: what distinguishes it from the same English text with another meaning.
        values: what stands in the place of the placeholders; messages among them are translated too.
    """

    english: str
    context: str | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def filled(self, **values: object) -> Message:
        """The same message with these values."""
        return Message(self.english, self.context, values)

    def text(self, language: str = "en") -> str:
        """The message in a language, "en" or "zh".

        Raises:
            PellucidError: another language.
        """
        check_language(language)
        template = self.english if language == "en" else _chinese().get((self.context, self.english), self.english)
        values = {k: v.text(language) if isinstance(v, Message) else v for k, v in self.values.items()}
        return template.format(**values) if values else template

    def __str__(self) -> str:
        return self.text()


def gettext(english: str, **values: object) -> Message:
    """A message; its English text is what the catalogue translates."""
    return Message(english, None, values)


def option_of(name: str, kind: str) -> Message:
    """What an option of a layer, a loss, … is called in a message: "units of Dense"."""
    return gettext("{name} of {kind}", name=name, kind=kind)


def suggestion(word: object, choices: Iterable[str]) -> Message | str:
    """The hint of `nearest` in each language."""
    near = closest(word, choices)
    return "" if near is None else gettext(' Did you mean "{name}"?', name=near)


def chained(parts: Sequence[object], link: Message) -> object:
    """Several parts as one message, linked in turn by "{first} or {then}", say."""
    return functools.reduce(lambda first, then: link.filled(first=first, then=then), parts)


def pgettext(context: str, english: str, **values: object) -> Message:
    """A message whose English text has other translations in other contexts."""
    return Message(english, context, values)


def check_language(language: str) -> None:
    """Raise unless it is one of LANGUAGES.

    Raises:
        PellucidError: another language.
    """
    if language not in LANGUAGES:
        raise PellucidError(f'expected the language "en" or "zh", got "{language}"')


def words(message: object) -> dict[str, str]:
    """A message in every language; a text that is no message is the same in all of them."""
    return {each: message.text(each) if isinstance(message, Message) else str(message) for each in LANGUAGES}


@cache
def _chinese() -> dict[tuple[str | None, str], str]:
    import polib

    return {(e.msgctxt, e.msgid): e.msgstr for e in polib.pofile(str(CATALOGUE)) if e.msgstr}
