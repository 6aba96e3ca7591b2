"""What is known of a dataset by its name: which file and column carries its labels, or why none does.

Decisions
- Known are the image datasets of VLMEvalKit's newest source, by whose names a file's name is taken apart. Video and
  text-only datasets are not in it. A name that VLMEvalKit adds later is found by its image table or its prediction
  files, as a dataset of one's own is.
- The two tables together name every such dataset once; the page in `docs/` is rendered from them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from vlrouterbench.data.sources.vlmevalkit.columns import COLUMNS
from vlrouterbench.data.sources.vlmevalkit.label_sources import LABEL_SOURCES
from vlrouterbench.data.sources.vlmevalkit.marks import LabelSource, Mark
from vlrouterbench.data.sources.vlmevalkit.unlabelled import UNLABELLED, Unlabelled

PREDICTIONS = "the file of predictions"
_NEEDED = "an evaluation file with each row's index and its mark in a column is_correct"
_PAGE = """# Labels of VLMEvalKit's image datasets

Which file and column gives the label of a sample, for each of the {count} image datasets of VLMEvalKit at commit
e8e78f05 (18 August 2026). The file's suffix stands behind `<model>_<dataset>`, and `*` in it is a judge's name. A
column named alone holds a truth value or a number in [0, 1], which is the label. Any dataset's evaluation file may also
have `is_correct`, which comes first, or `verifier_match`. Where no label is written, `build` names the files in
`left_out` with the reason below; needed is {needed}.

Rendered from `label_sources.py` and `unlabelled.py` in `vlrouterbench/data/sources/vlmevalkit/`, by `page()` of
`dataset_table.py` there.

| dataset | evaluator | file | label |
|---|---|---|---|
{rows}
"""


def _by_dataset() -> Mapping[str, tuple[LabelSource, ...]]:
    found: dict[str, list[LabelSource]] = defaultdict(list)
    for source in LABEL_SOURCES:
        for name in source.datasets:
            found[name].append(source)
    return {name: tuple(sources) for name, sources in found.items()}


_SOURCES = _by_dataset()
_UNLABELLED: Mapping[str, Unlabelled] = {name: entry for entry in UNLABELLED for name in entry.datasets}
IMAGE_DATASETS: frozenset[str] = frozenset((*_SOURCES, *_UNLABELLED))
"""Names of VLMEvalKit's image datasets."""


def sources_of(dataset: str) -> tuple[LabelSource, ...]:
    """Where a dataset's labels may stand, the likeliest first; () for a dataset that is not known, or has none."""
    return _SOURCES.get(dataset, ())


def why_no_label(dataset: str) -> str:
    """Why no label of a dataset is found in its files, and what would be needed."""
    unlabelled = _UNLABELLED.get(dataset)
    if unlabelled is not None:
        return f"{dataset}: {unlabelled.reason}; needed: {_NEEDED}"
    expected = [f"{_file_of(source)} with {_columns_of(source)}" for source in sources_of(dataset)]
    if not expected:
        expected = [f"an evaluation file <model>_{dataset}_<judge> with a column {', '.join(COLUMNS)} or is_correct"]
    return f"{dataset}: no per-sample label can be read or computed from what is there; needed: {' or '.join(expected)}"


def page() -> str:
    """The page that lists every dataset, as markdown."""
    rows = []
    for name in sorted(IMAGE_DATASETS, key=lambda name: (name.lower(), name)):
        for source in sources_of(name):
            rows.append(f"| {name} | `{source.evaluator}` | {_shown_file(source)} | {_shown_rule(source)} |")
        if name in _UNLABELLED:
            rows.append(f"| {name} | `{_UNLABELLED[name].evaluator}` | - | none: {_UNLABELLED[name].reason} |")
    return _PAGE.format(count=len(IMAGE_DATASETS), needed=_NEEDED, rows="\n".join(rows))


def _file_of(source: LabelSource) -> str:
    return source.file or PREDICTIONS


def _columns_of(source: LabelSource) -> str:
    return ", ".join(source.label.columns) if isinstance(source.label, Mark) else source.label.column


def _shown_file(source: LabelSource) -> str:
    return f"`{source.file}`" if source.file else PREDICTIONS


def _shown_rule(source: LabelSource) -> str:
    columns, text = _columns_of(source), source.label.text
    return f"`{columns}`" if text == columns else f"`{columns}`: {text}"
