"""MMR-Bench V1: one wide table with a row per sample, and folders of images beside it.

Decisions
- The dataset is the beginning of `dataset_idx`; the image is the file in `img_path`, else `<dataset>/<number>` with the
  ending of an image, where `SEEDBench2_Plus` lies in `SEEDBenchv2Plus`. What is not there may lie in `--images`.
- Costs stand as given, and the report and the card say what they leave out (`costs.py`).

Source: Hunter-Wrynn/MMR-Bench at commit 494e8c8, src/mmrbench/data/mllm_data.py, data/README.md; see
`../router_tables/wide.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vlrouterbench.core.files import sha256_of_files
from vlrouterbench.data.image_store import ImageStore
from vlrouterbench.data.sources.companion_images import CompanionImages
from vlrouterbench.data.sources.dataset_ids import refuse_missing, sample_id_of, split_id
from vlrouterbench.data.sources.image_paths import IMAGE_SUFFIXES, ImagePathError, find_image_file
from vlrouterbench.data.sources.inside import refuse_outside
from vlrouterbench.data.sources.mmr_bench.costs import COST_NOTE
from vlrouterbench.data.sources.pairs import Gathered, sample_table, source_logs
from vlrouterbench.data.sources.recounting import recounted
from vlrouterbench.data.sources.router_tables.router_bench import STATED, not_read, wide_pairs
from vlrouterbench.data.sources.router_tables.wide import MMR_V1, found_models, incomplete_models, read_wide, tables_of
from vlrouterbench.data.sources.source import FoundModels, Match, ReadOptions, Source
from vlrouterbench.data.sources.source_logs import ImageReference, LeftOut, Reason, SourceLogs

IMAGE_FOLDERS = {"SEEDBench2_Plus": "SEEDBenchv2Plus"}
"""Dataset -> its folder of images, where that has another name."""
_PATH = "img_path"


class MMRBenchV1(Source):
    """MMR-Bench's merged table."""

    name = "MMR-Bench V1"
    expected = "a table with dataset_idx, question, MODEL_correct and MODEL_cost"
    uses_cost_column = True
    uses_images = True

    def matches(self, folder: Path) -> Match:
        """Whether a table of its columns lies there."""
        return Match(bool(tables_of(folder, MMR_V1)))

    def found_models(self, folder: Path) -> FoundModels:
        """The models of its columns."""
        return found_models(folder, MMR_V1)

    def read(self, folder: Path, options: ReadOptions) -> SourceLogs:
        """Read the first of the tables.

        Raises:
            SourceError: it cannot be read, or a sample stands in it twice.
        """
        path, *others = tables_of(folder, MMR_V1)
        refuse_outside(path, folder)
        table, models = read_wide(path, MMR_V1, options.cost_column)
        keys = table[MMR_V1.key].to_pylist()
        refuse_missing(keys, MMR_V1.key, path)
        datasets = [split_id(str(key))[0] for key in keys]
        ids = [sample_id_of(dataset, str(key)) for dataset, key in zip(datasets, keys, strict=True)]
        questions = [text or "" for text in table[MMR_V1.text].to_pylist()]
        samples = sample_table({"sample_id": ids, "dataset": datasets, "question": questions})
        pairs = wide_pairs(table, models, ids, (path, MMR_V1, options.cost_column))
        gathered = Gathered(folder, options.pool, samples, pairs, file=path.name)
        gathered.left_out += [*not_read(folder, [path]), *incomplete_models(path, MMR_V1, options.cost_column)]
        paths = table[_PATH].to_pylist() if _PATH in table.column_names else [None] * table.num_rows
        with ImageStore(options.image_folder) as store:
            companion = None if options.companion is None else CompanionImages(options.companion, store.add)
            _add_images(gathered, [str(path) if path else "" for path in paths], companion)
        if options.recounts:
            gathered.pairs = recounted(gathered, options.protocol)
        files = {
            path,
            *(image for image in gathered.images if isinstance(image, Path) and image.is_relative_to(folder)),
        }
        return source_logs(
            gathered,
            source_sha256=sha256_of_files(files, folder),
            protocol=str(options.protocol) if options.recounts else STATED,
            notes=() if options.recounts else (COST_NOTE,),
        )


def _add_images(gathered: Gathered, paths: Sequence[str], companion: CompanionImages | None) -> None:
    """The image of every sample: by its path, by its id, or from the folder beside the source."""
    images: list[ImageReference] = []
    files: list[str] = []
    ids = gathered.samples["sample_id"].to_pylist()
    for sample_id, dataset, named in zip(ids, gathered.samples["dataset"].to_pylist(), paths, strict=True):
        key = sample_id.partition("/")[2]
        image: ImageReference = _image(gathered.folder, dataset, key, named)
        if image is None and companion is not None:
            image = next(iter(companion.of(dataset, sample_id, key, [named] if named else ())), None)
        if image is None:
            said = named or f"{IMAGE_FOLDERS.get(dataset, dataset)}/{key}"
            gathered.left_out.append(LeftOut(said, Reason.IMAGE, "no such file inside the source", sample_id=sample_id))
            gathered.missing_images.add(sample_id)
            gathered.unread_images.add(sample_id)
        images.append(image)
        files.append(image.name if isinstance(image, Path) else "")
    gathered.images, gathered.image_files = images, files


def _image(folder: Path, dataset: str, key: str, named: str) -> Path | None:
    place = IMAGE_FOLDERS.get(dataset, dataset)
    names = [named] if named else [f"{place}/{key}{ending}" for ending in sorted(IMAGE_SUFFIXES)]
    for name in names:
        try:
            return find_image_file(name, root=folder, bases=(folder,))
        except ImagePathError:
            continue
    return None
