"""What the name of a log file says: `<model>_<dataset><anything>`, and which of several judges comes first.

Decisions
- A file belongs to the longest known dataset whose name begins its stem, and the rest is what the evaluation appended:
  the judge's name is whatever `--judge` was, so that no list of judges can be whole. Known are VLMEvalKit's image
  datasets, those with a table of images, and those of prediction files ("X" where "X" and "X_..." stand side by side).
- "AI2D_TEST_NO_MASK" is a dataset of VLMEvalKit's and no suffix of "AI2D_TEST". A variant of one's own that no table of
  images names is one where its files have a judge's suffix of their own ("MMStar_mine" beside "MMStar_mine_x_result").
- White space before the suffix is none of the name, and case counts only where two datasets differ by it: a file that
  went through another file system is the same file.
- What goes on behind the dataset as a copy's name does ("MMStar (1)", "MMStar - Copy") is no suffix of VLMEvalKit's:
  the file is named as a copy, and is no dataset of its own.
- Where nothing known begins the stem, a recognised suffix is taken off its end.
- A name that goes on from a known one without "_" is no dataset of its own where an evaluator's word follows
  ("MMStarresult", "MMStar-openai_result"), nor where no letter follows ("MMStar-2", "MMStar2") and no table of images,
  no evaluation of it shows that it is one: the file is named, since what it belongs to would be a guess.

Source of the suffixes: `get_intermediate_file_path` and its callers in VLMEvalKit's `vlmeval/dataset/`, commit
e8e78f05 (18 August 2026).
"""

from __future__ import annotations

import re
from collections.abc import Collection

JUDGE_ORDER: tuple[tuple[str, str], ...] = (
    (r"_openai_result", "OpenAI's default judge of VLMEvalKit until 2025"),
    (r"_(?:chat)?gpt.*", "a GPT model by name"),
    (r"_auxmatch|_results", "VLMEvalKit's own comparison, the judge not in the name"),
    (r"(?!.*exact_matching).*", "any other named judge, or a verifier"),
    (r".*", "exact matching: no judge at all"),
)
"""Where several evaluations of one run hold labels, the first of these is read: (regular expression for the whole
suffix, what it is). Within one, names go by the alphabet."""

AGGREGATE = re.compile(r"_(acc|acc_all|score|fine|metrics|score_fine)$")
"""Ends of the stems of summaries (csv, or json)."""
SUMMARY_RECORD = re.compile(
    r"^_result$|_(rating|config|scores|report|comprehensive_eval|subtask_stats|detailed_metrics|detailed_results"
    r"|fallback_score|foxbench_score)$"
)
"""Suffixes of further summaries, where the json file is one record and no list."""

BY_PRODUCTS = ("_cotpost", "_rev", "_text_only", "_visual_explicit", "_visual_implicit")
"""Suffixes of predictions that evaluators write again, rewritten or in parts."""

_JUDGE = r"(?:chatgpt|gpt|openai|o\d|claude|gemini|qwen|deepseek|llama|internlm|exact_matching|glm|kimi|mistral)[^_]*"
_SUFFIX = re.compile(
    rf"(_auxmatch|_results|_detailed_results|_(?:{_JUDGE})(?:_matching)?(?:_result|_extract|_score)?)$", re.IGNORECASE
)
_COPY = re.compile(r"[ (.~]|[-_ ](?:copy|kopie|copie|bak|backup|orig)(?![a-z0-9])", re.IGNORECASE)
"""Beginning of what a copy's name has behind the name of the dataset."""
_EVALUATORS_WORD = re.compile(
    r"[-.+=~#@ ]*(?:chatgpt|gpt|openai|o\d|claude|gemini|qwen|deepseek|llama|internlm|exact|glm|kimi|mistral"
    r"|results?|scores?|judged?|eval|evaluat\w*|extract\w*|acc|accuracy|ratings?|metrics|pred|predictions?|auxmatch"
    r"|detail(?:ed|s)?|verif\w*|old|new|final|copy|backup)(?![a-z])",
    re.IGNORECASE,
)
"""What an evaluator, or whoever kept an older file, puts behind a dataset's name."""
_NAME_MAY_END = re.compile(r"[\s_(.~-]")
_OF_A_PREDICTION_FILE = re.compile(r"_.*_result|_auxmatch|_results|_detailed_results")


def judge_rank(suffix: str) -> int:
    """Index in JUDGE_ORDER of the judge that a suffix names."""
    return next(n for n, (pattern, _) in enumerate(JUDGE_ORDER) if re.fullmatch(pattern, suffix))


def is_recognised_suffix(suffix: str) -> bool:
    """Whether a suffix is one of VLMEvalKit's with a judge known by name."""
    return _SUFFIX.fullmatch(suffix) is not None


def is_copy(suffix: str) -> bool:
    """Whether what stands behind a dataset's name is a copy's and no evaluation's."""
    return _COPY.match(suffix) is not None


def parse_name(rest: str, datasets: Collection[str]) -> tuple[str, str]:
    """(dataset, suffix) of what a file's stem `<model>_<dataset><suffix>` has behind `<model>_`.

    Args:
        rest: the stem without the model's name.
        datasets: their names.
    """
    known = known_beginning(rest, datasets)
    if known is not None:
        return known
    match = _SUFFIX.search(rest)
    if match and match.start() > 0:
        return rest[: match.start()], match.group(0)
    return rest, ""


def known_beginning(rest: str, *datasets: Collection[str]) -> tuple[str, str] | None:
    """The longest known dataset that begins a name, and what goes on behind it; None where none does."""
    # What may be a name is looked up: there are few of those, and hundreds of names.
    ends = [len(rest), *(found.start() for found in reversed(list(_NAME_MAY_END.finditer(rest))))]
    for end in ends:
        if any(rest[:end] in names for names in datasets) and (suffix := _suffix_behind(rest, end)) is not None:
            return rest[:end], suffix
    return None


def _suffix_behind(rest: str, length: int) -> str | None:
    """What goes on behind a name of `length` as a suffix or as a copy's name does; None where another name goes on."""
    tail = rest[length:]
    if not tail or tail[0] == "_":
        return tail
    plain = tail.strip()
    if tail[0].isspace() and (not plain or plain[0] == "_"):
        return plain
    return tail if is_copy(tail) else None


def not_parted(dataset: str, known: Collection[str], *, is_evaluated: bool) -> tuple[str, str] | None:
    """The longest known dataset that a name goes on from without "_", and what follows; None where it is another name.

    Args:
        dataset: a name that is not known.
        known: names of datasets.
        is_evaluated: whether an evaluation of it has a recognised suffix behind the whole name.
    """
    folded = {name.casefold(): name for name in sorted(known)}
    for end in range(len(dataset) - 1, 1, -1):
        beginning, tail = dataset[:end], dataset[end:]
        name = beginning if beginning in known else folded.get(beginning.casefold())
        if name is not None and tail[0] != "_":
            is_other = tail[0].isalpha() or is_evaluated
            return None if is_other and not _EVALUATORS_WORD.match(tail) else (name, tail)
    return None


def with_known_case(dataset: str, known: Collection[str]) -> str:
    """A dataset's name in the case in which it is known, where exactly one known name differs from it by case alone."""
    if dataset in known:
        return dataset
    alike = [name for name in known if name.lower() == dataset.lower()]
    return alike[0] if len(alike) == 1 else dataset


def datasets_of_predictions(rests: Collection[str], known: Collection[str]) -> set[str]:
    """Datasets that prediction files show: names in a model's folder that others in it go on from.

    Args:
        rests: stems of the model's files without `<model>_`.
        known: datasets known from elsewhere.
    """
    found: set[str] = set()
    for rest in sorted(set(rests), key=len):
        ends = [other[len(rest) :] for other in rests if other.startswith(f"{rest}_")]
        parent = known_beginning(rest, found, known)
        if parent is None:
            is_shown = bool(ends) and not _SUFFIX.search(rest)
        elif not parent[1] or is_copy(parent[1]) or is_recognised_suffix(parent[1]):
            is_shown = False
        else:
            is_shown = any(_OF_A_PREDICTION_FILE.fullmatch(end) or is_recognised_suffix(end) for end in ends)
        if is_shown:
            found.add(rest)
    return found
