"""lmms-eval's logged samples (`--log_samples`) -> a source.

Decisions
- A sample is `<task>/<doc_id>`; its question is `input`, what the model was asked (of the first candidate that has it,
  since prompts may differ by model), else the `question` of a logged `doc`.
- Two models whose `target` differs under one id answered different documents: the later one's pair is left out.
  `doc_hash` is no help: it covers the address that an image has in memory.
- Output tokens are those that lmms-eval counted (`token_counts`), else of the text in `resps`, or in `filtered_resps`
  where that is the same and stands alone. Under `--protocol` texts are counted again.
- The folder says whose samples they are; a results file that states another model (`model_name_sanitized`) is named.
- Images are not logged: they come from `--images`, or are missing and named once per task.

Source: EvolvingLMMs-Lab/lmms-eval, lmms_eval/loggers/evaluation_tracker.py (`save_results_samples`: `input` is the
first argument, `arguments` and `doc` are dropped, `resps` is dropped where it equals `filtered_resps`, lists of one are
opened), lmms_eval/evaluator.py (fields) and lmms_eval/api/instance.py (`TokenCounts`), at commit 75571cfe; issue 1103
there for the two forms of `resps`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa

from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.sources.companion_images import CompanionImages
from vlrouterbench.data.sources.lmms_eval.labels import fields_of, label_of, metrics_of, model_of
from vlrouterbench.data.sources.lmms_eval.layout import (
    SampleFile,
    candidate_of,
    find_files,
    is_sample_file,
    short_names,
)
from vlrouterbench.data.sources.pairs import Gathered, pair_table, sample_table, source_logs
from vlrouterbench.data.sources.recounting import recounted
from vlrouterbench.data.sources.source import FoundModels, Match, ReadOptions, Source, few_names
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason, SourceLogs
from vlrouterbench.routers.encoders.sample_input import one_line

Sample = dict[str, Any]


@dataclass
class _Read:
    """What has been read so far.

    Attributes:
        questions: sample id -> (task, question, target).
        parts: a table of pairs per file.
        rules: task -> metric -> number of candidates that it labelled.
    """

    questions: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    parts: list[pa.Table] = field(default_factory=list)
    rules: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    left_out: list[LeftOut] = field(default_factory=list)


class LmmsEval(Source):
    """A folder of lmms-eval's results with logged samples."""

    name = "lmms-eval samples"
    expected = "<model>/<date>_samples_<task>.jsonl"
    uses_images = True

    def matches(self, folder: Path) -> Match:
        """Whether a file of such a name lies there or in a folder of it."""
        names = (path.name for path in folder.rglob("*.jsonl"))
        if any(is_sample_file(name) for name in names):
            return Match(True)
        results = sorted(path.name for path in folder.rglob("*_results.json"))
        return Match(False, f"{few_names(results)} without samples" if results else "")

    def found_models(self, folder: Path) -> FoundModels:
        """The folders of models; their costs follow from tokens and prices."""
        folders = sorted({file.model for file in find_files(folder, [])})
        return FoundModels(tuple(short_names(folders).values()))

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read the samples of every model and task.

        Raises:
            SourceError: no file is of a candidate, or two candidates are called by one folder.
        """
        read = _Read()
        files = find_files(folder, read.left_out)
        folders = [file.model for file in files]
        used = []
        for file in files:
            name = candidate_of(file.model, folders, options.pool.names)
            if name is None:
                detail = f"no candidate of the pool is called so ({short_names(folders)[file.model]})"
                where = file.path.relative_to(folder).as_posix()
                read.left_out.append(LeftOut(where, Reason.UNKNOWN_MODEL, detail, candidate=file.model))
                continue
            _add_file(read, file, name, folder)
            used.append(file)
        if not read.questions:
            raise _nothing_read(folder, read.left_out, sorted(set(folders)))
        gathered = _gathered(read, folder, options)
        paths = {path for file in used for path in (file.path, file.results) if path is not None}
        every = chain(gathered.images, *gathered.further.values())
        images = {image for image in every if isinstance(image, Path) and image.is_relative_to(folder)}
        logs = source_logs(
            gathered, source_sha256=sha256_of_files(paths | images, folder), protocol=str(options.protocol)
        )
        logs.label_rules = {task: dict(sorted(counts.items())) for task, counts in sorted(read.rules.items())}
        return logs


def _nothing_read(folder: Path, left_out: list[LeftOut], folders: list[str]) -> SourceError:
    said = "; ".join(dict.fromkeys(f"{entry.file}: {entry.detail}" for entry in left_out[:3]))
    found = f"folders of {few_names(folders)}" if folders else "no samples"
    return SourceError(
        f"expected lmms-eval samples of at least one candidate in {folder}, found {found}. "
        f"{f'{said}. ' if said else ''}Name candidates as these folders, or without what stands before the "
        "double underscore."
    )


def _add_file(read: _Read, file: SampleFile, candidate: str, folder: Path) -> None:
    where, metrics = file.path.relative_to(folder).as_posix(), metrics_of(file.results, file.task)
    rows: dict[str, list[Any]] = {
        n: [] for n in ("sample_id", "quality", "input_tokens", "output_tokens", "prediction")
    }
    stated = model_of(file.results)
    if stated and stated != file.model:
        detail = f'its folder is {file.model}, its results state the model "{one_line(stated, 80)}": read as the folder'
        read.left_out.append(LeftOut(where, Reason.CONFLICT, detail, candidate=candidate))
    used: Counter[str] = Counter()
    unlabelled: list[tuple[str, list[str]]] = []
    other_targets: list[str] = []
    for number, sample in _lines(file.path, where, candidate, read.left_out):
        key = sample.get("doc_id")
        if not isinstance(key, int | str) or key == "":
            detail = f"line {number:,}: no doc_id, so it belongs to no sample"
            read.left_out.append(LeftOut(where, Reason.NO_LABEL, detail, candidate=candidate))
            continue
        sample_id, target = f"{file.task}/{key}", str(sample.get("target"))
        known = read.questions.setdefault(sample_id, (file.task, _question(sample), target))
        if known[2] != target:
            other_targets.append(sample_id)
            continue
        metric, label = label_of(sample, metrics)
        if label is None:
            unlabelled.append((sample_id, fields_of(sample)))
            continue
        used[metric] += 1
        text = _answer(sample)
        tokens = _counted(sample)
        rows["sample_id"].append(sample_id)
        rows["quality"].append(label)
        rows["input_tokens"].append(tokens[0])
        rows["output_tokens"].append(tokens[1])
        rows["prediction"].append(text)
    for metric in used:
        read.rules[file.task][metric] += 1
    if unlabelled:
        found = ", ".join(unlabelled[0][1]) or "none"
        detail = (
            f"no label in {', '.join(metrics)}: {len(unlabelled):,} samples, first {unlabelled[0][0]} (fields: {found})"
        )
        read.left_out.append(LeftOut(where, Reason.NO_LABEL, detail, candidate=candidate))
    if other_targets:
        detail = f"another target than another model has: {len(other_targets):,} samples, first {other_targets[0]}"
        read.left_out.append(LeftOut(where, Reason.CONFLICT, detail, candidate=candidate))
    count = len(rows["sample_id"])
    read.parts.append(pair_table({**rows, "candidate": [candidate] * count}, count))


def _lines(path: Path, where: str, candidate: str, left_out: list[LeftOut]) -> Iterator[tuple[int, Sample]]:
    """The samples of a file with their line numbers; a line that is none is named."""
    broken = []
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            try:
                # Decoded here: the reader of bytes looks for an encoding in every line.
                sample = json.loads(line.decode("utf-8"))
            except (ValueError, RecursionError):
                sample = None
            if isinstance(sample, dict):
                yield number, sample
            else:
                broken.append(number)
    if broken:
        detail = f"lines that are no JSON object: {len(broken):,}, first line {broken[0]:,}"
        left_out.append(LeftOut(where, Reason.UNREADABLE, detail, candidate=candidate))


def _question(sample: Sample) -> str:
    asked = sample.get("input")
    if isinstance(asked, list):
        asked = next((part for part in asked if isinstance(part, str)), None)
    if isinstance(asked, str) and asked:
        return asked
    doc = sample.get("doc")
    found = doc.get("question") if isinstance(doc, dict) else None
    return found if isinstance(found, str) else ""


def _answer(sample: Sample) -> str | None:
    """The text that the model wrote; None where there is none, or several (options that were scored, not written)."""
    texts = list(_texts(sample.get("resps", sample.get("filtered_resps"))))
    return texts[0] if len(texts) == 1 else None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _counted(sample: Sample) -> tuple[int | None, int | None]:
    """(input, output) tokens as lmms-eval counted them."""
    entries = sample.get("token_counts")
    counts = entries[0] if isinstance(entries, list) and len(entries) == 1 else None
    if not isinstance(counts, dict):
        return None, None
    found = [counts.get(name) for name in ("input_tokens", "output_tokens")]
    given, written = (value if isinstance(value, int) and 0 <= value < 2**31 else None for value in found)
    return given, written


def _gathered(read: _Read, folder: Path, options: ReadOptions) -> Gathered:
    ids = [*read.questions]
    datasets = [task for task, _, _ in read.questions.values()]
    questions = [question for _, question, _ in read.questions.values()]
    samples = sample_table({"sample_id": ids, "dataset": datasets, "question": questions})
    gathered = Gathered(folder, options.pool, samples, pa.concat_tables(read.parts), file=folder.name)
    gathered.left_out += read.left_out
    images: list[ImageReference] = [None] * len(ids)
    if options.companion is not None:
        with ImageStore(options.image_folder) as store:
            companion = CompanionImages(options.companion, store.add)
            for row, (sample_id, task) in enumerate(zip(ids, datasets, strict=True)):
                found = companion.of(task, sample_id, sample_id.removeprefix(f"{task}/"))
                images[row] = next(iter(found), None)
                if len(found) > 1:
                    gathered.further[sample_id] = found[1:]
    lacking = Counter(task for task, image in zip(datasets, images, strict=True) if image is None)
    for task, count in lacking.items():
        what = (
            "lmms-eval logs no images"
            if options.companion is None
            else f"{options.companion.name} has no image of them"
        )
        remedy = f"{what}: {count:,} samples have none. Give a folder or a table with --images"
        gathered.left_out.append(LeftOut(task, Reason.IMAGE, remedy))
    without = {sample_id for sample_id, image in zip(ids, images, strict=True) if image is None}
    gathered.images, gathered.missing_images = images, without
    gathered.image_files = [image.name if isinstance(image, Path) else "" for image in images]
    if options.companion is not None:
        gathered.unread_images = without
    gathered.pairs = recounted(gathered, options.protocol) if options.recounts else _completed(gathered, options)
    return gathered


def _completed(gathered: Gathered, options: ReadOptions) -> pa.Table:
    """The pairs, tokens that lmms-eval did not count counted from the texts."""
    counted, by_text = gathered.pairs, recounted(gathered, options.protocol)
    for name in ("input_tokens", "output_tokens"):
        column = pa.compute.coalesce(counted[name], by_text[name])
        counted = counted.set_column(counted.schema.get_field_index(name), name, column)
    return counted
