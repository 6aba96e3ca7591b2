"""The dataset card: YAML `configs` that let `load_dataset(folder)` work with no code, and what the figures mean.

Decisions
- The digest of the tables stands in every config, so that a changed folder is never served from a stale cache of the
  `datasets` library (whose key covers the file patterns, not the contents).
- A simulated benchmark says so in its title, its tags and above its table.
- One licence cannot cover what many made: a measured benchmark is `other`, and names its sources' licences one by one.
  A simulated one holds nothing of the datasets that it is named after, and has the package's licence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from vlrouterbench.cards.render import render_template
from vlrouterbench.cards.sources import sources_of
from vlrouterbench.core.constants import SAMPLES_PER_COST_UNIT, SPLITS, group_slug

QUALITY_WORDS = {
    "score": "the graded score of the source, in [0, 1]",
    "correct": "0 or 1: whether the source's score is at least 0.5",
}
PROTOCOL_WORDS = {
    "reference": "the question's text, 256 tokens for any image, and the answer's text, as the reference counts",
    "measured": "question, hint and options, each candidate's own image tokens from the image's size, the answer's "
    "text, and thinking where it was logged apart",
    "own tables": "as the tables state them",
}
SPLIT_WORDS = {
    "hash": "by a hash of each sample's group, 70 / 10 / 20 in expectation within every dataset: samples that share "
    "an image, a circular group or a given group id stand on one side",
    "reference": "by the reference's recipe, one shuffle of all ids with seed 42, cut at 70 and 80 %: not grouped, so "
    "that samples with one image can stand on two sides",
    "given": "as the source states them",
}
"""What the choices of a build mean, by their names in the build report."""
NO_JUDGE = "exact matching, no judge"
"""Part of the name of every rule by which predictions are labelled that no judge has seen."""


class SplitFiles(TypedDict):
    """The files of one split of a config."""

    split: str
    path: str


class DatasetConfig(TypedDict):
    """A config of a dataset repository, as the `datasets` library reads it from front matter."""

    config_name: str
    data_files: list[SplitFiles]
    default: NotRequired[bool]
    description: NotRequired[str]


def dataset_configs(report: Mapping[str, Any]) -> list[DatasetConfig]:
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
    for config in configs:
        config["description"] = f"tables sha256 {report['sha256']}"
    return configs


def _config(name: str, files: Sequence[tuple[str, str]]) -> DatasetConfig:
    return {"config_name": name, "data_files": [{"split": split, "path": path} for split, path in files]}


def render_dataset_card(report: Mapping[str, Any], candidates: Sequence[Mapping[str, Any]]) -> str:
    """The README of a benchmark folder.

    Args:
        report: the build report.
        candidates: per candidate: name, prices, num_pairs, accuracy and average_cost_usd over all splits.
    """
    from huggingface_hub import DatasetCardData

    front = {
        "pretty_name": report["name"],
        **_licence(report),
        "task_categories": ["visual-question-answering"],
        "tags": ["model-routing", "vision-language", "vl-routerbench", *(["simulated"] if report["simulated"] else [])],
        "size_categories": [_size_category(report["samples"])],
        "configs": dataset_configs(report),
    }
    return render_template(
        "dataset_card.md",
        front=DatasetCardData(**front).to_yaml(original_order=list(front)),
        report=report,
        splits=SPLITS,
        sources={} if report["simulated"] else sources_of(report["datasets"]),
        quality_words=QUALITY_WORDS[report["quality"]],
        protocol_words=PROTOCOL_WORDS.get(report["protocol"], "as its source counts them"),
        split_words=SPLIT_WORDS[report["split_by"]],
        candidates=candidates,
        label_rules=_matched(report.get("label_rules", {})),
        per=SAMPLES_PER_COST_UNIT,
    )


def _matched(rules: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Rule -> datasets whose labels it gave by matching texts, with no judge; other rules stand in the report alone."""
    datasets: dict[str, list[str]] = {}
    for dataset, counts in rules.items():
        for rule in counts:
            if NO_JUDGE in rule:
                datasets.setdefault(rule, []).append(dataset)
    return {rule: ", ".join(names) for rule, names in sorted(datasets.items())}


def _licence(report: Mapping[str, Any]) -> dict[str, str]:
    """The licence fields of the front matter."""
    if report["simulated"]:
        return {"license": "apache-2.0"}
    sources = sources_of(report["datasets"])
    details = [f"{source.title}: {source.licence}" for source in sources.values()]
    if len(sources) < len(report["datasets"]):
        details.append("other datasets: to be stated by whoever shares them")
    return {
        "license": "other",
        "license_name": "licences-of-the-source-datasets" if sources else "to-be-stated-by-the-owner",
        "license_details": "; ".join(details),
    }


def _size_category(num_samples: int) -> str:
    for limit, label in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if num_samples < limit:
            return label
    return "1M<n<10M"
