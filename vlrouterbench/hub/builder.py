"""The builder behind `load_dataset("vl-routerbench")`: the real benchmark, or a simulated one, from parquet.

Decisions
- `simulated` is drawn once into the user's benchmark home and then read like any other; `num_samples` and `seed` are
  config keywords, so any size can be had.
- The real benchmark is what `build` registered, else the Hub repository that `VLROUTERBENCH_REPO_ID` names, else the
  published archive, fetched and built. Where none is in reach, the error says what was looked for and what to do, at
  once and without a retry.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from vlrouterbench.core.constants import GROUP_SLUGS, REPO_VARIABLE, SPLITS
from vlrouterbench.core.errors import BenchmarkError
from vlrouterbench.core.reach import hub_reachable
from vlrouterbench.data.build import build_from_logs, home_folder, registered_benchmark
from vlrouterbench.data.build_report import REPORT_FILE
from vlrouterbench.data.simulation.simulate import DEFAULT_NUM_SAMPLES, SIMULATOR_VERSION, simulate_logs
from vlrouterbench.hub.published import fetch_and_build
from vlrouterbench.version import __version__

SIMULATED = "simulated"
_ROWS_PER_BATCH = 500
_TABLES = ("outcomes", "candidates")
"""Configs that are one table without splits."""


def content_key() -> str:
    """What the cache of loaded rows depends on: the registered benchmark's tables and how simulated ones are drawn."""
    report = registered_benchmark() / REPORT_FILE
    real = json.loads(report.read_text(encoding="utf-8"))["sha256"] if report.is_file() else "none"
    return f"{__version__} simulator {SIMULATOR_VERSION} {real} {os.environ.get(REPO_VARIABLE, '')}"


@dataclass
class BenchmarkConfig(datasets.BuilderConfig):
    """One config.

    Attributes:
        num_samples: size of a simulated benchmark; without effect on the real one.
        seed: of a simulated benchmark.
    """

    num_samples: int = DEFAULT_NUM_SAMPLES
    seed: int = 0

    @property
    def simulated(self) -> bool:
        """Whether the rows are drawn."""
        return self.name.split("-")[0] == SIMULATED

    @property
    def part(self) -> str:
        """Which part of a benchmark: "default", a task group's slug, "outcomes" or "candidates"."""
        return self.name.removeprefix(SIMULATED).removeprefix("-") or "default" if self.simulated else self.name


def _configs() -> list[BenchmarkConfig]:
    parts = ["default", *GROUP_SLUGS.values(), *_TABLES]
    simulated = [SIMULATED if part == "default" else f"{SIMULATED}-{part}" for part in parts if part != "other"]
    return [BenchmarkConfig(name=name, version=datasets.Version(__version__)) for name in (*parts, *simulated)]


class VLRouterBench(datasets.ArrowBasedBuilder):
    """Samples with quality and cost columns, outcomes, or candidates."""

    BUILDER_CONFIG_CLASS = BenchmarkConfig
    BUILDER_CONFIGS = _configs()
    DEFAULT_CONFIG_NAME = "default"

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description="SIMULATED outcomes." if self.config.simulated else "")

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        folder = (
            simulated_benchmark(self.config.num_samples, self.config.seed)
            if self.config.simulated
            else _real_benchmark()
        )
        files = _files(folder, self.config.part)
        if not files:
            raise BenchmarkError(f'the benchmark at {folder} has no rows for the config "{self.config.name}".')
        schema = pq.read_schema(next(iter(files.values()))[0])
        self.info.features = datasets.Features.from_arrow_schema(schema)
        return [datasets.SplitGenerator(name=split, gen_kwargs={"files": paths}) for split, paths in files.items()]

    def _generate_tables(self, files: list[Path]) -> Iterator[tuple[Any, pa.Table]]:
        for number, path in enumerate(files):
            with pq.ParquetFile(path) as file:
                for batch_number, batch in enumerate(file.iter_batches(batch_size=_ROWS_PER_BATCH)):
                    yield datasets.builder.Key(number, batch_number), pa.Table.from_batches([batch])


def simulated_benchmark(num_samples: int = DEFAULT_NUM_SAMPLES, seed: int = 0) -> Path:
    """The folder of a simulated benchmark; drawn where it is not there yet."""
    folder = home_folder() / f"simulated-v{SIMULATOR_VERSION}-{num_samples}-{seed}"
    if not (folder / REPORT_FILE).is_file():
        build_from_logs(simulate_logs(num_samples=num_samples, seed=seed), folder)
    return folder


def _real_benchmark() -> Path:
    folder, repo_id = registered_benchmark(), os.environ.get(REPO_VARIABLE)
    if (folder / REPORT_FILE).is_file():
        return folder
    if repo_id:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(snapshot_download(repo_id, repo_type="dataset", local_files_only=not hub_reachable()))
        except (LocalEntryNotFoundError, HfHubHTTPError) as error:
            raise BenchmarkError(
                f'{REPO_VARIABLE} names the dataset repository "{repo_id}", which the Hub did not give and no cache '
                f"holds: {str(error).splitlines()[0]} Correct the name, or come back with the Hub in reach."
            ) from error
    return fetch_and_build()


def _files(folder: Path, part: str) -> dict[str, list[Path]]:
    """Split -> parquet files of a part of a benchmark folder."""
    if part == "outcomes":
        return {"train": sorted((folder / "outcomes").glob("*.parquet"))}
    if part == "candidates":
        return {"train": [folder / "candidates.parquet"]}
    pattern = "*" if part == "default" else f"{part}-?????-of-?????"
    files = {split: sorted((folder / "data").glob(f"{split}-{pattern}.parquet")) for split in SPLITS}
    return {split: paths for split, paths in files.items() if paths}
