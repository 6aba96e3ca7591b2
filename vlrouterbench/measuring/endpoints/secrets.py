"""What looks like a key: it belongs into an environment variable, and nowhere into an endpoints file.

Decisions
- A field is refused by its name, and any value by its form: those of the keys of providers, tokens of the Hub and of
  GitHub, JSON web tokens, and whatever follows "Bearer".
- A value that looks like a key is never repeated, in no message.
"""

from __future__ import annotations

import re

KEY_RULE = "Keys never stand in this file: put the key in an environment variable and its name in api_key_env."
_NAME = re.compile(r"api[-_]?key|token|secret|password|authorization|bearer|credential|^auth$", re.IGNORECASE)
_NO_SECRET_NAME = re.compile(r"tokens$|_tokens?_|^(max|min|num|stop|logit|skip|add|return|ignore)_", re.IGNORECASE)
"""Fields of generation that speak of tokens of text."""
_VALUE = re.compile(
    r"\bbearer\s+\S{8,}"
    r"|\bhf_[A-Za-z0-9]{20,}"
    r"|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\b(?:gh[opsu]_|github_pat_)[A-Za-z0-9_]{20,}"
    r"|\b(?:gsk_|r8_|xai-|nvapi-|pplx-|glpat-|fw_|tgp_v1_|xox[abp]-)[A-Za-z0-9_-]{16,}"
    r"|\bAIza[A-Za-z0-9_-]{30,}"
    r"|\bAKIA[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}",
    re.IGNORECASE,
)


def is_secret_name(name: str) -> bool:
    """Whether a field of this name would hold a key."""
    return bool(_NAME.search(name)) and not _NO_SECRET_NAME.search(name)


def looks_like_key(value: object) -> bool:
    """Whether a value has the form of a key."""
    return isinstance(value, str) and bool(_VALUE.search(value))
