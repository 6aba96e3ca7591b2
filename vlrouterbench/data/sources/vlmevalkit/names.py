"""What the name of a log file says: `<model>_<dataset><anything>`, and which of several judges comes first.

Decisions
- A file belongs to the longest known dataset whose name begins its stem, and the rest is what the evaluation appended:
  the judge's name is whatever `--judge` was, so that no list of judges can be whole. Known are VLMEvalKit's image
  datasets, those with a table of images, and those of prediction files ("X" where "X" and "X_..." stand side by side).
- "AI2D_TEST_NO_MASK" is a dataset of VLMEvalKit's and no suffix of "AI2D_TEST". A variant of one's own that no table of
  images names is one where its files have a judge's suffix of their own ("MMStar_mine" beside "MMStar_mine_x_result").
- Where nothing known begins the stem, a recognised suffix is taken off its end.

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
    r"_(rating|config|scores|result|report|comprehensive_eval|subtask_stats|detailed_metrics|detailed_results"
    r"|fallback_score|foxbench_score)$"
)
"""Ends of the stems of further summaries, where the json file is one record and no list."""

_JUDGE = r"(?:chatgpt|gpt|openai|o\d|claude|gemini|qwen|deepseek|llama|internlm|exact_matching|glm|kimi|mistral)[^_]*"
_SUFFIX = re.compile(
    rf"(_auxmatch|_results|_detailed_results|_(?:{_JUDGE})(?:_matching)?(?:_result|_extract|_score)?)$", re.IGNORECASE
)
_OF_A_PREDICTION_FILE = re.compile(r"_.*_result|_auxmatch|_results|_detailed_results")


def judge_rank(suffix: str) -> int:
    """Index in JUDGE_ORDER of the judge that a suffix names."""
    return next(n for n, (pattern, _) in enumerate(JUDGE_ORDER) if re.fullmatch(pattern, suffix))


def is_recognised_suffix(suffix: str) -> bool:
    """Whether a suffix is one of VLMEvalKit's with a judge known by name."""
    return _SUFFIX.fullmatch(suffix) is not None


def parse_name(stem: str, model: str, datasets: Collection[str]) -> tuple[str, str] | None:
    """(dataset, suffix) of a file stem `<model>_<dataset><suffix>`, None when it does not begin with the model.

    Args:
        stem: file name without its extension.
        model: name of the model folder.
        datasets: their names.
    """
    if not stem.startswith(f"{model}_"):
        return None
    rest = stem[len(model) + 1 :]
    name = _dataset_at_start(rest, datasets)
    if name is not None:
        return name, rest[len(name) :]
    match = _SUFFIX.search(rest)
    if match and match.start() > 0:
        return rest[: match.start()], match.group(0)
    return rest, ""


def _dataset_at_start(rest: str, *datasets: Collection[str]) -> str | None:
    """The longest name of any collection that is `rest`, or that "_" follows in it."""
    # What may be a name is looked up: there are few of those, and hundreds of names.
    end = len(rest)
    while end > 0:
        if any(rest[:end] in names for names in datasets):
            return rest[:end]
        end = rest.rfind("_", 0, end)
    return None


def datasets_of_predictions(rests: Collection[str], known: Collection[str]) -> set[str]:
    """Datasets that prediction files show: names in a model's folder that others in it go on from.

    Args:
        rests: stems of the model's files without `<model>_`.
        known: datasets known from elsewhere.
    """
    found: set[str] = set()
    for rest in sorted(set(rests), key=len):
        ends = [other[len(rest) :] for other in rests if other.startswith(f"{rest}_")]
        parent = _dataset_at_start(rest, found, known)
        if parent is None:
            if ends and not _SUFFIX.search(rest):
                found.add(rest)
        elif rest != parent and not is_recognised_suffix(rest[len(parent) :]):
            if any(_OF_A_PREDICTION_FILE.fullmatch(end) or is_recognised_suffix(end) for end in ends):
                found.add(rest)
    return found
