"""The dataset card: YAML that `datasets` reads, figures of the report, and "simulated" where a number could mislead."""

import fnmatch
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from jinja2 import UndefinedError

from vlrouterbench.cards.dataset_card import (
    PROTOCOL_WORDS,
    QUALITY_WORDS,
    SPLIT_WORDS,
    dataset_configs,
    render_dataset_card,
)
from vlrouterbench.cards.render import render_template
from vlrouterbench.data.build import BuildOptions, build_benchmark
from vlrouterbench.data.choices import Protocol, Quality, SplitBy

CANDIDATES = [
    {
        "name": "GPT-4o",
        "input_price": 2.5,
        "output_price": 10.0,
        "num_pairs": 1234,
        "accuracy": 0.5,
        "average_cost_usd": 0.0001,
    },
    {
        "name": "never asked",
        "input_price": 0.1,
        "output_price": 0.2,
        "num_pairs": 0,
        "accuracy": None,
        "average_cost_usd": None,
    },
]


def _parts(card):
    """Front matter as data, and the text under it."""
    _, front, text = card.split("---\n", 2)
    return yaml.safe_load(front), text


@pytest.fixture(scope="module")
def report(simulated_folder):
    return json.loads((simulated_folder / "build_report.json").read_text())


@pytest.fixture
def measured(own_tables, tmp_path):
    """Folder of a benchmark that was not simulated."""
    build_benchmark(own_tables, tmp_path / "benchmark")
    return tmp_path / "benchmark"


def test_simulated_benchmark_says_so_in_title_tags_and_text(simulated_folder):
    front, text = _parts((simulated_folder / "README.md").read_text())
    assert "simulated" in front["tags"]
    lines = [line for line in text.splitlines() if line]
    assert lines[0].startswith("# ") and "(simulated)" in lines[0]
    assert lines[1].startswith("**Simulated.**")
    assert "## Candidates (simulated outcomes)" in lines


def test_measured_benchmark_does_not_say_simulated(measured):
    card = (measured / "README.md").read_text()
    assert "simulat" not in card.lower()
    # Own tables bring their counts.
    assert "Text is counted with" not in card
    assert "simulated" not in _parts(card)[0]["tags"]


def test_front_matter_names_every_config_and_the_default(simulated_folder, report):
    front, _ = _parts((simulated_folder / "README.md").read_text())
    names = [config["config_name"] for config in front["configs"]]
    assert names == ["default", "general", "stem", "charts-ocr", "outcomes", "candidates"]
    assert [config["config_name"] for config in front["configs"] if config.get("default")] == ["default"]
    assert front["configs"] == dataset_configs(report)
    assert front["size_categories"] == ["n<1K"]


def test_patterns_of_the_configs_match_each_file_once(simulated_folder, report):
    files = [path.relative_to(simulated_folder).as_posix() for path in simulated_folder.rglob("*.parquet")]
    matched = {}
    for config in dataset_configs(report):
        for entry in config["data_files"]:
            found = fnmatch.filter(files, entry["path"])
            assert found, entry
            matched.setdefault(config["config_name"], []).extend(found)
    whole = sorted(name for name in files if name.startswith("data/"))
    groups = [matched[name] for name in ("general", "stem", "charts-ocr")]
    assert sorted(matched["default"]) == whole == sorted(sum(groups, []))
    assert matched["candidates"] == ["candidates.parquet"]


def test_empty_split_of_a_group_has_no_pattern(report):
    splits = report["group_splits"] | {"STEM": {"train": 5}}
    configs = {c["config_name"]: c for c in dataset_configs(report | {"group_splits": splits})}
    assert [entry["split"] for entry in configs["stem"]["data_files"]] == ["train"]
    whole = dataset_configs(report | {"splits": report["splits"] | {"validation": 0}})
    assert [entry["split"] for entry in whole[0]["data_files"]] == ["train", "test"]


def test_digest_stands_in_every_config(report):
    assert all(report["sha256"] in config["description"] for config in dataset_configs(report))
    other = dataset_configs(report | {"sha256": "0" * 64})
    assert all(a != b for a, b in zip(other, dataset_configs(report), strict=True))


def test_figures_of_report_and_candidates_stand_in_the_text(report):
    _, text = _parts(render_dataset_card(report, CANDIDATES))
    assert "400 samples" in text
    assert "| GPT-4o | 2.50 | 10.00 | 1,234 | 50.0 | 1.00 |" in text
    assert "| never asked | 0.10 | 0.20 | 0 | - | - |" in text
    for value in (report["sha256"], report["source_sha256"], report["token_counter"], report["price_sheet"]):
        assert value in text
    assert f"{10_000 * report['cost_bounds_usd']['cmin']:.3f}" in text


@pytest.mark.parametrize(
    ("samples", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (30_540, "10K<n<100K"), (500_000, "100K<n<1M"), (2_000_000, "1M<n<10M")],
)
def test_size_category_follows_the_number_of_samples(report, samples, category):
    front, _ = _parts(render_dataset_card(report | {"samples": samples}, CANDIDATES))
    assert front["size_categories"] == [category]


def test_counts_stand_per_task_group_and_split(report):
    _, text = _parts(render_dataset_card(report | {"group_splits": report["group_splits"] | {"STEM": {"test": 7}}}, []))
    assert "| task group | train | validation | test | all |" in text
    assert f"| STEM | 0 | 0 | 7 | {report['task_groups']['STEM']} |" in text
    assert f"| all | {' | '.join(str(count) for count in report['splits'].values())} | 400 |" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (BuildOptions(), ("Quality `score`: the graded", "Splits `hash`: by a hash", "Tokens `own tables`")),
        (
            BuildOptions(graded=False, split_by=SplitBy.REFERENCE),
            ("Quality `correct`: 0 or 1", "Splits `reference`: by the reference's recipe"),
        ),
    ],
)
def test_how_it_was_built_is_said_as_it_was_asked_for(own_tables, tmp_path, options, words):
    build_benchmark(own_tables, tmp_path / "benchmark", options)
    card = (tmp_path / "benchmark" / "README.md").read_text()
    assert all(word in card for word in words)


def test_splits_that_the_source_states_are_said_to_be_given(own_tables, tmp_path):
    rows = pq.read_table(own_tables / "samples.parquet")
    pq.write_table(rows.append_column("split", pa.array(["test"] * rows.num_rows)), own_tables / "samples.parquet")
    report = build_benchmark(own_tables, tmp_path / "benchmark")
    assert report["split_by"] == "given"
    assert "Splits `given`: as the source states them" in (tmp_path / "benchmark" / "README.md").read_text()


def test_every_choice_of_a_build_has_its_words():
    assert set(QUALITY_WORDS) == set(Quality)
    assert set(SPLIT_WORDS) == {*SplitBy, "given"}
    assert set(PROTOCOL_WORDS) == {*Protocol, "own tables"}


def test_simulated_benchmark_has_our_licence_and_no_source_licence(simulated_folder):
    front, text = _parts((simulated_folder / "README.md").read_text())
    assert front["license"] == "apache-2.0" and "license_details" not in front
    assert "nothing of theirs is in this repository" in text
    assert "Text is counted with" in text
    assert "CC BY" not in text and "read at" not in text


def test_measured_benchmark_names_the_licence_of_each_source_and_never_one_for_all(report):
    datasets = {"MMStar": 3, "RealWorldQA": 4}
    front, text = _parts(render_dataset_card(report | {"simulated": False, "datasets": datasets}, CANDIDATES))
    assert front["license"] == "other"
    assert front["license_details"] == "MMStar: not stated by its authors; RealWorldQA: CC BY-ND 4.0"
    assert re.search(r"\| RealWorldQA \| \[RealWorldQA\]\(.*\| CC BY-ND 4.0 \| <https://.*> \|", text)
    assert "MMMU" not in text and "Of the other datasets" not in text


def test_datasets_of_no_known_source_have_a_licence_to_be_stated(measured, report):
    front, text = _parts((measured / "README.md").read_text())
    assert front["license"] == "other" and front["license_name"] == "to-be-stated-by-the-owner"
    assert "Of these datasets no licence is known here" in text
    mixed = report | {"simulated": False, "datasets": {"MMStar": 3, "animals": 4}}
    front, text = _parts(render_dataset_card(mixed, CANDIDATES))
    assert "to be stated by whoever shares them" in front["license_details"]
    assert "Of the other datasets no licence is known here" in text


def test_the_paper_can_be_cited(report):
    text = render_dataset_card(report, CANDIDATES)
    assert "https://arxiv.org/abs/2512.23562" in text and "@article{vlrouterbench," in text


def test_names_do_not_break_out_of_their_cell(report):
    _, text = _parts(render_dataset_card(report | {"datasets": {"a|b\n<i>": 5}}, CANDIDATES))
    assert "| a\\|b \\<i> | 5 |" in text.splitlines()


@pytest.mark.parametrize("name", ["price_sheet", "token_counter", "source_sha256", "left_out", "pairs_kept"])
def test_missing_value_of_the_report_is_an_error_and_not_an_empty_cell(report, name):
    # What is formatted fails as a TypeError of jinja2's strict undefined value, all else by name.
    with pytest.raises((UndefinedError, TypeError), match=f"{name}|StrictUndefined"):
        render_dataset_card({key: value for key, value in report.items() if key != name}, CANDIDATES)


def test_missing_value_of_a_candidate_is_an_error(report):
    with pytest.raises((UndefinedError, TypeError), match="num_pairs|StrictUndefined"):
        render_dataset_card(report, [{k: v for k, v in CANDIDATES[0].items() if k != "num_pairs"}])


@pytest.mark.parametrize("name", ["dataset_card.md", "router_card.md"])
def test_template_without_any_value_is_an_error(name):
    with pytest.raises(UndefinedError):
        render_template(name)
