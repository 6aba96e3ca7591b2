"""File names and folders: what belongs to what, what is passed over, and that it is named."""

import os
from pathlib import Path

import pytest

from tests.data.sources.vlmevalkit.log_trees import write_choice_logs, write_tsv
from vlrouterbench.core.errors import SourceError
from vlrouterbench.data.sources.source_logs import Reason
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS
from vlrouterbench.data.sources.vlmevalkit.layout import find_logs
from vlrouterbench.data.sources.vlmevalkit.log_files import FoundFile
from vlrouterbench.data.sources.vlmevalkit.names import parse_name

KNOWN = IMAGE_DATASETS
ROWS = [{"index": "1", "prediction": "A"}]


def rest_of(stem, model):
    """What a file's stem has behind its model's name."""
    return FoundFile(Path(f"{stem}.xlsx"), model, "", is_scored=True).rest


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("AI2D_TEST", ("AI2D_TEST", "")),
        ("AI2D_TEST_openai_result", ("AI2D_TEST", "_openai_result")),
        ("AI2D_TEST_NO_MASK", ("AI2D_TEST_NO_MASK", "")),
        ("AI2D_TEST_NO_MASK_openai_result", ("AI2D_TEST_NO_MASK", "_openai_result")),
        ("MathVerse_MINI_gpt-4o-mini_score", ("MathVerse_MINI", "_gpt-4o-mini_score")),
        ("MathVerse_MINI_gpt-4o-mini_extract", ("MathVerse_MINI", "_gpt-4o-mini_extract")),
        ("MathVerse_MINI_Vision_Only_gpt-4o-mini", ("MathVerse_MINI_Vision_Only", "_gpt-4o-mini")),
        ("MathVision_MINI_gpt-4o-mini", ("MathVision_MINI", "_gpt-4o-mini")),
        ("MathVision_gpt-4o-mini", ("MathVision", "_gpt-4o-mini")),
        ("LogicVista_gpt4o-mini", ("LogicVista", "_gpt4o-mini")),
        ("HallusionBench_auxmatch", ("HallusionBench", "_auxmatch")),
        ("TextVQA_VAL_results", ("TextVQA_VAL", "_results")),
        ("OCRBench_v2", ("OCRBench_v2", "")),
        ("MMStar_KO", ("MMStar_KO", "")),
        ("MMBench_DEV_EN", ("MMBench_DEV_EN", "")),
        ("MMBench_DEV_EN_V11_exact_matching_result", ("MMBench_DEV_EN_V11", "_exact_matching_result")),
    ],
)
@pytest.mark.parametrize("model", ["GPT4o", "InternVL2_5-78B", "Phi-3.5-Vision", "deepseek_vl2_tiny"])
def test_a_stem_is_model_dataset_and_judge(model, rest, expected):
    assert parse_name(rest_of(f"{model}_{rest}", model), KNOWN) == expected


@pytest.mark.parametrize("stem", ["GPT4o-mini_MMStar", "GPT4oMMStar", "MMStar", "gpt4o_MMStar"])
def test_a_stem_of_another_model_is_none(stem):
    assert rest_of(stem, "GPT4o") is None


def test_a_dated_model_is_not_taken_for_the_plain_one():
    # In its own folder the name is parsed by its own model; in GPT4o's folder it is no known dataset.
    assert parse_name(rest_of("GPT4o_20241120_MMStar", "GPT4o_20241120"), KNOWN) == ("MMStar", "")
    assert parse_name(rest_of("GPT4o_20241120_MMStar", "GPT4o"), KNOWN)[0] != "MMStar"


def files_of(source, *folders):
    tree = find_logs(source, folders=folders)
    return tree, [(f.path.relative_to(source).as_posix(), f.dataset, f.suffix, f.run) for f in tree.files]


def reasons(tree):
    return [(entry.file, entry.reason) for entry in tree.left_out]


@pytest.mark.parametrize("base", ["vlm_router_data/VLMEvalKit_evaluation", "VLMEvalKit_inference", ""])
def test_every_layout_is_found(tmp_path, base):
    path = write_tsv(tmp_path / base / "m" / "m_MMStar.tsv", ROWS)
    assert files_of(tmp_path, "m")[1] == [(path.relative_to(tmp_path).as_posix(), "MMStar", "", "")]


def test_a_dataset_outside_the_14_is_known_by_its_image_table(tmp_path):
    write_tsv(tmp_path / "TSV_images" / "My_Set_openai.tsv", ROWS)
    write_tsv(tmp_path / "VLMEvalKit_inference" / "m" / "m_My_Set_openai.tsv", ROWS)
    tree, files = files_of(tmp_path, "m")
    assert files[0][1:3] == ("My_Set_openai", "")
    assert list(tree.image_tables) == ["My_Set_openai"]


def test_the_score_table_is_read_and_the_score_summary_is_not(tmp_path):
    write_tsv(tmp_path / "m" / "m_MathVerse_MINI_gpt-4o-mini_score.tsv", ROWS)
    (tmp_path / "m" / "m_MathVerse_MINI_gpt-4o-mini_score.csv").write_text("all\n50\n")
    tree, files = files_of(tmp_path, "m")
    assert [file[1:3] for file in files] == [("MathVerse_MINI", "_gpt-4o-mini_score")]
    assert tree.left_out == ()


@pytest.mark.parametrize("name", ["m_MMStar_acc.csv", "m_OCRBench_score.json"])
def test_a_summary_without_rows_is_named(tmp_path, name):
    write_tsv(tmp_path / "m" / "m_AI2D_TEST.tsv", ROWS)
    (tmp_path / "m" / name).write_text("{}")
    assert reasons(files_of(tmp_path, "m")[0]) == [(f"m/{name}", Reason.AGGREGATE)]


def test_one_file_seen_twice_is_read_once_and_not_named(tmp_path):
    run = tmp_path / "VLMEvalKit_evaluation" / "m" / "T20251023_Gb9ff66c9"
    path = write_tsv(run / "m_MMStar.tsv", ROWS)
    (run.parent / "m_MMStar.tsv").symlink_to("T20251023_Gb9ff66c9/m_MMStar.tsv")
    write_tsv(tmp_path / "VLMEvalKit_inference" / "m" / "m_MMStar.tsv", ROWS)
    tree, files = files_of(tmp_path, "m")
    assert len(files) == 1
    assert tree.left_out == ()
    assert path.read_bytes() == tree.files[0].path.read_bytes()


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    write_tsv(tmp_path / "m" / "m_AI2D_TEST.tsv", ROWS)
    (tmp_path / "m" / "m_MMStar.xlsx").symlink_to("/elsewhere/LMUData/outputs/m/T20251023_G1/m_MMStar.xlsx")
    tree, files = files_of(tmp_path, "m")
    assert [file[1] for file in files] == ["AI2D_TEST"]
    assert reasons(tree) == [("m/m_MMStar.xlsx", Reason.DANGLING_LINK)]


@pytest.fixture
def outside(tmp_path_factory):
    """Logs of the model `m` that stand outside any source."""
    folder = tmp_path_factory.mktemp("outside")
    write_tsv(folder / "m" / "T20251023_Gb9ff66c9" / "m_MMStar.tsv", ROWS)
    write_tsv(folder / "m" / "m_OCRBench.tsv", ROWS)
    return folder


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("VLMEvalKit_evaluation", ""),
        ("VLMEvalKit_inference/m", "m"),
        ("VLMEvalKit_inference/m/T20251023_Gb9ff66c9", "m/T20251023_Gb9ff66c9"),
        ("VLMEvalKit_inference/m/m_OCRBench.tsv", "m/m_OCRBench.tsv"),
        ("TSV_images", "m"),
        ("TSV_images/m_OCRBench.tsv", "m/m_OCRBench.tsv"),
    ],
)
def test_a_link_that_leads_outside_the_source_is_named_and_not_followed(tmp_path, outside, link, target):
    source = tmp_path / "source"
    kept = write_tsv(source / "VLMEvalKit_inference" / "n" / "n_MMStar.tsv", ROWS)
    (source / link).parent.mkdir(parents=True, exist_ok=True)
    (source / link).symlink_to(outside / target)
    tree, files = files_of(source, "m", "n")
    assert [file[0] for file in files] == [kept.relative_to(source).as_posix()]
    assert tree.image_tables == {}
    assert reasons(tree) == [(link, Reason.OUTSIDE_LINK)]


def test_links_that_stay_inside_the_source_are_followed_even_where_the_source_is_a_link(tmp_path):
    source = tmp_path / "source"
    write_tsv(source / "stored" / "images" / "MMStar.tsv", ROWS)
    write_tsv(source / "stored" / "m" / "T20251023_Gb9ff66c9" / "m_MMStar.tsv", ROWS)
    (source / "vlm_router_data" / "VLMEvalKit_inference").mkdir(parents=True)
    (source / "vlm_router_data" / "TSV_images").symlink_to(source / "stored" / "images")
    (source / "vlm_router_data" / "VLMEvalKit_inference" / "m").symlink_to("../../stored/m")
    (tmp_path / "link").symlink_to(source)
    for folder in (source, tmp_path / "link"):
        tree, files = files_of(folder, "m")
        assert [file[1] for file in files] == ["MMStar"]
        assert list(tree.image_tables) == ["MMStar"]
        assert tree.left_out == ()


def test_a_whole_tree_behind_a_link_to_the_outside_is_an_error_that_names_it(tmp_path, outside):
    (tmp_path / "vlm_router_data").symlink_to(outside)
    with pytest.raises(SourceError, match=f"found a link to {outside}. Give that as SOURCE"):
        files_of(tmp_path, "m")
    assert len(files_of(outside, "m")[1]) == 2


def test_a_model_folder_that_is_a_link_to_nowhere_is_named(tmp_path):
    write_tsv(tmp_path / "n" / "n_MMStar.tsv", ROWS)
    (tmp_path / "m").symlink_to("/elsewhere/outputs/m")
    assert reasons(files_of(tmp_path, "m", "n")[0]) == [("m", Reason.DANGLING_LINK)]


def test_a_link_that_an_archive_flattened_is_no_log(tmp_path):
    run = tmp_path / "m" / "T20251023_Gb9ff66c9"
    write_tsv(run / "m_MMStar.tsv", ROWS)
    (tmp_path / "m" / "m_MMStar.tsv").write_text("/elsewhere/outputs/m/T20251023_Gb9ff66c9/m_MMStar.tsv")
    tree, files = files_of(tmp_path, "m")
    assert [file[0] for file in files] == ["m/T20251023_Gb9ff66c9/m_MMStar.tsv"]
    assert tree.left_out == ()


def test_pickles_locks_and_hidden_files_are_never_opened(tmp_path):
    write_tsv(tmp_path / "m" / "m_MMStar.tsv", ROWS)
    for name in ("m_MMStar_openai_result.pkl", "~$m_MMStar.xlsx", ".m_MMStar.xlsx", "m_MMStar.lock"):
        os.mkfifo(tmp_path / "m" / name)  # opening one would block for ever
    tree, files = files_of(tmp_path, "m")
    assert [file[0] for file in files] == ["m/m_MMStar.tsv"]
    assert tree.left_out == ()


def test_a_folder_of_an_unlisted_model_is_named_and_a_folder_of_no_logs_is_not(tmp_path):
    write_tsv(tmp_path / "m" / "m_MMStar.tsv", ROWS)
    write_tsv(tmp_path / "other" / "T20251023_G1" / "other_MMStar.tsv", ROWS)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "today.txt").write_text("text")
    tree, _ = files_of(tmp_path, "m")
    assert [(e.file, e.reason, e.candidate) for e in tree.left_out] == [("other", Reason.UNKNOWN_MODEL, "other")]


def test_a_table_of_another_model_in_the_folder_is_named(tmp_path):
    write_tsv(tmp_path / "m" / "m_MMStar.tsv", ROWS)
    write_tsv(tmp_path / "m" / "n_MMStar.tsv", ROWS)
    assert reasons(files_of(tmp_path, "m")[0]) == [("m/n_MMStar.tsv", Reason.NOT_A_LOG)]


def test_models_whose_names_begin_alike_keep_their_own_files(tmp_path):
    for model in ("GPT4o", "GPT4o_20241120"):
        write_choice_logs(tmp_path / model, model, "MMStar", [1])
    tree, _ = files_of(tmp_path, "GPT4o", "GPT4o_20241120")
    assert {(f.folder, f.dataset) for f in tree.files} == {("GPT4o", "MMStar"), ("GPT4o_20241120", "MMStar")}
    assert len(tree.files) == 4


def test_the_kits_own_bookkeeping_is_no_log_and_not_named(tmp_path):
    run = tmp_path / "m" / "T20260818-093000"
    write_tsv(run / "m_MMStar.tsv", ROWS)
    for name in ("status.json", "status.json.lock"):
        (run / name).write_text("{}")
    tree, files = files_of(tmp_path, "m")
    assert [file[1] for file in files] == ["MMStar"]
    assert tree.left_out == ()
