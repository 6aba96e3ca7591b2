"""Wide tables: one row per sample, and per model a column of scores and one of costs. RouterBench, and MMR-Bench V1.

Decisions
- A model is one that has both columns: `M` and `M|total_cost` (RouterBench), `M_correct` and `M_cost` (MMR-Bench V1).
  With `--cost-column SUFFIX` the cost of `M` stands in the column `M` + SUFFIX. A model with one of them is named.
- Costs stand as given, in USD per answer. With `--protocol` they are counted again from the texts, at the pool's
  prices.
- RouterBench's prompts and responses are texts of Python lists, whose items are joined. Its own file is a pickle, which
  is never opened: saved as csv or parquet it is read.

Sources: withmartian/routerbench at commit cc67d10, convertors/common.py (`MODEL`, `MODEL|model_response`,
`MODEL|total_cost`, `sample_id`, `prompt`, `eval_name`); Hunter-Wrynn/MMR-Bench at commit 494e8c8,
src/mmrbench/data/mllm_data.py (`question`, `answer`, `img_path`, `dataset_idx`, `MODEL_correct`, `MODEL_cost`) and its
folders of images; LAMDA-Model-Reuse/ORBIT, utils/data.py (`MODEL_prediction`, the file's name MMR-Bench.csv).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.saved_tables.form import TableError, TableForm, ending_of
from vlrouterbench.data.saved_tables.header import columns_of
from vlrouterbench.data.saved_tables.read import read_saved_table
from vlrouterbench.data.sources.source import FoundModels
from vlrouterbench.data.sources.source_logs import LeftOut, Reason
from vlrouterbench.routers.encoders.sample_input import list_of, one_line


@dataclass(frozen=True)
class WideForm:
    """How a wide table names its columns.

    Attributes:
        text: column of the question.
        key: column of the sample's id.
        dataset: column of the dataset; "" where the id begins with its name.
        score, cost: what stands behind a model's name in its columns of scores and costs.
        prediction: the same of what it answered.
        output_tokens: the same of the tokens that it wrote.
        not_models: columns without a suffix that are no model's.
    """

    text: str
    key: str
    dataset: str
    score: str
    cost: str
    prediction: str
    output_tokens: str = ""

    def models(self, columns: Sequence[str], cost: str = "") -> list[str]:
        """The models that have a column of scores and one of costs, in the table's order."""
        names = set(columns)
        ends = (column.removesuffix(self.score) for column in columns if column.endswith(self.score))
        return [name for name in ends if name and f"{name}{cost or self.cost}" in names and name not in self._own]

    def incomplete(self, columns: Sequence[str], cost: str = "") -> dict[str, str]:
        """Models that have one of their columns and not the other -> the one that is lacking, in the table's order."""
        ends, whole, lacking = (self.score, cost or self.cost), set(self.models(columns, cost)), dict[str, str]()
        for column in columns:
            for end in (self.prediction, *ends):
                name = column.removesuffix(end)
                without = [name + one for one in ends if name + one not in columns]
                if end and name and name != column and name not in whole and without:
                    lacking[name] = without[0]
        return {name: column for name, column in lacking.items() if name not in self._own}

    @property
    def _own(self) -> tuple[str, ...]:
        return (self.text, self.key, self.dataset)

    def fits(self, columns: Sequence[str]) -> bool:
        """Whether a table with these columns is one."""
        return {self.text, self.key} <= set(columns) and bool(self.models(columns))


ROUTER_BENCH = WideForm("prompt", "sample_id", "eval_name", "", "|total_cost", "|model_response")
MMR_V1 = WideForm("question", "dataset_idx", "", "_correct", "_cost", "_prediction", "_token")


def tables_of(folder: Path, form: WideForm) -> list[Path]:
    """The tables of a folder that are of this form, by name."""
    files = sorted(path for path in folder.iterdir() if ending_of(path) is not None and path.is_file())
    return [path for path in files if form.fits(columns_of(path))]


def found_models(folder: Path, form: WideForm) -> FoundModels:
    """The models of the tables in a folder; their costs are given."""
    names = [name for path in tables_of(folder, form) for name in form.models(columns_of(path))]
    return FoundModels(tuple(dict.fromkeys(names)), needs_prices=False)


def read_wide(path: Path, form: WideForm, cost: str) -> tuple[pa.Table, list[str]]:
    """A table of this form and its models.

    Args:
        path: the file.
        form: its form.
        cost: suffix of the column of costs, "" for the form's own.

    Raises:
        SourceError: it cannot be read, or no model has a column of costs.
    """
    columns = columns_of(path)
    models = form.models(columns, cost)
    if not models:
        raise SourceError(
            f"{path}: expected a column MODEL{form.score} and MODEL{cost or form.cost} of at least one model, found "
            f"{one_line(', '.join(columns))}. Name what follows the model in its column of costs with --cost-column."
        )
    texts = [form.text, form.key, form.dataset, *(f"{name}{form.prediction}" for name in models)]
    try:
        table = read_saved_table(path, TableForm(texts, [name + form.score for name in models]))
    except TableError as error:
        raise SourceError(f"{path}{error}") from error
    return table, models


def incomplete_models(path: Path, form: WideForm, cost: str) -> list[LeftOut]:
    """Models of a table without a column of scores or of costs, by name; `cost` as for `read_wide`."""
    left_out = []
    for name, column in form.incomplete(columns_of(path), cost).items():
        reason = Reason.NO_COST if column == name + (cost or form.cost) else Reason.NO_LABEL
        detail = f'no column "{one_line(column, 80)}", so its answers are not read'
        left_out.append(LeftOut(path.name, reason, detail, candidate=name))
    return left_out


def numbers(table: pa.Table, name: str, path: Path) -> np.ndarray:
    """A column of numbers or truth values, (num_rows,) float64, NaN where a cell is empty or there is no such column.

    Raises:
        SourceError: a cell is no number.
    """
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    column = table[name]
    try:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            lowered = pc.utf8_lower(pc.utf8_trim_whitespace(column))
            words = {"": None, "nan": None, "none": None, "true": "1", "false": "0"}
            for word, number in words.items():
                lowered = pc.if_else(pc.equal(lowered, word), pa.scalar(number, lowered.type), lowered)
            column = lowered
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False).astype(float)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SourceError(f'{path}: expected numbers in "{name}", found {one_line(str(error))}') from error


def joined_prompt(text: object) -> str:
    """A prompt, the messages of a list, or of the text of one, joined by line ends."""
    if isinstance(text, str) and text.startswith("["):
        items = list_of(text)
        return "\n".join(map(str, items)) if isinstance(items, list) and items else text
    return "\n".join(map(str, text)) if isinstance(text, list) else "" if text is None else str(text)
