"""A prompt that is longer than an encoder reads: what of it is left out.

Decisions
- The question goes last. First the hint is shortened from its end, then the options, then the middle of the question,
  whose head and tail are kept.
- Options are shortened to a common length, the longest first, so that each keeps its beginning.
- Tokens are left out, none is made anew: what remains is a part of the whole text's tokens, in order. The prefix and
  the tokenizer's own special tokens always stay.
- A text that fits is tokenised as the tokenizer does it, to the last token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vlrouterbench.routers.encoders.hub.folder import HubEncoderError
from vlrouterbench.routers.encoders.sample_input import RouterInput

FIXED, QUESTION, HINT, FIRST_OPTION = -1, 0, 1, 2
"""Whose a token is: prefix or special, the question's, the hint's; the options count on from FIRST_OPTION."""


def prompt_tokens(
    sample: RouterInput, tokenizer: Any, *, prefix: str, max_length: int, lower_case: bool = False
) -> list[int]:
    """Token ids of a sample's text behind a prefix, special tokens included, at most `max_length` of them.

    Args:
        sample: question, hint and options.
        tokenizer: a fast tokenizer of transformers.
        prefix: written before the text.
        max_length: most tokens; they must hold prefix and special tokens (`fixed_tokens`).
        lower_case: whether text and prefix are lower-cased first.
    """
    pieces = [(FIXED, prefix), *_pieces(sample)]
    # Half a surrogate pair, as broken JSON gives it, has no encoding: it becomes a question mark.
    pieces = [(owner, text.encode(errors="replace").decode()) for owner, text in pieces]
    if lower_case:
        pieces = [(owner, text.lower()) for owner, text in pieces]
    encoded = _encoded(tokenizer, "".join(text for _, text in pieces))
    ids = list(encoded["input_ids"])
    if len(ids) <= max_length:
        return ids
    owner_of_character = [owner for owner, text in pieces for _ in text]
    owners = [
        FIXED if special or start >= len(owner_of_character) else owner_of_character[start]
        for special, (start, _) in zip(encoded["special_tokens_mask"], encoded["offset_mapping"], strict=True)
    ]
    return [ids[index] for index in kept_indices(owners, max_length)]


def fixed_tokens(tokenizer: Any, prefix: str) -> int:
    """How many tokens the prefix and the special ones take."""
    return len(_encoded(tokenizer, prefix)["input_ids"])


def kept_indices(owners: Sequence[int], max_length: int) -> list[int]:
    """Which tokens stay, as ascending indices.

    Args:
        owners: whose each token is, (num_tokens,).
        max_length: most tokens that may stay.

    Raises:
        HubEncoderError: the tokens that always stay are more than that.
    """
    indices: dict[int, list[int]] = {}
    for index, owner in enumerate(owners):
        indices.setdefault(owner, []).append(index)
    kept = indices.pop(FIXED, [])
    space = max_length - len(kept)
    if space < 0:
        raise HubEncoderError(f"expected a prefix of at most {max_length} tokens, found {len(kept)}.")
    question, hint = indices.pop(QUESTION, []), indices.pop(HINT, [])
    options = [indices[owner] for owner in sorted(indices)]
    kept = kept + _without_middle(question, space)
    space = max_length - len(kept)
    for option, length in zip(options, _even_lengths([len(option) for option in options], space), strict=True):
        kept += option[:length]
    kept += hint[: max_length - len(kept)]
    return sorted(kept)


def _pieces(sample: RouterInput) -> list[tuple[int, str]]:
    """`RouterInput.text` in pieces with their owners; a line break belongs to the piece behind it."""
    question, hint, *options = sample.parts
    owned = [(QUESTION, question), (HINT, hint), *((FIRST_OPTION + i, text) for i, text in enumerate(options))]
    filled = [(owner, text) for owner, text in owned if text]
    return [(owner, text if i == 0 else f"\n{text}") for i, (owner, text) in enumerate(filled)]


def _without_middle(indices: list[int], space: int) -> list[int]:
    if len(indices) <= space:
        return indices
    tail = space // 2
    return indices[: space - tail] + indices[len(indices) - tail :]


def _even_lengths(lengths: Sequence[int], space: int) -> list[int]:
    """Lengths of at most `space` in all: short ones whole, the others alike to one token, earlier ones first."""
    even = [0] * len(lengths)
    for filled, index in enumerate(sorted(range(len(lengths)), key=lambda index: (lengths[index], -index))):
        even[index] = min(lengths[index], space // (len(lengths) - filled))
        space -= even[index]
    return even


def _encoded(tokenizer: Any, text: str) -> Any:
    return tokenizer(
        text, truncation=False, return_offsets_mapping=True, return_special_tokens_mask=True, verbose=False
    )
