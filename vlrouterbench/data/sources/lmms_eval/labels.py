"""Which field of a logged sample is its label.

Decisions
- The metrics of the task, in the order in which the results file lists them (`configs.<task>.metric_list`, else the
  keys of `results.<task>`); the first that the sample has. A metric of which less is better is none. Without a results
  file, the first of METRICS.
- A value is a number or a truth value; a record counts by its field `score`, `acc`, `correct` or `hit`. What is outside
  [0, 1], or anything else, is no label.

Source: EvolvingLMMs-Lab/lmms-eval, lmms_eval/evaluator.py (`logged_samples`, `results_dict`) at commit 75571cfe;
records as its tasks return them, for example lmms_eval/tasks/mme/utils.py (`score`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

METRICS = (
    "exact_match",
    "acc",
    "accuracy",
    "score",
    "relaxed_overall",
    "anls",
    "average",
    "gpt_eval_score",
)
"""Where no results file says what counts, the first of these that a sample has is its label."""
NOT_METRICS = frozenset(
    (
        "doc_id doc target arguments input resps filtered_resps doc_hash prompt_hash target_hash token_counts "
        "input_media"
    ).split()
)
_IN_RECORDS = ("score", "acc", "correct", "hit")


def metrics_of(results: Path | None, task: str) -> tuple[str, ...]:
    """The metrics of a task in the order of a results file; METRICS where it says none or cannot be read."""
    content = _loaded(results)
    configured = _inner(content, "configs", task, "metric_list")
    listed = (
        [entry.get("metric") for entry in configured if isinstance(entry, dict)] if isinstance(configured, list) else []
    )
    totals = _inner(content, "results", task)
    keys = [key.partition(",")[0] for key in totals] if isinstance(totals, dict) else []
    less = _inner(content, "higher_is_better", task)
    worse = {name for name, is_better in less.items() if is_better is False} if isinstance(less, dict) else set()
    names = [str(name) for name in (*listed, *keys) if name and name != "alias" and not str(name).endswith("_stderr")]
    return tuple(dict.fromkeys(name for name in names if name not in worse)) or METRICS


def model_of(results: Path | None) -> str:
    """The model that a results file states, as its folder should be called; "" where it states none."""
    name = _inner(_loaded(results), "model_name_sanitized")
    return name if isinstance(name, str) else ""


def label_of(sample: Mapping[str, Any], metrics: Sequence[str]) -> tuple[str, float | None]:
    """(name of the metric, label in [0, 1]) of a sample; None where none of the metrics says one."""
    for name in metrics:
        if name in sample:
            value = _number(sample[name])
            if value is not None:
                return name, value
    return "", None


def fields_of(sample: Mapping[str, Any]) -> list[str]:
    """The fields of a sample that a metric may be in."""
    return [name for name in sample if name not in NOT_METRICS]


def _loaded(results: Path | None) -> Any:
    """The content of a results file; None where there is none, or none that can be read."""
    if results is None:
        return None
    try:
        return json.loads(results.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError):
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, dict):
        value = next((value[name] for name in _IN_RECORDS if name in value), None)
    return float(value) if isinstance(value, bool | int | float) else None


def _inner(content: Any, *names: str) -> Any:
    for name in names:
        content = content.get(name) if isinstance(content, dict) else None
    return content
