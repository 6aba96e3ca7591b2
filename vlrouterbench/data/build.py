"""SOURCE -> benchmark folder: find its format, read it, assemble, write.

Decisions
- The pool comes from `--candidates`, else from the source's candidates file, else it is the format's default: the
  published one for logs and own tables. A file that is called so and cannot be read is an error, never the default.
- Images of logs are put aside beside OUT, on the disk that has to hold them anyway, and not in memory.
- `--strict` looks at everything left out before anything is written.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vlrouterbench.core.constants import BENCHMARK_NAME, HOME_VARIABLE
from vlrouterbench.core.errors import SourceError
from vlrouterbench.core.files import folder_beside
from vlrouterbench.core.parts.work import Engine
from vlrouterbench.data.archive import is_archive, unpacked
from vlrouterbench.data.assemble import GIVEN, assemble
from vlrouterbench.data.build_report import BuildReport
from vlrouterbench.data.candidates import CandidatePool, find_pool_file
from vlrouterbench.data.choices import Protocol
from vlrouterbench.data.hub_source import fetch, is_on_hub
from vlrouterbench.data.image_work import check_in_parts, kept_until_built
from vlrouterbench.data.images import check_images_were_read
from vlrouterbench.data.impute import impute_tokens
from vlrouterbench.data.leaks import refuse_leaks
from vlrouterbench.data.prices.read import read_pool, with_price_file
from vlrouterbench.data.sources.found_pool import pool_of_models, refuse_unpriced
from vlrouterbench.data.sources.inside import refuse_outside
from vlrouterbench.data.sources.registry import locate_source, other_claims
from vlrouterbench.data.sources.source import ReadOptions, Source
from vlrouterbench.data.sources.source_logs import SourceLogs
from vlrouterbench.data.splits import SplitBy
from vlrouterbench.data.write import write_benchmark


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        candidates: pool file, None = the source's own or the default pool of its format.
        models: names of the candidates to take of the pool, or of the models that the source has; () = all.
        prices: price sheet, or LiteLLM's or OpenRouter's published list, that overrides prices; None = the pool's.
        allow_unlikely_prices: take prices whose unit is likely another one as they stand (`prices/units.py`).
        graded: keep graded quality; False = 0/1 at the threshold.
        split_by: how to divide samples whose split is not given.
        protocol: how tokens of logs are counted; None = as the reference does, and costs that a source gives stand.
        cost_column: the column of costs in USD per answer, where a table calls it otherwise than its format does.
        images: folder or table of images beside the source.
        allow_leaks: build also where given splits have a group or an image on several sides, and count them.
        impute: fill missing token counts with the reference's constants, and count them in the report.
        strict: make anything left out fatal.
        allow_missing_images: build also where more than a fifth of the images that the source names cannot be read.
        num_proc: processes that read large logs, and threads that decode images. Over 1, a script that builds needs the
            guard `if __name__ == "__main__":`, as with any library that starts processes.
        engine: what decodes images in parts in the place of these threads; None for none.
        parts: in how many parts; None for one per 256 images.
    """

    candidates: Path | None = None
    models: tuple[str, ...] = ()
    prices: Path | None = None
    graded: bool = True
    split_by: SplitBy = SplitBy.HASH
    protocol: Protocol | None = None
    cost_column: str = ""
    images: Path | None = None
    allow_leaks: bool = False
    impute: bool = False
    strict: bool = False
    allow_missing_images: bool = False
    num_proc: int = 1
    allow_unlikely_prices: bool = False
    engine: Engine | None = None
    parts: int | None = None


def build_benchmark(source: Path | str, out: Path | str, options: BuildOptions | None = None) -> BuildReport:
    """Build a benchmark folder from VLMEvalKit logs or own tables.

    Args:
        source: folder of one of the formats (`docs/sources.md`, `docs/own_data.md`), an archive of logs, or a dataset
            on the Hub: `hf://datasets/OWNER/NAME[@revision][/folder]`.
        out: benchmark folder to write; replaced as a whole when the build succeeds.
        options: see BuildOptions.

    Returns:
        The build report, as written to `build_report.json`.

    Raises:
        SourceError: the source cannot be read as a benchmark.
    """
    options, out = options or BuildOptions(), Path(out)
    if is_on_hub(source):
        fetched = fetch(source, options.models)
        with folder_beside(out) as images:
            logs = read_source(fetched.folder, options, image_folder=images)
            name = fetched.origin["repo_id"].rpartition("/")[2]
            return build_from_logs(replace(logs, name=name, origin=fetched.origin), out, options)
    source = Path(source)
    if is_archive(source):
        with unpacked(source) as folder, folder_beside(out) as images:
            logs = replace(read_source(folder, options, image_folder=images), name=source.name.split(".")[0])
            return build_from_logs(logs, out, options)
    if not source.exists():
        raise SourceError(f"expected a folder of logs or own tables, found nothing at {source}.")
    if not source.is_dir():
        raise SourceError(f"expected a folder of logs or own tables, or a .tar.gz of logs, found a file: {source}.")
    with folder_beside(out) as images:
        return build_from_logs(read_source(source, options, image_folder=images), out, options)


def read_source(folder: Path, options: BuildOptions, *, image_folder: Path) -> SourceLogs:
    """Read a folder of a format of `SOURCES`; images are put aside in `image_folder`, which must last as long."""
    given, (folder, source) = folder, locate_source(folder)
    asked = ReadOptions(
        pool=_pool(folder, given, options, source),
        image_folder=image_folder,
        protocol=options.protocol or Protocol.REFERENCE,
        num_proc=options.num_proc,
        picks=bool(options.models),
        recounts=options.protocol is not None,
        cost_column=options.cost_column,
        companion=options.images,
    )
    if options.images is not None and not options.images.exists():
        raise SourceError(f"--images: expected a folder or a table of images, found nothing at {options.images}.")
    unused = [f"--{name}" for name, given in source.options_given(asked) if given]
    if unused:
        raise SourceError(f"{folder} holds {source.name}, which have no use for {' and '.join(unused)}: leave it out.")
    logs = source.read(folder, asked)
    others = other_claims(folder, source)
    if not others:
        return logs
    order = f"{folder.name} was read as {source.name}, which come first in the order of formats; it also holds what "
    return replace(logs, notes=(f"{order}could be read as {', '.join(others)}.", *logs.notes))


def build_from_logs(logs: SourceLogs, out: Path, options: BuildOptions | None = None) -> BuildReport:
    """Assemble and write a source that is already read."""
    options = options or BuildOptions()
    with kept_until_built(out) if options.engine is not None else nullcontext():
        return _built(logs, out, options)


def _built(logs: SourceLogs, out: Path, options: BuildOptions) -> BuildReport:
    imputed: dict[str, int] = {}
    if options.impute:
        logs, imputed = impute_tokens(logs)
    check = None
    if options.engine is not None:
        check = partial(check_in_parts, engine=options.engine, parts=options.parts, beside=out)
    benchmark = assemble(logs, graded=options.graded, split_by=options.split_by, num_proc=options.num_proc, check=check)
    if not options.allow_missing_images:
        check_images_were_read(benchmark.num_images_lost, benchmark.num_images_named, benchmark.left_out)
    if benchmark.split_by == GIVEN and not options.allow_leaks:
        refuse_leaks(benchmark.leaks)
    if options.strict and benchmark.left_out:
        shown = "; ".join(f"{e.file}: {e.reason} ({e.detail})" for e in benchmark.left_out[:5])
        raise SourceError(f"--strict: {len(benchmark.left_out)} entries would be left out, first: {shown}.")
    return write_benchmark(replace(benchmark, imputed=imputed), out)


def registered_benchmark() -> Path:
    """Where `build` without `--out` writes and where `load_dataset("vl-routerbench")` looks."""
    return home_folder() / BENCHMARK_NAME


def home_folder() -> Path:
    """The folder for benchmarks that belong to no project: `VLROUTERBENCH_HOME`, else the user's cache folder."""
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "vlrouterbench"


def _pool(folder: Path, given: Path, options: BuildOptions, source: Source) -> CandidatePool:
    unlikely = options.allow_unlikely_prices
    file = options.candidates
    if file is None and (file := find_pool_file(folder) or find_pool_file(given)) is not None:
        refuse_outside(file, given)
    found = None if file is not None else source.found_models(folder)
    if file is not None:
        pool = read_pool(file, allow_unlikely=unlikely)
    elif found is not None:
        pool = pool_of_models(found, options.models, source.name, has_prices=options.prices is not None)
    else:
        pool = source.default_pool(folder)
    if options.models and found is not None:
        pool = pool.picked(options.models)
    if options.prices is not None:
        pool = with_price_file(pool, options.prices, allow_unlikely=unlikely, may_name_others=found is not None)
    if options.models and found is None:
        pool = pool.picked(options.models)
    if found is not None and found.needs_prices:
        refuse_unpriced(pool)
    if options.strict and pool.notes:
        raise SourceError(f"--strict: {pool.notes[0]}")
    return pool
