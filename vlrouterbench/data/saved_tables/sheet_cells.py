"""What the tags of a sheet's cells say, before a native reader is let at the file: how many, how far out, of what kind.

Decisions
- Whole arrays at once, from the places of "=" alone: a search for texts as short as a cell's name takes longer than
  all else that is done with a sheet before it is read.
- A cell's name in an unusual spelling counts as far out: whoever asks then reads the names one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LONGEST_TAG = 64
"""Bytes of a tag's beginning that matter: pieces of a sheet overlap by so many."""
_BEFORE, _BEHIND = 4, 9
"""Bytes before and behind a "=" that are looked at."""


@dataclass(frozen=True)
class SheetCells:
    """What a piece of a sheet shows.

    Attributes:
        num_tags: tags that open or close in it.
        may_be_far: whether cells may stand beyond column Z or row 99,999, or are named in an unusual spelling.
        are_texts: of the cells of column A below the first row, whether they are texts; both where there are both.
    """

    num_tags: int
    may_be_far: bool
    are_texts: frozenset[bool]


def cells_of(piece: bytes) -> SheetCells:
    """Look at a piece of a sheet's XML; a tag that begins in its last LONGEST_TAG bytes may be passed over."""
    content = np.frombuffer(piece, np.uint8)
    equal = np.flatnonzero(content[_BEFORE:-_BEHIND] == ord("="))
    before, behind = _at(content, equal, -1), _at(content, equal, 1)
    is_name, is_quoted = before == ord("r"), behind == ord('"')
    names = np.flatnonzero(is_name & is_quoted)
    places = equal.take(names)
    second = _at(content, places, 3)
    is_far = bool(_is_between(second, "A", "Z").any())
    is_far = is_far or _has_high_row(content, places[_is_between(_at(content, places, 7), "0", "9")])
    is_odd = (is_name > is_quoted) | ((before <= ord(" ")) & ((behind <= ord(" ")) | is_quoted | (behind == ord("'"))))
    is_far = is_far or _has_odd_spelling(content, equal[is_odd])
    names = names[(_at(content, places, 2) == ord("A")) & (second <= ord("9"))]
    num_tags = int(np.count_nonzero(content == ord("<")))
    return SheetCells(num_tags, is_far, _are_texts(content, equal, names))


def _at(content: np.ndarray, places: np.ndarray, distance: int) -> np.ndarray:
    """The bytes at a distance from places, which are counted from byte _BEFORE on: a view costs nothing, a sum does."""
    return content[_BEFORE + distance :].take(places)


def _has_high_row(content: np.ndarray, places: np.ndarray) -> bool:
    """Whether a row's number behind one of these places, or behind a letter there, has six digits."""
    first, *inner, last = (_is_between(_at(content, places, distance), "0", "9") for distance in range(2, 9))
    return bool((np.logical_and.reduce(inner) & (first | last)).any())


def _has_odd_spelling(content: np.ndarray, equal: np.ndarray) -> bool:
    """Whether the value of an attribute, in quotation marks, begins behind one of these or behind a blank there."""
    behind, second = _at(content, equal, 1), _at(content, equal, 2)
    return bool((_is_quote(behind) | ((behind <= ord(" ")) & (_is_quote(second) | (second <= ord(" "))))).any())


def _are_texts(content: np.ndarray, equal: np.ndarray, cells: np.ndarray) -> frozenset[bool]:
    """Whether cells below the first row are texts: the attribute behind their name, or their style, is t and not "n".

    Args:
        content: (num_bytes,) uint8.
        equal: places of "=".
        cells: those of the cells' names, as indices of `equal`.
    """
    # The last cell's name may be the last attribute.
    equal = np.append(equal, [len(content) - _BEFORE - _BEHIND] * 2)
    cells = cells[equal.take(cells) < len(content) - LONGEST_TAG]
    places = equal.take(cells)
    is_header = (_at(content, places, 3) == ord("1")) & (_at(content, places, 4) == ord('"'))
    cells = cells[(_at(content, places, -3) == ord("c")) & (_at(content, places, -4) == ord("<")) & ~is_header]
    following = equal.take(cells + 1 + _is_attribute(content, equal.take(cells + 1), "s"))
    is_number = (_at(content, following, 2) == ord("n")) & (_at(content, following, 3) == ord('"'))
    is_text = _is_attribute(content, following, "t") & ~is_number
    return frozenset(kind for kind, is_there in ((True, is_text.any()), (False, not is_text.all())) if is_there)


def _is_attribute(content: np.ndarray, equal: np.ndarray, name: str) -> np.ndarray:
    """Whether an attribute of this name, no tag's first, has its "=" there."""
    is_behind_another = (_at(content, equal, -2) == ord(" ")) & (_at(content, equal, -3) == ord('"'))
    return is_behind_another & (_at(content, equal, -1) == ord(name))


def _is_quote(signs: np.ndarray) -> np.ndarray:
    return (signs == ord('"')) | (signs == ord("'"))


def _is_between(signs: np.ndarray, first: str, last: str) -> np.ndarray:
    # Below `first` wraps around to large numbers: one comparison for both ends.
    return (signs - np.uint8(ord(first))) <= ord(last) - ord(first)
