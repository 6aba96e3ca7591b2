"""Outcomes as JSON per model: LLMRouterBench's result files and RouterArena's cached results.

Decisions
- LLMRouterBench: of several files of one dataset, split and model the one with the newest time in its name is read, as
  its own loader does; the others are named.
- RouterArena: a call that failed is named and is no answer, neither right nor wrong; an entry that was not evaluated,
  or whose evaluation failed (metric "error"), has no label. A cost of 0 beside tokens is a price that it did not know:
  such a cost follows from tokens and prices.
- Other costs stand as given.

Sources: ynulihao/LLMRouterBench at commit 0e267fb, README.md ("Result File Structure") and baselines/data_loader.py;
RouteWorks/RouterArena at commit 4714a9a, llm_inference/pipeline.py (`global_index`, `question`, `llm_selected`,
`generated_answer`, `token_usage`, `success`, `evaluation_result`) and llm_evaluation/evaluate_models.py (`score`,
`metric`, `inference_cost`).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.dataset_ids import sample_id_of
from vlrouterbench.data.sources.pairs import WRONG, pair_table, sample_table
from vlrouterbench.data.sources.source_logs import LeftOut, Reason

_TIME = re.compile(r"(\d{8})_(\d{6})\.json$")
_PEEK_BYTES = 2**16
Record = Mapping[str, Any]


@dataclass
class Records:
    """Outcomes read so far, column by column."""

    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    pairs: dict[str, list[Any]] = field(
        default_factory=lambda: {
            name: []
            for name in (
                "sample_id",
                "candidate",
                "quality",
                "input_tokens",
                "output_tokens",
                "cost_usd",
                "prediction",
            )
        }
    )
    left_out: list[LeftOut] = field(default_factory=list)

    def add(self, sample: tuple[str, str, str], outcome: Mapping[str, Any]) -> None:
        """Add a pair of the sample (id, dataset, question); a text that contradicts an earlier one is an error."""
        sample_id, dataset, question = sample
        known = self.texts.setdefault(sample_id, (dataset, question))
        if known[1] != question and question:
            raise SourceError(
                f"expected one question of {sample_id}, found two texts: models were asked different things."
            )
        for name, values in self.pairs.items():
            values.append(sample_id if name == "sample_id" else outcome.get(name))

    def tables(self) -> tuple[Any, Any]:
        """(samples, pairs) as tables."""
        columns = {
            "sample_id": [*self.texts],
            "dataset": [dataset for dataset, _ in self.texts.values()],
            "question": [question for _, question in self.texts.values()],
        }
        return sample_table(columns), pair_table(dict(self.pairs), len(self.pairs["sample_id"]))


def llm_router_bench_files(folder: Path) -> list[Path]:
    """Files that begin as LLMRouterBench's results do: <dataset>/<split>/<model>/<file>.json with records."""
    return [path for path in sorted(folder.rglob("*.json")) if path.is_file() and _has_records(path)]


def first_result(folder: Path) -> Path | None:
    """The first of these, without looking at the others."""
    return next((path for path in folder.rglob("*.json") if path.is_file() and _has_records(path)), None)


def _has_records(path: Path) -> bool:
    if len(path.parts) < 4:
        return False
    with path.open("rb") as handle:
        start = handle.read(_PEEK_BYTES)
    return b'"records"' in start and (b'"score"' in start or b'"origin_query"' in start or b'"dataset_name"' in start)


def read_llm_router_bench(folder: Path, paths: list[Path]) -> Records:
    """The records of the newest file of every dataset, split and model."""
    records = Records()
    newest: dict[tuple[str, str, str], Path] = {}
    for path in sorted(paths, key=_time_of):
        split, model = path.parent.parent.name, path.parent.name
        key = (path.parent.parent.parent.name, split, model)
        if key in newest:
            detail = f"{path.relative_to(folder).as_posix()} was read instead, which is newer by its name"
            records.left_out.append(LeftOut(newest[key].relative_to(folder).as_posix(), Reason.SUPERSEDED, detail))
        newest[key] = path
    splits = Counter(dataset for dataset, split in {key[:2] for key in newest})
    for (dataset, split, model), path in sorted(newest.items()):
        content = _loaded(path, records, folder)
        if content is None:
            continue
        within = dataset if splits[dataset] == 1 else f"{dataset}/{split}"
        name = content.get("model_name") or model
        if name != model:
            detail = f'its folder is {model}, its content says model_name "{name}": read as that'
            records.left_out.append(
                LeftOut(path.relative_to(folder).as_posix(), Reason.CONFLICT, detail, candidate=name)
            )
        without = [record for record in content["records"] if record.get("index") is None]
        if without:
            detail = f"records without an index, which belong to no sample: {len(without):,}"
            where = path.relative_to(folder).as_posix()
            records.left_out.append(LeftOut(where, Reason.NO_LABEL, detail, candidate=name))
        for record in content["records"]:
            if record.get("index") is None:
                continue
            sample = (
                f"{within}/{record.get('index')}",
                dataset,
                _text(record.get("origin_query") or record.get("prompt")),
            )
            records.add(
                sample,
                {
                    "candidate": name,
                    "quality": _number(record.get("score")),
                    "input_tokens": _count(record.get("prompt_tokens")),
                    "output_tokens": _count(record.get("completion_tokens")),
                    "cost_usd": _number(record.get("cost")),
                    "prediction": _text(record.get("raw_output") or record.get("prediction")),
                },
            )
    return records


def read_router_arena(folder: Path, paths: list[Path]) -> Records:
    """The entries of the files of every model."""
    records = Records()
    for path in paths:
        failed: Counter[str] = Counter()
        models: Counter[str] = Counter()
        for entry in _lines(path):
            key, name = str(entry.get("global_index") or ""), str(entry.get("llm_selected") or path.stem)
            models[name] += 1
            if not key:
                failed[f"{name}: entries without a global_index, which belong to no sample"] += 1
                continue
            dataset = key.rpartition("_")[0] or key
            sample = (sample_id_of(dataset, key), dataset, _text(entry.get("question")))
            evaluated = _record(entry.get("evaluation_result"))
            if not entry.get("success", True):
                failed[f"{name}: calls that failed, neither right nor wrong"] += 1
                continue
            if not evaluated or evaluated.get("metric") == "error":
                failed[f"{name}: answers that were not evaluated"] += 1
                continue
            used = _record(entry.get("token_usage"))
            cost = _number(evaluated.get("inference_cost"))
            tokens = [_count(used.get("input_tokens")), _count(used.get("output_tokens"))]
            records.add(
                sample,
                {
                    "candidate": name,
                    "quality": _number(evaluated.get("score")),
                    "input_tokens": tokens[0],
                    "output_tokens": tokens[1],
                    "cost_usd": None if not cost and any(tokens) else cost,
                    "prediction": _text(entry.get("generated_answer")),
                },
            )
        for name, count in models.most_common() if len(models) > 1 else ():
            detail = f'one of {len(models)} models in this file, by its "llm_selected": {count:,} entries read as that'
            records.left_out.append(
                LeftOut(path.relative_to(folder).as_posix(), Reason.CONFLICT, detail, candidate=name)
            )
        for said, count in failed.items():
            name = said.partition(":")[0]
            detail = f"{said.partition(': ')[2]}: {count:,}"
            records.left_out.append(
                LeftOut(path.relative_to(folder).as_posix(), Reason.FAILED_CALL, detail, candidate=name)
            )
    return records


def _time_of(path: Path) -> tuple[str, str]:
    found = _TIME.search(path.name)
    return "".join(found.groups()) if found else "", path.as_posix()


def _loaded(path: Path, records: Records, folder: Path) -> Record | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        detail = f"not readable as json: {error}"
        records.left_out.append(LeftOut(path.relative_to(folder).as_posix(), Reason.UNREADABLE, detail))
        return None
    if not isinstance(content, dict) or not all(isinstance(r, dict) for r in content.get("records") or [None]):
        detail = "expected one object with a list of records"
        records.left_out.append(LeftOut(path.relative_to(folder).as_posix(), Reason.UNREADABLE, detail))
        return None
    return content


def _lines(path: Path) -> Iterator[Record]:
    with path.open(encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise SourceError(f"{path}, line {number:,}, is not readable as json: {error}.") from error
            if not isinstance(entry, dict):
                raise SourceError(f"{path}, line {number:,}: expected an object, found {type(entry).__name__}.")
            yield entry


def _record(value: Any) -> Record:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    """A count of tokens; WRONG for what is none."""
    if value is None:
        return None
    is_count = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31
    return int(value) if is_count and value == int(value) else WRONG


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, int | float) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
