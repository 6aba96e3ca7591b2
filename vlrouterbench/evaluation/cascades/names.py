"""Names of cascades: `cascade:FIRST,SECOND`, or `cascade:auto` for the two candidates that suit best.

Decisions
- A cascade has two steps: each further one asks for an estimator of its own, learnt from the samples that come so far.
- Names of candidates may have commas: where a name can be divided in one way alone, it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlrouterbench.core.errors import RouterError, unknown_name

PREFIX, AUTO = "cascade:", "auto"


def is_cascade(name: str) -> bool:
    """Whether a name stands for a cascade."""
    return name.startswith(PREFIX)


def steps_of(name: str, candidates: Sequence[str]) -> tuple[str, str] | None:
    """First and second candidate of a cascade; None where they are to be chosen.

    Args:
        name: of a cascade.
        candidates: of the benchmark.

    Raises:
        RouterError: not two different candidates.
        UnknownNameError: a candidate that the benchmark does not have.
    """
    steps = name.removeprefix(PREFIX)
    if steps == AUTO:
        return None
    parts = steps.split(",")
    pairs = [(",".join(parts[:place]), ",".join(parts[place:])) for place in range(1, len(parts))]
    known = [pair for pair in pairs if all(one in candidates for one in pair)]
    pair = known[0] if len(known) == 1 else pairs[0] if len(pairs) == 1 else None
    if pair is None or not all(pair) or pair[0] == pair[1]:
        raise RouterError(
            f'expected two different candidates as {PREFIX}FIRST,SECOND, or {PREFIX}{AUTO}, found "{name}". '
            f"Candidates: {', '.join(candidates)}."
        )
    for one in pair:
        if one not in candidates:
            raise unknown_name("candidate of a cascade", one, candidates)
    return pair
