"""OpenVLMRecords: VLMEvalKit's published predictions of some 200 models, without evaluations.

Decisions
- Read as VLMEvalKit's logs are, with one difference: predictions are labelled by VLMEvalKit's own exact matching where
  it has one (`exact.py`). A dataset that needs a judge has no labels, and is named.
- The folder is known by its name: a work folder of one's own whose evaluation failed looks the same, and its labels
  must not change without a word.
- Its models are many and have no prices: without a file of candidates they are listed with their samples, and asked
  for.

Source: the Hub dataset VLMEval/OpenVLMRecords (`mmeval/<model>/<model>_<dataset>.xlsx`), open-compass/VLMEvalKit's
README.md and issues 823, 1241 and 1372.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from pathlib import Path

from vlrouterbench.data.sources.source import FoundModels, Match
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS
from vlrouterbench.data.sources.vlmevalkit.exact import exact_rule
from vlrouterbench.data.sources.vlmevalkit.layout import RECORDS_FOLDER, holds_logs
from vlrouterbench.data.sources.vlmevalkit.names import parse_name
from vlrouterbench.data.sources.vlmevalkit.read import VLMEvalKitLogs

_SHEET, _DIMENSION = "xl/worksheets/sheet1.xml", re.compile(rb'<dimension ref="[A-Z]+\d+:[A-Z]+(\d+)"')
_HEAD_BYTES = 2048
_MODELS_SHOWN = 12


class OpenVLMRecords(VLMEvalKitLogs):
    """A folder `mmeval` of models, or the folder that holds it."""

    name = "OpenVLMRecords"
    expected = f"{RECORDS_FOLDER}/<model>/<model>_<dataset>.xlsx"
    is_matching = True

    def matches(self, folder: Path) -> Match:
        """Whether it is called so, or holds a folder that is, with folders of models in it."""
        base = _base(folder)
        if base is not None and holds_logs(base):
            return Match(True)
        return Match(False)

    def found_models(self, folder: Path) -> FoundModels:
        """Its models by the samples that exact matching can label, and how many all of them share."""
        base = _base(folder) or folder
        sizes = {path.name: _samples_of(path) for path in sorted(base.iterdir()) if path.is_dir()}
        order = sorted((name for name in sizes if sizes[name]), key=lambda name: (-sizes[name].total(), name))
        shown = [f"{name} ({sizes[name].total():,} samples of {len(sizes[name])} datasets)" for name in order]
        more = f" and {len(order) - _MODELS_SHOWN:,} more" if len(order) > _MODELS_SHOWN else ""
        shared = set.intersection(*(set(sizes[name]) for name in order)) if order else set()
        count = sum(min(sizes[name][dataset] for name in order) for dataset in shared)
        described = (
            f"{', '.join(shown[:_MODELS_SHOWN])}{more}; all of them share {count:,} samples of {len(shared)} datasets"
        )
        return FoundModels(tuple(order), described, needs_choice=True)


def _base(folder: Path) -> Path | None:
    if (folder / RECORDS_FOLDER).is_dir():
        return folder / RECORDS_FOLDER
    return folder if folder.resolve().name == RECORDS_FOLDER or folder.name == RECORDS_FOLDER else None


def _samples_of(folder: Path) -> Counter[str]:
    """Dataset -> how many rows the model's predictions of it have, of datasets that exact matching can label."""
    sizes: Counter[str] = Counter()
    for path in sorted(folder.glob("*.xlsx")):
        if path.name.startswith(f"{folder.name}_"):
            dataset, suffix = parse_name(path.stem.removeprefix(f"{folder.name}_"), IMAGE_DATASETS)
            if not suffix and exact_rule(dataset) is not None:
                sizes[dataset] = _num_rows(path)
    return sizes


def _num_rows(path: Path) -> int:
    """Rows that a workbook's first sheet states, without its header; 0 where it states none."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_SHEET) as sheet:
            found = _DIMENSION.search(sheet.read(_HEAD_BYTES))
    except (OSError, KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError):
        return 0
    return max(int(found[1]) - 1, 0) if found else 0
