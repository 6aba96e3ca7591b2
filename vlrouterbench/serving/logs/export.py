"""A log -> own tables: the answers that were rated, each an outcome of the one candidate that gave it.

Decisions
- Rows are partial: nothing is known of candidates that were not asked, and nothing is made up. The probability with
  which the asked one was chosen stands beside its outcome, where the router's choice was followed.
- A sample is named as its request. Requests of one conversation are one group, so that none stands on two sides.
- What was asked goes into the tables where it was logged. Where it was not, the question only says so, and the features
  of the log go along with their encoder (`features/given.py`). Features of another encoder than most have are left out:
  one benchmark has one.
- Every request that has no row is counted with its reason.
"""

from __future__ import annotations

import csv
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.files import staged_folder, write_json
from vlrouterbench.data.schema import LATENCY, PROPENSITY
from vlrouterbench.data.sources.source_logs import OUTCOME_SCHEMA
from vlrouterbench.features.given import write_given
from vlrouterbench.routers.base.decision import read_messages
from vlrouterbench.routers.encoders.sample_input import RouterInputError
from vlrouterbench.serving.logs.candidates import kept_candidates
from vlrouterbench.serving.logs.encoders import kept_encoder
from vlrouterbench.serving.logs.entry import Entry
from vlrouterbench.serving.logs.reading import Logged, read_log
from vlrouterbench.serving.settings import ServingError

DATASET = "log"
REPORT = "export_report.json"
_REFUSED = 400
NOT_RATED, FAILED, NO_INPUT, OTHER_ENCODER, UNREADABLE, UNKNOWN = (
    "no feedback",
    "no answer",
    "neither content nor features were logged",
    "features of another encoder",
    "content that cannot be read",
    "a candidate that is no endpoint any more",
)


class ExportReport(TypedDict):
    """What was exported: requests of the log, rows, those with a propensity, with features alone, and reasons."""

    requests: int
    rows: int
    with_propensity: int
    with_features_alone: int
    encoder: str
    candidates: dict[str, int]
    left_out: dict[str, int]


@dataclass
class _Rows:
    samples: list[Mapping[str, object]] = field(default_factory=list)
    outcomes: list[Mapping[str, object]] = field(default_factory=list)
    features: dict[str, np.ndarray] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)


def export_log(folder: Path, out: Path) -> ExportReport:
    """Write own tables of a log.

    Args:
        folder: the log.
        out: of the tables; replaced as a whole when they are whole.

    Raises:
        ServingError: there is no log, it is damaged, or no answer in it was rated and can be exported.
    """
    logged, prices = list(read_log(folder)), kept_candidates(folder)
    encoder = _most_common_encoder(logged)
    rows = _Rows()
    for one in logged:
        if reason := _added(rows, one, prices, encoder):
            rows.left_out[reason] += 1
    if not rows.samples:
        reasons = (
            ", ".join(f"{count:,} with {reason}" for reason, count in rows.left_out.most_common()) or "it is empty"
        )
        raise ServingError(
            f"expected rated answers in the log {folder}, found none of {len(logged):,} requests ({reasons}). Rate "
            "answers with POST /v1/feedback, and export again."
        )
    asked = Counter(str(row["candidate"]) for row in rows.outcomes)
    report = ExportReport(
        requests=len(logged),
        rows=len(rows.samples),
        with_propensity=sum(row["propensity"] is not None for row in rows.outcomes),
        with_features_alone=len(rows.features),
        encoder=encoder if rows.features else "",
        candidates={name: asked[name] for name in prices if asked[name]},
        left_out=dict(rows.left_out.most_common()),
    )
    _write(out, folder, rows, report, prices)
    return report


def exported_question(entry: Entry) -> str:
    """The question of a request whose content is not there: no two are alike, and each says so."""
    return f"not logged: {entry.id}"


def _most_common_encoder(logged: Sequence[Logged]) -> str:
    """Of rated requests without content; of equals the one that came last."""
    counts = Counter(
        one.entry.encoder
        for one in reversed(logged)
        if one.quality is not None and one.entry.messages is None and one.entry.features is not None
    )
    return counts.most_common(1)[0][0] if counts else ""


def _added(rows: _Rows, one: Logged, prices: Mapping[str, object], encoder: str) -> str:
    """Add a request; why it has no row, "" where it has one."""
    entry = one.entry
    if not entry.candidate or entry.status >= _REFUSED:
        return FAILED
    if one.quality is None:
        return NOT_RATED
    if entry.candidate not in prices:
        return UNKNOWN
    sample: Mapping[str, object] = {"question": exported_question(entry), "image": None}
    if entry.messages is not None:
        try:
            read = read_messages(entry.messages)
        except RouterInputError:
            return UNREADABLE
        sample = {"question": read["question"], "image": read["images"] or None}
    elif entry.features is None:
        return NO_INPUT
    elif entry.encoder != encoder:
        return OTHER_ENCODER
    else:
        rows.features[entry.id] = entry.features
    rows.samples.append({"sample_id": entry.id, "dataset": DATASET, "group_id": entry.conversation, **sample})
    was_chosen = entry.candidate == entry.chosen
    rows.outcomes.append(
        {
            "sample_id": entry.id,
            "candidate": entry.candidate,
            "quality": one.quality,
            "input_tokens": entry.input_tokens,
            "output_tokens": entry.output_tokens,
            "cost_usd": entry.cost_usd,
            "latency_s": entry.latency.get("upstream"),
            "propensity": entry.propensity if was_chosen else None,
        }
    )
    return ""


_SAMPLES = pa.schema(
    [
        ("sample_id", pa.string()),
        ("dataset", pa.string()),
        ("group_id", pa.string()),
        ("question", pa.string()),
        ("image", pa.list_(pa.string())),
    ]
)
_OUTCOMES = pa.schema(
    [
        *(field for field in OUTCOME_SCHEMA if field.name != "prediction"),  # what was answered is not exported
        (LATENCY, pa.float64()),
        (PROPENSITY, pa.float64()),
    ]
)


def _write(
    out: Path, folder: Path, rows: _Rows, report: ExportReport, prices: Mapping[str, Mapping[str, float]]
) -> None:
    samples = pa.Table.from_pylist(rows.samples, schema=_SAMPLES)
    if samples["image"].null_count == samples.num_rows:
        samples = samples.drop_columns(["image"])
    with staged_folder(out) as staging:
        pq.write_table(samples, staging / "samples.parquet")
        pq.write_table(pa.Table.from_pylist(rows.outcomes, schema=_OUTCOMES), staging / "outcomes.parquet")
        with (staging / "candidates.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(("name", "input_price", "output_price"))
            # Without an exponent, as tables of prices are read.
            writer.writerows(
                (name, *(f"{Decimal(repr(prices[name][kind])):f}" for kind in ("input_price", "output_price")))
                for name in report["candidates"]
            )
        if rows.features:
            encoder = kept_encoder(folder, report["encoder"])
            write_given(staging, list(rows.features), np.stack(list(rows.features.values())), encoder)
        write_json(staging / REPORT, report)
    out.chmod(stat.S_IRWXU)  # what the log's owner alone could read stays so
