"""Names that others choose: what is no name, and which names look alike.

Decisions
- A name is one line of visible text: control characters, line breaks, and characters that are invisible or turn the
  direction of writing are refused, since a reader could not see them.
- Names that differ but look alike (Unicode's confusables, UTS #39) are legal, and are named in a warning. The table is
  that of the library `confusable_homoglyphs`. Names that differ in letters' case alone look alike, too.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence

from vlrouterbench.core.limits import NAME_CHARACTERS

_UNSEEN = {
    "Cc": "a control character",
    "Cf": "an invisible character",
    "Cs": "half of a character",
    "Co": "a character without a meaning",
    "Cn": "a character without a meaning",
    "Zl": "a line break",
    "Zp": "a line break",
}


def name_fault(name: str) -> str:
    """What keeps a text from being a name, in words that follow "found"; "" for a name."""
    if not name.strip():
        return "an empty one"
    if len(name) > NAME_CHARACTERS:
        return f"one of {len(name):,} characters, where {NAME_CHARACTERS} are the most"
    if name != name.strip():
        return f"{name!r}, with blanks around it"
    for character in name:
        kind = _UNSEEN.get(unicodedata.category(character))
        if kind:
            kind = "a line break" if character in "\n\r\x0b\x0c\x85" else kind
            return f"{ascii(name)}, with {kind} (U+{ord(character):04X})"
    return ""


def look_alikes(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of different names that look alike, each name with the first one that it can be taken for."""
    first: dict[str, str] = {}
    pairs = []
    for name in names:
        shapes = {_shape(name), _shape(name.casefold())}
        other = next((first[shape] for shape in shapes if shape in first), name)
        if other != name:
            pairs.append((other, name))
        for shape in shapes:
            first.setdefault(shape, name)
    return pairs


def describe_look_alikes(names: Sequence[str]) -> list[str]:
    """A warning for each pair, with the characters in which the names differ."""
    return [
        f'"{one}" and "{other}" look alike and are different names ({_difference(one, other)}): is one a slip?'
        for one, other in look_alikes(names)
    ]


def _difference(one: str, other: str) -> str:
    sides = (_strange(one, other), _strange(other, one))
    return " against ".join(side for side in sides if side) or "their characters differ"


def _strange(name: str, other: str) -> str:
    """The first character of a name that the other one lacks, by its code and name."""
    for character in name:
        if character not in other:
            return f"U+{ord(character):04X} {unicodedata.name(character, 'unnamed')}"
    return ""


def _shape(name: str) -> str:
    """What a name looks like: equal for names that can be taken for each other."""
    table = _prototypes()
    shown = "".join(table.get(character, character) for character in unicodedata.normalize("NFKC", name))
    return "".join(shown.split()).replace("rn", "m")


@functools.cache
def _prototypes() -> dict[str, str]:
    """Character -> the ASCII character that stands for all that look like it."""
    from confusable_homoglyphs.confusables import confusables_data  # 0.1 s, only where names are compared

    table = {}
    for character, alike in confusables_data.items():
        plain = [other["c"] for other in alike if len(other["c"]) == 1 and other["c"].isascii()]
        if plain and not character.isascii():
            table[character] = max(plain)  # of 1, I, l and | any will do, the same for all of them
    same = {"1": "l", "I": "l", "|": "l", "0": "O", "`": "'"}
    return {character: same.get(plain, plain) for character, plain in table.items()} | same
