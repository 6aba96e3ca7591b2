"""A file name is `<model>_<dataset><anything>`: whatever a judge is called, the dataset is found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.sources.vlmevalkit.log_trees import choice_rows, write_choice_logs, write_tsv
from vlrouterbench.core.constants import DATASETS
from vlrouterbench.data.sources.vlmevalkit.dataset_table import IMAGE_DATASETS
from vlrouterbench.data.sources.vlmevalkit.layout import find_logs
from vlrouterbench.data.sources.vlmevalkit.names import JUDGE_ORDER, judge_rank, not_parted, parse_name

KNOWN = IMAGE_DATASETS
SUFFIXES = (
    "_CompassVerifier-7B_result",
    "_gemma-3-27b-it_result",
    "_my.own_judge v2_result",
    "_judge",
    "_gpt-4o_detailed",
    "_per_row",
    "_score",
    "_Qwen3_rating",
    "_auxmatch",
    "_detail",
    "_foxbench_detail",
)


def files_of(source, folder="m"):
    return {(file.dataset, file.suffix) for file in find_logs(source, folders=[folder]).files}


def test_the_benchmarks_datasets_are_among_vlmevalkits():
    assert set(DATASETS) <= IMAGE_DATASETS


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dataset", ["MMStar", "AI2D_TEST", "AI2D_TEST_NO_MASK", "MMBench_DEV_EN_V11", "CV-Bench-2D"])
def test_what_stands_behind_a_known_dataset_is_a_suffix(dataset, suffix):
    assert parse_name(f"{dataset}{suffix}", KNOWN) == (dataset, suffix)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_stands_behind_an_image_table_or_a_prediction_file_is_a_suffix(tmp_path, suffix):
    write_tsv(tmp_path / "TSV_images" / "My_Set.tsv", choice_rows([1]))
    write_tsv(tmp_path / "m" / f"m_My_Set{suffix}.tsv", choice_rows([1]))
    write_tsv(tmp_path / "m" / "m_Another.tsv", choice_rows([1]))
    write_tsv(tmp_path / "m" / f"m_Another{suffix}.tsv", choice_rows([1], ["B"]))
    assert files_of(tmp_path) == {("My_Set", suffix), ("Another", ""), ("Another", suffix)}


def test_a_prediction_file_of_one_model_shows_the_dataset_of_another(tmp_path):
    write_choice_logs(tmp_path / "m", "m", "Own_Set", [1])
    write_tsv(tmp_path / "n" / "n_Own_Set_zephyr_result.tsv", choice_rows([1]))
    files = find_logs(tmp_path, folders=["m", "n"]).files
    assert {(file.folder, file.dataset) for file in files} == {("m", "Own_Set"), ("n", "Own_Set")}


def test_a_variant_of_a_known_dataset_with_a_judge_of_its_own_is_a_dataset(tmp_path):
    for dataset in ("MMStar", "MMStar_mine"):
        write_choice_logs(tmp_path / "m", "m", dataset, [1])
    write_tsv(tmp_path / "m" / "m_MMStar_mine_zephyr_result.tsv", choice_rows([0]))
    assert files_of(tmp_path) == {
        ("MMStar", ""),
        ("MMStar", "_openai_result"),
        ("MMStar_mine", ""),
        ("MMStar_mine", "_openai_result"),
        ("MMStar_mine", "_zephyr_result"),
    }


def test_a_judges_file_beside_its_own_summary_rows_is_no_dataset(tmp_path):
    for suffix in ("", "_gpt-4o-mini", "_gpt-4o-mini_score", "_gpt-4o-mini_extract"):
        write_tsv(tmp_path / "m" / f"m_MathVista_MINI{suffix}.tsv", choice_rows([1], [suffix or "x"]))
    assert {dataset for dataset, _ in files_of(tmp_path)} == {"MathVista_MINI"}


def test_the_order_of_judges_is_the_documented_one():
    suffixes = ["_openai_result", "_gpt-4o-mini_result", "_auxmatch", "_Qwen_result", "_exact_matching_result"]
    assert [judge_rank(suffix) for suffix in suffixes] == list(range(len(JUDGE_ORDER)))
    assert judge_rank("_chatgpt-0125_result") == judge_rank("_gpt4_result") == judge_rank("_gpt-4-turbo")
    assert judge_rank("_detailed_results") == judge_rank("_my_judge")


WORDS = st.sampled_from(
    ["result", "results", "openai_result", "gpt-4o-mini", "score", "judge", "auxmatch", "old", "v2", "2", "eval"]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(KNOWN)), st.sampled_from(["", "-", ".", "+", " ", "--"]), WORDS, st.booleans())
def test_a_known_dataset_with_an_evaluators_word_behind_it_is_never_a_dataset_of_its_own(
    dataset, sign, word, evaluated
):
    name = f"{dataset}{sign}{word}"
    if name in KNOWN or (word == "v2" and (evaluated or not sign)):
        return
    found = not_parted(name, KNOWN, is_evaluated=evaluated and not word.isdecimal())
    assert found is not None and f"{found[0]}{found[1]}" == name and len(found[0]) >= len(dataset)


@pytest.mark.parametrize(
    ("name", "is_evaluated", "expected"),
    [
        ("MMStarresult", False, ("MMStar", "result")),
        ("mmstar-Openai_result", True, ("MMStar", "-Openai_result")),
        ("MMStar2", False, ("MMStar", "2")),
        ("MMStar-mini", False, ("MMStar", "-mini")),
        ("MMStar-mini", True, None),
        ("MMExam", False, None),
        ("MMStarPlus", False, None),
        ("MMStar_mine", False, None),
        ("MyOwn", False, None),
    ],
)
def test_a_name_that_goes_on_from_a_known_one_without_a_line_is_another_only_where_something_shows_it(
    name, is_evaluated, expected
):
    assert not_parted(name, KNOWN, is_evaluated=is_evaluated) == expected


@pytest.mark.parametrize("stem", ["MMStarresult", "MMStar-openai_result", "MMStar-gpt4_result", "MMStar.v2", "MMStar2"])
def test_a_file_that_may_be_a_known_datasets_is_named_and_no_dataset_of_its_own(tmp_path, stem):
    write_choice_logs(tmp_path / "m", "m", "MMStar", [1])
    path = write_tsv(tmp_path / "m" / f"m_{stem}.tsv", choice_rows([0]))
    tree = find_logs(tmp_path, folders=["m"])
    assert {file.dataset for file in tree.files} == {"MMStar"}
    [entry] = [entry for entry in tree.left_out if entry.file == f"m/{path.name}"]
    assert entry.reason in ("unknown_dataset", "not_a_log") and "MMStar" in entry.detail


def test_a_variant_behind_a_hyphen_is_a_dataset_where_its_own_evaluation_or_table_shows_it(tmp_path):
    write_choice_logs(tmp_path / "m", "m", "MMStar-mini", [1])
    write_tsv(tmp_path / "TSV_images" / "POPE-hard.tsv", choice_rows([1]))
    write_tsv(tmp_path / "m" / "m_POPE-hard.tsv", choice_rows([1]))
    assert {dataset for dataset, _ in files_of(tmp_path)} == {"MMStar-mini", "POPE-hard"}


@pytest.mark.parametrize("copy", ["MMStar (1)", "MMStar - Copy", "My_Set (1)"])
def test_a_copy_of_a_table_of_images_is_named_and_not_read(tmp_path, copy):
    for name in ("MMStar", "My_Set", copy):
        write_tsv(tmp_path / "TSV_images" / f"{name}.tsv", choice_rows([1]))
    write_choice_logs(tmp_path / "m", "m", "MMStar", [1])
    tree = find_logs(tmp_path, folders=["m"])
    assert set(tree.image_tables) == {"MMStar", "My_Set"}
    [entry] = [entry for entry in tree.left_out if entry.file == f"TSV_images/{copy}.tsv"]
    assert "as a copy's name does" in entry.detail
