"""The dataset card: YAML `configs` that let `load_dataset(folder)` work with no code, and what the figures mean.

Decisions
- The digest of the tables stands in every config, so that a changed folder is never served from a stale cache of the
  `datasets` library (whose key covers the file patterns, not the contents).
- A simulated benchmark says so in its title, its tags and above its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlrouterbench.cards.render import render_template
from vlrouterbench.constants import SAMPLES_PER_COST_UNIT, SPLITS, group_slug


def dataset_configs(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The `configs` of a benchmark folder: `default`, one per task group, `outcomes`, `candidates`."""
    splits = [split for split in SPLITS if report["splits"][split]]
    configs = [_config("default", [(split, f"data/{split}-*.parquet") for split in splits])]
    for group in report["task_groups"]:
        slug = group_slug(group)
        present = [split for split in splits if report["group_splits"][group].get(split)]
        configs.append(_config(slug, [(split, f"data/{split}-{slug}-?????-of-?????.parquet") for split in present]))
    configs.append(_config("outcomes", [("train", "outcomes/*.parquet")]))
    configs.append(_config("candidates", [("train", "candidates.parquet")]))
    configs[0]["default"] = True
    return [config | {"description": f"tables sha256 {report['sha256']}"} for config in configs]


def _config(name: str, files: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files]}


def render_dataset_card(report: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]]) -> str:
    """The README of a benchmark folder.

    Args:
        report: the build report.
        candidates: per candidate: name, prices, num_pairs, accuracy and average_cost_usd over all splits.
    """
    import yaml

    front = {
        "pretty_name": report["name"],
        "license": "other" if not report["simulated"] else "apache-2.0",
        "task_categories": ["visual-question-answering"],
        "tags": ["model-routing", "vision-language", "vl-routerbench", *(["simulated"] if report["simulated"] else [])],
        "size_categories": [_size_category(report["samples"])],
        "configs": dataset_configs(report),
    }
    return render_template(
        "dataset_card.md",
        front=yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=120).rstrip(),
        report=report,
        candidates=candidates,
        per=SAMPLES_PER_COST_UNIT,
    )


def _size_category(num_samples: int) -> str:
    for limit, label in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if num_samples < limit:
            return label
    return "1M<n<10M"
