"""Whole builds of trees with one damaged xlsx file: no pair changes or goes missing without its file named.

What a flip hits decides what may happen. The contents of a zip's members have checksums; its own bookkeeping (dates,
attributes, comments) has none and carries no cell, so such a file may read as if it were whole.
"""

import random
import shutil
import zipfile

import pyarrow.parquet as pq
import pytest

from tests.data.sources.vlmevalkit.log_trees import choice_rows, write_images, write_xlsx
from tests.series import rounds
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.build import build_benchmark

DAMAGES = rounds(80)
REAL_DATASETS = ("ChartQA_TEST", "MMStar", "OCRBench", "MathVista_MINI")
REAL_MODELS = ("GeminiFlash2-5", "SmolVLM2")


def lay_cells_bare(path):
    """Write an xlsx file again, its cells not compressed, so that a flip makes another cell, no broken stream."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            bare = name.startswith(("xl/worksheets", "xl/sharedStrings"))
            archive.writestr(name, content, zipfile.ZIP_STORED if bare else zipfile.ZIP_DEFLATED)


def made_tree(root):
    """Two models on a dataset that a judge scored and on one whose labels follow from the predictions."""
    write_images(root, "MMStar", 4)
    for model, hits in (("one", [1, 0, 1, 0]), ("two", [0, 1, 1, 1])):
        rows = choice_rows(hits)
        names = list(rows[0])
        write_xlsx(root / model / f"{model}_MMStar.xlsx", [names[:-1], *[list(row.values())[:-1] for row in rows]])
        write_xlsx(root / model / f"{model}_MMStar_openai_result.xlsx", [names, *[list(row.values()) for row in rows]])
        said = [[n, "Which word?", f"['word{n}']", f"It is word{n if hit else 0}."] for n, hit in enumerate(hits, 1)]
        path = root / model / f"{model}_OCRBench.xlsx"
        write_xlsx(path, [["index", "question", "answer", "prediction", "category"], *[[*r, "Text"] for r in said]])
    for path in root.rglob("*.xlsx"):
        lay_cells_bare(path)
    (root / "candidates.csv").write_text("name,input_price,output_price\none,1,1\ntwo,2,2\n")
    return root


def real_tree(root, data_root):
    """Two models on four datasets of VLMEvalKit's own files: both trees, run folders, copies beside them."""
    example = data_root / "vlmevalkit_example"
    for path in (example / "vlm_router_data").rglob("*.xlsx"):
        if any(f"{model}_{dataset}" in path.name for model in REAL_MODELS for dataset in REAL_DATASETS):
            copy = root / path.relative_to(example)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return root


@pytest.fixture(params=["made", "real"])
def tree(request, tmp_path):
    root = tmp_path / "work"
    return made_tree(root) if request.param == "made" else real_tree(root, request.getfixturevalue("data_root"))


def built(tree, out):
    """((sample, candidate) -> label, tokens and prediction, what `left_out` names) of a whole build."""
    report = build_benchmark(tree, out)
    pairs = {(row.pop("sample_id"), row.pop("candidate")): row for row in pq.read_table(out / "outcomes").to_pylist()}
    return pairs, {(entry["file"], entry["reason"], entry["detail"]) for entry in report["left_out"]}


def damaged(content, rng):
    """A byte flipped in one or more bits, or the end cut off."""
    if rng.random() < 0.5:
        return content[: rng.randrange(len(content))]
    place, change = rng.randrange(len(content)), rng.randrange(1, 256)
    return content[:place] + bytes([content[place] ^ change]) + content[place + 1 :]


@pytest.mark.faults
def test_no_damage_changes_a_label_or_takes_a_pair_in_silence(tree, tmp_path):
    pairs, left_out = built(tree, tmp_path / "whole")
    files = sorted(tree.rglob("*.xlsx"))
    assert {pair["quality"] for pair in pairs.values()} >= {0.0, 1.0}
    noticed = 0
    for seed in DAMAGES:
        rng = random.Random(seed)
        path = rng.choice(files)
        content = path.read_bytes()
        path.write_bytes(damaged(content, rng))
        what = f"seed {seed}, {path.relative_to(tree)}"
        try:
            found, entries = built(tree, tmp_path / "damaged")
        except SourceError as error:
            # Only where nothing readable is left; the message names the source.
            assert str(tree) in str(error) or tree.name in str(error), what
            continue
        finally:
            path.write_bytes(content)
        named = path.relative_to(tree).as_posix() in {file for file, _, _ in entries - left_out}
        noticed += named
        assert set(found) <= set(pairs), what
        assert named or found == pairs, what
    assert noticed > len(DAMAGES) / 3


def test_a_tree_of_which_every_file_is_damaged_is_a_source_error(tree, tmp_path):
    for path in tree.rglob("*.xlsx"):
        path.write_bytes(path.read_bytes()[:100])
    # With what was read past, of which the first files are shown.
    with pytest.raises(SourceError, match=r"nothing to build\. Read past: .*\.xlsx: unreadable .* and \d+ more\."):
        built(tree, tmp_path / "out")
    assert not (tmp_path / "out").exists()
